"""Results as a table with one row per point, for geographic information systems.

Tables are made and written window by window, so that a scene of any size fits. GeoParquet is
version 1.1.0 of its specification (geoparquet.org): points as well-known binary, the coordinate
reference system as PROJJSON.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pyogrio
from rasterio._err import CPLE_BaseError, CPLE_NotSupportedError  # what transform raises
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.transform import GCPTransformer
from rasterio.warp import transform

from emcflow.errors import InputError
from emcflow.io.files import whole_file
from emcflow.io.raster import Grid, map_crs, read_band, read_values, windows
from emcflow.products.positions import corrected_positions

WINDOW = (512, 512)  # whole blocks of the rasters
WGS84 = CRS.from_epsg(4326)
DEGREES = "longitude", "latitude"
LONGITUDE_DECIMALS = 8  # of a degree: a millimetre
WKB_POINT = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])


@dataclass(frozen=True)
class Flight:
    """What positions are corrected by, see :func:`emcflow.products.positions.corrected_positions`.

    Parameters
    ----------
    heading_deg : float
    looks : {'right', 'left'}
    incidence_angle_deg : float or path
        At the targets [degrees], or a raster of it.
    window : tuple of int or None
        The part of that raster that is the scene: first row, first column, end row, end column.
    dem_error : path
        Raster of the DEM error [m].
    """

    heading_deg: float
    looks: str
    incidence_angle_deg: float | str
    window: tuple[int, int, int, int] | None
    dem_error: str

    def correct(
        self,
        longitude: np.ndarray,
        latitude: np.ndarray,
        bounds: tuple[int, int, int, int],
        inside: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the corrected longitude and latitude of the points `inside` of a window."""
        incidence = self.incidence_angle_deg
        if isinstance(incidence, str):
            row, col = (self.window or (0, 0))[:2]
            row0, col0, row1, col1 = bounds
            shifted = row0 + row, col0 + col, row1 + row, col1 + col
            incidence = read_values(incidence, shifted)[inside]
        height = read_band(self.dem_error, bounds)[inside]
        return corrected_positions(
            longitude, latitude, height, incidence, self.heading_deg, self.looks
        )


@dataclass(frozen=True)
class DegreeRasters:
    """Longitude and latitude of the pixels of a scene in radar coordinates.

    Parameters
    ----------
    longitude, latitude : path
        Rasters [degrees].
    window : tuple of int or None
        The part of them that is the scene: first row, first column, end row, end column.
    """

    longitude: str
    latitude: str
    window: tuple[int, int, int, int] | None

    def read(self, bounds: tuple[int, int, int, int], inside: np.ndarray) -> np.ndarray:
        """Return longitude and latitude of the points `inside` of a window, float64 (2, n).

        Raises
        ------
        InputError
            For values that are no degrees.
        """
        row, col = (self.window or (0, 0))[:2]
        row0, col0, row1, col1 = bounds
        shifted = row0 + row, col0 + col, row1 + row, col1 + col
        found = np.empty((2, np.count_nonzero(inside)))
        for own, path, most in zip(found, (self.longitude, self.latitude), (360, 90), strict=True):
            own[:] = read_values(path, shifted)[inside]
            if (np.abs(own) > most).any():
                raise InputError(
                    f"{path}: values from {np.nanmin(own):g} to {np.nanmax(own):g}; expected "
                    f"degrees of at most {most}: give another raster, or declare its nodata"
                )
        return found


def by_degrees(grid: Grid, degrees: DegreeRasters | None) -> bool:
    """Say whether a scene is not on a map, but longitudes and latitudes of its pixels are known."""
    return map_crs(grid.crs) is None and (degrees is not None or map_crs(grid.gcp_crs) is not None)


def point_batches(
    grid: Grid,
    points_of: str | Path,
    columns: Mapping[str, str | Path],
    factors: Mapping[str, float],
    n_threads: int = 1,
    flight: Flight | None = None,
    degrees: DegreeRasters | None = None,
) -> Iterator[pa.Table]:
    """Yield a table of the points of one window after the other.

    Parameters
    ----------
    grid : Grid
    points_of : path
        Raster that is finite at the points and nowhere else.
    columns : mapping of str to path
        Raster of each column; its NaN become empty cells.
    factors : mapping of str to float
        What the values of some columns are multiplied by.
    n_threads : int
        Rasters read side by side.
    flight : Flight, optional
        Where given, points with longitude and latitude get those of the target as well.
    degrees : DegreeRasters, optional
        Of a scene that is not on a map; else those of its ground control points, if it has some.

    Yields
    ------
    pyarrow.Table
        Columns row, col (of the pixel, from 0), with a coordinate reference system of maps x, y
        (its centre in that system), longitude and latitude (WGS 84, degrees; not of other planets,
        NaN outside of what the projection is defined for), with a `flight` longitude_corrected and
        latitude_corrected, and those of `columns`.
    """

    def column(name: str) -> pa.Array:
        values = read_band(columns[name], bounds)[inside]
        if name in factors:
            values = values * values.dtype.type(factors[name]) + 0  # no negative zeros
        return pa.array(values, from_pandas=True)

    with_degrees = has_degrees(grid.crs)
    with ThreadPoolExecutor(n_threads) as pool:
        for bounds in windows(grid.shape, WINDOW):
            inside = np.isfinite(read_band(points_of, bounds))
            row, col = np.nonzero(inside)
            if len(row):
                row, col = (row + bounds[0]).astype(np.int32), (col + bounds[1]).astype(np.int32)
                table = {"row": row, "col": col, **_places(grid, row, col, with_degrees)}
                if by_degrees(grid, degrees):
                    known = (
                        degrees.read(bounds, inside) if degrees else degrees_by_gcps(grid, row, col)
                    )
                    rounded = np.round(known, LONGITUDE_DECIMALS)
                    table |= dict(zip(DEGREES, rounded, strict=True))
                if flight and "longitude" in table:
                    place = table["longitude"], table["latitude"]
                    corrected = np.round(flight.correct(*place, bounds, inside), LONGITUDE_DECIMALS)
                    names = "longitude_corrected", "latitude_corrected"
                    table |= dict(zip(names, corrected, strict=True))
                yield pa.table(table | dict(zip(columns, pool.map(column, columns), strict=True)))


def _places(
    grid: Grid, row: np.ndarray, col: np.ndarray, with_degrees: bool
) -> dict[str, np.ndarray]:
    """Return coordinates of the centres of pixels; none without a map, see `map_crs`."""
    crs = map_crs(grid.crs)
    if crs is None:
        return {}
    a, b, left, d, e, top = grid.transform
    x = left + a * (col + 0.5) + b * (row + 0.5)
    y = top + d * (col + 0.5) + e * (row + 0.5)
    if not with_degrees:
        return {"x": x, "y": y}
    longitude, latitude = np.round(to_degrees(crs, x, y), LONGITUDE_DECIMALS)
    return {"x": x, "y": y, "longitude": longitude, "latitude": latitude}


def degrees_by_gcps(grid: Grid, row: np.ndarray, col: np.ndarray) -> np.ndarray:
    """Return longitude and latitude of pixels by the ground control points, float64 (2, n)."""
    points = [GroundControlPoint(*point) for point in grid.gcps]
    # by thin plate splines, which go through all of them, however they lie
    with GCPTransformer(points, tps=True) as transformer:
        x, y = transformer.xy(row, col, offset="center")
    return to_degrees(CRS.from_user_input(grid.gcp_crs), np.asarray(x), np.asarray(y))


def has_degrees(crs: str | None) -> bool:
    """Return whether coordinates can be turned into longitude and latitude of WGS 84."""
    known = map_crs(crs)
    if known is None:
        return False
    try:
        transform(known, WGS84, [0.0], [0.0])
    except CPLE_NotSupportedError:  # of another planet
        return False
    except CPLE_BaseError:  # at this point alone
        pass
    return True


def to_degrees(crs: CRS, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return longitude and latitude, float64 (2, n); NaN where the projection has none."""
    try:
        found = np.array(transform(crs, WGS84, x, y))
    except CPLE_BaseError:  # for all, because of one: halve until it is alone
        if len(x) == 1:
            return np.full((2, 1), np.nan)
        parts = zip(np.array_split(x, 2), np.array_split(y, 2), strict=True)
        return np.hstack([to_degrees(crs, *part) for part in parts])
    found[:, ~np.isfinite(found).all(axis=0)] = np.nan
    return found


def write_csv(path: str | Path, batches: Iterator[pa.Table]) -> int:
    """Write tables of points one below the other, and return the number of points.

    Parameters
    ----------
    path : path
        Gets its name only when it is whole.
    batches : iterator of pyarrow.Table
        At least one.
    """
    return _write(path, batches, lambda file, schema: pyarrow.csv.CSVWriter(file, schema))


def _names_of_geometry(crs: str | None, degrees: bool) -> tuple[str, str]:
    """Return the columns that become the geometry."""
    if degrees:
        return DEGREES
    return ("col", "row") if map_crs(crs) is None else ("x", "y")


def write_geoparquet(
    path: str | Path, batches: Iterator[pa.Table], crs: str | None, degrees: bool = False
) -> int:
    """Write tables of points as GeoParquet, and return the number of points.

    Parameters
    ----------
    path : path
        Gets its name only when it is whole.
    batches : iterator of pyarrow.Table
        At least one.
    crs : str or None
        Of the columns x and y, which become the geometry; without one of maps col and row do.
    degrees : bool
        Longitude and latitude, which `by_degrees` says that there are, become the geometry.
    """
    known = WGS84 if degrees else map_crs(crs)
    column = {
        "encoding": "WKB",
        "geometry_types": ["Point"],
        "crs": None if known is None else known.to_dict(projjson=True),
    }
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}

    def writer(file: BinaryIO, schema: pa.Schema) -> pyarrow.parquet.ParquetWriter:
        schema = schema.with_metadata({"geo": json.dumps(geo)})
        return pyarrow.parquet.ParquetWriter(file, schema, compression="zstd")

    names = _names_of_geometry(crs, degrees)
    return _write(path, (_with_geometry(table, names) for table in batches), writer)


def write_geopackage(
    path: str | Path, batches: Iterator[pa.Table], crs: str | None, degrees: bool = False
) -> int:
    """Write tables of points as the layer ``points`` of a GeoPackage; return the number of points.

    Parameters
    ----------
    path : path
        Gets its name only when it is whole.
    batches : iterator of pyarrow.Table
        At least one.
    crs : str or None
        As for :func:`write_geoparquet`.
    degrees : bool
        As there.
    """
    known = WGS84 if degrees else map_crs(crs)
    names = _names_of_geometry(crs, degrees)
    layer = {
        "layer": "points",
        "driver": "GPKG",
        "geometry_name": "geometry",
        "geometry_type": "Point",
        "crs": None if known is None else known.to_wkt(),
    }
    total = 0
    with whole_file(path) as written, warnings.catch_warnings():
        # the unfinished file has another ending
        warnings.filterwarnings("ignore", ".*extension", RuntimeWarning)
        if known is None:
            warnings.filterwarnings("ignore", ".*crs", UserWarning)
        for table in batches:
            pyogrio.write_arrow(
                _with_geometry(table, names), written.name, append=total > 0, **layer
            )
            total += len(table)
    return total


def _with_geometry(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """Add a column of points as well-known binary (OGC 06-103r4, section 8.2) from two others."""
    points = np.empty(len(table), dtype=WKB_POINT)
    points["order"], points["type"] = 1, 1  # little endian; a point
    points["x"], points["y"] = (table[name].to_numpy() for name in names)
    offsets = np.arange(len(table) + 1, dtype=np.int32) * WKB_POINT.itemsize
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(points.tobytes())]
    geometry = pa.Array.from_buffers(pa.binary(), len(table), buffers)
    return table.append_column("geometry", geometry)


def _write(path: str | Path, batches: Iterator[pa.Table], writer: Callable) -> int:
    with whole_file(path) as written:
        first = next(batches)
        total = len(first)
        with writer(written, first.schema) as file:
            file.write_table(first)
            for table in batches:
                file.write_table(table.cast(first.schema))
                total += len(table)
    return total
