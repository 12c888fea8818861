"""Pixels between the points: wrapped phase taken to the cycle of the nearest point."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import distance_transform_edt

from emcflow.arrays import phase_array, real_array

CYCLE = 2 * np.pi
# Labels of what is in a filled interferogram.
NOTHING, POINT, FILLED = 0, 1, 2


def nearest_points(
    points: np.ndarray, wanted: np.ndarray, max_pixels: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the nearest point of every wanted pixel that has one within a distance.

    Parameters
    ----------
    points : bool (rows, cols)
    wanted : bool (rows, cols)
        Pixels a point is looked for; points themselves are left out.
    max_pixels : float
        Largest distance between the centres of the two [pixels]; of points at the same distance
        one is taken.

    Returns
    -------
    rows, cols : int (n,)
        The wanted pixels with a point near enough, row by row.
    nearest : int (n, 2)
        Row and column of the point of each.
    """
    rows, cols = np.nonzero(wanted & ~points) if points.any() else np.zeros((2, 0), int)
    if not rows.size:
        return rows, cols, np.zeros((0, 2), np.int32)
    indices = distance_transform_edt(~points, return_distances=False, return_indices=True)
    nearest = indices[:, rows, cols]
    near = (nearest[0] - rows) ** 2 + (nearest[1] - cols) ** 2 <= max_pixels**2
    return rows[near], cols[near], nearest[:, near].T


def to_nearest_cycle(wrapped: np.ndarray, unwrapped: np.ndarray) -> np.ndarray:
    """Return the phase that is congruent with one phase and within half a cycle of another.

    Parameters
    ----------
    wrapped, unwrapped : float (n,)
        Phase of the pixels, and unwrapped phase of the point of each [rad].

    Returns
    -------
    float64 (n,)
        ``wrapped + 2 pi k`` with the whole number k that brings it nearest to `unwrapped`; NaN
        where one of the two is.
    """
    wrapped = phase_array(wrapped, "wrapped", np.float64)
    unwrapped = real_array(unwrapped, "unwrapped", np.float64)
    return wrapped + CYCLE * np.rint((unwrapped - wrapped) / CYCLE)


def fill_image(
    unwrapped: np.ndarray,
    rows: slice,
    pixels: tuple[np.ndarray, np.ndarray],
    nearest: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
) -> tuple[np.ndarray, int]:
    """Fill a strip of an interferogram.

    Parameters
    ----------
    unwrapped : float32 (rows, cols)
        Of the strip with its margins, NaN between the points [rad]; it is changed.
    rows : slice
        Those of the strip.
    pixels : tuple of int (n,)
        Rows, counted in the strip, and columns of the pixels to fill.
    nearest : int (n, 2)
        Row and column of the point nearest to each, counted with the margin.
    first, second : float32 (n,)
        Phase of the dates at the pixels [rad].

    Returns
    -------
    image : float32 (rows, cols)
        The strip.
    filled : int
        Number of pixels with a phase.
    """
    values = to_nearest_cycle(second.astype(np.float64) - first, unwrapped[tuple(nearest.T)])
    image = unwrapped[rows]
    image[pixels] = values
    return image, int(np.count_nonzero(np.isfinite(values)))


def strips(
    shape: tuple[int, int], height: int, margin: int
) -> Iterator[tuple[tuple[int, int, int, int], tuple[int, int, int, int]]]:
    """Cut a scene into strips of whole rows, each also with a margin of rows above and below.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the scene.
    height, margin : int
        Rows of a strip and of its margin; fewer at the borders of the scene.

    Yields
    ------
    strip, with_margin : tuple of int
        First row, first column, end row, end column, half open.
    """
    rows, cols = shape
    for row in range(0, rows, height):
        end = min(row + height, rows)
        yield (row, 0, end, cols), (max(row - margin, 0), 0, min(end + margin, rows), cols)
