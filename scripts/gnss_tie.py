"""Tie the velocities to those of GNSS stations."""

import numpy as np
from emcflow.acquisition.geometry import MOTION_SIGNS, MOTION_TEXTS
from emcflow.errors import InputError
from emcflow.io.files import write_csv, write_text
from emcflow.io.gnss_table import Stations
from emcflow.io.raster import (
    NO_LABEL_DATA,
    open_raster,
    read_band,
    scatter,
    write_raster,
)
from emcflow.io.scene_file import read_scene_file
from emcflow.products.gnss import (
    NEAR_PIXELS,
    fit_tie,
    motion_at,
    station_motion,
    station_places,
    tie_remark,
)
from emcflow.workflow.job import job

with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    grid = read_scene_file(given.stack).grid
    stations = Stations(**params.stations)
    for remark in stations.remarks:
        log.info("%s", remark)
    velocity, labels = read_band(given.velocity), read_band(given.components)
    known = np.isfinite(velocity) & (labels > 0) & (labels < NO_LABEL_DATA)
    points = np.argwhere(known)
    toward = -MOTION_SIGNS[params.velocity_positive]
    own = toward * velocity[known].astype(np.float64)
    places = station_places(stations, grid)
    gnss = station_motion(stations, places, grid.shape, params.flight)
    insar, counts, label = motion_at(places, points, own, labels[known])
    used = np.isfinite(insar) & np.isfinite(gnss)
    if not used.any():
        raise InputError(
            f"{stations.table}: none of {len(gnss)} stations has points within {NEAR_PIXELS:g} "
            "pixels; expected at least one in the scene: check longitude and latitude, or row and "
            "col, or set reference.gnss_csv to null"
        )
    tie = fit_tie((gnss - insar)[used], places[used], np.array(stations.sigma)[used])
    inside = labels[known] == label
    tied = own[inside] + tie.at(points[inside])
    image = scatter(points[inside], (toward * tied).astype(np.float32), grid.shape)
    with open_raster(given.velocity) as dataset:
        text = dataset.descriptions[0]
    write_raster(
        output.velocity,
        image,
        grid,
        units="mm/yr",
        description=f"{text}, tied to GNSS",
        tags={"SIGN": MOTION_TEXTS[params.velocity_positive], "REFERENCE": "GNSS"},
    )
    left = np.full((3, len(gnss)), np.nan)
    left[:, used] = (gnss - insar)[used] - tie.misfit, tie.misfit, tie.left_out
    columns = {
        "station": stations.names,
        "row": np.rint(places[:, 0]).astype(int),
        "col": np.rint(places[:, 1]).astype(int),
        "points": counts,
        "gnss_mm_yr": toward * gnss,
        "insar_mm_yr": toward * insar,
        "correction_mm_yr": toward * left[0],
        "misfit_mm_yr": toward * left[1],
        "left_out_mm_yr": toward * left[2],
    }
    write_csv(output.stations, columns, 6)
    remark = tie_remark(tie, places[used], len(gnss), grid.shape)
    write_text(output.remarks, f"{remark}\n")
    log.info("%s", remark)
