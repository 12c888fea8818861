"""Velocity and DEM error of every link: the peak of its periodogram times a learned prior.

The search of :mod:`emcflow.links.periodogram` with another choice among the peaks: instead of the
highest one the grid point of the highest likelihood times prior
(:mod:`emcflow.links.learned_prior`), and from there the top of its own peak.
"""

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from threadpoolctl import threadpool_limits

from emcflow.links.learned_prior import COHERENCES, NOISE_DATES
from emcflow.links.periodogram import (
    LinkModel,
    _affordable_workers,
    _checked_links,
    _checked_weights,
    _climb,
    _Grid,
    _grid_power,
    _link_phasors,
    _moments,
    _place,
    _residual_variance,
    _Scratch,
    _start,
    _unravel,
)


def likely_peaks(
    phase,
    edges,
    design,
    axes,
    prior,
    densities,
    n_threads=1,
    memory_mb=512,
    progress=None,
    ranges=None,
    weights=None,
):
    """Find the peak of likelihood times prior of every link, for each of some priors.

    Parameters
    ----------
    phase, edges, design, axes, n_threads, memory_mb, progress, ranges, weights
        As for :func:`emcflow.links.periodogram.estimate_links`; at least one term.
    prior : LinkPrior
        Its noise.
    densities : sequence of float64 (n,)
        Logarithms of prior probabilities at all points of the grid, the last term fastest.

    Returns
    -------
    list of LinkModel
        One for each of the densities.

    Raises
    ------
    InputError
        As `estimate_links`.

    Notes
    -----
    From the grid point the likelihood alone is climbed. Where that leads farther than a grid step,
    to a peak that the prior has not chosen, the link keeps the grid point.
    """
    phase, edges, design = _checked_links(phase, edges, design)
    weights = _checked_weights(weights, len(design))
    grid = _Grid(design, axes, ranges, weights)
    densities = np.ascontiguousarray(densities, dtype=np.float64)
    order = np.argsort(-densities, axis=1, kind="stable")
    nlinks, nterms = len(edges), design.shape[1]
    found = (
        np.empty((len(densities), nterms, nlinks), np.float32),
        np.empty((len(densities), nterms, nlinks), np.float32),
        np.empty((len(densities), nlinks), np.float32),
        np.empty((len(densities), nlinks), np.bool_),
    )
    workers = _affordable_workers(grid, n_threads, memory_mb)
    starts = range(0, nlinks, grid.chunk)
    local = threading.local()
    noise = np.array([prior.ndates, NOISE_DATES * prior.noise])

    def run(start):
        if not hasattr(local, "scratch"):
            local.scratch = _Scratch(grid)
        some = edges[start : start + grid.chunk]
        count, scratch = len(some), local.scratch
        real, imag = scratch.real[:count], scratch.imag[:count]
        phasors, product = scratch.phasors[: 2 * count], scratch.product[: 2 * count]
        _link_phasors(phase, some, grid.centre_phase, real, imag, phasors)
        if grid.weights is not None:
            for values in (real, imag, phasors):
                values[:, : grid.ndates] *= grid.weights
        np.matmul(phasors, grid.waves, out=product)
        stop = start + count
        _choose_peaks(
            product, real, imag, grid.shape, grid.strides, grid.steps, grid.basis, grid.normal,
            grid.variances, grid.span, grid.centre, -grid.reach, grid.reach, grid.inverse_normal,
            scratch.power, densities, order, noise, *(array[..., start:stop] for array in found),
        )  # fmt: skip
        return stop

    # One BLAS thread: a product shared by several threads may round in another way.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers) as pool:
        report_every = max(1, len(starts) // 100)
        for number, done in enumerate(pool.map(run, starts)):
            if progress is not None and (number % report_every == 0 or done == nlinks):
                progress(done, nlinks)
    return [LinkModel(*(array[p] for array in found)) for p in range(len(densities))]


@njit(cache=True, nogil=True)
def _log_likelihood(power, ndates, noise):
    """As `LinkPrior.log_likelihood`, of the squared modulus of the sum over the dates."""
    coherence = math.sqrt(max(power, np.float32(0.0))) / ndates
    coherence = min(max(coherence, COHERENCES[0]), COHERENCES[1])
    misfit = -2.0 * noise[0] * math.log(coherence)
    return -0.5 * (noise[0] - 1.0 + NOISE_DATES) * math.log(noise[1] + misfit)


@njit(cache=True, nogil=True)
def _likeliest(power, highest, density, order, ndates, noise, size):
    """Grid point of the highest likelihood times prior.

    Points are looked at from the most probable one on: a later one can win only by a higher power
    than all before it, and none can once the highest power would not do.
    """
    half = len(power) // 2
    most = _log_likelihood(highest, ndates, noise)
    best, best_score, seen = order[0], -np.inf, np.float32(-1.0)
    for k in range(len(order)):
        g = order[k]
        if density[g] + most <= best_score:
            break
        own = power[_place(g, size, half)]
        if own > seen:
            seen = own
            score = _log_likelihood(own, ndates, noise) + density[g]
            if score > best_score:
                best, best_score = g, score
    return best


@njit(cache=True, nogil=True)
def _choose_peaks(
    product, real, imag, shape, strides, steps, basis, normal, variances, span, centre, low, high,
    inverse_normal, power, densities, order, noise, params, sigma, coherence, at_edge,
):  # fmt: skip
    """Peak of every link of a chunk under each prior; fills the last four arrays."""
    nterms, size, ndates = len(shape), shape.prod(), len(variances)
    index = np.empty(nterms, np.int64)
    turned_real, turned_imag = np.empty(basis.shape[1]), np.empty(basis.shape[1])
    moments = np.empty((len(basis), 2))
    gradient, matrix, step = np.empty(nterms), np.empty((nterms, nterms)), np.empty(nterms)
    u, at = np.empty(nterms), np.empty(nterms)
    free = np.empty(nterms, np.bool_)
    for i in range(real.shape[0]):
        highest = _grid_power(product[2 * i], product[2 * i + 1], size, power)
        before = -1
        for p in range(len(densities)):
            g = _likeliest(power, highest, densities[p], order[p], ndates, noise, size)
            if g == before:
                params[p, :, i], sigma[p, :, i] = params[p - 1, :, i], sigma[p - 1, :, i]
                coherence[p, i], at_edge[p, i] = coherence[p - 1, i], at_edge[p - 1, i]
                continue
            before = g
            _unravel(g, strides, index)
            for t in range(nterms):
                at[t] = (index[t] - 0.5 * (shape[t] - 1)) * steps[t] * span[t]
            _start(power, g, index, shape, strides, steps, span, size, u)
            climbed = _climb(
                real, imag, i, basis, normal, low, high,
                free, u, turned_real, turned_imag, moments, gradient, matrix, step,
            )  # fmt: skip
            away = False
            for t in range(nterms):
                away = away or abs(u[t] - at[t]) > steps[t] * span[t]
            if away:
                climbed = _moments(real, imag, i, basis, at, turned_real, turned_imag, moments)
            variance = _residual_variance(
                turned_real, turned_imag, moments[0, 0], moments[0, 1], variances, nterms
            )
            coherence[p, i] = min(1.0, math.sqrt(max(climbed, 0.0)) / ndates)
            at_edge[p, i] = False
            for t in range(nterms):
                place = at[t] if away else u[t]
                params[p, t, i] = centre[t] + place / span[t]
                sigma[p, t, i] = math.sqrt(variance * inverse_normal[t, t]) / span[t]
                at_edge[p, i] = at_edge[p, i] or not (away or free[t])
