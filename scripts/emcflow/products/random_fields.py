"""Random fields on the grid of a simulated scene."""

from __future__ import annotations

import numpy as np


def power_law(shape: tuple[int, int], exponent: float, random: np.random.Generator) -> np.ndarray:
    """Return a random field of mean 0 and standard deviation 1 with a power-law spectrum.

    White noise is filtered in the frequency domain on a grid half as large again, so that
    opposite borders of the field do not match.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    exponent : float
        Of the two-dimensional power spectrum over radial frequency, below 0.
    random : numpy.random.Generator

    Returns
    -------
    ndarray of float64, shape `shape`
    """
    side = max(shape) * 3 // 2 + 2
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(random.standard_normal((side, side))) * frequency ** (exponent / 2)
    field = np.fft.irfft2(spectrum, s=(side, side))[: shape[0], : shape[1]]
    field -= field.mean()
    return field / (field.std() or 1.0)
