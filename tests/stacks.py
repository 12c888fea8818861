"""Small stacks for tests: islands in the sea with their truth, and stacks written to files."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import rasterio
from rasterio import Affine

DATES = ("20200101", "20200113", "20200206", "20200218", "20200313", "20200325")
UTM = {"crs": "EPSG:32631", "transform": Affine(10, 0, 5e5, 0, -10, 1e5)}


def island_map(shape=(240, 240), count=3, water=24):
    """Number every pixel by its island, 1 to count**2 row by row, 0 in the water.

    Each island has the form of a U whose arms a narrow bridge joins, so that a flow through the
    bridge is cheaper than one around the coast.
    """
    islands = np.zeros(shape, np.int32)
    half = water // 2
    rows, cols = (np.linspace(0, size, count + 1).astype(int) for size in shape)
    for i, (top, bottom) in enumerate(pairwise(rows)):
        for j, (west, east) in enumerate(pairwise(cols)):
            island = islands[top + half : bottom - half, west + half : east - half]
            island[:] = count * i + j + 1
            third = island.shape[1] // 3
            island[half:, third:-third] = 0
    return islands


def simulate_islands(islands, rng, dates=DATES, density=0.7, noise_rad=0.25):
    """Return points (npoints, 2), the island of each, and the true phase (ndates, npoints) [rad].

    Every island has at each date a smooth phase of its own of some cycles, and an offset of many.
    """
    points = np.argwhere((islands > 0) & (rng.random(islands.shape) < density)).astype(np.int32)
    island = islands[tuple(points.T)]
    place = points / np.array(islands.shape)
    phase = np.zeros((len(dates), len(points)))
    for date in range(1, len(dates)):
        for number in np.unique(island):
            here = island == number
            slope, bend = rng.normal(0, 25, 2), rng.normal(0, 40, 2)
            x = place[here] - place[here].mean(axis=0)
            phase[date, here] = x @ slope + x**2 @ bend + rng.uniform(-60, 60)
        phase[date] += rng.normal(0, noise_rad, len(points))
    return points, island, phase


def write_raster(path: Path, image: np.ndarray, **profile) -> Path:
    """Write one band, georeferenced unless told otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff"} | UTM | profile
    rows, cols = image.shape
    with rasterio.open(
        path, "w", height=rows, width=cols, count=1, dtype=image.dtype, **profile
    ) as dataset:
        dataset.write(image, 1)
    return path


def write_stack(folder: Path, points, phase, shape, dates=DATES, **profile) -> Path:
    """Write a phase-linked stack with a coherence of 0.9 at the points and 0 elsewhere."""
    at = tuple(np.asarray(points).reshape(-1, 2).T)
    coherence = np.zeros(shape, np.float32)
    coherence[at] = 0.9
    write_raster(folder / "temporal_coherence.tif", coherence, **profile)
    for date, values in zip(dates[1:], phase[1:], strict=True):
        image = np.zeros(shape, np.complex64)
        image[at] = np.exp(1j * values)
        write_raster(folder / f"{dates[0]}_{date}.int.tif", image, **profile)
    return folder
