"""Invert the unwrapped interferograms for the phase of every date; maps and displacements of it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from emcflow.acquisition.geometry import (
    DAYS_PER_YEAR,
    MOTION_SIGNS,
    MOTION_TEXTS,
    SIGMAS,
    days_since_first,
    metres_per_rad,
    rad_per_mm_yr,
)
from emcflow.acquisition.model_terms import EXTRA_SIGMAS
from emcflow.acquisition.viewing import sigma_to_points, to_points
from emcflow.io.files import write_csv, write_text
from emcflow.io.hdf5 import open_product, read, read_link_weights
from emcflow.io.network_tables import read_design, read_pair_table
from emcflow.io.raster import NO_LABEL_DATA, open_raster, read_band, scatter, write_raster
from emcflow.io.scene_file import read_scene_file
from emcflow.links.uncertainty import parameter_correlation
from emcflow.products.map_notes import date_table, map_remarks
from emcflow.products.parameter_maps import MOTION, RESIDUAL, map_tags, write_parameter_maps
from emcflow.products.point_maps import fit_scene
from emcflow.products.reference import read_references
from emcflow.products.time_series import chunks, fit_velocity, invert_scene, pair_weights
from emcflow.tiles.reference_area import area_text, reference_places
from emcflow.workflow.job import job


def write_maps():
    """Write the maps of the terms, and what there is to know of them."""
    mm_per_rad = 1e3 * metres_per_rad(wavelength, "away")
    with open_product(given.links[0]) as file:
        terms = list(file.attrs["terms"])
    component = labels[at].astype(np.int32) - 1
    chosen = params.reference
    places = None if chosen is None else reference_places(scene.points, labels[at], chosen)
    values, correlation, remarks = {}, None, []
    columns = {"date": dates}
    if terms:
        (design,) = read(given.links[0], "design")
        weights = read_link_weights(given.links[0])
        if params.own_weights:
            weights = None  # atmosphere, which links do not see, counts here
        if params.dates_alike:
            weights = np.ones(len(dates))
        fit = fit_scene(scene.points, scene.phase, component, design, years, places, weights)
        of_points, sigma = fit.values, fit.sigma
        correlation = parameter_correlation(fit.covariance, terms)
        if given.get("point_view"):
            with open_raster(given.point_view) as dataset:
                scale, leak = (band[at] for band in dataset.read())
            of_points = to_points(of_points, terms, scale, leak, component, places)
            sigma = sigma_to_points(sigma, terms, scale, leak, correlation)
        sigmas = SIGMAS | EXTRA_SIGMAS
        values = dict(zip(terms, of_points, strict=True))
        values |= dict(zip([sigmas[term] for term in terms], sigma, strict=True))
        values |= {RESIDUAL: fit.residual, MOTION: mm_per_rad * fit.motion}
        columns = date_table(dates, fit, mm_per_rad)
        open_share = len(scene.open_points) / len(scene.points)
        remarks = map_remarks(dates, fit, open_share, mm_per_rad)
        log.info(
            "noise of a date %.3g to %.3g rad, among neighbours %.3g to %.3g rad; %d spare dates",
            *np.sqrt([fit.noise.variance.min(), fit.noise.variance.max()]),
            *np.sqrt([fit.noise.own.min(), fit.noise.own.max()]),
            fit.ncontrasts,
        )
    write_parameter_maps(
        dict(output.items()),
        grid,
        scene.points,
        values,
        terms=[*params.terms, *params.extra_terms],
        tags=map_tags(chosen, params.geometry),
        velocity_positive=params.velocity_positive,
        correlation=correlation,
    )
    write_csv(output.dates, columns, 6)
    write_text(output.remarks, "".join(f"{remark}\n" for remark in remarks))
    for remark in remarks:
        log.warning("%s", remark)


def dem_error_phase():
    """Return what makes the phase of the DEM error: per unit at each date, units at the points.

    float64 (ndates, n) and float32 (n, npoints); None where it is to stay in or is not known.
    """
    if not params.remove_dem_error:
        return None
    dem_error = read_band(given.get("dem_error") or output[params.terms[1]])[at][None]
    if not np.isfinite(dem_error).any():
        log.warning("the dates do not constrain the DEM error: it is not taken out")
        return None
    names = [params.terms[1]]
    if given.get("point_view"):
        names.append("velocity_mm_yr")  # what the DEM error leaks into
        with open_raster(given.point_view) as dataset:
            dem_error = np.stack([band[at] for band in dataset.read()]) * dem_error
    return read_design(given.design).of_dates(names), dem_error


def write_series():
    """Write displacement and phase of every date, relative to the reference, and misfits."""
    _, reference = read_references(given.references)
    dem_error = dem_error_phase()
    known = np.ones(len(scene.points), bool)
    if dem_error:
        known = np.isfinite(dem_error[1]).all(axis=0)
    if params.reference is not None and len(params.reference) == 4:
        named = params.reference
        zero = reference_places(scene.points, labels[at] * known, named)
    else:
        named, zero = reference, np.array([scene.place(reference, known)])

    def without_dem_error(phase, rows, some):
        """Phase of some dates and points, NaN where the DEM error is not known."""
        if not dem_error:
            return phase.astype(np.float64)
        rad_per_m, units = dem_error
        return phase - rad_per_m[rows] @ units[:, some].astype(np.float64)

    every = slice(None)
    of_zero = without_dem_error(scene.phase.at(zero), every, zero)
    of_reference = of_zero.mean(axis=1, keepdims=True)
    metres = metres_per_rad(wavelength, params.velocity_positive)
    tags = {
        "REFERENCE": area_text(named),
        "WAVELENGTH_M": f"{wavelength:.12g}",
        "DEM_ERROR": "taken out" if dem_error else "in it",
    }
    of_motion = {"SIGN": MOTION_TEXTS[params.velocity_positive]}
    of_phase = {"SIGN": MOTION_TEXTS["away"]}

    def write(path, values, units, text, **more):
        """Write values of the points as a raster."""
        image = scatter(scene.points, values, grid.shape)
        write_raster(path, image, grid, units=units, description=text, tags=tags | more)

    def write_date(number):
        """Write displacement, phase and misfit of a date; the first has only a misfit."""
        span = {"REFERENCE_DATE": dates[0], "SECONDARY_DATE": dates[number]}
        if number:
            phase = without_dem_error(scene.phase.date(number), number, every)
            phase -= of_reference[number]
            moved = metres * phase
            write(output.displacement[number - 1], moved, "m", "displacement", **span, **of_motion)
            write(output.phase[number - 1], phase, "rad", "phase", **span, **of_phase)
        of_date = np.where(known, np.float32(0), np.float32(np.nan))
        of_date[scene.open_points] += scene.date_misfit[number]
        text = f"misfit of the interferograms of {dates[number]}"
        write(output.date_misfit[number], of_date, "rad", text)

    with ThreadPoolExecutor(snakemake.threads) as pool:
        list(pool.map(write_date, range(len(dates))))
    velocity, sigma = np.empty((2, len(known)), np.float32)
    for some in chunks(len(known)):
        phase = without_dem_error(scene.phase.read(some), every, some) - of_reference
        velocity[some], sigma[some] = fit_velocity(phase, years)
    per_rad = 1 / rad_per_mm_yr(1.0, wavelength)
    velocity *= MOTION_SIGNS[params.velocity_positive] * per_rad
    sigma *= per_rad
    misfit = np.where(known, scene.misfit, np.float32(np.nan))
    write(output.velocity, velocity, "mm/yr", "velocity of the time series", **of_motion)
    write(output.velocity_sigma, sigma, "mm/yr", "standard deviation of the velocity")
    write(output.misfit, misfit, "rad", "misfit of the interferograms")
    write_text(output.reference_point, "{},{}".format(*reference))
    is_open = np.count_nonzero(misfit > 0)
    log.info(
        "%d dates at %d points, reference row %d, column %d; at %d points (%.3f %%) loops of "
        "interferograms do not close",
        *(len(dates), np.count_nonzero(known), *reference, is_open),
        100 * is_open / np.count_nonzero(known),
    )


with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    scene_file = read_scene_file(given.stack)
    grid, dates = scene_file.grid, scene_file.dates
    years = days_since_first(dates) / DAYS_PER_YEAR
    wavelength = params.geometry["wavelength_m"]
    pairs = read_pair_table(given.network).pairs
    labels = read_band(given.components)
    mask = (labels > 0) & (labels < NO_LABEL_DATA)
    residues = sum(read(path, "statistics/residues")[0] for path in given.unwrapped)
    scene = invert_scene(
        given.interferograms,
        pairs,
        pair_weights(residues, np.count_nonzero(mask)),
        len(dates),
        mask,
        snakemake.threads,
        Path(output[0]).parent,
    )
    at = tuple(scene.points.T)
    if output.get("dates"):
        write_maps()
    if output.get("displacement"):
        write_series()
