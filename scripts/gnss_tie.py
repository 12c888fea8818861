"""Tie the velocities to those of GNSS stations."""

import numpy as np
from affine import Affine
from emcflow.acquisition.geometry import MOTION_SIGNS, MOTION_TEXTS, check_limits
from emcflow.errors import InputError
from emcflow.io.files import write_csv, write_text
from emcflow.io.gnss_table import Stations
from emcflow.io.raster import (
    NO_LABEL_DATA,
    map_crs,
    open_raster,
    read_band,
    read_values,
    scatter,
    write_raster,
)
from emcflow.io.scene_file import read_scene_file
from emcflow.products.gnss import (
    NEAR_PIXELS,
    fit_tie,
    motion_at,
    tie_remark,
    toward_sensor,
)
from emcflow.workflow.job import job
from rasterio.warp import transform


def places_of(stations):
    """Return row and column of each station, float64 (n, 2)."""
    if not stations.in_degrees:
        return np.array(stations.places)
    crs = map_crs(grid.crs)
    if crs is None:
        raise InputError(
            f"{stations.table}: longitude and latitude of stations, and the scene is in radar "
            "coordinates; expected the columns row and col: rename the columns"
        )
    x, y = transform("EPSG:4326", crs, *np.transpose(stations.places))
    col, row = ~Affine(*grid.transform) * (np.array(x), np.array(y))
    return np.column_stack([row, col]) - 0.5


def velocities_of(stations, places):
    """Return the motion of each station toward the sensor, float64 (n,) [mm/yr]."""
    velocities = np.array(stations.velocities)
    if not stations.along_axes:
        return velocities[:, 0] * (1 if stations.velocity_names == ["toward_mm_yr"] else -1)
    incidence = params.flight["incidence_angle_deg"]
    if isinstance(incidence, str):
        path = incidence
        row, col = (params.flight["window"] or (0, 0))[:2]
        incidence = np.full(len(places), np.nan)
        for number, place in enumerate(np.rint(places).astype(int)):
            if ((place >= 0) & (place < grid.shape)).all():
                at = np.add(place, (row, col))
                incidence[number] = read_values(path, (*at, *(at + 1)))[0, 0]
        known = incidence[np.isfinite(incidence) & (incidence != 0)]
        if len(known):
            check_limits(path, "incidence_angle_deg", known.min(), known.max())
        incidence[incidence == 0] = np.nan
    heading, looks = params.flight["heading_deg"], params.flight["looks"]
    return toward_sensor(velocities, incidence, heading, looks)


with job(snakemake) as log:
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    grid = read_scene_file(given.stack).grid
    stations = Stations(**params.stations)
    velocity, labels = read_band(given.velocity), read_band(given.components)
    known = np.isfinite(velocity) & (labels > 0) & (labels < NO_LABEL_DATA)
    points = np.argwhere(known)
    toward = -MOTION_SIGNS[params.velocity_positive]
    own = toward * velocity[known].astype(np.float64)
    places = places_of(stations)
    gnss = velocities_of(stations, places)
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
