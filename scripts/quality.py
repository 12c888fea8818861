"""Quality layers: where loops do not close, tiles differ and flows cross; a table of the pairs."""

import numpy as np
from emcflow.io.files import write_csv
from emcflow.io.hdf5 import open_product, read, read_overlaps, read_points, read_rows
from emcflow.io.network_tables import CORNERS, read_date_baselines, read_interferograms
from emcflow.io.raster import BLOCK, NO_LABEL_DATA, read_band, write_rows
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import read_coherence
from emcflow.io.strips import strip_bounds
from emcflow.products.closure import Closure, WrongSides, all_triangles
from emcflow.products.quality import add_crossings, at_points, pair_table
from emcflow.workflow.job import job

STATISTICS = ("residues", "flow_links", "flow_sum", "cost")


def rows_of(name, row, stop):
    """Return some rows of an array of the strips."""
    found = [
        read_rows(path, name, slice(max(row, first) - first, min(stop, end) - first))
        for path, (first, end) in zip(given.loops, strips, strict=True)
        if first < stop and row < end
    ]
    return np.concatenate(found)


def components(row, stop):
    """Return the components of some rows, 0, 1, ... by size; -1 where there is none."""
    labels = read_band(given.components, (row, 0, stop, grid.shape[1]))
    return np.where(labels == NO_LABEL_DATA, -1, labels.astype(np.int32) - 1)


def added(counts, more):
    """Return the sum of two arrays of counts, of which one may be longer."""
    longer = np.zeros(max(len(counts), len(more)), np.int64)
    longer[: len(counts)] += counts
    longer[: len(more)] += more
    return longer


with job(snakemake) as log:
    given, output = snakemake.input, snakemake.output
    grid = read_scene_file(given.stack).grid
    strips = strip_bounds(grid.shape[0], snakemake.params.strip_rows)
    network = read_interferograms(given.network, given.triangles)
    triangles, sides = all_triangles(network.pairs, network.ndates)
    parts = [read(path, "points", "open_points", "valid", "cycles") for path in given.loops]
    points, open_points, valid, cycles = (sum(counts) for counts in zip(*parts, strict=True))
    coherent, in_component = 0, np.zeros(1, np.int64)
    for row, stop in strip_bounds(grid.shape[0], BLOCK):
        coherence = read_coherence(given.coherence, (row, 0, stop, grid.shape[1]))
        coherent += np.count_nonzero(coherence > snakemake.params.min_coherence)
        in_component = added(in_component, np.bincount(components(row, stop).ravel() + 1))
    wrong_sides = WrongSides(cycles, in_component[1:])
    open_points = wrong_sides.open_points(open_points)
    bounds = [read(path, "bounds")[0].tolist() for path in given.unwrapped]
    totals = dict.fromkeys(STATISTICS, 0)
    for path in given.unwrapped:
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
        Closure(points, open_points, np.empty((0, 0), np.uint16)),
        read_overlaps(given.overlaps),
        read(given.offsets, "residuals")[0],
        valid / max(coherent, 1),
        read_date_baselines(bperp).bperp_m if bperp else None,
    )
    write_csv(output.pairs, table, digits=6)
    loops = dict(zip(CORNERS, np.array(network.dates)[triangles.T], strict=True))
    write_csv(output.loops, loops | {"points": points, "open_points": open_points})

    def seams(row, stop):
        """Return some rows of the largest differences of the tiles."""
        return rows_of("seams", row, stop)

    def open_loops(row, stop):
        """Return some rows of the loops that do not close."""

        def phase(pair):
            """Return these rows of an interferogram."""
            return read_band(given.interferograms[pair], (row, 0, stop, grid.shape[1]))

        counts = wrong_sides.open_loops(
            rows_of("open_loops", row, stop), components(row, stop), phase, sides
        )
        return at_points(counts, np.isfinite(seams(row, stop)))

    def crossings(row, stop):
        """Return some rows of the changed links."""
        image = np.full((stop - row, grid.shape[1]), NO_LABEL_DATA, np.uint16)
        for path, (first, _, end, _) in zip(given.unwrapped, bounds, strict=True):
            if first < stop and row < end:
                at, _ = read_points(path)
                some = slice(*np.searchsorted(at[:, 0], (row, stop)))
                (counts,) = read(path, "statistics/crossings")
                add_crossings(image, at[some] - (row, 0), counts[some])
        return image

    open_text = "loops of interferograms that do not close"
    seam_text = "largest difference of the tiles in any interferogram"
    crossing_text = "changed links, over all interferograms"
    for path, rows, dtype, units, text in (
        (output.open_loops, open_loops, np.uint16, "loops", open_text),
        (output.seams, seams, np.float32, "rad", seam_text),
        (output.crossings, crossings, np.uint16, "links", crossing_text),
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
