"""Velocity, DEM error and coherence of every link of a tile."""

from functools import partial

import numpy as np
from emcflow.acquisition.date_weights import typical_weights, weights_note
from emcflow.io.hdf5 import read, read_graph, read_variances
from emcflow.io.link_models import write_link_models
from emcflow.io.network_tables import read_design, read_height_range
from emcflow.links.terms import choose_model_terms, search_axes
from emcflow.unwrap.learned_models import Search, models_of_links
from emcflow.unwrap.model_words import notes_of_links, wider_ranges
from emcflow.workflow.job import job, progress
from emcflow.workflow.link_search import check_link_search, range_keys

with job(snakemake) as log:
    params, given, resources = snakemake.params, snakemake.input, snakemake.resources
    found = given.get("found")
    heights = read_height_range(found) if found else params.dem_error_range
    ranges = dict(zip(params.terms, (params.velocity_range, heights), strict=True))
    ranges |= params.extra_ranges
    names, limits = [*ranges], [ends[:2] for ends in ranges.values()]
    table = read_design(given.design)
    design = table.of_dates(names)
    terms, reasons = choose_model_terms(design, limits, names, table.dates)
    for reason in reasons.values():
        log.warning("%s", reason)
    # with rasters of the view nobody could know before
    check_link_search(design, ranges, resources.search_mb, terms)
    kept, design = [names[term] for term in terms], design[:, terms]
    asked = {name: ranges[name] for name in kept}
    weights = None if params.weights is None else np.array(params.weights)
    weights = read_variances(given.mesh) or weights
    if weights is not None:
        log.info("%s", weights_note(len(table.dates), weights))
    phase, edges = read(given.mesh, "phase", "edges")
    axes = search_axes(design, asked, range(len(asked)))
    search = Search(snakemake.threads, resources.search_mb, progress("links searched"), weights)
    learned = models_of_links(
        phase, edges, design, [*asked.values()], axes, partial(read_graph, given.mesh), search
    )
    for remark in wider_ranges(learned, [limits[term] for term in terms], range_keys(kept)):
        log.warning("%s", remark)
    of_scene = typical_weights(weights)
    for note in notes_of_links(learned, design, kept, of_scene):
        log.info("%s", note)
    write_link_models(snakemake.output[0], learned, design, kept, of_scene)
