"""HDF5 files between the rules: written whole or not at all, read with a word where broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from emcflow.acquisition.date_weights import PointVariances
from emcflow.errors import InputError
from emcflow.graph.planar import PlanarGraph
from emcflow.io.files import whole_file
from emcflow.links.cycle_model import CycleModel
from emcflow.tiles.overlaps import Overlaps
from emcflow.tiles.scene import PlacedPoints, TilePoints
from emcflow.unwrap.region_levels import RegionLevels


class _Patient:
    """A file for HDF5, which crashes where a write fails: keeps the error until HDF5 is done."""

    def __init__(self, raw: RawIOBase) -> None:
        self.raw = raw
        self.error: OSError | None = None

    def write(self, data: bytes | memoryview) -> int:
        rest = memoryview(data).cast("B")
        try:
            while rest and self.error is None:
                rest = rest[self.raw.write(rest) :]
        except OSError as error:
            self.error = error
        return memoryview(data).nbytes

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


@contextmanager
def create(path: str | Path, **attributes: Any) -> Iterator[h5py.File]:
    """Open a new HDF5 file that gets its name only when it is whole.

    Parameters
    ----------
    path : path
        Final name of the file.
    **attributes
        Written to the root group: dates, pairs, settings.

    Yields
    ------
    h5py.File

    Raises
    ------
    OutputError
        Where it cannot be written.
    """
    with whole_file(path) as written:
        patient = _Patient(written.raw)  # type: ignore[attr-defined]
        try:
            with h5py.File(patient, "w") as file:
                for name, value in attributes.items():
                    file.attrs[name] = value
                yield file
        finally:
            if patient.error is not None:
                raise patient.error


def put(group: h5py.Group, name: str, values: np.ndarray, units: str) -> None:
    """Write one array with its unit, plain and contiguous: speed matters more than size here."""
    group.create_dataset(name, data=values).attrs["units"] = units


@contextmanager
def open_product(path: str | Path) -> Iterator[h5py.File]:
    """Open a file made by :func:`create` for reading.

    Raises
    ------
    InputError
        Where it is missing, cut off, damaged inside or no HDF5 file, or lacks the data asked for.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).strip("\"'").split())
        raise InputError(
            f"{path}: not a whole intermediate file of this workflow ({reason}); "
            f"rebuild it: run again with --forcerun '{path}'"
        ) from error


def read(path: str | Path, *names: str) -> list[np.ndarray]:
    """Read whole arrays from one file, in the order of their names."""
    with open_product(path) as file:
        return [_array(file, name)[...] for name in names]


def read_rows(
    path: str | Path, name: str, rows: slice | list[int], columns: slice = slice(None)
) -> np.ndarray:
    """Read some rows of one array, whole or some columns next to each other."""
    with open_product(path) as file:
        found = _array(file, name)
        return found[rows] if columns == slice(None) else found[rows, columns]


def read_columns(path: str | Path, name: str, rows: list[int], columns: np.ndarray) -> np.ndarray:
    """Read some rows of one array at increasing columns."""
    if not len(columns):
        return read_rows(path, name, rows, slice(0, 0))
    first = int(columns[0])
    return read_rows(path, name, rows, slice(first, int(columns[-1]) + 1))[:, columns - first]


def length(path: str | Path, name: str) -> int:
    """Return how many rows an array has."""
    with open_product(path) as file:
        return len(_array(file, name))


def _array(file: h5py.File, name: str) -> h5py.Dataset:
    """Return an array of plain numbers; no objects, references or text are ever read."""
    found = file[name]
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "biuf":
        raise KeyError(f"{name} is no array of numbers")
    return found


GRAPH_ARRAYS = ("edges", "triangles", "triangle_edges", "triangle_signs", "left", "right")


def put_graph(file: h5py.File, graph: PlanarGraph) -> None:
    """Write the arrays of a point mesh."""
    for name in GRAPH_ARRAYS:
        put(file, name, getattr(graph, name), "index")
    file.attrs["nnodes"] = graph.nnodes


def read_graph(path: str | Path) -> PlanarGraph:
    """Read the point mesh written by :func:`put_graph`."""
    with open_product(path) as file:
        arrays = {name: _array(file, name)[...] for name in GRAPH_ARRAYS}
        return PlanarGraph(nnodes=int(file.attrs["nnodes"]), **arrays)


def count_triangles(path: str | Path) -> int:
    """Return how many triangles a point mesh has."""
    return length(path, "triangles")


def read_link_weights(path: str | Path) -> np.ndarray | None:
    """Read the weights of the dates in a link model, None where all dates were alike."""
    with open_product(path) as file:
        return file.attrs.get("date_weights")


def read_variances(path: str | Path) -> PointVariances | None:
    """Read the variances of the phase in the mesh of a tile, None where they are not known."""
    with open_product(path) as file:
        return PointVariances(_array(file, "variances")[...]) if "variances" in file else None


CYCLE_MODEL_UNITS = {
    "design": "rad per unit of the term",
    "params": "see terms",
    "coherence": "1",
}


def put_cycle_models(file: h5py.File, models: dict[str, CycleModel]) -> None:
    """Write the models of the links of which hypotheses for their cycles are made."""
    group = file.create_group("models")
    group.attrs["names"] = list(models)
    for name, model in models.items():
        of_model = group.create_group(name)
        of_model.attrs["preference"] = model.preference
        for field, units in CYCLE_MODEL_UNITS.items():
            put(of_model, field, getattr(model, field), units)


def read_cycle_models(path: str | Path) -> dict[str, CycleModel]:
    """Read the models written by :func:`put_cycle_models`."""
    with open_product(path) as file:
        group = file["models"]
        return {
            name: CycleModel(
                **{field: _array(group[name], field)[...] for field in CYCLE_MODEL_UNITS},
                preference=float(group[name].attrs["preference"]),
            )
            for name in group.attrs["names"]
        }


def put_link_state(file: h5py.File, quality: np.ndarray, changed: dict[str, np.ndarray]) -> None:
    """Write how good the links of a tile are, and which of them flows changed, by pairs."""
    put(file, "link_quality", quality, "1")
    group = file.create_group("changed_links")
    for pair, links in changed.items():
        put(group, pair, links, "index")


def read_changed_links(path: str | Path, pair: str) -> np.ndarray:
    """Read which links of a tile's mesh the flow of a pair changed."""
    return read(path, f"changed_links/{pair}")[0]


LEVEL_UNITS = {
    "regions": "label, label",
    "nlinks": "links",
    "cycles": "cycles",
    "wrong": "1",
    "mean_wrong": "1",
    "jump": "1",
}


def put_region_levels(file: h5py.File, levels: RegionLevels) -> None:
    """Write what links across say of the cycles between regions of a tile."""
    group = file.create_group("islands")
    for name, values in levels._asdict().items():
        put(group, name, values, LEVEL_UNITS[name])


def read_region_levels(path: str | Path) -> RegionLevels:
    """Read what :func:`put_region_levels` has written."""
    return RegionLevels(*read(path, *(f"islands/{name}" for name in RegionLevels._fields)))


def put_points(file: h5py.File, points: np.ndarray, bounds: tuple[int, int, int, int]) -> None:
    """Write the points of a tile, relative to its first row and column, and its bounds."""
    put(file, "points", points - np.asarray(bounds[:2], dtype=np.int32), "row, column")
    put(file, "bounds", np.asarray(bounds, dtype=np.int32), "row, column")


def read_points(path: str | Path) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Read the points of a tile as rows and columns of the scene, and the tile's bounds."""
    points, bounds = read(path, "points", "bounds")
    row0, col0, row1, col1 = map(int, bounds)
    return points + bounds[:2], (row0, col0, row1, col1)


def read_tile_points(path: str | Path) -> TilePoints:
    """Read where the points of a tile lie, the confident links among them, and their regions."""
    points, bounds = read_points(path)
    edges, confident, region = read(path, "edges", "confident", "region")
    return TilePoints(bounds, points, edges[confident], region)


class TileFiles(Sequence[PlacedPoints]):
    """Points of tiles, each read from its mesh whenever it is asked for.

    Parameters
    ----------
    paths : sequence of path
        Meshes of the tiles.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: int) -> PlacedPoints:  # type: ignore[override]
        points, bounds = read_points(self._paths[number])
        return PlacedPoints(bounds, points, read(self._paths[number], "region")[0])


# Names in the file of the fields of Overlaps, spurt's where it has them, and their units.
OVERLAP_FIELDS = {
    "nodes": ("nodes", "tile, region"),
    "node_points": ("node_points", "points"),
    "links": ("overlaps", "node, node"),
    "points": ("common_points", "points"),
    "deciles": ("stats", "cycles"),
    "difference": ("difference", "cycles"),
    "agreement": ("agreement", "1"),
    "too_small": ("too_small", "node, node, points"),
    "component": ("conn_comp", "label"),
}


def put_overlaps(file: h5py.File, overlaps: Overlaps) -> None:
    """Write the overlaps of the tiles."""
    for field, (name, units) in OVERLAP_FIELDS.items():
        put(file, name, getattr(overlaps, field), units)


def read_overlaps(path: str | Path) -> Overlaps:
    """Read the overlaps written by :func:`put_overlaps`."""
    names = [name for name, _ in OVERLAP_FIELDS.values()]
    return Overlaps(**dict(zip(OVERLAP_FIELDS, read(path, *names), strict=True)))
