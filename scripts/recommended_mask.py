"""Masks of the points whose cycles are likely right, of each interferogram and of the maps."""

import numpy as np
from emcflow.io.raster import NO_BYTE_DATA, read_band, write_rows
from emcflow.io.scene_file import read_scene_file
from emcflow.workflow.job import job, progress
from rasterio import Env

# GDAL's cache [MB]; else it takes a share of the memory of the machine.
CACHE_MB = 64

with job(snakemake) as log, Env(GDAL_CACHEMAX=CACHE_MB):
    given, output = snakemake.input, snakemake.output
    most = snakemake.params.mask_probability
    grid = read_scene_file(given.stack).grid
    report = progress("masks written")
    total = np.zeros(grid.shape, np.float32)
    known = np.zeros(grid.shape, bool)
    shares = []

    def write_mask(path, kept_and_points, text):
        """Write a mask by rows of blocks; return the share of the points that it keeps."""
        counts = np.zeros(2, np.int64)

        def rows(first, end):
            kept, has_points = kept_and_points(slice(first, end))
            counts[:] += np.count_nonzero(kept & has_points), np.count_nonzero(has_points)
            return np.where(has_points, kept, NO_BYTE_DATA).astype(np.uint8)

        tags = {"MASK": f"1: probability of a wrong cycle at most {most:g}; 0: more; 255: no point"}
        texts = {"units": "1", "description": text, "tags": tags}
        write_rows(path, grid, np.uint8, rows, nodata=NO_BYTE_DATA, **texts)
        return counts[0] / max(counts[1], 1)

    for number, (path, mask) in enumerate(zip(given.pwrong, output.pairs, strict=True), start=1):

        def of_pair(rows, path=path):
            """Return where a pair is kept and where it has points; add it to all."""
            decibels = read_band(path, (rows.start, 0, rows.stop, grid.shape[1]))
            has_points = decibels != NO_BYTE_DATA
            probability = 10 ** (-0.1 * decibels.astype(np.float32))
            total[rows][has_points] += probability[has_points]
            known[rows] |= has_points
            return probability <= np.float32(most * (1 + 1e-6)), has_points

        shares.append(write_mask(mask, of_pair, "recommended mask of the pair"))
        report(number, len(given.pwrong))
    share = write_mask(
        output.maps,
        lambda rows: (total[rows] / len(given.pwrong) <= most, known[rows]),
        "recommended mask of the maps",
    )
    log.info(
        "%.2f %% of the points of an interferogram are kept, %.2f %% in maps",
        100 * np.mean(shares),
        100 * share,
    )
