"""Terms that the dates can tell apart, and the axes of the search."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from emcflow.links import search_grid
from emcflow.links.search_grid import choose_terms, coarse_axis, search_axis
from test_links import c_band, design_of


def test_search_axis_covers_the_range():
    column = np.array([0.0, 0.2, 0.5])
    axis = search_axis(column, -100, 50)
    assert axis[0] == -100 and axis[-1] == 50
    assert np.diff(axis).max() <= 2 * np.pi / 0.5 / 3 + 1e-9
    np.testing.assert_allclose(search_axis(column, -10, 10, step=5), [-10, -5, 0, 5, 10])
    np.testing.assert_allclose(search_axis(column, 0, 10, step=4), [0, 10 / 3, 20 / 3, 10])


def test_coarse_axis_has_no_truth_farther_than_a_quarter_of_a_cell():
    column = np.array([0.0, 1.0, 0.5])  # the cell is 2 pi wide
    axis = coarse_axis(column, -10, 10).values
    assert len(axis) == 7 and np.ptp(np.diff(axis)) < 1e-12
    assert max(axis[0] + 10, 10 - axis[-1], np.diff(axis).max() / 2) <= np.pi / 2
    np.testing.assert_allclose(coarse_axis(column, -1, 2).values, [0.5])


def test_choose_terms_keeps_what_the_dates_constrain():
    assert choose_terms(c_band(), [(-100, 100), (-50, 50)]) == ([0, 1], {})


def test_choose_terms_drops_baselines_near_zero():
    design = design_of(np.linspace(0, 2, 12), np.linspace(-0.05, 0.05, 12) ** 2)
    kept, reasons = choose_terms(design, [(-100, 100), (-50, 50)], ["velocity", "height"])
    assert kept == [0]
    assert "height" in reasons[1] and "\n" not in reasons[1]


@pytest.mark.parametrize("sway_m", [0.5, 0.0])
def test_choose_terms_drops_the_weaker_of_two_terms_in_step(sway_m):
    years = np.linspace(0, 2, 12)
    design = design_of(years, 20 * years + sway_m * np.sin(9 * years))
    kept, reasons = choose_terms(design, [(-100, 100), (-50, 50)], ["velocity", "height"])
    assert kept == [0]
    assert "velocity" in reasons[1]


def test_choose_terms_leaves_a_date_for_the_noise():
    for ndates, expected in ((2, []), (3, [0]), (4, [0, 1])):
        kept, reasons = choose_terms(c_band(ndates), [(-100, 100), (-50, 50)])
        assert kept == expected
        assert sorted(kept + list(reasons)) == [0, 1]


def test_the_check_at_the_start_of_a_run_needs_no_compiler():
    command = "import sys, emcflow.links.search_grid; print({'numba', 'scipy'} & {*sys.modules})"
    folder = str(Path(search_grid.__file__).parents[2])
    run = subprocess.run(
        [sys.executable, "-c", command],
        env={"PYTHONPATH": folder},
        capture_output=True,
        check=True,
        text=True,
    )
    assert run.stdout.strip() == "set()"
