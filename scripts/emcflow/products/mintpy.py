"""Results as files of MintPy: their HDF5 layout, attributes and signs.

MintPy (Yunjun, Fattahi and Amelung 2019) keeps datasets and attributes in the root group of an HDF5
file, all attributes as text, dates as eight bytes. Its signs, from its ``ifgram_inversion`` and
``dem_error``:

* the phase of D1_D2 is that of D2 minus that of D1, and displacement is -wavelength / (4 pi) times
  it: phase grows with the distance, as here, and displacements and velocities are positive toward
  the sensor;
* the displacement of a DEM error is +bperp / (range * sin(incidence)) times it. A baseline that
  makes the phase of a taller target grow here has the opposite sign there, so baselines change
  their sign and DEM errors keep theirs.

References
----------
Yunjun, Z., H. Fattahi, and F. Amelung (2019), Small baseline InSAR time series analysis: Unwrapping
error correction and noise reduction, Computers & Geosciences, 133, 104331.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import DTypeLike

from emcflow.acquisition.geometry import MOTION_SIGNS, metres_per_rad
from emcflow.io.files import write_text
from emcflow.io.hdf5 import create
from emcflow.io.raster import Grid, ReadRows, map_crs, row_strips

# Rasters are compressed by a filter that every build of HDF5 in Python has, fast to read and write.
CHUNK = 256
LARGEST_COMPONENT = np.iinfo(np.int16).max


TEMPLATE = """\
# For smallbaselineApp.py --start modify_network, on a copy of this folder.
mintpy.reference.yx = {row}, {col}
# a phase-linked stack has no coherence per interferogram
mintpy.networkInversion.weightFunc = no
# needs a download, and the time of day of the dates
mintpy.troposphericDelay.method = no
"""


def write_app(
    folder: Path, stack: Path, geometry: Path, reference: tuple[int, int], geocoded: bool
) -> None:
    """Lay out what MintPy's ``smallbaselineApp.py`` starts from, after its step load_data.

    Parameters
    ----------
    folder : path
        Gets ``emcflow.txt``, MintPy's template, and links in ``inputs``. MintPy writes into its
        inputs, so it is to run on a copy.
    stack, geometry : path
        ``ifgramStack.h5`` and ``geometry.h5``.
    reference : tuple of int
        Row and column.
    geocoded : bool
        Whether the files have coordinates of a map, by which MintPy names the geometry.
    """
    inputs = folder / "inputs"
    inputs.mkdir(parents=True)
    links = {"ifgramStack": stack, "geometryGeo" if geocoded else "geometryRadar": geometry}
    for name, path in links.items():
        (inputs / f"{name}.h5").symlink_to(os.path.relpath(path, inputs))
    row, col = reference
    write_text(folder / "emcflow.txt", TEMPLATE.format(row=row, col=col))


def toward(positive: str) -> int:
    """Return the factor that turns motion of a sign of ours into MintPy's, toward the sensor.

    Parameters
    ----------
    positive : {"away", "toward"}
    """
    return -MOTION_SIGNS[positive]


def mintpy_bperp(bperp_m: np.ndarray) -> np.ndarray:
    """Return perpendicular baselines [m] with MintPy's sign, the opposite of ours."""
    return -np.asarray(bperp_m, dtype=np.float32) + np.float32(0)


def mintpy_components(labels: np.ndarray) -> np.ndarray:
    """Return labels of connected components as int16: no data, and what does not fit, as 0."""
    return np.where(labels > LARGEST_COMPONENT, 0, labels).astype(np.int16)


def scene_attributes(
    grid: Grid,
    dates: Sequence[str],
    reference: tuple[int, int] | None,
    wavelength_m: float,
    incidence_angle_deg: float | None = None,
    platform: str | None = None,
    heading_deg: float | None = None,
) -> dict[str, str]:
    """Return the attributes that all files of a scene share.

    Parameters
    ----------
    grid : Grid
        Without a coordinate reference system of maps, or rotated, it is one of radar coordinates
        for MintPy.
    dates : sequence of str
        YYYYMMDD.
    reference : tuple of int or None
        Row and column of the reference point. MintPy takes the values of a file to be 0 there: its
        ``dem_error`` hands the point of the time series on, at which nothing is left to fit. From
        interferograms alone it subtracts their phase at the point, when it inverts them. None for
        values that are 0 at no point, as those relative to their median: the file names none.
    wavelength_m : float
        Radar wavelength [m].
    incidence_angle_deg : float, optional
        At the target, at the middle of the scene [degrees].
    platform : str, optional
        Name of the satellite; MintPy stops without one, so that of none is "unknown".
    heading_deg : float, optional
        Direction of flight, clockwise from north [degrees].

    Returns
    -------
    dict of str
    """
    attributes = {
        "LENGTH": grid.shape[0],
        "WIDTH": grid.shape[1],
        "ALOOKS": 1,
        "RLOOKS": 1,
        "WAVELENGTH": f"{wavelength_m:.12g}",
        "PROCESSOR": "emcflow",
        "PLATFORM": platform or "unknown",
        "START_DATE": dates[0],
        "END_DATE": dates[-1],
        "REF_DATE": dates[0],
    }
    if incidence_angle_deg is not None:
        attributes["CENTER_INCIDENCE_ANGLE"] = f"{incidence_angle_deg:.12g}"
    if heading_deg is not None:
        attributes["HEADING"] = f"{heading_deg:.12g}"
    a, b, left, d, e, top = grid.transform
    crs = map_crs(grid.crs)
    if crs is not None and b == 0 and d == 0:
        unit = "degrees" if crs.is_geographic else "meters"
        attributes |= {
            "X_FIRST": repr(left),
            "Y_FIRST": repr(top),
            "X_STEP": repr(a),
            "Y_STEP": repr(e),
            "X_UNIT": unit,
            "Y_UNIT": unit,
        }
        epsg = crs.to_epsg()
        if epsg is not None:
            attributes["EPSG"] = epsg
            if 32601 <= epsg <= 32660 or 32701 <= epsg <= 32760:
                attributes["UTM_ZONE"] = f"{epsg % 100}{'N' if epsg < 32700 else 'S'}"
    if reference is not None:
        row, col = reference
        attributes |= {"REF_Y": row, "REF_X": col}
        if "X_FIRST" in attributes:
            attributes["REF_LON"] = repr(left + (col + 0.5) * a)
            attributes["REF_LAT"] = repr(top + (row + 0.5) * e)
    return {name: str(value) for name, value in attributes.items()}


def write_file(
    path: str | Path,
    attributes: dict[str, str],
    file_type: str,
    unit: str,
    images: dict[str, ReadRows],
) -> None:
    """Write a file of images of real values, one dataset each, some rows at a time.

    Parameters
    ----------
    path : path
    attributes : dict of str
        Of :func:`scene_attributes`.
    file_type : str
        MintPy's name for the kind of file.
    unit : str
        Of the first image.
    images : dict of callable
        See :data:`emcflow.io.raster.ReadRows`.
    """
    shape = (int(attributes["LENGTH"]), int(attributes["WIDTH"]))
    with create(path, **attributes, FILE_TYPE=file_type, UNIT=unit) as file:
        for name, image in images.items():
            _write_rows(_dataset(file, name, shape, np.float32), (), image)


def write_stack(
    path: str | Path,
    attributes: dict[str, str],
    file_type: str,
    unit: str,
    vectors: dict[str, np.ndarray],
    images: dict[str, tuple[type, Iterable[ReadRows]]],
    count: int,
    progress: Callable[[int, int], None],
) -> None:
    """Write a file of stacks of images, some rows of one image in memory at a time.

    Parameters
    ----------
    path, attributes, file_type, unit
        See :func:`write_file`; the unit is that of the first stack.
    vectors : dict of ndarray
        Small datasets: dates, baselines.
    images : dict of (type, iterable of callable)
        For each stack its type and its images, first to last.
    count : int
        Images of each stack.
    progress : callable
        Called with images done and in all.
    """
    shape = (int(attributes["LENGTH"]), int(attributes["WIDTH"]))
    with create(path, **attributes, FILE_TYPE=file_type, UNIT=unit) as file:
        for name, values in vectors.items():
            file.create_dataset(name, data=values)
        done = 0
        for name, (kind, stack) in images.items():
            dataset = _dataset(file, name, (count, *shape), kind)
            for number, image in enumerate(stack):
                _write_rows(dataset, (number,), image)
                done += 1
                progress(done, count * len(images))


def _write_rows(dataset: h5py.Dataset, place: tuple[int, ...], image: ReadRows) -> None:
    """Write an image by rows, that of a place where there are several."""
    for first, _, end, _ in row_strips(dataset.shape[-2:]):
        dataset[(*place, slice(first, end))] = image(first, end)


class StackDates(NamedTuple):
    """Dates, pairs and baselines of a run.

    Attributes
    ----------
    dates : sequence of str
        YYYYMMDD.
    pairs : ndarray of int, shape (npairs, 2)
        Indices of dates.
    bperp_m : ndarray of float, shape (ndates,)
        Perpendicular baselines with our sign [m].
    """

    dates: Sequence[str]
    pairs: np.ndarray
    bperp_m: np.ndarray

    @property
    def names(self) -> np.ndarray:
        """Dates as MintPy has them, S8 (ndates,)."""
        return np.array(self.dates).astype("S8")


def write_interferograms(
    path: str | Path,
    attributes: dict[str, str],
    stack: StackDates,
    unwrapped: Iterable[ReadRows],
    labels: Iterable[ReadRows],
    coherence: ReadRows,
    progress: Callable[[int, int], None],
) -> None:
    """Write the unwrapped interferograms, as MintPy loads them.

    Parameters
    ----------
    path, attributes, progress
        See :func:`write_stack`.
    stack : StackDates
    unwrapped, labels : iterable of callable
        Phase [rad] and connected components of each pair, see :data:`emcflow.io.raster.ReadRows`.
    coherence : callable
        That of all pairs.
    """
    pairs, bperp = stack.pairs, mintpy_bperp(stack.bperp_m)
    vectors = {
        "date": stack.names[pairs],
        "bperp": bperp[pairs[:, 1]] - bperp[pairs[:, 0]],
        "dropIfgram": np.ones(len(pairs), dtype=bool),  # True: it is kept
    }
    components = (_turned(mintpy_components, image) for image in labels)
    images: dict[str, tuple[type, Iterable[ReadRows]]] = {
        "unwrapPhase": (np.float32, unwrapped),
        "coherence": (np.float32, (coherence for _ in pairs)),
        "connectComponent": (np.int16, components),
    }
    write_stack(path, attributes, "ifgramStack", "radian", vectors, images, len(pairs), progress)


def write_series(
    path: str | Path,
    attributes: dict[str, str],
    stack: StackDates,
    phases: Sequence[ReadRows],
    wavelength_m: float,
    progress: Callable[[int, int], None],
) -> None:
    """Write the displacement at every date.

    Parameters
    ----------
    path, attributes, progress
        See :func:`write_stack`.
    stack : StackDates
    phases, wavelength_m
        See :func:`series_images`.
    """
    vectors = {"date": stack.names, "bperp": mintpy_bperp(stack.bperp_m)}
    images: dict[str, tuple[type, Iterable[ReadRows]]] = {
        "timeseries": (np.float32, series_images(phases, wavelength_m))
    }
    write_stack(path, attributes, "timeseries", "m", vectors, images, len(stack.dates), progress)


def zero_points(
    asked: Sequence[int] | None, reference: tuple[int, int]
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Return where maps of the link model and where series are 0, None where at no point.

    Maps are 0 at a point that the config names, else in the mean or at their median; series at the
    reference point, but for the mean of an area.

    Parameters
    ----------
    asked : sequence of int or None
        Point or area of the config.
    reference : tuple of int
        Row and column of the reference point.
    """
    if asked is None:
        return None, reference
    if len(asked) == 4:
        return None, None
    row, col = asked
    return (row, col), reference


def _dataset(file: h5py.File, name: str, shape: tuple[int, ...], kind: DTypeLike) -> h5py.Dataset:
    """Make a compressed dataset of images, in chunks of one image."""
    *many, rows, cols = shape
    chunks = (*(1 for _ in many), min(rows, CHUNK), min(cols, CHUNK))
    return file.create_dataset(name, shape, kind, chunks=chunks, compression="lzf", shuffle=True)


def _turned(of: Callable[[np.ndarray], np.ndarray], image: ReadRows) -> ReadRows:
    """Return what makes something of rows of an image."""
    return lambda first, end: of(image(first, end))


def series_images(phases: Sequence[ReadRows], wavelength_m: float) -> list[ReadRows]:
    """Return the displacement toward the satellite at every date [m]: 0 at the first.

    Parameters
    ----------
    phases : sequence of callable
        Of all dates but the first [rad], one at least; float32, NaN where there is no point.
    wavelength_m : float
    """
    metres = np.float32(metres_per_rad(wavelength_m, "toward"))

    def zero(phase: np.ndarray) -> np.ndarray:
        return np.where(np.isfinite(phase), np.float32(0), np.float32(np.nan))

    return [
        _turned(zero, phases[0]),
        *(_turned(lambda phase: metres * phase, each) for each in phases),
    ]


def velocity_images(
    velocity: ReadRows, sigma: ReadRows | None, positive: str
) -> dict[str, ReadRows]:
    """Return velocity toward the satellite, and its standard deviation, by MintPy's names [m/year].

    Parameters
    ----------
    velocity, sigma : callable
        Float32, in mm/year; sigma may be None.
    positive : str
        ``outputs.velocity_positive``, the direction that `velocity` counts as positive.
    """
    factor = np.float32(toward(positive) * 1e-3)
    images = {"velocity": _turned(lambda rows: factor * rows, velocity)}
    if sigma is not None:
        images["velocityStd"] = _turned(lambda rows: np.float32(1e-3) * rows, sigma)
    return images


def geometry_images(
    points: np.ndarray, incidence_angle_deg: np.ndarray | float, slant_range_m: np.ndarray | float
) -> dict[str, ReadRows]:
    """Return images of the view by MintPy's names, float32: 0 where it is not known.

    Heights are not known here, and MintPy stops without any.

    Parameters
    ----------
    points : bool (rows, cols)
    incidence_angle_deg, slant_range_m : float (npoints,) or float
        At the points, or of all.
    """

    def at_points(values: np.ndarray | float) -> ReadRows:
        def rows(first: int, end: int) -> np.ndarray:
            here, before = points[first:end], np.count_nonzero(points[:first])
            own = values
            if isinstance(values, np.ndarray):
                own = values[before : before + np.count_nonzero(here)]
            image = np.zeros(here.shape, np.float32)
            image[here] = np.nan_to_num(own)
            return image

        return rows

    return {
        "height": at_points(0.0),
        "incidenceAngle": at_points(incidence_angle_deg),
        "slantRangeDistance": at_points(slant_range_m),
    }
