"""Split a scene into tiles with about equally many points, and keep them in a file."""

import json
from dataclasses import asdict, dataclass

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


def density_tiles(mask, points_per_tile, max_tiles, dilation) -> list[Tile]:
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


def _split(mask, bounds, ntiles):
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


def _dilated(core, dilation, shape):
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


def tiles_to_json(shape, tiles) -> str:
    """Text of tiles.json: spurt's layout, with the core of each tile beside its bounds.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the scene.
    tiles : list of Tile

    Returns
    -------
    str
    """
    rows = [asdict(tile) for tile in tiles]
    return json.dumps({"shape": list(shape), "tiles": rows}, indent=1) + "\n"


def tiles_from_json(text, name="tiles.json") -> tuple[tuple[int, int], list[Tile]]:
    """Read tiles.json, this project's or spurt's.

    Parameters
    ----------
    text : str
        Content of the file.
    name : str
        Name of the file, for messages.

    Returns
    -------
    shape : (int, int)
        Rows and columns of the scene.
    tiles : list of Tile
        A tile without a core, as spurt writes it, has its bounds for a core.

    Raises
    ------
    InputError
        If the text is not JSON, or shape, bounds or core are not what they should be.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{name} is not JSON at line {error.lineno}, column {error.colno}: {error.msg}; "
            "delete the file to have it made anew"
        ) from None
    except RecursionError:
        raise InputError(
            f"{name} is not JSON of tiles: lists a thousand deep; delete the file to have it made "
            "anew"
        ) from None
    if not isinstance(content, dict) or not isinstance(content.get("tiles"), list):
        raise InputError(
            f"{name} has no list 'tiles', expected {{'shape': [..], 'tiles': [..]}}: add it"
        )
    shape = content.get("shape")
    if shape is None or not _whole_numbers(shape, 2) or min(shape) < 1:
        raise InputError(f"{name}: shape is {shape}, expected [rows, columns] above 0: correct it")
    if not content["tiles"]:
        raise InputError(
            f"{name} lists no tile, expected at least 1: delete it to have it made anew"
        )
    tiles = [_read_tile(row, f"{name}, tile {i}", shape) for i, row in enumerate(content["tiles"])]
    return tuple(shape), tiles


def _read_tile(row, where, shape):
    """One tile of the file, its rectangles checked against scene and bounds."""
    row = row if isinstance(row, dict) else {}
    scene = [0, 0, *shape]
    bounds = _read_rectangle(row.get("bounds"), f"{where}: bounds", scene)
    core = _read_rectangle(row.get("core", list(bounds)), f"{where}: core", bounds)
    points = row.get("points", 0)
    if not _whole_numbers([points], 1) or points < 0:
        raise InputError(
            f"{where}: points is {points!r}, expected a whole number not below 0: correct it"
        )
    return Tile(bounds, core, points)


def _read_rectangle(value, where, outer):
    """A rectangle as a tuple, refused when not a rectangle inside the outer one."""
    good = _whole_numbers(value, 4) and (
        outer[0] <= value[0] < value[2] <= outer[2] and outer[1] <= value[1] < value[3] <= outer[3]
    )
    if not good:
        raise InputError(
            f"{where} is {value}, expected [r0, c0, r1, c1] with r0 < r1 and c0 < c1 inside "
            f"{list(outer)}: correct it"
        )
    return tuple(value)


def _whole_numbers(value, length):
    """Whether value is a list of so many whole numbers (JSON's true and false are none)."""
    return isinstance(value, list) and len(value) == length and all(type(v) is int for v in value)
