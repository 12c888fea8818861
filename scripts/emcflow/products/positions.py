"""Where scatterers really are: points of a DEM that is not at their height lie beside them.

References
----------
Hanssen, R. F. (2001), Radar Interferometry: Data Interpretation and Error Analysis, Kluwer: section
2.1, range and azimuth of a target.
Dheenathayalan, P., D. Small, A. Schubert, and R. F. Hanssen (2016), High-precision positioning of
radar scatterers, Journal of Geodesy, 90(5), 403-422: the height of a scatterer moves it across the
track, by height over the tangent of the incidence angle.
Snyder, J. P. (1987), Map projections: a working manual, USGS Professional Paper 1395, equation 4-18
and that after it: radii of curvature of the ellipsoid.
"""

from __future__ import annotations

import numpy as np

__all__ = ["corrected_positions", "look_vector"]

# The ellipsoid of WGS 84: semi-major axis [m] and the square of its eccentricity.
SEMI_MAJOR_M = 6_378_137.0
ECCENTRICITY_SQUARED = 6.69437999014e-3
# From the flight direction to where the antenna looks [degrees, clockwise].
LOOKS = {"right": 90.0, "left": -90.0}


def look_vector(
    incidence_angle_deg: np.ndarray | float, heading_deg: float, looks: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the unit vector from the ground to the sensor.

    Parameters
    ----------
    incidence_angle_deg : float or ndarray of float
        At the target [degrees].
    heading_deg : float
        Direction of flight, clockwise from north [degrees].
    looks : {'right', 'left'}
        Side of the flight direction to which the antenna looks.

    Returns
    -------
    east, north, up : ndarray of float64
        Of the shape of the angles. A motion times it is the motion toward the sensor.
    """
    incidence, away = np.radians(incidence_angle_deg), np.radians(heading_deg + LOOKS[looks])
    across = -np.sin(incidence)
    return across * np.sin(away), across * np.cos(away), np.cos(incidence)


def corrected_positions(
    longitude: np.ndarray,
    latitude: np.ndarray,
    dem_error_m: np.ndarray,
    incidence_angle_deg: np.ndarray | float,
    heading_deg: float,
    looks: str = "right",
) -> tuple[np.ndarray, np.ndarray]:
    """Shift points by their DEM error.

    A pixel was put onto the DEM at its range. A target that stands higher by h at the same range is
    h / tan(incidence) farther from the sensor, across the track; one below the DEM is nearer.

    Parameters
    ----------
    longitude, latitude : ndarray of float64, shape (npoints,)
        WGS 84 [degrees].
    dem_error_m : ndarray of float, shape (npoints,)
        Positive where the target stands above the DEM [m].
    incidence_angle_deg : float or ndarray of float, shape (npoints,)
        At the target [degrees].
    heading_deg : float
        Direction of flight, clockwise from north [degrees].
    looks : {'right', 'left'}
        Side of the flight direction to which the antenna looks.

    Returns
    -------
    longitude, latitude : ndarray of float64, shape (npoints,)
        [degrees]; NaN where the DEM error is.
    """
    away = np.radians(heading_deg + LOOKS[looks])
    shift_m = np.asarray(dem_error_m, np.float64) / np.tan(np.radians(incidence_angle_deg))
    phi = np.radians(latitude)
    curved = 1 - ECCENTRICITY_SQUARED * np.sin(phi) ** 2
    across = SEMI_MAJOR_M / np.sqrt(curved)  # in the prime vertical
    along = across * (1 - ECCENTRICITY_SQUARED) / curved  # in the meridian
    east, north = shift_m * np.sin(away), shift_m * np.cos(away)
    return (
        longitude + np.degrees(east / (across * np.cos(phi))),
        latitude + np.degrees(north / along),
    )
