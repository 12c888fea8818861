"""Merge the tiles of a batch of interferograms, label them and write their rasters."""

from pathlib import Path

import numpy as np
from emcflow.io.network_tables import read_interferograms
from emcflow.io.scene_file import read_scene_file
from emcflow.products.merged_pairs import GivenPhases, PairMerger
from emcflow.workflow.batches import MERGED_AT_ONCE, in_batches
from emcflow.workflow.job import job, progress

RASTERS = "unwrapped", "conncomp", "pwrong", "model", "diff"

with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    network = read_interferograms(given.network, given.triangles)
    merger = PairMerger.of_files(read_scene_file(given.stack).grid, network, given)
    names = [Path(path).name.partition(".")[0] for path in output.unwrapped]
    numbers = [network.pair_names.index(name) for name in names]
    outputs = [{name: output[name][at] for name in RASTERS} for at in range(len(names))]
    report = progress("interferograms written")
    for places in in_batches(range(len(names)), MERGED_AT_ONCE):
        own = None
        if params.given:
            own = GivenPhases([params.given[at] for at in places], params.window)
        merger.write([numbers[at] for at in places], [outputs[at] for at in places], own)
        report(places[-1] + 1, len(names))
    log.info(
        "labels: %.2f %% of the points of an interferogram have one, %.2f %% label 1; the least of "
        "all %.2f and %.2f %%",
        *(100 * np.mean(merger.shares, axis=0)),
        *(100 * np.min(merger.shares, axis=0)),
    )
    log.info(
        "%d points, %d where tiles differ by a cycle or more in some interferogram",
        len(merger.differ),
        merger.differ.sum(),
    )
