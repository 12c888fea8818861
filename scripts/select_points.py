"""Turn what points are chosen by into one raster that reads as a temporal coherence."""

from emcflow.io.coverage import remarks_tag
from emcflow.io.raster import write_raster
from emcflow.products.point_source import DESCRIPTIONS, point_source
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    params = snakemake.params
    files = [file for file in params.files if file]
    values, grid, remarks = point_source(files, params.names, progress("images"), **params.points)
    for remark in remarks:
        log.warning("%s", remark)
    write_raster(
        snakemake.output[0],
        values,
        grid,
        units="1",
        description=DESCRIPTIONS[params.points["kind"]],
        tags=remarks_tag(remarks),
    )
