"""Weights of the dates of a stack in the link model, from what is known of their noise.

Phase noise of standard deviation s has the weight 1 / s**2 in a sum over the dates: the best linear
estimate of a linear model (Kay 1993, Fundamentals of Statistical Signal Processing: Estimation
Theory, ch. 4). Only the ratios of the weights matter; here their mean is 1, so that a sum of
weighted unit phasors is at most the number of dates.

The variance of the phase of coherence g over n looks is at least ``(1 - g**2) / (2 n g**2)``, the
Cramer-Rao bound (Rodriguez, Martin 1992, IEE Proc. F 139(2), 147-159,
doi:10.1049/ip-f-2.1992.0018). The number of looks is the same at all dates and cancels.
"""

from __future__ import annotations

import numpy as np


def effective_dates(ndates: int, weights: np.ndarray | None = None) -> float:
    """Return the number of equal dates whose mean is as sure as that of weighted ones.

    Parameters
    ----------
    ndates : int
    weights : float (ndates,), optional

    Returns
    -------
    float
        ``sum(w)**2 / sum(w**2)`` (Kish 1965, Survey Sampling); `ndates` without weights.
    """
    return ndates if weights is None else np.sum(weights) ** 2 / np.sum(np.square(weights))


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
