"""Names of input rasters: patterns and lists to files, names to dates."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from emcflow.errors import InputError
from emcflow.io.raster import local_file

# A run of eight digits, or of 14 with the time.
DATE = re.compile(r"(?<!\d)(\d{8})(?:\d{6})?(?!\d)")


def list_rasters(key: str, directory: str | Path | None, names: str | Sequence[str]) -> list[str]:
    """Return the rasters that a key of the config names.

    Parameters
    ----------
    key : str
        For the messages.
    directory : path or None
        Folder that paths and patterns are relative to; None: the working directory.
    names : str or sequence of str
        Paths, patterns with ``*``, ``?`` and ``[ ]`` (``**``: folders of any depth), or names that
        only GDAL understands (see :func:`emcflow.io.raster.local_file`), which are taken as they
        are.

    Returns
    -------
    list of str
        In the order of `names`, those of a pattern sorted.

    Raises
    ------
    InputError
        For a pattern that fits no file, a missing file, or a name with braces.
    """
    found: list[str] = []
    for name in [names] if isinstance(names, str) else names:
        path = os.path.join(directory or "", name)
        if os.path.exists(path):
            found.append(path)
        elif not local_file(name):
            found.append(name)
        elif glob.has_magic(name):
            pattern = os.path.join(glob.escape(str(directory or "")), name)
            matches = sorted(glob.glob(pattern, recursive=True))
            if not matches:
                raise InputError(
                    f"{key}: no {name} in {directory or Path.cwd()}; expected files of that "
                    "pattern: correct it, or the folder"
                )
            found += matches
        else:
            raise InputError(
                f"{key}: {path} does not exist; expected a raster: correct the path (relative to "
                f"{Path.cwd()})"
            )
    for path in filter(local_file, found):
        check_braces(path)
    return found


def check_braces(path: str | Path) -> None:
    """Refuse a path that Snakemake would take for a pattern of its own."""
    if set("{}<>") & set(str(path)):
        raise InputError(
            f"{path}: braces in a name, or < and >, which Snakemake takes for wildcards; expected "
            "none: rename the file, or give the stack a folder of links with other names"
        )


def dates_in_name(path: str, count: int) -> tuple[str, ...]:
    """Return the first dates in a name.

    Parameters
    ----------
    path : str
        A date is a run of eight digits, or of 14 with the time. Only the last part of the path
        that holds enough of them counts: the file's name, else its folder's; for a subdataset of
        HDF5 or Zarr that of the file it is in.
    count : int
        Number of dates, 1 or 2.

    Returns
    -------
    tuple of str
        YYYYMMDD each.

    Raises
    ------
    InputError
        Where there are none, or none of the calendar.
    """
    for part in reversed(re.split(r"[/\\]", str(path))):
        runs = DATE.findall(part)[:count]
        if len(runs) == count:
            for digits in runs:
                _check_date(path, digits)
            return tuple(runs)
    raise InputError(
        f"{path}: no {'date' if count == 1 else 'two dates'} in the name; expected YYYYMMDD, as in "
        f"{'20200101' if count == 1 else '20200101_20200113'}: rename or remove the file"
    )


def pair_in_name(path: str) -> tuple[str, str]:
    """Return the first two different dates in the name of an interferogram.

    Names of products over some seconds have each date twice, at the start and the end of the image.

    Raises
    ------
    InputError
        Where there are none; see :func:`dates_in_name`.
    """
    for part in reversed(re.split(r"[/\\]", str(path))):
        distinct = list(dict.fromkeys(DATE.findall(part)))
        if len(distinct) > 1:
            first, second = distinct[:2]
            for digits in (first, second):
                _check_date(path, digits)
            return first, second
    dates_in_name(path, 2)  # where there are fewer, it says so
    raise InputError(
        f"{path}: twice the same date in the name; expected two dates: rename or remove the file"
    )


def _check_date(path: str, digits: str) -> None:
    try:
        datetime.strptime(digits, "%Y%m%d")
    except ValueError:
        raise InputError(
            f"{path}: {digits!r} in the name is no date; expected YYYYMMDD: rename or remove "
            "the file"
        ) from None


def by_date(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the one file of each date.

    Raises
    ------
    InputError
        For two files of one date.
    """
    files: dict[str, str] = {}
    for date, path in pairs:
        if date in files:
            raise InputError(
                f"{path}: the date {date} is already in the stack ({Path(files[date]).name}); "
                "expected one file per date: remove one of the two"
            )
        files[date] = path
    return files
