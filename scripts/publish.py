"""Publish the result rasters as cloud-optimised GeoTIFFs with a STAC item; note what is where."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from emcflow.io.files import write_csv
from emcflow.io.publishing import Place, publish_raster
from emcflow.products.stac import describe_run, published
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    place, report = Place(params.target), progress("rasters published")
    names = [os.path.relpath(path, params.results) for path in given.rasters]
    publish = partial(publish_raster, place=place, version=params.code)
    checksums, there = [], 0
    with ThreadPoolExecutor(snakemake.threads) as pool:
        for checksum, was_there in pool.map(lambda *it: publish(*it), given.rasters, names):
            checksums.append(checksum)
            there += was_there
            report(len(checksums), len(names))
    log.info("%d of %d rasters were there already", there, len(names))
    item = describe_run(
        params.results,
        params.results,
        given.stack,
        given.rasters,
        given.get("baselines"),
        platform=params.platform,
        degrees=params.degrees,
    )
    item = published(item, place.address_of("stac_item.json"))
    # last, so that all it names is there
    place.write("stac_item.json", (json.dumps(item, indent=1) + "\n").encode())
    where = [f"{params.target.rstrip('/')}/{name}" for name in names]
    write_csv(snakemake.output[0], {"raster": names, "published": where, "sha256": checksums})
