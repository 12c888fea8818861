"""Further terms of the link model: an annual cycle, steps, and what moves with the temperature.

Beside velocity and DEM error (:mod:`emcflow.acquisition.geometry`) the phase of a date may hold::

    4 pi / wavelength * 1e-3 * (annual_sin_mm * sin(2 pi t / 365.25)
                                + annual_cos_mm * cos(2 pi t / 365.25)
                                + step_mm * (1 on and after the date of the step, else 0)
                                + thermal_mm_per_c * temperature_c)

and one term more for every further step. The name of a term is that of its map; of several steps
each has its date in its names, as ``step_20200206_mm`` and ``step_20200206_sigma_mm``.

t is in days since 1 January 2000, so that the phase of the cycle does not depend on the first
date; every column is relative to the first date. The cycle as sine and cosine is linear in both
(Colesanti et al. 2003, who fit amplitude and phase of seasonal motion); thermal dilation goes with
the temperature difference of the dates (Monserrat et al. 2011). All are motions along the line of
sight, positive away from the sensor, of two-way path 2 * 1e-3 m per mm.

References
----------
Colesanti, C., A. Ferretti, F. Novali, C. Prati, and F. Rocca (2003), SAR monitoring of progressive
and seasonal ground deformation using the permanent scatterers technique, IEEE Trans. Geosci. Remote
Sens., 41(7), 1685-1701.
Monserrat, O., M. Crosetto, M. Cuevas, and B. Crippa (2011), The thermal expansion component of
persistent scatterer interferometry observations, IEEE Geosci. Remote Sens. Lett., 8(5), 864-868.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from emcflow.acquisition.geometry import (
    DAYS_PER_YEAR,
    SIGMAS,
    TERM_UNITS,
    TERMS,
    days_since_first,
    rad_per_mm_yr,
)
from emcflow.errors import InputError

# Names of the terms that belong together, and their unit, in the order in which they are preferred.
# Names of steps are here and below without their dates.
GROUPS = {
    "annual": (("annual_sin_mm", "annual_cos_mm"), "mm"),
    "step": (("step_mm",), "mm"),
    "thermal": (("thermal_mm_per_c",), "mm/degC"),
}
EXTRA_UNITS = {name: unit for names, unit in GROUPS.values() for name in names}
EXTRA_SIGMAS = {
    "annual_sin_mm": "annual_sin_sigma_mm",
    "annual_cos_mm": "annual_cos_sigma_mm",
    "step_mm": "step_sigma_mm",
    "thermal_mm_per_c": "thermal_sigma_mm_per_c",
}
# Keys of the section link_model: what turns a group on, and its search range.
KEYS = {
    "annual": ("annual", "annual_range_mm"),
    "step": ("step_date", "step_range_mm"),
    "thermal": ("temperature_csv", "thermal_range_mm_per_c"),
}


def split_date(name: str) -> tuple[str, str]:
    """Take the date out of the name of a step or of its standard deviation, where there is one.

    Parameters
    ----------
    name : str
        As ``step_20200206_sigma_mm``; any other stays as it is.

    Returns
    -------
    name : str
        As ``step_sigma_mm``.
    date : str
        YYYYMMDD, empty without one.
    """
    found = re.fullmatch(r"step_(\d{8})_(.*)", name)
    return (f"step_{found[2]}", found[1]) if found else (name, "")


def term_unit(name: str) -> str:
    """Return the unit of a term of the link model, further or not."""
    return (TERM_UNITS | EXTRA_UNITS)[split_date(name)[0]]


def sigma_name(name: str) -> str:
    """Return the name of the standard deviation of a term, further or not."""
    undated, step_date = split_date(name)
    sigma = (SIGMAS | EXTRA_SIGMAS)[undated]
    return sigma.replace("step_", f"step_{step_date}_") if step_date else sigma


def step_terms(step_date: str | Sequence[str] | None) -> dict[str, str]:
    """Return the names of steps and the first date that each moves.

    Parameters
    ----------
    step_date : str or sequence of str, optional
        ``link_model.step_date``: one date or several, YYYYMMDD.

    Returns
    -------
    dict of str to str
        One step alone is ``step_mm``; of several each has its date in its name.
    """
    given = [step_date] if isinstance(step_date, str) else list(step_date or [])
    if len(given) == 1:
        return {"step_mm": given[0]}
    return {f"step_{each}_mm": each for each in given}


def term_groups(names: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Sort further terms into groups that are estimated together or not at all.

    Parameters
    ----------
    names : sequence of str
        Terms; those that are no further ones are left out.

    Returns
    -------
    list of (str, list of str)
        Key of :data:`GROUPS` and names, in its order. Every step is a group of its own.
    """
    groups = []
    for group, (members, _) in GROUPS.items():
        own = [name for name in names if split_date(name)[0] in members]
        groups += [(group, [name]) for name in own] if group == "step" else [(group, own)]
    return [(group, own) for group, own in groups if own]


def step_limit_mm(wavelength_m: float) -> float:
    """Return the largest step that dates can tell from others [mm], a quarter of the wavelength.

    A step of half a wavelength turns the phase of every date after it by a whole cycle, and so
    leaves all phases as they are: of steps that differ by that none is likelier than another.

    Parameters
    ----------
    wavelength_m : float
        Radar wavelength [m].

    Returns
    -------
    float
    """
    return 1e3 * wavelength_m / 4


def extra_ranges(settings: Mapping[str, Any], wavelength_m: float) -> dict[str, list[float]]:
    """Return the further terms that the config asks for, and the search range of each.

    Parameters
    ----------
    settings : mapping
        Section ``link_model`` of the config.
    wavelength_m : float
        Radar wavelength [m].

    Returns
    -------
    dict of str to [low, high]
        By the names of :data:`EXTRA_UNITS` and :func:`step_terms`, in their order.
    """
    limit = step_limit_mm(wavelength_m)
    return {
        name: settings[KEYS[group][1]] or [-limit, limit]  # only that of steps may be null
        for group, (names, _) in GROUPS.items()
        if settings[KEYS[group][0]]
        for name in (step_terms(settings["step_date"]) if group == "step" else names)
    }


def range_key(name: str) -> str:
    """Return the key of the section ``link_model`` that has the search range of a term.

    That of a relative height is found in the phases: it has no key, and keeps its name.
    """
    keys = dict(zip(TERMS, ("velocity_range_mm_yr", "dem_error_range_m"), strict=True))
    keys |= {name: KEYS[group][1] for group, (names, _) in GROUPS.items() for name in names}
    return keys.get(split_date(name)[0], name)


def extra_columns(
    dates: Sequence[str],
    wavelength_m: float,
    names: Sequence[str],
    step_date: str | Sequence[str] | None = None,
    temperature_c: Sequence[float] | None = None,
) -> np.ndarray:
    """Return the phase per unit of further terms at every date, relative to the first date.

    Parameters
    ----------
    dates : sequence of str
        Dates as YYYYMMDD, ascending.
    wavelength_m : float
        Radar wavelength [m].
    names : sequence of str
        Terms, of :data:`EXTRA_UNITS` and :func:`step_terms`.
    step_date : str or sequence of str, optional
        First date that each step moves, YYYYMMDD; dates on and after it carry the step.
    temperature_c : sequence of float, one per date, optional
        [degrees Celsius]

    Returns
    -------
    float64 (ndates, len(names))
        rad per mm and rad per mm/degC, see the module. Row 0 is zero.
    """
    first = date(2000, 1, 1).toordinal()
    days = date.fromisoformat(dates[0]).toordinal() - first + days_since_first(dates)
    angle = 2 * math.pi * days / DAYS_PER_YEAR
    columns = {"annual_sin_mm": np.sin(angle), "annual_cos_mm": np.cos(angle)}
    for name, day in step_terms(step_date).items():
        since = date.fromisoformat(day).toordinal() - first
        columns[name] = (days >= since).astype(np.float64)
    if temperature_c is not None:
        columns["thermal_mm_per_c"] = np.asarray(temperature_c, dtype=np.float64)
    # a millimetre is what one mm/yr moves in a year
    wanted = [columns[name] - columns[name][0] for name in names]
    scale = rad_per_mm_yr(1.0, wavelength_m)
    return scale * np.array(wanted, dtype=np.float64).reshape(-1, len(dates)).T


def check_step_date(step_date: str | Sequence[str], dates: Sequence[str]) -> None:
    """Refuse steps that no two dates of the stack have between them.

    Parameters
    ----------
    step_date : str or sequence of str
        As for :func:`extra_columns`.
    dates : sequence of str
        Dates of the stack, YYYYMMDD, ascending.

    Raises
    ------
    InputError
        If all dates are before a step, or none is.
    """
    outside = [day for day in step_terms(step_date).values() if not dates[0] < day <= dates[-1]]
    if outside:
        raise InputError(
            f"step_date: {', '.join(outside)} has no dates of the stack on both sides, which go "
            f"from {dates[0]} to {dates[-1]}; expected the first date after the step: give it, or "
            "leave the step out"
        )
