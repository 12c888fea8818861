"""Choose the points that the unwrapped phase is relative to, one for each connected component."""

import numpy as np
from emcflow.acquisition.geometry import HEIGHTS
from emcflow.io.hdf5 import (
    open_product,
    read,
    read_overlaps,
    read_points,
    read_rows,
    read_tile_points,
)
from emcflow.io.raster import scatter
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import read_coherence
from emcflow.links.integrate import rough_values
from emcflow.products.reference import read_references, reference_quality, write_references
from emcflow.tiles.feather import TileValues, blend_tiles, tile_offsets
from emcflow.tiles.merge import component_labels, reference_points, scene_index
from emcflow.workflow.job import job


def tile_heights(mesh, links):
    """Return roughly the heights of the points of a tile, in metres or relative; None without."""
    with open_product(links) as file:
        terms = list(file.attrs["terms"])
    if not {*terms} & {*HEIGHTS}:
        return None
    points, bounds = read_points(mesh)
    edges, confident, region = read(mesh, "edges", "confident", "region")
    row = next(row for row, term in enumerate(terms) if term in HEIGHTS)
    values, sigma = (read_rows(links, f"link_params{name}", [row]) for name in ("", "_sigma"))
    (at_edge,) = read(links, "at_edge")
    of_links = values[:, confident], sigma[:, confident]
    heights = rough_values(edges[confident], *of_links, len(points), at_edge[confident])
    return TileValues(bounds, points, heights, region)


def scene_heights(meshes, links, grid, min_overlap_points):
    """Return heights on the grid, NaN where there are none."""
    tiles = [tile_heights(*paths) for paths in zip(meshes, links, strict=True)]
    if None in tiles or not tiles:
        return np.full(grid.shape, np.nan, np.float32)
    offsets = tile_offsets(tiles, grid.shape, min_overlap_points)
    scene = blend_tiles(tiles, offsets, grid.shape)
    return scatter(scene.points, scene.values[0], grid.shape)


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
