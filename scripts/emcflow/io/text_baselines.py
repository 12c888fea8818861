"""Perpendicular baselines as processors write them: text files without a header.

Told apart by content; lines that are blank or start with ``#`` are skipped:

* ISCE2, one file per pair, whose two dates are in its name. topsStack has a line
  ``Bperp (average): 62.6`` per swath, stripmapStack ``PERP_BASELINE_TOP`` and
  ``PERP_BASELINE_BOTTOM``; the mean counts.
* LiCSBAS and LiCSAR, a line ``20170302 20170326 130.9 24.0`` per pair (reference, secondary,
  baseline, days), in older files, as GAMMA's base_calc writes them, with a number before and four
  columns after it.
* GMTSAR's ``baseline_table.dat``, a line ``S1_20170302_ALL_F1 2017060.5 1156 -0.1 130.9`` per
  acquisition: name, time, days, parallel and perpendicular baseline (its manual, page of
  baseline_table.csh). The days of a year count from 0 in the time.
* A date and a baseline in every line, as lists for MintPy (``bl_list.txt``) have them; or two dates
  and a baseline.

Baselines keep their sign: which target then has a positive DEM error depends on the processor, see
``baselines.negate``.
"""

from __future__ import annotations

import math
import re
from datetime import date, timedelta
from pathlib import Path

from emcflow.errors import InputError
from emcflow.io.filenames import check_braces, dates_in_name
from emcflow.io.tables import parse_date

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
ISCE2 = re.compile(
    rf"^\s*(?:Bperp \(average\):|PERP_BASELINE_(?:TOP|BOTTOM)\b:?)\s*({NUMBER}|\S*)\s*$", re.M
)
DAY = r"\d{4}-?\d{2}-?\d{2}"
WITHOUT_HEADER = re.compile(rf"(\d+[\s,]+)?{DAY}[\s,]|\S*[A-Za-z]\S*\s+\d{{7}}(\.\d*)?\s")
GMTSAR_TIME = re.compile(r"[12]\d{3}[0-3]\d{2}(\.\d*)?")
LAYOUTS = (
    "date and baseline; two dates, baseline (and days) as in LiCSBAS' baselines; or name, YYYYDDD, "
    "days, parallel and perpendicular baseline as in GMTSAR's baseline_table.dat"
)
# What tables have where there is no value.
NO_VALUE = {"", "nan", "na", "n/a", "null", "none", "-", "--"}


def table_files(path: str) -> list[str]:
    """Return the files that a table of baselines is made of.

    Parameters
    ----------
    path : str
        A table, or a folder with a text file for every pair, in folders of their own or not.

    Returns
    -------
    list of str
        The table itself; of a folder the files ``*.txt`` that have two dates in their names.

    Raises
    ------
    InputError
        For a folder without such files.
    """
    if not Path(path).is_dir():
        return [path]
    found = [
        str(file)
        for file in sorted(Path(path).rglob("*.txt"))
        if len(re.findall(r"(?<!\d)\d{8}(?!\d)", file.name)) == 2
    ]
    if not found:
        raise InputError(
            f"{path}: a folder without DATE1_DATE2.txt; expected a table, or the "
            "folder of ISCE2's baselines: correct the path"
        )
    for file in found:
        check_braces(file)
    return found


def read_text_baselines(
    path: str | Path,
) -> list[tuple[tuple[str, ...], float | None, int]] | None:
    """Read baselines from text files without a header.

    Parameters
    ----------
    path : path

    Returns
    -------
    list of (dates, bperp_m, line), or None
        A date, or reference and secondary; baseline [m], None where the file has none; and the
        number of the line, or of the file in a folder. None for anything else, such as a table
        with a header.

    Raises
    ------
    InputError
        For a file of these that holds something else, too, or a baseline that is no number.
    """
    folder = Path(path).is_dir()
    rows: list[tuple[tuple[str, ...], float | None, int]] = []
    for number, file in enumerate(table_files(str(path)), start=1):
        try:
            text = Path(file).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError):
            if folder:
                raise InputError(
                    f"{file}: cannot be read as text; expected a baseline of ISCE2: remove it, or "
                    "write it again"
                ) from None
            return None  # the reader of tables says what is wrong
        values = ISCE2.findall(text)
        if not values and not folder:
            return _rows_without_header(text, file)
        if not values:
            raise InputError(
                f"{file}: neither 'Bperp (average):' nor PERP_BASELINE_TOP in it; expected a "
                "baseline of ISCE2: remove it, or compute the baselines again"
            )
        bperp = [_number(value, file) for value in values]
        rows.append((dates_in_name(file, 2), sum(bperp) / len(bperp), number))
    return rows


def _rows_without_header(
    text: str, file: str
) -> list[tuple[tuple[str, ...], float | None, int]] | None:
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines or not WITHOUT_HEADER.match(lines[0][1].lstrip() + " "):
        return None
    rows: list[tuple[tuple[str, ...], float | None, int]] = []
    columns = None
    for number, line in lines:
        where = f"{file}, line {number}"
        cells = [cell.strip() for cell in (line.split(",") if "," in line else line.split())]
        columns = columns or len(cells)
        if len(cells) not in (2, 3, 4, 5, 7, 9) or len(cells) != columns:
            raise InputError(
                f"{where}: {len(cells)} columns and no header, {columns} in the first line; "
                f"expected {LAYOUTS}: correct or remove the line, or give the columns names"
            )
        dates, bperp = _dates_and_baseline(cells, where)
        if len(dates) == 1 or dates[0] != dates[1]:  # the reference itself is no pair
            rows.append((dates, table_number(bperp, where), number))
    return rows


def _dates_and_baseline(cells: list[str], where: str) -> tuple[tuple[str, ...], str]:
    """Return the dates of a line without a header, and its baseline as it is written."""
    if len(cells) in (5, 7):
        return (_gmtsar_date(cells[0], cells[1], where),), cells[4]
    if len(cells) == 2:
        return (_date(cells[0], where),), cells[1]
    first = 1 if len(cells) == 9 else 0
    pair = tuple(_date(cell, where) for cell in cells[first : first + 2])
    return pair, cells[first + 2]


def _date(cell: str, where: str) -> str:
    try:
        return parse_date(cell)
    except ValueError:
        raise InputError(
            f"{where}: {cell!r} is no date; expected YYYYMMDD in a table without header, of the "
            f"columns {LAYOUTS}: correct or remove the line"
        ) from None


def _gmtsar_date(name: str, time: str, where: str) -> str:
    """Return the date of a line of GMTSAR, by the days since January 1, and by the name if it can.

    Names of Sentinel-1 hold the date; others have nothing but an orbit.
    """
    if not GMTSAR_TIME.fullmatch(time):
        raise InputError(
            f"{where}: the time is {time!r}; expected YYYYDDD with a fraction, as in GMTSAR's "
            "baseline_table.dat: correct or remove the line"
        )
    day = date(int(time[:4]), 1, 1) + timedelta(days=int(time[4:7]))
    by_time = day.isoformat().replace("-", "")
    try:
        by_name = parse_date(name)
    except ValueError:
        return by_time
    if by_name != by_time:
        raise InputError(
            f"{where}: {name} is of {by_name} by its name and of {by_time} by its time {time}, "
            "whose days count from 0 as GMTSAR's do; expected the same date: correct one"
        )
    return by_name


def table_number(text: str, where: str) -> float | None:
    """Return a baseline [m] that a table holds; None where it says that it has none.

    Raises
    ------
    InputError
        For what is no finite number.
    """
    return None if text.lower() in NO_VALUE else _number(text, where)


def _number(text: str, where: str) -> float:
    value = float(text) if re.fullmatch(NUMBER, text) else math.nan
    if not math.isfinite(value):
        raise InputError(
            f"{where}: the baseline is {text!r}; expected a finite number of metres: correct it"
        )
    return value
