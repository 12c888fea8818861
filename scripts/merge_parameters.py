"""Join the tiles' velocity, DEM error and residual phase to maps of the scene."""

import json
from dataclasses import replace

import numpy as np
from emcflow.acquisition.geometry import MOTION_SIGNS, MOTION_TEXTS, SIGMAS, TERM_UNITS
from emcflow.acquisition.model_terms import EXTRA_SIGMAS, EXTRA_UNITS
from emcflow.acquisition.viewing import sigma_to_points, to_points
from emcflow.io.hdf5 import open_product, read, read_points, read_rows
from emcflow.io.raster import Grid, open_raster, scatter, write_raster
from emcflow.links.uncertainty import CONTRASTS_AT_ONCE, parameter_correlation, parameter_sigma
from emcflow.tiles.feather import TileValues, blend_tiles, tile_offsets
from emcflow.tiles.merge import LEAST_LABELLED_POINTS, component_labels
from emcflow.tiles.overlaps import check_any_points
from emcflow.workflow.job import job

HEIGHT_SIGNS = {
    "dem_error_m": "positive where the target stands above the DEM",
    "height_relative": "positive either above or below the DEM, its sign is unknown",
}
MEANS = {
    "link_model_coherence": ("coherence", "mean coherence of a point's links"),
    "link_coherence_unbiased": ("unbiased_coherence", "the same without the bias of few dates"),
    "noise_links": ("noise_links", "share of a point's links that may be noise"),
}


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


def joined(tiles):
    """Return values of the scene from those of the tiles, relative to the reference."""
    offsets = tile_offsets(tiles, grid.shape, params.min_overlap_points)
    return blend_tiles(tiles, offsets, grid.shape, params.reference_point)


def residual_squares(tiles, paths, ncontrasts):
    """Return the sum of the squared contrasts of the scene's points, joined a few at a time."""
    squares = 0.0
    for start in range(0, ncontrasts, CONTRASTS_AT_ONCE):
        rows = slice(start, start + CONTRASTS_AT_ONCE)
        values = joined(
            [
                replace(tile, values=read_rows(path, "residuals", rows))
                for tile, path in zip(tiles, paths, strict=True)
            ]
        ).values
        squares = squares + (values**2).sum(axis=0)
    return squares


with job(snakemake) as log:
    params, output, paths = snakemake.params, snakemake.output, snakemake.input.parameters
    with open(snakemake.input.stack) as file:
        summary = json.load(file)
    grid = Grid(tuple(summary["shape"]), summary["crs"], tuple(summary["transform"]))
    tiles = []
    for path in paths:
        points, bounds = read_points(path)
        tiles.append(TileValues(bounds, points, *read(path, "params", "region")))
    with open_product(paths[0]) as file:
        terms, ncontrasts = list(file.attrs["terms"]), len(file["residuals"])
    check_any_points(tiles)
    reference = params.reference_point
    tags = {
        "REFERENCE": f"row {reference[0]}, column {reference[1]}" if reference else "median",
        **{
            name.upper(): value if isinstance(value, str) else f"{value:.12g}"
            for name, value in params.geometry.items()
        },
    }
    names_and_units = {name: TERM_UNITS[name] for name in params.terms}
    names_and_units |= {name: EXTRA_UNITS[name] for name in params.extra_terms}
    sigmas = SIGMAS | EXTRA_SIGMAS
    images = {}
    if terms:
        scene = joined(tiles)
        if snakemake.input.get("point_view"):
            with open_raster(snakemake.input.point_view) as dataset:
                scale, leak = (band[tuple(scene.points.T)] for band in dataset.read())
            scene.values[:] = to_points(
                scene.values, terms, scale, leak, scene.component, point_of(scene.points, params)
            )
        labels = component_labels(scene.component)
        scene.values[:, labels == 0] = np.nan
        motions = [number for number, term in enumerate(terms) if term not in HEIGHT_SIGNS]
        scene.values[motions] *= MOTION_SIGNS[params.velocity_positive]
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
        squares = residual_squares(tiles, paths, ncontrasts)
        squares[labels == 0] = np.nan
        (covariance,) = read(paths[0], "covariance")
        sigma = parameter_sigma(covariance, squares, ncontrasts)
        correlation = parameter_correlation(covariance, terms)
        if snakemake.input.get("point_view"):
            sigma = sigma_to_points(sigma, terms, scale, leak, correlation)
        for term, value, own in zip(terms, scene.values, sigma, strict=True):
            images[term] = scatter(scene.points, value, grid.shape)
            images[sigmas[term]] = scatter(scene.points, own, grid.shape)
        images["residual_phase_rad"] = scatter(
            scene.points, np.sqrt(squares / ncontrasts), grid.shape
        )
        if correlation is not None:
            correlation *= MOTION_SIGNS[params.velocity_positive]
            tags["CORRELATION"] = f"{correlation:.3f}"
            log.info("errors of %s and %s have correlation %.2f", *params.terms, correlation)
    signs = dict.fromkeys(names_and_units, MOTION_TEXTS[params.velocity_positive])
    signs |= {name: HEIGHT_SIGNS[name] for name in params.terms if name in HEIGHT_SIGNS}
    empty = np.full(grid.shape, np.nan, np.float32)
    layers = [(term, units, {"SIGN": signs[term]}) for term, units in names_and_units.items()]
    layers += [(sigmas[term], units, {}) for term, units in names_and_units.items()]
    layers += [("residual_phase_rad", "rad", {})]
    for name, units, own_tags in layers:
        image = images.get(name, empty)
        if name in images:
            log.info("%s from %.3g to %.3g %s", name, np.nanmin(image), np.nanmax(image), units)
        else:
            log.warning("%s is empty: the dates do not constrain it", name)
        write_raster(output[name], image, grid, units=units, description=name, tags=tags | own_tags)
    for name, (stored, text) in MEANS.items():
        image = mean_of_tiles(tiles, [read(path, stored)[0] for path in paths], grid.shape)
        write_raster(output[name], image, grid, units="1", description=text)
