"""Write styles for QGIS beside the result rasters."""

from concurrent.futures import ThreadPoolExecutor

from emcflow.report.qgis_styles import write_style
from emcflow.workflow.job import job

with job(snakemake) as log:
    rasters = snakemake.input.rasters
    with ThreadPoolExecutor(snakemake.threads) as pool:
        list(pool.map(write_style, rasters))
    log.info("%d styles", len(rasters))
