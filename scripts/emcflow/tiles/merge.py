"""Join the integer cycles of all tiles to one scene, and choose what its phases are relative to.

How a tile is joined to those around it is in :mod:`emcflow.tiles.tile_blend`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emcflow.errors import InputError
from emcflow.graph.components import by_size
from emcflow.tiles.scene import Scene, TilePoints, first_nodes, scene_of_tiles, touching
from emcflow.tiles.tile_blend import TileBlend, blend_cycles, tile_blend

# Components of fewer points get no label: nothing in them can be checked against anything else.
LEAST_LABELLED_POINTS = 25
LARGEST_LABEL = 65534

# The reference is one of this share of the points, those nearest to the median height.
NEAR_MEDIAN = 0.25


@dataclass(frozen=True)
class SceneIndex(Scene):
    """All that merging needs to know about the points of a scene that is held as a whole.

    Attributes
    ----------
    degree : ndarray of uint8, shape (nscene,)
        Number of tiles that are merged at each point.
    of_tiles : list of ndarray of int32, shape (npoints,), one per tile
        Places of the tile's points among those of the scene.
    tiles : tuple of TileBlend
        How the points of each tile are joined to those of others.
    nnodes : int
        Number of (tile, region) nodes.
    """

    degree: np.ndarray
    of_tiles: list[np.ndarray]
    tiles: tuple[TileBlend, ...]
    nnodes: int


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
    scene, places = scene_of_tiles(tiles, shape, component)
    first = first_nodes(tiles)
    beside = touching([tile.bounds for tile in tiles])
    degree, blends = np.zeros(len(scene.points), np.uint8), []
    for number, (tile, at) in enumerate(zip(tiles, places, strict=True)):
        others = [(i + j - number, tiles[i + j - number]) for i, j in beside if number in (i, j)]
        blends.append(tile_blend(number, tile, others, first, component, shape))
        degree[at] = blends[-1].degree
    return SceneIndex(scene.points, scene.component, degree, places, tuple(blends), int(first[-1]))


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
    npairs, nscene = len(offsets), len(index.points)
    if offsets.shape != (npairs, index.nnodes):
        raise InputError(
            f"bulk offsets have shape {offsets.shape}: expected {(npairs, index.nnodes)} "
            "(pairs, nodes); solve for the offsets of these tiles again"
        )
    expected = [(npairs, len(blend.node)) for blend in index.tiles]
    found = [tuple(c.shape) for c in cycles]
    if found != expected:
        raise InputError(
            f"cycles of the tiles have shapes {found}: expected {expected} (pairs, points); unwrap "
            "the tiles again"
        )
    merged = np.empty((npairs, nscene), np.int32)
    mean, spread = np.empty((2, npairs, nscene), np.float32)
    for blend, at, own in zip(index.tiles, index.of_tiles, cycles, strict=True):
        covers = [cycles[cover.number][:, cover.columns] for cover in blend.covers]
        blended = blend_cycles(blend, own, covers, offsets)
        there = at[blend.owned]
        merged[:, there] = blended.cycles[:, blend.owned]
        mean[:, there] = blended.mean[:, blend.owned]
        spread[:, there] = blended.spread[:, blend.owned]
    return MergedCycles(merged, mean, spread)


def reference_points(
    index: Scene,
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
    index : Scene
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
    removed = cycles[:, np.asarray(references, np.int64)]
    referenced = np.empty_like(cycles)
    for row, values in zip(referenced, cycles, strict=True):
        np.subtract(values, zero_cycles(values, component, references)[component], out=row)
    return referenced, removed


def zero_cycles(
    cycles: np.ndarray, component: np.ndarray, references: Sequence[int] | np.ndarray
) -> np.ndarray:
    """Return a pair's cycles at the reference point of every component.

    Parameters
    ----------
    cycles : ndarray of int, shape (nscene,)
    component, references
        See `reference_cycles`.

    Returns
    -------
    ndarray of the same type, shape (ncomponents,)
        0 in components without points.

    Raises
    ------
    InputError
        If a component has no reference point or two.
    """
    references = np.asarray(references, np.int64)
    present = np.zeros(component.max() + 1, bool)
    present[component] = True
    have = component[references]
    if not np.array_equal(np.sort(have), np.flatnonzero(present)):
        raise InputError(
            f"reference points lie in components {have.tolist()}: expected one in each of "
            f"{np.flatnonzero(present).tolist()}; choose one point per component"
        )
    zero = np.zeros(len(present), cycles.dtype)
    zero[have] = cycles[references]
    return zero


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
