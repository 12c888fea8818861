"""Describe the result rasters in a STAC item."""

import json
from pathlib import Path

from emcflow.io.files import write_text
from emcflow.products.stac import describe_run
from emcflow.workflow.job import job

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    path = Path(snakemake.output[0])
    item = describe_run(
        path.parent,
        path.parent.parent,
        given.stack,
        given.rasters,
        given.get("baselines"),
        platform=params.platform,
        degrees=params.degrees,
    )
    write_text(path, json.dumps(item, indent=1) + "\n")
    if item["geometry"] is None:
        log.info("no coordinate reference system of maps: the item has no geometry")
    log.info("%d rasters", len(item["assets"]))
