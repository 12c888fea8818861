"""Maps of the phase of the dates: what the terms of the link model make of it, and velocity."""

from pathlib import Path

import numpy as np
from emcflow.io.date_strips import open_date_strips
from emcflow.io.files import write_text
from emcflow.io.link_models import read_link_terms
from emcflow.io.point_windows import PointWindows
from emcflow.io.scene_file import read_scene_file
from emcflow.products.motion_maps import MotionMaps
from emcflow.products.parameter_maps import map_tags, write_parameter_maps
from emcflow.products.reference import read_references
from emcflow.products.series_inputs import motion_phase, series_reference
from emcflow.products.term_maps import term_maps
from emcflow.workflow.job import job

with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    scene, folder = read_scene_file(given.stack), Path(output[0]).parent
    grid, dates, asked = scene.grid, scene.dates, params.reference
    wavelength, positive = params.geometry["wavelength_m"], params.velocity_positive
    points = PointWindows.of_raster(given.components, grid.shape, params.strip_rows)
    with open_date_strips(given.dates, points) as phase:
        if output.get("dates"):
            links = read_link_terms(given.links[0])
            if params.own_weights:
                links = links._replace(weights=None)  # links do not see atmosphere, which counts
            if params.dates_alike:
                links = links._replace(weights=np.ones(len(dates)))
            view = given.get("point_view")
            maps = term_maps(
                phase, dates, wavelength, links, asked, view, folder, snakemake.threads
            )
            write_parameter_maps(
                dict(output.items()),
                grid,
                points,
                maps.values,
                terms=[*params.terms, *params.extra_terms],
                tags=map_tags(asked, params.geometry),
                velocity_positive=positive,
                correlation=maps.correlation,
            )
            maps.write_notes(output.dates, output.remarks)
        if output.get("velocity"):
            dem_error = given.get("dem_error") or output.get(params.terms[1])
            reference = series_reference(asked, given.references)
            motion = motion_phase(phase, given, params, reference, dem_error, folder)
            of_motion = MotionMaps(grid, dates, motion, wavelength, positive)
            of_motion.write_velocity(dict(output.items()), folder)
            row, col = read_references(given.references)[1]
            write_text(output.reference_point, f"{row},{col}")
