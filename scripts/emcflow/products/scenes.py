"""Simulated scenes of many kinds, in and outside cities, each in three severities, with truth.

A kind is what users bring or fear: a mining bowl that moves unsteadily, a mountain whose air
follows the height, bridges that lengthen with the heat, a rupture, snow on some dates, three dates,
gaps of a year, one point in a hundred pixels. Scenes of one kind and severity differ by their seed
alone.

References
----------
Hanssen, R. F. (2001), Radar Interferometry: Data Interpretation and Error Analysis, Kluwer: power
law of the turbulent delay (section 4.7), delay that follows the height (section 4.8).
Ansari, H., F. De Zan, and A. Parizzi (2021), Study of systematic bias in measuring surface
deformation with SAR interferometry, IEEE Trans. Geosci. Remote Sens., 59(2), 1285-1301: the bias of
short interferograms that adds up over the dates (kind `fading_bias`).
Monserrat, O., M. Crosetto, M. Cuevas, and B. Crippa (2011), The thermal expansion component of
persistent scatterer interferometry observations, IEEE Geosci. Remote Sens. Lett., 8(5), 864-868
(kind `bridges`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from emcflow.acquisition.geometry import DAYS_PER_YEAR, design_matrix, rad_per_mm_yr
from emcflow.errors import InputError
from emcflow.products.random_fields import power_law
from emcflow.products.simulate import ATMOSPHERE_EXPONENT, Simulation

__all__ = ["KINDS", "SEVERITIES", "Kind", "Scene", "simulate_scene"]

SEVERITIES = (1, 2, 3)
START = date(2021, 2, 3)
SENTINEL1 = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 37.0}
TERRASAR_X = {"wavelength_m": 0.031, "slant_range_m": 640e3, "incidence_angle_deg": 34.0}
# Noise of what is no point of the scene: water, and pixels between sparse points [rad].
DARK = 2.5


@dataclass
class Scene:
    """A scene in the making: what moves, how high it is, how noisy, and what the air does.

    Parameters
    ----------
    random : numpy.random.Generator
    severity : int
        1 to 3.
    days : ndarray of int, shape (ndates,)
        Since the first date.
    shape : tuple of int
    geometry : dict of str to float
        ``wavelength_m``, ``slant_range_m``, ``incidence_angle_deg``.
    bperp_std_m : float
    """

    random: np.random.Generator
    severity: int
    days: np.ndarray
    shape: tuple[int, int]
    geometry: dict[str, float]
    bperp_std_m: float
    velocity_mm_yr: np.ndarray = field(init=False)
    height_m: np.ndarray = field(init=False)
    noise_rad: np.ndarray = field(init=False)
    motion_mm: np.ndarray = field(init=False)
    delay_rad: np.ndarray = field(init=False)
    lever: np.ndarray = field(init=False)
    date_noise: np.ndarray = field(init=False)
    outliers: float = 0.0

    def __post_init__(self) -> None:
        self.velocity_mm_yr, self.height_m = np.zeros(self.shape), np.zeros(self.shape)
        self.noise_rad, self.lever = np.full(self.shape, 0.35), np.ones(self.shape)
        self.motion_mm = np.zeros((len(self.days), *self.shape))
        self.delay_rad = np.zeros_like(self.motion_mm)
        self.date_noise = np.ones(len(self.days))

    @property
    def years(self) -> np.ndarray:
        """Years since the first date, float64 (ndates, 1, 1)."""
        return self.days[:, None, None] / DAYS_PER_YEAR

    def chosen(self, *values: float) -> float:
        """Return the value of this severity."""
        return values[self.severity - 1]

    def terrain(self, exponent: float) -> np.ndarray:
        """Return a smooth random field of standard deviation 1."""
        return power_law(self.shape, exponent, self.random)

    def bowl(self, radius: float, row: float = 0.5, col: float = 0.5) -> np.ndarray:
        """Return a bowl of depth 1 at a place given in fractions of the scene; radius in pixels."""
        rows, cols = np.ogrid[: self.shape[0], : self.shape[1]]
        squares = (rows - row * self.shape[0]) ** 2 + (cols - col * self.shape[1]) ** 2
        return np.exp(-squares / radius**2)

    def air(self, std_rad: float) -> None:
        """Add a turbulent delay at every date."""
        for delay in self.delay_rad:
            delay += std_rad * self.terrain(ATMOSPHERE_EXPONENT)

    def patches(self, least: float, most: float, share: float) -> None:
        """Set the noise in patches: `share` of the scene lies below the middle of both."""
        rank = self.terrain(-2.6).ravel().argsort().argsort().reshape(self.shape) / np.prod(
            self.shape
        )
        self.noise_rad = least + (most - least) * rank ** (np.log(0.5) / np.log(share))

    def buildings(self, tallest_m: float, count: int, widest: int, noise_rad: float = 0.35) -> None:
        """Put up flat roofs of up to `widest` pixels, and parks between them."""
        parks = self.terrain(-2.6) > 1
        self.noise_rad = self.random.uniform(0.6, 1.4, self.shape) * noise_rad
        self.noise_rad[parks] += 0.6
        for _ in range(count):
            row, col = (self.random.integers(0, side) for side in self.shape)
            rows, cols = self.random.integers(2, widest, 2)
            roof = np.s_[row : row + rows, col : col + cols]
            self.height_m[roof] = tallest_m * self.random.beta(1.2, 2.5)
            self.noise_rad[roof] = noise_rad

    def steepest(self, image: np.ndarray, cycles: float) -> np.ndarray:
        """Scale motion so that neighbours differ by `cycles` at most between two dates [mm]."""
        gradient = max(np.abs(np.diff(image, axis=axis)).max() for axis in (0, 1))
        return image * cycles * 500 * self.geometry["wavelength_m"] / gradient


@dataclass(frozen=True)
class Kind:
    """A kind of scene.

    Parameters
    ----------
    text : str
        What it is, for tables.
    build : callable
        Fills in a :class:`Scene`.
    days : sequence of ndarray of int
        Days of the dates since the first one, by severity.
    shape : tuple of int
    geometry : dict of str to float
    bperp_std_m : tuple of float
        By severity.
    """

    text: str
    build: Callable[[Scene], None]
    days: Sequence[np.ndarray]
    shape: tuple[int, int] = (130, 130)
    geometry: dict[str, float] = field(default_factory=lambda: dict(SENTINEL1))
    bperp_std_m: tuple[float, float, float] = (80.0, 80.0, 80.0)


Builder = Callable[[Scene], None]
KINDS: dict[str, Kind] = {}


def _kind(
    text: str,
    days: Sequence[np.ndarray] | None = None,
    dates: int | tuple[int, int, int] = 14,
    repeat: int = 12,
    **more: Any,
) -> Callable[[Builder], Builder]:
    """Register a function as a kind of scene; its days are regular where not given."""
    counts = dates if isinstance(dates, tuple) else (dates,) * 3
    of_severities = days or [repeat * np.arange(count) for count in counts]

    def register(build: Builder) -> Builder:
        KINDS[build.__name__] = Kind(text, build, of_severities, **more)
        return build

    return register


@_kind("mining bowl, fast in the middle of the series")
def mining_bowl(scene: Scene) -> None:
    scene.patches(0.2, 1.15, 0.85)
    scene.air(0.7)
    course = 1 / (1 + np.exp(-(np.arange(len(scene.days)) - 6.5) / 0.9))
    of_bowl = scene.steepest(scene.bowl(14), scene.chosen(0.15, 0.3, 0.45) / np.diff(course).max())
    scene.motion_mm += course[:, None, None] * of_bowl
    scene.height_m += 3 * scene.terrain(-2.5)


@_kind("sudden collapse between two dates")
def collapse(scene: Scene) -> None:
    scene.patches(0.2, 1.15, 0.85)
    scene.air(0.7)
    holes = scene.bowl(11, 0.4, 0.45) + 0.7 * scene.bowl(8, 0.72, 0.7)
    after = np.arange(len(scene.days)) >= len(scene.days) // 2
    scene.motion_mm += after[:, None, None] * scene.steepest(holes, scene.chosen(0.25, 0.4, 0.48))
    scene.height_m += 3 * scene.terrain(-2.5)


@_kind("motion after an earthquake, slower with time")
def postseismic(scene: Scene) -> None:
    scene.patches(0.2, 1.15, 0.8)
    scene.air(1.0)
    course = np.log1p(np.maximum(scene.days - 20, 0) / 4)
    lobes = scene.bowl(25) - 0.8 * scene.bowl(22, 0.3, 0.7)
    of_all = scene.steepest(lobes, scene.chosen(0.45, 0.9, 1.4))
    scene.motion_mm += (course / course.max())[:, None, None] * of_all
    scene.height_m += 3 * scene.terrain(-2.5)


@_kind("aquifer behind a fault: seasons and a steep rim", dates=24, repeat=18)
def seasonal_basin(scene: Scene) -> None:
    scene.patches(0.2, 1.15, 0.8)
    scene.air(1.0)
    rows, cols = np.ogrid[: scene.shape[0], : scene.shape[1]]
    from_rim = cols - scene.shape[1] / 2 - 8 * np.sin(rows / 15)
    basin = 1 / (1 + np.exp(-from_rim / scene.chosen(3, 1.5, 0.8)))
    scene.motion_mm += scene.chosen(12, 15, 18) * np.sin(2 * np.pi * scene.years) * basin
    scene.velocity_mm_yr -= 40 * basin
    scene.height_m += 2 * scene.terrain(-2.5)


@_kind("mountains: air that follows the height, rough DEM errors")
def mountain(scene: Scene) -> None:
    scene.patches(0.2, 1.15, 0.6)
    relief = 900 * np.abs(scene.terrain(-2.9))
    scene.air(scene.chosen(2, 4, 8))
    layers = scene.random.normal(0, scene.chosen(2e-3, 4e-3, 7e-3), len(scene.days))
    scene.delay_rad += layers[:, None, None] * relief
    scene.velocity_mm_yr += 20 * scene.bowl(10, 0.3, 0.3)
    scene.height_m += 6 * scene.terrain(-1.8)


@_kind(
    "bridges and buildings that lengthen with the heat, X-band", dates=22, repeat=22,
    geometry=TERRASAR_X, bperp_std_m=(150.0, 150.0, 150.0),
)  # fmt: skip
def bridges(scene: Scene) -> None:
    scene.buildings(50, 70, 10)
    noise = scene.random.normal(0, 3, len(scene.days))
    warmth = 10 * np.sin(2 * np.pi * (scene.years[:, 0, 0] - 0.1)) + noise
    growth = -0.012 * scene.chosen(0.5, 1, 1.5) * scene.height_m
    along = np.arange(scene.shape[1]) % 40 / 40
    for row in (30, 75, 110):
        growth[row : row + 4] = scene.chosen(0.15, 0.35, 0.5) * along
        scene.noise_rad[row : row + 4] = 0.3
    scene.motion_mm += (warmth - warmth[0])[:, None, None] * growth
    scene.air(0.8)


@_kind(
    "towers on long baselines, X-band", dates=20, repeat=22, geometry=TERRASAR_X,
    bperp_std_m=(150.0, 250.0, 350.0),
)  # fmt: skip
def skyscrapers(scene: Scene) -> None:
    scene.buildings(30, 60, 10)
    for _ in range(120):
        row, col = (scene.random.integers(2, side - 4) for side in scene.shape)
        rows, cols = scene.random.integers(1, 4, 2)
        tower = np.s_[row : row + rows, col : col + cols]
        scene.height_m[tower] += scene.chosen(60, 110, 170) * scene.random.random()
        scene.noise_rad[tower] = 0.4
    scene.air(0.8)
    scene.velocity_mm_yr += 8 * scene.terrain(-2.8)


@_kind("cliffs that the DEM has not, beyond 100 m", dates=16, bperp_std_m=(60.0, 100.0, 140.0))
def filled_dem(scene: Scene) -> None:
    scene.patches(0.2, 1.15, 0.8)
    cliffs = (scene.terrain(-3) > 0.6) * scene.bowl(55) ** 0.3
    scene.height_m += scene.chosen(70, 110, 150) * cliffs + 8 * scene.terrain(-2)
    scene.air(0.8)


@_kind("snow: some dates noisy, one or two without any signal", dates=16)
def snow(scene: Scene) -> None:
    scene.patches(0.2, 0.9, 0.85)
    scene.air(1.0)
    scene.date_noise *= 0.8
    scene.date_noise[[4, 5, 11]] = scene.chosen(1.6, 2.2, 2.8)
    scene.date_noise[9] = scene.chosen(3, 6, 10)
    if scene.severity == 3:
        scene.date_noise[10] = 8
    scene.velocity_mm_yr += 30 * scene.bowl(15)
    scene.height_m += 4 * scene.terrain(-2.2)


@_kind("much at low coherence", dates=16)
def low_coherence(scene: Scene) -> None:
    scene.patches(0.4, 1.05, scene.chosen(0.75, 0.5, 0.25))
    scene.air(1.0)
    scene.velocity_mm_yr += 30 * scene.bowl(20)
    scene.height_m += 5 * scene.terrain(-2.2)


@_kind("gross errors of 2 to 10 % of the phases", dates=16)
def gross_errors(scene: Scene) -> None:
    scene.patches(0.3, 0.95, 0.6)
    scene.outliers = scene.chosen(0.02, 0.05, 0.1)
    scene.air(1.0)
    scene.velocity_mm_yr += 30 * scene.bowl(20)
    scene.height_m += 5 * scene.terrain(-2.2)


@_kind("noisy city, 24 to 10 dates", dates=(24, 16, 10))
def noisy_city(scene: Scene) -> None:
    scene.buildings(60, 100, 10, noise_rad=0.5)
    scene.air(1.0)
    scene.velocity_mm_yr += 20 * scene.bowl(20)


@_kind("a river and lakes, joined by a narrow bridge")
def lakes(scene: Scene) -> None:
    scene.patches(0.2, 1.15, 0.8)
    rows, cols = np.ogrid[: scene.shape[0], : scene.shape[1]]
    lake = scene.terrain(-3.2) > scene.chosen(1, 0.7, 0.4)
    course = np.abs(rows - scene.shape[0] / 2 - 18 * np.sin(cols / 17))
    river = course < scene.chosen(3, 6, 9)
    scene.noise_rad[(lake | river) & ~(river & (np.abs(cols - 60) < 2))] = DARK
    scene.air(scene.chosen(1.5, 2, 2.5))
    scene.velocity_mm_yr += 30 * scene.bowl(20)
    scene.height_m += 4 * scene.terrain(-2.2)


@_kind("rupture of the ground that ends within the scene")
def rupture(scene: Scene) -> None:
    scene.patches(0.2, 1.15, 0.85)
    scene.air(0.8)
    half = scene.chosen(25, 32, 40)
    rows, cols = np.ogrid[: scene.shape[0], : scene.shape[1]]
    # displacement beside a crack under uniform stress, 1 at its middle (Westergaard's solution)
    place = (cols - scene.shape[1] / 2 + 1j * (rows - scene.shape[0] / 2 + 0.5)) / half
    slip = (np.sqrt(place - 1) * np.sqrt(place + 1) - place).imag
    after = np.arange(len(scene.days)) >= len(scene.days) // 2
    step = 500 * scene.geometry["wavelength_m"] * scene.chosen(0.6, 1.2, 2.4)
    scene.motion_mm += after[:, None, None] * step * slip
    scene.height_m += 3 * scene.terrain(-2.2)


FEW_DAYS = np.array([0, 12, 36, 60, 96])


@_kind("five to three dates", days=(FEW_DAYS, FEW_DAYS[:4], FEW_DAYS[:3]))
def few_dates(scene: Scene) -> None:
    scene.patches(0.2, 1.15, 0.8)
    scene.air(1.5)
    scene.velocity_mm_yr += 60 * scene.bowl(20)
    scene.height_m += 6 * scene.terrain(-2)


@_kind("sixty dates six days apart", dates=60, repeat=6, shape=(100, 100))
def many_dates(scene: Scene) -> None:
    scene.patches(0.3, 1.15, scene.chosen(0.8, 0.6, 0.4))
    scene.air(1.5)
    scene.velocity_mm_yr += scene.chosen(60, 100, 140) * scene.bowl(14)
    scene.height_m += 6 * scene.terrain(-2)


def _gaps(first: int, second: int) -> np.ndarray:
    five = 12 * np.arange(5)
    return np.concatenate([five, first + five, second + five])


@_kind(
    "gaps of months to a year, in motion", days=(_gaps(150, 300), _gaps(300, 600), _gaps(420, 840))
)
def gaps(scene: Scene) -> None:
    scene.patches(0.2, 1.15, 0.8)
    scene.air(1.0)
    scene.velocity_mm_yr += scene.chosen(60, 80, 100) * scene.bowl(16)
    season = np.sin(2 * np.pi * scene.years) * scene.bowl(25)
    scene.motion_mm += scene.chosen(3, 6, 9) * season
    scene.height_m += 5 * scene.terrain(-2.2)


@_kind("phase bias of fields that adds up over the dates", dates=18)
def fading_bias(scene: Scene) -> None:
    scene.patches(0.2, 1.15, 0.7)
    fields = scene.terrain(-2.2) > 0
    season = scene.chosen(2, 4, 6) * np.cos(2 * np.pi * scene.years)
    scene.motion_mm += (season - season[0]) * fields
    scene.velocity_mm_yr += scene.chosen(15, 30, 60) * fields
    scene.air(1.0)
    scene.height_m += 4 * scene.terrain(-2.2)


def _keep(scene: Scene, share: float) -> None:
    scene.noise_rad[scene.random.random(scene.shape) > share] = DARK


@_kind("one point in 20 to 125 pixels", shape=(300, 300))
def sparse_points(scene: Scene) -> None:
    scene.patches(0.2, 0.8, 0.7)
    _keep(scene, scene.chosen(0.05, 0.02, 0.008))
    scene.air(scene.chosen(2, 3, 3))
    scene.velocity_mm_yr += 40 * scene.bowl(40)
    scene.height_m += scene.chosen(6, 10, 15) * scene.terrain(-1.8)


@_kind("single scatterers on roofs, each of its own height", dates=(30, 20, 14), shape=(250, 250))
def single_scatterers(scene: Scene) -> None:
    scene.patches(0.2, 0.7, 0.7)
    _keep(scene, 0.05)
    scene.air(2.0)
    scene.velocity_mm_yr += 10 * scene.terrain(-2.5)
    scene.height_m += 40 * scene.random.random(scene.shape) ** 2


@_kind("wide swath, whose view the config gives for its middle", dates=18, shape=(110, 200))
def wide_swath(scene: Scene) -> None:
    scene.buildings(scene.chosen(30, 45, 60), 100, 10)
    incidence = np.radians(np.linspace(29, 46, scene.shape[1]))
    middle = np.radians(scene.geometry["incidence_angle_deg"])
    # slant range times sine of the incidence, from one flight height above a flat ground
    scene.lever *= np.tan(middle) / np.tan(incidence)
    scene.air(scene.chosen(1, 2, 3))


def simulate_scene(
    kind: str, severity: int = 2, seed: int = 0
) -> tuple[Simulation, dict[str, float]]:
    """Simulate a scene of a kind.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    severity : {1, 2, 3}
    seed : int
        Of all random numbers.

    Returns
    -------
    scene : Simulation
        Truth, and the stack that the workflow reads. Dark pixels have data, as they have in truth.
    geometry : dict of str to float
        ``wavelength_m``, ``slant_range_m``, ``incidence_angle_deg``.

    Raises
    ------
    InputError
        For a kind or severity that there is not.
    """
    if kind not in KINDS or severity not in SEVERITIES:
        raise InputError(
            f"{kind}, severity {severity}: no such scene; expected one of {', '.join(KINDS)} with "
            "severity 1, 2 or 3: correct the name"
        )
    chosen = KINDS[kind]
    random = np.random.default_rng([list(KINDS).index(kind), severity, seed])
    days, bperp_std_m = chosen.days[severity - 1], chosen.bperp_std_m[severity - 1]
    scene = Scene(random, severity, days, chosen.shape, dict(chosen.geometry), bperp_std_m)
    chosen.build(scene)
    return _finished(scene), scene.geometry


def _finished(scene: Scene) -> Simulation:
    """Draw baselines and noise, and add up the phases."""
    dates = tuple((START + timedelta(days=int(day))).strftime("%Y%m%d") for day in scene.days)
    bperp_m = scene.random.normal(0, scene.bperp_std_m, len(dates))
    bperp_m = np.round(bperp_m - bperp_m[0], 3)
    design = design_matrix(dates, bperp_m, **scene.geometry)
    of_motion = rad_per_mm_yr(1.0, scene.geometry["wavelength_m"])
    clean = (
        design[:, 0, None, None] * scene.velocity_mm_yr
        + design[:, 1, None, None] * (scene.lever * scene.height_m)
        + of_motion * scene.motion_mm
        + scene.delay_rad
    )
    deviations = scene.date_noise[:, None, None] * scene.noise_rad
    noise = deviations * scene.random.standard_normal(clean.shape)
    gross = scene.random.random(clean.shape) < scene.outliers
    noise[gross] = scene.random.uniform(-np.pi, np.pi, np.count_nonzero(gross))
    noise = np.angle(np.exp(1j * noise))
    # what phase linking gives is near to what noise leaves of a sum over the dates
    coherence = np.abs(np.exp(1j * noise).mean(axis=0))
    coherence[scene.noise_rad >= DARK] *= 0.5
    noisy = clean + noise
    phase = noisy - noisy[0]
    return Simulation(
        dates=dates,
        bperp_m=bperp_m,
        stack=np.exp(1j * phase).astype(np.complex64),
        temporal_coherence=coherence.astype(np.float32),
        phase=phase.astype(np.float32),
        phase_noise_free=(clean - clean[0]).astype(np.float32),
        velocity_mm_yr=scene.velocity_mm_yr.astype(np.float32),
        dem_error_m=scene.height_m.astype(np.float32),
    )
