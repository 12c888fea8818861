"""Unwrapping in space: the cycles of every point, pair by pair (Pepe & Lanari 2006)."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from emcflow.graph.components import SpanningTree
from emcflow.graph.mcf import FlowSolver, flow_cost, in_threads
from emcflow.graph.planar import PlanarGraph, integrate_cycles, residues
from emcflow.network.networks import Network
from emcflow.unwrap.costs import PairCosts
from emcflow.unwrap.known_cycles import KnownCycles, flow_of, settled_cycles


def unwrap_in_space(
    k: np.ndarray,
    network: Network,
    graph: PlanarGraph,
    tree: SpanningTree,
    costs: np.ndarray | PairCosts,
    solver: str = "ssp",
    n_threads: int = 1,
    progress: Callable | None = None,
    known: Callable[[int], KnownCycles | None] | None = None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Unwrap every pair over the mesh of points and integrate it.

    Parameters
    ----------
    k : int16 (ndates, nlinks)
        Cycles of every link, from `unwrap_in_time`.
    network : Network
        Its pairs are unwrapped; they need not be those of the network in time.
    graph : PlanarGraph
        Mesh of the points. Without triangles the links are integrated as they are.
    tree : SpanningTree
        Of the points; each of its regions is zero at its root.
    costs : int (nlinks,) or (2, nlinks), or PairCosts
        Cost of a cycle on each link, from `spatial_costs`; or what tells it for each pair.
    solver : {'ssp', 'ortools'}
        See `mcf.solve_flows`.
    n_threads : int
        Pairs that are unwrapped at the same time. No influence on the result.
    progress : callable, optional
        Called with (pairs done, pairs in all).
    known : callable, optional
        Returns what is known of the cycles of a pair, by its number, None for nothing. Only what is
        doubtful there is unwrapped.

    Returns
    -------
    cycles : int16 (npairs, npoints)
        c; the unwrapped phase of pair (d1, d2) is ``phase[d2] - phase[d1] + 2 pi c`` [rad].
    statistics : dict of int64 (npairs,)
        ``residues``: triangles whose cycles do not cancel; ``flow_links``: links that were changed;
        ``flow_sum``: cycles that were added to or taken from them; ``cost``: total cost of that.
        Also ``crossings`` of int64 (npoints,): changed links of each point, over all pairs; and
        with `known` ``doubtful`` of int64 (npairs,), points.
    """
    by_pair = costs if isinstance(costs, PairCosts) else None
    alike = by_pair.of_links if by_pair else np.asarray(costs)
    of_all = FlowSolver(graph, alike, solver)
    pairs = network.pairs
    by_date = np.empty((len(k), graph.ntriangles), np.int16)
    for date in range(len(k)):
        by_date[date] = residues(graph, k[date])[:-1]
    cycles = np.empty((len(pairs), graph.nnodes), np.int16)
    names = ("residues", "flow_links", "flow_sum", "cost")
    statistics = {name: np.zeros(len(pairs), np.int64) for name in names}
    statistics["crossings"] = np.zeros(graph.nnodes, np.int64)
    if known:
        statistics["doubtful"] = np.zeros(len(pairs), np.int64)
    one_at_a_time = threading.Lock()

    def unwrap_pair(i: int) -> None:
        first, second = pairs[i]
        loops = np.empty(graph.ntriangles + 1, np.int32)
        np.subtract(by_date[second], by_date[first], out=loops[:-1], dtype=np.int32)
        loops[-1] = -loops[:-1].sum()
        own = by_pair.of_dates(first, second) if by_pair else alike
        solver_of_pair = of_all.with_costs(own) if by_pair else of_all
        given = known(i) if known else None
        if given is None:
            flow = solver_of_pair.solve(loops)
        else:
            gradient = np.subtract(k[second], k[first], dtype=np.int32)
            cycles[i] = settled_cycles(given, gradient, graph, tree, solver_of_pair)
            flow = flow_of(cycles[i], gradient, graph, tree)
            statistics["doubtful"][i] = np.count_nonzero(given.doubtful)
        changed = np.flatnonzero(flow)
        statistics["residues"][i] = np.count_nonzero(loops[:-1])
        statistics["flow_links"][i] = changed.size
        statistics["flow_sum"][i] = np.abs(flow[changed]).sum()
        statistics["cost"][i] = flow_cost(flow[changed], own[..., changed])
        with one_at_a_time:
            np.add.at(statistics["crossings"], graph.edges[changed].ravel(), 1)
        if given is None:
            flow += k[second]
            flow -= k[first]
            cycles[i] = integrate_cycles(tree, flow)

    in_threads(unwrap_pair, range(len(pairs)), n_threads, progress)
    return cycles, statistics
