"""Noise of every date of a time series, and the weights of the dates that follow from it.

The phase of a point about its model differs from that of the reference by what decorrelates at the
point itself, and by atmosphere (Hanssen 2001, Radar Interferometry, ch. 4). Decorrelation is new at
every point: thousands of points tell its variance date by date, and a date of snow stands out.
The atmosphere of a date is one pattern over the scene, whose size a few patches tell: weights by
the size it happens to have would follow chance, as those of a fit that forgets its largest
residuals. So all dates share one variance of the atmosphere, but for a date that is far beyond it.

The variance of a date is here that of decorrelation, from what neighbouring points differ by, plus
the shared one of the atmosphere, the median over the dates of what is left of the whole variance.
Both are robust (medians of absolute values; Huber 1981, Robust Statistics, ch. 5), so that motion
of a part of the scene does not count. Residuals are smaller than the noise by what the model
takes up: each is scaled by what noise of the present variances would leave of itself, and this is
repeated until variances and residuals agree (variance components by their expectations; Rao 1971,
J. Multivar. Anal. 1(3), 257-275). Weights are inverse variances (Kay 1993, Fundamentals of
Statistical Signal Processing: Estimation Theory, ch. 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emcflow.arrays import real_array

# The median of the absolute values of normal noise times this is its standard deviation.
MAD_SCALE = 1.4826
# Points in a row of the list that are looked at together, and how many such runs at most.
RUN_POINTS = 4096
MOST_RUNS = 16
# Steps until variances and residuals agree.
MAX_STEPS = 20
SETTLED = 0.01
# An atmosphere of this many times the variance of the others is no chance.
STORM = 16.0
# The variance of a date is at least this part of the median one, and that of the rounding of phase
# in single precision [rad**2].
LEAST_SHARE = 0.1
LEAST_VARIANCE = 1e-12
# Dates are called bad with more than this many times the median variance; and with more than this
# many times the noise of neighbours alone, where that makes their variance larger by this much.
BAD_VARIANCE = 4.0
BAD_IN_ALL = 1.5


@dataclass(frozen=True)
class DateNoise:
    """Variance of the phase of every date at a typical point, relative to the reference.

    Attributes
    ----------
    variance : float64 (ndates,)
        Of all that is not the model [rad**2].
    own : float64 (ndates,)
        The part that neighbouring points do not share [rad**2].
    """

    variance: np.ndarray
    own: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """Weights of the dates: inverse variances, of mean 1."""
        inverse = 1 / self.variance
        return inverse / inverse.mean()

    @property
    def bad(self) -> np.ndarray:
        """Indices of the dates that are weighed down."""
        whole, own = self.variance / np.median(self.variance), self.own / np.median(self.own)
        noisy = (own > BAD_VARIANCE) & (whole > BAD_IN_ALL)
        return np.flatnonzero(noisy | (whole > BAD_VARIANCE))


def sample_runs(npoints: int) -> list[slice]:
    """Return runs of points, as many at most as noise is to be told from, evenly over the list."""
    nruns = min(MOST_RUNS, max(1, npoints // RUN_POINTS))
    starts = np.linspace(0, max(0, npoints - RUN_POINTS), nruns).astype(int)
    return [slice(start, min(start + RUN_POINTS, npoints)) for start in starts.tolist()]


def nearest_neighbours(points: np.ndarray, runs: list[slice]) -> np.ndarray:
    """Return the nearest other point of every point of some runs.

    Parameters
    ----------
    points : int (npoints, 2)
        Row and column.
    runs : list of slice

    Returns
    -------
    int64 (n, 2)
        Places of a point and of its nearest one of the same run, in the joined runs.
    """
    from scipy.spatial import cKDTree  # slow to import

    found, before = [np.empty((0, 2), np.int64)], 0
    for run in runs:
        own = points[run].astype(np.float64)
        if len(own) > 1:
            _, near = cKDTree(own).query(own, k=2)
            # of points at one place the tree may name the point itself second
            itself = near[:, 1] == np.arange(len(own))
            other = np.where(itself, near[:, 0], near[:, 1])
            found.append(before + np.column_stack([np.arange(len(own)), other]))
        before += len(own)
    return np.concatenate(found)


def date_noise(phase: np.ndarray, columns: np.ndarray, neighbours: np.ndarray) -> DateNoise:
    """Tell the noise of the dates from the series of some points.

    Parameters
    ----------
    phase : float (ndates, n)
        Relative to the reference of each component [rad].
    columns : float64 (ndates, k)
        Of the model, the constant among them.
    neighbours : int (m, 2)
        Places of points and their neighbours.

    Returns
    -------
    DateNoise
        Equal variances where the dates are too few for more: K spare ones tell K (K + 1) / 2
        second moments, of which there have to be two for every date.
    """
    phase = real_array(phase, "phase", np.float64)
    ndates, nterms = columns.shape
    spare = ndates - nterms
    a, b = neighbours.T
    columns = columns / np.abs(columns).max(axis=0)
    variance = own = np.ones(ndates)
    many = spare * (spare + 1) / 2 >= 2 * ndates
    for _ in range(MAX_STEPS):
        rest = _residual_maker(columns, variance)
        residual = rest @ phase
        whole = _scaled(variance, rest, _deviation(residual) ** 2, many)
        between = _deviation(residual[:, b] - residual[:, a]) ** 2 / 2
        own = np.minimum(_scaled(own, rest, between, many), whole)
        shared = whole - own
        usual = np.median(shared)
        before = variance
        variance = own + np.where(shared > STORM * max(usual, own.min()), shared, usual)
        variance = np.maximum(variance, max(LEAST_SHARE * np.median(variance), LEAST_VARIANCE))
        if np.abs(np.log(variance / before)).max() < SETTLED:
            break
    return DateNoise(variance, own)


def _residual_maker(columns: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Matrix (ndates, ndates) that leaves of a series what weighted least squares does."""
    weighted = columns.T / variance
    return np.eye(len(columns)) - columns @ np.linalg.solve(weighted @ columns, weighted)


def _deviation(values: np.ndarray) -> np.ndarray:
    """Robust standard deviation of each row about 0."""
    return MAD_SCALE * np.median(np.abs(values), axis=1)


def _scaled(variance: np.ndarray, rest: np.ndarray, found: np.ndarray, many: bool) -> np.ndarray:
    """Variances with which residuals of variance `found` are expected: per date, or of all."""
    expected = rest**2 @ variance
    if not many:
        return np.full(len(variance), found.sum() / (rest**2).sum())
    # a date that a term takes up alone tells nothing
    usual = np.median(found) / np.median(expected)
    told = expected > 1e-6 * variance
    return variance * np.divide(found, expected, out=np.full(len(found), usual), where=told)
