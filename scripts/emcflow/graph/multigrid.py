"""Sparse systems of many points for several right-hand sides at once, by multigrid.

PyAMG (Bell, Olson, Schroder 2022, doi:10.21105/joss.04142) sets the hierarchies up; its own solver
takes one right-hand side at a time and so reads the matrices anew for each. Here each row of a
matrix meets all right-hand sides while it is at hand: eight of them take the time of three.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike
from scipy import sparse

# Unknowns of the coarsest level at the most, which is solved by its pseudoinverse.
COARSEST = 500
# Eigenvalues of its matrix below this part of the largest count as 0. Those of a graph of so few
# nodes are far above.
LEAST_EIGENVALUE = 1e-10
# Of the Jacobi iteration: damps all that the next level cannot see where, as in the Laplacian of a
# graph, no eigenvalue of the matrix over its diagonal exceeds 2.
DAMPING = 2 / 3


@dataclass(frozen=True)
class Level:
    """A matrix, and how its unknowns hang together with the fewer of the next level.

    Attributes
    ----------
    matrix : sparse array (n, n)
    prolongation, restriction : sparse array (n, m), (m, n)
    damped : float (n, 1)
        `DAMPING` over the diagonal of the matrix.
    """

    matrix: sparse.csr_array
    prolongation: sparse.csr_array
    restriction: sparse.csr_array
    damped: np.ndarray

    def cast(self, dtype: DTypeLike) -> Level:
        """Return the same in another precision."""
        parts = self.matrix, self.prolongation, self.restriction, self.damped
        return Level(*(part.astype(dtype, copy=False) for part in parts))


@dataclass(frozen=True)
class Hierarchy:
    """Levels, the finest first, and the pseudoinverse of the matrix below them."""

    levels: list[Level]
    inverse: np.ndarray

    def cast(self, dtype: DTypeLike) -> Hierarchy:
        """Return the same in another precision."""
        levels = [level.cast(dtype) for level in self.levels]
        return Hierarchy(levels, self.inverse.astype(dtype, copy=False))


def hierarchy(matrix: sparse.sparray, last: bool) -> Hierarchy:
    """Algebraic multigrid for the Laplacian of a graph.

    Classical (Ruge, Stueben 1987, in McCormick: Multigrid Methods, ch. 4) or with root nodes
    (Manteuffel, Olson, Schroder, Southworth 2017, SIAM J. Sci. Comput. 39(5), S3-S29). Root nodes
    take three times as long to set up and a third of the iterations: of use for a matrix that is
    solved with often and to the end.

    Parameters
    ----------
    matrix : sparse array (n, n)
    last : bool
        With root nodes.

    Returns
    -------
    Hierarchy
    """
    import pyamg  # slow to import, and of no use for small graphs

    matrix = sparse.csr_matrix(matrix)
    if last:
        # Half the steps to the least energy, and constants as they are: a Laplacian has no other
        # candidates. Set up in three quarters of the time, for as few iterations.
        smooth = ("energy", {"maxiter": 2})
        made = pyamg.rootnode_solver(
            matrix, max_coarse=COARSEST, smooth=smooth, improve_candidates=None
        )
    else:
        made = pyamg.ruge_stuben_solver(matrix, max_coarse=COARSEST)
    *finer, coarsest = made.levels
    levels = [
        Level(
            sparse.csr_array(level.A),
            sparse.csr_array(level.P),
            sparse.csr_array(level.R),
            DAMPING / level.A.diagonal()[:, None],
        )
        for level in finer
    ]
    return Hierarchy(levels, pseudoinverse(coarsest.A.toarray()))


def pseudoinverse(matrix: np.ndarray) -> np.ndarray:
    """Inverse of the coarsest matrix but for constants, which it takes to 0 up to rounding.

    The eigenvalue of constants has gone through the products of all levels, and may be some 1e-14
    of the largest, of either sign: were it inverted, the preconditioner would be indefinite.

    Parameters
    ----------
    matrix : float64 (n, n)
        Symmetric, positive semidefinite up to rounding.

    Returns
    -------
    float64 (n, n)
    """
    return np.linalg.pinv(matrix, rcond=LEAST_EIGENVALUE, hermitian=True)


def conjugate_gradients(
    matrix: sparse.csr_array,
    right: np.ndarray,
    x: np.ndarray,
    preconditioner: Hierarchy,
    tolerance: float,
    most: int,
) -> bool:
    """Solve for all right-hand sides, from x on, which is overwritten.

    Parameters
    ----------
    matrix : sparse array (n, n)
        Symmetric, positive semidefinite.
    right, x : float32 or float64 (n, k)
        Columns of `right` lie in the range of the matrix. All is computed in their precision.
    preconditioner : Hierarchy
    tolerance : float
        Norm of the residual of every column over that of its right-hand side, at the end.
    most : int
        Iterations at the most.

    Returns
    -------
    bool
        Whether the tolerance was reached.
    """
    matrix = matrix.astype(right.dtype, copy=False)
    preconditioner = preconditioner.cast(right.dtype)
    limit = tolerance**2 * _column_sums(right, right)
    residual = right - matrix @ x
    step, before = np.zeros_like(right), np.zeros(right.shape[1])  # the first quotient is 0
    for _ in range(most):
        if (_column_sums(residual, residual) <= limit).all():
            return True
        descent = _cycle(preconditioner, 0, residual)
        along = _column_sums(residual, descent)
        step *= _over(along, before, right.dtype)
        step += descent
        product = matrix @ step
        length = _over(along, _column_sums(step, product), right.dtype)
        x += length * step
        product *= length
        residual -= product
        before = along
    return bool((_column_sums(residual, residual) <= limit).all())


def _cycle(preconditioner: Hierarchy, number: int, right: np.ndarray) -> np.ndarray:
    """One V-cycle from zero, with a Jacobi iteration on the way down and one on the way up."""
    if number == len(preconditioner.levels):
        return preconditioner.inverse @ right
    level = preconditioner.levels[number]
    solution = level.damped * right
    coarse = level.restriction @ (right - level.matrix @ solution)
    solution += level.prolongation @ _cycle(preconditioner, number + 1, coarse)
    residual = right - level.matrix @ solution
    residual *= level.damped
    solution += residual
    return solution


def _column_sums(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Sums of a * b over the rows, in double precision: they have many terms."""
    return np.einsum("ij,ij->j", a, b, dtype=np.float64)


def _over(a: np.ndarray, b: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    """Quotients, 0 where nothing is left to divide by: a column that is solved stays as it is."""
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0).astype(dtype)
