"""Where loops of interferograms do not close, and tiles differ, in a strip of the scene."""

import numpy as np
from emcflow.io.hdf5 import create, put
from emcflow.io.network_tables import read_interferograms
from emcflow.io.raster import read_band
from emcflow.io.scene_file import read_scene_file
from emcflow.io.strips import strip_bounds
from emcflow.products.closure import loop_closure
from emcflow.workflow.job import job

with job(snakemake) as log:
    given = snakemake.input
    rows, cols = read_scene_file(given.stack).grid.shape
    network = read_interferograms(given.network, given.triangles)
    strips = strip_bounds(rows, snakemake.params.strip_rows)
    strip = strips[int(snakemake.wildcards.strip)]
    closure = loop_closure(
        given.interferograms, network, (rows, cols), snakemake.threads, strip, given.components
    )
    seams = np.full((strip[1] - strip[0], cols), np.nan, np.float32)
    valid = []
    for path in given.diff:
        difference = read_band(path, (strip[0], 0, strip[1], cols))
        valid.append(np.count_nonzero(np.isfinite(difference)))
        np.fmax(seams, difference, out=seams)
    with create(snakemake.output[0]) as file:
        put(file, "points", closure.points, "points")
        put(file, "open_points", closure.open_points, "points")
        put(file, "cycles", closure.cycles, "points")
        put(file, "open_loops", closure.open_loops, "loops")
        put(file, "seams", seams, "rad")
        put(file, "valid", np.array(valid), "points")
    log.info(
        "rows %d to %d: %d of %d loops of all points do not close",
        *strip,
        closure.open_points.sum(),
        closure.points.sum(),
    )
