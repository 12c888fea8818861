"""One number of cycles for every tile (and region) that brings the tiles of a pair together.

SciPy is imported where it is needed: a scene of one tile, which has no overlaps, starts without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emcflow.errors import InputError
from emcflow.tiles.islands import Islands
from emcflow.tiles.overlaps import Overlaps
from emcflow.tiles.tile_blend import whole_offsets

if TYPE_CHECKING:
    from scipy.sparse import sparray


METHODS = ("l2", "integer")


@dataclass(frozen=True)
class BulkOffsets:
    """Offsets of the nodes of the overlap graph.

    Attributes
    ----------
    offsets : ndarray of float64, shape (npairs, nnodes)
        Cycles to add to each node. Integers with ``integer``, and with ``l2`` wherever the
        overlaps of a pair's component are consistent.
    residuals : ndarray of float64, shape (npairs, nlinks)
        What is left in each overlap: cycles of j plus its offset, minus the same of i.
    reference : ndarray of int32, shape (ncomponents,)
        Node with offset 0 of each connected component: the one with the most points.
    """

    offsets: np.ndarray
    residuals: np.ndarray
    reference: np.ndarray


def bulk_offsets(overlaps: Overlaps, method: str = "l2") -> BulkOffsets:
    """Find the offsets with which the tiles agree best in their overlaps.

    The observation of an overlap is the most frequent difference of cycles in it. Its weight is the
    number of common points times the share of them that has this difference (mean over pairs).

    ``l2`` minimises the weighted sum of squares (Calef, Olsen and Agram, 2024, arXiv:2405.06838,
    first step); all pairs are solved with one factorisation. Where a component's observations are
    consistent the solution is integer and returned exactly so; elsewhere it is fractional.

    ``integer`` minimises the weighted sum of absolute values over integers: a linear program whose
    matrix is totally unimodular (OR-Tools, GLOP). Where the observations are consistent both
    methods return the same.

    Parameters
    ----------
    overlaps : Overlaps
    method : {"l2", "integer"}

    Returns
    -------
    BulkOffsets

    Raises
    ------
    InputError
        If the method is unknown.
    """
    if method not in METHODS:
        raise InputError(f"bulk offset method {method!r}: expected one of {', '.join(METHODS)}")
    reference = _largest_nodes(overlaps)
    free = np.setdiff1d(np.arange(len(overlaps.nodes)), reference)
    weight = overlaps.points * overlaps.agreement.mean(axis=1, dtype=np.float64)
    observed = overlaps.difference.T.astype(np.float64)
    if not len(overlaps.links):
        return BulkOffsets(np.zeros((len(observed), len(overlaps.nodes))), observed, reference)
    incidence = _incidence(overlaps.links, len(overlaps.nodes))

    offsets = _round_consistent(
        _least_squares(incidence, free, weight, observed), overlaps, incidence, observed
    )
    residuals = observed + offsets @ incidence.T
    if method == "integer":
        for p in np.flatnonzero(residuals.any(axis=1)):
            offsets[p, free] = _least_absolute(incidence[:, free], weight, observed[p])
        residuals = observed + offsets @ incidence.T
    return BulkOffsets(offsets, residuals, reference)


def level_offsets(offsets: np.ndarray, islands: Islands) -> np.ndarray:
    """Shift the parts of a scene by the cycles that joins say.

    Parameters
    ----------
    offsets : float64 (npairs, nnodes)
        Cycles to add to each node, which bring the nodes of each part together.
    islands : Islands

    Returns
    -------
    float64 (npairs, nnodes)
        The same, but for whole numbers that all nodes of a part have in common.
    """
    found = offsets.copy()
    group = islands.part.copy()
    for (first, second), cycles in zip(
        islands.nodes[islands.levelled], islands.cycles[islands.levelled], strict=True
    ):
        moved = group == group[second]
        apart = whole_offsets(found[:, first]) + cycles - whole_offsets(found[:, second])
        found[:, moved] += apart[:, None]
        group[moved] = group[first]
    return found


def _largest_nodes(overlaps: Overlaps) -> np.ndarray:
    order = np.lexsort((np.arange(len(overlaps.nodes)), -overlaps.node_points, overlaps.component))
    _, first = np.unique(overlaps.component[order], return_index=True)
    return order[first].astype(np.int32)


def _incidence(links: np.ndarray, nnodes: int) -> sparray:
    """Sparse matrix that turns offsets of nodes into offset of j minus offset of i."""
    from scipy.sparse import coo_array

    n = len(links)
    rows = np.tile(np.arange(n), 2)
    values = np.repeat([-1.0, 1.0], n)
    return coo_array((values, (rows, links.T.ravel())), shape=(n, nnodes)).tocsr()


def _least_squares(
    incidence: sparray, free: np.ndarray, weight: np.ndarray, observed: np.ndarray
) -> np.ndarray:
    """Weighted least-squares offsets of all pairs, shape (npairs, nnodes); 0 outside ``free``."""
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import splu

    offsets = np.zeros((len(observed), incidence.shape[1]))
    if free.size:
        reduced = incidence[:, free]
        weighted = reduced.T @ diags_array(weight)
        factors = splu((weighted @ reduced).tocsc())
        offsets[:, free] = -factors.solve(np.asarray(weighted @ observed.T)).T
    return offsets


def _round_consistent(
    offsets: np.ndarray, overlaps: Overlaps, incidence: sparray, observed: np.ndarray
) -> np.ndarray:
    """Replace offsets by integers in each pair's components where these leave no residual."""
    integer = np.rint(offsets)
    wrong = (observed + integer @ incidence.T) != 0
    bad = np.zeros((len(offsets), overlaps.ncomponents), bool)
    pair, link = np.nonzero(wrong)
    bad[pair, overlaps.component[overlaps.links[link, 0]]] = True
    # adding 0 turns the -0.0 that rounding leaves into 0.0
    return np.where(bad[:, overlaps.component], offsets, integer) + 0.0


def _least_absolute(incidence: sparray, weight: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Integer offsets with the least weighted sum of absolute residuals for one pair.

    Variables are the offsets and the positive and negative part of each residual.
    """
    from ortools.linear_solver.python import model_builder_helper as ortools_lp
    from scipy.sparse import csr_matrix, eye_array, hstack

    nlinks, nfree = incidence.shape
    identity = eye_array(nlinks)
    constraints = csr_matrix(hstack([incidence, identity, -identity]))
    lower = np.concatenate((np.full(nfree, -np.inf), np.zeros(2 * nlinks)))
    cost = np.concatenate((np.zeros(nfree), np.tile(weight / weight.max(), 2)))
    model = ortools_lp.ModelBuilderHelper()
    model.fill_model_from_sparse_data(
        lower,  # type: ignore[arg-type]
        np.full(lower.size, np.inf),  # type: ignore[arg-type]
        cost,  # type: ignore[arg-type]
        -observed,  # type: ignore[arg-type]
        -observed,  # type: ignore[arg-type]
        constraints,
    )
    solver = ortools_lp.ModelSolverHelper("glop")
    solver.solve(model)
    if solver.status() != ortools_lp.SolveStatus.OPTIMAL:
        raise RuntimeError(f"GLOP ended with {solver.status_string()} on the bulk offsets")
    # vertices are integer; rounding all potentials the same way would keep any optimum optimal
    return np.floor(np.asarray(solver.variable_values())[:nfree] + 0.5)
