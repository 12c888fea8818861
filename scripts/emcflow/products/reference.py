"""The reference point: which points are fit for it, and which one it became."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from emcflow.io.files import read_csv, write_csv
from emcflow.io.point_windows import Bounds
from emcflow.io.raster import BLOCK
from emcflow.io.strips import strip_bounds
from emcflow.tiles.scene import ScenePixels

# Neighbours at most this many rows and columns away count.
NEIGHBOUR_PIXELS = 4


def reference_quality(coherence: Callable[[Bounds], np.ndarray], pixels: ScenePixels) -> np.ndarray:
    """Rate every point as a reference: its coherence times the mean coherence around it.

    A lone point may be coherent by chance, or move by itself, and all others would show its noise
    and its motion with the opposite sign. Pixels around that are no points count as 0, so a point
    in the middle of many coherent ones wins over one at a shore or in a park. dolphin chooses the
    middle of the largest area of high coherence for the same reasons.

    Parameters
    ----------
    coherence : callable
        Returns the temporal coherence, 0 to 1, of the pixels within bounds, (rows, cols).
    pixels : ScenePixels
        Those that are points.

    Returns
    -------
    ndarray of float32, shape (npoints,)
        0 to 1.
    """
    from scipy.ndimage import uniform_filter  # slow to import

    quality = np.empty(pixels.npoints, np.float32)
    nrows, ncols = pixels.used.shape
    for row, end in strip_bounds(nrows, BLOCK):
        top, bottom = max(row - NEIGHBOUR_PIXELS, 0), min(end + NEIGHBOUR_PIXELS, nrows)
        inside, own = pixels.used[top:bottom], slice(row - top, end - top)
        values = np.where(inside, coherence((top, 0, bottom, ncols)), 0)
        around = uniform_filter(
            values.astype(np.float32), 2 * NEIGHBOUR_PIXELS + 1, mode="constant"
        )
        part = slice(*pixels.first[[row, end]])
        quality[part] = (around[own] * values[own])[inside[own]]
    return quality


def write_references(
    path: str | Path, points: np.ndarray, labels: np.ndarray, chosen: tuple[int, int] | None
) -> None:
    """Write the reference points of a scene, one for each component.

    Parameters
    ----------
    path : path
        CSV with the columns row, col, label (of :func:`emcflow.tiles.merge.component_labels`) and
        series, 1 for the point that time series and exports are relative to: `chosen` where it is
        one of the points, else that of the largest component.
    points : ndarray of int, shape (ncomponents, 2)
        Row and column.
    labels : ndarray of int, shape (ncomponents,)
    chosen : tuple of int or None
    """
    series = (labels == 1) if chosen is None else (points == chosen).all(axis=1)
    columns = {"row": points[:, 0], "col": points[:, 1], "label": labels, "series": series * 1}
    write_csv(path, columns)


def label_points(labels: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Choose a point of each label: a reference point where one lies in it, else its first.

    Parameters
    ----------
    labels : ndarray of uint16, shape (npoints,)
        0 for none.
    references : ndarray of int, shape (ncomponents,)
        Points that phases are relative to.

    Returns
    -------
    ndarray of int64, shape (nlabels,)
        Points of the labels 1, 2, ...
    """
    present, found = np.unique(labels, return_index=True)
    # of several in a label the first is written last
    found[np.searchsorted(present, labels[references])[::-1]] = references[::-1]
    return found[present > 0]


def read_references(path: str | Path) -> tuple[np.ndarray, tuple[int, int]]:
    """Read the reference points of a scene.

    Parameters
    ----------
    path : path
        Of :func:`write_references`.

    Returns
    -------
    points : ndarray of int64, shape (ncomponents, 2)
        Row and column of the reference point of each component.
    series : tuple of int
        Row and column of the point that time series and exports are relative to.
    """
    table = read_csv(path)
    points = np.column_stack([table["row"], table["col"]]).astype(np.int64)
    row, col = points[np.argmax(table["series"])].tolist()
    return points, (row, col)
