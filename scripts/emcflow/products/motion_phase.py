"""Phase of the dates relative to the reference, without that of the DEM error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from emcflow.errors import InputError
from emcflow.io.date_strips import DateStrips
from emcflow.io.point_file import PointFile
from emcflow.io.point_windows import PointWindow, PointWindows


def reference_place(points: PointWindows, row_col: tuple[int, int], known: bool = True) -> int:
    """Return the place of a reference point, by its row and column.

    Raises
    ------
    InputError
        If it is none of the points, or not `known`.
    """
    place = points.place(row_col)
    if place is None or not known:
        raise InputError(
            "reference point row {}, column {} is masked: it is in no labelled component, or "
            "has no DEM error; choose another reference.point, or null".format(*row_col)
        )
    return place


class MotionPhase:
    """Phase of every date relative to the reference and the first date.

    Parameters
    ----------
    phase : DateStrips
    reference : tuple of int
        Row and column.
    rad_per_unit : float64 (ndates, n), optional
        Phase of one unit of the DEM error at each date, and of what it leaks into; without it the
        phase of the DEM error stays in.
    units : callable, optional
        Returns those units at the points of a window, float32 (n, npoints), NaN where they are not
        known.
    folder : path, optional
        Where there is room for the units of all points.

    Raises
    ------
    InputError
        If the reference is no point, or without a DEM error.
    """

    def __init__(
        self,
        phase: DateStrips,
        reference: tuple[int, int],
        rad_per_unit: np.ndarray | None = None,
        units: Callable[[PointWindow], np.ndarray] | None = None,
        folder: str | Path | None = None,
    ) -> None:
        self._phase, self._rad_per_unit, self._units = phase, rad_per_unit, None
        points = phase.points
        self.place = place = reference_place(points, reference)
        of_reference = phase.of_point(place)
        if rad_per_unit is not None and units is not None:
            self._units = PointFile(rad_per_unit.shape[1], points.npoints, folder)
            for window in points.windows:
                self._units.write(window.places, units(window))
            own = self._units.read(slice(place, place + 1))
            reference_place(points, reference, known=bool(np.isfinite(own).all()))
        self._of_reference = self._without(of_reference, slice(None), slice(place, place + 1))

    def _without(self, phase: np.ndarray, dates: slice, places: slice) -> np.ndarray:
        """Phase of some dates and points without the DEM error."""
        if self._units is None or self._rad_per_unit is None:
            return phase.astype(np.float64)
        return phase - self._rad_per_unit[dates] @ self._units.read(places).astype(np.float64)

    @property
    def without_dem_error(self) -> bool:
        """Whether the phase of the DEM error is taken out."""
        return self._units is not None

    def known(self, window: PointWindow) -> np.ndarray:
        """Return at which points of a window it is known, bool (n,)."""
        if self._units is None:
            return np.ones(window.npoints, bool)
        return np.isfinite(self._units.read(window.places)).all(axis=0)

    def read(
        self, window: PointWindow, dates: slice = slice(None), some: slice = slice(None)
    ) -> np.ndarray:
        """Return the phase of some dates at some points of a window [rad], float64 (ndates, n)."""
        start, stop, _ = some.indices(window.npoints)
        places = slice(window.places.start + start, window.places.start + stop)
        phase = self._without(self._phase.read(window, dates, some), dates, places)
        return phase - self._of_reference[dates]
