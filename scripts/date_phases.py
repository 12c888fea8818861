"""Invert the unwrapped interferograms of a strip of the scene for the phase of every date."""

import numpy as np
from emcflow.io.date_strips import create_date_strip
from emcflow.io.hdf5 import read
from emcflow.io.network_tables import read_pair_table
from emcflow.io.point_windows import PointWindows
from emcflow.io.scene_file import read_scene_file
from emcflow.products.time_series import invert_windows, pair_weights
from emcflow.workflow.job import job

with job(snakemake) as log:
    given = snakemake.input
    scene = read_scene_file(given.stack)
    points = PointWindows.of_raster(given.components, scene.grid.shape, snakemake.params.strip_rows)
    windows = points.of_strip(int(snakemake.wildcards.strip))
    first = windows[0].places.start if windows else 0
    npoints = sum(window.npoints for window in windows)
    residues = sum(read(path, "statistics/residues")[0] for path in given.unwrapped)
    weights = pair_weights(residues, points.npoints)
    found = invert_windows(
        given.interferograms,
        read_pair_table(given.network).pairs,
        weights,
        len(scene.dates),
        windows,
        snakemake.threads,
    )
    nopen = 0
    with create_date_strip(snakemake.output[0], len(scene.dates), npoints) as strip:
        for some in found:
            places = slice(some.places.start - first, some.places.stop - first)
            strip.write(places, some.phase, some.misfit, some.date_misfit)
            nopen += np.count_nonzero(some.misfit)
    log.info(
        "%d dates at %d points; at %d of them loops of interferograms do not close",
        *(len(scene.dates), npoints, nopen),
    )
