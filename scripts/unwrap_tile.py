"""Unwrap a tile: every link in time around its model, then every interferogram in space."""

from pathlib import Path

import numpy as np
from emcflow.acquisition.date_weights import PointVariances, effective_dates
from emcflow.errors import named_as_keys
from emcflow.graph.planar import breadth_first_tree
from emcflow.io.hdf5 import (
    create,
    put,
    put_link_state,
    put_points,
    put_region_levels,
    read,
    read_cycle_models,
    read_graph,
    read_link_weights,
    read_points,
    read_variances,
)
from emcflow.io.network_tables import read_interferograms, read_time_network
from emcflow.unwrap.costs import PairCosts, spatial_costs, temporal_costs
from emcflow.unwrap.hypotheses import chosen_cycles, link_hypotheses, wanted_hypotheses
from emcflow.unwrap.islands import level_regions
from emcflow.unwrap.labels import changed_links, link_quality
from emcflow.unwrap.significant import plain_coherence
from emcflow.unwrap.spatial import unwrap_in_space
from emcflow.workflow.job import job, progress
from emcflow.workflow.taken_over import (
    check_made_alike,
    only_new,
    with_known,
    with_known_levels,
)

with job(snakemake) as log:
    params = snakemake.params
    mesh, links = snakemake.input.mesh, snakemake.input.get("links")
    previous = snakemake.input.get("previous")
    if previous:
        record = Path(previous).parents[1] / "records" / f"{Path(snakemake.log[0]).stem}.json"
        fingerprint = snakemake.config["run"]["fingerprints"][snakemake.rule]
        check_made_alike(previous, record, snakemake.rule, fingerprint)
    graph = read_graph(mesh)
    phase, confident = read(mesh, "phase", "confident")
    points, bounds = read_points(mesh)
    tables = snakemake.input.network, snakemake.input.triangles
    interferograms = read_interferograms(*tables)
    network, formed = read_time_network(*tables)
    models, weights = {}, None
    if links:
        models, weights = read_cycle_models(links), read_variances(mesh) or read_link_weights(links)
    costs_in_time = temporal_costs(params.temporal_cost, network)
    costs_in_time[~formed] = 0
    hypotheses = link_hypotheses(
        phase, graph, network, models, costs_in_time, snakemake.threads, weights
    )

    def costs_of(coherence):  # noqa: D103
        if params.spatial_cost == "coherence" and isinstance(weights, PointVariances):
            return PairCosts(coherence, graph.edges, weights, confident)
        costs = spatial_costs(params.spatial_cost, graph, points, coherence=coherence)
        costs[~confident] = 0
        return costs

    tree = breadth_first_tree(graph, confident)
    with named_as_keys("link_model", "hypothesis"):
        wanted = wanted_hypotheses(hypotheses, params.hypothesis)
    name, cycles, coherence, tried = chosen_cycles(
        wanted,
        costs_of,
        network,
        graph,
        tree,
        solver=params.solver,
        n_threads=snakemake.threads,
        progress=progress("hypotheses tried"),
    )
    for evidence in tried:
        log.info(
            "cycles by %s: %.3f %% of the points in open loops, %.2f %% residues",
            evidence.name,
            100 * evidence.open_share,
            100 * evidence.residue_share,
        )
    log.info("cycles of links by hypothesis %s", name)
    nterms = next(each.nterms for each in hypotheses if each.name == name)
    plain = plain_coherence(phase, graph, weights, snakemake.threads)
    quality = link_quality(plain, coherence, effective_dates(len(phase), weights), nterms)
    costs = costs_of(coherence)
    fresh = only_new(interferograms, previous) if previous else interferograms
    unwrapped, statistics = unwrap_in_space(
        cycles,
        fresh,
        graph,
        tree,
        costs=costs,
        solver=params.solver,
        n_threads=snakemake.threads,
        progress=progress("interferograms unwrapped in space"),
    )
    changed = changed_links(cycles, unwrapped, fresh, graph.edges)
    names = interferograms.pair_names
    if previous:
        log.info(
            "%d of %d interferograms are new, the others are taken over", len(unwrapped), len(names)
        )
        unwrapped, statistics = with_known(names, previous, unwrapped, statistics)
    design = next((of.design for of in models.values()), np.empty((len(phase), 0)))
    levels = level_regions(
        phase, points, graph.edges, tree.region, unwrapped, interferograms.pairs, design
    )
    if previous:
        levels = with_known_levels(names, previous, levels)
    log.info(
        "residues per interferogram: median %d, largest %d (%s)",
        np.median(statistics["residues"]),
        np.max(statistics["residues"]),
        names[int(np.argmax(statistics["residues"]))],
    )
    with create(snakemake.output[0], dates=network.dates, pairs=names, hypothesis=name) as file:
        put_points(file, points, bounds)
        put(file, "uw_cycles", unwrapped, "cycles to add to phase[d2] - phase[d1]")
        for name, values in statistics.items():
            put(file, f"statistics/{name}", values, "1")
        put_region_levels(file, levels)
        put_link_state(file, quality, dict(zip(fresh.pair_names, changed, strict=True)))
