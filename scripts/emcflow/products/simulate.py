"""A small simulated city, seen by a SAR on irregular dates: stack, baselines and truth.

Blocks of buildings stand along a street grid; a river and parks decorrelate. Roofs are flat and
several pixels wide, coherent, and so high that the phase jumps by more than half a cycle along
their edges wherever the perpendicular baseline is large: gradients there can only be unwrapped with
a model of the height. A bowl of subsidence, a DEM error of the ground, a turbulent atmosphere and
decorrelation noise are added.

Everything is drawn from one seed. Integer draws decide the layout and the dates, so the same seed
gives the same city on every platform.

References
----------
Hanssen, R. F. (2001), Radar Interferometry: Data Interpretation and Error Analysis, Kluwer
(power law of the atmospheric delay).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from emcflow.acquisition.geometry import design_matrix
from emcflow.errors import InputError
from emcflow.products.random_fields import power_law

REPEAT_DAYS = 6
STREET = 3
BLOCK = (13, 24)
LOWEST_BUILDING_M = 5.0
# two-dimensional spectrum of the delay below the thickness of the turbulent layer: Hanssen (2001)
ATMOSPHERE_EXPONENT = -11 / 3
TERRAIN_EXPONENT = -3.0
# one stream of random numbers per subject, so that changing one setting leaves the others' draws
_DATES, _CITY, _BASELINES, _ATMOSPHERE, _NOISE = range(5)


@dataclass(frozen=True, kw_only=True)
class SimulationSettings:
    """What the simulated stack looks like; the fields are the config keys under ``simulation``.

    Parameters
    ----------
    rows, cols : int
        Size of the scene [pixels].
    dates : int
        Number of acquisitions, at least 2.
    start_date : str
        First date, YYYYMMDD.
    span_days : int
        From the first to the last date, at least ``6 * (dates - 1)``; rounded down to the 6 days
        of the repeat cycle. The other dates are drawn among the cycles in between.
    seed : int
        Of all random numbers, at least 0.
    velocity_mm_yr : float
        At the centre of the bowl of subsidence [mm/yr], positive away from the sensor.
    building_height_m : float
        Height of the tallest buildings above the DEM [m].
    dem_error_m : float
        Standard deviation of the smooth DEM error of the ground [m].
    atmosphere_rad : float
        Standard deviation of the atmosphere of each date [rad].
    coherence : float
        Mean temporal coherence of what is built, 0.5 to 1.
    bperp_std_m : float
        Standard deviation of the perpendicular baselines [m].
    park_fraction, water_fraction, invalid_fraction : float
        Shares of the blocks that are parks (low coherence), of the scene that is river (no
        coherence), and of the scene without data (a corner).
    """

    rows: int = 200
    cols: int = 200
    dates: int = 16
    start_date: str = "20190105"
    span_days: int = 360
    seed: int = 1
    velocity_mm_yr: float = 60.0
    building_height_m: float = 60.0
    dem_error_m: float = 2.0
    atmosphere_rad: float = 1.0
    coherence: float = 0.95
    bperp_std_m: float = 100.0
    park_fraction: float = 0.2
    water_fraction: float = 0.08
    invalid_fraction: float = 0.01


@dataclass(frozen=True)
class Simulation:
    """A simulated stack and its truth.

    Parameters
    ----------
    dates : tuple of str
        YYYYMMDD, ascending.
    bperp_m : ndarray of float64, shape (ndates,)
        Perpendicular baselines relative to the first date [m].
    stack : ndarray of complex64, shape (ndates, rows, cols)
        ``exp(1j * (phase of the date - phase of the first date))``; 0 where there is no data.
    temporal_coherence : ndarray of float32, shape (rows, cols)
        Magnitude of the mean of ``exp(1j * noise)`` over the dates; 0 where there is no data.
    phase : ndarray of float32, shape (ndates, rows, cols)
        Truth: unwrapped phase with its noise [rad], congruent with `stack`; NaN without data.
    phase_noise_free : ndarray of float32, shape (ndates, rows, cols)
        The same without decorrelation noise [rad].
    velocity_mm_yr : ndarray of float32, shape (rows, cols)
        Truth of the velocity [mm/yr].
    dem_error_m : ndarray of float32, shape (rows, cols)
        Truth of the DEM error, buildings included [m].
    """

    dates: tuple[str, ...]
    bperp_m: np.ndarray
    stack: np.ndarray
    temporal_coherence: np.ndarray
    phase: np.ndarray
    phase_noise_free: np.ndarray
    velocity_mm_yr: np.ndarray
    dem_error_m: np.ndarray


def simulation_dates(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the dates of the simulated stack without simulating it.

    Parameters
    ----------
    settings : mapping
        Any fields of :class:`SimulationSettings`, the others take their defaults.

    Returns
    -------
    tuple of str, one per date
        YYYYMMDD, ascending, multiples of six days apart, with gaps.

    Raises
    ------
    InputError
        For a start that is no date, or more dates than cycles in the span.
    """
    chosen = SimulationSettings(**settings)
    cycles = chosen.span_days // REPEAT_DAYS
    if not 2 <= chosen.dates <= cycles + 1:
        raise InputError(
            f"simulation.dates: {chosen.dates} dates within simulation.span_days = "
            f"{chosen.span_days}; expected 2 to {cycles + 1} (one every {REPEAT_DAYS} days): "
            "give fewer dates or a longer span"
        )
    try:
        start = date.fromisoformat(chosen.start_date)
    except (TypeError, ValueError):
        raise InputError(
            f"simulation.start_date: {chosen.start_date!r} is not a date; "
            "expected YYYYMMDD in quotes: correct it"
        ) from None
    between = _random(chosen, _DATES).permutation(cycles - 1)[: chosen.dates - 2] + 1
    return tuple(
        (start + timedelta(days=REPEAT_DAYS * int(cycle))).strftime("%Y%m%d")
        for cycle in [0, *sorted(between), cycles]
    )


def simulation_baselines(settings: Mapping[str, Any]) -> np.ndarray:
    """Return the perpendicular baselines of the simulated stack without simulating it.

    They are drawn with exactly the spread that the settings ask for and rounded to whole
    millimetres, so that the tables hold exactly what was simulated.

    Parameters
    ----------
    settings : mapping
        Any fields of :class:`SimulationSettings`, the others take their defaults.

    Returns
    -------
    ndarray of float64, shape (ndates,)
        Relative to the first date [m].
    """
    chosen = SimulationSettings(**settings)
    drawn = _random(chosen, _BASELINES).standard_normal(chosen.dates)
    return np.round(chosen.bperp_std_m * (drawn - drawn[0]) / drawn.std(), 3)


def simulate_stack(
    settings: Mapping[str, Any],
    wavelength_m: float,
    slant_range_m: float,
    incidence_angle_deg: float,
) -> Simulation:
    """Simulate the stack of a small city.

    Parameters
    ----------
    settings : mapping
        Any fields of :class:`SimulationSettings`, the others take their defaults.
    wavelength_m, slant_range_m, incidence_angle_deg : float
        Acquisition geometry, see :func:`emcflow.acquisition.geometry.design_matrix`.

    Returns
    -------
    Simulation

    Raises
    ------
    InputError
        See :func:`simulation_dates` and :func:`emcflow.acquisition.geometry.design_matrix`.
    """
    dates = simulation_dates(settings)
    bperp_m = simulation_baselines(settings)
    chosen = SimulationSettings(**settings)
    design = design_matrix(dates, bperp_m, wavelength_m, slant_range_m, incidence_angle_deg)
    height, coherence, valid = _city(chosen, _random(chosen, _CITY))
    velocity = _velocity(chosen)
    # the characteristic function of a normal distribution: |E exp(i n)| = exp(-sigma^2 / 2)
    sigma = np.sqrt(-2 * np.log(coherence))

    shape = (len(dates), chosen.rows, chosen.cols)
    stack = np.zeros(shape, dtype=np.complex64)
    phase = np.full(shape, np.nan, dtype=np.float32)
    phase_noise_free = np.full(shape, np.nan, dtype=np.float32)
    phasors = np.zeros(shape[1:], dtype=np.complex128)
    for index, row in enumerate(design):
        noise = sigma * _random(chosen, _NOISE, index).standard_normal(shape[1:])
        atmosphere = _atmosphere(chosen, index)
        phasors += np.exp(1j * noise)
        if index == 0:
            first_noise, first_atmosphere = noise, atmosphere
        clean = row[0] * velocity + row[1] * height + atmosphere - first_atmosphere
        noisy = clean + noise - first_noise
        phase_noise_free[index][valid] = clean[valid]
        phase[index][valid] = noisy[valid]
        stack[index][valid] = np.exp(1j * noisy[valid])
    return Simulation(
        dates=dates,
        bperp_m=bperp_m,
        stack=stack,
        temporal_coherence=np.where(valid, np.abs(phasors) / len(dates), 0).astype(np.float32),
        phase=phase,
        phase_noise_free=phase_noise_free,
        velocity_mm_yr=velocity.astype(np.float32),
        dem_error_m=height.astype(np.float32),
    )


def baseline_tables(
    dates: tuple[str, ...], bperp_m: np.ndarray
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both kinds of baseline table of a stack, per date and per pair.

    Parameters
    ----------
    dates : sequence of str
    bperp_m : ndarray, shape (ndates,)
        [m]

    Returns
    -------
    per_date : dict of str to sequence
        Columns date, bperp_m.
    per_pair : dict of str to sequence
        Columns reference, secondary, bperp_m, for each date and the three that follow it.
    """
    pairs = [
        (first, second)
        for first in range(len(dates))
        for second in range(first + 1, min(first + 4, len(dates)))
    ]
    per_date = {"date": dates, "bperp_m": bperp_m}
    per_pair = {
        "reference": [dates[first] for first, _ in pairs],
        "secondary": [dates[second] for _, second in pairs],
        "bperp_m": [round(bperp_m[second] - bperp_m[first], 3) for first, second in pairs],
    }
    return per_date, per_pair


def _random(settings: SimulationSettings, *stream: int) -> np.random.Generator:
    return np.random.default_rng([settings.seed, *stream])


def _velocity(settings: SimulationSettings) -> np.ndarray:
    """Return a bowl of subsidence on a slight ramp."""
    row, col = _unit_axes(settings)
    bowl = np.exp(-(((row - 0.6) / 0.22) ** 2 + ((col - 0.42) / 0.3) ** 2) / 2)
    return settings.velocity_mm_yr * (bowl + 0.2 * col - 0.1 * row)


def _unit_axes(settings: SimulationSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column as fractions of the scene, broadcasting against each other."""
    row = (np.arange(settings.rows) + 0.5) / settings.rows
    col = (np.arange(settings.cols) + 0.5) / settings.cols
    return row[:, None], col[None, :]


def _city(
    settings: SimulationSettings, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return DEM error [m], expected temporal coherence and where there is data."""
    shape = (settings.rows, settings.cols)
    height = settings.dem_error_m * power_law(shape, TERRAIN_EXPONENT, random)
    coherence = 1 - (1 - settings.coherence) * 2 * random.random(shape)
    vegetation = random.uniform(0.02, 0.15, shape)
    for r0, r1 in _blocks(settings.rows, random):
        for c0, c1 in _blocks(settings.cols, random):
            if random.random() < settings.park_fraction:
                coherence[r0:r1, c0:c1] = vegetation[r0:r1, c0:c1]
            else:
                _build(height[r0:r1, c0:c1], settings.building_height_m, random)
    row, col = _unit_axes(settings)
    course = 0.3 + 0.1 * np.sin(7 * col)
    river = np.abs(row - course) < settings.water_fraction / 2
    coherence = np.where(river, 0.05, coherence)
    valid = (1 - row) + (1 - col) > np.sqrt(2 * settings.invalid_fraction)
    return height, np.maximum(coherence, 1e-3), valid


def _blocks(length: int, random: np.random.Generator) -> list[tuple[int, int]]:
    """Cut an axis into blocks with streets between them: first and one past last pixel of each."""
    blocks = []
    start = 0
    while start < length:
        stop = start + int(random.integers(*BLOCK, endpoint=True))
        blocks.append((start, min(stop, length)))
        start = stop + STREET
    return blocks


def _build(block: np.ndarray, tallest: float, random: np.random.Generator) -> None:
    """Put up to four flat-roofed buildings into a block, a pixel of ground around each."""
    lowest = min(LOWEST_BUILDING_M, tallest)
    middle = [size // 2 for size in block.shape]
    for rows in (slice(0, middle[0]), slice(middle[0], None)):
        for cols in (slice(0, middle[1]), slice(middle[1], None)):
            roof = random.uniform(lowest, tallest)
            if random.random() < 0.8:
                block[rows, cols][1:-1, 1:-1] += roof


def _atmosphere(settings: SimulationSettings, index: int) -> np.ndarray:
    shape = (settings.rows, settings.cols)
    random = _random(settings, _ATMOSPHERE, index)
    return settings.atmosphere_rad * power_law(shape, ATMOSPHERE_EXPONENT, random)
