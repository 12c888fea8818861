"""How well the links of every point fit their model, as rasters."""

from contextlib import ExitStack

import numpy as np
from emcflow.acquisition.date_weights import effective_dates
from emcflow.io.hdf5 import read, read_link_weights, read_points
from emcflow.io.raster import BLOCK, create_raster
from emcflow.io.scene_file import read_scene_file
from emcflow.io.strips import strip_bounds
from emcflow.links.integrate import point_mean
from emcflow.links.noise_floor import NOISE_PROBABILITY, noise_probability, unbiased_coherence
from emcflow.workflow.job import job
from rasterio import Env
from rasterio.windows import Window

# GDAL's cache [MB]; else it takes a share of the memory of the machine.
CACHE_MB = 64
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


def tile_values(mesh, links):
    """Return the points of a tile whose layers are known, and these as float64 (nlayers, n)."""
    points, _ = read_points(mesh)
    values = np.array(tile_quality(mesh, links))
    known = np.isfinite(values).all(axis=0)
    return points[known], values[:, known]


with job(snakemake) as log, Env(GDAL_CACHEMAX=CACHE_MB), ExitStack() as opened:
    given, output = snakemake.input, snakemake.output
    grid = read_scene_file(given.stack).grid
    datasets = [
        opened.enter_context(
            create_raster(output[name], grid, np.float32, units="1", description=text)
        )
        for name, text in TEXTS.items()
    ]
    rows = [read(mesh, "bounds")[0][::2].tolist() for mesh in given.mesh]
    held, medians = {}, [[] for _ in TEXTS]
    for first, end in strip_bounds(grid.shape[0], BLOCK):
        here = [number for number, (top, bottom) in enumerate(rows) if top < end and bottom > first]
        held = {
            number: held.get(number) or tile_values(given.mesh[number], given.links[number])
            for number in here
        }
        # of points that several tiles hold, the mean
        shape = end - first, grid.shape[1]
        total, count = np.zeros((len(TEXTS), *shape)), np.zeros(shape)
        for points, values in held.values():
            part = slice(*np.searchsorted(points[:, 0], (first, end)))
            at = tuple((points[part] - (first, 0)).T)
            total[:, *at] += values[:, part]
            count[at] += 1
        with np.errstate(invalid="ignore"):
            images = (total / count).astype(np.float32)
        for dataset, image, known in zip(datasets, images, medians, strict=True):
            dataset.write(image, 1, window=Window(0, first, *image.shape[::-1]))
            known.append(image[count > 0])
    for name, known in zip(TEXTS, medians, strict=True):
        values = np.concatenate(known)
        log.info("%s: median %.3g", name, np.median(values) if len(values) else np.nan)
