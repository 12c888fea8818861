"""Values of tiles to values of the scene: one constant per tile and region, then feathering."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from emcflow.errors import InputError
from emcflow.graph.components import by_size, regions
from emcflow.links.integrate import FINE_TOLERANCE, LinkGraph
from emcflow.tiles.reference_area import reference_places
from emcflow.tiles.scene import (
    ScenePixels,
    border_distance,
    check_tile,
    count_regions,
    shared_points,
)

# Points whose components are looked at at a time.
AT_ONCE = 2**20


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


def tile_offsets(
    tiles: Sequence[TileValues],
    shape: tuple[int, int],
    min_overlap_points: int = 1,
) -> TileOffsets:
    """Constants per tile, region and term from the points that overlapping tiles share.

    Parameters
    ----------
    tiles : sequence of TileValues
        Asked for two at a time, see :class:`emcflow.tiles.held.HeldTiles`.
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
    first, nterms = [0], 0
    for number, tile in enumerate(tiles):
        check_tile(number, tile, shape)
        _check_sizes(number, tile)
        first.append(first[-1] + count_regions(tile))
        nterms = len(tile.values)
    pairs, medians, counts = [], [], []
    for shared in shared_points(tiles, shape):
        values_i, values_j = tiles[shared.i].values, tiles[shared.j].values
        difference = values_i[:, shared.at_i] - values_j[:, shared.at_j]
        for a, b, chosen in shared.nodes:
            if len(chosen) >= min_overlap_points:
                pairs.append((a, b))
                medians.append(np.median(difference[:, chosen], axis=1))
                counts.append(len(chosen))
    edges = np.array(pairs, np.int64).reshape(-1, 2)
    data = np.array(medians, np.float64).reshape(-1, nterms).T
    component = regions(edges, first[-1])
    system = LinkGraph(edges, component).weighted(np.array(counts, np.float64), last=True)
    fitted = system.fit(data, np.zeros((nterms, first[-1])), FINE_TOLERANCE)
    parts = list(pairwise(first))
    return TileOffsets(
        [fitted[:, start:stop] for start, stop in parts],
        [component[start:stop].astype(np.int64) for start, stop in parts],
    )


class Blending:
    """Joins the tiles to values of the scene, without seams, relative to one reference.

    Parameters
    ----------
    tiles : sequence of TileValues
        Asked for one after the other, several times.
    offsets : TileOffsets
        From `tile_offsets`.
    shape : (int, int)
        Rows and columns of the scene.
    reference : sequence of int, optional
        Row and column of a point whose values become 0 in its component, or an area whose mean
        does, see :func:`emcflow.tiles.reference_area.reference_places`. Without it, and in all
        other components, the median becomes 0.

    Attributes
    ----------
    pixels : ScenePixels
        The points of all tiles.
    component : int32 (npoints,)
        Values of different components cannot be compared. Component 0 has most points.
    places : int64 (n,) or None
        Of the points of the reference.

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

    def __init__(
        self,
        tiles: Sequence[TileValues],
        offsets: TileOffsets,
        shape: tuple[int, int],
        reference: Sequence[int] | None = None,
    ) -> None:
        self.pixels = ScenePixels(shape)
        for tile in tiles:
            self.pixels.add(tile.points)
        self._tiles, self._offsets, self._shape = tiles, offsets, shape
        component = np.empty(self.pixels.npoints, np.int32)
        for tile, labels in zip(tiles, offsets.component, strict=True):
            component[self.pixels.places(tile.points)] = labels[tile.region]
        self.component = by_size(_by_appearance(component))
        self.places = None
        if reference is not None:
            self.places = reference_places(self.pixels.points(), self.component + 1, reference)

    def of(self, tiles: Sequence[TileValues], offsets: TileOffsets) -> Blending:
        """Return what joins other values of the same points, with constants of their own."""
        other = copy(self)
        other._tiles, other._offsets = tiles, offsets
        return other

    def row(self, number: int) -> np.ndarray:
        """Return a term at the points of the scene, row by row, float64 (npoints,)."""
        npoints = self.pixels.npoints
        total, blended = np.zeros(npoints), np.zeros(npoints)
        for tile, constants in zip(self._tiles, self._offsets.offsets, strict=True):
            at = self.pixels.places(tile.points)
            weight = border_distance(tile, self._shape, outermost=0.5) ** 2
            total[at] += weight
            blended[at] += weight * (tile.values[number] + constants[number][tile.region])
        blended /= total
        del total
        take_medians(blended, self.component)
        if self.places is not None:
            mean = blended[self.places].mean()
            blended[self.component == self.component[self.places[0]]] -= mean
        return blended


def take_medians(values: np.ndarray, component: np.ndarray) -> None:
    """Subtract the median of every component from values (npoints,), where they are."""
    sizes = np.bincount(component)
    if len(sizes) == 1:
        values -= np.median(values)
        return
    order = np.argsort(component, kind="stable").astype(np.int32)
    ends = np.cumsum(sizes)
    for start, stop in zip(ends - sizes, ends, strict=True):
        points = order[start:stop]
        values[points] -= np.median(values[points])


def _by_appearance(component: np.ndarray) -> np.ndarray:
    """Number the components that occur in the order of their first points, int32 (npoints,)."""
    first = np.full(component.max(initial=-1) + 1, len(component))
    for start in reversed(range(0, len(component), AT_ONCE)):
        some = component[start : start + AT_ONCE]
        # of several values for one place the last one stays
        first[some[::-1]] = np.arange(start + len(some) - 1, start - 1, -1)
    number = np.argsort(np.argsort(first, kind="stable")).astype(np.int32)
    return number[component]


def _check_sizes(number: int, tile: TileValues) -> None:
    npoints, nvalues, nregions = len(tile.points), tile.values.shape[1], len(tile.region)
    if not npoints == nvalues == nregions:
        raise InputError(
            f"tile {number} has {npoints} points, {nvalues} values and regions of {nregions}: "
            "expected as many of each; compute the tile again"
        )
