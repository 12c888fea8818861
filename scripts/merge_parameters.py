"""Join the tiles' velocity, DEM error and residual phase to maps of the scene."""

import numpy as np
from emcflow.acquisition.model_terms import sigma_name
from emcflow.acquisition.viewing import sigma_to_points, to_points
from emcflow.io.hdf5 import open_product, read
from emcflow.io.raster import open_raster
from emcflow.io.scene_file import read_scene_file
from emcflow.links.uncertainty import parameter_correlation, parameter_sigma
from emcflow.products.link_maps import read_tile_values, residual_squares, windows_of_values
from emcflow.products.parameter_maps import RESIDUAL, map_tags, write_parameter_maps
from emcflow.tiles.feather import blend_tiles, tile_offsets
from emcflow.tiles.merge import LEAST_LABELLED_POINTS, component_labels
from emcflow.tiles.overlaps import check_any_points
from emcflow.tiles.reference_area import reference_places
from emcflow.workflow.job import job


def joined(tiles):
    """Return values of the scene from those of the tiles, relative to the reference."""
    offsets = tile_offsets(tiles, grid.shape, params.min_overlap_points)
    return blend_tiles(tiles, offsets, grid.shape, params.reference)


with job(snakemake) as log:
    params, output, paths = snakemake.params, snakemake.output, snakemake.input.parameters
    grid = read_scene_file(snakemake.input.stack).grid
    tiles = read_tile_values(paths)
    with open_product(paths[0]) as file:
        terms, ncontrasts = list(file.attrs["terms"]), len(file["residuals"])
    check_any_points(tiles)
    scene_points, values, correlation = tiles[0].points[:0], {}, None
    if terms:
        scene = joined(tiles)
        if snakemake.input.get("point_view"):
            with open_raster(snakemake.input.point_view) as dataset:
                scale, leak = (band[tuple(scene.points.T)] for band in dataset.read())
            places = None
            if params.reference is not None:
                places = reference_places(scene.points, scene.component + 1, params.reference)
            scene.values[:] = to_points(scene.values, terms, scale, leak, scene.component, places)
        labels = component_labels(scene.component)
        scene.values[:, labels == 0] = np.nan
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
        squares = residual_squares(tiles, paths, ncontrasts, lambda own: joined(own).values)
        squares[labels == 0] = np.nan
        (covariance,) = read(paths[0], "covariance")
        sigma = parameter_sigma(covariance, squares, ncontrasts)
        correlation = parameter_correlation(covariance, terms)
        if snakemake.input.get("point_view"):
            sigma = sigma_to_points(sigma, terms, scale, leak, correlation)
        scene_points = scene.points
        values = dict(zip(terms, scene.values, strict=True))
        values |= dict(zip(map(sigma_name, terms), sigma, strict=True))
        values[RESIDUAL] = np.sqrt(squares / ncontrasts)
    windows, of_windows = windows_of_values(scene_points, values, grid.shape)
    write_parameter_maps(
        dict(output.items()),
        grid,
        windows,
        of_windows,
        terms=[*params.terms, *params.extra_terms],
        tags=map_tags(params.reference, params.geometry),
        velocity_positive=params.velocity_positive,
        correlation=correlation,
    )
