"""Layers of quality of the whole scene, some rows at a time, from what strips and tiles hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from emcflow.io.hdf5 import read, read_points, read_rows
from emcflow.io.raster import BLOCK, NO_LABEL_DATA, Grid, read_band, write_rows
from emcflow.io.stack import read_coherence
from emcflow.io.strips import strip_bounds
from emcflow.network.networks import Network
from emcflow.products.closure import Closure, WrongSides, all_triangles
from emcflow.products.quality import add_crossings, at_points

STATISTICS = ("residues", "flow_links", "flow_sum", "cost")


@dataclass(frozen=True)
class QualityLayers:
    """What the loops of strips and the flows of tiles say of every pixel.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the scene.
    network : Network
    strips : sequence of path
        Files of the rule ``loops``.
    strip_rows : int
        Rows of a strip.
    components : path
        Raster of what is relative to one reference: 1, 2, ... by size.
    interferograms : sequence of path
        Unwrapped phase of every pair.
    unwrapped : sequence of path
        Of every tile.
    """

    shape: tuple[int, int]
    network: Network
    strips: Sequence[str | Path]
    strip_rows: int
    components: str | Path
    interferograms: Sequence[str | Path]
    unwrapped: Sequence[str | Path]

    @cached_property
    def closure(self) -> Closure:
        """Loops of the whole scene that do not close on its smaller side, without their image."""
        points, open_points, _ = self._counts
        open_points = self._wrong_sides.open_points(open_points)
        return Closure(points, open_points, np.empty((0, 0), np.uint16))

    @property
    def valid(self) -> np.ndarray:
        """Points of every pair with a value, int64 (npairs,)."""
        return self._counts[2]

    @property
    def statistics(self) -> dict[str, np.ndarray]:
        """Sums over the tiles of what each pair took to unwrap, int64 (npairs,)."""
        return {
            name: np.sum([read(path, f"statistics/{name}")[0] for path in self.unwrapped], axis=0)
            for name in STATISTICS
        }

    def write(
        self, grid: Grid, open_loops: str | Path, seams: str | Path, crossings: str | Path
    ) -> None:
        """Write a raster of each layer."""
        open_text = "loops of interferograms that do not close"
        seam_text = "largest difference of the tiles in any interferogram"
        crossing_text = "changed links, over all interferograms"
        for path, rows, dtype, units, text in (
            (open_loops, self.open_loops, np.uint16, "loops", open_text),
            (seams, self.seams, np.float32, "rad", seam_text),
            (crossings, self.crossings, np.uint16, "links", crossing_text),
        ):
            write_rows(path, grid, dtype, rows, units=units, description=text)

    def open_loops(self, row: int, stop: int) -> np.ndarray:
        """Return some rows of the number of loops that do not close, uint16."""
        counts = self._of_strips("open_loops", row, stop)
        if len(self._wrong_sides.found):
            counts = self._wrong_sides.open_loops(
                counts,
                self._component(row, stop),
                lambda pair: self._rows(self.interferograms[pair], row, stop),
                all_triangles(self.network.pairs, self.network.ndates)[1],
            )
        return at_points(counts, np.isfinite(self.seams(row, stop)))

    def seams(self, row: int, stop: int) -> np.ndarray:
        """Return some rows of the largest differences of the tiles [rad], float32."""
        return self._of_strips("seams", row, stop)

    def crossings(self, row: int, stop: int) -> np.ndarray:
        """Return some rows of the number of links that flows changed, uint16."""
        image = np.full((stop - row, self.shape[1]), NO_LABEL_DATA, np.uint16)
        for path, (first, end) in zip(self.unwrapped, self._tile_rows, strict=True):
            if first < stop and row < end:
                at, _ = read_points(path)
                some = slice(*np.searchsorted(at[:, 0], (row, stop)))
                (counts,) = read(path, "statistics/crossings")
                add_crossings(image, at[some] - (row, 0), counts[some])
        return image

    @cached_property
    def _counts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points and open points of every triangle, points of every pair."""
        points, open_points, valid = zip(
            *(read(path, "points", "open_points", "valid") for path in self.strips), strict=True
        )
        return np.sum(points, axis=0), np.sum(open_points, axis=0), np.sum(valid, axis=0)

    @cached_property
    def _wrong_sides(self) -> WrongSides:
        cycles = np.zeros((), np.int64)
        for path in self.strips:  # never those of all strips at once
            cycles = cycles + read(path, "cycles")[0]
        sizes = np.zeros(NO_LABEL_DATA, np.int64)
        for row, stop in strip_bounds(self.shape[0], BLOCK):
            sizes += np.bincount(self._component(row, stop).ravel() + 1, minlength=NO_LABEL_DATA)
        return WrongSides(cycles, np.trim_zeros(sizes[1:], "b"))

    @cached_property
    def _tile_rows(self) -> list[tuple[int, int]]:
        """First and end row of every tile."""
        bounds = [read(path, "bounds")[0].tolist() for path in self.unwrapped]
        return [(first, end) for first, _, end, _ in bounds]

    def _component(self, row: int, stop: int) -> np.ndarray:
        """Return the components of some rows, 0, 1, ... by size; -1 where there is none."""
        labels = self._rows(self.components, row, stop)
        return np.where(labels == NO_LABEL_DATA, -1, labels.astype(np.int32) - 1)

    def _rows(self, path: str | Path, row: int, stop: int) -> np.ndarray:
        return read_band(path, (row, 0, stop, self.shape[1]))

    def _of_strips(self, name: str, row: int, stop: int) -> np.ndarray:
        """Return some rows of an array of the strips."""
        bounds = strip_bounds(self.shape[0], self.strip_rows)
        found = [
            read_rows(path, name, slice(max(row, first) - first, min(stop, end) - first))
            for path, (first, end) in zip(self.strips, bounds, strict=True)
            if first < stop and row < end
        ]
        return np.concatenate(found)


def count_coherent(path: str, shape: tuple[int, int], min_coherence: float) -> int:
    """Count the pixels of a raster of temporal coherence that are points by it."""
    count = 0
    for row, stop in strip_bounds(shape[0], BLOCK):
        coherence = read_coherence(path, (row, 0, stop, shape[1]))
        count += int(np.count_nonzero(coherence > min_coherence))
    return count
