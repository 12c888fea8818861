"""Velocity and DEM error of every link: the peak of its periodogram times a learned prior.

The search of :mod:`emcflow.links.periodogram` with another choice among the peaks: instead of the
highest one the grid point of the highest likelihood times prior
(:mod:`emcflow.links.learned_prior`), and from there the top of its own peak.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from emcflow.links.learned_prior import COHERENCES, NOISE_DATES
from emcflow.links.peaks import Peaks, Prior, find_likely_peaks
from emcflow.links.periodogram import (
    LinkModel,
    Scratch,
    SearchGrid,
    affordable_workers,
    checked_links,
    checked_weights,
    chunk_sums,
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
    phase, edges, design = checked_links(phase, edges, design)
    weights = checked_weights(weights, len(design))
    grid = SearchGrid(design, axes, ranges, weights)
    densities = np.ascontiguousarray(densities, dtype=np.float64)
    order = np.argsort(-densities, axis=1, kind="stable")
    nlinks, nterms = len(edges), design.shape[1]
    found = (
        np.empty((len(densities), nterms, nlinks), np.float32),
        np.empty((len(densities), nterms, nlinks), np.float32),
        np.empty((len(densities), nlinks), np.float32),
        np.empty((len(densities), nlinks), np.bool_),
    )
    workers = affordable_workers(grid, n_threads, memory_mb)
    starts = range(0, nlinks, grid.chunk)
    local = threading.local()
    priors = Prior(
        densities,
        order,
        float(prior.ndates),
        float(NOISE_DATES * prior.noise),
        float(NOISE_DATES),
        *map(float, COHERENCES),
    )

    def run(start):
        if not hasattr(local, "scratch"):
            local.scratch = Scratch(grid)
        some = edges[start : start + grid.chunk]
        stop = start + len(some)
        product, real, imag = chunk_sums(phase, some, grid, local.scratch)
        peaks = Peaks(*(array[..., start:stop] for array in found))
        find_likely_peaks(product, real, imag, grid.search, local.scratch.power, priors, peaks)
        return stop

    # One BLAS thread: a product shared by several threads may round in another way.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(workers) as pool:
        report_every = max(1, len(starts) // 100)
        for number, done in enumerate(pool.map(run, starts)):
            if progress is not None and (number % report_every == 0 or done == nlinks):
                progress(done, nlinks)
    return [LinkModel(*(array[p] for array in found)) for p in range(len(densities))]
