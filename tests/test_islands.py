"""Islands and scenes of few points: right up to one constant per island and interferogram."""

import numpy as np
import pytest
import rasterio
from emcflow.acquisition.geometry import design_matrix
from emcflow.errors import InputError
from emcflow.graph.delaunay import links_within, point_mesh
from emcflow.graph.planar import breadth_first_tree
from emcflow.links.integrate import integrate_links
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import choose_terms, search_axis
from emcflow.network.networks import hop3_network
from emcflow.products.reference import label_points
from emcflow.tiles.bulk_offsets import bulk_offsets
from emcflow.tiles.cut import Tile, density_tiles
from emcflow.tiles.merge import component_labels, reference_points
from emcflow.tiles.overlaps import check_any_points, measure_overlaps
from emcflow.tiles.scene import TilePoints, count_regions
from emcflow.unwrap.costs import spatial_costs
from emcflow.unwrap.spatial import unwrap_in_space
from emcflow.unwrap.temporal import unwrap_in_time
from merged_scene import merge_cycles, reference_cycles, scene_index
from stacks import DATES, island_map, simulate_islands, write_stack
from workflow import read, run_whole

CYCLE = 2 * np.pi


def unwrap_tiles(points, wrapped, tiles, dates, limit, solver="ssp"):
    """Unwrap every tile; return where its points lie and its cycles."""
    network = hop3_network(dates)
    shape = np.array([tile.bounds for tile in tiles])[:, 2:].max(axis=0)
    number = np.full(shape, -1)
    number[tuple(points.T)] = np.arange(len(points))
    places, cycles = [], []
    for tile in tiles:
        r0, c0, r1, c1 = tile.bounds
        own = np.argwhere(number[r0:r1, c0:c1] >= 0).astype(np.int32) + tile.bounds[:2]
        graph = point_mesh(own)
        confident = links_within(own, graph.edges, limit)
        tree = breadth_first_tree(graph, confident)
        costs = spatial_costs("constant", graph, own)
        costs[~confident] = 0
        in_time = unwrap_in_time(wrapped[:, number[tuple(own.T)]], graph, network)
        found, _ = unwrap_in_space(in_time, network, graph, tree, costs, solver)
        places.append(TilePoints(tile.bounds, own, graph.edges[confident], tree.region))
        cycles.append(found)
    return places, cycles


def unwrap_scene(points, phase, shape, ntiles, limit, dates=DATES, solver="ssp"):
    """Unwrap a scene in tiles; return its cycles off the truth, and its components."""
    wrapped = np.angle(np.exp(1j * phase)).astype(np.float32)
    mask = np.zeros(shape, bool)
    mask[tuple(points.T)] = True
    tiles = density_tiles(mask, max(1, len(points) // ntiles), ntiles, 0.05)
    assert len(tiles) == ntiles
    places, cycles = unwrap_tiles(points, wrapped, tiles, dates, limit, solver)
    overlaps = measure_overlaps(places, cycles, shape)
    scene = scene_index(places, shape, overlaps.component)
    np.testing.assert_array_equal(scene.points, points)
    merged = merge_cycles(scene, cycles, bulk_offsets(overlaps).offsets).cycles
    first, second = hop3_network(dates).pairs.T
    stored = wrapped[second].astype(np.float64) - wrapped[first]
    off = (stored + CYCLE * merged - phase[second] + phase[first]) / CYCLE
    assert np.abs(off - np.rint(off)).max() < 1e-5
    return np.rint(off).astype(int), scene.component


def share_wrong(off, island):
    """Share of values that are not their island's constant for the pair."""
    wrong = 0
    for number in np.unique(island):
        own = off[:, island == number]
        wrong += np.count_nonzero(own != np.median(own, axis=1, keepdims=True))
    return wrong / off.size


@pytest.fixture(scope="module")
def archipelago():
    islands = island_map()
    return islands.shape, *simulate_islands(islands, np.random.default_rng(5))


@pytest.mark.parametrize("ntiles", [1, 36])
def test_nine_islands_are_right_up_to_one_constant_each(archipelago, ntiles):
    shape, points, island, phase = archipelago
    off, component = unwrap_scene(points, phase, shape, ntiles, limit=10)
    assert share_wrong(off, island) == 0
    labels = component_labels(component)
    pairs = np.unique(np.column_stack((island, labels)), axis=0)
    assert len(pairs) == 9 and set(pairs[:, 1]) == set(range(1, 10))


def test_without_the_limit_the_sea_spoils_the_islands(archipelago):
    """What the limit is for: the same scene is wrong in many points when the sea has a say."""
    shape, points, island, phase = archipelago
    off, component = unwrap_scene(points, phase, shape, 36, limit=None)
    assert component.max() == 0
    assert share_wrong(off, island) > 0.05


def test_two_islands_in_36_tiles():
    islands = np.zeros((150, 260), np.int32)
    islands[10:140, 10:110] = 1
    islands[30:120, 160:250] = 2
    points, island, phase = simulate_islands(islands, np.random.default_rng(1))
    off, component = unwrap_scene(points, phase, islands.shape, 36, limit=25)
    assert share_wrong(off, island) == 0
    np.testing.assert_array_equal(component_labels(component), island)


def test_both_solvers_take_long_links_for_nothing(archipelago):
    shape, points, island, phase = archipelago
    off, _ = unwrap_scene(points, phase, shape, 4, limit=10, solver="ortools")
    assert share_wrong(off, island) == 0


def test_links_are_confident_up_to_the_limit():
    points = np.array([[0, 0], [0, 3], [4, 0]])
    edges = np.array([[0, 1], [0, 2], [1, 2]])
    assert links_within(points, edges, 4).tolist() == [True, True, False]
    assert links_within(points, edges, 3.9).tolist() == [True, False, False]
    assert links_within(points, edges).tolist() == [True] * 3


def test_labels_count_by_size_and_leave_out_the_small():
    sizes = [30, 24, 60, 30, 1]
    component = np.random.default_rng(0).permutation(np.repeat(np.arange(5), sizes))
    label_of = np.array([2, 0, 1, 3, 0])
    labels = component_labels(component)
    assert labels.dtype == np.uint16
    np.testing.assert_array_equal(labels, label_of[component])


def test_the_largest_component_has_a_label_however_small_it_is():
    assert component_labels(np.array([0, 1, 1])).tolist() == [0, 1, 1]
    assert component_labels(np.array([0])).tolist() == [1]
    assert component_labels(np.empty(0, int)).tolist() == []


def test_no_more_labels_than_16_bits_hold():
    component = np.repeat(np.arange(65536), 25)
    labels = component_labels(component)
    assert labels.max() == 65534
    assert np.count_nonzero(labels == 0) == 50


def test_a_point_of_each_label_is_a_reference_where_there_is_one():
    labels = np.array([0, 2, 2, 1, 3, 1, 3, 0], np.uint16)
    assert label_points(labels, np.array([5, 0])).tolist() == [5, 1, 4]


FEW = {
    "one": [(3, 4)],
    "two": [(3, 4), (5, 9)],
    "three": [(3, 4), (5, 9), (7, 1)],
    "three in a row": [(3, 4), (3, 5), (3, 9)],
    "three in a column": [(1, 4), (2, 4), (8, 4)],
    "diagonal": [(i, i) for i in range(10)],
    "two far apart": [(0, 0), (9, 9)],
}


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("ndates", [2, 3, 4])
def test_few_points_and_few_dates(name, ndates):
    """Steps below half a cycle along the links come out exactly, and the model does not stop it."""
    points = np.array(FEW[name], np.int32)
    dates = DATES[:ndates]
    phase = 0.2 * np.outer(np.arange(ndates), points.sum(axis=1) % 7)
    off, component = unwrap_scene(points, phase, (10, 10), 1, limit=8, dates=dates)
    assert component.max() == (1 if name == "two far apart" else 0)
    assert share_wrong(off, component) == 0

    graph = point_mesh(points)
    design = design_matrix(dates, np.linspace(0, 300, ndates) ** 1.1, 0.056, 850e3, 39)
    ranges = [(-100, 100), (-50, 50)]
    kept, _ = choose_terms(design, ranges)
    assert len(kept) <= ndates - 2
    axes = [search_axis(design[:, term], *ranges[term]) for term in kept]
    model = estimate_links(phase.astype(np.float32), graph.edges, design[:, kept], axes)
    assert model.params.shape == (len(kept), graph.nedges)
    if kept:
        values = integrate_links(graph.edges, model.params, model.sigma, len(points))
        assert values.shape == (len(kept), len(points)) and np.isfinite(values).all()


def test_coherence_of_a_link_without_a_model_by_hand():
    phase = np.array([[0, 0, 0], [0, np.pi / 2, np.pi]], np.float32)
    edges = np.array([[0, 1], [0, 2], [1, 2]])
    model = estimate_links(phase, edges, np.empty((2, 0)), [])
    np.testing.assert_allclose(model.coherence, [np.sqrt(0.5), 0, np.sqrt(0.5)], atol=1e-6)
    assert model.params.shape == model.sigma.shape == (0, 3)
    assert not model.at_range_end.any()


def test_tiles_without_points_and_with_few():
    """A row of tiles, of which some are empty, joins the others where they share points."""
    rng = np.random.default_rng(2)
    shape = (40, 100)
    mask = np.zeros(shape, bool)
    mask[:, :45] = rng.random((40, 45)) < 0.8
    mask[20, 90] = mask[3, 65] = mask[3, 66] = True
    points = np.argwhere(mask).astype(np.int32)
    phase = np.outer(np.arange(4), 0.3 * points[:, 1]) + rng.normal(0, 0.1, (4, len(points)))
    phase[0] = 0
    wrapped = np.angle(np.exp(1j * phase)).astype(np.float32)
    columns = [(0, 30), (20, 50), (48, 64), (60, 80), (62, 100)]
    tiles = [Tile((0, a, 40, b), (0, a, 40, b)) for a, b in columns]
    places, cycles = unwrap_tiles(points, wrapped, tiles, DATES[:4], limit=10)
    assert [count_regions(tile) for tile in places] == [1, 1, 0, 1, 2]
    overlaps = measure_overlaps(places, cycles, shape)
    assert overlaps.too_small[:, 2].tolist() == [2]
    scene = scene_index(places, shape, overlaps.component)
    merged = merge_cycles(scene, cycles, bulk_offsets(overlaps).offsets).cycles
    references = reference_points(scene, np.ones(len(points)))
    referenced, _ = reference_cycles(merged, scene.component, references)
    main = scene.component == 0
    assert main.sum() == mask[:, :45].sum()
    first, second = hop3_network(DATES[:4]).pairs.T
    unwrapped = wrapped[second].astype(float) - wrapped[first] + CYCLE * referenced
    error = (unwrapped - (phase[second] - phase[first]))[:, main]
    np.testing.assert_allclose(error - error[:, :1], 0, atol=1e-4)
    assert np.unique(component_labels(scene.component)).tolist() == [0, 1]


def test_no_point_at_all_is_told():
    nothing = TilePoints(
        (0, 0, 5, 5), np.empty((0, 2), np.int32), np.empty((0, 2)), np.empty(0, int)
    )
    with pytest.raises(InputError, match="no point is left"):
        check_any_points([nothing, nothing])


def test_two_islands_through_the_workflow(tmp_path):
    islands = np.zeros((90, 120), np.int32)
    islands[5:85, 5:50] = 1
    islands[20:70, 80:115] = 2
    rng = np.random.default_rng(3)
    points, island, phase = simulate_islands(islands, rng, DATES[:4])
    alone = np.array([[2, 70], [88, 64]])
    points = np.vstack((points, alone))
    phase = np.hstack((phase, rng.uniform(-3, 3, (4, 2))))
    write_stack(tmp_path / "stack", points, phase, islands.shape, DATES[:4])
    config = {
        "output_dir": "results",
        "stack": {"directory": "stack"},
        "link_model": {"enabled": False},
        "mesh": {"max_link_pixels": 12},
        "tiles": {"points_per_tile": 2500, "max_tiles": 2},
    }
    printed = run_whole(tmp_path, config, "--", "merge_interferograms_00")
    assert "falls into 4 parts" in printed
    unwrapped = tmp_path / "results" / "unwrapped"
    at = tuple(points.T)
    for first, second in hop3_network(DATES[:4]).pairs:
        name = f"{DATES[first]}_{DATES[second]}"
        with rasterio.open(unwrapped / f"{name}.unw.conncomp.tif") as dataset:
            assert dataset.dtypes == ("uint16",) and dataset.nodata == 65535
            labels = dataset.read(1)
            references = dataset.tags()["REFERENCES_ROW_COL"].split("; ")
        np.testing.assert_array_equal(labels[at], np.append(island, [0, 0]))
        assert np.count_nonzero(labels) == len(island)
        image = read(unwrapped / f"{name}.unw.tif")
        assert np.isfinite(image[at]).all() and np.isfinite(image).sum() == len(points)
        off = (image[at] - (phase[second] - phase[first]))[:-2] / CYCLE
        assert share_wrong(np.rint(off)[None], island) == 0
        for label, reference in enumerate(references, start=1):
            row, col = map(int, reference.split())
            assert labels[row, col] == label
            assert np.abs(image[row, col]) <= CYCLE


def test_three_points_and_two_dates_through_the_workflow(tmp_path):
    points = np.array([[1, 1], [1, 6], [5, 3]])
    phase = np.array([[0, 0, 0], [0.5, 1.0, -1.0]])
    write_stack(tmp_path / "stack", points, phase, (8, 9), DATES[:2])
    (tmp_path / "baselines.csv").write_text("date,bperp_m\n20200101,0\n20200113,80\n")
    config = {
        "output_dir": "results",
        "stack": {"directory": "stack"},
        "baselines": {"csv": "baselines.csv"},
        "geometry": {"wavelength_m": 0.056, "slant_range_m": 850e3, "incidence_angle_deg": 39},
    }
    targets = ["merge_interferograms_00", "results/velocity_mm_yr.tif", "results/dem_error_m.tif"]
    printed = run_whole(tmp_path, config, "--", *targets)
    assert "velocity_mm_yr is left out" in printed
    image = read(tmp_path / "results" / "unwrapped" / "20200101_20200113.unw.tif")
    found = image[tuple(points.T)]
    np.testing.assert_allclose(found - found[0], phase[1] - phase[1, 0], atol=1e-5)
    assert np.isfinite(image).sum() == 3
    for name in ("velocity_mm_yr", "dem_error_m"):
        assert np.isnan(read(tmp_path / "results" / f"{name}.tif")).all()
    labels = read(tmp_path / "results" / "unwrapped" / "20200101_20200113.unw.conncomp.tif")
    assert labels[tuple(points.T)].tolist() == [1, 1, 1]


def test_points_in_a_row_in_two_tiles_to_the_report(tmp_path):
    """No triangle anywhere, an overlap too small to trust, and points without data: all told."""
    points = np.column_stack((np.full(44, 2), 2 * np.arange(44)))
    phase = 0.3 * np.outer(np.arange(4), np.arange(44))
    stack = write_stack(tmp_path / "stack", points, phase, (5, 90), DATES[:4])
    with rasterio.open(stack / f"{DATES[0]}_{DATES[2]}.int.tif", "r+") as dataset:
        image = dataset.read(1)
        image[2, 4], image[2, 60] = 0, np.nan
        dataset.write(image, 1)
    (tmp_path / "baselines.csv").write_text(
        "date,bperp_m\n20200101,0\n20200113,80\n20200206,-40\n20200218,10\n"
    )
    config = {
        "output_dir": "results",
        "stack": {"directory": "stack"},
        "baselines": {"csv": "baselines.csv"},
        "geometry": {"wavelength_m": 0.056, "slant_range_m": 850e3, "incidence_angle_deg": 39},
        "tiles": {"points_per_tile": 22, "max_tiles": 2},
    }
    printed = run_whole(tmp_path, config)
    assert "fewer than merge.min_overlap_points = 25: not used to join them" in printed
    assert "1 of them would have joined what nothing else joins" in printed
    report = (tmp_path / "results" / "report.html").read_text()
    assert "2 coherent points" in report.replace("\u00a0", " ")
    image = read(tmp_path / "results" / "unwrapped" / f"{DATES[0]}_{DATES[1]}.unw.tif")
    assert np.isfinite(image).sum() == 42
    velocity = read(tmp_path / "results" / "velocity_mm_yr.tif")
    labels = read(tmp_path / "results" / "unwrapped" / f"{DATES[0]}_{DATES[1]}.unw.conncomp.tif")
    assert np.isfinite(velocity).sum() == np.count_nonzero(labels == 1) > 0
