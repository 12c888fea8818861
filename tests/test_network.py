"""Networks of dates against counts known from Euler and against truth."""

from datetime import date, timedelta

import numpy as np
import pytest
from emcflow.errors import InputError
from emcflow.graph.planar import breadth_first_tree, dual_adjacency, integrate_cycles, residues
from emcflow.network.networks import hop3_network, planar_network
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import Delaunay


def dates(n):
    return [f"{date(2020, 1, 1) + timedelta(12 * i):%Y%m%d}" for i in range(n)]


def all_pairs(n):
    return [(a, b) for a in range(n) for b in range(a + 1, n)]


def as_sets(triangles):
    return {frozenset(t) for t in triangles.tolist()}


@pytest.mark.parametrize("n", range(2, 13))
def test_hop3_pairs_are_the_three_next_dates(n):
    network = hop3_network(dates(n))
    expected = [(a, b) for a, b in all_pairs(n) if b - a <= 3]
    assert list(map(tuple, network.pairs.tolist())) == expected
    assert network.ndates == n
    assert network.npairs == len(expected) == (3 * n - 6 if n > 2 else 1)


@pytest.mark.parametrize("n", range(4, 13))
def test_hop3_triangles_cover_the_sphere(n):
    network = hop3_network(dates(n))
    graph = network.graph
    assert len(as_sets(network.triangles)) == graph.ntriangles == 2 * n - 4
    assert n - network.npairs + graph.ntriangles == 2
    assert (np.bincount(graph.triangle_edges.ravel(), minlength=network.npairs) == 2).all()
    assert graph.ground not in graph.left
    assert graph.ground not in graph.right
    assert np.diff(dual_adjacency(graph).indptr).tolist() == [3] * (2 * n - 4) + [0]


@pytest.mark.parametrize("n", range(2, 13))
def test_values_per_date_close_around_every_triangle(n):
    network = hop3_network(dates(n))
    value = np.random.default_rng(n).integers(-50, 50, (20, n))
    k = value[:, network.pairs[:, 1]] - value[:, network.pairs[:, 0]]
    assert not residues(network.graph, k).any()
    # And only differences of dates close: any pair off by a cycle leaves residues.
    for pair in range(network.npairs if n > 2 else 0):
        broken = k[0].copy()
        broken[pair] += 1
        assert residues(network.graph, broken).any()


def test_two_and_three_dates():
    two, three = hop3_network(dates(2)), hop3_network(dates(3))
    assert two.triangles.shape == (0, 3)
    assert two.pair_names == ["20200101_20200113"]
    assert three.triangles.tolist() == [[0, 1, 2]]
    assert three.pair_names == ["20200101_20200113", "20200101_20200125", "20200113_20200125"]


@settings(deadline=None, max_examples=40)
@given(st.integers(3, 30), st.integers(0, 2**32 - 1))
def test_delaunay_networks(n, seed):
    """Delaunay in time and baseline: triangles in any sense, the outline open to the ground."""
    rng = np.random.default_rng(seed)
    plane = np.stack([np.arange(n) + rng.uniform(-0.3, 0.3, n), rng.normal(size=n)], axis=1)
    simplices = Delaunay(plane).simplices
    network = planar_network(dates(n), triangles=rng.permuted(simplices, axis=1))
    assert as_sets(network.triangles) == as_sets(simplices)
    assert network.npairs == n + len(simplices) - 1
    check_cycles_follow_dates(network, rng)


def check_cycles_follow_dates(network, rng):
    """No residue means: the pairs are differences of dates. True when all loops are triangles."""
    tree = breadth_first_tree(network.graph)
    value = rng.integers(-50, 50, network.ndates)
    k = value[network.pairs[:, 1]] - value[network.pairs[:, 0]]
    assert not residues(network.graph, k).any()
    assert np.array_equal(integrate_cycles(tree, k), value - value[0])
    # A cycle more on a pair shows as a residue, unless the pair is in no loop at all.
    for pair in range(network.npairs):
        sides = network.graph.left[pair], network.graph.right[pair]
        broken = k.copy()
        broken[pair] += 1
        assert residues(network.graph, broken).any() == (sides[0] != sides[1])


@pytest.mark.parametrize(
    ("n", "kwargs", "message"),
    [
        (4, {"pairs": [(0, 1), (1, 2), (2, 3), (0, 3)]}, "1 of the 1 independent loops"),
        # A ring of triangles around an open square.
        (
            8,
            {
                "triangles": [
                    *[(0, 1, 4), (1, 4, 5), (1, 2, 5), (2, 5, 6)],
                    *[(2, 3, 6), (3, 6, 7), (3, 0, 7), (0, 7, 4)],
                ]
            },
            "1 of the 9 independent loops",
        ),
        (4, {"triangles": [(0, 1, 2)], "pairs": [(0, 1), (0, 2), (1, 2)]}, "2 separate parts"),
        (4, {"pairs": [(0, 1), (2, 3)]}, "20200101, 20200113; 20200125, 20200206"),
        (3, {}, "3 separate parts"),
        (5, {"pairs": all_pairs(5)}, "6 of the 6 independent loops"),
        (5, {"triangles": [(0, 1, 2), (0, 1, 3), (0, 1, 4)]}, "lies in 3 triangles"),
        (7, {"pairs": [(0, 1)]}, "20200101, 20200113; .*20200301; and others"),
        (3, {"triangles": [(0, 1, 3)]}, "different dates"),
        (3, {"pairs": [(0, 1), (1, 1)]}, "different dates"),
        # A Moebius strip: no side of it is the left one.
        (5, {"triangles": [(i, (i + 1) % 5, (i + 2) % 5) for i in range(5)]}, "the same way"),
    ],
)
def test_networks_that_flows_cannot_unwrap(n, kwargs, message):
    with pytest.raises(InputError, match=message):
        planar_network(dates(n), **kwargs)


def test_a_torus_is_refused():
    """Seven dates, all paired, on a torus: each pair in two triangles, two loops left over."""
    triangles = [(i, (i + 1) % 7, (i + 3) % 7) for i in range(7)]
    triangles += [(i, (i + 2) % 7, (i + 3) % 7) for i in range(7)]
    with pytest.raises(InputError, match="2 of the 15 independent loops"):
        planar_network(dates(7), triangles=triangles)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (["20200101"], "1 date, expected at least 2"),
        ([], "0 dates, expected at least 2"),
        (["20200113", "20200101"], "20200101 follows 20200113"),
        (["20200101", "20200101"], "20200101 follows 20200101"),
        (["20200101", "20200230"], "'20200230' is no date"),
        (["20200101", "2020-2-3"], "'2020-2-3' is no date"),
    ],
)
def test_bad_dates(bad, message):
    with pytest.raises(InputError, match=message):
        hop3_network(bad)
