"""Merge the tiles of a batch of interferograms, label them and write their rasters."""

from pathlib import Path

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
from emcflow.io.network_tables import read_interferograms
from emcflow.io.raster import NO_BYTE_DATA, NO_LABEL_DATA, scatter, write_raster
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import read_coherence
from emcflow.products.reference import label_points, read_references
from emcflow.tiles.merge import congruent, merge_cycles, reference_cycles, scene_index
from emcflow.tiles.scene_links import broken_links, scene_links
from emcflow.unwrap.labels import LARGE, broken_share, firm_regions, ordered_links, pair_labels
from emcflow.unwrap.wrong_cycles import as_decibels, evidence, wrong_probability
from emcflow.workflow.batches import MERGED_AT_ONCE, in_batches
from emcflow.workflow.job import job, progress

CYCLE = 2 * np.pi

with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    network = read_interferograms(given.network, given.triangles)
    grid = read_scene_file(given.stack).grid
    names = [Path(path).name.partition(".")[0] for path in output.unwrapped]
    batch = [network.pair_names.index(name) for name in names]

    def row_col(places):
        """Return rows and columns of points as the tags have them."""
        return "; ".join(f"{row} {col}" for row, col in scene.points[places])

    tiles = [read_tile_points(path) for path in given.mesh]
    overlaps = read_overlaps(given.overlaps)
    (offsets,) = read(given.offsets, "offsets")
    scene = scene_index(tiles, grid.shape, overlaps.component)
    del tiles
    coherence = read_coherence(given.coherence)
    references = scene.places(read_references(given.references)[0])
    npoints = len(scene.points)
    in_component = np.bincount(scene.component)
    largest = references[scene.component[references] == in_component.argmax()]
    tags = {"REFERENCE_ROW_COL": row_col(largest)}
    least = min(LARGE, in_component.max())
    edges = [read(path, "edges", "confident") for path in given.mesh]
    links = scene_links(scene, *zip(*edges, strict=True))
    del edges
    quality = links.gather([read(path, "link_quality")[0] for path in given.unwrapped])
    ordered = ordered_links(quality)
    del quality
    residues = sum(read(path, "statistics/residues")[0] for path in given.unwrapped)
    residue_shares = residues / max(sum(map(count_triangles, given.mesh)), 1)
    label_image = np.where(np.isfinite(coherence), 0, NO_LABEL_DATA).astype(np.uint16)
    report = progress("interferograms written")
    differ = np.zeros(npoints, bool)
    shares = []  # of the points of each pair with a label, with label 1

    def write_labels(place, cycles, merged, unwrapped, own_tags):
        """Write the labels of a pair, and how likely its cycles are wrong."""
        changed = [read_changed_links(path, names[place]) for path in given.unwrapped]
        broken = broken_links(links, cycles, merged, changed)
        tree = firm_regions(links.edges, ordered, broken, npoints)
        labels = pair_labels(tree, broken_share(links.edges, broken, npoints), least)
        label_image[tuple(scene.points.T)] = labels
        shares.append((np.mean(labels > 0), np.mean(labels == 1)))
        label_tags = {
            "LABELS": "1, 2, ... by size: points between which nothing says that a cycle is "
            f"missing; 0: no point, or one that no good links join to {least} or more; "
            f"{NO_LABEL_DATA}: no temporal coherence",
            "REFERENCES_ROW_COL": row_col(label_points(labels, references)),
        }
        write_raster(
            output.conncomp[place],
            label_image,
            grid,
            units="label",
            description="connected components",
            tags=own_tags | label_tags,
        )
        share = residue_shares[batch[place]]
        found = evidence(links.edges, tree, broken, labels, unwrapped, share, scene.component)
        image = np.full(grid.shape, NO_BYTE_DATA, np.uint8)
        image[tuple(scene.points.T)] = as_decibels(wrong_probability(found))
        write_raster(
            output.pwrong[place],
            image,
            grid,
            units="-10 log10 of the probability",
            description="probability of a wrong cycle",
            tags=own_tags,
            nodata=NO_BYTE_DATA,
        )

    def merge(places):
        """Write the rasters of some of the batch; all that it holds is freed at its end."""
        some = [batch[place] for place in places]
        cycles = [read_rows(path, "uw_cycles", some) for path in given.unwrapped]
        merged = merge_cycles(scene, cycles, offsets[some])
        referenced, removed = reference_cycles(merged.cycles, scene.component, references)
        np.logical_or(differ, (merged.spread > 0.5).any(axis=0), out=differ)
        dates, pairs = np.unique(network.pairs[some], return_inverse=True)
        phase = np.empty((len(dates), len(scene.points)), dtype=np.float32)
        for tile, path in zip(scene.tiles, given.mesh, strict=True):
            phase[:, tile.position] = read_rows(path, "phase", dates)
        for number, place in enumerate(places):
            first, second = pairs[number]
            wrapped = phase[second].astype(np.float64) - phase[first]
            mean = merged.mean[number] - removed[number][scene.component]
            name = names[place]
            unwrapped = wrapped + CYCLE * referenced[number]
            if params.given:
                path, sign = params.given[place]
                own = phase_at_points(path, scene.points, grid.shape, params.window)
                unwrapped = congruent(unwrapped, sign * own)
            own_tags = tags | {"REFERENCE_DATE": name[:8], "SECONDARY_DATE": name[9:]}
            for paths, values, text in (
                (output.unwrapped, unwrapped, "unwrapped phase"),
                (output.model, wrapped + CYCLE * mean, "mean of the tiles"),
                (output.diff, CYCLE * merged.spread[number], "largest difference of the tiles"),
            ):
                image = scatter(scene.points, values, grid.shape)
                write_raster(
                    paths[place], image, grid, units="rad", description=text, tags=own_tags
                )
            of_tiles = [of_tile[number] for of_tile in cycles]
            unwrapped = wrapped + CYCLE * merged.cycles[number]
            write_labels(place, of_tiles, merged.cycles[number], unwrapped, own_tags)
            report(place + 1, len(batch))

    for places in in_batches(range(len(batch)), MERGED_AT_ONCE):
        merge(places)
    log.info(
        "labels: %.2f %% of the points of an interferogram have one, %.2f %% label 1; the least of "
        "all %.2f and %.2f %%",
        *(100 * np.mean(shares, axis=0)),
        *(100 * np.min(shares, axis=0)),
    )
    log.info(
        "%d points, %d where tiles differ by a cycle or more in some interferogram",
        npoints,
        differ.sum(),
    )
