"""Baselines that the phases ask for: the design of height without a table, or a check of one."""

import json

import numpy as np
from emcflow.acquisition.baseline_check import check_baselines, check_remarks, scale_of_known
from emcflow.acquisition.geometry import DAYS_PER_YEAR, days_since_first, rad_per_mm_yr
from emcflow.acquisition.likely_names import likely_name
from emcflow.errors import InputError
from emcflow.io.files import write_csv, write_text
from emcflow.io.hdf5 import read
from emcflow.io.network_tables import (
    FoundBaselines,
    read_date_baselines,
    write_found_baselines,
)
from emcflow.links.learned_prior import sampled_links
from emcflow.unwrap.found_height import found_height
from emcflow.workflow.job import job

TRIANGLES = 3_000
# A scale from known baselines that is less sure is of no use.
MOST_UNCERTAINTY = 0.2


def short_triangles(path):
    """Return the triangles (n, 3) of a mesh of which no side is too long to carry phase."""
    triangles, sides, confident = read(path, "triangles", "triangle_edges", "confident")
    return triangles[confident[sides].all(axis=1)]


def corners_of_scene(meshes, most):
    """Return phases (ndates, 3 n) of the corners of evenly chosen triangles."""
    counts = [len(short_triangles(path)) for path in meshes]
    ends, starts = [], np.cumsum([0, *counts])
    chosen = sampled_links(starts[-1], most) if starts[-1] else np.empty(0, np.int64)
    for path, start, stop in zip(meshes, starts, starts[1:], strict=False):
        own = chosen[(chosen >= start) & (chosen < stop)] - start
        ends.append(read(path, "phase")[0][:, short_triangles(path)[own].ravel()])
    return np.concatenate(ends, axis=1)


def no_height(ndates):
    """Return a column of nothing, and what is known of it."""
    return np.zeros(ndates), np.full(ndates, np.nan)


with job(snakemake) as log:
    params, given = snakemake.params, snakemake.input
    dates, ndates = list(params.dates), len(params.dates)
    phase = corners_of_scene(given.mesh, TRIANGLES)
    years = days_since_first(dates) / DAYS_PER_YEAR
    velocity = rad_per_mm_yr(years, params.wavelength_m)
    table = read_date_baselines(given.table).bperp_m if given.get("table") else None
    weights = None if params.weights is None else np.array(params.weights)
    found = found_height(
        phase, dates, velocity, params.velocity_range, table, snakemake.threads, weights
    )
    remarks, columns = [], {name: np.full(ndates, np.nan) for name in ("found_m", "sigma_m")}
    clear = found is not None and found.is_clear
    column, sigma = (found.column, found.sigma) if clear else no_height(ndates)
    if found is not None:
        log.info(
            "a column of height makes the phase of a link %.2f times as likely, residues %.3f %% "
            "instead of %.3f %%: %s",
            np.exp(found.gain),
            *(100 * share for share in reversed(found.residues)),
            "it is kept" if clear else "too little, there are no heights to be seen",
        )
    if table is not None:
        if clear:
            check = check_baselines(table, column, sigma, years)
            remarks += check_remarks(dates, table, check)
            if check.is_comparable:
                columns = {"found_m": check.expected_m, "sigma_m": check.sigma_m}
                log.info("baselines of the table and of the phases: %.4f", check.correlation)
    elif not clear:
        remarks.append(
            "No baselines are given, and the phases do not ask for any: links have velocities, but "
            "no heights."
        )
    elif params.known is not None:
        names, known_m = params.known
        at = np.searchsorted(dates, names)
        scale, uncertainty = scale_of_known(np.array(known_m), column[at], sigma[at])
        if uncertainty > MOST_UNCERTAINTY:
            raise InputError(
                f"baselines.known_csv: {', '.join(names)} have baselines that the phases find "
                f"nearly alike, the scale is unsure by {100 * min(uncertainty, 9.99):.0f} %; "
                f"expected dates of different baselines, such as {dates[int(np.argmin(column))]} "
                f"and {dates[int(np.argmax(column))]}: add them"
            )
        columns = {"found_m": scale * column, "sigma_m": abs(scale) * sigma}
        log.info("%.1f m at the full span, known to %.1f %%", abs(scale), 100 * uncertainty)
        if len(names) > 2:
            check = check_baselines(np.array(known_m), column[at], sigma[at], years[at])
            remarks += check_remarks(names, np.array(known_m), check)
    else:
        remarks.append(
            "Baselines were found in the phases, heights are relative: scale and sign are unknown. "
            "With baselines.known_csv, the baselines of two dates or more, they are in metres."
        )
    name = likely_name(column, dates, params.temperature_c) if clear and table is None else None
    if name:
        remarks.append(
            f"What was found as baselines looks like {name}: the relative height of a point may be "
            "its part in that instead."
        )
    for remark in remarks:
        log.warning("%s", remark)
    table_m = np.full(ndates, np.nan) if table is None else table
    write_found_baselines(
        snakemake.output.table,
        FoundBaselines(dates, column, sigma, columns["found_m"], columns["sigma_m"], table_m),
    )
    write_text(snakemake.output.remarks, "".join(f"{remark}\n" for remark in remarks))
    facts = {
        "gain": 0.0 if found is None else found.gain,
        "found": clear,
        "height_range_rad": list(found.limits) if clear else [-1.0, 1.0],
    }
    write_text(snakemake.output.facts, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    if snakemake.output.get("baselines"):
        bperp_m = columns["found_m"] if clear else np.zeros(ndates)
        write_csv(snakemake.output.baselines, {"date": dates, "bperp_m": bperp_m}, digits=8)
        no_pairs = {name: [] for name in ("reference", "secondary", "bperp_m", "misfit_m")}
        write_csv(snakemake.output.misfit, no_pairs)
