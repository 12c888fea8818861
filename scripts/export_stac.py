"""Describe the result rasters in a STAC item."""

import json
from pathlib import Path

from emcflow.io.files import write_text
from emcflow.io.network_tables import read_date_baselines
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import check_grid
from emcflow.products.point_table import DegreeRasters
from emcflow.products.stac import make_item
from emcflow.workflow.job import job

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    path = Path(snakemake.output[0])
    scene = read_scene_file(given.stack)
    bperp = None
    if given.get("baselines"):
        table = read_date_baselines(given.baselines)
        bperp = dict(zip(table.dates, table.bperp_m.tolist(), strict=True))
    degrees = DegreeRasters(**params.degrees) if params.degrees else None
    for raster in (degrees.longitude, degrees.latitude) if degrees else ():
        check_grid(raster, scene.grid, given.rasters[0], degrees.window)
    item = make_item(
        path.absolute().parent.parent.name,
        path.parent,
        given.rasters,
        scene.grid,
        scene.dates,
        bperp_m=bperp,
        platform=params.platform,
        degrees=degrees,
    )
    write_text(path, json.dumps(item, indent=1) + "\n")
    if item["geometry"] is None:
        log.info("no coordinate reference system of maps: the item has no geometry")
    log.info("%d rasters", len(item["assets"]))
