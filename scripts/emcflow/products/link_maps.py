"""Maps of the scene from values of the tiles: what is read of them, and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from emcflow.io.hdf5 import read, read_points, read_rows
from emcflow.io.point_windows import PointWindow, PointWindows, ValuesOf
from emcflow.io.raster import BLOCK, scatter
from emcflow.links.uncertainty import CONTRASTS_AT_ONCE
from emcflow.tiles.feather import TileValues


def read_tile_values(paths: Sequence[str | Path]) -> list[TileValues]:
    """Read the parameters of the tiles, from the files of ``integrate_parameters``."""
    tiles = []
    for path in paths:
        points, bounds = read_points(path)
        tiles.append(TileValues(bounds, points, *read(path, "params", "region")))
    return tiles


def residual_squares(
    tiles: Sequence[TileValues],
    paths: Sequence[str | Path],
    ncontrasts: int,
    joined: Callable[[list[TileValues]], np.ndarray],
) -> np.ndarray:
    """Return the sum of the squared contrasts of the scene's points, joined a few at a time.

    Parameters
    ----------
    tiles : sequence of TileValues
    paths : sequence of path
        Of the tiles, whose ``residuals`` (ncontrasts, npoints) are read [rad].
    ncontrasts : int
    joined : callable
        Returns values of the scene, (nrows, nscene), from those of the tiles.

    Returns
    -------
    ndarray of float64, shape (nscene,)
        [rad^2]
    """
    squares = np.zeros(())
    for start in range(0, ncontrasts, CONTRASTS_AT_ONCE):
        rows = slice(start, start + CONTRASTS_AT_ONCE)
        own = [
            replace(tile, values=read_rows(path, "residuals", rows))
            for tile, path in zip(tiles, paths, strict=True)
        ]
        squares = squares + (joined(own) ** 2).sum(axis=0)
    return squares


def windows_of_values(
    points: np.ndarray, values: Mapping[str, np.ndarray], shape: tuple[int, int]
) -> tuple[PointWindows, dict[str, ValuesOf]]:
    """Return points and values as those write them that go through a scene by windows.

    Parameters
    ----------
    points : ndarray of int, shape (npoints, 2)
        Row and column.
    values : mapping of str to ndarray, shape (npoints,)
        By the names of the maps.
    shape : tuple of int
        Rows and columns of the scene.

    Returns
    -------
    windows : PointWindows
    values : dict of str to callable
        The values of each map at the points of a window.
    """
    of_scene = np.zeros(shape, np.uint16)
    of_scene[tuple(points.T)] = 1
    windows = PointWindows(lambda at: of_scene[at[0] : at[2], at[1] : at[3]], shape, BLOCK)

    @lru_cache(1)
    def image_of(name: str) -> np.ndarray:
        """Return an image of the values of a map."""
        return scatter(points, values[name], shape)

    def of_window(name: str, window: PointWindow) -> np.ndarray:
        """Return the values of a map at the points of a window."""
        row0, col0, row1, col1 = window.bounds
        return image_of(name)[row0:row1, col0:col1][window.inside()]

    return windows, {name: partial(of_window, name) for name in values}
