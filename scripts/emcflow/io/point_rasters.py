"""Rasters on the grid of the stack, read at the points of the scene."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from emcflow.acquisition.geometry import LIMITS, RASTER_KEYS, check_limits
from emcflow.errors import InputError
from emcflow.io.raster import Grid, open_raster, read_grid, read_values


class PointRasters:
    """Reads rasters on the grid of the stack at the points of the scene.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, cols) of the scene
        The points.
    grid : Grid
        Of the scene.
    window : sequence of int or None
        The part of the rasters that is the scene.
    """

    def __init__(self, mask: np.ndarray, grid: Grid, window: Sequence[int] | None) -> None:
        self.mask, self.grid, self.window = mask, grid, window

    def read(self, path: str, low: float, high: float, what: str, zero: bool = False) -> np.ndarray:
        """Return the values at the points, float64; NaN where there is none, see `check_values`.

        Raises
        ------
        InputError
            Also for a raster on another grid.
        """
        values = self._at_points(path, what)
        check_values(path, values, low, high, what, zero)
        return values

    def read_geometry(self, path: str, key: str) -> np.ndarray:
        """Return the values of a key of the section geometry at the points, as `read` does."""
        values = self._at_points(path, LIMITS[key][2])
        check_limits(path, key, *value_range(path, values, LIMITS[key][2]))
        return values

    def view(self, geometry: Mapping[str, Any]) -> dict[str, Any]:
        """Return range and angle of a section geometry, at the points where it names a raster.

        Returns
        -------
        dict of str to ndarray, float or None
        """
        given = {key: geometry[key] for key in RASTER_KEYS}
        return {
            key: self.read_geometry(value, key) if isinstance(value, str) else value
            for key, value in given.items()
        }

    def baselines(
        self, paths: Collection[str], negate: bool, progress: Callable[[int, int], None]
    ) -> Iterator[np.ndarray]:
        """Yield the perpendicular baselines at the points [m], raster by raster.

        Parameters
        ----------
        paths : collection of str
            Of every date.
        negate : bool
            Whether they have the other sign.
        progress : callable
            Called with (rasters done, rasters in all).
        """
        for done, path in enumerate(paths, start=1):
            values = self.read(path, -1e5, 1e5, "perpendicular baselines in metres", zero=True)
            yield -values if negate else values
            progress(done, len(paths))

    def _at_points(self, path: str, what: str) -> np.ndarray:
        with open_raster(path) as dataset:
            own = read_grid(dataset)
        difference = own.cropped(self.window).differs_from(self.grid)
        if difference:
            raise InputError(
                f"{path}: {difference}; expected the grid of the stack: crop and resample it to "
                "that (a VRT will do)"
            )
        row0, col0, row1, col1 = self.window or (0, 0, *self.grid.shape)
        values = read_values(path, (row0, col0, row1, col1))[self.mask]
        if np.iscomplexobj(values):
            raise InputError(f"{path}: complex values; expected {what}: give another raster")
        values = values.astype(np.float64)
        return values


def check_values(
    path: str, values: np.ndarray, low: float, high: float, what: str, zero: bool = False
) -> None:
    """Refuse a raster whose values at the points are not what they should be.

    Parameters
    ----------
    path : str
        For the message.
    values : ndarray
        At the points.
    low, high : float
        Between which all finite values have to lie.
    what : str
        What they should be.
    zero : bool
        Zeros are values; else they stand for none.

    Raises
    ------
    InputError
    """
    smallest, largest = value_range(path, values, what, zero)
    if smallest < low or largest > high:
        raise InputError(
            f"{path}: values from {smallest:g} to {largest:g} at the points; expected "
            f"{what}, {low:g} to {high:g}: convert it"
        )


def value_range(
    path: str, values: np.ndarray, what: str, zero: bool = False
) -> tuple[float, float]:
    """Return the smallest and the largest of the values at the points; see `check_values`."""
    known = values[np.isfinite(values) & (zero | (values != 0))]
    if not known.size:
        raise InputError(f"{path}: zero or NaN at all points; expected {what}: give another raster")
    return float(known.min()), float(known.max())
