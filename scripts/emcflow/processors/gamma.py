"""Stacks of GAMMA: SLCs or interferograms with their parameter files.

Layout: GAMMA's ISP parameter files (``*.par``: radar_frequency, near_range_slc, incidence_angle,
state_vector_position_1, ...) and baseline files (``initial_baseline(TCN)``), as in the tests of
GeoscienceAustralia/PyRate.

Signs: baselines per date are computed from the state vectors of the parameter files. Where they are
missing for a date, those of baseline files are taken, whose vector points from SLC 1 to SLC 2 along
the track, across it to the right, and down. Its perpendicular part, bc cos(look) - bn sin(look),
is positive to the right and up, as base_perp has it, and so has the other sign than a taller target
needs: a test compares it with the state vectors of a real pair. Interferograms of GAMMA grow with
the range to SLC 2, as HyP3's guide has it.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from emcflow.acquisition.geometry import SPEED_OF_LIGHT
from emcflow.acquisition.orbits import Orbit
from emcflow.errors import InputError
from emcflow.io.filenames import pair_in_name
from emcflow.io.tables import parse_date
from emcflow.processors import reading
from emcflow.processors.found import Found
from emcflow.processors.passes import say_baselines

WHAT = "a parameter file of GAMMA"
SLCS = ("*.rslc", "*.slc", "*/*.rslc", "*/*.slc")
INTERFEROGRAMS = ("*.diff", "*/*.diff", "*.int", "*/*.int")
BASES = ("*base.par", "*/*base.par", "*.base", "*/*.base")
PAGES = ("*.par", "*/*.par")


def read(folder: Path) -> Found | None:
    """Describe a folder of GAMMA's files, None for one without parameter files of images.

    Raises
    ------
    InputError
        For parameter files that are cut off or contradict each other.
    """
    pages = _pages(folder)
    if not pages:
        return None
    found = Found("GAMMA")
    _say_images(found, folder)
    dates = {path: _date(path, page) for path, page in pages.items()}
    frequency = reading.only_value(
        {path: _number(path, page, "radar_frequency") for path, page in pages.items()},
        "radar_frequency",
    )
    path = min(pages, key=lambda one: (dates[one], str(one)))
    page = pages[path]
    where = f"{path.name} of the first date"
    found.say(
        "geometry.wavelength_m", round(SPEED_OF_LIGHT / frequency, 9), f"radar_frequency in {where}"
    )
    middle = _number(path, page, "center_range_slc")
    found.say("geometry.slant_range_m", round(middle), f"center_range_slc in {where}")
    angle = _number(path, page, "incidence_angle")
    found.say("geometry.incidence_angle_deg", angle, f"incidence_angle in {where}, at mid-range")
    of_stack = _stack_dates(folder)
    with_orbit = {
        dates[one]: _orbit(one, other)
        for one, other in pages.items()
        if "number_of_state_vectors" in other
    }
    if len(with_orbit) > 1 and of_stack <= set(with_orbit):
        place = _number(path, page, "center_latitude"), _number(path, page, "center_longitude")
        say_baselines(found, with_orbit, place, "state vectors in the .par of each date")
    else:
        _say_base_files(found, folder, path, page)
    return found


def _pages(folder: Path) -> dict[Path, dict[str, str]]:
    """Return the parameter files of images; a date's own files may come in several looks."""
    pages = {}
    for path in sorted(path for pattern in PAGES for path in folder.glob(pattern)):
        with open(path, "rb") as file:
            start = file.read(4096)
        if b"radar_frequency:" in start or b"Image Parameter File" in start:
            pages[path] = reading.read_keys(path, ":", WHAT)
    return pages


def _say_images(found: Found, folder: Path) -> None:
    for layout, patterns in (("slc", SLCS), ("interferograms", INTERFEROGRAMS)):
        for pattern in patterns:
            files = sorted(path for path in folder.glob(pattern) if path.is_file())
            if len(files) > 1:
                found.say("stack.layout", layout, f"{len(files)} files")
                found.say("stack.directory", str(folder), "folder of the images")
                found.say("stack.files", pattern, "flat files, big-endian; size by .par or .off")
                return
    found.ask("stack.files", f"no {', '.join((*SLCS[:2], *INTERFEROGRAMS[::2]))}; the images")


def _stack_dates(folder: Path) -> set[str]:
    """Return the dates in the names of interferograms, none where the images are SLCs."""
    dates: set[str] = set()
    for pattern in (*SLCS, *INTERFEROGRAMS):
        files = [path for path in folder.glob(pattern) if path.is_file()]
        if len(files) > 1 and pattern in SLCS:
            return {parse_date(path.name) for path in files if re.search(r"\d{8}", path.name)}
        if len(files) > 1:
            return {date for path in files for date in pair_in_name(str(path))}
    return dates


def _number(path: Path, page: dict[str, str], key: str) -> float:
    return reading.number(page.get(key), key, path)


def _date(path: Path, page: dict[str, str]) -> str:
    """Return the date of a parameter file; its name must not say another one."""
    words = " ".join(str(int(n)) for n in reading.numbers(page.get("date"), 3, "date", path))
    date = reading.day_of(words, "%Y %m %d", path)
    try:
        named = parse_date(path.name)
    except ValueError:
        return date
    if named != date:
        raise InputError(
            f"{path}: the date in it is {date}, in its name {named}; expected the same: rename it, "
            "or copy it again"
        )
    return date


def _orbit(path: Path, page: dict[str, str]) -> Orbit:
    count = _number(path, page, "number_of_state_vectors")
    if not 2 <= count <= 10_000:
        raise InputError(
            f"{path}: number_of_state_vectors is {count:g}; expected 2 or more: copy it again"
        )
    start, step = (
        _number(path, page, key) for key in ("time_of_first_state_vector", "state_vector_interval")
    )
    vectors = [
        np.array([
            reading.numbers(page.get(key), 3, key, path)
            for key in (f"state_vector_{kind}_{n}" for n in range(1, int(count) + 1))
        ])
        for kind in ("position", "velocity")
    ]  # fmt: skip
    return Orbit(str(path), start + step * np.arange(int(count)), *vectors)


def _say_base_files(found: Found, folder: Path, path: Path, page: dict[str, str]) -> None:
    """Say the baselines of pairs by GAMMA's baseline files, where there are any."""
    files = sorted(file for pattern in BASES for file in folder.glob(pattern))
    if not files:
        return
    sensor, earth, slant = (
        _number(path, page, key)
        for key in ("sar_to_earth_center", "earth_radius_below_sensor", "center_range_slc")
    )
    # law of cosines in the triangle of the Earth's centre, sensor and target
    cosine = (sensor**2 + slant**2 - earth**2) / (2 * sensor * slant)
    if not 0 < cosine < 1:
        raise InputError(
            f"{path}: ranges {slant:.0f}, {sensor:.0f} and {earth:.0f} m make no triangle; "
            "expected those of sensor, Earth and target: copy it again"
        )
    look = math.acos(cosine)
    bperp = {}
    for file in files:
        keys = reading.read_keys(file, ":", "a baseline file of GAMMA")
        key = "precision_baseline(TCN)"
        vector = reading.numbers(keys.get(key), 3, key, file)
        if vector == [0, 0, 0]:
            key = "initial_baseline(TCN)"
            vector = reading.numbers(keys.get(key), 3, key, file)
        _, across, down = vector
        bperp[pair_in_name(str(file))] = -(across * math.cos(look) - down * math.sin(look))
    found.baselines_per_pair(
        bperp,
        f"TCN baselines of {len(files)} files at mid-range; GAMMA counts up and to the right, a "
        "taller target needs the other sign, which this table has",
    )
