"""Unwrap a tile: every link in time around its model, then every interferogram in space."""

import numpy as np
from emcflow.network import hop3_network
from emcflow.planar import breadth_first_tree, dual_adjacency
from emcflow.store import (
    create,
    open_product,
    put,
    put_points,
    read,
    read_graph,
    read_points,
)
from emcflow.unwrap import (
    spatial_costs,
    supported_params,
    temporal_costs,
    unwrap_in_space,
    unwrap_in_time,
)
from job import job, progress

with job(snakemake) as log:
    params = snakemake.params
    mesh, links = snakemake.input.mesh, snakemake.input.get("links")
    graph = read_graph(mesh)
    phase, confident = read(mesh, "phase", "confident")
    points, bounds = read_points(mesh)
    with open_product(mesh) as file:
        network = hop3_network(list(file.attrs["dates"]))
    design = link_params = coherence = None
    if links:
        design, link_params, coherence, ranges = read(
            links, "design", "link_params", "link_coherence", "search_range"
        )
        link_params = supported_params(
            phase, graph, design, link_params, coherence, ranges, snakemake.threads
        )
        log.info("%d of %d links have a model", link_params.any(axis=0).sum(), graph.nedges)
    cycles = unwrap_in_time(
        phase,
        graph,
        network,
        design=design,
        params=link_params,
        costs=temporal_costs(params.temporal_cost, network),
        n_threads=snakemake.threads,
        progress=progress("batches of links unwrapped in time"),
    )
    costs = spatial_costs(params.spatial_cost, graph, points, coherence=coherence)
    costs[~confident] = 0
    tree = breadth_first_tree(graph, confident)
    unwrapped, statistics = unwrap_in_space(
        cycles,
        network,
        graph,
        dual_adjacency(graph),
        tree,
        costs=costs,
        solver=params.solver,
        n_threads=snakemake.threads,
        progress=progress("interferograms unwrapped in space"),
    )
    log.info(
        "residues per interferogram: median %d, largest %d (%s)",
        np.median(statistics["residues"]),
        np.max(statistics["residues"]),
        network.pair_names[int(np.argmax(statistics["residues"]))],
    )
    with create(snakemake.output[0], dates=network.dates, pairs=network.pair_names) as file:
        put_points(file, points, bounds)
        put(file, "uw_cycles", unwrapped, "cycles to add to phase[d2] - phase[d1]")
        for name, values in statistics.items():
            put(file, f"statistics/{name}", values, "1")
