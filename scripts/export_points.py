"""Write the points of the scene as a table: CSV, GeoParquet or GeoPackage, by its name."""

from emcflow.io.raster import map_crs
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import check_grid
from emcflow.products.point_table import (
    DegreeRasters,
    Flight,
    by_degrees,
    has_degrees,
    point_batches,
    write_csv,
    write_geopackage,
    write_geoparquet,
)
from emcflow.workflow.job import job

MILLIMETRES = 1e3

with job(snakemake) as log:
    given, params, output = snakemake.input, snakemake.params, snakemake.output[0]
    grid = read_scene_file(given.stack).grid
    columns = dict(zip(params.columns, given.rasters, strict=True))
    factors = dict.fromkeys(params.displacement_columns, MILLIMETRES)
    factors |= dict.fromkeys(params.first_date_column, 0.0)  # displacements are relative to it
    flight = Flight(**params.flight, dem_error=columns["dem_error_m"]) if params.flight else None
    degrees = DegreeRasters(**params.degrees) if params.degrees else None
    for path in (degrees.longitude, degrees.latitude) if degrees else ():
        check_grid(path, grid, given.points, degrees.window)
    of_degrees = by_degrees(grid, degrees)
    batches = point_batches(
        grid, given.points, columns, factors, snakemake.threads, flight, degrees
    )
    if output.endswith(".csv"):
        npoints = write_csv(output, batches)
    elif output.endswith(".gpkg"):
        npoints = write_geopackage(output, batches, grid.crs, of_degrees)
    else:
        npoints = write_geoparquet(output, batches, grid.crs, of_degrees)
    if of_degrees:
        by = "rasters" if degrees else f"{len(grid.gcps)} ground control points"
        log.info("no coordinate reference system of maps: longitude and latitude by %s", by)
    elif map_crs(grid.crs) is None:
        log.info("no coordinate reference system of maps: rows and columns alone")
    elif not has_degrees(grid.crs):
        log.info("no way from the coordinate reference system to WGS 84: no longitude and latitude")
    log.info("%d points, %d columns of results", npoints, len(columns))
