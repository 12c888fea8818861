"""Tables that people write: comma-separated text with a header, dates in many forms.

Nothing is guessed: what is missing or ambiguous is an error that names the line.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from emcflow.errors import InputError

# Names a column may have, the first that holds a value wins: times, then dates, then names of files
# and scenes that hold one, as ASF's and other searches give them.
DATE = (
    "time_utc", "date_utc", "date", "acquisition_date", "start_time", "starttime", "file",
    "filename", "slc", "granule_name", "granule", "scene_name", "scenename", "scene",
)  # fmt: skip
REFERENCE = (
    "reference_time_utc", "reference", "reference_date", "reference_file", "ref", "ref_date",
    "reference_granule", "reference_scene", "primary", "primary_date", "master", "master_date",
    "date1",
)  # fmt: skip
SECONDARY = (
    "secondary_time_utc", "secondary", "secondary_date", "secondary_file", "sec", "sec_date",
    "secondary_granule", "secondary_scene", "repeat", "repeat_date", "slave", "slave_date", "date2",
)  # fmt: skip

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Table:
    """A table as text.

    Parameters
    ----------
    path : path
    header : list of str
        Names of the columns as they are written.
    lines : list of (int, list of str)
        Number of each line that says something, and as many cells as there are columns.
    """

    path: str | Path
    header: list[str]
    lines: list[tuple[int, list[str]]]

    def columns(self, names: Sequence[str]) -> list[int]:
        """Return the columns that have one of some names, in the order of those names.

        Case and punctuation of the header do not matter.

        Raises
        ------
        InputError
            Where two columns have the same of these names.
        """
        written = [re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") for name in self.header]
        found = [written.index(name) for name in names if name in written]
        for column in found:
            if written.count(written[column]) > 1:
                raise InputError(
                    f"{self.path}: the header has the column {self.header[column]} more than once; "
                    "expected it once: rename or remove the others"
                )
        return found

    def date(self, line: int, cells: list[str], columns: Sequence[int]) -> str:
        """Return the date in the first of some columns that is not blank, as YYYYMMDD."""
        name, text = self._first_value(line, cells, columns)
        try:
            return parse_date(text)
        except ValueError:
            raise InputError(
                f"{self.path}, line {line}: {name} is {text!r}; expected a date as YYYYMMDD, "
                "YYYY-MM-DD, a time stamp, or a file name with YYYYMMDD as its first eight "
                "digits: correct it"
            ) from None

    def number(self, line: int, cells: list[str], columns: Sequence[int], what: str) -> float:
        """Return the finite number in the first of some columns that is not blank."""
        name, text = self._first_value(line, cells, columns)
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not math.isfinite(value):
            raise InputError(
                f"{self.path}, line {line}: {name} is {text!r}; expected a finite {what}: "
                "correct it or remove the line"
            )
        return value

    def of_dates(
        self,
        dates: Sequence[str],
        name: str,
        what: str,
        allowed: Callable[[float], bool],
        expected: str,
    ) -> list[float]:
        """Return the value of every date of a stack; other columns and dates do not matter.

        Parameters
        ----------
        dates : sequence of str
            Dates of the stack, YYYYMMDD.
        name : str
            Column of the values.
        what, expected : str
            What a value is, and which are, for messages.
        allowed : callable
            Whether a number can be such a value.

        Raises
        ------
        InputError
            For a column that is missing, a date without or with two values, and values that are not
            allowed.
        """
        columns = {"date": self.columns(DATE), name: self.columns((name,))}
        for each, found in columns.items():
            if not found:
                raise InputError(
                    f"{self.path}: no column {each} in the header {', '.join(self.header)}; "
                    f"expected date and {name}: name the columns so"
                )
        known: dict[str, float] = {}
        for line, cells in self.lines:
            day = self.date(line, cells, columns["date"])
            value = self.number(line, cells, columns[name], what)
            if not allowed(value):
                raise InputError(
                    f"{self.path}, line {line}: {name} is {value:g}; expected {expected}: correct "
                    "the column"
                )
            if known.setdefault(day, value) != value:
                raise InputError(
                    f"{self.path}, line {line}: {day} has {value:g} here and {known[day]:g} "
                    f"before; expected one {what} per date: remove one"
                )
        missing = [day for day in dates if day not in known]
        if missing:
            raise InputError(
                f"{self.path}: no {what} for {', '.join(missing)}; expected one for each of the "
                f"{len(dates)} dates of the stack: add them"
            )
        return [known[day] for day in dates]

    def _first_value(self, line: int, cells: list[str], columns: Sequence[int]) -> tuple[str, str]:
        """Return column name and text of the first cell that is not blank."""
        for column in columns:
            if cells[column]:
                return self.header[column], cells[column]
        raise InputError(
            f"{self.path}, line {line}: {self.header[columns[0]]} is blank; expected a value: "
            "fill it in or remove the line"
        )


def read_table(path: str | Path, what: str, rows: str) -> Table:
    """Read a table of comma-separated values.

    Parameters
    ----------
    path : path
        CSV with a header, UTF-8; lines that are blank or start with ``#`` are skipped.
    what, rows : str
        What the table is and what its lines are about, for messages.

    Returns
    -------
    Table

    Raises
    ------
    InputError
        For a file that cannot be read, has no lines, or lines with more cells than the header.
    """
    lines = _read_cells(Path(path), what)
    if not lines:
        raise InputError(
            f"{path}: empty; expected a header and one line per {rows}: give another file"
        )
    (_, header), *lines = lines
    if not lines:
        raise InputError(
            f"{path}: a header without lines; expected one line per {rows}: give another file"
        )
    for line, cells in lines:
        if any(cells[len(header) :]):
            raise InputError(
                f"{path}, line {line}: {len(cells)} values for {len(header)} columns; expected as "
                "many values as the header has names: use points in decimal numbers, quote commas "
                "in names"
            )
        cells += [""] * (len(header) - len(cells))
    return Table(path, header, lines)


def parse_date(text: str) -> str:
    """Return the date that a table cell holds.

    Parameters
    ----------
    text : str
        YYYYMMDD, ISO date or time stamp, or a path whose file name has a date as its first eight
        digits in a row.

    Returns
    -------
    str
        YYYYMMDD.

    Raises
    ------
    ValueError
        Where there is no date, or none of the calendar.
    """
    name = re.split(r"[/\\]", text.strip())[-1]
    iso = re.match(r"(\d{4})-(\d{2})-(\d{2})(?!\d)", name)
    if iso:
        digits = "".join(iso.groups())
    else:
        # a run of eight digits, or of 14 (date and time); others are not dates
        runs = [run for run in re.findall(r"\d+", name) if len(run) >= 8]
        if not runs or len(runs[0]) not in (8, 14):
            raise ValueError(text)
        digits = runs[0][:8]
    day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    return day.isoformat().replace("-", "")


def _read_cells(path: Path, what: str) -> list[tuple[int, list[str]]]:
    """Return line number and stripped cells of each line that says something."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            f"{path}: {error.strerror}; expected a {what} (CSV): correct the path"
        ) from None
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: not a text file in UTF-8; expected a {what}: save it as CSV, UTF-8"
        ) from None
    # a comment becomes a blank line, so that the numbers of the lines stay
    lines = ["" if line.lstrip().startswith("#") else line for line in text.splitlines()]
    reader = csv.reader(lines, skipinitialspace=True)
    table = []
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells):
                table.append((reader.line_num, cells))
    except csv.Error as error:
        raise InputError(
            f"{path}, line {reader.line_num}: {error}; expected comma-separated values: "
            "correct the line"
        ) from None
    return table
