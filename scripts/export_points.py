"""Write the points of the scene as a table: CSV or GeoParquet, by the name of the output."""

from emcflow.io.raster import map_crs
from emcflow.io.scene_file import read_scene_file
from emcflow.products.point_table import has_degrees, point_batches, write_csv, write_geoparquet
from emcflow.workflow.job import job

MILLIMETRES = 1e3

with job(snakemake) as log:
    given, params, output = snakemake.input, snakemake.params, snakemake.output[0]
    grid = read_scene_file(given.stack).grid
    columns = dict(zip(params.columns, given.rasters, strict=True))
    factors = dict.fromkeys(params.displacement_columns, MILLIMETRES)
    batches = point_batches(grid, given.points, columns, factors, snakemake.threads)
    if output.endswith(".csv"):
        npoints = write_csv(output, batches)
    else:
        npoints = write_geoparquet(output, batches, grid.crs)
    if map_crs(grid.crs) is None:
        log.info("no coordinate reference system of maps: rows and columns alone")
    elif not has_degrees(grid.crs):
        log.info("no way from the coordinate reference system to WGS 84: no longitude and latitude")
    log.info("%d points, %d columns of results", npoints, len(columns))
