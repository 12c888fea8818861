"""Images of wrapped phase: complex numbers, or real ones in radians."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import rasterio
from rasterio.windows import Window

from emcflow.errors import InputError
from emcflow.io.raster import (
    BLOCK,
    declares_nodata,
    is_scaled,
    last_block,
    open_raster,
    values_of,
    windows,
)

# How far beyond pi rounding may bring a wrapped phase [rad].
PHASE_TOLERANCE = 1e-3
# Faint pixels of complex integers may be real by chance: fewer tell nothing.
LEAST_REAL_PIXELS = 16


def read_image(
    path: str,
    bounds: tuple[int, int, int, int],
    at: np.ndarray | tuple[np.ndarray, np.ndarray] | None = None,
    *,
    amplitudes: bool = False,
) -> np.ndarray:
    """Read complex numbers of the wrapped phase of an image, whichever way it is written.

    Parameters
    ----------
    path : str
        Raster of complex numbers, or of the wrapped phase in radians as floating-point numbers or
        scaled integers.
    bounds : tuple of int
        First row, first column, last row, last column, half open.
    at : ndarray of bool, or rows and columns, optional
        The pixels wanted, in the window; all where not given.
    amplitudes : bool
        Complex numbers may be amplitudes alone, of phase 0, as linked SLCs of the first date are.

    Returns
    -------
    complex64 or complex128 ndarray
        One-dimensional where `at` is given. 0 or not finite where there is no data: where the file
        declares it, and at zeros of complex numbers. A real 0 is no data in a file that declares
        none, and the phase 0 in one that does.

    Raises
    ------
    InputError
        See :func:`check_image`.
    """
    with open_raster(path) as dataset:
        values = values_of(dataset, path, bounds)
        check_image(dataset, path, values, amplitudes=amplitudes)
        zero_is_phase = declares_nodata(dataset)
    if at is not None:
        values = values[at]
    if np.iscomplexobj(values):
        return values
    image = np.empty(values.shape, np.complex64)
    np.cos(values, out=image.real, casting="same_kind")
    np.sin(values, out=image.imag, casting="same_kind")
    if not zero_is_phase:
        image[values == 0] = 0
    return image


def phase_at_points(
    path: str,
    points: np.ndarray,
    shape: tuple[int, int],
    window: Sequence[int] | None = None,
) -> np.ndarray:
    """Read the phase of an image at some pixels, a strip at a time.

    Parameters
    ----------
    path : str
        See :func:`read_image`.
    points : int (npoints, 2)
        Row and column in the scene.
    shape : tuple of int
        Rows and columns of the scene.
    window : sequence of int, optional
        First row, first column, end row, end column of the scene in the image; all where not given.

    Returns
    -------
    float64 (npoints,)
        [rad], from -pi to pi.
    """
    row0, col0 = window[:2] if window else (0, 0)
    rows, cols = points.T
    phase = np.empty(len(points))
    for top, left, bottom, right in windows(shape, (BLOCK, shape[1])):
        here = np.flatnonzero((rows >= top) & (rows < bottom))
        bounds = (row0 + top, col0 + left, row0 + bottom, col0 + right)
        phase[here] = np.angle(read_image(path, bounds, (rows[here] - top, cols[here])))
    return phase


def check_last_block(dataset: rasterio.DatasetReader, path: str, *, amplitudes: bool) -> None:
    """Check the last block of an image, which also shows whether the file is whole.

    Raises
    ------
    InputError
        Where it cannot be read, or see :func:`check_image`.
    """
    check_type(dataset, path)
    values = values_of(dataset, path, last_block(dataset))
    if dataset.count == 2 and not np.iscomplexobj(values):
        _check_second_band(dataset, path, values)
    check_image(dataset, path, values, amplitudes=amplitudes)


def _check_second_band(dataset: rasterio.DatasetReader, path: str, values: np.ndarray) -> None:
    """Refuse two bands that both have either sign: no phase beside a coherence or an amplitude."""
    rows, cols = last_block(dataset)[::2], last_block(dataset)[1::2]
    second = dataset.read(2, window=Window.from_slices(rows, cols))
    if (values < 0).any() and (second < 0).any():
        raise InputError(
            f"{path}: two bands of real numbers of either sign, without names; expected to know "
            "which of them: set stack.variable to [1, 2] if they are real and imaginary part, or "
            "to the number of the band with the wrapped phase"
        )


def check_type(dataset: rasterio.DatasetReader, path: str) -> None:
    """Refuse integers: neither complex nor radians.

    Raises
    ------
    InputError
    """
    kind = dataset.dtypes[0]
    if not kind.startswith(("complex", "float")) and not is_scaled(dataset):
        raise InputError(
            f"{path}: values of type {kind}; expected complex numbers (wrapped phase with or "
            "without amplitude), or wrapped phase in radians as float32: write it as one of them, "
            "0 or NaN where there is no data"
        )


def check_image(
    dataset: rasterio.DatasetReader, path: str, values: np.ndarray, *, amplitudes: bool
) -> None:
    """Refuse values that are no wrapped phase.

    Parameters
    ----------
    dataset : DatasetReader
        The raster.
    path : str
        For the message.
    values : ndarray
        Read from it, see :func:`emcflow.io.raster.values_of`.
    amplitudes : bool
        See :func:`read_image`.

    Raises
    ------
    InputError
        For integers, for real numbers beyond -pi to pi, and for complex numbers whose imaginary
        parts are all 0 while the real parts vary.
    """
    check_type(dataset, path)
    if np.iscomplexobj(values):
        _check_imaginary_parts(path, values, amplitudes)
        return
    known = np.isfinite(values)
    low, high = values.min(initial=0, where=known), values.max(initial=0, where=known)
    if max(-low, high) > math.pi + PHASE_TOLERANCE:
        raise InputError(
            f"{path}: real values from {low:g} to {high:g}, which looks like unwrapped phase; "
            "expected complex numbers, or wrapped phase in radians from -pi to pi: give the "
            "wrapped phase, and declare the value of nodata if it has one (gdal_edit.py -a_nodata)"
        )


def _check_imaginary_parts(path: str, values: np.ndarray, amplitudes: bool) -> None:
    # a few pixels decide nearly always; NaN counts for nothing
    for part in (values.imag[::16, ::16], values.imag):
        if any(extreme.reduce(part, axis=None, initial=0) for extreme in (np.fmax, np.fmin)):
            return
    real = values.real[np.isfinite(values) & (values != 0)]
    if real.size < LEAST_REAL_PIXELS or real.min() == real.max():
        return
    if amplitudes and real.min() > 0:
        return
    raise InputError(
        f"{path}: the imaginary part is 0 everywhere and the real part goes from {real.min():g} "
        f"to {real.max():g}; expected exp(1j * phase), with or without amplitude: write that, or "
        "wrapped phase in radians as float32"
    )
