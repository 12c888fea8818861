"""Images that no file's name alone stands for: arrays of containers, parts apart, layers of a cube.

Each is spelled in one name, ``IMAGE:"slcStack.h5":slc#3``, which goes wherever a raster's name goes
and which :func:`emcflow.io.raster.open_raster` opens as a virtual raster of GDAL, without a copy.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from xml.sax.saxutils import escape

import h5py
import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.enums import MaskFlags
from rasterio.errors import CRSError, RasterioIOError

from emcflow.errors import InputError
from emcflow.io import zarr_stores

PREFIX = "IMAGE:"
NAME = re.compile(r'IMAGE:"([^"]+)"(?:,"([^"]+)")?(?::([^#]*))?(?:#(\d+))?')
# Datasets of a container that a message names.
SHOWN_NAMES = 6
# Names of GDAL for the types of pixels.
GDAL_TYPES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32",
    "int32": "Int32", "uint64": "UInt64", "int64": "Int64", "float32": "Float32",
    "float64": "Float64", "complex_int16": "CInt16", "complex_int32": "CInt32",
    "complex64": "CFloat32", "complex128": "CFloat64",
}  # fmt: skip
# What h5py raises where a file is none, cut off or damaged inside, or lacks what is asked for.
HDF5_ERRORS = (OSError, RuntimeError, KeyError, TypeError, ValueError, AttributeError)
# What datasets of coordinates are called, in the group of an array or above it.
X_NAMES = ("x", "x_coordinates", "xCoordinates", "lon", "longitude")
Y_NAMES = ("y", "y_coordinates", "yCoordinates", "lat", "latitude")
CRS_NAMES = ("projection", "spatial_ref", "crs")
# By how much steps of a grid may differ, as a share of one.
STEP_TOLERANCE = 1e-3
# Names of real and imaginary part, as words of a file's name or as descriptions of bands.
PARTS = (("i", "q"), ("real", "imag"), ("real", "imaginary"), ("re", "im"))


@dataclass(frozen=True)
class Source:
    """Where an image is.

    Parameters
    ----------
    files : tuple of str
        The file or store; or those of the real and of the imaginary part.
    variables : tuple of str
        Name of the array in it, or number of the band from 1; or those of the two parts. Empty: the
        first band.
    layer : int or None
        Place along time in a cube, from 0.
    """

    files: tuple[str, ...]
    variables: tuple[str, ...] = ()
    layer: int | None = None

    @property
    def name(self) -> str:
        """Return the name that stands for it, see :func:`parse_source`."""
        text = PREFIX + ",".join(f'"{file}"' for file in self.files)
        text += f":{','.join(self.variables)}" if self.variables else ""
        return text if self.layer is None else f"{text}#{self.layer}"


def parse_source(name: str) -> Source | None:
    """Return what an image's name stands for, None for one that GDAL opens as it is."""
    parts = NAME.fullmatch(name)
    if parts is None:
        return None
    first, second, variables, layer = parts.groups()
    return Source(
        (first, second) if second else (first,),
        tuple(variables.split(",")) if variables else (),
        int(layer) if layer else None,
    )


def files_of(name: str) -> list[str]:
    """Return the local files that a raster's name stands for, none for those of other machines."""
    source = parse_source(name)
    if source:
        found = list(source.files)
    else:
        quoted = re.fullmatch(r'\w+:"([^"]+)"(:.*)?', name)
        found = [quoted[1]] if quoted else [name]
        if not quoted and not os.path.exists(name) and re.match(r"/vsi|\w+:", name):
            return []
    return [file for file in found if not (os.path.isdir(file) and file != name)]


def join_parts(paths: Sequence[str]) -> list[str]:
    """Name the images whose real and imaginary parts are in files of their own.

    Parameters
    ----------
    paths : sequence of str
        Files; ``i_VV_06Mar2018.img`` and ``q_VV_06Mar2018.img``, as SNAP has them, are one image,
        and so are ``real`` and ``imag`` or ``re`` and ``im`` as words of a name.

    Returns
    -------
    list of str
        In the order of `paths`, each image once, whichever of its two files is among them.
    """
    names = []
    for path in paths:
        for real, imaginary in PARTS:
            pair = _other_part(path, real, imaginary)
            if pair:
                names.append(Source(pair).name)
                break
        else:
            names.append(path)
    return list(dict.fromkeys(names))


def _other_part(path: str, real: str, imaginary: str) -> tuple[str, str] | None:
    folder, name = os.path.split(path)
    for own, other in ((real, imaginary), (imaginary, real)):
        changed = re.sub(rf"(?<![A-Za-z\d]){own}(?![A-Za-z\d])", other, name, count=1)
        partner = os.path.join(folder, changed)
        if changed != name and os.path.isfile(partner):
            return (path, partner) if own == real else (partner, path)
    return None


def open_source(name: str) -> rasterio.DatasetReader:
    """Open an image by its name.

    Raises
    ------
    InputError
        Where an array is not there, is none of two dimensions, or the two parts are not alike.
    RasterioIOError
        Where GDAL cannot open it.
    """
    source = parse_source(name)
    if source is None:
        return rasterio.open(name)
    there = [file for file in source.files if os.path.exists(file)]
    return rasterio.open(_opened_as(source, tuple(os.stat(file).st_mtime_ns for file in there)))


def open_bands(path: str, bands: tuple[int, int]) -> rasterio.DatasetReader:
    """Open two bands of a raster as real and imaginary part of one image."""
    return rasterio.open(_virtual([_Layer(path, band) for band in bands]))


def are_parts(descriptions: Sequence[str | None]) -> bool:
    """Say whether two bands call themselves real and imaginary part: i and q, real and imag."""
    words = [re.split(r"[^a-z]+", (text or "").lower()) for text in descriptions]
    return len(words) == 2 and any(
        real in words[0] and imaginary in words[1] for real, imaginary in PARTS
    )


@dataclass(frozen=True)
class _Layer:
    """A band of what GDAL opens by a name, with options; and the grid it does not know itself."""

    name: str
    band: int = 1
    options: tuple[tuple[str, str], ...] = ()
    crs: str | None = None
    transform: tuple[float, ...] | None = None
    of_cube: bool = False


@lru_cache(maxsize=4096)
def _opened_as(source: Source, stamps: tuple[int, ...]) -> str:
    """Return a name that GDAL opens, of files with these time stamps: its own, or a virtual raster.

    Opening an image again must not mean looking for its coordinates again.
    """
    files, variables = source.files, source.variables
    count = max(len(files), len(variables), 1)
    if len(variables) > 2 or len(files) * len(variables) > 2:
        raise InputError(
            f"stack.variable: {', '.join(variables)} for {source.name}; expected one array, or two "
            "for real and imaginary part: name no more"
        )
    layers = [
        _find_layer(
            files[part % len(files)],
            variables[part % len(variables)] if variables else "1",
            source.layer,
        )
        for part in range(count)
    ]
    first = layers[0]
    if count == 1 and first.band == 1 and not (first.options or first.transform or first.of_cube):
        return first.name
    return _virtual(layers)


def _find_layer(path: str, variable: str, layer: int | None) -> _Layer:
    if not os.path.exists(path):
        raise InputError(
            f"{path}: does not exist; expected a raster that GDAL can read: check the path"
        )
    if zarr_stores.is_store(path):
        return _zarr_layer(path, variable, layer)
    if h5py.is_hdf5(path):
        return _hdf5_layer(path, variable, layer)
    if variable.isdecimal():
        return _Layer(path, int(variable))
    return _Layer(f'NETCDF:"{path}":{variable.strip("/")}')


def _zarr_layer(path: str, variable: str, layer: int | None) -> _Layer:
    array = zarr_array(path, variable)
    name = f'ZARR:"{path}":/{array.name}'
    _check_dimensions(path, array.name, array.shape, layer)
    if layer is None:
        return _Layer(name)
    y, x = (axis for axis in range(3) if axis != array.time_axis)
    options = () if array.time_axis == 0 else (("DIM_Y", str(y)), ("DIM_X", str(x)))
    return _Layer(name, layer + 1, options, of_cube=True)


def zarr_array(path: str, variable: str) -> zarr_stores.Array:
    """Return the one array of a store that a name or pattern fits, see :func:`choose_array`."""
    found = {array.name: array for array in zarr_stores.arrays(path) if len(array.shape) > 1}
    return found[choose_array(path, list(found), variable)]


def _hdf5_layer(path: str, variable: str, layer: int | None) -> _Layer:
    with open_hdf5(path) as file:
        dataset = file[find_dataset(path, file, variable)]
        _check_dimensions(path, dataset.name, dataset.shape, layer)
        band = 1 if layer is None else layer + 1
        name = dataset.name
        cube = layer is not None
        try:
            # GDAL's reader of netCDF knows the coordinates of CF; not half-precision numbers
            with rasterio.open(f'NETCDF:"{path}":{name}') as seen:
                if seen.shape == dataset.shape[-2:] and not seen.transform.is_identity:
                    return _Layer(f'NETCDF:"{path}":{name}', band, of_cube=cube)
        except (RasterioIOError, IndexError):
            pass
        crs, transform = _hdf5_grid(file, dataset)
        return _Layer(f'HDF5:"{path}":/{name}', band, (), crs, transform, cube)


@contextmanager
def open_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """Open a file of HDF5 from outside for reading.

    Raises
    ------
    InputError
        Where it is none or cut off, and in the body for what is missing in it, damaged or of
        another kind.
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except InputError:
        raise
    except HDF5_ERRORS as error:
        words = str(error).strip("\"'").split() or [type(error).__name__]
        raise InputError(
            f"{path}: cannot be read ({' '.join(words):.200}); expected a whole HDF5 file of this "
            "kind: it may be truncated or another one, copy it again or remove it"
        ) from error


def find_dataset(path: str, file: h5py.File, variable: str) -> str:
    """Return the name of the one array in a file that a name or pattern fits, as `choose_array`."""
    if isinstance(file.get(variable.strip("/")), h5py.Dataset):
        return variable.strip("/")
    return choose_array(path, arrays_in(file), variable)


def arrays_in(file: h5py.File) -> list[str]:
    """Return the names of the arrays of two and more dimensions in a file."""
    names: list[str] = []
    file.visititems(lambda name, o: names.append(name) if getattr(o, "ndim", 0) > 1 else None)
    return names


def choose_array(path: str, names: Sequence[str], variable: str) -> str:
    """Return the one name of arrays that a name or pattern fits, by its end if by nothing else.

    Raises
    ------
    InputError
        Where none does, or several do.
    """
    wanted = variable.strip("/")
    found = [name for name in names if fnmatchcase(name, wanted)]
    found = found or [name for name in names if fnmatchcase(name, f"*/{wanted}")]
    if len(found) == 1:
        return found[0]
    shown = ", ".join((found or list(names))[:SHOWN_NAMES]) or "nothing"
    what = f"{len(found)} arrays fit {variable}" if found else f"no array {variable}"
    raise InputError(
        f"{path}: {what} ({'they are' if found else 'it holds'} {shown}); expected one of that "
        "name: correct stack.variable"
    )


def _check_dimensions(path: str, name: str, shape: Sequence[int], layer: int | None) -> None:
    wanted = 2 if layer is None else 3
    if len([size for size in shape if size > 1 or wanted == 3]) == wanted or len(shape) == wanted:
        return
    raise InputError(
        f"{path}: {name} has the shape {tuple(shape)}; expected "
        f"{'rows and columns' if wanted == 2 else 'dates, rows and columns'}: name another array "
        "in stack.variable, or give the file its dates (a dataset date or time beside the array)"
    )


def _hdf5_grid(
    file: h5py.File, dataset: h5py.Dataset
) -> tuple[str | None, tuple[float, ...] | None]:
    """Return the system and GDAL's six numbers of the grid of an array, None where it has none."""
    attributes = file.attrs
    if all(key in attributes for key in ("X_FIRST", "Y_FIRST", "X_STEP", "Y_STEP")):  # MintPy's
        x0, y0, dx, dy = (
            float(attributes[key]) for key in ("X_FIRST", "Y_FIRST", "X_STEP", "Y_STEP")
        )
        epsg = _text(attributes.get("EPSG", "4326"))
        return _wkt(f"EPSG:{epsg}"), (x0, dx, 0.0, y0, 0.0, dy)
    rows, cols = dataset.shape[-2:]
    group = dataset.parent
    while True:
        x = next((group[name] for name in X_NAMES if _is_axis(group.get(name), cols)), None)
        y = next((group[name] for name in Y_NAMES if _is_axis(group.get(name), rows)), None)
        if x is not None and y is not None:
            break
        if group.name == "/":
            return None, None
        group = group.parent
    steps = [(values[-1] - values[0]) / (len(values) - 1) for values in (x[()], y[()])]
    for axis, step in zip((x, y), steps, strict=True):
        if np.abs(np.diff(axis[()]) - step).max() > STEP_TOLERANCE * abs(step):
            return None, None
    crs = next((group[name] for name in CRS_NAMES if name in group), None)
    left, top = x[0] - steps[0] / 2, y[0] - steps[1] / 2
    transform = tuple(map(float, (left, steps[0], 0, top, 0, steps[1])))
    return (None if crs is None else _crs_of(crs)), transform


def _is_axis(dataset: h5py.Dataset | None, size: int) -> bool:
    return isinstance(dataset, h5py.Dataset) and dataset.shape == (size,) and size > 1


def _crs_of(dataset: h5py.Dataset) -> str | None:
    """Return the system that a variable of a grid mapping holds, as text or as code of EPSG."""
    texts = [dataset.attrs.get(key) for key in ("spatial_ref", "crs_wkt")]
    texts += [
        f"EPSG:{_text(dataset.attrs[k])}" for k in ("epsg_code", "epsg") if k in dataset.attrs
    ]
    if dataset.shape == () and dataset.dtype.kind in "iu":
        texts.append(f"EPSG:{dataset[()]}")
    found = (_wkt(_text(text)) for text in texts if text is not None)
    return next((text for text in found if text), None)


def _wkt(text: str) -> str | None:
    try:
        return CRS.from_user_input(text).to_wkt()
    except CRSError:
        return None


def _text(value: object) -> str:
    value = value.item() if isinstance(value, np.ndarray | np.generic) else value
    return value.decode() if isinstance(value, bytes) else str(value)


def _virtual(layers: Sequence[_Layer]) -> str:
    """Return the XML of a virtual raster of one band, complex where there are two layers.

    References
    ----------
    GDAL's manual, "VRT -- GDAL Virtual Format": derived bands with the pixel function ``complex``.
    """
    opened = [rasterio.open(layer.name, **dict(layer.options)) for layer in layers]
    try:
        first = opened[0]
        for layer, dataset in zip(layers, opened, strict=True):
            if layer.band > dataset.count:
                raise InputError(
                    f"{layer.name}: {dataset.count} bands, not {layer.band}; expected that many: "
                    "correct stack.variable, or write the file again"
                )
        kinds = [d.dtypes[layer.band - 1] for layer, d in zip(layers, opened, strict=True)]
        if len(layers) == 2:
            _check_alike(layers, opened, kinds)
        return _xml(layers, first, kinds)
    finally:
        for dataset in opened:
            dataset.close()


def _check_alike(
    layers: Sequence[_Layer], opened: Sequence[rasterio.DatasetReader], kinds: Sequence[str]
) -> None:
    one, other = opened
    if one.shape != other.shape:
        raise InputError(
            f"{layers[1].name}: shape {other.shape}, that of the real part ({layers[0].name}) is "
            f"{one.shape}; expected real and imaginary part of one image: write them again"
        )
    if any(kind.startswith("complex") for kind in kinds):
        raise InputError(
            f"{layers[0].name}: values of type {', '.join(kinds)}; expected real numbers for real "
            "and imaginary part: name the complex raster alone"
        )


def _xml(layers: Sequence[_Layer], first: rasterio.DatasetReader, kinds: Sequence[str]) -> str:
    rows, cols = first.shape
    complex_ = len(layers) == 2
    own = layers[0]
    crs = own.crs or (first.crs.to_wkt() if first.crs else None)
    transform = own.transform
    if transform is None and not first.transform.is_identity:
        transform = first.transform.to_gdal()
    lines = [f'<VRTDataset rasterXSize="{cols}" rasterYSize="{rows}">']
    if crs:
        lines.append(f"<SRS>{escape(crs)}</SRS>")
    if transform:
        lines.append(f"<GeoTransform>{', '.join(map(repr, transform))}</GeoTransform>")
    kind = "CFloat32" if complex_ else GDAL_TYPES.get(kinds[0], "Float64")
    derived = ' subClass="VRTDerivedRasterBand"' if complex_ else ""
    height, width = first.block_shapes[own.band - 1]
    lines.append(
        f'<VRTRasterBand dataType="{kind}" band="1"{derived} blockXSize="{width}" '
        f'blockYSize="{height}">'
    )
    place = own.band - 1
    nodata = first.nodatavals[place]
    if not nodata and own.of_cube and not kinds[0].startswith("complex") and not complex_:
        nodata = np.nan  # a phase of 0 is one, as all of the first date's may be; 0 fills Zarr
    if nodata is not None:
        lines.append(f"<NoDataValue>{float(nodata)!r}</NoDataValue>")
    if complex_:
        lines.append("<PixelFunctionType>complex</PixelFunctionType>")
        lines.append("<SourceTransferType>Float32</SourceTransferType>")
    else:
        scale, offset = first.scales[place], first.offsets[place]
        lines.append(f"<Offset>{float(offset)!r}</Offset><Scale>{float(scale)!r}</Scale>")
    lines += [_source(layer) for layer in layers]
    lines.append("</VRTRasterBand>")
    if MaskFlags.per_dataset in first.mask_flag_enums[place]:
        mask = _source(own, f"mask,{own.band}")
        lines.append(f'<MaskBand><VRTRasterBand dataType="Byte">{mask}</VRTRasterBand></MaskBand>')
    return "".join([*lines, "</VRTDataset>"])


def _source(layer: _Layer, band: str | None = None) -> str:
    name = layer.name
    if Path(name).exists():
        name = str(Path(name).absolute())
    options = "".join(f'<OOI key="{key}">{value}</OOI>' for key, value in layer.options)
    options = f"<OpenOptions>{options}</OpenOptions>" if options else ""
    return (
        f'<SimpleSource><SourceFilename relativeToVRT="0">{escape(name)}</SourceFilename>'
        f"{options}<SourceBand>{band or layer.band}</SourceBand></SimpleSource>"
    )
