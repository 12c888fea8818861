"""Parts of a scene that no shared points join, joined by what links across say of their cycles.

Tiles bring their overlaps together; what these leave apart are islands. A tile that sees two of
them knows how many whole cycles the one lacks, and how likely that is wrong
(:mod:`emcflow.unwrap.islands`). Parts are joined from the surest pair on, as long as one is sure
enough; each join is the only one between what it joins, so that none contradicts another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emcflow.graph.components import by_size, regions, spanning_tree
from emcflow.tiles.overlaps import Overlaps
from emcflow.tiles.scene import PointsOfTile
from emcflow.unwrap.region_levels import RegionLevels


@dataclass(frozen=True)
class Islands:
    """Joins of parts of a scene by links across, the surest first.

    Attributes
    ----------
    part : int32 (nnodes,)
        Of each node, as overlaps alone join them; part 0 has the most points, and so on.
    nodes : int32 (n, 2)
        The two nodes of each join, of different parts.
    nlinks : int32 (n,)
        Links across.
    cycles : int16 (n, npairs)
        To add to the second node.
    wrong : float32 (n, npairs)
        Probability that these are wrong.
    mean_wrong : float32 (n,)
        The mean that decides.
    jump : float32 (n,)
        Probability that one side jumped between two dates.
    levelled : bool (n,)
        Sure enough to join the two parts. The others are the best there is, and join nothing.
    points : int64 (n,)
        Of the smaller of the two, with all that surer joins join to it; those that several tiles
        have count each time.
    places : int32 (n, 2)
        Row and column of a point in the middle of its node.
    """

    part: np.ndarray
    nodes: np.ndarray
    nlinks: np.ndarray
    cycles: np.ndarray
    wrong: np.ndarray
    mean_wrong: np.ndarray
    jump: np.ndarray
    levelled: np.ndarray
    points: np.ndarray
    places: np.ndarray

    @property
    def joined(self) -> np.ndarray:
        """Parts that each join joins, int32 (nlevelled, 2)."""
        return self.part[self.nodes[self.levelled]].reshape(-1, 2)

    @property
    def component(self) -> np.ndarray:
        """Connected component of each node with these joins; 0 need not have the most points."""
        return regions(self.joined, int(self.part.max(initial=-1)) + 1)[self.part]


def find_islands(
    levels: Sequence[RegionLevels],
    tiles: Sequence[PointsOfTile],
    overlaps: Overlaps,
    most_wrong: float | None,
) -> Islands:
    """Choose the joins of a scene from those that its tiles offer.

    Parameters
    ----------
    levels : sequence of RegionLevels
        Of each tile.
    tiles : sequence of PointsOfTile
    overlaps : Overlaps
        Their components are the parts.
    most_wrong : float or None
        Largest probability of a wrong cycle, in the mean of the pairs, of a join; None: none joins.

    Returns
    -------
    Islands
    """
    first = np.searchsorted(overlaps.nodes[:, 0], np.arange(len(levels)))
    nodes = np.concatenate([at + of.regions for at, of in zip(first, levels, strict=True)])
    rest = [np.concatenate(values) for values in zip(*(of[1:] for of in levels), strict=True)]
    offered = RegionLevels(nodes.astype(np.int32), *rest)
    order = np.lexsort((nodes[:, 1], nodes[:, 0], offered.mean_wrong))
    group = np.arange(overlaps.ncomponents)
    sizes = np.bincount(overlaps.component, overlaps.node_points).astype(np.int64)
    chosen, points, places = [], [], []
    for join in order:
        ends = group[overlaps.component[nodes[join]]]
        if ends[0] == ends[1]:
            continue
        small = int(sizes[ends[1]] <= sizes[ends[0]])
        chosen.append(join)
        points.append(sizes[ends[small]])
        tile, region = overlaps.nodes[nodes[join, small]]
        places.append(_middle(tiles[tile], region))
        sizes[ends[1 - small]] += sizes[ends[small]]
        group[group == ends[small]] = ends[1 - small]
    nodes, nlinks, cycles, wrong, mean_wrong, jump = (values[chosen] for values in offered)
    levelled = mean_wrong <= (-1.0 if most_wrong is None else most_wrong)
    return Islands(
        overlaps.component,
        nodes,
        nlinks,
        cycles,
        wrong,
        mean_wrong,
        jump,
        levelled,
        np.array(points, np.int64),
        np.array(places, np.int32).reshape(-1, 2),
    )


def _middle(tile: PointsOfTile, region: int) -> np.ndarray:
    """Row and column of the point of a region that is nearest to their mean."""
    points = tile.points[tile.region == region].astype(np.int64)
    return points[np.square(points - points.mean(axis=0)).sum(axis=1).argmin()]


def island_table(islands: Islands, pair_names: Sequence[str]) -> dict[str, Sequence]:
    """Return the columns of a table of the joins, the surest first.

    Parameters
    ----------
    islands : Islands
    pair_names : sequence of str

    Returns
    -------
    dict of str to sequence
        ``row``, ``col`` and ``points`` of the smaller part, ``links_across``,
        ``wrong_probability`` (mean of the pairs), ``worst_pair`` and ``worst_probability``,
        ``jump_probability``, ``levelled`` (1 where it joins).
    """
    worst = islands.wrong.argmax(axis=1)
    return {
        "row": islands.places[:, 0],
        "col": islands.places[:, 1],
        "points": islands.points,
        "links_across": islands.nlinks,
        "wrong_probability": islands.mean_wrong,
        "worst_pair": [pair_names[pair] for pair in worst],
        "worst_probability": islands.wrong[np.arange(len(worst)), worst],
        "jump_probability": islands.jump,
        "levelled": islands.levelled.astype(int),
    }


def levelled_component(islands: Islands, node_points: np.ndarray) -> np.ndarray:
    """Connected component of each node with the joins, the one with the most points first.

    Parameters
    ----------
    islands : Islands
    node_points : int (nnodes,)

    Returns
    -------
    int32 (nnodes,)
    """
    return by_size(islands.component, node_points)


def wrong_of_parts(islands: Islands) -> np.ndarray:
    """Probability that the joins between each part and the largest of its component are wrong.

    Parameters
    ----------
    islands : Islands

    Returns
    -------
    float32 (npairs, nparts)
        0 where nothing is between them.
    """
    parts = islands.joined
    tree = spanning_tree(parts, int(islands.part.max(initial=-1)) + 1)
    right = np.ones((islands.wrong.shape[1], len(tree.order)), np.float32)
    of_join = 1 - islands.wrong[islands.levelled]
    for part in tree.order:
        if tree.parent[part] >= 0:
            right[:, part] = right[:, tree.parent[part]] * of_join[tree.edge[part]]
    return 1 - right
