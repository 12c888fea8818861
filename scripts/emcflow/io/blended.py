"""The file of a tile joined to others: where its cycles change."""

from __future__ import annotations

from pathlib import Path

import h5py

from emcflow.io.hdf5 import put, read
from emcflow.tiles.tile_blend import BlendedPoints

UNITS = {
    "places": "index",
    "shift": "cycles",
    "mean": "cycles",
    "spread": "cycles",
    "apart": "index",
}


def put_blended(file: h5py.File, pair: str, blended: BlendedPoints) -> None:
    """Write where the blending of a tile changed a pair."""
    for field, units in UNITS.items():
        put(file, f"{pair}/{field}", getattr(blended, field), units)


def read_blended(path: str | Path, pair: str) -> BlendedPoints:
    """Read what :func:`put_blended` wrote."""
    return BlendedPoints(*read(path, *(f"{pair}/{field}" for field in UNITS)))
