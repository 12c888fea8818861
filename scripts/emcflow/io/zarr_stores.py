"""What is in a Zarr store, by its metadata; GDAL reads the data itself.

The metadata are JSON: ``.zarray`` and ``.zattrs`` of version 2, ``zarr.json`` of version 3 of the
specification (https://zarr-specs.readthedocs.io). Names of dimensions are those that xarray writes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emcflow.errors import InputError

TIME_NAMES = ("time", "date", "dates")


@dataclass(frozen=True)
class Array:
    """An array of a store: its name within it, shape, names of dimensions (or none), attributes."""

    name: str
    shape: tuple[int, ...]
    dimensions: tuple[str, ...]
    attributes: dict[str, Any]

    @property
    def time_axis(self) -> int:
        """Return the place of time among the dimensions; the first where they have no names."""
        places = [n for n, name in enumerate(self.dimensions) if name in TIME_NAMES]
        return places[0] if places else 0


def is_store(path: str) -> bool:
    """Say whether a path is a Zarr store on this machine."""
    return any((Path(path) / name).is_file() for name in (".zgroup", ".zarray", "zarr.json"))


def arrays(path: str) -> list[Array]:
    """Return the arrays of a store, sorted by name.

    Raises
    ------
    InputError
        Where the metadata of one are no such JSON.
    """
    found = []
    for file in sorted([*Path(path).rglob(".zarray"), *Path(path).rglob("zarr.json")]):
        try:
            about = json.loads(file.read_text())
            if about.get("node_type") == "group":
                continue
            attributes, dimensions = about.get("attributes", {}), about.get("dimension_names")
            beside = file.parent / ".zattrs"
            if file.name == ".zarray" and beside.exists():
                attributes = json.loads(beside.read_text())
                dimensions = attributes.get("_ARRAY_DIMENSIONS")
            shape = tuple(int(size) for size in about["shape"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{file}: no metadata of a Zarr array ({error}); expected a whole store: write or "
                "copy it again"
            ) from error
        name = file.parent.relative_to(path).as_posix()
        found.append(Array(name, shape, tuple(map(str, dimensions or ())), attributes))
    return found
