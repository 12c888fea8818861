"""Interferograms between any dates: their files, dates and pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emcflow.errors import InputError
from emcflow.io.filenames import by_pair, list_rasters, pair_in_name
from emcflow.io.raster import is_scaled, open_raster, values_of
from emcflow.io.stack import (
    HIGHEST_COHERENCE,
    check_excluded,
    check_number_of_dates,
    find_images,
)
from emcflow.network.networks import check_connected

# Pairs that a message names.
SHOWN_PAIRS = 6


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
        Complex rasters, or of the wrapped phase.
    coherences : tuple of str
        Raster of the coherence of each file; empty where none are given.
    """

    dates: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    files: tuple[str, ...]
    coherences: tuple[str, ...] = ()

    @property
    def all_files(self) -> tuple[str, ...]:
        """Return the files of phase and of coherence."""
        return self.files + self.coherences

    @property
    def in_order(self) -> list[tuple[int, int]]:
        """Return the pairs with the earlier date first, sorted."""
        return sorted((min(pair), max(pair)) for pair in self.pairs)

    def file_of(self, pair: str) -> tuple[str, int]:
        """Return the file of a pair D1_D2, the earlier date first, and the sign of its phase."""
        place = {name: number for number, name in enumerate(self.names)}
        other = "_".join(pair.split("_")[::-1])
        return (self.files[place[pair]], 1) if pair in place else (self.files[place[other]], -1)

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
    coherence: str | Sequence[str] | None = None,
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
    coherence : str or sequence of str, optional
        Names or patterns of rasters of the coherence of every pair, as `files`.

    Returns
    -------
    Interferograms

    Raises
    ------
    InputError
        For names without two different dates, a pair given twice, pairs that leave dates
        unconnected, or a pair without its coherence where there are some.
    """
    images = find_images(directory, "interferograms", files, variable)
    files_of = by_pair(((first, second), path) for (first, second), path in images)
    known = {name for pair in files_of for name in (*pair, "_".join(pair), "_".join(pair[::-1]))}
    some_path = next(iter(files_of.values()))
    check_excluded(exclude, known, some_path)
    out = {*exclude, *("_".join(name.split("_")[::-1]) for name in exclude)}
    files_of = {pair: path for pair, path in files_of.items() if not out & {*pair, "_".join(pair)}}
    dates = sorted({date for pair in files_of for date in pair})
    check_number_of_dates(dates, some_path)
    place = {date: index for index, date in enumerate(dates)}
    pairs = tuple((place[first], place[second]) for first, second in files_of)
    check_connected(
        dates,
        np.array(pairs),
        f"{Path(some_path).parent}: the interferograms",
        "add some that join them, or run each part by itself (the dates of the others in "
        "stack.exclude)",
    )
    coherences = _coherences(directory, coherence, list(files_of)) if coherence else ()
    return Interferograms(tuple(dates), pairs, tuple(files_of.values()), coherences)


def _coherences(
    directory: str | Path | None, names: str | Sequence[str], pairs: list[tuple[str, str]]
) -> tuple[str, ...]:
    """Return the raster of the coherence of each pair, whichever order its name has the dates in.

    Raises
    ------
    InputError
        Where one has none, or several.
    """
    paths = list_rasters("stack.pair_coherence", directory, names)
    named = by_pair(((pair_in_name(path), path) for path in paths), "stack.pair_coherence")
    found = {frozenset(pair): path for pair, path in named.items()}
    missing = ["_".join(pair) for pair in pairs if frozenset(pair) not in found]
    if missing:
        raise InputError(
            f"stack.pair_coherence: none for {len(missing)} of {len(pairs)} interferograms "
            f"({', '.join(missing[:SHOWN_PAIRS])}{', ...' if len(missing) > SHOWN_PAIRS else ''}); "
            "expected one for each, with its two dates in the name: add them, or leave these out "
            "(stack.exclude)"
        )
    return tuple(found[frozenset(pair)] for pair in pairs)


def read_pair_coherence(path: str, bounds: tuple[int, int, int, int]) -> np.ndarray:
    """Read the coherence of a pair; bytes without a scale are parts of 255, as LiCSAR has them.

    Parameters
    ----------
    path, bounds
        See :func:`emcflow.io.raster.read_values`.

    Returns
    -------
    float32 ndarray
        0 to 1, 0 where there is none.

    Raises
    ------
    InputError
        For complex values, or values that are no coherence.
    """
    with open_raster(path) as dataset:
        values = values_of(dataset, path, bounds)
        bytes_ = dataset.dtypes[0] == "uint8" and not is_scaled(dataset)
    values = np.nan_to_num(values / 255 if bytes_ else values)
    low, high = values.real.min(initial=0), values.real.max(initial=0)
    if np.iscomplexobj(values) or low < 0 or high > HIGHEST_COHERENCE:
        raise InputError(
            f"{path}: values of {values.dtype} from {low:g} to {high:g}; expected a coherence, "
            "0 to 1, or bytes 0 to 255: give another raster, or divide by the largest "
            "value it can have"
        )
    return np.minimum(values, 1).astype(np.float32)


def given_and_unwrapped(given: Sequence[str], unwrapped: Sequence[str]) -> str:
    """Say in a sentence how many interferograms were given, and which are not those unwrapped.

    Parameters
    ----------
    given, unwrapped : sequence of str
        Pairs D1_D2, those given with their dates in any order.
    """
    ordered = ["_".join(sorted(pair.split("_"))) for pair in given]
    missing = sorted(set(ordered) - set(unwrapped))
    added = sorted(set(unwrapped) - set(ordered))
    parts = [
        f"{len(names)} {what} ({', '.join(names[:SHOWN_PAIRS])}"
        f"{', ...' if len(names) > SHOWN_PAIRS else ''})"
        for names, what in (
            (missing, "of them are not among those unwrapped"),
            (added, "unwrapped ones were not given"),
        )
        if names
    ]
    end = "; ".join(parts) or "the same pairs are unwrapped"
    return f"{len(given)} interferograms were given; {end}."
