"""Masks of the points whose cycles are likely right, of each interferogram and of the maps."""

import numpy as np
from emcflow.io.raster import NO_BYTE_DATA, read_band, write_raster
from emcflow.io.scene_file import read_scene_file
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    given, output = snakemake.input, snakemake.output
    most = snakemake.params.mask_probability
    grid = read_scene_file(given.stack).grid
    report = progress("masks written")
    total = np.zeros(grid.shape, np.float32)
    known = np.zeros(grid.shape, bool)
    shares = []

    def write_mask(path, kept, has_points, text):
        """Write a mask; return the share of the points that it keeps."""
        image = np.where(has_points, kept, NO_BYTE_DATA).astype(np.uint8)
        tags = {"MASK": f"1: probability of a wrong cycle at most {most:g}; 0: more; 255: no point"}
        write_raster(path, image, grid, units="1", description=text, tags=tags, nodata=NO_BYTE_DATA)
        return np.count_nonzero(kept & has_points) / max(np.count_nonzero(has_points), 1)

    for number, (path, mask) in enumerate(zip(given.pwrong, output.pairs, strict=True), start=1):
        decibels = read_band(path)
        has_points = decibels != NO_BYTE_DATA
        probability = 10 ** (-0.1 * decibels.astype(np.float32))
        kept = probability <= np.float32(most * (1 + 1e-6))
        shares.append(write_mask(mask, kept, has_points, "recommended mask of the pair"))
        total[has_points] += probability[has_points]
        known |= has_points
        report(number, len(given.pwrong))
    mean = total / len(given.pwrong)
    share = write_mask(output.maps, mean <= most, known, "recommended mask of the maps")
    log.info(
        "%.2f %% of the points of an interferogram are kept, %.2f %% in maps",
        100 * np.mean(shares),
        100 * share,
    )
