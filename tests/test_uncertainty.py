"""Standard deviations of velocity and DEM error, and the noise floor of coherence."""

from dataclasses import replace

import numpy as np
import pytest
from emcflow.acquisition.geometry import TERMS, design_matrix
from emcflow.errors import InputError
from emcflow.graph.delaunay import point_mesh
from emcflow.links.integrate import fit_links
from emcflow.links.noise_floor import noise_coherence, noise_probability, unbiased_coherence
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import search_axis
from emcflow.links.uncertainty import (
    MAX_CONTRASTS,
    date_contrasts,
    parameter_correlation,
    parameter_covariance,
    parameter_sigma,
    residual_contrasts,
)
from emcflow.products.simulate import simulate_stack
from emcflow.tiles.feather import TileValues, tile_offsets
from merged_scene import blend_tiles

GEOMETRY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0}
RANGES = [(-100, 100), (-80, 80)]


def axes_of(design):
    return [search_axis(column, *limits) for column, limits in zip(design.T, RANGES, strict=True)]


def dates_and_design(ndates):
    city = simulate_stack({"rows": 10, "cols": 10, "dates": ndates}, **GEOMETRY)
    return design_matrix(city.dates, city.bperp_m, **GEOMETRY)


def estimated(**settings):
    """Points of a simulated city, their fit, the contrasts of their residuals, truth, design."""
    city = simulate_stack({"rows": 45, "cols": 45, **settings}, **GEOMETRY)
    mask = city.temporal_coherence > 0.6
    points = np.argwhere(mask).astype(np.int32)
    edges = point_mesh(points).edges
    design = design_matrix(city.dates, city.bperp_m, **GEOMETRY)
    phase = np.angle(city.stack[:, mask]).astype(np.float32)
    links = estimate_links(phase, edges, design, axes_of(design))
    fit = fit_links(edges, links.params, links.sigma, len(points), links.at_range_end)
    contrasts = residual_contrasts(phase, edges, design, fit, date_contrasts(design))
    truth = np.stack([city.velocity_mm_yr[mask], city.dem_error_m[mask]])
    return points, fit.values, contrasts, truth, design


def sigma_of(design, contrasts):
    squares = (contrasts**2).sum(axis=0)
    return parameter_sigma(parameter_covariance(design), squares, len(contrasts))


def error_by_sigma(settings):
    _, values, contrasts, truth, design = estimated(**settings)
    error = values - truth
    return (error - np.median(error, axis=1, keepdims=True)) / sigma_of(design, contrasts)


@pytest.mark.parametrize(
    "settings, nseeds",
    [
        ({"coherence": 0.95, "atmosphere_rad": 0.0}, 3),
        ({"coherence": 0.88, "atmosphere_rad": 0.0}, 3),
        ({"coherence": 0.95, "atmosphere_rad": 0.7}, 16),
        ({"coherence": 0.92, "atmosphere_rad": 0.5, "dates": 32, "span_days": 720}, 12),
    ],
    ids=["noise", "more noise", "with atmosphere", "more dates than contrasts"],
)
def test_intervals_hold_the_truth_as_often_as_they_say(settings, nseeds):
    """Student's t of 13 degrees of freedom and unit variance: 70.3 and 94.7 %, not 68 and 95.

    Atmosphere moves whole quarters of the scene together, so that it takes many scenes.
    """
    scaled = np.concatenate([error_by_sigma(settings | {"seed": s}) for s in range(nseeds)], axis=1)
    for share, within, limit in ((0.703, 1.0, 0.06), (0.947, 1.96, 0.03)):
        held = (np.abs(scaled) < within).mean(axis=1)
        np.testing.assert_allclose(held, share, atol=limit)


def test_one_link_has_the_sigma_of_its_periodogram():
    rng = np.random.default_rng(5)
    design = dates_and_design(16)
    phase = np.zeros((16, 2), np.float32)
    phase[:, 1] = np.angle(np.exp(1j * (design @ [12.0, -20.0] + rng.normal(0, 0.5, 16))))
    edges = np.array([[0, 1]], np.int32)
    link = estimate_links(phase, edges, design, axes_of(design))
    fit = fit_links(edges, link.params, link.sigma, 2)
    residuals = residual_contrasts(phase, edges, design, fit, date_contrasts(design))
    difference = residuals[:, [1]] - residuals[:, [0]]
    np.testing.assert_allclose(sigma_of(design, difference), link.sigma, rtol=1e-3)


def test_contrasts_leave_constant_and_terms_out():
    for ndates, expected in ((4, 1), (16, 13), (32, MAX_CONTRASTS)):
        design = dates_and_design(ndates)
        contrasts = date_contrasts(design)
        assert contrasts.shape == (expected, ndates)
        np.testing.assert_allclose(contrasts @ contrasts.T, np.eye(expected), atol=1e-12)
        np.testing.assert_allclose(contrasts.sum(axis=1), 0, atol=1e-12)
        np.testing.assert_allclose(contrasts @ design, 0, atol=1e-9)
    with pytest.raises(InputError, match="3 dates for a constant and 2 terms: expected at least 4"):
        date_contrasts(dates_and_design(3))


def test_sigma_is_that_of_the_difference_from_the_reference_point():
    points, _, contrasts, _, design = estimated(coherence=0.9)
    at = tuple(points[700])
    tiles = [TileValues((0, 0, 45, 45), points, contrasts, np.zeros(len(points), int))]
    joined = blend_tiles(tiles, tile_offsets(tiles, (45, 45)), (45, 45), at).values
    sigma = sigma_of(design, joined)
    np.testing.assert_array_equal(sigma[:, 700], 0)
    by_hand = contrasts - contrasts[:, [700]]
    np.testing.assert_allclose(sigma, sigma_of(design, by_hand), rtol=1e-6)  # float32


def test_sigma_does_not_depend_on_the_tiles():
    """Two tiles, each relative to a median of its own, give the sigma of the whole scene."""
    points, _, contrasts, _, design = estimated(coherence=0.9, atmosphere_rad=2.0)
    whole = TileValues((0, 0, 45, 45), points, contrasts, np.zeros(len(points), int))
    tiles = []
    for rows in ((0, 25), (20, 45)):
        inside = (points[:, 0] >= rows[0]) & (points[:, 0] < rows[1])
        own = contrasts[:, inside]
        own = own - np.median(own, axis=1, keepdims=True)
        tiles.append(
            replace(
                whole,
                bounds=(rows[0], 0, rows[1], 45),
                points=points[inside],
                values=own,
                region=np.zeros(inside.sum(), int),
            )
        )
    joined = blend_tiles(tiles, tile_offsets(tiles, (45, 45)), (45, 45)).values
    expected = contrasts - np.median(contrasts, axis=1, keepdims=True)
    np.testing.assert_allclose(sigma_of(design, joined), sigma_of(design, expected), rtol=1e-6)


def test_correlation_of_velocity_and_height():
    # Times 0 1 2 3, baselines 0 1 1 2: by hand, r of the columns is 3 / sqrt(10), and the
    # estimates have the opposite.
    design = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 1.0], [3.0, 2.0]])
    expected = pytest.approx(-3 / np.sqrt(10))
    assert parameter_correlation(parameter_covariance(design), TERMS) == expected
    assert parameter_correlation(parameter_covariance(design[:, :1]), TERMS[:1]) is None
    # An orthogonal third term changes nothing, wherever it stands; nor do two without the heights.
    three = np.column_stack([[1.0, -1.0, -1.0, 1.0], design])
    names = ["annual_sin_mm", *TERMS]
    assert parameter_correlation(parameter_covariance(three), names) == expected
    assert parameter_correlation(parameter_covariance(three[:, :2]), names[:2]) is None


@pytest.mark.parametrize("ndates", [16, 30])
def test_pure_noise_reaches_a_coherence_as_often_as_predicted(ndates):
    design = dates_and_design(ndates)
    nlinks = 6000
    rng = np.random.default_rng(7)
    phase = rng.uniform(-np.pi, np.pi, (ndates, 2 * nlinks)).astype(np.float32)
    edges = np.arange(2 * nlinks, dtype=np.int32).reshape(-1, 2)
    found = estimate_links(phase, edges, design, axes_of(design)).coherence
    for probability in (0.3, 0.1, 0.01):
        predicted = noise_coherence(probability, design, RANGES)
        assert abs(np.quantile(found, 1 - probability) - predicted) < 0.03
        at = noise_probability([predicted], design, RANGES)
        np.testing.assert_allclose(at, probability, rtol=0.02)
    probabilities = noise_probability(np.linspace(0, 1, 500), design, RANGES)
    assert (np.diff(probabilities) <= 1e-12).all()
    assert probabilities[0] == 1
    assert probabilities[-1] == 0


@pytest.mark.parametrize("noise_rad", [0.3, 0.8])
def test_unbiased_coherence_is_that_of_the_noise(noise_rad):
    design = dates_and_design(12)
    nlinks = 4000
    rng = np.random.default_rng(3)
    phase = np.zeros((12, 2 * nlinks), np.float32)
    phase[:, 1::2] = rng.normal(0, noise_rad, (12, nlinks))
    edges = np.arange(2 * nlinks, dtype=np.int32).reshape(-1, 2)
    raw = estimate_links(phase, edges, design, axes_of(design)).coherence
    truth = np.exp(-(noise_rad**2) / 2)
    found = np.sqrt(np.mean(unbiased_coherence(raw, 12, 2) ** 2))
    assert abs(found - truth) < 0.025
    assert np.sqrt(np.mean(raw**2)) > truth + (0.005 if noise_rad < 0.5 else 0.05)
    assert np.isnan(unbiased_coherence(raw, 3, 2)).all()
