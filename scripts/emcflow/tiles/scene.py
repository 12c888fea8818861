"""The points of all tiles as points of one scene: where tiles share them, and how deep they lie.

What is joined afterwards, cycles of interferograms or values of a term, is of no concern here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from emcflow.errors import InputError


class PointsOfTile(Protocol):
    """What a tile must have to be joined to others."""

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """First row, first column, end row, end column in the scene; ends excluded."""

    @property
    def points(self) -> np.ndarray:
        """Row and column in the scene (npoints, 2), sorted by row, then column, each once."""

    @property
    def region(self) -> np.ndarray:
        """Connected region (0, 1, ...) of the tile's mesh (npoints,)."""


@dataclass(frozen=True)
class TilePoints:
    """Where the points of a tile lie and how its mesh joins them.

    Attributes
    ----------
    bounds : tuple of int
        First row, first column, end row, end column in the scene; ends excluded.
    points : ndarray of int32, shape (npoints, 2)
        Row and column in the scene, sorted by row, then column, each point once.
    edges : ndarray of int32, shape (nedges, 2)
        Point indices at the ends of the links of the tile's mesh.
    region : ndarray of int32, shape (npoints,)
        Label (0, 1, ...) of the connected region of the mesh that each point belongs to.
    """

    bounds: tuple[int, int, int, int]
    points: np.ndarray
    edges: np.ndarray
    region: np.ndarray

    @property
    def nregions(self) -> int:
        """Number of regions; 0 for a tile without points."""
        return count_regions(self)


class ScenePoints(NamedTuple):
    """Points of the scene: the union of those of its tiles.

    Attributes
    ----------
    points : ndarray of int32, shape (nscene, 2)
        Row and column, sorted by row, then column.
    places : list of ndarray of int32, shape (npoints,), one per tile
        Places of the tile's points among those of the scene.
    """

    points: np.ndarray
    places: list[np.ndarray]


class SharedPoints(NamedTuple):
    """Points that two tiles share.

    Attributes
    ----------
    i, j : int
        Numbers of the tiles, i < j.
    at_i, at_j : ndarray of int64, shape (ncommon,)
        Increasing places of the common points among those of each tile; at least one.
    nodes : list of (int, int, ndarray of int64)
        Each two nodes, of i and of j, that share points, sorted, and which of the common points
        they share.
    """

    i: int
    j: int
    at_i: np.ndarray
    at_j: np.ndarray
    nodes: list[tuple[int, int, np.ndarray]]


def count_regions(tile: PointsOfTile) -> int:
    """Number of regions of a tile; 0 for one without points."""
    return int(tile.region.max(initial=-1)) + 1


def first_nodes(tiles: Sequence[PointsOfTile]) -> np.ndarray:
    """Node number of region 0 of each tile.

    Parameters
    ----------
    tiles : sequence of PointsOfTile

    Returns
    -------
    ndarray of int64, shape (ntiles + 1,)
        Region r of tile t is node ``first[t] + r``; the last value is the number of nodes.
    """
    return np.concatenate(([0], np.cumsum([count_regions(tile) for tile in tiles], dtype=np.int64)))


def check_bounds(tiles: Sequence[PointsOfTile], shape: tuple[int, int]) -> None:
    """Refuse tiles beyond the scene, and points outside their tile.

    Parameters
    ----------
    tiles : sequence of PointsOfTile
    shape : tuple of int
        Rows and columns of the scene.

    Raises
    ------
    InputError
    """
    for number, tile in enumerate(tiles):
        r0, c0, r1, c1 = tile.bounds
        if not (0 <= r0 < r1 <= shape[0] and 0 <= c0 < c1 <= shape[1]):
            raise InputError(
                f"tile {number} has bounds {list(tile.bounds)}: expected a rectangle inside the "
                f"scene of {shape[0]} x {shape[1]}; make the tiles for this scene again"
            )
        row, col = tile.points.T
        outside = (row < r0) | (row >= r1) | (col < c0) | (col >= c1)
        if outside.any():
            raise InputError(
                f"tile {number} has a point at {tile.points[outside.argmax()].tolist()} outside "
                f"its bounds {list(tile.bounds)}: expected rows and columns of the scene; compute "
                "the tile again"
            )


def flat_keys(points: np.ndarray, ncols: int) -> np.ndarray:
    """Number the pixels of points along the rows of the scene, int64 (npoints,)."""
    return points[:, 0].astype(np.int64) * ncols + points[:, 1]


def scene_points(tiles: Sequence[PointsOfTile], shape: tuple[int, int]) -> ScenePoints:
    """Unite the points of all tiles.

    Parameters
    ----------
    tiles : sequence of PointsOfTile
        Within their bounds, see `check_bounds`.
    shape : tuple of int
        Rows and columns of the scene.

    Returns
    -------
    ScenePoints
    """
    keys = [flat_keys(tile.points, shape[1]) for tile in tiles]
    used = np.zeros(shape[0] * shape[1], bool)
    for key in keys:
        used[key] = True
    scene = np.flatnonzero(used)
    points = np.column_stack(np.divmod(scene, shape[1])).astype(np.int32)
    return ScenePoints(points, [np.searchsorted(scene, key).astype(np.int32) for key in keys])


def shared_points(tiles: Sequence[PointsOfTile], shape: tuple[int, int]) -> Iterator[SharedPoints]:
    """Find the points that each two tiles share, and the nodes they belong to.

    Parameters
    ----------
    tiles : sequence of PointsOfTile
    shape : tuple of int
        Rows and columns of the scene.

    Yields
    ------
    SharedPoints
        For each two tiles with common points, in the order of the tiles.

    Raises
    ------
    InputError
        If a tile's points are not sorted or it has one twice.
    """
    first = first_nodes(tiles)
    for i, j in _touching(tiles):
        rows_i, rows_j = _shared_rows(tiles[i], tiles[j])
        at_i, at_j = common_points(tiles[i].points[rows_i], tiles[j].points[rows_j], shape[1])
        if at_i.size:
            at_i, at_j = at_i + rows_i.start, at_j + rows_j.start
            nodes = first[i] + tiles[i].region[at_i], first[j] + tiles[j].region[at_j]
            yield SharedPoints(i, j, at_i, at_j, _group_by_nodes(*nodes))


def common_points(
    points_i: np.ndarray, points_j: np.ndarray, ncols: int
) -> tuple[np.ndarray, np.ndarray]:
    """Find the points that two sorted lists share.

    Parameters
    ----------
    points_i, points_j : ndarray of int, shape (ni, 2) and (nj, 2)
        Row and column in the scene, sorted by row, then column, each point once.
    ncols : int
        Number of columns of the scene.

    Returns
    -------
    ci, cj : ndarray of int64, shape (ncommon,)
        Increasing indices with ``points_i[ci] == points_j[cj]``.

    Raises
    ------
    InputError
        If a list is not sorted or holds a point twice.
    """
    key_i = _increasing_keys(points_i, ncols)
    key_j = _increasing_keys(points_j, ncols)
    if not (key_i.size and key_j.size):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    place = np.searchsorted(key_j, key_i)
    place[place == key_j.size] = 0
    ci = np.flatnonzero(key_j[place] == key_i)
    return ci, place[ci]


def border_distance(tile: PointsOfTile, shape: tuple[int, int], outermost: float) -> np.ndarray:
    """Distance of each point of a tile to the nearest of its sides [pixels].

    Sides on the border of the scene do not count: no other tile goes on there.

    Parameters
    ----------
    tile : PointsOfTile
    shape : tuple of int
        Rows and columns of the scene.
    outermost : float
        Distance of the points beside a side: 0.5 from the centres of pixels to the side itself, 1
        to the centres beyond it.

    Returns
    -------
    ndarray of float64, shape (npoints,)
        At least `outermost`; the longer side of the scene where no side counts.
    """
    row, col = tile.points.T
    r0, c0, r1, c1 = tile.bounds
    nearest = np.full(len(row), float(max(shape)))
    for side, steps, border in (
        (r0, row - r0, 0),
        (c0, col - c0, 0),
        (r1, r1 - 1 - row, shape[0]),
        (c1, c1 - 1 - col, shape[1]),
    ):
        if side != border:
            np.minimum(nearest, steps + outermost, out=nearest)
    return nearest


def _increasing_keys(points: np.ndarray, ncols: int) -> np.ndarray:
    key = flat_keys(points, ncols)
    if np.any(key[1:] <= key[:-1]):
        at = int(np.flatnonzero(key[1:] <= key[:-1])[0]) + 1
        raise InputError(
            f"tile points are not sorted by row and column at index {at} "
            f"({points[at].tolist()} after {points[at - 1].tolist()}): expected the order of "
            "np.argwhere with each point once; compute the tile again"
        )
    return key


def _touching(tiles: Sequence[PointsOfTile]) -> list[tuple[int, int]]:
    """Pairs of tiles whose rectangles intersect."""
    if not tiles:
        return []
    box = np.array([tile.bounds for tile in tiles])
    start = np.maximum(box[:, None, :2], box[None, :, :2])
    end = np.minimum(box[:, None, 2:], box[None, :, 2:])
    return [(int(i), int(j)) for i, j in np.argwhere(np.triu((start < end).all(axis=2), 1))]


def _shared_rows(tile_i: PointsOfTile, tile_j: PointsOfTile) -> tuple[slice, slice]:
    """Ranges of points in the rows that both tiles cover; consecutive, as points are sorted."""
    rows = (
        max(tile_i.bounds[0], tile_j.bounds[0]),
        min(tile_i.bounds[2], tile_j.bounds[2]),
    )
    first, second = (np.searchsorted(t.points[:, 0], rows).tolist() for t in (tile_i, tile_j))
    return slice(*first), slice(*second)


def _group_by_nodes(node_i: np.ndarray, node_j: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
    """Split common points by the pair of nodes that they join."""
    key = node_i.astype(np.int64) * (int(node_j.max()) + 1) + node_j
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    return [(int(node_i[at[0]]), int(node_j[at[0]]), at) for at in np.split(order, cuts)]
