"""Unwrapping of arrays in one call, and the example that shows it."""

import runpy

import numpy as np
import pytest
from emcflow.acquisition.geometry import design_matrix
from emcflow.errors import InputError
from emcflow.products.accuracy import share_right
from emcflow.products.simulate import simulate_stack
from emcflow.unwrap.points import unwrap_points
from stacks import DATES, island_map, simulate_islands
from workflow import ROOT

GEOMETRY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0}


@pytest.fixture(scope="module")
def city():
    """A city whose buildings wrap the phase: phase at its points, points, design, truth."""
    made = simulate_stack({"rows": 70, "cols": 70, "dates": 12, "seed": 3}, **GEOMETRY)
    points = np.argwhere(made.temporal_coherence > 0.6)
    design = design_matrix(made.dates, made.bperp_m, **GEOMETRY)
    return made, points, np.angle(made.stack[:, *points.T]), design, made.phase[:, *points.T]


def shares(result, truth):
    return [
        share_right(row, truth[second] - truth[first])
        for row, (first, second) in zip(result.unwrapped, result.network.pairs, strict=True)
    ]


def test_a_city_is_right_with_its_design_and_congruent_with_the_input(city):
    made, points, phase, design, truth = city
    result = unwrap_points(phase, points, made.dates, design, [(-100, 100), (-80, 80)])
    assert min(shares(result, truth)) > 0.995
    first, second = result.network.pairs.T
    cycles = (result.unwrapped - (phase[second] - phase[first])) / (2 * np.pi)
    assert np.abs(cycles - np.rint(cycles)).max() < 1e-6
    assert result.terms == [0, 1]
    start, end = points[result.graph.edges].transpose(1, 2, 0)
    height = made.dem_error_m[*end] - made.dem_error_m[*start]
    assert np.median(np.abs(result.model.params[1] - height)) < 4


def test_the_result_does_not_depend_on_threads(city):
    made, points, phase, design, _ = city
    one, three = (
        unwrap_points(phase, points, made.dates, design, n_threads=threads) for threads in (1, 3)
    )
    assert np.array_equal(one.unwrapped, three.unwrapped)
    assert np.array_equal(one.model.params, three.model.params)


def test_islands_are_right_each_for_itself_without_a_design():
    islands = island_map((60, 60), count=2, water=8)
    rng = np.random.default_rng(5)
    points, island, truth = simulate_islands(islands, rng, density=0.9, noise_rad=0.1)
    truth /= 4  # so small a map would alias the slopes of the large one
    result = unwrap_points(np.angle(np.exp(1j * truth)), points, DATES, max_link_pixels=5)
    assert result.model is None
    assert len(np.unique(result.region)) == 4
    for number in np.unique(island):
        here = island == number
        assert len(np.unique(result.region[here])) == 1
        for row, (first, second) in zip(result.unwrapped, result.network.pairs, strict=True):
            assert share_right(row[here], (truth[second] - truth[first])[here]) == 1


def test_a_term_that_the_dates_do_not_constrain_is_left_out(city):
    made, points, phase, design, _ = city
    flat = design * [1, 0]
    result = unwrap_points(phase, points, made.dates, flat)
    assert result.terms == [0]
    assert len(result.model.params) == 1


def test_bad_arrays_end_with_one_line(city):
    made, points, phase, design, _ = city
    with pytest.raises(InputError, match="expected"):
        unwrap_points(phase[:-1], points, made.dates)
    with pytest.raises(InputError, match="row-major"):
        unwrap_points(phase, points[::-1], made.dates)
    with pytest.raises(InputError, match="one per term"):
        unwrap_points(phase, points, made.dates, design, ranges=[(-100, 100)])


def test_the_example_runs_and_is_right(capsys):
    names = runpy.run_path(str(ROOT / "examples" / "unwrap_arrays.py"))
    assert np.mean(names["right"]) > 0.999
    assert "of points right" in capsys.readouterr().out


def test_phase_of_any_other_shape_ends_with_one_line(city):
    made, points, phase, design, _ = city
    for bad in (phase[:-1], phase.T, phase[0], phase[None]):
        for terms in (None, design):
            with pytest.raises(InputError, match="dates by points"):
                unwrap_points(bad, points, made.dates, terms)
