"""Links whose parameters lie far beyond what the links of a scene have: a tower among houses.

A range that fits the scene (:func:`emcflow.links.learned_prior.fitting_ranges`) holds nearly all
links. The few that reach beyond it have a peak of noise within it: of low coherence, while a far
larger one waits outside. Where a link is so incoherent that this can be, it is searched again over
a range several times as wide, one term at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from emcflow.acquisition.date_weights import Weights
from emcflow.links.learned_prior import (
    COARSEST,
    MOST_DOUBLINGS,
    LinkPrior,
    fine_axes,
    times_as_wide,
)
from emcflow.links.likely_peaks import likely_peaks
from emcflow.links.periodogram import LinkModel, Scratch, SearchGrid

# Share of links beyond the range, beforehand. With a thousandth, links whose motion is no straight
# line or whose noise is unlike that of others found peaks there in simulated collapses and snow.
SHARE_BEYOND = 3e-4
# The other terms are searched within so many deviations of the wide class.
DEVIATIONS = 3.0
# Links times grid points that are searched again at most, some seconds of work.
MOST_VALUES = 400_000_000


def with_far_peaks(
    phase: np.ndarray,
    edges: np.ndarray,
    design: np.ndarray,
    asked: Sequence[Sequence[float]],
    links: LinkModel,
    prior: LinkPrior,
    weights: Weights = None,
    n_threads: int = 1,
) -> LinkModel:
    """Replace peaks within the range by far ones that are clearly more likely.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Wrapped phase per date [rad], relative to the first date.
    edges : int32 (nlinks, 2)
        Points a and b of each link.
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit].
    asked : sequence of (low, high) or (low, high, step), one per term
        Ranges that were asked for. One with a step holds all that is to be found.
    links : LinkModel
        Peaks within the range that fits the scene.
    prior : LinkPrior
    weights : float64 (ndates,) or PointVariances, optional
        Of the dates, mean 1.
    n_threads : int
        No influence on the result.

    Returns
    -------
    LinkModel

    Notes
    -----
    A far peak is taken where its likelihood times that of a value beyond the range (`SHARE_BEYOND`,
    spread evenly over the resolution cells there) is more than the likelihood of the peak within:
    a ratio of posterior probabilities (MacKay 1992, Neural Computation 4(3), 415-447), and where it
    leaves no more noise than is usual in the scene.
    """
    found = [links.params, links.sigma, links.coherence, links.at_range_end]
    found = [array.copy() for array in found]
    gained = np.zeros(len(edges))
    for term, limits in enumerate(asked):
        if len(limits) == 2:
            grid = SearchGrid(design, _far_axes(design, asked, term, prior), weights)
            waiting, far, gain = _far_peaks(phase, edges, grid, links.coherence, prior, n_threads)
            better = gain > gained[waiting]
            gained[waiting[better]] = gain[better]
            of_far = (far.params, far.sigma, far.coherence, far.at_range_end)
            for array, own in zip(found, of_far, strict=True):
                array[..., waiting[better]] = own[..., better]
    return LinkModel(*found)


def _far_axes(
    design: np.ndarray, asked: Sequence[Sequence[float]], term: int, prior: LinkPrior
) -> list[np.ndarray]:
    """Search grid that is wide in one term, and as wide as the scene's values in the others."""
    ranges: list[tuple[float, ...]] = []
    for other, limits in enumerate(asked):
        half = DEVIATIONS * prior.deviations[1, other]
        middle = 0.5 * (limits[0] + limits[1])
        ranges.append((middle - half, middle + half))
    ranges[term] = times_as_wide(tuple(asked[term]), 2**MOST_DOUBLINGS)
    return fine_axes(design, ranges, COARSEST, most=0)


def _far_peaks(
    phase: np.ndarray,
    edges: np.ndarray,
    grid: SearchGrid,
    coherence: np.ndarray,
    prior: LinkPrior,
    n_threads: int,
) -> tuple[np.ndarray, LinkModel, np.ndarray]:
    """Search the links again that may have a peak on this grid that outdoes theirs.

    Returns
    -------
    waiting : int64 (n,)
        The links that were searched.
    far : LinkModel
        Their highest peaks.
    gain : float64 (n,)
        Logarithm of how many times likelier a far peak is than the one within, above 0 or not.
    """
    cells = max(grid.size / COARSEST ** len(grid.search.shape), 1.0)
    needed = prior.log_likelihood(coherence) + math.log(cells / SHARE_BEYOND)
    usual = float(np.exp(-0.5 * prior.noise))
    waiting = np.flatnonzero(prior.log_likelihood(np.array(usual)) > needed)
    order = np.argsort(coherence[waiting], kind="stable")
    waiting = waiting[order][: MOST_VALUES // grid.size]
    memory_mb = n_threads * Scratch.nbytes(grid) / 2**20
    flat = [np.zeros(grid.size)]
    (far,) = likely_peaks(phase, edges[waiting], grid, prior, flat, n_threads, memory_mb)
    gain = prior.log_likelihood(far.coherence) - needed[waiting]
    # one that leaves more noise than usual does not explain the link
    return waiting, far, np.where(far.coherence > usual, gain, -np.inf)
