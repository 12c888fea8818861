"""Rasters on the grid of the input stack: reading windows, writing GeoTIFFs whole or not at all."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from rasterio import Affine
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.windows import Window

from emcflow.errors import InputError
from emcflow.files import whole_file

# Nodata of rasters of labels, in which 0 means something.
NO_LABEL_DATA = 65535
# Rows and columns of the tiles of a GeoTIFF.
BLOCK = 512


@dataclass(frozen=True)
class Grid:
    """Shape, coordinate reference system and transform that all rasters of a scene share.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    crs : str or None
        Well-known text, or any text that GDAL takes for it; None for radar coordinates.
    transform : tuple of float
        The six numbers of the affine transform, GDAL's pixel-corner convention, in the order
        (a, b, c, d, e, f) of the ``affine`` package.
    """

    shape: tuple[int, int]
    crs: str | None
    transform: tuple[float, ...]

    def differs_from(self, other: Grid) -> str:
        """Say in words how this grid differs from another; empty where it does not."""
        if self.shape != other.shape:
            return f"shape {self.shape} instead of {other.shape}"
        if (self.crs is None) != (other.crs is None) or (
            self.crs is not None and CRS.from_user_input(self.crs) != CRS.from_user_input(other.crs)
        ):
            return f"CRS {_short(self.crs)} instead of {_short(other.crs)}"
        pixel = max(abs(other.transform[0]), abs(other.transform[4]))
        if not np.allclose(self.transform, other.transform, rtol=0, atol=1e-3 * pixel):
            return f"transform {self.transform} instead of {other.transform}"
        return ""

    def cropped(self, window: Sequence[int] | None) -> Grid:
        """Return the grid of a window of this one: first row, first column, end row, end column."""
        if window is None:
            return self
        row0, col0, row1, col1 = window
        transform = Affine(*self.transform) @ Affine.translation(col0, row0)
        return Grid((row1 - row0, col1 - col0), self.crs, tuple(transform)[:6])


def _short(crs: str | None) -> str:
    return "none" if crs is None else CRS.from_user_input(crs).to_string()[:60]


def map_crs(crs: str | None) -> CRS | None:
    """Return a coordinate reference system if it places pixels on a map, by angles or metres.

    Others are those of engineering (``LOCAL_CS``), such as radar coordinates, geocentric and
    vertical ones: their scenes stay in rows and columns.
    """
    found = None if crs is None else CRS.from_user_input(crs)
    return found if found and (found.is_geographic or found.is_projected) else None


def local_file(name: str | Path) -> bool:
    """Say whether a name is a path of this machine, and not one that only GDAL understands.

    GDAL's names are those of its virtual file systems (``/vsicurl/``, ``/vsis3/``), addresses with
    a scheme (``https://``, ``vrt://``) and those of subdatasets (``HDF5:"file.h5"://data``).
    """
    name = str(name)
    return Path(name).exists() or not (name.startswith("/vsi") or re.match(r"\w+:", name))


def open_raster(path: str | Path) -> rasterio.DatasetReader:
    """Open a raster for reading.

    Raises
    ------
    InputError
        Where GDAL cannot open the file.
    """
    try:
        return rasterio.open(path)
    except rasterio.errors.RasterioIOError as error:
        missing = local_file(path) and not Path(path).exists()
        reason = "does not exist" if missing else f"cannot be opened: {error}"
        raise InputError(
            f"{path}: {reason}; expected a raster that GDAL can read: check the path, or write "
            "the file again"
        ) from error


def read_grid(dataset: rasterio.DatasetReader) -> Grid:
    """Return the grid of an open raster."""
    crs = dataset.crs.to_wkt() if dataset.crs else None
    return Grid(dataset.shape, crs, tuple(dataset.transform)[:6])


def read_band(path: str | Path, bounds: tuple[int, int, int, int] | None = None) -> np.ndarray:
    """Read the first band of a raster, whole or within bounds.

    Parameters
    ----------
    path : path
        Anything GDAL opens.
    bounds : tuple of int, optional
        First row, first column, last row, last column, half open.

    Returns
    -------
    ndarray
        Two-dimensional, in the file's own type.

    Raises
    ------
    InputError
        Where the file cannot be opened or its data cannot be read, as when it is cut off.
    """
    with open_raster(path) as dataset:
        window = None
        if bounds is not None:
            row0, col0, row1, col1 = bounds
            window = Window(col0, row0, col1 - col0, row1 - row0)
        return _read_window(dataset, path, window)


def windows(shape: tuple[int, int], size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield bounds (first row, first column, last row, last column) that cover a scene.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the scene.
    size : tuple of int
        Rows and columns of a window; those at the end are smaller.
    """
    for row in range(0, shape[0], size[0]):
        for col in range(0, shape[1], size[1]):
            yield row, col, min(row + size[0], shape[0]), min(col + size[1], shape[1])


def check_whole(dataset: rasterio.DatasetReader, path: str | Path) -> None:
    """Read the last block of an open raster, which a file that was cut off does not have.

    Raises
    ------
    InputError
        Where it cannot be read.
    """
    rows, cols = dataset.shape
    height, width = dataset.block_shapes[0]
    row, col = (rows - 1) // height * height, (cols - 1) // width * width
    _read_window(dataset, path, Window(col, row, cols - col, rows - row))


def _read_window(dataset, path, window) -> np.ndarray:
    rows, cols = dataset.shape if window is None else (window.height, window.width)
    gigabytes = rows * cols * np.dtype(dataset.dtypes[0]).itemsize / 1e9
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    if gigabytes > memory:
        raise InputError(
            f"{path}: {rows} x {cols} pixels take {gigabytes:.0f} GB, more than the memory of "
            f"{memory:.0f} GB here; expected a scene that fits: crop the stack, or check its size"
        )
    try:
        return dataset.read(1, window=window)
    except rasterio.errors.RasterioIOError as error:
        raise InputError(
            f"{path}: the data cannot be read ({error.__cause__ or error}); expected a whole "
            "file: it may be truncated, write or copy it again"
        ) from error


def scatter(points: np.ndarray, values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Place point values on the grid, NaN elsewhere.

    Parameters
    ----------
    points : ndarray of int, shape (npoints, 2)
        Row and column of each point.
    values : ndarray, shape (npoints,)
        Any real type.
    shape : tuple of int
        Rows and columns of the grid.

    Returns
    -------
    ndarray of float32, shape ``shape``
    """
    image = np.full(shape, np.nan, dtype=np.float32)
    image[points[:, 0], points[:, 1]] = values
    return image


@contextmanager
def create_raster(
    path: str | Path,
    grid: Grid,
    dtype: np.dtype | str,
    *,
    units: str,
    description: str,
    tags: dict[str, str] | None = None,
    threads: int = 1,
) -> Iterator[rasterio.io.DatasetWriter]:
    """Open a new GeoTIFF of one band, as :func:`write_raster` writes them, to write it by blocks.

    Parameters
    ----------
    path : path
        Name of the file; missing parent folders are made.
    grid : Grid
    dtype : dtype
        float32, complex64, uint16 or uint8.
    units, description, tags, threads
        See :func:`write_raster`.

    Yields
    ------
    rasterio.io.DatasetWriter

    Raises
    ------
    OutputError
        Where it cannot be written.
    """
    with whole_file(path) as file:
        with rasterio.open(file.name, "w", **_profile(grid, 1, dtype, threads)) as dataset:
            yield dataset
            _describe(dataset, units, [description], tags or {})
        # GDAL says nothing of a disk that is full when it closes a file.
        try:
            with rasterio.open(file.name) as dataset:
                for _, window in dataset.block_windows(1):
                    dataset.read(1, window=window)
        except rasterio.errors.RasterioIOError as error:
            raise OSError(errno.ENOSPC, "not written whole") from error


def write_raster(
    path: str | Path,
    image: np.ndarray,
    grid: Grid,
    *,
    units: str,
    description: str | Sequence[str],
    tags: dict[str, str] | None = None,
    threads: int = 1,
) -> None:
    """Write a GeoTIFF on the scene's grid: tiled, DEFLATE, NaN as nodata where values are real.

    Labels (uint16) have 65535 as nodata.

    The file gets its final name only when it is whole, so a broken write is never taken for a
    result. Bands are the first axis of a three-dimensional image.

    Parameters
    ----------
    path : path
        Name of the file; missing parent folders are made.
    image : ndarray, shape (rows, cols) or (bands, rows, cols)
        float32, complex64 or uint16.
    grid : Grid
        Must have the image's shape.
    units : str
        Unit of the values, written to the band and to the tag ``UNITS``.
    description : str or sequence of str
        What the raster shows, one text for each band.
    tags : dict, optional
        Further tags.
    threads : int
        Threads for the compression.

    Raises
    ------
    OutputError
        Where it cannot be written.
    """
    bands = image[np.newaxis] if image.ndim == 2 else image
    # GDAL says nothing of a disk that is full when it closes a file; this way Python writes it.
    with MemoryFile() as memory:
        with memory.open(**_profile(grid, len(bands), bands.dtype, threads)) as dataset:
            dataset.write(bands)
            texts = [description] if isinstance(description, str) else description
            _describe(dataset, units, texts, tags or {})
        with whole_file(path) as file:
            file.write(memory.getbuffer())


def _profile(grid: Grid, count: int, dtype: np.dtype | str, threads: int) -> dict:
    """Return how GDAL is to write a raster."""
    dtype = np.dtype(dtype)
    rows, cols = grid.shape
    # Tiles are padded to their full size, which a small scene of many bands cannot afford.
    tiled = min(rows, cols) >= BLOCK
    profile = {
        "driver": "GTiff",
        "height": rows,
        "width": cols,
        "count": count,
        "dtype": dtype.name,
        "crs": grid.crs,
        "transform": Affine(*grid.transform),
        "tiled": tiled,
        "blockysize": min(rows, BLOCK),
        **({"blockxsize": BLOCK} if tiled else {}),
        "compress": "deflate",
        # Level 1 is several times faster than the default and a few per cent larger.
        "zlevel": 1,
        "num_threads": threads,
        "bigtiff": "if_safer",
    }
    if dtype == np.uint16:
        return profile | {"nodata": NO_LABEL_DATA, "predictor": 2}
    if dtype == np.uint8:
        return profile | {"predictor": 2}
    if dtype.kind != "c":
        return profile | {"nodata": np.nan, "predictor": 3}
    return profile


def _describe(dataset, units: str, texts: Sequence[str], tags: dict[str, str]) -> None:
    dataset.update_tags(UNITS=units, **tags)
    for band, text in enumerate(texts, start=1):
        dataset.set_band_unit(band, units)
        dataset.set_band_description(band, text)


def write_cog(source: str | Path, path: str | Path) -> None:
    """Write a raster again as a cloud-optimised GeoTIFF, values and tags as they are.

    GDAL's COG driver adds overviews, averages of real values and the most frequent label, and the
    statistics that a viewer stretches its colours by.

    Parameters
    ----------
    source : path
        Raster of real values or labels.
    path : path
        Name of the new file, which it gets only when it is whole.
    """
    with (
        MemoryFile() as memory,
        rasterio.Env(GDAL_CACHEMAX=64),  # MB
        open_raster(source) as dataset,
    ):
        rasterio.shutil.copy(
            dataset,
            memory.name,
            driver="COG",
            compress="deflate",
            predictor="yes",
            statistics="yes",
            overview_resampling="mode" if dataset.dtypes[0] == "uint16" else "average",
        )
        with whole_file(path) as file:
            file.write(memory.getbuffer())
