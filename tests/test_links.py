"""Velocity and DEM error of links: against truth, the Cramer-Rao bound and hand cases."""

import numpy as np
import pytest
from emcflow.errors import InputError
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import RangedAxis, search_axis

WAVELENGTH, SLANT_RANGE, INCIDENCE = 0.0555, 800e3, np.radians(35.0)


def design_of(years, bperp, wavelength=WAVELENGTH, slant_range=SLANT_RANGE):
    scale = 4 * np.pi / wavelength
    return np.stack(
        [scale * 1e-3 * years, scale * bperp / (slant_range * np.sin(INCIDENCE))], axis=1
    )


def c_band(ndates=20, seed=3):
    """Irregular dates over 2.5 years, baselines within 150 m."""
    rng = np.random.default_rng(seed)
    days = 6.0 * np.sort(rng.choice(np.arange(1, 150), ndates - 1, replace=False))
    bperp = rng.uniform(-150, 150, ndates - 1)
    return design_of(np.concatenate([[0], days]) / 365.25, np.concatenate([[0], bperp]))


def x_band(ndates=24, seed=5):
    """Eleven-day repeat over two years at X-band, baselines spanning 1400 m."""
    rng = np.random.default_rng(seed)
    days = 11.0 * np.sort(rng.choice(np.arange(1, 66), ndates - 1, replace=False))
    bperp = np.concatenate([[0, -700, 700], rng.uniform(-700, 700, ndates - 3)])
    return design_of(np.concatenate([[0], days]) / 365.25, bperp, 0.031, 630e3)


def axes_of(design, ranges=((-100, 100), (-50, 50))):
    return [search_axis(design[:, t], *ranges[t]) for t in range(design.shape[1])]


def wrap(phase):
    return np.angle(np.exp(1j * phase))


def links_of(design, params, noise=0.0, seed=1):
    """One separate pair of points per column of params, each with its own noise per date [rad]."""
    rng = np.random.default_rng(seed)
    nlinks = params.shape[1]
    phase = rng.normal(0, noise, (len(design), 2 * nlinks)) if noise else 0.0
    phase = phase + np.zeros((len(design), 2 * nlinks))
    phase[:, 1::2] += design @ params
    phase = wrap(phase - phase[0]).astype(np.float32)
    return phase, np.arange(2 * nlinks, dtype=np.int32).reshape(-1, 2)


def random_params(nlinks, seed=2, extent=(85.0, 40.0)):
    rng = np.random.default_rng(seed)
    return np.stack([rng.uniform(-limit, limit, nlinks) for limit in extent])


def cramer_rao(design, noise):
    """Standard deviation of each term for a link whose two ends have this noise per date."""
    centred = design - design.mean(axis=0)
    return np.sqrt(2 * noise**2 * np.diag(np.linalg.inv(centred.T @ centred)))


def test_sign_by_hand():
    # 10 mm/yr over one year is 20 mm of two-way path: +4 pi 10e-3 / wavelength of phase at point b.
    years = np.array([0.0, 0.25, 0.5, 1.0])
    phase = np.zeros((4, 2), np.float32)
    phase[:, 1] = 4 * np.pi / WAVELENGTH * 0.010 * years
    design = design_of(years, np.zeros(4))[:, :1]
    model = estimate_links(phase, np.array([[0, 1], [1, 0]]), design, axes_of(design))
    np.testing.assert_allclose(model.params, [[10.0, -10.0]], atol=1e-4)


@pytest.mark.parametrize("make", [c_band, x_band])
def test_recovers_parameters_without_noise(make):
    design = make()
    params = random_params(500)
    phase, edges = links_of(design, params)
    model = estimate_links(phase, edges, design, axes_of(design))
    extent = np.array([[200.0], [100.0]])
    assert np.abs((model.params - params) / extent).max() < 1e-6
    assert not model.at_range_end.any()
    np.testing.assert_allclose(model.coherence, 1.0, atol=1e-6)


@pytest.mark.parametrize("make", [c_band, x_band])
@pytest.mark.parametrize("noise", [0.15, 0.3])
def test_reaches_the_cramer_rao_bound_and_reports_it(make, noise):
    design = make()
    params = random_params(20000)
    phase, edges = links_of(design, params, noise)
    model = estimate_links(phase, edges, design, axes_of(design))
    error = model.params - params
    bound = cramer_rao(design, noise)
    assert (np.sqrt((error**2).mean(axis=1)) < 1.15 * bound).all()
    normalised = (error / model.sigma).var(axis=1)
    np.testing.assert_allclose(normalised, 1.0, atol=0.1)
    assert np.abs(error.mean(axis=1)).max() < 5 * bound.max() / np.sqrt(len(edges))


def test_no_grid_bias():
    """A truth swept through two cells of the grid leaves no error that follows the grid."""
    design = c_band()
    axes = axes_of(design)
    sweep = np.linspace(0, 2, 401)
    steps = np.array([axis[1] - axis[0] for axis in axes])
    params = np.stack([axes[0][20] + sweep * steps[0], axes[1][3] + sweep[::-1] * steps[1]])
    phase, edges = links_of(design, params)
    model = estimate_links(phase, edges, design, axes)
    assert np.abs((model.params - params) / steps[:, None]).max() < 1e-5


def test_finds_the_highest_peak_of_a_fine_grid():
    """Noise so strong that side peaks compete: none of the estimates may be beaten."""
    design = c_band(ndates=12)
    phase, edges = links_of(design, random_params(200), noise=0.7)
    axes = axes_of(design)
    model = estimate_links(phase, edges, design, axes)
    fine = [np.linspace(axis[0], axis[-1], 6 * len(axis)) for axis in axes]
    grid = np.stack([values.ravel() for values in np.meshgrid(*fine)])
    phasors = np.exp(1j * (phase[:, 1::2] - phase[:, ::2]))
    brute = np.abs(np.exp(-1j * (design @ grid)).T @ phasors / len(design)).max(axis=0)
    assert (model.coherence > brute - 1e-5).mean() >= 0.99
    assert (model.coherence > brute - 0.03).all()
    at_peak = np.abs(np.mean(phasors * np.exp(-1j * (design @ model.params)), axis=0))
    np.testing.assert_allclose(model.coherence, at_peak, atol=1e-5)


def test_peaks_at_or_beyond_the_edge_are_clipped_and_flagged():
    design = c_band()
    params = np.array([[100.0, 103.0, 99.5, -101.0, 0.0], [10.0, 10.0, 10.0, -20.0, 52.0]])
    phase, edges = links_of(design, params)
    model = estimate_links(phase, edges, design, axes_of(design))
    assert model.at_range_end.tolist() == [True, True, False, True, True]
    np.testing.assert_allclose(model.params[0, [0, 1, 2, 3]], [100, 100, 99.5, -100], atol=1e-3)
    np.testing.assert_allclose(model.params[1, 4], 50.0)


def test_same_bytes_for_any_threads_and_memory():
    design = c_band()
    phase, edges = links_of(design, random_params(3000), noise=0.5)
    axes = axes_of(design)
    models = [
        estimate_links(phase, edges, design, axes, n_threads=threads, memory_mb=memory)
        for threads, memory in ((1, 512), (2, 512), (2, 3), (3, 64))
    ]
    for field in ("params", "sigma", "coherence", "at_range_end"):
        assert len({getattr(model, field).tobytes() for model in models}) == 1, field


def test_one_term_and_three_terms():
    design = c_band()
    rng = np.random.default_rng(4)
    thermal = 0.3 * np.sin(np.arange(len(design)) * 1.7)
    design = np.column_stack([design, thermal])
    params = np.vstack([random_params(200), rng.uniform(-8, 8, 200)])
    for terms in ([0], [1], [0, 1, 2]):
        phase, edges = links_of(design[:, terms], params[terms])
        axes = axes_of(design[:, terms], [((-100, 100), (-50, 50), (-10, 10))[t] for t in terms])
        model = estimate_links(phase, edges, design[:, terms], axes)
        np.testing.assert_allclose(model.params, params[terms], atol=1e-3)


def test_links_share_points_and_order_does_not_matter():
    design = c_band()
    rng = np.random.default_rng(6)
    values = np.stack([rng.uniform(-40, 40, 30), rng.uniform(-20, 20, 30)])
    phase = wrap(design @ values).astype(np.float32)
    edges = np.array([(a, b) for a in range(30) for b in range(a + 1, 30)], np.int32)
    model = estimate_links(phase, edges, design, axes_of(design))
    np.testing.assert_allclose(
        model.params, values[:, edges[:, 1]] - values[:, edges[:, 0]], atol=1e-3
    )
    turned = estimate_links(phase, edges[::-1, ::-1], design, axes_of(design))
    np.testing.assert_allclose(turned.params, -model.params[:, ::-1], atol=1e-4)


def test_sigma_is_infinite_without_redundancy():
    design = c_band(ndates=3)
    phase, edges = links_of(design, np.array([[3.0], [2.0]]))
    model = estimate_links(phase, edges, design, axes_of(design, ((-5, 5), (-3, 3))))
    assert np.isinf(model.sigma).all()


def test_no_links():
    design = c_band()
    phase = np.zeros((len(design), 1), np.float32)
    model = estimate_links(phase, np.zeros((0, 2), np.int32), design, axes_of(design))
    assert model.params.shape == (2, 0) and model.coherence.shape == (0,)


def test_progress_ends_at_the_number_of_links():
    design = c_band()
    phase, edges = links_of(design, random_params(2500))
    calls = []
    estimate_links(phase, edges, design, axes_of(design), progress=lambda *args: calls.append(args))
    assert calls[-1] == (2500, 2500)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"edges": np.array([[0, 9]])}, "edges"),
        ({"phase": np.full((20, 2), np.nan, np.float32)}, "finite"),
        ({"phase": np.zeros((19, 2), np.float32)}, "dates"),
        ({"axes": [np.linspace(-1, 1, 5)]}, "axes"),
        ({"axes": [np.array([0.0, 1.0, 3.0]), np.array([0.0, 1.0])]}, "evenly spaced"),
        ({"axes": [RangedAxis(np.zeros(1), -1, 3), np.array([0.0, 1.0])]}, "not in the middle"),
        ({"memory_mb": 0.01}, "memory_mb"),
        ({"design": np.ones((20, 2))}, "constant"),
    ],
)
def test_says_what_is_wrong(change, message):
    design = c_band()
    arguments = {
        "phase": np.zeros((20, 2), np.float32),
        "edges": np.array([[0, 1]]),
        "design": design,
        "axes": axes_of(design),
    }
    with pytest.raises(InputError, match=message):
        estimate_links(**(arguments | change))
