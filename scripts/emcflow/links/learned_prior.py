"""What velocities and DEM errors links of a scene have, learned from all of its links.

The periodogram of a noisy link (:mod:`emcflow.links.periodogram`) has its highest peak anywhere in
the search range; that of the true value is often nearly as high. Which values are likely beforehand
tells them apart, and the scene itself tells which are likely: most links of flat ground have next
to none, those along the walls of a city have any. This is empirical Bayes (Robbins 1956, Proc.
Third Berkeley Symp. 1, 157-163): values are drawn from a mixture of a narrow normal distribution, a
wide one, both of mean zero, and a uniform one over the search range, whose weights and widths are
those under which the phases of the scene are most likely, found by expectation and maximisation
(Dempster, Laird, Rubin 1977, J. R. Stat. Soc. B 39(1), 1-38). A link of noise, whose likelihood is
flat, moves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from emcflow.acquisition.date_weights import Weights, effective_dates, link_weights

# More terms than this have too large a grid.
MOST_TERMS = 2
# Grid steps in a resolution cell: as many as give no more points than this, and at least three.
FINEST, COARSEST = 10, 3
GRID_POINTS = 2048
# A search range is doubled where the phases of a link are more likely then, by this on average of
# the logarithm, and at most so many times.
GAIN_OF_WIDER = 0.02
MOST_DOUBLINGS = 3
LINKS_OF_RANGES = 1500
# Grid points of a range that is doubled.
MOST_POINTS = 20_000
# Not where more links than this have values of no kind: there the wide classes are of noise.
MOST_OF_NO_KIND = 0.05
# The mixture holds the narrow class: the latter alone has to be better by this.
MARGIN = 0.1
# Degrees of freedom of the noise of links beforehand. Links differ: with more, a link of more noise
# than others would rather have a peak far away. Four left up to 0.6 % more points wrong in
# simulated scenes of four and five dates, and hardly any fewer elsewhere.
NOISE_DATES = 1
# Coherences of sampled links times grid points: each takes some arrays of this size.
SAMPLE_VALUES = 4_000_000
MOST_LINKS, FEWEST_LINKS = 4000, 300
ITERATIONS = 40
LEAST_CHANGE = 1e-3
FIRST_WEIGHTS = (0.7, 0.25, 0.05)
# Parts of the search range that are the standard deviations at the start.
FIRST_DEVIATIONS = (1 / 20, 1 / 6)
LEAST_WEIGHT = 1e-12
# Coherences are kept between these: 1 would be a noise of nothing, and 0 one without bounds.
COHERENCES = 1e-3, 1 - 1e-5


@dataclass(frozen=True)
class LinkPrior:
    """What is known of the parameters and of the noise of a link before its phases are seen.

    Attributes
    ----------
    deviations : float64 (2, nterms)
        Standard deviations of the narrow and of the wide class, in the units of the terms.
    weights : float64 (3,)
        Shares of links in the narrow, the wide and the uniform class.
    noise : float
        Typical variance of a link's phase at one date [rad**2].
    ndates : float
        Dates, of weighted ones as many equal ones as tell as much.
    evidence : float
        Mean over the links of the logarithm of the likelihood of their phases, but for a constant.
    gain : float
        How much of it the narrow class alone would not reach.
    """

    deviations: np.ndarray
    weights: np.ndarray
    noise: float
    ndates: float
    evidence: float = 0.0
    gain: float = 0.0

    @property
    def preference(self) -> float:
        """By how much the mixture is preferred to its narrow class alone; see `hypotheses`."""
        return MARGIN + (self.gain if self.weights[-1] < MOST_OF_NO_KIND else 0.0)

    def log_likelihood(self, coherence: np.ndarray) -> np.ndarray:
        """Logarithm of the likelihood of phases of this coherence, but for a constant.

        Parameters
        ----------
        coherence : float array
            Of the link about some parameters, 0 to 1.

        Returns
        -------
        float64 array

        Notes
        -----
        Gaussian phase noise of variance s2 gives n phases of coherence g a likelihood in proportion
        to ``s2**(-(n - 1) / 2) * exp(-n * v / (2 * s2))`` with v = -2 ln g, the constant of the
        link free. With a scaled inverse chi-square distribution of s2 beforehand, of
        `NOISE_DATES` degrees of freedom and scale `noise`, s2 integrates out to a Student
        distribution (Gelman et al. 2013, Bayesian Data Analysis, ch. 3.2).
        """
        power = -0.5 * (self.ndates - 1 + NOISE_DATES)
        return power * np.log(NOISE_DATES * self.noise + self.misfit(coherence))

    def misfit(self, coherence: np.ndarray) -> np.ndarray:
        """Sum over the dates of the squares of the residual phase, [rad**2]."""
        return -2 * self.ndates * np.log(np.clip(coherence, *COHERENCES))

    def log_density(self, grid: np.ndarray, classes: slice = slice(None)) -> np.ndarray:
        """Logarithm of the prior probability of grid points.

        Parameters
        ----------
        grid : float64 (nterms, n)
            All points of the search grid.
        classes : slice
            Of the three classes; by default the mixture of all.

        Returns
        -------
        float64 (n,)
        """
        logs = class_logs(self.deviations, grid)[classes]
        shares = np.log(np.maximum(self.weights[classes], LEAST_WEIGHT))
        return logsumexp(logs + shares[:, None], axis=0)


def class_logs(deviations: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Logarithm of the probability of each grid point in each class, float64 (3, n)."""
    logs = np.zeros((3, grid.shape[1]))
    logs[:2] = -0.5 * np.square(grid / deviations[:, :, None]).sum(axis=1)
    return logs - logsumexp(logs, axis=1, keepdims=True)


def grid_points(axes: Sequence[np.ndarray]) -> np.ndarray:
    """All points of a search grid, float64 (nterms, n), the last term fastest."""
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])


def fine_axes(
    design: np.ndarray,
    ranges: Sequence[Sequence[float]],
    finest: int = FINEST,
    most: int = GRID_POINTS,
) -> list[np.ndarray]:
    """Search grids that have the middle of the range on them, as fine as is affordable.

    Parameters
    ----------
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit].
    ranges : sequence of (low, high) or (low, high, step), one per term
        In the units of the terms; a step that is given is the largest.
    finest : int
        Steps in a resolution cell, where the grid is not too large then.
    most : int
        Grid points from which on it is.

    Returns
    -------
    list of float64 (n,), one per term
    """
    for steps in range(finest, COARSEST - 1, -1):
        axes = []
        for column, (low, high, *given) in zip(design.T, ranges, strict=True):
            step = min([2 * np.pi / (steps * np.ptp(column)), *given])
            half = max(1, math.ceil(0.5 * (high - low) / step * (1 - 1e-9)))
            axes.append(np.linspace(low, high, 2 * half + 1))
        if math.prod(map(len, axes)) <= most:
            break
    return axes


def sampled_links(nlinks: int, most: int) -> np.ndarray:
    """Evenly chosen numbers of links, int64 (n,)."""
    return np.unique(np.linspace(0, nlinks - 1, min(most, nlinks)).round().astype(np.int64))


def links_of_grid(size: int, most: int = MOST_LINKS) -> int:
    """Number of links whose coherence on a grid of this size is held."""
    return min(max(SAMPLE_VALUES // size, FEWEST_LINKS), most)


def prior_of_scene(
    phase: np.ndarray,
    edges: np.ndarray,
    design: np.ndarray,
    axes: Sequence[np.ndarray],
    weights: Weights = None,
    most: int = MOST_LINKS,
) -> LinkPrior:
    """Learn the prior of a scene from some of its links.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Wrapped phase [rad].
    edges : int32 (nlinks, 2)
        Points a and b of each link; at least one.
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit].
    axes : sequence of float64 arrays, one per term
        From `fine_axes`.
    weights : float64 (ndates,) or PointVariances, optional
        Of the dates, mean 1.
    most : int
        Links; fewer where the grid is large.

    Returns
    -------
    LinkPrior
    """
    grid = grid_points(axes)
    some = edges[sampled_links(len(edges), links_of_grid(grid.shape[1], most))]
    coherence = coherence_on_grid(phase, some, design, grid, weights)
    return learn_prior(coherence, axes, effective_dates(len(design), weights))


def fitting_ranges(
    phase: np.ndarray,
    edges: np.ndarray,
    design: np.ndarray,
    ranges: Sequence[Sequence[float]],
    weights: Weights = None,
) -> list[tuple[float, ...]]:
    """Search ranges that hold what the links have: wider ones where the given ones do not.

    Parameters
    ----------
    phase, edges, design, weights
        As for `prior_of_scene`.
    ranges : sequence of (low, high) or (low, high, step), one per term
        A range with a step stays as it is.

    Returns
    -------
    list of tuple, one per term

    Notes
    -----
    A range is doubled once or more often, about its middle, where the phases of the links are
    clearly more likely under the prior that is learned on the wider range (its evidence, see MacKay
    1992, Neural Computation 4(3), 415-447): it is the narrowest under which they are nearly as
    likely as under the best. A link of noise is as likely on each.
    """
    found = [tuple(limits) for limits in ranges]
    for t, limits in enumerate(found):
        if len(limits) == 2:
            tried = [
                [*found[:t], times_as_wide(limits, 2**doublings), *found[t + 1 :]]
                for doublings in range(1 + MOST_DOUBLINGS)
            ]
            axes = [fine_axes(design, some, COARSEST + 1) for some in tried]
            sizes = [math.prod(map(len, some)) for some in axes]
            count = max(1, int(np.searchsorted(sizes, MOST_POINTS)))
            most = links_of_grid(sizes[count - 1], LINKS_OF_RANGES)
            priors = [
                prior_of_scene(phase, edges, design, some, weights, most) for some in axes[:count]
            ]
            gained = np.array([prior.evidence - priors[0].evidence for prior in priors])
            gained[[prior.weights[-1] > MOST_OF_NO_KIND for prior in priors]] = -np.inf
            gained[0] = 0
            enough = gained > gained.max() - GAIN_OF_WIDER
            found = tried[int(np.argmax(enough))]
    return found


def times_as_wide(limits: tuple[float, ...], factor: float) -> tuple[float, ...]:
    """Range that is as many times as wide about its middle."""
    middle, half = 0.5 * (limits[0] + limits[1]), 0.5 * factor * (limits[1] - limits[0])
    return (middle - half, middle + half) if factor > 1 else limits


def coherence_on_grid(
    phase: np.ndarray,
    edges: np.ndarray,
    design: np.ndarray,
    grid: np.ndarray,
    weights: Weights = None,
) -> np.ndarray:
    """Coherence of links about every point of a grid, float32 (nlinks, n).

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Wrapped phase [rad].
    edges : int32 (nlinks, 2)
        Points a and b of each link.
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit].
    grid : float64 (nterms, n)
        In the units of the terms.
    weights : float64 (ndates,) or PointVariances, optional
        Of the dates, mean 1.

    Notes
    -----
    One thread multiplies: a product shared by several may round in another way.
    """
    gradient = phase[:, edges[:, 1]].astype(np.float64) - phase[:, edges[:, 0]]
    phasors = np.exp(1j * gradient)
    if weights is not None:
        phasors *= link_weights(weights, edges)
    waves = np.exp(-1j * (design @ grid)).astype(np.complex64)
    with threadpool_limits(1, "blas"):
        sums = phasors.astype(np.complex64).T @ waves
    return np.abs(sums) / np.float32(len(phase))


def learn_prior(coherence: np.ndarray, axes: Sequence[np.ndarray], ndates: float) -> LinkPrior:
    """Learn what parameters links have from the periodograms of some of them.

    Parameters
    ----------
    coherence : float32 (nlinks, n)
        Of sampled links at all points of the grid (:func:`coherence_on_grid`).
    axes : sequence of float64 arrays, one per term
        Search grid.
    ndates : float
        Dates, of weighted ones the effective number.

    Returns
    -------
    LinkPrior

    Notes
    -----
    See the module. Widths are at least half a grid step (narrow) and one step (wide). The scale of
    the noise is the median over the links of what their posterior expects.
    """
    grid = grid_points(axes)
    steps = np.array([(axis[-1] - axis[0]) / max(len(axis) - 1, 1) for axis in axes])
    width = np.array([axis[-1] - axis[0] for axis in axes])
    prior = LinkPrior(
        np.outer(FIRST_DEVIATIONS, width), np.array(FIRST_WEIGHTS), 1.0, float(ndates)
    )
    misfit = prior.misfit(coherence).astype(np.float32)
    noise = float(np.median(misfit.min(axis=1))) / max(ndates - 1 - len(axes), 1)
    prior = replace(prior, noise=noise)
    least = np.stack([0.5 * steps, steps])
    with threadpool_limits(1, "blas"):
        for _ in range(ITERATIONS):
            before, prior = prior, _more_likely(prior, misfit, grid, least)
            changed = max(
                np.abs(np.log(prior.deviations / before.deviations)).max(),
                np.abs(prior.weights - before.weights).max(),
                abs(math.log(prior.noise / before.noise)),
            )
            if changed < LEAST_CHANGE:
                break
    return prior


def _more_likely(
    prior: LinkPrior, misfit: np.ndarray, grid: np.ndarray, least: np.ndarray
) -> LinkPrior:
    """One step of expectation and maximisation; `least` are the narrowest widths (2, nterms)."""
    power = np.float32(-0.5 * (prior.ndates - 1 + NOISE_DATES))
    likelihood = power * np.log(np.float32(NOISE_DATES * prior.noise) + misfit)
    highest = likelihood.max(axis=1, keepdims=True)
    likelihood = np.exp(likelihood - highest)
    density = np.exp(class_logs(prior.deviations, grid)).T
    # of every link and class: the evidence, and with it the squares of the parameters
    squares = np.vstack([np.ones(grid.shape[1]), grid**2]).T
    columns = (density[:, :, None] * squares[:, None, :]).reshape(len(density), -1)
    sums = (likelihood @ columns.astype(np.float32)).astype(np.float64)
    sums = sums.reshape(len(misfit), 3, 1 + len(grid))
    evidence = sums[:, :, 0] + np.finfo(np.float32).tiny
    share = evidence * np.maximum(prior.weights, LEAST_WEIGHT)
    total = share.sum(axis=1, keepdims=True)
    share /= total
    weights = share.mean(axis=0)
    members = np.maximum(share[:, :2].sum(axis=0), LEAST_WEIGHT)
    squares = (share[:, :2, None] * sums[:, :2, 1:] / evidence[:, :2, None]).sum(axis=0)
    deviations = np.maximum(np.sqrt(squares / members[:, None]), least)
    if deviations[0].prod() > deviations[1].prod():
        deviations, weights = deviations[::-1], weights[[1, 0, 2]]
        evidence = evidence[:, [1, 0, 2]]
    mixed = (density @ prior.weights).astype(np.float32)
    expected = ((likelihood * misfit) @ mixed) / (likelihood @ mixed)
    noise = float(np.median(expected)) / max(prior.ndates - 1, 1)
    log_evidence = float(np.mean(np.log(total) + highest))
    gain = float(np.mean(np.log(total[:, 0] / evidence[:, 0])))
    return LinkPrior(deviations, weights, noise, prior.ndates, log_evidence, gain)
