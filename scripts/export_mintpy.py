"""Write the results as files of MintPy, in its layout and with its signs."""

from functools import partial
from pathlib import Path

import numpy as np
from emcflow.io.network_tables import read_date_baselines, read_pair_table
from emcflow.io.point_rasters import PointRasters
from emcflow.io.raster import row_strips, rows_of, rows_of_band
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import read_coherence
from emcflow.products import mintpy
from emcflow.products.reference import read_references
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    scene = read_scene_file(given.stack)
    bperp_m = np.zeros(len(scene.dates))
    if given.get("baselines"):
        bperp_m = read_date_baselines(given.baselines).bperp_m
    stack = mintpy.StackDates(scene.dates, read_pair_table(given.network).pairs, bperp_m)
    wavelength_m = params.geometry["wavelength_m"]
    shape = scene.grid.shape
    rows = partial(rows_of_band, cols=shape[1])
    points, phase = np.empty(shape, bool), rows(given.interferograms[0])
    for first, _, end, _ in row_strips(shape):
        points[first:end] = np.isfinite(phase(first, end))
    view = PointRasters(points, scene.grid, params.window).view(params.geometry)
    incidence = view["incidence_angle_deg"]
    attributes = partial(
        mintpy.scene_attributes,
        scene.grid,
        scene.dates,
        wavelength_m=wavelength_m,
        incidence_angle_deg=None if incidence is None else float(np.nanmean(incidence)),
        platform=params.platform["name"],
        heading_deg=params.platform["heading_deg"],
    )
    _, reference = read_references(given.references)
    of_model, of_series = mintpy.zero_points(params.reference, reference)
    mintpy.write_interferograms(
        output.stack,
        attributes(reference),
        stack,
        map(rows, given.interferograms),
        map(rows, given.conncomp),
        rows_of(np.nan_to_num(read_coherence(given.coherence), copy=False)),
        progress("images written"),
    )
    if output.get("series"):
        phases, report = [*map(rows, given.phase)], progress("dates written")
        own = attributes(of_series)
        mintpy.write_series(output.series, own, stack, phases, wavelength_m, report)
    if output.get("velocity"):
        sigma = rows(given.velocity_sigma) if given.get("velocity_sigma") else None
        images = mintpy.velocity_images(rows(given.velocity), sigma, params.velocity_positive)
        own = attributes(of_series if output.get("series") else of_model)
        mintpy.write_file(output.velocity, own, "velocity", "m/year", images)
    if output.get("dem_error"):
        # MintPy reads the first dataset by name unless another is asked for: "dem" it is.
        images = {"dem": rows(given.dem_error), "demStd": rows(given.dem_error_sigma)}
        mintpy.write_file(output.dem_error, attributes(of_model), "dem", "m", images)
    if output.get("geometry"):
        images = mintpy.geometry_images(points, incidence, view["slant_range_m"])
        own = attributes(None)
        mintpy.write_file(output.geometry, own, "geometry", "degree", images)
        paths = (Path(path) for path in (output.app, output.stack, output.geometry))
        mintpy.write_app(*paths, reference, "X_FIRST" in own)
