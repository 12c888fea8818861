"""Phases at the corners of some triangles of all tiles, to learn from what neighbours share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emcflow.io.hdf5 import read
from emcflow.links.learned_prior import sampled_links


def read_triangle_phases(meshes: Sequence[str | Path], most: int) -> np.ndarray:
    """Read the phases at the corners of some triangles of all meshes, evenly chosen.

    Parameters
    ----------
    meshes : sequence of path
        Of the tiles.
    most : int
        Number of triangles.

    Returns
    -------
    ndarray of float32, shape (ndates, 3 n)
        Of triangles of which no side is too long to carry phase [rad].
    """
    counts = [len(_short_triangles(path)) for path in meshes]
    corners, starts = [], np.cumsum([0, *counts])
    chosen = sampled_links(starts[-1], most) if starts[-1] else np.empty(0, np.int64)
    for path, start, stop in zip(meshes, starts, starts[1:], strict=False):
        own = chosen[(chosen >= start) & (chosen < stop)] - start
        corners.append(read(path, "phase")[0][:, _short_triangles(path)[own].ravel()])
    return np.concatenate(corners, axis=1)


def _short_triangles(path: str | Path) -> np.ndarray:
    """Return the triangles (n, 3) of a mesh of which no side is too long to carry phase."""
    triangles, sides, confident = read(path, "triangles", "triangle_edges", "confident")
    return triangles[confident[sides].all(axis=1)]
