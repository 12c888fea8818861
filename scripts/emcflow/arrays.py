"""Arrays that callers give, taken as what they are: nothing is dropped or cut off in silence.

NumPy turns complex numbers into real ones by leaving out their imaginary part, fractions into whole
numbers by cutting them off, and masked values into whatever lies below the mask. Compiled functions
take arrays of the machine's own byte order alone. Public functions pass what they are given through
here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from emcflow.errors import InputError


def real_array(value: Any, name: str, dtype: Any = None) -> np.ndarray:
    """Return real numbers as a contiguous array in the machine's byte order.

    Parameters
    ----------
    value : array_like
        Of real numbers, whole ones or truth values.
    name : str
        Of the argument, for the message.
    dtype : dtype, optional
        float32 or float64; by default float32 stays and all else becomes float64.

    Returns
    -------
    ndarray

    Raises
    ------
    InputError
        For complex numbers, text, objects, and masked values.
    """
    array = _unmasked(value, name)
    if array.dtype.kind not in "biuf":
        advice = "give its real part or angle" if array.dtype.kind == "c" else "convert it"
        raise InputError(f"{name} is of type {array.dtype}; expected real numbers: {advice}")
    if dtype is None:
        dtype = np.float32 if array.dtype == np.float32 else np.float64
    return np.ascontiguousarray(array, dtype=dtype)


def phase_array(value: Any, name: str, dtype: Any = None) -> np.ndarray:
    """Return wrapped phase [rad] as `real_array` does; of complex numbers their angle.

    Parameters
    ----------
    value : array_like
        Radians, or complex numbers of any modulus; those that are 0 or not finite have no phase
        and become NaN.
    name, dtype
        See `real_array`.

    Returns
    -------
    ndarray
    """
    array = _unmasked(value, name)
    if array.dtype.kind == "c":
        array = np.where((array != 0) & np.isfinite(array), np.angle(array), np.nan)
    return real_array(array, name, dtype)


def whole_array(value: Any, name: str, dtype: Any = None) -> np.ndarray:
    """Return whole numbers as a contiguous array in the machine's byte order.

    Parameters
    ----------
    value : array_like
        Whole numbers, of a floating type too.
    name : str
        Of the argument, for the message.
    dtype : dtype, optional
        Of the result; by default whole numbers stay as they are and others become int64.

    Returns
    -------
    ndarray

    Raises
    ------
    InputError
        For fractions, numbers that the type cannot hold, all other types and masked values.
    """
    array = _unmasked(value, name)
    if dtype is None:
        native = array.dtype.newbyteorder("=")
        dtype = native if array.dtype.kind in "iu" else np.dtype(np.int64)
    if array.size == 0 or np.can_cast(array.dtype, dtype):
        return np.ascontiguousarray(array.astype(dtype, copy=False))
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} is of type {array.dtype}; expected whole numbers: convert it")
    limits = np.iinfo(dtype)
    low, high = array.min(), array.max()
    if not (low >= limits.min and high <= limits.max):
        raise InputError(
            f"{name} has values from {low} to {high}; expected whole numbers from {limits.min} to "
            f"{limits.max}: correct them"
        )
    whole = np.ascontiguousarray(array, dtype=dtype)
    if array.dtype.kind == "f" and (whole != array).any():
        broken = array[whole != array].flat[0]
        raise InputError(f"{name} has the value {broken}; expected whole numbers: round them")
    return whole


def _unmasked(value: Any, name: str) -> np.ndarray:
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise InputError(
            f"{name} has {np.ma.count_masked(value)} masked values; expected an array without a "
            "mask: leave these out, or fill them"
        )
    return np.asarray(value)
