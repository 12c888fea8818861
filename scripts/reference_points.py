"""Label connected components, and choose the point that phases of each are relative to."""

from functools import partial

import numpy as np
from emcflow.io.hdf5 import TileFiles, read_overlaps
from emcflow.io.raster import NO_LABEL_DATA, write_rows
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import read_coherence
from emcflow.products.heights import scene_heights
from emcflow.products.reference import read_references, reference_quality, write_references
from emcflow.tiles.merge import (
    LEAST_LABELLED_POINTS,
    component_labels,
    reference_points,
)
from emcflow.tiles.reference_area import reference_places
from emcflow.tiles.scene import scene_of_tiles
from emcflow.workflow.job import job


def labels_of_rows(row, end):
    """Return labels of all pixels of some rows."""
    coherent = np.isfinite(coherence((row, 0, end, grid.shape[1])))
    image = np.where(coherent, 0, NO_LABEL_DATA).astype(np.uint16)
    image[scene.pixels.used[row:end]] = labels[slice(*scene.pixels.first[[row, end]])]
    return image


with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    grid, height = read_scene_file(given.stack).grid, None
    if given.get("links"):
        height = scene_heights(given.mesh, given.links, grid.shape, params.min_overlap_points)
    component = read_overlaps(given.overlaps).component
    scene = scene_of_tiles(TileFiles(given.mesh), grid.shape, component)
    labels = component_labels(scene.component)
    coherence = partial(read_coherence, given.coherence)
    text = "1, 2, ... by size: points whose phases are relative to one reference; 0: no point, or "
    text += f"one of fewer than {LEAST_LABELLED_POINTS} that nothing joins to others; "
    text += f"{NO_LABEL_DATA}: no temporal coherence"
    write_rows(
        output.components,
        grid,
        np.uint16,
        labels_of_rows,
        units="label",
        description="connected components",
        tags={"LABELS": text},
    )
    if given.get("previous"):
        points, chosen = read_references(given.previous)
        references = scene.places(points)
    else:
        quality = reference_quality(coherence, scene.pixels)
        chosen = params.reference
        if chosen is not None and len(chosen) == 4:
            inside = reference_places(scene.points, labels, chosen)
            chosen = scene.points[inside[quality[inside].argmax()]].tolist()
        references = reference_points(scene, quality, chosen, height)
    write_references(output.references, scene.points[references], labels[references], chosen)
    _, (row, col) = read_references(output.references)
    log.info(
        "%d reference points, that of the series in row %d, column %d", len(references), row, col
    )
