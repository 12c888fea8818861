"""Perpendicular baseline of every date of the stack, from a table or from text files."""

from emcflow.io.baselines import read_baselines
from emcflow.io.files import write_text
from emcflow.workflow.job import job

with job(snakemake) as log:
    baselines = read_baselines(
        snakemake.params.table, snakemake.params.dates, snakemake.params.negate
    )
    for warning in baselines.warnings:
        log.warning("%s", warning)
    write_text(snakemake.output.baselines, baselines.table().to_csv(index=False))
    write_text(snakemake.output.misfit, baselines.misfit.to_csv(index=False))
    log.info(
        "baselines of %d dates from %.1f to %.1f m",
        len(baselines.dates),
        baselines.bperp_m.min(),
        baselines.bperp_m.max(),
    )
