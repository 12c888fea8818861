"""Compare minimum cost flows from all residues at once with those from one after the other.

python benchmarks/flows.py OUTPUT.json THREADS PREPARED.json

PREPARED.json holds rows, columns, points, dates and seed of a random scene. The library searches
from one positive residue after the other. Where residues are dense these searches cross the same
triangles again and again, so a single search from all of them might be the faster way: this is a
prototype of it, the primal-dual algorithm [1]_, without the library's guards against phase that
needs excessive work or leaves the range of 32 bits. Both solve the same residues in one thread.

References
----------
.. [1] Ahuja, R. K., Magnanti, T. L., Orlin, J. B. (1993). Network Flows, section 9.8.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from emcflow.graph.delaunay import point_mesh
from emcflow.graph.mcf import FlowSolver, flow_cost
from emcflow.graph.planar import residues
from emcflow.graph.ssp import FAR, augment, heap_pop, heap_push, make_scratch
from emcflow.unwrap.costs import spatial_costs
from numba import njit
from stage_clock import StageClock

# Residues in 1, 5, 10, 15, 20 % of the triangles, and in every fourth one: that is pure noise, as
# three random phases leave half of the circle free in three cases out of four.
NOISE_RAD = 0.77, 0.98, 1.16, 1.34, 1.58, 10.0
RAMP_RAD = 0.02, 0.03  # per row and column
COSTS = "constant", "distance", "coherence"
SOLVED = 5  # dates
REPEATS = 3


# Not kept on disk: numba would not notice that the functions of the library have changed.
@njit
def _search(sources, least, arcs, excess, scratch):
    """Dijkstra over reduced costs from all `sources`, to the nearest node of negative excess.

    The search goes on to the distance `least` where a sink is nearer. On return the potentials are
    updated, and distances are known of the first nodes of `seen`, whose number is returned.
    """
    indptr, target = arcs.indptr, arcs.target
    residual, potential, distance, _, stack, seen, heap = scratch
    n_seen = n_stack = sources.size
    n_heap = 0
    seen[:n_seen] = sources
    stack[:n_stack] = sources
    distance[sources] = 0
    end = np.int64(FAR)
    while True:
        if n_stack > 0:
            n_stack -= 1
            node = stack[n_stack]
        elif n_heap > 0:
            key = heap[0]
            if (key >> 32) > end:
                break
            node = np.int32(key & 0xFFFFFFFF)
            n_heap = heap_pop(heap, n_heap)
            if (key >> 32) > distance[node]:
                continue
        else:
            break
        here = distance[node]
        offset = np.int64(here) - potential[node]
        for arc in range(indptr[node], indptr[node + 1]):
            other = target[arc]
            there = offset + residual[arc] + potential[other]
            if there < distance[other] and there <= end:
                if distance[other] == FAR:
                    seen[n_seen] = other
                    n_seen += 1
                distance[other] = there
                if excess[other] < 0:
                    end = max(there, least)
                if there == here:
                    stack[n_stack] = other
                    n_stack += 1
                else:
                    n_heap = heap_push(heap, n_heap, (there << 32) | np.int64(other))
    for node in seen[:n_seen]:
        if distance[node] < end:
            potential[node] += end - distance[node]
    return n_seen


@njit
def _find_path(sink, arcs, excess, scratch):
    """Walk back from `sink` over arcs of zero reduced cost; True where that leads to a source.

    `parent` then describes the way. Nodes that lead nowhere get the distance of those never seen,
    so that no other walk of the phase tries them again.
    """
    indptr, target, mate = arcs.indptr, arcs.target, arcs.mate
    residual, potential, distance, parent, path = scratch[:5]
    path[0] = sink
    size = 1
    distance[sink] = FAR
    while size > 0:
        node = path[size - 1]
        if excess[node] > 0:
            parent[node] = -1
            distance[path[:size]] = 0
            return True
        for arc in range(indptr[node], indptr[node + 1]):
            other = target[arc]
            back = mate[arc]
            if distance[other] != FAR and residual[back] + potential[node] == potential[other]:
                distance[other] = FAR
                parent[node] = back
                path[size] = other
                size += 1
                break
        else:
            size -= 1
    return False


@njit
def _solve(arcs, least, excess, flow, scratch, sources):
    """Route all of `excess` to zero at the least cost; returns the number of phases.

    Arguments as those of `emcflow.graph.ssp.successive_shortest_paths`; `sources` are the nodes of
    positive excess. Every part of the dual graph must be able to get rid of its residues.
    """
    distance, seen = scratch.distance, scratch.seen
    flow[:] = 0
    scratch.residual[:] = arcs.cost
    scratch.potential[:] = 0
    distance[:] = FAR
    phases = 0
    while sources.size > 0:
        n_seen = _search(sources, least, arcs, excess, scratch)
        for sink in seen[:n_seen]:
            while excess[sink] < 0 and _find_path(sink, arcs, excess, scratch):
                augment(sink, arcs, excess, flow, scratch)
        distance[seen[:n_seen]] = FAR
        sources = sources[excess[sources] > 0]
        phases += 1
    return phases


def solver_at_once(problem: FlowSolver):
    """Return a function that gives flow and number of phases for residues of a problem.

    Any distance may end a search: reduced costs stay >= 0, so the flow is the cheapest one. Where
    costs vary, few residues have their nearest partner equally far, and searches that end at the
    first are many. Here they go on to the median cost of an edge, which saves up to half of the
    time; with constant costs no two residues are nearer to each other than that.
    """
    scratch = make_scratch(problem.nnodes, problem.arcs.cost.size)
    least = int(np.median(problem.arcs.cost))

    def solve(loops):
        flow = np.empty(problem.nedges, np.int32)
        sources = np.flatnonzero(loops > 0)
        phases = _solve(problem.arcs, least, loops.copy(), flow, scratch, sources)
        return flow, phases

    return solve


def random_points(settings: dict, rng) -> np.ndarray:
    """Row and column of random pixels, int32 (npoints, 2), in row-major order."""
    rows, cols = settings["rows"], settings["cols"]
    pixels = np.sort(rng.choice(rows * cols, settings["points"], replace=False))
    return np.stack(np.divmod(pixels, cols), axis=1).astype(np.int32)


def noisy_cycles(graph, points, noise) -> np.ndarray:
    """Cycles of the links, int32 (n, nlinks), of a ramp of phase with noise [rad] (n, npoints)."""
    phase = np.angle(np.exp(1j * (points @ np.array(RAMP_RAD) + noise)))
    a, b = graph.edges.T
    return -np.rint((phase[:, b] - phase[:, a]) / (2 * np.pi)).astype(np.int32)


def link_coherence(graph, noise) -> np.ndarray:
    """Coherence over the dates that a link model without error finds, float (nlinks,)."""
    a, b = graph.edges.T
    return np.abs(np.mean([np.exp(1j * (row[b] - row[a])) for row in noise], axis=0))


def race(graph, cycles, costs) -> list[float]:
    """Solve in turn one after the other and at once, and check that both are equally good.

    Parameters
    ----------
    graph : PlanarGraph
    cycles : int (n, nedges)
    costs : int (nedges,)

    Returns
    -------
    list of float
        CPU seconds of one row of `cycles`, one after the other and at once, medians of the runs;
        number of phases of a row.
    """
    loops = residues(graph, cycles)
    problem = FlowSolver(graph, costs)
    at_once = solver_at_once(problem)
    ways = {
        "one by one": lambda: np.array([problem.solve(row) for row in loops]),
        "at once": lambda: [at_once(row) for row in loops],
    }
    # this first run compiles, too
    theirs = ways["one by one"]()
    ours, phases = zip(*ways["at once"](), strict=True)
    if residues(graph, cycles + np.array(ours)).any():
        raise SystemExit("flows from all residues at once leave residues")
    if (flow_cost(ours, costs) != flow_cost(theirs, costs)).any():
        raise SystemExit("flows from all residues at once have another cost than the library's")
    clocks = []
    for _ in range(REPEATS):
        clocks.append(StageClock())
        for name, way in ways.items():
            clocks[-1].run(name, way)
    used = [np.median([clock.stages[name]["cpu_s"] for clock in clocks]) for name in ways]
    return [*(float(cpu) / len(loops) for cpu in used), float(np.mean(phases))]


def compare(settings: dict) -> dict:
    """Compare both ways on the mesh of random points, for some densities of residues and costs.

    Parameters
    ----------
    settings : dict
        ``rows``, ``cols``, ``points``, ``dates``, ``seed``.

    Returns
    -------
    dict
        Numbers of points and links; ``rows``, one for each density and kind of costs: share of
        triangles with a residue, kind, number of residues, and what `race` gives, per date.
    """
    rng = np.random.default_rng(settings["seed"])
    points = random_points(settings, rng)
    graph = point_mesh(points)
    rows = []
    for noise_rad in NOISE_RAD:
        noise = noise_rad * rng.standard_normal((settings["dates"], len(points)))
        coherence = link_coherence(graph, noise)
        cycles = noisy_cycles(graph, points, noise[:SOLVED])
        count = np.count_nonzero(residues(graph, cycles)[:, :-1]) / len(cycles)
        for kind in COSTS:
            costs = spatial_costs(kind, graph, points, coherence=coherence)
            measured = race(graph, cycles, costs)
            rows.append([count / graph.ntriangles, kind, count, *measured])
    return {"points": len(points), "links": graph.nedges, "rows": rows}


if __name__ == "__main__":
    output, _, prepared = sys.argv[1:]  # one thread, whatever the number of cores
    settings = json.loads(Path(prepared).read_text())
    Path(output).write_text(json.dumps(compare(settings)))
