"""The table of pairs of the quality layers, by hand."""

from types import SimpleNamespace

import numpy as np
from emcflow.closure import Closure
from emcflow.network import hop3_network
from emcflow.quality import pair_table

DATES = [f"202001{day:02d}" for day in (1, 7, 13, 19)]
NO_OVERLAPS = SimpleNamespace(links=np.empty((0, 2)))


def table_of(network, open_points, residues=None, overlaps=NO_OVERLAPS, residuals=None):
    statistics = {
        name: np.arange(network.npairs) for name in ("residues", "flow_links", "flow_sum", "cost")
    }
    if residues is not None:
        statistics["residues"] = np.array(residues)
    points = np.full(len(network.triangles), 1000)
    closure = Closure(points, np.array(open_points), np.zeros((2, 2), np.uint16))
    return pair_table(
        network, statistics, 10_000, closure, overlaps, residuals, np.ones(network.npairs)
    )


def test_a_wrong_pair_opens_both_of_its_triangles_and_is_suspect():
    network = hop3_network(DATES)
    wrong = 2
    through = (network.graph.triangle_edges == wrong).any(axis=1)
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
