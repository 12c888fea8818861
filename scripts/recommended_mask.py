"""Masks of the points whose cycles are likely right, of each interferogram and of the maps."""

from emcflow.io.scene_file import read_scene_file
from emcflow.products.masks import write_masks
from emcflow.workflow.job import job, progress
from rasterio import Env

# GDAL's cache [MB]; else it takes a share of the memory of the machine.
CACHE_MB = 64

with job(snakemake) as log, Env(GDAL_CACHEMAX=CACHE_MB):
    given, output = snakemake.input, snakemake.output
    grid = read_scene_file(given.stack).grid
    most, report = snakemake.params.mask_probability, progress("masks written")
    shares = write_masks(given.pwrong, output.pairs, output.maps, grid, most, report)
    log.info(
        "%.2f %% of the points of an interferogram are kept, %.2f %% in maps",
        *(100 * share for share in shares),
    )
