"""What the coherence of links would be without any signal, and without the bias of few dates.

A link's coherence is the modulus of the mean of N phasors at the highest peak of a search. Few
dates have a coherence above 0 even where the phase is pure noise, and a search finds a higher one
still. The raw coherence is what costs and weights are made of; a person who reads it off a map
wants to know how much of it is there without reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.polynomial import hermite_e

from emcflow.acquisition.date_weights import effective_dates, mean_of_dates, root_weighted
from emcflow.arrays import real_array

# A link counts as noise where pure noise has a higher coherence more often than this.
NOISE_PROBABILITY = 0.01


def unbiased_coherence(coherence: np.ndarray, ndates: float, nterms: int) -> np.ndarray:
    """Coherence with the bias of few dates removed.

    Parameters
    ----------
    coherence : float (n,)
        At the peak, 0 to 1.
    ndates, nterms : float, int
        Phasors that were averaged, `effective_dates` of weighted ones, and terms fitted to them.

    Returns
    -------
    float64 (n,)
        0 to 1; 0 where the coherence is not above its bias. NaN where no date is redundant.

    Notes
    -----
    The mean resultant length R of N phasors of coherence g has ``E[R**2] = g**2 + (1 - g**2) / N``
    (Mardia, Jupp 2000, Directional Statistics, ch. 4.8), so ``(N R**2 - 1) / (N - 1)`` is without
    bias. Each fitted term takes away one more degree of freedom, as in the adjusted coefficient of
    determination (Theil 1961, Economic Forecasts and Policy): ``1 - R**2`` of phase noise of
    variance s2, small, is on average ``s2 (N - 1 - nterms) / N``, and
    ``(N R**2 - 1 - nterms) / (N - 1 - nterms)`` gives ``1 - s2``. Of weighted phasors the first is
    as true with their effective number; where noise is weak and of the variance that the weights
    say, what is found is somewhat low.
    """
    redundancy = ndates - 1 - nterms
    if redundancy < 1:
        return np.full(np.shape(coherence), np.nan)
    square = np.square(real_array(coherence, "coherence", np.float64))
    return np.sqrt(np.clip((ndates * square - 1 - nterms) / redundancy, 0, 1))


def noise_probability(
    coherence: np.ndarray,
    design: np.ndarray,
    ranges: Sequence[Sequence[float]] | np.ndarray,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Probability that the search finds at least this coherence in pure noise.

    Parameters
    ----------
    coherence : float (n,)
        0 to 1.
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit], first date included.
    ranges : float64 (nterms, 2)
        Ends of the search ranges, in the units of the terms.
    weights : float64 (ndates,), optional
        Of the phasors, mean 1.

    Returns
    -------
    float64 (n,)
        0 to 1.

    Notes
    -----
    At one place of the search, z = N g**2 of many phasors of pure noise exceeds a value with
    probability exp(-z) (Rayleigh 1880, Phil. Mag. 10, 73-78). The highest z over a continuous range
    does so about as often as the Euler characteristic of the places above it is on average
    (Worsley 1994, Adv. Appl. Probab. 26(1), 13-42, theorem 3.5 and corollary 3.6, a field of
    chi-square with 2 degrees of freedom, 2 z; in one dimension Davies 1987, Biometrika 74(1),
    33-43)::

        exp(-z) * (1 + (l1 + l2) * sqrt(z / pi) + a * (2 z - 1) / (2 pi))

    with l the range of each term times the standard deviation of its column over the dates, and a
    their product times sqrt(1 - r**2), r the correlation of the columns. The factor stands for the
    number of independent cells. At low z, where this exceeds 1, it is 1. In general the factor is
    a sum over all sets of k terms, of their ranges times sqrt(det C) with C the covariance of their
    columns, times ``He_k(sqrt(2 z)) / (2 pi)**(k/2)``, He the Hermite polynomials; with more than
    two terms it counts from the last zero of the highest of these on, and is 1 below.

    For N unit phasors exp(-z) is multiplied by 1 + (2 z - z**2) / (4 N) + ... (Greenwood, Durand
    1955, Ann. Math. Stat. 26(2), 233-246), which matters for few dates but is of no use at large z,
    where it becomes negative. ``exp(-z / 2) * (1 - z / N)**((N - 1) / 2)`` has the same first
    correction and falls to 0 where all phasors agree.

    With weights w of the phasors, g**2 of pure noise is on average 1 / N with N the effective
    number of dates, and the covariance of the sum between two places of the search is a sum of
    ``w**2`` times what it is for one date: so the columns' variances and correlations have the
    weights ``w**2``.
    """
    ndates = effective_dates(len(design), weights)
    shares = None if weights is None else np.square(weights)
    square = np.square(real_array(coherence, "coherence", np.float64))
    z = ndates * square
    extent = np.ptp(np.asarray(ranges, dtype=np.float64).reshape(-1, 2), axis=1)
    centred = design - mean_of_dates(design, shares)
    deviation = np.sqrt(mean_of_dates(centred**2, shares))
    lengths = extent * deviation
    alike = root_weighted(centred / deviation, shares)
    correlation = alike.T @ alike / (len(design) if shares is None else shares.sum())
    cells = 1 + lengths.sum() * np.sqrt(z / math.pi)
    least = 1.0
    for count in range(2, len(lengths) + 1):
        hermite = [0] * count + [1]
        height = hermite_e.hermeval(np.sqrt(2 * z), hermite) / (2 * math.pi) ** (count / 2)
        for some in map(list, combinations(range(len(lengths)), count)):
            independent = max(np.linalg.det(correlation[np.ix_(some, some)]), 0.0)
            cells = cells + lengths[some].prod() * math.sqrt(independent) * height
        least = max(1.0, hermite_e.hermeroots(hermite)[-1] ** 2 / 2)
    single = np.exp(-z / 2) * np.clip(1 - square, 0, 1) ** ((ndates - 1) / 2)
    # Below the last place where it is 1 the formula falls again; the probability does not.
    return np.where(z < least, 1.0, np.clip(single * cells, 0, 1))


def noise_coherence(
    probability: float,
    design: np.ndarray,
    ranges: Sequence[Sequence[float]] | np.ndarray,
    weights: np.ndarray | None = None,
) -> float:
    """Coherence that the search exceeds in pure noise with this probability.

    Parameters
    ----------
    probability : float
        Above 0, below 1.
    design, ranges, weights
        As for `noise_probability`.

    Returns
    -------
    float
        1 where no coherence is that improbable.
    """
    grid = np.linspace(0, 1, 10_001)
    too_likely = np.flatnonzero(noise_probability(grid, design, ranges, weights) > probability)
    return float(grid[min(too_likely[-1] + 1, len(grid) - 1)])
