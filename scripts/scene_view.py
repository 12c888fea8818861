"""The view that stands for the scene, and how far that of every point differs from it."""

import json

import numpy as np
from emcflow.acquisition.geometry import design_matrix, rad_per_mm_yr
from emcflow.acquisition.viewing import inverse_lever, scene_view
from emcflow.io.files import write_text
from emcflow.io.network_tables import read_date_baselines
from emcflow.io.point_rasters import PointRasters
from emcflow.io.raster import scatter, write_raster
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import coherent_points
from emcflow.products.point_views import point_views
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    params, given, output = snakemake.params, snakemake.input, snakemake.output
    grid = read_scene_file(given.stack).grid
    mask = coherent_points(given.coherence, params.min_coherence)
    rasters = PointRasters(mask, grid, params.window)
    wavelength_m = params.geometry["wavelength_m"]
    views = {key: np.float64(value) for key, value in rasters.view(params.geometry).items()}
    view = {"wavelength_m": wavelength_m, **scene_view(**views)}
    log.info("mean view: %s", ", ".join(f"{key} {value:.6g}" for key, value in view.items()))
    dates, bperp_m = read_date_baselines(given.baselines)
    design = design_matrix(dates, bperp_m, **view)
    # 4 pi / wavelength: the phase of a metre
    rad_per_bperp = rad_per_mm_yr(1e3, wavelength_m) * inverse_lever(**views)
    columns = None
    if params.bperp:
        paths, report = params.bperp.values(), progress("baseline rasters")
        columns = (rad_per_bperp * own for own in rasters.baselines(paths, params.negate, report))
    of_points = point_views(design, params.ranges, mask.sum(), bperp_m, rad_per_bperp, columns)
    points = np.argwhere(mask)
    write_raster(
        output.points,
        np.stack([scatter(points, values, grid.shape) for values in of_points]),
        grid,
        units="1, mm/yr per m",
        description=["scale of the DEM error", "leak of the DEM error into the velocity"],
    )
    write_text(output.view, json.dumps(view, indent=1) + "\n")
