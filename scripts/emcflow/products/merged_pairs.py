"""Rasters of interferograms: phase of all tiles together, labels, how likely cycles are wrong.

Cycles and phases are read tile by tile, links some at a time, and rasters written by rows of
blocks, one interferogram after the other. Of the scene are held values of its points alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from emcflow.graph.firm_parts import PartTree
from emcflow.io.blended import read_blended
from emcflow.io.hdf5 import count_triangles, read, read_changed_links, read_rows
from emcflow.io.images import phase_at_points
from emcflow.io.islands import read_islands
from emcflow.io.joined_scene import JoinedScene
from emcflow.io.raster import BLOCK, NO_BYTE_DATA, NO_LABEL_DATA, Grid, write_rows
from emcflow.io.stack import read_coherence
from emcflow.io.strips import strip_bounds
from emcflow.network.networks import Network
from emcflow.products.reference import label_points, read_references
from emcflow.tiles.islands import Islands, wrong_of_parts
from emcflow.tiles.merge import congruent, zero_cycles
from emcflow.tiles.tile_blend import whole_offsets
from emcflow.unwrap.labels import LARGE, count_links, good_regions, joined_regions, pair_labels
from emcflow.unwrap.wrong_cycles import evidence, ways_to_cores, wrong_decibels

CYCLE = 2 * np.pi
RASTERS = "unwrapped", "conncomp", "pwrong", "model", "diff"
# GDAL's cache [MB]; else it takes a share of the memory of the machine.
CACHE_MB = 64


@dataclass(frozen=True)
class GivenPhase:
    """An interferogram as it was handed in, which the merged one is to be congruent with.

    Attributes
    ----------
    path : str
    sign : int
        1, or -1 where it is of the dates the other way round.
    window : sequence of int or None
        The part of the raster that is the scene.
    """

    path: str
    sign: int
    window: Sequence[int] | None


@dataclass(frozen=True)
class TileSource:
    """Files of a tile, and its place among the tiles.

    Attributes
    ----------
    mesh, unwrapped : path
    blended : path or None
        None where no other tile overlaps it.
    nodes : slice
        Its (tile, region) nodes.
    number : int
    """

    mesh: str
    unwrapped: str
    blended: str | None
    nodes: slice
    number: int


@dataclass
class MergedPair:
    """A pair at points of the scene, all (npoints,).

    Attributes
    ----------
    wrapped : float64
        Phase of the second date less that of the first [rad].
    cycles : int32
        To add to it, before the reference points are 0.
    mean, spread : float32
        Of the tiles [cycles], see :class:`emcflow.tiles.tile_blend.BlendedCycles`.
    """

    wrapped: np.ndarray
    cycles: np.ndarray
    mean: np.ndarray
    spread: np.ndarray


class _Strip(NamedTuple):
    """A row of blocks of the scene: its first row, its shape, and its points."""

    row: int
    shape: tuple[int, int]
    part: slice

    @property
    def rows(self) -> slice:
        return slice(self.row, self.row + self.shape[0])


@dataclass
class PairMerger:
    """Merges the tiles of interferograms, and writes their rasters.

    Attributes
    ----------
    grid : Grid
        Of the scene.
    network : Network
    tiles : sequence of TileSource
    scene : JoinedScene
    offsets : float (npairs, nnodes)
        Cycles to add to each region of each tile.
    references : int (ncomponents,)
        Places of the reference points.
    residue_shares : float (npairs,)
        Triangles of the meshes with a residue, as a share of all.
    part : str
        What of the scene has the part that short links and overlaps join each point to.
    wrong_of_parts : float32 (npairs, nparts)
        Probability that what joins a part to the others is a cycle off.
    coherent : list of uint8, one per strip
        Bits of the pixels with a temporal coherence.
    shares : list of (float, float)
        Of the points of each pair that was written, those with a label and with label 1.
    differ : bool (npoints,)
        Points at which tiles differ by a cycle or more in some pair.
    """

    grid: Grid
    network: Network
    tiles: Sequence[TileSource]
    scene: JoinedScene
    offsets: np.ndarray
    references: np.ndarray
    residue_shares: np.ndarray
    part: str
    wrong_of_parts: np.ndarray
    coherent: list[np.ndarray]
    shares: list[tuple[float, float]] = field(default_factory=list)
    differ: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.differ = np.zeros(self.scene.npoints, bool)
        component = self.scene.values("component")
        sizes = np.zeros(component.max() + 1, np.int64)
        for strip in self._strips:
            sizes += np.bincount(component[strip.part], minlength=len(sizes))
        self._least = min(LARGE, sizes.max())
        largest = component[self.references] == sizes.argmax()
        self._tags = {"REFERENCE_ROW_COL": self._row_col(self.references[largest])}

    @classmethod
    def of_files(cls, grid: Grid, network: Network, given: Mapping[str, Any]) -> PairMerger:
        """Read what all pairs share from the inputs of the rule, by their names."""
        scene, (nodes,) = JoinedScene(given["scene"]), read(given["overlaps"], "nodes")
        meshes, unwrapped = given["mesh"], given["unwrapped"]
        ends = np.searchsorted(nodes[:, 0], np.arange(len(meshes) + 1)).tolist()
        blended = given["blended"] or [None] * len(meshes)
        tiles = [
            TileSource(mesh, of_mesh, joined, slice(*of_tile), number)
            for number, (mesh, of_mesh, joined, of_tile) in enumerate(
                zip(meshes, unwrapped, blended, pairwise(ends), strict=True)
            )
        ]
        residues = np.sum([read(path, "statistics/residues")[0] for path in unwrapped], axis=0)
        part, wrong = _parts_of_scene(read_islands(given["overlaps"]), len(residues))
        return cls(
            grid,
            network,
            tiles,
            scene,
            read(given["offsets"], "offsets")[0],
            scene.places(read_references(given["references"])[0]),
            residues / max(sum(map(count_triangles, meshes)), 1),
            part,
            wrong,
            _coherent_pixels(given["coherence"], grid.shape),
        )

    def write(
        self, number: int, output: Mapping[str, str], given: GivenPhase | None = None
    ) -> None:
        """Write the rasters of a pair; all that is held for it is freed at the end.

        Parameters
        ----------
        number : int
            Of the pair in the network.
        output : mapping
            Its rasters: unwrapped, conncomp, pwrong, model and diff.
        given : GivenPhase, optional
        """
        pair = self._read_pair(number)
        self.differ |= pair.spread > 0.5
        self._write_phases(number, output, pair, given)
        unwrapped = pair.wrapped
        for strip in self._strips:
            unwrapped[strip.part] += CYCLE * pair.cycles[strip.part]
        del pair
        self._write_labels(number, output, unwrapped)

    def _read_pair(self, number: int) -> MergedPair:
        """Gather a pair from the tiles."""
        npoints = self.scene.npoints
        pair = MergedPair(
            np.empty(npoints),
            np.empty(npoints, np.int32),
            np.empty(npoints, np.float32),
            np.empty(npoints, np.float32),
        )
        for places, own in self._of_tiles(number):
            pair.wrapped[places], pair.cycles[places] = own.wrapped, own.cycles
            pair.mean[places], pair.spread[places] = own.mean, own.spread
        return pair

    def _of_tiles(self, number: int) -> Iterator[tuple[np.ndarray, MergedPair]]:
        """Yield the points that are taken from each tile: where they are, and a pair there."""
        name = self.network.pair_names[number]
        before, after = self.network.pairs[number].tolist()
        offsets = whole_offsets(self.offsets[number])
        for tile in self.tiles:
            (region,) = read(tile.mesh, "region")
            cycles = read_rows(tile.unwrapped, "uw_cycles", [number])[0]
            cycles = cycles + offsets[tile.nodes][region]
            mean, spread = cycles.astype(np.float32), np.zeros(len(cycles), np.float32)
            if tile.blended:
                cycles, mean, spread = read_blended(tile.blended, name).joined(cycles)
            first, second = (read_rows(tile.mesh, "phase", [date])[0] for date in (before, after))
            wrapped = second.astype(np.float64) - first
            owned, places = self._owned(tile)
            yield places, MergedPair(wrapped[owned], cycles[owned], mean[owned], spread[owned])

    def _owned(self, tile: TileSource) -> tuple[np.ndarray | slice, np.ndarray]:
        """Return which points are taken from a tile, and where they are in the scene."""
        owned = read(tile.blended, "owned")[0] if tile.blended else slice(None)
        return owned, self.scene.of_tile("places", tile.number)[owned]

    def _write_phases(
        self, number: int, output: Mapping[str, str], pair: MergedPair, given: GivenPhase | None
    ) -> None:
        """Write the unwrapped phase of a pair, the mean of the tiles and what they differ by."""
        component = self.scene.values("component")
        zero = zero_cycles(pair.cycles, component, self.references)

        def unwrapped(strip: _Strip) -> np.ndarray:
            part = strip.part
            values = pair.wrapped[part] + CYCLE * (pair.cycles[part] - zero[component[part]])
            if given is None:
                return values
            row, col = given.window[:2] if given.window else (0, 0)
            here = np.argwhere(self._inside(strip)).astype(np.int32)
            own = phase_at_points(given.path, here, strip.shape, (row + strip.row, col))
            return congruent(values, given.sign * own)

        def mean(strip: _Strip) -> np.ndarray:
            part = strip.part
            return pair.wrapped[part] + CYCLE * (pair.mean[part] - zero[component[part]])

        def spread(strip: _Strip) -> np.ndarray:
            return CYCLE * pair.spread[strip.part]

        for path, values, text in (
            (output["unwrapped"], unwrapped, "unwrapped phase"),
            (output["model"], mean, "mean of the tiles"),
            (output["diff"], spread, "largest difference of the tiles"),
        ):
            self._write_raster(path, number, values, _empty, units="rad", description=text)

    def _write_labels(self, number: int, output: Mapping[str, str], unwrapped: np.ndarray) -> None:
        """Write the labels of a pair, and how likely its cycles are wrong."""
        tree, share = self._tree(self.network.pair_names[number])
        region = good_regions(tree)
        labels = pair_labels(region, share, self._least)
        self.shares.append((float(np.mean(labels > 0)), float(np.mean(labels == 1))))
        self._write_raster(
            output["conncomp"],
            number,
            partial(_of_strip, labels),
            lambda strip: np.where(self._coherent(strip), 0, NO_LABEL_DATA).astype(np.uint16),
            units="label",
            description="connected components",
            tags={
                "LABELS": "1, 2, ... by size: points between which nothing says that a cycle is "
                f"missing; 0: no point, or one that no good links join to {self._least} or more; "
                f"{NO_LABEL_DATA}: no temporal coherence",
                "REFERENCES_ROW_COL": self._row_col(label_points(labels, self.references)),
            },
        )
        ways = ways_to_cores(tree, region, labels, self.scene.values(self.part))
        del tree, region, labels
        degree, residues = self.scene.values("degree"), self.residue_shares[number]
        found = evidence(self.scene.links, degree, ways, share, unwrapped, residues)
        del degree
        part = self.scene.values(self.part)
        decibels = wrong_decibels(found, part, self.wrong_of_parts[number])
        self._write_raster(
            output["pwrong"],
            number,
            partial(_of_strip, decibels),
            lambda strip: np.full(strip.shape, NO_BYTE_DATA, np.uint8),
            units="-10 log10 of the probability",
            description="probability of a wrong cycle",
            nodata=NO_BYTE_DATA,
        )

    def _tree(self, pair: str) -> tuple[PartTree, np.ndarray]:
        """Return what joins the points of a pair, and the share of their links that it broke."""
        scene = self.scene
        broken, changed = np.zeros(scene.nlinks, bool), np.zeros(scene.npoints, np.int32)
        for tile in self.tiles:
            numbers = self._broken(tile, pair)
            ranks = scene.of_tile("ranks", tile.number)[numbers]
            numbers = numbers[ranks >= 0]
            broken[ranks[ranks >= 0]] = True
            edges = read(tile.mesh, "edges")[0][numbers]
            count_links(scene.of_tile("places", tile.number)[edges], changed)
        tree = joined_regions(scene.joining(broken), changed > 0)
        del broken
        return tree, changed / np.maximum(scene.values("degree"), 1)

    def _broken(self, tile: TileSource, pair: str) -> np.ndarray:
        """Return the links of a tile that its flow changed, or the blending; each once."""
        changed = read_changed_links(tile.unwrapped, pair)
        if tile.blended:
            changed = np.union1d(changed, read(tile.blended, f"{pair}/apart")[0])
        return changed

    def _write_raster(
        self,
        path: str,
        number: int,
        values: Callable[[_Strip], np.ndarray],
        background: Callable[[_Strip], np.ndarray],
        *,
        units: str,
        description: str,
        tags: Mapping[str, str] = MappingProxyType({}),
        nodata: int | None = None,
    ) -> None:
        """Write values of the points on a background, strip by strip."""
        strips = {strip.row: strip for strip in self._strips}

        def rows(row: int, _: int) -> np.ndarray:
            image = background(strips[row])
            image[self._inside(strips[row])] = values(strips[row])
            return image

        dtype = background(self._strips[-1]).dtype
        write_rows(
            path,
            self.grid,
            dtype,
            rows,
            units=units,
            description=description,
            tags={**self._tags_of(number), **tags},
            nodata=nodata,
        )

    @cached_property
    def _strips(self) -> list[_Strip]:
        """Rows of blocks of the scene, and the points in each."""
        nrows, ncols = self.grid.shape
        return [
            _Strip(row, (end - row, ncols), self.scene.points_of(row, end))
            for row, end in strip_bounds(nrows, BLOCK)
        ]

    def _inside(self, strip: _Strip) -> np.ndarray:
        """Return which pixels of a strip are points."""
        return self.scene.inside(strip.rows, strip.shape[1])

    def _coherent(self, strip: _Strip) -> np.ndarray:
        """Return which pixels of a strip have a temporal coherence."""
        bits = self.coherent[strip.row // BLOCK]
        return np.unpackbits(bits, count=np.prod(strip.shape)).reshape(strip.shape).astype(bool)

    def _row_col(self, places: np.ndarray) -> str:
        """Return rows and columns of points as the tags have them."""
        return "; ".join(f"{row} {col}" for row, col in self.scene.row_col(places))

    def _tags_of(self, number: int) -> dict[str, str]:
        name = self.network.pair_names[number]
        return self._tags | {"REFERENCE_DATE": name[:8], "SECONDARY_DATE": name[9:]}


def _of_strip(values: np.ndarray, strip: _Strip) -> np.ndarray:
    """Return values of the points of a strip."""
    return values[strip.part]


def _empty(strip: _Strip) -> np.ndarray:
    """Return an image of no values."""
    return np.full(strip.shape, np.nan, np.float32)


def _coherent_pixels(path: str, shape: tuple[int, int]) -> list[np.ndarray]:
    """Return the bits of the pixels with a temporal coherence, of each strip."""
    bounds = ((row, 0, end, shape[1]) for row, end in strip_bounds(shape[0], BLOCK))
    return [np.packbits(np.isfinite(read_coherence(path, strip))) for strip in bounds]


def _parts_of_scene(islands: Islands, npairs: int) -> tuple[str, np.ndarray]:
    """Return what has the part of each point, and how likely what joins parts is wrong."""
    if not islands.levelled.any():  # then parts are components
        return "component", np.zeros((npairs, int(islands.part.max(initial=0)) + 1), np.float32)
    return "part", wrong_of_parts(islands)
