"""Displacement and velocity from interferograms: by hand, and against a known phase."""

from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
from dates import points_of, strip_files
from emcflow.acquisition.geometry import metres_per_rad
from emcflow.errors import InputError
from emcflow.io.date_strips import open_date_strips
from emcflow.io.raster import Grid, write_raster
from emcflow.network.networks import hop3_network
from emcflow.products import reference
from emcflow.products.motion_phase import MotionPhase, scene_places
from emcflow.products.reference import reference_quality
from emcflow.products.time_series import (
    LEAST_RESIDUE_SHARE,
    fit_velocity,
    invert_windows,
    misfits,
    network_inverse,
    pair_weights,
)
from emcflow.tiles.scene import ScenePixels

CYCLE = 2 * np.pi
TRIANGLE = np.array([[0, 1], [1, 2], [0, 2]])


def test_an_open_triangle_by_hand():
    """A cycle too many on the long pair: equal weights share it, unequal ones as their inverses."""
    unwrapped = np.array([[1.0], [2.0], [3.0 + CYCLE]])
    phase = network_inverse(TRIANGLE, 3, np.ones(3)) @ unwrapped
    np.testing.assert_allclose(phase[:, 0], [0, 1 + CYCLE / 3, 3 + 2 * CYCLE / 3])
    total, of_date = misfits(unwrapped, phase, TRIANGLE)
    np.testing.assert_allclose(total, CYCLE / 3)
    np.testing.assert_allclose(of_date, CYCLE / 3)
    # misfits go as 1/w = 1, 1, 4, which add up to the cycle
    phase = network_inverse(TRIANGLE, 3, np.array([1, 1, 0.25])) @ unwrapped
    np.testing.assert_allclose(phase[:, 0], [0, 1 + CYCLE / 6, 3 + 2 * CYCLE / 6])
    total, of_date = misfits(unwrapped, phase, TRIANGLE)
    np.testing.assert_allclose(total, CYCLE / 6 * np.sqrt((1 + 1 + 16) / 3))
    np.testing.assert_allclose(of_date[:, 0], CYCLE / 6 * np.sqrt([17 / 2, 2 / 2, 17 / 2]))


def test_closed_loops_give_the_dates_back_whatever_the_weights():
    rng = np.random.default_rng(2)
    network = hop3_network([f"2020{month:02d}01" for month in range(1, 10)])
    truth = rng.normal(0, 30, (9, 50))
    truth[0] = 0
    unwrapped = truth[network.pairs[:, 1]] - truth[network.pairs[:, 0]]
    found = network_inverse(network.pairs, 9, rng.uniform(0.1, 1, network.npairs)) @ unwrapped
    np.testing.assert_allclose(found, truth, atol=1e-9)
    assert (misfits(unwrapped.astype(np.float32), found, network.pairs)[0] == 0).all()


def test_interferograms_with_more_residues_weigh_less():
    weights = pair_weights(np.array([0, 20, 2000]), 1000)
    np.testing.assert_allclose(weights, [1, 1 / (1 + 0.01 / LEAST_RESIDUE_SHARE), 1 / 1001])


def test_a_velocity_and_its_sigma_by_hand():
    """Times 0, 1, 2 and values 0, 3, 0: slope 0, scatter -1, 2, -1, variance 6, spread 2."""
    velocity, sigma = fit_velocity(np.array([[0.0, 1.0], [3.0, 2.0], [0.0, 3.0]]), np.arange(3.0))
    np.testing.assert_allclose(velocity, [0, 1], atol=1e-12)
    np.testing.assert_allclose(sigma, [np.sqrt(6 / 2), 0], atol=1e-12)
    velocity, sigma = fit_velocity(np.array([[0.0], [3.0]]), np.array([0.0, 1.5]))
    assert velocity == 2
    assert np.isnan(sigma)


def test_sigma_is_the_scatter_of_the_velocity():
    rng = np.random.default_rng(3)
    years = np.sort(rng.uniform(0, 2, 12))
    velocity, sigma = fit_velocity(rng.normal(0, 1, (12, 4000)), years)
    assert np.sqrt(np.mean(sigma**2)) == pytest.approx(velocity.std(), rel=0.03)


def test_metres_of_a_cycle_are_half_a_wavelength_away_or_toward():
    assert CYCLE * metres_per_rad(0.056, "away") == pytest.approx(0.028)
    assert CYCLE * metres_per_rad(0.056, "toward") == pytest.approx(-0.028)


# Whole scenes


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Rasters of all pairs, more than a window wide, of a known phase, with one wrong cycle."""
    rng = np.random.default_rng(5)
    shape, network = (20, 530), hop3_network(["20200101", "20200401", "20200701", "20201001"])
    years = np.array([0, 0.25, 0.5, 0.75])
    rate, height = rng.normal(0, 10, shape), rng.normal(0, 20, shape)
    rad_per_m = np.array([0, 0.3, -0.2, 0.1])
    offset = np.array([0, 5.0, -3.0, 8.0])  # of every date, as an atmosphere has it
    phase = years[:, None, None] * rate + rad_per_m[:, None, None] * height
    phase += offset[:, None, None]
    mask = rng.random(shape) < 0.7
    mask[3, 7] = mask[0, 0] = mask[10, 525] = True
    folder = tmp_path_factory.mktemp("scene")
    grid = Grid(shape, "EPSG:32631", (10.0, 0.0, 5e5, 0.0, -10.0, 1e5))
    paths = []
    for name, (first, second) in zip(network.pair_names, network.pairs, strict=True):
        image = np.where(mask, phase[second] - phase[first], np.nan)
        image[10, 525] += CYCLE if (first, second) == (1, 3) else 0
        paths.append(folder / f"{name}.unw.tif")
        write_raster(paths[-1], image.astype(np.float32), grid, units="rad", description="phase")
    return paths, network.pairs, years, mask, rate, height, rad_per_m


@contextmanager
def inverted(scene, folder, strip_rows=512):
    """Yield the points of the scene and the phase of their dates."""
    paths, pairs, _, mask, *_ = scene
    points = points_of(mask, strip_rows)
    files = strip_files(folder, points, partial(invert_windows, paths, pairs, np.ones(6), 4), 4)
    with open_date_strips(files, points) as phase:
        yield points, phase


def test_a_scene_is_inverted_for_its_dates(scene, tmp_path):
    _, pairs, years, mask, rate, height, rad_per_m = scene
    with inverted(scene, tmp_path) as (points, file):
        assert points.npoints == mask.sum()
        (place,) = scene_places(points, (3, 7))
        row_col = np.concatenate([window.points() for window in points.windows])
        assert row_col[place].tolist() == [3, 7]
        assert mask[tuple(row_col.T)].all()
        phase = np.concatenate([file.read(window) for window in points.windows], axis=1)
        some = [file.read(window, slice(2, 3))[0] for window in points.windows]
        misfit = np.concatenate([file.misfit(window) for window in points.windows])
        of_dates = [
            np.concatenate([file.date_misfit(window, date) for window in points.windows])
            for date in range(4)
        ]
    np.testing.assert_array_equal(np.concatenate(some), phase[2])
    at = tuple(row_col.T)
    slope, up = (values[at] - values[3, 7] for values in (rate, height))
    truth = np.outer(years, slope) + np.outer(rad_per_m, up)
    wrong = (row_col == (10, 525)).all(axis=1)
    assert (phase[0] == 0).all()
    phase = phase - phase[:, [place]]
    np.testing.assert_allclose(phase[:, ~wrong], truth[:, ~wrong], atol=1e-4)
    assert np.flatnonzero(misfit).tolist() == np.flatnonzero(wrong).tolist()
    # a misfit per date: all interferograms that touch it, by least squares on its own
    incidence = np.zeros((6, 4))
    incidence[np.arange(6), pairs[:, 0]], incidence[np.arange(6), pairs[:, 1]] = -1, 1
    extra = CYCLE * ((pairs == (1, 3)).all(axis=1))
    left = extra - incidence[:, 1:] @ np.linalg.lstsq(incidence[:, 1:], extra, rcond=None)[0]
    for date in range(4):
        expected = np.sqrt(np.mean(left[incidence[:, date] != 0] ** 2))
        assert of_dates[date][wrong] == pytest.approx(expected, abs=1e-4)
        assert (of_dates[date][~wrong] == 0).all()


def test_a_masked_reference_is_refused(scene, tmp_path):
    *_, mask, _, _, rad_per_m = scene
    row, col = np.argwhere(~mask)[0].tolist()
    with inverted(scene, tmp_path) as (_, file):
        with pytest.raises(InputError, match=f"row {row}, column {col} has no value"):
            MotionPhase(file, (row, col))

        def units(window):
            return np.where((window.points() == (3, 7)).all(axis=1), np.nan, 1.0)[None]

        with pytest.raises(InputError, match=r"row 3, column 7 has no value: .*no DEM error"):
            MotionPhase(file, (3, 7), rad_per_m[:, None], units)


def test_motion_is_relative_to_the_reference_and_without_the_dem_error(scene, tmp_path):
    _, _, years, _, rate, height, rad_per_m = scene
    with inverted(scene, tmp_path) as (points, file):

        def units(window):
            return height[tuple(window.points().T)][None]

        motion = MotionPhase(file, (3, 7), rad_per_m[:, None], units)
        for window in points.windows:
            at = window.points()
            right = ~(at == (10, 525)).all(axis=1)
            truth = np.outer(years, rate[tuple(at.T)] - rate[3, 7])
            found = motion.read(window)
            np.testing.assert_allclose(found[:, right], truth[:, right], atol=1e-4)
            np.testing.assert_array_equal(motion.read(window, slice(2, 3))[0], found[2])
            assert motion.known(window).all()
        # over the corner of four blocks
        area = (2, 500, 9, 520)
        of_area = MotionPhase(file, area, rad_per_m[:, None], units)
        places = scene_places(points, area)
        row_col = np.concatenate([window.points() for window in points.windows])[places]
        assert ((row_col >= area[:2]) & (row_col < area[2:])).all() and len(places) > 50
        phase = np.concatenate([of_area.read(window) for window in points.windows], axis=1)
        np.testing.assert_allclose(phase[:, places].mean(axis=1), 0, atol=1e-6)


def test_the_reference_is_coherent_amid_coherent_points(monkeypatch):
    """The most coherent point stands alone; a dense block is half coherent at one end only."""
    rng = np.random.default_rng(7)
    image = np.full((60, 60), 0.1)  # of no point
    image[7:27, :20], image[7:27, 20:40] = 0.95, 0.7
    image[7:27, :40] += rng.uniform(-0.01, 0.01, (20, 40))
    image[50, 50] = 1
    points = np.argwhere(image > 0.5)
    pixels = ScenePixels(image.shape)
    pixels.add(points)

    def coherence(bounds):
        return image[bounds[0] : bounds[2], bounds[1] : bounds[3]]

    quality = reference_quality(coherence, pixels)
    for rows in (1, 13):
        monkeypatch.setattr(reference, "BLOCK", rows)
        np.testing.assert_array_equal(reference_quality(coherence, pixels), quality)
    row, col = points[quality.argmax()]
    assert 11 <= row <= 22
    assert 4 <= col <= 15
    assert quality[-1] == pytest.approx(1 / 81)
