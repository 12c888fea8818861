"""The links of all tiles as links of one scene, the best first, and those that tiles part."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emcflow.unwrap.labels import CLASSES, link_classes, link_keys, order_of_keys

# Links that are put in order at a time.
AT_ONCE = 2**22


class SceneLinks:
    """Links of the scene, tile after tile, and their order; holds 48 bytes for each.

    Parameters
    ----------
    most : int
        Links of all tiles, no fewer than there are.

    Attributes
    ----------
    class_sizes : int64 (CLASSES,)
        Links of each class by their quality.
    """

    def __init__(self, most: int) -> None:
        # memory that nothing is written to is none
        self._edges, self._keys = np.empty((most, 2), np.int32), np.empty(most, np.uint64)
        self._count = 0
        self.class_sizes = np.zeros(CLASSES, np.int64)

    def __len__(self) -> int:
        return self._count

    def add(self, edges: np.ndarray, quality: np.ndarray) -> None:
        """Add links of a tile: points of the scene, int32 (n, 2), and quality, float32 (n,)."""
        first, self._count = self._count, self._count + len(edges)
        self._edges[first : self._count] = edges
        self._keys[first : self._count] = link_keys(quality, first)
        self.class_sizes += np.bincount(link_classes(quality), minlength=CLASSES)

    @property
    def edges(self) -> np.ndarray:
        """Points of the links in the order of the tiles, int32 (nlinks, 2)."""
        return self._edges[: self._count]

    def sort(self) -> None:
        """Put the links in order, the best first; nothing can be added any more."""
        self._keys = self._keys[: self._count]
        self._keys.sort()

    def in_order(self) -> Iterator[np.ndarray]:
        """Yield the points of the links, some at a time, the best first."""
        for order in self._orders():
            yield self.edges[order]

    def ranks(self) -> np.ndarray:
        """Return the place of each link among all, int32 (nlinks,); `edges` are given up."""
        self._edges = np.empty((0, 2), np.int32)
        ranks, first = np.empty(self._count, np.int32), 0
        for order in self._orders():
            ranks[order] = np.arange(first, first + len(order), dtype=np.int32)
            first += len(order)
        return ranks

    def _orders(self) -> Iterator[np.ndarray]:
        for first in range(0, self._count, AT_ONCE):
            yield order_of_keys(self._keys[first : first + AT_ONCE])


def own_links(
    edges: np.ndarray, confident: np.ndarray, owned: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Choose the links of a tile's mesh that are links of the scene.

    Each is from the tile that is the deepest at its first point.

    Parameters
    ----------
    edges : int32 (nlinks, 2)
        Points of the links of the tile's mesh.
    confident : bool (nlinks,)
        Links that join points; the others are left out.
    owned, counts : bool (npoints,)
        Of the tile's :class:`emcflow.tiles.tile_blend.TileBlend`.

    Returns
    -------
    bool (nlinks,)
        Each link of the scene in one tile; none to points that belong to another component.
    """
    return confident & owned[edges[:, 0]] & counts[edges[:, 1]]


def ranks_of_tile(own: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Return the places of a tile's links among those of the scene, in their order.

    Parameters
    ----------
    own : bool (nlinks,)
        Of `own_links`.
    ranks : int32 (nown,)
        Of these links.

    Returns
    -------
    int32 (nlinks,)
        -1 for those that are no links of the scene.
    """
    found = np.full(len(own), -1, np.int32)
    found[own] = ranks
    return found


def links_apart(
    edges: np.ndarray, own: np.ndarray, cycles: np.ndarray, merged: np.ndarray
) -> np.ndarray:
    """Find the links of a tile whose gradient changed where tiles were brought together.

    Parameters
    ----------
    edges : int32 (nlinks, 2)
        Points of the links of the tile's mesh.
    own : bool (nlinks,)
        Of `own_links`.
    cycles, merged : int (npoints,)
        Of an interferogram at the points of the tile, before and after.

    Returns
    -------
    int32 (n,)
        Numbers of the links.
    """
    moved = merged - cycles
    start, end = edges.T
    return np.flatnonzero(own & (moved[start] != moved[end])).astype(np.int32)
