"""Names of input rasters: patterns and lists to files, names to dates."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from emcflow.errors import InputError
from emcflow.io.raster import local_file
from emcflow.io.sources import files_of

# A run of eight digits, or of 14 with the time.
DATE = re.compile(r"(?<!\d)(\d{8})(?:\d{6})?(?!\d)")
# Other ways to write a date, those first that hardly anything else looks like.
OTHER_FORMS = {
    "%Y-%m-%d": re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)"),
    "%d%b%Y": re.compile(r"(?<![A-Za-z\d])(\d{2}[A-Za-z]{3}\d{4})(?!\d)"),
    "%Y%j": re.compile(r"(?<!\d)((?:19|20)\d{2}[0-3]\d{2})(?!\d)"),
}
# Six digits may be many things, such as a time: they are a date where a path has no other.
SHORT_FORM = {"%y%m%d": re.compile(r"(?<!\d)(\d{6})(?!\d)")}
# Same-day images that a message lists.
MOST_LISTED = 8
# GDAL's name of a part of a file: driver, file, and what is inside.
SUBDATASET = re.compile(r'(\w+:)"?([^":]*)"?(:.*)?')


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
        are, but for a pattern in the file's name of a subdataset, ``NETCDF:"*.h5":/data/VV``.

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
            found += _subdatasets(key, directory, name)
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
    for path in found:
        for file in files_of(path):
            check_braces(file)
    return found


def _subdatasets(key: str, directory: str | Path | None, name: str) -> list[str]:
    """Return the names of a subdataset in every file of a pattern, else the name as it is."""
    parts = SUBDATASET.fullmatch(name)
    if name.startswith("/vsi") or not parts or not glob.has_magic(parts[2]):
        return [name]
    if "://" in parts[1] + parts[2]:
        return [name]
    driver, pattern, inside = parts.groups()
    files = list_rasters(key, directory, pattern)
    return [f'{driver}"{file}"{inside or ""}' for file in files]


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
        A date is a run of eight digits, or of 14 with the time; or it is written as 2018-03-06,
        06Mar2018, YYYYDDD with the day of the year counted from 0 as GMTSAR does, or, in a path
        that has no others, as YYMMDD. Only the last part of the path that holds enough of them
        counts: the file's name, else its folder's; for a subdataset of HDF5 or Zarr that of the
        file it is in.
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
    for dates in _written_dates(path):
        if len(dates) >= count:
            for digits in dates[:count]:
                _check_date(path, digits)
            return tuple(dates[:count])
    raise InputError(
        f"{path}: no {'date' if count == 1 else 'two dates'} in the name; expected YYYYMMDD, as in "
        f"{'20200101' if count == 1 else '20200101_20200113'} (or 2020-01-01, 01Jan2020, YYYYDDD "
        "from 0, YYMMDD): rename or remove the file"
    )


def last_date_in_name(path: str) -> str:
    """Return the date that a raster is of: the one in its name, or the second of a pair.

    Raises
    ------
    InputError
        Where there is none; see :func:`dates_in_name`.
    """
    for dates in _written_dates(path):
        if dates:
            date = list(dict.fromkeys(dates))[:2][-1]
            _check_date(path, date)
            return date
    return dates_in_name(path, 1)[0]  # it says so


def has_date(path: str) -> bool:
    """Say whether a name has a date, see :func:`dates_in_name`."""
    return any(_written_dates(path))


def pair_in_name(path: str) -> tuple[str, str]:
    """Return the first two different dates in the name of an interferogram.

    Names of products over some seconds have each date twice, at the start and the end of the image.

    Raises
    ------
    InputError
        Where there are none; see :func:`dates_in_name`.
    """
    for dates in _written_dates(path):
        distinct = list(dict.fromkeys(dates))
        if len(distinct) > 1:
            first, second = distinct[:2]
            for digits in (first, second):
                _check_date(path, digits)
            return first, second
    dates_in_name(path, 2)  # where there are fewer, it says so
    raise InputError(
        f"{path}: twice the same date in the name; expected two dates: rename or remove the file"
    )


def _written_dates(path: str) -> Iterator[list[str]]:
    """Yield the dates of each part of a path and each way to write them, the likeliest first.

    Runs of eight digits come as they are, the others as YYYYMMDD where they are of the calendar.
    """
    parts = [part for part in re.split(r"[/\\]", str(path)) if part][::-1]
    for part in parts:
        yield DATE.findall(part)
        for form, pattern in OTHER_FORMS.items():
            yield _of_the_calendar(pattern.findall(part), form)
    for part in parts:
        for form, pattern in SHORT_FORM.items():
            yield _of_the_calendar(pattern.findall(part), form)


def _of_the_calendar(texts: Sequence[str], form: str) -> list[str]:
    """Return dates as YYYYMMDD, those left out that are none."""
    dates = []
    for text in texts:
        try:
            if form == "%Y%j":  # days count from 0
                day = datetime(int(text[:4]), 1, 1) + timedelta(days=int(text[4:]))
                if day.year != int(text[:4]):
                    continue
            else:
                day = datetime.strptime(text, form)
        except ValueError:
            continue
        dates.append(day.strftime("%Y%m%d"))
    return dates


def _check_date(path: str, digits: str) -> None:
    try:
        datetime.strptime(digits, "%Y%m%d")
    except ValueError:
        raise InputError(
            f"{path}: {digits!r} in the name is no date; expected YYYYMMDD: rename or remove "
            "the file"
        ) from None


def by_date(pairs: Iterable[tuple[str, str]], key: str = "stack.files") -> dict[str, str]:
    """Return the one file of each date; `key` of the config names them.

    Raises
    ------
    InputError
        For several files of one date, such as passes at different times of a day; all are listed.
    """
    return _one_of_each("date", pairs, key)


def by_pair(
    files: Iterable[tuple[tuple[str, str], str]], key: str = "stack.files"
) -> dict[tuple[str, str], str]:
    """Return the one file of each pair of dates, in the order in which its name has them.

    Raises
    ------
    InputError
        For several files of one pair, in whichever order of its dates; all are listed.
    """
    listed = list(files)
    said = {path: "_".join(pair) for pair, path in listed}
    named = (("_".join(sorted(pair)), path) for pair, path in listed)
    _one_of_each("pair", named, key, lambda _, path: said[path])
    return dict(listed)


def _one_of_each(
    what: str,
    named: Iterable[tuple[str, str]],
    key: str,
    said: Callable[[str, str], str] = lambda name, path: name,
) -> dict[str, str]:
    """Return the one file of each name, a date or a pair; `said`: as a file itself has it."""
    files: dict[str, list[str]] = {}
    for name, path in named:
        files.setdefault(name, []).append(path)
    several = {name: paths for name, paths in files.items() if len(paths) > 1}
    if several:
        name, paths = next(iter(several.items()))
        listed = "; ".join(
            f"{name}: {', '.join(map(_short_name, paths))}"
            for name, paths in list(several.items())[:MOST_LISTED]
        )
        place = "the stack" if key == "stack.files" else key
        more = f"; and {len(several) - MOST_LISTED} more" if len(several) > MOST_LISTED else ""
        raise InputError(
            f"{paths[1]}: the {what} {said(name, paths[1])} is already in {place}; expected one "
            f"image per {what}, but there are several of {len(several)} ({listed}{more}): list "
            f"those of one pass in {key}, or remove one of each"
        )
    return {name: paths[0] for name, paths in files.items()}


def _short_name(path: str) -> str:
    """Return the last part of a path that has a digit, and what follows."""
    parts = re.split(r"[/\\]", path)
    last = max((n for n, part in enumerate(parts) if re.search(r"\d", part)), default=0)
    return "/".join(parts[last:]).replace('"', "")
