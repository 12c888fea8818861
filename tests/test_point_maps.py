"""Maps of the unwrapped phase: by hand, against simulated truth, and with their sigmas."""

import tempfile

import numpy as np
import pytest
from dates import held, points_of
from emcflow.acquisition.geometry import design_matrix
from emcflow.io.point_file import PointFile
from emcflow.products.date_noise import (
    BAD_IN_ALL,
    DateNoise,
    date_noise,
    nearest_neighbours,
    sample_runs,
)
from emcflow.products.map_notes import date_table, map_remarks
from emcflow.products.point_fit import PointFit, ScenePrior
from emcflow.products.point_maps import SceneTerms, component_datum, fit_scene

GEOMETRY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 37.0}
RAD_PER_MM = 4 * np.pi / 0.0555 * 1e-3


def dates_of(count, step_days=12):
    days = np.datetime64("2020-01-01") + step_days * np.arange(count)
    return [str(day).replace("-", "") for day in days], step_days * np.arange(count) / 365.25


def scene_of(rng, count, side=70):
    """Return points, design, years, velocities and heights of a scene."""
    dates, years = dates_of(count)
    design = design_matrix(dates, rng.normal(0, 80, count), **GEOMETRY)
    points = np.argwhere(np.ones((side, side), bool)).astype(np.int32)
    velocity, height = rng.normal(0, 30, len(points)), rng.normal(0, 20, len(points))
    return points, design, years, np.array([velocity, height])


class Fitted:
    """A fit with the values of all points as arrays."""

    def __init__(self, row_col, phase, component, design, years, **kwargs):
        labels = np.zeros(row_col.max(axis=0) + 1, np.uint16)
        labels[tuple(row_col.T)] = component + 1
        points = points_of(labels)
        with tempfile.TemporaryDirectory() as folder, held(folder, points, phase) as file:
            self.scene = fit_scene(points, file, design, years, **kwargs)
            parts = [self.scene.read(window) for window in points.windows]
        self.values, self.sigma = (
            np.concatenate([part[k] for part in parts], axis=1) for k in (0, 1)
        )
        self.residual, self.motion = (np.concatenate([part[k] for part in parts]) for k in (2, 3))

    def __getattr__(self, name):
        return getattr(self.scene, name)


def fitted(row_col, design, years, truth, noise, **kwargs):
    component = kwargs.pop("component", np.zeros(len(row_col), np.int64))
    return Fitted(row_col, design @ truth + noise, component, design, years, **kwargs)


def mean_square(fit, truth):
    """Mean squares of errors over sigmas of the terms, relative to the median."""
    error = fit.values - truth
    return np.mean(((error - np.median(error, axis=1, keepdims=True)) / fit.sigma) ** 2, axis=1)


# By hand


def test_terms_and_their_signs_by_hand():
    """10 mm/yr away over a year is 4 pi / wavelength * 10 mm; 5 m at 100 m of baseline."""
    dates, years = ["20200101", "20200701", "20201231", "20210701"], [0, 182, 365, 547]
    years = np.array(years) / 365.25
    design = design_matrix(dates, np.array([0, 100.0, -50.0, 20.0]), **GEOMETRY)
    lever = 850e3 * np.sin(np.radians(37.0))
    moved = np.array([0, 10.0, 0, 0, 0])
    raised = np.array([0, 0, 5.0, 0, 0])
    phase = RAD_PER_MM * np.outer(years, moved)
    phase += RAD_PER_MM * 1e3 * np.outer([0, 100, -50, 20], raised) / lever
    phase += np.array([3.0, -2.0, 8.0, 0.5])[:, None]  # an atmosphere that all points share
    points = np.column_stack([np.arange(5), np.zeros(5, int)])
    fit = Fitted(points, phase, np.zeros(5, int), design, years)
    np.testing.assert_allclose(fit.values, [moved, raised], atol=1e-4)
    assert fit.sigma.max() < 1e-3 and fit.residual.max() < 1e-5
    assert fit.ncontrasts == 1 and np.isnan(fit.motion).all()


def test_a_sigma_by_hand():
    """Values 0, 3, 0 about a line: squares 6; with five degrees of 2 rad^2: (10 + 6) / (6 - 2)."""
    fit = PointFit(np.array([[0.0], [1.0], [2.0]]), np.ones(3), np.arange(3.0))
    terms = fit.terms(np.array([[0.0, 0.0], [3.0, 1.0], [0.0, 2.0]]), ScenePrior(2.0, 5.0))
    np.testing.assert_allclose(terms.values, [[0, 1]], atol=1e-12)
    np.testing.assert_allclose(terms.residual, [np.sqrt(6), 0], atol=1e-12)
    # the slope of three dates a year apart has half the variance of a date
    np.testing.assert_allclose(terms.sigma, [[np.sqrt(4 / 2), np.sqrt(2.5 / 2)]])


def test_a_date_of_no_weight_does_not_count():
    design = np.array([[0.0], [1.0], [2.0], [3.0]])
    weights = np.array([4 / 3, 4 / 3, 4e-9, 4 / 3])
    fit = PointFit(design, weights, np.arange(4.0))
    np.testing.assert_allclose(fit.estimate @ [0.0, 1.0, 50.0, 3.0], 1, atol=1e-6)
    np.testing.assert_allclose(fit.estimate @ np.ones(4), 0, atol=1e-12)


def test_each_component_has_its_own_datum(tmp_path):
    points = points_of([[1, 1, 1, 2, 2]])
    phase = np.array([[0, 0, 0, 0, 0], [1, 2, 6, 10, 30]])
    with held(tmp_path, points, phase) as file:
        np.testing.assert_allclose(component_datum(file, points), [[0, 0], [2, 20]])
        np.testing.assert_allclose(component_datum(file, points, np.array([2])), [[0, 0], [6, 20]])
        area = component_datum(file, points, np.array([1, 2]))
        np.testing.assert_allclose(area, [[0, 0], [4, 20]])


def test_a_table_of_dates_by_hand():
    """Weights 1.2, 1.2, 0.6; a displacement has the noise of two dates."""
    noise = DateNoise(np.array([1.0, 1.0, 2.0]), np.array([0.25, 0.25, 1.0]))
    np.testing.assert_allclose(noise.weights, [1.2, 1.2, 0.6])
    terms = SceneTerms(*[np.zeros((1, 1))] * 2, noise, noise.weights, np.eye(1), None, 1, [])
    table = date_table(["a", "b", "c"], terms, mm_per_rad=2.0)
    np.testing.assert_allclose(table["noise_rad"], [0.5, 0.5, 1])
    np.testing.assert_allclose(table["displacement_sigma_mm"], [0, 2 * 2**0.5, 2 * 3**0.5])
    of_weights = [0, 2 * (2 / 1.2) ** 0.5, 2 * (1 / 1.2 + 1 / 0.6) ** 0.5]
    np.testing.assert_allclose(table["sigma_mm_per_rad"], of_weights)


# Noise of the dates


def test_a_file_of_points_gives_back_what_was_written(tmp_path):
    rng = np.random.default_rng(0)
    phase = rng.normal(0, 1, (4, 10)).astype(np.float32)
    file = PointFile(4, 10, tmp_path)
    file.write(slice(0, 7), phase[:, :7])
    file.write(slice(7, 10), phase[:, 7:])
    np.testing.assert_array_equal(file.read(slice(5, 9)), phase[:, 5:9])
    np.testing.assert_array_equal(file.row(3, slice(0, 10)), phase[3])
    assert list(tmp_path.iterdir()) == []


def test_neighbours_are_the_nearest_and_never_the_point_itself():
    points = np.array([[0, 0], [0, 5], [1, 5], [9, 9], [9, 9]])
    found = nearest_neighbours(points, [slice(0, 5)])
    assert found[:3].tolist() == [[0, 1], [1, 2], [2, 1]]
    assert found[3:].tolist() == [[3, 4], [4, 3]]


def test_runs_lie_evenly_over_all_points():
    assert sample_runs(3) == [slice(0, 3)]
    runs = sample_runs(1_000_000)
    assert (len(runs), runs[0].start, runs[-1].stop) == (16, 0, 1_000_000)


def test_a_noisy_date_is_found_beside_an_atmosphere():
    """Its own noise is five times that of the others; all dates have an atmosphere of 1 rad."""
    rng = np.random.default_rng(1)
    points, design, _, truth = scene_of(rng, 14)
    noise = np.full(14, 0.3)
    noise[5] = 1.5
    slope = rng.normal(0, 1, (14, 2)) @ (points / 70 - 0.5).T * 2.5
    phase = design @ truth + slope + noise[:, None] * rng.normal(0, 1, (14, len(points)))
    columns = np.column_stack([np.ones(14), design])
    found = date_noise(phase, columns, nearest_neighbours(points, [slice(0, len(points))]))
    np.testing.assert_allclose(np.sqrt(found.own), noise, rtol=0.15)
    assert found.bad.tolist() == [5]
    # one atmosphere for all: a date whose own happens to be strong is not weighed down
    others = np.delete(found.weights, 5)
    assert others.max() < 1.1 * others.min()
    assert found.weights[5] < others.min() / BAD_IN_ALL


def test_too_few_dates_have_equal_weights():
    rng = np.random.default_rng(2)
    points, design, *_ = scene_of(rng, 6)
    phase = np.array([1, 1, 1, 9, 1, 1])[:, None] * rng.normal(0, 1, (6, len(points)))
    columns = np.column_stack([np.ones(6), design])
    found = date_noise(phase, columns, nearest_neighbours(points, [slice(0, len(points))]))
    np.testing.assert_allclose(found.weights, 1)


# Against simulated truth


def test_a_bad_date_costs_next_to_nothing():
    rng = np.random.default_rng(3)
    points, design, years, truth = scene_of(rng, 14)
    noise = 0.3 * rng.normal(0, 1, (14, len(points)))
    noise[13] = rng.uniform(-np.pi, np.pi, len(points))
    fit = fitted(points, design, years, truth, noise)
    plain = fitted(points, design, years, truth, noise, weights=np.ones(14))
    left_out = np.delete(design, 13, axis=0), np.delete(years, 13)
    without = fitted(points, *left_out, truth, np.delete(noise, 13, axis=0))
    rmse, of_plain, of_without = (
        np.std(each.values - truth, axis=1) for each in (fit, plain, without)
    )
    assert (rmse < 1.03 * of_without).all() and (rmse < 0.7 * of_plain).any()
    np.testing.assert_allclose(mean_square(fit, truth), 1, rtol=0.15)


@pytest.mark.parametrize("count", [4, 5, 14])
def test_sigmas_hold_with_any_number_of_dates(count):
    """Points of noise from 0.2 to 0.8 rad."""
    rng = np.random.default_rng(count)
    points, design, years, truth = scene_of(rng, count)
    noise = rng.uniform(0.2, 0.8, len(points)) * rng.normal(0, 1, (count, len(points)))
    fit = fitted(points, design, years, truth, noise)
    found = mean_square(fit, truth)
    assert (found > 0.6).all() and (found < 1.25).all()


def test_three_dates_have_a_velocity_and_a_sigma():
    rng = np.random.default_rng(4)
    points, design, years, truth = scene_of(rng, 3)
    noise = 0.4 * rng.normal(0, 1, (3, len(points)))
    fit = fitted(points, design[:, :1], years, truth[:1], noise)
    assert 0.5 < mean_square(fit, truth[:1])[0] < 1.2


def test_a_step_is_residual_motion_and_in_the_sigma():
    """A collapse at a tenth of the points, which a line takes for velocity to three quarters."""
    rng = np.random.default_rng(5)
    points, design, years, truth = scene_of(rng, 14)
    truth[0] = 0
    noise = 0.3 * rng.normal(0, 1, (14, len(points)))
    steps = np.where(points[:, 0] < 7, 20.0, 0.0)
    noise += np.outer(np.arange(14) >= 7, steps)
    fit = fitted(points, design, years, truth, noise)
    moves = steps > 0
    score = (fit.values[0] / fit.sigma[0]) ** 2
    assert np.mean(score[moves]) < 4 and 0.5 < np.mean(score[~moves]) < 1.3
    # what plain least squares would say of it
    left = (
        noise
        - np.column_stack([np.ones(14), years])
        @ np.linalg.lstsq(np.column_stack([np.ones(14), years]), noise, rcond=None)[0]
    )
    assert 0.7 < np.median(fit.motion[moves]) / np.median(left[:, moves].std(axis=0)) < 1.1
    assert np.percentile(fit.motion[~moves], 99) < 0.1
    (remark,) = map_remarks(dates_of(14)[0], fit, 0.0, mm_per_rad=1 / RAD_PER_MM)
    assert remark.startswith("10 % of the points move in a way that no term describes")


def test_the_reference_is_zero_and_sure_and_other_components_are_their_own():
    rng = np.random.default_rng(6)
    points, design, years, truth = scene_of(rng, 10)
    noise = 0.3 * rng.normal(0, 1, (10, len(points)))
    component = (points[:, 0] > 30).astype(np.int64)
    noise += np.outer(rng.integers(-5, 5, 10), component) * 2 * np.pi
    reference = np.array([100])
    fit = fitted(points, design, years, truth, noise, component=component, reference=reference)
    assert (fit.values[:, 100] == 0).all() and (fit.sigma[:, 100] == 0).all()
    assert (fit.sigma[:, 101:] > 0).all()
    own = component == 0
    error = (fit.values - truth)[:, own] - (fit.values - truth)[:, [100]]
    assert np.abs(error[1]).max() < 12 * np.median(fit.sigma[1])
    np.testing.assert_allclose(np.median(fit.values[:, ~own], axis=1), 0, atol=1e-9)


def test_threads_have_no_influence(monkeypatch):
    monkeypatch.setattr("emcflow.products.time_series.CHUNK_POINTS", 700)
    rng = np.random.default_rng(4)
    points, design, years, truth = scene_of(rng, 12)
    phase = design @ truth + rng.normal(0, 0.3, (12, len(points)))
    component = np.zeros(len(points), int)
    one, three = (
        Fitted(points, phase, component, design, years, n_threads=number) for number in (1, 3)
    )
    for name in ("values", "sigma", "residual", "motion"):
        np.testing.assert_array_equal(getattr(three, name), getattr(one, name))


def test_given_weights_are_used_as_they_are():
    rng = np.random.default_rng(7)
    points, design, years, truth = scene_of(rng, 10)
    weights = np.linspace(0.5, 1.5, 10)
    noise = 0.3 * rng.normal(0, 1, (10, len(points)))
    fit = fitted(points, design, years, truth, noise, weights=weights)
    assert fit.weights is weights
    expected = PointFit(design, weights, years).estimate @ (design @ truth + noise)
    expected -= np.median(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(fit.values, expected, atol=1e-4)


def test_what_is_to_be_known_is_said():
    noise = DateNoise(np.array([1.0, 1.0, 1.0, 9.0]), np.ones(4))
    terms = SceneTerms(*[np.zeros((1, 10))] * 2, noise, noise.weights, np.eye(1), None, 2, [])
    dates = ["20200101", "20200113", "20200125", "20200206"]
    remarks = map_remarks(dates, terms, 0.02, 1.0)
    assert [remark.split(":")[0] for remark in remarks] == [
        "1 of 4 dates noisier than twice the others",
        "2 of 4 dates to spare",
        "At 2 % of the points interferograms disagree by whole cycles (quality/open_loops.tif)",
    ]
    assert "20200206 (3 rad, weight 0.14)" in remarks[0]
