"""Rasters of velocity, DEM error and further terms: names, units, signs and tags."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from emcflow.acquisition.geometry import MOTION_SIGNS, MOTION_TEXTS
from emcflow.acquisition.model_terms import sigma_name, term_unit
from emcflow.io.point_windows import PointWindow, PointWindows, ValuesOf
from emcflow.io.raster import Grid
from emcflow.tiles.reference_area import area_text

log = logging.getLogger(__name__)
RESIDUAL = "residual_phase_rad"
MOTION = "residual_motion_mm"
HEIGHT_SIGNS = {
    "dem_error_m": "positive where the target stands above the DEM",
    "height_relative": "positive either above or below the DEM: their sign is not known",
}


def write_parameter_maps(
    output: Mapping[str, str],
    grid: Grid,
    points: PointWindows,
    values: Mapping[str, ValuesOf],
    *,
    terms: Sequence[str],
    tags: Mapping[str, str],
    velocity_positive: str,
    correlation: float | None,
) -> None:
    """Write the maps of all terms, their standard deviations and what they leave of the phase.

    Parameters
    ----------
    output : mapping of str to str
        Path of each raster by its name, as ``velocity_mm_yr``; those there are.
    grid : Grid
    points : PointWindows
    values : mapping of str to callable
        By the same names, what returns the values of the points of a window, motions positive away
        from the sensor. What is not in it has an empty raster: the dates do not constrain it.
    terms : sequence of str
        Velocity and height, in metres or relative, and further terms.
    tags : mapping of str to str
        From `map_tags`.
    velocity_positive : {"away", "toward"}
        Motion that is to be positive.
    correlation : float or None
        Of the errors of velocity and DEM error, positive away.
    """
    tags = dict(tags)
    if correlation is not None:
        correlation *= MOTION_SIGNS[velocity_positive]
        tags["CORRELATION"] = f"{correlation:.3f}"
        log.info("errors of %s and %s have correlation %.2f", *terms[:2], correlation)
    units = {name: term_unit(name) for name in terms}
    signs = dict.fromkeys(units, MOTION_TEXTS[velocity_positive])
    signs |= HEIGHT_SIGNS
    layers = [(term, unit, {"SIGN": signs[term]}) for term, unit in units.items()]
    layers += [(sigma_name(term), unit, {}) for term, unit in units.items()]
    layers += [(RESIDUAL, "rad", {}), (MOTION, "mm", {})]
    for name, unit, own_tags in layers:
        if name not in output:
            continue
        moves = name in units and name not in HEIGHT_SIGNS
        own = partial(_signed, values.get(name), MOTION_SIGNS[velocity_positive] if moves else 1)
        low, high = _extremes(points, own)
        if np.isfinite(low):
            log.info("%s from %.3g to %.3g %s", name, low, high, unit)
        else:
            log.warning("%s is empty: the dates do not constrain it", name)
        points.write(output[name], grid, own, units=unit, description=name, tags=tags | own_tags)


def map_tags(
    reference: Sequence[int] | None, geometry: Mapping[str, str | float | None]
) -> dict[str, str]:
    """Tags of the maps: what values are relative to, and the geometry of their phase.

    Parameters
    ----------
    reference : sequence of int or None
        Point or area that values are relative to, None for the median.
    geometry : mapping
        Of the config.
    """
    tags = {"REFERENCE": area_text(reference) if reference else "median"}
    known = {name: value for name, value in geometry.items() if value is not None}
    for name, value in known.items():
        tags[name.upper()] = value if isinstance(value, str) else f"{value:.12g}"
    return tags


def _signed(values: ValuesOf | None, sign: float, window: PointWindow) -> np.ndarray:
    """Return values of a window times a sign, NaN where there are none."""
    if values is None:
        return np.full(window.npoints, np.nan)
    found = values(window)
    return found if sign == 1 else found * sign


def _extremes(points: PointWindows, values: ValuesOf) -> tuple[float, float]:
    """Return the smallest and the largest value of all points, NaN where there is none."""
    low = high = np.nan
    for window in points.windows:
        own = values(window)
        low = np.fmin(low, np.fmin.reduce(own, initial=np.nan))
        high = np.fmax(high, np.fmax.reduce(own, initial=np.nan))
    return float(low), float(high)
