"""Read the phase at a tile's points and span a Delaunay mesh over them."""

from pathlib import Path

import numpy as np
from emcflow.graph.components import regions
from emcflow.graph.delaunay import links_within, point_mesh
from emcflow.io.coverage import unchanging
from emcflow.io.hdf5 import create, put, put_graph, put_points, read_points
from emcflow.io.point_sigmas import point_variances
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import Stack, check_grid, coherent_points, read_phase
from emcflow.io.tiles_json import tiles_from_json
from emcflow.workflow.job import job
from emcflow.workflow.taken_over import check_phase

with job(snakemake) as log:
    params = snakemake.params
    stack = Stack(**params.stack)
    _, tiles = tiles_from_json(Path(snakemake.input.tiles).read_text())
    bounds = tiles[int(snakemake.wildcards.tile)].bounds
    mask = coherent_points(stack.coherence, params.min_coherence, bounds)
    previous = snakemake.input.get("previous")
    if previous:  # its points alone: some that are coherent may be without data at an old date
        mask[:] = False
        mask[tuple((read_points(previous)[0] - bounds[:2]).T)] = True
    phase, valid = read_phase(stack, mask, bounds, snakemake.threads)
    if previous:
        check_phase(phase, valid, stack.dates, previous)
    same = int(unchanging(phase).sum())
    masked = int((~valid).sum()) - same
    for count, reason in ((masked, "zero or not finite at some date"), (same, "never changing")):
        if count:
            log.warning("%d of %d coherent points are left out: %s", count, valid.size, reason)
    if not valid.all():
        phase = phase[:, valid]
    at = tuple(np.argwhere(mask)[valid].T)
    scene = read_scene_file(snakemake.input.stack).grid
    for path in filter(None, params.sigma):
        check_grid(path, scene, stack.coherence, params.sigma_window)
    variances = point_variances(params.sigma, params.sigma_is, bounds, at, params.sigma_window)
    points = (np.argwhere(mask)[valid] + bounds[:2]).astype(np.int32)
    log.info("%d points x %d dates read", *phase.T.shape)
    graph = point_mesh(points)
    log.info("%d links, %d triangles", graph.nedges, graph.ntriangles)
    confident = links_within(points, graph.edges, params.max_link_pixels)
    region = regions(graph.edges[confident], len(points))
    if not confident.all():
        log.info(
            "%d links longer than mesh.max_link_pixels = %g join nothing; %d separate regions, the "
            "largest with %.1f %% of the points",
            (~confident).sum(),
            params.max_link_pixels,
            region.max() + 1,
            100 * np.bincount(region).max() / len(points),
        )
    with create(
        snakemake.output[0], dates=stack.dates, masked_points=masked, unchanging_points=same
    ) as file:
        put_points(file, points, bounds)
        put(file, "phase", phase, "rad")
        if variances is not None:
            put(file, "variances", variances, "relative")
        put_graph(file, graph)
        put(file, "confident", confident, "1")
        put(file, "region", region, "label")
