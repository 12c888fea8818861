"""Images in degrees of longitude and latitude, for programs that take no other coordinates.

Every pixel takes the value of the pixel of the scene that its centre lies in. Nothing is averaged,
so that phases stay congruent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.warp import transform

from emcflow.errors import InputError
from emcflow.io.raster import Grid, ReadRows, map_crs, row_strips, rows_of, write_rows
from emcflow.products.point_table import WGS84, has_degrees, to_degrees

__all__ = ["DegreeGrid", "check_on_map", "degree_grid"]

# Pixels on each side of the outline that are turned into degrees, and rows at a time of its inside.
OUTLINE_STEPS = 50
STRIP_PIXELS = 250_000
# A scene around a pole, or around the Earth, has no rectangle of degrees that fits it.
MOST_DEGREES = 60.0


@dataclass(frozen=True)
class DegreeGrid:
    """A grid of degrees with north up, and where its values are in the scene.

    Parameters
    ----------
    grid : Grid
        In WGS 84.
    scene : Grid
        What it is of.
    places : ndarray of int32, shape (rows, cols), or None
        Place of the pixel of the scene, counted row by row; -1 outside. None: both grids are one.
    """

    grid: Grid
    scene: Grid
    places: np.ndarray | None

    def take(self, image: np.ndarray, outside: float) -> np.ndarray:
        """Return an image of the scene on this grid, in its type; `outside` where there is none."""
        return self.take_rows(rows_of(image), outside, 0, self.grid.shape[0])

    def take_rows(self, read: ReadRows, outside: float, first: int, end: int) -> np.ndarray:
        """Return rows of an image on this grid, as `take` does.

        Parameters
        ----------
        read : callable
            Returns rows of the image of the scene from a first to an end row, (nrows, cols).
        outside : float
            Value where there is none.
        first, end : int
            Rows of this grid.
        """
        if self.places is None:
            return read(first, end)
        places, cols = self.places[first:end], self.scene.shape[1]
        known = places >= 0
        lowest = int(places.min(initial=self.scene.shape[0] * cols - 1, where=known)) // cols
        part = read(lowest, max(int(places.max()) // cols, lowest) + 1)
        taken = part.ravel()[np.where(known, places - lowest * cols, 0)]
        taken[~known] = outside
        return taken

    def write(
        self, path: Path, read: ReadRows, outside: float, *, units: str, description: str
    ) -> None:
        """Write an image of the scene on this grid, some rows at a time."""
        rows, kind = partial(self.take_rows, read, outside), read(0, 1).dtype
        write_rows(path, self.grid, kind, rows, units=units, description=description)

    def nearest_point(self, row: int, col: int, points: ReadRows) -> tuple[int, int]:
        """Return row and column of the point of this grid that is nearest to a pixel of the scene.

        Parameters
        ----------
        row, col : int
            In the scene.
        points : callable
            Returns where there are points in rows of the scene, bool (nrows, cols).
        """
        x, y = Affine(*self.scene.transform) @ (col + 0.5, row + 0.5)
        longitude, latitude = _degrees(self.scene, [x], [y])
        own_col, own_row = ~Affine(*self.grid.transform) @ (longitude, latitude)
        nearest, place = np.inf, (0, 0)
        for first, _, end, _ in row_strips(self.grid.shape):
            rows, cols = np.nonzero(self.take_rows(points, 0, first, end))
            apart = np.hypot(rows + first + 0.5 - own_row, cols + 0.5 - own_col)
            if apart.size and apart.min() < nearest:
                here = int(apart.argmin())
                nearest, place = apart[here], (int(rows[here]) + first, int(cols[here]))
        return place


def check_on_map(scene: Grid, needed_by: str) -> None:
    """Refuse a scene whose coordinates lead to no longitude and latitude.

    Parameters
    ----------
    scene : Grid
    needed_by : str
        Key and value of the config, for the message.

    Raises
    ------
    InputError
    """
    if not has_degrees(scene.crs):
        raise InputError(
            f"{needed_by}: the stack is in radar coordinates or on no map of the Earth; expected "
            "one whose coordinate reference system leads to longitude and latitude: geocode it, "
            "or leave this export out"
        )


def degree_grid(scene: Grid, needed_by: str) -> DegreeGrid:
    """Return the grid of degrees of a scene, its own where that is one.

    Another is as fine in the middle of the scene as its pixels are, along either axis.

    Parameters
    ----------
    scene, needed_by
        See :func:`check_on_map`.

    Raises
    ------
    InputError
        For a scene that is not on a map of the Earth, or around a pole.
    """
    check_on_map(scene, needed_by)
    a, b, _, d, e, _ = scene.transform
    if map_crs(scene.crs) == WGS84 and b == d == 0 and a > 0 > e:
        return DegreeGrid(scene, scene, None)
    grid = _grid_around(scene, needed_by)
    return DegreeGrid(grid, scene, _places(grid, scene))


def _grid_around(scene: Grid, needed_by: str) -> Grid:
    """Return the grid of degrees that covers a scene."""
    rows, cols = scene.shape
    side = np.linspace(0, 1, OUTLINE_STEPS + 1)
    outline = [(side, 0 * side), (side, 0 * side + 1), (0 * side, side), (0 * side + 1, side)]
    col, row = np.hstack(outline) * [[cols], [rows]]
    # around its middle, and one pixel to the right and one down
    middle = np.array([[cols / 2, cols / 2 + 1, cols / 2], [rows / 2, rows / 2, rows / 2 + 1]])
    x, y = Affine(*scene.transform) @ (np.append(middle[0], col), np.append(middle[1], row))
    longitude, latitude = _degrees(scene, x, y)
    longitude = longitude[0] + (longitude - longitude[0] + 180) % 360 - 180
    west, east = float(longitude.min()), float(longitude.max())
    south, north = float(latitude.min()), float(latitude.max())
    if not east - west < MOST_DEGREES:
        raise InputError(
            f"{needed_by}: the scene spans {east - west:.0f} degrees of longitude; expected less "
            f"than {MOST_DEGREES:g}: set stack.window to a part of it, or leave this export out"
        )
    step_x = math.hypot(*(longitude[1:3] - longitude[0]))
    step_y = math.hypot(*(latitude[1:3] - latitude[0]))
    shape = math.ceil((north - south) / step_y), math.ceil((east - west) / step_x)
    return Grid(shape, WGS84.to_wkt(), (step_x, 0.0, west, 0.0, -step_y, north))


def _degrees(scene: Grid, x: np.ndarray | list, y: np.ndarray | list) -> np.ndarray:
    return to_degrees(CRS.from_user_input(scene.crs), np.asarray(x), np.asarray(y))


def _places(grid: Grid, scene: Grid) -> np.ndarray:
    """Return the place in the scene of each pixel of a grid of degrees, int32; -1 outside."""
    rows, cols = grid.shape
    back = ~Affine(*scene.transform)
    places = np.full(grid.shape, -1, np.int32)
    many = max(1, STRIP_PIXELS // cols)
    for row0 in range(0, rows, many):
        row, col = np.indices((min(many, rows - row0), cols)).reshape(2, -1)
        longitude, latitude = Affine(*grid.transform) @ (col + 0.5, row + row0 + 0.5)
        x, y = map(np.asarray, transform(WGS84, scene.crs, longitude, latitude))
        own_col, own_row = map(np.floor, back @ (x, y))
        inside = (own_row >= 0) & (own_row < scene.shape[0])
        inside &= (own_col >= 0) & (own_col < scene.shape[1])
        strip = places[row0 : row0 + many].reshape(-1)
        strip[inside] = (own_row * scene.shape[1] + own_col)[inside]
    return places
