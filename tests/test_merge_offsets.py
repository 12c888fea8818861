"""Bulk offsets against brute force, a dense least-squares solution and hand cases."""

import itertools

import numpy as np
import pytest
from emcflow.errors import InputError
from emcflow.tiles.bulk_offsets import bulk_offsets
from emcflow.tiles.overlaps import Overlaps


def graph(links, difference, points, node_points, component=None, agreement=None):
    """Overlaps with the fields that the offsets depend on; ``difference`` is (npairs, nlinks)."""
    difference = np.array(difference, np.int16).T
    nnodes = len(node_points)
    return Overlaps(
        nodes=np.column_stack((np.arange(nnodes), np.zeros(nnodes))).astype(np.int32),
        node_points=np.array(node_points),
        links=np.array(links, np.int32).reshape(-1, 2),
        points=np.array(points, np.int64),
        deciles=np.repeat(difference[:, :, None], 11, axis=2),
        difference=difference,
        agreement=np.ones(difference.shape, np.float32) if agreement is None else agreement,
        too_small=np.empty((0, 3), np.int64),
        component=np.zeros(nnodes, np.int32) if component is None else np.array(component),
    )


RING = [(0, 1), (1, 2), (2, 3), (0, 3)]


def random_graph(rng):
    nnodes = int(rng.integers(2, 5))
    every = list(itertools.combinations(range(nnodes), 2))
    chain = [(i, i + 1) for i in range(nnodes - 1)]
    more = [link for link in every if link not in chain and rng.random() < 0.7]
    links = sorted(chain + more)
    return nnodes, links


@pytest.mark.parametrize("method", ["l2", "integer"])
def test_offsets_bring_the_tiles_together(method):
    # node 2 is 5 cycles above node 1, which is 3 below node 0
    overlaps = graph([(0, 1), (1, 2)], [[-3, 5]], [30, 60], [100, 300, 200])
    found = bulk_offsets(overlaps, method)
    assert found.reference.tolist() == [1]
    assert found.offsets.tolist() == [[-3, 0, -5]]
    assert found.residuals.tolist() == [[0, 0]]


def test_both_methods_give_the_same_integers_in_consistent_graphs():
    rng = np.random.default_rng(0)
    for _ in range(40):
        nnodes, links = random_graph(rng)
        level = rng.integers(-20, 21, (6, nnodes))
        i, j = np.array(links).T
        overlaps = graph(
            links,
            level[:, j] - level[:, i],
            rng.integers(25, 9000, len(links)),
            rng.integers(100, 9000, nnodes),
        )
        expected = level[:, [np.argmax(overlaps.node_points)]] - level
        for method in ("l2", "integer"):
            found = bulk_offsets(overlaps, method)
            assert np.array_equal(found.offsets, expected)
            assert not found.residuals.any()


def test_integer_offsets_have_the_least_weighted_absolute_residuals():
    rng = np.random.default_rng(1)
    inconsistent = 0
    for _ in range(40):
        nnodes, links = random_graph(rng)
        points = rng.integers(25, 100, len(links))
        difference = rng.integers(-2, 3, (2, len(links)))
        found = bulk_offsets(graph(links, difference, points, [9] + [5] * (nnodes - 1)), "integer")
        assert np.array_equal(found.offsets, np.rint(found.offsets))
        i, j = np.array(links).T
        trial = np.array(list(itertools.product(range(-6, 7), repeat=nnodes - 1)))
        trial = np.column_stack((np.zeros(len(trial), int), trial))
        for d, offsets, residuals in zip(difference, found.offsets, found.residuals, strict=True):
            assert np.array_equal(residuals, d + offsets[j] - offsets[i])
            least = (np.abs(d + trial[:, j] - trial[:, i]) @ points).min()
            assert np.abs(residuals) @ points == least
            inconsistent += least > 0
    assert inconsistent > 20


def test_l2_equals_dense_weighted_least_squares_where_loops_do_not_close():
    points = np.array([40, 10, 30, 20])
    agreement = np.array([[1, 0.5], [1, 1], [0.25, 0.75], [1, 1]], np.float32)
    difference = np.array([[1, 2, 3, 5], [0, 1, 0, 0]])
    overlaps = graph(RING, difference, points, [5, 8, 6, 7], agreement=agreement)
    found = bulk_offsets(overlaps, "l2")
    matrix = np.zeros((4, 4))
    matrix[np.arange(4), [0, 1, 2, 0]] = -1
    matrix[np.arange(4), [1, 2, 3, 3]] = 1
    root = np.sqrt(points * agreement.mean(axis=1))[:, None]
    free = [0, 2, 3]
    expected = np.linalg.lstsq(root * matrix[:, free], -root * difference.T, rcond=None)[0].T
    assert np.allclose(found.offsets[:, free], expected, atol=1e-12)
    assert not found.offsets[:, 1].any()
    assert np.allclose(found.residuals, difference + found.offsets @ matrix.T, atol=1e-12)
    # the loops fail to close by one cycle; so do the residuals around them
    around = [1, 1, 1, -1]
    assert np.allclose(found.residuals @ around, difference @ around)
    assert (difference @ around).tolist() == [1, 1]


def test_one_faulty_overlap_is_isolated_by_integer_offsets_and_spread_by_l2():
    overlaps = graph(RING, [[0, 0, 0, 1]], [50, 50, 50, 30], [9, 5, 5, 5])
    integer = bulk_offsets(overlaps, "integer")
    assert integer.offsets.tolist() == [[0, 0, 0, 0]]
    assert integer.residuals.tolist() == [[0, 0, 0, 1]]
    assert np.all(bulk_offsets(overlaps, "l2").residuals != 0)


def test_components_are_solved_apart_and_only_the_inconsistent_one_is_fractional():
    links = [(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)]
    # the first component closes in both pairs, the second in the second pair only
    difference = [[7, 10, 3, 1, 1, 1], [7, 10, 3, 1, 2, 1]]
    overlaps = graph(
        links,
        difference,
        [37, 41, 53, 30, 30, 30],
        [50, 60, 40, 9, 8, 7],
        component=[0, 0, 0, 1, 1, 1],
        agreement=np.repeat(np.float32([[0.1], [0.7], [0.3], [1], [1], [1]]), 2, axis=1),
    )
    found = bulk_offsets(overlaps, "l2")
    assert found.reference.tolist() == [1, 3]
    assert found.offsets[:, :3].tolist() == [[7, 0, -3]] * 2
    assert found.offsets[1].tolist() == [7, 0, -3, 0, -1, -2]
    assert np.all(found.offsets[0, 4:] % 1 != 0)
    assert not found.residuals[0, :3].any()
    assert np.allclose(np.abs(found.residuals[0, 3:]), 1 / 3)


@pytest.mark.parametrize("method", ["l2", "integer"])
def test_nodes_without_overlaps_keep_their_cycles(method):
    overlaps = graph([], np.empty((3, 0)), [], [5, 9], component=[1, 0])
    found = bulk_offsets(overlaps, method)
    assert found.offsets.tolist() == [[0, 0]] * 3
    assert found.residuals.shape == (3, 0)
    assert found.reference.tolist() == [1, 0]


def test_unknown_method_is_refused():
    with pytest.raises(InputError, match="'L3': expected one of l2, integer"):
        bulk_offsets(graph([(0, 1)], [[1]], [30], [5, 6]), "L3")
