"""The terms of the link model that the dates tell apart, and the axes of their search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from emcflow.acquisition.geometry import DAYS_PER_YEAR, TERM_UNITS, TERMS, days_since_first
from emcflow.acquisition.model_terms import term_groups
from emcflow.links.search_grid import RangedAxis, choose_terms, coarse_axis, search_axis


def choose_model_terms(
    design: np.ndarray,
    ranges: Sequence[Sequence[float]],
    names: Sequence[str],
    dates: Sequence[str],
) -> tuple[list[int], dict[int, str]]:
    """Choose the terms that the dates can tell apart; further terms never cost velocity or height.

    Velocity and DEM error are chosen as if they were alone
    (:func:`emcflow.links.search_grid.choose_terms`). Groups of further terms join them one after
    the other, as :func:`emcflow.acquisition.model_terms.term_groups` has them, each whole or not at
    all.

    Parameters
    ----------
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit], first date included.
    ranges : sequence of (low, high), one per term
        In the term's unit.
    names : sequence of str
        :data:`emcflow.acquisition.geometry.TERMS`, then the further ones that are asked for.
    dates : sequence of str
        YYYYMMDD, ascending.

    Returns
    -------
    kept : list of int
        Terms to estimate, in the order of the design.
    reasons : dict of int to str
        One readable line for each term left out.

    Raises
    ------
    InputError
        See :func:`emcflow.links.search_grid.choose_terms`.
    """
    strong = len(TERMS)
    kept, reasons = choose_terms(design[:, :strong], ranges[:strong], names[:strong])
    last_step = 0  # number of the first date that the latest of the kept steps moves
    for group, members in term_groups(names):
        added = [names.index(name) for name in members]
        span = days_since_first(dates)[-1]
        start = len(dates) - int(np.count_nonzero(design[:, added[0]]))
        if group == "annual" and span < DAYS_PER_YEAR:
            why = f"the dates span {span:.0f} days, less than a year"
        elif group == "step" and start == last_step:
            why = "no date is between it and the step before"
        elif group == "step" and min(len(dates) - start, start - last_step) < 2:
            why = "on one side of it there is one date, whose noise looks the same"
        else:
            tried = [*kept, *added]
            _, found = choose_terms(
                design[:, tried], [ranges[t] for t in tried], [names[t] for t in tried]
            )
            if not found:
                kept = tried
                last_step = start if group == "step" else last_step
                continue
            # the reason names what the group is tied to, whichever of them it would leave out
            why = next(iter(found.values())).replace(" is left out: ", ": ")
        reasons |= {t: f"{names[t]} is left out: {why}" for t in added}
    return kept, reasons


def search_axes(
    design: np.ndarray, ranges: Mapping[str, Sequence[float]], terms: Sequence[int]
) -> list[np.ndarray | RangedAxis]:
    """Return the search grids of some terms: fine for velocity and DEM error, coarse for others.

    Parameters
    ----------
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit].
    ranges : dict of str to (low, high) or (low, high, step)
        Search range of each term, by its name.
    terms : sequence of int
        Those that are searched.

    Returns
    -------
    list of float64 (n,) or RangedAxis, one per term that is searched
    """
    names = list(ranges)
    return [
        (search_axis if names[t] in TERM_UNITS else coarse_axis)(design[:, t], *ranges[names[t]])
        for t in terms
    ]
