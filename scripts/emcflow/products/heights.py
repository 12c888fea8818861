"""Rough heights of the points, from the links alone: to choose references by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emcflow.acquisition.geometry import HEIGHTS
from emcflow.io.hdf5 import open_product, read, read_points, read_rows
from emcflow.io.raster import Grid, scatter
from emcflow.links.integrate import rough_values
from emcflow.tiles.feather import TileValues, blend_tiles, tile_offsets


def tile_heights(mesh: str | Path, links: str | Path) -> TileValues | None:
    """Return roughly the heights of the points of a tile, in metres or relative; None without.

    Parameters
    ----------
    mesh, links : path
        Of the tile, as the rules write them.
    """
    with open_product(links) as file:
        terms = list(file.attrs["terms"])
    if not {*terms} & {*HEIGHTS}:
        return None
    points, bounds = read_points(mesh)
    edges, confident, region = read(mesh, "edges", "confident", "region")
    row = next(row for row, term in enumerate(terms) if term in HEIGHTS)
    values, sigma = (read_rows(links, f"link_params{name}", [row]) for name in ("", "_sigma"))
    (at_range_end,) = read(links, "at_range_end")
    of_links = values[:, confident], sigma[:, confident]
    heights = rough_values(edges[confident], *of_links, len(points), at_range_end[confident])
    return TileValues(bounds, points, heights, region)


def scene_heights(
    meshes: Sequence[str], links: Sequence[str], grid: Grid, min_overlap_points: int
) -> np.ndarray:
    """Return heights on the grid, float32 (rows, cols), NaN where there are none.

    Parameters
    ----------
    meshes, links : sequence of path
        Of every tile.
    grid : Grid
        Of the scene.
    min_overlap_points : int
        Tiles with fewer points in common are not joined.
    """
    tiles = [tile_heights(*paths) for paths in zip(meshes, links, strict=True)]
    known = [tile for tile in tiles if tile is not None]
    if len(known) < len(tiles) or not tiles:
        return np.full(grid.shape, np.nan, np.float32)
    offsets = tile_offsets(known, grid.shape, min_overlap_points)
    scene = blend_tiles(known, offsets, grid.shape)
    return scatter(scene.points, scene.values[0], grid.shape)
