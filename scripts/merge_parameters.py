"""Join the tiles' velocity, DEM error and coherence to maps of the scene."""

import json

import numpy as np
from emcflow.geometry import MOTION_SIGNS, MOTION_TEXTS, TERMS, UNITS
from emcflow.integrate import TileValues, blend_tiles, tile_offsets
from emcflow.merge import LEAST_LABELLED_POINTS, component_labels
from emcflow.overlaps import check_any_points
from emcflow.raster import Grid, open_raster, scatter, write_raster
from emcflow.store import open_product, read, read_points
from emcflow.view import to_points
from job import job


def mean_of_tiles(tiles, values, shape):
    """Return the mean of point values over the tiles that hold a point, on the grid."""
    total, count = np.zeros(shape), np.zeros(shape)
    for tile, own in zip(tiles, values, strict=True):
        at = tuple(tile.points[np.isfinite(own)].T)
        total[at] += own[np.isfinite(own)]
        count[at] += 1
    with np.errstate(invalid="ignore"):
        return (total / count).astype(np.float32)


def point_of(points, params):
    """Return the place of the reference point among the points, None where it is not one."""
    if params.reference_point is None:
        return None
    at = np.flatnonzero((points == params.reference_point).all(axis=1))
    return int(at[0]) if at.size else None


with job(snakemake) as log:
    params, output = snakemake.params, snakemake.output
    with open(snakemake.input.stack) as file:
        summary = json.load(file)
    grid = Grid(tuple(summary["shape"]), summary["crs"], tuple(summary["transform"]))
    tiles, coherence = [], []
    for path in snakemake.input.parameters:
        points, bounds = read_points(path)
        values, region, own = read(path, "params", "region", "coherence")
        tiles.append(TileValues(bounds, points, values, region))
        coherence.append(own)
    with open_product(snakemake.input.parameters[0]) as file:
        terms = list(file.attrs["terms"])
    check_any_points(tiles)
    if terms:
        offsets = tile_offsets(tiles, grid.shape, params.min_overlap_points)
        scene = blend_tiles(tiles, offsets, grid.shape, params.reference_point)
        if snakemake.input.get("point_view"):
            with open_raster(snakemake.input.point_view) as dataset:
                scale, leak = (band[tuple(scene.points.T)] for band in dataset.read())
            scene.values[:] = to_points(
                scene.values, terms, scale, leak, scene.component, point_of(scene.points, params)
            )
        labels = component_labels(scene.component)
        scene.values[:, labels == 0] = np.nan
        if "velocity_mm_yr" in terms:
            scene.values[terms.index("velocity_mm_yr")] *= MOTION_SIGNS[params.velocity_positive]
        if labels.max() > 1:
            log.warning(
                "%d parts that no links join: each has a reference of its own", labels.max()
            )
        if (labels == 0).any():
            log.warning(
                "%d points lie in parts of fewer than %d points and get no value",
                np.count_nonzero(labels == 0),
                LEAST_LABELLED_POINTS,
            )
    reference = params.reference_point
    tags = {
        "REFERENCE": f"row {reference[0]}, column {reference[1]}" if reference else "median",
        **{
            name.upper(): value if isinstance(value, str) else f"{value:.12g}"
            for name, value in params.geometry.items()
        },
    }
    signs = {
        "velocity_mm_yr": MOTION_TEXTS[params.velocity_positive],
        "dem_error_m": "positive where the target stands above the DEM",
    }
    for name, units in zip(TERMS, UNITS, strict=True):
        if name in terms:
            image = scatter(scene.points, scene.values[terms.index(name)], grid.shape)
            log.info("%s from %.3g to %.3g %s", name, np.nanmin(image), np.nanmax(image), units)
        else:
            image = np.full(grid.shape, np.nan, np.float32)
            log.warning("%s is empty: the dates do not constrain it", name)
        write_raster(
            output[name],
            image,
            grid,
            units=units,
            description=name,
            tags=tags | {"SIGN": signs[name]},
        )
    write_raster(
        output.link_model_coherence,
        mean_of_tiles(tiles, coherence, grid.shape),
        grid,
        units="1",
        description="mean coherence of a point's links",
    )
