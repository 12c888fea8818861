"""Weights of the dates of a stack in the link model, from what is known of their noise.

Phase noise of standard deviation s has the weight 1 / s**2 in a sum over the dates: the best linear
estimate of a linear model (Kay 1993, Fundamentals of Statistical Signal Processing: Estimation
Theory, ch. 4). Only the ratios of the weights matter; here their mean is 1, so that a sum of
weighted unit phasors is at most the number of dates.

The variance of the phase of coherence g over n looks is at least ``(1 - g**2) / (2 n g**2)``, the
Cramer-Rao bound (Rodriguez, Martin 1992, IEE Proc. F 139(2), 147-159,
doi:10.1049/ip-f-2.1992.0018). The number of looks is the same at all dates and cancels.

Where the noise differs over the scene as well, it is known by variances of every point and date. A
link has at a date the sum of those of its ends, and its weights have a mean of 1 of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from emcflow.arrays import real_array
from emcflow.errors import InputError


@dataclass(frozen=True)
class PointVariances:
    """Variance of the phase of every point at every date, up to a factor that all share.

    Attributes
    ----------
    values : float32 (ndates, npoints)
        Above 0.

    Raises
    ------
    InputError
        For values that are not above 0, or of another number of dimensions.
    """

    values: np.ndarray

    def __post_init__(self) -> None:
        values = real_array(self.values, "variances", np.float32)
        if values.ndim != 2 or not (np.isfinite(values).all() and (values > 0).all()):
            raise InputError(
                f"variances of shape {values.shape}: expected (ndates, npoints), all above 0: give "
                "points without one a usual one"
            )
        object.__setattr__(self, "values", values)

    @cached_property
    def typical(self) -> np.ndarray:
        """Weights of the dates at a typical point, float64 (ndates,), mean 1."""
        inverse = 1 / np.median(self.values, axis=1).astype(np.float64)
        return inverse / inverse.mean()

    @cached_property
    def effective(self) -> float:
        """Number of equal dates that are as sure, mean over links of points next in the list."""
        inverse = 1 / (self.values[:, :-1] + self.values[:, 1:])
        if not inverse.size:
            return float(len(inverse))
        sums = inverse.sum(axis=0, dtype=np.float64) ** 2
        return float(np.mean(sums / np.square(inverse).sum(axis=0, dtype=np.float64)))


# What is known of the noise of the dates: nothing, the weight of each, or variances.
Weights: TypeAlias = np.ndarray | PointVariances | None


def typical_weights(weights: Weights) -> np.ndarray | None:
    """Return the weights of the dates for the scene as a whole, None where all are alike."""
    return None if weights is None else _of_scene(weights)


def _of_scene(weights: np.ndarray | PointVariances) -> np.ndarray:
    return weights.typical if isinstance(weights, PointVariances) else weights


def link_weights(weights: np.ndarray | PointVariances, edges: np.ndarray) -> np.ndarray:
    """Return the weights of the dates in links.

    Parameters
    ----------
    weights : float64 (ndates,) or PointVariances
    edges : int (nlinks, 2)

    Returns
    -------
    float64 (ndates, nlinks), or (ndates, 1) where all links have the same
        Mean 1 over the dates.
    """
    if not isinstance(weights, PointVariances):
        return np.asarray(weights, np.float64)[:, None]
    a, b = edges.T
    inverse = 1 / (weights.values[:, a].astype(np.float64) + weights.values[:, b])
    return inverse / inverse.mean(axis=0)


def effective_dates(ndates: int, weights: Weights = None) -> float:
    """Return the number of equal dates whose mean is as sure as that of weighted ones.

    Parameters
    ----------
    ndates : int
    weights : float (ndates,) or PointVariances, optional

    Returns
    -------
    float
        ``sum(w)**2 / sum(w**2)`` (Kish 1965, Survey Sampling); `ndates` without weights. Of
        variances a mean over links.
    """
    if isinstance(weights, PointVariances):
        return weights.effective
    return ndates if weights is None else np.sum(weights) ** 2 / np.sum(np.square(weights))


def weights_note(ndates: int, weights: np.ndarray | PointVariances) -> str:
    """Say how unlike the dates are."""
    of_points = isinstance(weights, PointVariances)
    where, of_scene = " at a typical point" if of_points else "", _of_scene(weights)
    return (
        f"weights of the dates{where} from "
        f"{of_scene.min():.2g} to {of_scene.max():.2g}, as good as "
        f"{effective_dates(ndates, weights):.1f} equal ones of {ndates}"
    )


def root_weighted(columns: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return columns over the dates, float64 (ndates, n), times the roots of the weights."""
    return columns if weights is None else np.sqrt(weights)[:, None] * columns


def mean_of_dates(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Return the mean over the dates, also of no columns.

    Parameters
    ----------
    values : float64 (ndates, n)
    weights : float64 (ndates,) or None
        None for dates that are all alike.

    Returns
    -------
    float64 (n,)
    """
    return values.mean(axis=0) if weights is None else weights @ values / weights.sum()
