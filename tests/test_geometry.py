"""Formulas against hand-made cases and against the geometry of real acquisitions."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from emcflow.acquisition.geometry import (
    TERMS,
    days_since_first,
    design_matrix,
    pair_design,
    rad_per_m,
    rad_per_mm_yr,
)
from emcflow.errors import InputError

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
GEOMETRY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0}


def test_half_a_wavelength_is_one_cycle():
    # two-way path: moving by half a wavelength adds one whole wavelength of path
    half_wavelength_mm = 0.0555 / 2 * 1e3
    assert rad_per_mm_yr(1.0, 0.0555) * half_wavelength_mm == pytest.approx(2 * math.pi)


def test_height_of_ambiguity_is_one_cycle():
    # lambda R sin(inc) / (2 B) for numbers that can be done by hand: sin 30 deg = 1/2
    height = 0.05 * 800e3 * 0.5 / (2 * 100)
    assert height == 100.0
    assert rad_per_m(100.0, 0.05, 800e3, 30.0) * height == pytest.approx(2 * math.pi)


def test_sign_by_hand():
    # one year later, 100 m baseline: both terms raise the phase of the later date
    design = design_matrix(["20210101", "20220101"], np.array([10.0, 110.0]), 0.05, 800e3, 30.0)
    assert TERMS == ("velocity_mm_yr", "dem_error_m")
    assert np.array_equal(design[0], [0.0, 0.0])
    assert design[1, 0] == pytest.approx(0.08 * math.pi * 365 / 365.25)
    assert design[1, 1] == pytest.approx(2 * math.pi / 100)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data sets are not on this machine")
@pytest.mark.parametrize("name", ["cropA_mexico", "cropA_mexico_hard"])
def test_real_geometry(name):
    given = json.loads((SHARED / name / "geometry.json").read_text())
    arguments = (given["wavelength_m"], given["slant_range_m"], given["incidence_angle_deg"])
    design = design_matrix(["20180106", "20180130"], np.array([0.0, 1.0]), *arguments)
    years = 24 / 365.25
    assert design[1, 0] == pytest.approx(given["velocity_rad_per_mm_yr_yr"] * years, rel=1e-12)
    assert design[1, 1] == pytest.approx(given["dem_rad_per_m_per_m_bperp"], rel=1e-12)
    # the look angle at the sensor would be 10 % off
    wrong = rad_per_m(1.0, *arguments[:2], given["look_angle_deg"])
    assert abs(wrong / design[1, 1] - 1) > 0.1


def test_only_baseline_differences_count():
    dates = ["20200101", "20200113", "20200206"]
    bperp = np.array([50.0, -20.0, 130.0])
    assert np.allclose(
        design_matrix(dates, bperp, **GEOMETRY), design_matrix(dates, bperp - 50, **GEOMETRY)
    )


def test_pair_design():
    dates = ["20200101", "20200113", "20200206"]
    design = design_matrix(dates, np.array([0.0, 30.0, -40.0]), **GEOMETRY)
    pairs = np.array([[0, 1], [0, 2], [1, 2]])
    rows = pair_design(design, pairs)
    assert rows.shape == (3, 2)
    assert rows[2, 0] == pytest.approx(rad_per_mm_yr(24 / 365.25, 0.0555))
    assert rows[2, 1] == pytest.approx(rad_per_m(-70.0, **GEOMETRY))
    assert np.allclose(rows[0] + rows[2], rows[1])


def test_years_cross_a_leap_day():
    assert days_since_first(["20200228", "20200301", "20210301"]).tolist() == [0, 2, 367]
    assert days_since_first(["20210228", "20210301"]).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("dates", "bperp", "changes", "words"),
    [
        (["20200101", "20201301"], [0, 1], {}, ["dates", "YYYYMMDD"]),
        (["20200113", "20200101"], [0, 1], {}, ["ascend"]),
        (["20200101", "20200101"], [0, 1], {}, ["ascend"]),
        (["20200101", "20200113"], [0, np.nan], {}, ["1 usable", "2 dates"]),
        (["20200101", "20200113"], [0], {}, ["1 usable", "2 dates"]),
        (["20200101", "20200113"], [0, 1], {"incidence_angle_deg": 0}, ["incidence", "90"]),
        (["20200101", "20200113"], [0, 1], {"wavelength_m": 55.5}, ["wavelength_m", "metres"]),
        (["20200101", "20200113"], [0, 1], {"slant_range_m": np.nan}, ["slant_range_m"]),
    ],
)
def test_refused(dates, bperp, changes, words):
    with pytest.raises(InputError) as error:
        design_matrix(dates, np.array(bperp, dtype=float), **(GEOMETRY | changes))
    message = str(error.value)
    assert "\n" not in message
    assert all(word in message for word in words)
