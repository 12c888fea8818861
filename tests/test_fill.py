"""Pixels between the points: the nearest point, its cycle, and what a pixel needs to be filled."""

import numpy as np
import pytest
from emcflow.io.stack import Stack, phase_linked_stack, read_date, read_phase
from emcflow.products.fill import fill_image, nearest_points, strips, to_nearest_cycle
from emcflow.products.simulate import simulate_stack
from scipy.spatial import KDTree
from stacks import DATES, write_raster

SHAPE = (31, 27)


@pytest.fixture
def scene():
    """Some points, and pixels of which most are wanted."""
    rng = np.random.default_rng(3)
    return rng.random(SHAPE) < 0.04, rng.random(SHAPE) < 0.8


@pytest.mark.parametrize("max_pixels", [1, 2, 5, 100])
def test_every_wanted_pixel_near_enough_has_its_nearest_point(max_pixels, scene):
    points, wanted = scene
    rows, cols, nearest = nearest_points(points, wanted, max_pixels)
    candidates = np.argwhere(wanted & ~points)
    distance, _ = KDTree(np.argwhere(points)).query(candidates)
    near = distance <= max_pixels + 1e-9
    np.testing.assert_array_equal(np.column_stack([rows, cols]), candidates[near])
    assert points[tuple(nearest.T)].all()
    found = np.hypot(*(nearest - np.column_stack([rows, cols])).T)
    np.testing.assert_allclose(found, distance[near])


def test_without_points_or_pixels_nothing_is_found(scene):
    points, wanted = scene
    for one, other in ((np.zeros_like(points), wanted), (points, points)):
        rows, cols, nearest = nearest_points(one, other, 5)
        assert (rows.size, cols.size, nearest.shape) == (0, 0, (0, 2))


@pytest.mark.parametrize(("height", "margin"), [(512, 4), (8, 4), (5, 7), (31, 1)])
def test_strips_with_their_margin_find_what_the_whole_scene_does(height, margin, scene):
    points, wanted = scene
    rows, cols, _ = nearest_points(points, wanted, margin)
    found = []
    for (row0, _, row1, _), (top, left, bottom, right) in strips(SHAPE, height, margin):
        part = np.zeros_like(wanted)
        part[row0:row1] = wanted[row0:row1]
        box = slice(top, bottom), slice(left, right)
        own_rows, own_cols, _ = nearest_points(points[box], part[box], margin)
        found.append(np.column_stack([own_rows + top, own_cols]))
    np.testing.assert_array_equal(np.vstack(found), np.column_stack([rows, cols]))


def test_the_cycle_is_the_one_nearest_to_the_point():
    """By hand: 3 rad beside a point at 10 is 3 + 2 pi = 9.28, beside one at 5 it stays 3."""
    wrapped = np.array([3.0, 3.0, -3.0, 0.5, np.nan, 1.0])
    unwrapped = np.array([10.0, 5.0, 3.2, -31.4, 0.0, np.nan])
    filled = to_nearest_cycle(wrapped, unwrapped)
    expected = [3 + 2 * np.pi, 3, -3 + 2 * np.pi, 0.5 - 10 * np.pi, np.nan, np.nan]
    np.testing.assert_allclose(filled, expected, rtol=1e-12)


def test_a_pixel_needs_data_at_the_dates_of_the_pair_alone(tmp_path):
    """Either layout, in a window: NaN where the date is zero or not finite, else read_phase's."""
    rng = np.random.default_rng(1)
    images = np.exp(1j * rng.uniform(-np.pi, np.pi, (3, *SHAPE))).astype(np.complex64)
    images[0, 5, 6], images[1, 7, 8], images[2, 9, 10] = 0, np.nan, 0
    slcs = [write_raster(tmp_path / f"{date}.slc.tif", one)
            for date, one in zip(DATES, images, strict=False)]  # fmt: skip
    window = (4, 3, 30, 25)
    slc = Stack("slc", DATES[:3], tuple(map(str, slcs)), "", window)
    linked = phase_linked_stack(tmp_path, None, DATES[:3])
    for number in (1, 2):
        write_raster(tmp_path / f"{DATES[0]}_{DATES[number]}.int.tif", images[number])
    bounds = (1, 1, 20, 20)
    mask = np.ones((19, 19), bool)
    pixels = np.nonzero(mask)
    gaps = {0: 0 * 19 + 2, 1: 2 * 19 + 4, 2: 4 * 19 + 6}  # in the window's bounds
    phase, valid = read_phase(slc, mask, bounds)
    dates = [read_date(slc, date, bounds, *pixels) for date in range(3)]
    for date, place in gaps.items():
        np.testing.assert_array_equal(np.flatnonzero(np.isnan(dates[date])), [place])
    both = phase[2] - phase[1] - (dates[2] - dates[1])
    cycles = both[valid] / (2 * np.pi)
    np.testing.assert_allclose(cycles, np.rint(cycles), atol=1e-6)
    assert np.isfinite(dates[2] - dates[1])[gaps[0]] and not valid[gaps[0]]
    phase, valid = read_phase(linked, mask, bounds)
    for date in range(3):
        found = read_date(linked, date, bounds, *pixels)
        np.testing.assert_array_equal(found[valid], phase[date, valid])
    assert np.isnan(found).sum() == 1  # the last date's gap is in these bounds, too


def test_filled_pixels_of_a_simulated_town_are_right():
    """Points above 0.98, and pixels of less coherence around them: as the truth has it."""
    settings = {"rows": 60, "cols": 70, "dates": 4, "coherence": 0.98}
    settings |= {"park_fraction": 0, "water_fraction": 0, "building_height_m": 0}
    city = simulate_stack(settings, 0.0555, 850e3, 39.0)
    points = city.temporal_coherence > 0.98
    wrapped, truth = np.angle(city.stack[3]), city.phase[3].astype(float)
    wanted = (city.temporal_coherence > 0.6) & ~points
    rows, cols, nearest = nearest_points(points, wanted, 4)
    assert rows.size > 0.95 * wanted.sum() > 500
    filled = to_nearest_cycle(wrapped[rows, cols], truth[tuple(nearest.T)])
    right = np.abs(filled - truth[rows, cols]) < 1e-4
    assert right.mean() > 0.99
    cycles = (filled - wrapped[rows, cols]) / (2 * np.pi)
    np.testing.assert_allclose(cycles, np.rint(cycles), atol=1e-6)


def test_a_strip_is_filled_from_its_margin():
    """By hand: beside a point of 10 rad in the margin, 3 rad of difference is 3 + 2 pi."""
    unwrapped = np.full((3, 2), np.nan, np.float32)
    unwrapped[0, 0] = 10
    pixels, nearest = (np.array([0, 1]), np.array([0, 0])), np.array([[0, 0], [0, 0]])
    first, second = np.float32([1, 0]), np.float32([4, np.nan])
    image, count = fill_image(unwrapped, slice(1, 3), pixels, nearest, first, second)
    np.testing.assert_allclose(image, [[3 + 2 * np.pi, np.nan], [np.nan, np.nan]], rtol=1e-6)
    assert count == 1 and image.dtype == np.float32
