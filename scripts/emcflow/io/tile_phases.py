"""Phases and links of a tile, from the files between the rules."""

from __future__ import annotations

from pathlib import Path

from emcflow.io.hdf5 import (
    read,
    read_cycle_models,
    read_graph,
    read_link_weights,
    read_points,
    read_variances,
)
from emcflow.unwrap.tile import TilePhases


def read_tile_phases(mesh: str | Path, links: str | Path | None) -> TilePhases:
    """Read phases and mesh of a tile, with the models of its links where there are any."""
    graph = read_graph(mesh)
    phase, confident = read(mesh, "phase", "confident")
    points, _ = read_points(mesh)
    if not links:
        return TilePhases(phase, points, graph, confident)
    weights = read_variances(mesh) or read_link_weights(links)
    return TilePhases(phase, points, graph, confident, read_cycle_models(links), weights)
