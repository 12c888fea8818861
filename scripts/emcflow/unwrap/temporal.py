"""Unwrapping in time: the cycles of every link, over the temporal network.

The first half of the extended minimum cost flow of Pepe & Lanari [1]_. A link is an edge of the
mesh of points. Its gradients in all pairs of dates are made consistent over the temporal network,
link by link; then each pair is made consistent over the mesh
(:mod:`emcflow.unwrap.unwrap.spatial`). Both are minimum cost flow problems on the dual of a planar
graph. All that is sought are whole cycles, so unwrapped and wrapped phase agree exactly.

References
----------
.. [1] Pepe, A., Lanari, R. (2006). On the extension of the minimum cost flow algorithm for phase
   unwrapping of multitemporal differential SAR interferograms. IEEE Transactions on Geoscience and
   Remote Sensing 44(9), 2374-2383.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit

from emcflow.arrays import phase_array, real_array
from emcflow.errors import InputError
from emcflow.graph.mcf import FlowSolver, in_threads
from emcflow.graph.planar import PlanarGraph, breadth_first_tree
from emcflow.graph.ssp import add_cheapest_flows
from emcflow.network.networks import PlanarNetwork

LINKS_PER_CHUNK = 8192
MAX_MODEL_CYCLES = 5000


def unwrap_in_time(
    phase: np.ndarray,
    graph: PlanarGraph,
    network: PlanarNetwork,
    design: np.ndarray | None = None,
    params: np.ndarray | None = None,
    costs: np.ndarray | None = None,
    n_threads: int = 1,
    progress: Callable | None = None,
) -> np.ndarray:
    """Unwrap the gradient of every link over the temporal network.

    The gradient of each pair is taken to the cycle nearest to the link's model (nearest to zero
    without one). Cycles left over around the triangles of the network are then removed by minimum
    cost flow (Pepe & Lanari 2006). Links with the same cycles left over are solved once.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Wrapped phase [rad], relative to the first date.
    graph : PlanarGraph
        Mesh of the points; its edges are the links.
    network : PlanarNetwork
    design : float (ndates, nterms), optional
        Phase per unit of each term of the link model [rad/unit].
    params : float32 (nterms, nlinks), optional
        Terms of every link, end minus start.
    costs : int (npairs,) or (2, npairs), optional
        Cost of a cycle in each pair; constant by default.
    n_threads : int
        No influence on the result.
    progress : callable, optional
        Called with (chunks done, chunks in all).

    Returns
    -------
    int16 (ndates, nlinks)
        Cycles k; the unwrapped gradient of link (a, b) at date d, relative to the first date, is
        ``phase[d, b] - phase[d, a] + 2 pi k[d]`` [rad]. Row 0 is zero.

    Raises
    ------
    InputError
        If shapes do not agree or values are not finite.
    """
    time_graph = network.graph
    ndates, nlinks = time_graph.nnodes, graph.nedges
    phase = phase_array(phase, "phase", np.float32)
    _check_phase(phase, ndates, graph.nnodes)
    design, params = _checked_model(design, params, ndates, nlinks)
    tree = breadth_first_tree(time_graph)
    if costs is None:
        costs = np.ones(time_graph.nedges, np.int32)
    arcs = FlowSolver(time_graph, costs).arcs
    cycles = np.empty((ndates, nlinks), np.int16)

    def unwrap_chunk(start: int) -> None:
        chunk = slice(start, start + LINKS_PER_CHUNK)
        gradient = _gradient_about_model(phase, graph.edges[chunk], design, params[:, chunk])
        pair_cycles = _nearest_cycles(gradient, time_graph.edges)
        loop_cycles = _loop_residues(
            pair_cycles, time_graph.triangle_edges, time_graph.triangle_signs
        )
        if not add_cheapest_flows(pair_cycles, loop_cycles, arcs):
            raise InputError(
                "the residues of a link do not cancel: the temporal network is not planar"
            )
        _sum_along(tree.order, tree.parent, tree.edge, tree.sign, pair_cycles, cycles[:, chunk])

    in_threads(unwrap_chunk, range(0, nlinks, LINKS_PER_CHUNK), n_threads, progress)
    return cycles


@njit(cache=True, nogil=True)
def _gradient_about_model(
    phase: np.ndarray, links: np.ndarray, design: np.ndarray, params: np.ndarray
) -> np.ndarray:
    """Wrapped gradient minus the model's, float64 (ndates, nlinks) [rad]."""
    out = np.empty((phase.shape[0], links.shape[0]))
    for date in range(phase.shape[0]):
        for link in range(links.shape[0]):
            out[date, link] = np.float64(phase[date, links[link, 1]]) - phase[date, links[link, 0]]
        for term in range(params.shape[0]):
            for link in range(links.shape[0]):
                out[date, link] -= design[date, term] * params[term, link]
    return out


@njit(cache=True, nogil=True)
def _nearest_cycles(gradient: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Cycles int16 (npairs, nlinks) that bring each pair's gradient to within half a cycle."""
    out = np.empty((pairs.shape[0], gradient.shape[1]), np.int16)
    for pair in range(pairs.shape[0]):
        first, second = pairs[pair, 0], pairs[pair, 1]
        for link in range(gradient.shape[1]):
            turns = (gradient[second, link] - gradient[first, link]) * (0.5 / np.pi)
            out[pair, link] = -np.int16(np.rint(turns))
    return out


@njit(cache=True, nogil=True)
def _loop_residues(pair_cycles: np.ndarray, edges: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Residues int16 (ntri, nlinks): sums of cycles around the triangles of the network."""
    out = np.zeros((edges.shape[0], pair_cycles.shape[1]), np.int16)
    for loop in range(edges.shape[0]):
        for corner in range(3):
            edge, sign = edges[loop, corner], signs[loop, corner]
            for link in range(pair_cycles.shape[1]):
                out[loop, link] += sign * pair_cycles[edge, link]
    return out


@njit(cache=True, nogil=True)
def _sum_along(
    order: np.ndarray,
    parent: np.ndarray,
    edge: np.ndarray,
    sign: np.ndarray,
    pair_cycles: np.ndarray,
    cycles: np.ndarray,
) -> None:
    """Fill `cycles` (ndates, nlinks) with sums along a tree of the dates, from 0 at its root."""
    for date in order:
        if parent[date] < 0:
            cycles[date] = 0
        else:
            for link in range(cycles.shape[1]):
                step = sign[date] * pair_cycles[edge[date], link]
                cycles[date, link] = cycles[parent[date], link] + step


def _check_phase(phase: np.ndarray, ndates: int, npoints: int) -> None:
    if phase.shape != (ndates, npoints):
        raise InputError(
            f"phase has shape {phase.shape}, expected ({ndates}, {npoints}): dates of the network "
            "by points of the mesh"
        )
    if not np.isfinite(phase).all():
        date, point = np.argwhere(~np.isfinite(phase))[0]
        raise InputError(
            f"phase of date {date} at point {point} is {phase[date, point]}; expected a "
            "finite value: leave points without phase out"
        )


def _checked_model(
    design: np.ndarray | None, params: np.ndarray | None, ndates: int, nlinks: int
) -> tuple[np.ndarray, np.ndarray]:
    """Design and parameters of the link model as arrays; without terms if there is no model."""
    if design is None or params is None:
        return np.zeros((ndates, 0)), np.zeros((0, nlinks), np.float32)
    design = real_array(design, "design", np.float64)
    params = real_array(params, "params", np.float32)
    if design.ndim != 2 or len(design) != ndates or params.shape != (design.shape[1], nlinks):
        raise InputError(
            f"design and params have shapes {design.shape} and {params.shape}, "
            f"expected ({ndates}, nterms) and (nterms, {nlinks})"
        )
    largest = np.abs(params).max(axis=1, initial=0.0)
    turns = (np.abs(design) * largest).sum(axis=1).max(initial=0.0) / (2 * np.pi)
    if not turns < MAX_MODEL_CYCLES:
        raise InputError(
            f"the link model reaches {turns:g} cycles, expected less than {MAX_MODEL_CYCLES} and "
            "finite values: check the units of baselines and parameters"
        )
    return design, params
