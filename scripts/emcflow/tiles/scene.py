"""The points of all tiles as points of one scene: where tiles share them, and how deep they lie.

What is joined afterwards, cycles of interferograms or values of a term, is of no concern here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np

from emcflow.errors import InputError

# Above the number of any component.
NO_COMPONENT = np.iinfo(np.int32).max


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


@dataclass(frozen=True)
class Scene:
    """Points of the scene and the component that each belongs to.

    Attributes
    ----------
    pixels : ScenePixels
        Those that are points of the tiles.
    component : ndarray of int32, shape (nscene,)
        Connected component of the offset graph that each point belongs to.
    """

    pixels: ScenePixels
    component: np.ndarray

    @cached_property
    def points(self) -> np.ndarray:
        """Row and column of the points, int32 (nscene, 2), sorted by row, then column."""
        return self.pixels.points()

    def places(self, row_col: np.ndarray) -> np.ndarray:
        """Return the places of points of the scene in `points`, by row and column (n, 2)."""
        row, col = np.reshape(row_col, (-1, 2)).T
        rows = np.ascontiguousarray(self.points[:, 0])
        ends = zip(*(np.searchsorted(rows, row, side) for side in ("left", "right")), strict=True)
        found = [
            first + np.searchsorted(self.points[first:end, 1], at)
            for at, (first, end) in zip(col, ends, strict=True)
        ]
        return np.array(found, np.int64)


class PlacedPoints(NamedTuple):
    """Points of a tile without the links between them, see `PointsOfTile`."""

    bounds: tuple[int, int, int, int]
    points: np.ndarray
    region: np.ndarray


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


def check_tile(number: int, tile: PointsOfTile, shape: tuple[int, int]) -> None:
    """Refuse a tile beyond the scene of so many rows and columns, and points outside the tile.

    Raises
    ------
    InputError
    """
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


def scene_of_tiles(
    tiles: Sequence[PointsOfTile], shape: tuple[int, int], component: np.ndarray
) -> Scene:
    """Unite the points of all tiles, and find the component that each belongs to.

    A point that nodes of different components share belongs to the component with the lowest
    number; only its nodes count there, as offsets between components are unknown.

    Parameters
    ----------
    tiles : sequence of PointsOfTile
        Asked for one after the other, twice: they may be read then.
    shape : tuple of int
        Rows and columns of the scene.
    component : ndarray of int, shape (nnodes,)
        Connected component of each node (``Overlaps.component``).

    Returns
    -------
    Scene

    Raises
    ------
    InputError
        If points lie outside their tile, a tile outside the scene, or nodes are missing.
    """
    pixels, nnodes = ScenePixels(shape), 0
    for number, tile in enumerate(tiles):
        check_tile(number, tile, shape)
        pixels.add(tile.points)
        nnodes += count_regions(tile)
    check_components(component, nnodes)
    labels = np.full(pixels.npoints, NO_COMPONENT, np.int32)
    for at, nodes in placed_tiles(tiles, pixels):
        labels[at] = np.minimum(labels[at], component[nodes])
    return Scene(pixels, labels)


def placed_tiles(
    tiles: Iterable[PointsOfTile], pixels: ScenePixels
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the places of the points of each tile in the scene, and their (tile, region) nodes."""
    first = 0
    for tile in tiles:
        yield pixels.places(tile.points), first + tile.region
        first += count_regions(tile)


def check_components(component: np.ndarray, nnodes: int) -> None:
    """Refuse components of others than so many nodes."""
    if len(component) != nnodes:
        raise InputError(
            f"{len(component)} node components for {nnodes} (tile, region) nodes: expected one "
            "each; measure the overlaps of these tiles again"
        )


class ScenePixels:
    """Pixels that are points, and their numbers along the rows of the scene.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the scene.

    Attributes
    ----------
    used : ndarray of bool
        Pixels that are points.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.used = np.zeros(shape, bool)

    def add(self, points: np.ndarray) -> None:
        """Take points (n, 2) as points of the scene."""
        self.used[tuple(points.T)] = True

    @cached_property
    def first(self) -> np.ndarray:
        """Number of the first point of every row, and of all at the end; no `add` from here on."""
        counts = [np.count_nonzero(row) for row in self.used]
        return np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))

    @property
    def npoints(self) -> int:
        """Number of points."""
        return int(self.first[-1])

    def points(self) -> np.ndarray:
        """Return row and column of all points, int32 (n, 2)."""
        points = np.empty((self.first[-1], 2), np.int32)
        for row, (first, end) in enumerate(pairwise(self.first)):
            points[first:end, 0] = row
            points[first:end, 1] = np.flatnonzero(self.used[row])
        return points

    def places(self, points: np.ndarray) -> np.ndarray:
        """Return the numbers of points that were added, int32 (n,)."""
        if not len(points):
            return np.empty(0, np.int32)
        (row0, col0), (row1, col1) = points.min(axis=0), points.max(axis=0) + 1
        before = np.count_nonzero(self.used[row0:row1, :col0], axis=1)
        number = np.cumsum(self.used[row0:row1, col0:col1], axis=1, dtype=np.int32)
        number += (self.first[row0:row1] + before - 1)[:, None].astype(np.int32)
        return number[points[:, 0] - row0, points[:, 1] - col0]


def shared_points(tiles: Sequence[PointsOfTile], shape: tuple[int, int]) -> Iterator[SharedPoints]:
    """Find the points that each two tiles share, and the nodes they belong to.

    Parameters
    ----------
    tiles : sequence of PointsOfTile
        All are asked for one after the other, and then two at a time.
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
    outlines = [(tile.bounds, count_regions(tile)) for tile in tiles]
    first = np.concatenate(([0], np.cumsum([number for _, number in outlines], dtype=np.int64)))
    for i, j in touching([bounds for bounds, _ in outlines]):
        at_i, at_j = common_of_tiles(tiles[i], tiles[j], shape[1])
        if at_i.size:
            nodes = first[i] + tiles[i].region[at_i], first[j] + tiles[j].region[at_j]
            yield SharedPoints(i, j, at_i, at_j, _group_by_nodes(*nodes))


def common_of_tiles(
    tile_i: PointsOfTile, tile_j: PointsOfTile, ncols: int
) -> tuple[np.ndarray, np.ndarray]:
    """Find the points that two tiles share, as `common_points` does, in the rows of both alone."""
    rows_i, rows_j = _shared_rows(tile_i, tile_j)
    at_i, at_j = common_points(tile_i.points[rows_i], tile_j.points[rows_j], ncols)
    return at_i + rows_i.start, at_j + rows_j.start


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


def touching(bounds: Sequence[tuple[int, int, int, int]]) -> list[tuple[int, int]]:
    """Return each two tiles i < j whose rectangles intersect, by the bounds of all tiles."""
    if not bounds:
        return []
    box = np.array(bounds)
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
