"""A wide swath in exact geometry: two-way paths to targets above a round Earth, by hand."""

from dataclasses import dataclass

import numpy as np
from emcflow.acquisition.geometry import days_since_first

EARTH_M, ALTITUDE_M, WAVELENGTH_M = 6_371e3, 700e3, 0.0555


@dataclass(frozen=True)
class Swath:
    """Points of a swath, what lies above them, and their phase.

    Arrays over dates have them first; the first date is the reference of all.
    """

    dates: tuple
    points: np.ndarray
    slant_range_m: np.ndarray
    incidence_angle_deg: np.ndarray
    bperp_m: np.ndarray
    velocity_mm_yr: np.ndarray
    dem_error_m: np.ndarray
    phase: np.ndarray


def ground(incidence_deg, height_m=0.0):
    """Target (x, z) seen under an incidence angle at the ground, and one above it as far away."""
    incidence = np.radians(incidence_deg)
    look = np.arcsin(EARTH_M / (EARTH_M + ALTITUDE_M) * np.sin(incidence))
    slant = (EARTH_M + ALTITUDE_M) * np.cos(look) - EARTH_M * np.cos(incidence)
    radius = EARTH_M + height_m
    # law of cosines: the look angle under which a range reaches the sphere of that radius
    sensor = EARTH_M + ALTITUDE_M
    look = np.arccos((sensor**2 + slant**2 - radius**2) / (2 * sensor * slant))
    return np.array([slant * np.sin(look), sensor - slant * np.cos(look)]), slant


def perpendicular(target, sensor):
    """Perpendicular baseline of a sensor (x, z) with the sign of ISCE2's topsStack.

    It looks to the right, x, and flies into the page, y: the sign is that of
    ((target - reference) x (sensor - reference)) . velocity.
    """
    reference = np.array([0.0, EARTH_M + ALTITUDE_M])
    sight = target - reference.reshape(2, *[1] * (target.ndim - 1))
    baseline = sensor - reference.reshape(2, *[1] * (target.ndim - 1))
    # z cross x is y, so for x to the right and z up the y component of a cross b is az bx - ax bz
    return (sight[1] * baseline[0] - sight[0] * baseline[1]) / np.hypot(*sight)


def simulate_swath(
    shape=(120, 400), npoints=1500, dates=20, incidence=(29.0, 46.0), baseline_m=100.0,
    diverge=0.3, tallest_m=50.0, noise_rad=0.15, seed=0,
):  # fmt: skip
    """Simulate some points of a swath, or all.

    Orbits lie `baseline_m` apart (standard deviation), horizontally and vertically.
    From the first to the last row every orbit drifts by `diverge` times as much.
    """
    rng = np.random.default_rng(seed)
    names = tuple(str(np.datetime64("2020-01-01") + 12 * d).replace("-", "") for d in range(dates))
    points = np.argwhere(np.ones(shape, bool)).astype(np.int32)
    if npoints is not None:
        points = points[np.sort(rng.choice(len(points), npoints, replace=False))]
    row, col = points.T / np.array(shape)[:, None]
    angle = incidence[0] + (incidence[1] - incidence[0]) * col
    height = 4 * np.sin(5 * col + 3 * row) + np.where(
        rng.random(len(points)) < 0.4, rng.uniform(5, tallest_m, len(points)), 0.0
    )
    velocity = 15 * np.exp(-((row - 0.5) ** 2 + (col - 0.4) ** 2) / 0.05)
    low, slant = ground(angle)
    high, _ = ground(angle, height)
    offset = baseline_m * rng.standard_normal((dates, 2, 1))
    offset = offset + diverge * baseline_m * rng.standard_normal((dates, 2, 1)) * (row - 0.5)
    offset[0] = 0
    sensors = offset + np.array([0.0, EARTH_M + ALTITUDE_M])[:, None]
    # reference * conj(secondary): 4 pi / wavelength times range to the secondary minus reference
    path = np.array([np.hypot(*(high - s)) - np.hypot(*(low - s)) for s in sensors])
    years = days_since_first(names)[:, None] / 365.25
    phase = 4 * np.pi / WAVELENGTH_M * (path + 1e-3 * years * velocity)
    phase[1:] += noise_rad * rng.standard_normal(phase[1:].shape)
    return Swath(
        names, points, slant, angle, np.array([perpendicular(low, s) for s in sensors]),
        velocity, height, np.angle(np.exp(1j * phase)).astype(np.float32),
    )  # fmt: skip
