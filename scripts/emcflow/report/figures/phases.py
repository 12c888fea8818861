"""Small pictures of the phase of an interferogram, wrapped and unwrapped."""

from __future__ import annotations

import io
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap
from PIL import Image

from emcflow.report.figures.maps import MapFrame
from emcflow.report.figures.style import CYCLIC, SEQUENCE

PHASE_LEVELS = 31  # colours of a small picture of phase: with "no data" they fit five bits


WRAPPED, UNWRAPPED = mpl.colormaps[CYCLIC], mpl.colormaps[SEQUENCE]


@dataclass(frozen=True)
class PhasePicture:
    """One interferogram, wrapped and unwrapped, as two small PNG pictures of the same size.

    Attributes
    ----------
    wrapped, unwrapped : bytes
        PNG files; transparent where there is no point.
    limits : tuple of float
        Unwrapped phase [rad] at the two ends of its colours.
    """

    wrapped: bytes
    unwrapped: bytes
    limits: tuple[float, float]


def phase_picture(unwrapped: np.ndarray, frame: MapFrame) -> PhasePicture:
    """Picture an unwrapped interferogram, and what it was before.

    Unwrapping adds whole cycles, so the wrapped phase is the unwrapped one modulo 2 pi.

    Parameters
    ----------
    unwrapped : ndarray, shape (rows, cols)
        Phase [rad], thinned out to the size wanted; NaN where there is no point.
    frame : MapFrame

    Returns
    -------
    PhasePicture
    """
    image = frame.orient(unwrapped.astype(np.float64))
    values = image[np.isfinite(image)]
    low, high = np.percentile(values, (1, 99)) if values.size else (0.0, 0.0)
    turns = image / (2 * np.pi) + 0.5
    stretched = (image - low) / max(high - low, 1e-9)
    return PhasePicture(
        _palette_png(turns - np.floor(turns), WRAPPED),
        _palette_png(stretched, UNWRAPPED),
        (float(low), float(high)),
    )


def _palette_png(image: np.ndarray, cmap: Colormap) -> bytes:
    """Return values from 0 to 1 as a PNG of few colours, the first of them transparent."""
    known = np.isfinite(image)
    level = np.clip(np.where(known, image, 0) * PHASE_LEVELS, 0, PHASE_LEVELS - 1)
    colours = cmap((np.arange(PHASE_LEVELS) + 0.5) / PHASE_LEVELS, bytes=True)[:, :3]
    picture = Image.fromarray(np.where(known, level + 1, 0).astype(np.uint8))
    picture.putpalette(bytes(3) + colours.tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", transparency=0)
    return buffer.getvalue()


def css_gradient(cmap: Colormap) -> str:
    """Return a colour map as a CSS gradient from left to right."""
    stops = ", ".join(mpl.colors.to_hex(cmap(value)) for value in np.linspace(0, 1, 13))
    return f"linear-gradient(to right, {stops})"
