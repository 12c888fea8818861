"""OPERA's coregistered SLCs (CSLC-S1) of one burst, and their static layers (CSLC-S1-STATIC).

Layout: product specification of the OPERA CSLC-S1, and opera-utils (``_cslc.py``), which reads the
same datasets: ``data/VV``, ``data/x_coordinates``, ``data/projection``, ``metadata/orbit``,
``metadata/processing_information/input_burst_metadata/wavelength``, ``identification/burst_id``.
Files of COMPASS have the same. The static layers hold the line of sight from the target to the
sensor as its parts to the east and north, so the sine of the incidence angle is their length.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from rasterio.warp import transform

from emcflow.acquisition.orbits import Orbit
from emcflow.errors import InputError
from emcflow.io.filenames import dates_in_name
from emcflow.io.raster import open_raster, read_grid
from emcflow.io.sources import HDF5_ERRORS, open_hdf5
from emcflow.processors import reading
from emcflow.processors.found import ANGLE, Beside, Found, incidence_raster
from emcflow.processors.passes import say_baselines, say_view

POLARIZATIONS = ("VV", "HH", "VH", "HV")
BURST = "metadata/processing_information/input_burst_metadata"


@dataclass(frozen=True)
class Cslc:
    """What a CSLC says: burst, polarization, wavelength [m], orbit, and middle (lat, lon) [deg]."""

    path: Path
    date: str
    burst: str
    polarization: str
    wavelength_m: float
    orbit: Orbit
    place: tuple[float, float]

    @property
    def image(self) -> str:
        """Return GDAL's name of the image; the driver of netCDF keeps the coordinates."""
        return f'NETCDF:"{self.path}":/data/{self.polarization}'


def read(folder: Path) -> Found | None:
    """Describe a folder with CSLCs, None for one without.

    Raises
    ------
    InputError
        For files that are cut off or lack what CSLCs have, and for several bursts.
    """
    files = [path for path in h5_files(folder) if is_cslc(path)]
    if not files:
        return None
    images = [read_cslc(path) for path in files]
    check_one_burst(images)
    by_date = one_per_date(images)
    found = Found("OPERA CSLC")
    where = f"{len(images)} files of burst {images[0].burst}"
    found.say("stack.layout", "slc", "images of single dates")
    found.say("stack.files", [by_date[date].image for date in sorted(by_date)], where)
    say_geometry(found, by_date)
    say_static(found, folder, by_date[min(by_date)])
    first = by_date[min(by_date)]
    say_view(found, first.orbit, first.place, 0.0, first.path.name)
    return found


def h5_files(folder: Path) -> list[Path]:
    """Return the HDF5 files of a folder and of the folders in it."""
    return sorted(
        path for pattern in ("*.h5", "*/*.h5") for path in folder.glob(pattern) if path.is_file()
    )


def is_cslc(path: Path) -> bool:
    """Say whether a file is named as CSLCs are or holds what they do."""
    if "STATIC" in path.name or path.name.startswith("static_layers"):
        return False
    if "CSLC" in path.name:
        return True
    try:
        with h5py.File(path) as file:
            return "metadata/orbit" in file and any(f"data/{p}" in file for p in POLARIZATIONS)
    except HDF5_ERRORS:
        return False


def read_cslc(path: Path) -> Cslc:
    """Read what a CSLC says beside its image.

    Raises
    ------
    InputError
    """
    date = dates_in_name(str(path.name), 1)[0]
    with open_hdf5(path) as file:
        named = [name for name in POLARIZATIONS if f"data/{name}" in file]
        if not named:
            raise KeyError("no image data/VV or data/HH in it")
        orbit = Orbit(
            str(path),
            reading.array(file, "metadata/orbit/time"),
            *(
                np.stack([reading.array(file, f"metadata/orbit/{kind}_{x}") for x in "xyz"], 1)
                for kind in ("position", "velocity")
            ),
        )
        middle = [float(np.median(file[f"data/{x}_coordinates"][()])) for x in "xy"]
        crs = f"EPSG:{int(reading.scalar(file, 'data/projection'))}"
        burst = reading.text(file["identification/burst_id"][()])
        wavelength = reading.scalar(file, f"{BURST}/wavelength")
    return Cslc(path, date, burst, named[0], wavelength, orbit, geographic(crs, middle, path))


def geographic(crs: str, place: Sequence[float], path: Path) -> tuple[float, float]:
    """Return latitude and longitude [degree] of a place (x, y) in some coordinate system.

    Raises
    ------
    InputError
        Where the system is none.
    """
    try:
        longitude, latitude = transform(crs, "EPSG:4326", [place[0]], [place[1]])[:2]
    except Exception:  # of no public class
        latitude, longitude = [np.inf], [np.inf]
    if not (np.isfinite(latitude[0]) and np.isfinite(longitude[0])):
        raise InputError(
            f"{path}: ({place[0]:g}, {place[1]:g}) is no place in {crs:.60}; expected "
            "coordinates on the Earth: copy the file again"
        )
    return latitude[0], longitude[0]


def check_one_burst(images: Iterable[Cslc]) -> None:
    """Refuse images of several bursts.

    Raises
    ------
    InputError
    """
    bursts = sorted({image.burst for image in images})
    if len(bursts) > 1:
        path = next(image.path for image in images)
        raise InputError(
            f"{path.parent}: CSLCs of {len(bursts)} bursts ({', '.join(bursts[:4])}); expected "
            "one: move the others to folders of their own"
        )


def one_per_date(images: Iterable[Cslc]) -> dict[str, Cslc]:
    """Return the image of each date.

    Raises
    ------
    InputError
        For two of one date.
    """
    by_date: dict[str, Cslc] = {}
    for image in images:
        other = by_date.setdefault(image.date, image)
        if other is not image:
            raise InputError(
                f"{image.path}: the date {image.date} is that of {other.path.name}, too; expected "
                "one file per date: keep the later version, and one polarization"
            )
    return by_date


def say_geometry(found: Found, by_date: dict[str, Cslc]) -> None:
    """Say wavelength and baselines of CSLCs of one burst."""
    wavelength = reading.only_value(
        {image.path: image.wavelength_m for image in by_date.values()}, "wavelength"
    )
    first = by_date[min(by_date)]
    found.say("geometry.wavelength_m", wavelength, f"{BURST}/wavelength in {first.path.name}")
    orbits = {date: image.orbit for date, image in by_date.items()}
    say_baselines(found, orbits, first.place, "metadata/orbit in each file")


def say_static(found: Found, folder: Path, first: Cslc) -> None:
    """Say the incidence angle by the static layers, where there are some on the images' grid."""
    static = next((path for path in h5_files(folder) if _is_static(path)), None)
    if static is None:
        return
    with open_hdf5(static) as file:
        shape, other = (file[f"data/los_{part}"].shape for part in ("east", "north"))
        burst = reading.text(file["identification/burst_id"][()])
    if burst != first.burst:
        raise InputError(
            f"{static}: burst {burst}, and {first.burst} in {first.path.name}; expected static "
            "layers of the same burst: take those"
        )
    with open_raster(first.image) as dataset:
        grid = read_grid(dataset)
    if {shape, other} != {grid.shape}:
        found.ask(
            "geometry.incidence_angle_deg",
            f"{static.name} has {shape} pixels and the images have {grid.shape}; a raster of "
            "it on the grid of the images, or a number",
        )
        return

    def angle_deg(first: int, last: int) -> np.ndarray:
        with open_hdf5(static) as file:
            east, north = (
                reading.array(file, f"data/los_{part}", slice(first, last))
                for part in ("east", "north")
            )
            return np.degrees(np.arcsin(np.hypot(east, north)))

    found.rasters[ANGLE] = incidence_raster(angle_deg, grid)
    found.say(
        "geometry.incidence_angle_deg", Beside(ANGLE), f"los_east, los_north of {static.name}"
    )


def _is_static(path: Path) -> bool:
    return "STATIC" in path.name or path.name.startswith("static_layers")
