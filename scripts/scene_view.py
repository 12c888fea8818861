"""The view that stands for the scene, and how far that of every point differs from it."""

import json

import numpy as np
from emcflow.acquisition.geometry import design_matrix, rad_per_mm_yr
from emcflow.acquisition.viewing import mean_view
from emcflow.io.files import write_text
from emcflow.io.network_tables import read_date_baselines
from emcflow.io.point_rasters import BASELINES, PointRasters
from emcflow.io.raster import create_raster
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import coherent_points
from emcflow.products.point_views import PointViews, point_levers
from emcflow.workflow.job import job, progress
from rasterio.windows import Window

with job(snakemake) as log:
    params, given, output = snakemake.params, snakemake.input, snakemake.output
    grid = read_scene_file(given.stack).grid
    mask = coherent_points(given.coherence, params.min_coherence)
    rasters = PointRasters(mask, grid, params.window)
    wavelength_m = params.geometry["wavelength_m"]
    views = rasters.view(params.geometry)
    lever = point_levers(views)
    view = {"wavelength_m": wavelength_m, **mean_view(views.pop("slant_range_m"), lever)}
    del views
    log.info("mean view: %s", ", ".join(f"{key} {value:.6g}" for key, value in view.items()))
    dates, bperp_m = read_date_baselines(given.baselines)
    design = design_matrix(dates, bperp_m, **view)
    of_points = PointViews(design, params.ranges, int(mask.sum()), bperp_m)
    report, sign = progress("rows"), -1 if params.negate else 1
    texts = ["scale of the DEM error", "leak of the DEM error into the velocity"]
    with create_raster(
        output.points, grid, np.float32, units="1, mm/yr per m", description=texts
    ) as dataset:
        for rows, places in rasters.slices():
            # 4 pi / wavelength: the phase of a metre
            here = lever[places] if lever.ndim else lever
            rad_per_bperp = rad_per_mm_yr(1e3, wavelength_m) * here
            columns = None
            if params.bperp:
                columns = (
                    rad_per_bperp * (sign * rasters.read_rows(path, rows, BASELINES))
                    for path in params.bperp.values()
                )
            inside = mask[slice(*rows)]
            images = np.full((2, *inside.shape), np.nan, np.float32)
            npoints = places.stop - places.start
            images[:, inside] = of_points.of(npoints, rad_per_bperp, columns)
            dataset.write(images, window=Window(0, rows[0], *inside.shape[::-1]))
            report(rows[1], grid.shape[0])
    of_points.log()
    write_text(output.view, json.dumps(view, indent=1) + "\n")
