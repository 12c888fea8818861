"""Tables of one value per date: weights, temperatures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emcflow.errors import InputError
from emcflow.io.tables import read_table

# Columns that a table may give, one of them: what a value is, whether it can be one, what is.
COLUMNS = {
    "weight": ("weight", lambda value: value > 0, "a number above 0"),
    "coherence": ("coherence", lambda value: 0 <= value <= 1, "a number from 0 to 1"),
    "noise_rad": ("standard deviation", lambda value: value > 0, "radians, above 0"),
}
# Above, atmosphere and orbits have more noise than decorrelation; below, the mean over a window is
# as high without any signal, and a date without weight would still count as one.
COHERENCES = (0.05, 0.95)
# Weights this far apart hold all digits of a sum in single precision.
LARGEST_RATIO = 1e6


def read_weights(path: str | Path, dates: Sequence[str]) -> list[float]:
    """Read the weight of every date of a stack.

    Parameters
    ----------
    path : path
        CSV with the columns date and one of weight (relative), coherence (0 to 1) and noise_rad
        (standard deviation of the phase [rad]); others, and other dates, do not matter.
    dates : sequence of str
        Dates of the stack, YYYYMMDD.

    Returns
    -------
    list of float, one per date
        In proportion to 1 / variance, mean 1.

    Raises
    ------
    InputError
        For a file that is no such table, none or several of the columns, a date without or with two
        values, values that cannot be, and weights more than `LARGEST_RATIO` apart.
    """
    table = read_table(path, "table of weights", "date")
    found = [name for name in COLUMNS if table.columns((name,))]
    if len(found) != 1:
        raise InputError(
            f"{path}: {' and '.join(found) or 'no weight'} in the header "
            f"{', '.join(table.header)}; expected date and one of {', '.join(COLUMNS)}: "
            f"{'remove the others' if found else 'name the columns so'}"
        )
    name = found[0]
    values = np.array(table.of_dates(dates, name, *COLUMNS[name]))
    if name == "coherence":
        square = np.clip(values, *COHERENCES) ** 2
        weights = square / (1 - square)
    else:
        weights = (values / values.min()) ** (-2 if name == "noise_rad" else 1)
    ratio = weights.max() / max(weights.min(), np.finfo(float).tiny)
    if ratio > LARGEST_RATIO:
        raise InputError(
            f"{path}: {name} from {values.min():g} to {values.max():g} gives weights {ratio:.2g} "
            f"times apart; expected at most {LARGEST_RATIO:g}: correct the values, or leave dates "
            "out of the stack that tell nothing"
        )
    return (weights / weights.mean()).tolist()


TEMPERATURE = "temperature_c"
# No place on Earth is hotter; temperatures in kelvin are.
HIGHEST_C = 100.0


def read_temperatures(path: str | Path, dates: Sequence[str]) -> list[float]:
    """Read the temperature of every date of a stack.

    Parameters
    ----------
    path : path
        CSV with the columns date and temperature_c; others, and other dates, do not matter.
    dates : sequence of str
        Dates of the stack, YYYYMMDD.

    Returns
    -------
    list of float, one per date
        [degrees Celsius]

    Raises
    ------
    InputError
        For a file that is no such table, a date without or with two temperatures, and temperatures
        that are none in degrees Celsius.
    """
    table = read_table(path, "table of temperatures", "date")
    return table.of_dates(
        dates,
        TEMPERATURE,
        "temperature",
        lambda value: abs(value) <= HIGHEST_C,
        "degrees Celsius, -100 to 100",
    )
