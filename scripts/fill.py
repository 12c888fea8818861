"""Fill a batch of unwrapped interferograms between the points, strip by strip."""

from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import Stack
from emcflow.products.filled_pairs import write_filled
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    grid, stack = read_scene_file(given.stack).grid, Stack(**params.stack)
    pairs = [[stack.dates.index(date) for date in pair.split("_")] for pair in params.pairs]
    report = progress("strips filled")
    filled = write_filled(given.unwrapped, pairs, output, stack, grid, params.max_pixels, report)
    log.info(
        "%d to %d pixels of an interferogram filled, up to %d pixels from a point",
        *(filled.min(), filled.max(), params.max_pixels),
    )
