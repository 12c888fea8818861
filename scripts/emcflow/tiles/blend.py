"""Dirichlet problems on the mesh of a tile (Calef, Olsen and Agram, 2024, arXiv:2405.06838)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from emcflow.graph.components import regions

if TYPE_CHECKING:
    from scipy.sparse import sparray
    from scipy.sparse.linalg import SuperLU


# SciPy is slow to import, and a tile that shares no points needs it not.


@dataclass(frozen=True)
class DirichletProblem:
    """Laplace's equation on the free points of a mesh, with values given at the others.

    Attributes
    ----------
    edges : ndarray of int32, shape (nedges, 2)
        Links of the mesh.
    free : ndarray of int64, shape (nfree,)
        Increasing indices of the free points.
    part : ndarray of int32, shape (nfree,)
        Part of each free point: free points joined by links among themselves.
    nparts : int
        Number of parts.
    boundary : ndarray of int64, shape (nboundary,)
        Increasing indices of the given points that have a link to a free one.
    cross : ndarray of int64, shape (ncross, 2)
        Links between them: position in ``free`` and position in ``boundary``, sorted by part.
    """

    edges: np.ndarray
    free: np.ndarray
    part: np.ndarray
    nparts: int
    boundary: np.ndarray
    cross: np.ndarray

    def bounds(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest boundary value of each part.

        A harmonic function takes its extremes on the boundary, so the solution in a part lies
        between them.

        Parameters
        ----------
        values : ndarray of float64, shape (n, nboundary)

        Returns
        -------
        low, high : ndarray of float64, shape (n, nparts)
            0 in parts without a boundary.
        """
        low = np.zeros((len(values), self.nparts))
        high = np.zeros((len(values), self.nparts))
        if len(self.cross):
            parts, start = np.unique(self.part[self.cross[:, 0]], return_index=True)
            at_cross = values[:, self.cross[:, 1]]
            low[:, parts] = np.minimum.reduceat(at_cross, start, axis=1)
            high[:, parts] = np.maximum.reduceat(at_cross, start, axis=1)
        return low, high

    def solve(self, values: np.ndarray) -> np.ndarray:
        """Harmonic values at the free points; one factorisation serves all calls.

        Every free point takes the mean of its neighbours. Rows are solved one by one so that a
        row's result does not depend on its company.

        Parameters
        ----------
        values : ndarray of float64, shape (n, nboundary)

        Returns
        -------
        ndarray of float64, shape (n, nfree)
            0 in parts without a boundary.
        """
        solution = np.zeros((len(values), len(self.free)))
        if len(self.cross) == 0 or len(values) == 0:
            return solution
        active, coupling, factors = self._solver
        with threadpool_limits(1, user_api="blas"):
            for row, value in zip(solution, values, strict=True):
                row[active] = factors.solve(coupling @ value)
        return solution

    @cached_property
    def _solver(self) -> tuple[np.ndarray, sparray, SuperLU]:
        """Free points of the parts with a boundary, what it brings in, the matrix in factors."""
        from scipy.sparse.linalg import splu

        bounded = np.zeros(self.nparts, bool)
        bounded[self.part[self.cross[:, 0]]] = True
        active = np.flatnonzero(bounded[self.part])
        laplacian, coupling = self._matrices()
        # the matrix is symmetric and diagonally dominant: no pivoting, minimum degree ordering
        with threadpool_limits(1, user_api="blas"):
            factors = splu(
                laplacian[active][:, active].tocsc(),
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.0,
                options={"SymmetricMode": True},
            )
        return active, coupling[active], factors

    def _matrices(self) -> tuple[sparray, sparray]:
        """Laplacian among the free points, and the matrix that brings in the boundary values."""
        from scipy.sparse import coo_array, diags_array

        n = len(self.free)
        inner = _compact(self.edges, self.free)
        links = coo_array((np.ones(len(inner)), (inner[:, 0], inner[:, 1])), shape=(n, n))
        coupling = coo_array(
            (np.ones(len(self.cross)), (self.cross[:, 0], self.cross[:, 1])),
            shape=(n, len(self.boundary)),
        ).tocsr()
        links = (links + links.T).tocsr()
        degree = links.sum(axis=1) + coupling.sum(axis=1)
        return (diags_array(degree) - links).tocsr(), coupling


def dirichlet_problem(edges: np.ndarray, given: np.ndarray) -> DirichletProblem:
    """Set up Laplace's equation for a mesh and the points where values will be given.

    Parameters
    ----------
    edges : ndarray of int, shape (nedges, 2)
        Links of the mesh, each once.
    given : ndarray of bool, shape (npoints,)
        Points with given (Dirichlet) values.

    Returns
    -------
    DirichletProblem
    """
    free = np.flatnonzero(~given)
    inner = _compact(edges, free)
    part = regions(inner, free.size)
    cross = edges[given[edges[:, 0]] != given[edges[:, 1]]]
    first_given = given[cross[:, 0]]
    at_given = np.where(first_given, cross[:, 0], cross[:, 1])
    at_free = np.searchsorted(free, np.where(first_given, cross[:, 1], cross[:, 0]))
    boundary, at_boundary = np.unique(at_given, return_inverse=True)
    order = np.lexsort((at_boundary, at_free, part[at_free]))
    return DirichletProblem(
        edges=edges,
        free=free,
        part=part,
        nparts=int(part.max(initial=-1)) + 1,
        boundary=boundary.astype(np.int64),
        cross=np.column_stack((at_free, at_boundary))[order],
    )


def free_problem(part: np.ndarray, free: np.ndarray) -> DirichletProblem:
    """Set up a problem of which nothing is given: its solution is 0.

    Parameters
    ----------
    part : ndarray of int, shape (nfree,)
        Part of each free point, from 0 on.
    free : ndarray of int64, shape (nfree,)
        Increasing indices of the free points.

    Returns
    -------
    DirichletProblem
    """
    none = np.empty((0, 2), np.int64)
    nparts = int(part.max(initial=-1)) + 1
    return DirichletProblem(none, free, part.astype(np.int32), nparts, none[:, 0], none)


def _compact(edges: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Links among the points ``free``, numbered by their position in it."""
    number = np.full(max(int(edges.max(initial=-1)), int(free.max(initial=-1))) + 1, -1, np.int32)
    number[free] = np.arange(free.size, dtype=np.int32)
    ends = number[edges]
    return ends[(ends >= 0).all(axis=1)]
