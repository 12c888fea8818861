"""Write the result rasters as cloud-optimised GeoTIFFs, with overviews and statistics."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emcflow.io.raster import write_cog
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    rasters, folder = snakemake.input.rasters, Path(snakemake.output[0])
    results = folder.parent.parent
    report = progress("rasters written")

    def convert(path):
        """Write one raster at its place in the folder."""
        write_cog(path, folder / os.path.relpath(path, results))

    with ThreadPoolExecutor(snakemake.threads) as pool:
        for done, _ in enumerate(pool.map(convert, rasters), start=1):
            report(done, len(rasters))
