"""What the config says about the input: which files, what they are turned into before the work."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emcflow.acquisition.geometry import RASTER_KEYS
from emcflow.errors import InputError
from emcflow.io.filenames import (
    by_date,
    check_braces,
    dates_in_name,
    last_date_in_name,
    list_rasters,
)
from emcflow.io.interferograms import Interferograms, find_interferograms
from emcflow.io.raster import local_file
from emcflow.io.sources import files_of
from emcflow.io.stack import Stack, find_coherence, find_dates, phase_linked_stack
from emcflow.products.selection import coherence_of_dispersion


@dataclass(frozen=True)
class PointSource:
    """What the points are chosen by, where that is not the coherence of the stack as it is.

    Parameters
    ----------
    kind : {'temporal_coherence', 'amplitude_dispersion', 'mask'}
    raster : str
        Temporal coherence or amplitude dispersion; empty: from the stack, or the mask alone.
    mask : str or None
        Raster that is 0 or NaN where no points may be.
    window : tuple of int or None
        The part of `raster` and `mask` that is the scene.
    cropped : bool
        `raster` is of the window alone.
    """

    kind: str
    raster: str
    mask: str | None
    window: tuple[int, int, int, int] | None
    cropped: bool


@dataclass(frozen=True)
class Inputs:
    """The input of a run.

    Parameters
    ----------
    stack : Stack
        What all later steps read; files of `output_dir` where they are made first.
    min_coherence : float
        A pixel is a point where the coherence of `stack` is above it.
    points : PointSource or None
        What the coherence of `stack` is made of; None where it is given.
    interferograms : Interferograms or None
        What the files of `stack` are made of; None where they are given.
    """

    stack: Stack
    min_coherence: float
    points: PointSource | None = None
    interferograms: Interferograms | None = None

    @property
    def images(self) -> list[str]:
        """Return the images that were handed in."""
        given = self.interferograms or self.stack
        return [file for file in given.files if file]

    @property
    def image_names(self) -> list[str]:
        """Return the date of each file of the stack, as ``stack.exclude`` takes it."""
        return [date for date, file in zip(self.stack.dates, self.stack.files, strict=True) if file]


def find_inputs(stack: dict[str, Any], output_dir: str) -> Inputs:
    """Find the files that the section ``stack`` of the config names.

    Parameters
    ----------
    stack : dict
        The section, complete and checked.
    output_dir : str
        Folder of the results.

    Returns
    -------
    Inputs

    Raises
    ------
    InputError
        See :func:`emcflow.io.stack.find_stack` and
        :func:`emcflow.io.interferograms.find_interferograms`.
    """
    directory, layout = stack["directory"], stack["layout"]
    window = tuple(stack["window"]) if stack["window"] else None
    # YAML takes a pair of dates without quotes for a number, and leaves its underscore out
    exclude = [
        f"{name[:8]}_{name[-8:]}" if len(name) > 8 else name for name in stack.get("exclude", ())
    ]
    variable = stack.get("variable")
    interferograms = None
    if layout == "interferograms":
        interferograms = find_interferograms(
            directory, stack["files"], exclude, variable, stack.get("pair_coherence")
        )
        linked = phase_linked_stack(f"{output_dir}/stack/linked", None, interferograms.dates)
        dates, files = linked.dates, linked.files
    else:
        dates, files = find_dates(directory, layout, stack["files"], exclude, variable)
    kind, raster = _point_raster(stack)
    cropped = False
    if interferograms is not None and kind == "temporal_coherence" and raster is None:
        if not interferograms.redundant and not interferograms.coherences:
            raise InputError(
                f"stack: {len(interferograms.files)} interferograms of {len(dates)} dates form no "
                "loops, so their agreement tells nothing of the points; set stack.points to mask, "
                "give stack.pair_coherence, stack.temporal_coherence, or more interferograms"
            )
        raster, cropped = linked.coherence, True
    _check_exist(stack, ("amplitude_dispersion", "mask", "longitude_deg", "latitude_deg"))
    given = kind == "temporal_coherence" and stack["mask"] is None
    points, coherence = None, raster or ""
    if not (given and (window is None or cropped) and local_file(coherence)):
        points = PointSource(kind, raster or "", stack["mask"], window, cropped)
        coherence = f"{output_dir}/stack/points.tif"
    limit = {
        "temporal_coherence": stack["min_temporal_coherence"],
        "amplitude_dispersion": float(coherence_of_dispersion(stack["max_amplitude_dispersion"])),
        "mask": 0.5,
    }[kind]
    if interferograms is not None:
        layout, window = "phase_linked", None
    return Inputs(Stack(layout, dates, files, coherence, window), limit, points, interferograms)


def baseline_rasters(names: str | list[str] | None, dates: tuple[str, ...]) -> dict[str, str]:
    """Return the raster of the perpendicular baseline of each date, none where none are named.

    Raises
    ------
    InputError
        For names without a date, two of a date, or dates without one.
    """
    if names is None:
        return {}
    paths = list_rasters("baselines.rasters", None, names)
    found = by_date(((dates_in_name(path, 1)[0], path) for path in paths), "baselines.rasters")
    missing = [date for date in dates if date not in found]
    if missing:
        raise InputError(
            f"baselines.rasters: none for {len(missing)} of {len(dates)} dates of the stack "
            f"({', '.join(missing)}); expected one for each, of zeros for the reference of all: "
            "add them"
        )
    return {date: found[date] for date in dates}


def sigma_rasters(stack: dict[str, Any], dates: tuple[str, ...]) -> tuple[str, ...]:
    """Return the raster of the noise of each date; the first may be without, all others relative.

    Raises
    ------
    InputError
        For names without a date, two of a date, or later dates without one.
    """
    if stack.get("sigma") is None:
        return ()
    paths = list_rasters("stack.sigma", stack["directory"], stack["sigma"])
    found = by_date(((last_date_in_name(path), path) for path in paths), "stack.sigma")
    missing = [date for date in dates[1:] if date not in found]
    if missing:
        raise InputError(
            f"stack.sigma: none for {len(missing)} of {len(dates)} dates of the stack "
            f"({', '.join(missing)}); expected one for each but the first: add them, or leave the "
            "dates out (stack.exclude)"
        )
    return tuple(found.get(date, "") for date in dates)


def view_rasters(geometry: dict[str, Any]) -> dict[str, str]:
    """Return the rasters of the section ``geometry`` by their keys.

    Raises
    ------
    InputError
        For one that does not exist.
    """
    found = {key: geometry[key] for key in RASTER_KEYS if isinstance(geometry[key], str)}
    for key, path in found.items():
        if local_file(path) and not Path(path).exists():
            raise InputError(
                f"geometry.{key}: {path} does not exist; expected a number, or a raster on the "
                "grid of the stack: correct the path"
            )
    return found


def local_files(names: Iterable[str | None]) -> list[str]:
    """Return the files that Snakemake can watch, also those that images are inside of."""
    found: list[str] = []
    for name in filter(None, names):
        found += [name] if local_file(name) else filter(os.path.isfile, files_of(name))
    return list(dict.fromkeys(found))


def _point_raster(stack: dict[str, Any]) -> tuple[str, str | None]:
    """Return what points are chosen by, and its raster; None: to be computed, or the mask."""
    kind, directory = stack["points"], stack["directory"]
    coherence, dispersion = stack["temporal_coherence"], stack["amplitude_dispersion"]
    usual = directory is not None and (Path(directory) / "temporal_coherence.tif").exists()
    if kind == "auto":
        if coherence is None and dispersion is not None:
            kind = "amplitude_dispersion"
        elif coherence is not None or usual or stack["layout"] != "slc":
            kind = "temporal_coherence"
        else:
            kind = "amplitude_dispersion"
    if kind == "temporal_coherence":
        if stack["layout"] == "interferograms" and coherence is None and not usual:
            return kind, None
        return kind, find_coherence(directory, coherence)
    return kind, dispersion if kind == "amplitude_dispersion" else None


def _check_exist(stack: dict[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        path = stack.get(key)
        if path is None or not local_file(path):
            continue
        if not Path(path).exists():
            raise InputError(
                f"stack.{key}: {path} does not exist; expected a raster on the grid of the stack: "
                "correct the path"
            )
        check_braces(path)
