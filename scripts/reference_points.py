"""Choose the points that the unwrapped phase is relative to, one for each connected component."""

from emcflow.io.hdf5 import read_overlaps, read_tile_points
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import read_coherence
from emcflow.products.heights import scene_heights
from emcflow.products.reference import read_references, reference_quality, write_references
from emcflow.tiles.merge import component_labels, reference_points, scene_index
from emcflow.workflow.job import job

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    grid = read_scene_file(given.stack).grid
    tiles = [read_tile_points(path) for path in given.mesh]
    overlaps = read_overlaps(given.overlaps)
    scene = scene_index(tiles, grid.shape, overlaps.component)
    del tiles
    labels = component_labels(scene.component)
    if given.get("previous"):
        points, _ = read_references(given.previous)
        references = scene.places(points)
    else:
        at = tuple(scene.points.T)
        quality = reference_quality(scene.points, read_coherence(given.coherence)[at], grid.shape)
        height = None
        if given.get("links"):
            height = scene_heights(given.mesh, given.links, grid, params.min_overlap_points)[at]
        references = reference_points(scene, quality, params.reference_point, height)
    chosen = params.reference_point
    write_references(snakemake.output[0], scene.points[references], labels[references], chosen)
    _, (row, col) = read_references(snakemake.output[0])
    log.info(
        "%d reference points, that of the series in row %d, column %d", len(references), row, col
    )
