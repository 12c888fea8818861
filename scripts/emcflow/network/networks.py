"""Pairs of dates, and the triangles that they close.

Temporal unwrapping sends flows through the triangles of a planar network, so every independent loop
of pairs must be a triangle, and no pair may lie in more than two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from emcflow.errors import InputError
from emcflow.graph.components import regions, spanning_tree
from emcflow.graph.planar import PlanarGraph, planar_graph

# Separate parts that a message names.
MOST_PARTS = 5
# Dates of a part that a message names.
MOST_DATES = 40


@dataclass(frozen=True)
class Network:
    """Dates, the pairs between them, and triangles that pairs close.

    Attributes
    ----------
    dates : tuple of str
        Dates as YYYYMMDD, in order.
    graph : PlanarGraph
        Its nodes are the dates.
    """

    dates: tuple[str, ...]
    graph: PlanarGraph

    @property
    def pairs(self) -> np.ndarray:
        """Indices (d1, d2) of the dates of each pair, d1 < d2, sorted: int32 (npairs, 2)."""
        return self.graph.edges

    @property
    def triangles(self) -> np.ndarray:
        """Indices of the dates of each triangle: int32 (ntri, 3)."""
        return self.graph.triangles

    @property
    def ndates(self) -> int:
        """Number of dates."""
        return len(self.dates)

    @property
    def npairs(self) -> int:
        """Number of pairs."""
        return self.graph.nedges

    @property
    def pair_names(self) -> list[str]:
        """Name of each pair: the two dates, joined by an underscore."""
        return [f"{self.dates[a]}_{self.dates[b]}" for a, b in self.pairs]


class PlanarNetwork(Network):
    """A network that flows can unwrap, as `planar_network` makes and checks it.

    It is connected, its independent loops are triangles, and no pair lies in more than two of them.
    """


def hop3_network(dates: Sequence[str]) -> PlanarNetwork:
    """Pair every date with the three that follow it.

    For 4 dates or more these are 3 N - 6 pairs, the most that a planar graph can have, and 2 N - 4
    triangles: each new date sits in the triangle of the three before it, which splits into three.

    Parameters
    ----------
    dates : sequence of str
        Dates as YYYYMMDD, in order; at least 2.

    Returns
    -------
    PlanarNetwork

    Raises
    ------
    InputError
        If there are fewer than 2 dates, or they are not dates in order.
    """
    ndates = len(dates)
    if ndates < 2:
        raise InputError(
            f"the stack has {ndates} date{'' if ndates == 1 else 's'}, expected at least 2 to "
            "form a pair: add acquisitions"
        )
    if ndates == 2:
        return planar_network(dates, pairs=[(0, 1)])
    triangles = [(0, 1, 2)]
    for new in range(3, ndates):
        triangles += [(new - 3, new - 2, new), (new - 3, new - 1, new)]
    if ndates > 3:
        triangles.append((ndates - 3, ndates - 2, ndates - 1))
    return planar_network(dates, triangles=triangles)


def planar_network(
    dates: Sequence[str], pairs: ArrayLike = (), triangles: ArrayLike = ()
) -> PlanarNetwork:
    """Build a network from its triangles and further pairs, and check that flows can unwrap it.

    Parameters
    ----------
    dates : sequence of str
        Dates as YYYYMMDD, in order.
    pairs : int (npairs, 2), optional
        Pairs, as indices of dates; those that triangles are made of need not be among them.
    triangles : int (ntri, 3), optional
        Triangles, as indices of dates in any order.

    Returns
    -------
    PlanarNetwork

    Raises
    ------
    InputError
        If the dates are not in order, the pairs fall into separate parts, a pair lies in more than
        two triangles, or an independent loop of pairs is no triangle.
    """
    dates = _check_dates(dates)
    pairs = _sorted_rows(pairs, 2, len(dates))
    triangles = _orient(_sorted_rows(triangles, 3, len(dates)), dates)
    network = PlanarNetwork(dates, planar_graph(triangles, len(dates), pairs))
    check_connected(dates, network.pairs, "the pairs", "add pairs between them")
    _check_loops(network)
    return network


def _check_dates(dates: Sequence[str]) -> tuple[str, ...]:
    """Dates as a tuple, refused when not dates in order."""
    dates = tuple(str(date) for date in dates)
    for date in dates:
        try:
            good = len(date) == 8 and bool(datetime.strptime(date, "%Y%m%d"))
        except ValueError:
            good = False
        if not good:
            raise InputError(f"'{date}' is no date, expected YYYYMMDD: rename the file or row")
    for first, second in pairwise(dates):
        if first >= second:
            raise InputError(
                f"date {second} follows {first}, expected distinct dates in order: sort them"
            )
    return dates


def _sorted_rows(rows: ArrayLike, width: int, ndates: int) -> np.ndarray:
    """Distinct rows of indices of dates, sorted, each in ascending order: int32 (n, width)."""
    rows = np.sort(np.asarray(rows, dtype=np.int32).reshape(-1, width), axis=1)
    bad = (rows[:, 0] < 0) | (rows[:, -1] >= ndates) | (np.diff(rows, axis=1) == 0).any(axis=1)
    if bad.any():
        kind = "pair" if width == 2 else "triangle"
        raise InputError(
            f"{kind} {rows[bad][0].tolist()} is not made of {width} "
            f"different dates, expected indices from 0 to {ndates - 1}: correct the network"
        )
    return np.unique(rows, axis=0)


def _orient(triangles: np.ndarray, dates: Sequence[str]) -> np.ndarray:
    """Turn triangles so that neighbours walk their common pair in opposite directions."""
    owners: dict[tuple[int, int], list[int]] = {}
    for t, (a, b, c) in enumerate(triangles.tolist()):
        for pair in ((a, b), (b, c), (a, c)):
            owners.setdefault(pair, []).append(t)
    for (a, b), owner in owners.items():
        if len(owner) > 2:
            raise InputError(
                f"pair {dates[a]}_{dates[b]} lies in {len(owner)} triangles, expected at most 2 "
                "in a planar network: leave out pairs, or list the triangles"
            )
    shared = [owner for owner in owners.values() if len(owner) == 2]
    tree = spanning_tree(np.reshape(shared, (-1, 2)), len(triangles))
    oriented = triangles.copy()
    for t in tree.order.tolist():
        if tree.parent[t] >= 0:
            walked = oriented[tree.parent[t]].tolist()
            (apex,) = set(triangles[t].tolist()).difference(walked)
            (across,) = set(walked).difference(triangles[t].tolist())
            corner = walked.index(across)
            oriented[t] = walked[corner - 1], walked[corner - 2], apex
    return oriented


def check_connected(dates: Sequence[str], pairs: ArrayLike, what: str, advice: str) -> None:
    """Refuse pairs that leave the dates in separate parts: nothing ties their phases together.

    Parameters
    ----------
    dates : sequence of str
    pairs : int (npairs, 2)
        Indices of dates.
    what, advice : str
        What leaves them apart and what to do about it, for the message.

    Raises
    ------
    InputError
    """
    region = regions(pairs, len(dates))
    nparts = region.max(initial=0) + 1
    if nparts > 1:
        parts = [
            _listed([date for date, place in zip(dates, region, strict=True) if place == part])
            for part in range(min(nparts, MOST_PARTS))
        ]
        raise InputError(
            f"{what} leave the dates in {nparts} separate parts: "
            f"{'; '.join(parts)}{'; and others' if nparts > MOST_PARTS else ''}; "
            f"expected one: {advice}"
        )


def _listed(dates: list[str]) -> str:
    """List dates, the middle ones of many left out."""
    if len(dates) > MOST_DATES:
        dates = [*dates[: MOST_DATES // 2], "...", *dates[-MOST_DATES // 2 :]]
    return ", ".join(dates)


def _check_loops(network: PlanarNetwork) -> None:
    """Refuse loops of pairs that no sum of triangles gives.

    A connected graph has npairs - ndates + 1 independent loops. Triangles that meet along pairs are
    independent, save that those of a closed surface add up to nothing.
    """
    graph = network.graph
    inner = (graph.left != graph.ground) & (graph.right != graph.ground)
    ntri = graph.ntriangles
    surface = regions(np.stack([graph.left[inner], graph.right[inner]], axis=1), ntri)
    nsurfaces = surface.max(initial=-1) + 1
    one_sided = (graph.left == graph.ground) != (graph.right == graph.ground)
    border = np.minimum(graph.left, graph.right)[one_sided]
    nclosed = nsurfaces - np.unique(surface[border]).size
    nloops = network.npairs - network.ndates + 1
    if ntri - nclosed != nloops:
        free = [name for name, free in zip(network.pair_names, ~inner, strict=True) if free]
        place = ", ".join(free[:5]) or "the triangles"
        raise InputError(
            f"{nloops - ntri + nclosed} of the {nloops} independent loops of pairs are no "
            f"triangles, expected none: add or leave out pairs at {place}"
        )
