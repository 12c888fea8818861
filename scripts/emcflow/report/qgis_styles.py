"""Styles that QGIS takes by itself: a file beside each raster, with the colours of the report.

The layout is that of QGIS 3 (``QgsRasterLayer.saveNamedStyle``), the part on symbols alone.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

from emcflow.acquisition.model_terms import split_date
from emcflow.io.files import whole_file
from emcflow.io.raster import open_raster
from emcflow.report.explorer import FURTHER, colour_limits
from emcflow.report.figures.phases import UNWRAPPED
from emcflow.report.figures.style import COHERENCE, MOTION, SUREST
from emcflow.report.pictures import PARAMETER_TEXTS

__all__ = ["write_style"]

# Values of a raster that its limits are taken from, along each side.
SAMPLES = 1000
STOPS = 33
LABELS = "tab10"
MOST_LABELS = 200


def write_style(raster: str | Path) -> None:
    """Write the style of a result raster beside it, as NAME.qml.

    Parameters
    ----------
    raster : path
        A map, a quality layer, a displacement or misfit of the time series, an interferogram, its
        labels or its probabilities.
    """
    raster = Path(raster)
    with open_raster(raster) as dataset:
        shape = tuple(min(size, SAMPLES) for size in dataset.shape)
        image, nodata = dataset.read(1, out_shape=shape), dataset.nodata
        is_labels = dataset.dtypes[0] == "uint16" and raster.stem not in FURTHER
    if is_labels:
        renderer = _labels(image[image != nodata])
    else:
        renderer = _ramp(*_colours(raster, np.where(image == nodata, np.nan, image)))
    root = ElementTree.Element("qgis", version="3.22.0", styleCategories="Symbology")
    ElementTree.SubElement(root, "pipe").append(renderer)
    ElementTree.indent(root)
    with whole_file(raster.with_suffix(".qml")) as file:
        file.write(b"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n")
        file.write(ElementTree.tostring(root))


def _colours(raster: Path, image: np.ndarray) -> tuple[mpl.colors.Colormap, tuple[float, float]]:
    """Return the colour map of a raster and the values of its ends."""
    name, _ = split_date(raster.stem)
    if raster.parent.name == "timeseries" and name in PARAMETER_TEXTS:
        name = f"series_{name}"
    if name.endswith(".unw.pwrong"):
        return mpl.colormaps[COHERENCE], (0.0, SUREST)
    if name.endswith(".unw"):
        known = image[np.isfinite(image)]
        low, high = np.percentile(known, (0.5, 99.5)) if known.size else (0.0, 1.0)
        return UNWRAPPED, (float(low), float(max(high, low + 1e-6)))
    if name in FURTHER:
        colours = FURTHER[name].colours
    else:  # displacements have the colours of motion
        colours = PARAMETER_TEXTS[name][2] if name in PARAMETER_TEXTS else MOTION
    return mpl.colormaps[colours], colour_limits(image, colours)


def _ramp(colours: mpl.colors.Colormap, limits: tuple[float, float]) -> ElementTree.Element:
    """Return a renderer of values, by colours between which QGIS interpolates."""
    low, high = map("{:.9g}".format, limits)
    renderer = _renderer("singlebandpseudocolor", classificationMin=low, classificationMax=high)
    shader = ElementTree.SubElement(
        ElementTree.SubElement(renderer, "rastershader"),
        "colorrampshader",
        colorRampType="INTERPOLATED",
        classificationMode="1",
        minimumValue=low,
        maximumValue=high,
        clip="0",
    )
    for share in np.linspace(0, 1, STOPS):
        value = limits[0] + share * (limits[1] - limits[0])
        _item(shader, "item", f"{value:.9g}", f"{value:.3g}", colours(share))
    return renderer


def _labels(labels: np.ndarray) -> ElementTree.Element:
    """Return a renderer of labels; 0 is transparent."""
    renderer = _renderer("paletted")
    palette = ElementTree.SubElement(renderer, "colorPalette")
    colours = mpl.colormaps[LABELS]
    for label in np.unique(labels)[:MOST_LABELS].tolist():
        colour = colours((label - 1) % colours.N)
        _item(palette, "paletteEntry", str(label), str(label), colour, 255 if label else 0)
    return renderer


def _renderer(kind: str, **attributes: str) -> ElementTree.Element:
    """Return the renderer of a single band."""
    return ElementTree.Element(
        "rasterrenderer", {"type": kind, "band": "1", "opacity": "1"} | attributes
    )


def _item(
    parent: ElementTree.Element,
    tag: str,
    value: str,
    label: str,
    colour: tuple[float, float, float, float],
    alpha: int = 255,
) -> None:
    """Add a value and its colour."""
    ElementTree.SubElement(
        parent, tag, value=value, label=label, color=to_hex(colour), alpha=str(alpha)
    )
