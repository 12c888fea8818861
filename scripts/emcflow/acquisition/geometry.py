"""What velocity and DEM error do to the phase: the rows of the link model's design matrix.

The phase of a date relative to the first date is modelled as::

    phase = +4 pi / wavelength * (1e-3 * years * velocity_mm_yr
                                  + bperp_m / (slant_range_m * sin(incidence)) * dem_error_m)

The velocity term is the two-way path, as in Ferretti et al. (2001). The height term follows from
the viewing geometry (Bamler and Hartl 1998, on the phase-to-height conversion; Berardino et al.
2002, the topographic term of their phase model): a target that is ``h`` higher at the same range is
seen under an incidence angle that differs by ``h / (R sin(incidence))``, and a perpendicular
baseline turns that angle into a path difference. The angle is the incidence angle at the target,
not the look angle at the sensor: on a curved Earth the two differ by several degrees.

Signs: for interferograms formed as first date * conj(date) a positive velocity is a motion away
from the sensor. The sign of ``bperp_m`` is the one with which a taller target has a positive DEM
error.

References
----------
Bamler, R., and P. Hartl (1998), Synthetic aperture radar interferometry, Inverse Problems, 14(4),
R1-R54.
Berardino, P., G. Fornaro, R. Lanari, and E. Sansosti (2002), A new algorithm for surface
deformation monitoring based on small baseline differential SAR interferograms, IEEE Trans. Geosci.
Remote Sens., 40(11), 2375-2383.
Ferretti, A., C. Prati, and F. Rocca (2001), Permanent scatterers in SAR interferometry, IEEE
Trans. Geosci. Remote Sens., 39(1), 8-20.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date

import numpy as np

from emcflow.arrays import real_array
from emcflow.errors import InputError

TERMS = ("velocity_mm_yr", "dem_error_m")
UNITS = ("mm/yr", "m")
# The same where the baselines are found in the phases and have no scale: the height is in radians
# at the date whose baseline is farthest from that of another one, see emcflow.unwrap.found_height.
RELATIVE_TERMS = ("velocity_mm_yr", "height_relative")
TERM_UNITS = {**dict(zip(TERMS, UNITS, strict=True)), "height_relative": "rad"}
# Names of the standard deviations of the terms.
SIGMAS = {
    "velocity_mm_yr": "velocity_sigma_mm_yr",
    "dem_error_m": "dem_error_sigma_m",
    "height_relative": "height_relative_sigma",
}
DAYS_PER_YEAR = 365.25
SPEED_OF_LIGHT = 299_792_458.0  # m/s
# Keys of the section geometry that may be rasters.
RASTER_KEYS = ("slant_range_m", "incidence_angle_deg")
# What the keys of the section geometry are, and between which limits they lie, numbers and
# rasters alike.
LIMITS = {
    "wavelength_m": (1e-3, 1.0, "wavelengths in metres"),
    "slant_range_m": (2e3, 1e8, "slant ranges in metres, not kilometres"),
    "incidence_angle_deg": (2.0, 90.0, "incidence angles in degrees"),
}
# Values in other units that are met, turned into those of the key; and between which values they
# are believed: the bands X to L, and heights of satellites.
OTHER_UNITS: dict[str, tuple[float, float, dict[str, Callable[[float], float]]]] = {
    "wavelength_m": (
        0.02,
        0.3,
        {
            "centimetres": lambda value: value / 1e2,
            "millimetres": lambda value: value / 1e3,
            "GHz": lambda value: SPEED_OF_LIGHT / (value * 1e9),
            "MHz": lambda value: SPEED_OF_LIGHT / (value * 1e6),
            "Hz": lambda value: SPEED_OF_LIGHT / value,
        },
    ),
    "slant_range_m": (2e5, 4e7, {"kilometres": lambda value: value * 1e3}),
    "incidence_angle_deg": (5.0, 90.0, {"radians": math.degrees}),
}
# Motion away from the sensor is positive in the phase; in results it is the one of these asked for.
MOTION_SIGNS = {"away": 1, "toward": -1}
MOTION_TEXTS = {
    "away": "positive away from the sensor, for phase of reference * conj(secondary)",
    "toward": "positive toward the sensor, for phase of reference * conj(secondary)",
}


def days_since_first(dates: Sequence[str]) -> np.ndarray:
    """Return the time from the first date to each date.

    Parameters
    ----------
    dates : sequence of str
        Dates as YYYYMMDD.

    Returns
    -------
    ndarray of float64, shape (ndates,)
        Days; the first is 0.

    Raises
    ------
    InputError
        For text that is not a date.
    """
    try:
        days = np.array([date.fromisoformat(text).toordinal() for text in dates], dtype=np.float64)
    except ValueError as error:
        raise InputError(
            f"dates: {error}; expected dates as YYYYMMDD: correct the list of dates"
        ) from None
    return days - days[:1]


def rad_per_mm_yr(years: np.ndarray | float, wavelength_m: float) -> np.ndarray | float:
    """Return the phase that a velocity of 1 mm/yr adds up to: 4 pi / wavelength * 1e-3 * years.

    Two-way path of a steady line-of-sight motion (Ferretti et al. 2001).

    Parameters
    ----------
    years : float or ndarray
        Time span [yr].
    wavelength_m : float
        Radar wavelength [m].

    Returns
    -------
    float or ndarray, like `years`
        [rad per mm/yr]
    """
    return 4 * math.pi / wavelength_m * 1e-3 * years


def metres_per_rad(wavelength_m: float, positive: str) -> float:
    """Return the displacement along the line of sight that adds 1 rad: +-wavelength / (4 pi).

    Two-way path (Ferretti et al. 2001), of phase that grows with the distance to the sensor.

    Parameters
    ----------
    wavelength_m : float
        Radar wavelength [m].
    positive : {"away", "toward"}
        Motion that is to be positive.

    Returns
    -------
    float
        [m per rad], below 0 for "toward".
    """
    return MOTION_SIGNS[positive] * wavelength_m / (4 * math.pi)


def rad_per_m(
    bperp_m: np.ndarray | float,
    wavelength_m: float,
    slant_range_m: float,
    incidence_angle_deg: float,
) -> np.ndarray | float:
    """Return the phase of 1 m of DEM error: 4 pi / wavelength * bperp / (R sin(incidence)).

    Bamler and Hartl (1998); Berardino et al. (2002). Its inverse times 2 pi is the height of
    ambiguity, wavelength * R * sin(incidence) / (2 bperp).

    Parameters
    ----------
    bperp_m : float or ndarray
        Perpendicular baseline [m].
    wavelength_m : float
        Radar wavelength [m].
    slant_range_m : float
        Distance from the sensor to the target [m].
    incidence_angle_deg : float
        Incidence angle at the target [degrees], measured from the vertical.

    Returns
    -------
    float or ndarray, like `bperp_m`
        [rad per m]
    """
    sine = math.sin(math.radians(incidence_angle_deg))
    return 4 * math.pi / wavelength_m * bperp_m / (slant_range_m * sine)


def design_matrix(
    dates: Sequence[str],
    bperp_m: np.ndarray,
    wavelength_m: float,
    slant_range_m: float,
    incidence_angle_deg: float,
) -> np.ndarray:
    """Return the phase per unit of velocity and DEM error of every date, relative to the first.

    Parameters
    ----------
    dates : sequence of str
        Dates as YYYYMMDD, ascending.
    bperp_m : ndarray, shape (ndates,)
        Perpendicular baseline of each date [m]; only differences to the first date count.
    wavelength_m : float
        Radar wavelength [m].
    slant_range_m : float
        Distance from the sensor to the target [m].
    incidence_angle_deg : float
        Incidence angle at the target [degrees].

    Returns
    -------
    ndarray of float64, shape (ndates, 2)
        Columns as in :data:`TERMS`: rad per mm/yr and rad per m. Row 0 is zero.

    Raises
    ------
    InputError
        For dates that do not ascend, a baseline that is missing or not finite, or a geometry that
        is none.
    """
    given = (wavelength_m, slant_range_m, incidence_angle_deg)
    for key, value in zip(LIMITS, given, strict=True):
        check_limits(f"geometry.{key}", key, value, value)
    years = days_since_first(dates) / DAYS_PER_YEAR
    bperp_m = real_array(bperp_m, "bperp_m", np.float64)
    if np.any(np.diff(years) <= 0):
        raise InputError(
            f"dates: {', '.join(dates)} do not ascend; expected each date once, the earliest "
            "first: sort them"
        )
    if bperp_m.shape != years.shape or not np.isfinite(bperp_m).all():
        raise InputError(
            f"baselines: {np.isfinite(bperp_m).sum()} usable values for {years.size} dates; "
            "expected one finite value [m] per date: complete the baseline table"
        )
    velocity = rad_per_mm_yr(years, wavelength_m)
    height = rad_per_m(bperp_m - bperp_m[:1], wavelength_m, slant_range_m, incidence_angle_deg)
    return np.column_stack([velocity, height])


def pair_design(design: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the design matrix of pairs: row of the second date minus row of the first.

    Parameters
    ----------
    design : ndarray, shape (ndates, nterms)
        See :func:`design_matrix`.
    pairs : ndarray of int, shape (npairs, 2)
        Indices of the first and second date.

    Returns
    -------
    ndarray of float64, shape (npairs, nterms)
    """
    return design[pairs[:, 1]] - design[pairs[:, 0]]


def check_limits(name: str, key: str, smallest: float, largest: float) -> None:
    """Refuse values of the geometry that no radar has; NaN fails every comparison too.

    Parameters
    ----------
    name : str
        Of the key or the raster, for the message.
    key : str
        One of :data:`LIMITS`.
    smallest, largest : float
        Of the values; one number is both.

    Raises
    ------
    InputError
        It names the unit that the values look like.
    """
    low, high, what = LIMITS[key]
    if low < smallest and largest < high:
        return
    advice = "correct it"
    least, most, units = OTHER_UNITS[key]
    middle = (smallest + largest) / 2
    readings = {unit: turn(middle) for unit, turn in units.items()} if middle > 0 else {}
    likely = {unit: value for unit, value in readings.items() if least <= value < most}
    if likely:
        advice = "it looks like " + " or ".join(likely)
    if smallest == largest:
        found = f"{smallest:.8g}"
        if likely:
            advice += ", write " + " or ".join(f"{value:.4g}" for value in likely.values())
    else:
        found = f"values from {smallest:g} to {largest:g} at the points"
        advice += ", convert it" if likely else ""
    raise InputError(
        f"{name}: {found}; expected {what}, above {low:g} and below {high:g}: {advice}"
    )
