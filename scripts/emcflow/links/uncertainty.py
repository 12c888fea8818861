"""Standard deviations of velocity and DEM error, from what the link model leaves of the phase.

The phase of point p at date d is ``B[d] @ m[p]`` plus the noise of that point and date,
decorrelation and atmosphere, and a constant. Links share points, so that their errors are
correlated and must not be added up along a path: to first order the estimate of link (a, b) is
``P @ (phase[b] - phase[a])`` with ``P = inv(B.T @ B) @ B.T`` (B with its means over the dates
removed), the least squares integration of such differences is exact whatever their weights, and
the error of a point relative to the reference is that of its own series of dates::

    x[p] - m[p] = P @ (n[p] - n[reference])

It has the covariance ``s2[p] * inv(B.T @ B)`` (Kay 1993, Fundamentals of Statistical Signal
Processing: Estimation Theory, ch. 3), where s2 is the variance of that noise at one date. The
residual phase, integrated over the links like the parameters, is the part of the same noise that
the parameters do not explain, and gives s2: atmosphere enters with the distance from the
reference, and each date counts once however many interferograms it is in.

To second order a link's estimate is no difference of two points. It maximises the sum over the
dates of cos(residual), an M-estimate, whose influence function is ``P @ (sin(r) / mean(cos(r)))``
(Huber 1981, Robust Statistics, ch. 3.2). So ``sin(r) / mean(cos(r))`` is integrated instead of the
residual r itself, with the weights that the parameters were integrated with: whatever the links
add to the noise, the residuals get as well.

The dates are taken together to contrasts, sums over the dates that are orthogonal to a constant and
to the columns of B. The parameters are such sums too (rows of P): for noise of equal variance at
all dates, contrasts of unit length and parameters differ only by the factor ``inv(B.T @ B)``, and
all that is done to the parameters, weights, medians, joining of tiles, is done to the contrasts.

Dates with weights w have noise of variance s2 / w: times the roots of their weights, residuals and
columns are those of dates of equal variance s2, that of a date of weight 1 (Kay 1993, ch. 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from emcflow.acquisition.date_weights import effective_dates, mean_of_dates, root_weighted
from emcflow.acquisition.geometry import RELATIVE_TERMS, TERMS
from emcflow.errors import InputError

if TYPE_CHECKING:
    from emcflow.links.integrate import PointFit

# More contrasts hardly make the variance of a point any surer, and each is one more map.
MAX_CONTRASTS = 16
# Links whose residual phase is held at a time, of all dates: as much as a cache holds.
LINKS_AT_ONCE = 8192
# Contrasts integrated at a time: more are hardly faster and take more memory.
SOLVED_AT_ONCE = 8
# Contrasts joined over the tiles at a time.
CONTRASTS_AT_ONCE = 4


def date_contrasts(
    design: np.ndarray, weights: np.ndarray | None = None, most: int = MAX_CONTRASTS
) -> np.ndarray:
    """Orthonormal sums over the dates that neither a constant nor the terms take part in.

    They are of values times the roots of the weights, where there are weights.

    Parameters
    ----------
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit], first date included.
    weights : float64 (ndates,), optional
        In proportion to 1 / variance of the phase of each date, mean 1.
    most : int
        Where the dates leave more than this, as many random ones of them, always the same.

    Returns
    -------
    float64 (n, ndates)
        n is the lesser of `most` and the redundancy ``ndates - 1 - nterms``.

    Raises
    ------
    InputError
        If the dates leave no redundancy.
    """
    ndates, nterms = design.shape
    redundancy = ndates - 1 - nterms
    if redundancy < 1:
        raise InputError(
            f"{ndates} dates for a constant and {nterms} terms: expected at least {nterms + 2}"
        )
    columns = root_weighted(np.column_stack([np.ones(ndates), design]), weights)
    full, _ = np.linalg.qr(columns, mode="complete")
    contrasts = full[:, 1 + nterms :].T
    if redundancy <= most:
        return contrasts
    drawn = np.random.default_rng(0).standard_normal((redundancy, most))
    return np.linalg.qr(drawn)[0].T @ contrasts


def residual_contrasts(
    phase: np.ndarray,
    edges: np.ndarray,
    design: np.ndarray,
    fit: PointFit,
    contrasts: np.ndarray,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Contrasts of the residual phase of every point, relative to the median of its component.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Wrapped phase per date [rad], relative to the first date.
    edges : int32 (nlinks, 2)
        Links that were integrated.
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit].
    fit : PointFit
        The parameters of the points, and how they were integrated from those of the links.
    contrasts : float64 (n, ndates)
        From `date_contrasts`.
    weights : float64 (ndates,), optional
        That they were made with.

    Returns
    -------
    float32 (n, npoints)
        [rad], of a date of weight 1.

    Notes
    -----
    See the module. The mean of cos(r) of a link is taken as at least ``1 / sqrt(ndates)``, what
    it is for pure noise, of weighted dates with their effective number.
    """
    ndates, npoints = phase.shape
    least = 1 / np.sqrt(effective_dates(ndates, weights))
    if weights is not None:
        weights = weights.astype(np.float32)
    of_dates = root_weighted(contrasts.T, weights).T.astype(np.float32)
    phasors = np.empty((npoints, ndates), np.complex64)
    for date in range(ndates):
        phasors[:, date] = np.exp(1j * (phase[date] - design[date] @ fit.values))
    of_links = np.empty((len(contrasts), len(edges)), np.float32)
    for start in range(0, len(edges), LINKS_AT_ONCE):
        some = slice(start, start + LINKS_AT_ONCE)
        a, b = edges[some].T
        residual = phasors[b] * phasors[a].conj()
        mean = np.average(residual, axis=1, weights=weights, keepdims=True)
        # Im(z conj(mean)) / |mean| is sin(r) about the constant of the link, |mean| the mean of
        # cos(r).
        residual *= mean.conj() / np.maximum(np.abs(mean), least) ** 2
        of_links[:, some] = of_dates @ residual.imag.T
    sums = np.stack([fit.sums(row).astype(np.float32) for row in of_links])
    del of_links
    starts = range(0, len(sums), SOLVED_AT_ONCE)
    return np.concatenate([fit.solve(sums[start : start + SOLVED_AT_ONCE]) for start in starts])


def parameter_covariance(design: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Covariance of the parameters for phase noise of variance 1 at every date of weight 1.

    Parameters
    ----------
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit].
    weights : float64 (ndates,), optional
        In proportion to 1 / variance of the phase of each date, mean 1.

    Returns
    -------
    float64 (nterms, nterms)
        ``inv(B.T @ W @ B)``, B with its weighted means over the dates removed
        [unit * unit / rad**2].
    """
    columns = root_weighted(design - mean_of_dates(design, weights), weights)
    return np.linalg.inv(columns.T @ columns)


def parameter_correlation(covariance: np.ndarray, terms: Sequence[str]) -> float | None:
    """Correlation of velocity and DEM error, -1 to 1, or None where not both are estimated.

    Near 1 or -1 the dates can hardly tell them apart: an error of one then comes with one of the
    other, of the same or the opposite sign.

    Parameters
    ----------
    covariance : float64 (nterms, nterms)
        From `parameter_covariance`.
    terms : sequence of str
        Names of the terms.
    """
    both = next((pair for pair in (TERMS, RELATIVE_TERMS) if {*pair} <= {*terms}), None)
    if both is None:
        return None
    a, b = (list(terms).index(name) for name in both)
    return float(covariance[a, b] / np.sqrt(covariance[a, a] * covariance[b, b]))


def parameter_sigma(covariance: np.ndarray, squares: np.ndarray, ncontrasts: int) -> np.ndarray:
    """Return standard deviations of the parameters of points, relative to the reference.

    Parameters
    ----------
    covariance : float64 (nterms, nterms)
        From `parameter_covariance`.
    squares : float64 (npoints,)
        Sum of the squares of the contrasts of each point, relative to the reference [rad**2].
    ncontrasts : int
        Number of contrasts.

    Returns
    -------
    float64 (nterms, npoints)
        In the units of the parameters; 0 at a reference point.

    Notes
    -----
    The squares are divided by ncontrasts - 2, as in `links.estimate_links`: the mean of
    1 / chi-square of n degrees of freedom is 1 / (n - 2), so that errors divided by their sigma
    have variance 1. With one or two contrasts that mean is infinite, and their number is used.
    """
    variance = squares / (ncontrasts - 2 if ncontrasts > 2 else ncontrasts)
    return np.sqrt(np.diag(covariance)[:, None] * variance)
