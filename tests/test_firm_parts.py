"""Parts of a graph that ever weaker edges join, against cases worked by hand."""

import numpy as np
import pytest
from emcflow.graph import firm_parts
from emcflow.graph.firm_parts import (
    JoiningEdges,
    joined_to,
    largest_parts,
    part_sizes,
    part_tree,
    parts_at,
)

WEIGHTS = np.array([4.0, 2.0, 1.0])


def row(first, number):
    """Edges of nodes in a row."""
    start = np.arange(first, first + number - 1)
    return np.column_stack((start, start + 1))


def tree_of(edges, classes, broken=(), large=5, needed=5, parts=1):
    """Part tree of edges in any order."""
    edges, classes = np.asarray(edges, np.int32), np.asarray(classes, np.uint8)
    order = np.argsort(classes, kind="stable")
    marks = np.isin(np.arange(len(edges)), broken)
    doubted = np.isin(np.arange(int(edges.max()) + 1), edges[marks])
    of_classes = [
        JoiningEdges(by, edges[some], marks[some])
        for by in np.unique(classes)
        for some in np.array_split(order[classes[order] == by], parts)
    ]
    return part_tree(of_classes, WEIGHTS, doubted, needed, large)


def npart(tree, last):
    return len(np.unique(parts_at(tree, last)))


@pytest.mark.parametrize(("necks", "parts"), [(2, 2), (3, 1)])
def test_two_large_parts_need_more_than_a_neck(necks, parts):
    """Edges of weight 2: three of them are over 5, two are not."""
    between = [[node, node + 6] for node in range(necks)]
    edges = np.vstack((row(0, 6), row(6, 6), between))
    tree = tree_of(edges, [0] * 10 + [1] * necks)
    assert npart(tree, 0) == 2
    assert npart(tree, 2) == parts


def test_one_edge_joins_a_few_nodes():
    tree = tree_of(np.vstack((row(0, 6), row(6, 3), [[5, 6]])), [0] * 7 + [2])
    assert npart(tree, 1) == 2 and npart(tree, 2) == 1


def test_broken_edges_count_against_others():
    """Of a node's three edges to a part two are broken: the third does not hold it."""
    edges = np.vstack((row(0, 6), [[0, 6], [1, 6], [2, 6]]))
    assert npart(tree_of(edges, [0] * 5 + [1] * 3, broken=[5, 6]), 2) == 2
    assert npart(tree_of(edges, [0] * 5 + [1] * 3, broken=[5]), 2) == 1


def test_broken_edges_of_two_large_parts_are_taken_off():
    between = [[node, node + 6] for node in range(6)]
    edges = np.vstack((row(0, 6), row(6, 6), between))
    classes = [0] * 10 + [1] * 6
    assert npart(tree_of(edges, classes, broken=[10]), 2) == 1  # 5 x 2 - 2 = 8
    assert npart(tree_of(edges, classes, broken=[10, 11]), 2) == 2  # 4 x 2 - 2 x 2 = 4


def test_weakest_class_on_the_strongest_way():
    edges = [[0, 1], [1, 2], [2, 3], [0, 3], [4, 5]]
    tree = tree_of(edges, [0, 2, 1, 1, 0])
    assert joined_to(tree, [0], 9).tolist() == [0, 0, 1, 1, 9, 9]
    assert joined_to(tree, [2], 9).tolist() == [1, 1, 0, 1, 9, 9]


def test_classes_of_a_way_are_those_of_single_linkage():
    """Without large parts it is the minimax way, by brute force."""
    rng = np.random.default_rng(4)
    edges = np.unique(np.sort(rng.integers(0, 40, (90, 2)), axis=1), axis=0)
    edges = np.vstack((edges[edges[:, 0] != edges[:, 1]], [[0, 39]]))
    classes = rng.integers(0, 3, len(edges))
    cost = np.full((40, 40), 9)
    np.fill_diagonal(cost, 0)
    cost[tuple(edges.T)] = cost[tuple(edges.T[::-1])] = classes
    for middle in range(40):
        cost = np.minimum(cost, np.maximum(cost[:, [middle]], cost[[middle]]))
    tree = tree_of(edges, classes, large=1000)
    for seed in (0, 17, 39):
        assert joined_to(tree, [seed], 9).tolist() == cost[seed].tolist()


@pytest.mark.parametrize("at_once", [1, 10, 10**6])
def test_edges_some_at_a_time_make_the_tree_of_all_at_once(at_once, monkeypatch):
    """Of a grid of nodes in small and large parts, with broken edges."""
    rng = np.random.default_rng(5)
    nodes = np.arange(900).reshape(30, 30)
    edges = np.vstack(
        [
            np.column_stack((a.ravel(), b.ravel()))
            for a, b in ((nodes[:, :-1], nodes[:, 1:]), (nodes[:-1], nodes[1:]))
        ]
    )
    classes = np.sort(rng.integers(0, 3, len(edges)))
    edges, broken = rng.permutation(edges), rng.choice(len(edges), 300, replace=False)
    whole = tree_of(edges, classes, broken)
    assert 20 < npart(whole, 2) < npart(whole, 0) < 800
    monkeypatch.setattr(firm_parts, "AT_ONCE", at_once)
    in_parts = tree_of(edges, classes, broken, parts=7)
    np.testing.assert_array_equal(in_parts.parent, whole.parent)
    np.testing.assert_array_equal(in_parts.joined, whole.joined)


def test_no_edges():
    none = np.empty((0, 2), np.int32)
    of_class = JoiningEdges(0, none, np.empty(0, bool))
    tree = part_tree([of_class], WEIGHTS, np.zeros(3, bool), 5, 5)
    assert parts_at(tree, 2).tolist() == [0, 1, 2]
    assert joined_to(tree, [1], 9).tolist() == [9, 0, 9]


def test_sizes_of_parts_and_the_largest_of_each_group():
    """Two parts of three nodes in one group, of which a node does not count; none in the last."""
    part = np.array([4, 1, 4, 1, 4, 1, 6], np.int32)
    size, first = part_sizes(part, np.array([1, 1, 1, 1, 1, 0, 1], bool))
    assert size.tolist() == [0, 2, 0, 0, 3, 0, 1]
    assert first.tolist() == [7, 1, 7, 7, 0, 7, 6]
    group = np.array([0, 0, 0, 0, 0, 0, 1], np.int32)
    largest, most = largest_parts(part, size, group, 3)
    assert largest.tolist() == [4, 6, 0] and most.tolist() == [3, 1, 0]
    equal, _ = part_sizes(part, np.ones(7, bool))
    assert largest_parts(part, equal, group, 2)[0].tolist() == [1, 6]
