"""Cut the scene into overlapping tiles of about equal numbers of points."""

from pathlib import Path

from emcflow.stack import coherent_points
from emcflow.tiles import density_tiles, tiles_to_json
from job import job

with job(snakemake) as log:
    params = snakemake.params
    mask = coherent_points(snakemake.input.coherence, params.min_coherence)
    tiles = density_tiles(mask, **params.tiles)
    Path(snakemake.output[0]).write_text(tiles_to_json(mask.shape, tiles))
    log.info("%d points, number of tiles: %d", mask.sum(), len(tiles))
