"""Searches of a graph: the components that edges join, breadth-first trees, shortest paths.

One of each for meshes of a million points and for networks of a few dates. None needs SciPy, and
small graphs need no numba: the workflow starts, and checks its network, without either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from emcflow.arrays import whole_array
from emcflow.compiled import compiled

# Nodes and edges that are searched by the interpreter sooner than numba is imported.
FEW = 5000


@dataclass(frozen=True)
class SpanningTree:
    """Breadth-first forest: one tree per connected component.

    Attributes
    ----------
    order : int32 (nnodes,)
        Nodes in the order of the search: a parent comes before its children.
    parent : int32 (nnodes,)
        Parent of each node, -1 for a root.
    edge : int32 (nnodes,)
        Edge between each node and its parent, -1 for a root.
    sign : int8 (nnodes,)
        +1 where the way from parent to node is the edge's own direction, -1 against it; root: 0.
    region : int32 (nnodes,)
        Connected component of each node, numbered in the order in which they are searched.
    """

    order: np.ndarray
    parent: np.ndarray
    edge: np.ndarray
    sign: np.ndarray
    region: np.ndarray


def regions(edges: ArrayLike, nnodes: int) -> np.ndarray:
    """Number the regions that edges join, in the order of their lowest nodes.

    Every node points at one of its region that is not higher, in the end at the lowest. Each round
    lets the ends of the edges that still join different regions point at the lower of the two
    (Shiloach, Vishkin 1982, J. Algorithms 3(1), 57-67, doi:10.1016/0196-6774(82)90008-6): on meshes
    as fast as SciPy's search, and SciPy takes longer to import than this on most meshes.

    Parameters
    ----------
    edges : int (nedges, 2)
        Nodes of each edge.
    nnodes : int

    Returns
    -------
    int32 (nnodes,)
    """
    lowest = np.arange(nnodes, dtype=np.int32)
    ends = whole_array(edges, "edges").reshape(-1, 2).T
    while True:
        tops = lowest[ends]
        apart = tops[0] != tops[1]
        if not apart.any():
            return np.unique(lowest, return_inverse=True)[1].astype(np.int32)
        ends, tops = ends[:, apart], tops[:, apart]
        np.minimum.at(lowest, tops.max(axis=0), tops.min(axis=0))
        while not np.array_equal(lowest, lowest[lowest]):
            lowest = lowest[lowest]


def by_size(region: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Number regions anew, the largest first; of equally large ones the lower number first.

    Parameters
    ----------
    region : int (nnodes,)
        Region of each node, from 0 on.
    weights : ndarray, shape (nnodes,), optional
        What each node adds to the size of its region; 1 by default.

    Returns
    -------
    int32 (nnodes,)
    """
    size = np.bincount(region, weights)
    number = np.empty(size.size, np.int32)
    number[np.argsort(-size, kind="stable")] = np.arange(size.size, dtype=np.int32)
    return number[region]


def spanning_tree(
    edges: ArrayLike,
    nnodes: int,
    allowed: np.ndarray | None = None,
    first: int = 0,
    directed: bool = False,
) -> SpanningTree:
    """Span every connected component by a breadth-first tree: ways of the fewest edges.

    Parameters
    ----------
    edges : int (nedges, 2)
        Nodes of each edge; of equally short ways the one over the first edges is taken.
    nnodes : int
    allowed : bool (nedges,), optional
        Edges that may be used; all by default.
    first : int
        Where the search begins. Its component is the first; each further tree grows from the lowest
        node that is not reached.
    directed : bool
        Edges are walked from their first node to their second one alone.

    Returns
    -------
    SpanningTree
    """
    edges = whole_array(edges, "edges", np.int32).reshape(-1, 2)
    if allowed is None:
        allowed = np.ones(len(edges), dtype=np.bool_)
    allowed = np.ascontiguousarray(allowed, dtype=np.bool_)
    search = _breadth_first if nnodes + len(edges) <= FEW else _compiled_breadth_first
    return SpanningTree(*search(edges, nnodes, allowed, first, 1 if directed else 2))


def path_to(tree: SpanningTree, node: int) -> list[int]:
    """Return the nodes on the way from the root of a tree to one of its nodes, both included."""
    path = [int(node)]
    while tree.parent[path[-1]] >= 0:
        path.append(int(tree.parent[path[-1]]))
    return path[::-1]


def _breadth_first(
    edges: np.ndarray, nnodes: int, allowed: np.ndarray, first: int, sides: int
) -> tuple[np.ndarray, ...]:
    """Order, parent, edge, sign and region of each node of the breadth-first forest.

    An edge leaves the first of its nodes, or both, as `sides` is 1 or 2.
    """
    nedges = edges.shape[0]
    start = np.zeros(nnodes + 1, dtype=np.int64)
    for e in range(nedges):
        if allowed[e]:
            for side in range(sides):
                start[edges[e, side] + 1] += 1
    for i in range(nnodes):
        start[i + 1] += start[i]
    incident = np.empty(start[nnodes], dtype=np.int32)
    fill = start[:nnodes].copy()
    for e in range(nedges):
        if allowed[e]:
            for side in range(sides):
                node = edges[e, side]
                incident[fill[node]] = e
                fill[node] += 1

    order = np.empty(nnodes, dtype=np.int32)
    parent = np.full(nnodes, -1, dtype=np.int32)
    edge = np.full(nnodes, -1, dtype=np.int32)
    sign = np.zeros(nnodes, dtype=np.int8)
    region = np.full(nnodes, -1, dtype=np.int32)
    count = 0
    nregions = 0
    for n in range(-1, nnodes):
        root = first if n < 0 else n
        if root >= nnodes or region[root] >= 0:
            continue
        region[root] = nregions
        head = count
        order[count] = root
        count += 1
        while head < count:
            node = order[head]
            head += 1
            for j in range(start[node], start[node + 1]):
                e = incident[j]
                forward = edges[e, 0] == node
                other = edges[e, 1] if forward else edges[e, 0]
                if region[other] < 0:
                    region[other] = nregions
                    parent[other] = node
                    edge[other] = e
                    sign[other] = 1 if forward else -1
                    order[count] = other
                    count += 1
        nregions += 1
    return order, parent, edge, sign, region


_compiled_breadth_first = compiled(_breadth_first)
