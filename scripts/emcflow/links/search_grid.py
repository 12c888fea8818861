"""Grid on which links are searched: terms that the dates tell apart, axes, check of the size.

The temporal coherence of a link as a function of its parameters (:mod:`emcflow.links.periodogram`)
has peaks as wide as a resolution cell, ``2 pi / (max - min of the column)`` of a term's column of
the design. Axes of velocity and DEM error have steps of a third of a cell, those of further terms
of half a cell.

Terms and grid follow from when and from where the images were taken, not from weights of the dates:
no weight makes a resolution cell narrower than all dates together do, and with other weights the
terms remain those that were asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from emcflow.arrays import real_array
from emcflow.errors import InputError

# A term is left out when its whole range moves the phase by less than this [rad]: noise of a
# fraction of a radian per date would then fill the range from end to end.
LEAST_PHASE_RANGE = 0.5
# ... or when the other terms explain it so well that its standard deviation grows by this factor.
MOST_INFLATION = 5.0
# Steps of an axis to a resolution cell.
FINE_CELL, COARSE_CELL = 3, 2

# Combinations of more than two terms, of which a search of a million links takes some hours.
MOST_COMBINATIONS = 250_000
# Links of the smallest chunk of a search, whose product has to fit in memory.
LEAST_CHUNK = 64


def choose_terms(
    design: np.ndarray,
    ranges: Sequence[Sequence[float]] | np.ndarray,
    names: Sequence[str] | None = None,
) -> tuple[list[int], dict[int, str]]:
    """Choose the terms that the dates can tell from a constant and from each other.

    Parameters
    ----------
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit], first date included.
    ranges : sequence of (low, high), one per term
        Search range in the term's unit.
    names : sequence of str, optional
        Names of the terms for the reasons.

    Returns
    -------
    kept : list of int
        Terms to estimate, in the order of the design.
    reasons : dict of int to str
        One readable line for each term left out.

    Raises
    ------
    InputError
        If the shapes disagree or a range is empty.

    Notes
    -----
    A term is left out when (1) its whole range moves the phase by less than `LEAST_PHASE_RANGE`,
    in other words its resolution cell ``2 pi / (max - min of the column)`` is far wider than the
    range; (2) the other terms explain its de-meaned column so well that its standard deviation
    would grow more than `MOST_INFLATION` times, the square root of the variance inflation factor
    ``1 / (1 - R**2)`` (Belsley, Kuh, Welsch 1980, Regression Diagnostics, ch. 3); of the terms that
    share a direction the one that moves the phase least goes; (3) no date would be left over for
    the noise.
    """
    design = checked_design(design)
    ranges = [checked_range(*pair) for pair in ranges]
    ndates, nterms = design.shape
    if len(ranges) != nterms:
        raise InputError(f"{len(ranges)} search ranges for {nterms} terms: give one per term")
    names = [f"term {t}" for t in range(nterms)] if names is None else list(names)
    width = np.array([high - low for low, high in ranges])
    span = np.ptp(design, axis=0)
    moved = width * np.std(design, axis=0)
    reasons = {}
    for t in range(nterms):
        if span[t] * width[t] < LEAST_PHASE_RANGE:
            reasons[t] = (
                f"{names[t]} is left out: its whole range {ranges[t][0]:g} to {ranges[t][1]:g} "
                f"moves the phase by {span[t] * width[t]:.2g} rad over all dates, less than "
                f"{LEAST_PHASE_RANGE:g} rad"
            )
    kept = [t for t in range(nterms) if t not in reasons]
    while len(kept) > 1:
        inflation = _inflation(design[:, kept])
        if inflation.max() <= MOST_INFLATION:
            break
        tied = [t for t, factor in zip(kept, inflation, strict=True) if factor > MOST_INFLATION]
        weakest = min(tied, key=lambda t: moved[t])
        others = ", ".join(names[t] for t in tied if t != weakest) or "the other terms"
        reasons[weakest] = (
            f"{names[weakest]} is left out: over these dates it changes in step with {others}, "
            f"which would make its standard deviation {inflation.max():.3g} times larger "
            f"(limit {MOST_INFLATION:g})"
        )
        kept.remove(weakest)
    while kept and ndates < len(kept) + 2:
        weakest = min(kept, key=lambda t: moved[t])
        reasons[weakest] = (
            f"{names[weakest]} is left out: {ndates} dates cannot tell a constant and "
            f"{len(kept)} terms from noise, {len(kept) + 2} are needed"
        )
        kept.remove(weakest)
    return kept, reasons


def search_axis(
    column: np.ndarray, low: float, high: float, step: float | None = None
) -> np.ndarray:
    """Grid of one term, evenly spaced from `low` to `high`, both included.

    Parameters
    ----------
    column : float64 (ndates,)
        Phase per unit of the term [rad/unit] at every date.
    low, high : float
        Ends of the range, in the term's unit.
    step : float, optional
        Largest distance of grid values. By default a third of the resolution cell
        ``2 pi / (max(column) - min(column))`` (see the module).

    Returns
    -------
    float64 (n,)
        Grid values, n >= 2.

    Raises
    ------
    InputError
        If the range is empty or the step is not positive.
    """
    low, high = checked_range(low, high)
    return np.linspace(low, high, _axis_steps(column, low, high, step) + 1)


@dataclass(frozen=True)
class RangedAxis:
    """Grid of a term and its range, whose ends the grid need not reach.

    Attributes
    ----------
    values : float64 (n,)
        Evenly spaced about the middle of the range, n >= 1.
    low, high : float
        Ends of the range, in the term's unit.
    """

    values: np.ndarray
    low: float
    high: float

    def __len__(self) -> int:
        return len(self.values)


def coarse_axis(column: np.ndarray, low: float, high: float) -> RangedAxis:
    """Grid of a further term, which multiplies the search: the middles of equal parts of its range.

    They are at most half a resolution cell apart, more than in `search_axis`, and none is at an end
    of the range.

    Parameters
    ----------
    column : float64 (ndates,)
        Phase per unit of the term [rad/unit] at every date.
    low, high : float
        Ends of the range, in the term's unit.

    Returns
    -------
    RangedAxis

    Raises
    ------
    InputError
        If the range is empty.
    """
    low, high = checked_range(low, high)
    parts = _axis_steps(column, low, high, cell=COARSE_CELL)
    return RangedAxis(low + (np.arange(parts) + 0.5) * (high - low) / parts, low, high)


def _axis_steps(
    column: np.ndarray, low: float, high: float, step: float | None = None, cell: int = FINE_CELL
) -> int:
    """Number of steps of a search axis; `cell` to a resolution cell where no step is given."""
    if step is None:
        span = float(np.ptp(np.asarray(column, dtype=np.float64)))
        step = 2 * np.pi / (cell * span) if span > 0 else high - low
    if not (np.isfinite(step) and step > 0):
        raise InputError(f"search step {step}: expected a positive number")
    return max(1, math.ceil((high - low) / step * (1 - 1e-9)))


def check_search(
    design: np.ndarray,
    ranges: Sequence[Sequence[float]],
    memory_mb: float,
    names: Sequence[str] | None = None,
    terms: Sequence[int] | None = None,
    fine: int | None = None,
) -> None:
    """Refuse a search that would not fit in memory, without setting it up.

    Parameters
    ----------
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit], first date included.
    ranges : sequence of (low, high) or (low, high, step), one per term
        Search range in the term's unit.
    memory_mb : float
        As for :func:`emcflow.links.periodogram.estimate_links`.
    names : sequence of str, optional
        Names of the ranges for the message.
    terms : sequence of int, optional
        Terms that are searched; by default those of `choose_terms`.
    fine : int, optional
        From this term on they have a `coarse_axis`; by default none has.

    Raises
    ------
    InputError
        If the grid of the terms that the dates can tell apart needs more memory than that, or,
        with more than two terms, has more than `MOST_COMBINATIONS`.
    """
    names = [f"term {t}" for t in range(len(ranges))] if names is None else names
    fine = len(ranges) if fine is None else fine
    if terms is None:
        terms, _ = choose_terms(design, [limits[:2] for limits in ranges])
    counts = {}
    for t in terms:
        low, high, *given = ranges[t]
        step = given[0] if given else None
        cell = FINE_CELL if t < fine else COARSE_CELL
        counts[t] = _axis_steps(design[:, t], low, high, step, cell) + (t < fine)
    size = math.prod(counts.values())
    half = (size + 1) // 2
    # the waves of the grid while they are set up, and the product of the smallest chunk
    needed = (48 * half * len(design) + 4 * 4 * LEAST_CHUNK * half + 4 * size) / 2**20
    listed = ", ".join(
        f"{names[t]} = {list(ranges[t])} takes {count} values" for t, count in counts.items()
    )
    if needed > memory_mb:
        raise InputError(
            f"{listed}: a search over {size} combinations needs {needed:.0f} MB, expected at most "
            f"memory_mb = {memory_mb:g}: narrow the ranges, leave out the steps or "
            "take larger ones, or raise memory_mb"
        )
    if len(counts) > 2 and size > MOST_COMBINATIONS:
        raise InputError(
            f"{listed}: a search over {size} combinations takes hours, expected at most "
            f"{MOST_COMBINATIONS} with more than two terms: narrow the ranges, or leave out a term"
        )


def _inflation(columns: np.ndarray) -> np.ndarray:
    """Growth of each term's standard deviation by the other terms: sqrt of the inflation factor."""
    columns = columns - columns.mean(axis=0)
    columns = columns / np.linalg.norm(columns, axis=0)
    # by eigenvalues, of which rounding leaves something where columns are the same but for a factor
    values, vectors = np.linalg.eigh(columns.T @ columns)
    return np.sqrt((vectors**2 / np.maximum(values, np.finfo(float).eps)).sum(axis=1))


def checked_design(design: ArrayLike) -> np.ndarray:
    """Check the shape and the values of a design.

    Parameters
    ----------
    design : array (ndates, nterms)
        Phase per unit of each term [rad/unit].

    Returns
    -------
    float64 (ndates, nterms)

    Raises
    ------
    InputError
        If it has another number of dimensions or values that are not finite.
    """
    design = real_array(design, "design", np.float64)
    if design.ndim != 2:
        raise InputError(f"design has {design.ndim} dimensions: expected (ndates, nterms)")
    if not np.isfinite(design).all():
        raise InputError("design has values that are not finite: check baselines and dates")
    return design


def checked_range(low: float, high: float) -> tuple[float, float]:
    """Check the ends of a search range.

    Parameters
    ----------
    low, high : number
        In the term's unit.

    Returns
    -------
    low, high : float

    Raises
    ------
    InputError
        If one is not finite, or the range is empty.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InputError(f"search range {low} to {high}: expected two numbers, the lower one first")
    return float(low), float(high)
