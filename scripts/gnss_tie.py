"""Tie the velocities to those of GNSS stations."""

import numpy as np
from emcflow.acquisition.geometry import MOTION_TEXTS
from emcflow.io.files import write_csv, write_lines
from emcflow.io.gnss_table import Stations
from emcflow.io.raster import open_raster, write_rows
from emcflow.io.scene_file import read_scene_file
from emcflow.products.tied_velocity import tied_velocity
from emcflow.workflow.job import job

with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    grid, positive = read_scene_file(given.stack).grid, params.velocity_positive
    stations = Stations(**params.stations)
    for remark in stations.remarks:
        log.info("%s", remark)
    of_map = given.velocity, given.components
    tied = tied_velocity(stations, *of_map, grid, positive, params.flight)
    with open_raster(given.velocity) as dataset:
        text = dataset.descriptions[0]
    write_rows(
        output.velocity,
        grid,
        np.float32,
        tied.velocity,
        units="mm/yr",
        description=f"{text}, tied to GNSS",
        tags={"SIGN": MOTION_TEXTS[positive], "REFERENCE": "GNSS"},
    )
    write_csv(output.stations, tied.stations, 6)
    write_lines(output.remarks, [tied.remark])
    log.info("%s", tied.remark)
