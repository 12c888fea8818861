"""Lay the results out as dolphin does: its folders and names, its signs and units."""

import os
import shutil
from pathlib import Path

import numpy as np
from emcflow.acquisition.geometry import MOTION_SIGNS, MOTION_TEXTS
from emcflow.io.raster import open_raster, rows_of_band, tags_of, write_rows
from emcflow.io.scene_file import read_scene_file
from emcflow.workflow.job import job

with job(snakemake) as log:
    given, params = snakemake.input, snakemake.params
    grid = read_scene_file(given.stack).grid
    folder = Path(snakemake.output[0])
    unwrapped, series = folder / "unwrapped", folder / "timeseries"
    unwrapped.mkdir(parents=True)
    series.mkdir()
    linked = [*given.interferograms, *given.conncomp, *given.pwrong]
    for path in linked:
        (unwrapped / Path(path).name).symlink_to(os.path.relpath(path, unwrapped))
    toward = -MOTION_SIGNS[params.velocity_positive]

    def convert(path, name, factor, units):
        """Write a raster of motion again, positive toward the sensor."""
        with open_raster(path) as dataset:
            text = dataset.descriptions[0]
        tags = tags_of(path) | {"SIGN": MOTION_TEXTS["toward"]}
        rows, scale = rows_of_band(path, grid.shape[1]), np.float32(toward * factor)
        write_rows(
            series / name,
            grid,
            np.float32,
            lambda first, end: scale * rows(first, end),
            units=units,
            description=text,
            tags=tags,
        )

    for path in given.displacement:
        convert(path, Path(path).name, 1, "meters")
    convert(given.velocity, "velocity.tif", 1e-3, "meters / year")
    shutil.copyfile(given.reference_point, series / "reference_point.txt")
    log.info(
        "%d links to interferograms, labels and probabilities, %d dates, velocity",
        *(len(linked), len(given.displacement)),
    )
