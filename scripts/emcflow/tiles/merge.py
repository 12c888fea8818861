"""Join the integer cycles of overlapping tiles to one scene.

The tiles of a pair, brought together by their bulk offsets, may still differ in places. The values
are blended after Calef, Olsen and Agram (2024, arXiv:2405.06838): where tiles overlap every tile is
corrected to an average of the tiles, and the correction of a tile fades away from there into its
interior as a solution of Laplace's equation on its mesh.

They solve a sequence of such problems; with a plain average, which jumps where a tile ends, these
go down from the highest degree of overlap and spread the jumps. Here a tile's weight is the depth
of the point in the tile. It falls to zero where the tile ends, so the average is continuous across
degrees and one problem per tile is enough. Points where all tiles agree keep their value.

All values are cycles relative to the same stored phase. The blended field is rounded to integers,
so the merged phase is congruent with the input. Fractional bulk offsets are rounded before the
blending: near half a cycle they would else turn small corrections into steps inside a tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emcflow.errors import InputError
from emcflow.graph.components import by_size
from emcflow.tiles.blend import DirichletProblem, dirichlet_problem, free_problem
from emcflow.tiles.scene import (
    TilePoints,
    border_distance,
    check_bounds,
    first_nodes,
    scene_points,
)

# Blended values this close to half a cycle count as ties [cycles]: far above the rounding error of
# the averages and of the solver, far below what the data can mean.
TIE = 1e-6

# Components of fewer points get no label: nothing in them can be checked against anything else.
LEAST_LABELLED_POINTS = 25
LARGEST_LABEL = 65534


@dataclass(frozen=True)
class _TileIndex:
    """Where the points of one tile go; none of it depends on the pair.

    A point counts if the tile's node belongs to the component that the scene point is given to.
    """

    npoints: int
    position: np.ndarray  # places of the tile's points in the scene
    core_scene: np.ndarray  # scene points that this tile alone covers
    problem: DirichletProblem  # its free points are these, in the same order
    part_node: np.ndarray  # node of each part of the problem
    shared: np.ndarray  # tile points in overlaps
    shared_node: np.ndarray  # their nodes
    slot: np.ndarray  # their places in the list of overlap points
    weight: np.ndarray  # their weights; those of one scene point sum to 1
    owned: np.ndarray  # positions in `shared` where this tile is the deepest
    boundary: np.ndarray  # positions in `shared` of the problem's boundary


# The reference is one of this share of the points, those nearest to the median height.
NEAR_MEDIAN = 0.25


@dataclass(frozen=True)
class SceneIndex:
    """All that merging needs to know about the points, computed once per scene.

    Attributes
    ----------
    points : ndarray of int32, shape (nscene, 2)
        Row and column of the points of all tiles, sorted by row, then column.
    component : ndarray of int32, shape (nscene,)
        Connected component of the offset graph that each point belongs to.
    degree : ndarray of uint8, shape (nscene,)
        Number of tiles that are merged at each point.
    overlap : ndarray of int64, shape (noverlap,)
        The points with a degree of at least 2.
    tiles : tuple
        Where the points of each tile go.
    nnodes : int
        Number of (tile, region) nodes.
    """

    points: np.ndarray
    component: np.ndarray
    degree: np.ndarray
    overlap: np.ndarray
    tiles: tuple[_TileIndex, ...]
    nnodes: int

    @property
    def nodes(self) -> np.ndarray:
        """Node of each point, int64 (nscene,); of the deepest tile where several have it."""
        found = np.empty(len(self.points), np.int64)
        for tile in self.tiles:
            found[tile.core_scene] = tile.part_node[tile.problem.part]
            found[tile.position[tile.shared[tile.owned]]] = tile.shared_node[tile.owned]
        return found

    def places(self, row_col: np.ndarray) -> np.ndarray:
        """Return the places of points of the scene in `points`, by row and column (n, 2)."""
        width = self.points[:, 1].max(initial=0) + np.int64(1)
        return np.searchsorted(self.points @ [width, 1], np.asarray(row_col) @ [width, 1])


@dataclass(frozen=True)
class MergedCycles:
    """Cycles of a batch of pairs on the points of the scene.

    Attributes
    ----------
    cycles : ndarray of int32, shape (npairs, nscene)
        Unwrapped minus stored phase of each pair [cycles].
    mean : ndarray of float32, shape (npairs, nscene)
        Weighted mean of the tiles after the bulk offsets, before blending and rounding [cycles].
    spread : ndarray of float32, shape (npairs, nscene)
        Largest minus smallest value of the tiles at a point after the bulk offsets [cycles];
        0 where only one tile counts.
    """

    cycles: np.ndarray
    mean: np.ndarray
    spread: np.ndarray


def scene_index(
    tiles: Sequence[TilePoints], shape: tuple[int, int], component: np.ndarray
) -> SceneIndex:
    """Work out which tiles are merged at each point of the scene, and with which weights.

    A point that nodes of different components share belongs to the component with the lowest
    number; only its nodes count there, as offsets between components are unknown.

    Parameters
    ----------
    tiles : sequence of TilePoints
    shape : tuple of int
        Rows and columns of the scene.
    component : ndarray of int, shape (nnodes,)
        Connected component of each node (``Overlaps.component``).

    Returns
    -------
    SceneIndex

    Raises
    ------
    InputError
        If points lie outside their tile, a tile outside the scene, or nodes are missing.
    """
    first = first_nodes(tiles)
    if len(component) != first[-1]:
        raise InputError(
            f"{len(component)} node components for {first[-1]} (tile, region) nodes: expected one "
            "each; measure the overlaps of these tiles again"
        )
    check_bounds(tiles, shape)
    points, position = scene_points(tiles, shape)
    nodes = [first[t] + tile.region for t, tile in enumerate(tiles)]
    labels = np.full(len(points), np.iinfo(np.int32).max, np.int32)
    for at, node in zip(position, nodes, strict=True):
        labels[at] = np.minimum(labels[at], component[node])
    counts = [labels[at] == component[n] for at, n in zip(position, nodes, strict=True)]
    depths = [border_distance(tile, shape, outermost=1) for tile in tiles]
    degree, total, owner = _coverage(len(points), position, counts, depths)
    slot = np.cumsum(degree > 1, dtype=np.int32) - 1

    indexed = []
    for t, tile in enumerate(tiles):
        shared = np.flatnonzero(counts[t] & (degree[position[t]] > 1))
        there = position[t][shared]
        problem = _core_problem(tile, nodes[t], counts[t], shared)
        part_node = np.empty(problem.nparts, np.int64)
        part_node[problem.part] = nodes[t][problem.free]
        indexed.append(
            _TileIndex(
                npoints=len(tile.points),
                position=position[t],
                core_scene=position[t][problem.free],
                problem=problem,
                part_node=part_node,
                shared=shared,
                shared_node=nodes[t][shared],
                slot=slot[there],
                weight=depths[t][shared] / total[there],
                owned=np.flatnonzero(owner[there] == t),
                boundary=np.searchsorted(shared, problem.boundary),
            )
        )
    return SceneIndex(
        points, labels, degree, np.flatnonzero(degree > 1), tuple(indexed), int(first[-1])
    )


def _coverage(
    nscene: int, position: list, counts: list, depths: list
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number of tiles, sum of their depths and deepest tile (the first of equals) at each point."""
    degree = np.zeros(nscene, np.uint8)
    total = np.zeros(nscene)
    deepest = np.zeros(nscene)
    owner = np.zeros(nscene, np.int32)
    for t, (at, ok, depth) in enumerate(zip(position, counts, depths, strict=True)):
        at, depth = at[ok], depth[ok]
        degree[at] += 1
        total[at] += depth
        deeper = depth > deepest[at]
        owner[at[deeper]] = t
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


def congruent(unwrapped: np.ndarray, wrapped: np.ndarray) -> np.ndarray:
    """Return the phase nearest to an unwrapped one that differs from a wrapped one by whole cycles.

    Parameters
    ----------
    unwrapped, wrapped : float64 (npoints,)
        [rad]

    Returns
    -------
    float64 (npoints,)
        [rad], at most pi from `unwrapped`.
    """
    return wrapped + 2 * np.pi * np.rint((unwrapped - wrapped) / (2 * np.pi))


def merge_cycles(
    index: SceneIndex, cycles: Sequence[np.ndarray], offsets: np.ndarray
) -> MergedCycles:
    """Merge the cycles of a batch of pairs.

    The result of a pair does not depend on the other pairs of the batch. A value that the blending
    leaves at exactly half a cycle goes to the side of the deepest tile's value there.

    Parameters
    ----------
    index : SceneIndex
    cycles : sequence of ndarray of int, one (npairs, npoints) per tile
        Cycles of the pairs of the batch at the points of each tile.
    offsets : ndarray of float, shape (npairs, nnodes)
        Cycles to add to each node; fractions are rounded, half a cycle down.

    Returns
    -------
    MergedCycles

    Raises
    ------
    InputError
        If the shapes do not fit.
    """
    npairs = _check_batch(index, cycles, offsets)
    offsets = np.ceil(offsets - 0.5 - TIE).astype(np.int32)
    merged = np.empty((npairs, len(index.points)), np.int32)
    mean = np.empty((npairs, len(index.points)), np.float32)
    spread = np.zeros((npairs, len(index.points)), np.float32)
    boundary = [np.empty((npairs, tile.boundary.size)) for tile in index.tiles]
    for p in range(npairs):
        own = [
            c[p, tile.shared] + offsets[p, tile.shared_node]
            for tile, c in zip(index.tiles, cycles, strict=True)
        ]
        average, first, spread[p, index.overlap] = _average(index, own)
        mean[p, index.overlap] = average
        merged[p, index.overlap] = _nearest(average, first)
        for tile, values, own_values in zip(index.tiles, boundary, own, strict=True):
            values[p] = (average[tile.slot] - own_values)[tile.boundary]
    for tile, c, values in zip(index.tiles, cycles, boundary, strict=True):
        core_node = tile.part_node[tile.problem.part]
        mean[:, tile.core_scene] = c[:, tile.problem.free] + offsets[:, core_node]
        _merge_core(merged, tile, c, offsets, values)
    return MergedCycles(merged, mean, spread)


def _check_batch(index: SceneIndex, cycles: Sequence[np.ndarray], offsets: np.ndarray) -> int:
    npairs = len(offsets)
    if offsets.shape != (npairs, index.nnodes):
        raise InputError(
            f"bulk offsets have shape {offsets.shape}: expected {(npairs, index.nnodes)} "
            "(pairs, nodes); solve for the offsets of these tiles again"
        )
    expected = [(npairs, tile.npoints) for tile in index.tiles]
    found = [tuple(c.shape) for c in cycles]
    if found != expected:
        raise InputError(
            f"cycles of the tiles have shapes {found}: expected {expected} (pairs, points); unwrap "
            "the tiles again"
        )
    return npairs


def _average(index: SceneIndex, own: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Weighted average, deepest tile's value and spread of the tiles at the overlap points.

    The average is taken of differences to the deepest tile: exact where all tiles agree.
    """
    first = np.empty(index.overlap.size)
    for tile, values in zip(index.tiles, own, strict=True):
        first[tile.slot[tile.owned]] = values[tile.owned]
    correction = np.zeros(index.overlap.size)
    low, high = first.copy(), first.copy()
    for tile, values in zip(index.tiles, own, strict=True):
        at = tile.slot
        correction[at] += tile.weight * (values - first[at])
        low[at] = np.minimum(low[at], values)
        high[at] = np.maximum(high[at], values)
    return first + correction, first, high - low


def _nearest(value: np.ndarray, own: np.ndarray | int) -> np.ndarray:
    """Nearest integer [int32]; from half a cycle toward the integer ``own``."""
    below = np.floor(value)
    excess = value - below - 0.5
    up = np.where(np.abs(excess) <= TIE, own > value, excess > 0)
    return below.astype(np.int32) + up


def _merge_core(
    merged: np.ndarray,
    tile: _TileIndex,
    cycles: np.ndarray,
    offsets: np.ndarray,
    boundary: np.ndarray,
) -> None:
    """Fill in the points that one tile alone covers: its cycles, offset and faded correction.

    The correction lies between its extremes on the boundary. Where both round to the same integer
    there is no need to solve, and with weights that fall to zero at the edge of the other tile
    that is nearly everywhere.
    """
    problem = tile.problem
    if problem.nparts == 0:
        return
    base = offsets[:, tile.part_node]
    low, high = problem.bounds(boundary)
    shift = base + _nearest(low, 0)
    varies = shift != base + _nearest(high, 0)
    for p in range(len(merged)):
        merged[p, tile.core_scene] = cycles[p, problem.free] + shift[p, problem.part]
    todo = np.flatnonzero(varies.any(axis=1))
    if todo.size == 0:
        return
    for pair, solution in zip(todo, problem.solve(boundary[todo]), strict=True):
        inside = np.flatnonzero(varies[pair, problem.part])
        shifts = base[pair, problem.part[inside]] + _nearest(solution[inside], 0)
        merged[pair, tile.core_scene[inside]] = cycles[pair, problem.free[inside]] + shifts


def reference_points(
    index: SceneIndex,
    quality: np.ndarray,
    chosen: tuple[int, int] | None = None,
    height: np.ndarray | None = None,
) -> np.ndarray:
    """Choose one reference point for each component: the best one, or the one asked for.

    Where heights are known, it is the best of the quarter of the points that are nearest to the
    median height of their component. The best of all is often on a roof: it moves with the
    temperature of its building, and all maps relative to it have its height as an offset.

    Parameters
    ----------
    index : SceneIndex
    quality : ndarray, shape (nscene,)
        How fit the points of the scene are (:func:`emcflow.products.reference.reference_quality`).
    chosen : (row, col), optional
        Reference point for the component that it belongs to.
    height : ndarray, shape (nscene,), optional
        Height of each point above the DEM [m], NaN where it is not known.

    Returns
    -------
    ndarray of int64, shape (ncomponents with points,)
        Indices into ``index.points``, by component.

    Raises
    ------
    InputError
        If the chosen point is no point of the scene.
    """
    far = np.zeros(len(quality), bool)
    if height is not None:
        far = ~_near_median(height, index.component)
    # The first of the best points of each component, in the order of the points.
    order = np.lexsort((-quality, far, index.component))
    _, first = np.unique(index.component[order], return_index=True)
    references = order[first]
    if chosen is not None:
        here = np.flatnonzero((index.points == chosen).all(axis=1))
        if here.size == 0:
            raise InputError(
                f"reference.point: {list(chosen)} is no point of the scene: it is masked, or zero "
                "or not finite at some date; choose another, or null"
            )
        references[index.component[references] == index.component[here[0]]] = here[0]
    return references


def _near_median(height: np.ndarray, component: np.ndarray) -> np.ndarray:
    """Return which points are near the median height of their component; all if none is known."""
    from scipy.ndimage import median  # slow to import

    known = np.isfinite(height)
    if not known.any():
        return np.ones(len(height), bool)
    labels = np.arange(component.max() + 1)
    middle = np.asarray(median(height[known], component[known], labels))
    off = np.where(known, np.abs(height - middle[component]), np.inf)
    order = np.lexsort((off, component))
    rank = np.empty(len(height), np.int64)
    rank[order] = np.arange(len(height)) - np.searchsorted(component[order], component[order])
    count = np.bincount(component[known], minlength=len(labels))
    most = np.where(count, np.ceil(NEAR_MEDIAN * count), len(height))
    return rank < most[component]


def reference_cycles(
    cycles: np.ndarray, component: np.ndarray, references: Sequence[int] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Subtract each pair's cycles at a reference point.

    The unwrapped phase of the reference points is then the difference of the stored phases of the
    two dates, so that every loop of pairs closes there.

    Parameters
    ----------
    cycles : ndarray of int, shape (npairs, nscene)
        Merged cycles.
    component : ndarray of int, shape (nscene,)
        Connected component of each point.
    references : sequence of int
        Index of one point for each component that has points, in any order.

    Returns
    -------
    referenced : ndarray of the same type, shape (npairs, nscene)
        Cycles that are 0 at the reference points.
    removed : ndarray of the same type, shape (npairs, nreferences)
        Cycles that the reference points had.

    Raises
    ------
    InputError
        If a component has no reference point or two.
    """
    references = np.asarray(references, np.int64)
    present = np.unique(component)
    have = component[references]
    if not np.array_equal(np.sort(have), present):
        raise InputError(
            f"reference points lie in components {have.tolist()}: expected one in each of "
            f"{present.tolist()}; choose one point per component"
        )
    removed = cycles[:, references]
    place = np.argsort(have)[np.searchsorted(present, component)]
    referenced = np.empty_like(cycles)
    for row, values, zero in zip(referenced, cycles, removed, strict=True):
        np.subtract(values, zero[place], out=row)
    return referenced, removed


def component_labels(component: np.ndarray) -> np.ndarray:
    """Label the points by the size of their component, as dolphin and SNAPHU number theirs.

    Parameters
    ----------
    component : ndarray of int, shape (nscene,)
        Connected component of each point.

    Returns
    -------
    ndarray of uint16, shape (nscene,)
        1 in the component with the most points, 2 in the next, and so on; of equal ones the
        lower component first. 0 in components of fewer than `LEAST_LABELLED_POINTS` points,
        though never in the largest.
    """
    place = by_size(component)
    labelled = np.count_nonzero(np.bincount(component) >= LEAST_LABELLED_POINTS)
    nlabels = min(max(1, int(labelled)), LARGEST_LABEL)
    return np.where(place < nlabels, place + 1, 0).astype(np.uint16)
