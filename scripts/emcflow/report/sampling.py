"""Which points of a scene a page can show one by one, and their values and small pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emcflow.io.raster import read_band, windows
from emcflow.products.closure import largest_of_cells
from emcflow.report.thinning import thin_shape

STRIP_ROWS = 512  # whole blocks of the rasters, so that each is decompressed once
MOST_POINTS = 5000
MOST_VALUES = 600_000  # of the series: points times dates


@dataclass(frozen=True)
class Thinning:
    """What is taken of every raster of a scene.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the scene.
    points : ndarray of int32, shape (n, 2)
        Row and column of the points whose values are kept, row by row.
    """

    shape: tuple[int, int]
    points: np.ndarray

    def middles(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and columns in the middle of cells of `step` pixels along each side."""
        rows, cols = (
            ((np.arange(thin) + 0.5) * size / thin).astype(int)
            for thin, size in zip(thin_shape(self.shape, step), self.shape, strict=True)
        )
        return rows, cols

    def read(self, path: str | Path, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Read a raster that a rule wrote, strip by strip.

        Parameters
        ----------
        path : path
        step : int
            Pixels of the scene along each side that make one of the image.

        Returns
        -------
        image : ndarray, shape ``thin_shape(shape, step)``
            The pixel in the middle of each cell, in the file's own type.
        values : ndarray, shape (n,)
            At the points.

        Raises
        ------
        InputError
            Where the file cannot be read.
        """
        rows, cols = self.middles(step)
        parts = [self._of_strip(path, rows, cols, bounds) for bounds in self._strips()]
        images, values = zip(*parts, strict=True)
        return np.concatenate(images), np.concatenate(values)

    def _strips(self) -> Sequence[tuple[int, int, int, int]]:
        """Return the bounds of strips of the scene."""
        return list(windows(self.shape, (STRIP_ROWS, self.shape[1])))

    def _of_strip(
        self, path: str | Path, rows: np.ndarray, cols: np.ndarray, bounds: tuple
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the part of the image, and the values of the points, in a strip of a raster."""
        band, first, last = read_band(path, bounds), bounds[0], bounds[2]
        inside = rows[(rows >= first) & (rows < last)] - first
        start, end = np.searchsorted(self.points[:, 0], (first, last))
        row, col = self.points[start:end].T
        return band[np.ix_(inside, cols)], band[row - first, col]


def choose_points(
    is_point: np.ndarray, most: int, always: Sequence[tuple[int, int]] = ()
) -> np.ndarray:
    """Choose points evenly over a scene: all, or the first one of every cell that has any.

    Parameters
    ----------
    is_point : ndarray of bool, shape (rows, cols)
    most : int
        Largest number of points, without those that are in it anyway.
    always : sequence of tuple of int
        Row and column of points that are in it anyway.

    Returns
    -------
    ndarray of int32, shape (n, 2)
        Row and column, row by row.
    """
    step = _cell(is_point, most)
    chosen = [np.array([place for place in always if is_point[place]]).reshape(-1, 2)]
    for top in range(0, len(is_point), step):
        row, col = np.nonzero(is_point[top : top + step])
        _, first = np.unique(col // step, return_index=True)
        chosen.append(np.column_stack([top + row[first], col[first]]))
    return np.unique(np.concatenate(chosen), axis=0).astype(np.int32)


def _cell(is_point: np.ndarray, most: int) -> int:
    """Return the side of the smallest cells of which at most so many have a point."""
    npoints = int(np.count_nonzero(is_point))
    step = max(1, int(np.sqrt(npoints / most)))
    while step > 1 or npoints > most:
        if np.count_nonzero(largest_of_cells(is_point, step)) <= most:
            return step
        step += 1
    return 1
