"""Tiles: a partition that holds every point, about equally many in each."""

import json

import numpy as np
import pytest
from emcflow.errors import InputError
from emcflow.io.tiles_json import tiles_from_json, tiles_to_json
from emcflow.tiles.cut import Tile, density_tiles
from hypothesis import given, settings
from hypothesis import strategies as st


def window(bounds):
    r0, c0, r1, c1 = bounds
    return slice(r0, r1), slice(c0, c1)


def counts(mask, tiles):
    return [np.count_nonzero(mask[window(tile.core)]) for tile in tiles]


@settings(deadline=None, max_examples=150)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([0.02, 0.3, 1.0]),
    st.integers(1, 200),
    st.integers(1, 30),
    st.sampled_from([0.0, 0.05, 0.4]),
    st.integers(0, 2**32 - 1),
)
def test_tiles_of_any_scene(nrows, ncols, share, wanted, most, dilation, seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((nrows, ncols)) <= share
    mask[rng.integers(nrows), rng.integers(ncols)] = True
    tiles = density_tiles(mask, wanted, most, dilation)
    assert len(tiles) == min(most, int(np.ceil(mask.sum() / wanted)))
    owners = np.zeros(mask.shape, dtype=int)
    for tile in tiles:
        owners[window(tile.core)] += 1
        assert mask[window(tile.core)].any()
        check_dilation(tile, dilation, mask.shape)
    assert (owners == 1).all()


def check_dilation(tile, dilation, shape):
    for axis in (0, 1):
        low, high = tile.core[axis], tile.core[axis + 2]
        reach = max(2, int(np.ceil(dilation * (high - low))))
        assert tile.bounds[axis] == max(low - reach, 0)
        assert tile.bounds[axis + 2] == min(high + reach, shape[axis])


def test_one_tile_where_the_points_fit():
    mask = np.zeros((30, 50), dtype=bool)
    mask[3:8, 10:20] = True
    whole = (0, 0, 30, 50)
    assert density_tiles(mask, 50, 49, 0.05) == [Tile(whole, whole, int(mask.sum()))]
    assert len(density_tiles(mask, 49, 49, 0.05)) == 2
    assert len(density_tiles(mask, 49, 1, 0.05)) == 1


def test_four_tiles_of_a_full_square_by_hand():
    tiles = density_tiles(np.ones((100, 100), dtype=bool), 2500, 49, 0.05)
    cores = [(0, 0, 50, 50), (0, 50, 50, 100), (50, 0, 100, 50), (50, 50, 100, 100)]
    bounds = [(0, 0, 53, 53), (0, 47, 53, 100), (47, 0, 100, 53), (47, 47, 100, 100)]
    assert [tile.core for tile in tiles] == cores
    assert [tile.bounds for tile in tiles] == bounds


@pytest.mark.parametrize("ntiles", [2, 3, 5, 7, 12, 49])
def test_counts_are_even_and_tiles_compact(ntiles):
    rng = np.random.default_rng(ntiles)
    # Density falls from one side of the scene to the other.
    mask = rng.random((400, 400)) < np.linspace(0.1, 0.9, 400)
    wanted = -(-int(mask.sum()) // ntiles)
    tiles = density_tiles(mask, wanted, 49, 0.05)
    assert len(tiles) == ntiles
    assert max(counts(mask, tiles)) < 1.1 * mask.sum() / ntiles
    assert min(counts(mask, tiles)) > 0.9 * mask.sum() / ntiles
    sides = [(t.core[2] - t.core[0], t.core[3] - t.core[1]) for t in tiles]
    assert max(max(side) / min(side) for side in sides) < 4


def test_water_asks_for_no_tiles():
    """Two islands at the ends of a wide lake: tiles divide land, and each holds its share of it."""
    mask = np.zeros((100, 1000), dtype=bool)
    mask[:, :100] = mask[:, 900:] = True
    tiles = density_tiles(mask, 5000, 49, 0.05)
    assert counts(mask, tiles) == [5000] * 4
    land = [np.argwhere(mask[window(tile.core)]) for tile in tiles]
    extent = [np.ptp(points, axis=0) + 1 for points in land]
    assert all(sorted(side.tolist()) == [50, 100] for side in extent)
    # The tiles beyond the cut at the coast reach back over it: the islands share points.
    reach = np.zeros(mask.shape, dtype=int)
    for tile in tiles:
        reach[window(tile.bounds)] += 1
    assert (reach[:, 95:100] > 1).all()


def test_an_even_cut_that_is_not_possible():
    """Two thirds of the points lie in one column: two thirds of the tiles go there."""
    mask = np.zeros((10, 14), dtype=bool)
    mask[:, 0] = True
    mask[0, [3, 6, 9, 12, 13]] = True
    assert counts(mask, density_tiles(mask, 1, 15, 0.0)) == [1] * 15


def test_no_points_is_refused():
    with pytest.raises(InputError, match="none of the 12 pixels"):
        density_tiles(np.zeros((3, 4), dtype=bool), 10, 4, 0.05)


def test_file_there_and_back():
    mask = np.ones((60, 90), dtype=bool)
    tiles = density_tiles(mask, 1000, 49, 0.05)
    text = tiles_to_json(mask.shape, tiles)
    assert tiles_from_json(text) == ((60, 90), tiles)
    content = json.loads(text)
    assert content["shape"] == [60, 90]
    assert content["tiles"][0]["bounds"] == list(tiles[0].bounds)


def test_file_of_spurt_has_no_cores():
    text = '{"shape": [10, 20], "tiles": [{"bounds": [0, 0, 10, 12]}, {"bounds": [0, 8, 10, 20]}]}'
    shape, tiles = tiles_from_json(text)
    assert shape == (10, 20)
    assert tiles[1] == Tile((0, 8, 10, 20), (0, 8, 10, 20))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"shape": [10, 20], "til', "a.json is not JSON at line 1"),
        ("[1, 2]", "no list 'tiles'"),
        ('{"shape": [10, 20]}', "no list 'tiles'"),
        ('{"tiles": [{"bounds": [0, 0, 1, 1]}]}', "shape is None"),
        ('{"shape": [10, 0], "tiles": [{"bounds": [0, 0, 1, 1]}]}', r"shape is \[10, 0\]"),
        ('{"shape": [10, 20], "tiles": []}', "lists no tile"),
        ('{"shape": [10, 20], "tiles": [[0, 0, 1, 1]]}', "tile 0: bounds is None"),
        ('{"shape": [10, 20], "tiles": [{"bounds": [0, 0, 11, 1]}]}', r"inside \[0, 0, 10, 20\]"),
        ('{"shape": [10, 20], "tiles": [{"bounds": [5, 0, 5, 1]}]}', "r0 < r1"),
        ('{"shape": [10, 20], "tiles": [{"bounds": [0, 0, 5.5, 1]}]}', "tile 0: bounds is"),
        ('{"shape": [10, 20], "tiles": [{"bounds": [0, 0, true, 1]}]}', "tile 0: bounds is"),
        (
            '{"shape": [9, 9], "tiles": [{"bounds": [0, 0, 5, 5], "core": [0, 0, 6, 5]}]}',
            r"tile 0: core is \[0, 0, 6, 5\]",
        ),
    ],
)
def test_bad_files(text, message):
    with pytest.raises(InputError, match=message):
        tiles_from_json(text, "a.json")
