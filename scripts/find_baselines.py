"""Baselines that the phases ask for: the design of height without a table, or a check of one."""

import numpy as np
from emcflow.acquisition.baseline_scale import checked_by_table, scaled_by_known
from emcflow.acquisition.geometry import DAYS_PER_YEAR, days_since_first, rad_per_mm_yr
from emcflow.acquisition.likely_names import name_remarks
from emcflow.errors import named_as_keys
from emcflow.io.files import write_csv, write_lines
from emcflow.io.network_tables import (
    FoundBaselines,
    read_date_baselines,
    write_found_baselines,
    write_found_facts,
)
from emcflow.io.triangle_phases import read_triangle_phases
from emcflow.unwrap.found_height import found_height
from emcflow.workflow.job import job

TRIANGLES = 3_000

with job(snakemake) as log:
    params, given, output = snakemake.params, snakemake.input, snakemake.output
    dates, years = list(params.dates), days_since_first(params.dates) / DAYS_PER_YEAR
    phase = read_triangle_phases(given.mesh, TRIANGLES)
    velocity = rad_per_mm_yr(years, params.wavelength_m), params.velocity_range
    table = read_date_baselines(given.table).bperp_m if given.get("table") else None
    weights = None if params.weights is None else np.array(params.weights)
    found = found_height(phase, dates, *velocity, table, snakemake.threads, weights)
    clear = (found.column, found.sigma) if found is not None and found.is_clear else None
    if found is not None:
        log.info("%s", found.note)
    if table is not None:
        scaled = checked_by_table(dates, years, clear, table)
    else:
        with named_as_keys("baselines", "known_csv"):
            scaled = scaled_by_known(dates, years, clear, params.known)
    remarks = list(scaled.remarks)
    if clear and table is None:
        remarks += name_remarks(found.column, dates, params.temperature_c)
    for note in scaled.notes:
        log.info("%s", note)
    for remark in remarks:
        log.warning("%s", remark)
    write_found_baselines(output.table, FoundBaselines.of(dates, clear, scaled, table))
    write_lines(output.remarks, remarks)
    gain, limits = (0.0, None) if found is None else (found.gain, found.limits)
    write_found_facts(output.facts, gain, limits if clear else None)
    if output.get("baselines"):
        bperp_m = scaled.found_m if clear else np.zeros(len(dates))
        write_csv(output.baselines, {"date": dates, "bperp_m": bperp_m}, digits=8)
        no_pairs = {name: [] for name in ("reference", "secondary", "bperp_m", "misfit_m")}
        write_csv(output.misfit, no_pairs)
