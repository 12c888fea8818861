"""Sparse systems of many points for several right-hand sides at once, by multigrid.

PyAMG (Bell, Olson, Schroder 2022, doi:10.21105/joss.04142) sets the hierarchies up; its own solver
takes one right-hand side at a time and so reads the matrices anew for each. Here each row of a
matrix meets all right-hand sides while it is at hand: 16 of them take the time of four.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from emcflow.compiled import compiled

# Unknowns of the coarsest level at the most, which is solved by its pseudoinverse.
COARSEST = 500


@dataclass(frozen=True)
class Hierarchy:
    """Matrices of all levels, each a tuple (indptr, indices, data) of compressed rows.

    Attributes
    ----------
    matrices : list
        Of the levels but the last, the finest first.
    prolongations, restrictions : list
        From each level's next to itself, and back.
    inverse : tuple
        Pseudoinverse of the matrix of the last level.
    """

    matrices: list
    prolongations: list
    restrictions: list
    inverse: tuple

    def cast(self, dtype):
        """Return the same in another precision."""
        lists = self.matrices, self.prolongations, self.restrictions
        cast = [[_cast(rows, dtype) for rows in of_levels] for of_levels in lists]
        return Hierarchy(*cast, _cast(self.inverse, dtype))


def hierarchy(matrix, last):
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
    *levels, coarsest = made.levels
    return Hierarchy(
        [_rows(level.A) for level in levels],
        [_rows(level.P) for level in levels],
        [_rows(level.R) for level in levels],
        _rows(np.linalg.pinv(coarsest.A.toarray(), hermitian=True)),
    )


def conjugate_gradients(matrix, right, x, preconditioner, tolerance, most):
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
    rows = _cast(_rows(matrix), right.dtype)
    levels = preconditioner.cast(right.dtype)
    limit = tolerance**2 * _column_sums(right, right)
    residual = right.copy()
    _subtract_product(*rows, x, residual)
    step = before = None
    for _ in range(most):
        if (_column_sums(residual, residual) <= limit).all():
            return True
        descent = _cycle(levels, 0, residual)
        along = _column_sums(residual, descent)
        step = descent if step is None else descent + step * _over(along, before, right.dtype)
        product = np.zeros_like(right)
        _subtract_product(*rows, step, product)  # its negative
        length = _over(along, -_column_sums(step, product), right.dtype)
        x += length * step
        residual += length * product
        before = along
    return bool((_column_sums(residual, residual) <= limit).all())


def _over(a, b, dtype):
    """Quotients, 0 where nothing is left to divide by: a column that is solved stays as it is."""
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0).astype(dtype)


def _cycle(levels, level, right):
    """One V-cycle from zero: symmetric, since it ends with the rows in reverse."""
    if level == len(levels.matrices):
        solution = np.zeros_like(right)
        _subtract_product(*levels.inverse, -right, solution)
        return solution
    matrix, restriction = levels.matrices[level], levels.restrictions[level]
    solution = np.zeros_like(right)
    _relax(*matrix, right, solution, False)
    residual = right.copy()
    _subtract_product(*matrix, solution, residual)
    coarse = np.zeros((len(restriction[0]) - 1, right.shape[1]), right.dtype)
    _subtract_product(*restriction, -residual, coarse)
    _subtract_product(*levels.prolongations[level], -_cycle(levels, level + 1, coarse), solution)
    _relax(*matrix, right, solution, True)
    return solution


def _rows(matrix):
    rows = sparse.csr_array(matrix)
    return rows.indptr, rows.indices, rows.data


def _cast(rows, dtype):
    return *rows[:2], rows[2].astype(dtype, copy=False)


@compiled
def _subtract_product(indptr, indices, data, x, out):
    """Subtract matrix @ x from out."""
    columns = x.shape[1]
    for i in range(out.shape[0]):
        for j in range(indptr[i], indptr[i + 1]):
            neighbour, entry = indices[j], data[j]
            for c in range(columns):
                out[i, c] -= entry * x[neighbour, c]


@compiled
def _relax(indptr, indices, data, right, x, reverse):
    """Solve each row for its own unknown, one after the other (Gauss-Seidel)."""
    n, columns = x.shape
    own = np.empty(columns, x.dtype)
    for place in range(n):
        i = n - 1 - place if reverse else place
        own[:] = right[i]
        diagonal = data[0]
        for j in range(indptr[i], indptr[i + 1]):
            neighbour, entry = indices[j], data[j]
            if neighbour == i:
                diagonal = entry
            else:
                for c in range(columns):
                    own[c] -= entry * x[neighbour, c]
        for c in range(columns):
            x[i, c] = own[c] / diagonal


@compiled
def _column_sums(a, b):
    """Sums of a * b over the rows, in double precision."""
    columns = a.shape[1]
    sums = np.zeros(columns)
    for i in range(a.shape[0]):
        for c in range(columns):
            sums[c] += np.float64(a[i, c]) * np.float64(b[i, c])
    return sums
