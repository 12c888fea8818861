"""Metadata files of other programs: text with keys, XML and HDF5, each refused in one line."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np

from emcflow.errors import InputError
from emcflow.io.raster import Grid, read_values
from emcflow.io.text_baselines import NUMBER
from emcflow.processors.found import Found

# No metadata file is larger than this [bytes]; what is, is something else.
LARGEST_TEXT = 50_000_000
# What numbers of one quantity in several files may differ by, relative.
SAME = 1e-6


def read_text(path: Path, what: str) -> str:
    """Return a text file.

    Raises
    ------
    InputError
        For a file that is no text; `what` says what it should be.
    """
    try:
        if path.stat().st_size > LARGEST_TEXT:
            raise UnicodeError("too large")
        text = path.read_text(encoding="utf-8-sig")
        if "\0" in text:
            raise UnicodeError("zeros in it")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text in UTF-8"
        raise InputError(
            f"{path}: cannot be read ({reason}); expected {what}: copy it again, or remove it"
        ) from None
    return text


def read_keys(path: Path, separator: str, what: str) -> dict[str, str]:
    """Return the values of a text file with a key and a value in each line, by their keys.

    Lines without the separator are passed over; of a repeated key the first value counts, unless
    another one differs.

    Raises
    ------
    InputError
        For a file that is no text, or a key with two values.
    """
    values: dict[str, str] = {}
    for line in read_text(path, what).splitlines():
        key, found, value = line.partition(separator)
        key, value = key.strip(), value.strip()
        if found and key and values.setdefault(key, value) != value:
            raise InputError(
                f"{path}: {key} is both {values[key]!r:.80} and {value!r:.80}; expected one value: "
                "copy the file again"
            )
    return values


def number(text: str | None, key: str, path: Path) -> float:
    """Return the number that a value begins with, whatever its unit behind it.

    Raises
    ------
    InputError
        Where there is none.
    """
    begins = re.match(rf"\s*({NUMBER})(?![\w.])", text or "")
    value = float(begins[1]) if begins else math.nan
    if not math.isfinite(value):
        says = "is missing" if text is None else f"is {text!r:.80}"
        raise InputError(
            f"{path}: {key} {says}; expected a finite number: the file may be cut off, copy it "
            "again"
        )
    return value


def numbers(text: str | None, count: int, key: str, path: Path) -> list[float]:
    """Return the numbers that a value begins with.

    Raises
    ------
    InputError
        Where there are fewer.
    """
    words = (text or "").split()
    return [number(words[n] if n < len(words) else None, key, path) for n in range(count)]


def only_value(values: Mapping[Path, float], key: str) -> float:
    """Return the one value that several files have.

    Raises
    ------
    InputError
        Where two differ.
    """
    (first, value), *others = values.items()
    for path, other in others:
        if not math.isclose(value, other, rel_tol=SAME):
            raise InputError(
                f"{path}: {key} is {other:.9g}, and {value:.9g} in {first}; expected one value in "
                "all files of a stack: remove those of other stacks"
            )
    return value


def read_xml(path: Path, what: str) -> ElementTree.Element:
    """Return the root of an XML file.

    Raises
    ------
    InputError
        For a file that is no XML, or cut off.
    """
    try:
        return ElementTree.fromstring(read_text(path, what))
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(
            f"{path}: no whole XML ({error}); expected {what}: copy it again, or remove it"
        ) from None


def scalar(file: h5py.File, name: str) -> float:
    """Return a finite number of an HDF5 file, the first where it is an array."""
    value = np.asarray(file[name][()], dtype=np.float64).ravel()
    if not value.size or not np.isfinite(value[0]):
        raise ValueError(f"{name} is no finite number")
    return float(value[0])


def array(file: h5py.File, name: str, rows: slice | tuple[()] = ()) -> np.ndarray:
    """Return an array of numbers of an HDF5 file, or some rows of it, as float64."""
    return np.asarray(file[name][rows], dtype=np.float64)


def raster_rows(path: Path, grid: Grid, first: int, last: int) -> np.ndarray:
    """Return rows of a raster of this grid, from a first to a last one, half open, as float64."""
    return read_values(path, (first, 0, last, grid.shape[1])).astype(np.float64)


def text(value: object) -> str:
    """Return a text of an HDF5 file, an attribute or a scalar."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.ravel()[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def day_of(words: str, form: str, path: Path) -> str:
    """Return a date that is written in a form of `datetime.strptime`, as YYYYMMDD.

    Raises
    ------
    InputError
        Where there is none.
    """
    try:
        found: date = datetime.strptime(words, form)
    except ValueError:
        raise InputError(
            f"{path}: the date is {words!r:.80}; expected one of the calendar: the file may be cut "
            "off, copy it again"
        ) from None
    return found.strftime("%Y%m%d")


def of_first_pattern(folder: Path, patterns: Iterable[str]) -> tuple[list[Path], str]:
    """Return the files of the first pattern that fits some in a folder, and the pattern."""
    for pattern in patterns:
        found = sorted(path for path in folder.glob(pattern) if path.is_file())
        if found:
            return found, pattern
    return [], ""


def first_there(folders: Iterable[Path], *patterns: str) -> Path | None:
    """Return the first file that fits one of some patterns in one of some folders."""
    for folder in folders:
        for pattern in patterns:
            found = sorted(path for path in folder.glob(pattern) if path.is_file())
            if found:
                return found[0]
    return None


def say_coherence(found: Found, files: Sequence[Path], ending: str, of_it: str, names: str) -> None:
    """Say the rasters of the coherence of interferograms where each has one beside it.

    Parameters
    ----------
    found : Found
    files : sequence of Path
        The interferograms.
    ending, of_it : str
        How their names end, and those of the coherences.
    names : str
        Pattern of the coherences.
    """
    beside = [path.with_name(path.name.removesuffix(ending) + of_it) for path in files]
    if all(path.exists() for path in beside):
        found.say("stack.pair_coherence", names, "coherence of each of them")
