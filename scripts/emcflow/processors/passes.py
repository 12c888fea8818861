"""View and baselines of a stack from the orbits of its passes."""

from __future__ import annotations

import math
from collections.abc import Mapping

from emcflow.acquisition.orbits import (
    Orbit,
    abeam,
    incidence_angle_deg,
    perpendicular_baseline_m,
    target_position,
)
from emcflow.processors.found import Found

SIGN = (
    "perpendicular baselines at the middle of the scene from the state vectors; sign by geometry, "
    "a taller target has a positive DEM error"
)


def incidence_on_sphere_deg(
    earth_radius_m: float, height_m: float, slant_range_m: float
) -> float | None:
    """Return the incidence angle by the law of cosines: Earth's centre, target and sensor.

    Parameters
    ----------
    earth_radius_m : float
        At the target [m].
    height_m : float
        Of the sensor above that sphere [m].
    slant_range_m : float
        From sensor to target [m].

    Returns
    -------
    float or None
        Degrees, to a hundredth; None where the three make no triangle.
    """
    to_sensor = earth_radius_m + height_m
    product = 2 * earth_radius_m * slant_range_m
    cosine = (to_sensor**2 - earth_radius_m**2 - slant_range_m**2) / product if product else 2.0
    return round(math.degrees(math.acos(cosine)), 2) if abs(cosine) < 1 else None


def say_view(
    found: Found, orbit: Orbit, place: tuple[float, float], height_m: float, where: str
) -> None:
    """Say slant range and incidence angle in the middle of the scene, where not said yet.

    Parameters
    ----------
    found : Found
    orbit : Orbit
        Of the first date.
    place : tuple of float
        Latitude and longitude of the middle [degree].
    height_m : float
        Of the ground there, above the ellipsoid [m].
    where : str
        Files of the orbit.
    """
    said = {line.key for line in found.lines}
    seen = abeam(orbit, target_position(*place, height_m))
    middle = f"middle of the scene ({place[0]:.4f}, {place[1]:.4f}), from the orbit in {where}"
    if "geometry.slant_range_m" not in said:
        found.say("geometry.slant_range_m", round(seen.slant_range_m), middle)
    if "geometry.incidence_angle_deg" not in said:
        angle = incidence_angle_deg(seen.position_m, *place)
        found.say("geometry.incidence_angle_deg", round(angle, 3), middle)


def say_baselines(
    found: Found, orbits: Mapping[str, Orbit], place: tuple[float, float], where: str
) -> None:
    """Say the perpendicular baselines of all dates relative to the first.

    Parameters
    ----------
    found : Found
    orbits : mapping of str to Orbit
        By date.
    place : tuple of float
        Latitude and longitude of the middle of the scene [degree].
    where : str
        Files of the orbits.
    """
    first = min(orbits)
    bperp = {
        date: 0.0 if date == first else perpendicular_baseline_m(orbits[first], orbit, *place)
        for date, orbit in orbits.items()
    }
    found.baselines_per_date(bperp, f"{where}: {SIGN}")
