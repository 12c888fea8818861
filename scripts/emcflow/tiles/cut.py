"""Split a scene into overlapping tiles with about equally many points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emcflow.errors import InputError

_LEAST_DILATION = 2


@dataclass(frozen=True)
class Tile:
    """A rectangle of the scene, as half-open rows and columns (r0, c0, r1, c1).

    Attributes
    ----------
    bounds : tuple of 4 int
        The pixels that are unwrapped together; neighbours overlap.
    core : tuple of 4 int
        The part that belongs to this tile alone: the cores of all tiles cover the scene once.
    points : int
        Points within the bounds: what the tile's jobs will cost; 0 where a file does not say.
    """

    bounds: tuple[int, int, int, int]
    core: tuple[int, int, int, int]
    points: int = 0


def density_tiles(
    mask: np.ndarray, points_per_tile: int, max_tiles: int, dilation: float
) -> list[Tile]:
    """Split a scene so that every tile holds about as many points.

    The scene is cut in two across the longer extent of its points, and the parts again (a k-d tree:
    Bentley 1975, doi 10.1145/361002.361007), so water takes part in a tile but asks for none.

    Parameters
    ----------
    mask : bool (nrows, ncols)
        True at points.
    points_per_tile : int
        Points wanted in a tile, before dilation; more where `max_tiles` demands it.
    max_tiles : int
        Largest number of tiles.
    dilation : float
        How far a tile reaches over its core on each side, as a part of the core's side. At least 2
        pixels, so that neighbours share points; never over the border of the scene.

    Returns
    -------
    list of Tile
        One tile, the whole scene, where the points fit.

    Raises
    ------
    InputError
        If there is no point.
    """
    mask = np.asarray(mask, dtype=bool)
    npoints = int(np.count_nonzero(mask))
    if npoints == 0:
        raise InputError(
            f"none of the {mask.size} pixels is a point, expected some: lower the coherence "
            "threshold or check that every date has data"
        )
    ntiles = min(max_tiles, -(-npoints // points_per_tile))
    cores = _split(mask, (0, 0, *mask.shape), ntiles)
    tiles = []
    for core in cores:
        r0, c0, r1, c1 = bounds = _dilated(core, dilation, mask.shape)
        tiles.append(Tile(bounds, core, int(np.count_nonzero(mask[r0:r1, c0:c1]))))
    return tiles


def _split(
    mask: np.ndarray, bounds: tuple[int, int, int, int], ntiles: int
) -> list[tuple[int, int, int, int]]:
    """Cut bounds into `ntiles` rectangles of about equally many points."""
    if ntiles == 1:
        return [bounds]
    r0, c0, r1, c1 = bounds
    part = mask[r0:r1, c0:c1]
    profiles = np.count_nonzero(part, axis=1), np.count_nonzero(part, axis=0)
    used = [np.flatnonzero(profile) for profile in profiles]
    axis = int(used[1][-1] - used[1][0] > used[0][-1] - used[0][0])
    # A cut leaves points on both sides; where it may lie anywhere in a gap, it lies at the gap's
    # start, so that the dilated tile beyond it still reaches points.
    cuts = np.arange(used[axis][0] + 1, used[axis][-1] + 1)
    before = np.cumsum(profiles[axis])[cuts - 1]
    npoints = int(profiles[axis].sum())
    best = int(np.argmin(np.abs(before / npoints - (ntiles // 2) / ntiles)))
    cut, nbefore = int(cuts[best]), int(before[best])
    # Crowded rows may forbid an even cut; the tiles then follow the points, at least one for each.
    nfirst = min(max(round(ntiles * nbefore / npoints), 1), ntiles - 1)
    if axis == 0:
        first, second = (r0, c0, r0 + cut, c1), (r0 + cut, c0, r1, c1)
    else:
        first, second = (r0, c0, r1, c0 + cut), (r0, c0 + cut, r1, c1)
    return _split(mask, first, nfirst) + _split(mask, second, ntiles - nfirst)


def _dilated(
    core: tuple[int, int, int, int], dilation: float, shape: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Core grown on each side, within the scene."""
    r0, c0, r1, c1 = core
    rows = max(_LEAST_DILATION, int(np.ceil(dilation * (r1 - r0))))
    cols = max(_LEAST_DILATION, int(np.ceil(dilation * (c1 - c0))))
    return (
        max(r0 - rows, 0),
        max(c0 - cols, 0),
        min(r1 + rows, shape[0]),
        min(c1 + cols, shape[1]),
    )
