"""Baselines that are found in the phases, and tables that are checked by them."""

import re

import numpy as np
import pandas as pd
import pytest
import rasterio
from emcflow.acquisition.baseline_check import check_baselines, check_remarks, scale_of_known
from emcflow.acquisition.geometry import days_since_first
from emcflow.acquisition.likely_names import likely_name
from emcflow.products.accuracy import share_right
from emcflow.unwrap.found_height import found_height
from workflow import read, run, run_whole

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


CITY = {"rows": 120, "cols": 120, "dates": 12, "seed": 3}


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """The stack of a simulated city, and its baselines."""
    folder = tmp_path_factory.mktemp("city")
    config = {"output_dir": "made", "stack": {"layout": "simulate"}, "simulation": CITY}
    run(folder, config, "--until", "simulate_stack")
    return folder


def results_of(city, name, baselines, **geometry):
    """Return the folder of a run on the stack, with a wavelength and what more is given."""
    config = {
        "output_dir": name,
        "stack": {"directory": "made/simulation/stack"},
        "geometry": {"wavelength_m": 0.0555, **geometry},
        "baselines": baselines,
    }
    run_whole(city, config)
    return city / name


def share_right_of(city, results):
    """Return the mean share of right points of the interferograms."""
    with rasterio.open(city / "made/simulation/truth/timeseries_unw.tif") as dataset:
        truth = dict(zip(dataset.descriptions, dataset.read().astype(float), strict=True))
    shares = []
    for path in results.glob("unwrapped/*[0-9].unw.tif"):
        first, second = path.name[:17].split("_")
        unwrapped = read(path)
        expected = np.where(np.isfinite(unwrapped), truth[second] - truth[first], np.nan)
        shares.append(share_right(unwrapped, expected))
    return np.mean(shares)


def test_without_a_table_a_city_is_unwrapped_by_the_baselines_that_it_shows(city):
    results = results_of(city, "found", {})
    found = pd.read_csv(results / "network/found_baselines.csv")
    true = pd.read_csv(city / "made/simulation/baselines_slc.csv")["bperp_m"]
    assert abs(np.corrcoef(found["found_relative"], true)[0, 1]) > 0.995
    assert share_right_of(city, results) > 0.998
    heights = read(results / "height_relative.tif")
    truth = read(city / "made/simulation/truth/dem_error_m.tif")
    at = np.isfinite(heights)
    assert abs(np.corrcoef(heights[at], truth[at])[0, 1]) > 0.88
    assert not (results / "dem_error_m.tif").exists()
    with rasterio.open(results / "height_relative.tif") as dataset:
        assert "sign is not known" in dataset.tags()["SIGN"]
    page = (results / "report.html").read_text()
    assert "Their scale and sign are not known" in page
    assert "heights are relative" in (results / "report.txt").read_text()


def test_two_known_baselines_give_metres(city):
    true = pd.read_csv(city / "made/simulation/baselines_slc.csv", dtype={"date": str})
    ends = [int(true["bperp_m"].idxmin()), int(true["bperp_m"].idxmax())]
    true.loc[ends].to_csv(city / "known.csv", index=False)
    view = {"slant_range_m": 850e3, "incidence_angle_deg": 39.0}
    results = results_of(city, "known", {"known_csv": "known.csv"}, **view)
    found = pd.read_csv(results / "network/baselines.csv")["bperp_m"]
    expected = true["bperp_m"] - true["bperp_m"][0]
    # the part along time is known only as well as velocities do not go with heights
    np.testing.assert_allclose(found, expected, atol=0.06 * np.ptp(expected))
    heights = read(results / "dem_error_m.tif")
    truth = read(city / "made/simulation/truth/dem_error_m.tif")
    at = np.isfinite(heights)
    slope = np.polyfit(truth[at], heights[at], 1)[0]
    assert abs(slope - 1) < 0.1  # of its size and its sign


def test_a_wrong_date_of_the_table_is_named_in_the_report(city):
    table = pd.read_csv(city / "made/simulation/baselines_slc.csv", dtype={"date": str})
    right = table["bperp_m"][5]
    table.loc[5, "bperp_m"] += 300
    table.to_csv(city / "wrong.csv", index=False)
    view = {"slant_range_m": 850e3, "incidence_angle_deg": 39.0}
    results = results_of(city, "checked", {"csv": "wrong.csv"}, **view)
    remarks = (results / "network/baseline_remarks.txt").read_text().splitlines()
    assert len(remarks) == 1
    assert f"The baseline of {table['date'][5]} is" in remarks[0]
    asked = float(re.search(r"the phases ask for (-?\d+)", remarks[0])[1])
    assert abs(asked - (right - table["bperp_m"][0])) < 15
    assert table["date"][5] in (results / "report.txt").read_text()
