"""Turn interferograms of any pairs into a phase-linked stack, block by block."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import product

import numpy as np
from emcflow.errors import InputError
from emcflow.io.coverage import Coverage, coverage_remarks, remarks_tag, unchanging_remark
from emcflow.io.images import read_image
from emcflow.io.raster import BLOCK, create_raster, image_of, open_raster, read_grid
from emcflow.io.stack import check_files, check_window
from emcflow.network.phase_linking import link_phases, without_unchanging
from emcflow.workflow.job import job, progress
from rasterio.windows import Window

with job(snakemake) as log:
    params, output = snakemake.params, snakemake.output
    dates, files = params.dates, params.files
    with open_raster(files[0]) as dataset:
        whole = read_grid(dataset)
    check_window(params.window, whole, files[0])
    grid = whole.cropped(params.window)
    check_files(files, grid, files[0], params.window)
    row0, col0 = params.window[:2] if params.window else (0, 0)
    blocks = list(product(*(range(0, size, BLOCK) for size in grid.shape)))
    report = progress("blocks linked")
    complete = unchanged = 0
    counts = None
    with ExitStack() as stack, ThreadPoolExecutor(snakemake.threads) as pool:
        stacked = [
            stack.enter_context(
                create_raster(
                    path, grid, np.complex64, units="1", description=f"{dates[0]}_{date}, linked"
                )
            )
            for path, date in zip(output.files, dates[1:], strict=True)
        ]
        agreement = stack.enter_context(
            create_raster(
                output.coherence,
                grid,
                np.float32,
                units="1",
                description="agreement of linked phases with the interferograms",
            )
        )
        for done, (row, col) in enumerate(blocks, start=1):
            end_row, end_col = min(row + BLOCK, grid.shape[0]), min(col + BLOCK, grid.shape[1])
            bounds = (row0 + row, col0 + col, row0 + end_row, col0 + end_col)
            shape = (end_row - row, end_col - col)
            pair_phase = np.empty((len(files), *shape), np.float32)

            def read(number, bounds=bounds, pair_phase=pair_phase):
                """Read one interferogram and return where it has a value."""
                values = read_image(files[number], bounds)
                pair_phase[number] = np.angle(values)
                return np.isfinite(values) & (values != 0)

            here = Coverage(shape[0] * shape[1])
            for usable in pool.map(read, range(len(files))):
                here.add(usable)
            counts = counts.with_part(here.counts) if counts else here.counts
            valid, left_out = without_unchanging(pair_phase, here.everywhere.reshape(shape))
            unchanged += left_out
            phase, coherence = link_phases(
                pair_phase[:, valid], params.pairs, len(dates), snakemake.threads
            )
            complete += coherence.size
            window = Window(col, row, shape[1], shape[0])
            agreement.write(image_of(coherence, valid), 1, window=window)
            for dataset, values in zip(stacked, phase[1:], strict=True):
                dataset.write(image_of(np.exp(1j * values), valid), 1, window=window)
            report(done, len(blocks))
        remarks = coverage_remarks(counts, params.names, files)
        if complete == 0:
            raise InputError(
                f"{files[0]} and {len(files) - 1} more: no pixel is finite and not zero in all of "
                "them and changes from one to another; expected some: leave out interferograms "
                f"with gaps (stack.exclude) {' '.join(remarks)}".rstrip()
            )
        remarks += unchanging_remark(unchanged)
        agreement.update_tags(**remarks_tag(remarks))
    for remark in remarks:
        log.warning("%s", remark)
    log.info(
        "%d interferograms linked to %d dates; %d pixels (%.1f %%) with all of them",
        len(files),
        len(dates),
        complete,
        100 * complete / (grid.shape[0] * grid.shape[1]),
    )
