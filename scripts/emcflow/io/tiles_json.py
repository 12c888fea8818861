"""The tiles of a scene as a file: tiles.json, in spurt's layout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from emcflow.errors import InputError
from emcflow.tiles.cut import Tile


def tiles_to_json(shape: tuple[int, int], tiles: Sequence[Tile]) -> str:
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


def tiles_from_json(text: str, name: str = "tiles.json") -> tuple[tuple[int, int], list[Tile]]:
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


def _read_tile(row: Any, where: str, shape: Sequence[int]) -> Tile:
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


def _read_rectangle(value: Any, where: str, outer: Sequence[int]) -> tuple[int, int, int, int]:
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


def _whole_numbers(value: Any, length: int) -> bool:
    """Whether value is a list of so many whole numbers (JSON's true and false are none)."""
    return isinstance(value, list) and len(value) == length and all(type(v) is int for v in value)
