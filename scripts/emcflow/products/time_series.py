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

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from emcflow.arrays import real_array, whole_array
from emcflow.errors import InputError
from emcflow.io.date_file import DateFile
from emcflow.io.raster import read_band, windows

# Whole blocks of the rasters, so that each is decompressed once; all interferograms at a time.
WINDOW = (512, 512)
# Points worked on at a time in double precision.
CHUNK_POINTS = 16_384
# A share of triangles with a residue that is as good as none.
LEAST_RESIDUE_SHARE = 1e-3
# Misfits below this are the rounding of phase in single precision [rad].
ROUNDING_RAD = 1e-3


@dataclass(frozen=True)
class SceneDates:
    """Phase of every date at the points of a scene, as the interferograms have it.

    Attributes
    ----------
    points : ndarray of int32, shape (npoints, 2)
        Row and column.
    phase : DateFile
        [rad], that of the first date is 0.
    misfit : ndarray of float32, shape (npoints,)
        Root mean square over the interferograms of what they differ by from the dates [rad].
    open_points : ndarray of int64, shape (nopen,)
        Points with a misfit, as places in `points`.
    date_misfit : ndarray of float32, shape (ndates, nopen)
        Root mean square over the interferograms of a date [rad], at these points.
    """

    points: np.ndarray
    phase: DateFile
    misfit: np.ndarray
    open_points: np.ndarray
    date_misfit: np.ndarray

    def place(self, row_col: tuple[int, int], known: np.ndarray | None = None) -> int:
        """Return the place of a reference point, by its row and column.

        Raises
        ------
        InputError
            If it is none of the points, or of those that are `known`, bool (npoints,).
        """
        at = np.flatnonzero((self.points == row_col).all(axis=1))
        if not at.size or (known is not None and not known[at[0]]):
            raise InputError(
                "reference point row {}, column {} is masked: it is in no labelled component, or "
                "has no DEM error; choose another reference.point, or null".format(*row_col)
            )
        return int(at[0])


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


def invert_scene(
    paths: Sequence[str | Path],
    pairs: np.ndarray,
    weights: np.ndarray,
    ndates: int,
    mask: np.ndarray,
    n_threads: int = 1,
    folder: str | Path | None = None,
) -> SceneDates:
    """Invert the interferograms of a scene, window by window.

    Parameters
    ----------
    paths : sequence of path
        Raster of unwrapped phase [rad] of each pair.
    pairs : ndarray of int, shape (npairs, 2)
        Indices of dates.
    weights : ndarray of float, shape (npairs,)
        See :func:`pair_weights`.
    ndates : int
    mask : ndarray of bool, shape (rows, cols)
        Points to work on.
    n_threads : int
        Rasters read side by side.
    folder : path, optional
        Where there is room for the phase of all dates.

    Returns
    -------
    SceneDates
        Points window by window, in each row by row.
    """
    inverse = network_inverse(pairs, ndates, weights)
    npoints, done = int(np.count_nonzero(mask)), 0
    points = np.empty((npoints, 2), dtype=np.int32)
    series = DateFile(ndates, npoints, folder)
    misfit = np.empty(npoints, dtype=np.float32)
    open_points, date_misfit = [np.empty(0, np.int64)], [np.empty((ndates, 0), np.float32)]
    # Threads of BLAS may round differently from one of them.
    with ThreadPoolExecutor(n_threads) as pool, threadpool_limits(1, "blas"):

        def read(bounds: tuple[int, int, int, int], inside: np.ndarray) -> np.ndarray:
            """Values of all pairs at the points of a window: (npairs, n)."""
            values = np.empty((len(paths), np.count_nonzero(inside)), dtype=np.float32)
            found = pool.map(lambda path: read_band(path, bounds)[inside], paths)
            for row, one in zip(values, found, strict=True):
                row[:] = one
            return values

        for bounds in windows(mask.shape, WINDOW):
            inside = mask[bounds[0] : bounds[2], bounds[1] : bounds[3]]
            here = np.argwhere(inside) + bounds[:2]
            if not len(here):
                continue
            values = read(bounds, inside)
            for start in range(0, len(here), CHUNK_POINTS):
                some = slice(start, start + CHUNK_POINTS)
                unwrapped = values[:, some].astype(np.float64)
                phase = inverse @ unwrapped
                place = slice(done, done + phase.shape[1])
                points[place] = here[some]
                series.write(place, phase)
                total, of_date = misfits(unwrapped, phase, pairs)
                misfit[place] = total
                is_open = np.flatnonzero(total)
                open_points.append(is_open + done)
                date_misfit.append(of_date[:, is_open].astype(np.float32))
                done = place.stop
    return SceneDates(
        points, series, misfit, np.concatenate(open_points), np.concatenate(date_misfit, axis=1)
    )


def chunks(npoints: int) -> list[slice]:
    """Return the places of points that are worked on at a time in double precision."""
    starts = range(0, npoints, CHUNK_POINTS)
    return [slice(start, min(start + CHUNK_POINTS, npoints)) for start in starts]
