"""Compare the unwrapped tiles where they share points."""

from contextlib import ExitStack
from pathlib import Path

from emcflow.overlaps import measure_overlaps
from emcflow.store import create, open_product, put_overlaps, read_tile_points
from emcflow.tiles import tiles_from_json
from job import job

with job(snakemake) as log:
    shape, _ = tiles_from_json(Path(snakemake.input.tiles).read_text())
    tiles = [read_tile_points(path) for path in snakemake.input.mesh]
    with ExitStack() as files:
        unwrapped = [files.enter_context(open_product(path)) for path in snakemake.input.unwrapped]
        pairs = list(unwrapped[0].attrs["pairs"])
        overlaps = measure_overlaps(
            tiles,
            [file["uw_cycles"] for file in unwrapped],
            shape,
            snakemake.params.min_overlap_points,
        )
    for node_i, node_j, npoints in overlaps.too_small:
        log.warning(
            "tiles %d and %d share only %d points, fewer than merge.min_overlap_points = %d: "
            "not used to join them",
            overlaps.nodes[node_i, 0],
            overlaps.nodes[node_j, 0],
            npoints,
            snakemake.params.min_overlap_points,
        )
    for component in range(1, overlaps.ncomponents):
        names = ", ".join(f"{tile:02d}/{region}" for tile, region in overlaps.members(component))
        log.warning("not joined to the rest of the scene (tile/region): %s", names)
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
