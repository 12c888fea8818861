"""Join the tiles' velocity, DEM error and residual phase to maps of the scene."""

from functools import partial

import numpy as np
from emcflow.acquisition.model_terms import sigma_name
from emcflow.acquisition.viewing import sigma_to_points, to_points
from emcflow.io.hdf5 import open_product, read
from emcflow.io.scene_file import read_scene_file
from emcflow.links.uncertainty import parameter_correlation, parameter_sigma
from emcflow.products.link_maps import (
    TilesWithValues,
    bands_at_points,
    residual_squares,
    windows_of_values,
)
from emcflow.products.parameter_maps import RESIDUAL, map_tags, write_parameter_maps
from emcflow.tiles.feather import Blending, tile_offsets
from emcflow.tiles.held import HeldTiles
from emcflow.tiles.merge import LEAST_LABELLED_POINTS, component_labels
from emcflow.tiles.overlaps import check_any_points
from emcflow.tiles.scene import ScenePixels
from emcflow.workflow.job import job


def sigma_of(row, part):
    """Return the standard deviations of a term at some of the points."""
    sigma = parameter_sigma(covariance, squares[part], ncontrasts)
    if view is not None:
        sigma = sigma_to_points(sigma, terms, *view[:, part], correlation)
    return sigma[row]


with job(snakemake) as log:
    params, output, paths = snakemake.params, snakemake.output, snakemake.input.parameters
    grid = read_scene_file(snakemake.input.stack).grid
    tiles = HeldTiles(TilesWithValues(paths))
    with open_product(paths[0]) as file:
        terms, ncontrasts = list(file.attrs["terms"]), len(file["residuals"])
    check_any_points(tiles)
    pixels, values, correlation, view = ScenePixels(grid.shape), {}, None, None
    if terms:
        offsets = partial(
            tile_offsets, shape=grid.shape, min_overlap_points=params.min_overlap_points
        )
        scene = Blending(tiles, offsets(tiles), grid.shape, params.reference)
        pixels = scene.pixels
        # maps are of this precision; what the view mixes is rounded after that
        dtype = np.float64 if snakemake.input.get("point_view") else np.float32
        joined = [scene.row(row).astype(dtype) for row in range(len(terms))]
        if snakemake.input.get("point_view"):
            view = bands_at_points(snakemake.input.point_view, pixels)
            joined = np.array(joined)
            joined = to_points(joined, terms, *view, scene.component, scene.places)
        labels = component_labels(scene.component)
        for of_term in joined:
            of_term[labels == 0] = np.nan
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
        squares = residual_squares(scene, paths, ncontrasts, offsets)
        squares[labels == 0] = np.nan
        (covariance,) = read(paths[0], "covariance")
        correlation = parameter_correlation(covariance, terms)
        values = {term: of_term.__getitem__ for term, of_term in zip(terms, joined, strict=True)}
        values |= {sigma_name(term): partial(sigma_of, row) for row, term in enumerate(terms)}
        values[RESIDUAL] = lambda part: np.sqrt(squares[part] / ncontrasts)
    windows, of_windows = windows_of_values(pixels, values)
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
