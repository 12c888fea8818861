"""Frames of LiCSAR, as downloaded or as LiCSBAS keeps them (``GEOC``).

Layout: LiCSAR's portal and LiCSBAS: ``D1_D2/D1_D2.geo.diff_pha.tif``, ``metadata.txt`` with
``centre_range_m`` (of the scripts of licsar_proc), ``baselines``, ``FRAME.geo.E.tif``, ``.N.tif``
and ``.U.tif``, the unit vector from the ground to the sensor, so that U is the cosine of the
incidence angle.

Sign of the baselines: they come from ASF's catalogue, where that has none from licsar_proc's own
estimate, earlier ones from GAMMA (framecare.make_bperp_file); none says its sign. Asked for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emcflow.acquisition.geometry import SPEED_OF_LIGHT
from emcflow.io.baselines import read_baselines
from emcflow.io.filenames import pair_in_name
from emcflow.io.raster import open_raster, read_grid
from emcflow.processors import reading
from emcflow.processors.found import ANGLE, Beside, Found, incidence_raster

PATTERNS = (
    "*/*.geo.diff_pha.tif",
    "GEOC/*/*.geo.diff_pha.tif",
    "interferograms/*/*.geo.diff_pha.tif",
)
PLACES = (".", "GEOC", "metadata", "../metadata", "..")
# ESA: Sentinel-1's centre frequency is 5.405 GHz.
SENTINEL_1_WAVELENGTH_M = round(SPEED_OF_LIGHT / 5.405e9, 9)


def read(folder: Path) -> Found | None:
    """Describe a frame of LiCSAR, None for another folder.

    Raises
    ------
    InputError
        For metadata, vectors and baselines that are cut off or no such.
    """
    files, _ = reading.of_first_pattern(folder, PATTERNS)
    if not files:
        return None
    found = Found("LiCSAR")
    directory = files[0].parent.parent
    found.say("stack.layout", "interferograms", f"{len(files)} wrapped interferograms")
    found.say("stack.directory", str(directory), "folder of the pairs")
    found.say("stack.files", "*/*.geo.diff_pha.tif", "wrapped phase in radians")
    reading.say_coherence(found, files, ".diff_pha.tif", ".cc.tif", "*/*.geo.cc.tif")
    places = [place for place in (directory / name for name in PLACES) if place.is_dir()]
    found.say(
        "geometry.wavelength_m",
        SENTINEL_1_WAVELENGTH_M,
        "Sentinel-1, LiCSAR's only sensor, 5.405 GHz",
    )
    _say_range(found, places)
    _say_angle(found, places, files[0])
    dates = sorted({date for path in files for date in pair_in_name(str(path))})
    table = reading.first_there(places, "baselines")
    if table:
        read_baselines(table, dates)
        found.say("baselines.csv", str(table), "perpendicular baselines of LiCSAR")
        found.ask(
            "baselines.negate",
            "LiCSAR does not say the sign of its baselines; if tall buildings get a negative DEM "
            "error, set it to true",
        )
    return found


def _say_range(found: Found, places: list[Path]) -> None:
    path = reading.first_there(places, "metadata.txt")
    if path is None:
        return
    values = reading.read_keys(path, "=", "LiCSAR's metadata.txt")
    if "centre_range_m" in values:
        middle = reading.number(values["centre_range_m"], "centre_range_m", path)
        found.say("geometry.slant_range_m", round(middle), f"centre_range_m in {path}")
    elif not {"master", "primary", "center_time"} & set(values):
        reading.number(None, "centre_range_m", path)  # says that it is missing


def _say_angle(found: Found, places: list[Path], image: Path) -> None:
    """Say the incidence angle by the vertical part of the line of sight, else by metadata.txt."""
    key = "geometry.incidence_angle_deg"
    path = reading.first_there(places, "*.geo.U.tif")
    if path is not None:
        with open_raster(image) as dataset:
            grid = read_grid(dataset)
        with open_raster(path) as dataset:
            difference = read_grid(dataset).differs_from(grid)
        if not difference:
            found.rasters[ANGLE] = incidence_raster(
                lambda *rows: np.degrees(np.arccos(reading.raster_rows(path, grid, *rows))), grid
            )
            found.say(key, Beside(ANGLE), f"arccos of {path}")
            return
        found.ask(key, f"{path} has {difference}; a raster on the grid of the images, or a number")
        return
    metadata = reading.first_there(places, "metadata.txt")
    values = reading.read_keys(metadata, "=", "LiCSAR's metadata.txt") if metadata else {}
    if metadata and "avg_incidence_angle" in values:
        angle_deg = reading.number(values["avg_incidence_angle"], "avg_incidence_angle", metadata)
        found.say(key, angle_deg, f"avg_incidence_angle in {metadata}")
