"""Turn what points are chosen by into one raster that reads as a temporal coherence."""

import numpy as np
from emcflow.io.coverage import Coverage, coverage_remarks, remarks_tag
from emcflow.io.raster import open_raster, read_grid, read_values, write_raster
from emcflow.io.stack import check_grid, check_window, read_coherence
from emcflow.products.selection import (
    amplitude_dispersion,
    check_dispersion,
    coherence_of_dispersion,
    read_mask,
)
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    params = snakemake.params
    kind, raster, mask, window, cropped = params.points.values()
    files = [file for file in params.files if file]
    with open_raster(files[0]) as dataset:
        whole = read_grid(dataset)
    check_window(window, whole, files[0])
    grid = whole.cropped(window)
    bounds = tuple(window) if window else (0, 0, *whole.shape)
    if raster:
        check_grid(raster, grid if cropped else whole, files[0])
    within = None if cropped else bounds
    remarks = []
    if kind == "amplitude_dispersion":
        if raster:
            values = read_values(raster, within)
        else:
            coverage = Coverage(grid.shape[0] * grid.shape[1])
            values = amplitude_dispersion(files, bounds, progress("images"), coverage)
            remarks = coverage_remarks(coverage.counts, params.names, files)
        check_dispersion(values, raster or "the stack")
        log.info("amplitude dispersion of %d dates: median %.2f", len(files), np.nanmedian(values))
        values = coherence_of_dispersion(values)
    elif kind == "mask":
        values = np.ones(grid.shape, np.float32)
    else:
        values = read_coherence(raster, within, warn=True)
    values = values.astype(np.float32, copy=False)
    if mask:
        check_grid(mask, whole, files[0])
        inside = read_mask(mask, bounds)
        log.info("%s leaves %.2f %% of the pixels", mask, 100 * inside.mean())
        values[~inside] = np.nan
    texts = {
        "temporal_coherence": "temporal coherence",
        "amplitude_dispersion": "temporal coherence that the amplitude dispersion stands for",
        "mask": "1 where there may be points",
    }
    for remark in remarks:
        log.warning("%s", remark)
    write_raster(
        snakemake.output[0],
        values,
        grid,
        units="1",
        description=texts[kind],
        tags=remarks_tag(remarks),
    )
