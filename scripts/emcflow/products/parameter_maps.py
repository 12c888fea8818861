"""Rasters of velocity, DEM error and further terms: names, units, signs and tags."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from emcflow.acquisition.geometry import MOTION_SIGNS, MOTION_TEXTS, SIGMAS, TERM_UNITS
from emcflow.acquisition.model_terms import EXTRA_SIGMAS, EXTRA_UNITS
from emcflow.io.raster import Grid, scatter, write_raster
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
    points: np.ndarray,
    values: Mapping[str, np.ndarray],
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
    points : int (npoints, 2)
        Row and column.
    values : mapping of str to float (npoints,)
        By the same names, motions positive away from the sensor. What is not in it has an empty
        raster: the dates do not constrain it.
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
    units = {name: (TERM_UNITS | EXTRA_UNITS)[name] for name in terms}
    sigmas = SIGMAS | EXTRA_SIGMAS
    signs = dict.fromkeys(units, MOTION_TEXTS[velocity_positive])
    signs |= HEIGHT_SIGNS
    layers = [(term, unit, {"SIGN": signs[term]}) for term, unit in units.items()]
    layers += [(sigmas[term], unit, {}) for term, unit in units.items()]
    layers += [(RESIDUAL, "rad", {}), (MOTION, "mm", {})]
    for name, unit, own_tags in layers:
        if name not in output:
            continue
        image = np.full(grid.shape, np.nan, np.float32)
        own = values.get(name)
        if own is not None and np.isfinite(own).any():
            moves = name in units and name not in HEIGHT_SIGNS
            own = own * MOTION_SIGNS[velocity_positive] if moves else own
            image = scatter(points, own, grid.shape)
            log.info("%s from %.3g to %.3g %s", name, np.nanmin(own), np.nanmax(own), unit)
        else:
            log.warning("%s is empty: the dates do not constrain it", name)
        write_raster(output[name], image, grid, units=unit, description=name, tags=tags | own_tags)


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
