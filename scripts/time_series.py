"""Invert the unwrapped interferograms for the displacement at every date and its velocity."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from emcflow.acquisition.geometry import (
    DAYS_PER_YEAR,
    MOTION_SIGNS,
    MOTION_TEXTS,
    days_since_first,
    metres_per_rad,
    rad_per_mm_yr,
)
from emcflow.io.files import read_csv, write_text
from emcflow.io.hdf5 import read
from emcflow.io.network_tables import ENDS
from emcflow.io.raster import NO_LABEL_DATA, Grid, open_raster, read_band, scatter, write_raster
from emcflow.products.reference import read_references
from emcflow.products.time_series import invert_scene, pair_weights
from emcflow.workflow.job import job

with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    with open(given.stack) as file:
        summary = json.load(file)
    grid = Grid(tuple(summary["shape"]), summary["crs"], tuple(summary["transform"]))
    dates = summary["dates"]
    years = days_since_first(dates) / DAYS_PER_YEAR
    listed = read_csv(given.network, ENDS)
    pairs = np.searchsorted(dates, np.column_stack([listed[name] for name in ENDS]))

    labels = read_band(given.conncomp[0])
    mask = (labels > 0) & (labels < NO_LABEL_DATA)
    _, reference = read_references(given.references)
    dem_error = rad_per_m = None
    if given.get("dem_error"):
        dem_error = read_band(given.dem_error)[None]
        design = read_csv(given.design, ("row", *ENDS))
        names = [snakemake.params.height]
        if given.get("point_view"):
            names.append("velocity_mm_yr")  # what the DEM error leaks into
            with open_raster(given.point_view) as dataset:
                dem_error = dataset.read() * dem_error
        of_dates = design["row"] == "date"
        rad_per_m = np.column_stack([design[name][of_dates] for name in names])
        if np.isfinite(dem_error).any():
            mask &= np.isfinite(dem_error).all(axis=0)
        else:
            log.warning("the dates do not constrain the DEM error: it is not taken out")
            dem_error = None

    residues = sum(read(path, "statistics/residues")[0] for path in given.unwrapped)
    series = invert_scene(
        given.interferograms,
        pairs,
        pair_weights(residues, np.count_nonzero(mask)),
        years,
        mask,
        reference,
        dem_error,
        rad_per_m,
        snakemake.threads,
    )
    wavelength = params.wavelength_m
    metres = metres_per_rad(wavelength, params.velocity_positive)
    tags = {
        "REFERENCE": "row {}, column {}".format(*reference),
        "WAVELENGTH_M": f"{wavelength:.12g}",
        "DEM_ERROR": "in it" if dem_error is None else "taken out",
    }
    of_motion = {"SIGN": MOTION_TEXTS[params.velocity_positive]}
    of_phase = {"SIGN": MOTION_TEXTS["away"]}

    def write(path, values, units, text, **more):
        """Write values of the points as a raster."""
        image = scatter(series.points, values, grid.shape)
        write_raster(path, image, grid, units=units, description=text, tags=tags | more)

    def write_date(number):
        """Write displacement, phase and misfit of a date; the first has only a misfit."""
        span = {"REFERENCE_DATE": dates[0], "SECONDARY_DATE": dates[number]}
        if number:
            phase = series.phase[number]
            moved = metres * phase
            write(output.displacement[number - 1], moved, "m", "displacement", **span, **of_motion)
            write(output.phase[number - 1], phase, "rad", "phase", **span, **of_phase)
        misfit = np.zeros(len(series.points), dtype=np.float32)
        misfit[series.open_points] = series.date_misfit[number]
        text = f"misfit of the interferograms of {dates[number]}"
        write(output.date_misfit[number], misfit, "rad", text)

    with ThreadPoolExecutor(snakemake.threads) as pool:
        list(pool.map(write_date, range(len(dates))))
    per_rad = 1 / rad_per_mm_yr(1.0, wavelength)
    velocity = MOTION_SIGNS[params.velocity_positive] * per_rad * series.velocity
    sigma = per_rad * series.velocity_sigma
    write(output.velocity, velocity, "mm/yr", "velocity of the time series", **of_motion)
    write(output.velocity_sigma, sigma, "mm/yr", "standard deviation of the velocity")
    write(output.misfit, series.misfit, "rad", "misfit of the interferograms")
    write_text(output.reference_point, "{},{}".format(*reference))
    log.info(
        "%d dates at %d points, reference row %d, column %d; at %d points (%.3f %%) loops of "
        "interferograms do not close",
        *(len(dates), len(series.points), *reference, len(series.open_points)),
        100 * len(series.open_points) / len(series.points),
    )
