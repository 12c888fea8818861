"""Graphs of edges and triangles, their dual, and integration along a spanning tree.

One type serves two uses: the mesh of points of a tile, and the network of dates. Cycles ``k`` live
on edges, directed from the lower node ``a`` to the higher node ``b``. A flow over an edge crosses
it, from the triangle on its right to the one on its left; the ground stands in where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from emcflow.arrays import whole_array
from emcflow.compiled import compiled
from emcflow.errors import InputError
from emcflow.graph.components import SpanningTree, spanning_tree

_INT16_MAX = 32767


@dataclass(frozen=True)
class PlanarGraph:
    """Edges and triangles of a planar graph; which triangle lies on which side of an edge.

    Attributes
    ----------
    nnodes : int
        Number of nodes (points or dates).
    edges : int32 (nedges, 2)
        Nodes (a, b) of each edge, a < b, in lexicographic order.
    triangles : int32 (ntri, 3)
        Nodes of each triangle, all walked in the same sense.
    triangle_edges : int32 (ntri, 3)
        Edges (t0, t1), (t1, t2), (t2, t0) of each triangle.
    triangle_signs : int8 (ntri, 3)
        +1 where the triangle walks that edge from a to b, -1 from b to a.
    left, right : int32 (nedges,)
        Triangle that walks the edge from a to b, and from b to a; `ground` where there is none.
    """

    nnodes: int
    edges: np.ndarray
    triangles: np.ndarray
    triangle_edges: np.ndarray
    triangle_signs: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @property
    def nedges(self) -> int:
        """Number of edges."""
        return self.edges.shape[0]

    @property
    def ntriangles(self) -> int:
        """Number of triangles."""
        return self.triangles.shape[0]

    @property
    def ground(self) -> int:
        """Index of the ground node of the dual: the number of triangles."""
        return self.triangles.shape[0]

    @cached_property
    def dual(self) -> DualAdjacency:
        """Arcs of the dual graph."""
        return dual_adjacency(self)


@dataclass(frozen=True)
class DualAdjacency:
    """Arcs leaving each node of the dual graph, as compressed rows.

    The arcs of node ``i`` are ``indptr[i]:indptr[i + 1]``, in the order of their edges.

    Attributes
    ----------
    indptr : int32 (ntri + 2,)
        Start of each node's arcs; the ground node is the last one.
    target : int32 (narcs,)
        Node at which the arc ends.
    edge : int32 (narcs,)
        Edge that the arc crosses.
    sign : int8 (narcs,)
        What a unit along the arc adds to the flow of its edge: +1 from right to left, else -1.
    """

    indptr: np.ndarray
    target: np.ndarray
    edge: np.ndarray
    sign: np.ndarray


def planar_graph(
    triangles: ArrayLike, nnodes: int, extra_edges: ArrayLike | None = None
) -> PlanarGraph:
    """Build the edges of triangles and tell which triangle lies on which side of each.

    Parameters
    ----------
    triangles : int (ntri, 3)
        Nodes of each triangle, all in the same sense (each edge is walked at most once each way).
    nnodes : int
        Number of nodes.
    extra_edges : int (n, 2), optional
        Further edges, in either direction. Those of no triangle have the ground on both sides.

    Returns
    -------
    PlanarGraph

    Raises
    ------
    InputError
        If a node does not exist, an edge joins a node to itself, or two triangles walk an edge the
        same way.
    """
    triangles = whole_array(triangles, "triangles", np.int32).reshape(-1, 3)
    ntri = triangles.shape[0]
    extra = whole_array(() if extra_edges is None else extra_edges, "extra_edges").reshape(-1, 2)
    start = np.concatenate([triangles.ravel(), extra[:, 0]]).astype(np.int64)
    end = np.concatenate([triangles[:, [1, 2, 0]].ravel(), extra[:, 1]]).astype(np.int64)
    _check_nodes(start, end, nnodes)
    edges, ids = _unique_edges(start, end, nnodes)
    ids, forward = ids[: 3 * ntri], (start < end)[: 3 * ntri]
    _check_orientation(ids, forward, edges)
    owner = np.repeat(np.arange(ntri, dtype=np.int32), 3)
    left = np.full(edges.shape[0], ntri, dtype=np.int32)
    right = left.copy()
    left[ids[forward]] = owner[forward]
    right[ids[~forward]] = owner[~forward]
    return PlanarGraph(
        nnodes=int(nnodes),
        edges=edges,
        triangles=triangles,
        triangle_edges=ids.reshape(-1, 3),
        triangle_signs=np.where(forward, 1, -1).astype(np.int8).reshape(-1, 3),
        left=left,
        right=right,
    )


def _check_nodes(start: np.ndarray, end: np.ndarray, nnodes: int) -> None:
    """Refuse edges to nodes that do not exist and edges from a node to itself."""
    for end_nodes in (start, end):
        if end_nodes.size and (end_nodes.min() < 0 or end_nodes.max() >= nnodes):
            bad = end_nodes[(end_nodes < 0) | (end_nodes >= nnodes)][0]
            raise InputError(
                f"an edge or triangle names node {bad}, but the nodes are 0 to {nnodes - 1}: "
                "number the nodes from 0"
            )
    loops = np.flatnonzero(start == end)
    if loops.size:
        raise InputError(
            f"an edge joins node {start[loops[0]]} to itself; edges and triangles need "
            "distinct nodes: remove it"
        )


def _unique_edges(start: np.ndarray, end: np.ndarray, nnodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorted distinct edges (a < b), and the edge of each given (start, end)."""
    key = np.minimum(start, end) * nnodes + np.maximum(start, end)
    order = np.argsort(key)
    ordered = key[order]
    first = np.ones(key.size, dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    ids = np.empty(key.size, dtype=np.int32)
    ids[order] = np.cumsum(first, dtype=np.int32) - np.int32(1)
    distinct = ordered[first]
    return np.stack(np.divmod(distinct, nnodes), axis=1).astype(np.int32), ids


def _check_orientation(ids: np.ndarray, forward: np.ndarray, edges: np.ndarray) -> None:
    """Refuse an edge that two triangles walk in the same direction: the dual would be wrong."""
    walks = np.bincount(2 * ids.astype(np.int64) + forward, minlength=2 * edges.shape[0])
    bad = np.flatnonzero(walks > 1)
    if bad.size:
        a, b = edges[bad[0] // 2]
        raise InputError(
            f"{walks[bad[0]]} triangles walk the edge between nodes {a} and {b} the same "
            "way, expected at most 1: give every triangle once, all in the same sense"
        )


def residues(graph: PlanarGraph, k: ArrayLike) -> np.ndarray:
    """Sum cycles around every triangle: its residue.

    After Goldstein, Zebker & Werner (1988), Radio Science 23(4); triangles in place of squares.
    Adding a flow to an edge raises the residue of its `left` node and lowers that of its `right`.

    Parameters
    ----------
    graph : PlanarGraph
    k : int (nedges,) or (n, nedges)
        Cycles along each edge, from a to b.

    Returns
    -------
    int32 (ntri + 1,) or (n, ntri + 1)
        Cycles left over in each triangle; last, of the ground, minus the sum of the others.
    """
    k = whole_array(k, "k")
    rows = np.ascontiguousarray(np.atleast_2d(k))
    out = np.empty((rows.shape[0], graph.ntriangles + 1), dtype=np.int32)
    _sum_around(graph.triangle_edges, graph.triangle_signs, rows, out)
    return out.reshape(*k.shape[:-1], graph.ntriangles + 1)


@compiled
def _sum_around(
    triangle_edges: np.ndarray, triangle_signs: np.ndarray, rows: np.ndarray, out: np.ndarray
) -> None:
    """Fill `out` with the sum around each triangle and, last, minus the total."""
    ntri = triangle_edges.shape[0]
    for r in range(rows.shape[0]):
        total = 0
        for t in range(ntri):
            value = 0
            for corner in range(3):
                cycles = np.int64(rows[r, triangle_edges[t, corner]])
                value += triangle_signs[t, corner] * cycles
            out[r, t] = value
            total += value
        out[r, ntri] = -total


def dual_adjacency(graph: PlanarGraph) -> DualAdjacency:
    """List the arcs that leave each node of the dual graph.

    Each edge between two different nodes gives two arcs: right to left with sign +1, left to right
    with sign -1. Edges with the ground on both sides can carry no flow and are left out.

    Parameters
    ----------
    graph : PlanarGraph

    Returns
    -------
    DualAdjacency
    """
    ntri = graph.ntriangles
    columns = np.argsort(graph.triangle_edges, axis=1)
    inner_edge = np.take_along_axis(graph.triangle_edges, columns, axis=1).ravel()
    # A triangle is on the left of the edges it walks forwards: its arcs over them go to the right.
    inner_sign = -np.take_along_axis(graph.triangle_signs, columns, axis=1).ravel()
    outer_edge = np.flatnonzero((graph.left == ntri) != (graph.right == ntri)).astype(np.int32)
    outer_sign = np.where(graph.right[outer_edge] == ntri, 1, -1).astype(np.int8)
    edge = np.concatenate([inner_edge, outer_edge])
    sign = np.concatenate([inner_sign, outer_sign])
    indptr = np.arange(0, 3 * ntri + 4, 3, dtype=np.int32)
    indptr[-1] = edge.size
    target = np.where(sign > 0, graph.left[edge], graph.right[edge])
    return DualAdjacency(indptr=indptr, target=target, edge=edge, sign=sign)


def breadth_first_tree(graph: PlanarGraph, allowed: np.ndarray | None = None) -> SpanningTree:
    """Span every connected component by a breadth-first tree from its lowest node.

    Parameters
    ----------
    graph : PlanarGraph
    allowed : bool (nedges,), optional
        Edges that may be used; all by default.

    Returns
    -------
    SpanningTree
    """
    return spanning_tree(graph.edges, graph.nnodes, allowed)


def integrate_cycles(tree: SpanningTree, k: ArrayLike) -> np.ndarray:
    """Sum the cycles of edges along a spanning tree, from 0 at every root.

    Where all residues are 0 the result does not depend on the tree: c[b] - c[a] = k for every edge.

    Parameters
    ----------
    tree : SpanningTree
    k : int (nedges,) or (n, nedges)
        Cycles along each edge, from a to b.

    Returns
    -------
    int16 (nnodes,) or (n, nnodes)
        Cycles of each node.

    Raises
    ------
    InputError
        If a sum does not fit 16 bits, which no real phase needs.
    """
    k = whole_array(k, "k")
    rows = np.ascontiguousarray(np.atleast_2d(k))
    out = np.zeros((rows.shape[0], tree.order.size), dtype=np.int16)
    if not _integrate(tree.order, tree.parent, tree.edge, tree.sign, rows, out):
        raise InputError(
            f"the cycles of edges add up to more than {_INT16_MAX} along the points; "
            "expected sums within 16 bits: check that the input is wrapped phase"
        )
    return out.reshape(*k.shape[:-1], tree.order.size)


@compiled
def _integrate(
    order: np.ndarray,
    parent: np.ndarray,
    edge: np.ndarray,
    sign: np.ndarray,
    rows: np.ndarray,
    out: np.ndarray,
) -> bool:
    """Fill `out` with node sums; False when one does not fit 16 bits."""
    for r in range(rows.shape[0]):
        for node in order:
            e = edge[node]
            if e >= 0:
                value = np.int64(out[r, parent[node]]) + sign[node] * np.int64(rows[r, e])
                if value > _INT16_MAX or value < -_INT16_MAX:
                    return False
                out[r, node] = value
    return True
