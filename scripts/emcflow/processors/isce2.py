"""Stacks of ISCE2's topsStack and stripmapStack.

Layout: ISCE2's contrib/stack, and MintPy's page on directories. topsStack has
``merged/SLC/DATE/DATE.slc.full.vrt``, ``merged/interferograms/D1_D2/filt_fine.int``,
``merged/geom_reference/los.rdr``, ``baselines/D1_D2/D1_D2.txt``, ``merged/baselines/DATE/DATE`` and
``reference/IW1.xml``; stripmapStack ``merged/SLC/DATE/DATE.slc``, ``Igrams/D1_D2/filt_*.int``,
``geom_reference/los.rdr`` and ``baselines/D1_D2.txt``. Its range and wavelength are in Python's own
binary form (a shelve), which is not read: opening one runs what it says.

Signs: topsStack (``computeBaseline.py``) and the grids of both (``baselineGrid.py``) have the sign
of ((target - reference) x (secondary - reference)) . velocity, which is right as it is for a sensor
that looks to the right. ``PERP_BASELINE_TOP`` of stripmapStack comes from mroipac's Baseline: minus
the part along position x velocity times cos(look) plus the vertical part times sin(look), positive
up and to the right, so it has the other sign.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from emcflow.errors import InputError
from emcflow.io.baselines import read_baselines
from emcflow.io.filenames import by_date, dates_in_name, pair_in_name
from emcflow.io.raster import Grid, open_raster, read_grid
from emcflow.processors import reading
from emcflow.processors.found import Found

SLCS = ("*/*.slc.full.vrt", "*/*.slc.vrt", "*/*.slc.full", "*/*.slc")
INTERFEROGRAMS = ("*/filt_*.int.vrt", "*/filt_*.int", "*/fine.int.vrt", "*/fine.int")
VIEWS = ("los.rdr.full.vrt", "los.rdr.vrt", "los.rdr.full", "los.rdr")
PROPERTIES = ("radarwavelength", "startingrange", "rangepixelsize", "numberofsamples")


def read(folder: Path) -> Found | None:
    """Describe a folder of topsStack or stripmapStack, None for another one.

    Raises
    ------
    InputError
        For metadata and baselines that are cut off or contradict each other.
    """
    tops = sorted(folder.glob("reference/IW*.xml")) or sorted(folder.glob("master/IW*.xml"))
    images = _images(folder)
    views = [path for path in _view_folders(folder) if path.is_dir()]
    if images is None or not (tops or views or (folder / "baselines").is_dir()):
        return None
    layout, directory, pattern, files = images
    found = Found(f"ISCE2's {'topsStack' if tops else 'stripmapStack'}")
    found.say("stack.layout", layout, f"{len(files)} files")
    found.say("stack.directory", str(directory), f"{len(files)} files {pattern}")
    found.say("stack.files", pattern, "names of these files")
    with open_raster(files[0]) as dataset:
        grid = read_grid(dataset)
    if tops:
        _say_swaths(found, tops)
    _say_angle(found, views, grid)
    if layout == "slc":
        dates = sorted(by_date((dates_in_name(str(path), 1)[0], str(path)) for path in files))
    else:
        dates = sorted({date for path in files for date in pair_in_name(str(path))})
    _say_baselines(found, folder, dates, grid, bool(tops))
    return found


def _images(folder: Path) -> tuple[str, Path, str, list[Path]] | None:
    """Return layout, folder, pattern and files of the images, SLCs first; None where none are."""
    places = (
        ("slc", folder / "merged" / "SLC", SLCS),
        ("interferograms", folder / "merged" / "interferograms", INTERFEROGRAMS),
        ("interferograms", folder / "Igrams", INTERFEROGRAMS),
    )
    for layout, directory, patterns in places:
        for pattern in patterns:
            files = sorted(directory.glob(pattern))
            if len(files) > 1:
                return layout, directory, pattern, files
    return None


def _view_folders(folder: Path) -> list[Path]:
    names = ("geom_reference", "geom_master")
    return [place / name for place in (folder / "merged", folder) for name in names]


def _say_swaths(found: Found, paths: list[Path]) -> None:
    """Say wavelength and range by the product files of the swaths of the reference."""
    swaths = {path: _properties(path) for path in paths}
    wavelength = reading.only_value(
        {path: values["radarwavelength"] for path, values in swaths.items()}, "radarwavelength"
    )
    where = ", ".join(path.name for path in paths)
    found.say("geometry.wavelength_m", wavelength, f"radarwavelength in {where}")
    near = min(values["startingrange"] for values in swaths.values())
    far = max(
        values["startingrange"] + (values["numberofsamples"] - 1) * values["rangepixelsize"]
        for values in swaths.values()
    )
    found.say(
        "geometry.slant_range_m",
        round((near + far) / 2),
        f"middle of the swaths, {near:.0f} to {far:.0f}, by startingrange in {where}",
    )


def _properties(path: Path) -> dict[str, float]:
    """Return the first value of each property of a product file; all bursts of a swath share it."""
    root = reading.read_xml(path, "a product file of ISCE2")
    values: dict[str, str] = {}
    for element in root.iter("property"):
        name = (element.get("name") or "").lower()
        values.setdefault(name, _value(element))
    return {name: reading.number(values.get(name), name, path) for name in PROPERTIES}


def _value(element: ElementTree.Element) -> str:
    return (element.findtext("value") or element.text or "").strip()


def _say_angle(found: Found, folders: list[Path], grid: Grid) -> None:
    """Say the incidence angle by the first band of los.rdr, if that is on the grid of the stack."""
    key, other = "geometry.incidence_angle_deg", ""
    for path in (folder / name for folder in folders for name in VIEWS):
        if not path.is_file():
            continue
        with open_raster(path) as dataset:
            difference = read_grid(dataset).differs_from(grid)
        if not difference:
            found.say(key, str(path), "first band: incidence angle at the target")
            return
        other = f"{path} has {difference}; "
    if other:
        found.ask(key, f"{other}a raster of it on the grid of the images, or a number")


def _say_baselines(found: Found, folder: Path, dates: list[str], grid: Grid, tops: bool) -> None:
    """Say the baselines by rasters on the grid of the stack, else by text files."""
    pattern = "*/*.full.vrt"
    rasters = sorted((folder / "merged" / "baselines").glob(pattern))
    if rasters and set(dates) <= {dates_in_name(str(path), 1)[0] for path in rasters}:
        with open_raster(rasters[0]) as dataset:
            if not read_grid(dataset).differs_from(grid):
                found.say(
                    "baselines.rasters",
                    str(folder / "merged" / "baselines" / pattern),
                    "one per date; sign as it is, right for a sensor that looks to the right",
                )
                return
    table = folder / "baselines"
    if not table.is_dir():
        return
    read_baselines(table, dates)
    if tops:
        found.say(
            "baselines.csv",
            str(table),
            "Bperp of topsStack; sign as it is, right for a sensor that looks to the right",
        )
        return
    found.say("baselines.csv", str(table), "PERP_BASELINE_TOP and _BOTTOM of stripmapStack")
    _say_sign_of_stripmap(found, table)


def _say_sign_of_stripmap(found: Found, table: Path) -> None:
    path = next(iter(sorted(table.rglob("*.txt"))))
    if "PERP_BASELINE" not in reading.read_text(path, "a baseline of ISCE2"):
        raise InputError(
            f"{path}: no PERP_BASELINE_TOP in it, which stripmapStack has, and no "
            f"reference/IW*.xml beside {table}, which topsStack has; "
            "expected the files of one of both: copy the folder whole"
        )
    found.say(
        "baselines.negate",
        True,
        "mroipac's Baseline counts up and to the right, for a sensor that looks to the right; a "
        "taller target needs the other sign",
    )
