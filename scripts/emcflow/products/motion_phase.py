"""Phase of the dates relative to the reference, without that of the DEM error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from emcflow.io.date_strips import DateStrips
from emcflow.io.point_file import PointFile
from emcflow.io.point_windows import PointWindow, PointWindows
from emcflow.tiles.reference_area import reference_places


def scene_places(
    points: PointWindows,
    reference: Sequence[int],
    known: Callable[[PointWindow], np.ndarray] | None = None,
) -> np.ndarray:
    """Return the places of the points of a scene that values are relative to.

    Parameters
    ----------
    points : PointWindows
    reference : sequence of int
        A point or an area, see :func:`emcflow.tiles.reference_area.reference_places`.
    known : callable, optional
        Returns which points of a window have a value, bool (n,); by default all.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    InputError
        Where no such point has a value.
    """
    row, col = reference[:2]
    end_row, end_col = reference[2:] if len(reference) == 4 else (row + 1, col + 1)
    near = points.touching((row, col, end_row, end_col)) or points.windows
    row_col = np.concatenate([window.points() for window in near])
    labels = np.concatenate(
        [(points.component(window) + 1) * (known(window) if known else 1) for window in near]
    )
    places = np.concatenate([np.arange(w.places.start, w.places.stop) for w in near])
    return places[reference_places(row_col, labels, reference)]


class MotionPhase:
    """Phase of every date relative to the reference and the first date.

    Parameters
    ----------
    phase : DateStrips
    reference : sequence of int
        Row and column of a point, or an area whose mean counts.
    rad_per_unit : float64 (ndates, n), optional
        Phase of one unit of the DEM error at each date, and of what it leaks into; without it the
        phase of the DEM error stays in.
    units : callable, optional
        Returns those units at the points of a window, float32 (n, npoints), NaN where they are not
        known.
    folder : path, optional
        Where there is room for the units of all points.

    Attributes
    ----------
    phase, reference
        As above.

    Raises
    ------
    InputError
        If the reference holds no point, or none with a DEM error.
    """

    def __init__(
        self,
        phase: DateStrips,
        reference: Sequence[int],
        rad_per_unit: np.ndarray | None = None,
        units: Callable[[PointWindow], np.ndarray] | None = None,
        folder: str | Path | None = None,
    ) -> None:
        self.phase, self.reference = phase, reference
        self._rad_per_unit, self._units = rad_per_unit, None
        points = phase.points
        if rad_per_unit is not None and units is not None:
            self._units = PointFile(rad_per_unit.shape[1], points.npoints, folder)
            for window in points.windows:
                self._units.write(window.places, units(window))
        places = scene_places(points, reference, self.known)
        self._of_reference = np.zeros((phase.shape[0], 1))
        for window, own in points.split(places):
            some = slice(int(own[0]), int(own[-1]) + 1)
            at_places = self._motion(window, slice(None), some)[:, own - own[0]]
            self._of_reference += at_places.sum(axis=1, keepdims=True)
        self._of_reference /= len(places)

    def _motion(self, window: PointWindow, dates: slice, some: slice) -> np.ndarray:
        """Phase of some dates at some points of a window without the DEM error."""
        phase = self.phase.read(window, dates, some)
        if self._units is None or self._rad_per_unit is None:
            return phase.astype(np.float64)
        start, stop, _ = some.indices(window.npoints)
        places = slice(window.places.start + start, window.places.start + stop)
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
        return self._motion(window, dates, some) - self._of_reference[dates]
