"""Phase of one mm/yr of velocity, one metre of DEM error and further terms, per date and pair."""

import json
from pathlib import Path

import numpy as np
from emcflow.acquisition.geometry import TERMS, design_matrix
from emcflow.acquisition.model_terms import extra_columns
from emcflow.io.network_tables import read_date_baselines, read_pair_table, write_design
from emcflow.workflow.job import job

with job(snakemake) as log:
    dates, bperp_m = read_date_baselines(snakemake.input.baselines)
    pairs = read_pair_table(snakemake.input.network).pairs
    params = snakemake.params
    geometry = params.geometry
    if snakemake.input.get("view"):
        geometry = json.loads(Path(snakemake.input.view).read_text())
    design = design_matrix(dates, bperp_m, **geometry)
    extra = extra_columns(
        dates, geometry["wavelength_m"], params.extra_terms, params.step_date, params.temperature_c
    )
    design = np.column_stack([design, extra])
    write_design(snakemake.output[0], dates, pairs, [*TERMS, *params.extra_terms], design)
    log.info(
        "per date up to %.4g rad per mm/yr and %.4g rad per m (reference and secondary to phase)",
        *np.abs(design[:, : len(TERMS)]).max(axis=0),
    )
