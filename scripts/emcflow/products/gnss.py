"""Velocities tied to those of GNSS stations: an offset and a ramp, and what is left at stations.

Velocities of interferograms are relative, and errors of orbits and the troposphere tilt them over
long distances. Stations say what is missing: the difference of both, fitted by a plane.

References
----------
Hanssen, R. F. (2001), Radar Interferometry: Data Interpretation and Error Analysis, Kluwer, section
5.1: motion along the line of sight from that along three axes.
Bekaert, D. P. S., B. D. Hamlington, B. Buzzanga, and C. E. Jones (2017), Spaceborne synthetic
aperture radar survey of subsidence in Hampton Roads, Virginia (USA), Sci. Rep. 7, 14752: velocities
of interferograms tied to GNSS.
Cook, R. D., and S. Weisberg (1982), Residuals and Influence in Regression, Chapman and Hall,
section 2.2: residuals of what was left out, without fitting again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio import Affine
from rasterio.warp import transform

from emcflow.acquisition.geometry import check_limits
from emcflow.errors import InputError
from emcflow.io.gnss_table import Stations
from emcflow.io.raster import Grid, map_crs, read_values
from emcflow.products.positions import look_vector

__all__ = [
    "Tie",
    "fit_tie",
    "motion_at",
    "station_motion",
    "station_places",
    "tie_remark",
    "toward_sensor",
    "windows_around",
]

# A plane needs three stations, and one more to be checked by.
PLANE_STATIONS = 4
# Singular values of the places of stations, in parts of the largest: less is a line.
LEAST_SPREAD = 0.1
# A station takes the median of so many points, at most so many pixels away.
NEAREST_POINTS = 25
NEAR_PIXELS = 10.0


@dataclass(frozen=True)
class Tie:
    """What velocities lack.

    Attributes
    ----------
    coefficients : float64 (3,)
        At row 0 and column 0, per row and per column [mm/yr].
    has_ramp : bool
        Whether the last two were fitted; else they are 0.
    misfit : float64 (nstations,)
        Station minus tied velocity [mm/yr].
    left_out : float64 (nstations,)
        The same by a fit to all other stations [mm/yr]; NaN where these do not suffice.
    """

    coefficients: np.ndarray
    has_ramp: bool
    misfit: np.ndarray
    left_out: np.ndarray

    def at(self, places: np.ndarray) -> np.ndarray:
        """Return what is to be added at rows and columns (n, 2), float64 (n,) [mm/yr]."""
        return self.coefficients[0] + places @ self.coefficients[1:]


def station_places(stations: Stations, grid: Grid) -> np.ndarray:
    """Return row and column of each station, float64 (nstations, 2); whole at centres of pixels.

    Raises
    ------
    InputError
        For longitudes and latitudes where the scene is not on a map.
    """
    if not stations.in_degrees:
        return np.array(stations.places, np.float64)
    crs = map_crs(grid.crs)
    if crs is None:
        raise InputError(
            f"{stations.table}: longitude and latitude of stations, and the scene is in radar "
            "coordinates; expected the columns row and col: give these instead"
        )
    x, y = transform("EPSG:4326", crs, *np.transpose(stations.places))
    matrix = np.reshape(tuple(~Affine(*grid.transform))[:6], (2, 3))
    col, row = matrix @ [x, y, np.ones(len(x))]
    return np.column_stack([row, col]) - 0.5


def station_motion(
    stations: Stations,
    places: np.ndarray,
    shape: Sequence[int],
    view: Mapping[str, Any] | None,
) -> np.ndarray:
    """Return the motion of each station toward the sensor.

    Parameters
    ----------
    stations : Stations
    places : ndarray of float, shape (nstations, 2)
        Row and column.
    shape : sequence of int
        Rows and columns of the scene.
    view : mapping or None
        ``heading_deg``, ``looks`` and ``incidence_angle_deg``, a number or a raster of which
        ``window`` is the scene; of stations whose motion is along three axes.

    Returns
    -------
    ndarray of float64, shape (nstations,)
        [mm/yr]; NaN where a raster has no angle.
    """
    velocities = np.array(stations.velocities)
    if view is None:
        return velocities[:, 0] * (1 if stations.velocity_names == ["toward_mm_yr"] else -1)
    angle = view["incidence_angle_deg"]
    if isinstance(angle, str):
        angle = _angles_at(angle, places, shape, view["window"])
    return toward_sensor(velocities, angle, view["heading_deg"], view["looks"])


def _angles_at(
    path: str, places: np.ndarray, shape: Sequence[int], window: Sequence[int] | None
) -> np.ndarray:
    """Return the values of a raster of angles at the pixels of stations, NaN where it has none."""
    first, found = (window or (0, 0))[:2], np.full(len(places), np.nan)
    for number, place in enumerate(np.rint(places).astype(int)):
        if ((place >= 0) & (place < shape)).all():
            row, col = (place + np.array(first)).tolist()
            value = read_values(path, (row, col, row + 1, col + 1))[0, 0]
            found[number] = np.nan if value == 0 else value
    known = found[np.isfinite(found)]
    if len(known):
        check_limits(path, "incidence_angle_deg", float(known.min()), float(known.max()))
    return found


def toward_sensor(
    velocities: np.ndarray, incidence_angle_deg: np.ndarray | float, heading_deg: float, looks: str
) -> np.ndarray:
    """Return motion toward the sensor from that to the east, to the north and up.

    Parameters
    ----------
    velocities : ndarray of float, shape (n, 3)
        East, north, up.
    incidence_angle_deg : ndarray of float, shape (n,), or float
    heading_deg, looks
        See :func:`emcflow.products.positions.look_vector`.

    Returns
    -------
    ndarray of float64, shape (n,)
        In the unit of `velocities`.
    """
    vector = look_vector(incidence_angle_deg, heading_deg, looks)
    east, north, up = np.transpose(velocities)
    return east * vector[0] + north * vector[1] + up * vector[2]


def motion_at(
    stations: np.ndarray, points: np.ndarray, values: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the velocity of the points around each station.

    Parameters
    ----------
    stations : ndarray of float, shape (nstations, 2)
        Row and column.
    points : ndarray of int, shape (npoints, 2)
        Row and column, row by row, those around the stations at least.
    values : ndarray of float, shape (npoints,)
    labels : ndarray of int, shape (npoints,)
        Connected components, which have no reference in common.

    Returns
    -------
    values : ndarray of float64, shape (nstations,)
        Median of the nearest points; NaN where there are none.
    counts : ndarray of int64, shape (nstations,)
        How many there are.
    label : int
        The component of these points: the one that the most stations are in; 0 without any.
    """
    nearest = [_nearest(station, points) for station in stations]
    first = [near[0] for near in nearest if len(near)]
    if not first:
        return np.full(len(stations), np.nan), np.zeros(len(stations), np.int64), 0
    label = int(np.bincount(labels[first]).argmax())
    own = [near[labels[near] == label][:NEAREST_POINTS] for near in nearest]
    found = [np.median(values[near]) if len(near) else np.nan for near in own]
    return np.array(found), np.array([len(near) for near in own]), label


def _nearest(station: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the points less than `NEAR_PIXELS` away, the nearest first, of equals the first."""
    apart = np.hypot(*(points - station).T)
    near = np.flatnonzero(apart < NEAR_PIXELS)
    return near[np.argsort(apart[near], kind="stable")]


def windows_around(places: np.ndarray, shape: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the bounds that hold the points around each station, where it is in or near the scene.

    Parameters
    ----------
    places : ndarray of float, shape (nstations, 2)
        Row and column.
    shape : sequence of int
        Rows and columns of the scene.
    """
    for place in places:
        low = np.clip(np.floor(place - NEAR_PIXELS), 0, shape).astype(int)
        high = np.clip(np.ceil(place + NEAR_PIXELS) + 1, 0, shape).astype(int)
        if (low < high).all():
            yield int(low[0]), int(low[1]), int(high[0]), int(high[1])


def fit_tie(difference: np.ndarray, places: np.ndarray, sigma: np.ndarray) -> Tie:
    """Fit what velocities lack at stations: an offset, and a ramp where they suffice for one.

    Weighted least squares. There is a ramp with at least `PLANE_STATIONS` that are not on a line.

    Parameters
    ----------
    difference : ndarray of float, shape (nstations,)
        Station minus interferograms [mm/yr].
    places : ndarray of float, shape (nstations, 2)
        Row and column.
    sigma : ndarray of float, shape (nstations,)
        Standard deviation of the differences, in any unit.

    Returns
    -------
    Tie
    """
    middle = places.mean(axis=0)
    spread = np.linalg.svd(places - middle, compute_uv=False)
    flat = len(places) < PLANE_STATIONS or spread[1] < LEAST_SPREAD * spread[0]
    design = np.column_stack([np.ones(len(places)), places - middle])[:, : 1 if flat else 3]
    weighted = design / sigma[:, None]
    inverse = np.linalg.pinv(weighted)
    fitted = inverse @ (difference / sigma)
    misfit = difference - design @ fitted
    spare = 1 - np.einsum("sk,ks->s", weighted, inverse)
    left_out = np.full(len(misfit), np.nan)
    np.divide(misfit, spare, out=left_out, where=spare > 1e-9)
    slopes = np.zeros(2) if flat else fitted[1:]
    offset = fitted[0] - middle @ slopes
    return Tie(np.array([offset, *slopes]), not flat, misfit, left_out)


def tie_remark(tie: Tie, places: np.ndarray, nstations: int, shape: Sequence[int]) -> str:
    """Say what was fitted to how many stations of a table, and how well.

    Parameters
    ----------
    tie : Tie
    places : ndarray of float, shape (n, 2)
        Row and column of the stations that were used.
    nstations : int
        Of the table.
    shape : sequence of int
        Rows and columns of the scene.

    Returns
    -------
    str
    """
    offset = float(tie.at(places).mean())
    said = f"gnss/velocity_mm_yr.tif is tied to {len(places)} of {nstations} GNSS stations: offset "
    said += f"{offset:+.1f} mm/yr toward the sensor"
    if tie.has_ramp:
        ramp = np.hypot(*(tie.coefficients[1:] * shape))
        said += f", ramp of {ramp:.1f} mm/yr over the scene"
    if not np.isfinite(tie.left_out).any():
        return f"{said}; nothing checks it, since there are no more stations"
    misfit, left_out = (np.sqrt(np.nanmean(each**2)) for each in (tie.misfit, tie.left_out))
    return f"{said}; misfit {misfit:.1f} mm/yr, and {left_out:.1f} mm/yr at stations left out"
