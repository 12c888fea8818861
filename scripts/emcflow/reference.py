"""Which points are fit to be the reference: coherent ones amid coherent neighbours."""

from __future__ import annotations

import numpy as np

# Neighbours at most this many rows and columns away count.
NEIGHBOUR_PIXELS = 4


def reference_quality(
    points: np.ndarray, coherence: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Rate every point as a reference: its coherence times the mean coherence around it.

    A lone point may be coherent by chance, or move by itself, and all others would show its noise
    and its motion with the opposite sign. Pixels around that are no points count as 0, so a point
    in the middle of many coherent ones wins over one at a shore or in a park. dolphin chooses the
    middle of the largest area of high coherence for the same reasons.

    Parameters
    ----------
    points : ndarray of int, shape (npoints, 2)
        Row and column of each point.
    coherence : ndarray of float, shape (npoints,)
        Temporal coherence, 0 to 1.
    shape : tuple of int
        Rows and columns of the scene.

    Returns
    -------
    ndarray of float32, shape (npoints,)
        0 to 1.
    """
    from scipy.ndimage import uniform_filter  # slow to import

    image = np.zeros(shape, dtype=np.float32)
    at = tuple(points.T)
    image[at] = coherence
    around = uniform_filter(image, 2 * NEIGHBOUR_PIXELS + 1, mode="constant")
    return (around[at] * coherence).astype(np.float32)
