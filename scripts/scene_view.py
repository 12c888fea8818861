"""The view that stands for the scene, and how far that of every point differs from it."""

import json

import numpy as np
from emcflow.acquisition.geometry import RASTER_KEYS, TERMS, design_matrix, rad_per_mm_yr
from emcflow.acquisition.viewing import (
    DEM_ERROR,
    VELOCITY,
    inverse_lever,
    project_columns,
    project_multiples,
    scene_view,
    usable_scale,
)
from emcflow.io.files import write_text
from emcflow.io.network_tables import read_date_baselines
from emcflow.io.point_rasters import PointRasters
from emcflow.io.raster import scatter, write_raster
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import coherent_points
from emcflow.links.search_grid import choose_terms
from emcflow.workflow.job import job, progress

# Points at which the rest is looked at.
SAMPLE = 2000


def metre_columns(params, rasters, rad_per_bperp):
    """Yield the phase of a metre of DEM error at every point [rad], date by date."""
    report = progress("baseline rasters")
    for done, path in enumerate(params.bperp.values(), start=1):
        values = rasters.read(path, -1e5, 1e5, "perpendicular baselines in metres", True)
        yield rad_per_bperp * (-values if params.negate else values)
        report(done, len(params.bperp))


with job(snakemake) as log:
    params, given = snakemake.params, snakemake.input
    grid = read_scene_file(given.stack).grid
    mask = coherent_points(given.coherence, params.min_coherence)
    rasters = PointRasters(mask, grid, params.window)
    wavelength_m = params.geometry["wavelength_m"]
    views = {}
    for key in RASTER_KEYS:
        value = params.geometry[key]
        views[key] = (
            rasters.read_geometry(value, key) if isinstance(value, str) else np.float64(value)
        )
    lever = inverse_lever(**views)
    rad_per_m = rad_per_mm_yr(1e3, wavelength_m)  # 4 pi / wavelength: the phase of a metre
    view = {"wavelength_m": wavelength_m, **scene_view(**views)}
    log.info("mean view: %s", ", ".join(f"{key} {value:.6g}" for key, value in view.items()))
    dates, bperp_m = read_date_baselines(given.baselines)
    design = design_matrix(dates, bperp_m, **view)
    terms, _ = choose_terms(design, [limits[:2] for limits in params.ranges], TERMS)
    names = [TERMS[term] for term in terms]
    scale, leak = np.ones(mask.sum()), np.zeros(mask.sum())
    if DEM_ERROR in names:
        if not params.bperp:
            multiples = project_multiples(design[:, terms], bperp_m, rad_per_m * lever)
        else:
            columns = metre_columns(params, rasters, rad_per_m * lever)
            every = max(1, mask.sum() // SAMPLE)
            multiples, rest = project_columns(design[:, terms], columns, every)
            log.info(
                "what the scene's design leaves of a metre's phase: at most %.2g rad, of %.2g rad",
                np.nanmax(np.std(rest, axis=0)),
                np.std(design[:, TERMS.index(DEM_ERROR)]),
            )
        scale = multiples[names.index(DEM_ERROR)]
        leak = multiples[names.index(VELOCITY)] if VELOCITY in names else leak
    known = scale[np.isfinite(scale)]
    if np.isfinite(scale).sum() < scale.size:
        log.warning("%d points without a view get no DEM error", (~np.isfinite(scale)).sum())
    scale = usable_scale(scale)
    log.info("a metre's phase is %.4g to %.4g of the mean", known.min(), known.max())
    points = np.argwhere(mask)
    write_raster(
        snakemake.output.points,
        np.stack([scatter(points, values, grid.shape) for values in (scale, leak)]),
        grid,
        units="1, mm/yr per m",
        description=["scale of the DEM error", "leak of the DEM error into the velocity"],
    )
    write_text(snakemake.output.view, json.dumps(view, indent=1) + "\n")
