"""Values of tiles to values of the scene: one constant per tile and region, then feathering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from emcflow.errors import InputError
from emcflow.graph.components import by_size, regions
from emcflow.links.integrate import FINE_TOLERANCE, LinkGraph, zero_medians
from emcflow.tiles.reference_area import reference_places
from emcflow.tiles.scene import (
    border_distance,
    check_bounds,
    first_nodes,
    scene_points,
    shared_points,
)


@dataclass(frozen=True)
class TileValues:
    """Point values of one tile.

    Attributes
    ----------
    bounds : tuple of int
        First row, first column, end row, end column in the scene; ends excluded.
    points : int32 (npoints, 2)
        Row and column in the scene, sorted by row, then column, each point once.
    values : float (nterms, npoints)
        Values up to a constant per region.
    region : int (npoints,)
        Connected region of the tile's mesh (0, 1, ...) of each point.
    """

    bounds: tuple[int, int, int, int]
    points: np.ndarray
    values: np.ndarray
    region: np.ndarray


@dataclass(frozen=True)
class TileOffsets:
    """Constants that make the tiles agree.

    Attributes
    ----------
    offsets : list of float64 (nterms, nregions), one per tile
        To be added to the values of each region.
    component : list of int64 (nregions,), one per tile
        Regions joined by common points share a label; labels count from 0. The constant of a
        component as a whole stays open: its first region keeps its values.
    """

    offsets: list
    component: list


@dataclass(frozen=True)
class SceneValues:
    """Point values of the scene.

    Attributes
    ----------
    points : int32 (npoints, 2)
        Row and column, sorted by row, then column: the union of the tiles' points.
    values : float64 (nterms, npoints)
        Values relative to the reference of each component.
    component : int64 (npoints,)
        Values of different components cannot be compared. Component 0 has most points.
    """

    points: np.ndarray
    values: np.ndarray
    component: np.ndarray


def tile_offsets(
    tiles: Sequence[TileValues],
    shape: tuple[int, int],
    min_overlap_points: int = 1,
) -> TileOffsets:
    """Constants per tile, region and term from the points that overlapping tiles share.

    Parameters
    ----------
    tiles : sequence of TileValues
    shape : (int, int)
        Rows and columns of the scene.
    min_overlap_points : int
        Regions that share fewer points are not joined by them.

    Returns
    -------
    TileOffsets

    Raises
    ------
    InputError
        If a tile's arrays disagree, or points are not sorted or lie outside its bounds.

    Notes
    -----
    Every two regions of different tiles give the median of their differences over common points,
    which a few wrong points do not move. Offsets are the least squares fit to these medians,
    weighted by the number of common points, in each connected part of the graph of regions.
    """
    check_bounds(tiles, shape)
    for number, tile in enumerate(tiles):
        _check_sizes(number, tile)
    first = first_nodes(tiles)
    pairs, medians, counts = [], [], []
    for shared in shared_points(tiles, shape):
        values_i, values_j = tiles[shared.i].values, tiles[shared.j].values
        difference = values_i[:, shared.at_i] - values_j[:, shared.at_j]
        for a, b, chosen in shared.nodes:
            if len(chosen) >= min_overlap_points:
                pairs.append((a, b))
                medians.append(np.median(difference[:, chosen], axis=1))
                counts.append(len(chosen))
    nterms = tiles[0].values.shape[0] if len(tiles) else 0
    edges = np.array(pairs, np.int64).reshape(-1, 2)
    data = np.array(medians, np.float64).reshape(-1, nterms).T
    component = regions(edges, int(first[-1]))
    system = LinkGraph(edges, component).weighted(np.array(counts, np.float64), last=True)
    fitted = system.fit(data, np.zeros((nterms, int(first[-1]))), FINE_TOLERANCE)
    parts = list(pairwise(first))
    return TileOffsets(
        [fitted[:, start:stop] for start, stop in parts],
        [component[start:stop].astype(np.int64) for start, stop in parts],
    )


def blend_tiles(
    tiles: Sequence[TileValues],
    offsets: TileOffsets,
    shape: tuple[int, int],
    reference: Sequence[int] | None = None,
) -> SceneValues:
    """Join the tiles to values of the scene, without seams, relative to one reference.

    Parameters
    ----------
    tiles : sequence of TileValues
    offsets : TileOffsets
        From `tile_offsets`.
    shape : (int, int)
        Rows and columns of the scene.
    reference : sequence of int, optional
        Row and column of a point whose values become 0 in its component, or an area whose mean
        does, see :func:`emcflow.tiles.reference_area.reference_places`. Without it, and in all
        other components, the median becomes 0.

    Returns
    -------
    SceneValues

    Raises
    ------
    InputError
        If no tile has a point at the reference.

    Notes
    -----
    Where tiles overlap, the value is their mean weighted by the square of the distance of the
    point to the border of each tile, sides on the border of the scene left out (feathering;
    Szeliski 2006, Image Alignment and Stitching, Found. Trends Comput. Graph. Vis. 2(1), section
    5.2). A tile's weight is nearly 0 where it ends, so the mean does not jump there.
    """
    points, places = scene_points(tiles, shape)
    total, blended = np.zeros(len(points)), np.zeros((len(tiles[0].values), len(points)))
    component = np.empty(len(points), np.int64)
    joined = zip(tiles, offsets.offsets, offsets.component, places, strict=True)
    for tile, constants, labels, at in joined:
        weight = border_distance(tile, shape, outermost=0.5) ** 2
        total[at] += weight
        for row, values, of_region in zip(blended, tile.values, constants, strict=True):
            row[at] += weight * (values + of_region[tile.region])
        component[at] = labels[tile.region]
    del places
    blended /= total
    component = by_size(_by_appearance(component)).astype(np.int64)
    blended = zero_medians(blended, component)
    if reference is not None:
        at = reference_places(points, component + 1, reference)
        own = component == component[at[0]]
        blended[:, own] -= blended[:, at].mean(axis=1, keepdims=True)
    return SceneValues(points, blended, component)


def _by_appearance(component: np.ndarray) -> np.ndarray:
    """Number the components that occur in the order of their first points."""
    first = np.full(component.max(initial=-1) + 1, len(component))
    # of several values for one place the last one stays
    first[component[::-1]] = np.arange(len(component) - 1, -1, -1)
    return np.argsort(np.argsort(first, kind="stable"))[component]


def _check_sizes(number: int, tile: TileValues) -> None:
    npoints, nvalues, nregions = len(tile.points), tile.values.shape[1], len(tile.region)
    if not npoints == nvalues == nregions:
        raise InputError(
            f"tile {number} has {npoints} points, {nvalues} values and regions of {nregions}: "
            "expected as many of each; compute the tile again"
        )
