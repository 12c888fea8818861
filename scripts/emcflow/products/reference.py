"""The reference point: which points are fit for it, and which one it became."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emcflow.io.files import read_csv, write_csv

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
