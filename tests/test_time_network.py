"""The planar network in time: drawn from any pairs, its flows the cheapest that close all loops."""

from itertools import combinations

import numpy as np
import pytest
from emcflow.errors import InputError
from emcflow.graph.delaunay import point_mesh
from emcflow.io.network_tables import (
    read_design,
    read_interferograms,
    read_pair_table,
    read_time_network,
    write_design,
    write_network,
)
from emcflow.network.networks import hop3_network, planar_network
from emcflow.network.time_network import time_network
from emcflow.unwrap.costs import temporal_costs
from emcflow.unwrap.temporal import unwrap_in_time
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, milp
from test_network import all_pairs, as_sets, check_cycles_follow_dates, dates


def hops(n, most):
    """Every date with those up to so many ahead."""
    return np.array([(a, b) for a, b in all_pairs(n) if b - a <= most])


def free_pairs(network, pairs):
    """Pairs of a network that are none of some pairs: bool (network.npairs,)."""
    listed = set(map(tuple, pairs.tolist()))
    return np.array([tuple(pair) not in listed for pair in network.pairs.tolist()])


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 20])
def test_hop3_is_drawn_as_it_is_built(n):
    expected = hop3_network(dates(n))
    network, planar = time_network(dates(n), expected.pairs)
    assert planar.all()
    assert np.array_equal(network.pairs, expected.pairs)
    assert np.array_equal(network.triangles, expected.triangles)


@settings(deadline=None, max_examples=15)
@given(st.integers(4, 15), st.integers(0, 2**32 - 1))
def test_the_only_drawing_is_found(n, seed):
    """Dates put one by one into faces: such a network has one planar drawing only."""
    rng = np.random.default_rng(seed)
    faces = [(0, 1, 2), (0, 1, 2)]
    for new in range(3, n):
        a, b, c = faces.pop(rng.integers(len(faces)))
        faces += [(a, b, new), (a, c, new), (b, c, new)]
    expected = planar_network(dates(n), triangles=rng.permutation(n)[np.array(faces)])
    network, _ = time_network(dates(n), expected.pairs)
    assert as_sets(network.triangles) == as_sets(expected.triangles)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 14), st.floats(0, 0.6), st.integers(0, 2**32 - 1))
def test_any_pairs_are_drawn(n, share, seed):
    """Some pairs of a random tree and more: a planar network that no pair left out fits into."""
    rng = np.random.default_rng(seed)
    pairs = {(int(rng.integers(b)), b) for b in range(1, n)}
    pairs |= {pair for pair in all_pairs(n) if rng.random() < share}
    pairs = np.array(sorted(pairs))
    network, planar = time_network(dates(n), pairs)  # checks itself that all loops are triangles
    check_cycles_follow_dates(network, rng)
    assert set(map(tuple, network.pairs.tolist())) >= set(map(tuple, pairs[planar].tolist()))
    for left_out in pairs[~planar]:
        with_it = np.concatenate([pairs[planar], left_out[None]])
        assert not time_network(dates(n), np.unique(with_it, axis=0))[1].all()


def test_networks_with_few_loops():
    chain, _ = time_network(dates(5), hops(5, 1))
    assert chain.triangles.shape == (0, 3)
    star, _ = time_network(dates(5), np.array([(0, i) for i in range(1, 5)]))
    assert star.triangles.shape == (0, 3)
    hop2, _ = time_network(dates(6), hops(6, 2))
    assert as_sets(hop2.triangles) == {frozenset((i, i + 1, i + 2)) for i in range(4)}
    fan = np.array([(0, 1), (0, 2), (1, 2), (2, 3), (2, 4), (3, 4)])
    assert as_sets(time_network(dates(5), fan)[0].triangles) == {
        frozenset((0, 1, 2)),
        frozenset((2, 3, 4)),
    }
    square, _ = time_network(dates(4), np.array([(0, 1), (1, 2), (2, 3), (0, 3)]))
    assert (len(square.triangles), square.npairs) == (2, 5)


def test_of_pairs_that_are_not_planar_the_shortest_stay():
    pairs = hops(10, 4)
    network, planar = time_network(dates(10), pairs)
    assert np.array_equal(planar, np.diff(pairs, axis=1)[:, 0] <= 3)
    assert np.array_equal(network.pairs, hop3_network(dates(10)).pairs)


# Two squares side by side; a pair with three triangles on it; a wheel without one spoke.
FEW = [
    [(0, 1), (1, 2), (2, 3), (0, 3), (2, 5), (4, 5), (3, 4)],
    [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (0, 4), (1, 4)],
    [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4), (4, 5), (1, 5)],
]


@pytest.mark.parametrize("pairs", FEW)
def test_loops_of_many_pairs_close_at_the_least_cost(pairs):
    """Against integer programming over cycles of dates, which knows nothing of a drawing."""
    pairs = np.array(sorted(pairs))
    ndates = pairs.max() + 1
    network, planar = time_network(dates(ndates), pairs)
    free = free_pairs(network, pairs)
    assert planar.all() and free.any()
    costs = temporal_costs("distance", network)
    costs[free] = 0
    graph = point_mesh(np.argwhere(np.ones((3, 3))))
    phase = np.random.default_rng(5).uniform(-np.pi, np.pi, (ndates, 9)).astype(np.float32)
    phase[0] = 0
    k = unwrap_in_time(phase, graph, network, costs=costs)
    first, second = pairs.T
    gradient = phase[:, graph.edges[:, 1]].astype(float) - phase[:, graph.edges[:, 0]]
    nearest = -np.rint((gradient[second] - gradient[first]) / (2 * np.pi))
    found = costs[~free] @ np.abs(k[second] - k[first] - nearest)
    assert found.any()
    # Unknowns: cycles of dates, and what each pair is more or less than the nearest cycles.
    walks = np.eye(ndates)[second] - np.eye(ndates)[first]
    balance = np.hstack([walks, -np.eye(len(pairs)), np.eye(len(pairs))])
    weights = np.concatenate([np.zeros(ndates), costs[~free], costs[~free]])
    low = np.concatenate([np.full(ndates, -9), np.zeros(2 * len(pairs))])
    for link, values in enumerate(nearest.T):
        best = milp(
            weights,
            integrality=np.ones(len(weights)),
            bounds=(low, np.full(len(low), 9)),
            constraints=LinearConstraint(balance, values, values),
        )
        assert found[link] == round(best.fun)


def test_tables_keep_the_network(tmp_path):
    pairs = np.array(sorted([*all_pairs(5), (4, 5), (5, 6), (6, 7), (4, 7)]))
    network, planar = time_network(dates(8), pairs)
    assert not planar.all()
    tables = tmp_path / "network.csv", tmp_path / "triangles.csv"
    write_network(*tables, network, pairs, planar)
    again, formed = read_time_network(*tables)
    assert np.array_equal(again.triangles, network.triangles)
    assert np.array_equal(formed, ~free_pairs(network, pairs))
    interferograms = read_interferograms(*tables)
    assert interferograms.dates == tuple(dates(8))
    assert np.array_equal(interferograms.pairs, pairs)
    listed = set(map(tuple, pairs.tolist()))
    loops = [t for t in np.sort(network.triangles).tolist() if listed >= set(combinations(t, 2))]
    assert 0 < len(loops) < len(network.triangles)
    assert as_sets(interferograms.triangles) == as_sets(np.array(loops))


def test_pairs_and_design_are_read_as_they_were_written(tmp_path):
    dates = ["20200101", "20200113", "20200125", "20200206"]
    pairs, planar = np.array([[0, 1], [0, 2], [1, 3]]), np.array([True, False, True])
    paths = [tmp_path / name for name in ("network.csv", "triangles.csv", "design.csv")]
    write_network(*paths[:2], hop3_network(dates), pairs, planar)
    table = read_pair_table(paths[0])
    assert table.dates == tuple(dates)
    assert table.names == ("20200101_20200113", "20200101_20200125", "20200113_20200206")
    np.testing.assert_array_equal(table.pairs, pairs)
    np.testing.assert_array_equal(table.planar, planar)

    values = np.array([[0, 0], [0.5, -1], [1, 3], [1.5, 2]])
    write_design(paths[2], dates, pairs, ["velocity_mm_yr", "dem_error_m"], values)
    design = read_design(paths[2])
    assert design.dates == dates
    np.testing.assert_array_equal(design.of_dates(["dem_error_m"])[:, 0], values[:, 1])
    last = paths[2].read_text().splitlines()[-1]
    assert last == "pair,20200113,20200206,1.0,3.0"  # the second date less the first


def test_pairs_that_join_nothing_are_refused():
    with pytest.raises(InputError, match="2 separate parts"):
        time_network(dates(4), np.array([(0, 1), (2, 3)]))
