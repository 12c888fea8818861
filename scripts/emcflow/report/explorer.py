"""What the explorer of a report shows: layers, pairs and points, packed for its script."""

from __future__ import annotations

from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap, to_hex
from rasterio._err import CPLE_BaseError  # what transform raises
from rasterio.crs import CRS
from rasterio.warp import transform

from emcflow.acquisition.geometry import DAYS_PER_YEAR, TERM_UNITS, days_since_first
from emcflow.acquisition.model_terms import EXTRA_UNITS, sigma_name, split_date
from emcflow.io.raster import Grid, map_crs
from emcflow.report.data import Parameter, RunData, Samples
from emcflow.report.figures.maps import coherence_limits, sigma_limits, symmetric_limits
from emcflow.report.figures.style import COHERENCE, CYCLIC, DEVIATION, SEQUENCE, SUREST
from emcflow.report.packing import Packer, pack_bytes, pack_numbers
from emcflow.report.pictures import parameter_texts, zero_text
from emcflow.report.words import day, days_of_pair, pair_facts, percent

LEVELS = 250  # between the ends of the colours of a map
SURE_STEP = 2.0  # of -10 log10 p of a wrong cycle
LEVELS_PER_CYCLE = 32  # of the phase of a pair
COLOURS = 64  # of a palette
NODES = 17  # of the mesh that longitude and latitude are known at, along each side
LABELS, COUNTS = "tab10", "YlOrRd"


class LayerText(NamedTuple):
    """Words and colours of a layer.

    Attributes
    ----------
    title, unit : str
    colours : str
        Name of a colour map of Matplotlib.
    meaning : str
        What a value says, and which are good and bad.
    """

    title: str
    unit: str
    colours: str
    meaning: str


OF_MOTION = "What is below two sigmas is no sign of a motion."
OF_SIGMA = "Small is good. Where it is larger than the value itself, that says nothing."
OF_COHERENCE = "1 is good. Below 0.5 or so the phase does not follow the model, or is noise."
# What a value of a map says, by the name of the map.
MEANINGS = {
    "velocity_mm_yr": OF_MOTION,
    "dem_error_m": "Height above the DEM; below two sigmas it may as well be 0.",
    "height_relative": "Height above the DEM up to an unknown scale and sign.",
    "residual_motion_mm": "0 is good. Large: motion that is not steady, or wrong cycles.",
    "link_model_coherence": OF_COHERENCE,
}
FURTHER = {
    "temporal_coherence": LayerText(
        "Temporal coherence",
        "coherence",
        COHERENCE,
        "1 is good, what is low is noisy.",
    ),
    "residual_phase_rad": LayerText(
        "Residual phase", "rad", DEVIATION, "Below 0.5 is good, above 1 the cycles are in doubt."
    ),
    "open_loops": LayerText(
        "Loops that do not close", "loops", COUNTS, "0 is good. More: some pair is wrong there."
    ),
    "flow_crossings": LayerText(
        "Flows", "links", COUNTS, "0 is good. Many: the cycles there were hard to choose."
    ),
    "seam_difference_rad": LayerText(
        "Difference between tiles", "rad", DEVIATION, "0 is good. 6.28: one tile is a cycle off."
    ),
    "noise_links": LayerText(
        "Links that may be noise", "share", DEVIATION, "0 is good, above one half is bad."
    ),
    "link_coherence_unbiased": LayerText(
        "Link coherence without bias", "coherence", COHERENCE, OF_COHERENCE
    ),
    "misfit_rad": LayerText(
        "Misfit of the interferograms", "rad", DEVIATION, "0 is good. More: pairs disagree there."
    ),
    "component": LayerText(
        "Connected components", "label", LABELS, "Values of one colour can be compared."
    ),
}
PAIR_LAYERS = {
    "unwrapped": (
        "Unwrapped phase",
        "rad",
        SEQUENCE,
        "Smooth is good, jumps of 6.28 are not.",
    ),
    "wrapped": ("Wrapped phase", "rad", CYCLIC, "Clear fringes are good, speckle is noise."),
    "residual": (
        "Minus its model, wrapped again",
        "rad",
        CYCLIC,
        "One even colour is good. Fringes: atmosphere, motion that is not steady, wrong cycles.",
    ),
    "wrong": (
        "Probability p of a wrong cycle",
        "−10 log₁₀ p",
        COHERENCE,
        "30 (0.1 %) and more is good, below 20 (1 %) is doubtful; 40 stands for all above, too.",
    ),
}


def explorer_data(run: RunData) -> dict[str, Any]:
    """Return all that the explorer shows, as what JSON can hold.

    Parameters
    ----------
    run : RunData

    Returns
    -------
    dict
        ``scene``, ``palettes``, ``masks``, ``layers``, ``pairLayers``, ``pairs``, ``terms`` (of the
        model of pairs) and ``points``; null without samples.
    """
    packer = Packer()
    layers = [
        _map_layer(packer, name, parameter, _text(name)) for name, parameter in _maps(run).items()
    ]
    kinds = [name for name in PAIR_LAYERS if name != "wrong" or run.wrong]
    terms = _pair_terms(run, packer)
    if not terms:
        kinds.remove("residual")
    used = {layer["colours"] for layer in layers} | {PAIR_LAYERS[name][2] for name in kinds}
    return {
        "scene": _scene(run),
        "layers": layers,
        "pairLayers": [_pair_layer(name) for name in kinds],
        "pairs": [_pair(run, packer, number) for number in run.phases],
        "terms": terms,
        "palettes": {name: palette(mpl.colormaps[name]) for name in sorted(used)},
        "points": _points(run, run.samples) if run.samples else None,
        "masks": packer.masks,
    }


def palette(cmap: Colormap) -> str:
    """Return colours of a map from its low to its high end, six hexadecimal digits each."""
    number = cmap.N if cmap.N < COLOURS else COLOURS
    return "".join(to_hex(cmap(value))[1:] for value in np.linspace(0, 1, number))


# The scene


def _scene(run: RunData) -> dict[str, Any]:
    """Return size, orientation and place of the scene."""
    grid, frame = run.scene.grid, run.scene.frame
    return {
        "rows": grid.shape[0],
        "cols": grid.shape[1],
        "flip": list(frame.flip),
        "heightToWidth": frame.height_to_width,
        "degrees": _degrees(grid),
        "tiles": [list(bounds) for bounds in run.scene.bounds],
        "dates": list(run.network.dates),
    }


def _degrees(grid: Grid) -> dict[str, Any] | None:
    """Return longitude and latitude at nodes of an even mesh; None where they are not known."""
    crs = map_crs(grid.crs)
    if crs is None:
        return None
    a, b, left, d, e, top = grid.transform
    row, col = (mesh.ravel() for mesh in np.meshgrid(*_node_places(grid), indexing="ij"))
    x, y = left + a * col + b * row, top + d * col + e * row
    try:
        longitude, latitude = transform(crs, CRS.from_epsg(4326), x, y)
    except CPLE_BaseError:  # of another planet, or outside of the projection
        return None
    if not np.isfinite([longitude, latitude]).all():
        return None
    places = {"lon": longitude, "lat": latitude}
    return {"nodes": NODES} | {key: np.round(each, 8).tolist() for key, each in places.items()}


def _node_places(grid: Grid) -> list[np.ndarray]:
    """Return rows and columns of the nodes, from corner to corner of the scene."""
    return [np.linspace(0, size, NODES) for size in grid.shape]


# Layers


def _maps(run: RunData) -> dict[str, Parameter]:
    """Return the maps that are not empty by their names, in the order of the list."""
    points = run.scene.tiles_per_pixel > 0
    maps = {**run.parameters, **run.layers}
    maps["temporal_coherence"] = Parameter(np.where(points, run.scene.coherence, np.nan), {})
    loops = run.closure.open_loops
    maps["open_loops"] = Parameter(np.where(points | (loops > 0), loops, np.nan), {})
    if "component" in maps:
        labels = maps["component"].image
        maps["component"] = Parameter(np.where(labels > 0, labels, np.nan), {})
    return {name: parameter for name, parameter in maps.items() if not parameter.is_empty}


def _text(name: str) -> LayerText:
    """Return words and colours of a map."""
    if name in FURTHER:
        return FURTHER[name]
    title, unit, colours = parameter_texts(name)
    usual = OF_SIGMA if colours == DEVIATION else OF_MOTION
    return LayerText(title, unit, colours, MEANINGS.get(name, usual))


def _map_layer(packer: Packer, name: str, parameter: Parameter, text: LayerText) -> dict[str, Any]:
    """Return a map as a layer."""
    low, high = colour_limits(parameter.image, text.colours)
    whole = text.colours in (LABELS, COUNTS)
    layer = {
        "name": name,
        "title": text.title,
        "unit": text.unit,
        "colours": text.colours,
        "meaning": text.meaning,
        "low": low,
        "high": high,
        "sign": parameter.tags.get("SIGN", ""),
        "zero": zero_text(parameter.tags),
        **packer.image(parameter.image, 1.0 if whole else (high - low) / LEVELS),
    }
    term = name.removeprefix("series_")
    if split_date(term)[0] in TERM_UNITS | EXTRA_UNITS:
        layer["sigma"] = name.removesuffix(term) + sigma_name(term)
    return layer


def colour_limits(image: np.ndarray, colours: str) -> tuple[float, float]:
    """Return the values at the ends of the colours of a map."""
    if colours in (LABELS, COUNTS):
        return 0.0, max(float(np.nanmax(image)), 1.0)
    of_colours = {DEVIATION: sigma_limits, COHERENCE: coherence_limits}
    return of_colours.get(colours, symmetric_limits)(image)


# Pairs


def _pair_layer(name: str) -> dict[str, Any]:
    """Return what is shown of every pair."""
    title, unit, colours, meaning = PAIR_LAYERS[name]
    layer: dict[str, Any] = {
        "name": name,
        "title": title,
        "unit": unit,
        "colours": colours,
        "meaning": meaning,
    }
    if colours == CYCLIC:
        layer |= {"low": -np.pi, "high": np.pi}
    return layer | ({"low": 0.0, "high": SUREST} if name == "wrong" else {})


def _pair(run: RunData, packer: Packer, number: int) -> dict[str, Any]:
    """Return an interferogram."""
    name, image = run.network.pair_names[number], run.phases[number]
    known = image[np.isfinite(image)]
    low, high = np.percentile(known, (1, 99)).tolist() if known.size else (0.0, 1.0)
    pair = {
        "name": name,
        "title": days_of_pair(name),
        "facts": pair_facts({key: values[number] for key, values in run.pairs.items()}),
        "suspect": bool(run.pairs["suspect"][number]),
        "reasons": str(run.pairs["reasons"][number]),
        "triangle": worst_triangle(run, number),
        "tile": worst_tile(run, number),
        "low": low,
        "high": max(high, low + 1e-6),
        **packer.image(image, 2 * np.pi / LEVELS_PER_CYCLE),
    }
    if number in run.wrong:
        pair["wrong"] = packer.image(np.minimum(run.wrong[number], SUREST), SURE_STEP)
    return pair


def worst_triangle(run: RunData, number: int) -> str:
    """Say which triangle of a pair is open at most points; nothing where all close."""
    first, last = run.network.pairs[number].tolist()
    own = (run.triangles == first).any(axis=1) & (run.triangles == last).any(axis=1)
    share = np.where(own, run.open_share, 0)
    if not share.max(initial=0):
        return ""
    days = ", ".join(day(run.network.dates[date]) for date in run.triangles[share.argmax()])
    return f"Its worst triangle, {days}, is open at {percent(float(share.max()))} of the points."


def worst_tile(run: RunData, number: int) -> int | None:
    """Return the tile with the most residues of a pair; None where it is the only one, or none."""
    if len(run.residues_of_tiles) < 2 or not run.residues_of_tiles[:, number].any():
        return None
    return int(run.residues_of_tiles[:, number].argmax())


def _pair_terms(run: RunData, packer: Packer) -> list[dict[str, Any]]:
    """Return the terms of the model, in the phase of every date and as maps of the pairs' size."""
    phase = run.samples.model.phase if run.samples else {}
    return [
        {
            "name": name,
            "phase": phase[name].tolist(),
            **packer.image(image, _fine(image)),
        }
        for name, image in run.terms.items()
        if name in phase
    ]


def _fine(image: np.ndarray) -> float:
    """Return a step that tells values of an image apart well enough to model phase by them."""
    return float(np.nanmax(np.abs(image), initial=1e-6)) / 16_000


# Points


def _points(run: RunData, samples: Samples) -> dict[str, Any]:
    """Return the points that are shown one by one."""
    years = days_since_first(run.network.dates) / DAYS_PER_YEAR
    model = samples.model
    return {
        "row": pack_numbers(samples.points[:, 0]),
        "col": pack_numbers(samples.points[:, 1]),
        "values": {name: pack_numbers(values) for name, values in samples.values.items()},
        "series": pack_numbers(samples.series),
        "unit": model.unit,
        "model": {name: (model.scale * model.phase[name]).tolist() for name in model.of_series},
        "sigma": None if model.sigma is None else model.sigma.tolist(),
        "years": years.tolist(),
        "reference": list(samples.reference),
        "triangles": run.triangles.tolist(),
        "openLoops": pack_bytes(_open_loops(run, samples.pairs)),
    }


def _open_loops(run: RunData, phase: np.ndarray) -> np.ndarray:
    """Return which loops do not close at the points, a bit each: uint8 (n, ntriangles / 8)."""
    number = {tuple(pair): i for i, pair in enumerate(run.network.pairs.tolist())}
    bits = np.zeros((-(-len(run.triangles) // 8), phase.shape[1]), np.uint8)
    for i, (a, b, c) in enumerate(run.triangles.tolist()):
        loop = phase[number[a, b]] + phase[number[b, c]] - phase[number[a, c]]
        bits[i // 8] |= (np.abs(loop) > np.pi) * np.uint8(128 >> i % 8)
    return bits.T
