"""Perpendicular baselines from CSV tables, one value per date of the stack.

Two kinds of table are read, told apart by their header:

* per SLC: ``date, bperp_m``; the value of each date, relative to any common orbit;
* per interferogram: ``reference, secondary, bperp_m``; the value of the secondary minus that of the
  reference.

Values per interferogram become values per date by least squares. Nothing is guessed: what is
missing, ambiguous or contradictory is an error that names the line.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from emcflow.errors import InputError
from emcflow.io.fingerprints import fingerprint
from emcflow.io.tables import DATE, REFERENCE, SECONDARY, Table, read_table
from emcflow.io.text_baselines import LAYOUTS, NO_VALUE, read_text_baselines

if TYPE_CHECKING:
    import pandas as pd

# The last ones as ASF's search and its baseline tool name them, and tools around ISCE2 and GAMMA.
BPERP = (
    "bperp_m", "bperp", "perpendicular_baseline_m", "perpendicular_baseline", "perp_baseline",
    "perp_baseline_m", "perpendicular_baseline_meters", "perpendicularbaseline", "baseline_perp",
    "perp_base", "b_perp", "b_perp_m", "bperp_meters", "bperpendicular",
)  # fmt: skip

MISFIT_COLUMNS = ("reference", "secondary", "bperp_m", "misfit_m")
# equal values may be written with different numbers of digits
SAME_M = 1e-3
# a pair that misses the least-squares solution by more than this is reported
MISFIT_M = 1.0
MISFIT_SHARE = 0.02


@dataclass(frozen=True)
class Baselines:
    """Perpendicular baselines of a stack.

    Parameters
    ----------
    dates : tuple of str
        Dates of the stack, YYYYMMDD.
    bperp_m : ndarray of float64, shape (ndates,)
        Relative to the first date [m].
    misfit : pandas.DataFrame
        Columns reference, secondary, bperp_m and misfit_m (given minus fitted) [m], one row per
        pair of the table; no rows for a table per SLC.
    warnings : tuple of str
        One line each.
    """

    dates: tuple[str, ...]
    bperp_m: np.ndarray
    misfit: pd.DataFrame
    warnings: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """Return the result table, columns date and bperp_m, to a hundredth of a millimetre."""
        import pandas as pd

        # adding 0 turns a rounded -0.0 into 0.0
        return pd.DataFrame({"date": self.dates, "bperp_m": self.bperp_m.round(5) + 0.0})


class _Row(NamedTuple):
    """One line of a table: the dates it names, their baseline and where it stands."""

    dates: tuple[str, ...]
    bperp_m: float  # NaN where there is none
    line: int
    problem: str = ""  # of a line without a value


def read_baselines(path: str | Path, stack_dates: Sequence[str], negate: bool = False) -> Baselines:
    """Read a baseline table of either kind for the dates of a stack.

    Parameters
    ----------
    path : path
        CSV with a header. Case, order and number of columns do not matter; lines that are blank
        or start with ``#`` are skipped. Dates are YYYYMMDD, ISO dates or time stamps, or file
        names of which the first eight digits in a row are the date. Lines of dates that the stack
        does not have may lack their value. Or text files of ISCE2, LiCSBAS, GMTSAR and others, see
        :mod:`emcflow.io.text_baselines`.
    stack_dates : sequence of str
        Dates of the stack, YYYYMMDD, ascending. The table may hold more.
    negate : bool
        Take all baselines with the other sign.

    Returns
    -------
    Baselines

    Raises
    ------
    InputError
        For a file that cannot be read or has no such header; for blanks, text that is no date or
        no finite number; for repeated lines that disagree; for dates of the stack that are
        missing or not connected by pairs; for absolute values, whose loops cannot close.
    """
    stack_dates = tuple(stack_dates)
    pairwise, rows = _read_rows(Path(path))
    rows = _with_value(rows, stack_dates, path)
    if negate:
        rows = [row._replace(bperp_m=-row.bperp_m) for row in rows]
    rows = _unique(rows, path)
    known = {name for row in rows for name in row.dates}
    missing = [name for name in stack_dates if name not in known]
    if missing:
        raise InputError(
            f"{path}: no baseline for {len(missing)} of {len(stack_dates)} dates of the stack "
            f"({', '.join(missing)}); expected a value for each: add their lines"
        )
    if pairwise:
        return _solve_pairs(rows, stack_dates, path)
    by_date = {row.dates[0]: row.bperp_m for row in rows}
    bperp_m = np.array([by_date[name] for name in stack_dates])
    return Baselines(stack_dates, bperp_m - bperp_m[0], no_misfit(), ())


def known_baselines(
    path: str | Path, stack_dates: Sequence[str], negate: bool = False
) -> tuple[tuple[str, ...], np.ndarray]:
    """Read the baselines of those dates of a stack that a table has.

    Parameters
    ----------
    path, stack_dates, negate
        As for `read_baselines`, but that two dates of the stack are enough.

    Returns
    -------
    dates : tuple of str
        Of the stack and of the table, ascending.
    bperp_m : ndarray of float64, shape (n,)
        Relative to the first of them [m].

    Raises
    ------
    InputError
        As `read_baselines`, and for fewer than two dates or baselines that are all alike.
    """
    _, rows = _read_rows(Path(path))
    named = {name for row in rows for name in row.dates}
    dates = tuple(name for name in stack_dates if name in named)
    if len(dates) < 2:
        raise InputError(
            f"{path}: has {len(dates)} of the {len(stack_dates)} dates of the stack; expected the "
            "baselines of two dates or more, of which one is the scale: add them"
        )
    bperp_m = read_baselines(path, dates, negate).bperp_m
    if not np.ptp(bperp_m) > 0:
        raise InputError(
            f"{path}: the baselines of {', '.join(dates)} are all alike; expected dates whose "
            "baselines differ, the more the better: take others"
        )
    return dates, bperp_m


def table_state(path: str | Path) -> str:
    """Fingerprint of what a table says: its dates and values, not its comments or other columns.

    Raises
    ------
    InputError
        As `read_baselines`, for a file that cannot be read as a table.
    """
    _, rows = _read_rows(Path(path))
    return fingerprint([(row.dates, row.bperp_m) for row in rows])


def _read_rows(path: Path) -> tuple[bool, list[_Row]]:
    """Return whether the table is per pair, and its rows."""
    listed = read_text_baselines(path)
    if listed is not None:
        rows = [
            _Row(dates, math.nan if value is None else value, line) for dates, value, line in listed
        ]
        return len(rows) > 0 and len(rows[0].dates) == 2, rows
    table = read_table(path, "baseline table", "date or pair")
    pairwise, dates, bperp = _roles(table)
    rows = []
    for line, cells in table.lines:
        named = tuple(table.date(line, cells, columns) for columns in dates)
        try:
            row = _Row(named, table.number(line, cells, bperp, "number of metres"), line)
        except InputError as error:
            if any(cells[column].lower() not in NO_VALUE for column in bperp):
                raise
            row = _Row(named, math.nan, line, str(error))
        if pairwise and row.dates[0] == row.dates[1]:
            raise InputError(
                f"{path}, line {line}: reference and secondary are the same date ({row.dates[0]}); "
                "expected two different dates: correct or remove the line"
            )
        rows.append(row)
    return pairwise, rows


def _with_value(rows: list[_Row], stack_dates: Sequence[str], path: str | Path) -> list[_Row]:
    """Leave out lines without a value, which dates that the stack does not have may be."""
    for row in rows:
        if math.isnan(row.bperp_m) and all(name in stack_dates for name in row.dates):
            raise InputError(
                row.problem
                or f"{path}, line {row.line}: no baseline of {' to '.join(row.dates)}, of the "
                "stack; expected a finite number of metres: fill it in, or remove the line"
            )
    return [row for row in rows if not math.isnan(row.bperp_m)]


def _roles(table: Table) -> tuple[bool, list[list[int]], list[int]]:
    """Return whether a table is per pair, and the columns of each date and of the baseline."""
    bperp, reference, secondary = map(table.columns, (BPERP, REFERENCE, SECONDARY))
    pairwise = bool(reference and secondary)
    dates = [reference, secondary] if pairwise else [table.columns(DATE)]
    if not (bperp and dates[0]):
        raise InputError(
            f"{table.path}: the header has the columns {', '.join(table.header)}; expected date, "
            "bperp_m or reference, secondary, bperp_m (separated by commas): rename the columns; "
            f"or a table without header, {LAYOUTS}"
        )
    return pairwise, dates, bperp


def _unique(rows: list[_Row], path: str | Path) -> list[_Row]:
    """Drop lines that say the same again; the other direction of a pair has the other sign."""
    first: dict[tuple[str, ...], _Row] = {}
    for row in rows:
        key = tuple(sorted(row.dates))
        known = first.setdefault(key, row)
        sign = 1 if known.dates == row.dates else -1
        if abs(known.bperp_m - sign * row.bperp_m) > SAME_M:
            raise InputError(
                f"{path}, line {row.line}: {' to '.join(row.dates)} is {row.bperp_m:g} m, which "
                f"disagrees with line {known.line} ({' to '.join(known.dates)}: "
                f"{known.bperp_m:g} m); expected one value: remove the wrong line"
            )
    return list(first.values())


def _solve_pairs(rows: list[_Row], stack_dates: tuple[str, ...], path: str | Path) -> Baselines:
    """Find one value per date from the values of pairs."""
    parts = _connected_parts(rows)
    used = [part for part in parts if part.intersection(stack_dates)]
    if len(used) > 1:
        listed = "; ".join(
            ", ".join(sorted(part.intersection(stack_dates))) for part in sorted(used, key=min)
        )
        raise InputError(
            f"{path}: the pairs leave the dates of the stack in {len(used)} parts that no pair "
            f"joins ({listed}); expected one connected network: add pairs between the parts"
        )
    warnings = []
    kept = [row for row in rows if row.dates[0] in used[0]]
    if len(kept) < len(rows):
        warnings.append(
            f"{path}: {len(rows) - len(kept)} of {len(rows)} pairs have no connection to the "
            "dates of the stack and are not used"
        )
    names = sorted(used[0])
    position = {name: i for i, name in enumerate(names)}
    pairs = np.array([[position[name] for name in row.dates] for row in kept])
    given = np.array([row.bperp_m for row in kept])
    bperp_m = _least_squares(pairs, given, len(names))
    misfit = given - (bperp_m[pairs[:, 1]] - bperp_m[pairs[:, 0]])
    worst = int(np.argmax(np.abs(misfit)))
    if abs(misfit[worst]) > max(MISFIT_M, MISFIT_SHARE * np.abs(given).max()):
        loop, closure = _open_loop(pairs, given, misfit, worst)
        problem = (
            f"{path}: the loop {' - '.join(names[i] for i in loop)} does not close: "
            f"{closure:+.2f} m"
        )
        if (given >= 0).all():
            raise InputError(
                f"{problem}, and no value of the table is negative; expected signed baselines "
                "(secondary minus reference), not absolute values: restore the signs"
            )
        warnings.append(
            f"{problem} (the pair {' to '.join(kept[worst].dates)} misses the least-squares "
            f"solution by {misfit[worst]:+.2f} m, the most); check its sign and value"
        )
    index = [position[name] for name in stack_dates]
    return Baselines(
        stack_dates,
        bperp_m[index] - bperp_m[index[0]],
        _misfit_table(kept, misfit),
        tuple(warnings),
    )


def no_misfit() -> pd.DataFrame:
    """Return the table of misfits where no pairs were given."""
    return _misfit_table([], [])


def _misfit_table(rows: list[_Row], misfit: Sequence[float]) -> pd.DataFrame:
    import pandas as pd  # slow to import, and every start of the workflow reads a table

    records = [
        (*row.dates, row.bperp_m, round(float(value), 5) + 0.0)
        for row, value in zip(rows, misfit, strict=True)
    ]
    return pd.DataFrame(records, columns=list(MISFIT_COLUMNS))


def _connected_parts(rows: list[_Row]) -> list[set[str]]:
    """Return the sets of dates that pairs connect."""
    part_of: dict[str, set[str]] = {}
    for row in rows:
        first, second = (part_of.setdefault(name, {name}) for name in row.dates)
        if first is not second:
            first |= second
            part_of.update(dict.fromkeys(second, first))
    return list({id(part): part for part in part_of.values()}.values())


def _least_squares(pairs: np.ndarray, given: np.ndarray, ndates: int) -> np.ndarray:
    """Solve for values per date whose differences fit the pairs best, all weights equal.

    Normal equations of the network with the first date at 0 (Berardino et al. 2002 state the same
    system for phases): its matrix is the graph Laplacian, small and well conditioned.

    Parameters
    ----------
    pairs : ndarray of int, shape (npairs, 2)
        Indices of reference and secondary; the network is connected.
    given : ndarray, shape (npairs,)
        Secondary minus reference [m].
    ndates : int

    Returns
    -------
    ndarray of float64, shape (ndates,)
        [m]
    """
    normal = np.zeros((ndates, ndates))
    for i in (0, 1):
        np.add.at(normal, (pairs[:, i], pairs[:, i]), 1)
        np.add.at(normal, (pairs[:, i], pairs[:, 1 - i]), -1)
    right = np.bincount(pairs[:, 1], given, ndates) - np.bincount(pairs[:, 0], given, ndates)
    return np.concatenate([[0.0], np.linalg.solve(normal[1:, 1:], right[1:])])


def _open_loop(
    pairs: np.ndarray, given: np.ndarray, misfit: np.ndarray, worst: int
) -> tuple[list[int], float]:
    """Find the shortest loop through the worst pair that the misfits run around, and its closure.

    At each date the misfits of a least-squares solution that come in and go out balance, so they
    are a circulation: from the end of the worst pair, following them in their own direction always
    leads back to its start, and around such a loop they add up instead of cancelling.

    Returns
    -------
    loop : list of int
        Dates in the order of the walk, the first again at the end.
    closure : float
        Sum of the pairs' values around the loop [m].
    """
    steps: dict[int, list[tuple[int, int, float]]] = {}
    for pair, (first, second) in enumerate(pairs.tolist()):
        if pair != worst and misfit[pair] != 0:
            sign = 1.0 if misfit[pair] > 0 else -1.0
            start, stop = (first, second) if sign > 0 else (second, first)
            steps.setdefault(start, []).append((stop, pair, sign))
    home, start = pairs[worst].tolist()
    closure = given[worst]
    if misfit[worst] < 0:
        home, start, closure = start, home, -closure
    came_from: dict[int, tuple[int, float]] = {start: (home, closure)}
    queue = deque([start])
    while home not in came_from:
        here = queue.popleft()
        for there, pair, sign in steps.get(here, []):
            if there not in came_from:
                came_from[there] = (here, sign * given[pair])
                queue.append(there)
    loop, total = [home], 0.0
    while len(loop) == 1 or loop[-1] != home:
        before, value = came_from[loop[-1]]
        total += value
        loop.append(before)
    return loop[::-1], float(total)
