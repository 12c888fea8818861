"""Label what is a point, and what is filled in any interferogram, strip by strip."""

import numpy as np
from emcflow.io.raster import BLOCK, create_raster, read_band
from emcflow.io.scene_file import read_scene_file
from emcflow.products.fill import FILLED, NOTHING, POINT, strips
from emcflow.workflow.job import job
from rasterio.windows import Window

with job(snakemake) as log:
    given = snakemake.input
    grid = read_scene_file(given.stack).grid
    counts = np.zeros(3, np.int64)
    tags = {
        "LABELS": f"{NOTHING}: nothing; {POINT}: point, unwrapped; {FILLED}: filled, in every pair "
        "whose dates have data there"
    }
    with create_raster(
        snakemake.output[0], grid, np.uint8, units="label", description="points, filled", tags=tags
    ) as dataset:
        for strip, _ in strips(grid.shape, BLOCK, 0):
            known = np.zeros((strip[2] - strip[0], grid.shape[1]), bool)
            for path in given.filled:
                known |= np.isfinite(read_band(path, strip))
            labels = np.where(known, np.uint8(FILLED), np.uint8(NOTHING))
            labels[np.isfinite(read_band(given.points, strip))] = POINT
            counts += np.bincount(labels.ravel(), minlength=3)
            dataset.write(labels, 1, window=Window(0, strip[0], *labels.shape[::-1]))
    log.info(
        "%d points, %d pixels filled, %d of neither", counts[POINT], counts[FILLED], counts[NOTHING]
    )
