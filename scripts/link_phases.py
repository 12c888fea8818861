"""Turn interferograms of any pairs into a phase-linked stack, block by block."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import product

import numpy as np
from emcflow.errors import InputError
from emcflow.io.coverage import Coverage, coverage_remarks, remarks_tag, unchanging_remark
from emcflow.io.files import write_csv
from emcflow.io.images import read_image
from emcflow.io.interferograms import read_pair_coherence
from emcflow.io.network_tables import ENDS
from emcflow.io.raster import BLOCK, create_raster, image_of, open_raster, read_grid, write_raster
from emcflow.io.stack import check_files, check_grid, check_window
from emcflow.network.phase_linking import (
    coherence_weights,
    link_phases,
    squared_misfits,
    without_unchanging,
)
from emcflow.products.selection import HIGH_AGREEMENT, LEAST_COHERENCE, agrees_everywhere
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
    for path in params.coherences:
        check_grid(path, whole, files[0])
    pairs = np.array(params.pairs)
    squares, coherences = np.zeros((2, len(files)))
    mean_coherence = np.zeros(grid.shape if params.coherences else (0, 0), np.float32)
    row0, col0 = params.window[:2] if params.window else (0, 0)
    blocks = list(product(*(range(0, size, BLOCK) for size in grid.shape)))
    report = progress("blocks linked")
    complete = unchanged = agreeing = noise = 0
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
            weights = None
            if params.coherences:
                own = np.empty((len(files), np.count_nonzero(valid)), np.float32)
                for values, path in zip(own, params.coherences, strict=True):
                    values[:] = read_pair_coherence(path, bounds)[valid]
                coherences += own.sum(axis=1, dtype=np.float64)
                mean = own.mean(axis=0)
                mean_coherence[row:end_row, col:end_col][valid] = mean
                weights = coherence_weights(own)
            known = pair_phase[:, valid]
            phase, coherence = link_phases(known, pairs, len(dates), snakemake.threads, weights)
            squares += squared_misfits(known, pairs, phase)
            if params.coherences:
                # whatever it agrees by: in loops of few pairs noise does as well as signal
                is_noise = mean < LEAST_COHERENCE
                coherence[is_noise] = 0
                noise += np.count_nonzero(is_noise)
            complete += coherence.size
            agreeing += np.count_nonzero(coherence > HIGH_AGREEMENT)
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
        # pairs without loops or coherences choose no points anyway
        chooses = len(files) >= len(dates) or params.coherences
        tells_nothing = chooses and agrees_everywhere((agreeing, complete - noise))
        if tells_nothing:
            remarks.append(
                f"The interferograms agree at {agreeing / (complete - noise):.1%} of the pixels, "
                "as filtered ones do, so that their agreement chooses no points: "
                + (
                    "the mean coherence of the pairs is taken in its place."
                    if params.coherences
                    else "stack.pair_coherence, stack.temporal_coherence or stack.mask would."
                )
            )
        agreement.update_tags(**remarks_tag(remarks))
    if tells_nothing and params.coherences:
        write_raster(
            output.coherence,
            mean_coherence,
            grid,
            units="1",
            description="mean coherence of the pairs",
            tags=remarks_tag(remarks),
        )
    table = dict(zip(ENDS, np.array(dates)[pairs.T], strict=True))
    table["misfit_rad"] = np.sqrt(squares / complete)
    if params.coherences:
        table["coherence"] = coherences / complete
    write_csv(output.misfits, table, digits=6)
    worst = int(np.argmax(squares))
    log.info(
        "misfits of the interferograms to the linked phases: %.2g rad (root mean square), largest "
        "%.2g rad of %s",
        np.sqrt(squares.mean() / complete),
        table["misfit_rad"][worst],
        params.names[worst],
    )
    if noise:
        log.info(
            "%d pixels have a mean coherence of the pairs below %g: they count as noise",
            noise,
            LEAST_COHERENCE,
        )
    for remark in remarks:
        log.warning("%s", remark)
    log.info(
        "%d interferograms linked to %d dates; %d pixels (%.1f %%) with all of them",
        len(files),
        len(dates),
        complete,
        100 * complete / (grid.shape[0] * grid.shape[1]),
    )
