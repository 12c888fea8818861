"""Merging of tiles against truth, hand cases and the requirements on the result."""

from types import SimpleNamespace

import numpy as np
import pytest
from emcflow.errors import InputError
from emcflow.io import joined_scene
from emcflow.io.hdf5 import create, put
from emcflow.tiles import scene_links
from emcflow.tiles.bulk_offsets import bulk_offsets
from emcflow.tiles.merge import reference_points
from emcflow.tiles.overlaps import measure_overlaps
from emcflow.tiles.reference_area import area_text, reference_places
from emcflow.tiles.scene import TilePoints
from emcflow.tiles.scene_links import SceneLinks, links_apart, own_links, ranks_of_tile
from emcflow.tiles.tile_blend import blend_cycles, blended_points, whole_offsets
from merged_scene import merge_cycles, reference_cycles, scene_index
from scipy.spatial import Delaunay

SHAPE = (90, 80)


def mesh_edges(points):
    """Links of a Delaunay mesh; the jitter only picks a diagonal in squares of the grid."""
    jitter = np.random.default_rng(7).uniform(-1e-3, 1e-3, points.shape)
    corners = Delaunay(points + jitter).simplices
    links = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]])
    return np.unique(np.sort(links, axis=1), axis=0).astype(np.int32)


def grid_bounds(shape, nrows, ncols, overlap):
    """Rectangles of a regular grid of tiles, widened by half the overlap on each side."""
    cuts = [
        np.linspace(0, s, n + 1).astype(int) for s, n in zip(shape, (nrows, ncols), strict=True)
    ]
    half = overlap // 2
    return [
        (
            max(r0 - half, 0),
            max(c0 - half, 0),
            min(r1 + half, shape[0]),
            min(c1 + half, shape[1]),
        )
        for r0, r1 in zip(cuts[0][:-1], cuts[0][1:], strict=True)
        for c0, c1 in zip(cuts[1][:-1], cuts[1][1:], strict=True)
    ]


def cut_tiles(mask, bounds, region=None):
    """Tiles of a scene, and for each the indices of its points in ``np.argwhere(mask)``."""
    points = np.argwhere(mask).astype(np.int32)
    tiles, members = [], []
    for r0, c0, r1, c1 in bounds:
        row, col = points.T
        inside = np.flatnonzero((row >= r0) & (row < r1) & (col >= c0) & (col < c1))
        mine = points[inside]
        label = np.zeros(len(mine), np.int32) if region is None else region[inside]
        label = np.unique(label, return_inverse=True)[1].astype(np.int32)
        tiles.append(TilePoints((r0, c0, r1, c1), mine, mesh_edges(mine), label))
        members.append(inside)
    return tiles, members


def make_scene(nrows, ncols, npairs=5, overlap=12, seed=0):
    rng = np.random.default_rng(seed)
    mask = rng.random(SHAPE) < 0.6
    tiles, members = cut_tiles(mask, grid_bounds(SHAPE, nrows, ncols, overlap))
    truth = np.rint(4 * np.cumsum(rng.normal(size=(npairs, mask.sum())), axis=1) / 30)
    return mask, tiles, members, truth.astype(np.int16), rng


def merge(tiles, cycles, shape=SHAPE, method="integer", min_overlap_points=25):
    overlaps = measure_overlaps(tiles, cycles, shape, min_overlap_points)
    offsets = bulk_offsets(overlaps, method)
    index = scene_index(tiles, shape, overlaps.component)
    return overlaps, offsets, index, merge_cycles(index, cycles, offsets.offsets)


def links_of(index, tiles, firm=None, quality=0.5):
    """Links of a scene, of which some join points, and which links of each tile they are."""
    firm = firm or [np.ones(len(tile.edges), bool) for tile in tiles]
    links, every = SceneLinks(sum(len(tile.edges) for tile in tiles)), []
    for blend, tile, sure, at in zip(index.tiles, tiles, firm, index.of_tiles, strict=True):
        own = own_links(tile.edges, sure, blend.owned, blend.counts)
        chosen = at[tile.edges[own]]
        # the better, the further down, up to 1
        links.add(chosen, np.float32(quality + (1 - quality) * chosen[:, 0] / len(index.points)))
        every.append(own)
    return links, every


def up_to_constant(a, b):
    """Rows equal but for one constant per row."""
    return bool(np.all(np.ptp(a.astype(int) - b, axis=1) == 0))


def test_links_of_tiles_as_links_of_the_scene():
    """Two rows of tiles: as many links as in one mesh; values and breaks come from their tiles."""
    mask, tiles, members, truth, _ = make_scene(2, 2)
    cycles = [truth[:, at] for at in members]
    _, _, index, merged = merge(tiles, cycles)
    links, every = links_of(index, tiles)
    edges = links.edges.copy()
    assert len(np.unique(edges, axis=0)) == len(edges) == len(links)
    np.testing.assert_allclose(len(edges), len(mesh_edges(np.argwhere(mask))), rtol=0.01)
    np.testing.assert_array_equal(np.unique(edges), np.arange(np.count_nonzero(mask)))
    of_tiles = [merged.cycles[0, at] for at in index.of_tiles]
    for tile, own, before, after in zip(tiles, every, cycles, of_tiles, strict=True):
        assert not links_apart(tile.edges, own, before[0], after).size
    # the merge moves a point of tile 1 alone
    moved = edges[np.count_nonzero(every[0]), 0]
    after = of_tiles[1] + (index.of_tiles[1] == moved)
    apart = links_apart(tiles[1].edges, every[1], cycles[1][0], after)
    expected = every[1] & (index.of_tiles[1][tiles[1].edges] == moved).any(axis=1)
    assert apart.tolist() == np.flatnonzero(expected).tolist() != []


@pytest.mark.parametrize("at_once", [100, 10**6])
def test_links_of_the_scene_in_order_and_where_those_of_a_tile_are(at_once, monkeypatch):
    """The better the link the sooner; of equally good ones that of the first tile comes first."""
    monkeypatch.setattr(scene_links, "AT_ONCE", at_once)
    _, tiles, members, truth, _ = make_scene(2, 2)
    _, _, index, _ = merge(tiles, [truth[:, at] for at in members])
    links, every = links_of(index, tiles)
    edges = links.edges.copy()
    assert links.class_sizes.sum() == len(links) and not links.class_sizes[11:].any()
    links.sort()
    in_order = np.concatenate(list(links.in_order()))
    np.testing.assert_array_equal(in_order, edges[np.argsort(-edges[:, 0], kind="stable")])
    ranks, first = links.ranks(), 0
    for tile, own, at in zip(tiles, every, index.of_tiles, strict=True):
        end = first + np.count_nonzero(own)
        of_tile = ranks_of_tile(own, ranks[first:end])
        assert ((of_tile < 0) == ~own).all()
        np.testing.assert_array_equal(in_order[of_tile[own]], at[tile.edges[own]])
        first = end


def test_the_file_of_the_joined_scene(tmp_path, monkeypatch):
    """Points by bits of the pixels, links some at a time, whatever their number."""
    monkeypatch.setattr(joined_scene, "AT_ONCE", 700)
    mask, tiles, members, truth, _ = make_scene(2, 2)
    _, _, index, _ = merge(tiles, [truth[:, at] for at in members])
    links, every = links_of(index, tiles)
    edges = links.edges.copy()
    with create(tmp_path / "scene.h5") as file:
        joined_scene.put_pixels(file, index.pixels)
        put(file, "component", index.component, "label")
        joined_scene.put_links(file, links, every)
    scene = joined_scene.JoinedScene(tmp_path / "scene.h5")
    assert (scene.npoints, scene.nlinks) == (len(index.points), len(edges))
    np.testing.assert_array_equal(scene.inside(slice(20, 50), SHAPE[1]), mask[20:50])
    part = scene.points_of(20, 50)
    inside = (index.points[:, 0] >= 20) & (index.points[:, 0] < 50)
    assert np.flatnonzero(inside).tolist() == list(range(part.start, part.stop))
    assert scene.values("component", part).shape == (np.count_nonzero(inside),)
    places = np.array([0, 17, 1234, len(index.points) - 1])
    np.testing.assert_array_equal(scene.row_col(places), index.points[places])
    np.testing.assert_array_equal(scene.places(index.points[places]), places)
    assert len(scene.links) > 10
    np.testing.assert_array_equal(np.concatenate(list(scene.links)), edges)
    ranks = [scene.of_tile("ranks", number) for number in range(4)]
    broken = np.zeros(len(edges), bool)
    broken[ranks[2][every[2]][:5]] = True
    joining = list(scene.joining(broken))
    assert [each.by for each in joining] == sorted(each.by for each in joining)
    in_order = np.concatenate([each.edges for each in joining])
    marked = np.concatenate([each.broken for each in joining])
    at = index.of_tiles[2][tiles[2].edges[every[2]][:5]]
    assert sorted(in_order[marked].tolist()) == sorted(at.tolist())


def test_links_that_join_nothing_or_another_component_are_left_out():
    _, tiles, members, truth, _ = make_scene(1, 2)
    _, _, index, _ = merge(tiles, [truth[:, at] for at in members])
    firm = [np.arange(len(tile.edges)) % 2 == 0 for tile in tiles]
    _, every = links_of(index, tiles, firm)
    assert all((np.flatnonzero(own) % 2 == 0).all() for own in every)
    # the second tile is an island, but for the points that it shares with the first
    apart = scene_index(tiles, SHAPE, np.array([0, 1]))
    links, _ = links_of(apart, tiles, firm)
    np.testing.assert_array_equal(*apart.component[links.edges].T)


@pytest.mark.parametrize("grid", [(1, 1), (2, 2), (3, 3), (1, 4)])
@pytest.mark.parametrize("method", ["l2", "integer"])
def test_truth_is_recovered_whatever_the_offsets_of_the_tiles(grid, method):
    mask, tiles, members, truth, rng = make_scene(*grid)
    cycles = [truth[:, at] + rng.integers(-9, 10, (len(truth), 1), np.int16) for at in members]
    _, offsets, index, result = merge(tiles, cycles, method=method)
    assert np.array_equal(index.points, np.argwhere(mask))
    assert index.points.dtype == np.int32
    assert index.degree.max() == {1: 1, 2: 4, 3: 4, 4: 2}[max(grid)]
    assert not offsets.residuals.any()
    assert up_to_constant(result.cycles, truth)
    assert not result.spread.any()
    # the largest tile keeps its cycles
    big = np.argmax([at.size for at in members])
    assert np.array_equal(result.cycles[:, members[big]], cycles[big])
    assert not index.component.any()


def test_a_wrong_patch_in_one_tile_loses_to_the_deeper_tile_and_stays_in_the_overlap():
    _, tiles, members, truth, _ = make_scene(1, 2, overlap=20)
    cycles = [truth[:, at].copy() for at in members]
    # tile 1 starts at column 30; tile 0 ends at column 50: the same depth lies between 39 and 40
    row, col = tiles[1].points.T
    patch = (row >= 30) & (row < 50) & (col >= 34) & (col < 48)
    cycles[1][:, patch] += 1
    _, _, index, result = merge(tiles, cycles)
    wrong = result.cycles != truth
    row, col = index.points.T
    expected = (row >= 30) & (row < 50) & (col >= 40) & (col < 48)
    assert np.array_equal(wrong, np.broadcast_to(expected, wrong.shape))
    covered = (row >= 30) & (row < 50) & (col >= 34) & (col < 48)
    assert np.array_equal(result.spread, np.broadcast_to(covered, wrong.shape))


def test_points_where_the_tiles_agree_keep_their_value():
    _, tiles, members, truth, rng = make_scene(3, 3, overlap=16)
    cycles = [truth[:, at] + rng.integers(-9, 10, (len(truth), 1), np.int16) for at in members]
    # a corner where four tiles meet, wrong by many cycles in one of them
    row, col = tiles[4].points.T
    cycles[4][:, (row < 36) & (col < 32)] += 6
    _, offsets, index, result = merge(tiles, cycles)
    agree = (result.spread == 0) & (index.degree > 1)
    own = np.empty_like(result.cycles)
    for c, at, offset in zip(cycles, members, offsets.offsets.T, strict=True):
        own[:, at] = c + offset[:, None]
    assert agree.any()
    assert np.array_equal(result.cycles[agree], own[agree])
    assert (result.spread == 6).any()


def strip(ncols, step, wrong_from):
    """Two tiles of one row; tile 1 is wrong by ``step`` from column ``wrong_from`` on."""
    points = np.column_stack((np.zeros(ncols, int), np.arange(ncols))).astype(np.int32)
    chain = np.column_stack((np.arange(ncols - 1), np.arange(1, ncols))).astype(np.int32)
    zeros = np.zeros(ncols, np.int32)
    left = TilePoints((0, 0, 1, 8), points[:8], chain[:7], zeros[:8])
    right = TilePoints((0, 6, 1, ncols), points[6:], chain[: ncols - 7], zeros[6:])
    c_left = np.zeros((1, 8), np.int16)
    c_right = np.full((1, ncols - 6), 0, np.int16)
    c_right[0, wrong_from - 6 :] += step
    return [left, right], [c_left, c_right]


def test_corrections_fade_into_the_tiles_as_worked_out_by_hand():
    # columns 6 and 7 are shared; weights: column 6 has depths 2 (left) and 1, column 7 has 1 and 2
    tiles, cycles = strip(12, 6, 7)
    index = scene_index(tiles, (1, 12), np.zeros(2, int))
    result = merge_cycles(index, cycles, np.zeros((1, 2)))
    # column 7: 2/3 of 6 is 4; the right tile is corrected by -2 there and in all its interior;
    # column 6 needs no correction, so the left interior keeps 0
    assert result.cycles.tolist() == [[0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 4]]
    assert result.spread.tolist() == [[0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0]]


def test_an_interior_between_two_corrected_sides_takes_the_harmonic_values():
    # three tiles in a row: the middle one alone from column 3 to 7, corrected by -2 on its left
    # side (column 2) and by +2 on its right (column 8): the harmonic function falls on a line
    line = np.column_stack((np.zeros(11, int), np.arange(11))).astype(np.int32)
    chain = np.column_stack((np.arange(10), np.arange(1, 11))).astype(np.int32)
    zeros = np.zeros(11, np.int32)
    tiles = [
        TilePoints((0, 0, 1, 3), line[:3], chain[:2], zeros[:3]),
        TilePoints((0, 2, 1, 9), line[2:9], chain[:6], zeros[2:9]),
        TilePoints((0, 8, 1, 11), line[8:], chain[:2], zeros[8:]),
    ]
    cycles = [np.full((1, 3), -4), np.zeros((1, 7), int), np.full((1, 3), 4)]
    index = scene_index(tiles, (1, 11), np.zeros(3, int))
    result = merge_cycles(index, cycles, np.zeros((1, 3)))
    # middle: -2, then -4/3, -2/3, 0, 2/3, 4/3, then 2, rounded; the sides are corrected by +-2
    assert result.cycles.tolist() == [[-2, -2, -2, -1, -1, 0, 1, 1, 2, 2, 2]]


def test_blended_field_equals_a_dense_solve_of_the_same_equations():
    rng = np.random.default_rng(3)
    mask = rng.random((16, 30)) < 0.7
    # the overlap of 2 columns makes the corrections reach far
    tiles, _ = cut_tiles(mask, [(0, 0, 16, 11), (0, 9, 16, 21), (0, 19, 16, 30)])
    cycles = [rng.integers(-30, 31, (3, len(t.points))) for t in tiles]
    offsets = np.zeros((3, 3))
    index = scene_index(tiles, (16, 30), np.zeros(3, int))
    result = merge_cycles(index, cycles, offsets)
    grids = []
    for tile, c in zip(tiles, cycles, strict=True):
        grid = np.full((3, 16, 30), np.nan)
        grid[:, tile.points[:, 0], tile.points[:, 1]] = c
        grids.append(grid)
    column = np.arange(30)
    depth = np.array(
        [
            np.where(column < 11, 11 - column, 0),
            np.where((column >= 9) & (column < 21), np.minimum(column - 8, 21 - column), 0),
            np.where(column >= 19, column - 18, 0),
        ]
    )
    blended = sum(np.nan_to_num(g) * d for g, d in zip(grids, depth, strict=True)) / depth.sum(0)
    for tile, c, d in zip(tiles, cycles, depth, strict=True):
        row, col = tile.points.T
        free = (depth[:, col] > 0).sum(axis=0) == 1
        laplacian = np.zeros((len(row), len(row)))
        for a, b in tile.edges:
            laplacian[[a, b], [b, a]] -= 1
            laplacian[[a, b], [a, b]] += 1
        given = blended[:, row[~free], col[~free]] - c[:, ~free]
        correction = np.linalg.solve(
            laplacian[np.ix_(free, free)], -laplacian[np.ix_(free, ~free)] @ given.T
        )
        blended[:, row[free], col[free]] = c[:, free] + correction.T
        assert d.max() > 0
    expected = blended[:, mask]
    assert np.all(np.abs(result.cycles - expected) < 0.5 + 1e-6)
    assert np.ptp(result.cycles[:, index.degree == 1] - expected[:, index.degree == 1]) > 0.5


def test_the_result_of_a_pair_does_not_depend_on_the_batch():
    _, tiles, members, truth, rng = make_scene(2, 2, npairs=6, overlap=4)
    cycles = [(truth[:, at] + rng.integers(-40, 41, (6, at.size))) for at in members]
    overlaps, offsets, index, result = merge(tiles, cycles, method="l2")
    assert np.any(offsets.offsets % 1)
    for p in range(6):
        one = merge_cycles(index, [c[p : p + 1] for c in cycles], offsets.offsets[p : p + 1])
        assert np.array_equal(one.cycles[0], result.cycles[p])
        assert np.array_equal(one.spread[0], result.spread[p])
    assert overlaps.ncomponents == 1


def test_every_tile_finds_what_the_scene_has_and_writes_where_it_is_another():
    """From a tile and those that overlap it alone; what is left out is the tile with its offset."""
    _, tiles, members, truth, rng = make_scene(1, 4, npairs=3, overlap=6)
    cycles = [truth[:, at] + rng.integers(-2, 3, (3, at.size), np.int16) for at in members]
    cycles = [(each // 2 * 2).astype(np.int16) for each in cycles]
    _, offsets, index, result = merge(tiles, cycles, method="l2")
    numbers = [[cover.number for cover in blend.covers] for blend in index.tiles]
    assert numbers == [[0, 1], [0, 1, 2], [1, 2, 3], [2, 3]]
    assert sum(np.count_nonzero(blend.owned) for blend in index.tiles) == len(index.points)
    for blend, own, at in zip(index.tiles, cycles, index.of_tiles, strict=True):
        covers = [cycles[cover.number][:, cover.columns] for cover in blend.covers]
        blended = blend_cycles(blend, own, covers, offsets.offsets)
        assert np.array_equal(blended.cycles, result.cycles[:, at])
        shifted = own + whole_offsets(offsets.offsets)[:, blend.node]
        for pair in range(3):
            found = blended_points(blend, shifted[pair], blended, pair, np.empty(0, np.int32))
            assert 0 < len(found.places) < np.count_nonzero(blend.owned)
            there = at[blend.owned]
            for joined, expected in zip(
                found.joined(shifted[pair]),
                (result.cycles[pair], result.mean[pair], result.spread[pair]),
                strict=True,
            ):
                assert np.array_equal(joined[blend.owned], expected[there])


def test_a_tile_that_no_other_overlaps_keeps_its_cycles():
    _, tiles, members, truth, _ = make_scene(1, 1)
    _, offsets, index, result = merge(tiles, [truth[:, at] for at in members])
    (blend,) = index.tiles
    assert blend.owned.all() and not blend.shared.size
    assert np.array_equal(result.cycles, truth + offsets.offsets.astype(int))


def test_fractional_offsets_give_whole_cycles_without_new_steps_inside_a_tile():
    """Four tiles around a loop that fails to close by two cycles: least squares spreads it."""
    _, tiles, members, truth, _ = make_scene(2, 2)
    cycles = [truth[:, at].copy() for at in members]
    # the overlap of tiles 0 and 1 alone: above the corner that all four share
    row, col = tiles[1].points.T
    cycles[1][:, (row < 39) & (col < 46)] += 2
    overlaps, offsets, index, result = merge(tiles, cycles, method="l2")
    assert np.all(np.ptp(offsets.offsets % 1, axis=1) > 0)
    assert np.all(np.abs(offsets.residuals).max(axis=1) > 0.1)
    assert result.cycles.dtype == np.int32
    alone = index.degree == 1
    for at in members:
        core = at[alone[at]]
        assert up_to_constant(result.cycles[:, core], truth[:, core])
    assert overlaps.ncomponents == 1


def test_an_offset_of_half_a_cycle_is_rounded_the_same_way_everywhere():
    tiles, cycles = strip(12, 0, 7)
    cycles[1][0] = [0, 0, 1, 2, 1, 0]
    index = scene_index(tiles, (1, 12), np.array([0, 1]))
    result = merge_cycles(index, cycles, np.array([[0.0, 0.5]]))
    assert result.cycles.tolist() == [[0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1, 0]]


def test_equal_depths_leave_the_value_of_the_first_tile():
    # one shared column: both tiles have depth 1 there and differ by one cycle
    points = np.array([[0, 0], [0, 1], [0, 2]], np.int32)
    chain = np.array([[0, 1]], np.int32)
    zeros = np.zeros(2, np.int32)
    tiles = [
        TilePoints((0, 0, 1, 2), points[:2], chain, zeros),
        TilePoints((0, 1, 1, 3), points[1:], chain, zeros),
    ]
    index = scene_index(tiles, (1, 3), np.zeros(2, int))
    for a, b in [(0, 1), (1, 0), (-1, 0)]:
        result = merge_cycles(index, [np.full((1, 2), a), np.full((1, 2), b)], np.zeros((1, 2)))
        # at half a cycle on both sides every tile keeps its own interior
        assert result.cycles.tolist() == [[a, a, b]]


def test_islands_have_their_own_component_offset_and_reference():
    """Land left and right of a channel; the top tiles see both, the regions never touch."""
    rng = np.random.default_rng(5)
    mask = rng.random(SHAPE) < 0.6
    mask[:, 50:56] = False
    region = (np.argwhere(mask)[:, 1] > 52).astype(np.int32)
    tiles, members = cut_tiles(mask, grid_bounds(SHAPE, 2, 1, 12), region)
    truth = rng.integers(-3, 4, (4, region.size), np.int16)
    cycles = []
    for at in members:
        offsets = rng.integers(-5, 6, (4, 2))
        cycles.append(truth[:, at] + offsets[:, region[at]])
    overlaps, offsets, index, result = merge(tiles, cycles)
    assert overlaps.nodes.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert overlaps.links.tolist() == [[0, 2], [1, 3]]
    assert overlaps.component.tolist() == [0, 1, 0, 1]
    assert overlaps.members(1) == [(0, 1), (1, 1)]
    assert np.array_equal(index.component, region)
    assert not offsets.offsets[:, offsets.reference].any()
    for label in (0, 1):
        there = region == label
        assert up_to_constant(result.cycles[:, there], truth[:, there])


def test_too_small_an_overlap_is_reported_and_its_points_are_not_averaged():
    tiles, cycles = strip(12, 6, 6)
    overlaps, offsets, index, result = merge(tiles, cycles, (1, 12), min_overlap_points=3)
    assert overlaps.too_small.tolist() == [[0, 1, 2]]
    assert len(overlaps.links) == 0
    assert overlaps.component.tolist() == [0, 1]
    assert offsets.offsets.tolist() == [[0, 0]]
    # the shared points go to the larger component, whole
    assert index.component.tolist() == [0] * 8 + [1] * 4
    assert index.degree.tolist() == [1] * 12
    assert result.cycles.tolist() == [[0] * 8 + [6] * 4]
    assert not result.spread.any()


def test_merged_phase_is_congruent_with_the_stored_phase():
    _, tiles, members, truth, rng = make_scene(2, 2, overlap=6)
    stored = rng.uniform(-np.pi, np.pi, truth.shape[1])
    cycles = [truth[:, at] + rng.integers(-8, 9, (len(truth), at.size)) for at in members]
    _, _, _, result = merge(tiles, cycles, method="l2")
    unwrapped = stored + 2 * np.pi * result.cycles
    assert np.abs(np.angle(np.exp(1j * (unwrapped - stored)))).max() < 1e-12


def test_reference_points_are_zero_and_the_rest_is_shifted_by_component():
    cycles = np.array([[3, 4, 7, 9, 5], [-1, 0, 2, 2, 8]], np.int32)
    component = np.array([0, 0, 2, 2, 0])
    referenced, removed = reference_cycles(cycles, component, [3, 1])
    assert referenced.tolist() == [[-1, 0, -2, 0, 1], [-1, 0, 0, 0, 8]]
    assert removed.tolist() == [[9, 4], [2, 0]]
    assert referenced.dtype == cycles.dtype
    assert cycles[0, 0] == 3


def test_loops_of_pairs_close_at_the_reference_point():
    rng = np.random.default_rng(1)
    by_date = rng.integers(-9, 10, (3, 50))
    loop = by_date[[1, 2, 2]] - by_date[[0, 1, 0]] + rng.integers(-4, 5, (3, 1))
    referenced, _ = reference_cycles(loop, np.zeros(50, int), [17])
    assert not (referenced[0] + referenced[1] - referenced[2]).any()


@pytest.mark.parametrize("references", [[0], [0, 1], [0, 2, 3], []])
def test_every_component_needs_exactly_one_reference_point(references):
    with pytest.raises(InputError, match="one in each of"):
        reference_cycles(np.zeros((1, 4), int), np.array([0, 0, 1, 1]), references)


def test_nodes_and_places_that_do_not_fit_are_refused():
    tiles, _ = strip(12, 0, 7)
    with pytest.raises(InputError, match="node components"):
        scene_index(tiles, (1, 12), np.zeros(3, int))
    with pytest.raises(InputError, match="tile 1 has bounds"):
        scene_index(tiles, (1, 11), np.zeros(2, int))
    outside = TilePoints((0, 0, 1, 7), tiles[0].points, tiles[0].edges, tiles[0].region)
    with pytest.raises(InputError, match=r"tile 0 has a point at \[0, 7\] outside"):
        scene_index([outside, tiles[1]], (1, 12), np.zeros(2, int))


def test_a_tile_without_points_is_no_obstacle():
    tiles, cycles = strip(12, 0, 7)
    none = np.empty(0, np.int32)
    empty = TilePoints((0, 3, 1, 9), none.reshape(0, 2), none.reshape(0, 2), none)
    tiles.insert(1, empty)
    cycles.insert(1, np.empty((1, 0), np.int16))
    overlaps, _, _, result = merge(tiles, cycles, (1, 12), min_overlap_points=2)
    assert overlaps.links.tolist() == [[0, 1]]
    assert overlaps.nodes.tolist() == [[0, 0], [2, 0]]
    assert result.cycles.tolist() == [[0] * 12]


def test_the_mean_of_the_tiles_is_weighted_by_depth_and_not_rounded():
    _, tiles, members, truth, _ = make_scene(1, 2, overlap=20)
    cycles = [truth[:, at].copy() for at in members]
    row, col = tiles[1].points.T
    # Column 42 lies 8 pixels deep in tile 0, which ends at 50, and 13 deep in tile 1.
    cycles[1][:, (row == 20) & (col == 42)] += 1
    _, _, index, result = merge(tiles, cycles)
    expected = truth + 13 / 21 * ((index.points == (20, 42)).all(axis=1))
    np.testing.assert_allclose(result.mean, expected, atol=1e-6)


def test_the_reference_is_the_best_of_the_points_near_the_median_height():
    """Two components of eight points: of each the two nearest to its own median count."""
    points = np.argwhere(np.ones((2, 8)))
    index = SimpleNamespace(points=points, component=np.repeat([0, 1], 8))
    height = np.array([-9, -5, -3, 0, 1, 9, 34.6, 40, 90, 99, 100, 100.5, 101, 108, 110, 120])
    quality = np.full(16, 0.5)
    quality[[3, 4, 6, 11, 15]] = 0.8, 0.7, 0.99, 0.6, 0.9
    assert reference_points(index, quality).tolist() == [6, 15]
    assert reference_points(index, quality, height=height).tolist() == [3, 11]
    assert reference_points(index, quality, (0, 6), height).tolist() == [6, 11]
    height[3] = np.nan  # never one of an unknown height, unless all of a component are
    assert reference_points(index, quality, height=height).tolist() == [4, 11]
    height[8:] = np.nan
    assert reference_points(index, quality, height=height).tolist() == [4, 15]
    height[:] = np.nan
    assert reference_points(index, quality, height=height).tolist() == [6, 15]


def test_places_of_a_point_and_of_an_area():
    """Of the four points of an area three are in component 2, one in 1, and one has no label."""
    points = np.array([[0, 0], [1, 1], [1, 2], [1, 3], [2, 2], [5, 5]])
    labels = np.array([1, 1, 2, 2, 2, 0])
    assert reference_places(points, labels, [1, 1]).tolist() == [1]
    assert reference_places(points, labels, [1, 1, 3, 4]).tolist() == [2, 3, 4]
    assert reference_places(points, labels, [1, 1, 2, 3]).tolist() == [1]  # as many: the larger one
    with pytest.raises(InputError, match="nearest is row 2, column 2"):
        reference_places(points, labels, [5, 5])
    with pytest.raises(InputError, match=r"^reference\.area: \[3, 3, 9, 9\] holds no point"):
        reference_places(points, labels, [3, 3, 9, 9])
    assert area_text([1, 2, 4, 9]) == "mean of rows 1 to 3, columns 2 to 8"


def test_references_are_the_most_coherent_points_or_the_chosen_one():
    _, tiles, _, _, _ = make_scene(1, 1)
    index = scene_index(tiles, SHAPE, np.zeros(1, np.int32))
    coherence = np.full(len(index.points), 0.5)
    coherence[[40, 90]] = 0.9
    assert reference_points(index, coherence).tolist() == [40]
    assert reference_points(index, coherence, tuple(index.points[11])).tolist() == [11]
    missing = next(p for p in np.ndindex(*SHAPE) if not (index.points == p).all(axis=1).any())
    with pytest.raises(InputError, match=r"reference\.point"):
        reference_points(index, coherence, missing)
