"""Baselines found in the phases, in metres where something has their scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emcflow.acquisition.baseline_check import check_baselines, check_remarks, scale_of_known
from emcflow.errors import InputError

# A scale from known baselines that is less sure is of no use.
MOST_UNCERTAINTY = 0.2


class ScaledBaselines(NamedTuple):
    """Found baselines in metres, and what is to be said of them.

    Attributes
    ----------
    found_m, sigma_m : float64 (ndates,)
        Baselines and their standard deviations [m]; NaN where there is no scale.
    remarks : list of str
        A sentence each, for who reads the results.
    notes : list of str
        Figures for the log.
    """

    found_m: np.ndarray
    sigma_m: np.ndarray
    remarks: list[str]
    notes: list[str]


def checked_by_table(
    dates: Sequence[str],
    years: np.ndarray,
    found: tuple[np.ndarray, np.ndarray] | None,
    table_m: np.ndarray,
) -> ScaledBaselines:
    """Return found baselines by the scale of a table, and say where the table is off.

    Parameters
    ----------
    dates : sequence of str
        YYYYMMDD.
    years : float64 (ndates,)
        Time since the first date.
    found : tuple of float64 (ndates,) or None
        Column and standard deviation, see :class:`emcflow.unwrap.found_height.FoundHeight`; None
        where the phases ask for none.
    table_m : float64 (ndates,)
        Baselines of the table [m].

    Returns
    -------
    ScaledBaselines
    """
    unknown = np.full(len(dates), np.nan)
    if found is None:
        return ScaledBaselines(unknown, unknown, [], [])
    check = check_baselines(table_m, *found, years)
    remarks = check_remarks(dates, table_m, check)
    if not check.is_comparable:
        return ScaledBaselines(unknown, unknown, remarks, [])
    note = f"baselines of the table and of the phases: {check.correlation:.4f}"
    return ScaledBaselines(check.expected_m, check.sigma_m, remarks, [note])


def scaled_by_known(
    dates: Sequence[str],
    years: np.ndarray,
    found: tuple[np.ndarray, np.ndarray] | None,
    known: tuple[Sequence[str], np.ndarray] | None,
) -> ScaledBaselines:
    """Return found baselines by the scale of some that are known.

    Parameters
    ----------
    dates, years, found
        See :func:`checked_by_table`.
    known : (sequence of str, float64 (n,)) or None
        Dates, and their baselines relative to any one orbit [m]; None: there is no scale.

    Returns
    -------
    ScaledBaselines

    Raises
    ------
    InputError
        Where the known dates have baselines too much alike.
    """
    unknown = np.full(len(dates), np.nan)
    if found is None:
        remark = (
            "No baselines are given, and the phases do not ask for any: links have velocities, but "
            "no heights."
        )
        return ScaledBaselines(unknown, unknown, [remark], [])
    if known is None:
        remark = (
            "Baselines were found in the phases, heights are relative: scale and sign are unknown. "
            "With baselines.known_csv, the baselines of two dates or more, they are in metres."
        )
        return ScaledBaselines(unknown, unknown, [remark], [])
    column, sigma = found
    names, known_m = known[0], np.asarray(known[1], np.float64)
    at = np.searchsorted(list(dates), names)
    scale, uncertainty = scale_of_known(known_m, column[at], sigma[at])
    if uncertainty > MOST_UNCERTAINTY:
        raise InputError(
            f"known_csv: {', '.join(names)} have baselines that the phases find nearly alike, "
            f"the scale is unsure by {100 * min(uncertainty, 9.99):.0f} %; expected dates of "
            f"different baselines, such as {dates[int(np.argmin(column))]} and "
            f"{dates[int(np.argmax(column))]}: add them"
        )
    remarks = []
    if len(names) > 2:
        check = check_baselines(known_m, column[at], sigma[at], years[at])
        remarks = check_remarks(names, known_m, check)
    note = f"{abs(scale):.1f} m at the full span, known to {100 * uncertainty:.1f} %"
    return ScaledBaselines(scale * column, abs(scale) * sigma, remarks, [note])
