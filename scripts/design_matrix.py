"""Phase of one mm/yr of velocity, one metre of DEM error and further terms, per date and pair."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from emcflow.files import write_text
from emcflow.geometry import TERMS, design_matrix, pair_design
from emcflow.model_terms import extra_columns
from job import job

with job(snakemake) as log:
    baselines = pd.read_csv(snakemake.input.baselines, dtype={"date": str})
    pairs = pd.read_csv(snakemake.input.network, dtype={"reference": str, "secondary": str})
    dates = baselines["date"].tolist()
    params = snakemake.params
    geometry = params.geometry
    if snakemake.input.get("view"):
        geometry = json.loads(Path(snakemake.input.view).read_text())
    design = design_matrix(dates, baselines["bperp_m"].to_numpy(), **geometry)
    extra = extra_columns(
        dates, geometry["wavelength_m"], params.extra_terms, params.step_date, params.temperature_c
    )
    names = [*TERMS, *params.extra_terms]
    design = np.column_stack([design, extra])
    indices = np.searchsorted(dates, pairs[["reference", "secondary"]].to_numpy(dtype=str))
    rows = {
        "date": (np.repeat(dates[:1], len(dates)), dates, design),
        "pair": (pairs["reference"], pairs["secondary"], pair_design(design, indices)),
    }
    table = pd.concat(
        pd.DataFrame({"row": kind, "reference": reference, "secondary": secondary}).join(
            pd.DataFrame(values, columns=names)
        )
        for kind, (reference, secondary, values) in rows.items()
    )
    write_text(snakemake.output[0], table.to_csv(index=False))
    log.info(
        "per date up to %.4g rad per mm/yr and %.4g rad per m (reference and secondary to phase)",
        *np.abs(design[:, : len(TERMS)]).max(axis=0),
    )
