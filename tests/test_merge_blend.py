"""Dirichlet problems on meshes: hand cases and the properties of harmonic functions."""

import numpy as np
from emcflow.tiles.blend import dirichlet_problem


def chain(n):
    return np.column_stack((np.arange(n - 1), np.arange(1, n))).astype(np.int32)


def flags(n, given):
    out = np.zeros(n, bool)
    out[list(given)] = True
    return out


def test_values_on_a_chain_lie_on_a_line():
    problem = dirichlet_problem(chain(6), flags(6, [0, 5]))
    assert problem.free.tolist() == [1, 2, 3, 4]
    assert problem.boundary.tolist() == [0, 5]
    values = np.array([[0.0, 10.0], [3.0, 3.0], [-5.0, 0.0]])
    expected = [[2, 4, 6, 8], [3, 3, 3, 3], [-4, -3, -2, -1]]
    assert np.allclose(problem.solve(values), expected, atol=1e-12)
    low, high = problem.bounds(values)
    assert (low.tolist(), high.tolist()) == ([[0], [3], [-5]], [[10], [3], [0]])


def test_parts_are_apart_and_one_without_a_boundary_stays_at_zero():
    # 0-1-2 given at 0; 3-4-5 given at 5 and nowhere joined to it; 6-7 free and alone
    edges = np.array([[0, 1], [1, 2], [3, 4], [4, 5], [6, 7]], np.int32)
    problem = dirichlet_problem(edges, flags(8, [0, 5]))
    assert problem.nparts == 3
    assert problem.part.tolist() == [0, 0, 1, 1, 2, 2]
    values = np.array([[4.0, -2.0]])
    assert np.allclose(problem.solve(values), [[4, 4, -2, -2, 0, 0]])
    low, high = problem.bounds(values)
    assert (low.tolist(), high.tolist()) == ([[4, -2, 0]], [[4, -2, 0]])


def test_given_points_that_touch_no_free_point_do_not_matter():
    problem = dirichlet_problem(chain(6), flags(6, [0, 1, 2, 5]))
    assert problem.boundary.tolist() == [2, 5]


def test_without_free_or_without_given_points_there_is_nothing_to_solve():
    everything = dirichlet_problem(chain(3), np.ones(3, bool))
    assert everything.nparts == 0
    assert everything.solve(np.empty((2, 0))).shape == (2, 0)
    nothing = dirichlet_problem(chain(3), np.zeros(3, bool))
    assert nothing.nparts == 1
    assert nothing.solve(np.empty((2, 0))).tolist() == [[0, 0, 0]] * 2


def test_each_free_value_is_the_mean_of_its_neighbours_and_within_the_bounds():
    rng = np.random.default_rng(2)
    side = 12
    number = np.arange(side * side).reshape(side, side)
    edges = np.concatenate(
        [
            np.column_stack((number[:, :-1].ravel(), number[:, 1:].ravel())),
            np.column_stack((number[:-1].ravel(), number[1:].ravel())),
        ]
    ).astype(np.int32)
    given = rng.random(side * side) < 0.3
    problem = dirichlet_problem(edges, given)
    values = rng.normal(size=(3, problem.boundary.size))
    field = np.zeros((3, side * side))
    field[:, problem.boundary] = values
    field[:, problem.free] = problem.solve(values)
    for point in problem.free:
        ends = edges[(edges == point).any(axis=1)]
        neighbours = ends[ends != point]
        assert np.allclose(field[:, point], field[:, neighbours].mean(axis=1), atol=1e-10)
    low, high = problem.bounds(values)
    inside = field[:, problem.free]
    assert np.all(inside >= low[:, problem.part] - 1e-10)
    assert np.all(inside <= high[:, problem.part] + 1e-10)
    alone = np.concatenate([problem.solve(row[None]) for row in values])
    assert np.array_equal(alone, inside)
