"""Baselines of a table against those that the phases ask for.

The phases give baselines but for scale and sign, and with the part along time unsure: so a table is
compared with a line through what was found and a trend in time. Single dates that are wrong stand
out. A table that is wrong as a whole by a factor, or of the other sign as a whole, leaves the same
phases with heights by the inverse factor or of the other sign, and does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# A value is off that misses the line by so many standard deviations of its own, and by so many of
# what dates miss it by (from the median of the absolute values), and by this share of the span.
OFF_SIGMAS = 6.0
OFF_SHARE = 0.05
MAD_TO_SIGMA = 1.4826
# Below this correlation the phases have another shape than the table.
LEAST_CORRELATION = 0.8
# Where more dates than this are off, none of them can be told.
MOST_OFF = 1 / 3
REWEIGHTED = 50


@dataclass(frozen=True)
class BaselineCheck:
    """What the phases say of a table of baselines.

    Attributes
    ----------
    expected_m : float64 (ndates,)
        Baselines that the phases ask for, where they can be told of the origin, scale, sign and
        trend of the table [m].
    sigma_m : float64 (ndates,)
        Their standard deviation [m].
    off : bool (ndates,)
        Dates whose baseline is another one.
    correlation : float
        Of table and phases over the dates that are not off.
    """

    expected_m: np.ndarray
    sigma_m: np.ndarray
    off: np.ndarray
    correlation: float

    @property
    def is_comparable(self) -> bool:
        """Whether table and phases are of one shape, so that single dates can be named."""
        return self.correlation > LEAST_CORRELATION and bool(self.off.mean() <= MOST_OFF)


def check_baselines(
    bperp_m: np.ndarray, column: np.ndarray, sigma: np.ndarray, time: np.ndarray
) -> BaselineCheck:
    """Compare baselines with the column that was found in the phases.

    Parameters
    ----------
    bperp_m : float64 (ndates,)
        Of the table [m].
    column, sigma : float64 (ndates,)
        From :func:`emcflow.unwrap.found_height.found_height`.
    time : float64 (ndates,)
        In any unit.

    Returns
    -------
    BaselineCheck

    Notes
    -----
    The line is that of least absolute deviations, by reweighting: dates that are off do not move
    it.
    """
    bperp_m, time = np.asarray(bperp_m, np.float64), np.asarray(time, np.float64)
    time = (time - time.mean()) / max(np.ptp(time), np.finfo(float).tiny)
    columns = np.column_stack([np.ones(len(column)), column, time])
    weights = np.ones(len(column))
    for _ in range(REWEIGHTED):
        root = np.sqrt(weights)
        line = np.linalg.lstsq(columns * root[:, None], bperp_m * root, rcond=None)[0]
        missed = np.abs(bperp_m - columns @ line)
        weights = 1 / (missed + 1e-4 * np.ptp(bperp_m) + np.finfo(float).tiny)
    scale = abs(line[1])
    expected, sigma_m = columns @ line, scale * np.asarray(sigma)
    typical = MAD_TO_SIGMA * np.median(missed)
    off = missed > np.maximum(OFF_SIGMAS * sigma_m, max(OFF_SIGMAS * typical, OFF_SHARE * scale))
    good = ~off
    known = bperp_m[good] - line[2] * time[good], column[good]
    alike = np.ptp(known[0]) > 0 and np.ptp(known[1]) > 0
    correlation = abs(float(np.corrcoef(*known)[0, 1])) if alike else 0.0
    return BaselineCheck(expected, sigma_m, off, correlation)


def check_remarks(dates: Sequence[str], bperp_m: np.ndarray, check: BaselineCheck) -> list[str]:
    """Say what is wrong with a table: dates, their baselines and those that the phases ask for.

    Parameters
    ----------
    dates : sequence of str
        YYYYMMDD.
    bperp_m : float64 (ndates,)
        Of the table, relative to the first date [m].
    check : BaselineCheck

    Returns
    -------
    list of str
        Empty where the table agrees.
    """
    if not check.is_comparable:
        return [
            "The baselines of the table and what the phases of neighbouring points share have a "
            f"correlation of {check.correlation:.2f} over the dates: either other things than "
            "height move the phases most, or the table is of another stack or has many wrong "
            "dates; baselines were not checked date by date."
        ]
    remarks = []
    waiting = np.flatnonzero(check.off).tolist()
    while waiting:
        date = waiting.pop(0)
        given, expected = bperp_m[date], check.expected_m[date]
        near = _tolerance(check, date)
        swapped = [
            other
            for other in waiting
            if abs(bperp_m[other] - expected) < near
            and abs(given - check.expected_m[other]) < _tolerance(check, other)
        ]
        asked = f"{expected:.0f} ± {max(check.sigma_m[date], 1):.0f} m"
        text = (
            f"The baseline of {dates[date]} is {given:.0f} m in the table; the phases ask for "
            f"{asked}"
        )
        if swapped:
            other = swapped[0]
            waiting.remove(other)
            text += (
                f", and for {check.expected_m[other]:.0f} m instead of {bperp_m[other]:.0f} m on "
                f"{dates[other]}: the two dates look swapped"
            )
        elif abs(given + expected) < near:
            text += ": its sign looks wrong"
        remarks.append(f"{text}. Check the table, or correct it.")
    return remarks


def _tolerance(check: BaselineCheck, date: int) -> float:
    """How near a baseline is to be to count as the one that is asked for [m]."""
    return max(OFF_SIGMAS * check.sigma_m[date], OFF_SHARE * np.ptp(check.expected_m))


def scale_of_known(
    known_m: np.ndarray, column: np.ndarray, sigma: np.ndarray
) -> tuple[float, float]:
    """Metres per unit of a found column, from baselines of some dates that are known.

    Parameters
    ----------
    known_m : float64 (n,)
        Perpendicular baselines of some dates, at least two, relative to any one orbit [m].
    column, sigma : float64 (n,)
        Of these dates.

    Returns
    -------
    scale : float
        [m per unit], with its sign.
    uncertainty : float
        Standard deviation of the scale as a share of it, from that of the column.
    """
    known = known_m - known_m.mean()
    centred = column - column.mean()
    size = max(float(known @ known), np.finfo(float).tiny)
    # of the column per metre: the metres are those without errors
    slope = float(known @ centred) / size
    error = float(np.sqrt(np.square(known) @ np.square(sigma))) / size
    if slope == 0:
        return np.inf, np.inf
    return 1 / slope, error / abs(slope)
