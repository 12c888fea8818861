"""The planar network over which links are unwrapped in time, drawn from any pairs of dates.

Flows need every loop of pairs to be a triangle. A loop of more pairs is cut into triangles by pairs
that nobody asked for and on which cycles cost nothing: then the loop closes as a whole, which is
all that it says. Which way the network is drawn does not matter, since the cycles that close all
loops, and their costs, are the same in every drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, combinations

import networkx as nx
import numpy as np
from networkx.algorithms.planar_drawing import triangulate_embedding

from emcflow.acquisition.geometry import days_since_first
from emcflow.network.networks import PlanarNetwork, planar_network


def time_network(dates: Sequence[str], pairs: np.ndarray) -> tuple[PlanarNetwork, np.ndarray]:
    """Draw the planar network of pairs of dates.

    Where the pairs are not planar, a planar subset that no further pair fits into is taken: the
    pairs of the shortest time first.

    Parameters
    ----------
    dates : sequence of str
        Dates as YYYYMMDD, ascending.
    pairs : ndarray of int, shape (npairs, 2)
        Indices (d1, d2) of dates, d1 < d2, sorted; they join all dates.

    Returns
    -------
    network : PlanarNetwork
        Its pairs are those of the planar subset and those that cut loops into triangles.
    planar : ndarray of bool, shape (npairs,)
        The planar subset.
    """
    days = days_since_first(dates)
    by_time = np.argsort(np.diff(days[pairs], axis=1)[:, 0], kind="stable")
    graph = nx.Graph()
    planar = np.zeros(len(pairs), dtype=bool)
    planar[by_time] = _add_what_fits(graph, [[pair] for pair in pairs[by_time].tolist()])
    triangles = [
        triangle
        for block in nx.biconnected_components(graph)
        if len(block) > 2
        for triangle in _triangles(_drawing(graph.subgraph(block), days))
    ]
    return planar_network(dates, pairs[planar], triangles), planar


def _add_what_fits(graph: nx.Graph, pieces: list[list]) -> list[bool]:
    """Add lists of edges to a planar graph, one after the other; those that leave it planar."""
    graph.add_edges_from(chain.from_iterable(pieces))
    if nx.is_planar(graph):
        return [True] * len(pieces)
    graph.remove_edges_from(chain.from_iterable(pieces))
    if len(pieces) == 1:
        return [False]
    half = len(pieces) // 2
    return _add_what_fits(graph, pieces[:half]) + _add_what_fits(graph, pieces[half:])


def _drawing(block: nx.Graph, days: np.ndarray) -> nx.PlanarEmbedding:
    """Draw a planar graph with loops of three pairs as faces, wherever they can be.

    A hub inside a loop, tied to its corners and to the middles of its sides, keeps all else out: no
    face beside the hub has two of the corners. Loops of the shortest time get theirs first.
    """
    sides = sorted(map(tuple, map(sorted, block.edges)))
    loops = [(a, b, c) for a, b in sides for c in nx.common_neighbors(block, a, b) if c > b]
    loops.sort(key=lambda loop: (days[loop[2]] - days[loop[0]], loop))
    drawn = nx.Graph((end, side) for side in sides for end in side)
    hubs = [[(loop, rim) for rim in (*loop, *combinations(loop, 2))] for loop in loops]
    _add_what_fits(drawn, hubs)
    _, around = nx.check_planarity(drawn)
    drawing = nx.PlanarEmbedding()
    drawing.set_data(
        {
            date: [sum(end) - date for end in around.neighbors_cw_order(date) if len(end) == 2]
            for date in block
        }
    )
    return drawing


def _triangles(drawing: nx.PlanarEmbedding) -> list[list[int]]:
    """Cut the faces of a drawing without cut vertices, save the outer one, into triangles.

    The outer face is one with the most corners; it is a triangle, too, where all faces are.
    """
    drawing, _ = triangulate_embedding(drawing, fully_triangulate=False)
    walked: set[tuple[int, int]] = set()
    faces = [
        drawing.traverse_face(*side, mark_half_edges=walked)
        for side in drawing.edges
        if side not in walked
    ]
    return [face for face in faces if len(face) == 3]
