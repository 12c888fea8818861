"""The view that stands for the scene, and how far that of every point differs from it."""

import json

import numpy as np
from emcflow.acquisition.geometry import RASTER_KEYS, TERMS, design_matrix, rad_per_mm_yr
from emcflow.acquisition.viewing import DEM_ERROR, VELOCITY, inverse_lever, projection, scene_view
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
    view = {"wavelength_m": wavelength_m, **scene_view(**views)}
    log.info("mean view: %s", ", ".join(f"{key} {value:.6g}" for key, value in view.items()))
    dates, bperp_m = read_date_baselines(given.baselines)
    design = design_matrix(dates, bperp_m, **view)
    terms, _ = choose_terms(design, [limits[:2] for limits in params.ranges], TERMS)
    names = [TERMS[term] for term in terms]
    scale, leak = np.ones(mask.sum()), np.zeros(mask.sum())
    if DEM_ERROR in names:
        onto = projection(design[:, terms])
        # 4 pi / wavelength is the phase of a metre
        column = rad_per_mm_yr(1e3, wavelength_m) * lever
        every = max(1, mask.sum() // SAMPLE)
        if params.bperp:
            multiples, sampled = np.zeros((len(terms), mask.sum())), []
            report = progress("baseline rasters")
            for date, path in enumerate(params.bperp.values()):
                values = rasters.read(path, -1e5, 1e5, "perpendicular baselines in metres", True)
                values = column * (-values if params.negate else values)
                multiples += onto[:, date, None] * values
                sampled.append(values[::every])
                report(date + 1, len(params.bperp))
            rest = np.array(sampled) - design[:, terms] @ multiples[:, ::every]
            log.info(
                "what the scene's design leaves of a metre's phase: at most %.2g rad, of %.2g rad",
                np.nanmax(np.std(rest, axis=0)),
                np.std(design[:, TERMS.index(DEM_ERROR)]),
            )
        else:
            multiples = onto @ bperp_m[:, None] * column
        scale = multiples[names.index(DEM_ERROR)]
        leak = multiples[names.index(VELOCITY)] if VELOCITY in names else leak
    known = scale[np.isfinite(scale)]
    if np.isfinite(scale).sum() < scale.size:
        log.warning("%d points without a view get no DEM error", (~np.isfinite(scale)).sum())
    scale[~(scale > 0)] = np.nan
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
