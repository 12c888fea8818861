"""Link values to points, tiles to the scene: against truth and hand cases."""

from dataclasses import replace

import numpy as np
import pytest
from emcflow.acquisition.geometry import design_matrix
from emcflow.errors import InputError
from emcflow.graph.delaunay import point_mesh
from emcflow.io import point_windows
from emcflow.io.hdf5 import create, put, put_points
from emcflow.io.raster import scatter
from emcflow.links import integrate
from emcflow.links.integrate import integrate_links, point_mean, rough_values
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import search_axis
from emcflow.products import link_maps
from emcflow.products.simulate import simulate_stack
from emcflow.tiles.feather import Blending, TileValues, tile_offsets
from emcflow.tiles.held import HeldTiles
from hypothesis import given, settings
from hypothesis import strategies as st
from merged_scene import blend_tiles


def city(size, density=0.7, seed=0):
    """Points, links and truth (velocity, height) of a smooth field with buildings on it."""
    rng = np.random.default_rng(seed)
    mask = rng.random((size, size)) < density
    points = np.argwhere(mask).astype(np.int32)
    row, col = np.mgrid[:size, :size] / size
    velocity = 8 * np.sin(3 * col + 2 * row) - 10 * np.exp(-((col - 0.5) ** 2 + row**2) / 0.02)
    height = np.zeros((size, size))
    for _ in range(size * size // 500):
        r, c = rng.integers(0, size, 2)
        height[r : r + rng.integers(5, 20), c : c + rng.integers(5, 20)] = rng.uniform(5, 45)
    return points, point_mesh(points).edges, np.stack([velocity[mask], height[mask]])


def link_values(edges, truth, wrong_share, noise=0.3, seed=1):
    """Link values with noise; wrong peaks are seven times likelier where the height jumps."""
    rng = np.random.default_rng(seed)
    values = truth[:, edges[:, 1]] - truth[:, edges[:, 0]]
    likelihood = np.where(np.abs(values[1]) > 3, 1.0, 0.15)
    values = values + rng.normal(0, noise, values.shape)
    count = int(wrong_share * len(edges))
    wrong = np.argsort(rng.exponential(size=len(edges)) / likelihood)[:count]
    values[0, wrong], values[1, wrong] = (
        rng.uniform(-100, 100, count),
        rng.uniform(-50, 50, count),
    )
    sigma = np.full(values.shape, noise) * rng.uniform(0.8, 1.25, len(edges))
    sigma[:, wrong] *= 2
    return values, sigma, wrong


def error_of(found, truth):
    error = found - truth
    return error - np.median(error, axis=1, keepdims=True)


def rms(values, axis=None):
    return np.sqrt(np.mean(np.square(values), axis=axis))


def test_hand_case_and_sign():
    edges = np.array([[0, 1], [1, 2], [0, 2]], np.int32)
    found = integrate_links(edges, [[2.0, 3.0, 5.0]], np.ones((1, 3)), 3)
    np.testing.assert_allclose(found, [[-2.0, 0.0, 3.0]], atol=1e-9)


def test_two_links_that_disagree_meet_by_their_precision():
    # Three ways from 0 to 1: direct (sigma 1) and twice over a middle point.
    edges = np.array([[0, 1], [0, 2], [2, 1]], np.int32)
    found = integrate_links(edges, [[0.0, 0.05, 0.05]], [[0.5, 0.5, 0.5]], 3)[0]
    # Least squares: misclosure 0.1 spread evenly, 1/30 on each link.
    np.testing.assert_allclose(found[1] - found[0], 1 / 30, atol=2e-3)


@pytest.mark.parametrize("wrong_share, limit", [(0.0, 0.30), (0.05, 0.33), (0.15, 1.6)])
def test_robust_against_wrong_peaks_at_buildings(wrong_share, limit):
    points, edges, truth = city(150)
    values, sigma, _ = link_values(edges, truth, wrong_share)
    error = error_of(integrate_links(edges, values, sigma, len(points)), truth)
    assert (rms(error, axis=1) < limit).all()
    assert (np.abs(error) > 3).mean() < 2e-3


@pytest.mark.parametrize("wrong_share, limit", [(0.0, 0.35), (0.05, 8)])
def test_rough_values_tell_roofs_from_the_ground(wrong_share, limit):
    points, edges, truth = city(150)
    values, sigma, _ = link_values(edges, truth, wrong_share)
    error = error_of(rough_values(edges, values, sigma, len(points)), truth)
    assert (rms(error, axis=1) < limit).all()


def test_a_surer_but_wrong_link_loses_to_the_majority():
    """The middle of a star: four links agree, the fifth, wrong by far, has the smallest sigma."""
    ring = np.arange(1, 6)
    edges = np.concatenate(
        [np.stack([np.zeros(5, int), ring], 1), np.stack([ring[:-1], ring[1:]], 1)]
    )
    values = np.zeros((1, len(edges)))
    values[0, 1] = 60.0
    sigma = np.full(values.shape, 3.0)
    sigma[0, 1] = 2.5
    found = integrate_links(edges, values, sigma, 6)[0]
    np.testing.assert_allclose(found, 0, atol=0.1)


def test_few_points_follow_wrong_peaks_of_noisy_phase():
    """Links estimated from noisy phase, of which one in twelve is wrong by over 6 sigma."""
    geometry = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0}
    city = simulate_stack({"rows": 90, "cols": 90, "coherence": 0.85}, **geometry)
    mask = city.temporal_coherence > 0.6
    points = np.argwhere(mask).astype(np.int32)
    edges = point_mesh(points).edges
    design = design_matrix(city.dates, city.bperp_m, **geometry)
    axes = [search_axis(design[:, 0], -100, 100), search_axis(design[:, 1], -80, 80)]
    links = estimate_links(np.angle(city.stack[:, mask]).astype(np.float32), edges, design, axes)
    truth = np.stack([city.velocity_mm_yr[mask], city.dem_error_m[mask]])
    wrong = np.abs(links.params - (truth[:, edges[:, 1]] - truth[:, edges[:, 0]])) > 6 * links.sigma
    assert 0.04 < wrong.any(axis=0).mean() < 0.12
    found = integrate_links(edges, links.params, links.sigma, len(points), links.at_range_end)
    # Atmosphere leaks into the maps, smoothly; what is left of neighbours' errors is wrong peaks.
    error = found - truth
    step = np.abs(error[:, edges[:, 1]] - error[:, edges[:, 0]])
    assert (step[0] > 20).mean() < 0.02
    assert (step[1] > 30).mean() < 0.02


def test_plain_least_squares_when_noise_is_gaussian():
    """Without wrong peaks the robust weights cost little: at most 5 % over least squares."""
    points, edges, truth = city(26)
    values, sigma, _ = link_values(edges, truth, 0.0)
    robust = error_of(integrate_links(edges, values, sigma, len(points)), truth)
    incidence = np.zeros((len(edges), len(points)))
    incidence[np.arange(len(edges)), edges[:, 0]] = -1
    incidence[np.arange(len(edges)), edges[:, 1]] = 1
    weight = 1 / sigma[0][:, None]
    plain = error_of(
        np.linalg.lstsq(incidence * weight, (values / sigma[0]).T, rcond=None)[0].T, truth
    )
    assert (rms(robust, axis=1) < 1.05 * rms(plain, axis=1) + 1e-3).all()


def test_multigrid_and_factorisation_agree(monkeypatch):
    points, edges, truth = city(90)
    values, sigma, _ = link_values(edges, truth, 0.05)
    direct = integrate_links(edges, values, sigma, len(points))
    monkeypatch.setattr(integrate, "DIRECT_POINTS", 100)
    iterative = integrate_links(edges, values, sigma, len(points))
    assert np.abs(direct - iterative).max() < 0.01  # the noise of a link is 0.3
    assert iterative.tobytes() == integrate_links(edges, values, sigma, len(points)).tobytes()


def test_edge_values_count_little_but_bridge_gaps():
    edges = np.array([[0, 1], [1, 2], [0, 2], [2, 3]], np.int32)
    values = np.array([[1.0, 1.0, 3.0, 50.0]])
    at_range_end = np.array([False, False, True, True])
    found = integrate_links(edges, values, np.ones((1, 4)), 4, at_range_end)[0]
    np.testing.assert_allclose(found[2] - found[0], 2.0, atol=0.05)
    np.testing.assert_allclose(found[3] - found[2], 50.0, atol=1e-6)


def test_each_component_has_median_zero():
    points, edges, truth = city(40)
    # Cut the scene in two, and leave one point alone.
    left = points[:, 1] < 17
    edges = edges[left[edges[:, 0]] == left[edges[:, 1]]]
    lone = 5
    edges = edges[(edges != lone).all(axis=1)]
    values = truth[:, edges[:, 1]] - truth[:, edges[:, 0]]
    found = integrate_links(edges, values, np.ones(values.shape), len(points))
    for part in (left, ~left):
        part = part & (np.arange(len(points)) != lone)
        np.testing.assert_allclose(np.median(found[:, part], axis=1), 0, atol=1e-9)
        np.testing.assert_allclose(error_of(found[:, part], truth[:, part]), 0, atol=1e-6)
    assert (found[:, lone] == 0).all()


@pytest.mark.parametrize("npoints", [0, 1, 3])
def test_no_links(npoints):
    found = integrate_links(np.zeros((0, 2), int), np.zeros((2, 0)), np.zeros((2, 0)), npoints)
    np.testing.assert_array_equal(found, np.zeros((2, npoints)))


def test_infinite_and_zero_sigma():
    edges = np.array([[0, 1], [1, 2], [0, 2]], np.int32)
    values = [[1.0, 1.0, 2.0]]
    for sigma in ([[np.inf] * 3], [[0.0] * 3], [[0.0, np.inf, 1.0]]):
        np.testing.assert_allclose(
            integrate_links(edges, values, sigma, 3), [[-1, 0, 1]], atol=1e-6
        )


def test_refuses_values_that_are_not_numbers():
    edges = np.array([[0, 1]])
    with pytest.raises(InputError, match="finite"):
        integrate_links(edges, [[np.nan]], [[1.0]], 2)
    with pytest.raises(InputError, match="outside"):
        integrate_links(edges, [[1.0]], [[1.0]], 1)
    with pytest.raises(InputError, match="expected"):
        integrate_links(edges, [[1.0, 2.0]], [[1.0]], 2)


def test_point_mean():
    edges = np.array([[0, 1], [1, 2]])
    found = point_mean(edges, np.array([0.5, 1.0], np.float32), 4)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([0.5, 0.75, 1.0, np.nan], np.float32))


SHAPE = (120, 100)
BOUNDS = [(0, 0, 66, 56), (0, 46, 66, 100), (54, 0, 120, 56), (54, 46, 120, 100)]


def four_tiles(truth, points, seed=4, noise=0.0, error=0.0):
    """Tiles with an unknown constant each, noise, and an error that bends across each tile."""
    rng = np.random.default_rng(seed)
    tiles = []
    for row0, col0, row1, col1 in BOUNDS:
        inside = (points >= (row0, col0)).all(axis=1) & (points < (row1, col1)).all(axis=1)
        own = points[inside]
        bend = error * np.sin((own[:, 0] - row0) / 12.0 + rng.uniform(0, 6))
        values = truth[:, inside] + rng.normal(0, 20, (2, 1)) + bend
        values = values + rng.normal(0, noise, values.shape)
        tiles.append(TileValues((row0, col0, row1, col1), own, values, np.zeros(len(own), int)))
    return tiles


def scene_truth(seed=3):
    points, _, truth = city(120, seed=seed)
    inside = points[:, 1] < SHAPE[1]
    return points[inside], truth[:, inside]


def test_tiles_with_offsets_join_to_the_truth():
    points, truth = scene_truth()
    tiles = four_tiles(truth, points)
    scene = blend_tiles(tiles, tile_offsets(tiles, SHAPE), SHAPE)
    np.testing.assert_array_equal(scene.points, points)
    np.testing.assert_allclose(scene.values, truth - np.median(truth, axis=1)[:, None], atol=1e-9)
    assert (scene.component == 0).all()


def test_noisy_tiles_join_without_seams():
    points, truth = scene_truth()
    tiles = four_tiles(truth, points, noise=0.05, error=0.5)
    offsets = tile_offsets(tiles, SHAPE)
    scene = blend_tiles(tiles, offsets, SHAPE)
    error = np.full((2, *SHAPE), np.nan)
    error[:, points[:, 0], points[:, 1]] = error_of(scene.values, truth)
    assert np.nanstd(error) < 0.6
    down = np.abs(np.diff(error, axis=1))
    across = np.abs(np.diff(error, axis=2))
    # Rows 53|54 and 65|66, columns 45|46 and 55|56 are where a tile begins or ends.
    for steps, borders in ((down, (53, 65)), (across.swapaxes(1, 2), (45, 55))):
        elsewhere = np.nanmean(np.delete(steps, borders, axis=1))
        for border in borders:
            assert np.nanmean(steps[:, border]) < 1.2 * elsewhere
    # The test can fail: with the last tile on top the same tiles show their seams.
    for tile, constant in zip(tiles, offsets.offsets, strict=True):
        at = tuple(tile.points.T)
        key = {tuple(p): n for n, p in enumerate(points.tolist())}
        own = [key[tuple(p)] for p in tile.points.tolist()]
        error[:, at[0], at[1]] = tile.values + constant - truth[:, own]
    down = np.abs(np.diff(error, axis=1))
    assert np.nanmean(down[:, 53]) > 1.2 * np.nanmean(np.delete(down, 53, axis=1))


def test_wrong_common_points_do_not_move_the_offsets():
    points, truth = scene_truth()
    tiles = four_tiles(truth, points)
    rng = np.random.default_rng(9)
    spoiled = []
    for tile in tiles:
        values = tile.values.copy()
        values[:, rng.random(values.shape[1]) < 0.05] += 40.0
        spoiled.append(TileValues(tile.bounds, tile.points, values, tile.region))
    clean, robust = tile_offsets(tiles, SHAPE), tile_offsets(spoiled, SHAPE)
    for a, b in zip(clean.offsets, robust.offsets, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_tiles_of_files_are_joined_two_at_a_time(tmp_path, monkeypatch):
    """A term after the other, squares of residuals, and maps by rows of blocks."""
    points, truth = scene_truth()
    tiles, paths = four_tiles(truth, points, noise=0.05), []
    rng = np.random.default_rng(0)
    residuals = [rng.normal(size=(6, len(tile.points))).astype(np.float32) for tile in tiles]
    for number, (tile, own) in enumerate(zip(tiles, residuals, strict=True)):
        paths.append(tmp_path / f"{number}.h5")
        with create(paths[-1]) as file:
            put_points(file, tile.points, tile.bounds)
            put(file, "params", tile.values, "1")
            put(file, "residuals", own, "rad")
            put(file, "region", tile.region, "label")
    offsets = tile_offsets(tiles, SHAPE)
    held = HeldTiles(link_maps.TilesWithValues(paths))
    scene = Blending(held, tile_offsets(held, SHAPE), SHAPE, (0, 0, 40, 40))
    whole = blend_tiles(tiles, offsets, SHAPE, (0, 0, 40, 40))
    np.testing.assert_array_equal([scene.row(0), scene.row(1)], whole.values)
    found = link_maps.residual_squares(scene, paths, 6, lambda own: tile_offsets(own, SHAPE))
    expected = np.zeros(len(points))
    for some in (slice(0, 4), slice(4, 6)):
        few = [replace(tile, values=own[some]) for tile, own in zip(tiles, residuals, strict=True)]
        joined = blend_tiles(few, tile_offsets(few, SHAPE), SHAPE, (0, 0, 40, 40))
        expected += (joined.values**2).sum(axis=0)
    np.testing.assert_array_equal(found, expected)
    monkeypatch.setattr(link_maps, "BLOCK", 32)
    monkeypatch.setattr(point_windows, "BLOCK", 32)
    windows, values = link_maps.windows_of_values(scene.pixels, {"squares": found.__getitem__})
    image = np.vstack(
        [
            windows.image(values["squares"], row, min(row + 32, SHAPE[0]))
            for row in range(0, SHAPE[0], 32)
        ]
    )
    np.testing.assert_array_equal(image, scatter(points, found, SHAPE))


def test_regions_and_components():
    """Two tiles that share points in one region only; the other regions stay on their own."""
    first = np.array([[0, 0], [0, 1], [0, 2], [3, 0]])
    second = np.array([[0, 2], [0, 3], [0, 4], [3, 5]])
    tiles = [
        TileValues((0, 0, 4, 3), first, np.array([[1.0, 2, 3, 50]]), np.array([0, 0, 0, 1])),
        TileValues((0, 2, 4, 6), second, np.array([[13.0, 14, 15, -7]]), np.array([0, 0, 0, 1])),
    ]
    offsets = tile_offsets(tiles, (4, 6))
    assert offsets.component[0][0] == offsets.component[1][0]
    assert len({*offsets.component[0].tolist(), *offsets.component[1].tolist()}) == 3
    np.testing.assert_allclose(offsets.offsets[1][0, 0] - offsets.offsets[0][0, 0], -10)
    alone = tile_offsets(tiles, (4, 6), min_overlap_points=2)
    assert alone.component[0][0] != alone.component[1][0]
    scene = blend_tiles(tiles, offsets, (4, 6))
    np.testing.assert_allclose(scene.values, [[-2, -1, 0, 1, 2, 0, 0]])
    assert scene.component.tolist() == [0, 0, 0, 0, 0, 1, 2]
    referred = blend_tiles(tiles, offsets, (4, 6), reference=(0, 4))
    np.testing.assert_allclose(referred.values, [[-4, -3, -2, -1, 0, 0, 0]])
    of_area = blend_tiles(tiles, offsets, (4, 6), reference=(0, 3, 4, 6))
    np.testing.assert_allclose(of_area.values, [[-3.5, -2.5, -1.5, -0.5, 0.5, 0, 0]])


def test_reference_without_value_names_the_nearest_point():
    tile = TileValues((0, 0, 4, 4), np.array([[0, 0], [3, 3]]), np.zeros((1, 2)), np.zeros(2, int))
    offsets = tile_offsets([tile], (4, 4))
    for reference in ((2, 3), (2, 7)):
        with pytest.raises(InputError, match="nearest is row 3, column 3"):
            blend_tiles([tile], offsets, (4, 4), reference)


def test_empty_tiles_are_allowed():
    points, truth = scene_truth()
    tiles = four_tiles(truth, points)
    nothing = TileValues((0, 0, 60, 60), np.zeros((0, 2), int), np.zeros((2, 0)), np.zeros(0, int))
    with_empty = [nothing, *tiles]
    scene = blend_tiles(with_empty, tile_offsets(with_empty, SHAPE), SHAPE)
    np.testing.assert_allclose(scene.values, truth - np.median(truth, axis=1)[:, None], atol=1e-9)


def test_refuses_points_outside_their_tile():
    tile = TileValues((0, 0, 2, 2), np.array([[2, 0]]), np.zeros((1, 1)), np.zeros(1, int))
    with pytest.raises(InputError, match="outside its bounds"):
        tile_offsets([tile], (4, 4))


def grid_links(rows, cols):
    """Points of a full grid and their links."""
    points = np.argwhere(np.ones((rows, cols))).astype(np.int32)
    return points, point_mesh(points).edges


SIGMAS = st.one_of(
    st.sampled_from([0.0, 5e-324, 1e-300, 1e-12, 1.0, 1e12, 1e200, 1.7e308, np.inf]),
    st.floats(0, 1e3),
)


@given(
    st.lists(SIGMAS, min_size=1, max_size=6),
    st.sampled_from([1e-12, 1.0, 1e12]),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=200)
def test_links_of_any_sigmas_give_values_within_what_a_path_of_them_adds_up_to(sigmas, size, seed):
    """The values are weighted means of sums along paths, whatever the weights are."""
    rng = np.random.default_rng(seed)
    points, edges = grid_links(7, 8)
    values = size * rng.standard_normal((2, len(edges)))
    values[:, rng.random(len(edges)) < 0.3] *= 1e4
    sigma = rng.choice(sigmas, values.shape[1]) * np.ones((2, 1))
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        found = integrate_links(edges, values, sigma, len(points), rng.random(len(edges)) < 0.1)
    assert np.isfinite(found).all()
    assert (np.ptp(found, axis=1) <= 1.001 * np.abs(values).sum(axis=1)).all()


def test_exact_links_beside_noisy_ones_are_kept_exactly():
    points, edges = grid_links(12, 12)
    truth = np.random.default_rng(1).normal(0, 10, (1, len(points)))
    exact = np.diff(truth[:, edges], axis=2)[..., 0]
    noisy = np.random.default_rng(2).random(len(edges)) < 0.4
    values = exact + noisy * np.random.default_rng(3).normal(0, 50, len(edges))
    sigma = np.where(noisy, 50.0, 1e-9)[None]
    found = integrate_links(edges, values, sigma, len(points))
    assert np.abs(np.diff(found[:, edges], axis=2)[..., 0] - exact)[:, ~noisy].max() < 0.01


@pytest.mark.parametrize("bad", [-1.0, np.nan])
def test_sigmas_that_are_none_are_refused(bad):
    points, edges = grid_links(3, 3)
    sigma = np.ones((1, len(edges)))
    sigma[0, 2] = bad
    with pytest.raises(InputError, match="negative or no number"):
        integrate_links(edges, np.ones((1, len(edges))), sigma, len(points))
