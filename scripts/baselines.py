"""Perpendicular baseline of every date of the stack, from either kind of CSV."""

from emcflow.baselines import read_baselines
from job import job

with job(snakemake) as log:
    baselines = read_baselines(snakemake.input[0], snakemake.params.dates)
    for warning in baselines.warnings:
        log.warning("%s", warning)
    baselines.table().to_csv(snakemake.output.baselines, index=False)
    baselines.misfit.to_csv(snakemake.output.misfit, index=False)
    log.info(
        "baselines of %d dates from %.1f to %.1f m",
        len(baselines.dates),
        baselines.bperp_m.min(),
        baselines.bperp_m.max(),
    )
