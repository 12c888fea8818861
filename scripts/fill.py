"""Fill a batch of unwrapped interferograms between the points, strip by strip."""

from contextlib import ExitStack
from functools import lru_cache

import numpy as np
from emcflow.io.raster import BLOCK, create_raster, open_raster, read_band
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import Stack, read_coherence, read_date
from emcflow.products.fill import fill_image, nearest_points, strips
from emcflow.workflow.job import job, progress
from rasterio import Env
from rasterio.windows import Window

# GDAL's cache [MB]; else it takes a share of the memory of the machine.
CACHE_MB = 64
# Dates of a strip held at once: with that many the three pairs of each read no date twice.
DATES_HELD = 4

with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    grid = read_scene_file(given.stack).grid
    stack = Stack(**params.stack)
    pairs = [[stack.dates.index(date) for date in pair.split("_")] for pair in params.pairs]
    blocks = list(strips(grid.shape, BLOCK, params.max_pixels))
    report = progress("strips filled")
    filled = np.zeros(len(pairs), np.int64)
    with Env(GDAL_CACHEMAX=CACHE_MB), ExitStack() as opened:
        datasets = []
        for path, source in zip(output, given.unwrapped, strict=True):
            with open_raster(source) as dataset:
                tags = dataset.tags()
            tags = {key: tags[key] for key in tags if key not in ("UNITS", "AREA_OR_POINT")}
            tags["FILLED"] = (
                f"pixels up to {params.max_pixels} pixels from a point, in the cycle nearest to "
                "it: see filled.tif"
            )
            datasets.append(
                opened.enter_context(
                    create_raster(
                        path,
                        grid,
                        np.float32,
                        units="rad",
                        description="unwrapped phase, filled between the points",
                        tags=tags,
                    )
                )
            )
        for done, (strip, wider) in enumerate(blocks, start=1):
            above, height = strip[0] - wider[0], strip[2] - strip[0]
            points = np.isfinite(read_band(given.unwrapped[0], wider))
            wanted = np.zeros_like(points)
            inside = slice(above, above + height)
            wanted[inside] = np.isfinite(read_coherence(given.coherence, strip))
            rows, cols, nearest = nearest_points(points, wanted, params.max_pixels)
            rows -= above

            @lru_cache(DATES_HELD)
            def phase(date, strip=strip, rows=rows, cols=cols):
                """Read a date's phase at the pixels to fill."""
                return read_date(stack, date, strip, rows, cols)

            for number, (first, second) in enumerate(pairs):
                unwrapped = read_band(given.unwrapped[number], wider)
                image, count = fill_image(
                    unwrapped, inside, (rows, cols), nearest, phase(first), phase(second)
                )
                filled[number] += count
                datasets[number].write(image, 1, window=Window(0, strip[0], grid.shape[1], height))
            report(done, len(blocks))
    log.info(
        "%d to %d pixels of an interferogram filled, up to %d pixels from a point",
        *(filled.min(), filled.max(), params.max_pixels),
    )
