"""NISAR's geocoded SLCs (GSLC) and interferograms (GUNW).

Layout: NISAR's product specifications: ``science/LSAR/GSLC/grids/frequencyA/HH`` with
centerFrequency, projection, xCoordinates and yCoordinates beside it, ``metadata/orbit`` (time,
position, velocity); ``science/LSAR/GUNW/grids/frequencyA/wrappedInterferogram/HH/
wrappedInterferogram``, and cubes over height in ``metadata/radarGrid``: incidenceAngle,
referenceSlantRange (slantRange in older files), perpendicularBaseline.

Signs: of GSLCs the baselines are computed from the orbits. Of GUNWs they are isce3's (baseline.py),
with the sign of ((target - reference) x (secondary - reference)) . velocity: right as it is for a
sensor that looks to the right, the other way for one that looks to the left, as NISAR does
(``identification/lookDirection``).
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from emcflow.acquisition.geometry import SPEED_OF_LIGHT
from emcflow.acquisition.orbits import Orbit
from emcflow.errors import InputError
from emcflow.io.filenames import by_pair, dates_in_name, pair_in_name
from emcflow.io.sources import HDF5_ERRORS, open_hdf5
from emcflow.processors import reading
from emcflow.processors.found import Found
from emcflow.processors.opera import geographic, h5_files
from emcflow.processors.passes import say_baselines, say_view

BANDS = ("LSAR", "SSAR")
POLARIZATIONS = ("HH", "VV", "HV", "VH")
WRAPPED = "wrappedInterferogram"
SIDES = {"right": 1, "left": -1}


def read(folder: Path) -> Found | None:
    """Describe a folder of GSLCs or GUNWs, None for another one.

    Raises
    ------
    InputError
        For files that are cut off or lack what these have, and for both kinds together.
    """
    kinds = {path: kind for path in h5_files(folder) if (kind := _kind(path))}
    if not kinds:
        return None
    if len(set(kinds.values())) > 1:
        raise InputError(
            f"{folder}: {', '.join(sorted(set(kinds.values())))} of NISAR side by side; expected "
            "products of one kind: give the folder of one"
        )
    paths = sorted(kinds)
    return _slcs(paths) if kinds[paths[0]] == "GSLC" else _interferograms(paths)


def _kind(path: Path) -> str:
    """Return the kind of a product by its name, else by what is in it; empty for others."""
    named = [kind for kind in ("GSLC", "GUNW") if f"_{kind}_" in path.name]
    if named and path.name.startswith("NISAR"):
        return named[0]
    try:
        with h5py.File(path) as file:
            return next(
                (k for k in ("GSLC", "GUNW") for b in BANDS if f"science/{b}/{k}/grids" in file), ""
            )
    except HDF5_ERRORS:
        return ""


def _product(file: h5py.File, kind: str) -> tuple[str, str]:
    """Return the paths of the product and of its first frequency in a file."""
    for band in BANDS:
        for frequency in ("frequencyA", "frequencyB"):
            product = f"science/{band}/{kind}"
            if f"{product}/grids/{frequency}" in file:
                return product, f"{product}/grids/{frequency}"
    raise KeyError(f"no science/LSAR/{kind}/grids/frequencyA in it")


def _polarization(group: h5py.Group) -> str:
    found = [name for name in POLARIZATIONS if name in group]
    if not found:
        raise KeyError(f"no {' or '.join(POLARIZATIONS)} in {group.name}")
    return found[0]


def _slcs(paths: list[Path]) -> Found:
    found = Found("NISAR GSLC")
    files, frequencies, orbits, places = [], {}, {}, {}
    for path in paths:
        date = dates_in_name(path.name, 1)[0]
        if date in orbits:
            raise InputError(
                f"{path}: a second product of {date}; expected one per date: remove one"
            )
        with open_hdf5(path) as file:
            product, grid = _product(file, "GSLC")
            files.append(f'NETCDF:"{path}":/{grid}/{_polarization(file[grid])}')
            frequencies[path] = reading.scalar(file, f"{grid}/centerFrequency")
            orbits[date] = _orbit(file, product, path)
            middle = [float(np.median(file[f"{grid}/{x}Coordinates"][()])) for x in "xy"]
            crs = f"EPSG:{int(reading.scalar(file, f'{grid}/projection'))}"
        places[date] = geographic(crs, middle, path)
    first = min(orbits)
    found.say("stack.layout", "slc", f"{len(paths)} products")
    found.say("stack.files", files, "images of single dates")
    _say_wavelength(found, frequencies)
    say_view(found, orbits[first], places[first], 0.0, f"the product of {first}")
    if len(orbits) > 1:
        say_baselines(found, orbits, places[first], "metadata/orbit in each product")
    return found


def _orbit(file: h5py.File, product: str, path: Path) -> Orbit:
    where = f"{product}/metadata/orbit"
    return Orbit(
        str(path), *(reading.array(file, f"{where}/{x}") for x in ("time", "position", "velocity"))
    )


def _say_wavelength(found: Found, frequencies: dict[Path, float]) -> None:
    frequency = reading.only_value(frequencies, "centerFrequency")
    if not frequency > 0:
        reading.number(str(-1), "centerFrequency", next(iter(frequencies)))
    wavelength = round(SPEED_OF_LIGHT / frequency, 9)
    found.say(
        "geometry.wavelength_m", wavelength, f"centerFrequency in {len(frequencies)} products"
    )


def _interferograms(paths: list[Path]) -> Found:
    found = Found("NISAR GUNW")
    files, pairs, frequencies, bperp, sides = [], [], {}, {}, {}
    for path in paths:
        with open_hdf5(path) as file:
            product, grid = _product(file, "GUNW")
            layer = f"{grid}/{WRAPPED}"
            name = f"{layer}/{_polarization(file[layer])}/{WRAPPED}"
            if name not in file:
                raise KeyError(f"no {name} in it")
            files.append(f'NETCDF:"{path}":/{name}')
            frequencies[path] = reading.scalar(file, f"{grid}/centerFrequency")
            cubes = f"{product}/metadata/radarGrid"
            pairs.append((pair_in_name(path.name), str(path)))
            bperp[pairs[-1][0]] = _middle(file, f"{cubes}/perpendicularBaseline")
            if path == paths[0]:
                angle = _middle(file, f"{cubes}/incidenceAngle")
                ranges = [
                    n for n in ("referenceSlantRange", "slantRange") if f"{cubes}/{n}" in file
                ]
                slant = _middle(file, f"{cubes}/{ranges[0]}") if ranges else None
            side = f"{product.rsplit('/', 1)[0]}/identification/lookDirection"
            if side in file:
                sides[path] = reading.text(file[side][()]).strip().lower()
    by_pair(pairs)  # refuses two products of one pair
    found.say("stack.layout", "interferograms", f"{len(paths)} products")
    found.say("stack.files", files, "wrapped interferograms")
    _say_wavelength(found, frequencies)
    where = f"middle of the cube in {paths[0].name}"
    if slant is not None:
        found.say("geometry.slant_range_m", round(slant), where)
    found.say("geometry.incidence_angle_deg", round(angle, 3), where)
    found.baselines_per_pair(bperp, "middle of perpendicularBaseline in each product")
    looks = set(sides.values())
    if len(looks) == 1 and looks <= set(SIDES):
        side = looks.pop()
        found.say(
            "baselines.negate",
            side == "left",
            f"isce3's sign is right for a sensor that looks to the right; lookDirection is {side}",
        )
    else:
        found.ask(
            "baselines.negate",
            "lookDirection is not said; true for a sensor that looks to the left, as NISAR does",
        )
    return found


def _middle(file: h5py.File, name: str) -> float:
    """Return the median of a cube [in its unit] at the height nearest to the ground's ellipsoid."""
    values = reading.array(file, name)
    fill = np.asarray(file[name].attrs.get("_FillValue", np.nan), dtype=np.float64).ravel()
    values = np.where(np.isin(values, fill), np.nan, values)
    heights = f"{name.rsplit('/', 1)[0]}/heightAboveEllipsoid"
    if values.ndim == 3 and heights in file:
        levels = reading.array(file, heights)
        # of baselines only the lowest and the highest level are there
        level = int(np.argmin(np.abs(levels))) if len(levels) == len(values) else 0
        values = values[level]
    middle = values[np.isfinite(values)]
    if not middle.size:
        raise ValueError(f"{name} has no finite numbers")
    return float(np.median(middle))
