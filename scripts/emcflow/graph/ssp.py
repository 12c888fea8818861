"""Successive shortest paths: flows of least cost on the dual of a planar graph (compiled).

The searches that :mod:`emcflow.graph.mcf` describes. All compiled functions that they need, and
those that call them, are in this file: numba keeps what it has compiled until the file of the
called function changes, and does not look at the files of those that this one calls in turn.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

DONE, NO_SINK, TOO_MUCH_WORK, OUT_OF_RANGE = 0, 1, 2, 3
FAR = np.int32(2**31 - 1)
LARGEST = np.int32(2**30)
NO_LIMIT = np.int64(2**62)


class Arcs(NamedTuple):
    """Arcs of a dual graph, as compressed rows, and what a unit of flow along each costs.

    Attributes
    ----------
    indptr, target, edge, sign
        As of :class:`emcflow.graph.planar.DualAdjacency`.
    mate : int32 (narcs,)
        Arc over the same edge in the other direction.
    cost : int32 (narcs,)
        Cost of one unit along the arc, >= 0.
    """

    indptr: np.ndarray
    target: np.ndarray
    edge: np.ndarray
    sign: np.ndarray
    mate: np.ndarray
    cost: np.ndarray


class Scratch(NamedTuple):
    """Work arrays of a search.

    Attributes
    ----------
    residual : int32 (narcs,)
        Residual cost of each arc.
    potential, distance : int32 (nnodes,)
    parent : int32 (nnodes,)
        Arc from the parent.
    stack, seen : int32 (nnodes,)
    heap : int64 (narcs + 1,)
    """

    residual: np.ndarray
    potential: np.ndarray
    distance: np.ndarray
    parent: np.ndarray
    stack: np.ndarray
    seen: np.ndarray
    heap: np.ndarray


@njit(cache=True, nogil=True)
def heap_push(heap: np.ndarray, size: int, key: int) -> int:
    """Add a key to the first `size` ones of a heap and return the new size."""
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
def heap_pop(heap: np.ndarray, size: int) -> int:
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
def augment(sink: int, arcs: Arcs, excess: np.ndarray, flow: np.ndarray, scratch: Scratch) -> None:
    """Send as much as possible along the path to `sink` that `scratch.parent` describes.

    Updates `excess`, `flow` and `scratch.residual`.
    """
    target, edge, sign, mate, cost = arcs.target, arcs.edge, arcs.sign, arcs.mate, arcs.cost
    residual, parent = scratch.residual, scratch.parent
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
    source: int, arcs: Arcs, excess: np.ndarray, scratch: Scratch
) -> tuple[int, int, bool | np.bool_]:
    """Dijkstra over reduced costs from `source` to the nearest node of negative excess.

    Returns the sink (-1 if none can be reached), the number of arcs scanned and whether all values
    stayed in range. On return the potentials are updated and the distances clean again.

    Arcs of zero reduced cost, which are many once flows exist, go over `stack` and skip the heap.
    What is no nearer than the nearest sink so far is not kept: this spares most arcs of the ground.

    None of the searches of `emcflow.graph.components`: it stops at the first sink, on residual arcs
    that change after every search, and must touch no node beyond those that it visits.
    """
    indptr, target = arcs.indptr, arcs.target
    residual, potential, distance, parent, stack, seen, heap = scratch
    distance[source] = 0
    parent[source] = -1
    seen[0] = source
    n_seen = 1
    stack[0] = source
    n_stack = 1
    n_heap = 0
    best = FAR
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
            n_heap = heap_pop(heap, n_heap)
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
                if distance[other] == FAR:
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
                    n_heap = heap_push(heap, n_heap, (there << 32) | np.int64(other))
    in_range = best < LARGEST
    for i in range(n_seen):
        node = seen[i]
        if distance[node] < best and sink >= 0:
            potential[node] += best - distance[node]
            in_range = in_range and potential[node] < LARGEST
        distance[node] = FAR
    return sink, scans, in_range


@njit(cache=True, nogil=True)
def successive_shortest_paths(
    arcs: Arcs, excess: np.ndarray, flow: np.ndarray, scratch: Scratch, max_scans: int | np.integer
) -> int:
    """Route all of `excess` to zero at the least cost; returns a status (compiled).

    Parameters
    ----------
    arcs : Arcs
    excess : int32 (nnodes,)
        Residues; all zero on return.
    flow : int32 (nedges,)
        The result.
    scratch : Scratch
        As made by `make_scratch`; contents on entry do not matter.
    max_scans : int64
        Bound on the number of arcs scanned.

    Returns
    -------
    int
        `DONE`, `NO_SINK`, `TOO_MUCH_WORK` or `OUT_OF_RANGE`.
    """
    flow[:] = 0
    scratch.residual[:] = arcs.cost
    scratch.potential[:] = 0
    scratch.distance[:] = FAR
    scans = 0
    for source in range(excess.size):
        while excess[source] > 0:
            sink, n, in_range = _search(source, arcs, excess, scratch)
            if sink < 0:
                return NO_SINK
            if not in_range:
                return OUT_OF_RANGE
            scans += n
            if scans > max_scans:
                return TOO_MUCH_WORK
            augment(sink, arcs, excess, flow, scratch)
    return DONE


@njit(cache=True, nogil=True)
def make_scratch(nnodes: int, narcs: int) -> Scratch:
    """Work arrays for a dual graph of this size."""
    return Scratch(
        np.empty(narcs, np.int32),
        np.empty(nnodes, np.int32),
        np.empty(nnodes, np.int32),
        np.empty(nnodes, np.int32),
        np.empty(nnodes, np.int32),
        np.empty(nnodes, np.int32),
        np.empty(narcs + 1, np.int64),
    )


@njit(cache=True, nogil=True)
def add_cheapest_flows(values: np.ndarray, residues: np.ndarray, arcs: Arcs) -> bool:
    """Add the flow of least cost to each column of values (compiled).

    Columns of equal residues are solved once, and found again through a hash table with linear
    probing.

    Parameters
    ----------
    values : int16 (nedges, ncolumns)
        Cycles along edges; added to.
    residues : int16 (ntri, ncolumns)
        Their residues, without those of the ground.
    arcs : Arcs

    Returns
    -------
    bool
        False if the residues of a column do not cancel; then not all columns are done.
    """
    ntri, ncolumns = residues.shape
    scratch = make_scratch(ntri + 1, arcs.cost.size)
    excess = np.empty(ntri + 1, np.int32)
    flow = np.empty(values.shape[0], np.int32)
    hashes = _column_hashes(residues)
    mask = 1
    while mask < 2 * ncolumns:
        mask *= 2
    mask -= 1
    table = np.full(mask + 1, -1, np.int32)
    flow_of = np.empty((ncolumns, values.shape[0]), np.int16)
    for column in range(ncolumns):
        if not _any_in_column(residues, column):
            continue
        slot = np.int64(hashes[column] >> np.uint64(33)) & mask
        while table[slot] >= 0 and not _equal_columns(residues, table[slot], column):
            slot = (slot + 1) & mask
        known = table[slot]
        if known < 0:
            table[slot] = known = column
            excess[ntri] = 0
            for node in range(ntri):
                excess[node] = residues[node, column]
                excess[ntri] -= excess[node]
            status = successive_shortest_paths(arcs, excess, flow, scratch, NO_LIMIT)
            if status != DONE:
                return False
            flow_of[column] = flow
        for edge in range(values.shape[0]):
            values[edge, column] += flow_of[known, edge]
    return True


@njit(cache=True, nogil=True)
def _column_hashes(values: np.ndarray) -> np.ndarray:
    """Hash uint64 (ncolumns,) of every column (FNV-1a, a value at a time)."""
    out = np.full(values.shape[1], np.uint64(14695981039346656037))
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            mixed = out[column] ^ np.uint64(np.uint16(values[row, column]))
            out[column] = mixed * np.uint64(1099511628211)
    return out


@njit(cache=True, nogil=True)
def _any_in_column(values: np.ndarray, column: int) -> bool:
    for row in range(values.shape[0]):  # noqa: SIM110
        if values[row, column] != 0:
            return True
    return False


@njit(cache=True, nogil=True)
def _equal_columns(values: np.ndarray, one: int, other: int) -> bool:
    for row in range(values.shape[0]):  # noqa: SIM110
        if values[row, one] != values[row, other]:
            return False
    return True
