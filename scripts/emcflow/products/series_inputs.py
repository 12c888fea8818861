"""What the rules of the time series read of the view and of the DEM error, window by window."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.windows import Window

from emcflow.io.date_strips import DateStrips
from emcflow.io.network_tables import read_design
from emcflow.io.point_windows import PointWindow
from emcflow.io.raster import open_raster, read_band
from emcflow.products.motion_phase import MotionPhase
from emcflow.products.reference import read_references

log = logging.getLogger(__name__)


def point_view(path: str | Path, window: PointWindow) -> np.ndarray:
    """Read what the view of the points of a window differs by, (2, npoints)."""
    row0, col0, row1, col1 = window.bounds
    with open_raster(path) as dataset:
        bands = dataset.read(window=Window(col0, row0, col1 - col0, row1 - row0))
    return bands[:, window.inside()]


def dem_error_units(path: str | Path, view: str | Path | None, window: PointWindow) -> np.ndarray:
    """Read the DEM error of the points of a window, and what it leaks into, (n, npoints)."""
    dem_error = read_band(path, window.bounds)[window.inside()][None]
    return point_view(view, window) * dem_error if view else dem_error


def series_reference(asked: Sequence[int] | None, references: str | Path) -> Sequence[int]:
    """Return the area that series are relative to where one is asked for, else their point."""
    if asked is not None and len(asked) == 4:
        return asked
    return read_references(references)[1]


def motion_phase(
    phase: DateStrips,
    given: Mapping[str, Any],
    params: Any,
    reference: Sequence[int],
    dem_error: str | Path | None,
    folder: str | Path,
) -> MotionPhase:
    """Return the phase of the motion, with the phase of the DEM error or without it.

    Parameters
    ----------
    phase : DateStrips
    given : mapping
        Inputs of the rule: ``design`` and ``point_view``, where they are needed.
    params
        ``remove_dem_error`` and ``terms`` of the rule.
    reference : sequence of int
        Row and column of a point, or an area.
    dem_error : path or None
        Map of the DEM error.
    folder : path
        Where there is room for temporary files.
    """
    if not (params.remove_dem_error and dem_error):
        return MotionPhase(phase, reference)
    view = given.get("point_view") or None
    units = partial(dem_error_units, dem_error, None)
    if not any(np.isfinite(units(window)).any() for window in phase.points.windows):
        log.warning("the dates do not constrain the DEM error: it is not taken out")
        return MotionPhase(phase, reference)
    names = [params.terms[1]]
    if view:
        names.append("velocity_mm_yr")  # what the DEM error leaks into
    rad_per_unit = read_design(given["design"]).of_dates(names)
    return MotionPhase(
        phase, reference, rad_per_unit, partial(dem_error_units, dem_error, view), folder
    )
