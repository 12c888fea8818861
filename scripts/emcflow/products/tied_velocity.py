"""The map of velocities tied to GNSS stations, and a table of the stations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from emcflow.acquisition.geometry import MOTION_SIGNS
from emcflow.errors import InputError
from emcflow.io.files import Columns
from emcflow.io.gnss_table import Stations
from emcflow.io.raster import NO_LABEL_DATA, Grid, scatter
from emcflow.products.gnss import (
    NEAR_PIXELS,
    fit_tie,
    motion_at,
    station_motion,
    station_places,
    tie_remark,
)


class TiedVelocity(NamedTuple):
    """Velocities tied to stations, positive as those that were given.

    Attributes
    ----------
    velocity : float32 (rows, cols)
        [mm/yr] in the component of the stations, NaN elsewhere.
    stations : dict of str to sequence
        Columns of a table, a row per station.
    remark : str
        What was fitted, in a sentence.
    """

    velocity: np.ndarray
    stations: Columns
    remark: str


def tied_velocity(
    stations: Stations,
    velocity: np.ndarray,
    labels: np.ndarray,
    grid: Grid,
    positive: str,
    view: Mapping[str, Any] | None = None,
) -> TiedVelocity:
    """Tie a map of velocities to those of stations.

    Parameters
    ----------
    stations : Stations
    velocity : float (rows, cols)
        [mm/yr], NaN where there is none.
    labels : uint16 (rows, cols)
        Components whose velocities have a reference in common.
    grid : Grid
    positive : {"away", "toward"}
        Motion that is positive in `velocity`.
    view : mapping, optional
        See :func:`emcflow.products.gnss.station_motion`.

    Returns
    -------
    TiedVelocity

    Raises
    ------
    InputError
        Where no station has points around it.
    """
    known = np.isfinite(velocity) & (labels > 0) & (labels < NO_LABEL_DATA)
    points, toward = np.argwhere(known), -MOTION_SIGNS[positive]
    own = toward * velocity[known].astype(np.float64)
    places = station_places(stations, grid)
    gnss = station_motion(stations, places, grid.shape, view)
    insar, counts, label = motion_at(places, points, own, labels[known])
    used = np.isfinite(insar) & np.isfinite(gnss)
    if not used.any():
        raise InputError(
            f"{stations.table}: none of {len(gnss)} stations has points within {NEAR_PIXELS:g} "
            "pixels; expected at least one in the scene: check longitude and latitude, or row and "
            "col, or set reference.gnss_csv to null"
        )
    tie = fit_tie((gnss - insar)[used], places[used], np.array(stations.sigma)[used])
    inside = labels[known] == label
    tied = own[inside] + tie.at(points[inside])
    left = np.full((3, len(gnss)), np.nan)
    left[:, used] = (gnss - insar)[used] - tie.misfit, tie.misfit, tie.left_out
    columns = {
        "station": stations.names,
        "row": np.rint(places[:, 0]).astype(int),
        "col": np.rint(places[:, 1]).astype(int),
        "points": counts,
        "gnss_mm_yr": toward * gnss,
        "insar_mm_yr": toward * insar,
        "correction_mm_yr": toward * left[0],
        "misfit_mm_yr": toward * left[1],
        "left_out_mm_yr": toward * left[2],
    }
    return TiedVelocity(
        scatter(points[inside], (toward * tied).astype(np.float32), grid.shape),
        columns,
        tie_remark(tie, places[used], len(gnss), grid.shape),
    )
