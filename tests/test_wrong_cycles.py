"""Probability of a wrong cycle: what goes into it, and that it holds on a scene with truth."""

import numpy as np
import pytest
from emcflow.graph.delaunay import links_within, point_mesh
from emcflow.graph.planar import breadth_first_tree
from emcflow.network.networks import hop3_network
from emcflow.unwrap import wrong_cycles
from emcflow.unwrap.costs import spatial_costs
from emcflow.unwrap.labels import (
    CLASSES,
    broken_share,
    changed_links,
    firm_regions,
    good_regions,
    link_quality,
    ordered_links,
    pair_labels,
)
from emcflow.unwrap.significant import plain_coherence
from emcflow.unwrap.spatial import unwrap_in_space
from emcflow.unwrap.temporal import unwrap_in_time
from emcflow.unwrap.wrong_cycles import (
    as_decibels,
    evidence,
    ways_to_cores,
    wrong_decibels,
    wrong_probability,
)

DATES = [f"2020{month:02d}01" for month in range(1, 13)]


def of_row(quality, broken=(), unwrapped=None, component=None):
    """Evidence of points in a row, and their labels."""
    npoints = len(quality) + 1
    edges = np.column_stack((np.arange(npoints - 1), np.arange(1, npoints))).astype(np.int32)
    kept = edges if component is None else edges[component[edges[:, 0]] == component[edges[:, 1]]]
    quality = np.asarray(quality, np.float32)[kept[:, 0]]
    component = np.zeros(npoints, np.int32) if component is None else component
    breaks = np.isin(kept[:, 0], broken)
    tree = firm_regions(kept, ordered_links(quality), breaks, npoints)
    share = broken_share(kept, breaks, npoints)
    region = good_regions(tree)
    labels = pair_labels(region, share)
    phase = np.zeros(npoints) if unwrapped is None else unwrapped
    ways = ways_to_cores(tree, region, labels, component)
    degree = np.bincount(kept.ravel(), minlength=npoints)
    return evidence([kept[:9], kept[9:]], degree, ways, share, phase, 0.01), labels


def test_the_weakest_link_on_the_way_to_the_core_by_hand():
    """30 points of the best class, then a link of class 6, one of class 3 and one of class 12."""
    found, _ = of_row([0.99] * 29 + [0.68, 0.83, 0.38])
    assert found.of_point()[:, 1].tolist() == [0] * 30 + [6, 6, 12]
    assert found.of_region()[:, 1].tolist() == [0] * 32 + [3]
    assert not found.other.any()


def test_the_core_of_each_component_is_its_own():
    component = np.repeat(np.arange(2, dtype=np.int32), [40, 30])
    found, _ = of_row([0.99] * 69, component=component)
    assert found.of_point()[:, 1].max() == 0
    assert not found.other.any()


def test_a_region_behind_a_wall_may_be_off_as_a_whole():
    found, labels = of_row([0.9] * 79, broken=[49])
    assert np.unique(labels).tolist() == [0, 1, 2]
    np.testing.assert_array_equal(found.other, labels == 2)
    assert found.of_point()[55, 1] == CLASSES  # nothing joins it to the core
    probability = wrong_probability(found)
    assert probability[60] > 0.1 > 100 * probability[10]
    assert probability[48:52].min() > 3 * probability[40]


def test_changed_links_and_neighbours_by_hand():
    """A point leans by the mean difference from its neighbours; changes spread in three rounds."""
    phase = np.zeros(41)
    phase[20:] = [1, 3, *[3] * 19]
    found, _ = of_row([0.99] * 40, broken=[30], unwrapped=phase)
    np.testing.assert_allclose(found.of_point()[[10, 20, 21], 5], [0, 0.5, 1])
    assert found.of_point()[[29, 30, 31, 32], 2].tolist() == [0, 0.5, 0.5, 0]
    around = np.exp(found.of_point()[:, 3]) - 1e-3
    # half of itself and a quarter of each neighbour, three times: as the heads of six coins
    coins = np.array([1, 6, 15, 20, 15, 6, 1]) / 64
    expected = 0.5 * sum(np.convolve(np.eye(41)[at], coins, "same") for at in (30, 31))
    np.testing.assert_allclose(around[10:38], expected[10:38], atol=1e-9)
    np.testing.assert_allclose(found.of_point()[:, 4], np.log(0.011))


def test_bytes_of_all_points_are_those_of_some_at_a_time(monkeypatch):
    found, _ = of_row([0.99] * 29 + [0.68, 0.83, 0.38], broken=[12], unwrapped=np.arange(33.0) % 4)
    part, of_parts = np.repeat([0, 1], [20, 13]), np.array([0, 0.25])
    right = (1 - wrong_probability(found)) * (1 - of_parts[part])
    expected = as_decibels(1 - right)
    monkeypatch.setattr(wrong_cycles, "AT_ONCE", 8)
    np.testing.assert_array_equal(wrong_decibels(found, part, of_parts), expected)
    assert len(np.unique(expected)) > 3


@pytest.mark.parametrize(("probability", "value"), [(1, 0), (0.5, 3), (1e-3, 30), (0, 254)])
def test_probabilities_as_bytes(probability, value):
    found = as_decibels(np.array([probability]))
    assert found.dtype == np.uint8 and found.tolist() == [value]


def test_probabilities_hold_where_the_truth_is_known():
    """A plain with a noisy half: what is said is what is wrong, within a factor of three."""
    rng = np.random.default_rng(2)
    points = np.argwhere(rng.random((60, 90)) < 0.8).astype(np.int32)
    noise = np.where(points[:, 1] < 45, 0.35, 0.8)
    phase = rng.normal(0, noise, (12, len(points))) + np.outer(np.arange(12), 0.02 * points[:, 0])
    phase -= phase[0]
    network, graph = hop3_network(DATES), point_mesh(points)
    wrapped = np.angle(np.exp(1j * phase)).astype(np.float32)
    plain = plain_coherence(wrapped, graph)
    in_time = unwrap_in_time(wrapped, graph, network)
    tree = breadth_first_tree(graph, links_within(points, graph.edges))
    costs = spatial_costs("coherence", graph, points, plain)
    cycles, statistics = unwrap_in_space(in_time, network, graph, tree, costs)
    ordered = ordered_links(link_quality(plain, plain, 12, 0))
    said, wrong = [], []
    for pair, changed in enumerate(changed_links(in_time, cycles, network, graph.edges)):
        first, second = network.pairs[pair]
        broken = np.isin(np.arange(graph.nedges), changed)
        joined = firm_regions(graph.edges, ordered, broken, len(points))
        region = good_regions(joined)
        changed_share = broken_share(graph.edges, broken, len(points))
        labels = pair_labels(region, changed_share)
        unwrapped = wrapped[second].astype(float) - wrapped[first] + 2 * np.pi * cycles[pair]
        share = statistics["residues"][pair] / graph.ntriangles
        component = np.zeros(len(points), np.int32)
        ways = ways_to_cores(joined, region, labels, component)
        degree = np.bincount(graph.edges.ravel(), minlength=len(points))
        found = evidence([graph.edges], degree, ways, changed_share, unwrapped.copy(), share)
        said.append(wrong_probability(found))
        off = np.rint((unwrapped - phase[second] + phase[first]) / (2 * np.pi))
        wrong.append(off != np.median(off))
    said, wrong = np.concatenate(said), np.concatenate(wrong)
    assert 1e-3 < wrong.mean() < 0.1
    assert wrong.mean() / 3 < said.mean() < 3 * wrong.mean()
    low = said < 1e-3
    assert wrong[low].mean() < 2e-3 and low[~wrong].mean() > 0.4
    high = said > 0.1
    assert wrong[high].mean() > 0.03 and wrong[high].sum() > 0.4 * wrong.sum()
