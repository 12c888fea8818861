"""Paths along the pairs of a network of dates."""

from __future__ import annotations

import numpy as np


def shortest_paths(pairs, ndates: int, root: int) -> tuple[np.ndarray, np.ndarray]:
    """Return dates in the order of their distance from a root, and the pair that leads to each.

    Dates that no pairs lead to are -1 in the order, as the root's pair is.
    """
    beside: list[list[tuple[int, int]]] = [[] for _ in range(ndates)]
    for pair, (first, second) in enumerate(pairs):
        beside[first].append((int(second), pair))
        beside[second].append((int(first), pair))
    order, edge = [root], {root: -1}
    for date in order:
        for other, pair in beside[date]:
            if other not in edge:
                edge[other] = pair
                order.append(other)
    missing = ndates - len(order)
    return (
        np.array(order + [-1] * missing),
        np.array([edge[date] for date in order] + [-1] * missing),
    )
