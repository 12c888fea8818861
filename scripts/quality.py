"""Quality layers: where loops do not close, tiles differ and flows cross; a table of the pairs."""

import numpy as np
from emcflow.io.files import write_csv
from emcflow.io.hdf5 import count_triangles, read, read_overlaps
from emcflow.io.network_tables import read_date_baselines, read_interferograms
from emcflow.io.scene_file import read_scene_file
from emcflow.products.quality import loop_table, pair_table
from emcflow.products.quality_layers import QualityLayers, count_coherent
from emcflow.workflow.job import job

with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    grid = read_scene_file(given.stack).grid
    network = read_interferograms(given.network, given.triangles)
    strips = given.loops, params.strip_rows
    rasters = given.components, given.interferograms, given.unwrapped
    layers = QualityLayers(grid.shape, network, *strips, *rasters)
    coherent = count_coherent(given.coherence, grid.shape, params.min_coherence)
    bperp = given.get("baselines")
    table = pair_table(
        network,
        layers.statistics,
        sum(map(count_triangles, given.mesh)),
        layers.closure,
        read_overlaps(given.overlaps),
        read(given.offsets, "residuals")[0],
        layers.valid / max(coherent, 1),
        read_date_baselines(bperp).bperp_m if bperp else None,
    )
    write_csv(output.pairs, table, digits=6)
    write_csv(output.loops, loop_table(network, layers.closure))
    layers.write(grid, output.open_loops, output.seams, output.crossings)
    log.info(
        "%d of %d loops of all points do not close, in which %d of %d interferograms lie; %d are "
        "suspect",
        *(layers.closure.open_points.sum(), layers.closure.points.sum()),
        *(np.isfinite(table["open_share"]).sum(), network.npairs, table["suspect"].sum()),
    )
