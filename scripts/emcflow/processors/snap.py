"""Products of SNAP in BEAM-DIMAP: ``.dim``, which is XML, and ``.data``, a folder of images.

Layout: SNAP's AbstractMetadata (``Abstracted_Metadata`` of the reference, the same attributes in
``Slave_Metadata`` or ``Secondary_Metadata`` for each other date): radar_frequency [MHz],
first_line_time, first_near_lat, ..., and ``Orbit_State_Vectors``.

Signs: the baselines are computed from the state vectors. SNAP's own (jlinda's Baseline) are
positive where the secondary sees the target more steeply, up and towards the target, which is the
other sign; they are not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from emcflow.acquisition.geometry import SPEED_OF_LIGHT
from emcflow.acquisition.orbits import Orbit
from emcflow.errors import InputError
from emcflow.processors import reading
from emcflow.processors.found import Found
from emcflow.processors.passes import say_baselines, say_view

TIME = "%d-%b-%Y %H:%M:%S.%f"
CORNERS = ("first_near", "first_far", "last_near", "last_far")


@dataclass(frozen=True)
class Pass:
    """What a product says of one date: frequency [Hz], orbit, and middle (lat, lon) [degree]."""

    path: Path
    frequency_hz: float
    orbit: Orbit
    place: tuple[float, float]


def read(folder: Path) -> Found | None:
    """Describe a folder of SNAP's products, None for one without.

    Raises
    ------
    InputError
        For a ``.dim`` that is cut off or lacks what SAR products have.
    """
    products = sorted(folder.glob("*.dim"))
    if not products:
        return None
    found = Found("SNAP")
    _say_images(found, folder)
    passes: dict[str, Pass] = {}
    for path in products:
        of_product = _passes(path)
        if not of_product:
            raise InputError(
                f"{path}: no Abstracted_Metadata with Orbit_State_Vectors in it; expected a SAR "
                "product of SNAP: write it again from the coregistered stack"
            )
        passes = of_product | passes
    frequency = reading.only_value(
        {one.path / date: one.frequency_hz for date, one in passes.items()}, "radar_frequency"
    )
    date = min(passes)
    first = passes[date]
    where = f"{first.path.name}, {date}"
    wavelength = round(SPEED_OF_LIGHT / frequency, 9)
    found.say("geometry.wavelength_m", wavelength, f"radar_frequency in {where}")
    say_view(found, first.orbit, first.place, 0.0, where)
    if len(passes) > 1:
        orbits = {date: one.orbit for date, one in passes.items()}
        say_baselines(found, orbits, first.place, f"Orbit_State_Vectors in {len(products)} .dim")
    return found


def _say_images(found: Found, folder: Path) -> None:
    pattern = "*.data/i_ifg_*.img"
    files = sorted(folder.glob(pattern))
    layout = "interferograms"
    if not files:
        pattern, layout = "*.data/i_*.img", "slc"
        files = sorted(folder.glob(pattern))
    if not files:
        found.ask("stack.files", f"no i_*.img in {folder}/*.data; real and imaginary parts")
        return
    found.say("stack.layout", layout, f"{len(files)} images")
    found.say("stack.directory", str(folder), "folder of the .dim")
    found.say("stack.files", pattern, "real parts; the imaginary ones, q_*.img, are beside them")


def _passes(path: Path) -> dict[str, Pass]:
    """Return what a product says of each of its dates."""
    root = reading.read_xml(path, "a product of SNAP in BEAM-DIMAP")
    passes: dict[str, Pass] = {}
    for element in root.iter("MDElem"):
        vectors = element.find("MDElem[@name='Orbit_State_Vectors']")
        values = _attributes(element)
        if vectors is None or "radar_frequency" not in values:
            continue
        date = reading.day_of(values.get("first_line_time", ""), TIME, path)
        place = tuple(
            float(
                np.mean([
                    reading.number(values.get(f"{corner}_{name}"), f"{corner}_{name}", path)
                    for corner in CORNERS
                ])
            )
            for name in ("lat", "long")
        )  # fmt: skip
        frequency = reading.number(values["radar_frequency"], "radar_frequency", path) * 1e6
        passes.setdefault(date, Pass(path, frequency, _orbit(vectors, path), (place[0], place[1])))
    return passes


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    return {one.get("name", ""): (one.text or "").strip() for one in element.findall("MDATTR")}


def _orbit(vectors: ElementTree.Element, path: Path) -> Orbit:
    """Return the orbit of a list of state vectors."""
    times, rows = [], []
    for element in vectors.findall("MDElem"):
        values = _attributes(element)
        times.append(_seconds(values.get("time", ""), path))
        keys = [f"{x}_{kind}" for kind in ("pos", "vel") for x in "xyz"]
        rows.append([reading.number(values.get(key), key, path) for key in keys])
    order = np.argsort(times)
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 6)[order]
    return Orbit(str(path), np.array(times)[order], table[:, :3], table[:, 3:])


def _seconds(words: str, path: Path) -> float:
    """Return a time of SNAP's as seconds since the year 0 of the calendar."""
    day = reading.day_of(words, TIME, path)
    clock = words.split()[-1].split(":")
    hours, minutes, seconds = (float(part) for part in clock)
    return (
        np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:]}", "D").astype(np.int64) * 86_400.0
        + (hours * 60 + minutes) * 60
        + seconds
    )
