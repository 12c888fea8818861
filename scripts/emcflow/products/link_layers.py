"""Layers of how well the links of every point fit their model, by rows of blocks of the scene."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from rasterio.windows import Window

from emcflow.acquisition.date_weights import effective_dates
from emcflow.io.hdf5 import read, read_link_weights, read_points
from emcflow.io.raster import BLOCK, Grid, create_raster
from emcflow.io.strips import strip_bounds
from emcflow.links.integrate import point_mean
from emcflow.links.noise_floor import NOISE_PROBABILITY, noise_probability, unbiased_coherence

__all__ = ["LAYERS", "write_link_layers"]

LAYERS = {
    "link_model_coherence": "mean coherence of a point's links",
    "link_coherence_unbiased": "the same without the bias of few dates",
    "noise_links": "share of a point's links that may be noise",
}


def write_link_layers(
    outputs: Mapping[str, str | Path],
    grid: Grid,
    meshes: Sequence[str | Path],
    links: Sequence[str | Path],
) -> dict[str, float]:
    """Write the layers of a scene; a point that several tiles have gets the mean of theirs.

    Parameters
    ----------
    outputs : mapping of str to path
        Rasters, by the names of `LAYERS`.
    grid : Grid
        Of the scene.
    meshes, links : sequence of path
        Files of each tile.

    Returns
    -------
    dict of str to float
        Median of each layer, NaN where no point has a value.
    """
    known: dict[str, list[np.ndarray]] = {name: [] for name in LAYERS}
    with ExitStack() as opened:
        datasets = {
            name: opened.enter_context(
                create_raster(outputs[name], grid, "float32", units="1", description=text)
            )
            for name, text in LAYERS.items()
        }
        for first, images, has_points in _rows_of_blocks(grid, meshes, links):
            window = Window(0, first, *has_points.shape[::-1])
            for name, image in zip(LAYERS, images, strict=True):
                datasets[name].write(image, 1, window=window)
                known[name].append(image[has_points])
    values = {name: np.concatenate(parts) for name, parts in known.items()}
    return {name: float(np.median(each)) if len(each) else np.nan for name, each in values.items()}


def _rows_of_blocks(
    grid: Grid, meshes: Sequence[str | Path], links: Sequence[str | Path]
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield the first of some rows, their layers (nlayers, rows, cols), and where points are."""
    of_tiles = [read(mesh, "bounds")[0][::2].tolist() for mesh in meshes]
    held: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for first, end in strip_bounds(grid.shape[0], BLOCK):
        here = [tile for tile, (top, bottom) in enumerate(of_tiles) if top < end and bottom > first]
        held = {tile: held.get(tile) or _tile_values(meshes[tile], links[tile]) for tile in here}
        shape = end - first, grid.shape[1]
        total, count = np.zeros((len(LAYERS), *shape)), np.zeros(shape)
        for points, values in held.values():
            part = slice(*np.searchsorted(points[:, 0], (first, end)))
            at = tuple((points[part] - (first, 0)).T)
            total[:, *at] += values[:, part]
            count[at] += 1
        with np.errstate(invalid="ignore"):
            yield first, (total / count).astype(np.float32), count > 0


def _tile_values(mesh: str | Path, links: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of a tile whose layers are known, and these as float64 (nlayers, n)."""
    edges, confident = read(mesh, "edges", "confident")
    points, _ = read_points(mesh)
    design, ranges, coherence = read(links, "design", "search_range", "link_coherence")
    weights, coherence = read_link_weights(links), coherence[confident]
    ndates = effective_dates(len(design), weights)
    noise = noise_probability(coherence, design, ranges, weights) > NOISE_PROBABILITY
    of_links = coherence, unbiased_coherence(coherence, ndates, design.shape[1]), noise
    values = np.array([point_mean(edges[confident], each, len(points)) for each in of_links])
    known = np.isfinite(values).all(axis=0)
    return points[known], values[:, known]
