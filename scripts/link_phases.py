"""Turn interferograms of any pairs into a phase-linked stack, block by block."""

import numpy as np
from emcflow.io.files import write_csv
from emcflow.products.linked_stack import (
    checked_pairs,
    linking_notes,
    misfit_table,
    write_linked_stack,
)
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    params, output, threads = snakemake.params, snakemake.output, snakemake.threads
    pairs = np.array(params.pairs)
    rasters, grid = checked_pairs(
        params.files, params.names, pairs, params.dates, params.coherences, params.window
    )
    report = progress("blocks linked")
    sums, remarks = write_linked_stack(
        rasters, grid, output.files, output.coherence, threads, report
    )
    write_csv(output.misfits, misfit_table(rasters, sums), digits=6)
    for note in linking_notes(rasters, sums):
        log.info("%s", note)
    for remark in remarks:
        log.warning("%s", remark)
    log.info(
        "%d interferograms linked to %d dates; %d pixels (%.1f %%) with all of them",
        *(len(pairs), len(params.dates), sums.pixels),
        100 * sums.pixels / (grid.shape[0] * grid.shape[1]),
    )
