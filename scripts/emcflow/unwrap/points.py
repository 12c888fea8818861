"""Unwrapping of points in one call, for scripts and notebooks: the steps of a tile on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emcflow.arrays import phase_array
from emcflow.errors import InputError
from emcflow.graph.delaunay import links_within, point_mesh
from emcflow.graph.planar import PlanarGraph
from emcflow.links.cycle_model import CycleModel
from emcflow.links.periodogram import LinkModel
from emcflow.links.search_grid import checked_design, choose_terms, search_axis
from emcflow.network.networks import PlanarNetwork, hop3_network
from emcflow.unwrap.learned_models import Search, models_of_links
from emcflow.unwrap.spatial import unwrap_in_space
from emcflow.unwrap.tile import TilePhases, cycles_of_links

# The defaults of the config.
RANGES = ((-100.0, 100.0), (-50.0, 50.0))
MAX_LINK_PIXELS = 100.0


@dataclass(frozen=True)
class UnwrappedPoints:
    """Unwrapped interferograms of points, and what they were unwrapped with.

    Attributes
    ----------
    unwrapped : float64 (npairs, npoints)
        Phase of the second date of a pair minus that of the first [rad], congruent with the input;
        up to whole cycles per pair and region, which no unwrapping can know.
    network : PlanarNetwork
        Its ``pairs`` and ``pair_names`` are those of the rows.
    graph : PlanarGraph
        Mesh of the points; its ``edges`` are the links.
    confident : bool (nlinks,)
        Links that are short enough to carry phase.
    region : int32 (npoints,)
        Points that confident links join share a label; phases of two regions cannot be compared.
    model : LinkModel or None
        Parameters and coherence of every link; None without a design.
    terms : list of int
        Columns of the design that the model holds: those that the dates tell apart.
    hypothesis : str
        That of the cycles of the links, which the interferograms bore out best.
    """

    unwrapped: np.ndarray
    network: PlanarNetwork
    graph: PlanarGraph
    confident: np.ndarray
    region: np.ndarray
    model: LinkModel | None
    terms: list[int]
    hypothesis: str


def unwrap_points(
    phase: np.ndarray,
    points: np.ndarray,
    dates: Sequence[str],
    design: np.ndarray | None = None,
    ranges: Sequence[tuple[float, float]] = RANGES,
    *,
    max_link_pixels: float | None = MAX_LINK_PIXELS,
    n_threads: int = 1,
) -> UnwrappedPoints:
    """Unwrap the interferograms of a stack at its points, in time and then in space.

    What the workflow does with a tile, with its default settings: a mesh of the points, velocity
    and DEM error of every link where there is a design, cycles of every link by the hypothesis that
    a few interferograms bear out best (`hypotheses`), every interferogram of the hop-3 network
    unwrapped in space (Pepe and Lanari 2006, see `unwrap`).

    Parameters
    ----------
    phase : float or complex (ndates, npoints)
        Wrapped phase per date [rad], relative to the first date; of complex numbers their angle.
    points : int (npoints, 2)
        Row and column of each point, distinct, in row-major order as `numpy.argwhere` gives them.
    dates : sequence of str
        YYYYMMDD, ascending.
    design : float (ndates, nterms), optional
        Phase per unit of each term of the link model [rad/unit], see `geometry.design_matrix`.
        Without it links are unwrapped around zero.
    ranges : sequence of (low, high), one per term
        Where the terms of a link are searched; by default 100 mm/yr and 50 m either way.
    max_link_pixels : float, optional
        Longer links join nothing; None: no limit.
    n_threads : int
        No influence on the result.

    Returns
    -------
    UnwrappedPoints

    Raises
    ------
    InputError
        If shapes disagree, values are not finite, points or dates are not in order.
    """
    network = hop3_network(dates)
    graph = point_mesh(points)
    phase = phase_array(phase, "phase", np.float32)
    if phase.shape != (len(dates), graph.nnodes):
        raise InputError(
            f"phase has shape {phase.shape}; expected ({len(dates)}, {graph.nnodes}), dates by "
            "points: transpose it, or leave out what has no date or point"
        )
    model: LinkModel | None = None
    models: dict[str, CycleModel] = {}
    terms: list[int] = []
    if design is not None:
        terms, _ = choose_terms(design, ranges)
        design, ranges = checked_design(design)[:, terms], [ranges[term] for term in terms]
        axes = [search_axis(design[:, i], *limits) for i, limits in enumerate(ranges)]
        found = models_of_links(
            phase, graph.edges, design, ranges, axes, lambda: graph, Search(n_threads)
        )
        model, models = found.links, found.models
    confident = links_within(points, graph.edges, max_link_pixels)
    tile = TilePhases(phase, points, graph, confident, models)
    chosen = cycles_of_links(tile, network, n_threads=n_threads)
    costs, region = tile.costs(chosen.coherence), tile.tree.region
    added, _ = unwrap_in_space(chosen.cycles, network, graph, tile.tree, costs, n_threads=n_threads)
    first, second = network.pairs.T
    unwrapped = phase[second].astype(np.float64) - phase[first] + 2 * np.pi * added
    return UnwrappedPoints(unwrapped, network, graph, confident, region, model, terms, chosen.name)
