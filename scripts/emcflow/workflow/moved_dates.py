"""Old dates whose phases moved since a finished run, all tiles together: a table and a remark."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from pathlib import Path

import numpy as np

from emcflow.io.files import read_csv
from emcflow.io.hdf5 import open_product

# Dates that the remark names: those where most points jumped.
NAMED_DATES = 5


def moved_dates(meshes: Sequence[str | Path]) -> dict[str, Sequence]:
    """Return which old dates have other phases than in a finished run, and how many points jumped.

    Parameters
    ----------
    meshes : sequence of path
        Of all tiles, each compared with that of the finished run.

    Returns
    -------
    dict of str to sequence
        Columns of a table: ``date``; ``moved``, 1 where a phase is another; ``points``, those of
        several tiles each time; ``jumped``, those whose cycle is in doubt from the date before.
    """
    moved, jumped, points = [], [], 0
    for path in meshes:
        with open_product(path) as file:
            dates = list(file.attrs["old_dates"])
            moved.append(file.attrs["moved"])
            jumped.append(file.attrs["jumped"])
            points += len(file["points"])
    return {
        "date": dates,
        "moved": np.any(moved, axis=0).astype(int),
        "points": [points] * len(dates),
        "jumped": np.sum(jumped, axis=0),
    }


def moved_remarks(columns: Mapping[str, Sequence], folder: str) -> list[str]:
    """Say what of a finished run moved, and where points jumped.

    Parameters
    ----------
    columns : mapping
        Of `moved_dates`.
    folder : str
        Of the finished run.

    Returns
    -------
    list of str
        A sentence, or none where no phase moved.
    """
    jumped, total = np.asarray(columns["jumped"]), sum(columns["points"][1:])
    nmoved, ndates = sum(columns["moved"]), len(jumped)
    if not nmoved:
        return []
    remark = (
        f"The stack is linked anew: {nmoved} of the {ndates} dates of {folder} have other phases. "
        "Their interferograms keep its cycles, but where the cycle of a point is in doubt: there "
        f"they are unwrapped again. {100 * jumped.sum() / total:.2g} % of the points jumped from "
        "one date to the next"
    )
    most = [row for row in np.argsort(-jumped, kind="stable")[:NAMED_DATES] if jumped[row]]
    if most:
        named = (f"{jumped[row]:,} at {columns['date'][row]}" for row in most)
        remark += f", the most of {columns['points'][0]:,}: {', '.join(named)}"
    return [f"{remark} (docs/new_dates.md)."]


def merged_anew(pairs: Sequence[str], new: Container[str], table: str | Path | None) -> list[str]:
    """Return the interferograms that have to be merged, as the finished run has them otherwise.

    Parameters
    ----------
    pairs : sequence of str
        All interferograms.
    new : container of str
        Those that the finished run has not.
    table : path or None
        Of `moved_dates`; None where no phase may move.

    Returns
    -------
    list of str
        The new ones and those of a date that moved, in order.
    """
    moved: set[str] = set()
    if table:
        columns = read_csv(table, ("date",))
        moved.update(columns["date"][columns["moved"] > 0])
    return [pair for pair in pairs if pair in new or moved.intersection(pair.split("_"))]
