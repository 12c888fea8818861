"""Take over interferograms of a finished run: rasters byte by byte, or cycles at moved phases."""

import shutil
from pathlib import Path

from emcflow.io.files import whole_file
from emcflow.io.network_tables import read_interferograms
from emcflow.io.scene_file import read_scene_file
from emcflow.products.merged_pairs import CACHE_MB, RASTERS, PairMerger
from emcflow.workflow.job import job, progress
from emcflow.workflow.moved_dates import merged_anew
from rasterio import Env

with job(snakemake) as log, Env(GDAL_CACHEMAX=CACHE_MB):
    given, output = snakemake.input, snakemake.output
    names = [Path(path).name.partition(".")[0] for path in output.unwrapped]
    moved = merged_anew(names, (), given.get("moved"))
    if moved:
        network = read_interferograms(given.network, given.triangles)
        merger = PairMerger.of_files(read_scene_file(given.stack).grid, network, given)
    report = progress("interferograms taken over")
    for at, name in enumerate(names):
        rasters = {kind: output[kind][at] for kind in RASTERS}
        if name in moved:
            merger.write(network.pair_names.index(name), rasters)
        else:
            for kind, path in rasters.items():
                # no links: they keep the time stamp of a file that is older than what it is
                # compared with
                with open(given[f"old_{kind}"][at], "rb") as read, whole_file(path) as written:
                    shutil.copyfileobj(read, written)
        report(at + 1, len(names))
    log.info("%d rasters taken over", len(RASTERS) * (len(names) - len(moved)))
    if moved:
        log.info("%d interferograms merged anew: their phases moved", len(moved))
