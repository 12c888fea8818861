"""Turn interferograms of any pairs into a phase-linked stack, block by block."""

import numpy as np
from emcflow.io.coverage import remarks_tag
from emcflow.io.files import write_csv
from emcflow.io.network_tables import ENDS
from emcflow.io.raster import open_raster, read_grid, write_raster
from emcflow.io.stack import check_files, check_grid, check_window
from emcflow.products.linked_stack import PairRasters, write_linked_stack
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    params, output, threads = snakemake.params, snakemake.output, snakemake.threads
    files, pairs = params.files, np.array(params.pairs)
    with open_raster(files[0]) as dataset:
        whole = read_grid(dataset)
    check_window(params.window, whole, files[0])
    grid = whole.cropped(params.window)
    check_files(files, grid, files[0], params.window)
    for path in params.coherences:
        check_grid(path, whole, files[0])
    corner = tuple(params.window[:2]) if params.window else (0, 0)
    rasters = PairRasters(files, params.names, pairs, params.dates, params.coherences, corner)
    report = progress("blocks linked")
    sums, remarks = write_linked_stack(
        rasters, grid, output.files, output.coherence, threads, report
    )
    if rasters.coherences and sums.agrees_everywhere:
        write_raster(
            output.coherence,
            sums.mean_coherence,
            grid,
            units="1",
            description="mean coherence of the pairs",
            tags=remarks_tag(remarks),
        )
    table = dict(zip(ENDS, np.array(params.dates)[pairs.T], strict=True))
    table["misfit_rad"] = np.sqrt(sums.squares / sums.pixels)
    if rasters.coherences:
        table["coherence"] = sums.coherences / sums.pixels
    write_csv(output.misfits, table, digits=6)
    worst = int(np.argmax(sums.squares))
    log.info(
        "misfits of the interferograms to the linked phases: %.2g rad (root mean square), largest "
        "%.2g rad of %s",
        np.sqrt(sums.squares.mean() / sums.pixels),
        table["misfit_rad"][worst],
        params.names[worst],
    )
    for remark in remarks:
        log.warning("%s", remark)
    share = 100 * sums.pixels / (grid.shape[0] * grid.shape[1])
    log.info(
        "%d interferograms linked to %d dates; %d pixels (%.1f %%) with all of them",
        len(files), len(params.dates), sums.pixels, share,
    )  # fmt: skip
