"""Parts of a graph in the order in which ever weaker edges join them.

Edges are taken from the strongest class to the weakest, as in single linkage. One edge is enough to
join a few nodes to others. Two parts of many nodes are joined only by edges that are enough
together: a neck of few weak edges does not hold two parts together, however many nodes these have.
Broken edges, those that say that two parts do not fit, count against the others between the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emcflow.compiled import compiled


@dataclass(frozen=True)
class PartTree:
    """What joined which node to others.

    Attributes
    ----------
    parent : int32 (nnodes,)
        Node that each was joined to, -1 for the last one of a part that nothing joins to others.
    joined : uint8 (nnodes,)
        Class of the edges that joined it, no less than those before it on the way to the last one.
    """

    parent: np.ndarray
    joined: np.ndarray


def part_tree(
    edges: np.ndarray,
    classes: np.ndarray,
    weights: np.ndarray,
    broken: np.ndarray,
    nnodes: int,
    needed: float,
    large: int,
) -> PartTree:
    """Join nodes to parts by edges of ever weaker classes.

    Parameters
    ----------
    edges : int32 (nedges, 2)
        Nodes of each edge, the strongest edges first.
    classes : uint8 (nedges,)
        Ascending, 0 for the strongest.
    weights : float32 (nclasses,)
        Of an edge of each class where two large parts meet.
    broken : bool (nedges,)
        Edges that join nothing, and whose weights count against the others.
    nnodes : int
    needed : float
        Least sum of the weights of the edges that join two large parts, less those of the broken
        ones between them. Where one of the parts is small the sum has to be above 0.
    large : int
        Nodes of a large part.

    Returns
    -------
    PartTree
    """
    weights = np.asarray(weights, np.float64)
    return PartTree(*_part_tree(edges, classes, weights, broken, nnodes, needed, large))


def parts_at(tree: PartTree, last: int) -> np.ndarray:
    """Parts that edges up to a class join.

    Parameters
    ----------
    tree : PartTree
    last : int

    Returns
    -------
    int32 (nnodes,)
        One node of each part as its name.
    """
    return _parts_at(tree.parent, tree.joined, last)


def joined_to(tree: PartTree, seeds: np.ndarray | list[int], none: int) -> np.ndarray:
    """Weakest class of edges on the strongest way from every node to the seed of its part.

    Parameters
    ----------
    tree : PartTree
    seeds : int (nseeds,)
        At most one node of each part that nothing joins to others.
    none : int
        For nodes that nothing joins to a seed.

    Returns
    -------
    uint8 (nnodes,)
        0 at the seeds.
    """
    return _joined_to(tree.parent, tree.joined, np.asarray(seeds, np.int64), none)


@compiled
def _part_tree(
    edges: np.ndarray,
    classes: np.ndarray,
    weights: np.ndarray,
    broken: np.ndarray,
    nnodes: int,
    needed: float,
    large: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Parent of each node in the forest of strongest ways, and the class that joins it."""
    # top is the same forest as parent with the ways made shorter
    parent, top = np.full(nnodes, -1, np.int32), np.arange(nnodes).astype(np.int32)
    joined, size = np.zeros(nnodes, np.uint8), np.ones(nnodes, np.int32)
    # parts with a broken edge, which may count against others
    doubted = np.zeros(nnodes, np.bool_)
    for link in np.flatnonzero(broken):
        doubted[edges[link, 0]] = doubted[edges[link, 1]] = True
    waiting, key = np.empty(0, np.int64), np.empty(0, np.int64)
    start, nedges = 0, len(edges)

    def root(node: int) -> int:
        while top[node] != node:
            top[node] = top[top[node]]
            node = top[node]
        return node

    def join(a: int, b: int, by: int) -> None:
        if size[a] < size[b] or (size[a] == size[b] and a > b):
            a, b = b, a
        parent[b], top[b], joined[b] = a, a, by
        size[a] += size[b]
        doubted[a] |= doubted[b]

    def enough(a: int, b: int) -> bool:
        return (size[a] < large and not doubted[a]) or (size[b] < large and not doubted[b])

    for by in range(len(weights)):
        stop = start
        while stop < nedges and classes[stop] == by:
            stop += 1
        fresh = np.empty(stop - start, np.int64)
        count = 0
        for e in range(start, stop):
            a, b = root(edges[e, 0]), root(edges[e, 1])
            if a == b:
                continue
            if not broken[e] and enough(a, b):
                join(a, b, by)
            else:
                fresh[count] = e
                count += 1
        start = stop
        waiting = np.concatenate((waiting, fresh[:count]))
        changed = True
        while changed:
            changed, count = False, 0
            key = np.empty(len(waiting), np.int64)
            for i in range(len(waiting)):
                e = waiting[i]
                a, b = root(edges[e, 0]), root(edges[e, 1])
                if a == b:
                    continue
                if not broken[e] and enough(a, b):
                    join(a, b, by)
                    changed = True
                    continue
                waiting[count], key[count] = e, min(a, b) * nnodes + max(a, b)
                count += 1
            waiting = waiting[:count]
            if changed:
                continue
            order = np.argsort(key[:count], kind="mergesort")
            i = 0
            while i < count:
                pair, total = key[order[i]], 0.0
                while i < count and key[order[i]] == pair:
                    e = waiting[order[i]]
                    total += -weights[classes[e]] if broken[e] else weights[classes[e]]
                    i += 1
                a, b = pair // nnodes, pair % nnodes
                if root(a) == a and root(b) == b:
                    least = needed if min(size[a], size[b]) >= large else 0.0
                    if total > least:
                        join(a, b, by)
                        changed = True
    return parent, joined


@compiled
def _parts_at(parent: np.ndarray, joined: np.ndarray, last: int) -> np.ndarray:
    found = np.full(len(parent), -1, np.int32)
    for node in range(len(parent)):
        top = node
        while found[top] < 0 and parent[top] >= 0 and joined[top] <= last:
            top = parent[top]
        top = found[top] if found[top] >= 0 else top
        on = node
        while found[on] < 0:
            found[on] = top
            if on == top:
                break
            on = parent[on]
    return found


@compiled
def _joined_to(parent: np.ndarray, joined: np.ndarray, seeds: np.ndarray, none: int) -> np.ndarray:
    found, known = np.full(len(parent), none, np.uint8), np.zeros(len(parent), np.bool_)
    for seed in seeds:
        on, by = seed, 0
        while True:
            found[on], known[on] = by, True
            if parent[on] < 0:
                break
            by = max(by, joined[on])
            on = parent[on]
    path = np.empty(len(parent), np.int32)
    for node in range(len(parent)):
        on, count = node, 0
        while not known[on] and parent[on] >= 0:
            path[count] = on
            count += 1
            on = parent[on]
        known[on] = True
        for i in range(count - 1, -1, -1):
            # the parent's own way, or this node's edge to it: whichever is weaker
            found[path[i]] = max(found[parent[path[i]]], joined[path[i]])
            known[path[i]] = True
    return found
