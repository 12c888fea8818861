"""Find the cycles that bring the tiles of every interferogram together."""

from dataclasses import replace

import numpy as np
from emcflow.io.hdf5 import create, open_product, put, read_overlaps
from emcflow.io.islands import read_islands
from emcflow.tiles.bulk_offsets import bulk_offsets, level_offsets
from emcflow.workflow.job import job

with job(snakemake) as log:
    overlaps = read_overlaps(snakemake.input[0])
    with open_product(snakemake.input[0]) as file:
        pairs = list(file.attrs["pairs"])
    islands = read_islands(snakemake.input[0])
    overlaps = replace(overlaps, component=islands.part)
    found = bulk_offsets(overlaps, snakemake.params.method)
    inconsistent = np.abs(found.residuals).max(axis=1, initial=0) > 1e-6
    for pair in np.flatnonzero(inconsistent):
        worst = int(np.abs(found.residuals[pair]).argmax())
        tile_i, tile_j = overlaps.nodes[overlaps.links[worst], 0]
        log.warning(
            "%s: the tiles do not fit around a loop; %.2f cycles are left between tiles %d and %d",
            pairs[pair],
            found.residuals[pair, worst],
            tile_i,
            tile_j,
        )
    log.info("tiles fit in %d of %d interferograms", np.sum(~inconsistent), len(pairs))
    with create(snakemake.output[0], pairs=pairs, method=snakemake.params.method) as file:
        put(file, "offsets", level_offsets(found.offsets, islands), "cycles")
        put(file, "residuals", found.residuals, "cycles")
