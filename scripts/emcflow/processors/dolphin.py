"""dolphin's work directory: its interferograms, its config and the CSLCs that this names.

Layout: dolphin's displacement workflow (``interferograms/D1_D2.int.tif``,
``interferograms/temporal_coherence*.tif``, ``dolphin_config.yaml`` with ``cslc_file_list``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from emcflow.errors import InputError
from emcflow.io.filenames import pair_in_name
from emcflow.io.raster import map_crs, open_raster, read_grid
from emcflow.processors import opera, reading
from emcflow.processors.found import Found
from emcflow.processors.passes import say_baselines, say_view

CONFIGS = ("dolphin_config.yaml", "*dolphin*.yaml")
IMAGES = ("*.int.tif", "*.int.vrt")


def read(folder: Path) -> Found | None:
    """Describe a work directory of dolphin, None for another folder.

    Raises
    ------
    InputError
        For a config that is no YAML, and CSLCs that are cut off.
    """
    images, pattern = reading.of_first_pattern(folder / "interferograms", IMAGES)
    if not images:
        return None
    found = Found("dolphin's work directory")
    pairs = [pair_in_name(path.name) for path in images]
    firsts = {first for first, _ in pairs}
    linked = firsts == {min(min(pair) for pair in pairs)}
    found.say(
        "stack.layout",
        "phase_linked" if linked else "interferograms",
        f"{len(images)} files of {'one first date' if linked else 'several first dates'}",
    )
    found.say("stack.directory", str(images[0].parent), f"{len(images)} files {pattern}")
    if pattern != IMAGES[0]:
        found.say("stack.files", pattern, "names of these files")
    _say_coherence(found, images[0].parent)
    config = _config(folder)
    slcs = _slcs(config, folder)
    wavelength = (config.get("input_options") or {}).get("wavelength")
    if slcs:
        _say_passes(found, slcs, images[0], sorted({date for pair in pairs for date in pair}))
    elif isinstance(wavelength, int | float):
        found.say("geometry.wavelength_m", wavelength, "input_options.wavelength of its config")
    if not slcs:
        text = "the CSLCs in cslc_file_list of dolphin's config are not there; "
        found.ask("baselines.csv", f"{text}bring them back, or give a table of baselines")
    return found


def _say_coherence(found: Found, folder: Path) -> None:
    names = sorted(folder.glob("temporal_coherence*.tif"))
    average = [path for path in names if "average" in path.name] or names
    if len(average) == 1:
        found.say("stack.temporal_coherence", str(average[0]), "the one of its name")
    else:
        found.ask(
            "stack.temporal_coherence",
            f"{len(average)} files temporal_coherence*.tif in {folder}; the one of all dates",
        )


def _config(folder: Path) -> dict[str, Any]:
    path = reading.first_there([folder, folder.parent], *CONFIGS)
    if path is None:
        return {}
    try:
        config = yaml.safe_load(reading.read_text(path, "dolphin's config"))
    except (yaml.YAMLError, ValueError, RecursionError):
        config = None
    if not isinstance(config, dict) or not isinstance(config.get("input_options") or {}, dict):
        raise InputError(
            f"{path}: no config of dolphin's; expected its keys in YAML: copy it again or remove it"
        )
    return config


def _slcs(config: dict[str, Any], folder: Path) -> list[Path]:
    """Return the CSLCs that a config of dolphin's names, those that are there."""
    names = config.get("cslc_file_list") or []
    if not isinstance(names, list):
        return []
    slcs = []
    for name in map(str, names):
        places = (base / name for base in (Path(), folder, folder.parent))
        path = next((path for path in places if path.is_file()), None)
        if path and opera.is_cslc(path):
            slcs.append(path)
    return slcs


def _say_passes(found: Found, slcs: list[Path], image: Path, dates: list[str]) -> None:
    """Say view and baselines by the orbits of the CSLCs of the burst that has the most dates."""
    by_burst: dict[str, list[opera.Cslc]] = {}
    for path in slcs:
        one = opera.read_cslc(path)
        by_burst.setdefault(one.burst, []).append(one)
    burst = max(sorted(by_burst), key=lambda name: len(by_burst[name]))
    by_date = opera.one_per_date(by_burst[burst])
    missing = [date for date in dates if date not in by_date]
    first = by_date[min(by_date)]
    say = f"CSLCs of burst {burst}"
    found.say("geometry.wavelength_m", first.wavelength_m, f"{say}: {first.path.name}")
    place = _middle(image) or first.place
    say_view(found, first.orbit, place, 0.0, first.path.name)
    if missing:
        found.ask(
            "baselines.csv", f"no CSLC of burst {burst} for {', '.join(missing)}; a table with all"
        )
        return
    say_baselines(found, {date: one.orbit for date, one in by_date.items()}, place, say)


def _middle(image: Path) -> tuple[float, float] | None:
    """Return latitude and longitude of the middle of an image, None for one without a map."""
    with open_raster(image) as dataset:
        grid = read_grid(dataset)
    if grid.crs is None or map_crs(grid.crs) is None:
        return None
    return opera.geographic(grid.crs, grid.corners().mean(axis=1).tolist(), image)
