"""How right an unwrapped interferogram is, where the truth is known."""

import numpy as np

from emcflow.arrays import real_array


def share_right(unwrapped: np.ndarray, truth: np.ndarray) -> float:
    """Return the share of points whose unwrapped phase is that of the truth.

    A point is right where it lies within pi of the truth after the median multiple of 2 pi, which
    no unwrapping can know, is taken out of the difference.

    Parameters
    ----------
    unwrapped : ndarray
        Unwrapped phase in radians; a point counts as wrong where it is NaN but the truth is not.
    truth : ndarray, same shape
        True phase in radians; NaN where there is none.

    Returns
    -------
    float
        From 0 to 1; NaN where the truth has no point.
    """
    unwrapped = real_array(unwrapped, "unwrapped", np.float64)
    truth = real_array(truth, "truth", np.float64)
    known = np.isfinite(truth)
    difference = (unwrapped[known] - truth[known]) / (2 * np.pi)
    if not np.isfinite(difference).any():
        return 0.0 if known.any() else float("nan")
    bulk = np.rint(np.nanmedian(difference))
    return float((np.abs(difference - bulk) < 0.5).mean())
