"""Models of the links of a tile, of which hypotheses for their cycles are made.

In the light of what links of this scene have (:mod:`emcflow.links.learned_prior`): likely ones of
all kinds, of the narrow kind alone, and both again with a term from the data
(:mod:`emcflow.links.data_term`) where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from emcflow.acquisition.date_weights import Weights
from emcflow.graph.planar import PlanarGraph
from emcflow.links.cycle_model import DATA, DATA_NARROW, MIXTURE, NARROW, PEAKS, CycleModel
from emcflow.links.data_term import DATA_RANGE, GRID_POINTS, LINKS_OF_PRIOR, data_term
from emcflow.links.far_peaks import with_far_peaks
from emcflow.links.learned_prior import (
    MARGIN,
    MOST_TERMS,
    LinkPrior,
    fine_axes,
    fitting_ranges,
    grid_points,
    prior_of_scene,
)
from emcflow.links.likely_peaks import likely_peaks
from emcflow.links.periodogram import LinkModel, SearchGrid, estimate_links
from emcflow.links.search_grid import RangedAxis
from emcflow.unwrap.significant import significant_model

NARROW_CLASS = slice(0, 1)


@dataclass(frozen=True)
class LearnedModels:
    """Models of the links of a scene, and what was learned of them.

    Attributes
    ----------
    ranges : list of tuple, one per term
        Ends of the search ranges, as wide as the links need.
    steps : list of int
        Grid values of each term.
    prior : LinkPrior or None
        None where nothing could be learned.
    links : LinkModel
        Peaks of likelihood times prior, for the maps; without a prior of the likelihood.
    models : dict of str to CycleModel
    data_gain : float
        By how much a term from the data makes the phases of a link more likely, mean of the
        logarithm; 0 without one.
    """

    ranges: list
    steps: list
    prior: LinkPrior | None
    links: LinkModel
    models: dict
    data_gain: float


class Search(NamedTuple):
    """How links are searched.

    Attributes
    ----------
    n_threads : int
        No influence on the result.
    memory_mb : float
        Upper bound of the scratch memory [MiB].
    progress : callable, optional
        Called as ``progress(links done, nlinks)`` from time to time.
    weights : float64 (ndates,) or PointVariances, optional
        In proportion to 1 / variance of the phase of each date, mean 1.
    """

    n_threads: int = 1
    memory_mb: float = 512
    progress: Callable | None = None
    weights: Weights = None


DEFAULTS = Search()


def can_learn(nterms: int, nlinks: int) -> bool:
    """Whether there are links to learn from, and few enough terms."""
    return 0 < nterms <= MOST_TERMS and nlinks > 0


def learned_models(
    phase: np.ndarray,
    edges: np.ndarray,
    design: np.ndarray,
    ranges: Sequence[Sequence[float]],
    n_threads: int = 1,
    memory_mb: float = 512,
    progress: Callable | None = None,
    weights: Weights = None,
) -> LearnedModels:
    """Learn what the links of a scene have, and find likely parameters of all of them.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Wrapped phase per date [rad], relative to the first date.
    edges : int32 (nlinks, 2)
        Points a and b of each link; at least one link.
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit]; one or two terms.
    ranges : sequence of (low, high) or (low, high, step), one per term
        Search ranges in the units of the terms. Those without a step are widened where the links
        have more.
    n_threads : int
        No influence on the result.
    memory_mb : float
        Upper bound of the scratch memory of the search [MiB].
    progress : callable, optional
        Called as ``progress(links done, nlinks)`` from time to time.
    weights : float64 (ndates,) or PointVariances, optional
        In proportion to 1 / variance of the phase of each date, mean 1.

    Returns
    -------
    LearnedModels

    Raises
    ------
    InputError
        As :func:`emcflow.links.periodogram.estimate_links`.
    """

    def searched(
        design: np.ndarray, axes: Sequence[np.ndarray], prior: LinkPrior, progress: Callable | None
    ) -> tuple[list[LinkModel], list[CycleModel]]:
        points, grid = grid_points(axes), SearchGrid(design, axes, weights)
        densities = [prior.log_density(points), prior.log_density(points, NARROW_CLASS)]
        found = likely_peaks(phase, edges, grid, prior, densities, n_threads, memory_mb, progress)
        # the column from the data is of span 1: nothing of it is far away
        data_range = [(*DATA_RANGE, np.inf)] * (design.shape[1] - len(asked))
        found[0] = with_far_peaks(
            phase, edges, design, [*asked, *data_range], found[0], prior, weights, n_threads
        )
        return found, [CycleModel(design, each.params, each.coherence) for each in found]

    asked, ranges = ranges, fitting_ranges(phase, edges, design, ranges, weights)
    axes = fine_axes(design, ranges)
    prior = prior_of_scene(phase, edges, design, axes, weights)
    found, (mixture, narrow) = searched(design, axes, prior, progress)
    models = {MIXTURE: replace(mixture, preference=prior.preference), NARROW: narrow}
    ends = [tuple(limits[:2]) for limits in ranges]
    column, gain = data_term(phase, edges, design, ends, weights)
    if column is not None:
        extended = np.column_stack([design, column])
        wider = fine_axes(extended, [*ends, DATA_RANGE], most=GRID_POINTS)
        of_data = prior_of_scene(phase, edges, extended, wider, weights, LINKS_OF_PRIOR)
        _, (mixture, narrow) = searched(extended, wider, of_data, None)
        # one term more has to be better by the margin
        models[DATA] = replace(mixture, preference=prior.preference - MARGIN)
        models[DATA_NARROW] = replace(narrow, preference=-MARGIN)
    return LearnedModels(ends, [len(axis) for axis in axes], prior, found[0], models, gain)


def peak_models(
    phase: np.ndarray,
    graph: PlanarGraph,
    design: np.ndarray,
    model: LinkModel,
    ranges: Sequence[Sequence[float]] | np.ndarray,
    n_threads: int = 1,
    weights: Weights = None,
) -> dict[str, CycleModel]:
    """The one model that there is where nothing is learned: the highest peaks that are supported.

    Parameters
    ----------
    phase, graph, design, ranges, n_threads, weights
        As for :func:`emcflow.unwrap.significant.significant_model`.
    model : LinkModel
        Highest peaks.

    Returns
    -------
    dict of str to CycleModel
    """
    kept = significant_model(
        phase, graph, design, model.params, model.coherence, ranges, n_threads, weights
    )
    return {PEAKS: CycleModel(design, *kept)}


def models_of_links(
    phase: np.ndarray,
    edges: np.ndarray,
    design: np.ndarray,
    ranges: Sequence[Sequence[float]],
    axes: Sequence[np.ndarray | RangedAxis],
    mesh: Callable[[], PlanarGraph],
    search: Search = DEFAULTS,
) -> LearnedModels:
    """Models of the links of a scene: learned ones where it can be, else the highest peaks.

    Parameters
    ----------
    phase, edges, design, ranges
        As for :func:`learned_models`.
    axes : sequence of float64 (n,) or RangedAxis, one per term
        Search grids where nothing is learned.
    mesh : callable
        Returns the mesh that the links are the edges of; asked for where nothing is learned.
    search : Search

    Returns
    -------
    LearnedModels
    """
    if can_learn(design.shape[1], len(edges)):
        return learned_models(phase, edges, design, ranges, *search)
    links = estimate_links(phase, edges, design, axes, *search)
    ends = [(float(low), float(high)) for low, high, *_ in ranges]
    models = peak_models(phase, mesh(), design, links, ends, search.n_threads, search.weights)
    return LearnedModels(ends, [len(axis) for axis in axes], None, links, models, 0.0)
