"""Phases and links of a tile, and the two steps that unwrap them: in time, then in space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from emcflow.acquisition.date_weights import PointVariances, Weights, effective_dates
from emcflow.graph.components import SpanningTree
from emcflow.graph.planar import PlanarGraph, breadth_first_tree
from emcflow.links.cycle_model import AUTO, CycleModel
from emcflow.network.networks import Network, PlanarNetwork
from emcflow.unwrap.costs import PairCosts, spatial_costs, temporal_costs
from emcflow.unwrap.hypotheses import (
    Evidence,
    chosen_cycles,
    link_hypotheses,
    wanted_hypotheses,
)
from emcflow.unwrap.islands import level_regions
from emcflow.unwrap.known_cycles import KnownCycles
from emcflow.unwrap.labels import changed_links, link_quality
from emcflow.unwrap.region_levels import RegionLevels
from emcflow.unwrap.significant import plain_coherence
from emcflow.unwrap.spatial import unwrap_in_space


class UnwrapSettings(NamedTuple):
    """How a tile is unwrapped, by default as the config has it.

    Attributes
    ----------
    hypothesis : str
        See :func:`emcflow.unwrap.hypotheses.wanted_hypotheses`.
    temporal_cost, spatial_cost : str
        Kinds of :mod:`emcflow.unwrap.costs`.
    solver : {'ssp', 'ortools'}
    """

    hypothesis: str = AUTO
    temporal_cost: str = "constant"
    spatial_cost: str = "coherence"
    solver: str = "ssp"


DEFAULTS = UnwrapSettings()


class LinkCycles(NamedTuple):
    """Cycles of the links of a tile by the hypothesis that the interferograms bear out.

    Attributes
    ----------
    name : str
        Of the hypothesis.
    cycles : int16 (ndates, nlinks)
    coherence : float (nlinks,)
        Of the links about it.
    tried : list of Evidence
        In the order of the hypotheses; none where there is one hypothesis.
    nterms : int
        Terms of its model.
    """

    name: str
    cycles: np.ndarray
    coherence: np.ndarray
    tried: list[Evidence]
    nterms: int


@dataclass(frozen=True)
class TilePhases:
    """Phase of the points of a tile, their mesh, and what is known of its links.

    Attributes
    ----------
    phase : float32 (ndates, npoints)
        Wrapped [rad], relative to the first date.
    points : int (npoints, 2)
        Row and column.
    graph : PlanarGraph
        Mesh of the points; its edges are the links.
    confident : bool (nlinks,)
        Links that are short enough to carry phase.
    models : mapping of str to CycleModel
        Of the links.
    weights : float64 (ndates,) or PointVariances, optional
        Of the dates, mean 1.
    """

    phase: np.ndarray
    points: np.ndarray
    graph: PlanarGraph
    confident: np.ndarray
    models: Mapping[str, CycleModel] = field(default_factory=dict)
    weights: Weights = None

    @cached_property
    def tree(self) -> SpanningTree:
        """Spanning tree of the confident links; its regions are those of the tile."""
        return breadth_first_tree(self.graph, self.confident)

    def costs(self, coherence: np.ndarray, kind: str = "coherence") -> np.ndarray | PairCosts:
        """Return what a cycle costs on each link, nothing on those that carry no phase.

        Parameters
        ----------
        coherence : float (nlinks,)
            Of the links about what their cycles are nearest to.
        kind : str
            See :func:`emcflow.unwrap.costs.spatial_costs`.

        Returns
        -------
        int32 (nlinks,) or PairCosts
        """
        if kind == "coherence" and isinstance(self.weights, PointVariances):
            return PairCosts(coherence, self.graph.edges, self.weights, self.confident)
        costs = spatial_costs(kind, self.graph, self.points, coherence)
        costs[~self.confident] = 0
        return costs


def cycles_of_links(
    tile: TilePhases,
    network: PlanarNetwork,
    formed: np.ndarray | None = None,
    settings: UnwrapSettings = DEFAULTS,
    n_threads: int = 1,
    progress: Callable | None = None,
) -> LinkCycles:
    """Unwrap the links of a tile in time, by the hypothesis that its interferograms bear out.

    Parameters
    ----------
    tile : TilePhases
    network : PlanarNetwork
        Over which links are unwrapped in time.
    formed : bool (network.npairs,), optional
        False for pairs that are no interferograms: cycles cost nothing there.
    settings : UnwrapSettings
    n_threads : int
        No influence on the result.
    progress : callable, optional
        Called with (hypotheses tried or ruled out, hypotheses).

    Returns
    -------
    LinkCycles

    Raises
    ------
    InputError
        If the tile has no such hypothesis as is asked for.
    """
    in_time = temporal_costs(settings.temporal_cost, network)
    if formed is not None:
        in_time[~formed] = 0
    hypotheses = link_hypotheses(
        tile.phase, tile.graph, network, tile.models, in_time, n_threads, tile.weights
    )
    chosen = chosen_cycles(
        wanted_hypotheses(hypotheses, settings.hypothesis),
        lambda coherence: tile.costs(coherence, settings.spatial_cost),
        network,
        tile.graph,
        tile.tree,
        settings.solver,
        n_threads,
        progress,
    )
    nterms = next(each.nterms for each in hypotheses if each.name == chosen[0])
    return LinkCycles(*chosen, nterms)


class UnwrappedPairs(NamedTuple):
    """Interferograms of a tile, unwrapped in space.

    Attributes
    ----------
    cycles : int16 (npairs, npoints)
    statistics : dict of int64 (npairs,)
        See :func:`emcflow.unwrap.spatial.unwrap_in_space`.
    changed : dict of str to int32 (nchanged,)
        Links that the flow changed, by the names of the pairs.
    quality : float32 (nlinks,)
        See :func:`emcflow.unwrap.labels.link_quality`.
    """

    cycles: np.ndarray
    statistics: dict[str, np.ndarray]
    changed: dict[str, np.ndarray]
    quality: np.ndarray


def unwrap_pairs(
    tile: TilePhases,
    of_links: LinkCycles,
    pairs: Network,
    settings: UnwrapSettings = DEFAULTS,
    n_threads: int = 1,
    progress: Callable | None = None,
    known: Callable[[int], KnownCycles | None] | None = None,
) -> UnwrappedPairs:
    """Unwrap the interferograms of a tile in space, from the cycles of its links.

    Parameters
    ----------
    tile : TilePhases
    of_links : LinkCycles
        Of :func:`cycles_of_links`.
    pairs : Network
        Those that are unwrapped.
    settings : UnwrapSettings
    n_threads : int
        No influence on the result.
    progress : callable, optional
        Called with (pairs done, pairs in all).
    known : callable, optional
        See :func:`emcflow.unwrap.spatial.unwrap_in_space`.

    Returns
    -------
    UnwrappedPairs
    """
    costs = tile.costs(of_links.coherence, settings.spatial_cost)
    mesh = tile.graph, tile.tree, costs
    cycles, statistics = unwrap_in_space(
        of_links.cycles, pairs, *mesh, settings.solver, n_threads, progress, known
    )
    changed = changed_links(of_links.cycles, cycles, pairs, tile.graph.edges)
    plain = plain_coherence(tile.phase, tile.graph, tile.weights, n_threads)
    dates = effective_dates(len(tile.phase), tile.weights)
    quality = link_quality(plain, of_links.coherence, dates, of_links.nterms)
    by_pair = dict(zip(pairs.pair_names, changed, strict=True))
    return UnwrappedPairs(cycles, statistics, by_pair, quality)


def levels_of_regions(tile: TilePhases, cycles: np.ndarray, pairs: Network) -> RegionLevels:
    """Find the cycles between the regions of a tile that links across tell.

    Parameters
    ----------
    tile : TilePhases
    cycles : int16 (npairs, npoints)
    pairs : Network
        All interferograms.

    Returns
    -------
    RegionLevels
    """
    design = next((model.design for model in tile.models.values()), np.empty((len(tile.phase), 0)))
    edges, region = tile.graph.edges, tile.tree.region
    return level_regions(tile.phase, tile.points, edges, region, cycles, pairs.pairs, design)
