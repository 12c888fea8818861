"""Islands joined by the model and the dates: right where the result says so, apart where not."""

import numpy as np
import pandas as pd
import pytest
from emcflow.acquisition.geometry import design_matrix
from emcflow.graph.components import regions
from emcflow.graph.delaunay import links_within, point_mesh
from emcflow.io.hdf5 import create, put_region_levels
from emcflow.network.networks import hop3_network
from emcflow.products.random_fields import power_law
from emcflow.tiles.bulk_offsets import bulk_offsets, level_offsets
from emcflow.tiles.islands import (
    find_islands,
    island_table,
    levelled_component,
    wrong_of_parts,
)
from emcflow.tiles.overlap_words import island_remarks
from emcflow.tiles.overlaps import Overlaps, measure_overlaps
from emcflow.tiles.scene import TilePoints
from emcflow.unwrap.islands import level_regions
from emcflow.unwrap.region_levels import RegionLevels
from emcflow.workflow.taken_over import with_known_levels
from merged_scene import merge_cycles, scene_index
from stacks import write_stack
from workflow import read, run_whole

CYCLE = 2 * np.pi
DAYS = 12 * np.arange(14)
DATES = tuple(pd.date_range("2020-01-01", freq="12D", periods=14).strftime("%Y%m%d"))
SHAPE = (44, 40)
SENTINEL1 = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 37}


def shores(rng, air_rad, water=8, jump=0.0):
    """Points on both sides of a river, which side, their true phase [rad], and the design.

    Both sides rise with 20 mm/yr from one end to the other; the far one jumps by some cycles, as
    many at every place or, of a tuple, from the first to the last along the shore.
    """
    rows, _ = np.indices(SHAPE)
    land = np.abs(rows - SHAPE[0] / 2 + 0.5) > water / 2
    points = np.argwhere(land & (rng.random(SHAPE) < 0.8)).astype(np.int32)
    at, far = tuple(points.T), points[:, 0] > SHAPE[0] / 2
    bperp = np.append(0, rng.normal(0, 80, len(DATES) - 1))
    design = design_matrix(DATES, bperp, **SENTINEL1)
    phase = np.outer(design[:, 0], points[:, 0] * 20 / SHAPE[0])
    phase += np.array([air_rad * power_law(SHAPE, -8 / 3, rng)[at] for _ in DATES])
    phase += rng.normal(0, 0.3, phase.shape)
    steps = np.broadcast_to(jump, 2)
    step = steps[0] + (steps[1] - steps[0]) * points[:, 1] / SHAPE[1]
    phase[len(DATES) // 2 :, far] += CYCLE * step[far]
    return points, far.astype(np.int32), phase - phase[0], design


def levelled(points, region, phase, design, rng):
    """Levels of two sides that lack known cycles, and these (npairs,)."""
    pairs = hop3_network(DATES).pairs
    wrapped = np.angle(np.exp(1j * phase)).astype(np.float32)
    cycles = np.rint((phase - wrapped) / CYCLE).astype(int)
    cycles = cycles[pairs[:, 1]] - cycles[pairs[:, 0]]
    missing = rng.integers(-9, 10, (len(pairs), 2))
    cycles -= missing[:, region]
    edges = point_mesh(points).edges
    levels = level_regions(wrapped, points, edges, region, cycles, pairs, design)
    return levels, missing[:, 1] - missing[:, 0]


def test_two_shores_in_motion_get_their_cycles():
    rng = np.random.default_rng(0)
    levels, missing = levelled(*shores(rng, 0.7), rng)
    assert levels.regions.tolist() == [[0, 1]] and levels.nlinks[0] > 30
    np.testing.assert_array_equal(levels.cycles[0], missing)
    assert levels.wrong.max() < 0.02 and levels.mean_wrong[0] < 0.005
    np.testing.assert_allclose(levels.mean_wrong, levels.wrong.mean(axis=1), atol=1e-6)


def test_as_many_cycles_are_wrong_as_is_said():
    """Over rivers under weak and strong air: what is called sure is right, the rest as said."""
    said, wrong = [], []
    for seed, air_rad in enumerate([1.0, 2.0, 3.0, 4.0, 5.0] * 3):
        rng = np.random.default_rng([9, seed])
        levels, missing = levelled(*shores(rng, air_rad, water=14), rng)
        said.append(levels.wrong[0])
        wrong.append(levels.cycles[0] != missing)
    said, wrong = np.array(said), np.array(wrong)
    assert 0.7 < said.mean() / wrong.mean() < 1.6
    sure = said < 0.01
    assert 0.1 < sure.mean() < 0.9 and wrong[sure].mean() < 0.003
    unsure = said > 0.2
    assert 0.7 < said[unsure].mean() / wrong[unsure].mean() < 1.6


@pytest.mark.parametrize("jump", [0.5, 0.6, 2.4, (0.0, 2.0), (0.0, 1.2)])
def test_a_side_that_jumps_is_not_levelled(jump):
    """Whole cycles at every place leave no trace, and are not among these."""
    rng = np.random.default_rng(3)
    levels, _ = levelled(*shores(rng, 0.7, jump=jump), rng)
    assert levels.mean_wrong[0] > 0.03 and levels.jump[0] > 0.3
    first, second = hop3_network(DATES).pairs.T
    over = (first < 7) & (second >= 7)
    assert levels.wrong[0, over].mean() > 0.2 > levels.wrong[0, ~over].max()


def test_few_links_and_few_points_level_nothing():
    rng = np.random.default_rng(1)
    points, far, phase, design = shores(rng, 0.5)
    few = np.flatnonzero(far)[:24]
    kept = np.sort(np.append(np.flatnonzero(far == 0), few))
    levels, _ = levelled(points[kept], far[kept], phase[:, kept], design, rng)
    assert levels.regions.shape == (0, 2) and levels.wrong.shape == levels.cycles.shape == (0, 36)
    one, _ = levelled(points, np.zeros_like(far), phase, design, rng)
    assert one.regions.shape == (0, 2)


def test_without_a_model_steady_ground_is_levelled_too():
    rng = np.random.default_rng(4)
    points, far, phase, design = shores(rng, 0.7)
    phase = phase - np.outer(design[:, 0], points[:, 0] * 20 / SHAPE[0])
    levels, missing = levelled(points, far, phase, design[:, :0], rng)
    np.testing.assert_array_equal(levels.cycles[0], missing)
    assert levels.mean_wrong[0] < 0.005


def three_parts(wrong):
    """Two tiles: one with regions of 90 and 30 points, one with 40, and two interferograms."""
    sizes = [[90, 30], [40]]
    tiles = [
        TilePoints(
            (0, 0, 200, 9),
            np.column_stack((np.arange(sum(own)), np.full(sum(own), number))),
            np.empty((0, 2), np.int32),
            np.repeat(np.arange(len(own)), own),
        )
        for number, own in enumerate(sizes)
    ]
    none = np.empty((0, 2))
    overlaps = Overlaps(
        nodes=np.array([[0, 0], [0, 1], [1, 0]], np.int32),
        node_points=np.array([90, 30, 40]),
        links=none.astype(np.int32),
        points=np.empty(0, np.int64),
        deciles=np.empty((0, 2, 11), np.int16),
        difference=none.astype(np.int16),
        agreement=none.astype(np.float32),
        too_small=np.empty((0, 3), np.int64),
        component=np.array([0, 2, 1], np.int32),
    )
    levels = RegionLevels(
        np.array([[0, 1]], np.int32),
        np.array([12], np.int32),
        np.array([[3, -2]], np.int16),
        np.array([[0.5 * wrong, 1.5 * wrong]], np.float32),
        np.array([wrong], np.float32),
        np.array([0.02], np.float32),
    )
    nothing = RegionLevels(*(values[:0] for values in levels))
    return [levels, nothing], tiles, overlaps


def test_parts_are_joined_where_it_is_sure_enough():
    levels, tiles, overlaps = three_parts(0.004)
    islands = find_islands(levels, tiles, overlaps, 0.01)
    assert islands.levelled.tolist() == [True]
    # 120 points together, before the 40 of the other tile
    assert levelled_component(islands, overlaps.node_points).tolist() == [0, 0, 1]
    offsets = level_offsets(np.array([[0.0, 5.0, 7.0], [0.6, 0.5, 0.0]]), islands)
    np.testing.assert_array_equal(offsets, [[0, 3, 7], [0.6, -0.5, 0]])
    wrong = wrong_of_parts(islands)
    np.testing.assert_allclose(wrong, [[0, 0, 0.002], [0, 0, 0.006]], atol=1e-7)
    table = island_table(islands, ["20200101_20200113", "20200113_20200206"])
    assert {name: list(column) for name, column in table.items()} == {
        "row": [104],
        "col": [0],
        "points": [30],
        "links_across": [12],
        "wrong_probability": [pytest.approx(0.004)],
        "worst_pair": ["20200113_20200206"],
        "worst_probability": [pytest.approx(0.006)],
        "jump_probability": [pytest.approx(0.02)],
        "levelled": [1],
    }
    (remark,) = island_remarks(islands)
    assert "30 points around row 104, column 0 is levelled by time, with 12 links" in remark
    assert "probability of 0.4 %" in remark


@pytest.mark.parametrize("most", [0.003, None, 0])
def test_parts_stay_apart_where_it_is_not(most):
    levels, tiles, overlaps = three_parts(0.004)
    islands = find_islands(levels, tiles, overlaps, most)
    assert islands.levelled.tolist() == [False]
    component = levelled_component(islands, overlaps.node_points)
    np.testing.assert_array_equal(component, overlaps.component)
    offsets = np.array([[0.0, 5.0, 7.0], [0.6, 0.5, 0.0]])
    np.testing.assert_array_equal(level_offsets(offsets, islands), offsets)
    assert not wrong_of_parts(islands).any()
    (remark,) = island_remarks(islands)
    assert "stays separate" in remark and "merge.island_probability" in remark


def test_the_surest_joins_make_a_chain():
    """Three islands in a row, each of which sees the next; the first sees the last less surely."""
    rng = np.random.default_rng(0)
    _, _, overlaps = three_parts(0.004)
    levels = RegionLevels(
        np.array([[0, 1], [0, 2], [1, 2]], np.int32),
        np.array([9, 9, 9], np.int32),
        np.array([[1], [50], [2]], np.int16),
        np.array([[0.002], [0.008], [0.001]], np.float32),
        np.array([0.002, 0.008, 0.001], np.float32),
        np.zeros(3, np.float32),
    )
    points = np.column_stack((np.arange(90), np.zeros(90, int)))
    tile = TilePoints((0, 0, 90, 1), points, np.empty((0, 2), int), np.repeat([0, 1, 2], 30))
    nodes = np.array([[0, 0], [0, 1], [0, 2]], np.int32)
    overlaps = Overlaps(
        nodes,
        np.full(3, 30),
        *[
            getattr(overlaps, name)
            for name in ("links", "points", "deciles", "difference", "agreement", "too_small")
        ],
        np.arange(3, dtype=np.int32),
    )
    islands = find_islands([levels], [tile], overlaps, 0.01)
    assert islands.nodes.tolist() == [[1, 2], [0, 1]]
    assert islands.points.tolist() == [30, 30]
    offsets = rng.integers(-5, 6, (1, 3)).astype(float)
    found = level_offsets(offsets, islands)
    np.testing.assert_array_equal(found - found[:, :1], [[0, 1, 3]])
    np.testing.assert_allclose(wrong_of_parts(islands), [[0, 0.002, 0.002998]], atol=1e-6)


def test_tiles_along_a_river_bring_both_shores_together():
    """Each tile has its own cycles on either shore; three tiles see the river, all say the same."""
    rng = np.random.default_rng(12)
    points, far, phase, design = shores(rng, 0.5)
    wrapped = np.angle(np.exp(1j * phase)).astype(np.float32)
    pairs = hop3_network(DATES).pairs
    true = np.rint((phase - wrapped) / CYCLE).astype(int)
    true = true[pairs[:, 1]] - true[pairs[:, 0]]
    tiles, cycles, levels = [], [], []
    for west, east in ((0, 16), (12, 28), (24, SHAPE[1])):
        own = (points[:, 1] >= west) & (points[:, 1] < east)
        some, region = points[own], far[own]
        edges = point_mesh(some).edges
        inside = edges[region[edges[:, 0]] == region[edges[:, 1]]]
        tiles.append(TilePoints((0, west, SHAPE[0], east), some, inside, region))
        cycles.append(true[:, own] + rng.integers(-9, 10, (len(pairs), 2))[:, region])
        data = wrapped[:, own], some, edges, region, cycles[-1], pairs, design
        levels.append(level_regions(*data))
    overlaps = measure_overlaps(tiles, cycles, SHAPE)
    assert overlaps.component.tolist() in ([0, 1] * 3, [1, 0] * 3)
    islands = find_islands(levels, tiles, overlaps, 0.03)
    assert islands.levelled.tolist() == [True]
    component = levelled_component(islands, overlaps.node_points)
    offsets = level_offsets(bulk_offsets(overlaps).offsets, islands)
    scene = scene_index(tiles, SHAPE, component)
    merged = merge_cycles(scene, cycles, offsets).cycles - true
    assert (merged == merged[:, :1]).all()
    for blend, at in zip(scene.tiles, scene.of_tiles, strict=True):
        part = islands.part[blend.node[blend.owned]]
        np.testing.assert_array_equal(part == islands.part[0], far[at[blend.owned]] == 0)

    turned = slice(None, None, -1)
    again = find_islands(
        levels[turned], tiles[turned], measure_overlaps(tiles[turned], cycles[turned], SHAPE), 0.03
    )
    np.testing.assert_array_equal(again.wrong, islands.wrong)


def test_known_interferograms_keep_their_levels(tmp_path):
    (before, _), _, _ = three_parts(0.004)
    path = tmp_path / "uw_tile_00.h5"
    with create(path, pairs=["a", "c"]) as file:
        put_region_levels(file, before)
    now = RegionLevels(
        before.regions,
        before.nlinks,
        np.array([[7, 8, 9]], np.int16),
        np.array([[0.1, 0.2, 0.3]], np.float32),
        np.array([0.2], np.float32),
        before.jump,
    )
    found = with_known_levels(["a", "b", "c"], str(path), now)
    assert found.cycles.tolist() == [[3, 8, -2]]
    np.testing.assert_allclose(found.wrong, [[0.002, 0.2, 0.006]], atol=1e-7)
    assert found.mean_wrong == before.mean_wrong


def test_an_island_is_level_with_the_rest_of_the_scene(tmp_path):
    rng = np.random.default_rng(7)
    points, far, phase, _ = shores(rng, 0.5, water=10)
    phase -= np.outer(DAYS / 365.25, points[:, 0] * 20 / SHAPE[0]) * 4e-3 * np.pi / 0.0555
    edges = point_mesh(points).edges
    assert regions(edges[links_within(points, edges, 7)], len(points)).max() == 1
    write_stack(tmp_path / "stack", points, phase, SHAPE, DATES)
    config = {
        "output_dir": "results",
        "stack": {"directory": "stack"},
        "link_model": {"enabled": False},
        "mesh": {"max_link_pixels": 7},
    }
    results, at = tmp_path / "results", tuple(points.T)
    first, second = hop3_network(DATES).pairs.T

    def off():
        return np.array(
            [
                read(results / "unwrapped" / f"{DATES[a]}_{DATES[b]}.unw.tif")[at]
                - (phase[b] - phase[a])
                for a, b in zip(first, second, strict=True)
            ]
        )

    run_whole(tmp_path, config)
    apart = np.rint((off() - off()[:, :1]) / CYCLE)
    assert np.mean(apart == 0) > 0.995
    table = pd.read_csv(results / "merge" / "islands.csv")
    assert table["levelled"].tolist() == [1] and table["wrong_probability"][0] < 0.005
    assert np.unique(read(results / "merge" / "components.tif")[at]).tolist() == [1]
    assert "is levelled by time" in " ".join((results / "report.txt").read_text().split())
    wrong = read(results / "unwrapped" / f"{DATES[0]}_{DATES[1]}.unw.pwrong.tif")[at]
    island = far == (far.sum() < len(far) / 2)
    assert np.median(wrong[island]) < 40 < np.median(wrong[~island])
    assert np.median(wrong[island]) > 20

    separate = config | {"merge": {"island_probability": None}}
    run_whole(tmp_path, separate, "--", "merge_interferograms_00")
    assert np.unique(read(results / "merge" / "components.tif")[at]).tolist() == [1, 2]
    assert pd.read_csv(results / "merge" / "islands.csv")["levelled"].tolist() == [0]
