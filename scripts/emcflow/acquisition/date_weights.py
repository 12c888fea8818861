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

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emcflow.errors import InputError
from emcflow.io.tables import read_table

# Columns that a table may give, one of them: what a value is, whether it can be one, what is.
COLUMNS = {
    "weight": ("weight", lambda value: value > 0, "a number above 0"),
    "coherence": ("coherence", lambda value: 0 <= value <= 1, "a number from 0 to 1"),
    "noise_rad": ("standard deviation", lambda value: value > 0, "radians, above 0"),
}
# Above, atmosphere and orbits have more noise than decorrelation; below, the mean over a window is
# as high without any signal, and a date without weight would still count as one.
COHERENCES = (0.05, 0.95)
# Weights this far apart hold all digits of a sum in single precision.
LARGEST_RATIO = 1e6


def read_weights(path: str | Path, dates: Sequence[str]) -> list[float]:
    """Read the weight of every date of a stack.

    Parameters
    ----------
    path : path
        CSV with the columns date and one of weight (relative), coherence (0 to 1) and noise_rad
        (standard deviation of the phase [rad]); others, and other dates, do not matter.
    dates : sequence of str
        Dates of the stack, YYYYMMDD.

    Returns
    -------
    list of float, one per date
        In proportion to 1 / variance, mean 1.

    Raises
    ------
    InputError
        For a file that is no such table, none or several of the columns, a date without or with two
        values, values that cannot be, and weights more than `LARGEST_RATIO` apart.
    """
    table = read_table(path, "table of weights", "date")
    found = [name for name in COLUMNS if table.columns((name,))]
    if len(found) != 1:
        raise InputError(
            f"{path}: {' and '.join(found) or 'no weight'} in the header "
            f"{', '.join(table.header)}; expected date and one of {', '.join(COLUMNS)}: "
            f"{'remove the others' if found else 'name the columns so'}"
        )
    name = found[0]
    values = np.array(table.of_dates(dates, name, *COLUMNS[name]))
    if name == "coherence":
        square = np.clip(values, *COHERENCES) ** 2
        weights = square / (1 - square)
    else:
        weights = (values / values.min()) ** (-2 if name == "noise_rad" else 1)
    ratio = weights.max() / max(weights.min(), np.finfo(float).tiny)
    if ratio > LARGEST_RATIO:
        raise InputError(
            f"{path}: {name} from {values.min():g} to {values.max():g} gives weights {ratio:.2g} "
            f"times apart; expected at most {LARGEST_RATIO:g}: correct the values, or leave dates "
            "out of the stack that tell nothing"
        )
    return (weights / weights.mean()).tolist()


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
