"""Rasters of unwrapped interferograms filled between the points, strip by strip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from rasterio import Env
from rasterio.io import DatasetWriter
from rasterio.windows import Window

from emcflow.io.raster import BLOCK, Grid, create_raster, read_band, tags_of
from emcflow.io.stack import Stack, read_coherence, read_date
from emcflow.products.fill import fill_image, nearest_points, strips

Bounds = tuple[int, int, int, int]
# GDAL's cache [MB]; else it takes a share of the memory of the machine.
CACHE_MB = 64
# Dates of a strip held at once: with that many the three pairs of each read no date twice.
DATES_HELD = 4


@dataclass(frozen=True)
class Gaps:
    """Pixels of a strip that are filled.

    Attributes
    ----------
    inside : slice
        Rows of the strip among those with its margin.
    pixels : tuple of int (n,)
        Rows, counted in the strip, and columns.
    nearest : int (n, 2)
        Row and column of the point nearest to each, counted with the margin.
    """

    inside: slice
    pixels: tuple[np.ndarray, np.ndarray]
    nearest: np.ndarray


def write_filled(
    unwrapped: Sequence[str],
    pairs: Sequence[Sequence[int]],
    output: Sequence[str],
    stack: Stack,
    grid: Grid,
    max_pixels: int,
    progress: Callable[[int, int], None],
) -> np.ndarray:
    """Write interferograms with the pixels near points filled in.

    Parameters
    ----------
    unwrapped, output : sequence of path
        Raster of each pair as it is, and filled.
    pairs : sequence of (int, int)
        Dates of each pair.
    stack : Stack
        Its wrapped phase is what pixels are filled with, where it has a temporal coherence.
    grid : Grid
    max_pixels : int
        Farthest that a pixel may be from a point.
    progress : callable
        Called with (strips filled, strips in all).

    Returns
    -------
    ndarray of int64, shape (npairs,)
        Pixels that were filled.
    """
    filled, blocks = np.zeros(len(pairs), np.int64), list(strips(grid.shape, BLOCK, max_pixels))
    with Env(GDAL_CACHEMAX=CACHE_MB), ExitStack() as opened:
        datasets = [
            opened.enter_context(_created(path, source, grid, max_pixels))
            for path, source in zip(output, unwrapped, strict=True)
        ]
        for done, (strip, wider) in enumerate(blocks, start=1):
            gaps = _gaps(unwrapped[0], stack.coherence, strip, wider, max_pixels)
            phase = lru_cache(DATES_HELD)(partial(_phase, stack, strip, gaps.pixels))
            window = Window(0, strip[0], grid.shape[1], strip[2] - strip[0])
            for number, (first, second) in enumerate(pairs):
                image, count = fill_image(
                    read_band(unwrapped[number], wider),
                    gaps.inside,
                    gaps.pixels,
                    gaps.nearest,
                    phase(first),
                    phase(second),
                )
                filled[number] += count
                datasets[number].write(image, 1, window=window)
            progress(done, len(blocks))
    return filled


def _created(
    path: str, source: str | Path, grid: Grid, max_pixels: int
) -> AbstractContextManager[DatasetWriter]:
    """Open the raster of a filled interferogram, with the tags of the unwrapped one."""
    text = f"pixels up to {max_pixels} pixels from a point, in the cycle nearest to "
    text += "it: see filled.tif"
    return create_raster(
        path,
        grid,
        "float32",
        units="rad",
        description="unwrapped phase, filled between the points",
        tags=tags_of(source) | {"FILLED": text},
    )


def _gaps(
    unwrapped: str | Path, coherence: str, strip: Bounds, wider: Bounds, max_pixels: int
) -> Gaps:
    """Find the pixels of a strip with a coherence that have a point near."""
    above, height = strip[0] - wider[0], strip[2] - strip[0]
    points = np.isfinite(read_band(unwrapped, wider))
    wanted = np.zeros_like(points)
    inside = slice(above, above + height)
    wanted[inside] = np.isfinite(read_coherence(coherence, strip))
    rows, cols, nearest = nearest_points(points, wanted, max_pixels)
    return Gaps(inside, (rows - above, cols), nearest)


def _phase(
    stack: Stack, strip: Bounds, pixels: tuple[np.ndarray, np.ndarray], date: int
) -> np.ndarray:
    """Read a date's phase at the pixels to fill."""
    return read_date(stack, date, strip, *pixels)
