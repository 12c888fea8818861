"""Tiles of which few are held at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

Tile = TypeVar("Tile")

# Two that overlap.
HELD = 2


class HeldTiles(Sequence[Tile]):
    """Tiles that are asked for again and again; those that were asked for last are held.

    Parameters
    ----------
    tiles : sequence
        Reads a tile, or works it out, whenever it is asked for.
    """

    def __init__(self, tiles: Sequence[Tile]) -> None:
        self._tiles = tiles
        self._held: dict[int, Tile] = {}

    def __len__(self) -> int:
        return len(self._tiles)

    def __getitem__(self, number: int) -> Tile:  # type: ignore[override]
        tile = self._held.pop(number, None)
        while len(self._held) >= HELD:
            del self._held[next(iter(self._held))]
        self._held[number] = self._tiles[number] if tile is None else tile
        return self._held[number]
