"""Write displacement, phase and misfit of a batch of dates."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from emcflow.acquisition.geometry import MOTION_TEXTS, metres_per_rad
from emcflow.io.date_strips import open_date_strips
from emcflow.io.point_windows import PointWindows
from emcflow.io.scene_file import read_scene_file
from emcflow.products.series_inputs import motion_phase, series_reference
from emcflow.tiles.reference_area import area_text
from emcflow.workflow.job import job, progress

with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    scene_file = read_scene_file(given.stack)
    grid, dates = scene_file.grid, scene_file.dates
    reference = series_reference(params.reference, given.references)
    points = PointWindows.of_raster(given.components, grid.shape, params.strip_rows)
    folder = Path(output.misfit[0]).parent
    metres = metres_per_rad(params.wavelength_m, params.velocity_positive)
    report = progress("dates written")

    with open_date_strips(given.dates, points) as phase:
        motion = motion_phase(phase, given, params, reference, given.get("dem_error"), folder)
        tags = {
            "REFERENCE": area_text(reference),
            "WAVELENGTH_M": f"{params.wavelength_m:.12g}",
            "DEM_ERROR": "taken out" if motion.without_dem_error else "in it",
        }
        of_motion = {"SIGN": MOTION_TEXTS[params.velocity_positive]}
        of_phase = {"SIGN": MOTION_TEXTS["away"]}

        def write_date(name):
            """Write displacement, phase and misfit of a date; the first has only a misfit."""
            number = dates.index(name)
            span = {"REFERENCE_DATE": dates[0], "SECONDARY_DATE": name}

            def of_window(window):
                """Phase of the date."""
                return motion.read(window, slice(number, number + 1))[0]

            def moved(window):
                """Displacement."""
                return metres * of_window(window)

            def misfit(window):
                """Misfit of the interferograms of the date."""
                own = np.where(motion.known(window), np.float32(0), np.float32(np.nan))
                return own + phase.date_misfit(window, number)

            text = f"misfit of the interferograms of {name}"
            rasters = [(params.batch.index(name), output.misfit, misfit, "rad", text, {})]
            if number:
                place = params.batch.index(name) - (params.batch[0] == dates[0])
                rasters += [
                    (place, output.displacement, moved, "m", "displacement", span | of_motion),
                    (place, output.phase, of_window, "rad", "phase", span | of_phase),
                ]
            for place, paths, values, units, text, own_tags in rasters:
                points.write(
                    paths[place],
                    grid,
                    values,
                    units=units,
                    description=text,
                    tags=tags | own_tags,
                )

        with ThreadPoolExecutor(snakemake.threads) as pool:
            for done, _ in enumerate(pool.map(write_date, params.batch), start=1):
                report(done, len(params.batch))
