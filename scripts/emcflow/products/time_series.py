"""Displacement at every date from the unwrapped interferograms, and the velocity it makes.

The phase of every date relative to the first follows from the interferograms by least squares
(Berardino et al. 2002). All points have all interferograms, so one small matrix does it for all of
them. Where the loops of interferograms close, as they do at nearly every point, there is nothing to
adjust and the result is the input's phase plus whole cycles; what is left over elsewhere says that
some interferogram is wrong there, by whole cycles.

References
----------
Berardino, P., G. Fornaro, R. Lanari, and E. Sansosti (2002), A new algorithm for surface
deformation monitoring based on small baseline differential SAR interferograms, IEEE Trans. Geosci.
Remote Sens., 40(11), 2375-2383.
Fattahi, H., and F. Amelung (2015), InSAR bias and uncertainty due to the systematic and stochastic
tropospheric delay, J. Geophys. Res. Solid Earth, 120, 8758-8773.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from emcflow.arrays import real_array, whole_array
from emcflow.io.point_windows import Bounds, PointWindow
from emcflow.io.raster import read_band

# Points worked on at a time in double precision.
CHUNK_POINTS = 16_384
# They are of this many rows of the scene, of which strips have a multiple: a product of matrices
# may round differently with other points beside.
CHUNK_ROWS = 64
# A share of triangles with a residue that is as good as none.
LEAST_RESIDUE_SHARE = 1e-3
# Misfits below this are the rounding of phase in single precision [rad].
ROUNDING_RAD = 1e-3


def pair_weights(residues: np.ndarray, npoints: int) -> np.ndarray:
    """Return the weight of every interferogram: the inverse of its share of residues.

    Interferograms of a phase-linked stack share the noise of the dates; what makes them disagree
    are wrong cycles, of which there are about as many as there were residues to join (a mesh has
    two triangles to a point). Weights are inverse variances, and the variance of whole cycles that
    are rarely wrong is their frequency.

    Parameters
    ----------
    residues : ndarray of int, shape (npairs,)
        Triangles with a residue, of the points of the scene.
    npoints : int
        Points they were counted on.

    Returns
    -------
    ndarray of float64, shape (npairs,)
        1 without residues, less with more of them.
    """
    share = real_array(residues, "residues", np.float64) / (2 * npoints)
    return LEAST_RESIDUE_SHARE / (LEAST_RESIDUE_SHARE + share)


def network_inverse(pairs: np.ndarray, ndates: int, weights: np.ndarray) -> np.ndarray:
    """Return the matrix that turns interferograms into the phase of the dates.

    Weighted least squares with the first date at 0: with the incidence matrix A of the network
    (Berardino et al. 2002, eqs. 7-9), phase = (A^T W A)^-1 A^T W interferograms. A^T W A is the
    weighted Laplacian of the network, positive definite once a date of a connected network is
    fixed.

    Parameters
    ----------
    pairs : ndarray of int, shape (npairs, 2)
        Indices of first and second date; an interferogram is the second minus the first.
    ndates : int
    weights : ndarray of float, shape (npairs,)
        Above 0.

    Returns
    -------
    ndarray of float64, shape (ndates, npairs)
        Its first row is 0.
    """
    pairs = whole_array(pairs, "pairs")
    weights = real_array(weights, "weights", np.float64)
    incidence = np.zeros((len(pairs), ndates))
    rows = np.arange(len(pairs))
    incidence[rows, pairs[:, 0]] = -1
    incidence[rows, pairs[:, 1]] = 1
    weighted = incidence[:, 1:].T * weights
    inverse = np.zeros((ndates, len(pairs)))
    inverse[1:] = np.linalg.solve(weighted @ incidence[:, 1:], weighted)
    return inverse


def misfits(
    unwrapped: np.ndarray, phase: np.ndarray, pairs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much interferograms differ from the dates, over all pairs and of every date.

    Parameters
    ----------
    unwrapped : ndarray, shape (npairs, npoints)
        [rad]
    phase : ndarray, shape (ndates, npoints)
        [rad]
    pairs : ndarray of int, shape (npairs, 2)

    Returns
    -------
    total : ndarray of float64, shape (npoints,)
        Root mean square over all pairs [rad]; below `ROUNDING_RAD` it is 0.
    of_date : ndarray of float64, shape (ndates, npoints)
        Root mean square over the pairs of each date [rad]; 0 where the total is.
    """
    unwrapped, phase = real_array(unwrapped, "unwrapped"), real_array(phase, "phase")
    square = (unwrapped - (phase[pairs[:, 1]] - phase[pairs[:, 0]])) ** 2
    total = np.sqrt(square.mean(axis=0))
    closes = total < ROUNDING_RAD
    touches = np.zeros((len(phase), len(pairs)))
    touches[pairs.T, np.arange(len(pairs))] = 1
    of_date = np.sqrt(touches @ square / touches.sum(axis=1, keepdims=True))
    return np.where(closes, 0, total), np.where(closes, 0, of_date)


def fit_velocity(phase: np.ndarray, years: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit a straight line to the time series of every point, its value at the first date free.

    Ordinary least squares. The standard deviation of the slope follows from the scatter about the
    line, which is taken for independent from date to date (Fattahi and Amelung 2015, eq. 10).

    Parameters
    ----------
    phase : ndarray of float64, shape (ndates, npoints)
        In any unit.
    years : ndarray, shape (ndates,)
        Time of each date [yr], at least two.

    Returns
    -------
    velocity : ndarray of float64, shape (npoints,)
        Slope [unit/yr].
    sigma : ndarray of float64, shape (npoints,)
        Its standard deviation [unit/yr]; NaN with two dates, which any line fits.
    """
    phase, years = real_array(phase, "phase"), real_array(years, "years", np.float64)
    time = years - years.mean()
    spread = time @ time
    velocity = time @ phase / spread
    if len(years) < 3:
        return velocity, np.full_like(velocity, np.nan)
    left = phase - phase.mean(axis=0) - time[:, np.newaxis] * velocity
    variance = np.einsum("dp,dp->p", left, left) / (len(years) - 2)
    return velocity, np.sqrt(variance / spread)


class PointDates(NamedTuple):
    """Phase of every date at some points, as the interferograms have it.

    Attributes
    ----------
    places : slice
        Where the points stand among those of the scene.
    phase : ndarray of float64, shape (ndates, n)
        [rad], that of the first date is 0.
    misfit : ndarray of float64, shape (n,)
        Root mean square over the interferograms of what they differ by from the dates [rad].
    date_misfit : ndarray of float64, shape (ndates, nopen)
        Root mean square over the interferograms of a date [rad], at the points with a misfit.
    """

    places: slice
    phase: np.ndarray
    misfit: np.ndarray
    date_misfit: np.ndarray


def invert_windows(
    paths: Sequence[str | Path],
    pairs: np.ndarray,
    weights: np.ndarray,
    ndates: int,
    windows: Iterable[PointWindow],
    n_threads: int = 1,
) -> Iterator[PointDates]:
    """Invert interferograms, window by window.

    Parameters
    ----------
    paths : sequence of path
        Raster of unwrapped phase [rad] of each pair.
    pairs : ndarray of int, shape (npairs, 2)
        Indices of dates.
    weights : ndarray of float, shape (npairs,)
        See :func:`pair_weights`.
    ndates : int
    windows : iterable of PointWindow
    n_threads : int
        Rasters read side by side.

    Yields
    ------
    PointDates
        Some points of a window at a time, in their order; which ones together does not depend on
        the strip that the window is of.
    """
    inverse = network_inverse(pairs, ndates, weights)
    # Threads of BLAS may round differently from one of them.
    with ThreadPoolExecutor(n_threads) as pool, threadpool_limits(1, "blas"):
        for window in windows:
            inside, bounds = window.inside(), window.bounds
            values = np.empty((len(paths), window.npoints), np.float32)

            def read(
                path: str | Path, bounds: Bounds = bounds, inside: np.ndarray = inside
            ) -> np.ndarray:
                """Read the values of a pair at the points."""
                return read_band(path, bounds)[inside]

            for row, one in zip(values, pool.map(read, paths), strict=True):
                row[:] = one
            for some in _row_chunks(inside, bounds[0]):
                unwrapped = values[:, some].astype(np.float64)
                phase = inverse @ unwrapped
                total, of_date = misfits(unwrapped, phase, pairs)
                places = slice(window.places.start + some.start, window.places.start + some.stop)
                yield PointDates(places, phase, total, of_date[:, np.flatnonzero(total)])


def _row_chunks(inside: np.ndarray, first_row: int) -> Iterator[slice]:
    """Yield the points of a window that are worked on at a time: of some rows of the scene each."""
    first_cut = -first_row % CHUNK_ROWS or CHUNK_ROWS
    cuts = range(first_cut, len(inside), CHUNK_ROWS)
    counts = [int(np.count_nonzero(part)) for part in np.split(inside, cuts)]
    start = 0
    for count in counts:
        for some in chunks(count):
            yield slice(start + some.start, start + some.stop)
        start += count


def chunks(npoints: int) -> list[slice]:
    """Return the places of points that are worked on at a time in double precision."""
    starts = range(0, npoints, CHUNK_POINTS)
    return [slice(start, min(start + CHUNK_POINTS, npoints)) for start in starts]
