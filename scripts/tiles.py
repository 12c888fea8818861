"""Cut the scene into overlapping tiles of about equal numbers of points."""

from pathlib import Path

from emcflow.io.files import write_text
from emcflow.io.stack import coherent_points
from emcflow.io.tiles_json import tiles_from_json, tiles_to_json
from emcflow.tiles.cut import density_tiles
from emcflow.workflow.job import job

with job(snakemake) as log:
    params = snakemake.params
    mask = coherent_points(snakemake.input.coherence, params.min_coherence)
    previous = snakemake.input.get("previous")
    if previous:
        _, tiles = tiles_from_json(Path(previous).read_text(), previous)
    else:
        tiles = density_tiles(mask, **params.tiles)
    write_text(snakemake.output[0], tiles_to_json(mask.shape, tiles))
    log.info("%d points, number of tiles: %d", mask.sum(), len(tiles))
