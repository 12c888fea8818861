"""Read the phase at a tile's points and span a Delaunay mesh over them."""

from pathlib import Path

import numpy as np
from emcflow.io.coverage import unchanging
from emcflow.io.hdf5 import read_points
from emcflow.io.point_sigmas import point_variances
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import Stack, check_grid, coherent_points, read_phase
from emcflow.io.tiles_json import tiles_from_json
from emcflow.products.tile_mesh import tile_mesh
from emcflow.workflow.job import job
from emcflow.workflow.taken_over import compare_phase

with job(snakemake) as log:
    params, given, stack = snakemake.params, snakemake.input, Stack(**snakemake.params.stack)
    _, tiles = tiles_from_json(Path(given.tiles).read_text())
    bounds, previous = tiles[int(snakemake.wildcards.tile)].bounds, given.get("previous")
    mask = coherent_points(stack.coherence, params.min_coherence, bounds)
    if previous:  # its points alone: some that are coherent may be without data at an old date
        mask[:] = False
        mask[tuple((read_points(previous)[0] - bounds[:2]).T)] = True
    phase, valid = read_phase(stack, mask, bounds, snakemake.threads)
    compared = {}
    if previous:
        compared = compare_phase(phase, valid, stack.dates, previous, stack.layout != "slc")
    same = int(unchanging(phase).sum())
    masked = int((~valid).sum()) - same
    for count, reason in ((masked, "zero or not finite at some date"), (same, "never changing")):
        if count:
            log.warning("%d of %d coherent points are left out: %s", count, valid.size, reason)
    if not valid.all():
        phase = phase[:, valid]
    pixels, scene = np.argwhere(mask)[valid], read_scene_file(given.stack).grid
    for path in filter(None, params.sigma):
        check_grid(path, scene, stack.coherence, params.sigma_window)
    at, window = tuple(pixels.T), params.sigma_window
    variances = point_variances(params.sigma, params.sigma_is, bounds, at, window)
    points = (pixels + bounds[:2]).astype(np.int32)
    mesh = tile_mesh(points, phase, variances, params.max_link_pixels)
    counts = {"masked_points": masked, "unchanging_points": same}
    mesh.write(snakemake.output[0], bounds, dates=stack.dates, **counts, **compared)
