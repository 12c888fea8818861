"""Rasters on the grid of the input stack: reading windows, writing GeoTIFFs whole or not at all."""

from __future__ import annotations

import errno
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import DTypeLike
from rasterio import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import MemoryFile
from rasterio.warp import transform as to_crs
from rasterio.windows import Window

from emcflow.errors import InputError
from emcflow.io.files import whole_file
from emcflow.io.flat_binaries import flat_binary
from emcflow.io.remote import is_remote, read_again
from emcflow.io.sources import are_parts, arrays_in, open_bands, open_hdf5, open_source

if TYPE_CHECKING:
    from rasterio.io import DatasetWriter


# Rows of an image from a first to an end row, (nrows, cols).
ReadRows = Callable[[int, int], np.ndarray]
# Nodata of rasters of labels, in which 0 means something.
NO_LABEL_DATA = 65535
# Nodata of probabilities and masks (uint8).
NO_BYTE_DATA = 255
# Rows and columns of the tiles of a GeoTIFF.
BLOCK = 512
# What corners of equal grids may differ by [pixels].
CORNER_TOLERANCE = 0.05
# Texts of headers round nodata to six digits.
NODATA_ROUNDING = 2e-6
# Nodata that GDAL reports for NetCDF where the file declares none.
NETCDF_NODATA = 9.969209968386869e36
# Of a container of datasets: so many are looked into, and so many named.
MOST_NAMES, SHOWN_NAMES = 50, 4
# Types of rasters that NumPy does not have; they are read as these.
OTHER_TYPES = {"complex_int16": "complex64", "complex_int32": "complex64"}


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
    gcps : tuple of (row, col, x, y, z)
        Ground control points, where there are some and no transform; results keep them.
    gcp_crs : str or None
        Of their x and y.
    """

    shape: tuple[int, int]
    crs: str | None
    transform: tuple[float, ...]
    gcps: tuple[tuple[float, ...], ...] = ()
    gcp_crs: str | None = None

    def differs_from(self, other: Grid) -> str:
        """Say in words how this grid differs from another; empty where it does not."""
        if self.shape != other.shape:
            return f"shape {self.shape} instead of {other.shape}"
        return self._crs_difference(other) or self._corner_difference(other)

    def corners(self) -> np.ndarray:
        """Return the coordinates of the corners, float64 (2, 4): first x, then y."""
        rows, cols = self.shape
        matrix = np.reshape(self.transform, (2, 3))
        return matrix @ [[0, cols, 0, cols], [0, 0, rows, rows], [1, 1, 1, 1]]

    def pixels(self, distances: np.ndarray) -> float:
        """Return the longest of some distances (2, n) between coordinates, in pixels; or NaN."""
        matrix = np.reshape(self.transform, (2, 3))[:, :2]
        return float(np.abs(np.linalg.pinv(matrix) @ distances).max())

    def _corner_difference(self, other: Grid) -> str:
        apart = other.pixels(self.corners() - other.corners())
        if apart <= CORNER_TOLERANCE:
            return ""
        return (
            f"transform {self.transform} instead of {other.transform}, corners up to {apart:.3g} "
            "pixels apart"
        )

    def _crs_difference(self, other: Grid) -> str:
        if self.crs is None or other.crs is None:
            if self.crs == other.crs:
                return ""
            return f"CRS {_short(self.crs)} instead of {_short(other.crs)}"
        own, theirs = CRS.from_user_input(self.crs), CRS.from_user_input(other.crs)
        if own == theirs or _same_but_datum_shift(own, theirs):
            return ""
        corners = self.corners()
        try:
            moved = np.array(to_crs(own, theirs, *corners)[:2])
        except Exception:  # of no public class: GDAL knows no way from one to the other
            moved = np.full_like(corners, np.nan)
        if self.pixels(moved - corners) <= CORNER_TOLERANCE:
            return ""
        return "CRS {} instead of {}".format(*_what_differs(own, theirs))

    def cropped(self, window: Sequence[int] | None) -> Grid:
        """Return the grid of a window of this one: first row, first column, end row, end column."""
        if window is None:
            return self
        row0, col0, row1, col1 = window
        transform = Affine(*self.transform) @ Affine.translation(col0, row0)
        gcps = tuple((row - row0, col - col0, *place) for row, col, *place in self.gcps)
        shape = row1 - row0, col1 - col0
        return Grid(shape, self.crs, tuple(transform)[:6], gcps, self.gcp_crs)


def _short(crs: str | CRS | None) -> str:
    return "none" if crs is None else CRS.from_user_input(crs).to_string()[:60]


def _same_but_datum_shift(one: CRS, other: CRS) -> bool:
    """Say whether two systems of one code differ in the shift to WGS 84 alone, written or not."""
    if one.to_epsg() is None or one.to_epsg() != other.to_epsg():
        return False
    return {**one.to_dict(), "towgs84": ""} == {**other.to_dict(), "towgs84": ""}


def _what_differs(one: CRS, other: CRS) -> tuple[str, str]:
    """Return texts of two systems that show the difference: codes, else parameters, else names."""
    names = _short(one), _short(other)
    ours, theirs = one.to_dict(), other.to_dict()
    coded = all(re.fullmatch(r"\w+:\w+", name) for name in names)
    keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    if (coded and names[0] != names[1]) or not (ours and theirs and keys):
        return names if names[0] != names[1] else _where_texts_part(one.to_wkt(), other.to_wkt())
    first, second = (
        "{} ({})".format(name, ", ".join(f"{key} {crs[key]}" for key in keys if key in crs))
        for name, crs in zip(names, (ours, theirs), strict=True)
    )
    return first, second


def _where_texts_part(one: str, other: str) -> tuple[str, str]:
    """Return two texts from shortly before their first difference on."""
    alike = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    start = max(0, alike - 30)
    return f"...{one[start : start + 60]}", f"...{other[start : start + 60]}"


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
    a scheme (``https://``, ``vrt://``) and those of subdatasets (``HDF5:"file.h5"://data``), and
    those of :mod:`emcflow.io.sources`.
    """
    name = str(name)
    return Path(name).exists() or not (name.startswith("/vsi") or re.match(r"\w+:", name))


def open_raster(path: str | Path) -> rasterio.DatasetReader:
    """Open a raster for reading: by GDAL, or what GDAL knows only once it is told more.

    That are the names of :mod:`emcflow.io.sources`, two bands that call themselves real and
    imaginary part, and binaries of GAMMA (:mod:`emcflow.io.flat_binaries`).

    Raises
    ------
    InputError
        Where GDAL cannot open the file.
    """
    try:
        dataset = _open_patiently(str(path))
    except rasterio.errors.RasterioIOError as error:
        flat = flat_binary(path) if local_file(path) else None
        if flat:
            return rasterio.open(flat)
        missing = local_file(path) and not Path(path).exists()
        reason = "does not exist" if missing else f"cannot be opened: {_one_line(error)}"
        if is_remote(path):
            raise InputError(
                f"{path}: {reason}; expected a raster that GDAL can read: check bucket and name, "
                "and address and credentials of the server in the environment (docs/scale.md)"
            ) from error
        raise InputError(
            f"{path}: {reason}; expected a raster that GDAL can read: check the path, or write "
            "the file again"
        ) from error
    if dataset.count == 2 and are_parts(dataset.descriptions):
        with dataset:
            return open_bands(str(path), (1, 2))
    if not dataset.count or (dataset.driver == "HDF5Image" and os.path.exists(path)):
        inside = _datasets_inside(path, dataset.subdatasets)
        if not dataset.count or any(placed for _, placed, _ in inside):
            dataset.close()
            raise InputError(_names_inside(path, inside))
    return dataset


def _open_patiently(name: str) -> rasterio.DatasetReader:
    try:
        return open_source(name)
    except rasterio.errors.RasterioIOError as error:
        return read_again(name, lambda: open_source(name), error)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _datasets_inside(path: str | Path, names: Sequence[str]) -> list[tuple[str, bool, str]]:
    """Return type, whether it has a coordinate system, and GDAL's name of datasets in a container.

    GDAL's reader of netCDF finds coordinates of HDF5 that its own does not; and where there is but
    one dataset its own names none.
    """
    tries = [[name] for name in names]
    if h5py.is_hdf5(path):
        with open_hdf5(path) as file:
            own = arrays_in(file)
        tries = [[f'NETCDF:"{path}":/{name}', f'HDF5:"{path}"://{name}'] for name in own]
    found = []
    for alternatives in tries[:MOST_NAMES]:
        for name in alternatives:
            try:
                with rasterio.open(name) as dataset:
                    found.append((dataset.dtypes[0], dataset.crs is not None, name))
                    break
            except (rasterio.errors.RasterioIOError, IndexError):
                continue
    return sorted(found, key=lambda one: not one[0].startswith("complex"))


def _names_inside(path: str | Path, inside: Sequence[tuple[str, bool, str]]) -> str:
    """Say what a container such as HDF5 holds, complex datasets first."""
    shown = "; ".join(f"{name} ({kind})" for kind, _, name in inside[:SHOWN_NAMES])
    return (
        f"{path}: a container of {len(inside)} rasters; expected the name of one of them, as GDAL "
        f"has it, in single quotes for each file: {shown or 'none of them can be read'}; or, of "
        "the stack, what stands after the file's name there in stack.variable"
    )


def read_grid(dataset: rasterio.DatasetReader) -> Grid:
    """Return the grid of an open raster."""
    crs = dataset.crs.to_wkt() if dataset.crs else None
    points, of_points = dataset.gcps
    gcps = tuple((p.row, p.col, p.x, p.y, p.z or 0.0) for p in points)
    gcp_crs = of_points.to_wkt() if gcps and of_points else None
    return Grid(dataset.shape, crs, tuple(dataset.transform)[:6], gcps, gcp_crs)


def tags_of(path: str | Path) -> dict[str, str]:
    """Return the tags that a rule gave to a raster beside its units."""
    with open_raster(path) as dataset:
        tags = dataset.tags()
    return {name: tags[name] for name in tags if name not in ("UNITS", "AREA_OR_POINT")}


def read_band(path: str | Path, bounds: tuple[int, int, int, int] | None = None) -> np.ndarray:
    """Read the first band of a raster that a rule wrote, as it is, whole or within bounds.

    What comes from outside is read with :func:`read_values`.

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
        return _read(dataset, path, 1, bounds)


def rows_of(image: np.ndarray) -> ReadRows:
    """Return what returns rows of an image."""
    return lambda first, end: image[first:end]


def rows_of_blocks(path: str | Path) -> Iterator[np.ndarray]:
    """Yield a whole raster by rows of blocks, see :func:`read_band`."""
    with open_raster(path) as dataset:
        for strip in row_strips(dataset.shape, dataset.block_shapes[0][0]):
            yield _read(dataset, path, 1, strip)


def rows_of_band(path: str | Path, cols: int) -> ReadRows:
    """Return what reads rows of a raster of so many columns, see :func:`read_band`."""
    return lambda first, end: read_band(path, (first, 0, end, cols))


def read_values(
    path: str | Path,
    bounds: tuple[int, int, int, int] | None = None,
    shape: tuple[int, int] | None = None,
) -> np.ndarray:
    """Read the first band of a raster from outside as the file declares it.

    Parameters
    ----------
    path : path
        Anything GDAL opens.
    bounds : tuple of int, optional
        First row, first column, last row, last column, half open.
    shape : tuple of int, optional
        Thin out to so many rows and columns.

    Returns
    -------
    ndarray
        Two-dimensional. NaN where the file declares no data: by its nodata value, a mask or an
        alpha band; times its scale plus its offset. In the file's own type where it declares
        nothing, else float or complex. Complex integers are complex64.

    Raises
    ------
    InputError
        Where the file cannot be opened or its data cannot be read, as when it is cut off.
    """
    with open_raster(path) as dataset:
        return values_of(dataset, path, bounds, shape)


def values_of(
    dataset: rasterio.DatasetReader,
    path: str | Path,
    bounds: tuple[int, int, int, int] | None = None,
    shape: tuple[int, int] | None = None,
) -> np.ndarray:
    """Read an open raster as :func:`read_values` does."""
    values = _read(dataset, path, 1, bounds, shape)
    nodata = dataset.nodatavals[0]
    absent = [] if nodata is None or np.isnan(nodata) else [_is_nodata(values, nodata)]
    absent += [_read(dataset, path, band, bounds, shape) == 0 for band in _validity(dataset)]
    scaled = is_scaled(dataset)
    if (absent or scaled) and values.dtype.kind not in "fc":
        values = values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)
    if scaled:
        values *= dataset.scales[0]
        values += dataset.offsets[0]
    for where in absent:
        values[where] = np.nan
    return values


def declares_nodata(dataset: rasterio.DatasetReader) -> bool:
    """Say whether a raster says where it has no data: by a value, a mask or an alpha band."""
    nodata = dataset.nodatavals[0]
    by_value = nodata is not None and not math.isclose(nodata, NETCDF_NODATA, rel_tol=1e-6)
    return by_value or bool(_validity(dataset))


def is_scaled(dataset: rasterio.DatasetReader) -> bool:
    """Say whether a raster declares a scale or an offset."""
    return (dataset.scales[0], dataset.offsets[0]) != (1, 0)


def _is_nodata(values: np.ndarray, nodata: float) -> np.ndarray:
    """Return where values are the nodata of their file, rounded as its type and header round it."""
    if values.dtype.kind == "c":
        # nodata is a real number; some write it to both parts
        imaginary = (values.imag == 0) | _is_nodata(values.imag, nodata)
        return imaginary & _is_nodata(values.real, nodata)
    if values.dtype.kind != "f":
        return values == nodata
    margin = NODATA_ROUNDING * abs(nodata)
    with np.errstate(over="ignore"):
        low, high = np.array([nodata - margin, nodata + margin]).astype(values.dtype)
    return (values >= low) & (values <= high)


def _validity(dataset: rasterio.DatasetReader) -> list[int | str]:
    """Name what is 0 where the first band has no data: bands of alpha, and ``mask``."""
    alpha = [b for b, c in enumerate(dataset.colorinterp, 1) if c == ColorInterp.alpha and b > 1]
    flags = set(dataset.mask_flag_enums[0])
    no_mask = {MaskFlags.all_valid}, {MaskFlags.nodata}, {MaskFlags.per_dataset, MaskFlags.alpha}
    return alpha[:1] + ([] if flags in no_mask else ["mask"])


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


def row_strips(shape: tuple[int, int], height: int = 1) -> Iterator[tuple[int, int, int, int]]:
    """Yield the bounds of rows of blocks of a scene, from top to bottom; see `windows`.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the scene.
    height : int
        Rows of a block of a file, for its blocks to be read once: strips are whole ones, of as
        many rows as blocks of ours or fewer if they can.
    """
    return windows(shape, (max(1, BLOCK // height) * height, shape[1]))


def last_block(dataset: rasterio.DatasetReader) -> tuple[int, int, int, int]:
    """Return the bounds of the last block of a raster, which a file that was cut off has not."""
    rows, cols = dataset.shape
    height, width = dataset.block_shapes[0]
    return (rows - 1) // height * height, (cols - 1) // width * width, rows, cols


def check_fits(path: str | Path, shape: tuple[int, int], dtype: DTypeLike) -> None:
    """Refuse an image that is larger than the memory of the machine.

    Raises
    ------
    InputError
    """
    rows, cols = shape
    gigabytes = rows * cols * np.dtype(dtype).itemsize / 1e9
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    if gigabytes > memory:
        raise InputError(
            f"{path}: {rows} x {cols} pixels take {gigabytes:.0f} GB, more than the memory of "
            f"{memory:.0f} GB here; expected a scene that fits: crop the stack, or check its size"
        )


def _read(
    dataset: rasterio.DatasetReader,
    path: str | Path,
    band: int | str,
    bounds: tuple[int, int, int, int] | None,
    shape: tuple[int, int] | None = None,
) -> np.ndarray:
    """Read a band, or ``mask``, the validity of the first; within bounds, thinned to a shape."""
    row0, col0, row1, col1 = bounds or (0, 0, *dataset.shape)
    window = None if bounds is None else Window(col0, row0, col1 - col0, row1 - row0)
    rows, cols = shape or (row1 - row0, col1 - col0)
    kind = dataset.dtypes[0]
    check_fits(path, (rows, cols), OTHER_TYPES.get(kind, kind))

    def read(opened: rasterio.DatasetReader) -> np.ndarray:
        if band == "mask":
            return opened.read_masks(1, window=window, out_shape=shape)
        return opened.read(band, window=window, out_shape=shape)

    def open_and_read() -> np.ndarray:
        with open_raster(path) as opened:
            return read(opened)

    try:
        try:
            return read(dataset)
        except rasterio.errors.RasterioIOError as error:
            return read_again(path, open_and_read, error)
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


def image_of(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return an image of values (n,) at the n pixels of a mask, row by row; 0 elsewhere."""
    image = np.zeros(mask.shape, values.dtype)
    image[mask] = values
    return image


@contextmanager
def create_raster(
    path: str | Path,
    grid: Grid,
    dtype: np.dtype | str,
    *,
    units: str,
    description: str | Sequence[str],
    tags: dict[str, str] | None = None,
    threads: int = 1,
    nodata: int | None = None,
) -> Iterator[rasterio.io.DatasetWriter]:
    """Open a new GeoTIFF, as :func:`write_raster` writes them, to write it by blocks.

    Parameters
    ----------
    path : path
        Name of the file; missing parent folders are made.
    grid : Grid
    dtype : dtype
        float32, complex64, uint16 or uint8.
    units, description, tags, threads, nodata
        See :func:`write_raster`; there are as many bands as texts.

    Yields
    ------
    rasterio.io.DatasetWriter

    Raises
    ------
    OutputError
        Where it cannot be written.
    """
    texts = _texts(description)
    with whole_file(path) as file:
        profile = _profile(grid, len(texts), dtype, threads, nodata)
        try:
            with rasterio.open(file.name, "w", **profile) as dataset:
                yield dataset
                _describe(dataset, units, texts, tags or {})
        except rasterio.errors.RasterioIOError as error:
            # not where a raster could not be read from which this one is made
            if not str(error).startswith("Write failed"):
                raise
            raise OSError(errno.ENOSPC, "not written whole") from error
        # GDAL says nothing of a disk that is full when it closes a file.
        if not _is_whole(file.name):
            raise OSError(errno.ENOSPC, "not written whole")


def _is_whole(path: str) -> bool:
    """Return whether a GeoTIFF has a place for every block, within what there is of the file."""
    size = os.path.getsize(path)
    try:
        with rasterio.open(path) as dataset:
            blocks = [block for block, _ in dataset.block_windows(1)]
            for band, (row, col) in product(dataset.indexes, blocks):
                start, length = (
                    dataset.get_tag_item(f"BLOCK_{name}_{col}_{row}", "TIFF", bidx=band)
                    for name in ("OFFSET", "SIZE")
                )
                if not start or not length or int(start) + int(length) > size:
                    return False
    except rasterio.errors.RasterioIOError:
        return False
    return True


def write_rows(
    path: str | Path,
    grid: Grid,
    dtype: DTypeLike,
    read_rows: ReadRows,
    *,
    units: str,
    description: str | Sequence[str],
    tags: dict[str, str] | None = None,
    nodata: int | None = None,
) -> None:
    """Write a raster as :func:`write_raster` does, by rows of blocks: the same bytes.

    Parameters
    ----------
    path, grid, units, description, tags, nodata
        See :func:`write_raster`.
    dtype : dtype
    read_rows : callable
        Returns the image from its first row to an end row, (nrows, cols), or (bands, nrows, cols).
    """
    with create_raster(
        path,
        grid,
        np.dtype(dtype),
        units=units,
        description=description,
        tags=tags,
        nodata=nodata,
    ) as dataset:
        for row in range(0, grid.shape[0], BLOCK):
            image = read_rows(row, min(row + BLOCK, grid.shape[0]))
            window = Window(0, row, *image.shape[:-3:-1])
            dataset.write(image[np.newaxis] if image.ndim == 2 else image, window=window)


def write_raster(
    path: str | Path,
    image: np.ndarray,
    grid: Grid,
    *,
    units: str,
    description: str | Sequence[str],
    tags: dict[str, str] | None = None,
    threads: int = 1,
    nodata: int | None = None,
) -> None:
    """Write a GeoTIFF on the scene's grid: tiled, DEFLATE, NaN as nodata where values are real.

    Labels (uint16) have 65535 as nodata, bytes what is asked for.

    The file gets its final name only when it is whole, so a broken write is never taken for a
    result. Bands are the first axis of a three-dimensional image.

    Parameters
    ----------
    path : path
        Name of the file; missing parent folders are made.
    image : ndarray, shape (rows, cols) or (bands, rows, cols)
        float32, complex64, uint16 or uint8.
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
    nodata : int, optional
        Of uint8.

    Raises
    ------
    OutputError
        Where it cannot be written.
    """
    bands = image[np.newaxis] if image.ndim == 2 else image
    # GDAL says nothing of a disk that is full when it closes a file; this way Python writes it.
    with MemoryFile() as memory:
        with memory.open(**_profile(grid, len(bands), bands.dtype, threads, nodata)) as dataset:
            dataset.write(bands)
            _describe(dataset, units, _texts(description), tags or {})
        with whole_file(path) as file:
            file.write(memory.getbuffer())


def _georeference(grid: Grid) -> dict:
    """Return the transform of a grid, or its ground control points: GeoTIFFs have one of both."""
    if not grid.gcps:
        return {"crs": grid.crs, "transform": Affine(*grid.transform)}
    gcps = [GroundControlPoint(*point) for point in grid.gcps]
    return {"crs": grid.gcp_crs, "gcps": gcps}


def _profile(
    grid: Grid, count: int, dtype: np.dtype | str, threads: int, nodata: int | None
) -> dict:
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
        **_georeference(grid),
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
        return profile | {"predictor": 2} | ({} if nodata is None else {"nodata": nodata})
    if dtype.kind != "c":
        return profile | {"nodata": np.nan, "predictor": 3}
    return profile


def _texts(description: str | Sequence[str]) -> Sequence[str]:
    """Return the text of each band."""
    return [description] if isinstance(description, str) else description


def _describe(
    dataset: DatasetWriter, units: str, texts: Sequence[str], tags: dict[str, str]
) -> None:
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
    with cog(source) as data, whole_file(path) as file:
        file.write(data)


@contextmanager
def cog(source: str | Path, tags: Mapping[str, str] | None = None) -> Iterator[memoryview]:
    """Make the bytes that :func:`write_cog` writes.

    Parameters
    ----------
    source : path
        Raster of real values or labels.
    tags : mapping of str to str, optional
        Further tags.

    Yields
    ------
    memoryview
        Valid within the context.
    """
    with (
        MemoryFile() as memory,
        MemoryFile(ext=".vrt") as described,
        rasterio.Env(GDAL_CACHEMAX=64),  # MB
        ExitStack() as opened,
    ):
        dataset = opened.enter_context(open_raster(source))
        if tags:
            rasterio.shutil.copy(dataset, described.name, driver="VRT")
            with rasterio.open(described.name, "r+") as virtual:
                virtual.update_tags(**tags)
            dataset = opened.enter_context(rasterio.open(described.name))
        rasterio.shutil.copy(
            dataset,
            memory.name,
            driver="COG",
            compress="deflate",
            predictor="yes",
            statistics="yes",
            overview_resampling="mode" if dataset.dtypes[0] == "uint16" else "average",
        )
        yield memory.getbuffer()
