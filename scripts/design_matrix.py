"""Phase of one mm/yr of velocity, one metre of DEM error and further terms, per date and pair."""

import json
from pathlib import Path

import numpy as np
from emcflow.acquisition.geometry import (
    DAYS_PER_YEAR,
    TERM_UNITS,
    days_since_first,
    design_matrix,
    pair_design,
    rad_per_mm_yr,
)
from emcflow.acquisition.model_terms import extra_columns
from emcflow.io.files import read_csv, write_csv
from emcflow.io.network_tables import ENDS
from emcflow.workflow.job import job

with job(snakemake) as log:
    baselines = read_csv(snakemake.input.baselines, ("date",))
    pairs = read_csv(snakemake.input.network, ENDS)
    dates = baselines["date"].tolist()
    params = snakemake.params
    geometry = params.geometry
    if snakemake.input.get("view"):
        geometry = json.loads(Path(snakemake.input.view).read_text())
    if "bperp_m" in baselines:
        design = design_matrix(dates, baselines["bperp_m"], **geometry)
    else:  # found in the phases, without a scale
        velocity = rad_per_mm_yr(days_since_first(dates) / DAYS_PER_YEAR, geometry["wavelength_m"])
        design = np.column_stack([velocity, baselines["found_relative"]])
    extra = extra_columns(
        dates, geometry["wavelength_m"], params.extra_terms, params.step_date, params.temperature_c
    )
    names = [*params.terms, *params.extra_terms]
    design = np.column_stack([design, extra])
    ends = np.array([pairs[name] for name in ENDS])
    of_pairs = pair_design(design, np.searchsorted(dates, ends).T)
    reference, secondary = np.hstack([[np.repeat(dates[:1], len(dates)), dates], ends])
    columns = {
        "row": ["date"] * len(dates) + ["pair"] * len(of_pairs),
        "reference": reference,
        "secondary": secondary,
        **dict(zip(names, np.vstack([design, of_pairs]).T, strict=True)),
    }
    write_csv(snakemake.output[0], columns)
    log.info(
        "per date up to %.4g rad per mm/yr and %.4g rad per %s (reference and secondary to phase)",
        *np.abs(design[:, : len(params.terms)]).max(axis=0),
        TERM_UNITS[params.terms[-1]],
    )
