"""What the shape over the dates of something that was found in the phases is likely to be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emcflow.acquisition.geometry import days_since_first
from emcflow.acquisition.model_terms import extra_columns

# Share of the variance about a line that a shape has to explain, where as many dates are left over.
LEAST_SHARE = 0.85
# A series is smooth whose squared differences are this part of those of noise (von Neumann 1941,
# Annals of Mathematical Statistics 12(4), 367-395: the ratio is 2 for noise).
SMOOTH = 0.5


def likely_name(
    column: np.ndarray, dates: Sequence[str], temperature_c: Sequence[float] | None = None
) -> str | None:
    """Say what a column of the design is like.

    Parameters
    ----------
    column : float64 (ndates,)
        In any unit; what goes with time does not count.
    dates : sequence of str
        YYYYMMDD, ascending.
    temperature_c : sequence of float, optional
        Of the dates [degrees Celsius].

    Returns
    -------
    str or None
        A noun; None for a column like none of the shapes, as baselines are.
    """
    days = days_since_first(dates)
    base = np.column_stack([np.ones(len(days)), days / days[-1]])
    rest = _about(base, column)
    total = float(rest @ rest)
    if not total > 0:
        return None

    def share(*columns: np.ndarray) -> float:
        """Share of the variance that columns explain, less what they would of noise."""
        left = len(days) - 2 - len(columns)
        unexplained = float(np.square(_about(np.column_stack([base, *columns]), column)).sum())
        return 1 - unexplained / max(left, 1) * (len(days) - 2) / total if left > 1 else 0.0

    annual = extra_columns(dates, 1.0, ["annual_sin_mm", "annual_cos_mm"])
    shares = {"an annual cycle": share(*annual.T)}
    if temperature_c is not None:
        shares["the temperature (thermal dilation)"] = share(np.asarray(temperature_c, np.float64))
    for number in range(2, len(days) - 1):
        name = f"a step before {dates[number]}"
        shares[name] = share((np.arange(len(days)) >= number).astype(np.float64))
    for number, date in enumerate(dates):
        shares[f"something of {date} alone"] = share(
            (np.arange(len(days)) == number).astype(np.float64)
        )
    best = max(shares, key=lambda name: shares[name])
    if shares[best] > LEAST_SHARE:
        return best
    ratio = np.square(np.diff(rest)).sum() / total
    return "unsteady motion, smooth over the dates" if ratio < SMOOTH else None


def name_remarks(
    column: np.ndarray, dates: Sequence[str], temperature_c: Sequence[float] | None
) -> list[str]:
    """Say where a column that was found as baselines looks like something else, see `likely_name`.

    Returns
    -------
    list of str
        A sentence, or none.
    """
    name = likely_name(column, dates, temperature_c)
    if name is None:
        return []
    return [
        f"What was found as baselines looks like {name}: the relative height of a point may be "
        "its part in that instead."
    ]


def _about(columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What a least-squares fit of some columns leaves."""
    return values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
