"""Unwrapping of gradients: every link in time, then every pair in space.

The extended minimum cost flow of Pepe & Lanari [1]_. A link is an edge of the mesh of points. Its
gradients in all pairs of dates are first made consistent over the temporal network, link by link;
then each pair is made consistent over the mesh. Both are minimum cost flow problems on the dual of
a planar graph. All that is sought are whole cycles, so unwrapped and wrapped phase agree exactly.

References
----------
.. [1] Pepe, A., Lanari, R. (2006). On the extension of the minimum cost flow algorithm for phase
   unwrapping of multitemporal differential SAR interferograms. IEEE Transactions on Geoscience and
   Remote Sensing 44(9), 2374-2383.
"""

import threading
from collections.abc import Callable

import numpy as np
from numba import njit

from emcflow.date_weights import effective_dates
from emcflow.errors import InputError
from emcflow.geometry import days_since_first
from emcflow.mcf import (
    FlowSolver,
    flow_cost,
    in_threads,
    make_scratch,
    successive_shortest_paths,
)
from emcflow.planar import breadth_first_tree, dual_adjacency, integrate_cycles, residues

LINKS_PER_CHUNK = 8192
MAX_MODEL_CYCLES = 5000
NO_LIMIT = np.int64(2**62)
COST_SCALE = 100
COHERENCE_SCALE = 20
LARGEST_SNR = 50.0


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
    phase = np.ascontiguousarray(phase, dtype=np.float32)
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


def supported_params(
    phase: np.ndarray,
    graph,
    design: np.ndarray,
    params: np.ndarray,
    coherence: np.ndarray,
    ranges,
    n_threads: int = 1,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Parameters of the link model where the phase supports them, zero elsewhere.

    The highest peak of a periodogram is there on pure noise, too. Wrapping a noisy gradient around
    a peak that is not the true one costs more points than leaving a small true value out, so a
    link keeps its parameters only if they beat the hypothesis that all are zero.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Wrapped phase [rad], relative to the first date.
    graph : PlanarGraph
        Mesh of the points; its edges are the links.
    design : float (ndates, nterms)
        Phase per unit of each term [rad/unit].
    params : float32 (nterms, nlinks)
        Highest peak of every link.
    coherence : float32 (nlinks,)
        Coherence of every link about it.
    ranges : sequence of (low, high), one per term
        Where the peak was searched.
    n_threads : int
        No influence on the result.
    weights : float64 (ndates,), optional
        Of the dates in that coherence, mean 1.

    Returns
    -------
    float32 (nterms, nlinks)

    Notes
    -----
    A coherence g stands for Gaussian phase noise of variance -2 ln g; the largest likelihood over n
    dates is then, but for a constant, -n/2 ln(-2 ln g). The gain over zero parameters must exceed
    ln(cells) + nterms/2 ln(n): the number of resolution cells 2 pi / (max - min of the design's
    column) in which the search could have found a peak, and the penalty of the Bayesian information
    criterion for the place in the cell (Schwarz 1978, Annals of Statistics 6(2), 461-464). With
    weights both coherences are weighted, and n is the effective number of dates: one of next to no
    weight tells nothing.
    """
    phase = np.ascontiguousarray(phase, dtype=np.float32)
    params, coherence = np.asarray(params, np.float32), np.asarray(coherence, np.float64)
    cells = np.array([high - low for low, high in ranges]) * np.ptp(design, axis=0) / (2 * np.pi)
    ndates = effective_dates(len(phase), weights)
    needed = np.log(np.maximum(cells, 1)).sum() + 0.5 * len(params) * np.log(ndates)
    plain = plain_coherence(phase, graph, weights, n_threads)
    spread_plain, spread = (-np.log(np.clip(g, 1e-6, 1 - 1e-6)) for g in (plain, coherence))
    gain = 0.5 * ndates * np.log(spread_plain / spread)
    return np.where(gain > needed, params, np.float32(0))


def supported_model(
    phase, graph, design, params, coherence, ranges, n_threads=1, weights=None
) -> tuple[np.ndarray, np.ndarray]:
    """Parameters of the link model where the phase supports them, and the coherence about them.

    Parameters
    ----------
    phase, graph, design, params, coherence, ranges, n_threads, weights
        As for `supported_params`.

    Returns
    -------
    params : float32 (nterms, nlinks)
        Zero where they are not supported.
    coherence : float32 (nlinks,)
        That of the link as it is where they are zero.
    """
    kept = supported_params(phase, graph, design, params, coherence, ranges, n_threads, weights)
    plain = plain_coherence(phase, graph, weights, n_threads)
    return kept, np.where(kept.any(axis=0), coherence, plain).astype(np.float32)


def plain_coherence(
    phase: np.ndarray, graph, weights: np.ndarray | None = None, n_threads: int = 1
) -> np.ndarray:
    """Coherence of every link without any model.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Wrapped phase [rad], relative to the first date.
    graph : PlanarGraph
        Mesh of the points; its edges are the links.
    weights : float64 (ndates,), optional
        Of the dates, mean 1.
    n_threads : int
        No influence on the result.

    Returns
    -------
    float64 (nlinks,)
        0 to 1.
    """
    of_dates = np.ones(len(phase)) if weights is None else np.asarray(weights, np.float64)
    plain = np.empty(graph.nedges)

    def fill_chunk(start):
        stop = min(start + LINKS_PER_CHUNK, plain.size)
        _link_coherence(phase, graph.edges, of_dates, start, stop, plain)

    in_threads(fill_chunk, range(0, plain.size, LINKS_PER_CHUNK), n_threads)
    return plain


@njit(cache=True, nogil=True)
def _link_coherence(phase, links, weights, start, stop, out):
    """Fill start:stop of `out` with the coherence of links without any model."""
    ndates = phase.shape[0]
    for link in range(start, stop):
        real = imag = 0.0
        for date in range(ndates):
            gradient = phase[date, links[link, 1]] - phase[date, links[link, 0]]
            real += weights[date] * np.cos(gradient)
            imag += weights[date] * np.sin(gradient)
        out[link] = np.sqrt(real**2 + imag**2) / ndates


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
    design = np.ascontiguousarray(design, dtype=np.float64)
    params = np.ascontiguousarray(params, dtype=np.float32)
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


def unwrap_in_space(
    k: np.ndarray,
    network,
    graph,
    adjacency,
    tree,
    costs: np.ndarray,
    solver: str = "ssp",
    n_threads: int = 1,
    progress: Callable | None = None,
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
    adjacency : DualAdjacency
        `dual_adjacency(graph)`.
    tree : SpanningTree
        Of the points; each of its regions is zero at its root.
    costs : int (nlinks,) or (2, nlinks)
        Cost of a cycle on each link, from `spatial_costs`.
    solver : {'ssp', 'ortools'}
        See `mcf.solve_flows`.
    n_threads : int
        Pairs that are unwrapped at the same time. No influence on the result.
    progress : callable, optional
        Called with (pairs done, pairs in all).

    Returns
    -------
    cycles : int16 (npairs, npoints)
        c; the unwrapped phase of pair (d1, d2) is ``phase[d2] - phase[d1] + 2 pi c`` [rad].
    statistics : dict of int64 (npairs,)
        ``residues``: triangles whose cycles do not cancel; ``flow_links``: links that were changed;
        ``flow_sum``: cycles that were added to or taken from them; ``cost``: total cost of that.
        Also ``crossings`` of int64 (npoints,): changed links of each point, over all pairs.
    """
    problem = FlowSolver(graph, adjacency, costs, solver)
    costs = np.asarray(costs)
    pairs = network.pairs
    by_date = np.empty((len(k), graph.ntriangles), np.int16)
    for date in range(len(k)):
        by_date[date] = residues(graph, k[date])[:-1]
    cycles = np.empty((len(pairs), graph.nnodes), np.int16)
    names = ("residues", "flow_links", "flow_sum", "cost")
    statistics = {name: np.zeros(len(pairs), np.int64) for name in names}
    statistics["crossings"] = np.zeros(graph.nnodes, np.int64)
    one_at_a_time = threading.Lock()

    def unwrap_pair(i):
        first, second = pairs[i]
        loops = np.empty(graph.ntriangles + 1, np.int32)
        np.subtract(by_date[second], by_date[first], out=loops[:-1], dtype=np.int32)
        loops[-1] = -loops[:-1].sum()
        flow = problem.solve(loops)
        changed = np.flatnonzero(flow)
        statistics["residues"][i] = np.count_nonzero(loops[:-1])
        statistics["flow_links"][i] = changed.size
        statistics["flow_sum"][i] = np.abs(flow[changed]).sum()
        statistics["cost"][i] = flow_cost(flow[changed], costs[..., changed])
        with one_at_a_time:
            np.add.at(statistics["crossings"], graph.edges[changed].ravel(), 1)
        flow += k[second]
        flow -= k[first]
        cycles[i] = integrate_cycles(tree, flow)

    in_threads(unwrap_pair, range(len(pairs)), n_threads, progress)
    return cycles, statistics


def spatial_costs(
    kind: str, graph, points: np.ndarray, coherence: np.ndarray | None = None
) -> np.ndarray:
    """Cost of adding a cycle to each link of the mesh.

    Parameters
    ----------
    kind : {'constant', 'distance', 'centroid', 'coherence'}
        ``constant``: every link the same. ``distance``: falls with the length of the link.
        ``centroid``: falls with the distance between the centroids of the two triangles beside
        the link (on the outline: twice the distance from the centroid to the middle of the link).
        ``coherence``: grows with the coherence g of the link about its model, as g^2 / (1 - g^2).
    graph : PlanarGraph
    points : int (npoints, 2)
        Row and column of each point.
    coherence : float32 (nlinks,), optional
        Of the links about their model, 0 to 1; for kind 'coherence'.

    Returns
    -------
    int32 (nlinks,)
        At least 1.

    Raises
    ------
    InputError
        If the kind is unknown, or coherence is missing or has another shape.

    Notes
    -----
    Why g^2 / (1 - g^2): for Gaussian noise of variance s^2, a gradient that is x off its model is
    less likely by a factor exp(((x + 2 pi)^2 - x^2) / (2 s^2)) with one more cycle; the mean over x
    of its logarithm is 2 pi^2 / s^2. Phase of coherence g has a variance in proportion to
    (1 - g^2) / g^2 (Rodriguez & Martin 1992, IEE Proceedings F 139(2), 147-159, the Cramer-Rao
    bound), so that is what a cycle costs. Costs are capped where noise is too small to matter. On
    simulated cities and a real stack, points of temporal coherence above 0.4, this left fewer
    wrong than costs linear in g and about as many as the log-odds of errors beyond half a cycle;
    with points down to 0.3 linear costs were sometimes better.
    """
    points = np.asarray(points, dtype=np.float64)
    if kind == "constant":
        return np.ones(graph.nedges, np.int32)
    if kind == "distance":
        return _inverse_costs(_edge_length(graph, points))
    if kind == "centroid":
        return _inverse_costs(_centroid_distance(graph, points))
    if kind == "coherence":
        return _coherence_costs(coherence, graph.nedges)
    raise InputError(
        f"unwrap.spatial_cost is {kind!r}, expected constant, distance, centroid or coherence"
    )


def temporal_costs(kind: str, network) -> np.ndarray:
    """Cost of adding a cycle to a link in each pair of dates.

    Parameters
    ----------
    kind : {'constant', 'distance', 'centroid'}
        ``constant``: every pair the same. ``distance``: falls with the time between the dates.
        ``centroid``: falls with the time between the mean dates of the two triangles beside the
        pair (as in `spatial_costs`, on one axis).
    network : PlanarNetwork

    Returns
    -------
    int32 (npairs,)
        At least 1.

    Raises
    ------
    InputError
        If the kind is unknown.
    """
    graph = network.graph
    time = days_since_first(network.dates)[:, None]
    time /= np.diff(time, axis=0).mean()
    if kind == "constant":
        return np.ones(graph.nedges, np.int32)
    if kind == "distance":
        return _inverse_costs(_edge_length(graph, time))
    if kind == "centroid":
        return _inverse_costs(_centroid_distance(graph, time))
    raise InputError(f"unwrap.temporal_cost is {kind!r}, expected constant, distance or centroid")


def _inverse_costs(distance):
    """Integer costs 1 + COST_SCALE / distance; distances below 0.1 count as 0.1."""
    return np.rint(1 + COST_SCALE / np.maximum(distance, 0.1)).astype(np.int32)


def _edge_length(graph, positions):
    step = positions[graph.edges[:, 1]] - positions[graph.edges[:, 0]]
    return np.sqrt((step**2).sum(axis=1))


def _centroid_distance(graph, positions):
    """Distance between the centroids beside each edge; 1 where the ground is on both sides."""
    centroids = positions[graph.triangles].mean(axis=1)
    middle = positions[graph.edges].mean(axis=1)
    left, right = graph.left, graph.right
    inner = (left != graph.ground) & (right != graph.ground)
    outer = (left == graph.ground) != (right == graph.ground)
    beside = np.minimum(left, right)
    step = np.ones_like(middle)
    step[inner] = centroids[left[inner]] - centroids[right[inner]]
    step[outer] = 2 * (centroids[beside[outer]] - middle[outer])
    return np.sqrt((step**2).sum(axis=1))


def _coherence_costs(coherence, nlinks):
    """Costs 1 + COHERENCE_SCALE * g^2 / (1 - g^2) for coherence g."""
    coherence = np.asarray(coherence, dtype=np.float64)
    if coherence.shape != (nlinks,):
        raise InputError(
            f"coherence has shape {coherence.shape}, expected ({nlinks},), one per link: costs of "
            "kind 'coherence' need the link model; choose another kind without it"
        )
    power = np.clip(coherence, 0.0, 1.0) ** 2
    ratio = power / np.maximum(1 - power, 1 / (1 + LARGEST_SNR))
    return np.rint(1 + COHERENCE_SCALE * ratio).astype(np.int32)
