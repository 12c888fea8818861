"""A further term of the link model that the phases themselves ask for.

What velocity and DEM error leave of the phase of links has often a shape over the dates that many
links share: thermal dilation, delay that goes with height, motion that is not steady. It is the
first principal component over the dates of the residual phases (Ferretti, Prati, Rocca 2000, IEEE
TGRS 38(5), 2202-2212, leave it as non-linear motion). Its column joins the design where the phases
are clearly more likely with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from emcflow.acquisition.date_weights import Weights
from emcflow.links.learned_prior import (
    LinkPrior,
    fine_axes,
    grid_points,
    links_of_grid,
    prior_of_scene,
    sampled_links,
)
from emcflow.links.likely_peaks import likely_peaks
from emcflow.links.periodogram import LinkModel, SearchGrid

# Search range and largest step of the term [rad]; its column has a span of 1.
DATA_RANGE = (-12.0, 12.0, np.pi / 3)
# The phases of a link have to be more likely with the term, by this on average of the logarithm.
GAIN_OF_TERM = 0.1
ROUNDS = 3
LINKS = 2000
LINKS_OF_PRIOR = 600
# As many grid points are wanted, and no more than this: wide ranges would take too long.
GRID_POINTS, MOST_POINTS = 8000, 64_000
# Dates beyond a constant and the terms that are needed to find one more.
SPARE_DATES = 3
# Links of less coherence, and those of the largest residuals, tell nothing of the shape.
LEAST_COHERENCE = 0.4
LARGEST_PART = 0.98


def data_term(
    phase: np.ndarray,
    edges: np.ndarray,
    design: np.ndarray,
    ranges: Sequence[Sequence[float]],
    weights: Weights = None,
) -> tuple[np.ndarray | None, float]:
    """Column of a further term, where the phases of the links ask for one.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Wrapped phase [rad], relative to the first date.
    edges : int32 (nlinks, 2)
        Points a and b of each link.
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit].
    ranges : sequence of (low, high), one per term
        Search ranges in the units of the terms.
    weights : float64 (ndates,) or PointVariances, optional
        Of the dates, mean 1.

    Returns
    -------
    column : float64 (ndates,) or None
        Of span 1 and zero at the first date; the term is in rad. None where there is none.
    gain : float
        By how much the phases of a link are more likely, mean of the logarithm.

    Notes
    -----
    The component is found again, `ROUNDS` times, from the residuals of a search with the last one
    among the terms: those of the first search are partly wrapped.
    """
    ndates, nterms = design.shape
    if ndates < 1 + nterms + 1 + SPARE_DATES:
        return None, 0.0
    links = edges[sampled_links(len(edges), LINKS)]
    gradient = phase[:, links[:, 1]].astype(np.float64) - phase[:, links[:, 0]]
    axes = fine_axes(design, ranges)
    model = _searched(phase, edges, links, design, axes, weights)[0]
    params = np.vstack([model.params, np.zeros(len(links))])
    column = np.zeros(ndates)
    for _ in range(ROUNDS):
        component = _component(gradient, design, params, column, model.coherence)
        if component is None:
            return None, 0.0
        column = component
        extended = np.column_stack([design, column])
        axes = fine_axes(extended, [*ranges, DATA_RANGE], most=GRID_POINTS)
        if math.prod(map(len, axes)) > MOST_POINTS:
            return None, 0.0
        model, prior = _searched(phase, edges, links, extended, axes, weights)
        params = model.params.astype(np.float64)
    # of the same links and with the same grid
    most = links_of_grid(math.prod(map(len, axes)), LINKS_OF_PRIOR)
    without = prior_of_scene(phase, edges, design, axes[:nterms], weights, most)
    gain = prior.evidence - without.evidence
    return (column if gain > GAIN_OF_TERM else None), gain


def _searched(
    phase: np.ndarray,
    edges: np.ndarray,
    links: np.ndarray,
    design: np.ndarray,
    axes: Sequence[np.ndarray],
    weights: Weights,
) -> tuple[LinkModel, LinkPrior]:
    """Link model of some links under the prior that is learned with this design, and the prior."""
    prior = prior_of_scene(phase, edges, design, axes, weights, LINKS_OF_PRIOR)
    densities = [prior.log_density(grid_points(axes))]
    grid = SearchGrid(design, axes, weights)
    return likely_peaks(phase, links, grid, prior, densities)[0], prior


def _component(
    gradient: np.ndarray,
    design: np.ndarray,
    params: np.ndarray,
    column: np.ndarray,
    coherence: np.ndarray,
) -> np.ndarray | None:
    """First principal component over the dates of what the other terms leave, or None."""
    phasors = np.exp(1j * (gradient - design @ params[:-1] - np.outer(column, params[-1])))
    mean = phasors.mean(axis=0)
    residual = np.angle(phasors * mean.conj()) + np.outer(column, params[-1])
    residual = residual[:, coherence > LEAST_COHERENCE]
    if residual.shape[1] <= len(design):
        return None
    residual -= residual.mean(axis=0)
    size = np.square(residual).sum(axis=0)
    residual = residual[:, size <= np.quantile(size, LARGEST_PART)]
    with threadpool_limits(1, "blas"):  # several threads may round in another way
        shape = np.linalg.eigh(residual @ residual.T)[1][:, -1]
    shape -= shape[0]
    if not np.ptp(shape) > 0:
        return None
    # the sign of an eigenvector is arbitrary
    return shape / np.ptp(shape) * (1 if shape.sum() >= 0 else -1)
