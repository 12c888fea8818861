"""The simulated city: truth that belongs to its stack, amplitudes as asked for, same every time."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import yaml
from emcflow.acquisition.geometry import design_matrix
from emcflow.errors import InputError
from emcflow.graph.delaunay import point_mesh
from emcflow.graph.planar import breadth_first_tree
from emcflow.io.baselines import read_baselines
from emcflow.io.files import write_csv
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import search_axis
from emcflow.network.networks import hop3_network
from emcflow.products.accuracy import share_right
from emcflow.products.simulate import (
    SimulationSettings,
    baseline_tables,
    simulate_stack,
    simulation_dates,
)
from emcflow.unwrap.costs import spatial_costs
from emcflow.unwrap.spatial import unwrap_in_space
from emcflow.unwrap.temporal import unwrap_in_time

GEOMETRY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0}


def simulate(**settings):
    return simulate_stack(settings, **GEOMETRY)


@pytest.fixture(scope="module")
def city():
    return simulate()


def noise_of(city):
    return city.phase.astype(np.float64) - city.phase_noise_free


def test_shapes_and_types(city):
    assert city.stack.shape == city.phase.shape == city.phase_noise_free.shape == (16, 200, 200)
    assert city.stack.dtype == np.complex64
    for layer in (city.phase, city.temporal_coherence, city.velocity_mm_yr, city.dem_error_m):
        assert layer.dtype == np.float32
    assert city.temporal_coherence.shape == city.velocity_mm_yr.shape == (200, 200)
    assert 25_000 < np.count_nonzero(city.temporal_coherence > 0.6) < 35_000


def test_truth_is_congruent_with_the_stack(city):
    valid = city.temporal_coherence > 0
    phase = city.phase.astype(np.float64)
    misfit = np.angle(city.stack[:, valid] * np.exp(-1j * phase[:, valid]))
    assert np.abs(misfit).max() < 1e-5
    assert np.abs(np.abs(city.stack[:, valid]) - 1).max() < 1e-6
    assert np.nanmax(np.abs(phase)) > 4 * np.pi


def test_first_date_is_zero(city):
    valid = city.temporal_coherence > 0
    assert np.all(city.stack[0, valid] == 1)
    assert np.all(city.phase[0, valid] == 0)
    assert city.bperp_m[0] == 0


def test_no_data_is_zero_in_the_stack_and_nan_in_the_truth(city):
    invalid = city.temporal_coherence == 0
    assert invalid.mean() == pytest.approx(0.01, abs=0.002)
    assert np.all(city.stack[:, invalid] == 0)
    assert np.isnan(city.phase[:, invalid]).all()
    assert np.isfinite(city.phase[:, ~invalid]).all()
    assert simulate(rows=40, cols=30, dates=3, invalid_fraction=0).temporal_coherence.min() > 0


def test_temporal_coherence_is_that_of_the_noise(city):
    valid = city.temporal_coherence > 0
    expected = np.abs(np.exp(1j * noise_of(city)[:, valid]).mean(axis=0))
    assert np.allclose(city.temporal_coherence[valid], expected, atol=1e-5)


@pytest.mark.parametrize("coherence", [0.9, 0.97])
def test_coherence_of_what_is_built(coherence):
    city = simulate(coherence=coherence, dates=60, park_fraction=0, water_fraction=0)
    built = city.temporal_coherence > 0
    # the magnitude of a mean of 60 phasors is biased by (1 - coherence**2) / 4 / 60 at most
    assert city.temporal_coherence[built].mean() == pytest.approx(coherence, abs=3e-3)


def test_perfect_coherence_is_noise_free():
    city = simulate(coherence=1, park_fraction=0, water_fraction=0, rows=60, cols=60)
    assert np.array_equal(city.phase, city.phase_noise_free, equal_nan=True)
    assert set(np.unique(city.temporal_coherence.round(6))) == {0, 1}


def test_parks_and_river_decorrelate(city):
    low = (city.temporal_coherence > 0) & (city.temporal_coherence < 0.6)
    assert low.mean() == pytest.approx(0.08 + 0.2 * 0.75, abs=0.06)
    river_only = simulate(park_fraction=0, water_fraction=0.15)
    low = (river_only.temporal_coherence > 0) & (river_only.temporal_coherence < 0.6)
    assert low.mean() == pytest.approx(0.15, abs=0.01)


def test_noise_free_phase_is_model_plus_atmosphere(city):
    valid = city.temporal_coherence > 0
    design = design_matrix(city.dates, city.bperp_m, **GEOMETRY)
    truth = np.stack([city.velocity_mm_yr[valid], city.dem_error_m[valid]])
    atmosphere = city.phase_noise_free[:, valid] - design @ truth
    # a difference of two independent fields of 1 rad; the corner without data matters little
    spread = atmosphere[1:].std(axis=1)
    assert np.sqrt((spread**2).mean()) == pytest.approx(np.sqrt(2), rel=0.25)
    quiet = simulate(atmosphere_rad=0)
    left = quiet.phase_noise_free[:, valid] - design @ truth
    assert np.abs(left).max() < 1e-4


def test_atmosphere_follows_the_power_law():
    city = simulate(
        rows=256,
        cols=256,
        dates=20,
        velocity_mm_yr=0,
        bperp_std_m=0,
        invalid_fraction=0,
    )
    window = np.hanning(256)
    fields = city.phase_noise_free[1:] * window[:, None] * window
    power = (np.abs(np.fft.fft2(fields)) ** 2).mean(axis=0)
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256))
    band = (frequency > 0.02) & (frequency < 0.2)
    slope, _ = np.polyfit(np.log(frequency[band]), np.log(power[band]), 1)
    assert slope == pytest.approx(-11 / 3, abs=0.15)


def test_roofs_are_plateaus_of_the_heights_asked_for():
    city = simulate(dem_error_m=0, building_height_m=40)
    heights, count = np.unique(city.dem_error_m, return_counts=True)
    assert heights[0] == 0
    assert heights[1] >= 5
    assert 35 < heights[-1] <= 40
    # the last block of each axis may be cut off
    assert np.median(count[1:]) >= 16
    assert 0.2 < count[1:].sum() / count.sum() < 0.6
    flat = simulate(dem_error_m=0, building_height_m=0)
    assert not flat.dem_error_m.any()


def test_amplitudes(city):
    assert 50 < city.velocity_mm_yr.max() < 75
    assert np.allclose(simulate(velocity_mm_yr=-30).velocity_mm_yr, -city.velocity_mm_yr / 2)
    assert city.bperp_m.std() == pytest.approx(100, abs=1e-3)
    assert np.allclose(simulate(bperp_std_m=300).bperp_m, 3 * city.bperp_m, atol=2e-3)
    assert not simulate(bperp_std_m=0, rows=20, cols=20).bperp_m.any()


def test_one_setting_leaves_the_other_draws_alone(city):
    other = simulate(velocity_mm_yr=0, bperp_std_m=50, atmosphere_rad=0.5)
    assert other.dates == city.dates
    assert np.array_equal(other.dem_error_m, city.dem_error_m)
    assert np.array_equal(other.temporal_coherence, city.temporal_coherence)


def test_same_seed_same_city(city):
    again = simulate()
    for name in ("stack", "temporal_coherence", "phase", "bperp_m", "dem_error_m"):
        assert getattr(again, name).tobytes() == getattr(city, name).tobytes()
    other = simulate(seed=2)
    assert other.dates != city.dates
    assert not np.array_equal(other.dem_error_m, city.dem_error_m)


def test_dates(city):
    assert simulation_dates({}) == city.dates
    # pinned: the same on every platform and for every release
    assert city.dates[:5] == ("20190105", "20190129", "20190216", "20190411", "20190417")
    assert city.dates[-1] == "20191231"
    days = [datetime.strptime(date, "%Y%m%d").toordinal() for date in city.dates]
    gaps = np.diff(days)
    assert len(gaps) == 15
    assert np.all(gaps % 6 == 0)
    assert gaps.min() > 0
    assert len(set(gaps)) >= 4


@pytest.mark.parametrize(("count", "span"), [(2, 6), (2, 400), (3, 17), (61, 360)])
def test_date_counts(count, span):
    dates = simulation_dates({"dates": count, "span_days": span})
    assert len(set(dates)) == count
    assert list(dates) == sorted(dates)
    first, last = (datetime.strptime(date, "%Y%m%d") for date in (dates[0], dates[-1]))
    assert (last - first).days == span // 6 * 6


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"dates": 62}, ["simulation.dates", "62", "61"]),
        ({"dates": 1}, ["simulation.dates", "2 to 61"]),
        ({"start_date": "20190231"}, ["simulation.start_date", "20190231"]),
        ({"start_date": 20190105}, ["simulation.start_date", "quotes"]),
    ],
)
def test_refused(settings, words):
    with pytest.raises(InputError) as error:
        simulation_dates(settings)
    assert all(word in str(error.value) for word in words)


def test_defaults_are_those_of_the_config():
    schema = Path(__file__).resolve().parents[1] / "config" / "config.schema.yaml"
    keys = yaml.safe_load(schema.read_text())["properties"]["simulation"]["properties"]
    assert {key: entry["default"] for key, entry in keys.items()} == asdict(SimulationSettings())


def test_the_smallest_scene():
    city = simulate(rows=10, cols=10, dates=2, coherence=0.5, park_fraction=1, water_fraction=1)
    assert np.isfinite(city.stack).all()
    assert np.isfinite(city.temporal_coherence).all()


def test_baseline_tables_hold_the_baselines(city, tmp_path):
    for kind, table in zip(("slc", "ifg"), baseline_tables(city.dates, city.bperp_m), strict=True):
        write_csv(tmp_path / f"{kind}.csv", table)
        baselines = read_baselines(tmp_path / f"{kind}.csv", city.dates)
        assert np.allclose(baselines.bperp_m, city.bperp_m, atol=1e-6)
        assert baselines.warnings == ()
    pairs = [tuple(pair) for pair in baselines.misfit[["reference", "secondary"]].to_numpy()]
    named = [f"{first}_{second}" for first, second in pairs]
    assert named == hop3_network(list(city.dates)).pair_names


def unwrapped_shares(city, with_model):
    """Return the share of points that come right in each pair of the hop-3 network."""
    mask = city.temporal_coherence > 0.6
    points = np.argwhere(mask).astype(np.int32)
    phase = np.angle(city.stack[:, mask])
    network = hop3_network(list(city.dates))
    graph = point_mesh(points)
    design = params = coherence = None
    if with_model:
        design = design_matrix(city.dates, city.bperp_m, **GEOMETRY)
        axes = [search_axis(design[:, 0], -100, 100), search_axis(design[:, 1], -80, 80)]
        links = estimate_links(phase, graph.edges, design, axes)
        params, coherence = links.params, links.coherence
    cycles, _ = unwrap_in_space(
        unwrap_in_time(phase, graph, network, design=design, params=params),
        network,
        graph,
        breadth_first_tree(graph),
        spatial_costs("coherence" if with_model else "constant", graph, points, coherence),
    )
    first, second = network.pairs.T
    unwrapped = phase[second] - phase[first] + 2 * np.pi * cycles
    truth = city.phase[:, mask][second] - city.phase[:, mask][first]
    return np.array([share_right(one, true) for one, true in zip(unwrapped, truth, strict=True)])


def test_the_city_needs_the_link_model_and_it_suffices(city):
    assert unwrapped_shares(city, with_model=False).mean() < 0.95
    assert unwrapped_shares(city, with_model=True).min() >= 0.999
