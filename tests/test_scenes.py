"""Simulated scenes of all kinds: their phase is what their truth says."""

import numpy as np
import pytest
from emcflow.acquisition.geometry import design_matrix
from emcflow.errors import InputError
from emcflow.products.scenes import KINDS, simulate_scene


@pytest.mark.parametrize("kind", KINDS)
def test_scenes_are_what_they_say(kind):
    scene, geometry = simulate_scene(kind, 2, seed=5)
    ndates = len(scene.dates)
    assert scene.dates == tuple(sorted(set(scene.dates)))
    assert scene.phase.shape == (ndates, *KINDS[kind].shape)
    assert not scene.phase[0].any()
    np.testing.assert_allclose(scene.stack, np.exp(1j * scene.phase), atol=1e-4)
    # points are few in some kinds, and never none
    points = scene.temporal_coherence > 0.6
    assert 0.01 < points.mean() < 1
    noise = (scene.phase - scene.phase_noise_free)[:, points]
    assert np.abs(np.angle(np.exp(1j * noise))).mean() < 1.2
    assert design_matrix(scene.dates, scene.bperp_m, **geometry).shape == (ndates, 2)


def test_noise_free_phase_by_hand():
    """Without the air, a steady bowl and a height leave what the design matrix makes of them."""
    scene, geometry = simulate_scene("few_dates", 1, seed=2)
    design = design_matrix(scene.dates, scene.bperp_m, **geometry)
    model = np.tensordot(design, [scene.velocity_mm_yr, scene.dem_error_m], 1)
    air = scene.phase_noise_free - model
    # smooth: neighbours differ by much less than by the height, whose gradient is gone from it
    assert np.abs(np.diff(air, axis=2)).mean() < 0.2
    tall = np.abs(scene.bperp_m).argmax()
    own = np.corrcoef(
        np.diff(scene.phase_noise_free[tall], axis=1).ravel(),
        np.diff(scene.dem_error_m, axis=1).ravel(),
    )[0, 1]
    left = np.corrcoef(
        np.diff(air[tall], axis=1).ravel(), np.diff(scene.dem_error_m, axis=1).ravel()
    )[0, 1]
    assert abs(own) > 0.5 > 5 * abs(left)


def test_the_rupture_breaks_the_ground_by_its_step():
    scene, _ = simulate_scene("rupture", 2, seed=1)
    rows, cols = KINDS["rupture"].shape
    after = scene.phase_noise_free[-1] - scene.phase_noise_free[0]
    across = after[rows // 2 - 2, cols // 2] - after[rows // 2 + 1, cols // 2]
    # both sides move by 1.2 half wavelengths at the middle: 4 pi / wavelength times twice that
    expected = 4 * np.pi * 1.2
    assert abs(abs(across) - expected) < 0.12 * expected


def test_same_seed_same_scene_and_another_seed_another():
    first, again, other = (simulate_scene("lakes", 1, seed)[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.phase, again.phase)
    assert (first.phase != other.phase).any()


@pytest.mark.parametrize("kind, severity", [("desert", 2), ("lakes", 4)])
def test_an_unknown_scene_is_refused(kind, severity):
    with pytest.raises(InputError, match=f"{kind}, severity {severity}.*expected one of"):
        simulate_scene(kind, severity)
