"""Perpendicular baseline of every date from rasters: the mean over the points."""

import numpy as np
from emcflow.io.baselines import Baselines, no_misfit
from emcflow.io.files import write_text
from emcflow.io.point_rasters import PointRasters
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import coherent_points
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    params = snakemake.params
    grid = read_scene_file(snakemake.input.stack).grid
    mask = coherent_points(snakemake.input.coherence, params.min_coherence)
    rasters = PointRasters(mask, grid, params.window)
    read = rasters.baselines(params.bperp.values(), params.negate, progress("baseline rasters"))
    means = [np.nanmean(values) for values in read]
    bperp_m = np.array(means) - means[0]
    baselines = Baselines(tuple(params.bperp), bperp_m, no_misfit(), ())
    write_text(snakemake.output.baselines, baselines.table().to_csv(index=False))
    write_text(snakemake.output.misfit, baselines.misfit.to_csv(index=False))
    log.info("baselines of %d dates from %.1f to %.1f m", len(means), bperp_m.min(), bperp_m.max())
