"""Loop closure: whether the unwrapped pairs around each triangle of the network add up to zero."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from emcflow.network import Network
from emcflow.raster import read_band, windows

# Windows of whole blocks of the rasters, so that each block is decompressed once; a few dozen MB
# for the pairs that are held at a time.
WINDOW = (512, 4096)


@dataclass(frozen=True)
class Closure:
    """Loops that do not close.

    Attributes
    ----------
    points : ndarray of int64, shape (ntri,)
        Points with a value in all three pairs of each triangle.
    open_points : ndarray of int64, shape (ntri,)
        Those of them where the three pairs do not add up to zero.
    open_loops : ndarray of uint16, shape (rows, cols)
        Triangles that do not close at each point.
    """

    points: np.ndarray
    open_points: np.ndarray
    open_loops: np.ndarray

    @property
    def share_closed(self) -> float:
        """Share of all loops of all points that close; NaN where there is none."""
        total = self.points.sum()
        return 1 - float(self.open_points.sum() / total) if total else float("nan")


def loop_closure(
    paths: Sequence[str | Path],
    network: Network,
    shape: tuple[int, int],
    n_threads: int = 1,
) -> Closure:
    """Count where the unwrapped phase does not close around the triangles of the network.

    Wrapped phases of dates close around every triangle, so the sum of three unwrapped pairs is a
    whole number of cycles, and anything but 0 says that one of the three is wrong there. The
    rasters are read window by window; each window holds only the pairs whose triangles are not
    done yet.

    Parameters
    ----------
    paths : sequence of path
        Raster of unwrapped phase [rad] of each pair of the network, NaN where there is none.
    network : Network
    shape : tuple of int
        Rows and columns of the rasters.
    n_threads : int
        Windows worked on side by side.

    Returns
    -------
    Closure
    """
    points = np.zeros(len(network.triangles), dtype=np.int64)
    open_points = np.zeros_like(points)
    open_loops = np.zeros(shape, dtype=np.uint16)
    parts = list(windows(shape, WINDOW))
    with ThreadPoolExecutor(n_threads) as pool:
        count = partial(_count_window, paths, network)
        for bounds, part in zip(parts, pool.map(count, parts), strict=True):
            points += part[0]
            open_points += part[1]
            open_loops[bounds[0] : bounds[2], bounds[1] : bounds[3]] = part[2]
    return Closure(points, open_points, open_loops)


def _count_window(
    paths: Sequence[str | Path], network: Network, bounds: tuple[int, int, int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count points and open points of every triangle in a window, and open loops per pixel."""
    graph = network.graph
    last_use = {int(pair): t for t, pairs in enumerate(graph.triangle_edges) for pair in pairs}
    held: dict[int, np.ndarray] = {}
    points, open_points = np.zeros((2, len(network.triangles)), dtype=np.int64)
    open_loops = np.zeros((bounds[2] - bounds[0], bounds[3] - bounds[1]), dtype=np.uint16)
    for triangle, pairs in enumerate(graph.triangle_edges.tolist()):
        for pair in pairs:
            if pair not in held:
                held[pair] = read_band(paths[pair], bounds)
        cycles = _loop_cycles([held[pair] for pair in pairs], graph.triangle_signs[triangle])
        is_open = np.abs(cycles) > 0.5
        points[triangle] = np.isfinite(cycles).sum()
        open_points[triangle] = is_open.sum()
        open_loops += is_open
        held = {pair: phase for pair, phase in held.items() if last_use[pair] > triangle}
    return points, open_points, open_loops


def _loop_cycles(phases: Sequence[np.ndarray], signs: Sequence[int]) -> np.ndarray:
    """Sum three unwrapped phases around their triangle, in cycles."""
    return sum(int(sign) * phase for sign, phase in zip(signs, phases, strict=True)) / (2 * np.pi)


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
