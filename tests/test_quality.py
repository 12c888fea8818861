"""The table of pairs of the quality layers, by hand."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from emcflow.graph.planar import planar_graph
from emcflow.io.files import write_csv
from emcflow.io.raster import NO_LABEL_DATA, Grid, write_raster
from emcflow.network.networks import Network, hop3_network
from emcflow.products.closure import (
    HELD_BYTES,
    Closure,
    WrongSides,
    all_triangles,
    loop_closure,
    window_of,
)
from emcflow.products.quality import add_crossings, at_points, pair_table
from workflow import read

DATES = [f"202001{day:02d}" for day in (1, 7, 13, 19)]
NO_OVERLAPS = SimpleNamespace(links=np.empty((0, 2)))


def table_of(network, open_points, residues=None, overlaps=NO_OVERLAPS, residuals=None):
    statistics = {
        name: np.arange(network.npairs) for name in ("residues", "flow_links", "flow_sum", "cost")
    }
    if residues is not None:
        statistics["residues"] = np.array(residues)
    points = np.full(len(all_triangles(network.pairs, network.ndates)[0]), 1000)
    closure = Closure(points, np.array(open_points), np.zeros((2, 2), np.uint16))
    return pair_table(
        network, statistics, 10_000, closure, overlaps, residuals, np.ones(network.npairs)
    )


def test_a_wrong_pair_opens_both_of_its_triangles_and_is_suspect():
    network = hop3_network(DATES)
    wrong = 2
    through = (all_triangles(network.pairs, network.ndates)[1] == wrong).any(axis=1)
    table = table_of(network, np.where(through, 30, 0))
    assert through.sum() == 2
    assert table["open_loops"][wrong] == 60
    assert table["open_share"][wrong] == 0.03
    beside = [pair for pair in range(network.npairs) if table["open_loops"][pair] == 30]
    assert len(beside) == 4  # the other sides of the two triangles, at half the share
    assert table["reasons"][wrong] == "loops"
    assert table_of(network, np.where(through, 3, 0))["suspect"].sum() == 0


def test_a_pair_far_noisier_than_the_others_is_suspect():
    table = table_of(hop3_network(DATES), [0] * 4, [210, 190, 200, 1500, 205, 195])
    assert table["reasons"].tolist() == ["", "", "", "residues", "", ""]


def test_seams_are_told_by_the_worst_overlap():
    network = hop3_network(DATES)
    deciles = np.zeros((2, 6, 11), np.int16) + 5
    deciles[1, 4, 9:] += 2
    difference = np.full((2, 6), 5, np.int16)
    agreement = np.ones((2, 6), np.float32)
    agreement[1, 4] = 0.8
    overlaps = SimpleNamespace(
        links=np.array([[0, 1], [1, 2]]),
        points=np.array([300, 100]),
        deciles=deciles,
        difference=difference,
        agreement=agreement,
    )
    residuals = np.zeros((6, 2))
    residuals[1, 0] = 0.25
    table = table_of(network, [0] * 4, overlaps=overlaps, residuals=residuals)
    assert table["reasons"].tolist() == ["", "misfit", "", "", "seams", ""]
    assert table["seam_80"].tolist() == [0] * 6
    assert table["seam_100"].tolist() == [0, 0, 0, 0, 2, 0]
    np.testing.assert_allclose(table["agreement"][4], 0.95, atol=1e-6)


def test_two_dates_have_no_loops():
    network = hop3_network(DATES[:2])
    table = table_of(network, np.empty(0, int))
    assert np.isnan(table["open_share"]).all()
    assert table["suspect"].tolist() == [0]


def network_of(pairs, ndates):
    days = np.datetime64("2020-01-01") + 12 * np.arange(ndates)
    dates = [str(day).replace("-", "") for day in days]
    return Network(tuple(dates), planar_graph(np.empty((0, 3), int), ndates, pairs))


@pytest.mark.parametrize("share", [0.2, 0.5, 1])
def test_every_triple_of_dates_with_three_pairs_is_a_triangle(share):
    rng = np.random.default_rng(1)
    pairs = [pair for pair in combinations(range(12), 2) if rng.random() < share]
    triangles, sides = all_triangles(np.array(pairs), 12)
    known = set(pairs)
    expected = [
        (a, b, c) for a, b, c in combinations(range(12), 3) if {(a, b), (b, c), (a, c)} <= known
    ]
    assert list(map(tuple, triangles.tolist())) == expected
    for (a, b, c), of_triangle in zip(expected, sides, strict=True):
        assert [pairs[side] for side in of_triangle] == [(a, b), (b, c), (a, c)]


def test_pairs_in_no_triangle_are_left_empty(tmp_path):
    """Pairs that cross, a triangle of dates without data in common, and a pair by itself."""
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (3, 4), (4, 5), (4, 6), (5, 6)]
    network = network_of(pairs, 7)
    points = np.array([2_000_000] * 4 + [0])
    closure = Closure(points, np.array([1_234_567, 0, 0, 0, 0]), np.zeros((2, 2), np.uint16))
    columns = {name: np.zeros(10) for name in ("residues", "flow_links", "flow_sum", "cost")}
    table = pair_table(network, columns, 9, closure, NO_OVERLAPS, None, np.ones(10))
    write_csv(tmp_path / "pairs.csv", table, digits=6)
    text = (tmp_path / "pairs.csv").read_text().splitlines()
    at = text[0].split(",").index("open_loops")
    cells = [line.split(",")[at] for line in text[1:]]
    assert cells == ["1234567", "1234567", "0", "1234567", "0", "0", "", "", "", ""]
    assert np.isnan(table["open_share"]).tolist() == [not cell for cell in cells]


def test_a_full_network_is_counted_in_bounded_memory():
    """60 dates, all pairs: 34,220 triangles, of whose pairs nearly all are held at a time."""
    pairs = np.array(list(combinations(range(60), 2)))
    triangles, sides = all_triangles(pairs, 60)
    assert len(triangles) == 34_220
    (rows, cols), held = window_of(sides)
    assert 1000 < held <= len(pairs)
    assert rows >= 64
    assert 4 * held * rows * cols <= HELD_BYTES
    hop3 = hop3_network(network_of(pairs, 60).dates)
    size, held = window_of(all_triangles(hop3.pairs, 60)[1])
    assert (size, held) == ((512, 4096), 5)


def test_small_windows_count_as_large_ones(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    network = network_of(list(combinations(range(5), 2)), 5)
    grid = Grid((70, 530), None, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    paths = [tmp_path / f"{name}.tif" for name in network.pair_names]
    for path in paths:
        cycles = 2 * np.pi * rng.choice([0, 0, 0, 1], grid.shape).astype(np.float32)
        write_raster(path, cycles, grid, units="rad", description="phase")
    large = loop_closure(paths, network, grid.shape)
    monkeypatch.setattr("emcflow.products.closure.HELD_BYTES", 4 * 512 * 8 * 20)
    assert window_of(all_triangles(network.pairs, 5)[1])[0][0] < 40
    small = loop_closure(paths, network, grid.shape, 2)
    for name in ("points", "open_points", "open_loops"):
        np.testing.assert_array_equal(getattr(small, name), getattr(large, name))
    assert large.open_points.min() > 0


def test_the_smaller_side_of_a_component_is_doubted(tmp_path):
    """Seven of ten points of component 1 are a cycle off, two of ten of component 2, one of all."""
    network = network_of([(0, 1), (1, 2), (0, 2)], 3)
    labels = np.repeat(np.uint16([[1], [2]]), 10, axis=1)
    grid = Grid((2, 10), None, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    write_raster(tmp_path / "labels.tif", labels, grid, units="label", description="labels")
    off = np.zeros((2, 10), np.float32)
    off[0, :7] = off[1, :2] = 2 * np.pi
    off[0, 0] = -2 * np.pi
    paths = [tmp_path / f"{name}.tif" for name in network.pair_names]
    images = dict(zip(network.pair_names, (0 * off, 0 * off, off), strict=True))
    for path in paths:
        write_raster(path, images[path.stem], grid, units="rad", description="phase")
    closure = loop_closure(paths, network, (2, 10), components=tmp_path / "labels.tif")
    assert closure.open_points.tolist() == [9]
    _, sides = all_triangles(network.pairs, 3)
    wrong = WrongSides(closure.cycles, np.bincount(labels.ravel())[1:])
    assert wrong.found.tolist() == [[0, 0]]
    assert wrong.open_points(closure.open_points).tolist() == [4 + 2]
    found = wrong.open_loops(
        closure.open_loops, labels.astype(np.int32) - 1, lambda pair: read(paths[pair]), sides
    )
    assert found.tolist() == [[1, *[0] * 6, *[1] * 3], [1, 1, *[0] * 8]]


def test_crossings_of_overlapping_tiles_are_the_most_of_both():
    image = np.full((2, 3), NO_LABEL_DATA, np.uint16)
    add_crossings(image, np.array([[0, 0], [0, 1]]), np.array([5, 2]))
    add_crossings(image, np.array([[0, 1], [0, 0], [1, 2]]), np.array([3, 4, 100_000]))
    none = NO_LABEL_DATA
    np.testing.assert_array_equal(image, [[5, 3, none], [none, none, none - 1]])
    loops = at_points(np.array([[0, 4]]), np.array([[True, False]]))
    assert loops.dtype == np.uint16 and loops.tolist() == [[0, none]]
