"""Perpendicular baseline, slant range and incidence angle from the state vectors of orbits.

The sensor sees a target when it is abeam, where the line of sight is at right angles to the
velocity (zero Doppler). With the positions of two passes then, P1 and P2, and the unit vector u
from P1 to the target, the baseline B = P2 - P1 has the part across the line of sight

    bperp = -B . e,    e = (n - (n . u) u) / |n - (n . u) u|

where n is the vertical at the target, so that e points up, and away from the sensor. Its size is
that of Rosen et al. (2000), section II, and of ISCE2's topsStack (computeBaseline.py). The sign is
the one with which a taller target has a positive DEM error: a target that is higher at the same
range lies further along e, and the range from P2 to it grows by -B . e / R for each metre along e.
For a sensor that looks to the right it is the sign of ISCE2's topsStack, which is that of
((target - P1) x B) . velocity; for one that looks to the left it is the other.

References
----------
Rosen, P. A., S. Hensley, I. R. Joughin, F. K. Li, S. N. Madsen, E. Rodriguez, and R. M. Goldstein
(2000), Synthetic aperture radar interferometry, Proc. IEEE, 88(3), 333-382.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from emcflow.errors import InputError

# WGS 84.
SEMI_MAJOR_M = 6_378_137.0
FLATTENING = 1 / 298.257223563
# Where satellites are [m from the Earth's centre], and how fast they go [m/s].
RADII_M = (6.4e6, 5e7)
SPEEDS_M_S = (5e2, 1.2e4)
# Newton's steps to the time abeam, of which a few are enough, and when they are [s].
MOST_STEPS, SMALLEST_STEP_S = 20, 1e-9


@dataclass(frozen=True)
class Orbit:
    """State vectors of a pass, in a system that turns with the Earth.

    Parameters
    ----------
    name : str
        What it is of, for messages.
    time_s : ndarray of float64, shape (nvectors,)
        From any epoch [s], ascending.
    position_m, velocity_m_s : ndarray of float64, shape (nvectors, 3)
        [m], [m/s]

    Raises
    ------
    InputError
        For fewer than two vectors, times that do not ascend, or what is no orbit around the Earth.
    """

    name: str
    time_s: np.ndarray
    position_m: np.ndarray
    velocity_m_s: np.ndarray

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise InputError(
                f"{self.name}: {problem}; expected state vectors of a satellite in metres and "
                "metres per second, in a system that turns with the Earth: write or copy the file "
                "again"
            )

    def _problem(self) -> str:
        times, vectors = np.shape(self.time_s), (*np.shape(self.time_s), 3)
        if len(times) != 1 or np.shape(self.position_m) != vectors:
            return f"{times} times and {np.shape(self.position_m)} positions"
        if np.shape(self.velocity_m_s) != vectors or times[0] < 2:
            return f"{times[0]} state vectors and {np.shape(self.velocity_m_s)} velocities"
        if not (np.isfinite(self.time_s).all() and (np.diff(self.time_s) > 0).all()):
            return "times of state vectors that do not ascend"
        for values, (low, high) in ((self.position_m, RADII_M), (self.velocity_m_s, SPEEDS_M_S)):
            lengths = np.linalg.norm(values, axis=1)
            if not ((lengths > low) & (lengths < high)).all():
                return f"a vector of length {lengths[np.argmax(~(lengths > low))]:.6g}"
        return ""


class Abeam(NamedTuple):
    """Where a sensor is when a target is abeam: position [m], (3,), and slant range [m]."""

    position_m: np.ndarray
    slant_range_m: float


def target_position(latitude_deg: float, longitude_deg: float, height_m: float = 0.0) -> np.ndarray:
    """Return the position of a point on the ground.

    Parameters
    ----------
    latitude_deg, longitude_deg : float
        Geodetic [degree].
    height_m : float
        Above the ellipsoid WGS 84 [m].

    Returns
    -------
    ndarray of float64, shape (3,)
        [m], from the Earth's centre.
    """
    up = vertical(latitude_deg, longitude_deg)
    squared = FLATTENING * (2 - FLATTENING)
    normal = SEMI_MAJOR_M / math.sqrt(1 - squared * up[2] ** 2)
    return (normal * np.array([1, 1, 1 - squared]) + height_m) * up


def vertical(latitude_deg: float, longitude_deg: float) -> np.ndarray:
    """Return the unit vector of the vertical at a point on the ground, shape (3,)."""
    latitude, longitude = math.radians(latitude_deg), math.radians(longitude_deg)
    return np.array([
        math.cos(latitude) * math.cos(longitude),
        math.cos(latitude) * math.sin(longitude),
        math.sin(latitude),
    ])  # fmt: skip


def abeam(orbit: Orbit, target: np.ndarray) -> Abeam:
    """Return where the sensor is when a target is abeam.

    Parameters
    ----------
    orbit : Orbit
    target : ndarray of float64, shape (3,)
        [m]

    Returns
    -------
    Abeam

    Raises
    ------
    InputError
        Where the state vectors do not reach so far.
    """
    # cubic between state vectors: at 10 s between them right to a fraction of a millimetre
    path = CubicHermiteSpline(orbit.time_s, orbit.position_m, orbit.velocity_m_s)
    velocity, acceleration = path.derivative(), path.derivative(2)
    time = orbit.time_s.mean()
    margin = np.diff(orbit.time_s).max()
    for _ in range(MOST_STEPS):
        sight, speed = path(time) - target, velocity(time)
        step = -(sight @ speed) / (speed @ speed + sight @ acceleration(time))
        time += step
        if abs(step) < SMALLEST_STEP_S:
            break
    beyond = max(orbit.time_s[0] - time, time - orbit.time_s[-1])
    if not beyond < margin:
        raise InputError(
            f"{orbit.name}: the target is abeam {beyond:.0f} s outside the state vectors; expected "
            "an orbit that passes the scene: check that all files are of one track and place"
        )
    position = path(time)
    return Abeam(position, float(np.linalg.norm(position - target)))


def incidence_angle_deg(position_m: np.ndarray, latitude_deg: float, longitude_deg: float) -> float:
    """Return the angle between the line of sight and the vertical at a point on the ground.

    Parameters
    ----------
    position_m : ndarray of float64, shape (3,)
        Of the sensor [m].
    latitude_deg, longitude_deg : float
        [degree]

    Returns
    -------
    float
        [degree]
    """
    sight = position_m - target_position(latitude_deg, longitude_deg)
    up = vertical(latitude_deg, longitude_deg)
    return math.degrees(math.acos(float(sight @ up / np.linalg.norm(sight))))


def perpendicular_baseline_m(
    reference: Orbit, secondary: Orbit, latitude_deg: float, longitude_deg: float
) -> float:
    """Return the perpendicular baseline of two passes over a point on the ground.

    Parameters
    ----------
    reference, secondary : Orbit
    latitude_deg, longitude_deg : float
        [degree]

    Returns
    -------
    float
        Of the secondary relative to the reference [m]; a taller target has a positive DEM error.

    Raises
    ------
    InputError
        See :func:`abeam`.
    """
    target = target_position(latitude_deg, longitude_deg)
    first, second = abeam(reference, target), abeam(secondary, target)
    sight = (target - first.position_m) / first.slant_range_m
    up = vertical(latitude_deg, longitude_deg)
    across = up - (up @ sight) * sight
    return float(-(second.position_m - first.position_m) @ across / np.linalg.norm(across))
