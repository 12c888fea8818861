"""Maps of the scene from values of the tiles: what is read of them, and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from emcflow.io.hdf5 import TileFiles, read_rows
from emcflow.io.point_windows import PointWindow, PointWindows, ValuesOf
from emcflow.io.raster import BLOCK, open_raster
from emcflow.io.strips import strip_bounds
from emcflow.links.uncertainty import CONTRASTS_AT_ONCE
from emcflow.tiles.feather import Blending, TileOffsets, TileValues
from emcflow.tiles.held import HeldTiles
from emcflow.tiles.scene import ScenePixels


class TilesWithValues(Sequence[TileValues]):
    """Values of tiles, each read from the file of ``integrate_parameters`` when it is asked for.

    Parameters
    ----------
    paths : sequence of path
        Of the tiles.
    name : str
        Of the values: params or residuals.
    rows : slice
        Which of them.
    """

    def __init__(
        self, paths: Sequence[str | Path], name: str = "params", rows: slice = slice(None)
    ) -> None:
        self._paths, self._name, self._rows = paths, name, rows
        self._points = TileFiles(paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: int) -> TileValues:  # type: ignore[override]
        bounds, points, region = self._points[number]
        values = read_rows(self._paths[number], self._name, self._rows)
        return TileValues(bounds, points, values, region)


def residual_squares(
    blending: Blending,
    paths: Sequence[str | Path],
    ncontrasts: int,
    offsets: Callable[[Sequence[TileValues]], TileOffsets],
) -> np.ndarray:
    """Return the sum of the squared contrasts of the scene's points, joined a few at a time.

    Parameters
    ----------
    blending : Blending
        Of the parameters.
    paths : sequence of path
        Of the tiles, whose ``residuals`` (ncontrasts, npoints) are read [rad].
    ncontrasts : int
    offsets : callable
        Returns the constants that make tiles agree.

    Returns
    -------
    ndarray of float64, shape (nscene,)
        [rad^2]
    """
    squares = np.zeros(blending.pixels.npoints)
    for start in range(0, ncontrasts, CONTRASTS_AT_ONCE):
        some = slice(start, min(start + CONTRASTS_AT_ONCE, ncontrasts))
        tiles = HeldTiles(TilesWithValues(paths, "residuals", some))
        own, of_some = blending.of(tiles, offsets(tiles)), np.zeros(len(squares))
        for row in range(some.stop - some.start):
            values = own.row(row)
            of_some += np.square(values, out=values)
        squares += of_some
    return squares


def bands_at_points(path: str | Path, pixels: ScenePixels) -> np.ndarray:
    """Return the bands of a raster at the points of the scene, (nbands, npoints)."""
    with open_raster(path) as dataset:
        found = np.empty((dataset.count, pixels.npoints), dataset.dtypes[0])
        for row, end in strip_bounds(dataset.height, BLOCK):
            part = slice(*pixels.first[[row, end]])
            rows = dataset.read(window=((row, end), (0, dataset.width)))
            found[:, part] = rows[:, pixels.used[row:end]]
    return found


def windows_of_values(
    pixels: ScenePixels, values: Mapping[str, Callable[[slice], np.ndarray]]
) -> tuple[PointWindows, dict[str, ValuesOf]]:
    """Return points and values as those write them that go through a scene by windows.

    Parameters
    ----------
    pixels : ScenePixels
        Those that are points.
    values : mapping of str to callable
        By the names of the maps, what returns the values of some of the points.

    Returns
    -------
    windows : PointWindows
    values : dict of str to callable
        The values of each map at the points of a window.
    """
    used = pixels.used
    windows = PointWindows(
        lambda at: used[at[0] : at[2], at[1] : at[3]].astype(np.uint16), used.shape, BLOCK
    )

    @lru_cache(1)
    def rows_of(name: str, row: int) -> np.ndarray:
        """Return an image of the values of a map in a row of blocks."""
        inside = used[row : row + BLOCK]
        image = np.full(inside.shape, np.nan, np.float32)
        image[inside] = values[name](slice(*pixels.first[[row, row + len(inside)]]))
        return image

    def of_window(name: str, window: PointWindow) -> np.ndarray:
        """Return the values of a map at the points of a window."""
        row0, col0, row1, col1 = window.bounds
        first = row0 // BLOCK * BLOCK
        return rows_of(name, first)[row0 - first : row1 - first, col0:col1][window.inside()]

    return windows, {name: partial(of_window, name) for name in values}
