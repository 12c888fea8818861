"""Tables of GNSS stations and their velocities or displacements, as a person writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emcflow.acquisition.geometry import DAYS_PER_YEAR, days_since_first
from emcflow.errors import InputError
from emcflow.io.tables import DATE, Table, read_table

__all__ = ["Stations", "read_stations"]

# What a table may have, one of each kind: where a station is, and its motion.
PLACES = ("longitude", "latitude"), ("row", "col")
VELOCITIES = ("toward_mm_yr",), ("away_mm_yr",), ("east_mm_yr", "north_mm_yr", "up_mm_yr")
DISPLACEMENTS = ("toward_mm",), ("away_mm",), ("east_mm", "north_mm", "up_mm")
DEGREES, ALONG_AXES = PLACES[0], VELOCITIES[2]
LEAST_DATES = 2  # that a velocity can be fitted to
SIGMA = "sigma_mm_yr"


@dataclass(frozen=True)
class Stations:
    """GNSS stations.

    Parameters
    ----------
    table : str
        Where they are from, for messages.
    names : list of str
    place_names, velocity_names : list of str
        Columns of the table, of `PLACES` and of `VELOCITIES`.
    places, velocities : list of list of float
        Values of these columns of each station [degrees or pixels from 0, mm/yr].
    sigma : list of float
        Standard deviation of the velocity along the line of sight [mm/yr]; 1 where not given.
    remarks : list of str
        What was taken of displacements.
    """

    table: str
    names: list[str]
    place_names: list[str]
    velocity_names: list[str]
    places: list[list[float]]
    velocities: list[list[float]]
    sigma: list[float]
    remarks: list[str] = field(default_factory=list)

    @property
    def in_degrees(self) -> bool:
        """Whether places are longitude and latitude."""
        return self.place_names == [*DEGREES]

    @property
    def along_axes(self) -> bool:
        """Whether velocities are east, north and up, not along the line of sight."""
        return self.velocity_names == [*ALONG_AXES]


class _Row(NamedTuple):
    """A line of the table: what it says of a station."""

    line: int
    name: str
    place: list[float]
    motion: list[float]
    sigma: float
    date: str  # empty for velocities


def read_stations(path: str | Path, dates: Sequence[str]) -> Stations:
    """Read a table of stations; displacements become velocities.

    Parameters
    ----------
    path : path
        CSV with the columns longitude and latitude (WGS 84, degrees), or row and col (from 0);
        toward_mm_yr or away_mm_yr, along the line of sight, or east_mm_yr, north_mm_yr and
        up_mm_yr; and, if it likes, station (a name) and sigma_mm_yr; others do not matter.
        Instead of velocities it may have displacements, toward_mm, away_mm, or east_mm, north_mm
        and up_mm, at a date: a line per station and date.
    dates : sequence of str
        Dates of the stack, YYYYMMDD, ascending. Displacements before and after them are left out.

    Returns
    -------
    Stations
        Of displacements those with two dates or more, and the velocity of the straight line that
        fits them best (least squares, each of the axes by itself).

    Raises
    ------
    InputError
        For a file that is no such table, values that are none, a station that is listed twice, or
        twice at a date or in two places, and displacements of which none has two dates.
    """
    table = read_table(path, "table of stations", "station")
    place = _one_of(table, PLACES)
    motion = _one_of(table, VELOCITIES + DISPLACEMENTS)
    rows = _rows(table, place, motion)
    if motion in DISPLACEMENTS:
        return _fitted(table, place, motion, rows, dates)
    found: dict[str, _Row] = {}
    for row in rows:
        if found.setdefault(row.name, row) is not row:
            raise InputError(
                f"{path}, line {row.line}: the station {row.name} is listed twice; expected every "
                "station once: remove one of the lines"
            )
    _, names, places, velocities, sigma, _ = map(list, zip(*rows, strict=True))
    return Stations(str(path), names, [*place], [*motion], places, velocities, sigma)


def _rows(table: Table, place: tuple[str, ...], motion: tuple[str, ...]) -> list[_Row]:
    """Return what the lines of the table say."""
    named, weighed = table.columns(("station", "name")), table.columns((SIGMA,))
    dated = table.columns(DATE) if motion in DISPLACEMENTS else []
    what = "displacement in mm" if motion in DISPLACEMENTS else "velocity in mm/yr"
    if motion in DISPLACEMENTS and not dated:
        raise InputError(
            f"{table.path}: no column date in the header {', '.join(table.header)}; expected the "
            f"date of every displacement: add it, or give velocities, {motion[0]}_yr"
        )
    of_place, of_motion, rows = table.columns(place), table.columns(motion), []
    for line, cells in table.lines:
        at = _numbers(table, line, cells, of_place, "place")
        if place == DEGREES and not (abs(at[0]) <= 360 and abs(at[1]) <= 90):
            raise InputError(
                f"{table.path}, line {line}: longitude {at[0]:g} and latitude {at[1]:g}; "
                "expected degrees: correct them"
            )
        sigma = table.number(line, cells, weighed, "mm/yr above 0") if weighed else 1.0
        if sigma <= 0:
            raise InputError(
                f"{table.path}, line {line}: {SIGMA} is {sigma:g}; expected mm/yr above 0: "
                "correct it"
            )
        name = cells[named[0]] if named else ""
        # lines of a station without a name have its place in common
        name = name or (f"{at[0]:.10g} {at[1]:.10g}" if dated else f"line {line}")
        day = table.date(line, cells, dated) if dated else ""
        values = _numbers(table, line, cells, of_motion, what)
        rows.append(_Row(line, name, at, values, sigma, day))
    return rows


def _fitted(
    table: Table,
    place: tuple[str, ...],
    motion: tuple[str, ...],
    rows: list[_Row],
    dates: Sequence[str],
) -> Stations:
    """Return stations with the velocities that fit their displacements."""
    found = _by_station(table, rows)
    inside = {
        name: [row for row in own if dates[0] <= row.date <= dates[-1]]
        for name, own in found.items()
    }
    kept = {name: own for name, own in inside.items() if len(own) >= LEAST_DATES}
    time = f"from {dates[0]} to {dates[-1]}, the time of the stack"
    if not kept:
        raise InputError(
            f"{table.path}: no station has displacements at {LEAST_DATES} dates {time}; expected "
            "that of one at least: add them"
        )
    counts = [len(own) for own in kept.values()]
    outside = len(rows) - sum(map(len, inside.values()))
    remarks = [
        f"velocities of {len(kept)} stations fitted to displacements at {min(counts)} to "
        f"{max(counts)} dates {time}; {outside} displacements outside it left out"
    ]
    if len(kept) < len(found):
        lacking = ", ".join(name for name in found if name not in kept)
        remarks.append(f"left out, since they have fewer than {LEAST_DATES} such dates: {lacking}")
    firsts = [own[0] for own in kept.values()]
    return Stations(
        str(table.path),
        list(kept),
        [*place],
        [f"{name}_yr" for name in motion],
        [row.place for row in firsts],
        [_steady_velocity(own) for own in kept.values()],
        [row.sigma for row in firsts],
        remarks,
    )


def _by_station(table: Table, rows: list[_Row]) -> dict[str, list[_Row]]:
    """Return the lines of each station, which have one place and every date once."""
    found: dict[str, dict[str, _Row]] = {}
    for row in rows:
        own = found.setdefault(row.name, {})
        first = next(iter(own.values()), row)
        if row.date in own:
            raise InputError(
                f"{table.path}, line {row.line}: the station {row.name} is listed twice at "
                f"{row.date}; expected one displacement per date: remove one of the lines"
            )
        if (row.place, row.sigma) != (first.place, first.sigma):
            raise InputError(
                f"{table.path}, line {row.line}: the station {row.name} has another place or "
                f"{SIGMA} here than in line {first.line}; expected the same in all its lines: "
                "correct one of them"
            )
        own[row.date] = row
    return {name: list(own.values()) for name, own in found.items()}


def _steady_velocity(rows: list[_Row]) -> list[float]:
    """Return the slopes of the straight lines nearest to displacements [mm/yr], by their axes."""
    rows = sorted(rows, key=lambda row: row.date)
    years = days_since_first([row.date for row in rows]) / DAYS_PER_YEAR
    years -= years.mean()
    slopes = years @ np.array([row.motion for row in rows]) / (years @ years)
    return [float(slope) for slope in slopes]


def _one_of(table: Table, kinds: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Return which of some groups of columns a table has, the only one."""
    found = [kind for kind in kinds if len(table.columns(kind)) == len(kind)]
    if len(found) != 1:
        wanted = ", or ".join(" and ".join(kind) for kind in kinds)
        raise InputError(
            f"{table.path}: the header has the columns {', '.join(table.header)}; expected one of "
            f"{wanted}: {'remove the others' if found else 'rename the columns'}"
        )
    return found[0]


def _numbers(
    table: Table, line: int, cells: list[str], columns: list[int], what: str
) -> list[float]:
    return [table.number(line, cells, [column], what) for column in columns]
