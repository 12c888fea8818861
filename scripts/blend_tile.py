"""Join the cycles of a tile to those of the tiles that overlap it, in every interferogram."""

import numpy as np
import scipy.sparse.linalg  # noqa: F401
from emcflow.io.blended import put_blended
from emcflow.io.hdf5 import (
    TileFiles,
    create,
    put,
    read,
    read_columns,
    read_overlaps,
    read_rows,
    read_tile_points,
)
from emcflow.io.network_tables import read_interferograms
from emcflow.io.scene_file import read_scene_file
from emcflow.tiles.scene_links import links_apart, own_links
from emcflow.tiles.tile_blend import blend_cycles, blended_points, tile_blend, whole_offsets
from emcflow.workflow.batches import BLENDED_AT_ONCE, in_batches
from emcflow.workflow.job import job, progress
from emcflow.workflow.moved_dates import merged_anew

# SciPy is imported in any case: so less depends on whether there is an equation to be solved.

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    tile, *beside = params.tiles  # their numbers
    shape = read_scene_file(given.stack).grid.shape
    network = read_interferograms(given.network, given.triangles)
    pairs = merged_anew(network.pair_names, params.pairs, given.get("moved"))
    overlaps, (offsets,) = read_overlaps(given.overlaps), read(given.offsets, "offsets")
    first = np.searchsorted(overlaps.nodes[:, 0], np.arange(max(params.tiles) + 1))
    others = zip(beside, TileFiles(given.mesh[1:]), strict=True)
    points = read_tile_points(given.mesh[0])
    blend = tile_blend(tile, points, others, first, overlaps.component, shape)
    del points
    edges, confident = read(given.mesh[0], "edges", "confident")
    own = own_links(edges, confident, blend.owned, blend.counts)
    paths = dict(zip(params.tiles, given.unwrapped, strict=True))
    report, changed = progress("interferograms joined"), 0
    with create(snakemake.output[0], pairs=pairs) as file:
        put(file, "owned", blend.owned, "1")
        for names in in_batches(pairs, BLENDED_AT_ONCE):
            rows = [network.pair_names.index(name) for name in names]
            cycles = read_rows(paths[tile], "uw_cycles", rows)
            covers = [
                read_columns(paths[cover.number], "uw_cycles", rows, cover.columns)
                for cover in blend.covers
            ]
            blended = blend_cycles(blend, cycles, covers, offsets[rows])
            shifted = cycles + whole_offsets(offsets[rows])[:, blend.node]
            for pair, name in enumerate(names):
                apart = links_apart(edges, own, cycles[pair], blended.cycles[pair])
                found = blended_points(blend, shifted[pair], blended, pair, apart)
                put_blended(file, name, found)
                changed += np.count_nonzero(found.shift)
            report(pairs.index(names[-1]) + 1, len(pairs))
    log.info(
        "%d points, %d of them shared with %d tiles; the blending moves %.3f %% by a cycle or more",
        np.count_nonzero(blend.owned),
        len(blend.shared),
        len(blend.covers) - 1,
        100 * changed / max(np.count_nonzero(blend.owned) * len(pairs), 1),
    )
