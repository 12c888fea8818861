"""Weights of the dates: by hand, against bounds, and from links to points."""

import numpy as np
import pytest
from emcflow.acquisition.date_weights import PointVariances, effective_dates, link_weights
from emcflow.errors import InputError
from emcflow.graph.delaunay import point_mesh
from emcflow.graph.mcf import FlowSolver
from emcflow.io.date_tables import read_weights
from emcflow.io.point_sigmas import point_variances
from emcflow.links.integrate import fit_links
from emcflow.links.noise_floor import noise_coherence, unbiased_coherence
from emcflow.links.periodogram import estimate_links
from emcflow.links.uncertainty import (
    MAX_CONTRASTS,
    date_contrasts,
    parameter_covariance,
    parameter_sigma,
    residual_contrasts,
)
from emcflow.unwrap.costs import PairCosts, spatial_costs
from emcflow.unwrap.learned_models import learned_models
from emcflow.unwrap.significant import significant_params
from stacks import write_raster
from test_links import axes_of, c_band, links_of, random_params, wrap

DATES = ["20200101", "20200113", "20200206"]


def noise_of(ndates, good, bad):
    """Standard deviations of the dates [rad]: the first and 30 % of the others are bad."""
    bad_ones = np.random.default_rng(8).permutation(np.arange(1, ndates))[: round(0.3 * ndates) - 1]
    return np.where(np.isin(np.arange(ndates), [0, *bad_ones]), bad, good)


def weights_of(noise):
    return noise**-2 / np.mean(noise**-2)


def noisy_links(design, params, noise, seed=1):
    phase, edges = links_of(design, params)
    rng = np.random.default_rng(seed)
    phase = phase + rng.normal(0, 1, phase.shape) * noise[:, None]
    return wrap(phase - phase[0]).astype(np.float32), edges


def weighted_bound(design, noise):
    """Cramer-Rao bound of a link whose two ends have this noise at every date."""
    inverse = 0.5 / noise**2
    columns = design - (inverse @ design) / inverse.sum()
    return np.sqrt(np.diag(np.linalg.inv(columns.T @ (inverse[:, None] * columns))))


# Tables


@pytest.mark.parametrize(
    ("column", "values", "by_hand"),
    [
        ("weight", (1, 2, 6), (1, 2, 6)),
        ("noise_rad", (0.5, 1, 0.25), (4, 1, 16)),
        # 0.6**2 / (1 - 0.6**2) is 9 / 16 and 0.8**2 / (1 - 0.8**2) is 16 / 9
        ("coherence", (0.6, 0.8, 0.6), (81, 256, 81)),
        # taken as 0.05 and 0.95: 1 / 399 and 361 / 39
        ("coherence", (0, 1, 0.95), (1 / 399, 361 / 39, 361 / 39)),
    ],
)
def test_weights_by_hand(column, values, by_hand, tmp_path):
    path = tmp_path / "weights.csv"
    lines = [f"A,{value},{day}\n" for value, day in zip(values, DATES, strict=True)]
    path.write_text(f"station,{column.title()},Date\n" + "".join(lines[::-1]) + "A,1,20200301\n")
    found = read_weights(path, DATES)
    np.testing.assert_allclose(found, np.array(by_hand) / np.mean(by_hand))
    np.testing.assert_allclose(np.mean(found), 1)


def test_effective_number_of_dates():
    assert effective_dates(7) == 7
    np.testing.assert_allclose(effective_dates(4, np.ones(4)), 4)
    np.testing.assert_allclose(effective_dates(3, np.array([1.5, 1.5, 1e-9])), 2)


# Links


def test_equal_weights_are_none():
    design, ones = c_band(), np.ones(20)
    phase, edges = links_of(design, random_params(300), noise=0.5)
    plain = estimate_links(phase, edges, design, axes_of(design))
    equal = estimate_links(phase, edges, design, axes_of(design), weights=ones)
    for field in ("params", "sigma", "coherence", "at_range_end"):
        np.testing.assert_allclose(getattr(equal, field), getattr(plain, field), rtol=1e-5)
    np.testing.assert_allclose(parameter_covariance(design, ones), parameter_covariance(design))
    np.testing.assert_allclose(date_contrasts(design, ones), date_contrasts(design), atol=1e-12)
    ranges = [(-100, 100), (-50, 50)]
    assert noise_coherence(0.01, design, ranges, ones) == noise_coherence(0.01, design, ranges)


@pytest.mark.parametrize("date", [0, 7])
def test_a_date_of_twice_the_weight_is_a_date_given_twice(date):
    design = c_band()
    phase, edges = links_of(design, random_params(500), noise=0.6)
    twice = np.insert(np.arange(20), date, date)
    weights = np.where(np.arange(20) == date, 2, 1) * 20 / 21
    weighted = estimate_links(phase, edges, design, axes_of(design), weights=weights)
    repeated = estimate_links(phase[twice], edges, design[twice], axes_of(design))
    np.testing.assert_allclose(weighted.coherence, repeated.coherence, atol=1e-5)
    same = np.isclose(weighted.params, repeated.params, atol=2e-3).all(axis=0)
    assert same.mean() > 0.99  # of two peaks as high either may be found


def test_a_first_date_of_no_weight_is_as_if_it_were_not_there():
    """All other dates carry its noise, which is the constant that every link leaves free."""
    design = c_band()
    noise = np.where(np.arange(20) == 0, 50.0, 0.3)
    phase, edges = noisy_links(design, random_params(500), noise)
    weighted = estimate_links(phase, edges, design, axes_of(design), weights=weights_of(noise))
    without = estimate_links(phase[1:], edges, design[1:], axes_of(design))
    np.testing.assert_allclose(weighted.params, without.params, atol=0.01)
    np.testing.assert_allclose(weighted.coherence, without.coherence, atol=1e-3)


def test_reaches_the_weighted_cramer_rao_bound_and_reports_it():
    design = c_band(30)
    noise, params = noise_of(30, 0.15, 0.45), random_params(20000)
    phase, edges = noisy_links(design, params, noise)
    model = estimate_links(phase, edges, design, axes_of(design), weights=weights_of(noise))
    error = model.params - params
    bound = weighted_bound(design, noise)
    rmse = np.sqrt((error**2).mean(axis=1))
    assert (rmse < 1.15 * bound).all()
    np.testing.assert_allclose((error / model.sigma).var(axis=1), 1.0, atol=0.1)
    assert np.abs(error.mean(axis=1)).max() < 5 * bound.max() / np.sqrt(len(edges))
    alike = estimate_links(phase, edges, design, axes_of(design))
    assert (np.sqrt(((alike.params - params) ** 2).mean(axis=1)) > 1.2 * rmse).all()


def test_dates_of_pure_noise_make_fewer_links_wrong():
    design = c_band(20)
    noise, params = noise_of(20, 0.3, 1.5), random_params(4000)
    phase, edges = noisy_links(design, params, noise)
    wrong, bound = [], weighted_bound(design, noise)
    for weights in (None, weights_of(noise)):
        model = estimate_links(phase, edges, design, axes_of(design), weights=weights)
        off = np.abs(model.params - params) > 6 * bound[:, None]
        wrong.append(off.any(axis=0).mean())
    assert wrong[1] < 0.5 * wrong[0]


def test_the_coherence_is_that_of_the_weighted_phasors():
    design = c_band(12)
    weights = weights_of(noise_of(12, 0.3, 0.9))
    phase, edges = links_of(design, random_params(200), noise=0.7)
    model = estimate_links(phase, edges, design, axes_of(design), weights=weights)
    left = np.exp(1j * (phase[:, 1::2] - phase[:, ::2] - design @ model.params))
    np.testing.assert_allclose(model.coherence, np.abs(weights @ left) / 12, atol=1e-5)
    none = estimate_links(phase, edges, np.empty((12, 0)), [], weights=weights)
    left = np.exp(1j * (phase[:, 1::2] - phase[:, ::2]))
    np.testing.assert_allclose(none.coherence, np.abs(weights @ left) / 12, atol=1e-5)


@pytest.mark.parametrize("weights", [np.ones(19), np.full(20, 2.0), 2 * (np.arange(20) % 2)])
def test_says_which_weights_are_expected(weights):
    design = c_band()
    phase, edges = links_of(design, random_params(1))
    with pytest.raises(InputError, match="expected 20 numbers above 0 of mean 1"):
        estimate_links(phase, edges, design, axes_of(design), weights=weights)


def test_pure_noise_reaches_a_weighted_coherence_as_often_as_predicted():
    design = c_band(30)
    weights = weights_of(noise_of(30, 0.4, 1.2))
    nlinks, ranges = 6000, [(-100, 100), (-50, 50)]
    rng = np.random.default_rng(7)
    phase = rng.uniform(-np.pi, np.pi, (30, 2 * nlinks)).astype(np.float32)
    edges = np.arange(2 * nlinks, dtype=np.int32).reshape(-1, 2)
    found = estimate_links(phase, edges, design, axes_of(design), weights=weights).coherence
    for probability in (0.3, 0.1, 0.01):
        predicted = noise_coherence(probability, design, ranges, weights)
        assert abs(np.quantile(found, 1 - probability) - predicted) < 0.03
    # with all dates alike far too little noise would count as such
    assert np.mean(found > noise_coherence(0.01, design, ranges)) > 0.05
    still = np.abs(weights @ np.exp(1j * phase)) / 30
    square = np.square(unbiased_coherence(still, effective_dates(30, weights), 0))
    assert abs(np.mean(still**2) - 1 / effective_dates(30, weights)) < 0.002
    assert np.median(square) == 0


def test_a_link_keeps_parameters_that_beat_zero_by_the_same_weights():
    """Half of the dates are noise: with them a true zero looks worse than it is."""
    design = c_band(16)[:, :1]
    noise = np.where(np.arange(16) % 2, 1.6, 0.2)
    points = np.argwhere(np.ones((20, 20), bool))
    graph = point_mesh(points)
    phase = np.random.default_rng(2).normal(0, 1, (16, 400)) * noise[:, None]
    phase[:, points[:, 1] >= 10] += design * 30
    phase = wrap(phase - phase[0]).astype(np.float32)
    across = (points[graph.edges, 1] >= 10).sum(axis=1) == 1
    weights = weights_of(noise)
    model = estimate_links(phase, graph.edges, design, axes_of(design), weights=weights)
    given = phase, graph, design, model.params, model.coherence, [(-100, 100)], 1
    kept = significant_params(*given, weights)[0] != 0
    assert kept[across].all()
    assert kept[~across].mean() < 0.02
    assert (significant_params(*given)[0] != 0)[~across].mean() > 0.5


# Variances of points and dates


def noise_of_parts(nlinks, bad=1.5, parts=4):
    """Standard deviations (20, nlinks) [rad]: each part of the scene has bad dates of its own."""
    rng, noise = np.random.default_rng(3), np.full((20, nlinks), 0.3)
    for part in np.array_split(np.arange(nlinks), parts):
        noise[np.ix_(rng.permutation(20)[:6], part)] = bad
    return noise


def test_weights_of_a_link_are_those_of_the_sums_of_variances():
    variances = PointVariances(np.array([[1, 3, 1], [1, 1, 1]], np.float32))
    edges = np.array([[0, 1], [0, 2]])
    # variances 4 and 2: weights 2/3 and 4/3; the other link has the same at both dates
    np.testing.assert_allclose(link_weights(variances, edges), [[2 / 3, 1], [4 / 3, 1]])
    np.testing.assert_allclose(variances.effective, (2 / 3 + 4 / 3) ** 2 / (4 / 9 + 16 / 9))
    assert link_weights(np.array([0.5, 1.5]), edges).shape == (2, 1)
    with pytest.raises(InputError, match="all above 0"):
        PointVariances(np.zeros((2, 3)))


@pytest.mark.parametrize("learned", [False, True])
def test_points_that_are_alike_give_the_weights_of_their_dates(learned):
    design = c_band()
    phase, edges = links_of(design, random_params(300), noise=0.5)
    noise = noise_of(20, 0.3, 0.9)
    variances = PointVariances(np.repeat(noise[:, None] ** 2, 600, axis=1))
    found = []
    for weights in (weights_of(noise), variances):
        if learned:
            ranges = [(-100, 100), (-50, 50)]
            found.append(learned_models(phase, edges, design, ranges, weights=weights).links)
        else:
            found.append(estimate_links(phase, edges, design, axes_of(design), weights=weights))
    for field in ("params", "sigma", "coherence"):
        values = [getattr(model, field) for model in found]
        np.testing.assert_allclose(values[1], values[0], rtol=1e-3, atol=1e-3)


def test_variances_of_points_reach_the_bound_where_weights_of_dates_do_not():
    design, nlinks = c_band(), 8000
    noise, params = noise_of_parts(nlinks), random_params(nlinks)
    phase, edges = links_of(design, params)
    both = np.repeat(noise, 2, axis=1)
    phase = phase + np.random.default_rng(1).normal(0, 1, phase.shape) * both
    phase = wrap(phase - phase[0]).astype(np.float32)
    bound = np.array([weighted_bound(design, column) for column in noise.T[:: nlinks // 4]])
    bound = np.sqrt((bound**2).mean(axis=0))
    of_dates = weights_of(np.sqrt((noise**2).mean(axis=1)))
    errors, wrong = [], []
    for weights in (of_dates, PointVariances(both**2)):
        model = estimate_links(phase, edges, design, axes_of(design), weights=weights)
        error = model.params - params
        off = (np.abs(error) > 10 * bound[:, None]).any(axis=0)
        errors.append(np.sqrt((error[:, ~off] ** 2).mean(axis=1)))
        wrong.append(off.mean())
    assert (errors[1] < 1.1 * bound).all()
    assert (errors[0] > 1.4 * bound).all()
    assert wrong[1] < 0.001 < wrong[0]
    # standard deviations are of each link: wrapped noise of a radian makes them somewhat small
    assert ((error / model.sigma)[:, ~off].var(axis=1) > 1).all()
    assert ((error / model.sigma)[:, ~off].var(axis=1) < 1.7).all()


def test_results_do_not_depend_on_threads_with_variances():
    design = c_band()
    phase, edges = links_of(design, random_params(3000), noise=0.5)
    variances = PointVariances(np.repeat(noise_of_parts(3000), 2, axis=1) ** 2)
    one, two = (
        estimate_links(phase, edges, design, axes_of(design), n_threads=n, weights=variances)
        for n in (1, 2)
    )
    for field in ("params", "sigma", "coherence", "at_range_end"):
        assert np.array_equal(getattr(one, field), getattr(two, field))


def test_a_cycle_costs_less_where_its_dates_are_noisy():
    points = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    graph = point_mesh(points)
    coherence, joins = np.full(graph.nedges, 0.8), np.ones(graph.nedges, bool)
    alike = PairCosts(coherence, graph.edges, PointVariances(np.ones((3, 4))), joins)
    usual = spatial_costs("coherence", graph, points, coherence)
    assert np.array_equal(alike.of_dates(0, 1), usual) and np.array_equal(alike.of_links, usual)
    variances = np.ones((3, 4), np.float32)
    variances[2] = 4
    costs = PairCosts(coherence, graph.edges, PointVariances(variances), joins)
    # inverse variances 1, 1, 1/4 have the mean 3/4: 16/9 / (3/4) and 16/9 / (3/4 * 5/2)
    np.testing.assert_array_equal(costs.of_dates(0, 1), np.rint(1 + 20 * 16 / 9 / 0.75))
    np.testing.assert_array_equal(costs.of_dates(1, 2), np.rint(1 + 20 * 16 / 9 / (0.75 * 2.5)))
    joins[0] = False
    assert (
        PairCosts(coherence, graph.edges, PointVariances(variances), joins).of_dates(0, 2)[0] == 0
    )


def test_flows_at_costs_of_a_pair_are_those_of_a_solver_of_their_own():
    points = np.argwhere(np.ones((12, 12), bool))
    graph = point_mesh(points)
    rng = np.random.default_rng(0)
    first, second = rng.integers(1, 100, (2, graph.nedges))
    loops = rng.integers(-1, 2, graph.ntriangles + 1)
    loops[-1] = -loops[:-1].sum()
    shared = FlowSolver(graph, first)
    expected = FlowSolver(graph, second).solve(loops)
    assert np.array_equal(shared.with_costs(second).solve(loops), expected)
    assert not np.array_equal(shared.solve(loops), expected)


def test_variances_from_rasters(tmp_path, caplog):
    sigma = np.array([[0.2, 0.01], [9.0, np.nan]], np.float32)
    other = np.array([[0.4, 0.0], [0.5, np.nan]], np.float32)
    paths = ["", str(write_raster(tmp_path / "a.tif", sigma))]
    paths.append(str(write_raster(tmp_path / "b.tif", other)))
    at = (np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    found = point_variances(paths, "noise_rad", (0, 0, 2, 2), at)
    most = np.pi**2 / 3
    # the first date, and what has no value: the middle one of the others
    expected = [[0.1, 0.01, (most + 0.25) / 2, 1], [0.04, 0.01, most, 1], [0.16, 0.01, 0.25, 1]]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    bytes_ = str(write_raster(tmp_path / "c.tif", np.array([[51, 204], [0, 255]], np.uint8)))
    found = point_variances(["", bytes_], "coherence", (0, 0, 2, 2), at)
    np.testing.assert_allclose(found[1], [24, 9 / 16, 1, 39 / 361], rtol=1e-5)
    found = point_variances(["", bytes_], "coherence", (0, 0, 1, 1), (at[0][:1], at[1][:1]), [0, 1])
    np.testing.assert_allclose(found[1], [9 / 16], rtol=1e-5)
    assert point_variances([], "noise_rad", (0, 0, 2, 2), at) is None
    nothing = str(write_raster(tmp_path / "d.tif", np.zeros((2, 2), np.float32)))
    found = point_variances([*paths, nothing], "noise_rad", (0, 0, 2, 2), at)
    np.testing.assert_array_equal(found[3], found[0])
    assert "d.tif has no value at any point here" in caplog.text


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("noise_rad", np.full((2, 2), -1, np.float32), "from -1 to -1; .* deviation .* in radians"),
        ("noise_rad", np.full((2, 2), 400, np.float32), "from 400 to 400; .* in radians, 0 to 100"),
        ("noise_rad", np.full((2, 2), 0.5j, np.complex64), "values of complex64 .* in radians"),
        ("coherence", np.full((2, 2), 2, np.float32), "expected a coherence, 0 to 1"),
    ],
)
def test_rasters_of_something_else_are_no_noise(kind, values, expected, tmp_path):
    path = str(write_raster(tmp_path / "20200101.tif", values))
    at = (np.array([0, 1]), np.array([0, 1]))
    with pytest.raises(InputError, match=rf"20200101.tif: .*{expected}"):
        point_variances([path], kind, (0, 0, 2, 2), at)


# From links to points


@pytest.mark.parametrize("ndates", [16, 30], ids=["all contrasts", "more dates than contrasts"])
def test_contrasts_leave_constant_and_terms_out(ndates):
    design, weights = c_band(ndates), weights_of(noise_of(ndates, 0.2, 0.6))
    contrasts, root = date_contrasts(design, weights), np.sqrt(weights)
    assert contrasts.shape == (min(ndates - 3, MAX_CONTRASTS), ndates)
    np.testing.assert_allclose(contrasts @ contrasts.T, np.eye(len(contrasts)), atol=1e-12)
    np.testing.assert_allclose(contrasts @ root, 0, atol=1e-12)
    np.testing.assert_allclose(contrasts @ (root[:, None] * design), 0, atol=1e-9)


def test_one_link_has_the_sigma_of_its_periodogram():
    design, noise = c_band(16), noise_of(16, 0.2, 0.6)
    weights = weights_of(noise)
    phase, edges = noisy_links(design, np.array([[12.0], [-20.0]]), noise)
    link = estimate_links(phase, edges, design, axes_of(design), weights=weights)
    fit = fit_links(edges, link.params, link.sigma, 2)
    contrasts = date_contrasts(design, weights)
    residuals = residual_contrasts(phase, edges, design, fit, contrasts, weights)
    squares = ((residuals[:, [1]] - residuals[:, [0]]) ** 2).sum(axis=0)
    sigma = parameter_sigma(parameter_covariance(design, weights), squares, len(contrasts))
    np.testing.assert_allclose(sigma, link.sigma, rtol=1e-3)


def test_intervals_of_points_hold_the_truth_as_often_as_they_say():
    """Student's t of 13 degrees of freedom and unit variance: 70.3 and 94.7 %."""
    design, noise = c_band(16), noise_of(16, 0.15, 0.5)
    weights = weights_of(noise)
    covariance = parameter_covariance(design, weights)
    points = np.argwhere(np.ones((30, 30), bool))
    edges = point_mesh(points).edges
    scaled = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        truth = rng.uniform(-1, 1, (2, 900)) * [[8.0], [6.0]]
        phase = design @ truth + rng.normal(0, 1, (16, 900)) * noise[:, None]
        phase = wrap(phase - phase[0]).astype(np.float32)
        links = estimate_links(phase, edges, design, axes_of(design), weights=weights)
        fit = fit_links(edges, links.params, links.sigma, 900, links.at_range_end)
        contrasts = date_contrasts(design, weights)
        residuals = residual_contrasts(phase, edges, design, fit, contrasts, weights)
        sigma = parameter_sigma(covariance, (residuals**2).sum(axis=0), len(contrasts))
        error = fit.values - truth
        scaled.append((error - np.median(error, axis=1, keepdims=True)) / sigma)
    scaled = np.concatenate(scaled, axis=1)
    for share, within, limit in ((0.703, 1.0, 0.06), (0.947, 1.96, 0.03)):
        np.testing.assert_allclose((np.abs(scaled) < within).mean(axis=1), share, atol=limit)
