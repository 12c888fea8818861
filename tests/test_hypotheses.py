"""What links of a scene have, and which cycles they are given: by hand, and on simulated truth."""

import numpy as np
import pytest
from emcflow.acquisition.geometry import days_since_first, design_matrix
from emcflow.errors import InputError
from emcflow.graph.delaunay import point_mesh
from emcflow.graph.planar import breadth_first_tree, planar_graph
from emcflow.links.data_term import data_term
from emcflow.links.learned_prior import (
    LinkPrior,
    coherence_on_grid,
    fine_axes,
    fitting_ranges,
    grid_points,
    prior_of_scene,
)
from emcflow.links.likely_peaks import likely_peaks
from emcflow.links.periodogram import SearchGrid, estimate_links
from emcflow.network.networks import Network, hop3_network
from emcflow.products.accuracy import share_right
from emcflow.unwrap.costs import spatial_costs, temporal_costs
from emcflow.unwrap.hypotheses import (
    Hypothesis,
    chosen_cycles,
    link_hypotheses,
    open_share,
    some_loops,
    wanted_hypotheses,
)
from emcflow.unwrap.learned_models import learned_models, peak_models
from emcflow.unwrap.points import unwrap_points
from emcflow.unwrap.smooth_in_time import cos_sin, smooth_cycles, turns_between
from emcflow.unwrap.spatial import unwrap_in_space
from emcflow.unwrap.temporal import unwrap_in_time
from scipy.ndimage import gaussian_filter

GEOMETRY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0}
RANGES = [(-100.0, 100.0), (-50.0, 50.0)]


def dates_of(ndates, step=12):
    days = np.datetime64("2020-01-05") + step * np.arange(ndates)
    return [str(day).replace("-", "") for day in days]


def wrap(phase):
    return np.angle(np.exp(1j * phase))


def stack_of(heights, velocities, noise, ndates, seed=0, extra=0.0):
    """Points of an image with their wrapped phase, its truth and the design."""
    rng = np.random.default_rng(seed)
    dates = dates_of(ndates)
    bperp_m = rng.normal(0, 100, ndates)
    design = design_matrix(dates, bperp_m - bperp_m[0], **GEOMETRY)
    points = np.argwhere(np.ones(heights.shape, bool)).astype(np.int32)
    params = np.stack([velocities.ravel(), heights.ravel()])
    truth = design @ params + extra + noise.ravel() * rng.standard_normal((ndates, len(points)))
    truth -= truth[0]
    return points, dates, design, truth


def wrong(unwrapped, truth, pairs):
    first, second = pairs.T
    expected = truth[second] - truth[first]
    return 1 - np.mean([share_right(*each) for each in zip(unwrapped, expected, strict=True)])


# --- the prior


def links_of_classes(nlinks, shares, deviations, noise_rad, seed=0):
    """Phases of links between pairs of points, and their design; heights of given classes."""
    rng = np.random.default_rng(seed)
    dates = dates_of(20)
    bperp_m = rng.normal(0, 120, 20)
    design = design_matrix(dates, bperp_m - bperp_m[0], **GEOMETRY)[:, 1:]
    kind = rng.random(nlinks) < shares
    height = np.where(kind, *(deviation * rng.standard_normal(nlinks) for deviation in deviations))
    phase = np.zeros((20, 2 * nlinks), np.float32)
    phase[:, 1::2] = wrap(design * height + noise_rad * rng.standard_normal((20, nlinks)))
    return phase, np.arange(2 * nlinks, dtype=np.int32).reshape(-1, 2), design, height


def test_shares_and_widths_are_those_of_the_links():
    phase, edges, design, _ = links_of_classes(3000, 0.9, (3.0, 20.0), 0.5)
    prior = prior_of_scene(phase, edges, design, fine_axes(design, RANGES[1:]))
    assert prior.deviations[0] == pytest.approx(3.0, rel=0.15)
    # the tails of the wide class may count as uniform
    assert 14 < prior.deviations[1] < 22 and prior.weights[2] < 0.04
    assert prior.weights[0] == pytest.approx(0.9, abs=0.03)
    assert prior.weights.sum() == pytest.approx(1)
    assert prior.noise == pytest.approx(0.25, rel=0.2)
    assert prior.gain > 0.3


def test_links_of_noise_say_nothing_of_the_others():
    phase, edges, design, _ = links_of_classes(2000, 0.9, (3.0, 20.0), 0.5)
    alone = prior_of_scene(phase, edges, design, fine_axes(design, RANGES[1:]))
    rng = np.random.default_rng(1)
    phase[:, 1 : 2 * 600 : 2] = rng.uniform(-np.pi, np.pi, (20, 600))
    mixed = prior_of_scene(phase, edges, design, fine_axes(design, RANGES[1:]))
    np.testing.assert_allclose(mixed.deviations, alone.deviations, rtol=0.25)


def test_the_likelihood_is_a_student_distribution_by_hand():
    prior = LinkPrior(np.ones((2, 1)), np.array([1.0, 0, 0]), 0.2, 9.0)
    misfit = -2 * 9 * np.log(0.8)
    assert prior.log_likelihood(0.8) == pytest.approx(-4.5 * np.log(0.2 + misfit))


def test_the_grid_has_its_middle_and_the_given_step():
    design = np.linspace(0, 1, 7)[:, None] * [1.0, 0.5]
    axes = fine_axes(design, [(-10, 10), (-3, 9, 0.5)])
    assert axes[0][len(axes[0]) // 2] == 0 and axes[1][len(axes[1]) // 2] == 3
    assert np.diff(axes[0]).max() <= 2 * np.pi / 10 and np.diff(axes[1]).max() <= 0.5
    assert grid_points(axes).shape == (2, len(axes[0]) * len(axes[1]))


def test_ranges_widen_where_links_have_more_and_only_there():
    phase, edges, design, _ = links_of_classes(1500, 0.8, (3.0, 70.0), 0.4)
    assert fitting_ranges(phase, edges, design, [(-50, 50)]) in ([(-200, 200)], [(-400, 400)])
    assert fitting_ranges(phase, edges, design, [(-50, 50, 2.0)]) == [(-50, 50, 2.0)]
    phase, edges, design, _ = links_of_classes(1500, 0.8, (3.0, 15.0), 0.4)
    assert fitting_ranges(phase, edges, design, [(-50, 50)]) == [(-50, 50)]
    rng = np.random.default_rng(0)
    noise = rng.uniform(-np.pi, np.pi, phase.shape).astype(np.float32)
    assert fitting_ranges(noise, edges, design, [(-50, 50)]) == [(-50, 50)]


# --- peaks


def test_likely_peaks_are_nearer_to_the_truth_than_the_highest():
    phase, edges, design, height = links_of_classes(3000, 0.95, (2.0, 20.0), 1.1, seed=2)
    axes = fine_axes(design, RANGES[1:])
    prior = prior_of_scene(phase, edges, design, axes)
    grid = grid_points(axes)
    flat = np.zeros(grid.shape[1])
    likely, highest = likely_peaks(
        phase, edges, SearchGrid(design, axes), prior, [prior.log_density(grid), flat]
    )
    error = [np.abs(each.params[0] - height) > 8 for each in (likely, highest)]
    assert error[0].mean() < 0.3 * error[1].mean()


@pytest.mark.parametrize("noise_rad", [0.3, 1.1])
def test_peaks_are_those_of_the_most_probable_grid_point_by_hand(noise_rad):
    flat = np.zeros((12, 12))
    points, _, design, truth = stack_of(flat, flat, np.full(flat.shape, noise_rad), 16)
    phase, edges = wrap(truth).astype(np.float32), point_mesh(points).edges
    axes = [np.linspace(-100, 100, 37), np.linspace(-50, 50, 21)]
    prior = prior_of_scene(phase, edges, design, axes)
    grid = grid_points(axes)
    densities = [prior.log_density(grid), np.zeros(grid.shape[1])]
    coherence = coherence_on_grid(phase, edges, design, grid)
    steps = np.array([axis[1] - axis[0] for axis in axes])
    found = likely_peaks(phase, edges, SearchGrid(design, axes), prior, densities)
    for model, density in zip(found, densities, strict=True):
        score = prior.log_likelihood(coherence) + density
        moved = np.abs(model.params - grid[:, score.argmax(axis=1)])
        # rounding may choose another where two are alike
        assert (moved <= steps[:, None] * (1 + 1e-5)).all(axis=0).mean() > 0.99
        at_best = coherence[np.arange(len(edges)), score.argmax(axis=1)]
        assert np.mean(model.coherence >= at_best - 1e-4) > 0.99


def test_towers_beyond_the_range_are_found_and_links_of_noise_stay():
    """Of 4,000 links 4 are of towers: too few for a range that fits the scene to hold them."""
    phase, edges, design, height = links_of_classes(4000, 0.9, (2.0, 8.0), 0.4, seed=3)
    towers, noise = np.arange(0, 4000, 1000), np.arange(50, 4000, 100)
    rng = np.random.default_rng(4)
    height[towers] = rng.uniform(150, 380, towers.size) * rng.choice([-1, 1], towers.size)
    spread = 0.3 * rng.standard_normal((20, towers.size))
    phase[:, 2 * towers + 1] = wrap(design * height[towers] + spread)
    phase[:, 2 * noise + 1] = rng.uniform(-np.pi, np.pi, (20, noise.size))
    links = learned_models(phase, edges, design, RANGES[1:]).links
    assert np.abs(links.params[0, towers] - height[towers]).max() < 3
    assert np.abs(links.params[0, noise]).max() <= 50
    others = np.setdiff1d(np.arange(4000), np.r_[towers, noise])
    assert np.abs(links.params[0, others] - height[others]).max() < 15


@pytest.mark.parametrize("weighted", [False, True])
def test_threads_and_chunks_leave_the_same_bytes(weighted, monkeypatch):
    phase, edges, design, _ = links_of_classes(700, 0.8, (3.0, 20.0), 0.6)
    weights = np.linspace(0.5, 1.5, 20) if weighted else None
    found = [
        learned_models(phase, edges, design, RANGES[1:], threads, weights=weights)
        for threads in (1, 3)
    ]
    for name, one in found[0].models.items():
        other = found[1].models[name]
        assert one.params.tobytes() == other.params.tobytes()
        assert one.coherence.tobytes() == other.coherence.tobytes()


# --- smooth cycles


def test_smooth_cycles_follow_a_slow_phase_beyond_half_a_cycle():
    dates = dates_of(30)
    slow = np.linspace(0, 9.0, 30)
    phase = np.zeros((30, 4), np.float32)
    noise = 0.3 * np.random.default_rng(0).standard_normal(30)
    noise[0] = 0
    phase[:, 1] = wrap(slow + noise)
    graph = point_mesh(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.int32))
    link = np.flatnonzero((graph.edges == [0, 1]).all(axis=1))[0]
    none = np.zeros((30, 0)), np.zeros((0, graph.nedges), np.float32)
    cycles, coherence = smooth_cycles(phase, graph, *none, dates, 4)
    found = phase[:, 1] + 2 * np.pi * cycles[:, link]
    np.testing.assert_allclose(found, slow + noise, atol=1e-5)
    assert 0.9 < coherence[link] < 1
    assert (cycles[0] == 0).all()


def test_smooth_cycles_are_those_of_the_angles_of_smooth_phasors():
    """Written out with arctangents for links of noise, at dates far apart and near."""
    rng = np.random.default_rng(3)
    dates = [*dates_of(40), "20300101", "20300113", "20300206"]
    phase = rng.uniform(-np.pi, np.pi, (43, 4)).astype(np.float32)
    graph = point_mesh(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.int32))
    design = rng.normal(size=(43, 2))
    params = rng.normal(size=(2, graph.nedges)).astype(np.float32)
    weights = rng.uniform(0.5, 1.5, 43)
    found = smooth_cycles(phase, graph, design, params, dates, 4, weights=weights)
    days = days_since_first(dates)
    window = np.exp(-0.5 * ((days[:, None] - days) / (4 * np.median(np.diff(days)))) ** 2)
    start, end = graph.edges.T
    rest = phase[:, end].astype(float) - phase[:, start] - design @ params
    phasors = np.exp(1j * rest)
    smooth = window @ (weights[:, None] * phasors)
    cycles = -np.rint((rest - np.unwrap(np.angle(smooth), axis=0)) / (2 * np.pi))
    np.testing.assert_array_equal(found.cycles, cycles - cycles[0])
    left = weights[:, None] * phasors * np.conj(smooth) / np.abs(smooth)
    np.testing.assert_allclose(found.coherence, np.abs(left.mean(axis=0)), atol=1e-5)


def test_phasors_of_loops_over_dates():
    angles = np.linspace(-40, 40, 9973)
    found = np.array([cos_sin(angle) for angle in angles]).T
    np.testing.assert_allclose(found, (np.cos(angles), np.sin(angles)), atol=2e-10)
    first, second = np.random.default_rng(0).uniform(-np.pi, np.pi, (2, 2000))
    turns = [
        turns_between(np.cos(one), np.sin(one), 3 * np.cos(other), 3 * np.sin(other))
        for one, other in zip(first, second, strict=True)
    ]
    np.testing.assert_array_equal(turns, np.rint((first - second) / (2 * np.pi)))


# --- the choice


def test_loops_that_do_not_close_by_hand():
    network = Network(tuple(dates_of(3)), planar_graph(np.array([[0, 1, 2]]), 3))
    region = np.array([0, 0, 0, 1, 1])
    cycles = np.zeros((3, 5), np.int16)
    assert open_share(cycles, network, region) == 0
    cycles[0] = [0, 1, 0, 4, 4]  # a region may have a cycle of its own
    assert open_share(cycles, network, region) == pytest.approx(1 / 5)


def test_loops_are_chosen_evenly_and_there_may_be_none():
    network = hop3_network(dates_of(12))
    loops = some_loops(network, 4)
    assert loops.graph.ntriangles == 4
    assert loops.triangles.min() == 0 and loops.triangles.max() == 11
    assert some_loops(hop3_network(dates_of(2))).npairs == 1


def scene(kind):
    """A small scene of a kind, in which one hypothesis is far better than another."""
    rng = np.random.default_rng(5)
    flat = np.zeros((60, 60))
    noise = np.full(flat.shape, 0.6)
    if kind == "few dates":
        noise = 0.25 + 0.4 * (gaussian_filter(rng.standard_normal(flat.shape), 6) > 0.02)
        return stack_of(flat, flat, noise, 5)
    city = flat.copy()
    for _ in range(60):
        row, column = rng.integers(0, 52, 2)
        city[row : row + rng.integers(3, 8), column : column + rng.integers(3, 8)] = 60 * rng.beta(
            1.2, 2.5
        )
    return stack_of(city, flat, noise, 12)


@pytest.mark.parametrize("kind, worse, part", [("city", "zero", 0.2), ("few dates", "peaks", 0.5)])
def test_the_choice_is_right_in_scenes_of_unlike_kinds(kind, worse, part):
    points, dates, design, truth = scene(kind)
    phase = wrap(truth).astype(np.float32)
    found = unwrap_points(phase, points, dates, design)
    left = wrong(found.unwrapped, truth, found.network.pairs)
    graph, network = found.graph, found.network
    if worse == "peaks":
        axes_of = [np.linspace(*limits, 41) for limits in RANGES]
        model = estimate_links(phase, graph.edges, design, axes_of)
        models = peak_models(phase, graph, design, model, RANGES)
    else:
        models = {}
    tree = breadth_first_tree(graph)
    hypotheses = link_hypotheses(phase, graph, network, models, temporal_costs("constant", network))

    def costs_of(coherence):
        return spatial_costs("coherence", graph, points, coherence)

    _, cycles, coherence, tried = chosen_cycles(
        wanted_hypotheses(hypotheses, worse), costs_of, network, graph, tree
    )
    assert tried == []
    added, _ = unwrap_in_space(cycles, network, graph, tree, costs_of(coherence))
    first, second = network.pairs.T
    other = phase[second].astype(float) - phase[first] + 2 * np.pi * added
    assert left < 0.002
    assert left < part * wrong(other, truth, network.pairs)


def test_what_could_hardly_be_better_is_not_tried():
    """Without noise the first hypothesis leaves nothing; only a likelier one may win then."""
    points, dates, _, truth = stack_of(*np.zeros((3, 20, 20)), 8)
    graph, network = point_mesh(points), hop3_network(dates)
    phase = wrap(truth).astype(np.float32)
    nothing = np.zeros((8, 0)), np.zeros((0, graph.nedges), np.float32)

    def right():
        return unwrap_in_time(phase, graph, network, *nothing), np.ones(graph.nedges)

    def wrong():
        cycles, coherence = right()
        cycles[3, ::7] += 1
        return cycles, coherence

    def never():
        raise AssertionError("tried, though it could not be better")

    def choose(*hypotheses):
        costs = np.ones(graph.nedges, np.int32)
        tree, said = breadth_first_tree(graph), []
        chosen = chosen_cycles(
            hypotheses,
            lambda _: costs,
            network,
            graph,
            tree,
            progress=lambda *done: said.append(done),
        )
        assert said == [(number, len(hypotheses)) for number in range(1, len(hypotheses) + 1)]
        return chosen[0], [each.name for each in chosen[3]]

    first, last = Hypothesis("first", right), Hypothesis("last", never)
    assert choose(first, last) == ("first", ["first"])
    likelier = Hypothesis("likelier", right, preference=0.3)
    assert choose(first, likelier, last) == ("likelier", ["first", "likelier"])
    assert choose(Hypothesis("wrong", wrong), first, last) == ("first", ["wrong", "first"])


def test_a_hypothesis_that_is_not_there_is_refused():
    only = Hypothesis("zero", lambda: None)
    with pytest.raises(InputError, match=r"hypothesis: mixture .* auto, zero"):
        wanted_hypotheses([only], "mixture")


# --- a term from the data


def dilating(ndates, size, seed=0):
    """Heights, and beside them roofs that move with a temperature nobody was told of."""
    rng = np.random.default_rng(seed)
    roofs = np.zeros((60, 60))
    for _ in range(25):
        row, column = rng.integers(0, 52, 2)
        roofs[row : row + 5, column : column + 5] = rng.random()
    season = rng.normal(0, 1, ndates)
    season -= season[0]
    extra = size * np.outer(season, roofs.ravel())
    noise = np.full(roofs.shape, 0.35)
    return stack_of(np.zeros((60, 60)), np.zeros((60, 60)), noise, ndates, seed, extra), season


def test_a_term_that_the_data_ask_for_is_found_and_mends_cycles():
    (points, dates, design, truth), season = dilating(18, 1.6)
    phase = wrap(truth).astype(np.float32)
    graph = point_mesh(points)
    column, gain = data_term(phase, graph.edges, design, RANGES)
    left = season - season.mean()
    terms = design - design.mean(axis=0)
    left = left - terms @ np.linalg.lstsq(terms, left, rcond=None)[0]
    rest = column - column.mean()
    rest = rest - terms @ np.linalg.lstsq(terms, rest, rcond=None)[0]
    assert abs(np.corrcoef(left, rest)[0, 1]) > 0.97
    assert gain > 0.1 and column[0] == 0 and np.ptp(column) == pytest.approx(1)
    found = unwrap_points(phase, points, dates, design)
    assert found.hypothesis.startswith("data")
    assert wrong(found.unwrapped, truth, found.network.pairs) < 0.002


def test_noise_and_few_dates_have_no_term():
    (points, _, design, truth), _ = dilating(18, 0.0)
    phase = wrap(truth).astype(np.float32)
    graph = point_mesh(points)
    assert data_term(phase, graph.edges, design, RANGES)[0] is None
    assert data_term(phase[:5], graph.edges, design[:5], RANGES) == (None, 0.0)
