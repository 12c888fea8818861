"""Rasters of interferograms: phase of all tiles together, labels, how likely cycles are wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from emcflow.io.hdf5 import (
    count_triangles,
    read,
    read_changed_links,
    read_overlaps,
    read_rows,
    read_tile_points,
)
from emcflow.io.images import phase_at_points
from emcflow.io.islands import read_islands
from emcflow.io.raster import NO_BYTE_DATA, NO_LABEL_DATA, Grid, scatter, write_raster
from emcflow.io.stack import read_coherence
from emcflow.network.networks import Network
from emcflow.products.reference import label_points, read_references
from emcflow.tiles.islands import wrong_of_parts
from emcflow.tiles.merge import (
    SceneIndex,
    congruent,
    merge_cycles,
    reference_cycles,
    scene_index,
)
from emcflow.tiles.scene_links import SceneLinks, broken_links, scene_links
from emcflow.unwrap.labels import (
    LARGE,
    Links,
    broken_share,
    firm_regions,
    ordered_links,
    pair_labels,
)
from emcflow.unwrap.wrong_cycles import as_decibels, evidence, wrong_probability

CYCLE = 2 * np.pi


@dataclass(frozen=True)
class GivenPhases:
    """Interferograms as they were handed in, which merged ones are to be congruent with.

    Attributes
    ----------
    files : sequence of (str, int)
        Raster of each pair, and 1, or -1 where it is of the dates the other way round.
    window : sequence of int or None
        The part of the rasters that is the scene.
    """

    files: Sequence[tuple[str, int]]
    window: Sequence[int] | None


@dataclass
class PairMerger:
    """Merges the tiles of interferograms, and writes their rasters.

    Attributes
    ----------
    grid : Grid
        Of the scene.
    network : Network
    meshes, unwrapped : sequence of path
        Of each tile.
    scene : SceneIndex
    offsets : float (npairs, nnodes)
        Cycles to add to each region of each tile.
    references : int (ncomponents,)
        Places of the reference points.
    links : SceneLinks
    ordered : Links
        The same, the best first.
    residue_shares : float (npairs,)
        Triangles of the meshes with a residue, as a share of all.
    part : int (npoints,)
        Part of the scene that short links and overlaps join.
    wrong_of_parts : float32 (npairs, nparts)
        Probability that what joins a part to the others is a cycle off.
    label_image : uint16 (rows, cols)
        0, and `NO_LABEL_DATA` where there is no temporal coherence; labels are drawn on it.
    shares : list of (float, float)
        Of the points of each pair that was written, those with a label and with label 1.
    differ : bool (npoints,)
        Points at which tiles differ by a cycle or more in some pair.
    """

    grid: Grid
    network: Network
    meshes: Sequence[str | Path]
    unwrapped: Sequence[str | Path]
    scene: SceneIndex
    offsets: np.ndarray
    references: np.ndarray
    links: SceneLinks
    ordered: Links
    residue_shares: np.ndarray
    part: np.ndarray
    wrong_of_parts: np.ndarray
    label_image: np.ndarray
    shares: list[tuple[float, float]] = field(default_factory=list)
    differ: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.differ = np.zeros(len(self.scene.points), bool)
        sizes = np.bincount(self.scene.component)
        self._least = min(LARGE, sizes.max())
        largest = self.scene.component[self.references] == sizes.argmax()
        self._tags = {"REFERENCE_ROW_COL": self._row_col(self.references[largest])}

    @classmethod
    def of_files(cls, grid: Grid, network: Network, given: Mapping[str, Any]) -> PairMerger:
        """Read what all pairs share from the inputs of the rule, by their names."""
        meshes, unwrapped = given["mesh"], given["unwrapped"]
        tiles = [read_tile_points(path) for path in meshes]
        scene = scene_index(tiles, grid.shape, read_overlaps(given["overlaps"]).component)
        del tiles
        edges = [read(path, "edges", "confident") for path in meshes]
        links = scene_links(scene, *zip(*edges, strict=True))
        del edges
        quality = links.gather([read(path, "link_quality")[0] for path in unwrapped])
        residues = np.sum([read(path, "statistics/residues")[0] for path in unwrapped], axis=0)
        coherence = read_coherence(given["coherence"])
        islands = read_islands(given["overlaps"])
        return cls(
            grid,
            network,
            meshes,
            unwrapped,
            scene,
            read(given["offsets"], "offsets")[0],
            scene.places(read_references(given["references"])[0]),
            links,
            ordered_links(quality),
            residues / max(sum(map(count_triangles, meshes)), 1),
            islands.part[scene.nodes],
            wrong_of_parts(islands),
            np.where(np.isfinite(coherence), 0, NO_LABEL_DATA).astype(np.uint16),
        )

    def write(
        self,
        numbers: Sequence[int],
        outputs: Sequence[Mapping[str, str]],
        given: GivenPhases | None = None,
    ) -> None:
        """Write the rasters of some pairs; all that is held for them is freed at the end.

        Parameters
        ----------
        numbers : sequence of int
            Of the pairs in the network.
        outputs : sequence of mapping
            Rasters of each pair: unwrapped, conncomp, pwrong, model and diff.
        given : GivenPhases, optional
            Of these pairs.
        """
        numbers = list(numbers)
        scene = self.scene
        cycles = [read_rows(path, "uw_cycles", numbers) for path in self.unwrapped]
        merged = merge_cycles(scene, cycles, self.offsets[numbers])
        referenced, removed = reference_cycles(merged.cycles, scene.component, self.references)
        self.differ |= (merged.spread > 0.5).any(axis=0)
        dates, pairs = np.unique(self.network.pairs[numbers], return_inverse=True)
        phase = np.empty((len(dates), len(scene.points)), dtype=np.float32)
        for tile, path in zip(scene.tiles, self.meshes, strict=True):
            phase[:, tile.position] = read_rows(path, "phase", dates.tolist())
        for row, (number, output) in enumerate(zip(numbers, outputs, strict=True)):
            first, second = pairs[row]
            wrapped = phase[second].astype(np.float64) - phase[first]
            mean = merged.mean[row] - removed[row][scene.component]
            unwrapped = wrapped + CYCLE * referenced[row]
            if given:
                path, sign = given.files[row]
                own = phase_at_points(path, scene.points, self.grid.shape, given.window)
                unwrapped = congruent(unwrapped, sign * own)
            tags = self._tags_of(number)
            for path, values, text in (
                (output["unwrapped"], unwrapped, "unwrapped phase"),
                (output["model"], wrapped + CYCLE * mean, "mean of the tiles"),
                (output["diff"], CYCLE * merged.spread[row], "largest difference of the tiles"),
            ):
                image = scatter(scene.points, values, self.grid.shape)
                write_raster(path, image, self.grid, units="rad", description=text, tags=tags)
            of_tiles = [of_tile[row] for of_tile in cycles]
            unwrapped = wrapped + CYCLE * merged.cycles[row]
            self._write_labels(number, output, of_tiles, merged.cycles[row], unwrapped)

    def _write_labels(
        self,
        number: int,
        output: Mapping[str, str],
        cycles: Sequence[np.ndarray],
        merged: np.ndarray,
        unwrapped: np.ndarray,
    ) -> None:
        """Write the labels of a pair, and how likely its cycles are wrong."""
        scene, edges, npoints = self.scene, self.links.edges, len(self.scene.points)
        name = self.network.pair_names[number]
        changed = [read_changed_links(path, name) for path in self.unwrapped]
        broken = broken_links(self.links, cycles, merged, changed)
        tree = firm_regions(edges, self.ordered, broken, npoints)
        labels = pair_labels(tree, broken_share(edges, broken, npoints), self._least)
        self.label_image[tuple(scene.points.T)] = labels
        self.shares.append((float(np.mean(labels > 0)), float(np.mean(labels == 1))))
        tags = self._tags_of(number)
        label_tags = {
            "LABELS": "1, 2, ... by size: points between which nothing says that a cycle is "
            f"missing; 0: no point, or one that no good links join to {self._least} or more; "
            f"{NO_LABEL_DATA}: no temporal coherence",
            "REFERENCES_ROW_COL": self._row_col(label_points(labels, self.references)),
        }
        write_raster(
            output["conncomp"],
            self.label_image,
            self.grid,
            units="label",
            description="connected components",
            tags=tags | label_tags,
        )
        share = self.residue_shares[number]
        found = evidence(edges, tree, broken, labels, unwrapped, share, self.part)
        wrong = wrong_probability(found)
        wrong += (1 - wrong) * self.wrong_of_parts[number, self.part]
        image = np.full(self.grid.shape, NO_BYTE_DATA, np.uint8)
        image[tuple(scene.points.T)] = as_decibels(wrong)
        write_raster(
            output["pwrong"],
            image,
            self.grid,
            units="-10 log10 of the probability",
            description="probability of a wrong cycle",
            tags=tags,
            nodata=NO_BYTE_DATA,
        )

    def _row_col(self, places: np.ndarray) -> str:
        """Return rows and columns of points as the tags have them."""
        return "; ".join(f"{row} {col}" for row, col in self.scene.points[places])

    def _tags_of(self, number: int) -> dict[str, str]:
        name = self.network.pair_names[number]
        return self._tags | {"REFERENCE_DATE": name[:8], "SECONDARY_DATE": name[9:]}
