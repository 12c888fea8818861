"""Noise of every date at the points of a tile, from rasters of it or of a coherence."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from emcflow.errors import InputError
from emcflow.io.date_tables import COHERENCES
from emcflow.io.interferograms import read_pair_coherence
from emcflow.io.raster import read_values

NOISE, COHERENCE = "noise_rad", "coherence"
# Standard deviations count as at least this: below, atmosphere and the model have more noise than
# what bounds from the coherence know of; and as at most that of a phase that may be anything.
LEAST_RAD, MOST_RAD = 0.1, np.pi / np.sqrt(3)
# Degrees or squares of something else are far larger.
LARGEST_RAD = 100.0

log = logging.getLogger(__name__)


def point_variances(
    paths: Sequence[str],
    kind: str,
    bounds: tuple[int, int, int, int],
    at: tuple,
    window: Sequence[int] | None = None,
) -> np.ndarray | None:
    """Read the variance of the phase of some points at every date, up to a common factor.

    Parameters
    ----------
    paths : sequence of str
        One raster per date; empty for a date without one. None at all: nothing is known.
    kind : {'noise_rad', 'coherence'}
        Standard deviation of the phase [rad], or coherence, which stands for a variance in
        proportion to ``(1 - g**2) / g**2`` (:mod:`emcflow.acquisition.date_weights`).
    bounds : tuple of int
        First row, first column, last row, last column of the tile in the scene, half open.
    at : rows and columns
        The points, in the tile.
    window : sequence of int, optional
        The scene in the rasters.

    Returns
    -------
    float32 (ndates, npoints) or None
        Where a date has none, or 0 as a reference that others are relative to, that of the middle
        one of the others at that point; 1 where no date has one. Says so of rasters without any.

    Raises
    ------
    InputError
        For values that are no standard deviations or coherences.
    """
    if not paths:
        return None
    row0, col0 = window[:2] if window else (0, 0)
    bounds = bounds[0] + row0, bounds[1] + col0, bounds[2] + row0, bounds[3] + col0
    variances = np.full((len(paths), len(at[0])), np.nan, np.float32)
    for own, path in zip(variances, paths, strict=True):
        if path:
            own[:] = _variance(path, kind, bounds, at)
            # of the first date it is usual: the others are relative to it
            if own.size and np.isnan(own).all() and path != paths[0]:
                log.warning("%s has no value at any point here: that of other dates is taken", path)
    known = np.isfinite(variances)
    usual = np.ones(variances.shape[1], np.float32)
    some = known.any(axis=0)
    usual[some] = np.nanmedian(variances[:, some], axis=0)
    return np.where(known, variances, usual)


def _variance(path: str, kind: str, bounds: tuple[int, int, int, int], at: tuple) -> np.ndarray:
    """Return the variance at some points, NaN where there is none."""
    if kind == COHERENCE:
        coherence = read_pair_coherence(path, bounds)[at]
        square = np.clip(coherence, *COHERENCES) ** 2
        return np.where(coherence > 0, (1 - square) / square, np.nan)
    values = read_values(path, bounds)[at]
    known = np.isfinite(values) & (values != 0)
    found = values[known]
    if found.size and (np.iscomplexobj(found) or found.min() < 0 or found.max() > LARGEST_RAD):
        raise InputError(
            f"{path}: values of {found.dtype} from {found.min():g} to {found.max():g}; expected "
            f"the standard deviation of the phase in radians, 0 to {LARGEST_RAD:g}: give another "
            "raster, or set stack.sigma_is to coherence"
        )
    return np.where(known, np.clip(values, LEAST_RAD, MOST_RAD) ** 2, np.nan)
