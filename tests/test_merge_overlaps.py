"""Common points, deciles, modes and the offset graph against brute force and hand cases."""

import h5py
import numpy as np
import pytest
from emcflow.errors import InputError
from emcflow.tiles import overlaps as of_overlaps
from emcflow.tiles.held import HeldTiles
from emcflow.tiles.overlaps import measure_overlaps, most_frequent, overlap_deciles
from emcflow.tiles.scene import (
    TilePoints,
    border_distance,
    common_points,
    placed_tiles,
    scene_of_tiles,
    shared_points,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


def tile_of(bounds, points, region=None):
    points = np.array(points, np.int32).reshape(-1, 2)
    region = np.zeros(len(points), np.int32) if region is None else np.array(region, np.int32)
    return TilePoints(bounds, points, np.empty((0, 2), np.int32), region)


def block(r0, c0, r1, c1):
    return [(r, c) for r in range(r0, r1) for c in range(c0, c1)]


point_sets = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=30)


@given(point_sets, point_sets)
@settings(max_examples=200, deadline=None)
def test_common_points_are_those_of_the_sets(a, b):
    a, b = sorted(a), sorted(b)
    ci, cj = common_points(
        np.array(a, np.int32).reshape(-1, 2), np.array(b, np.int32).reshape(-1, 2), 7
    )
    assert [a[i] for i in ci] == sorted(set(a) & set(b))
    assert [b[j] for j in cj] == sorted(set(a) & set(b))


def test_flat_indices_do_not_overflow_in_large_scenes():
    points = np.array([[0, 5], [60000, 70000]], np.int32)
    ci, cj = common_points(points, points[1:], 100_000)
    assert (ci.tolist(), cj.tolist()) == ([1], [0])


@pytest.mark.parametrize("points", [[[1, 0], [0, 5]], [[0, 5], [0, 4]], [[2, 2], [2, 2]]])
def test_points_that_are_not_sorted_are_refused(points):
    with pytest.raises(InputError, match="not sorted by row and column at index 1"):
        common_points(np.array(points), np.array([[0, 0]]), 10)


def test_points_of_two_tiles_in_one_scene():
    # the second tile begins in column 2, where the first one's island lies
    first = tile_of((0, 0, 4, 3), [(0, 0), (0, 1), (0, 2), (3, 2)], [0, 0, 0, 1])
    second = tile_of((0, 2, 4, 6), [(0, 2), (0, 4), (3, 2), (3, 5)])
    far = tile_of((0, 5, 3, 6), [(1, 5)])
    tiles = [first, second, far]
    scene = scene_of_tiles(tiles, (4, 6), np.zeros(4, np.int32))
    every = [[0, 0], [0, 1], [0, 2], [0, 4], [1, 5], [3, 2], [3, 5]]
    assert scene.points.tolist() == every
    placed = list(placed_tiles(tiles, scene.pixels))
    assert [at.tolist() for at, _ in placed] == [[0, 1, 2, 5], [2, 3, 5, 6], [4]]
    assert [nodes.tolist() for _, nodes in placed] == [[0, 0, 0, 1], [2, 2, 2, 2], [3]]
    (shared,) = shared_points(tiles, (4, 6))
    assert (shared.i, shared.j) == (0, 1)
    assert (shared.at_i.tolist(), shared.at_j.tolist()) == ([2, 3], [0, 2])
    assert [(a, b, at.tolist()) for a, b, at in shared.nodes] == [(0, 2, [0]), (1, 2, [1])]


def test_components_and_places_of_the_points_of_a_scene():
    """A point that two components share belongs to the lower one; tiles are asked for twice."""
    first = tile_of((0, 0, 4, 3), [(0, 0), (0, 2), (3, 2)], [0, 0, 1])
    second = tile_of((0, 2, 4, 6), [(0, 2), (0, 4), (3, 2), (3, 5)])
    scene = scene_of_tiles([first, second], (4, 6), np.array([2, 0, 1]))
    assert scene.points.tolist() == [[0, 0], [0, 2], [0, 4], [3, 2], [3, 5]]
    assert scene.component.tolist() == [2, 1, 1, 0, 1]
    assert scene.places([[3, 5], [0, 2]]).tolist() == [4, 1]


def test_distance_to_the_sides_that_have_a_neighbour():
    tile = tile_of((0, 2, 4, 6), [(0, 2), (2, 4), (3, 2), (3, 5)])
    # rows 0 and 4 are borders of the scene, column 6 is none
    assert border_distance(tile, (4, 9), 1).tolist() == [1, 2, 1, 1]
    assert border_distance(tile, (4, 9), 0.5).tolist() == [0.5, 1.5, 0.5, 0.5]
    assert border_distance(tile, (4, 6), 0.5).tolist() == [0.5, 2.5, 0.5, 3.5]
    whole = tile_of((0, 0, 4, 6), [(1, 1)])
    assert border_distance(whole, (4, 6), 0.5).tolist() == [6]


def test_deciles_by_hand():
    # 0..9 in disorder: 10 % of the values do not exceed 0, 20 % do not exceed 1, ...
    c_j = np.array([[3, 9, 0, 5, 1, 7, 2, 8, 4, 6], [4] * 10])
    c_i = np.array([[0] * 10, [9] * 10])
    deciles = overlap_deciles(c_i, c_j)
    assert deciles.tolist() == [[0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [-5] * 11]
    assert deciles.dtype == np.int16


@given(
    arrays(np.int16, st.tuples(st.integers(1, 3), st.integers(1, 40)), elements=st.integers(-5, 5))
)
@settings(max_examples=200, deadline=None)
def test_deciles_are_those_of_the_empirical_distribution(c_j):
    n = c_j.shape[1]
    deciles = overlap_deciles(np.zeros_like(c_j), c_j)
    for row, found in zip(c_j, deciles, strict=True):
        for tenth, value in enumerate(found):
            need = max(-(-tenth * n // 10), 1)
            assert (row <= value).sum() >= need
            assert (row < value).sum() < need


def test_deciles_of_differences_beyond_int16_inputs_do_not_wrap_in_between():
    assert overlap_deciles(np.int16([[-20000]]), np.int16([[12000]]))[0, 5] == 32000


@pytest.mark.parametrize("shape", [(2, 0), (3, 4), (2, 5)])
def test_deciles_refuse_what_does_not_fit(shape):
    with pytest.raises(InputError, match="cycles of an overlap have shapes"):
        overlap_deciles(np.zeros(shape, int), np.zeros((2, 4 if shape[1] else 0), int))


@given(
    arrays(np.int32, st.tuples(st.integers(1, 4), st.integers(1, 20)), elements=st.integers(-3, 3))
)
@settings(max_examples=200, deadline=None)
def test_most_frequent_value(rows):
    value, share = most_frequent(rows)
    for row, v, s in zip(rows.tolist(), value.tolist(), share.tolist(), strict=True):
        assert v == max(sorted(set(row)), key=row.count)
        assert s == pytest.approx(row.count(v) / len(row))


def test_graph_of_three_tiles_by_hand():
    tiles = [
        tile_of((0, 0, 4, 6), block(0, 0, 4, 6)),
        tile_of((0, 4, 4, 10), block(0, 4, 4, 10)),
        tile_of((3, 0, 8, 10), block(3, 0, 8, 10)),
    ]
    cycles = [
        np.array([[1], [0]]) + np.zeros((2, 24), int),
        np.array([[3], [-2]]) + np.zeros((2, 24), int),
        np.zeros((2, 50), int),
    ]
    cycles[1][0, 0] = 7
    overlaps = measure_overlaps(tiles, cycles, (8, 10), min_overlap_points=7)
    assert overlaps.nodes.tolist() == [[0, 0], [1, 0], [2, 0]]
    assert overlaps.node_points.tolist() == [24, 24, 50]
    # tiles 0 and 2, 1 and 2 share 6 points only
    assert overlaps.links.tolist() == [[0, 1]]
    assert overlaps.points.tolist() == [8]
    assert overlaps.too_small.tolist() == [[0, 2, 6], [1, 2, 6]]
    assert overlaps.difference.tolist() == [[2, -2]]
    assert overlaps.agreement.tolist() == [[0.875, 1.0]]
    assert overlaps.deciles.tolist() == [[[2] * 9 + [6] * 2, [-2] * 11]]
    # 50 points alone are more than 24 + 24
    assert overlaps.component.tolist() == [1, 1, 0]
    assert overlaps.ncomponents == 2
    assert overlaps.members(1) == [(0, 0), (1, 0)]


def test_regions_of_two_tiles_are_linked_one_by_one():
    # left tile: rows 0-1 are region 0, rows 3-4 region 1; right tile: one region, then rows 3-4
    # of its own region only in column 3
    left = tile_of((0, 0, 5, 4), block(0, 0, 2, 4) + block(3, 0, 5, 4), [0] * 8 + [1] * 8)
    right = tile_of((0, 2, 5, 6), block(0, 2, 2, 6) + block(3, 2, 5, 6), [0] * 8 + [1] * 8)
    cycles = [np.repeat([[0, 5]], 8, axis=1), np.repeat([[1, 1]], 8, axis=1)]
    overlaps = measure_overlaps([left, right], cycles, (5, 6), min_overlap_points=4)
    assert overlaps.nodes.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert overlaps.links.tolist() == [[0, 2], [1, 3]]
    assert overlaps.difference.tolist() == [[1], [-4]]
    assert overlaps.component.tolist() == [0, 1, 0, 1]


def test_tiles_that_do_not_touch_and_a_single_tile_have_no_links():
    tiles = [tile_of((0, 0, 2, 2), block(0, 0, 2, 2)), tile_of((2, 2, 4, 4), block(2, 2, 4, 4))]
    cycles = [np.zeros((3, 4), np.int16)] * 2
    for n in (1, 2):
        overlaps = measure_overlaps(tiles[:n], cycles[:n], (4, 4))
        assert overlaps.links.shape == (0, 2)
        assert overlaps.deciles.shape == (0, 3, 11)
        assert overlaps.component.tolist() == list(range(n))


def test_cycles_may_stay_in_their_files(tmp_path):
    tiles = [tile_of((0, 0, 9, 6), block(0, 0, 9, 6)), tile_of((5, 3, 12, 9), block(5, 3, 12, 9))]
    rng = np.random.default_rng(0)
    cycles = [rng.integers(-3, 4, (2, len(t.points)), np.int16) for t in tiles]
    expected = measure_overlaps(tiles, cycles, (12, 9), 5)
    with h5py.File(tmp_path / "cycles.h5", "w") as file:
        stored = [file.create_dataset(str(t), data=c) for t, c in enumerate(cycles)]
        found = measure_overlaps(tiles, stored, (12, 9), 5)
    assert expected.points.tolist() == [12]
    assert np.array_equal(found.deciles, expected.deciles)


def test_tiles_may_be_held_two_at_a_time_and_pairs_in_batches(monkeypatch):
    """Three tiles in a row: what is measured is the same, and the middle one stays for both."""
    bounds = [(0, col, 9, col + 6) for col in (0, 4, 8)]
    tiles = [tile_of(at, block(*at)) for at in bounds]
    rng = np.random.default_rng(0)
    cycles = [rng.integers(-3, 4, (5, len(t.points)), np.int16) for t in tiles]
    expected = measure_overlaps(tiles, cycles, (9, 14), 5)
    monkeypatch.setattr(of_overlaps, "PAIRS_AT_ONCE", 2)
    found = measure_overlaps(HeldTiles(tiles), cycles, (9, 14), 5)
    for name, values in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), values)
    assert found.deciles.shape == (2, 5, 11)
    asked = []

    class Asked(list):
        def __getitem__(self, number):
            asked.append(number)
            return super().__getitem__(number)

    held = HeldTiles(Asked("abc"))
    assert [held[number] for number in (0, 1, 0, 1, 2, 1, 0)] == list("ababcba")
    assert asked == [0, 1, 2, 0] and list(held) == list("abc")


def test_cycles_that_do_not_fit_the_tiles_are_refused():
    tile = tile_of((0, 0, 2, 2), block(0, 0, 2, 2))
    with pytest.raises(InputError, match=r"cycles of tile 1 have shape \(3, 4\)"):
        measure_overlaps([tile, tile], [np.zeros((2, 4), int), np.zeros((3, 4), int)], (2, 2))
    with pytest.raises(InputError, match="1 tiles and cycles for 2"):
        measure_overlaps([tile], [np.zeros((2, 4), int)] * 2, (2, 2))
