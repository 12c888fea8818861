"""The mesh over the points of a tile: its links, those that carry phase, and its regions."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emcflow.graph.components import regions
from emcflow.graph.delaunay import links_within, point_mesh
from emcflow.graph.planar import PlanarGraph
from emcflow.io.hdf5 import create, put, put_graph, put_points

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TileMesh:
    """Points of a tile with their phases and links.

    Attributes
    ----------
    points : int32 (npoints, 2)
        Row and column in the scene.
    phase : float32 (ndates, npoints)
        Wrapped [rad], relative to the first date.
    variances : float32 (ndates, npoints) or None
        Of the phase, up to a factor; None where they are not known.
    graph : PlanarGraph
    confident : bool (nlinks,)
        Links that are short enough to carry phase.
    region : int32 (npoints,)
        Points that these join share a label.
    """

    points: np.ndarray
    phase: np.ndarray
    variances: np.ndarray | None
    graph: PlanarGraph
    confident: np.ndarray
    region: np.ndarray

    def write(self, path: str | Path, bounds: tuple[int, int, int, int], **attributes: Any) -> None:
        """Write the mesh of a tile of these bounds."""
        with create(path, **attributes) as file:
            put_points(file, self.points, bounds)
            put(file, "phase", self.phase, "rad")
            if self.variances is not None:
                put(file, "variances", self.variances, "relative")
            put_graph(file, self.graph)
            put(file, "confident", self.confident, "1")
            put(file, "region", self.region, "label")


def tile_mesh(
    points: np.ndarray,
    phase: np.ndarray,
    variances: np.ndarray | None,
    max_link_pixels: float | None,
) -> TileMesh:
    """Span a mesh over the points of a tile.

    Parameters
    ----------
    points, phase, variances
        See :class:`TileMesh`.
    max_link_pixels : float or None
        Longer links join nothing; None: no limit.

    Returns
    -------
    TileMesh
    """
    log.info("%d points x %d dates read", *phase.T.shape)
    graph = point_mesh(points)
    log.info("%d links, %d triangles", graph.nedges, graph.ntriangles)
    confident = links_within(points, graph.edges, max_link_pixels)
    region = regions(graph.edges[confident], len(points))
    if not confident.all():
        log.info(
            "%d links longer than mesh.max_link_pixels = %g join nothing; %d separate regions, the "
            "largest with %.1f %% of the points",
            (~confident).sum(),
            max_link_pixels,
            region.max() + 1,
            100 * np.bincount(region).max() / len(points),
        )
    return TileMesh(points, phase, variances, graph, confident, region)
