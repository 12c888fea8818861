"""Delaunay triangulation of the points of a tile, and the links between them."""

from __future__ import annotations

import numpy as np
import pythoncdt as cdt
from numpy.typing import ArrayLike

from emcflow.arrays import real_array, whole_array
from emcflow.errors import InputError
from emcflow.graph.planar import PlanarGraph, planar_graph


def point_mesh(points: ArrayLike) -> PlanarGraph:
    """Links, triangles and sides of the Delaunay triangulation of points.

    Points on one line have no triangles; each is then linked to the next.

    Parameters
    ----------
    points : int (npoints, 2)
        Row and column of each point, distinct, in row-major order.

    Returns
    -------
    PlanarGraph

    Raises
    ------
    InputError
        If the points are not distinct and in row-major order.
    """
    triangles = delaunay_triangles(points)
    npoints = len(np.asarray(points))
    chain = None
    if triangles.shape[0] == 0:
        # Row-major order is the order along any line.
        chain = np.arange(npoints - 1)[:, None] + np.arange(2)
    return planar_graph(triangles, npoints, chain)


def delaunay_triangles(points: ArrayLike) -> np.ndarray:
    """Triangulate points of a grid.

    The triangles fill the convex hull of the points. On a grid many points lie on one circle: which
    of the equally good diagonals is taken is arbitrary, but always the same for the same points.

    Parameters
    ----------
    points : int (npoints, 2)
        Row and column of each point, distinct, in row-major order.

    Returns
    -------
    int32 (ntri, 3)
        Points of each triangle, the lowest first, in lexicographic order, walked so that
        (p1 - p0) x (p2 - p0) > 0 with x = row, y = column. Empty where all points lie on one line.

    Raises
    ------
    InputError
        If the points are not distinct and in row-major order.
    """
    points = _check_points(points)
    hull = _convex_hull(points)
    if hull.size < 3:
        return np.zeros((0, 3), dtype=np.int32)
    mesh = cdt.Triangulation(
        cdt.VertexInsertionOrder.AUTO, cdt.IntersectingConstraintEdges.NOT_ALLOWED, 0.0
    )
    vertices = np.ascontiguousarray(points, dtype=np.float64)
    mesh.insert_vertices(vertices)  # type: ignore[call-overload]
    mesh.erase_super_triangle()
    triangles = _canonical(mesh.triangles_array()["vertices"].astype(np.int32), len(points))
    _check_whole(points, triangles, hull)
    return triangles


def _check_points(points: ArrayLike) -> np.ndarray:
    """Points as int64, refused when not distinct and in row-major order."""
    points = whole_array(points, "points", np.int64).reshape(-1, 2)
    step = np.diff(points, axis=0)
    bad = np.flatnonzero((step[:, 0] < 0) | ((step[:, 0] == 0) & (step[:, 1] <= 0)))
    if bad.size:
        raise InputError(
            f"point {bad[0] + 1} at row, column {tuple(points[bad[0] + 1].tolist())} follows "
            f"{tuple(points[bad[0]].tolist())}; expected distinct points in "
            "row-major order: sort them"
        )
    return points


def _convex_hull(points: np.ndarray) -> np.ndarray:
    """Corners of the convex hull of row-major points, with positive turn; 1 or 2 for a line.

    Andrew's monotone chain (1979), Information Processing Letters 9(5), in whole numbers.
    """
    rows = points[:, 0]
    change = rows[1:] != rows[:-1]
    # Only the first and last point of a row can be a corner.
    ends = np.flatnonzero(np.r_[True, change] | np.r_[change, True])[: len(points)]
    candidates = [(int(i), *points[i].tolist()) for i in ends]
    lower, upper = _half_hull(candidates), _half_hull(candidates[::-1])
    return np.array((lower[:-1] + upper[:-1]) or lower, dtype=np.int64)


def _half_hull(candidates: list[tuple[int, ...]]) -> list[int]:
    """Indices of the corners of one half of the hull, from the first candidate to the last."""
    chain: list[tuple[int, ...]] = []
    for index, row, col in candidates:
        while len(chain) > 1:
            (_, r0, c0), (_, r1, c1) = chain[-2:]
            if (r1 - r0) * (col - c0) - (c1 - c0) * (row - r0) > 0:
                break
            chain.pop()
        chain.append((index, row, col))
    return [index for index, _, _ in chain]


def _canonical(triangles: np.ndarray, npoints: int) -> np.ndarray:
    """Triangles with their lowest point first, sorted, whatever order the library gives."""
    corners = (np.argmin(triangles, axis=1)[:, None] + np.arange(3)) % 3
    triangles = np.take_along_axis(triangles, corners, axis=1)
    # No two triangles walk one edge the same way, so the first edge tells them apart.
    key = triangles[:, 0].astype(np.int64) * npoints + triangles[:, 1]
    return triangles[np.argsort(key)]


def _check_whole(points: np.ndarray, triangles: np.ndarray, hull: np.ndarray) -> None:
    """Stop if triangles are folded, or do not fill the hull, or leave a point out."""
    areas = _twice_areas(points, triangles)
    fan = np.stack([np.full(hull.size - 2, hull[0]), hull[1:-1], hull[2:]], axis=1)
    missing = len(points) - np.unique(triangles).size
    filled, whole = areas.sum(), _twice_areas(points, fan).sum()
    if areas.min(initial=1) <= 0 or filled != whole or missing:
        raise RuntimeError(
            f"the triangulation of {len(points)} points is not whole: it fills {filled / 2} of "
            f"{whole / 2} square pixels and leaves {missing} points out"
        )


def _twice_areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Twice the signed area of triangles [pixels^2], exact."""
    origin = points[triangles[:, 0]]
    along, across = points[triangles[:, 1]] - origin, points[triangles[:, 2]] - origin
    return along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0]


def link_length(
    points: np.ndarray, edges: np.ndarray, spacing: tuple[float, float] = (1.0, 1.0)
) -> np.ndarray:
    """Length of links.

    Parameters
    ----------
    points : int (npoints, 2)
        Row and column of each point.
    edges : int (nlinks, 2)
        Points of each link.
    spacing : (float, float)
        Size of a row and of a column, in the unit wanted; 1 for pixels.

    Returns
    -------
    float32 (nlinks,)
        Length, in the unit of `spacing`.
    """
    points = real_array(points, "points", np.float64)
    edges = whole_array(edges, "edges")
    rows, cols = ((points[edges[:, 1]] - points[edges[:, 0]]) * spacing).T
    return np.hypot(rows, cols).astype(np.float32)


def links_within(
    points: np.ndarray, edges: np.ndarray, max_length: float | None = None
) -> np.ndarray:
    """Tell the links that are short enough to carry phase from one end to the other.

    Parameters
    ----------
    points : int (npoints, 2)
        Row and column of each point.
    edges : int (nlinks, 2)
        Points of each link.
    max_length : float, optional
        Longest link that counts [pixels]; without it all do.

    Returns
    -------
    bool (nlinks,)
    """
    if max_length is None:
        return np.ones(len(edges), dtype=bool)
    return link_length(points, edges) <= max_length
