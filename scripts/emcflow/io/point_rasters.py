"""Rasters on the grid of the stack, read at the points of the scene."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rasterio import DatasetReader

from emcflow.acquisition.geometry import LIMITS, RASTER_KEYS, check_limits
from emcflow.errors import InputError
from emcflow.io.raster import Grid, open_raster, read_grid, row_strips, values_of

BASELINES = "perpendicular baselines in metres"


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

    def slices(self, height: int = 1) -> Iterator[tuple[tuple[int, int], slice]]:
        """Yield first and end row of every strip, and which points are in it; see `row_strips`."""
        first = 0
        for row, _, end, _ in row_strips(self.grid.shape, height):
            count = int(np.count_nonzero(self.mask[row:end]))
            yield (row, end), slice(first, first + count)
            first += count

    def read_rows(self, path: str, rows: tuple[int, int], what: str) -> np.ndarray:
        """Return the values at the points of some rows, float64, as they are.

        Raises
        ------
        InputError
            For a raster on another grid, and for complex values.
        """
        with open_raster(path) as dataset:
            self._check_grid(dataset, path)
            return self._of_rows(dataset, path, rows, what)

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
            values = self.read(path, -1e5, 1e5, BASELINES, zero=True)
            yield -values if negate else values
            progress(done, len(paths))

    def _at_points(self, path: str, what: str) -> np.ndarray:
        """Return the values at all points."""
        values = np.empty(np.count_nonzero(self.mask))
        with open_raster(path) as dataset:
            self._check_grid(dataset, path)
            for rows, places in self.slices(dataset.block_shapes[0][0]):
                values[places] = self._of_rows(dataset, path, rows, what)
        return values

    def _check_grid(self, dataset: DatasetReader, path: str) -> None:
        difference = read_grid(dataset).cropped(self.window).differs_from(self.grid)
        if difference:
            raise InputError(
                f"{path}: {difference}; expected the grid of the stack: crop and resample it to "
                "that (a VRT will do)"
            )

    def _of_rows(
        self, dataset: DatasetReader, path: str, rows: tuple[int, int], what: str
    ) -> np.ndarray:
        row0, col0, _, col1 = self.window or (0, 0, *self.grid.shape)
        values = values_of(dataset, path, (row0 + rows[0], col0, row0 + rows[1], col1))
        if np.iscomplexobj(values):
            raise InputError(f"{path}: complex values; expected {what}: give another raster")
        return values[self.mask[slice(*rows)]].astype(np.float64)


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
    known = np.isfinite(values)
    if not zero:
        known &= values != 0
    if not known.any():
        raise InputError(f"{path}: zero or NaN at all points; expected {what}: give another raster")
    smallest = values.min(initial=np.inf, where=known)
    return float(smallest), float(values.max(initial=-np.inf, where=known))
