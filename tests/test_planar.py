"""Planar graphs against cases drawn by hand and against sums written out."""

from itertools import pairwise

import numpy as np
import pytest
from emcflow.errors import InputError
from emcflow.graph import components
from emcflow.graph.components import by_size, path_to, regions, spanning_tree
from emcflow.graph.delaunay import point_mesh
from emcflow.graph.planar import (
    breadth_first_tree,
    dual_adjacency,
    integrate_cycles,
    planar_graph,
    residues,
)
from hypothesis import given, settings
from hypothesis import strategies as st

# Two triangles over the diagonal of a square, walked in the same sense:
#   0 --- 1
#   |   / |
#   2 --- 3
SQUARE = [(0, 2, 1), (1, 2, 3)]


@st.composite
def meshes(draw):
    """The mesh of up to 40 distinct points of a small grid."""
    flat = draw(st.sets(st.integers(0, 63), min_size=1, max_size=40))
    return point_mesh(np.stack(np.divmod(sorted(flat), 8), axis=1))


@st.composite
def meshes_with_cycles(draw):
    graph = draw(meshes())
    seed = draw(st.integers(0, 2**32 - 1))
    return graph, np.random.default_rng(seed).integers(-3, 4, (2, graph.nedges)).astype(np.int16)


def test_square_by_hand():
    graph = planar_graph(SQUARE, 4)
    assert graph.edges.tolist() == [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]
    assert graph.triangle_edges.tolist() == [[1, 2, 0], [2, 4, 3]]
    assert graph.triangle_signs.tolist() == [[1, -1, -1], [1, 1, -1]]
    # 0->2 and 1->2, 2->3 are walked forwards by triangles 0, 1, 1; ground is node 2.
    assert graph.left.tolist() == [2, 0, 1, 2, 1]
    assert graph.right.tolist() == [0, 2, 0, 1, 2]
    assert (graph.nnodes, graph.nedges, graph.ntriangles, graph.ground) == (4, 5, 2, 2)


def test_dtypes():
    graph = planar_graph(SQUARE, 4)
    adjacency = dual_adjacency(graph)
    tree = breadth_first_tree(graph)
    for array in (
        *(graph.edges, graph.triangles, graph.triangle_edges, graph.left, graph.right),
        *(adjacency.indptr, adjacency.target, adjacency.edge),
        *(tree.order, tree.parent, tree.edge, tree.region),
    ):
        assert array.dtype == np.int32
    for array in (graph.triangle_signs, adjacency.sign, tree.sign):
        assert array.dtype == np.int8
    assert residues(graph, np.zeros(5, np.int16)).dtype == np.int32
    assert integrate_cycles(tree, np.zeros(5, np.int16)).dtype == np.int16


def test_residue_by_hand():
    # Triangle 0 walks 0->2 (+k1), 2->1 (-k2), 1->0 (-k0); triangle 1 walks 1->2, 2->3, 3->1.
    k = np.array([1, 10, 100, 1000, 10000], dtype=np.int32)
    first, second = 10 - 100 - 1, 100 + 10000 - 1000
    assert residues(planar_graph(SQUARE, 4), k).tolist() == [first, second, -first - second]


def test_extra_edges_have_the_ground_on_both_sides():
    graph = planar_graph([(0, 1, 2)], 5, extra_edges=[(4, 2), (1, 0), (3, 4)])
    assert graph.edges.tolist() == [[0, 1], [0, 2], [1, 2], [2, 4], [3, 4]]
    assert graph.left.tolist() == [0, 1, 0, 1, 1]
    assert graph.right.tolist() == [1, 0, 1, 1, 1]
    adjacency = dual_adjacency(graph)
    assert sorted(set(adjacency.edge.tolist())) == [0, 1, 2]


@pytest.mark.parametrize("nnodes", [0, 1, 3])
def test_graphs_without_edges(nnodes):
    graph = planar_graph(np.zeros((0, 3)), nnodes)
    none = np.zeros((2, 0), np.int16)
    assert graph.edges.shape == (0, 2)
    assert residues(graph, none).tolist() == [[0], [0]]
    assert dual_adjacency(graph).indptr.tolist() == [0, 0]
    tree = breadth_first_tree(graph)
    assert tree.region.tolist() == list(range(nnodes))
    assert integrate_cycles(tree, none).tolist() == [[0] * nnodes] * 2


@pytest.mark.parametrize(
    ("triangles", "message"),
    [
        ([(0, 1, 2), (1, 2, 3)], "between nodes 1 and 2 the same way"),
        ([(0, 1, 2), (0, 1, 2)], "the same way"),
        ([(0, 1, 4)], "names node 4"),
        ([(0, 1, -1)], "names node -1"),
        ([(0, 1, 1)], "joins node 1 to itself"),
    ],
)
def test_bad_triangles(triangles, message):
    with pytest.raises(InputError, match=message):
        planar_graph(triangles, 4)


@settings(deadline=None, max_examples=60)
@given(meshes())
def test_sides_agree_with_triangles(graph):
    """left and right, looked up in a dictionary of the walks of all triangles."""
    walks = {}
    for t, triangle in enumerate(graph.triangles.tolist()):
        for corner in range(3):
            walk = triangle[corner], triangle[(corner + 1) % 3]
            walks[walk] = t
            a, b = sorted(walk)
            assert graph.edges[graph.triangle_edges[t, corner]].tolist() == [a, b]
            assert graph.triangle_signs[t, corner] == (1 if walk == (a, b) else -1)
    for e, (a, b) in enumerate(graph.edges.tolist()):
        assert graph.left[e] == walks.get((a, b), graph.ground)
        assert graph.right[e] == walks.get((b, a), graph.ground)


@settings(deadline=None, max_examples=60)
@given(meshes_with_cycles(), st.data())
def test_flow_moves_residue_from_right_to_left(case, data):
    graph, k = case
    if graph.nedges == 0:
        return
    edge = data.draw(st.integers(0, graph.nedges - 1))
    changed = k.copy()
    changed[:, edge] += 2
    expected = residues(graph, k)
    expected[:, graph.left[edge]] += 2
    expected[:, graph.right[edge]] -= 2
    assert np.array_equal(residues(graph, changed), expected)
    assert np.array_equal(residues(graph, k[1]), residues(graph, k)[1])
    assert (expected.sum(axis=1) == 0).all()


@settings(deadline=None, max_examples=60)
@given(meshes())
def test_arcs_are_every_crossing_once(graph):
    adjacency = dual_adjacency(graph)
    source = np.repeat(np.arange(graph.ground + 1), np.diff(adjacency.indptr))
    arcs = list(zip(source, adjacency.target, adjacency.edge, adjacency.sign, strict=True))
    expected = []
    for e in range(graph.nedges):
        left, right = graph.left[e], graph.right[e]
        if left != right:
            expected += [(right, left, e, 1), (left, right, e, -1)]
    assert sorted(arcs) == sorted(expected)
    assert all(a[2] < b[2] for a, b in pairwise(arcs) if a[0] == b[0])


def test_tree_by_hand():
    # 0-2-1-3 through the allowed edges (0,2), (1,2), (1,3); node 4 alone.
    graph = planar_graph(SQUARE, 5)
    tree = breadth_first_tree(graph, np.array([False, True, True, True, False]))
    assert tree.order.tolist() == [0, 2, 1, 3, 4]
    assert tree.parent.tolist() == [-1, 2, 0, 1, -1]
    assert tree.edge.tolist() == [-1, 2, 1, 3, -1]
    assert tree.sign.tolist() == [0, -1, 1, 1, 0]
    assert tree.region.tolist() == [0, 0, 0, 0, 1]
    # Up 10 to node 2, back 100 (against 1->2) to node 1, on 1000 to node 3.
    k = np.array([1, 10, 100, 1000, 10000], dtype=np.int16)
    assert integrate_cycles(tree, k).tolist() == [0, -90, 10, 910, 0]


@settings(deadline=None, max_examples=60)
@given(meshes(), st.integers(0, 2**32 - 1))
def test_integration_gives_back_the_points(graph, seed):
    """Differences of point cycles have no residue and integrate to the points, per region."""
    rng = np.random.default_rng(seed)
    points = rng.integers(-300, 300, (3, graph.nnodes)).astype(np.int16)
    k = points[:, graph.edges[:, 1]] - points[:, graph.edges[:, 0]]
    assert not residues(graph, k).any()
    allowed = rng.random(graph.nedges) < 0.7
    tree = breadth_first_tree(graph, allowed)
    roots = np.flatnonzero(tree.parent < 0)
    assert np.array_equal(tree.region[roots], np.arange(roots.size))
    expected = points - points[:, roots[tree.region]]
    assert np.array_equal(integrate_cycles(tree, k), expected)
    assert np.array_equal(integrate_cycles(tree, k[0].astype(np.int32)), expected[0])
    assert np.array_equal(regions(graph.edges[allowed], graph.nnodes), tree.region)
    joined = tree.region[graph.edges[allowed]]
    assert (joined[:, 0] == joined[:, 1]).all()


@settings(deadline=None, max_examples=30)
@given(meshes())
def test_tree_is_breadth_first(graph):
    """The depth in the tree is the least number of edges to the root."""
    tree = breadth_first_tree(graph)
    depth = np.zeros(graph.nnodes, dtype=int)
    for node in tree.order:
        if tree.parent[node] >= 0:
            depth[node] = depth[tree.parent[node]] + 1
    a, b = graph.edges.T
    assert (np.abs(depth[a] - depth[b]) <= 1).all()
    assert sorted(tree.order.tolist()) == list(range(graph.nnodes))


@settings(deadline=None, max_examples=30)
@given(meshes(), st.integers(0, 2**32 - 1), st.booleans())
def test_compiled_search_is_the_interpreted_one(graph, seed, directed):
    rng = np.random.default_rng(seed)
    allowed = rng.random(graph.nedges) < 0.5
    given = graph.edges, graph.nnodes, allowed, int(rng.integers(graph.nnodes)), 2 - directed
    for a, b in zip(
        components._breadth_first(*given), components._compiled_breadth_first(*given), strict=True
    ):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b)


def test_regions_of_a_long_tangled_path_are_one():
    path = np.random.default_rng(3).permutation(2000)
    links = np.stack([path[:-1], path[1:]], axis=1)
    assert not regions(links, 2000).any()
    # two halves: the one with node 0 comes first, wherever it lies on the path
    halves = regions(np.delete(links, 999, axis=0), 2000)
    zero = np.isin(np.arange(2000), path[:1000]) == (0 in path[:1000])
    assert np.array_equal(halves, np.where(zero, 0, 1))
    assert regions(np.empty((0, 2), int), 3).tolist() == [0, 1, 2]
    assert regions([], 0).tolist() == []


def test_regions_by_size():
    # 3, 1 and 2 nodes: the largest is 0; two of equal weight keep their order
    region = np.array([2, 0, 2, 1, 0, 0])
    assert by_size(region).tolist() == [1, 0, 1, 2, 0, 0]
    assert by_size(np.array([0, 1, 2]), np.array([5.0, 7.0, 5.0])).tolist() == [1, 0, 2]


def test_directed_ways_of_the_fewest_edges():
    #  3 -> 0 -> 1 -> 2 -> 4, and 2 -> 0 back; from 0, node 3 is not reached
    edges = [(3, 0), (0, 1), (1, 2), (2, 0), (2, 4)]
    tree = spanning_tree(edges, 5, first=0, directed=True)
    assert path_to(tree, 4) == [0, 1, 2, 4]
    assert path_to(tree, 3) == [3]
    assert path_to(spanning_tree(edges, 5, first=4), 3) == [4, 2, 0, 3]


def test_sums_that_do_not_fit_are_refused():
    tree = breadth_first_tree(planar_graph([], 3, [(0, 1), (1, 2)]))
    assert integrate_cycles(tree, np.array([20000, 12767])).tolist() == [0, 20000, 32767]
    with pytest.raises(InputError, match="16 bits"):
        integrate_cycles(tree, np.array([20000, 12768]))
