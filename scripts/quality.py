"""Quality layers: where loops do not close, tiles differ and flows cross; a table of the pairs."""

import numpy as np
from emcflow.io.files import write_csv
from emcflow.io.hdf5 import open_product, read, read_overlaps, read_points
from emcflow.io.network_tables import CORNERS, read_date_baselines, read_interferograms
from emcflow.io.raster import NO_LABEL_DATA, read_band, write_raster
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import read_coherence
from emcflow.products.closure import all_triangles, loop_closure
from emcflow.products.quality import add_crossings, at_points, pair_table
from emcflow.workflow.job import job

STATISTICS = ("residues", "flow_links", "flow_sum", "cost")

with job(snakemake) as log:
    given, output = snakemake.input, snakemake.output
    grid = read_scene_file(given.stack).grid
    network = read_interferograms(given.network, given.triangles)
    closure = loop_closure(given.interferograms, network, grid.shape, snakemake.threads)

    coherent = np.count_nonzero(read_coherence(given.coherence) > snakemake.params.min_coherence)
    seams = np.full(grid.shape, np.nan, np.float32)
    valid = []
    for path in given.diff:
        difference = read_band(path)
        valid.append(np.count_nonzero(np.isfinite(difference)) / max(coherent, 1))
        np.fmax(seams, difference, out=seams)
    crossings = np.full(grid.shape, NO_LABEL_DATA, np.uint16)
    totals = dict.fromkeys(STATISTICS, 0)
    for path in given.unwrapped:
        add_crossings(crossings, read_points(path)[0], *read(path, "statistics/crossings"))
        for name in STATISTICS:
            totals[name] = totals[name] + read(path, f"statistics/{name}")[0]
    ntriangles = 0
    for path in given.mesh:
        with open_product(path) as file:
            ntriangles += len(file["triangles"])
    bperp = given.get("baselines")
    table = pair_table(
        network,
        totals,
        ntriangles,
        closure,
        read_overlaps(given.overlaps),
        read(given.offsets, "residuals")[0],
        np.array(valid),
        read_date_baselines(bperp).bperp_m if bperp else None,
    )
    write_csv(output.pairs, table, digits=6)
    triangles, _ = all_triangles(network.pairs, network.ndates)
    loops = dict(zip(CORNERS, np.array(network.dates)[triangles.T], strict=True))
    write_csv(output.loops, loops | {"points": closure.points, "open_points": closure.open_points})
    open_loops = at_points(closure.open_loops, np.isfinite(seams))
    for path, image, units, text in (
        (output.open_loops, open_loops, "loops", "loops of interferograms that do not close"),
        (output.seams, seams, "rad", "largest difference of the tiles in any interferogram"),
        (output.crossings, crossings, "links", "changed links, over all interferograms"),
    ):
        write_raster(path, image, grid, units=units, description=text)
    log.info(
        "%d of %d loops of all points do not close, in which %d of %d interferograms lie; %d are "
        "suspect",
        closure.open_points.sum(),
        closure.points.sum(),
        np.isfinite(table["open_share"]).sum(),
        network.npairs,
        table["suspect"].sum(),
    )
