"""Merge the tiles of a batch of interferograms and write their rasters."""

from pathlib import Path

import numpy as np
from emcflow.io.hdf5 import read, read_overlaps, read_rows, read_tile_points
from emcflow.io.network_tables import read_interferograms
from emcflow.io.raster import NO_LABEL_DATA, scatter, write_raster
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import read_coherence
from emcflow.products.reference import read_references
from emcflow.tiles.merge import (
    LEAST_LABELLED_POINTS,
    component_labels,
    merge_cycles,
    reference_cycles,
    scene_index,
)
from emcflow.workflow.batches import MERGED_AT_ONCE, in_batches
from emcflow.workflow.job import job, progress

CYCLE = 2 * np.pi

with job(snakemake) as log:
    given, output = snakemake.input, snakemake.output
    network = read_interferograms(given.network, given.triangles)
    grid = read_scene_file(given.stack).grid
    names = [Path(path).name.partition(".")[0] for path in output.unwrapped]
    batch = [network.pair_names.index(name) for name in names]

    tiles = [read_tile_points(path) for path in given.mesh]
    overlaps = read_overlaps(given.overlaps)
    (offsets,) = read(given.offsets, "offsets")
    scene = scene_index(tiles, grid.shape, overlaps.component)
    del tiles
    coherence = read_coherence(given.coherence)
    references = scene.places(read_references(given.references)[0])
    labels = component_labels(scene.component)
    labelled = sorted(references[labels[references] > 0], key=lambda point: labels[point])
    row_col = [" ".join(map(str, scene.points[point])) for point in labelled]
    tags = {"REFERENCE_ROW_COL": row_col[0]}
    label_tags = {
        "LABELS": "1, 2, ... by size: points with unwrapped phase relative to one reference; 0: no "
        f"point, or one of fewer than {LEAST_LABELLED_POINTS} that nothing joins to others; "
        f"{NO_LABEL_DATA}: no temporal coherence",
        "REFERENCES_ROW_COL": "; ".join(row_col),
    }
    label_image = np.where(np.isfinite(coherence), 0, NO_LABEL_DATA).astype(np.uint16)
    label_image[tuple(scene.points.T)] = labels
    report = progress("interferograms written")
    differ = np.zeros(len(scene.points), bool)

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
            own_tags = tags | {"REFERENCE_DATE": name[:8], "SECONDARY_DATE": name[9:]}
            for paths, values, text in (
                (output.unwrapped, wrapped + CYCLE * referenced[number], "unwrapped phase"),
                (output.model, wrapped + CYCLE * mean, "mean of the tiles"),
                (output.diff, CYCLE * merged.spread[number], "largest difference of the tiles"),
            ):
                image = scatter(scene.points, values, grid.shape)
                write_raster(
                    paths[place], image, grid, units="rad", description=text, tags=own_tags
                )
            write_raster(
                output.conncomp[place],
                label_image,
                grid,
                units="label",
                description="connected components",
                tags=own_tags | label_tags,
            )
            report(place + 1, len(batch))

    for places in in_batches(range(len(batch)), MERGED_AT_ONCE):
        merge(places)
    log.info(
        "connected components labelled 1 to %d, the largest with %d points; %d points without a "
        "label, in components of fewer than %d",
        len(labelled),
        np.count_nonzero(labels == 1),
        np.count_nonzero(labels == 0),
        LEAST_LABELLED_POINTS,
    )
    log.info(
        "%d points, %d where tiles differ by a cycle or more in some interferogram",
        len(scene.points),
        differ.sum(),
    )
