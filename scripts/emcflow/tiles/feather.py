"""Values of tiles to values of the scene: one constant per tile and region, then feathering."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from emcflow.errors import InputError
from emcflow.graph.components import regions
from emcflow.links.integrate import FINE_TOLERANCE, LinkGraph, zero_medians


@dataclass(frozen=True)
class TileValues:
    """Point values of one tile.

    Attributes
    ----------
    bounds : tuple of int
        First row, first column, end row, end column in the scene; ends excluded.
    points : int32 (npoints, 2)
        Row and column in the scene, each point once.
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


def tile_offsets(tiles, shape, min_overlap_points=1):
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
        If a tile's arrays disagree or points lie outside its bounds.

    Notes
    -----
    Every two regions of different tiles give the median of their differences over common points,
    which a few wrong points do not move. Offsets are the least squares fit to these medians,
    weighted by the number of common points, in each connected part of the graph of regions.
    """
    for number, tile in enumerate(tiles):
        _check_tile(number, tile, shape)
    nregions = [int(tile.region.max()) + 1 if len(tile.region) else 0 for tile in tiles]
    first = np.concatenate([[0], np.cumsum(nregions)]).astype(np.int64)
    keys = [_flat(tile.points, shape) for tile in tiles]
    pairs, medians, counts = [], [], []
    for i in range(len(tiles)):
        for j in range(i + 1, len(tiles)):
            if not _overlap(tiles[i].bounds, tiles[j].bounds):
                continue
            _, at_i, at_j = np.intersect1d(keys[i], keys[j], True, return_indices=True)
            difference = tiles[i].values[:, at_i] - tiles[j].values[:, at_j]
            for a, b, chosen in _groups(tiles[i].region[at_i], tiles[j].region[at_j]):
                if len(chosen) < min_overlap_points:
                    continue
                pairs.append((first[i] + a, first[j] + b))
                medians.append(np.median(difference[:, chosen], axis=1))
                counts.append(len(chosen))
    nterms = tiles[0].values.shape[0] if len(tiles) else 0
    edges = np.array(pairs, np.int64).reshape(-1, 2)
    medians = np.array(medians, np.float64).reshape(-1, nterms).T
    component = regions(edges, int(first[-1]))
    system = LinkGraph(edges, component).weighted(np.array(counts, np.float64), last=True)
    fitted = system.fit(medians, np.zeros((nterms, int(first[-1]))), FINE_TOLERANCE)
    parts = list(pairwise(first))
    return TileOffsets(
        [fitted[:, start:stop] for start, stop in parts],
        [component[start:stop].astype(np.int64) for start, stop in parts],
    )


def blend_tiles(tiles, offsets, shape, reference=None):
    """Join the tiles to values of the scene, without seams, relative to one reference.

    Parameters
    ----------
    tiles : sequence of TileValues
    offsets : TileOffsets
        From `tile_offsets`.
    shape : (int, int)
        Rows and columns of the scene.
    reference : (int, int), optional
        Row and column of a point whose values become 0 in its component. Without it, and in all
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
    keys = np.concatenate([_flat(tile.points, shape) for tile in tiles])
    scene, place = np.unique(keys, return_inverse=True)
    weight = np.concatenate([_border_distance(tile, shape) ** 2 for tile in tiles])
    values = np.concatenate(
        [tile.values + o[:, tile.region] for tile, o in zip(tiles, offsets.offsets, strict=True)],
        axis=1,
    )
    labels = np.concatenate(
        [c[tile.region] for tile, c in zip(tiles, offsets.component, strict=True)]
    )
    total = np.bincount(place, weight, len(scene))
    blended = np.stack([np.bincount(place, weight * row, len(scene)) / total for row in values])
    component = np.empty(len(scene), np.int64)
    component[place] = labels
    component = _by_size(component)
    points = np.stack(np.divmod(scene, shape[1]), axis=1).astype(np.int32)
    blended = zero_medians(blended, component)
    if reference is not None:
        at = _reference_place(points, scene, reference, shape)
        own = component == component[at]
        blended[:, own] -= blended[:, at][:, None]
    return SceneValues(points, blended, component)


def _groups(a, b):
    """Each pair of labels that occurs, with the places where it does."""
    order = np.lexsort((b, a))
    breaks = np.flatnonzero((np.diff(a[order]) != 0) | (np.diff(b[order]) != 0)) + 1
    for chosen in np.split(order, breaks):
        if len(chosen):
            yield int(a[chosen[0]]), int(b[chosen[0]]), chosen


def _flat(points, shape):
    return points[:, 0].astype(np.int64) * shape[1] + points[:, 1]


def _overlap(first, second):
    return all(max(first[k], second[k]) < min(first[k + 2], second[k + 2]) for k in (0, 1))


def _border_distance(tile, shape):
    """Distance of every point to the nearest side of the tile within the scene [pixels]."""
    row0, col0, row1, col1 = tile.bounds
    row, col = tile.points[:, 0] + 0.5, tile.points[:, 1] + 0.5
    distance = np.full(len(row), float(max(shape)))
    for inside, gap in (
        (row0 > 0, row - row0),
        (col0 > 0, col - col0),
        (row1 < shape[0], row1 - row),
        (col1 < shape[1], col1 - col),
    ):
        if inside:
            distance = np.minimum(distance, gap)
    return distance


def _by_size(component):
    """Number components anew, the one with most points first; of equals the earlier first."""
    labels, first, counts = np.unique(component, return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    number = np.empty(labels.max() + 1 if len(labels) else 0, np.int64)
    number[labels[order]] = np.arange(len(labels))
    return number[component]


def _reference_place(points, scene, reference, shape):
    """Index of the reference point among the scene's points."""
    key = int(reference[0]) * shape[1] + int(reference[1])
    at = int(np.searchsorted(scene, key))
    inside = 0 <= reference[0] < shape[0] and 0 <= reference[1] < shape[1]
    if not inside or at == len(scene) or scene[at] != key:
        nearest = points[np.argmin(((points - np.asarray(reference)) ** 2).sum(axis=1))]
        raise InputError(
            f"reference point row {reference[0]}, column {reference[1]} has no value: choose a "
            f"valid point, the nearest is row {nearest[0]}, column {nearest[1]}"
        )
    return at


def _check_tile(number, tile, shape):
    row0, col0, row1, col1 = tile.bounds
    points = np.asarray(tile.points)
    if tile.values.shape[1] != len(points) or len(tile.region) != len(points):
        raise InputError(
            f"tile {number}: {len(points)} points, {tile.values.shape[1]} values and "
            f"{len(tile.region)} regions: expected as many of each"
        )
    if not (0 <= row0 < row1 <= shape[0] and 0 <= col0 < col1 <= shape[1]):
        raise InputError(f"tile {number}: bounds {tile.bounds} in a scene of {tuple(shape)}")
    if len(points) and not ((points >= (row0, col0)).all() and (points < (row1, col1)).all()):
        raise InputError(f"tile {number}: points outside its bounds {tile.bounds}")
