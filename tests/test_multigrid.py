"""Multigrid for several right-hand sides, against dense algebra."""

import numpy as np
import pytest
from emcflow.graph import multigrid
from emcflow.graph.delaunay import point_mesh
from emcflow.graph.multigrid import conjugate_gradients, hierarchy, pseudoinverse
from scipy import sparse

RNG = np.random.default_rng(5)


@pytest.fixture(scope="module")
def laplacian():
    """Weighted Laplacian of a mesh of 1200 points, some links nearly cut."""
    points = np.argwhere(RNG.random((40, 40)) < 0.75).astype(np.int32)
    a, b = point_mesh(points).edges.T
    weights = np.where(RNG.random(len(a)) < 0.1, 1e-3, RNG.uniform(0.3, 3, len(a)))
    links = sparse.coo_array((weights, (a, b)), (len(points), len(points)))
    adjacency = (links + links.T).tocsr()
    return sparse.diags_array(adjacency.sum(axis=1)).tocsr() - adjacency


@pytest.fixture(params=[True, False], ids=["root nodes", "classical"])
def levels(request, laplacian, monkeypatch):
    monkeypatch.setattr(multigrid, "COARSEST", 30)
    made = hierarchy(laplacian, request.param)
    assert len(made.levels) >= 2
    return made


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-9), (np.float32, 1e-4)])
def test_solutions_are_those_of_dense_algebra(laplacian, levels, dtype, tolerance):
    right = RNG.standard_normal((laplacian.shape[0], 5))
    right[:, 3] *= 1e4
    right[:, 4] = 0
    right -= right.mean(axis=0)
    expected = np.linalg.pinv(laplacian.toarray()) @ right
    x = np.zeros(right.shape, dtype)
    assert conjugate_gradients(laplacian, right.astype(dtype), x, levels, tolerance, 100)
    assert (x[:, 4] == 0).all()
    error = np.linalg.norm(x - x.mean(axis=0) - expected, axis=0)
    assert (error <= 100 * tolerance * np.linalg.norm(expected, axis=0)).all()
    assert (error[:4] > 0).all()


def test_a_solution_is_left_as_it_is(laplacian, levels):
    expected = RNG.standard_normal((laplacian.shape[0], 2))
    x = expected.copy()
    assert conjugate_gradients(laplacian, laplacian @ expected, x, levels, 1e-9, 0)
    assert (x == expected).all()


def test_too_few_iterations_are_told(laplacian, levels):
    right = laplacian @ RNG.standard_normal((laplacian.shape[0], 2))
    assert not conjugate_gradients(laplacian, right, np.zeros_like(right), levels, 1e-9, 2)


def test_the_cycle_is_symmetric_as_conjugate_gradients_need_it(laplacian, levels):
    a, b = RNG.standard_normal((2, laplacian.shape[0], 1))
    of_a, of_b = (multigrid._cycle(levels, 0, each) for each in (a, b))
    assert np.vdot(of_a, b) == pytest.approx(np.vdot(a, of_b), rel=1e-9)
    assert np.vdot(of_a, a) > 0


@pytest.mark.parametrize("rounding", [-1e-13, -1e-14, 0, 1e-14, 1e-13])
def test_constants_are_not_inverted_whatever_rounding_has_made_of_them(rounding):
    nodes = np.arange(27)
    matrix = 2.0 * np.eye(27)
    matrix[nodes, nodes - 1] -= 1
    matrix[nodes - 1, nodes] -= 1
    inverse = pseudoinverse(matrix + 4 * rounding / 27)  # the largest eigenvalue is near 4
    assert np.abs(inverse @ np.ones(27)).max() < 1e-10
    np.testing.assert_allclose(inverse @ matrix, np.eye(27) - 1 / 27, atol=1e-10)
