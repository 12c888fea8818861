"""Labels of an interferogram: regions in which nothing says that a cycle is missing."""

import numpy as np
import pytest
from emcflow.graph.delaunay import links_within, point_mesh
from emcflow.graph.planar import breadth_first_tree
from emcflow.network.networks import hop3_network
from emcflow.unwrap.costs import spatial_costs
from emcflow.unwrap.labels import (
    broken_share,
    changed_links,
    class_weights,
    firm_regions,
    good_regions,
    link_quality,
    ordered_links,
    pair_labels,
)
from emcflow.unwrap.significant import plain_coherence
from emcflow.unwrap.spatial import unwrap_in_space
from emcflow.unwrap.temporal import unwrap_in_time

DATES = [f"2020{month:02d}01" for month in range(1, 13)]


def labelled(points, phase):
    """Unwrap a scene; return labels and cycles off the truth of every pair."""
    network, graph = hop3_network(DATES[: len(phase)]), point_mesh(points)
    wrapped = np.angle(np.exp(1j * phase)).astype(np.float32)
    plain = plain_coherence(wrapped, graph)
    costs = spatial_costs("coherence", graph, points, plain)
    in_time = unwrap_in_time(wrapped, graph, network)
    tree = breadth_first_tree(graph, links_within(points, graph.edges))
    cycles, statistics = unwrap_in_space(in_time, network, graph, tree, costs)
    links = ordered_links(link_quality(plain, plain, len(phase), 0))
    labels = np.empty(cycles.shape, np.uint16)
    changed = changed_links(in_time, cycles, network, graph.edges)
    assert [len(of_pair) for of_pair in changed] == statistics["flow_links"].tolist()
    for pair, of_pair in enumerate(changed):
        broken = np.isin(np.arange(graph.nedges), of_pair)
        share = broken_share(graph.edges, broken, len(points))
        joined = firm_regions(graph.edges, links, broken, len(points))
        labels[pair] = pair_labels(good_regions(joined), share)
    first, second = network.pairs.T
    stored = wrapped[second].astype(float) - wrapped[first]
    off = np.rint((stored - phase[second] + phase[first]) / (2 * np.pi) + cycles).astype(int)
    return labels, off


def wrong_inside(labels, off):
    """Share of labelled points that are off the most frequent cycle of their label."""
    wrong = 0
    for of_points, own in zip(labels, off, strict=True):
        for label in np.unique(of_points[of_points > 0]):
            inside = own[of_points == label]
            wrong += np.count_nonzero(inside != np.bincount(inside + 99).argmax() - 99)
    return wrong / np.count_nonzero(labels)


def two_sides(neck, noise, seed=3):
    """Two plains that differ by another phase at each date, and a noisy neck between them."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((30, 62), bool)
    mask[:, :30] = mask[:, 32:] = True
    mask[14 : 14 + neck, 30:32] = True
    points = np.argwhere(mask).astype(np.int32)
    side = points[:, 1] > 30
    apart = 2 * np.pi * np.arange(12) * 5 / 12
    phase = np.outer(apart, side) + rng.normal(0, noise, (12, len(points)))
    phase[:, (points[:, 1] == 30) | (points[:, 1] == 31)] += rng.normal(0, 1.2, (12, 2 * neck))
    phase[0] = 0
    return points, side, phase


def test_two_sides_that_a_noisy_neck_joins_have_labels_of_their_own():
    points, side, phase = two_sides(neck=2, noise=0.3)
    labels, off = labelled(points, phase)
    assert np.mean(labels > 0) > 0.95
    assert wrong_inside(labels, off) == 0
    at_both = [np.intersect1d(row[side], row[~side]) for row in labels]
    assert all(np.isin(both, 0).all() for both in at_both)


def test_a_quiet_plain_has_one_label():
    points = np.argwhere(np.ones((30, 40), bool)).astype(np.int32)
    rng = np.random.default_rng(1)
    phase = np.outer(np.arange(8), 0.05 * points[:, 1]) + rng.normal(0, 0.4, (8, len(points)))
    phase[0] = 0
    labels, off = labelled(points, phase)
    assert np.mean(labels == 1) > 0.99
    assert wrong_inside(labels, off) < 1e-3


def test_weights_fall_with_the_class_and_are_as_the_normal_distribution_says():
    weights = class_weights()
    assert (np.diff(weights) < 0).all() and weights[-1] > 0
    # coherence 0.525: deviation sqrt(-4 ln 0.525) = 1.605, 1.957 deviations to pi: 5.03 %
    np.testing.assert_allclose(weights[9], -np.log(0.0503), atol=0.01)


@pytest.mark.parametrize(("ndates", "nterms", "expected"), [(2, 0, 1), (4, 2, 0.6), (9, 2, 0.8)])
def test_quality_is_the_higher_coherence_of_those_that_dates_are_left_to_tell(
    ndates, nterms, expected
):
    """Of noise the coherence g of n dates with k terms is sqrt(g^2 + (1 - g^2) (1 + k) / n)."""
    biased = [np.sqrt([g**2 + (1 - g**2) * (1 + k) / ndates]) for g, k in ((0.6, 0), (0.8, nterms))]
    np.testing.assert_allclose(link_quality(*biased, ndates, nterms), [expected], rtol=1e-6)


def test_labels_by_size_and_none_for_the_small():
    points = np.argwhere(np.ones((1, 100), bool))
    edges = np.column_stack((np.arange(99), np.arange(1, 100))).astype(np.int32)
    broken = np.zeros(99, bool)
    broken[[29, 89]] = True  # parts of 30, 60 and 10 points
    links = ordered_links(np.full(99, 0.9, np.float32))
    region = good_regions(firm_regions(edges, links, broken, len(points)))
    labels = pair_labels(region, np.zeros(100))
    assert labels.tolist() == [2] * 30 + [1] * 60 + [0] * 10
    labels = pair_labels(region, broken_share(edges, broken, 100))
    assert labels[[29, 30, 89, 90]].tolist() == [0] * 4


def test_links_are_in_the_order_of_their_quality_and_equal_ones_in_their_own():
    quality = np.array([0.5, 1, 0, 0.5, 0.97, -0.0, 1, 0.5], np.float32)
    links = ordered_links(quality)
    assert links.order.tolist() == [1, 6, 4, 0, 3, 7, 2, 5]
    assert links.order.dtype == np.int32 and links.classes.dtype == np.uint8
    assert links.classes.tolist() == [0, 0, 0, 10, 10, 10, 19, 19]
