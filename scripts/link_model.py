"""Velocity, DEM error and coherence of every link of a tile."""

import csv

import numpy as np
from emcflow.geometry import TERMS, UNITS
from emcflow.links import choose_terms, estimate_links, search_axis
from emcflow.noise_floor import NOISE_PROBABILITY, noise_coherence
from emcflow.store import create, put, read
from emcflow.uncertainty import parameter_correlation, parameter_covariance
from job import job, progress

with job(snakemake) as log:
    params = snakemake.params
    with open(snakemake.input.design, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["row"] == "date"]
    design = np.array([[float(row[term]) for term in TERMS] for row in rows])
    ranges = [params.velocity_range, params.dem_error_range]
    terms, reasons = choose_terms(design, [limits[:2] for limits in ranges], TERMS)
    for reason in reasons.values():
        log.warning("%s", reason)
    axes = [search_axis(design[:, term], *ranges[term]) for term in terms]
    for term, axis in zip(terms, axes, strict=True):
        log.info("%s searched from %g to %g in %d steps", TERMS[term], axis[0], axis[-1], len(axis))
    phase, edges = read(snakemake.input.mesh, "phase", "edges")
    model = estimate_links(
        phase,
        edges,
        design[:, terms],
        axes,
        n_threads=snakemake.threads,
        memory_mb=snakemake.resources.search_mb,
        progress=progress("links searched"),
    )
    log.info(
        "%d links: median coherence %.2f, %.2f %% with the peak at the edge of the search range",
        len(edges),
        np.median(model.coherence) if len(edges) else np.nan,
        100 * model.at_edge.mean() if len(edges) else 0,
    )
    limits = np.array([axis[[0, -1]] for axis in axes]).reshape(-1, 2)
    noise = noise_coherence(NOISE_PROBABILITY, design[:, terms], limits)
    log.info(
        "%.2f %% of the links above coherence %.2f, which pure noise exceeds in %g %% of searches",
        100 * (model.coherence > noise).mean() if len(edges) else 0,
        noise,
        100 * NOISE_PROBABILITY,
    )
    correlation = parameter_correlation(parameter_covariance(design[:, terms]))
    if correlation is not None:
        log.info("errors of %s and %s have correlation %.2f", *TERMS, correlation)
    names, units = ([texts[term] for term in terms] for texts in (TERMS, UNITS))
    with create(snakemake.output[0], terms=names, units=units) as file:
        put(file, "link_params", model.params, "see terms")
        put(file, "link_params_sigma", model.sigma, "see terms")
        put(file, "link_coherence", model.coherence, "1")
        put(file, "at_edge", model.at_edge, "1")
        put(file, "design", design[:, terms], "rad per unit of the term")
        put(file, "search_range", limits, "see terms")
