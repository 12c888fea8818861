import numpy as np
import pytest
from emcflow.errors import InputError
from emcflow.graph.delaunay import point_mesh
from emcflow.graph.mcf import flow_cost, solve_flows
from emcflow.graph.planar import breadth_first_tree, planar_graph, residues
from emcflow.network.networks import hop3_network, planar_network
from emcflow.unwrap.costs import spatial_costs, temporal_costs
from emcflow.unwrap.significant import significant_params
from emcflow.unwrap.spatial import unwrap_in_space
from emcflow.unwrap.temporal import unwrap_in_time

DATES = [f"2020{month:02d}{day:02d}" for month in range(1, 13) for day in (3, 19)]
NETWORKS = {
    "two dates": hop3_network(DATES[:2]),
    "three dates": hop3_network(DATES[:3]),
    "hop 3": hop3_network(DATES[:12]),
    "strip of triangles": planar_network(
        DATES[:8], triangles=[(i, i + 1, i + 2) for i in range(6)]
    ),
    "with a pair outside triangles": planar_network(
        DATES[:5], pairs=[(2, 3), (3, 4)], triangles=[(0, 1, 2)]
    ),
    "not a chain": planar_network(
        DATES[:6], triangles=[(0, 3, 5), (3, 4, 5), (1, 3, 4), (0, 2, 5)]
    ),
}


def wrap(phase):
    return np.angle(np.exp(1j * np.asarray(phase))).astype(np.float32)


def grid(rows, cols, keep=1.0, seed=0):
    mask = np.random.default_rng(seed).random((rows, cols)) < keep
    return np.argwhere(mask).astype(np.int32)


def gradients(phase, graph):
    return phase[:, graph.edges[:, 1]].astype(float) - phase[:, graph.edges[:, 0]]


def nearest_cycles(phase, graph, network, model=0.0):
    """Cycles (npairs, nlinks) that bring every pair's gradient nearest to the model's."""
    off = gradients(phase, graph) - model
    first, second = network.pairs.T
    return -np.rint((off[second] - off[first]) / (2 * np.pi)).astype(int)


def pair_values(k, network):
    first, second = network.pairs.T
    return k[second].astype(int) - k[first]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("kind", ["constant", "distance", "centroid"])
def test_time_flows_have_the_least_cost_on_every_link(name, kind):
    network = NETWORKS[name]
    graph = point_mesh(grid(12, 10, keep=0.8))
    noise = np.random.default_rng(1).standard_normal((network.ndates, graph.nnodes))
    phase = wrap(1.1 * noise - 1.1 * noise[0])
    costs = temporal_costs(kind, network)
    k = unwrap_in_time(phase, graph, network, costs=costs)
    nearest = nearest_cycles(phase, graph, network)
    loops = residues(network.graph, nearest.T)
    # Differences of one value per date close by themselves; they must also be cheapest to reach.
    flows = pair_values(k, network).T - nearest.T
    expected = solve_flows(network.graph, loops, costs, solver="ortools")
    np.testing.assert_array_equal(flow_cost(flows, costs), flow_cost(expected, costs))
    assert not residues(network.graph, pair_values(k, network).T).any()
    assert not k[0].any()
    if network.ndates > 2:
        assert (loops != 0).any()


def test_time_finds_the_true_gradients_of_smooth_phase():
    network = NETWORKS["hop 3"]
    points = grid(20, 30, keep=0.7)
    graph = point_mesh(points)
    years = np.arange(network.ndates) / 24
    truth = years[:, None] * (3.0 * points[:, 0] + 9 * np.sin(points[:, 1] / 5.0))
    phase = wrap(truth)
    k = unwrap_in_time(phase, graph, network)
    np.testing.assert_allclose(
        gradients(phase, graph) + 2 * np.pi * k, gradients(truth, graph), atol=1e-5
    )


def test_time_follows_a_model_that_leaves_half_a_cycle_far_behind():
    network = NETWORKS["hop 3"]
    points = grid(15, 15, keep=0.7)
    graph = point_mesh(points)
    rng = np.random.default_rng(2)
    design = np.stack([np.arange(12) / 3.0, rng.uniform(-9, 9, 12)], axis=1)
    design[0] = 0
    terms = np.stack([points[:, 0] * 2.0, rng.uniform(-5, 5, len(points))])
    truth = design @ terms + 0.3 * rng.standard_normal((12, len(points)))
    truth -= truth[0]
    phase = wrap(truth)
    steep = gradients(truth, graph)
    params = (terms[:, graph.edges[:, 1]] - terms[:, graph.edges[:, 0]]).astype(np.float32)
    k = unwrap_in_time(phase, graph, network, design=design, params=params)
    assert np.abs(pair_values(k, network)).max() > 5
    np.testing.assert_allclose(gradients(phase, graph) + 2 * np.pi * k, steep, atol=1e-4)
    without = unwrap_in_time(phase, graph, network)
    assert (without != k).mean() > 0.2


def test_time_is_the_same_whatever_the_threads_and_neighbours():
    network = NETWORKS["hop 3"]
    points = grid(80, 80)
    graph = point_mesh(points)
    assert graph.nedges > 2 * 8192
    noise = np.random.default_rng(3).standard_normal((network.ndates, graph.nnodes))
    phase = wrap(noise - noise[0])
    calls = []
    k = unwrap_in_time(
        phase, graph, network, n_threads=3, progress=lambda done, total: calls.append((done, total))
    )
    assert calls == [(1, 3), (2, 3), (3, 3)]
    np.testing.assert_array_equal(k, unwrap_in_time(phase, graph, network))
    # One link by itself is solved as it is among thousands with the same residues.
    for link in (5, 9000, graph.nedges - 1):
        ends = graph.edges[link]
        alone = unwrap_in_time(phase[:, ends], point_mesh(points[ends]), network)
        np.testing.assert_array_equal(alone[:, 0], k[:, link])


def test_time_refuses_what_it_cannot_unwrap():
    network = NETWORKS["three dates"]
    graph = point_mesh(grid(2, 2))
    phase = np.zeros((3, 4), np.float32)
    with pytest.raises(InputError, match=r"phase has shape \(2, 4\), expected \(3, 4\)"):
        unwrap_in_time(phase[:2], graph, network)
    bad = phase.copy()
    bad[1, 2] = np.nan
    with pytest.raises(InputError, match="phase of date 1 at point 2 is nan"):
        unwrap_in_time(bad, graph, network)
    design = np.ones((3, 1))
    with pytest.raises(InputError, match=r"expected \(3, nterms\) and \(nterms, 5\)"):
        unwrap_in_time(phase, graph, network, design, np.ones((1, 4), np.float32))
    for value in (np.nan, 1e6):
        with pytest.raises(InputError, match="the link model reaches"):
            unwrap_in_time(phase, graph, network, design, np.full((1, 5), value, np.float32))


def test_params_are_kept_where_they_beat_none():
    # Links 0-1 and 1-2 of three points in a line; ramp of 1 rad per date on the first link only.
    graph = point_mesh(np.array([(0, 0), (0, 1), (0, 2)]))
    ndates = 16
    noise = 0.3 * np.random.default_rng(6).standard_normal((ndates, 3))
    design = np.arange(ndates)[:, None] * 1.0
    phase = wrap(noise - noise[0] + design * [0, 1, 1])
    params = np.array([[1.0, 0.02]], np.float32)
    off = gradients(phase, graph) - design @ params
    coherence = np.abs(np.exp(1j * off).mean(axis=0))
    kept = significant_params(phase, graph, design, params, coherence, [(-2, 2)], n_threads=2)
    np.testing.assert_array_equal(kept, np.array([[1.0, 0.0]], np.float32))


@pytest.mark.parametrize("high", [0.5, 50.0])
def test_params_need_a_gain_that_grows_with_the_search(high):
    graph = point_mesh(np.array([(0, 0), (0, 1)]))
    ndates = 9
    phase = np.zeros((ndates, 2), np.float32)
    phase[::2, 1] = 0.8
    plain = np.abs(np.exp(1j * phase[:, 1]).mean())
    design = np.linspace(0, 2 * np.pi, ndates)[:, None]
    # The span of the design is one cycle per unit: 2 high cells, but never less than one.
    needed = np.log(2 * high) + 0.5 * np.log(ndates)
    for excess, expected in ((-0.01, 0), (0.01, 3)):
        better = plain ** np.exp(-2 * (needed + excess) / ndates)
        kept = significant_params(
            phase, graph, design, np.full((1, 1), 3.0), np.array([better]), [(-high, high)]
        )
        assert kept[0, 0] == expected


def test_time_and_space_do_better_without_peaks_of_noise():
    network = hop3_network(DATES[:16])
    points = grid(40, 40, keep=0.8)
    graph = point_mesh(points)
    rng = np.random.default_rng(8)
    design = np.linspace(0, 20, 16)[:, None]
    height = np.where((points // 8).sum(axis=1) % 2, 1.0, 0.0)
    truth = design * height + 0.95 * rng.standard_normal((16, len(points)))
    truth -= truth[0]
    phase = wrap(truth)
    step = gradients(phase, graph)
    trials = np.linspace(-2, 2, 201)
    power = np.array([np.abs(np.exp(1j * (step - design * v)).mean(axis=0)) for v in trials])
    params, coherence = trials[power.argmax(axis=0)][None], power.max(axis=0)
    kept = significant_params(phase, graph, design, params, coherence, [(-2, 2)])
    first, second = network.pairs.T
    wrong = {}
    for name, used in (("all", params), ("supported", kept)):
        k = unwrap_in_time(phase, graph, network, design, used)
        c, _ = unwrap_pairs(k, network, graph, spatial_costs("coherence", graph, points, coherence))
        error = phase[second].astype(float) - phase[first] + 2 * np.pi * c
        error = np.rint((error - truth[second] + truth[first]) / (2 * np.pi))
        wrong[name] = (error != np.median(error, axis=1, keepdims=True)).mean()
    assert wrong["supported"] < 0.6 * wrong["all"]


def unwrap_pairs(k, network, graph, costs=None, **options):
    tree = breadth_first_tree(graph)
    if costs is None:
        costs = np.ones(graph.nedges, np.int32)
    return unwrap_in_space(k, network, graph, tree, costs, **options)


def test_space_recovers_noisy_ramps():
    network = NETWORKS["hop 3"]
    points = grid(40, 50, keep=0.7)
    graph = point_mesh(points)
    rng = np.random.default_rng(4)
    ramp = 0.15 * rng.standard_normal((12, 2)) @ points.T
    truth = ramp + 0.5 * rng.standard_normal((12, len(points)))
    truth -= truth[0]
    phase = wrap(truth)
    k = unwrap_in_time(phase, graph, network)
    c, statistics = unwrap_pairs(k, network, graph)
    assert statistics["residues"].sum() > 100
    first, second = network.pairs.T
    wrapped = phase[second].astype(float) - phase[first]
    error = (wrapped + 2 * np.pi * c - (truth[second] - truth[first])) / (2 * np.pi)
    error -= np.median(error, axis=1, keepdims=True)
    assert (np.abs(error) < 1e-3).mean() > 0.995


@pytest.mark.parametrize("solver", ["ssp", "ortools"])
def test_space_statistics_are_those_of_the_cheapest_flow(solver):
    network = NETWORKS["strip of triangles"]
    points = grid(25, 30, keep=0.8)
    graph = point_mesh(points)
    rng = np.random.default_rng(5)
    noise = 1.3 * rng.standard_normal((network.ndates, graph.nnodes))
    k = unwrap_in_time(wrap(noise - noise[0]), graph, network)
    costs = rng.integers(1, 100, graph.nedges)
    c, statistics = unwrap_pairs(k, network, graph, costs, solver=solver, n_threads=2)
    gradient = pair_values(k, network)
    flow = c[:, graph.edges[:, 1]].astype(int) - c[:, graph.edges[:, 0]] - gradient
    loops = residues(graph, gradient)
    best = solve_flows(graph, loops, costs, solver="ortools")
    np.testing.assert_array_equal(statistics["cost"], flow_cost(best, costs))
    np.testing.assert_array_equal(statistics["cost"], flow_cost(flow, costs))
    np.testing.assert_array_equal(statistics["residues"], (loops[:, :-1] != 0).sum(axis=1))
    np.testing.assert_array_equal(statistics["flow_links"], (flow != 0).sum(axis=1))
    np.testing.assert_array_equal(statistics["flow_sum"], np.abs(flow).sum(axis=1))
    assert statistics["residues"].min() > 50
    again, _ = unwrap_pairs(k, network, graph, costs, solver=solver)
    np.testing.assert_array_equal(c, again)


def test_space_integrates_islands_one_by_one():
    # Two triangles without a link between them, the second with a residue.
    graph = planar_graph([(0, 1, 2), (3, 4, 5)], 6)  # edges 01 02 12 34 35 45
    network = NETWORKS["two dates"]
    k = np.array([[0, 0, 0, 0, 0, 0], [1, 3, 2, 0, 1, 0]], np.int16)
    c, statistics = unwrap_pairs(k, network, graph, np.array([1, 1, 1, 5, 1, 5]))
    np.testing.assert_array_equal(c, [[0, 1, 3, 0, 0, 0]])
    np.testing.assert_array_equal(statistics.pop("crossings"), [0, 0, 0, 1, 0, 1])
    assert {name: int(values[0]) for name, values in statistics.items()} == {
        "residues": 1,
        "flow_links": 1,
        "flow_sum": 1,
        "cost": 1,
    }


@pytest.mark.parametrize("solver", ["ssp", "ortools"])
@pytest.mark.parametrize("points", [[], [(3, 4)], [(0, 0), (2, 5)], [(i, 2 * i) for i in range(9)]])
def test_meshes_without_triangles_are_integrated(points, solver):
    network = NETWORKS["hop 3"]
    points = np.array(points, np.int32).reshape(-1, 2)
    graph = point_mesh(points)
    truth = np.arange(12)[:, None] * 0.2 * points.sum(axis=1)
    phase = wrap(truth)
    k = unwrap_in_time(phase, graph, network)
    costs = spatial_costs("centroid", graph, points)
    c, statistics = unwrap_pairs(k, network, graph, costs, solver=solver)
    first, second = network.pairs.T
    unwrapped = phase[second].astype(float) - phase[first] + 2 * np.pi * c
    expected = truth[second] - truth[first]
    if len(points):
        unwrapped -= unwrapped[:, :1]
        expected = expected - expected[:, :1]
    np.testing.assert_allclose(unwrapped, expected, atol=1e-5)
    assert not any(values.any() for values in statistics.values())


def test_spatial_costs_by_hand():
    points = np.array([(0, 0), (0, 3), (4, 0)])
    graph = planar_graph([(0, 2, 1)], 3)  # edges 01, 02, 12
    np.testing.assert_array_equal(spatial_costs("constant", graph, points), [1, 1, 1])
    # Lengths 3, 4, 5: 1 + 100 / length.
    np.testing.assert_array_equal(spatial_costs("distance", graph, points), [34, 26, 21])
    # Centroid (4/3, 1), middles (0, 1.5), (2, 0), (2, 1.5): twice the distance on the outline.
    twice = 2 * np.hypot([4 / 3, 2 / 3, 2 / 3], [0.5, 1, 0.5])
    expected = np.rint(1 + 100 / twice)
    np.testing.assert_array_equal(spatial_costs("centroid", graph, points), expected)


def test_centroid_cost_of_an_inner_link():
    points = np.array([(0, 0), (0, 6), (6, 0), (6, 6)])
    graph = planar_graph([(0, 2, 1), (1, 2, 3)], 4)
    inner = graph.edges.tolist().index([1, 2])
    # Centroids (2, 2) and (4, 4).
    assert spatial_costs("centroid", graph, points)[inner] == round(1 + 100 / np.sqrt(8))


def test_coherence_costs_by_hand():
    graph = planar_graph([(0, 2, 1)], 3)
    points = np.zeros((3, 2))
    # 1 + 20 g^2 / (1 - g^2), never more than for a ratio of 50.
    costs = spatial_costs("coherence", graph, points, np.sqrt([0.0, 0.5, 0.8]))
    np.testing.assert_array_equal(costs, [1, 21, 81])
    costs = spatial_costs("coherence", graph, points, np.array([0.99, 1.0, 1.0], np.float32))
    np.testing.assert_array_equal(costs, [986, 1021, 1021])
    with pytest.raises(InputError, match=r"expected \(3,\), one per link"):
        spatial_costs("coherence", graph, points)


def test_temporal_costs_by_hand():
    network = hop3_network(["20200101", "20200113", "20200125", "20200206"])
    # 12 days is the mean step: lengths 1, 2, 3 for one, two, three hops.
    hops = network.pairs[:, 1] - network.pairs[:, 0]
    np.testing.assert_array_equal(
        temporal_costs("distance", network), np.array([0, 101, 51, 34])[hops]
    )
    np.testing.assert_array_equal(temporal_costs("constant", network), np.ones(6))
    # Pair (0, 1) lies between triangles (0, 1, 2) and (0, 1, 3): mean dates 1 and 4/3.
    assert temporal_costs("centroid", network)[0] == 301


def test_unknown_kinds_are_refused():
    graph = planar_graph([(0, 2, 1)], 3)
    with pytest.raises(InputError, match="in space is 'length', expected"):
        spatial_costs("length", graph, np.zeros((3, 2)))
    with pytest.raises(InputError, match="in time is 'coherence', expected"):
        temporal_costs("coherence", NETWORKS["hop 3"])
