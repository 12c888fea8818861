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

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from emcflow.arrays import whole_array
from emcflow.errors import InputError
from emcflow.graph.components import regions
from emcflow.graph.ssp import (
    DONE,
    LARGEST,
    NO_SINK,
    TOO_MUCH_WORK,
    Arcs,
    make_scratch,
    successive_shortest_paths,
)

if TYPE_CHECKING:
    from emcflow.graph.planar import DualAdjacency, PlanarGraph

logger = logging.getLogger(__name__)

SOLVERS = ("ssp", "ortools")

# Arcs scanned per arc of the graph before a search for flows is handed to OR-Tools. Pure noise
# needs 20 to 50, on 2 million points as on 40 thousand. Thousands of residues of one sign far from
# those of the other need hundreds, and OR-Tools is then the faster one.
MAX_SCANS_PER_ARC = 300
MIN_SCANS = 10_000_000


class FlowSolver:
    """Minimum cost flows for many sets of residues on one dual graph; may be shared by threads.

    Parameters
    ----------
    graph : PlanarGraph
    costs : int (nedges,) or (2, nedges)
        Cost of a unit of flow through each edge, >= 0. Two rows: of positive and of negative flow.
    solver : {'ssp', 'ortools'}

    Attributes
    ----------
    arcs : Arcs
        Those of the dual graph, with their costs.

    Raises
    ------
    InputError
        If the solver is unknown or the costs have another shape or are negative.
    """

    def __init__(self, graph: PlanarGraph, costs: np.ndarray, solver: str = "ssp") -> None:
        adjacency = graph.dual
        if solver not in SOLVERS:
            raise InputError(f"solver is {solver!r}, expected one of {', '.join(SOLVERS)}")
        costs = _costs_by_direction(costs, graph.nedges)
        self.solver = solver
        self.nnodes = graph.ntriangles + 1
        self.nedges = graph.nedges
        self.arcs = Arcs(
            adjacency.indptr,
            adjacency.target,
            adjacency.edge,
            adjacency.sign,
            opposite_arcs(adjacency, graph.nedges),
            costs[(adjacency.sign < 0).astype(np.int8), adjacency.edge],
        )
        # of the costs of an edge in either direction, those of each arc
        self._places = (adjacency.sign < 0) * graph.nedges + adjacency.edge
        self._max_scans = max(MIN_SCANS, MAX_SCANS_PER_ARC * adjacency.edge.size)
        self._scratch = threading.local()

    def with_costs(self, costs: np.ndarray) -> FlowSolver:
        """Return a solver on the same graph, and with the same work arrays, at other costs."""
        other = copy.copy(self)
        own = _costs_by_direction(costs, self.nedges)
        forth = np.empty_like(self.arcs.cost)
        np.take(own.ravel(), self._places, out=forth)
        other.arcs = self.arcs._replace(cost=forth)
        return other

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

    def _solve_ssp(self, residues: np.ndarray) -> np.ndarray:
        if not hasattr(self._scratch, "arrays"):
            self._scratch.arrays = make_scratch(self.nnodes, self.arcs.cost.size)
        flow = np.empty(self.nedges, np.int32)
        status = successive_shortest_paths(
            self.arcs, residues.copy(), flow, self._scratch.arrays, self._max_scans
        )
        if status == DONE:
            return flow
        if status == NO_SINK:
            self._refuse(residues)
        reason = "took too many steps" if status == TOO_MUCH_WORK else "left the range of 32 bits"
        logger.warning(
            "ssp %s on %d residues in %d triangles; solving these with OR-Tools instead",
            reason,
            np.count_nonzero(residues),
            self.nnodes - 1,
        )
        return self._solve_ortools(residues)

    def _solve_ortools(self, residues: np.ndarray) -> np.ndarray:
        from ortools.graph.python import min_cost_flow

        arcs = self.arcs
        tail = arcs.target[arcs.mate]
        capacity = np.full(tail.size, np.maximum(residues, 0).sum(dtype=np.int64))
        problem = min_cost_flow.SimpleMinCostFlow()
        ids = problem.add_arcs_with_capacity_and_unit_cost(tail, arcs.target, capacity, arcs.cost)
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

    def _refuse(self, residues: np.ndarray) -> NoReturn:
        """Raise the error that names the part of the dual graph whose residues do not cancel."""
        ends = np.stack([self.arcs.target[self.arcs.mate], self.arcs.target], axis=1)
        part = regions(ends, self.nnodes)
        total = np.bincount(part, weights=residues).astype(np.int64)
        worst = int(np.flatnonzero(total)[0])
        raise InputError(
            f"the residues of {np.count_nonzero(part == worst)} connected triangles (the first is "
            f"{int(np.argmax(part == worst))}) add up to {total[worst]}, expected 0: the last "
            "residue, of the ground, must be minus the sum of the others it connects to"
        )


def solve_flows(
    graph: PlanarGraph,
    residues: np.ndarray,
    costs: np.ndarray,
    solver: str = "ssp",
    n_threads: int = 1,
) -> np.ndarray:
    """Flows of least total cost that remove residues.

    Minimises sum(costs * abs(flow)) over all integer flows with
    ``planar.residues(graph, k + flow) == 0``, where `residues` are those of ``k``. The minimum is
    exact; where several flows reach it, either solver always returns the same one of them.

    Parameters
    ----------
    graph : PlanarGraph
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
    problem = FlowSolver(graph, costs, solver)
    residues = whole_array(residues, "residues")
    rows = residues.reshape(-1, residues.shape[-1])
    flows = np.empty((rows.shape[0], graph.nedges), np.int32)

    def solve_row(i: int) -> None:
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


def opposite_arcs(adjacency: DualAdjacency, nedges: int) -> np.ndarray:
    """Index int32 (narcs,) of the arc over the same edge in the other direction."""
    arc = np.zeros((2, nedges), np.int32)
    backward = (adjacency.sign < 0).astype(np.int8)
    arc[backward, adjacency.edge] = np.arange(adjacency.edge.size, dtype=np.int32)
    return arc[1 - backward, adjacency.edge]


def in_threads(
    work: Callable, items: Sequence, n_threads: int, progress: Callable | None = None
) -> None:
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


def _costs_by_direction(costs: np.ndarray, nedges: int) -> np.ndarray:
    """Costs as int32 (2, nedges), checked."""
    costs = np.asarray(costs)
    if costs.shape not in ((nedges,), (2, nedges)):
        raise InputError(
            f"costs have shape {costs.shape}, expected ({nedges},) or (2, {nedges}): one per edge, "
            "or one row per direction"
        )
    if not np.issubdtype(costs.dtype, np.integer):
        raise InputError(f"costs are {costs.dtype}, expected integers: round them")
    if costs.size and (costs.min() < 0 or costs.max() >= LARGEST):
        raise InputError(
            f"costs are from {costs.min()} to {costs.max()}, expected 0 to {LARGEST - 1}"
        )
    return np.ascontiguousarray(np.broadcast_to(costs.astype(np.int32), (2, nedges)))
