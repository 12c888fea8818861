"""Rasters of the motion in the phase of the dates: of each date, and its velocity."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from emcflow.acquisition.geometry import (
    DAYS_PER_YEAR,
    MOTION_SIGNS,
    MOTION_TEXTS,
    days_since_first,
    metres_per_rad,
    rad_per_mm_yr,
)
from emcflow.io.point_file import PointFile
from emcflow.io.point_windows import PointWindow, ValuesOf
from emcflow.io.raster import Grid
from emcflow.products.motion_phase import MotionPhase
from emcflow.products.time_series import chunks, fit_velocity
from emcflow.tiles.reference_area import area_text

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MotionMaps:
    """Writes what follows from the phase of the motion.

    Parameters
    ----------
    grid : Grid
    dates : sequence of str
        YYYYMMDD.
    motion : MotionPhase
    wavelength_m : float
    positive : {"away", "toward"}
        Motion that is positive in displacements and velocities.
    """

    grid: Grid
    dates: Sequence[str]
    motion: MotionPhase
    wavelength_m: float
    positive: str

    def write_date(
        self,
        name: str,
        misfit: str | Path,
        displacement: str | Path | None = None,
        phase: str | Path | None = None,
    ) -> None:
        """Write the rasters of a date: its misfit, and displacement and phase since the first.

        Parameters
        ----------
        name : str
            YYYYMMDD.
        misfit, displacement, phase : path
            Of the rasters; the first date has a misfit alone.
        """
        number = self.dates.index(name)
        span = {"REFERENCE_DATE": self.dates[0], "SECONDARY_DATE": name}
        metres = metres_per_rad(self.wavelength_m, self.positive)

        def own_phase(window: PointWindow) -> np.ndarray:
            return self.motion.read(window, slice(number, number + 1))[0]

        def moved(window: PointWindow) -> np.ndarray:
            return metres * own_phase(window)

        def own_misfit(window: PointWindow) -> np.ndarray:
            zero = np.where(self.motion.known(window), np.float32(0), np.float32(np.nan))
            return zero + self.motion.phase.date_misfit(window, number)

        self._write(misfit, own_misfit, "rad", f"misfit of the interferograms of {name}", {})
        if displacement:
            tags = span | {"SIGN": MOTION_TEXTS[self.positive]}
            self._write(displacement, moved, "m", "displacement", tags)
        if phase:
            tags = span | {"SIGN": MOTION_TEXTS["away"]}
            self._write(phase, own_phase, "rad", "phase", tags)

    def write_velocity(self, output: Mapping[str, str], folder: str | Path) -> None:
        """Write the velocity of the series, its standard deviation and the misfit over all pairs.

        Parameters
        ----------
        output : mapping of str to str
            Paths ``velocity``, ``velocity_sigma`` and ``misfit``.
        folder : path
            Where there is room for values of all points.
        """
        motion, points = self.motion, self.motion.phase.points
        years = days_since_first(self.dates) / DAYS_PER_YEAR
        fitted = PointFile(2, points.npoints, folder)
        nknown = nopen = 0
        for window in (window for block in points.blocks() for window in block):
            for some in chunks(window.npoints):
                places = slice(window.places.start + some.start, window.places.start + some.stop)
                fitted.write(places, np.array(fit_velocity(motion.read(window, some=some), years)))
            known = motion.known(window)
            nknown += int(np.count_nonzero(known))
            nopen += int(np.count_nonzero(known & (motion.phase.misfit(window) > 0)))
        per_rad = float(1 / rad_per_mm_yr(1.0, self.wavelength_m))
        sign = MOTION_SIGNS[self.positive] * per_rad
        velocity, sigma = partial(_times, fitted, 0, sign), partial(_times, fitted, 1, per_rad)
        text, tags = "velocity of the time series", {"SIGN": MOTION_TEXTS[self.positive]}
        self._write(output["velocity"], velocity, "mm/yr", text, tags)
        text = "standard deviation of the velocity"
        self._write(output["velocity_sigma"], sigma, "mm/yr", text, {})
        self._write(output["misfit"], self._misfit, "rad", "misfit of the interferograms", {})
        log.info(
            "%d dates at %d points, relative to %s; at %d points (%.3f %%) loops of interferograms "
            "do not close",
            *(len(self.dates), nknown, area_text(motion.reference), nopen),
            100 * nopen / nknown,
        )

    def _misfit(self, window: PointWindow) -> np.ndarray:
        """Return the misfit of the interferograms at the points of a window."""
        known, misfit = self.motion.known(window), self.motion.phase.misfit(window)
        return np.where(known, misfit, np.float32(np.nan))

    def _write(
        self, path: str | Path, values: ValuesOf, units: str, text: str, tags: dict[str, str]
    ) -> None:
        of_all = {
            "REFERENCE": area_text(self.motion.reference),
            "WAVELENGTH_M": f"{self.wavelength_m:.12g}",
            "DEM_ERROR": "taken out" if self.motion.without_dem_error else "in it",
        }
        points = self.motion.phase.points
        points.write(path, self.grid, values, units=units, description=text, tags=of_all | tags)


def _times(values: PointFile, row: int, factor: float, window: PointWindow) -> np.ndarray:
    """Return a row of values of a window times a factor, in single precision."""
    return values.row(row, window.places) * np.float32(factor)
