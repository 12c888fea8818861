"""Stacks of GMTSAR, and of PyGMTSAR where it leaves GMTSAR's files.

Layout: GMTSAR's manual: ``intf/D1_D2/phasefilt.grd`` with days of the year counted from 0,
``*.PRM`` with radar_wavelength, near_range, rng_samp_rate, num_rng_bins, earth_radius, SC_height,
and ``baseline_table.dat``.

Sign of the baselines: SAT_baseline counts the horizontal part positive on the side to which the
sensor looks (get_sign) and the vertical one positive upwards, and takes b cos(incidence - alpha) of
both: positive up and towards the target. A taller target needs the other sign.
"""

from __future__ import annotations

import os
from pathlib import Path

from emcflow.acquisition.geometry import SPEED_OF_LIGHT
from emcflow.errors import InputError
from emcflow.io.text_baselines import read_text_baselines
from emcflow.processors import reading
from emcflow.processors.found import Found
from emcflow.processors.passes import incidence_on_sphere_deg

PATTERNS = (
    "*/phasefilt.grd", "intf/*/phasefilt.grd", "intf_all/*/phasefilt.grd",
    "*/intf/*/phasefilt.grd", "*/intf_all/*/phasefilt.grd",
)  # fmt: skip
PLACES = (".", "raw", "topo", "..", "../raw", "../topo", "../SLC", "SLC")
TABLE = "baseline_table.dat"


def read(folder: Path) -> Found | None:
    """Describe a folder of GMTSAR, None for another one.

    Raises
    ------
    InputError
        For PRM files and tables that are cut off or contradict each other.
    """
    files, _ = reading.of_first_pattern(folder, PATTERNS)
    if not files:
        return None
    found = Found("GMTSAR")
    directory = files[0].parent.parent
    found.say("stack.layout", "interferograms", f"{len(files)} wrapped interferograms")
    found.say("stack.directory", str(directory), "folder of the pairs")
    found.say("stack.files", "*/phasefilt.grd", "filtered wrapped phase in radians")
    around = (Path(os.path.normpath(directory / name)) for name in PLACES)
    places = [place for place in around if place.is_dir()]
    places = [*places, folder, files[0].parent]
    _say_view(found, places)
    table = reading.first_there(places, TABLE)
    if table is None:
        return found
    if read_text_baselines(table) is None:
        raise InputError(
            f"{table}: no {TABLE} of GMTSAR; expected lines of name, YYYYDDD, days, parallel and "
            "perpendicular baseline: write it again with baseline_table.csh"
        )
    found.say("baselines.csv", str(table), "Bperp, the fifth column")
    found.say(
        "baselines.negate",
        True,
        "SAT_baseline counts up and towards the target; a taller target needs the other sign",
    )
    return found


def _say_view(found: Found, places: list[Path]) -> None:
    """Say wavelength, range and angle by the PRM files of one folder."""
    for place in places:
        paths = sorted(place.glob("*.PRM"))
        if paths:
            break
    else:
        return
    pages = {path: reading.read_keys(path, "=", "a PRM file of GMTSAR") for path in paths}
    wavelength = reading.only_value(
        {
            path: reading.number(page.get("radar_wavelength"), "radar_wavelength", path)
            for path, page in pages.items()
        },
        "radar_wavelength",
    )
    path, page = paths[0], pages[paths[0]]
    found.say("geometry.wavelength_m", wavelength, f"radar_wavelength in {path}")
    near, rate, bins, earth, height = (
        reading.number(page.get(key), key, path)
        for key in ("near_range", "rng_samp_rate", "num_rng_bins", "earth_radius", "SC_height")
    )
    if not (rate > 0 and near > 0 and earth > 0):
        raise InputError(
            f"{path}: near_range {near:g}, rng_samp_rate {rate:g}, earth_radius {earth:g}; "
            "expected numbers above 0: copy it again"
        )
    slant = near + bins / 2 * SPEED_OF_LIGHT / (2 * rate)
    found.say("geometry.slant_range_m", round(slant), f"middle of the swath, by {path}")
    angle = incidence_on_sphere_deg(earth, height, slant)
    if angle is None:
        raise InputError(
            f"{path}: near_range, earth_radius and SC_height make no triangle; expected those of "
            "one pass in metres: copy it again"
        )
    found.say(
        "geometry.incidence_angle_deg",
        angle,
        f"middle of the swath, by near_range, earth_radius and SC_height in {path}",
    )
