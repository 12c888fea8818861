"""The table of pairs of a network that a person lists."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emcflow.errors import InputError
from emcflow.io.tables import REFERENCE, SECONDARY, read_table
from emcflow.network.networks import check_connected


def read_pairs(path: str | Path, dates: Sequence[str]) -> np.ndarray:
    """Read the pairs of a table.

    Parameters
    ----------
    path : path
        CSV with the columns reference and secondary, in either order of time, as in a table of
        baselines (:func:`emcflow.io.baselines.read_baselines`); further columns are ignored.
    dates : sequence of str
        Dates of the stack, YYYYMMDD, ascending.

    Returns
    -------
    ndarray of int32, shape (npairs, 2)
        Indices (d1, d2) of dates, d1 < d2, sorted.

    Raises
    ------
    InputError
        For a file that cannot be read or has no such header; for what is no date, a date that the
        stack has not, a pair of one date with itself, a pair listed twice, or pairs that do not
        join all dates.
    """
    table = read_table(path, "table of pairs", "pair")
    roles = table.columns(REFERENCE), table.columns(SECONDARY)
    if not all(roles):
        raise InputError(
            f"{path}: the header has the columns {', '.join(table.header)}; expected reference, "
            "secondary (separated by commas): rename the columns"
        )
    position = {date: index for index, date in enumerate(dates)}
    listed: dict[tuple[str, ...], int] = {}
    for line, cells in table.lines:
        pair = tuple(sorted(table.date(line, cells, columns) for columns in roles))
        for date in pair:
            if date not in position:
                raise InputError(
                    f"{path}, line {line}: {date} is no date of the stack, which has {len(dates)} "
                    f"from {dates[0]} to {dates[-1]}; expected two of them: remove the line"
                )
        if pair[0] == pair[1]:
            raise InputError(
                f"{path}, line {line}: reference and secondary are the same date ({pair[0]}); "
                "expected two different dates: correct or remove the line"
            )
        if pair in listed:
            raise InputError(
                f"{path}, line {line}: the pair {' and '.join(pair)} stands on line {listed[pair]} "
                "already; expected every pair once, in one order of its dates: remove one of the "
                "lines"
            )
        listed[pair] = line
    pairs = np.array([[position[date] for date in pair] for pair in sorted(listed)], np.int32)
    check_connected(dates, pairs, f"{path}: the pairs", "add pairs between them")
    return pairs
