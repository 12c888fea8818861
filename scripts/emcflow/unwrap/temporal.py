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

from collections.abc import Callable

import numpy as np
from numba import njit

from emcflow.arrays import phase_array, real_array
from emcflow.errors import InputError
from emcflow.graph.mcf import FlowSolver, in_threads, make_scratch, successive_shortest_paths
from emcflow.graph.planar import breadth_first_tree, dual_adjacency

LINKS_PER_CHUNK = 8192
MAX_MODEL_CYCLES = 5000
NO_LIMIT = np.int64(2**62)


def unwrap_in_time(
    phase: np.ndarray,
    graph,
    network,
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
    arcs = dual_adjacency(time_graph)
    if costs is None:
        costs = np.ones(time_graph.nedges, np.int32)
    solver = FlowSolver(time_graph, arcs, costs)
    dual = (arcs.indptr, arcs.target, arcs.edge, arcs.sign, solver.mate, solver.arc_cost)
    walk = (tree.order, tree.parent, tree.edge, tree.sign)
    loops = (time_graph.triangle_edges, time_graph.triangle_signs)
    cycles = np.empty((ndates, nlinks), np.int16)

    def unwrap_chunk(start):
        stop = min(start + LINKS_PER_CHUNK, nlinks)
        solved = _unwrap_links(
            phase,
            graph.edges,
            start,
            stop,
            design,
            params,
            time_graph.edges,
            loops,
            dual,
            walk,
            cycles,
        )
        if not solved:
            raise InputError(
                "the residues of a link do not cancel: the temporal network is not planar"
            )

    in_threads(unwrap_chunk, range(0, nlinks, LINKS_PER_CHUNK), n_threads, progress)
    return cycles


@njit(cache=True, nogil=True)
def _unwrap_links(phase, links, start, stop, design, params, pairs, loops, dual, walk, cycles):
    """Fill columns start:stop of `cycles` (ndates, nlinks); False if residues do not cancel."""
    gradient = _gradient_about_model(phase, links[start:stop], design, params[:, start:stop])
    pair_cycles = _nearest_cycles(gradient, pairs)
    loop_cycles = _loop_residues(pair_cycles, loops)
    solved = _close_loops(pair_cycles, loop_cycles, dual)
    order, parent, edge, sign = walk
    for i in range(order.size):
        date = order[i]
        if parent[date] < 0:
            cycles[date, start:stop] = 0
        else:
            for link in range(start, stop):
                step = sign[date] * pair_cycles[edge[date], link - start]
                cycles[date, link] = cycles[parent[date], link] + step
    return solved


@njit(cache=True, nogil=True)
def _gradient_about_model(phase, links, design, params):
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
def _nearest_cycles(gradient, pairs):
    """Cycles int16 (npairs, nlinks) that bring each pair's gradient to within half a cycle."""
    out = np.empty((pairs.shape[0], gradient.shape[1]), np.int16)
    for pair in range(pairs.shape[0]):
        first, second = pairs[pair, 0], pairs[pair, 1]
        for link in range(gradient.shape[1]):
            turns = (gradient[second, link] - gradient[first, link]) * (0.5 / np.pi)
            out[pair, link] = -np.int16(np.rint(turns))
    return out


@njit(cache=True, nogil=True)
def _loop_residues(pair_cycles, loops):
    """Residues int16 (ntri, nlinks): sums of cycles around the triangles of the network."""
    edges, signs = loops
    out = np.zeros((edges.shape[0], pair_cycles.shape[1]), np.int16)
    for loop in range(edges.shape[0]):
        for corner in range(3):
            edge, sign = edges[loop, corner], signs[loop, corner]
            for link in range(pair_cycles.shape[1]):
                out[loop, link] += sign * pair_cycles[edge, link]
    return out


@njit(cache=True, nogil=True)
def _close_loops(pair_cycles, loop_cycles, dual):
    """Add the flow of least cost to `pair_cycles`; equal columns of residues are solved once.

    Columns already solved are found again through a hash table with linear probing.
    """
    indptr, target, edge, sign, mate, cost = dual
    nloops, nlinks = loop_cycles.shape
    scratch, heap = make_scratch(nloops + 1, cost.size)
    excess = np.empty(nloops + 1, np.int32)
    flow = np.empty(pair_cycles.shape[0], np.int32)
    hashes = _column_hashes(loop_cycles)
    mask = 1
    while mask < 2 * nlinks:
        mask *= 2
    mask -= 1
    table = np.full(mask + 1, -1, np.int32)
    flow_of = np.empty((nlinks, pair_cycles.shape[0]), np.int16)
    for link in range(nlinks):
        if not _any_in_column(loop_cycles, link):
            continue
        slot = np.int64(hashes[link] >> np.uint64(33)) & mask
        while table[slot] >= 0 and not _equal_columns(loop_cycles, table[slot], link):
            slot = (slot + 1) & mask
        known = table[slot]
        if known < 0:
            table[slot] = known = link
            excess[nloops] = 0
            for loop in range(nloops):
                excess[loop] = loop_cycles[loop, link]
                excess[nloops] -= excess[loop]
            status = successive_shortest_paths(
                indptr, target, edge, sign, mate, cost, excess, flow, scratch, heap, NO_LIMIT
            )
            if status != 0:
                return False
            flow_of[link] = flow
        for pair in range(pair_cycles.shape[0]):
            pair_cycles[pair, link] += flow_of[known, pair]
    return True


@njit(cache=True, nogil=True)
def _column_hashes(values):
    """Hash uint64 (ncolumns,) of every column (FNV-1a, a value at a time)."""
    out = np.full(values.shape[1], np.uint64(14695981039346656037))
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            mixed = out[column] ^ np.uint64(np.uint16(values[row, column]))
            out[column] = mixed * np.uint64(1099511628211)
    return out


@njit(cache=True, nogil=True)
def _any_in_column(values, column):
    for row in range(values.shape[0]):  # noqa: SIM110
        if values[row, column] != 0:
            return True
    return False


@njit(cache=True, nogil=True)
def _equal_columns(values, one, other):
    for row in range(values.shape[0]):  # noqa: SIM110
        if values[row, one] != values[row, other]:
            return False
    return True


def _check_phase(phase, ndates, npoints):
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


def _checked_model(design, params, ndates, nlinks):
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
