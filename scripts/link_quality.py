"""How well the links of every point fit their model, as rasters."""

from emcflow.io.scene_file import read_scene_file
from emcflow.products.link_layers import write_link_layers
from emcflow.workflow.job import job
from rasterio import Env

# GDAL's cache [MB]; else it takes a share of the memory of the machine.
CACHE_MB = 64

with job(snakemake) as log, Env(GDAL_CACHEMAX=CACHE_MB):
    given, output = snakemake.input, dict(snakemake.output.items())
    grid = read_scene_file(given.stack).grid
    for name, median in write_link_layers(output, grid, given.mesh, given.links).items():
        log.info("%s: median %.3g", name, median)
