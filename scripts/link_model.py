"""Velocity, DEM error and coherence of every link of a tile."""

import json
from pathlib import Path

import numpy as np
from emcflow.acquisition.date_weights import effective_dates, typical_weights
from emcflow.acquisition.geometry import TERM_UNITS
from emcflow.acquisition.model_terms import EXTRA_UNITS, range_key
from emcflow.errors import named_as_keys
from emcflow.io.hdf5 import (
    create,
    put,
    put_cycle_models,
    read,
    read_graph,
    read_variances,
)
from emcflow.io.network_tables import read_design
from emcflow.links.noise_floor import NOISE_PROBABILITY, noise_coherence
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import check_search
from emcflow.links.terms import choose_model_terms, search_axes
from emcflow.links.uncertainty import parameter_correlation, parameter_covariance
from emcflow.unwrap.learned_models import can_learn, learned_models, peak_models
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    params = snakemake.params
    table = read_design(snakemake.input.design)
    height_range = params.dem_error_range
    if snakemake.input.get("found"):
        height_range = json.loads(Path(snakemake.input.found).read_text())["height_range_rad"]
    ranges = dict(zip(params.terms, (params.velocity_range, height_range), strict=True))
    ranges |= params.extra_ranges
    names = list(ranges)
    design = table.of_dates(names)
    limits = np.array([limits[:2] for limits in ranges.values()], dtype=np.float64)
    dates = table.dates
    terms, reasons = choose_model_terms(design, limits, names, dates)
    limits = limits[terms]
    for reason in reasons.values():
        log.warning("%s", reason)
    keys = [f"link_model.{range_key(name)}" for name in names]
    # with rasters of the view nobody could know before
    search_mb, fine = snakemake.resources.search_mb, len(params.terms)
    with named_as_keys("link_model", "memory_mb"):
        check_search(design, [*ranges.values()], search_mb, keys, terms, fine)
    weights = None if params.weights is None else np.array(params.weights)
    weights = read_variances(snakemake.input.mesh) or weights
    of_scene = typical_weights(weights)
    if weights is not None:
        log.info(
            "weights of the dates%s from %.2g to %.2g, as good as %.1f equal ones of %d",
            "" if of_scene is weights else " at a typical point",
            of_scene.min(),
            of_scene.max(),
            effective_dates(len(dates), weights),
            len(dates),
        )
    phase, edges = read(snakemake.input.mesh, "phase", "edges")
    search = {
        "n_threads": snakemake.threads,
        "memory_mb": search_mb,
        "progress": progress("links searched"),
        "weights": weights,
    }
    if can_learn(len(terms), len(edges)):
        given = [ranges[names[term]] for term in terms]
        learned = learned_models(phase, edges, design[:, terms], given, **search)
        model, models = learned.links, learned.models
        for term, (low, high), before in zip(terms, learned.ranges, limits, strict=True):
            if (low, high) != tuple(before):
                log.warning(
                    "link_model.%s: links reach beyond %g to %g; searched from %g to %g",
                    range_key(names[term]), *before, low, high,
                )  # fmt: skip
        limits = np.array(learned.ranges)
        steps, prior = learned.steps, learned.prior
        for term, narrow, wide in zip(terms, *prior.deviations, strict=True):
            log.info("%s of links: %.3g, or %.3g to both sides", names[term], narrow, wide)
        log.info(
            "%.1f %% of the links of the first kind, %.1f %% of the second, %.1f %% of neither; "
            "noise of %.2f rad at a date",
            *(100 * prior.weights),
            np.sqrt(prior.noise),
        )
        if learned.data_gain:
            log.info(
                "a term from the data makes the phase of a link %.2f times as likely%s",
                np.exp(learned.data_gain),
                "" if "data" in models else ": too little, it is left out",
            )
    else:
        axes = search_axes(design, ranges, terms)
        steps = [len(axis) for axis in axes]
        model = estimate_links(phase, edges, design[:, terms], axes, **search)
        graph = read_graph(snakemake.input.mesh)
        models = peak_models(
            phase, graph, design[:, terms], model, limits, snakemake.threads, weights
        )
    for term, (low, high), count in zip(terms, limits, steps, strict=True):
        log.info("%s searched from %g to %g in %d steps", names[term], low, high, count)
    log.info(
        "%d links: median coherence %.2f, %.2f %% with the peak at the edge of the search range",
        len(edges),
        np.median(model.coherence) if len(edges) else np.nan,
        100 * model.at_range_end.mean() if len(edges) else 0,
    )
    noise = noise_coherence(NOISE_PROBABILITY, design[:, terms], limits, of_scene)
    log.info(
        "%.2f %% of the links above coherence %.2f, which pure noise exceeds in %g %% of searches",
        100 * (model.coherence > noise).mean() if len(edges) else 0,
        noise,
        100 * NOISE_PROBABILITY,
    )
    covariance = parameter_covariance(design[:, terms], of_scene)
    correlation = parameter_correlation(covariance, [names[term] for term in terms])
    if correlation is not None:
        log.info("errors of %s and %s have correlation %.2f", *params.terms, correlation)
    units = [(TERM_UNITS | EXTRA_UNITS)[name] for name in names]
    kept = {"terms": [names[term] for term in terms], "units": [units[term] for term in terms]}
    if weights is not None:
        kept["date_weights"] = of_scene
    with create(snakemake.output[0], **kept) as file:
        put(file, "link_params", model.params, "see terms")
        put(file, "link_params_sigma", model.sigma, "see terms")
        put(file, "link_coherence", model.coherence, "1")
        put(file, "at_range_end", model.at_range_end, "1")
        put_cycle_models(file, models)
        put(file, "design", design[:, terms], "rad per unit of the term")
        put(file, "search_range", limits, "see terms")
