"""The points of a scene, window by window: one order of them whatever the strips are.

Files of strips hold values of the points in this order, and rasters are written from them by bands
of whole blocks. Windows end where strips do and where blocks of the rasters do, so no raster is
held whole, and what is made of a window does not depend on the strips.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emcflow.io.raster import BLOCK, NO_LABEL_DATA, Grid, read_band, write_rows
from emcflow.io.strips import strip_bounds

Bounds = tuple[int, int, int, int]
# Values of the points of a window, by the window.
ValuesOf = Callable[["PointWindow"], np.ndarray]


class PointWindow(NamedTuple):
    """Some of the points of a scene.

    Attributes
    ----------
    bounds : tuple of int
        First row, first column, end row, end column; ends excluded.
    places : slice
        Where its points stand among those of the scene, row by row.
    strip : int
        The strip that it is of.
    mask : ndarray of uint8
        Bits of the pixels that are points.
    """

    bounds: Bounds
    places: slice
    strip: int
    mask: np.ndarray

    @property
    def npoints(self) -> int:
        """Number of points."""
        return self.places.stop - self.places.start

    def inside(self) -> np.ndarray:
        """Return which pixels are points, bool (rows, cols)."""
        row0, col0, row1, col1 = self.bounds
        shape = row1 - row0, col1 - col0
        return np.unpackbits(self.mask, count=shape[0] * shape[1]).astype(bool).reshape(shape)

    def points(self) -> np.ndarray:
        """Return row and column of its points, int64 (npoints, 2)."""
        return np.argwhere(self.inside()) + self.bounds[:2]


class PointWindows:
    """The points of a scene by windows; holds a bit per pixel.

    Parameters
    ----------
    labels : callable
        Returns the labels of the pixels within bounds, uint16 (rows, cols): points have one above
        0 that is not ``NO_LABEL_DATA``, that of the component that they can be compared in.
    shape : tuple of int
        Rows and columns of the scene.
    strip_rows : int
        Rows of a strip.

    Attributes
    ----------
    windows : list of PointWindow
        Those with points, strip by strip, in each row by row of blocks.
    npoints : int
    counts : ndarray of int64, shape (ncomponents,)
        Points of each component.
    """

    def __init__(
        self, labels: Callable[[Bounds], np.ndarray], shape: tuple[int, int], strip_rows: int
    ) -> None:
        self.shape, self._labels = shape, labels
        self.windows: list[PointWindow] = []
        self.npoints, self.counts = 0, np.zeros(0, np.int64)
        for strip, (first, end) in enumerate(strip_bounds(shape[0], strip_rows)):
            row = first
            while row < end:
                stop = min(end, (row // BLOCK + 1) * BLOCK)
                self._add(strip, row, stop)
                row = stop

    @classmethod
    def of_raster(cls, path: str | Path, shape: tuple[int, int], strip_rows: int) -> PointWindows:
        """Return the points of a raster of labels."""
        return cls(lambda bounds: read_band(path, bounds), shape, strip_rows)

    def _add(self, strip: int, row: int, stop: int) -> None:
        """Add the windows of some rows, which are read once."""
        labels = self._labels((row, 0, stop, self.shape[1]))
        inside = _are_points(labels)
        counts = np.bincount(labels[inside], minlength=len(self.counts) + 1)[1:]
        counts[: len(self.counts)] += self.counts
        self.counts = counts
        for col in range(0, self.shape[1], BLOCK):
            bounds = row, col, stop, min(col + BLOCK, self.shape[1])
            own = inside[:, col : bounds[3]]
            npoints = int(np.count_nonzero(own))
            if npoints:
                places = slice(self.npoints, self.npoints + npoints)
                self.windows.append(PointWindow(bounds, places, strip, np.packbits(own)))
                self.npoints += npoints

    @property
    def ncomponents(self) -> int:
        """Number of components."""
        return len(self.counts)

    def of_strip(self, strip: int) -> list[PointWindow]:
        """Return the windows of a strip."""
        return [window for window in self.windows if window.strip == strip]

    def blocks(self) -> Iterator[list[PointWindow]]:
        """Yield the windows of every block of the rasters, from top to bottom.

        The order of the blocks, and of the points of a block, are the same for any strips.
        """
        in_order = sorted(self.windows, key=_block)
        for _, windows in groupby(in_order, key=_block):
            yield list(windows)

    def component(self, window: PointWindow) -> np.ndarray:
        """Return the component of every point of a window, int32 (npoints,), from 0 on."""
        if self.ncomponents <= 1:
            return np.zeros(window.npoints, np.int32)
        return self._labels(window.bounds)[window.inside()].astype(np.int32) - 1

    def touching(self, bounds: Bounds) -> list[PointWindow]:
        """Return the windows that have pixels within bounds."""
        row0, col0, row1, col1 = bounds
        return [
            window
            for window in self.windows
            if window.bounds[0] < row1
            and row0 < window.bounds[2]
            and window.bounds[1] < col1
            and col0 < window.bounds[3]
        ]

    def window_of(self, place: int) -> PointWindow:
        """Return the window that a place is in."""
        return next(window for window in self.windows if place < window.places.stop)

    def split(self, places: np.ndarray) -> Iterator[tuple[PointWindow, np.ndarray]]:
        """Yield the windows that hold some places, and the numbers of their points there."""
        for window in self.windows:
            own = places[(places >= window.places.start) & (places < window.places.stop)]
            if len(own):
                yield window, own - window.places.start

    def component_of(self, place: int) -> int:
        """Return the component of a point."""
        window = self.window_of(place)
        return int(self.component(window)[place - window.places.start])

    def image(self, values: ValuesOf, row: int, stop: int) -> np.ndarray:
        """Return rows of an image of values of the points, float32, NaN elsewhere.

        They have to be whole blocks of the rasters, but at the end of the scene.
        """
        image = np.full((stop - row, self.shape[1]), np.nan, np.float32)
        for window in self._by_block_row[row // BLOCK]:
            row0, col0, row1, col1 = window.bounds
            image[row0 - row : row1 - row, col0:col1][window.inside()] = values(window)
        return image

    @cached_property
    def _by_block_row(self) -> dict[int, list[PointWindow]]:
        """The windows of every row of blocks."""
        found: dict[int, list[PointWindow]] = defaultdict(list)
        for window in self.windows:
            found[window.bounds[0] // BLOCK].append(window)
        return found

    def write(
        self,
        path: str | Path,
        grid: Grid,
        values: ValuesOf,
        *,
        units: str,
        description: str,
        tags: dict[str, str],
    ) -> None:
        """Write values of the points as :func:`emcflow.io.raster.write_raster` writes an image."""
        rows = partial(self.image, values)
        write_rows(path, grid, np.float32, rows, units=units, description=description, tags=tags)


def _are_points(labels: np.ndarray) -> np.ndarray:
    """Return which pixels have a label."""
    return (labels > 0) & (labels < NO_LABEL_DATA)


def _block(window: PointWindow) -> tuple[int, int]:
    """Return row and column of the block that a window is part of."""
    return window.bounds[0] // BLOCK, window.bounds[1] // BLOCK
