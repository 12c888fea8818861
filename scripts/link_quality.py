"""How well the links of every point fit their model, as rasters."""

import numpy as np
from emcflow.acquisition.date_weights import effective_dates
from emcflow.io.hdf5 import read, read_link_weights, read_points
from emcflow.io.raster import write_raster
from emcflow.io.scene_file import read_scene_file
from emcflow.links.integrate import point_mean
from emcflow.links.noise_floor import NOISE_PROBABILITY, noise_probability, unbiased_coherence
from emcflow.workflow.job import job

TEXTS = {
    "link_model_coherence": "mean coherence of a point's links",
    "link_coherence_unbiased": "the same without the bias of few dates",
    "noise_links": "share of a point's links that may be noise",
}


def tile_quality(mesh, links):
    """Return the means of every layer over the links of the points of a tile."""
    edges, confident, points = read(mesh, "edges", "confident", "points")
    design, ranges, coherence = read(links, "design", "search_range", "link_coherence")
    weights, coherence = read_link_weights(links), coherence[confident]
    ndates = effective_dates(len(design), weights)
    noise = noise_probability(coherence, design, ranges, weights) > NOISE_PROBABILITY
    of_links = (coherence, unbiased_coherence(coherence, ndates, design.shape[1]), noise)
    return [point_mean(edges[confident], values, len(points)) for values in of_links]


with job(snakemake) as log:
    given, output = snakemake.input, snakemake.output
    grid = read_scene_file(given.stack).grid
    # of points that several tiles hold, the mean
    total, count = np.zeros((len(TEXTS), *grid.shape)), np.zeros(grid.shape)
    for mesh, links in zip(given.mesh, given.links, strict=True):
        points, _ = read_points(mesh)
        values = np.array(tile_quality(mesh, links))
        known = np.isfinite(values).all(axis=0)
        at = tuple(points[known].T)
        total[:, *at] += values[:, known]
        count[at] += 1
    with np.errstate(invalid="ignore"):
        images = (total / count).astype(np.float32)
    for (name, text), image in zip(TEXTS.items(), images, strict=True):
        write_raster(output[name], image, grid, units="1", description=text)
        log.info("%s: median %.3g", name, np.nanmedian(image) if count.any() else np.nan)
