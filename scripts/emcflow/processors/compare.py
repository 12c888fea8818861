"""View and baselines of a config against what the files of its stack say themselves.

The config counts; where both differ by more than rounding and a choice of place, it is said.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from emcflow.errors import InputError
from emcflow.io.baselines import known_baselines
from emcflow.io.filenames import by_date, dates_in_name, list_rasters
from emcflow.io.raster import open_raster, read_values
from emcflow.io.sources import files_of
from emcflow.processors import dolphin, gamma, isce2, snap
from emcflow.processors.describe import find
from emcflow.processors.found import BASELINES, VIEW_KEYS, Beside, Found, Question, Value

# By how much values of the view may differ: a share, a share, degrees. Range and angle change over
# the scene, and of a number nobody says where it holds.
WAVELENGTH_SHARE = 1e-3
RANGE_SHARE = 0.02
ANGLE_DEG = 1.0
# Baselines differ by the place that they are of and by the orbits.
BPERP_M = 5.0
BPERP_SHARE = 0.05
# Rows in the middle of a raster that stand for it, and pixels of one that is thinned out.
MIDDLE_ROWS = 16
THINNED = 200
# Programs whose images lie below the folder that says what they are, and where below it.
ABOVE: dict[Callable[[Path], Found | None], tuple[str, ...]] = {
    dolphin.read: ("interferograms", "linked_phase"),
    isce2.read: ("merged/SLC", "merged/interferograms", "Igrams"),
    snap.read: ("*.data",),
    gamma.read: ("rslc*", "RSLC*", "diff*", "int*", "ifg*"),
}


def find_metadata(files: Sequence[str]) -> Found | None:
    """Find what the files of a stack, or files beside them, say of it.

    Parameters
    ----------
    files : sequence of str
        The images, by GDAL's names or those of :mod:`emcflow.io.sources`.

    Returns
    -------
    Found or None
        None where nothing is recognised.

    Raises
    ------
    InputError
        For metadata that are cut off or contradict each other.
    """
    folders = {str(Path(path).resolve().parent) for path in _places(files)}
    if not folders:
        return None
    folder = Path(os.path.commonpath(folders))
    found = find(folder)
    if len(found) > 1:
        raise InputError(
            f"{folder}: files of {' and of '.join(one.program for one in found)}; expected those "
            "of one stack: give each a folder of its own"
        )
    if found:
        return found[0]
    for above in list(folder.parents)[:2]:
        below = str(folder.relative_to(above))
        for read, names in ABOVE.items():
            if any(fnmatchcase(below, name) for name in names) and (one := read(above)):
                return one
    return None


def _places(files: Sequence[str]) -> list[str]:
    """Return the files that images are in, of virtual rasters those that these are made of."""
    found = [path for name in files for path in files_of(name)]
    if found and found[0].endswith(".vrt"):
        text = Path(found[0]).read_text(errors="replace")
        for name in re.findall(r'HDF5:"([^"]+)"', text.replace("&quot;", '"')):
            if os.path.isfile(name):
                return [name]
    return found


def metadata_remarks(
    found: Found, geometry: Mapping[str, Any], bperp_m: Mapping[str, float], cropped: bool = False
) -> list[str]:
    """Say where a config and the metadata of its stack differ.

    Parameters
    ----------
    found : Found
        From :func:`find_metadata`.
    geometry : mapping
        This section of the config: numbers, rasters or None.
    bperp_m : mapping of str to float
        Perpendicular baseline of each date [m], relative to any orbit; empty where the config has
        none.
    cropped : bool
        The run is of a part of the images; numbers for range and angle are those of this part.

    Returns
    -------
    list of str
        A sentence for each key.

    Raises
    ------
    InputError
        For rasters and tables that cannot be read.
    """
    values = {line.key: line for line in found.lines if isinstance(line, Value)}
    remarks = []
    for key in VIEW_KEYS:
        line, own = values.get(f"geometry.{key}"), geometry.get(key)
        of_part = cropped and key != "wavelength_m" and not isinstance(own, str)
        if line is not None and own is not None and not of_part:
            remarks += _of_view(found, key, own, line)
    return remarks + _of_baselines(found, values, bperp_m)


def _of_view(found: Found, key: str, own: float | str, line: Value) -> list[str]:
    """Compare a number of the view, or the middle of its raster."""
    if own == line.value:
        return []
    new = found.rasters[line.value.name] if isinstance(line.value, Beside) else None
    if new is not None:
        first = max(0, (new.grid.shape[0] - MIDDLE_ROWS) // 2)
        theirs = _median(new.rows(first, min(first + MIDDLE_ROWS, new.grid.shape[0])))
    else:
        theirs = _middle(line.value)
    mine = _middle(own)
    limit = {
        "wavelength_m": WAVELENGTH_SHARE * theirs,
        "slant_range_m": RANGE_SHARE * theirs,
        "incidence_angle_deg": ANGLE_DEG,
    }[key]
    if not abs(mine - theirs) > limit:
        return []
    shown = f"{mine:.7g}" if not isinstance(own, str) else f"{mine:.7g} in the middle of {own}"
    return [
        f"geometry.{key} is {shown} by the config, but {theirs:.7g} by {found.program} "
        f"({line.where}): the config counts; correct it there if the files are right."
    ]


def _middle(value: float | str) -> float:
    """Return a number, or the median of a raster thinned out."""
    if not isinstance(value, str):
        return float(value)
    with open_raster(value) as dataset:
        rows, cols = dataset.shape
    return _median(read_values(value, shape=(min(rows, THINNED), min(cols, THINNED))))


def _median(values: np.ndarray) -> float:
    valid = values[np.isfinite(values)]
    return float(np.median(valid)) if valid.size else float("nan")


def _of_baselines(found: Found, values: Mapping[str, Value], own: Mapping[str, float]) -> list[str]:
    """Compare the baselines of pairs of dates."""
    line = values.get("baselines.csv") or values.get("baselines.rasters")
    if line is None or not own:
        return []
    theirs = _baselines_of_pairs(found, line, sorted(own))
    pairs = [pair for pair in theirs if own.keys() >= {*pair}]
    if not pairs:
        return []
    negate = values.get("baselines.negate")
    sign = -1 if negate is not None and negate.value else 1
    mine = np.array([own[second] - own[first] for first, second in pairs])
    other = sign * np.array([theirs[pair] for pair in pairs])
    bad, bad_negated = _beyond(mine, other), _beyond(mine, -other)
    asked = any(isinstance(one, Question) and one.key == "baselines.negate" for one in found.lines)
    if asked and bad_negated.sum() < bad.sum():
        other, bad = -other, bad_negated
    if not bad.any():
        return []
    if not (asked or bad_negated.any()):
        return [
            f"baselines: those of {len(pairs)} pairs have the other sign than by {found.program} "
            f"({line.where}): the config counts; set baselines.negate to its other value if the "
            "files are right."
        ]
    worst = int(np.argmax(np.abs(mine - other)))
    return [
        f"baselines: those of {bad.sum()} of {len(pairs)} pairs differ from {found.program}'s "
        f"({line.where}), most that of {'_'.join(pairs[worst])}: {mine[worst]:.1f} m by the config "
        f"and {other[worst]:.1f} m by the files. The config counts; correct its baselines if the "
        "files are right."
    ]


def _beyond(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Tell baselines that differ by more than place and orbits explain."""
    return np.abs(one - other) > np.maximum(BPERP_M, BPERP_SHARE * np.abs(other))


def _baselines_of_pairs(
    found: Found, line: Value, dates: Sequence[str]
) -> dict[tuple[str, str], float]:
    """Return what the files say of pairs of dates [m], in the files' own sign."""
    columns = found.tables.get(BASELINES, {})
    if "reference" in columns:
        pairs = zip(columns["reference"], columns["secondary"], strict=True)
        return dict(zip(pairs, columns["bperp_m"], strict=True))
    if columns:
        of_dates = dict(zip(columns["date"], columns["bperp_m"], strict=True))
    elif line.key == "baselines.rasters":
        paths = list_rasters(line.key, None, line.value)
        named = by_date((dates_in_name(path, 1)[0], path) for path in paths)
        of_dates = {date: _middle(path) for date, path in named.items() if date in dates}
    else:
        of_dates = dict(zip(*known_baselines(line.value, dates), strict=True))
    first = min(of_dates, default="")
    return {
        (first, date): bperp - of_dates[first] for date, bperp in of_dates.items() if date != first
    }
