"""The joins of islands in the file of the overlaps."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import h5py

from emcflow.io.hdf5 import LEVEL_UNITS, put, read
from emcflow.tiles.islands import Islands

UNITS = LEVEL_UNITS | {
    "part": "label",
    "nodes": "node, node",
    "levelled": "1",
    "points": "points",
    "places": "row, column",
}


def put_islands(file: h5py.File, islands: Islands) -> None:
    """Write how parts of the scene are joined across."""
    group = file.create_group("islands")
    for each in fields(Islands):
        put(group, each.name, getattr(islands, each.name), UNITS[each.name])


def read_islands(path: str | Path) -> Islands:
    """Read what :func:`put_islands` has written."""
    return Islands(*read(path, *(f"islands/{each.name}" for each in fields(Islands))))
