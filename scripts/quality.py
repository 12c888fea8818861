"""Quality layers: where loops do not close, tiles differ and flows cross; a table of the pairs."""

import numpy as np
from emcflow.io.files import write_csv
from emcflow.io.hdf5 import count_triangles, read, read_overlaps
from emcflow.io.network_tables import CORNERS, read_date_baselines, read_interferograms
from emcflow.io.raster import write_rows
from emcflow.io.scene_file import read_scene_file
from emcflow.products.closure import all_triangles
from emcflow.products.quality import pair_table
from emcflow.products.quality_layers import QualityLayers, count_coherent
from emcflow.workflow.job import job

STATISTICS = ("residues", "flow_links", "flow_sum", "cost")

with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    grid = read_scene_file(given.stack).grid
    network = read_interferograms(given.network, given.triangles)
    layers = QualityLayers(
        grid.shape,
        network,
        given.loops,
        params.strip_rows,
        given.components,
        given.interferograms,
        given.unwrapped,
    )
    totals = {
        name: np.sum([read(path, f"statistics/{name}")[0] for path in given.unwrapped], axis=0)
        for name in STATISTICS
    }
    coherent = count_coherent(given.coherence, grid.shape, params.min_coherence)
    bperp = given.get("baselines")
    table = pair_table(
        network,
        totals,
        sum(map(count_triangles, given.mesh)),
        layers.closure,
        read_overlaps(given.overlaps),
        read(given.offsets, "residuals")[0],
        layers.valid / max(coherent, 1),
        read_date_baselines(bperp).bperp_m if bperp else None,
    )
    write_csv(output.pairs, table, digits=6)
    points, open_points = layers.closure.points, layers.closure.open_points
    triangles, _ = all_triangles(network.pairs, network.ndates)
    loops = dict(zip(CORNERS, np.array(network.dates)[triangles.T], strict=True))
    write_csv(output.loops, loops | {"points": points, "open_points": open_points})
    open_text = "loops of interferograms that do not close"
    seam_text = "largest difference of the tiles in any interferogram"
    crossing_text = "changed links, over all interferograms"
    for path, rows, dtype, units, text in (
        (output.open_loops, layers.open_loops, np.uint16, "loops", open_text),
        (output.seams, layers.seams, np.float32, "rad", seam_text),
        (output.crossings, layers.crossings, np.uint16, "links", crossing_text),
    ):
        write_rows(path, grid, dtype, rows, units=units, description=text)
    log.info(
        "%d of %d loops of all points do not close, in which %d of %d interferograms lie; %d are "
        "suspect",
        open_points.sum(),
        points.sum(),
        np.isfinite(table["open_share"]).sum(),
        network.npairs,
        table["suspect"].sum(),
    )
