"""Unwrap a tile: every link in time around its model, then every interferogram in space."""

from pathlib import Path

import numpy as np
from emcflow.graph.planar import breadth_first_tree, dual_adjacency
from emcflow.io.hdf5 import (
    create,
    put,
    put_points,
    read,
    read_graph,
    read_link_weights,
    read_points,
)
from emcflow.io.network_tables import read_interferograms, read_time_network
from emcflow.unwrap.costs import spatial_costs, temporal_costs
from emcflow.unwrap.significant import supported_params
from emcflow.unwrap.spatial import unwrap_in_space
from emcflow.unwrap.temporal import unwrap_in_time
from emcflow.workflow.job import job, progress
from emcflow.workflow.taken_over import check_made_alike, only_new, with_known

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
    design = link_params = coherence = None
    if links:
        design, link_params, coherence, ranges = read(
            links, "design", "link_params", "link_coherence", "search_range"
        )
        link_params = supported_params(
            phase,
            graph,
            design,
            link_params,
            coherence,
            ranges,
            snakemake.threads,
            read_link_weights(links),
        )
        log.info("%d of %d links have a model", link_params.any(axis=0).sum(), graph.nedges)
    costs_in_time = temporal_costs(params.temporal_cost, network)
    costs_in_time[~formed] = 0
    cycles = unwrap_in_time(
        phase,
        graph,
        network,
        design=design,
        params=link_params,
        costs=costs_in_time,
        n_threads=snakemake.threads,
        progress=progress("batches of links unwrapped in time"),
    )
    costs = spatial_costs(params.spatial_cost, graph, points, coherence=coherence)
    costs[~confident] = 0
    tree = breadth_first_tree(graph, confident)
    unwrapped, statistics = unwrap_in_space(
        cycles,
        only_new(interferograms, previous) if previous else interferograms,
        graph,
        dual_adjacency(graph),
        tree,
        costs=costs,
        solver=params.solver,
        n_threads=snakemake.threads,
        progress=progress("interferograms unwrapped in space"),
    )
    names = interferograms.pair_names
    if previous:
        log.info(
            "%d of %d interferograms are new, the others are taken over", len(unwrapped), len(names)
        )
        unwrapped, statistics = with_known(names, previous, unwrapped, statistics)
    log.info(
        "residues per interferogram: median %d, largest %d (%s)",
        np.median(statistics["residues"]),
        np.max(statistics["residues"]),
        names[int(np.argmax(statistics["residues"]))],
    )
    with create(snakemake.output[0], dates=network.dates, pairs=names) as file:
        put_points(file, points, bounds)
        put(file, "uw_cycles", unwrapped, "cycles to add to phase[d2] - phase[d1]")
        for name, values in statistics.items():
            put(file, f"statistics/{name}", values, "1")
