"""Baselines that the phases ask for: the design of height without a table, or a check of one."""

import json

import numpy as np
from emcflow.acquisition.baseline_scale import checked_by_table, scaled_by_known
from emcflow.acquisition.geometry import DAYS_PER_YEAR, days_since_first, rad_per_mm_yr
from emcflow.acquisition.likely_names import likely_name
from emcflow.errors import named_as_keys
from emcflow.io.files import write_csv, write_text
from emcflow.io.network_tables import FoundBaselines, read_date_baselines, write_found_baselines
from emcflow.io.triangle_phases import read_triangle_phases
from emcflow.unwrap.found_height import found_height
from emcflow.workflow.job import job

TRIANGLES = 3_000

with job(snakemake) as log:
    params, given, output = snakemake.params, snakemake.input, snakemake.output
    dates, ndates = list(params.dates), len(params.dates)
    years = days_since_first(dates) / DAYS_PER_YEAR
    phase = read_triangle_phases(given.mesh, TRIANGLES)
    velocity = rad_per_mm_yr(years, params.wavelength_m)
    table = read_date_baselines(given.table).bperp_m if given.get("table") else None
    weights = None if params.weights is None else np.array(params.weights)
    found = found_height(
        phase, dates, velocity, params.velocity_range, table, snakemake.threads, weights
    )
    clear = (found.column, found.sigma) if found is not None and found.is_clear else None
    if found is not None:
        log.info(
            "a column of height makes the phase of a link %.2f times as likely, residues %.3f %% "
            "instead of %.3f %%: %s",
            np.exp(found.gain),
            *(100 * share for share in reversed(found.residues)),
            "it is kept" if clear else "too little, there are no heights to be seen",
        )
    if table is not None:
        scaled = checked_by_table(dates, years, clear, table)
    else:
        with named_as_keys("baselines", "known_csv"):
            scaled = scaled_by_known(dates, years, clear, params.known)
    remarks = list(scaled.remarks)
    name = likely_name(clear[0], dates, params.temperature_c) if clear and table is None else None
    if name:
        remarks.append(
            f"What was found as baselines looks like {name}: the relative height of a point may be "
            "its part in that instead."
        )
    for note in scaled.notes:
        log.info("%s", note)
    for remark in remarks:
        log.warning("%s", remark)
    unknown = np.full(ndates, np.nan)
    column, sigma = clear or (np.zeros(ndates), unknown)
    table_m = unknown if table is None else table
    columns = FoundBaselines(dates, column, sigma, scaled.found_m, scaled.sigma_m, table_m)
    write_found_baselines(output.table, columns)
    write_text(output.remarks, "".join(f"{remark}\n" for remark in remarks))
    facts = {
        "gain": 0.0 if found is None else found.gain,
        "found": clear is not None,
        "height_range_rad": list(found.limits) if clear else [-1.0, 1.0],
    }
    write_text(output.facts, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    if output.get("baselines"):
        bperp_m = scaled.found_m if clear else np.zeros(ndates)
        write_csv(output.baselines, {"date": dates, "bperp_m": bperp_m}, digits=8)
        no_pairs = {name: [] for name in ("reference", "secondary", "bperp_m", "misfit_m")}
        write_csv(output.misfit, no_pairs)
