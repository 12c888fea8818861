"""Baselines, ranges and angles from state vectors, against paths in exact geometry and GAMMA."""

import numpy as np
import pytest
from emcflow.acquisition.orbits import (
    Orbit,
    abeam,
    incidence_angle_deg,
    perpendicular_baseline_m,
    target_position,
    vertical,
)
from emcflow.errors import InputError

pytestmark = pytest.mark.unit

# State vectors 2 to 5 of r20180106_VV_slc.par and r20180130_VV_slc.par, Sentinel-1 over Mexico, in
# the test data of GeoscienceAustralia/PyRate (Apache-2.0). GAMMA's base_perp gives 30.39 m for line
# 3000, sample 4200 near the middle of the scene, with GAMMA's own sign (..._bperp.par there).
GAMMA = {
    "20180106": (
        2409.144213,
        [
            [-1453586.5506, -6579537.2326, 2153761.6359],
            [-1464332.7222, -6553513.8710, 2224328.5433],
            [-1474876.1671, -6526740.0329, 2294644.1512],
            [-1485214.6104, -6499219.0172, 2364700.5150],
        ],
        [
            [-1084.67698, 2564.70460, 7068.99018],
            [-1064.51896, 2639.91423, 7044.25842],
            [-1044.13208, 2714.79840, 7018.73075],
            [-1023.51913, 2789.34829, 6992.41010],
        ],
    ),
    "20180130": (
        2408.431977,
        [
            [-1453543.1000, -6579549.6926, 2153738.7429],
            [-1464288.7007, -6553526.6264, 2224305.8258],
            [-1474831.5793, -6526753.0818, 2294621.6113],
            [-1485169.4614, -6499232.3574, 2364678.1549],
        ],
        [
            [-1084.61965, 2564.67494, 7069.00759],
            [-1064.46211, 2639.88477, 7044.27604],
            [-1044.07572, 2714.76915, 7018.74859],
            [-1023.46326, 2789.31927, 6992.42815],
        ],
    ),
}
CENTRE = (19.5126101, -97.9182354)


def gamma_orbit(date):
    start, position, velocity = GAMMA[date]
    return Orbit(date, start + 10.0 * np.arange(4), np.array(position), np.array(velocity))


def test_baseline_range_and_angle_are_those_of_gamma():
    first, second = gamma_orbit("20180106"), gamma_orbit("20180130")
    seen = abeam(first, target_position(*CENTRE, 2500))
    assert seen.slant_range_m == pytest.approx(878_319, rel=3e-3)  # center_range_slc
    assert incidence_angle_deg(seen.position_m, *CENTRE) == pytest.approx(39.70, abs=0.15)
    # GAMMA's sign is the other one: its vector points from SLC 1 to SLC 2, to the right and down
    assert perpendicular_baseline_m(first, second, *CENTRE) == pytest.approx(-30.39, abs=0.5)
    assert perpendicular_baseline_m(second, first, *CENTRE) == pytest.approx(30.39, abs=0.5)


def circular(latitude, east_m=0.0, up_m=0.0, turn=1.0):
    """An orbit due north over the meridian 0 (turn=-1: due south), shifted east and up."""
    radius = 7_071e3 + up_m
    times = 10.0 * np.arange(-5, 6)
    rate = 7_500 / radius * turn
    angle = np.radians(latitude) + rate * times
    position = np.stack([radius * np.cos(angle), east_m + 0 * angle, radius * np.sin(angle)], 1)
    velocity = radius * rate * np.stack([-np.sin(angle), 0 * angle, np.cos(angle)], 1)
    return Orbit("circle", times, position, velocity)


@pytest.mark.parametrize("longitude", [4.0, -4.0])
@pytest.mark.parametrize("turn", [1.0, -1.0])
@pytest.mark.parametrize("shift", [(150.0, 0.0), (0.0, 120.0), (-80.0, 60.0)])
def test_a_taller_target_has_a_positive_dem_error_on_both_sides(longitude, turn, shift):
    """By exact paths: two targets as far from the first pass, one of them 100 m higher."""
    first, second = circular(30, turn=turn), circular(30, *shift, turn=turn)
    low = target_position(30, longitude)
    seen = abeam(first, low)
    sight = (low - seen.position_m) / seen.slant_range_m
    up = vertical(30, longitude)
    across = up - (up @ sight) * sight
    across /= np.linalg.norm(across)
    # along the circle around the first pass until the target is 100 m higher
    incidence = np.radians(incidence_angle_deg(seen.position_m, 30, longitude))
    turned = 100 / (seen.slant_range_m * np.sin(incidence))
    high = seen.position_m + seen.slant_range_m * (np.cos(turned) * sight + np.sin(turned) * across)
    path = abeam(second, high).slant_range_m - abeam(second, low).slant_range_m
    bperp = perpendicular_baseline_m(first, second, 30, longitude)
    dem_error = path * seen.slant_range_m * np.sin(incidence) / bperp
    assert dem_error == pytest.approx(100, rel=2e-3)


def test_what_is_no_orbit_ends_in_one_line():
    times = 10.0 * np.arange(4)
    good = gamma_orbit("20180106")
    with pytest.raises(InputError, match=r"x\.par: a vector of length 0"):
        Orbit("x.par", times, 0 * good.position_m, good.velocity_m_s)
    with pytest.raises(InputError, match=r"x\.par: .*do not ascend"):
        Orbit("x.par", times[::-1], good.position_m, good.velocity_m_s)
    with pytest.raises(InputError, match="positions"):
        Orbit("x.par", times, good.position_m[:3], good.velocity_m_s)
    with pytest.raises(InputError, match="1 state vectors"):
        Orbit("x.par", times[:1], good.position_m[:1], good.velocity_m_s[:1])
    with pytest.raises(InputError, match=r"abeam .* s outside the state vectors"):
        abeam(good, target_position(60, 10))
