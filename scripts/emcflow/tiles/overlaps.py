"""Overlaps of unwrapped tiles: common points, differences of their cycles, and the graph they form.

A tile's points may fall apart into regions that its mesh does not join (islands). The cycles of two
regions have nothing to do with each other, so the nodes of the offset graph are (tile, region), and
two nodes are linked where enough of their points are the same points of the scene.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emcflow.errors import InputError
from emcflow.graph.components import by_size, regions
from emcflow.tiles.scene import PointsOfTile, shared_points

# Pairs of which cycles are compared at a time.
PAIRS_AT_ONCE = 16


@dataclass(frozen=True)
class Overlaps:
    """Graph of (tile, region) nodes, linked where they share points.

    Attributes
    ----------
    nodes : ndarray of int32, shape (nnodes, 2)
        Tile and region of each node, sorted.
    node_points : ndarray of int64, shape (nnodes,)
        Number of points of each node.
    links : ndarray of int32, shape (nlinks, 2)
        Node numbers i < j of each overlap that is used.
    points : ndarray of int64, shape (nlinks,)
        Number of common points of each overlap.
    deciles : ndarray of int16, shape (nlinks, npairs, 11)
        Minimum, 10 %, ..., maximum of the cycles of j minus the cycles of i.
    difference : ndarray of int16, shape (nlinks, npairs)
        Most frequent value of the cycles of j minus the cycles of i.
    agreement : ndarray of float32, shape (nlinks, npairs)
        Share of the common points that have this value.
    too_small : ndarray of int64, shape (n, 3)
        Nodes i < j and number of common points of the overlaps that are too small to be used.
    component : ndarray of int32, shape (nnodes,)
        Connected component of each node; component 0 has the most points, and so on.
    """

    nodes: np.ndarray
    node_points: np.ndarray
    links: np.ndarray
    points: np.ndarray
    deciles: np.ndarray
    difference: np.ndarray
    agreement: np.ndarray
    too_small: np.ndarray
    component: np.ndarray

    @property
    def ncomponents(self) -> int:
        """Number of connected components."""
        return int(self.component.max(initial=-1)) + 1

    def members(self, component: int) -> list[tuple[int, int]]:
        """Tile and region of every node in a component, to be named in a report."""
        return [(int(t), int(r)) for t, r in self.nodes[self.component == component]]


def check_any_points(tiles: Sequence) -> None:
    """Stop where no tile has a point left to work with.

    Parameters
    ----------
    tiles : sequence
        Anything with ``points``, one per tile.

    Raises
    ------
    InputError
        If there is no point in any of them.
    """
    if not any(len(tile.points) for tile in tiles):
        raise InputError(
            "stack: no point is left, every coherent pixel is zero or not finite at some date; "
            "expected complex values at all dates: look for a date without data, and leave it out"
        )


def overlap_deciles(c_i: np.ndarray, c_j: np.ndarray) -> np.ndarray:
    """Deciles of the difference of two tiles' cycles at their common points.

    Each decile is a difference that occurs: the smallest that at least that share of the points
    does not exceed (inverse of the empirical distribution).

    Parameters
    ----------
    c_i, c_j : ndarray of int, shape (npairs, ncommon)
        Cycles of the two tiles at the common points; ``ncommon`` at least 1.

    Returns
    -------
    ndarray of int16, shape (npairs, 11)
        Minimum, 10 %, ..., 90 %, maximum of ``c_j - c_i``.

    Raises
    ------
    InputError
        If the shapes differ or there is no point.
    """
    if c_i.shape != c_j.shape or c_i.ndim != 2 or c_i.shape[1] == 0:
        raise InputError(
            f"cycles of an overlap have shapes {c_i.shape} and {c_j.shape}: expected twice the "
            "same (pairs, common points) with at least one point"
        )
    difference = c_j.astype(np.int32) - c_i
    n = difference.shape[1]
    # in tenths, so that 0.1 * n is not pushed over an integer by rounding
    rank = np.maximum(-(-np.arange(11) * n // 10) - 1, 0)
    return np.partition(difference, np.unique(rank), axis=1)[:, rank].astype(np.int16)


def most_frequent(difference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Most frequent integer of each row and the share of the row that has it.

    Parameters
    ----------
    difference : ndarray of int, shape (npairs, ncommon)
        Differences of cycles; ``ncommon`` at least 1.

    Returns
    -------
    value : ndarray of int16, shape (npairs,)
        The mode; the smallest one of equally frequent values.
    share : ndarray of float32, shape (npairs,)
        Its share of the row, above 0 and at most 1.
    """
    npairs, n = difference.shape
    low = difference.min(axis=1).astype(np.int64)
    width = int((difference.max(axis=1) - low).max()) + 1
    bins = difference - low[:, None] + np.arange(npairs)[:, None] * width
    counts = np.bincount(bins.ravel(), minlength=npairs * width).reshape(npairs, width)
    best = counts.argmax(axis=1)
    share = counts[np.arange(npairs), best] / n
    return (low + best).astype(np.int16), share.astype(np.float32)


def measure_overlaps(
    tiles: Sequence[PointsOfTile],
    cycles: Sequence,
    shape: tuple[int, int],
    min_overlap_points: int = 25,
) -> Overlaps:
    """Measure the differences of cycles wherever two tiles share points.

    Parameters
    ----------
    tiles : sequence of PointsOfTile
        Asked for two at a time, see :class:`emcflow.tiles.held.HeldTiles`.
    cycles : sequence of array-like of int, one (npairs, npoints) per tile
        Cycles of each pair at the points of each tile. Only slices of consecutive columns of some
        pairs are read, of two tiles at a time, so open HDF5 datasets will do.
    shape : tuple of int
        Rows and columns of the scene.
    min_overlap_points : int
        Overlaps with fewer common points are listed in ``too_small`` and not used.

    Returns
    -------
    Overlaps

    Raises
    ------
    InputError
        If the cycles do not fit the points, or the tiles disagree on the number of pairs.
    """
    npairs = check_cycles(tiles, cycles)
    found: list[tuple] = []
    too_small: list[tuple[int, int, int]] = []
    for shared in shared_points(tiles, shape):
        too_small += [(a, b, at.size) for a, b, at in shared.nodes if at.size < min_overlap_points]
        groups = [group for group in shared.nodes if group[2].size >= min_overlap_points]
        parts = []
        for first in range(0, npairs if groups else 0, PAIRS_AT_ONCE):
            rows = slice(first, first + PAIRS_AT_ONCE)
            c_i = _columns(cycles[shared.i], rows, shared.at_i)
            c_j = _columns(cycles[shared.j], rows, shared.at_j)
            parts.append([_link_statistics(c_i[:, at], c_j[:, at]) for _, _, at in groups])
        for (a, b, at), *of_group in zip(groups, *parts, strict=True):
            found.append((a, b, at.size, *map(np.concatenate, zip(*of_group, strict=True))))
    return _assemble(tiles, npairs, found, too_small)


def check_cycles(tiles: Sequence[PointsOfTile], cycles: Sequence) -> int:
    """Number of pairs, once every tile's cycles have one row per pair and one column per point.

    Parameters
    ----------
    tiles : sequence of PointsOfTile
    cycles : sequence of array-like of int, one (npairs, npoints) per tile

    Returns
    -------
    int
        Number of pairs.

    Raises
    ------
    InputError
        If a shape does not fit.
    """
    if len(tiles) == 0 or len(tiles) != len(cycles):
        raise InputError(
            f"{len(tiles)} tiles and cycles for {len(cycles)}: expected one array of cycles for "
            "each of at least one tile"
        )
    npairs = cycles[0].shape[0]
    for t, (tile, c) in enumerate(zip(tiles, cycles, strict=True)):
        if tuple(c.shape) != (npairs, len(tile.points)):
            raise InputError(
                f"cycles of tile {t} have shape {tuple(c.shape)}: expected "
                f"{(npairs, len(tile.points))} (pairs, points); unwrap the tile again"
            )
    return npairs


def _columns(cycles: np.ndarray, rows: slice, at: np.ndarray) -> np.ndarray:
    """Cycles of some pairs at increasing places, read as one slice."""
    return np.asarray(cycles[rows, at[0] : at[-1] + 1])[:, at - at[0]]


def _link_statistics(c_i: np.ndarray, c_j: np.ndarray) -> tuple:
    return overlap_deciles(c_i, c_j), *most_frequent(c_j.astype(np.int32) - c_i)


def _assemble(
    tiles: Sequence[PointsOfTile], npairs: int, found: list[tuple], too_small: list[tuple]
) -> Overlaps:
    sizes = [np.bincount(tile.region) for tile in tiles]
    nodes = [(t, r) for t, of_tile in enumerate(sizes) for r in range(len(of_tile))]
    node_points = np.concatenate([np.empty(0, np.int64), *sizes])
    found = sorted(found, key=lambda link: link[:2])
    links = np.array([link[:2] for link in found], np.int32).reshape(-1, 2)
    nlinks = len(found)
    return Overlaps(
        nodes=np.array(nodes, np.int32).reshape(-1, 2),
        node_points=node_points,
        links=links,
        points=np.array([link[2] for link in found], np.int64),
        deciles=np.array([link[3] for link in found], np.int16).reshape(nlinks, npairs, 11),
        difference=np.array([link[4] for link in found], np.int16).reshape(nlinks, npairs),
        agreement=np.array([link[5] for link in found], np.float32).reshape(nlinks, npairs),
        too_small=np.array(sorted(too_small), np.int64).reshape(-1, 3),
        component=by_size(regions(links, node_points.size), node_points),
    )
