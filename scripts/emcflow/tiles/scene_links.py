"""The links of all tiles as links of one scene, and which of them an interferogram broke."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emcflow.tiles.merge import SceneIndex


@dataclass(frozen=True)
class SceneLinks:
    """Links of the tiles, each from the tile that is the deepest at its first point.

    Attributes
    ----------
    edges : int32 (nlinks, 2)
        Points of the scene.
    numbers : tuple of int32 (n,), one per tile
        Which links of the tile's mesh they are, tile after tile in the order of `edges`.
    ends : tuple of int32 (n, 2), one per tile
        The same points in the tile.
    """

    edges: np.ndarray
    numbers: tuple[np.ndarray, ...]
    ends: tuple[np.ndarray, ...]

    def gather(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """Return values of the links of each tile's mesh as values (nlinks,) of the scene's."""
        return np.concatenate([v[own] for v, own in zip(values, self.numbers, strict=True)])


def scene_links(
    index: SceneIndex, edges: Sequence[np.ndarray], confident: Sequence[np.ndarray]
) -> SceneLinks:
    """Choose for each link of the scene the tile that it is taken from.

    Parameters
    ----------
    index : SceneIndex
    edges : sequence of int32 (nlinks, 2), one per tile
        Points of the links of the tile's mesh.
    confident : sequence of bool (nlinks,), one per tile
        Links that join points; the others are left out.

    Returns
    -------
    SceneLinks
        Without links to points that belong to another component in the scene.
    """
    numbers, ends, joined = [], [], []
    for tile, of_tile, firm in zip(index.tiles, edges, confident, strict=True):
        counts, owned = np.zeros((2, tile.npoints), bool)
        counts[tile.problem.free] = counts[tile.shared] = True
        owned[tile.problem.free] = owned[tile.shared[tile.owned]] = True
        own = np.flatnonzero(firm & owned[of_tile[:, 0]] & counts[of_tile[:, 1]])
        numbers.append(own.astype(np.int32))
        ends.append(of_tile[own])
        joined.append(tile.position[of_tile[own]].astype(np.int32))
    return SceneLinks(np.concatenate(joined), tuple(numbers), tuple(ends))


def broken_links(
    links: SceneLinks,
    cycles: Sequence[np.ndarray],
    merged: np.ndarray,
    changed: Sequence[np.ndarray],
) -> np.ndarray:
    """Find the links whose gradient an interferogram does not keep.

    Parameters
    ----------
    links : SceneLinks
    cycles : sequence of int (npoints,), one per tile
        Of the interferogram at the points of the tile.
    merged : int (nscene,)
        Of the interferogram at the points of the scene.
    changed : sequence of int (n,), one per tile
        Links of the tile's mesh that its flow changed.

    Returns
    -------
    bool (nlinks,)
        Those that a flow changed, and those where tiles were brought together.
    """
    broken, first = np.zeros(len(links.edges), bool), 0
    for of_tile, of_flow, number, ends in zip(
        cycles, changed, links.numbers, links.ends, strict=True
    ):
        part = slice(first, first + len(number))
        start, end = ends.T
        from_scene, to_scene = links.edges[part].T
        of_tile = of_tile.astype(np.int32)
        apart = merged[to_scene] - merged[from_scene] != of_tile[end] - of_tile[start]
        broken[part] = apart | np.isin(number, of_flow)
        first = part.stop
    return broken
