"""Interferograms between any dates: their files, dates and pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emcflow.errors import InputError
from emcflow.io.stack import check_excluded, check_number_of_dates, find_images
from emcflow.network.networks import check_connected


@dataclass(frozen=True)
class Interferograms:
    """Wrapped interferograms between some dates.

    Parameters
    ----------
    dates : tuple of str
        Eight digits each, ascending.
    pairs : tuple of (int, int)
        Places of the first and second date of each file among the dates.
    files : tuple of str
        Complex rasters.
    """

    dates: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    files: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Return the pair of each file as D1_D2."""
        return [f"{self.dates[first]}_{self.dates[second]}" for first, second in self.pairs]

    @property
    def redundant(self) -> bool:
        """Whether some pairs form loops."""
        return len(self.pairs) >= len(self.dates)


def find_interferograms(
    directory: str | Path | None,
    files: str | Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    variable: str | Sequence[str] | None = None,
) -> Interferograms:
    """Find interferograms by the two dates in their names.

    Parameters
    ----------
    directory : path or None
        Folder of ``DATE1_DATE2.int.tif``; may be None where `files` are given.
    files : str or sequence of str, optional
        Names or patterns, see :func:`emcflow.io.filenames.list_rasters`.
    exclude : sequence of str
        Dates, and pairs D1_D2 in either order, that are left out.
    variable : str or sequence of str, optional
        See :func:`emcflow.io.stack.find_images`.

    Returns
    -------
    Interferograms

    Raises
    ------
    InputError
        For names without two different dates, a pair given twice, or pairs that leave dates
        unconnected.
    """
    by_pair: dict[tuple[str, str], str] = {}
    for (first, second), path in find_images(directory, "interferograms", files, variable):
        pair = (first, second)
        for other in (pair, pair[::-1]):
            if other in by_pair:
                raise InputError(
                    f"{path}: the pair {'_'.join(pair)} is already in the stack "
                    f"({Path(by_pair[other]).name}); expected one file per pair: remove one of "
                    "the two"
                )
        by_pair[pair] = path
    known = {name for pair in by_pair for name in (*pair, "_".join(pair), "_".join(pair[::-1]))}
    some_path = next(iter(by_pair.values()))
    check_excluded(exclude, known, some_path)
    out = {*exclude, *("_".join(name.split("_")[::-1]) for name in exclude)}
    by_pair = {pair: path for pair, path in by_pair.items() if not out & {*pair, "_".join(pair)}}
    dates = sorted({date for pair in by_pair for date in pair})
    check_number_of_dates(dates, some_path)
    place = {date: index for index, date in enumerate(dates)}
    pairs = tuple((place[first], place[second]) for first, second in by_pair)
    check_connected(
        dates,
        np.array(pairs),
        f"{Path(some_path).parent}: the interferograms",
        "add some that join them, or run each part by itself (the dates of the others in "
        "stack.exclude)",
    )
    return Interferograms(tuple(dates), pairs, tuple(by_pair.values()))
