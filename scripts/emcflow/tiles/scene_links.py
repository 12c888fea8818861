"""The links of all tiles as links of one scene, and which of them an interferogram broke."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class TileLinks(NamedTuple):
    """The mesh of a tile whose links become links of the scene.

    Attributes
    ----------
    edges : int32 (nlinks, 2)
        Points of the links of the tile's mesh.
    own : bool (nlinks,)
        Of `own_links`.
    places : int32 (npoints,)
        Points of the scene that the tile's points are.
    """

    edges: np.ndarray
    own: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class SceneLinks:
    """Links of the tiles, each from the tile that is the deepest at its first point.

    Attributes
    ----------
    edges : int32 (nlinks, 2)
        Points of the scene.
    own : tuple of bool (n,), one per tile
        Which links of the tile's mesh they are, tile after tile in the order of `edges`.
    """

    edges: np.ndarray
    own: tuple[np.ndarray, ...]

    def gather(self, values: Iterable[np.ndarray], dtype: type) -> np.ndarray:
        """Return values of the links of each tile's mesh as values (nlinks,) of the scene's."""
        found: np.ndarray = np.empty(len(self.edges), dtype)
        first = 0
        for own, of_tile in zip(self.own, values, strict=True):
            chosen = of_tile[own]
            found[first : first + len(chosen)] = chosen
            first += len(chosen)
        return found

    def broken(self, numbers: Iterable[np.ndarray]) -> np.ndarray:
        """Return which links an interferogram broke, bool (nlinks,).

        Parameters
        ----------
        numbers : iterable of int (n,), one per tile
            Links of the tile's mesh that its flow changed, or that `links_apart` finds.
        """
        marks = (_marks(number, len(own)) for number, own in zip(numbers, self.own, strict=True))
        return self.gather(marks, bool)


def own_links(
    edges: np.ndarray, confident: np.ndarray, owned: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Choose the links of a tile's mesh that are links of the scene.

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


def scene_links(tiles: Iterable[TileLinks], most: int) -> SceneLinks:
    """Gather the links of the scene from those of its tiles.

    Parameters
    ----------
    tiles : iterable of TileLinks
        Of every tile; they may be read when they are asked for.
    most : int
        Links of all tiles, no fewer than there are.

    Returns
    -------
    SceneLinks
    """
    # memory that nothing is written to is none
    edges, masks, first = np.empty((most, 2), np.int32), [], 0
    for tile in tiles:
        chosen = tile.places[tile.edges[tile.own]]
        edges[first : first + len(chosen)] = chosen
        first += len(chosen)
        masks.append(tile.own)
    return SceneLinks(edges[:first], tuple(masks))


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


def _marks(numbers: np.ndarray, size: int) -> np.ndarray:
    marks = np.zeros(size, bool)
    marks[numbers] = True
    return marks
