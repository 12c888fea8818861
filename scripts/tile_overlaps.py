"""Compare the unwrapped tiles where they share points."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from emcflow.io.files import write_csv, write_lines
from emcflow.io.hdf5 import (
    TileFiles,
    create,
    open_product,
    put_overlaps,
    read_region_levels,
)
from emcflow.io.islands import put_islands
from emcflow.io.tiles_json import tiles_from_json
from emcflow.tiles.held import HeldTiles
from emcflow.tiles.islands import find_islands, island_table, levelled_component
from emcflow.tiles.overlap_words import island_remarks, overlap_remarks
from emcflow.tiles.overlaps import check_any_points, measure_overlaps
from emcflow.workflow.job import job
from emcflow.workflow.moved_dates import moved_dates, moved_remarks

with job(snakemake) as log:
    params, output = snakemake.params, snakemake.output
    least = params.min_overlap_points
    shape, _ = tiles_from_json(Path(snakemake.input.tiles).read_text())
    tiles = HeldTiles(TileFiles(snakemake.input.mesh))
    check_any_points(tiles)
    with ExitStack() as files:
        unwrapped = [files.enter_context(open_product(path)) for path in snakemake.input.unwrapped]
        pairs = list(unwrapped[0].attrs["pairs"])
        cycles = [file["uw_cycles"] for file in unwrapped]
        overlaps = measure_overlaps(tiles, cycles, shape, least)
    levels = [read_region_levels(path) for path in snakemake.input.unwrapped]
    islands = find_islands(levels, tiles, overlaps, params.island_probability)
    overlaps = replace(overlaps, component=levelled_component(islands, overlaps.node_points))
    for remark in island_remarks(islands):
        log.info("%s", remark)
    for remark in overlap_remarks(overlaps, least):
        log.warning("%s", remark)
    if len(overlaps.links):
        log.info(
            "%d overlaps with %d to %d points; %.2f %% of their points agree on the offset",
            len(overlaps.links),
            overlaps.points.min(),
            overlaps.points.max(),
            100 * overlaps.agreement.mean(),
        )
    write_csv(output.islands, island_table(islands, pairs), digits=3)
    if params.previous:
        columns = moved_dates(snakemake.input.mesh)
        remarks = moved_remarks(columns, params.previous)
        for remark in remarks:
            log.info("%s", remark)
        write_csv(output.moved, columns)
        write_lines(output.remarks, remarks)
    with create(output.overlaps, pairs=pairs) as file:
        put_overlaps(file, overlaps)
        put_islands(file, islands)
