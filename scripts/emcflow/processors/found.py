"""What was found of a stack in a folder, and what was not: the lines of a config to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emcflow.acquisition.geometry import LIMITS
from emcflow.errors import InputError
from emcflow.io.raster import Grid

VIEW_KEYS = ("wavelength_m", "slant_range_m", "incidence_angle_deg")
# Last names of what is written beside a config.
BASELINES = "baselines.csv"
ANGLE = "incidence_angle_deg.tif"


@dataclass(frozen=True)
class Value:
    """A value of the config, and where it was found."""

    key: str
    value: Any
    where: str


@dataclass(frozen=True)
class Question:
    """A key of the config whose value no file says."""

    key: str
    text: str


@dataclass(frozen=True)
class Beside:
    """The path of a file that is written beside the config, by its last name."""

    name: str


@dataclass(frozen=True)
class NewRaster:
    """A raster to be written beside the config, and what it holds.

    Parameters
    ----------
    rows : callable
        Returns float32 (last - first, cols) of the rows from a first to a last one, half open:
        nothing is read before it is asked for.
    grid : Grid
    units, description : str
    """

    rows: Callable[[int, int], np.ndarray]
    grid: Grid
    units: str
    description: str


def incidence_raster(angle_deg: Callable[[int, int], np.ndarray], grid: Grid) -> NewRaster:
    """Return the raster of an incidence angle.

    Parameters
    ----------
    angle_deg : callable
        Returns angles float64 (last - first, cols) [degree] of the rows from a first to a last one,
        half open; becomes NaN where it is none between 0 and 90.
    grid : Grid
    """

    def rows(first: int, last: int) -> np.ndarray:
        with np.errstate(invalid="ignore"):  # of arccos beyond 1
            angles = angle_deg(first, last)
        return np.where((angles > 0) & (angles < 90), angles, np.nan).astype(np.float32)

    return NewRaster(rows, grid, "degree", "incidence angle at the target")


@dataclass
class Found:
    """What a folder says of a stack.

    Parameters
    ----------
    program : str
        What the folder was read as.
    lines : list of Value or Question
        By keys of the config, in the order in which they were found.
    tables : dict of str to mapping
        Tables to be written beside the config, by their last names: columns by name.
    rasters : dict of str to NewRaster
        Rasters to be written beside the config, by their last names.
    texts : dict of str to str
        Other files to be written beside the config, by their last names.
    """

    program: str
    lines: list[Value | Question] = field(default_factory=list)
    tables: dict[str, Mapping[str, Sequence]] = field(default_factory=dict)
    rasters: dict[str, NewRaster] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def say(self, key: str, value: Any, where: str) -> None:
        """Add a value and where it was found.

        Raises
        ------
        InputError
            For a number of the view that is none, see :data:`emcflow.acquisition.geometry.LIMITS`.
        """
        name = key.removeprefix("geometry.")
        if name in LIMITS and not isinstance(value, str | Beside):
            low, high, what = LIMITS[name]
            if not low < value < high:
                raise InputError(
                    f"{where}: {name} would be {value:.6g}; expected {what} between {low:g} and "
                    f"{high:g}: check the file"
                )
        self.lines.append(Value(key, value, where))

    def ask(self, key: str, text: str) -> None:
        """Add a question."""
        self.lines.append(Question(key, text))

    def baselines_per_date(self, bperp_m: Mapping[str, float], where: str) -> None:
        """Say the baselines by a table to be written, in the sign of this program's own config."""
        dates = sorted(bperp_m)
        values = [round(float(bperp_m[date]), 4) + 0.0 for date in dates]
        self.tables[BASELINES] = {"date": dates, "bperp_m": values}
        self.say("baselines.csv", Beside(BASELINES), where)

    def baselines_per_pair(self, bperp_m: Mapping[tuple[str, str], float], where: str) -> None:
        """Say the baselines of pairs, each reference and secondary, as `baselines_per_date`."""
        pairs = sorted(bperp_m)
        self.tables[BASELINES] = {
            "reference": [first for first, _ in pairs],
            "secondary": [second for _, second in pairs],
            "bperp_m": [round(float(bperp_m[pair]), 4) + 0.0 for pair in pairs],
        }
        self.say("baselines.csv", Beside(BASELINES), where)

    def ask_for_the_rest(self) -> None:
        """Ask for what of view and baselines has neither a value nor a question yet."""
        known = {line.key for line in self.lines}
        for name in VIEW_KEYS:
            if f"geometry.{name}" not in known:
                self.ask(f"geometry.{name}", f"not in these files; {LIMITS[name][2]}")
        if not {"baselines.csv", "baselines.rasters"} & known:
            self.ask("baselines.csv", "not in these files; a table of perpendicular baselines")

    @property
    def asks_for_the_link_model(self) -> bool:
        """Whether something that the link model needs is not known."""
        needed = {f"geometry.{name}" for name in VIEW_KEYS} | {"baselines.csv"}
        return any(isinstance(line, Question) and line.key in needed for line in self.lines)
