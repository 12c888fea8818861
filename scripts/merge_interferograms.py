"""Merge the tiles of a batch of interferograms, label them and write their rasters."""

from pathlib import Path

import numpy as np
from emcflow.io.network_tables import read_interferograms
from emcflow.io.scene_file import read_scene_file
from emcflow.products.merged_pairs import CACHE_MB, RASTERS, GivenPhase, PairMerger
from emcflow.workflow.job import job, progress
from rasterio import Env

with job(snakemake) as log, Env(GDAL_CACHEMAX=CACHE_MB):
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    network = read_interferograms(given.network, given.triangles)
    names = [Path(path).name.partition(".")[0] for path in output.unwrapped]
    merger = PairMerger.of_files(read_scene_file(given.stack).grid, network, given)
    report = progress("interferograms written")
    for at, name in enumerate(names):
        own = GivenPhase(*params.given[at], params.window) if params.given else None
        rasters = {name: output[name][at] for name in RASTERS}
        merger.write(network.pair_names.index(name), rasters, own)
        report(at + 1, len(names))
    log.info(
        "labels: %.2f %% of the points of an interferogram have one, %.2f %% label 1; the least of "
        "all %.2f and %.2f %%",
        *(100 * np.mean(merger.shares, axis=0)),
        *(100 * np.min(merger.shares, axis=0)),
    )
    log.info(
        "%d points, %d where tiles differ by a cycle or more in some interferogram",
        merger.scene.npoints,
        np.count_nonzero(merger.differ),
    )
