"""Maps of the phase of the dates: what the terms of the link model make of it, and velocity."""

from pathlib import Path

import numpy as np
from emcflow.acquisition.geometry import (
    DAYS_PER_YEAR,
    MOTION_SIGNS,
    MOTION_TEXTS,
    days_since_first,
    metres_per_rad,
    rad_per_mm_yr,
)
from emcflow.acquisition.model_terms import sigma_name
from emcflow.io.date_strips import open_date_strips
from emcflow.io.files import write_csv, write_text
from emcflow.io.hdf5 import open_product, read, read_link_weights
from emcflow.io.point_file import PointFile
from emcflow.io.point_windows import PointWindows
from emcflow.io.scene_file import read_scene_file
from emcflow.links.uncertainty import parameter_correlation
from emcflow.products.map_notes import date_table, map_remarks
from emcflow.products.motion_phase import scene_places
from emcflow.products.parameter_maps import MOTION, RESIDUAL, map_tags, write_parameter_maps
from emcflow.products.point_maps import fit_scene, turn_to_views
from emcflow.products.reference import read_references
from emcflow.products.series_inputs import motion_phase, series_reference
from emcflow.products.time_series import chunks, fit_velocity
from emcflow.tiles.reference_area import area_text
from emcflow.workflow.job import job


def write_maps():
    """Write the maps of the terms, and what there is to know of them."""
    mm_per_rad = 1e3 * metres_per_rad(wavelength, "away")
    with open_product(given.links[0]) as file:
        terms = list(file.attrs["terms"])
    values, correlation, remarks = {}, None, []
    columns = {"date": dates}
    if terms:
        (design,) = read(given.links[0], "design")
        weights = read_link_weights(given.links[0])
        if params.own_weights:
            weights = None  # atmosphere, which links do not see, counts here
        if params.dates_alike:
            weights = np.ones(len(dates))
        fit = fit_scene(points, phase, design, years, places, weights, folder)
        correlation = parameter_correlation(fit.covariance, terms)
        if given.get("point_view"):
            turn_to_views(fit, points, given.point_view, terms, correlation, places)
        for row, term in enumerate(terms):
            values[term] = lambda window, row=row: fit.values.row(row, window.places)
            values[sigma_name(term)] = lambda window, row=row: fit.others.row(row, window.places)
        nterms = len(terms)
        values[RESIDUAL] = lambda window: fit.others.row(nterms, window.places)
        values[MOTION] = lambda window: mm_per_rad * fit.others.row(nterms + 1, window.places)
        columns = date_table(dates, fit, mm_per_rad)
        nopen = sum(np.count_nonzero(phase.misfit(window)) for window in points.windows)
        remarks = map_remarks(dates, fit, nopen / points.npoints, mm_per_rad)
        log.info(
            "noise of a date %.3g to %.3g rad, among neighbours %.3g to %.3g rad; %d spare dates",
            *np.sqrt([fit.noise.variance.min(), fit.noise.variance.max()]),
            *np.sqrt([fit.noise.own.min(), fit.noise.own.max()]),
            fit.ncontrasts,
        )
    write_parameter_maps(
        dict(output.items()),
        grid,
        points,
        values,
        terms=[*params.terms, *params.extra_terms],
        tags=map_tags(params.reference, params.geometry),
        velocity_positive=params.velocity_positive,
        correlation=correlation,
    )
    write_csv(output.dates, columns, 6)
    write_text(output.remarks, "".join(f"{remark}\n" for remark in remarks))
    for remark in remarks:
        log.warning("%s", remark)


def write_velocity():
    """Write the velocity of the time series, and the misfit of the interferograms."""
    reference = series_reference(params.reference, given.references)
    dem_error = given.get("dem_error") or output.get(params.terms[1])
    motion = motion_phase(phase, given, params, reference, dem_error, folder)
    fitted = PointFile(2, points.npoints, folder)
    per_rad = 1 / rad_per_mm_yr(1.0, wavelength)
    nknown = nopen = 0
    for block in points.blocks():
        for window in block:
            for some in chunks(window.npoints):
                places = slice(window.places.start + some.start, window.places.start + some.stop)
                fitted.write(places, np.array(fit_velocity(motion.read(window, some=some), years)))
            known = motion.known(window)
            nknown += np.count_nonzero(known)
            nopen += np.count_nonzero(known & (phase.misfit(window) > 0))
    tags = {
        "REFERENCE": area_text(reference),
        "WAVELENGTH_M": f"{wavelength:.12g}",
        "DEM_ERROR": "taken out" if motion.without_dem_error else "in it",
    }
    of_motion = {"SIGN": MOTION_TEXTS[params.velocity_positive]}
    sign = MOTION_SIGNS[params.velocity_positive] * per_rad

    def velocity(window):
        """Velocity of the points of a window."""
        return fitted.row(0, window.places) * np.float32(sign)

    def sigma(window):
        """Standard deviation of the velocity."""
        return fitted.row(1, window.places) * np.float32(per_rad)

    def misfit(window):
        """Misfit of the interferograms at the points."""
        return np.where(motion.known(window), phase.misfit(window), np.float32(np.nan))

    for path, values, units, text, own_tags in (
        (output.velocity, velocity, "mm/yr", "velocity of the time series", of_motion),
        (output.velocity_sigma, sigma, "mm/yr", "standard deviation of the velocity", {}),
        (output.misfit, misfit, "rad", "misfit of the interferograms", {}),
    ):
        points.write(path, grid, values, units=units, description=text, tags=tags | own_tags)
    row, col = read_references(given.references)[1]
    write_text(output.reference_point, f"{row},{col}")
    log.info(
        "%d dates at %d points, relative to %s; at %d points (%.3f %%) loops of interferograms "
        "do not close",
        *(len(dates), nknown, area_text(reference), nopen),
        100 * nopen / nknown,
    )


with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    scene_file = read_scene_file(given.stack)
    grid, dates = scene_file.grid, scene_file.dates
    years = days_since_first(dates) / DAYS_PER_YEAR
    wavelength = params.geometry["wavelength_m"]
    folder = Path(output[0]).parent
    points = PointWindows.of_raster(given.components, grid.shape, params.strip_rows)
    with open_date_strips(given.dates, points) as phase:
        asked = params.reference
        places = None if asked is None else scene_places(points, asked)
        if output.get("dates"):
            write_maps()
        if output.get("velocity"):
            write_velocity()
