"""The raster that points are chosen by, from whatever the stack brings for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np

from emcflow.io.coverage import Coverage, coverage_remarks
from emcflow.io.raster import Grid, read_values, row_strips
from emcflow.io.stack import check_grid, read_coherence, read_window_grid
from emcflow.products.selection import (
    amplitude_dispersion,
    check_dispersion,
    coherence_of_dispersion,
    read_mask,
)

log = logging.getLogger(__name__)
DESCRIPTIONS = {
    "temporal_coherence": "temporal coherence",
    "amplitude_dispersion": "temporal coherence that the amplitude dispersion stands for",
    "mask": "1 where there may be points",
}


def point_source(
    files: Sequence[str],
    names: Sequence[str],
    progress: Callable[[int, int], None],
    *,
    kind: str,
    raster: str,
    mask: str | None,
    window: Sequence[int] | None,
    cropped: bool,
) -> tuple[np.ndarray, Grid, list[str]]:
    """Return what points are chosen by as a temporal coherence, NaN where a mask says no.

    Parameters
    ----------
    files, names : sequence of str
        Images of the stack, one at least, and their names as ``stack.exclude`` takes them.
    progress : callable
        Called with (images read, images in all), where amplitudes are needed.
    kind, raster, mask, window, cropped
        See :class:`emcflow.workflow.inputs.PointSource`.

    Returns
    -------
    values : float32 (rows, cols)
    grid : Grid
        Of the scene.
    remarks : list of str
        What a reader of the stack is to know, a sentence each.
    """
    whole, grid = read_window_grid(files[0], window)
    row, col, end_row, end_col = window or (0, 0, *whole.shape)
    bounds = row, col, end_row, end_col
    if raster:
        check_grid(raster, grid if cropped else whole, files[0])
    within, remarks = None if cropped else bounds, []
    if kind == "amplitude_dispersion":
        if raster:
            dispersion = read_values(raster, within)
        else:
            coverage = Coverage(grid.shape[0] * grid.shape[1])
            dispersion = amplitude_dispersion(files, bounds, progress, coverage)
            remarks = coverage_remarks(coverage.counts, names, files)
            del coverage
        check_dispersion(dispersion, raster or "the stack")
        middle = np.nanmedian(dispersion)
        log.info("amplitude dispersion of %d dates: median %.2f", len(files), middle)
        values = np.empty_like(dispersion)
        for first, _, end, _ in row_strips(grid.shape):
            values[first:end] = coherence_of_dispersion(dispersion[first:end])
    elif kind == "mask":
        values = np.ones(grid.shape, np.float32)
    else:
        values = read_coherence(raster, within, warn=True)
    values = values.astype(np.float32, copy=False)
    if mask:
        check_grid(mask, whole, files[0])
        inside = read_mask(mask, bounds)
        log.info("%s leaves %.2f %% of the pixels", mask, 100 * inside.mean())
        values[~inside] = np.nan
    return values, grid, remarks
