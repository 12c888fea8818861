"""Parts of a graph in the order in which ever weaker edges join them.

Edges are taken from the strongest class to the weakest, as in single linkage. One edge is enough to
join a few nodes to others. Two parts of many nodes are joined only by edges that are enough
together: a neck of few weak edges does not hold two parts together, however many nodes these have.
Broken edges, those that say that two parts do not fit, count against the others between the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

from emcflow.compiled import compiled

# Added to the class of a broken edge; and the class of the last node of a part that has one.
BROKEN = 128
# Edges whose nodes are looked at one after the other: so many can be fetched side by side.
LOOKED_AT = 1024
# Edges between large parts whose weights are summed at a time, no fewer; and bins to count them by.
AT_ONCE = 2**20
BINS = 4096


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


class JoiningEdges(NamedTuple):
    """Edges of one class in their order.

    Attributes
    ----------
    by : int
        Their class, 0 for the strongest.
    edges : int32 (nedges, 2)
        Nodes of each edge; may be written over.
    broken : bool (nedges,)
        Edges that join nothing, and whose weights count against the others.
    """

    by: int
    edges: np.ndarray
    broken: np.ndarray


def part_tree(
    edges: Iterable[JoiningEdges],
    weights: np.ndarray,
    doubted: np.ndarray,
    needed: float,
    large: int,
) -> PartTree:
    """Join nodes to parts by edges of ever weaker classes.

    Parameters
    ----------
    edges : iterable of JoiningEdges
        All edges, the strongest first; they may be read when they are asked for. Those that wait
        for others between the same two parts are held.
    weights : float32 (nclasses,)
        Of an edge of each class where two large parts meet.
    doubted : bool (nnodes,)
        Nodes of broken edges.
    needed : float
        Least sum of the weights of the edges that join two large parts, less those of the broken
        ones between them. Where one of the parts is small the sum has to be above 0.
    large : int
        Nodes of a large part.

    Returns
    -------
    PartTree
    """
    nnodes, weights = len(doubted), np.asarray(weights, np.float64)
    forest = _Forest(
        np.full(nnodes, -1, np.int32),
        np.full(nnodes, -1, np.int32),
        np.where(doubted, np.uint8(BROKEN), np.uint8(0)),
    )
    waiting: list[_Waiting] = []
    for by, of_class in groupby(edges, key=lambda each: each.by):
        for each in of_class:
            marks = np.where(each.broken, np.uint8(by | BROKEN), np.uint8(by))
            left, _ = _join_small(forest, _Waiting(each.edges, marks), by, large)
            waiting += [left] if len(left.ends) else []
        changed = True
        while changed:
            results = [_join_small(forest, each, by, large) for each in waiting]
            waiting = [left for left, _ in results if len(left.ends)]
            changed = any(joined for _, joined in results)
            if not changed:
                changed = _join_large(forest, waiting, weights, by, needed, large)
    forest.joined[forest.parent < 0] = 0
    return PartTree(forest.parent, forest.joined)


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


class _Forest(NamedTuple):
    """Ways of nodes to the last one of their part, in few arrays: each is another place to read.

    Attributes
    ----------
    parent : int32 (nnodes,)
        Of `PartTree`.
    top : int32 (nnodes,)
        The same with the ways made shorter; at the last node of a part minus its number of nodes.
    joined : uint8 (nnodes,)
        Of `PartTree`; at the last node of a part `BROKEN` where it has a broken edge, which may
        count against others, else 0.
    """

    parent: np.ndarray
    top: np.ndarray
    joined: np.ndarray


class _Waiting(NamedTuple):
    """Edges that do not join yet, in their order.

    Attributes
    ----------
    ends : int32 (n, 2)
        Last nodes of the two parts, the lower one first.
    marks : uint8 (n,)
        Class, and `BROKEN`.
    """

    ends: np.ndarray
    marks: np.ndarray


def _join_small(forest: _Forest, some: _Waiting, by: int, large: int) -> tuple[_Waiting, bool]:
    """Join small parts; return the edges that wait, and whether any joined."""
    count, joined = _joined_small(forest, *some, by, large, BROKEN)
    if count == len(some.ends):
        return some, joined
    return _Waiting(some.ends[:count].copy(), some.marks[:count].copy()), joined


def _join_large(
    forest: _Forest,
    waiting: list[_Waiting],
    weights: np.ndarray,
    by: int,
    needed: float,
    large: int,
) -> bool:
    """Join parts whose edges are enough together, in the order of the parts."""
    changed = False
    for first, end in _ranges(waiting, len(forest.top)):
        some = [_between(each, first, end) for each in waiting]
        ends, marks = map(np.concatenate, zip(*some, strict=True))
        del some
        keys = ends[:, 0].astype(np.int64)
        keys *= len(forest.top)
        keys += ends[:, 1]
        order = np.argsort(keys, kind="stable")
        del keys
        changed |= _joined_large(forest, ends, marks, order, weights, by, needed, large, BROKEN)
    return changed


def _between(waiting: _Waiting, first: int, end: int) -> _Waiting:
    """Return the edges whose lower part is one of a range."""
    inside = (waiting.ends[:, 0] >= first) & (waiting.ends[:, 0] < end)
    return _Waiting(waiting.ends[inside], waiting.marks[inside])


def _ranges(waiting: list[_Waiting], nnodes: int) -> list[tuple[int, int]]:
    """Return ranges of lower parts with about `AT_ONCE` edges, or an eighth of all, in each."""
    total = sum(len(each.ends) for each in waiting)
    most = max(AT_ONCE, total // 8)
    if total <= most:
        return [(0, nnodes)] if total else []
    width = -(-nnodes // BINS)
    counts = np.zeros(BINS, np.int64)
    for each in waiting:
        counts += np.bincount(each.ends[:, 0] // width, minlength=BINS)
    starts = np.unique(np.cumsum(counts) // most, return_index=True)[1] * width
    return list(pairwise([0, *starts[1:].tolist(), nnodes]))


@compiled
def _joined_small(
    forest: _Forest, ends: np.ndarray, marks: np.ndarray, by: int, large: int, broken: int
) -> tuple[int, bool]:
    """Join small parts by edges in their order; the others are brought to the front."""
    parent, top, joined = forest
    some = np.empty(LOOKED_AT, np.int32)
    count, changed = 0, False
    for first in range(0, len(ends), LOOKED_AT):
        # most edges are within a part, and show it at the next step up from their nodes
        nsome = 0
        for i in range(first, min(first + LOOKED_AT, len(ends))):
            a, b = ends[i, 0], ends[i, 1]
            a = top[a] if top[a] >= 0 else a
            b = top[b] if top[b] >= 0 else b
            some[nsome] = i
            nsome += a != b
        for i in some[:nsome]:
            a, b = ends[i, 0], ends[i, 1]
            while top[a] >= 0:
                up = top[a]
                top[a] = up = top[up] if top[up] >= 0 else up
                a = up
            while top[b] >= 0:
                up = top[b]
                top[b] = up = top[up] if top[up] >= 0 else up
                b = up
            if a == b:
                continue
            enough = (-top[a] < large and joined[a] < broken) or (
                -top[b] < large and joined[b] < broken
            )
            if enough and marks[i] < broken:
                if top[a] > top[b] or (top[a] == top[b] and a > b):
                    a, b = b, a
                top[a] += top[b]
                joined[a] |= joined[b]
                parent[b], top[b], joined[b] = a, a, by
                changed = True
                continue
            ends[count, 0], ends[count, 1], marks[count] = min(a, b), max(a, b), marks[i]
            count += 1
    return count, changed


@compiled
def _joined_large(
    forest: _Forest,
    ends: np.ndarray,
    marks: np.ndarray,
    order: np.ndarray,
    weights: np.ndarray,
    by: int,
    needed: float,
    large: int,
    broken: int,
) -> bool:
    """Join parts by the sum of the edges between them; edges of two parts follow each other."""
    parent, top, joined = forest
    i, changed = 0, False
    while i < len(order):
        a, b = ends[order[i], 0], ends[order[i], 1]
        total = 0.0
        while i < len(order) and ends[order[i], 0] == a and ends[order[i], 1] == b:
            mark = marks[order[i]]
            total += -weights[mark - broken] if mark >= broken else weights[mark]
            i += 1
        if top[a] >= 0 or top[b] >= 0:
            continue
        if total > (needed if min(-top[a], -top[b]) >= large else 0.0):
            if top[a] > top[b] or (top[a] == top[b] and a > b):
                a, b = b, a
            top[a] += top[b]
            joined[a] |= joined[b]
            parent[b], top[b], joined[b] = a, a, by
            changed = True
    return changed


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
