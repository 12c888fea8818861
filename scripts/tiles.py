"""Cut the scene into overlapping tiles of about equal numbers of points."""

from pathlib import Path

from emcflow.files import write_text
from emcflow.stack import coherent_points
from emcflow.tiles import density_tiles, tiles_from_json, tiles_to_json
from job import job

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
