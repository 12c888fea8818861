"""Tables of GNSS stations and their velocities, as a person writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emcflow.errors import InputError
from emcflow.io.tables import Table, read_table

__all__ = ["Stations", "read_stations"]

# What a table may have, one of each kind: where a station is, and its velocity.
PLACES = ("longitude", "latitude"), ("row", "col")
VELOCITIES = ("toward_mm_yr",), ("away_mm_yr",), ("east_mm_yr", "north_mm_yr", "up_mm_yr")
DEGREES, ALONG_AXES = PLACES[0], VELOCITIES[2]
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
    """

    table: str
    names: list[str]
    place_names: list[str]
    velocity_names: list[str]
    places: list[list[float]]
    velocities: list[list[float]]
    sigma: list[float]

    @property
    def in_degrees(self) -> bool:
        """Whether places are longitude and latitude."""
        return self.place_names == [*DEGREES]

    @property
    def along_axes(self) -> bool:
        """Whether velocities are east, north and up, not along the line of sight."""
        return self.velocity_names == [*ALONG_AXES]


def read_stations(path: str | Path) -> Stations:
    """Read a table of stations.

    Parameters
    ----------
    path : path
        CSV with the columns longitude and latitude (WGS 84, degrees), or row and col (from 0);
        toward_mm_yr or away_mm_yr, along the line of sight, or east_mm_yr, north_mm_yr and
        up_mm_yr; and, if it likes, station (a name) and sigma_mm_yr; others do not matter.

    Returns
    -------
    Stations

    Raises
    ------
    InputError
        For a file that is no such table, values that are none, and a station that is listed twice.
    """
    table = read_table(path, "table of stations", "station")
    place = _one_of(table, PLACES)
    velocity = _one_of(table, VELOCITIES)
    named, weighed = table.columns(("station", "name")), table.columns((SIGMA,))
    names, places, velocities, sigma = [], [], [], []
    for line, cells in table.lines:
        name = cells[named[0]] if named and cells[named[0]] else f"line {line}"
        if name in names:
            raise InputError(
                f"{path}, line {line}: the station {name} is listed twice; expected every station "
                "once: remove one of the lines"
            )
        names.append(name)
        places.append(_numbers(table, line, cells, place, "place"))
        velocities.append(_numbers(table, line, cells, velocity, "velocity in mm/yr"))
        sigma.append(table.number(line, cells, weighed, "mm/yr above 0") if weighed else 1.0)
        if sigma[-1] <= 0:
            raise InputError(
                f"{path}, line {line}: {SIGMA} is {sigma[-1]:g}; expected mm/yr above 0: correct it"
            )
        if place == DEGREES and not (abs(places[-1][0]) <= 360 and abs(places[-1][1]) <= 90):
            raise InputError(
                f"{path}, line {line}: longitude {places[-1][0]:g} and latitude {places[-1][1]:g}; "
                "expected degrees: correct them"
            )
    return Stations(str(path), names, [*place], [*velocity], places, velocities, sigma)


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
    table: Table, line: int, cells: list[str], names: tuple[str, ...], what: str
) -> list[float]:
    return [table.number(line, cells, table.columns((name,)), what) for name in names]
