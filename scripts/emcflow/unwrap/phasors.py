"""Cosine and sine, and turns between two phasors, as compiled loops over dates have them.

The functions of the mathematical library are called once for each number. These are a few products
and selections, which the compiler turns into instructions for several dates at a time.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, inline="always")
def cos_sin(angle: float) -> tuple[float, float]:
    """Return cosine and sine of an angle [rad], right to 2e-10.

    Taylor's series for the angle from the nearest multiple of a right angle.
    """
    right_angles = np.rint(angle * (2 / np.pi))
    rest = angle - right_angles * (np.pi / 2)
    square = rest * rest
    sine = 1 / 362880 + square * (-1 / 39916800)
    sine = -1 / 5040 + square * sine
    sine = rest * (1 + square * (-1 / 6 + square * (1 / 120 + square * sine)))
    cosine = 1 / 40320 + square * (-1 / 3628800)
    cosine = 1 + square * (-1 / 2 + square * (1 / 24 + square * (-1 / 720 + square * cosine)))
    quarter = right_angles - 4 * np.floor(right_angles / 4)
    odd = (quarter == 1) or (quarter == 3)
    real, imag = (sine, cosine) if odd else (cosine, sine)
    real = -real if (quarter == 1) or (quarter == 2) else real
    imag = -imag if quarter >= 2 else imag
    return real, imag


@njit(cache=True, nogil=True, inline="always")
def turns_between(real: float, imag: float, other_real: float, other_imag: float) -> float:
    """Return the whole turns nearest to the angle of a phasor less that of another: -1, 0 or 1.

    Both angles are from -pi to pi. They are more than half a turn apart where they lie on either
    side of 0 and the shorter way from one to the other does not.
    """
    across = imag * other_real - real * other_imag
    if imag > 0 and other_imag < 0 and across < 0:
        return 1.0
    if imag < 0 and other_imag > 0 and across > 0:
        return -1.0
    return 0.0
