"""The map of velocities tied to GNSS stations, and a table of the stations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from emcflow.acquisition.geometry import MOTION_SIGNS
from emcflow.errors import InputError
from emcflow.io.files import Columns
from emcflow.io.gnss_table import Stations
from emcflow.io.raster import NO_LABEL_DATA, Grid, ReadRows, read_band
from emcflow.products.gnss import (
    NEAR_PIXELS,
    fit_tie,
    motion_at,
    station_motion,
    station_places,
    tie_remark,
    windows_around,
)


class TiedVelocity(NamedTuple):
    """Velocities tied to stations, positive as those that were given.

    Attributes
    ----------
    velocity : callable
        Returns rows of the map [mm/yr] in the component of the stations, NaN elsewhere; see
        :data:`emcflow.io.raster.ReadRows`.
    stations : dict of str to sequence
        Columns of a table, a row per station.
    remark : str
        What was fitted, in a sentence.
    """

    velocity: ReadRows
    stations: Columns
    remark: str


def tied_velocity(
    stations: Stations,
    velocity: str,
    labels: str,
    grid: Grid,
    positive: str,
    view: Mapping[str, Any] | None = None,
) -> TiedVelocity:
    """Tie a map of velocities to those of stations.

    Parameters
    ----------
    stations : Stations
    velocity : path
        Raster [mm/yr], NaN where there is none.
    labels : path
        Raster of components whose velocities have a reference in common.
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
    toward, places = -MOTION_SIGNS[positive], station_places(stations, grid)
    gnss = station_motion(stations, places, grid.shape, view)
    points, own, components = _points_around(places, velocity, labels, grid.shape)
    insar, counts, label = motion_at(places, points, toward * own, components)
    used = np.isfinite(insar) & np.isfinite(gnss)
    if not used.any():
        raise InputError(
            f"{stations.table}: none of {len(gnss)} stations has points within {NEAR_PIXELS:g} "
            "pixels; expected at least one in the scene: check longitude and latitude, or row and "
            "col, or set reference.gnss_csv to null"
        )
    tie = fit_tie((gnss - insar)[used], places[used], np.array(stations.sigma)[used])
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

    def tied_rows(first: int, end: int) -> np.ndarray:
        bounds = first, 0, end, grid.shape[1]
        values = read_band(velocity, bounds)
        inside = np.isfinite(values) & (read_band(labels, bounds) == label)
        tied = toward * values[inside].astype(np.float64)
        tied += tie.at(np.argwhere(inside) + np.array([first, 0]))
        image = np.full(values.shape, np.nan, np.float32)
        image[inside] = toward * tied
        return image

    return TiedVelocity(tied_rows, columns, tie_remark(tie, places[used], len(gnss), grid.shape))


def _points_around(
    places: np.ndarray, velocity: str, labels: str, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points around stations, row by row: their places, velocities and components."""
    points, values, components = [np.empty((0, 2), int)], [np.empty(0)], [np.empty(0, int)]
    for bounds in windows_around(places, shape):
        own, label = read_band(velocity, bounds), read_band(labels, bounds)
        known = np.isfinite(own) & (label > 0) & (label < NO_LABEL_DATA)
        points.append(np.argwhere(known) + bounds[:2])
        values.append(own[known].astype(np.float64))
        components.append(label[known].astype(int))
    # windows may overlap
    found, once = np.unique(np.concatenate(points), axis=0, return_index=True)
    return found, np.concatenate(values)[once], np.concatenate(components)[once]
