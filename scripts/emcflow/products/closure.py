"""Loop closure: whether the unwrapped pairs around each triangle of the network add up to zero."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from emcflow.io.raster import BLOCK, NO_LABEL_DATA, read_band, windows
from emcflow.network.networks import Network

# The pairs that are held at a time take at most this much, in each thread [bytes].
HELD_BYTES = 512_000_000
# Windows are of whole blocks of the rasters, so that each block is decompressed once; no wider than
# this number of blocks, which is enough for the time of opening a file not to count.
WIDEST_BLOCKS = 8


@dataclass(frozen=True)
class Closure:
    """Loops that do not close.

    Attributes
    ----------
    points : ndarray of int64, shape (ntri,)
        Points with a value in all three pairs of each triangle of :func:`all_triangles`.
    open_points : ndarray of int64, shape (ntri,)
        Those of them where the three pairs do not add up to zero.
    open_loops : ndarray of uint16, shape (rows, cols)
        Triangles that do not close at each point; 65534 where there are more.
    """

    points: np.ndarray
    open_points: np.ndarray
    open_loops: np.ndarray

    @property
    def share_closed(self) -> float:
        """Share of all loops of all points that close; NaN where there is none."""
        total = self.points.sum()
        return 1 - float(self.open_points.sum() / total) if total else float("nan")


def all_triangles(pairs: np.ndarray, ndates: int) -> tuple[np.ndarray, np.ndarray]:
    """Return every triple of dates whose three pairs are in a network, planar or not.

    Parameters
    ----------
    pairs : ndarray of int, shape (npairs, 2)
        Indices (d1, d2) of the dates of each pair, d1 < d2.
    ndates : int

    Returns
    -------
    triangles : ndarray of int32, shape (ntri, 3)
        Indices of the dates, ascending; sorted.
    sides : ndarray of int32, shape (ntri, 3)
        Indices of the pairs of first and second, second and third, first and third date.
    """
    number = np.full((ndates, ndates), -1, np.int32)
    number[tuple(np.asarray(pairs).T)] = np.arange(len(pairs))
    found = [np.empty((0, 3), np.int32)]
    for first in range(ndates):
        later = np.flatnonzero(number[first] >= 0).astype(np.int32)
        inner = np.argwhere(number[np.ix_(later, later)] >= 0)
        found.append(np.insert(later[inner], 0, first, axis=1))
    triangles = np.concatenate(found)
    a, b, c = triangles.T
    return triangles, np.stack([number[a, b], number[b, c], number[a, c]], axis=1)


def window_of(sides: np.ndarray) -> tuple[tuple[int, int], int]:
    """Return the size of the windows that rasters are read in, and what one of them takes.

    Parameters
    ----------
    sides : ndarray of int, shape (ntri, 3)
        Of :func:`all_triangles`.

    Returns
    -------
    size : tuple of int
        Rows and columns: whole blocks where the pairs that are held at a time allow for it.
    held : int
        Most pairs that are held at a time.
    """
    first, last = _uses(sides)
    ends = np.bincount(last[last >= 0], minlength=len(sides))
    begins = np.bincount(first[last >= 0], minlength=len(sides))
    held = int(np.max(np.cumsum(begins) - np.cumsum(ends) + ends, initial=1))
    pixels = HELD_BYTES // (held * np.dtype(np.float32).itemsize)
    rows = min(BLOCK, max(1, pixels // BLOCK))
    return (rows, BLOCK * min(WIDEST_BLOCKS, max(1, pixels // BLOCK**2))), held


def _uses(sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the last triangle of each pair, -1 for pairs in none."""
    npairs = sides.max(initial=-1) + 1
    first, last = np.full((2, npairs), -1)
    number = np.repeat(np.arange(len(sides)), 3)
    last[sides.ravel()] = number  # of several the last one stays
    first[sides.ravel()[::-1]] = number[::-1]
    return first, last


def loop_closure(
    paths: Sequence[str | Path],
    network: Network,
    shape: tuple[int, int],
    n_threads: int = 1,
    rows: tuple[int, int] | None = None,
) -> Closure:
    """Count where the unwrapped phase does not close around the triangles of the network.

    Wrapped phases of dates close around every triangle, so the sum of three unwrapped pairs is a
    whole number of cycles, and anything but 0 says that one of the three is wrong there. The
    rasters are read window by window; each window holds only the pairs whose triangles are not
    done yet, and is the smaller the more these are.

    Parameters
    ----------
    paths : sequence of path
        Raster of unwrapped phase [rad] of each pair of the network, NaN where there is none.
    network : Network
        All its triangles count, not only those that links are unwrapped over in time.
    shape : tuple of int
        Rows and columns of the rasters.
    n_threads : int
        Windows worked on side by side.
    rows : tuple of int, optional
        First and end row of the part of the scene that is looked at.

    Returns
    -------
    Closure
    """
    triangles, sides = all_triangles(network.pairs, network.ndates)
    points = np.zeros(len(triangles), dtype=np.int64)
    open_points = np.zeros_like(points)
    row0, row1 = rows or (0, shape[0])
    open_loops = np.zeros((row1 - row0, shape[1]), dtype=np.uint16)
    parts = [
        (row0 + top, left, row0 + bottom, right)
        for top, left, bottom, right in windows(open_loops.shape, window_of(sides)[0])
    ]
    with ThreadPoolExecutor(n_threads) as pool:
        count = partial(_count_window, paths, sides)
        for bounds, part in zip(parts, pool.map(count, parts), strict=True):
            points += part[0]
            open_points += part[1]
            open_loops[bounds[0] - row0 : bounds[2] - row0, bounds[1] : bounds[3]] = part[2]
    return Closure(points, open_points, open_loops)


def _count_window(
    paths: Sequence[str | Path], sides: np.ndarray, bounds: tuple[int, int, int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count points and open points of every triangle in a window, and open loops per pixel."""
    _, last_use = _uses(sides)
    held: dict[int, np.ndarray] = {}
    points, open_points = np.zeros((2, len(sides)), dtype=np.int64)
    open_loops = np.zeros((bounds[2] - bounds[0], bounds[3] - bounds[1]), dtype=np.uint32)
    for triangle, pairs in enumerate(sides.tolist()):
        for pair in pairs:
            if pair not in held:
                held[pair] = read_band(paths[pair], bounds)
        early, late, whole = (held[pair] for pair in pairs)
        misclosure = early + late
        misclosure -= whole
        points[triangle] = np.count_nonzero(np.isfinite(misclosure))
        is_open = np.abs(misclosure, out=misclosure) > np.pi
        open_points[triangle] = np.count_nonzero(is_open)
        open_loops += is_open
        for pair in pairs:
            if last_use[pair] == triangle:
                del held[pair]
    return points, open_points, np.minimum(open_loops, NO_LABEL_DATA - 1).astype(np.uint16)


def largest_of_cells(image: np.ndarray, step: int) -> np.ndarray:
    """Thin out an image: the largest value of each cell of `step` pixels along each side.

    Parameters
    ----------
    image : ndarray, shape (rows, cols)
    step : int

    Returns
    -------
    ndarray, shape (ceil(rows / step), ceil(cols / step))
    """
    for axis, size in enumerate(image.shape):
        image = np.maximum.reduceat(image, np.arange(0, size, step), axis=axis)
    return image
