"""Rasters of interferograms: phase of all tiles together, labels, how likely cycles are wrong.

Cycles and phases are read tile by tile, and rasters written by rows of blocks, one interferogram
after the other. Of the scene stays what a tree over all of its links needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from emcflow.io.blended import read_blended
from emcflow.io.hdf5 import (
    TileFiles,
    count_triangles,
    length,
    read,
    read_changed_links,
    read_overlaps,
    read_rows,
)
from emcflow.io.images import phase_at_points
from emcflow.io.islands import read_islands
from emcflow.io.raster import BLOCK, NO_BYTE_DATA, NO_LABEL_DATA, Grid, write_rows
from emcflow.io.stack import read_coherence
from emcflow.network.networks import Network
from emcflow.products.reference import label_points, read_references
from emcflow.tiles.islands import Islands, wrong_of_parts
from emcflow.tiles.merge import congruent, zero_cycles
from emcflow.tiles.scene import Scene, scene_of_tiles
from emcflow.tiles.scene_links import SceneLinks, TileLinks, own_links, scene_links
from emcflow.tiles.tile_blend import whole_offsets
from emcflow.unwrap.labels import (
    LARGE,
    Links,
    broken_share,
    firm_regions,
    ordered_links,
    pair_labels,
)
from emcflow.unwrap.wrong_cycles import evidence, wrong_decibels

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
    """Files of a tile, and where the points that it owns go.

    Attributes
    ----------
    mesh, unwrapped : path
    blended : path or None
        None where no other tile overlaps it.
    nodes : slice
        Its (tile, region) nodes.
    owned : bool (npoints,)
        Points that are taken from this tile.
    places : int32 (nowned,)
        Where they are in the scene.
    """

    mesh: str
    unwrapped: str
    blended: str | None
    nodes: slice
    owned: np.ndarray
    places: np.ndarray


@dataclass
class MergedPair:
    """A pair at the points of the scene, all (nscene,).

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
    scene : Scene
    offsets : float (npairs, nnodes)
        Cycles to add to each region of each tile.
    references : int (ncomponents,)
        Places of the reference points.
    links : SceneLinks
    ordered : Links
        The same, the best first.
    residue_shares : float (npairs,)
        Triangles of the meshes with a residue, as a share of all.
    part : int32 (npoints,)
        Part of the scene that short links and overlaps join.
    wrong_of_parts : float32 (npairs, nparts)
        Probability that what joins a part to the others is a cycle off.
    coherent : bool (rows, cols)
        Where there is a temporal coherence.
    shares : list of (float, float)
        Of the points of each pair that was written, those with a label and with label 1.
    differ : bool (npoints,)
        Points at which tiles differ by a cycle or more in some pair.
    """

    grid: Grid
    network: Network
    tiles: Sequence[TileSource]
    scene: Scene
    offsets: np.ndarray
    references: np.ndarray
    links: SceneLinks
    ordered: Links
    residue_shares: np.ndarray
    part: np.ndarray
    wrong_of_parts: np.ndarray
    coherent: np.ndarray
    shares: list[tuple[float, float]] = field(default_factory=list)
    differ: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.differ = np.zeros(len(self.scene.points), bool)
        sizes = np.zeros(self.scene.component.max() + 1, np.int64)
        for strip in self._strips:
            sizes += np.bincount(self.scene.component[strip.part], minlength=len(sizes))
        self._least = min(LARGE, sizes.max())
        largest = self.scene.component[self.references] == sizes.argmax()
        self._tags = {"REFERENCE_ROW_COL": self._row_col(self.references[largest])}

    @classmethod
    def of_files(cls, grid: Grid, network: Network, given: Mapping[str, Any]) -> PairMerger:
        """Read what all pairs share from the inputs of the rule, by their names."""
        coherent = np.isfinite(read_coherence(given["coherence"]))
        component, meshes = read_overlaps(given["overlaps"]).component, given["mesh"]
        files = TileFiles(meshes)
        scene, places = scene_of_tiles(files, grid.shape, component)
        tiles, masks, first = [], [], 0
        for number, points in enumerate(files):
            end = first + int(points.region.max(initial=-1)) + 1
            counts = scene.component[places[number]] == component[first + points.region]
            blended = given["blended"][number] if given["blended"] else None
            owned = read(blended, "owned")[0] if blended else counts
            tiles.append(
                TileSource(
                    meshes[number],
                    given["unwrapped"][number],
                    blended,
                    slice(first, end),
                    owned,
                    places[number][owned],
                )
            )
            masks.append(counts)
            first = end
        links = scene_links(
            _links_of_tiles(tiles, masks, places), sum(length(path, "edges") for path in meshes)
        )
        del places, masks
        unwrapped = given["unwrapped"]
        quality = (read(path, "link_quality")[0] for path in unwrapped)
        residues = np.sum([read(path, "statistics/residues")[0] for path in unwrapped], axis=0)
        part, wrong = _parts_of_scene(read_islands(given["overlaps"]), scene, tiles, len(residues))
        return cls(
            grid,
            network,
            tiles,
            scene,
            read(given["offsets"], "offsets")[0],
            scene.places(read_references(given["references"])[0]),
            links,
            ordered_links(links.gather(quality, np.float32)),
            residues / max(sum(map(count_triangles, meshes)), 1),
            part,
            wrong,
            coherent,
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
        # of the rest only this phase is of use
        unwrapped, cycles = pair.wrapped, pair.cycles
        del pair
        for strip in self._strips:
            unwrapped[strip.part] += CYCLE * cycles[strip.part]
        del cycles
        self._write_labels(number, output, unwrapped)

    def _read_pair(self, number: int) -> MergedPair:
        """Gather a pair from the tiles."""
        npoints, name = len(self.scene.points), self.network.pair_names[number]
        pair = MergedPair(
            np.empty(npoints),
            np.empty(npoints, np.int32),
            np.empty(npoints, np.float32),
            np.zeros(npoints, np.float32),
        )
        before, after = self.network.pairs[number].tolist()
        offsets = whole_offsets(self.offsets[number])
        for tile in self.tiles:
            (region,) = read(tile.mesh, "region")
            cycles = read_rows(tile.unwrapped, "uw_cycles", [number])[0]
            cycles = cycles + offsets[tile.nodes][region]
            if tile.blended:
                cycles, mean, spread = read_blended(tile.blended, name).joined(cycles)
                pair.mean[tile.places] = mean[tile.owned]
                pair.spread[tile.places] = spread[tile.owned]
            else:
                pair.mean[tile.places] = cycles[tile.owned]
            pair.cycles[tile.places] = cycles[tile.owned]
            first, second = (read_rows(tile.mesh, "phase", [date])[0] for date in (before, after))
            pair.wrapped[tile.places] = (second.astype(np.float64) - first)[tile.owned]
        return pair

    def _write_phases(
        self, number: int, output: Mapping[str, str], pair: MergedPair, given: GivenPhase | None
    ) -> None:
        """Write the unwrapped phase of a pair, the mean of the tiles and what they differ by."""
        points, component = self.scene.points, self.scene.component
        zero = zero_cycles(pair.cycles, component, self.references)

        def unwrapped(strip: _Strip) -> np.ndarray:
            part = strip.part
            values = pair.wrapped[part] + CYCLE * (pair.cycles[part] - zero[component[part]])
            if given is None:
                return values
            row, col = given.window[:2] if given.window else (0, 0)
            here = points[part] - (strip.row, 0)
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
        edges, npoints = self.links.edges, len(self.scene.points)
        broken = self.links.broken(self._broken_of_tiles(self.network.pair_names[number]))
        tree = firm_regions(edges, self.ordered, broken, npoints)
        labels = pair_labels(tree, broken_share(edges, broken, npoints), self._least)
        self.shares.append((float(np.mean(labels > 0)), float(np.mean(labels == 1))))
        self._write_raster(
            output["conncomp"],
            number,
            lambda strip: labels[strip.part],
            lambda strip: np.where(self.coherent[strip.rows], 0, NO_LABEL_DATA).astype(np.uint16),
            units="label",
            description="connected components",
            tags={
                "LABELS": "1, 2, ... by size: points between which nothing says that a cycle is "
                f"missing; 0: no point, or one that no good links join to {self._least} or more; "
                f"{NO_LABEL_DATA}: no temporal coherence",
                "REFERENCES_ROW_COL": self._row_col(label_points(labels, self.references)),
            },
        )
        share = self.residue_shares[number]
        found = evidence(edges, tree, broken, labels, unwrapped, share, self.part)
        decibels = wrong_decibels(found, self.part, self.wrong_of_parts[number])
        self._write_raster(
            output["pwrong"],
            number,
            lambda strip: decibels[strip.part],
            lambda strip: np.full(strip.shape, NO_BYTE_DATA, np.uint8),
            units="-10 log10 of the probability",
            description="probability of a wrong cycle",
            nodata=NO_BYTE_DATA,
        )

    def _broken_of_tiles(self, pair: str) -> Iterator[np.ndarray]:
        """Yield the links of each tile that its flow changed, or the blending."""
        for tile in self.tiles:
            changed = read_changed_links(tile.unwrapped, pair)
            if tile.blended:
                changed = np.append(changed, read(tile.blended, f"{pair}/apart")[0])
            yield changed

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
            image[tuple((self.scene.points[strips[row].part] - (row, 0)).T)] = values(strips[row])
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
        (nrows, ncols), step = self.grid.shape, BLOCK
        starts = np.arange(0, nrows, step)
        ends = np.minimum(starts + step, nrows)
        rows = np.ascontiguousarray(self.scene.points[:, 0])
        parts = np.searchsorted(rows, (starts, ends))
        return [
            _Strip(row, (end - row, ncols), slice(first, last))
            for row, end, first, last in np.vstack((starts, ends, parts)).T.tolist()
        ]

    def _row_col(self, places: np.ndarray) -> str:
        """Return rows and columns of points as the tags have them."""
        return "; ".join(f"{row} {col}" for row, col in self.scene.points[places])

    def _tags_of(self, number: int) -> dict[str, str]:
        name = self.network.pair_names[number]
        return self._tags | {"REFERENCE_DATE": name[:8], "SECONDARY_DATE": name[9:]}


def _empty(strip: _Strip) -> np.ndarray:
    """Return an image of no values."""
    return np.full(strip.shape, np.nan, np.float32)


def _links_of_tiles(
    tiles: Sequence[TileSource], counts: Sequence[np.ndarray], places: Sequence[np.ndarray]
) -> Iterator[TileLinks]:
    """Yield the links of each tile that are links of the scene."""
    for tile, of_tile, at in zip(tiles, counts, places, strict=True):
        edges, confident = read(tile.mesh, "edges", "confident")
        yield TileLinks(edges, own_links(edges, confident, tile.owned, of_tile), at)


def _parts_of_scene(
    islands: Islands, scene: Scene, tiles: Sequence[TileSource], npairs: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the part that each point belongs to, and how likely what joins parts is wrong."""
    if not islands.levelled.any():  # then parts are components, which are held anyway
        return scene.component, np.zeros((npairs, scene.component.max() + 1), np.float32)
    part = np.empty(len(scene.points), np.int32)
    for tile in tiles:
        (region,) = read(tile.mesh, "region")
        part[tile.places] = islands.part[tile.nodes][region[tile.owned]]
    return part, wrong_of_parts(islands)
