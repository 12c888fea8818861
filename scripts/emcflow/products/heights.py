"""Rough heights of the points, from the links alone: to choose references by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emcflow.acquisition.geometry import HEIGHTS
from emcflow.io.hdf5 import TileFiles, open_product, read, read_points, read_rows
from emcflow.links.integrate import rough_values
from emcflow.tiles.feather import Blending, TileValues, tile_offsets
from emcflow.tiles.held import HeldTiles


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


class _TilesWithHeights(Sequence[TileValues]):
    """Tiles of which the heights alone are held."""

    def __init__(self, meshes: Sequence[str], heights: Sequence[np.ndarray]) -> None:
        self._points, self._heights = TileFiles(meshes), heights

    def __len__(self) -> int:
        return len(self._heights)

    def __getitem__(self, number: int) -> TileValues:  # type: ignore[override]
        bounds, points, region = self._points[number]
        return TileValues(bounds, points, self._heights[number], region)


def scene_heights(
    meshes: Sequence[str],
    links: Sequence[str],
    shape: tuple[int, int],
    min_overlap_points: int,
) -> np.ndarray | None:
    """Return heights of the points of the scene, float32 (npoints,); None where there are none.

    Parameters
    ----------
    meshes, links : sequence of path
        Of every tile.
    shape : tuple of int
        Rows and columns of the scene.
    min_overlap_points : int
        Tiles with fewer points in common are not joined.
    """
    heights = []
    for paths in zip(meshes, links, strict=True):
        tile = tile_heights(*paths)
        if tile is None:
            return None
        heights.append(tile.values)
    tiles = HeldTiles(_TilesWithHeights(meshes, heights))
    offsets = tile_offsets(tiles, shape, min_overlap_points)
    return Blending(tiles, offsets, shape).row(0).astype(np.float32)
