"""Compare the unwrapped tiles where they share points."""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
from emcflow.io.hdf5 import create, open_product, put_overlaps, read_tile_points
from emcflow.io.tiles_json import tiles_from_json
from emcflow.tiles.merge import LEAST_LABELLED_POINTS
from emcflow.tiles.overlaps import check_any_points, measure_overlaps
from emcflow.workflow.job import job

# Lines of a kind that are worth reading; what is left out is counted.
MOST_LINES = 20


def name(node):
    """Return tile and region of a node for a message; the first region needs no mention."""
    tile, region = node
    return f"{tile:02d} (region {region})" if region else f"{tile:02d}"


with job(snakemake) as log:
    shape, _ = tiles_from_json(Path(snakemake.input.tiles).read_text())
    tiles = [read_tile_points(path) for path in snakemake.input.mesh]
    check_any_points(tiles)
    with ExitStack() as files:
        unwrapped = [files.enter_context(open_product(path)) for path in snakemake.input.unwrapped]
        pairs = list(unwrapped[0].attrs["pairs"])
        overlaps = measure_overlaps(
            tiles,
            [file["uw_cycles"] for file in unwrapped],
            shape,
            snakemake.params.min_overlap_points,
        )
    parts = overlaps.component[overlaps.too_small[:, :2]]
    apart = overlaps.too_small[parts[:, 0] != parts[:, 1]]
    for node_i, node_j, npoints in overlaps.too_small[:MOST_LINES]:
        log.warning(
            "tiles %s and %s share only %d points, fewer than merge.min_overlap_points = %d: "
            "not used to join them",
            name(overlaps.nodes[node_i]),
            name(overlaps.nodes[node_j]),
            npoints,
            snakemake.params.min_overlap_points,
        )
    if len(overlaps.too_small):
        log.warning(
            "%d overlaps in all are too small to be used; %d of them would have joined what "
            "nothing else joins",
            len(overlaps.too_small),
            len(apart),
        )
    sizes = np.bincount(overlaps.component, overlaps.node_points).astype(int)
    large = np.flatnonzero(sizes[1:] >= LEAST_LABELLED_POINTS) + 1
    for component in large[:MOST_LINES]:
        members = overlaps.members(component)
        log.warning(
            "not joined to the rest of the scene: %d points of %d tiles, among them %s",
            sizes[component],
            len({tile for tile, _ in members}),
            ", ".join(name(node) for node in members[:5]),
        )
    if overlaps.ncomponents > 1:
        log.warning(
            "the scene falls into %d parts, %d of them of fewer than %d points: phases of "
            "different parts cannot be compared, see *.unw.conncomp.tif",
            overlaps.ncomponents,
            overlaps.ncomponents - 1 - len(large),
            LEAST_LABELLED_POINTS,
        )
    if len(overlaps.links):
        log.info(
            "%d overlaps with %d to %d points; %.2f %% of their points agree on the offset",
            len(overlaps.links),
            overlaps.points.min(),
            overlaps.points.max(),
            100 * overlaps.agreement.mean(),
        )
    with create(snakemake.output[0], pairs=pairs) as file:
        put_overlaps(file, overlaps)
