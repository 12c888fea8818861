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
    order: np.ndarray,
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
        Nodes of each edge.
    order : int32 (nedges,)
        The edges, the strongest first.
    classes : uint8 (nedges,)
        In that order: ascending, 0 for the strongest.
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
    return PartTree(*_part_tree(edges, order, classes, weights, broken, nnodes, needed, large))


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


def part_sizes(part: np.ndarray, counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count the nodes of each part.

    Parameters
    ----------
    part : int32 (nnodes,)
        Of `parts_at`.
    counted : bool (nnodes,)
        Nodes that count.

    Returns
    -------
    size, first : int32 (nnodes,)
        Nodes that count, and the lowest node of all, of the part with each name; 0 and the number
        of nodes where no part has that name.
    """
    return _part_sizes(part, counted)


def largest_parts(
    part: np.ndarray, size: np.ndarray, group: np.ndarray, ngroups: int
) -> tuple[np.ndarray, np.ndarray]:
    """Find the largest part of each group of nodes, of equal ones that of the lower name.

    Parameters
    ----------
    part : int32 (nnodes,)
        Of `parts_at`, each within one group.
    size : int32 (nnodes,)
        Of `part_sizes`.
    group : int32 (nnodes,)
    ngroups : int

    Returns
    -------
    name, size : int32 (ngroups,)
        0 and 0 where no part of the group has nodes that count.
    """
    return _largest_parts(part, size, group, ngroups)


@compiled
def _part_sizes(part: np.ndarray, counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size, first = np.zeros(len(part), np.int32), np.full(len(part), len(part), np.int32)
    for node in range(len(part)):
        name = part[node]
        size[name] += counted[node]
        first[name] = min(first[name], node)
    return size, first


@compiled
def _largest_parts(
    part: np.ndarray, size: np.ndarray, group: np.ndarray, ngroups: int
) -> tuple[np.ndarray, np.ndarray]:
    largest, most = np.zeros(ngroups, np.int32), np.zeros(ngroups, np.int32)
    for name in range(len(part)):
        if size[name] > most[group[name]]:
            largest[group[name]], most[group[name]] = name, size[name]
    return largest, most


@compiled
def _part_tree(
    edges: np.ndarray,
    order: np.ndarray,
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
    for edge in range(len(edges)):
        if broken[edge]:
            doubted[edges[edge, 0]] = doubted[edges[edge, 1]] = True
    # of edges that do not join yet: their places in the order, and the two parts between which
    waiting, key = np.empty(0, np.int32), np.empty(0, np.int64)
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
        fresh = np.empty(stop - start, np.int32)
        count = 0
        for at in range(start, stop):
            e = order[at]
            a, b = root(edges[e, 0]), root(edges[e, 1])
            if a == b:
                continue
            if not broken[e] and enough(a, b):
                join(a, b, by)
            else:
                fresh[count] = at
                count += 1
        start = stop
        waiting = np.concatenate((waiting, fresh[:count]))
        changed = True
        while changed:
            changed, count = False, 0
            key = np.empty(len(waiting), np.int64)
            for i in range(len(waiting)):
                e = order[waiting[i]]
                a, b = root(edges[e, 0]), root(edges[e, 1])
                if a == b:
                    continue
                if not broken[e] and enough(a, b):
                    join(a, b, by)
                    changed = True
                    continue
                waiting[count], key[count] = waiting[i], min(a, b) * nnodes + max(a, b)
                count += 1
            waiting = waiting[:count]
            if changed:
                continue
            by_parts = np.argsort(key[:count], kind="mergesort")
            i = 0
            while i < count:
                pair, total = key[by_parts[i]], 0.0
                while i < count and key[by_parts[i]] == pair:
                    at = waiting[by_parts[i]]
                    weight = weights[classes[at]]
                    total += -weight if broken[order[at]] else weight
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
