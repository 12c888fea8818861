"""Write the results as files of MintPy, in its layout and with its signs."""

from pathlib import Path

import numpy as np
from emcflow.acquisition.geometry import RASTER_KEYS
from emcflow.io.network_tables import read_date_baselines, read_pair_table
from emcflow.io.point_rasters import PointRasters
from emcflow.io.raster import read_band
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import read_coherence
from emcflow.products import mintpy
from emcflow.products.reference import read_references
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    scene_file = read_scene_file(given.stack)
    grid, dates = scene_file.grid, np.array(scene_file.dates)
    pairs = read_pair_table(given.network).pairs
    bperp = np.zeros(len(dates))
    if given.get("baselines"):
        bperp = read_date_baselines(given.baselines).bperp_m
    bperp = mintpy.mintpy_bperp(bperp)

    _, reference = read_references(given.references)
    wavelength = params.geometry["wavelength_m"]
    points = np.isfinite(read_band(given.interferograms[0]))
    rasters = PointRasters(points, grid, params.window)
    view = {}
    for key in RASTER_KEYS:
        value = params.geometry[key]
        view[key] = rasters.read_geometry(value, key) if isinstance(value, str) else value
    incidence = view["incidence_angle_deg"]

    def attributes(reference):
        """Return the attributes of a file whose values have this reference point, or None."""
        mean = incidence if incidence is None else float(np.nanmean(incidence))
        flight = params.platform["name"], params.platform["heading_deg"]
        return mintpy.scene_attributes(grid, scene_file.dates, reference, wavelength, mean, *flight)

    # Maps of the link model are 0 at a point that the config names, else in the mean or at their
    # median; series at the reference point, but for the mean of an area.
    named = params.reference
    of_area = named is not None and len(named) == 4
    of_model, of_series = None if of_area else named, None if of_area else reference
    coherence = np.nan_to_num(read_coherence(given.coherence))
    mintpy.write_stack(
        output.stack,
        attributes(reference),
        "ifgramStack",
        "radian",
        {
            "date": dates[pairs].astype("S8"),
            "bperp": bperp[pairs[:, 1]] - bperp[pairs[:, 0]],
            "dropIfgram": np.ones(len(pairs), dtype=bool),  # True: it is kept
        },
        {
            "unwrapPhase": (np.float32, map(read_band, given.interferograms)),
            "coherence": (np.float32, (coherence for _ in pairs)),
            "connectComponent": (
                np.int16,
                (mintpy.mintpy_components(read_band(path)) for path in given.conncomp),
            ),
        },
        len(pairs),
        progress("images written"),
    )
    if output.get("series"):
        images = mintpy.series_images(map(read_band, given.phase), wavelength)
        mintpy.write_stack(
            output.series,
            attributes(of_series),
            "timeseries",
            "m",
            {"date": dates.astype("S8"), "bperp": bperp},
            {"timeseries": (np.float32, images)},
            len(dates),
            progress("dates written"),
        )
    if output.get("velocity"):
        sigma = read_band(given.velocity_sigma) if given.get("velocity_sigma") else None
        images = mintpy.velocity_images(read_band(given.velocity), sigma, params.velocity_positive)
        own = attributes(of_series if output.get("series") else of_model)
        mintpy.write_file(output.velocity, own, "velocity", "m/year", images)
    if output.get("dem_error"):
        # MintPy reads the first dataset by name unless another is asked for: "dem" it is.
        images = {"dem": read_band(given.dem_error), "demStd": read_band(given.dem_error_sigma)}
        mintpy.write_file(output.dem_error, attributes(of_model), "dem", "m", images)
    if output.get("geometry"):
        images = mintpy.geometry_images(points, incidence, view["slant_range_m"])
        own = attributes(None)
        mintpy.write_file(output.geometry, own, "geometry", "degree", images)
        paths = (Path(path) for path in (output.app, output.stack, output.geometry))
        mintpy.write_app(*paths, reference, "X_FIRST" in own)
