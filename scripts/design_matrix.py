"""Phase of one mm/yr of velocity, one metre of DEM error and further terms, per date and pair."""

import json
from pathlib import Path

import numpy as np
from emcflow.acquisition.geometry import TERM_UNITS, TERMS, design_matrix, relative_design
from emcflow.acquisition.model_terms import extra_columns
from emcflow.io.network_tables import (
    read_date_baselines,
    read_found_baselines,
    read_pair_table,
    write_design,
)
from emcflow.workflow.job import job

with job(snakemake) as log:
    pairs = read_pair_table(snakemake.input.network).pairs
    params = snakemake.params
    geometry = params.geometry
    if snakemake.input.get("view"):
        geometry = json.loads(Path(snakemake.input.view).read_text())
    if params.terms == list(TERMS):
        dates, bperp_m = read_date_baselines(snakemake.input.baselines)
        design = design_matrix(dates, bperp_m, **geometry)
    else:
        found = read_found_baselines(snakemake.input.baselines)
        dates = found.dates
        design = relative_design(dates, found.relative, geometry["wavelength_m"])
    extra = extra_columns(
        dates, geometry["wavelength_m"], params.extra_terms, params.step_date, params.temperature_c
    )
    design = np.column_stack([design, extra])
    write_design(snakemake.output[0], dates, pairs, [*params.terms, *params.extra_terms], design)
    log.info(
        "per date up to %.4g rad per mm/yr and %.4g rad per %s (reference and secondary to phase)",
        *np.abs(design[:, : len(params.terms)]).max(axis=0),
        TERM_UNITS[params.terms[-1]],
    )
