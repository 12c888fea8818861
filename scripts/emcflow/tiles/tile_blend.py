"""Join the integer cycles of a tile to those of the tiles that overlap it.

The tiles of a pair, brought together by their bulk offsets, may still differ in places. The values
are blended after Calef, Olsen and Agram (2024, arXiv:2405.06838): where tiles overlap every tile is
corrected to an average of the tiles, and the correction of a tile fades away from there into its
interior as a solution of Laplace's equation on its mesh.

They solve a sequence of such problems; with a plain average, which jumps where a tile ends, these
go down from the highest degree of overlap and spread the jumps. Here a tile's weight is the depth
of the point in the tile. It falls to zero where the tile ends, so the average is continuous across
degrees and one problem per tile is enough. Points where all tiles agree keep their value.

So a tile asks for no others than those that overlap it, and all tiles at a point find the same.

All values are cycles relative to the same stored phase. The blended field is rounded to integers,
so the merged phase is congruent with the input. Fractional bulk offsets are rounded before the
blending: near half a cycle they would else turn small corrections into steps inside a tile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emcflow.tiles.blend import DirichletProblem, dirichlet_problem, free_problem
from emcflow.tiles.scene import (
    NO_COMPONENT,
    PlacedPoints,
    PointsOfTile,
    TilePoints,
    border_distance,
    check_tile,
    common_of_tiles,
)

# Blended values this close to half a cycle count as ties [cycles]: far above the rounding error of
# the averages and of the solver, far below what the data can mean.
TIE = 1e-6


@dataclass(frozen=True)
class Cover:
    """A tile at the points that a blended tile shares with others, itself or one that overlaps it.

    Attributes
    ----------
    number : int
        Of the tile.
    columns : int64 (n,)
        Increasing: its own points, those that count.
    node : int64 (n,)
        Their (tile, region) nodes.
    slot : int64 (n,)
        The same points in the list of shared ones of the blended tile.
    weight : float64 (n,)
        Those of all covers of a shared point sum to 1.
    deepest : int64 (n,)
        Places in these arrays of the points at which no cover is deeper.
    """

    number: int
    columns: np.ndarray
    node: np.ndarray
    slot: np.ndarray
    weight: np.ndarray
    deepest: np.ndarray


@dataclass(frozen=True)
class TileBlend:
    """How the points of a tile are joined to those of the tiles around it; the same for all pairs.

    A point counts if the tile's node belongs to the component that the scene's point is given to.

    Attributes
    ----------
    number : int
        Of the tile.
    node : int64 (npoints,)
        (Tile, region) nodes of its points.
    counts, owned : bool (npoints,)
        Points of the tile that count; those of them at which no other tile is deeper, or as deep
        and before it.
    shared : int64 (nshared,)
        Points that count and that others count at as well.
    covers : tuple of Cover
        Of these points, by the numbers of the tiles; the tile itself is one of them.
    problem : DirichletProblem
        Its free points are those that count and that the tile alone covers.
    boundary : int64 (nboundary,)
        Boundary of the problem as places in `shared`.
    """

    number: int
    node: np.ndarray
    counts: np.ndarray
    owned: np.ndarray
    shared: np.ndarray
    covers: tuple[Cover, ...]
    problem: DirichletProblem
    boundary: np.ndarray


@dataclass(frozen=True)
class BlendedCycles:
    """Cycles of a batch of pairs at the points of a tile, of use where these count.

    Attributes
    ----------
    cycles : int32 (npairs, npoints)
        Unwrapped minus stored phase of each pair [cycles].
    mean : float32 (npairs, npoints)
        Weighted mean of the tiles after the bulk offsets, before blending and rounding [cycles].
    spread : float32 (npairs, npoints)
        Largest minus smallest value of the tiles at a point after the bulk offsets [cycles];
        0 where only one tile counts.
    """

    cycles: np.ndarray
    mean: np.ndarray
    spread: np.ndarray


class BlendedPoints(NamedTuple):
    """Where the cycles of a pair are others than those of a tile with its bulk offsets.

    Attributes
    ----------
    places : int32 (n,)
        Points that the tile owns.
    shift : int32 (n,)
        Cycles to add there.
    mean, spread : float32 (n,)
        Of `BlendedCycles`.
    apart : int32 (nlinks,)
        Of `links_apart`, links of the tile's mesh.
    """

    places: np.ndarray
    shift: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    apart: np.ndarray

    def joined(self, cycles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return merged cycles, mean and spread of a tile's points, see `BlendedCycles`.

        Parameters
        ----------
        cycles : int32 (npoints,)
            Of the tile, with its bulk offsets.
        """
        merged, mean = cycles.copy(), cycles.astype(np.float32)
        spread = np.zeros(len(cycles), np.float32)
        merged[self.places] += self.shift
        mean[self.places] = self.mean
        spread[self.places] = self.spread
        return merged, mean, spread


def tile_blend(
    number: int,
    tile: TilePoints,
    others: Iterable[tuple[int, PointsOfTile]],
    first: np.ndarray,
    component: np.ndarray,
    shape: tuple[int, int],
) -> TileBlend:
    """Work out which tiles are joined at each point of a tile, and with which weights.

    A point that nodes of different components share belongs to the component with the lowest
    number; only its nodes count there, as offsets between components are unknown.

    Parameters
    ----------
    number : int
    tile : TilePoints
    others : iterable of (int, PointsOfTile)
        The tiles that overlap it, with their numbers, in any order; of others nothing is used. They
        may be read when they are asked for: no more is held than the points in common.
    first : ndarray of int, shape (ntiles + 1,)
        Number of the node of region 0 of every tile, and of all nodes.
    component : ndarray of int, shape (nnodes,)
        Connected component of each node (``Overlaps.component``).
    shape : tuple of int
        Rows and columns of the scene.

    Returns
    -------
    TileBlend

    Raises
    ------
    InputError
        If points lie outside their tile, a tile outside the scene, or they are not sorted.
    """
    check_tile(number, tile, shape)
    node = first[number] + tile.region
    cuts = [_Cut(number, slice(None), np.arange(len(tile.points)), tile, node)]
    for other, points in others:
        check_tile(other, points, shape)
        at, columns = common_of_tiles(tile, points, shape[1])
        if at.size:
            part = PlacedPoints(points.bounds, points.points[columns], points.region[columns])
            cuts.append(_Cut(other, at, columns, part, first[other] + part.region))
    cuts.sort(key=lambda cut: cut.number)
    labels = np.full(len(node), NO_COMPONENT, np.int32)
    for cut in cuts:
        labels[cut.at] = np.minimum(labels[cut.at], component[cut.node])
    counts = [labels[cut.at] == component[cut.node] for cut in cuts]
    depths = [border_distance(cut.points, shape, outermost=1) for cut in cuts]
    degree, total, owner = _coverage(len(node), cuts, counts, depths)
    own = counts[[cut.number for cut in cuts].index(number)]
    shared = np.flatnonzero(own & (degree > 1))
    slot = np.full(len(node), -1)
    slot[shared] = np.arange(len(shared))
    covers = []
    for cut, ok, depth in zip(cuts, counts, depths, strict=True):
        there = np.flatnonzero(ok & (slot[cut.at] >= 0))
        at = np.arange(len(node))[cut.at][there]
        weight = depth[there] / total[at]
        deepest = np.flatnonzero(owner[at] == cut.number)
        covers.append(
            Cover(cut.number, cut.columns[there], cut.node[there], slot[at], weight, deepest)
        )
    problem = _core_problem(tile, node, own, shared)
    return TileBlend(
        number=number,
        node=node,
        counts=own,
        owned=own & (owner == number),
        shared=shared,
        covers=tuple(covers),
        problem=problem,
        boundary=np.searchsorted(shared, problem.boundary),
    )


@dataclass(frozen=True)
class _Cut:
    """The part of a tile that another one covers as well: its points there, and their nodes."""

    number: int
    at: slice | np.ndarray  # points of the other tile
    columns: np.ndarray  # points of this tile
    points: PointsOfTile
    node: np.ndarray


def _coverage(
    npoints: int, cuts: list[_Cut], counts: list[np.ndarray], depths: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number of tiles, sum of their depths and deepest tile (the first of equals) at each point."""
    degree = np.zeros(npoints, np.uint8)
    total, deepest = np.zeros(npoints), np.zeros(npoints)
    owner = np.full(npoints, -1, np.int32)
    for cut, ok, depth in zip(cuts, counts, depths, strict=True):
        at, depth = np.arange(npoints)[cut.at][ok], depth[ok]
        degree[at] += 1
        total[at] += depth
        deeper = depth > deepest[at]
        owner[at[deeper]] = cut.number
        deepest[at[deeper]] = depth[deeper]
    return degree, total, owner


def _core_problem(
    tile: TilePoints, node: np.ndarray, counts: np.ndarray, shared: np.ndarray
) -> DirichletProblem:
    """Laplace's equation for the points that the tile alone covers, given those it shares.

    Points of another component and links between regions are no part of the mesh.
    """
    if not shared.size:
        free = np.flatnonzero(counts)
        return free_problem(np.unique(node[free], return_inverse=True)[1], free)
    links = tile.edges[counts[tile.edges].all(axis=1)]
    links = links[node[links[:, 0]] == node[links[:, 1]]]
    given = ~counts
    given[shared] = True
    return dirichlet_problem(links, given)


def whole_offsets(offsets: np.ndarray) -> np.ndarray:
    """Round bulk offsets to whole cycles, half a cycle down [int32]."""
    return np.ceil(offsets - 0.5 - TIE).astype(np.int32)


def blend_cycles(
    blend: TileBlend,
    cycles: np.ndarray,
    covers: Sequence[np.ndarray],
    offsets: np.ndarray,
) -> BlendedCycles:
    """Join the cycles of a tile to those of the tiles around it, for a batch of pairs.

    The result of a pair does not depend on the other pairs of the batch. A value that the blending
    leaves at exactly half a cycle goes to the side of the deepest tile's value there.

    Parameters
    ----------
    blend : TileBlend
    cycles : ndarray of int, shape (npairs, npoints)
        Of the tile.
    covers : sequence of ndarray of int, one (npairs, n) per cover
        Cycles of the tiles of `blend.covers` at their `columns`.
    offsets : ndarray of float, shape (npairs, nnodes)
        Cycles to add to each node; fractions are rounded, half a cycle down.

    Returns
    -------
    BlendedCycles
    """
    npairs, nshared = len(offsets), len(blend.shared)
    offsets = whole_offsets(offsets)
    own = next(cover for cover in blend.covers if cover.number == blend.number)
    merged = (cycles + offsets[:, blend.node]).astype(np.int32, copy=False)
    mean, spread = merged.astype(np.float32), np.zeros(merged.shape, np.float32)
    boundary = np.empty((npairs, len(blend.boundary)))
    for pair in range(npairs):
        values = [
            of_cover[pair] + offsets[pair, cover.node]
            for cover, of_cover in zip(blend.covers, covers, strict=True)
        ]
        average, first, spread[pair, blend.shared] = _average(blend.covers, values, nshared)
        boundary[pair] = (average - merged[pair, own.columns])[blend.boundary]
        mean[pair, blend.shared] = average
        merged[pair, blend.shared] = _nearest(average, first)
    _correct_core(merged, blend.problem, boundary)
    return BlendedCycles(merged, mean, spread)


def blended_points(
    blend: TileBlend,
    tile: np.ndarray,
    blended: BlendedCycles,
    pair: int,
    apart: np.ndarray,
) -> BlendedPoints:
    """Return where the blending changed a pair, or where tiles differ.

    Parameters
    ----------
    blend : TileBlend
    tile : int32 (npoints,)
        Cycles of the pair in the tile, with its bulk offsets.
    blended : BlendedCycles
    pair : int
        Row of the pair in `blended`.
    apart : int32 (nlinks,)
        Links of the tile's mesh that the blending changed.
    """
    shift = blended.cycles[pair] - tile
    differ = np.flatnonzero(blend.owned & ((shift != 0) | (blended.spread[pair] != 0)))
    places = differ.astype(np.int32)
    of_pair = blended.mean[pair, differ], blended.spread[pair, differ]
    return BlendedPoints(places, shift[differ], *of_pair, apart)


def _average(
    covers: Sequence[Cover], own: Sequence[np.ndarray], nshared: int
) -> tuple[np.ndarray, ...]:
    """Weighted average, deepest tile's value and spread of the tiles at the shared points.

    The average is taken of differences to the deepest tile: exact where all tiles agree.
    """
    first = np.empty(nshared)
    for cover, values in zip(covers, own, strict=True):
        first[cover.slot[cover.deepest]] = values[cover.deepest]
    correction = np.zeros(nshared)
    low, high = first.copy(), first.copy()
    for cover, values in zip(covers, own, strict=True):
        at = cover.slot
        correction[at] += cover.weight * (values - first[at])
        low[at] = np.minimum(low[at], values)
        high[at] = np.maximum(high[at], values)
    return first + correction, first, high - low


def _nearest(value: np.ndarray, own: np.ndarray | int) -> np.ndarray:
    """Nearest integer [int32]; from half a cycle toward the integer ``own``."""
    below = np.floor(value)
    excess = value - below - 0.5
    up = np.where(np.abs(excess) <= TIE, own > value, excess > 0)
    return below.astype(np.int32) + up


def _correct_core(merged: np.ndarray, problem: DirichletProblem, boundary: np.ndarray) -> None:
    """Add the faded correction at the points that one tile alone covers.

    The correction lies between its extremes on the boundary. Where both round to the same integer
    there is no need to solve, and with weights that fall to zero at the edge of the other tile
    that is nearly everywhere.
    """
    if problem.nparts == 0:
        return
    low, high = (_nearest(bound, 0) for bound in problem.bounds(boundary))
    varies = low != high
    for row, shift in zip(merged, low, strict=True):
        if shift.any():
            row[problem.free] += shift[problem.part]
    todo = np.flatnonzero(varies.any(axis=1))
    if todo.size == 0:
        return
    for pair, solution in zip(todo, problem.solve(boundary[todo]), strict=True):
        inside = np.flatnonzero(varies[pair, problem.part])
        shift = _nearest(solution[inside], 0) - low[pair, problem.part[inside]]
        merged[pair, problem.free[inside]] += shift
