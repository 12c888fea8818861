"""The reference point: which points are fit for it, and which one it became."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emcflow.raster import open_raster

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


def read_reference(components: str | Path) -> tuple[int, int]:
    """Read the reference point of the largest component, which the interferograms have as well.

    Parameters
    ----------
    components : path
        Raster of connected components, ``D1_D2.unw.conncomp.tif``.

    Returns
    -------
    tuple of int
        Row and column.
    """
    with open_raster(components) as dataset:
        first = dataset.tags()["REFERENCES_ROW_COL"].partition(";")[0]
    row, col = first.split()
    return int(row), int(col)
