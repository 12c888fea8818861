"""Tiles joined to a scene that is held as a whole, as the rules do it tile by tile."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
from emcflow.tiles.feather import Blending
from emcflow.tiles.merge import zero_cycles
from emcflow.tiles.scene import Scene, count_regions, placed_tiles, scene_of_tiles, touching
from emcflow.tiles.tile_blend import BlendedCycles, TileBlend, blend_cycles, tile_blend


@dataclass(frozen=True)
class WholeScene(Scene):
    """Points of a scene, the tiles at each, and how those of each tile are joined to others."""

    degree: np.ndarray
    of_tiles: list[np.ndarray]
    tiles: tuple[TileBlend, ...]


def scene_index(tiles, shape, component):
    """Which tiles are merged at each point of a scene, with which weights."""
    scene = scene_of_tiles(tiles, shape, component)
    places = [at for at, _ in placed_tiles(tiles, scene.pixels)]
    first = np.concatenate(([0], np.cumsum([count_regions(tile) for tile in tiles])))
    beside = touching([tile.bounds for tile in tiles])
    degree, blends = np.zeros(len(scene.points), np.uint8), []
    for number, (tile, at) in enumerate(zip(tiles, places, strict=True)):
        others = [(i + j - number, tiles[i + j - number]) for i, j in beside if number in (i, j)]
        blends.append(tile_blend(number, tile, others, first, component, shape))
        degree[at[blends[-1].counts]] += 1
    return WholeScene(scene.pixels, scene.component, degree, places, tuple(blends))


def merge_cycles(index, cycles, offsets):
    """Merge the cycles of some pairs, one array (npairs, npoints) per tile."""
    shape = len(offsets), len(index.points)
    merged = np.empty(shape, np.int32)
    mean, spread = np.empty((2, *shape), np.float32)
    for blend, at, own in zip(index.tiles, index.of_tiles, cycles, strict=True):
        covers = [cycles[cover.number][:, cover.columns] for cover in blend.covers]
        blended = blend_cycles(blend, own, covers, offsets)
        there = at[blend.owned]
        merged[:, there] = blended.cycles[:, blend.owned]
        mean[:, there] = blended.mean[:, blend.owned]
        spread[:, there] = blended.spread[:, blend.owned]
    return BlendedCycles(merged, mean, spread)


def blend_tiles(tiles, offsets, shape, reference=None):
    """Values of all terms at the points of a scene."""
    scene = Blending(tiles, offsets, shape, reference)
    values = np.array([scene.row(term) for term in range(len(tiles[0].values))])
    return SimpleNamespace(points=scene.pixels.points(), values=values, component=scene.component)


def reference_cycles(cycles, component, references):
    """Subtract the cycles of each pair at the reference points; return these as well."""
    removed = cycles[:, references]
    zero = np.array([zero_cycles(values, component, references) for values in cycles])
    return cycles - zero[:, component], removed
