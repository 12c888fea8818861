"""Minimum cost flows on the dual of a planar graph, exact, by two solvers.

A wrapped gradient field on a planar graph has an integer residue in every triangle. Making the
field consistent means sending integer flow through the edges, from positive to negative residues,
at the least total cost [1]_. The flow through an edge is the number of cycles that its gradient
gains.

Two solvers give the same optimal cost:

``ssp``
    Successive shortest paths with node potentials [2]_: from each positive residue, Dijkstra's
    search over reduced costs, stopped at the first negative residue, then one augmentation. A
    search touches the nodes it visits and no others, so scattered residues, which mostly have a
    partner nearby, cost time in proportion to their number. Compiled; releases the GIL.
``ortools``
    Google OR-Tools' ``SimpleMinCostFlow`` (cost-scaling push-relabel), the reference.

References
----------
.. [1] Costantini, M. (1998). A novel phase unwrapping method based on network programming. IEEE
   Transactions on Geoscience and Remote Sensing 36(3), 813-821.
.. [2] Ahuja, R. K., Magnanti, T. L., Orlin, J. B. (1993). Network Flows, section 9.7: the
   successive shortest path algorithm, and why reduced costs stay non-negative.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

from emcflow.arrays import whole_array
from emcflow.errors import InputError
from emcflow.graph.components import regions

logger = logging.getLogger(__name__)

SOLVERS = ("ssp", "ortools")

# Arcs scanned per arc of the graph before a search for flows is handed to OR-Tools. Pure noise
# needs 20 to 50, on 2 million points as on 40 thousand. Thousands of residues of one sign far from
# those of the other need hundreds, and OR-Tools is then the faster one.
MAX_SCANS_PER_ARC = 300
MIN_SCANS = 10_000_000

_DONE, _NO_SINK, _TOO_MUCH_WORK, _OUT_OF_RANGE = 0, 1, 2, 3
_FAR = np.int32(2**31 - 1)
_LARGEST = np.int32(2**30)


@njit(cache=True, nogil=True)
def _heap_push(heap, size, key):
    i = size
    while i > 0:
        up = (i - 1) >> 1
        if heap[up] <= key:
            break
        heap[i] = heap[up]
        i = up
    heap[i] = key
    return size + 1


@njit(cache=True, nogil=True)
def _heap_pop(heap, size):
    """Remove the smallest key, heap[0], and return the new size."""
    size -= 1
    key = heap[size]
    i = 0
    child = 1
    while child < size:
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[i] = heap[child]
        i = child
        child = 2 * i + 1
    heap[i] = key
    return size


@njit(cache=True, nogil=True)
def _augment(sink, target, edge, sign, mate, cost, excess, flow, residual, parent):
    """Send as much as possible along the path that `parent` describes; update residual costs."""
    amount = -excess[sink]
    node = sink
    while parent[node] >= 0:
        arc = parent[node]
        cancelled = -sign[arc] * flow[edge[arc]]
        if cancelled > 0 and cancelled < amount:
            amount = cancelled
        node = target[mate[arc]]
    amount = min(amount, excess[node])
    excess[node] -= amount
    excess[sink] += amount
    node = sink
    while parent[node] >= 0:
        arc = parent[node]
        back = mate[arc]
        total = flow[edge[arc]] + sign[arc] * amount
        flow[edge[arc]] = total
        # An arc against existing flow gives its cost back; one along it or on an empty edge costs.
        residual[arc] = -cost[back] if sign[arc] * total < 0 else cost[arc]
        residual[back] = -cost[arc] if sign[arc] * total > 0 else cost[back]
        node = target[back]


@njit(cache=True, nogil=True)
def _search(
    source, indptr, target, residual, excess, potential, distance, parent, heap, stack, seen
):
    """Dijkstra over reduced costs from `source` to the nearest node of negative excess.

    Returns the sink (-1 if none can be reached), the number of arcs scanned and whether all values
    stayed in range. On return `potential` is updated and `distance` is clean again.

    Arcs of zero reduced cost, which are many once flows exist, go over `stack` and skip the heap.
    What is no nearer than the nearest sink so far is not kept: this spares most arcs of the ground.

    None of the searches of `emcflow.graph.components`: it stops at the first sink, on residual arcs
    that change after every search, and must touch no node beyond those that it visits.
    """
    distance[source] = 0
    parent[source] = -1
    seen[0] = source
    n_seen = 1
    stack[0] = source
    n_stack = 1
    n_heap = 0
    best = _FAR
    sink = -1
    scans = 0
    while True:
        if n_stack > 0:
            n_stack -= 1
            node = stack[n_stack]
        elif n_heap > 0:
            key = heap[0]
            if (key >> 32) >= best:
                break
            node = np.int32(key & 0xFFFFFFFF)
            n_heap = _heap_pop(heap, n_heap)
            if (key >> 32) > distance[node]:
                continue
        else:
            break
        here = distance[node]
        if here >= best:
            break
        offset = np.int64(here) - potential[node]
        scans += indptr[node + 1] - indptr[node]
        for arc in range(indptr[node], indptr[node + 1]):
            other = target[arc]
            there = offset + residual[arc] + potential[other]
            if there < distance[other] and there < best:
                if distance[other] == _FAR:
                    seen[n_seen] = other
                    n_seen += 1
                distance[other] = there
                parent[other] = arc
                if excess[other] < 0:
                    best = there
                    sink = other
                elif there == here:
                    stack[n_stack] = other
                    n_stack += 1
                else:
                    n_heap = _heap_push(heap, n_heap, (there << 32) | np.int64(other))
    in_range = best < _LARGEST
    for i in range(n_seen):
        node = seen[i]
        if distance[node] < best and sink >= 0:
            potential[node] += best - distance[node]
            in_range = in_range and potential[node] < _LARGEST
        distance[node] = _FAR
    return sink, scans, in_range


@njit(cache=True, nogil=True)
def successive_shortest_paths(
    indptr, target, edge, sign, mate, cost, excess, flow, scratch, heap, max_scans
):
    """Route all of `excess` to zero at the least cost; returns a status (compiled).

    Parameters
    ----------
    indptr, target, edge, sign : arrays of DualAdjacency
        Arcs that leave each dual node.
    mate, cost : int32 (narcs,)
        The same edge's opposite arc; cost of one unit along the arc, >= 0.
    excess : int32 (nnodes,)
        Residues; all zero on return.
    flow : int32 (nedges,)
        The result.
    scratch : tuple of int32 arrays
        As made by `make_scratch`; contents on entry do not matter.
    heap : int64 (narcs + 1,)
    max_scans : int64
        Bound on the number of arcs scanned.
    """
    residual, potential, distance, parent, stack, seen = scratch
    flow[:] = 0
    residual[:] = cost
    potential[:] = 0
    distance[:] = _FAR
    scans = 0
    for source in range(excess.size):
        while excess[source] > 0:
            sink, n, in_range = _search(
                source,
                indptr,
                target,
                residual,
                excess,
                potential,
                distance,
                parent,
                heap,
                stack,
                seen,
            )
            if sink < 0:
                return _NO_SINK
            if not in_range:
                return _OUT_OF_RANGE
            scans += n
            if scans > max_scans:
                return _TOO_MUCH_WORK
            _augment(sink, target, edge, sign, mate, cost, excess, flow, residual, parent)
    return _DONE


@njit(cache=True, nogil=True)
def make_scratch(nnodes, narcs):
    """Work arrays of `successive_shortest_paths` for a dual graph of this size: (scratch, heap)."""
    scratch = (
        np.empty(narcs, np.int32),  # residual cost of each arc
        np.empty(nnodes, np.int32),  # potential
        np.empty(nnodes, np.int32),  # distance
        np.empty(nnodes, np.int32),  # arc from the parent
        np.empty(nnodes, np.int32),  # stack
        np.empty(nnodes, np.int32),  # nodes seen
    )
    return scratch, np.empty(narcs + 1, np.int64)


class FlowSolver:
    """Minimum cost flows for many sets of residues on one dual graph; may be shared by threads.

    Parameters
    ----------
    graph : PlanarGraph
    adjacency : DualAdjacency
        `dual_adjacency(graph)`.
    costs : int (nedges,) or (2, nedges)
        Cost of a unit of flow through each edge, >= 0. Two rows: of positive and of negative flow.
    solver : {'ssp', 'ortools'}

    Attributes
    ----------
    mate : int32 (narcs,)
        Arc over the same edge in the other direction.
    arc_cost : int32 (narcs,)
        Cost of one unit along each arc.

    Raises
    ------
    InputError
        If the solver is unknown or the costs have another shape or are negative.
    """

    def __init__(self, graph, adjacency, costs, solver: str = "ssp"):
        if solver not in SOLVERS:
            raise InputError(f"unwrap.solver is {solver!r}, expected one of {', '.join(SOLVERS)}")
        costs = _costs_by_direction(costs, graph.nedges)
        self.solver = solver
        self.nnodes = graph.ntriangles + 1
        self.nedges = graph.nedges
        self._arcs = adjacency
        self.mate = opposite_arcs(adjacency, graph.nedges)
        self.arc_cost = costs[(adjacency.sign < 0).astype(np.int8), adjacency.edge]
        self._max_scans = max(MIN_SCANS, MAX_SCANS_PER_ARC * self.arc_cost.size)
        self._scratch = threading.local()

    def solve(self, residues: np.ndarray) -> np.ndarray:
        """Flow int32 (nedges,) that removes `residues` int (ntri + 1,) at the least cost.

        Raises
        ------
        InputError
            If the residues of a connected part of the dual graph do not add up to zero.
        """
        residues = whole_array(residues, "residues", np.int32)
        if residues.shape != (self.nnodes,):
            raise InputError(
                f"residues have shape {residues.shape}, expected ({self.nnodes},): "
                "one per triangle and one for the ground"
            )
        if residues.sum(dtype=np.int64) != 0:
            self._refuse(residues)
        if self.solver == "ortools":
            return self._solve_ortools(residues)
        return self._solve_ssp(residues)

    def _solve_ssp(self, residues):
        if not hasattr(self._scratch, "arrays"):
            self._scratch.arrays = make_scratch(self.nnodes, self.arc_cost.size)
        scratch, heap = self._scratch.arrays
        arcs = self._arcs
        flow = np.empty(self.nedges, np.int32)
        status = successive_shortest_paths(
            arcs.indptr,
            arcs.target,
            arcs.edge,
            arcs.sign,
            self.mate,
            self.arc_cost,
            residues.copy(),
            flow,
            scratch,
            heap,
            self._max_scans,
        )
        if status == _DONE:
            return flow
        if status == _NO_SINK:
            self._refuse(residues)
        reason = "took too many steps" if status == _TOO_MUCH_WORK else "left the range of 32 bits"
        logger.warning(
            "ssp %s on %d residues in %d triangles; solving these with OR-Tools instead",
            reason,
            np.count_nonzero(residues),
            self.nnodes - 1,
        )
        return self._solve_ortools(residues)

    def _solve_ortools(self, residues):
        from ortools.graph.python import min_cost_flow

        arcs = self._arcs
        tail = arcs.target[self.mate]
        capacity = np.full(tail.size, np.maximum(residues, 0).sum(dtype=np.int64))
        problem = min_cost_flow.SimpleMinCostFlow()
        ids = problem.add_arcs_with_capacity_and_unit_cost(
            tail, arcs.target, capacity, self.arc_cost
        )
        problem.set_nodes_supplies(np.arange(self.nnodes), residues)
        status = problem.solve()
        if status == problem.INFEASIBLE:
            self._refuse(residues)
        if status != problem.OPTIMAL:
            raise RuntimeError(f"OR-Tools' SimpleMinCostFlow ended with status {status.name}")
        units = problem.flows(ids) * arcs.sign
        flow = np.zeros(self.nedges, np.int32)
        np.add.at(flow, arcs.edge, units.astype(np.int32))
        return flow

    def _refuse(self, residues):
        """Raise the error that names the part of the dual graph whose residues do not cancel."""
        ends = np.stack([self._arcs.target[self.mate], self._arcs.target], axis=1)
        part = regions(ends, self.nnodes)
        total = np.bincount(part, weights=residues).astype(np.int64)
        worst = int(np.flatnonzero(total)[0])
        raise InputError(
            f"the residues of {np.count_nonzero(part == worst)} connected triangles (the first is "
            f"{int(np.argmax(part == worst))}) add up to {total[worst]}, expected 0: the last "
            "residue, of the ground, must be minus the sum of the others it connects to"
        )


def solve_flows(graph, adjacency, residues, costs, solver="ssp", n_threads=1) -> np.ndarray:
    """Flows of least total cost that remove residues.

    Minimises sum(costs * abs(flow)) over all integer flows with
    ``planar.residues(graph, k + flow) == 0``, where `residues` are those of ``k``. The minimum is
    exact; where several flows reach it, either solver always returns the same one of them.

    Parameters
    ----------
    graph : PlanarGraph
    adjacency : DualAdjacency
        `dual_adjacency(graph)`.
    residues : int (ntri + 1,) or (n, ntri + 1)
        Residue of each triangle and, last, of the ground [cycles].
    costs : int (nedges,) or (2, nedges)
        Cost of a unit of flow through each edge, >= 0. Two rows: of positive and of negative flow.
    solver : {'ssp', 'ortools'}
        Successive shortest paths, or OR-Tools. Should ssp need an excessive number of steps, the
        log says so and OR-Tools takes over.
    n_threads : int
        Rows of `residues` that are solved at the same time. No influence on the result.

    Returns
    -------
    int32 (nedges,) or (n, nedges)
        Cycles to add to each edge.

    Raises
    ------
    InputError
        If residues do not add up to zero in each connected part of the dual graph, shapes do not
        agree, or a cost is negative.
    """
    problem = FlowSolver(graph, adjacency, costs, solver)
    residues = whole_array(residues, "residues")
    rows = residues.reshape(-1, residues.shape[-1])
    flows = np.empty((rows.shape[0], graph.nedges), np.int32)

    def solve_row(i):
        flows[i] = problem.solve(rows[i])

    in_threads(solve_row, range(rows.shape[0]), n_threads)
    return flows.reshape(*residues.shape[:-1], graph.nedges)


def flow_cost(flows: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Total cost of flows.

    Parameters
    ----------
    flows : int (..., nedges)
    costs : int (nedges,) or (2, nedges)
        As for `solve_flows`.

    Returns
    -------
    int64 (...)
    """
    flows = whole_array(flows, "flows", np.int64)
    costs = _costs_by_direction(costs, flows.shape[-1]).astype(np.int64)
    return np.maximum(flows, 0) @ costs[0] + np.maximum(-flows, 0) @ costs[1]


def opposite_arcs(adjacency, nedges: int) -> np.ndarray:
    """Index int32 (narcs,) of the arc over the same edge in the other direction."""
    arc = np.zeros((2, nedges), np.int32)
    backward = (adjacency.sign < 0).astype(np.int8)
    arc[backward, adjacency.edge] = np.arange(adjacency.edge.size, dtype=np.int32)
    return arc[1 - backward, adjacency.edge]


def in_threads(work: Callable, items, n_threads: int, progress: Callable | None = None) -> None:
    """Call `work(item)` for every item in `n_threads` threads; `progress(done, total)` after each.

    The first exception ends the loop and is raised again.
    """
    items = list(items)
    if n_threads <= 1:
        for done, item in enumerate(items, start=1):
            work(item)
            if progress:
                progress(done, len(items))
        return
    with ThreadPoolExecutor(n_threads) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            for done, future in enumerate(futures, start=1):
                future.result()
                if progress:
                    progress(done, len(items))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _costs_by_direction(costs, nedges):
    """Costs as int32 (2, nedges), checked."""
    costs = np.asarray(costs)
    if costs.shape not in ((nedges,), (2, nedges)):
        raise InputError(
            f"costs have shape {costs.shape}, expected ({nedges},) or (2, {nedges}): one per edge, "
            "or one row per direction"
        )
    if not np.issubdtype(costs.dtype, np.integer):
        raise InputError(f"costs are {costs.dtype}, expected integers: round them")
    if costs.size and (costs.min() < 0 or costs.max() >= _LARGEST):
        raise InputError(
            f"costs are from {costs.min()} to {costs.max()}, expected 0 to {_LARGEST - 1}"
        )
    return np.ascontiguousarray(np.broadcast_to(costs.astype(np.int32), (2, nedges)))
