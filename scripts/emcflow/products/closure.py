"""Loop closure: whether the unwrapped pairs around each triangle of the network add up to zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
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
# Misclosures are counted by their value up to so many cycles, in so many of the largest components.
MOST_CYCLES = 3
COMPONENTS = 20
COUNTED = COMPONENTS, 2 * MOST_CYCLES + 1


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
    cycles : ndarray of int64, shape (ntri, *COUNTED)
        Points at which each triangle is off by -3 to 3 cycles, in each of the largest components.
    """

    points: np.ndarray
    open_points: np.ndarray
    open_loops: np.ndarray
    cycles: np.ndarray = field(default_factory=lambda: np.zeros((0, *COUNTED), np.int64))

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
    components: str | Path | None = None,
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
    components : path, optional
        Raster of what is relative to one reference: 1, 2, ... by size; by default all is.

    Returns
    -------
    Closure
    """
    triangles, sides = all_triangles(network.pairs, network.ndates)
    points = np.zeros(len(triangles), dtype=np.int64)
    open_points = np.zeros_like(points)
    cycles = np.zeros((len(triangles), *COUNTED), np.int64)
    row0, row1 = rows or (0, shape[0])
    open_loops = np.zeros((row1 - row0, shape[1]), dtype=np.uint16)
    parts = [
        (row0 + top, left, row0 + bottom, right)
        for top, left, bottom, right in windows(open_loops.shape, window_of(sides)[0])
    ]
    with ThreadPoolExecutor(n_threads) as pool:
        count = partial(_count_window, paths, sides, components)
        for bounds, part in zip(parts, pool.map(count, parts), strict=True):
            points += part[0]
            open_points += part[1]
            open_loops[bounds[0] - row0 : bounds[2] - row0, bounds[1] : bounds[3]] = part[2]
            cycles += part[3]
    return Closure(points, open_points, open_loops, cycles)


def _count_window(
    paths: Sequence[str | Path],
    sides: np.ndarray,
    components: str | Path | None,
    bounds: tuple[int, int, int, int],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Count points, open points and cycles of every triangle in a window, open loops per pixel."""
    _, last_use = _uses(sides)
    held: dict[int, np.ndarray] = {}
    points, open_points = np.zeros((2, len(sides)), dtype=np.int64)
    open_loops = np.zeros((bounds[2] - bounds[0], bounds[3] - bounds[1]), dtype=np.uint32)
    cycles = np.zeros((len(sides), *COUNTED), np.int64)
    component = np.zeros(open_loops.shape, np.int32)
    if components:
        component += read_band(components, bounds)
        component -= 1
    for triangle, pairs in enumerate(sides.tolist()):
        for pair in pairs:
            if pair not in held:
                held[pair] = read_band(paths[pair], bounds)
        early, late, whole = (held[pair] for pair in pairs)
        misclosure = early + late
        misclosure -= whole
        points[triangle] = np.count_nonzero(np.isfinite(misclosure))
        is_open = np.abs(misclosure) > np.pi
        open_points[triangle] = np.count_nonzero(is_open)
        open_loops += is_open
        cycles[triangle] = _counted(misclosure[is_open], component[is_open])
        for pair in pairs:
            if last_use[pair] == triangle:
                del held[pair]
    limited = np.minimum(open_loops, NO_LABEL_DATA - 1).astype(np.uint16)
    return points, open_points, limited, cycles


def _counted(misclosure: np.ndarray, component: np.ndarray) -> np.ndarray:
    """Count misclosures [rad] by component and cycles, int64 of shape COUNTED."""
    ncomponents, nvalues = COUNTED
    cycles = np.rint(misclosure / (2 * np.pi)).astype(np.int32) + MOST_CYCLES
    some = (component >= 0) & (component < ncomponents) & (cycles >= 0) & (cycles < nvalues)
    keys = component[some] * nvalues + cycles[some]
    return np.bincount(keys, minlength=ncomponents * nvalues).reshape(COUNTED)


class WrongSides:
    """Loops that are open at most points of a component, as where the reference is the wrong side.

    A loop that is off by the same cycles at more than half of a component is open at the others:
    the smaller part is to be doubted, whether the reference lies in it or not.

    Parameters
    ----------
    cycles : ndarray of int64, shape (ntri, *COUNTED)
        See :class:`Closure`, of the whole scene.
    component_points : ndarray of int64, shape (ncomponents,)
        Points of each component, the largest first.
    """

    def __init__(self, cycles: np.ndarray, component_points: np.ndarray) -> None:
        self._points = component_points[:COMPONENTS]
        self._cycles = cycles[:, : len(self._points)]
        most = self._cycles.max(axis=2, initial=0)
        self.found = np.argwhere(2 * most > self._points)

    def cycles(self, triangle: int, component: int) -> int:
        """Return by how many cycles a loop is off at most points of a component."""
        return int(self._cycles[triangle, component].argmax()) - MOST_CYCLES

    def open_points(self, open_points: np.ndarray) -> np.ndarray:
        """Return the open points of each triangle, those of the smaller side, int64 (ntri,)."""
        counts = open_points.copy()
        for triangle, component in self.found:
            own = self._cycles[triangle, component]
            counts[triangle] += self._points[component] - own.max() - own.sum()
        return counts

    def open_loops(
        self,
        open_loops: np.ndarray,
        component: np.ndarray,
        read: Callable[[int], np.ndarray],
        sides: np.ndarray,
    ) -> np.ndarray:
        """Return the open loops of some rows, those of the smaller side.

        Parameters
        ----------
        open_loops : uint16 (rows, cols)
            Where the reference counts as right.
        component : int32 (rows, cols)
            0, 1, ... by size; others elsewhere.
        read : callable
            Returns these rows of the unwrapped phase of a pair, by its number.
        sides : int (ntri, 3)
            See :func:`all_triangles`.

        Returns
        -------
        uint16 (rows, cols)
        """
        counts = open_loops.astype(np.int32)
        for triangle, number in self.found:
            early, late, whole = (read(pair) for pair in sides[triangle].tolist())
            off = np.rint((early + late - whole) / (2 * np.pi))
            here = (component == number) & np.isfinite(off)
            counts[here] += (off[here] != self.cycles(triangle, number)).astype(np.int32)
            counts[here] -= off[here] != 0
        return counts.astype(np.uint16)


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
