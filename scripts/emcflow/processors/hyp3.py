"""Interferograms of ASF's HyP3: Sentinel-1 by GAMMA, bursts by ISCE2.

Layout: HyP3's product guides: a folder per pair with ``*_wrapped_phase.tif``, a text file of the
product's name with ``Baseline`` and ``Slant range center``, ``*_water_mask.tif`` (1 on land), and
where asked for ``*_lv_theta.tif``, the elevation of the line of sight above the horizon in radians,
and ``*_inc_map_ell.tif``, the incidence angle on the ellipsoid in radians.

Sign of the baselines: bursts have that of ISCE2's topsApp, which is right as it is for Sentinel-1,
which looks to the right. Scenes have the perpendicular component that GAMMA's base_init prints (of
hyp3_gamma's ifm_sentinel.py), whose sign no guide states. Asked for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emcflow.io.filenames import pair_in_name
from emcflow.io.raster import Grid, open_raster, read_grid
from emcflow.processors import reading
from emcflow.processors.found import ANGLE, Beside, Found, NewRaster, incidence_raster
from emcflow.processors.licsar import SENTINEL_1_WAVELENGTH_M
from emcflow.processors.passes import incidence_on_sphere_deg

PATTERNS = ("*_wrapped_phase.tif", "*/*_wrapped_phase.tif")
SUFFIX = "_wrapped_phase.tif"


def read(folder: Path) -> Found | None:
    """Describe a folder of HyP3's products, None for another one.

    Raises
    ------
    InputError
        For a product without its text file, or one that is cut off.
    """
    files, pattern = reading.of_first_pattern(folder, PATTERNS)
    if not files:
        return None
    found = Found("HyP3")
    found.say("stack.layout", "interferograms", f"{len(files)} products")
    found.say("stack.directory", str(folder), "folder of the products")
    found.say("stack.files", pattern, "wrapped phase in radians")
    corr = pattern.replace(SUFFIX, "_corr.tif")
    reading.say_coherence(found, files, SUFFIX, "_corr.tif", corr)
    first = files[0]
    mask = first.with_name(first.name.replace(SUFFIX, "_water_mask.tif"))
    if mask.exists():
        found.say("stack.mask", str(mask), "1 on land, 0 on water")
    pages = {path: _page(path) for path in files}
    _say_wavelength(found, pages[first], first)
    key = "Slant range center"
    middle = reading.number(pages[first].get(key), key, first)
    found.say("geometry.slant_range_m", round(middle), f"{key} in {_page_of(first).name}")
    _say_angle(found, first, pages[first])
    found.baselines_per_pair(
        {
            pair_in_name(str(path)): reading.number(
                page.get("Baseline"), "Baseline", _page_of(path)
            )
            for path, page in pages.items()
        },
        "Baseline in the text file of each product",
    )
    if "BURST" not in pages[first].get("Reference Granule", ""):
        found.ask(
            "baselines.negate",
            "HyP3's guide does not say the sign of baselines by GAMMA; if tall buildings get a "
            "negative DEM error, set it to true",
        )
    return found


def _page_of(image: Path) -> Path:
    """Return the text file of a product, by the name of its interferogram."""
    return image.with_name(image.name.replace(SUFFIX, ".txt"))


def _page(image: Path) -> dict[str, str]:
    return reading.read_keys(_page_of(image), ":", "the text file of a HyP3 product")


def _say_wavelength(found: Found, page: dict[str, str], image: Path) -> None:
    granule = page.get("Reference Granule", "")
    if granule.startswith("S1"):
        where = f"Sentinel-1, by the Reference Granule in {_page_of(image).name}; 5.405 GHz"
        found.say("geometry.wavelength_m", SENTINEL_1_WAVELENGTH_M, where)


def _say_angle(found: Found, image: Path, page: dict[str, str]) -> None:
    """Say the incidence angle by a raster of the first product, else by its text file."""
    key = "geometry.incidence_angle_deg"
    with open_raster(image) as dataset:
        grid = read_grid(dataset)
    for name, of_it in (("_inc_map_ell.tif", 1.0), ("_lv_theta.tif", -1.0)):
        path = image.with_name(image.name.replace(SUFFIX, name))
        if not path.exists():
            continue
        with open_raster(path) as dataset:
            if read_grid(dataset).differs_from(grid):
                continue
        found.rasters[ANGLE] = _incidence(path, grid, of_it)
        found.say(key, Beside(ANGLE), f"{path.name}, in radians there")
        return
    where = _page_of(image)
    keys = ("Spacecraft height", "Earth radius at nadir", "Slant range center")
    height, earth, slant = (reading.number(page.get(key), key, where) for key in keys)
    angle_deg = incidence_on_sphere_deg(earth, height, slant)
    if angle_deg is not None:
        found.say(key, angle_deg, f"middle of the swath, by {', '.join(keys)} in {where.name}")


def _incidence(path: Path, grid: Grid, of_it: float) -> NewRaster:
    """Return the incidence angle by itself (`of_it` 1) or the elevation (-1), both in radians."""

    def angle_deg(first: int, last: int) -> np.ndarray:
        angles = np.degrees(of_it * reading.raster_rows(path, grid, first, last))
        return angles + (90 if of_it < 0 else 0)

    return incidence_raster(angle_deg, grid)
