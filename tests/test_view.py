"""DEM errors of wide swaths in exact geometry, and the rasters that tell of the view."""

from itertools import combinations

import h5py
import numpy as np
import pandas as pd
import pytest
import rasterio
from emcflow.acquisition.geometry import TERMS, check_limits, design_matrix, rad_per_m
from emcflow.acquisition.viewing import (
    inverse_lever,
    project_columns,
    project_multiples,
    projection,
    scene_view,
    sigma_to_points,
    to_points,
    usable_scale,
)
from emcflow.errors import InputError
from emcflow.graph.delaunay import point_mesh
from emcflow.io.point_rasters import check_values
from emcflow.links.integrate import integrate_links
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import search_axis
from emcflow.products.point_views import PointViews
from stacks import write_raster
from swath import ALTITUDE_M, EARTH_M, WAVELENGTH_M, ground, perpendicular, simulate_swath
from workflow import read, run_whole

SENSOR = np.array([0.0, EARTH_M + ALTITUDE_M])


@pytest.mark.parametrize("offset", [(150, 0), (0, 150), (-80, 120)])
@pytest.mark.parametrize("angle", [25.0, 39.0, 46.0])
def test_phase_of_a_height_in_exact_geometry(offset, angle):
    """Two-way paths to a target and to one 30 m above it, with the baseline ISCE2 would give."""
    low, slant = ground(angle)
    high, _ = ground(angle, 30.0)
    assert np.hypot(*(high - SENSOR)) == pytest.approx(slant, abs=1e-3)
    secondary = SENSOR + offset
    path = np.hypot(*(high - secondary)) - np.hypot(*(low - secondary))
    bperp = perpendicular(low, secondary)
    expected = 30 * rad_per_m(bperp, WAVELENGTH_M, slant, angle)
    # the angle to the target is that at its own height, hence the few per mille
    assert 4 * np.pi / WAVELENGTH_M * path == pytest.approx(expected, rel=3e-3, abs=0.02)


def test_one_range_and_angle_stand_for_all():
    view = scene_view(np.array([800e3, 900e3, 0]), np.array([30.0, 40.0, 35.0]))
    assert view["slant_range_m"] == pytest.approx(850e3)
    lever = np.nanmean(inverse_lever(np.array([800e3, 900e3]), np.array([30.0, 40.0])))
    assert inverse_lever(**view) == pytest.approx(lever)
    assert np.isnan(inverse_lever(850e3, np.array([0, np.nan, 95, -3]))).all()


def test_projection_of_columns_that_are_known():
    rng = np.random.default_rng(0)
    design = rng.normal(size=(9, 2))
    column = 7 + design @ [0.3, 1.2]
    np.testing.assert_allclose(projection(design) @ column, [0.3, 1.2])


def test_values_of_points_by_hand():
    """Scale 2 and leak 0.5: what looks like 8 m is 4 m, and 2 of its 5 mm/yr are the height's."""
    values = np.array([[0.0, 5.0, 1.0], [0.0, 8.0, -2.0]])
    scale, leak, component = np.array([1.0, 2.0, 1.0]), np.array([0.0, 0.5, 0.0]), np.zeros(3, int)
    found = to_points(values, list(TERMS), scale, leak, component, reference=0)
    np.testing.assert_allclose(found, [[0, 3, 1], [0, 4, -2]])
    found = to_points(values, list(TERMS), scale, leak, component)
    np.testing.assert_allclose(found, [[-1, 2, 0], [0, 4, -2]])
    found = to_points(values, list(TERMS), scale, leak, component, np.array([0, 1]))
    np.testing.assert_allclose(found, [[-1.5, 1.5, -0.5], [-2, 2, -4]])
    np.testing.assert_allclose(to_points(values[1:], ["dem_error_m"], scale, leak, component),
                               [[0, 4, -2]])  # fmt: skip
    assert np.array_equal(to_points(values[:1], ["velocity_mm_yr"], scale, leak, component),
                          values[:1])  # fmt: skip


def test_deviations_are_those_of_the_parameters_that_were_moved():
    rng = np.random.default_rng(0)
    covariance = np.array([[4.0, 1.5], [1.5, 9.0]])
    errors = rng.multivariate_normal([0, 0], covariance, 200_000).T
    scale, leak = np.full(errors.shape[1], 1.25), np.full(errors.shape[1], 0.3)
    moved = to_points(errors, list(TERMS), scale, leak, np.zeros(errors.shape[1], int))
    sigma = np.sqrt(np.diag(covariance))[:, None]
    found = sigma_to_points(sigma, list(TERMS), scale[:1], leak[:1], 1.5 / 6)
    np.testing.assert_allclose(found[:, 0], moved.std(axis=1), rtol=0.01)
    height = sigma_to_points(sigma[1:], ["dem_error_m"], scale[:1], leak[:1], None)
    np.testing.assert_allclose(height, [[3 / 1.25]])


def estimate(swath, views, bperp_m, reference):
    """Velocity and DEM error of the points of a swath by its links, given what is known of it."""
    design = design_matrix(swath.dates, bperp_m.mean(axis=1), WAVELENGTH_M, **scene_view(*views))
    graph = point_mesh(swath.points)
    axes = [search_axis(design[:, 0], -40, 40), search_axis(design[:, 1], -80, 80)]
    links = estimate_links(swath.phase, graph.edges, design, axes)
    values = integrate_links(
        graph.edges, links.params, links.sigma, graph.nnodes, links.at_range_end
    )
    values -= values[:, [reference]]
    leak, scale = projection(design) @ (4 * np.pi / WAVELENGTH_M * bperp_m * inverse_lever(*views))
    return to_points(values, list(TERMS), scale, leak, np.zeros(graph.nnodes, int), reference)


def swath_errors(swath):
    """Errors with scalars, with rasters of range and angle, and with those of baselines, too.

    Root mean squares of velocity [mm/yr] and DEM error [m], and by how much of their height the
    heights of the far tenth are wrong. The reference is a point of the middle on the DEM.
    """
    middle = np.abs(swath.incidence_angle_deg - np.median(swath.incidence_angle_deg)) < 0.5
    near = int(np.argmin(np.abs(swath.dem_error_m) + 1e9 * ~middle))
    npoints = len(swath.points)
    views = (swath.slant_range_m, swath.incidence_angle_deg)
    scalars = tuple(np.full(npoints, values[near]) for values in views)
    one = np.repeat(swath.bperp_m[:, [near]], npoints, axis=1)
    truth = np.array([swath.velocity_mm_yr, swath.dem_error_m])
    truth -= truth[:, [near]]
    far = swath.incidence_angle_deg > np.quantile(swath.incidence_angle_deg, 0.9)
    table = {}
    for name, known, bperp_m in (
        ("scalars", scalars, one),
        ("range and angle", views, one),
        ("baselines too", views, swath.bperp_m),
    ):
        found = estimate(swath, known, bperp_m, near)
        wrong = np.sqrt(np.mean((found - truth) ** 2, axis=1))
        table[name] = (*wrong, np.polyfit(truth[1, far], found[1, far], 1)[0] - 1)
    return table


def test_scalars_bias_the_heights_of_a_wide_swath_and_rasters_do_not():
    table = swath_errors(simulate_swath(npoints=1000, noise_rad=0.02))
    assert table["scalars"][2] < -0.1
    assert abs(table["baselines too"][2]) < 0.01
    heights, velocities = ([row[term] for row in table.values()] for term in (1, 0))
    assert heights[2] < 0.4 * heights[1] < 0.2 * heights[0]
    assert velocities[2] < 0.4 * velocities[1]


# The workflow, on interferograms of any pairs, with rasters, mask and window

WIDE, CROP = (30, 56), (2, 3, 29, 54)


@pytest.fixture(scope="module")
def run_of_swath(tmp_path_factory):
    """A run of a swath of which everything is given as rasters, and its truth on the window."""
    folder = tmp_path_factory.mktemp("swath")
    swath = simulate_swath(WIDE, None, dates=12, noise_rad=0.05)
    rng = np.random.default_rng(0)
    image = lambda values: np.asarray(values, np.float32).reshape(WIDE)  # noqa: E731
    for i, j in combinations(range(len(swath.dates)), 2):
        if j - i <= 3:
            noise = 0.15 * rng.standard_normal(len(swath.points))
            pair = np.exp(1j * (swath.phase[j] - swath.phase[i] + noise)).astype(np.complex64)
            name = f"{swath.dates[i]}_{swath.dates[j]}.int.tif"
            write_raster(folder / "pairs" / name, pair.reshape(WIDE))
    for date, bperp in zip(swath.dates, swath.bperp_m, strict=True):
        write_raster(folder / "bperp" / f"{date}.tif", -image(bperp))
    write_raster(folder / "range.tif", image(swath.slant_range_m))
    write_raster(folder / "angle.tif", image(swath.incidence_angle_deg))
    mask = np.ones(WIDE, np.uint8)
    mask[:, :8] = 0
    write_raster(folder / "mask.tif", mask)
    truth = image(swath.dem_error_m)[CROP[0] : CROP[2], CROP[1] : CROP[3]]
    flat = np.abs(truth)
    flat[:, :20] = flat[:, 30:] = np.inf
    reference = [int(at) for at in np.unravel_index(np.argmin(flat), flat.shape)]
    config = {
        "output_dir": "results",
        "stack": {
            "layout": "interferograms", "directory": "pairs", "window": list(CROP),
            "mask": "mask.tif", "min_temporal_coherence": 0.5,
        },
        "geometry": {
            "wavelength_m": WAVELENGTH_M, "slant_range_m": "range.tif",
            "incidence_angle_deg": "angle.tif",
        },
        "baselines": {"rasters": "bperp/*.tif", "negate": True},
        "link_model": {"dem_error_range_m": [-80, 80], "velocity_range_mm_yr": [-40, 40]},
        "reference": {"point": reference},
        "outputs": {"time_series": True, "exports": ["mintpy"]},
    }  # fmt: skip
    run_whole(folder, config, "--", "export_mintpy")
    return folder / "results", truth - truth[tuple(reference)]


def test_heights_of_the_workflow_are_those_of_the_truth(run_of_swath):
    results, truth = run_of_swath
    found = read(results / "dem_error_m.tif")
    assert np.isnan(found[:, :5]).all() and np.isfinite(found[:, 5:]).all()
    error = (found - truth)[:, 5:]
    assert np.sqrt(np.mean(error**2)) < 1.5
    far = np.s_[:, -8:]
    slope = np.polyfit(truth[far].ravel(), found[far].ravel(), 1)[0]
    assert slope == pytest.approx(1, abs=0.02)
    scale, _ = read(results / "network" / "point_view.tif")
    assert np.nanmax(scale) / np.nanmin(scale) > 1.2
    with rasterio.open(results / "dem_error_m.tif") as dataset:
        assert dataset.tags()["SLANT_RANGE_M"] == "range.tif"


def test_results_are_on_the_grid_of_the_window(run_of_swath):
    results, truth = run_of_swath
    path = next((results / "unwrapped").glob("*.unw.tif"))
    with rasterio.open(path) as dataset:
        assert dataset.shape == truth.shape
        assert tuple(dataset.transform)[:6] == (10, 0, 5e5 + 30, 0, -10, 1e5 - 20)


def test_time_series_are_rid_of_the_height_as_each_point_sees_it(run_of_swath):
    results, _ = run_of_swath
    height = read(results / "dem_error_m.tif")
    dates = sorted((results / "timeseries" / "radians").glob("*.tif"))
    phase = np.array([read(path) for path in dates])
    far = np.isfinite(height) & (np.arange(height.shape[1]) >= height.shape[1] - 8)
    velocity = read(results / "velocity_mm_yr.tif")[far]
    terms = np.column_stack([np.ones(velocity.size), velocity, height[far]])
    slopes = np.linalg.lstsq(terms, phase[:, far].T, rcond=None)[0][2]
    design = pd.read_csv(results / "network" / "design_matrix.csv")
    column = design.loc[design["row"] == "date", "dem_error_m"].to_numpy()[1:]
    assert abs(slopes @ column) < 0.03 * column @ column


def test_mintpy_gets_the_rasters_of_the_view(run_of_swath):
    results, _ = run_of_swath
    angle = read(results.parent / "angle.tif")[CROP[0] : CROP[2], CROP[1] : CROP[3]]
    points = np.isfinite(read(results / "dem_error_m.tif"))
    with h5py.File(results / "exports" / "mintpy" / "geometry.h5") as file:
        np.testing.assert_allclose(file["incidenceAngle"][:], np.where(points, angle, 0), rtol=1e-6)
        assert float(file.attrs["CENTER_INCIDENCE_ANGLE"]) == pytest.approx(angle[points].mean())


def test_rasters_in_other_units():
    with pytest.raises(InputError, match=r"inc.tif: values from 0.6 to 0.8"):
        check_values("inc.tif", np.array([0.6, 0.8, 0, np.nan]), 5, 85, "degrees")
    with pytest.raises(InputError, match=r"inc.tif: zero or NaN at all points"):
        check_values("inc.tif", np.array([0, np.nan]), 5, 85, "degrees")


@pytest.mark.parametrize(
    ("key", "values", "says"),
    [
        ("incidence_angle_deg", (0.6, 0.8), "from 0.6 to 0.8 .* above 2 .* looks like radians"),
        ("incidence_angle_deg", (np.nan, 40), "expected incidence angles in degrees"),
        ("slant_range_m", (840, 960), "metres, not kilometres.* looks like kilometres, convert"),
        ("wavelength_m", (5.405e9, 5.405e9), "looks like Hz, write 0.05547"),
        ("wavelength_m", (55.5, 55.5), "looks like millimetres, write 0.0555$"),
    ],
)
def test_geometry_has_one_range_check(key, values, says):
    with pytest.raises(InputError, match=says):
        check_limits("inc.tif", key, *values)


def test_columns_of_points_are_multiples_of_the_designs_and_a_rest():
    """Made of known multiples, a constant and what no design explains, which stays as the rest."""
    design = np.array([[0.0, 1], [1, -1], [2, 1], [3, -1]])
    multiples = np.array([[2.0, -1, 0], [0.5, 3, 1]])
    columns = design @ multiples
    found, rest = project_columns(design, iter(columns + 7), slice(None, None, 2))
    np.testing.assert_allclose(found, multiples, atol=1e-12)
    np.testing.assert_allclose(rest, np.full((4, 2), 7), atol=1e-12)
    bperp_m, factors = design @ [1.0, 2], np.array([1.0, -3])
    found = project_multiples(design, bperp_m, factors)
    np.testing.assert_allclose(found, np.outer([1, 2], factors), atol=1e-12)
    parts, whole = (PointViews(design, [[-9, 9]] * 2, 3, bperp_m) for _ in range(2))
    both = [parts.of(2, factors, iter(columns[:, :2])), parts.of(1, factors, iter(columns[:, 2:]))]
    np.testing.assert_allclose(
        np.concatenate(both, axis=1), whole.of(3, factors, iter(columns)), atol=1e-12
    )
    np.testing.assert_array_equal(usable_scale(np.array([2, 0, -1, np.nan])), [2] + 3 * [np.nan])
