"""Triangulations against geometry in whole numbers."""

import numpy as np
import pytest
from emcflow.errors import InputError
from emcflow.graph.delaunay import delaunay_triangles, link_length, point_mesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull


def ordered(points):
    return np.unique(np.array(points).reshape(-1, 2), axis=0)


@st.composite
def point_sets(draw):
    """Distinct points: crowded grids (many on one circle) as well as wide and flat scenes."""
    high, wide = draw(st.sampled_from([(5, 5), (12, 3), (9, 9), (3, 4000), (20000, 20000)]))
    pair = st.tuples(st.integers(0, high), st.integers(0, wide))
    return ordered(draw(st.lists(pair, min_size=1, max_size=60)))


def twice_areas(points, triangles):
    p0, p1, p2 = (points[triangles[:, i]] for i in range(3))
    u, v = p1 - p0, p2 - p0
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]


def inside_circle(a, b, c, d):
    """Positive where d lies inside the circle through a, b, c (positive turn); exact integers."""
    rows = []
    for p in (a, b, c):
        x, y = p[0] - d[0], p[1] - d[1]
        rows.append((x, y, x * x + y * y))
    (a0, a1, a2), (b0, b1, b2), (c0, c1, c2) = rows
    return a0 * (b1 * c2 - b2 * c1) - a1 * (b0 * c2 - b2 * c0) + a2 * (b0 * c1 - b1 * c0)


def check_whole(points, graph):
    """Every point used, every turn positive, and the whole hull filled."""
    areas = twice_areas(points, graph.triangles)
    assert (areas > 0).all()
    assert areas.sum() == round(2 * ConvexHull(points).volume)
    assert np.unique(graph.triangles).size == len(points)
    assert graph.nnodes - graph.nedges + graph.ntriangles == 1


@settings(deadline=None, max_examples=150)
@given(point_sets())
def test_every_triangulation_is_whole_and_delaunay(points):
    graph = point_mesh(points)
    spread = points - points[0]
    if np.linalg.matrix_rank(spread) < 2:
        assert graph.edges.tolist() == [[i, i + 1] for i in range(len(points) - 1)]
        assert graph.ntriangles == 0
        return
    check_whole(points, graph)
    plain = points.tolist()
    for e in range(graph.nedges):
        if graph.ground in (graph.left[e], graph.right[e]):
            continue
        corners = [plain[i] for i in graph.triangles[graph.left[e]]]
        apex = next(i for i in graph.triangles[graph.right[e]] if i not in graph.edges[e])
        assert inside_circle(*corners, plain[apex]) <= 0


@pytest.mark.parametrize(
    "points",
    [
        # Flat triangles along the hull: their circles are far wider than the scene.
        [(0, 0), (0, 5000), (1, 2500), (4000, 2500)],
        [(0, 0), (5000, 1), (10000, 3)],
        [(0, 0), (10000, 10001), (9999, 10000)],
        [(0, c) for c in range(50)] + [(1, 25)],
        [(r, c) for r in (0, 7) for c in range(40)],
        [(i, i * i) for i in range(100)],
        [(i, (i - 1500) ** 2 // 2_000_000) for i in range(3001)],
    ],
)
def test_flat_hulls_stay_whole(points):
    points = ordered(points)
    check_whole(points, point_mesh(points))


def test_grid_with_a_hole():
    mask = np.ones((40, 50), dtype=bool)
    mask[10:30, 15:35] = False
    points = np.argwhere(mask)
    graph = point_mesh(points)
    check_whole(points, graph)
    # Across the hole the links are long, elsewhere none is longer than a diagonal.
    length = link_length(points, graph.edges)
    middle = points[graph.edges].mean(axis=1)
    across = (abs(middle - [19.5, 24.5]) <= 10).all(axis=1)
    assert length[~across].max() == pytest.approx(np.sqrt(2))
    assert length[across].max() >= 14


@pytest.mark.parametrize(
    ("points", "edges"),
    [
        ([], []),
        ([(3, 4)], []),
        ([(1, 2), (5, 3)], [[0, 1]]),
        ([(0, 3), (0, 4), (0, 9)], [[0, 1], [1, 2]]),
        ([(3, 1), (4, 1), (7, 1)], [[0, 1], [1, 2]]),
        ([(0, 9), (3, 6), (5, 4), (9, 0)], [[0, 1], [1, 2], [2, 3]]),
    ],
)
def test_points_without_triangles(points, edges):
    graph = point_mesh(np.array(points, dtype=np.int32).reshape(-1, 2))
    assert graph.edges.tolist() == edges
    assert graph.edges.shape == (len(edges), 2)
    assert graph.triangles.shape == (0, 3)
    assert graph.nnodes == len(points)


def test_the_same_points_give_the_same_triangles():
    points = np.argwhere(np.random.default_rng(3).random((60, 60)) < 0.8)
    first, again = delaunay_triangles(points), delaunay_triangles(points.astype(np.int32))
    assert first.dtype == np.int32
    assert first.tobytes() == again.tobytes()
    assert (first[:, 0] == first.min(axis=1)).all()
    assert (np.diff(first[:, 0]) >= 0).all()


@pytest.mark.parametrize("points", [[(0, 1), (0, 1)], [(1, 0), (0, 5)], [(0, 2), (0, 1), (3, 3)]])
def test_points_out_of_order_are_refused(points):
    with pytest.raises(InputError, match="row-major"):
        point_mesh(np.array(points))


def test_link_length_by_hand():
    points, edges = np.array([(0, 0), (3, 4), (3, 10)]), np.array([(0, 1), (1, 2), (0, 2)])
    length = link_length(points, edges)
    assert length.dtype == np.float32
    assert length == pytest.approx([5, 6, np.sqrt(109)])
    assert link_length(points, edges, spacing=(20, 5)) == pytest.approx(
        [np.hypot(60, 20), 30, np.hypot(60, 50)]
    )
