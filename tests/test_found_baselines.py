"""Baselines that are found in the phases, and tables that are checked by them."""

import numpy as np
import pytest
from emcflow.acquisition.baseline_check import check_baselines, check_remarks, scale_of_known
from emcflow.acquisition.geometry import days_since_first
from emcflow.acquisition.likely_names import likely_name
from emcflow.unwrap.found_height import found_height

DATES = [f"2020{month:02d}{day:02d}" for month in range(1, 9) for day in (3, 17)]
BPERP_M = np.array(
    [0, 130, -80, 45, 210, -150, 20, 95, -60, 170, -110, 60, -20, 140, -190, 75], dtype=float
)
YEARS = days_since_first(DATES) / 365.25


def corners(heights_rad, noise_rad=0.3, count=1500, seed=1):
    """Return phases of the corners of triangles, some of them on buildings."""
    random = np.random.default_rng(seed)
    height = np.where(random.random(3 * count) < 0.4, random.uniform(0, heights_rad, 3 * count), 0)
    column = BPERP_M / np.ptp(BPERP_M)
    phase = np.outer(column, height) + random.normal(0, noise_rad, (len(DATES), 3 * count))
    phase -= phase[0]
    return np.angle(np.exp(1j * phase)).astype(np.float32)


def test_baselines_of_a_city_are_found_in_its_phases_but_for_scale_and_sign():
    found = found_height(corners(15.0), DATES, 0.23 * YEARS, (-100, 100))
    assert found.is_clear
    assert abs(np.corrcoef(found.column, BPERP_M)[0, 1]) > 0.998
    sign = np.sign(np.corrcoef(found.column, BPERP_M)[0, 1])
    expected = sign * BPERP_M / np.ptp(BPERP_M)
    assert np.abs(found.column - expected).max() < 0.1
    assert 0 < np.median(found.sigma) < 0.05


def test_nothing_is_found_where_there_are_no_heights():
    found = found_height(corners(0.0), DATES, 0.23 * YEARS, (-100, 100))
    assert found is None or not found.is_clear


def test_nothing_is_found_with_few_dates():
    phase = corners(15.0)[:5]
    assert found_height(phase, DATES[:5], 0.23 * YEARS[:5], (-100, 100)) is None


def remarks_of(table):
    """Return what is said of a table where the phases have found the true baselines."""
    column, sigma = -BPERP_M / 400, np.full(len(DATES), 0.005)
    return check_remarks(DATES, table, check_baselines(table, column, sigma, YEARS))


def test_a_right_table_has_no_remark():
    assert remarks_of(BPERP_M) == []


@pytest.mark.parametrize("date", [0, 5, 15])
def test_a_date_that_is_off_by_300_m_is_named_with_the_value_that_the_phases_ask_for(date):
    table = BPERP_M.copy()
    table[date] += 300
    (remark,) = remarks_of(table)
    assert DATES[date] in remark
    assert f"is {table[date]:.0f} m in the table" in remark
    assert f"ask for {BPERP_M[date]:.0f} ±" in remark


def test_two_dates_that_are_swapped_are_named_in_one_remark():
    table = BPERP_M.copy()
    table[[4, 10]] = table[[10, 4]]
    (remark,) = remarks_of(table)
    assert DATES[4] in remark
    assert DATES[10] in remark
    assert "look swapped" in remark


def test_a_date_of_the_other_sign_is_told_as_such():
    table = BPERP_M.copy()
    table[9] *= -1
    (remark,) = remarks_of(table)
    assert DATES[9] in remark
    assert "sign looks wrong" in remark


def test_a_table_of_another_stack_is_not_checked_date_by_date():
    table = np.random.default_rng(3).normal(0, 100, len(DATES))
    (remark,) = remarks_of(table)
    assert "correlation" in remark


def test_baselines_of_two_dates_are_the_scale():
    scale, uncertainty = scale_of_known(
        BPERP_M[[4, 14]], -BPERP_M[[4, 14]] / 400, np.array([0.01, 0.01])
    )
    assert scale == pytest.approx(-400)
    assert uncertainty == pytest.approx(np.sqrt(2) * 0.01 * 400 / 400, rel=1e-6)


def test_shapes_over_the_dates_are_named():
    angle = 2 * np.pi * YEARS
    cases = {
        "annual": np.sin(angle),
        f"step before {DATES[6]}": (np.arange(len(DATES)) >= 6).astype(float),
        f"{DATES[7]} alone": (np.arange(len(DATES)) == 7).astype(float),
    }
    for text, column in cases.items():
        assert text in likely_name(column, DATES)
    assert likely_name(BPERP_M, DATES) is None
