"""Velocity, DEM error and coherence of every link of a tile."""

import json
from pathlib import Path

import numpy as np
from emcflow.acquisition.date_weights import effective_dates, typical_weights
from emcflow.acquisition.model_terms import range_key, term_unit
from emcflow.errors import named_as_keys
from emcflow.io.hdf5 import create, put, put_cycle_models, read, read_graph, read_variances
from emcflow.io.network_tables import read_design
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import check_search
from emcflow.links.terms import choose_model_terms, search_axes
from emcflow.unwrap.learned_models import can_learn, learned_models, peak_models
from emcflow.unwrap.model_words import notes_of_learned, notes_of_links
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    params, given = snakemake.params, snakemake.input
    table = read_design(given.design)
    height_range = params.dem_error_range
    if given.get("found"):
        height_range = json.loads(Path(given.found).read_text())["height_range_rad"]
    ranges = dict(zip(params.terms, (params.velocity_range, height_range), strict=True))
    ranges |= params.extra_ranges
    names = list(ranges)
    design, limits = table.of_dates(names), np.array([ends[:2] for ends in ranges.values()], float)
    terms, reasons = choose_model_terms(design, limits, names, table.dates)
    for reason in reasons.values():
        log.warning("%s", reason)
    keys = [f"link_model.{range_key(name)}" for name in names]
    # with rasters of the view nobody could know before
    search_mb, fine = snakemake.resources.search_mb, len(params.terms)
    with named_as_keys("link_model", "memory_mb"):
        check_search(design, [*ranges.values()], search_mb, keys, terms, fine)
    kept, design, limits = [names[term] for term in terms], design[:, terms], limits[terms]
    asked = {name: ranges[name] for name in kept}
    weights = None if params.weights is None else np.array(params.weights)
    weights = read_variances(given.mesh) or weights
    of_scene = typical_weights(weights)
    if weights is not None:
        log.info(
            "weights of the dates%s from %.2g to %.2g, as good as %.1f equal ones of %d",
            "" if of_scene is weights else " at a typical point",
            of_scene.min(),
            of_scene.max(),
            effective_dates(len(table.dates), weights),
            len(table.dates),
        )
    phase, edges = read(given.mesh, "phase", "edges")
    threads, report = snakemake.threads, progress("links searched")
    search = {"n_threads": threads, "memory_mb": search_mb, "progress": report, "weights": weights}
    if can_learn(len(terms), len(edges)):
        learned = learned_models(phase, edges, design, [*asked.values()], **search)
        links, models, steps = learned.links, learned.models, learned.steps
        notes = notes_of_learned(learned, kept)
        for name, ends, before in zip(kept, learned.ranges, limits, strict=True):
            if ends != tuple(before):
                log.warning(
                    "link_model.%s: links reach beyond %g to %g; searched from %g to %g",
                    range_key(name), *before, *ends,
                )  # fmt: skip
        limits = np.array(learned.ranges)
    else:
        axes = search_axes(design, asked, range(len(asked)))
        steps, notes = [len(axis) for axis in axes], []
        links = estimate_links(phase, edges, design, axes, **search)
        models = peak_models(phase, read_graph(given.mesh), design, links, limits, threads, weights)
    for note in notes + notes_of_links(links, design, limits, steps, kept, of_scene):
        log.info("%s", note)
    attributes = {"terms": kept, "units": [term_unit(name) for name in kept]}
    if weights is not None:
        attributes["date_weights"] = of_scene
    with create(snakemake.output[0], **attributes) as file:
        put(file, "link_params", links.params, "see terms")
        put(file, "link_params_sigma", links.sigma, "see terms")
        put(file, "link_coherence", links.coherence, "1")
        put(file, "at_range_end", links.at_range_end, "1")
        put_cycle_models(file, models)
        put(file, "design", design, "rad per unit of the term")
        put(file, "search_range", limits, "see terms")
