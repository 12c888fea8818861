"""Whole cycles that a series of phases lacks, date by date, and how likely they are wrong.

The series is known but for a cycle at each date. All velocities, heights and strengths of noise
that are about as likely have their share in the answer, and so has a jump between two dates, over
which nothing says how many cycles are missing.

References
----------
Mardia, K. V., and P. E. Jupp (2000), Directional Statistics, Wiley: likelihood of directions about
an unknown mean (5.3).
Niederreiter, H. (1992), Random Number Generation and Quasi-Monte Carlo Methods, SIAM: evenly spread
multiples of irrational steps (3.1).
"""

from __future__ import annotations

import numpy as np

from emcflow.unwrap.labels import LEAST_SPARE_DATES

CYCLE = 2 * np.pi
SAMPLES = 2000
# The air between the shores is as strong as within the regions, within this factor (one standard
# deviation); the factors that are tried.
AIR_FACTOR = np.exp(0.5)
TRIED = np.geomspace(0.4, 4, 12)
# Probability that a side jumps between two dates, before any phase is seen.
JUMP = 0.05
# How likely terms are of the wide kind, and how much wider that is.
WIDE_SHARE, WIDER = 0.1, 3.0
# Stretches of a shore that the air makes differ on their own.
STRETCHES = 3
TINY = 1e-9
MOST_SHAPE, MOST_LOG = 100.0, 500.0
MOST_KEPT = 512


def likeliest_turns(
    values: np.ndarray,
    design: np.ndarray,
    deviations: np.ndarray,
    variances: np.ndarray,
    pairs: np.ndarray,
    by_shape: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Cycles that a series of dates lacks in each pair, in the light of all terms and noise.

    Parameters
    ----------
    values : float64 (ndates,)
        [rad], up to a cycle at each date.
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit].
    deviations : float64 (nterms,)
        Standard deviation of the terms beforehand.
    variances : float64 (ndates,)
        Of the noise [rad2]: above all as it differs between the dates, as the strength of all is
        told by the series, too.
    pairs : int (npairs, 2)
    by_shape : float64 (ndates - 1,)
        Of `jump_by_shape`.

    Returns
    -------
    turns : int64 (npairs,)
        To add to the values of the second date, less those of the first.
    wrong : float64 (npairs,)
        Probability that these are wrong, 0 to 1.
    jump : float
        Probability that the values jump between two dates.
    """
    terms, wide = _samples(deviations)
    prior = np.log(np.where(wide, WIDE_SHARE, 1 - WIDE_SHARE))[:, None]
    prior = prior - 0.5 * (np.log(TRIED) / np.log(AIR_FACTOR)) ** 2
    means, weights, jumps = _likelihoods(values[:, None] - design @ terms, variances, prior)
    jumps *= np.exp(by_shape)
    of_steady = (1 - JUMP) * weights.sum()
    every = of_steady + JUMP * jumps.mean()
    jumps *= JUMP / len(jumps) / every
    kept = np.argsort(-weights.sum(axis=1), kind="stable")[:MOST_KEPT]
    weights = weights[kept] / weights[kept].sum() * (of_steady / every)
    rest = values[:, None] - design @ terms[:, kept] - means[kept]
    own = np.rint(rest / CYCLE).astype(np.int64)
    first, second = pairs.T
    best = _likeliest(own, weights.sum(axis=1))
    turns = own[first, best] - own[second, best]
    missing = turns[:, None] + own[second] - own[first]
    odds = _odds((rest - CYCLE * own).T, variances[:, None] * TRIED**2, weights)
    right = np.zeros(len(pairs))
    for at_first, at_second in np.ndindex(3, 3):
        fits = (missing == at_second - at_first) * weights.sum(axis=1)
        right += (fits * odds[:, first, at_first].T * odds[:, second, at_second].T).sum(axis=1)
    for last, of_jump in enumerate(jumps):
        # over a jump the fraction of a cycle is known, but not which of three cycles at least
        apart = (first <= last) & (second > last)
        right += np.where(apart, 1 / 3, 1) * of_jump
    # digits that do not hang on the order of sums
    return turns, np.round(np.clip(1 - right, 0, 1), 6), round(float(jumps.sum()), 6)


def _likelihoods(
    rest: np.ndarray, variances: np.ndarray, prior: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean directions, and how likely samples of terms are, with a steady mean and with a jump.

    Parameters
    ----------
    rest : float64 (ndates, nsamples)
        What is left of the values [rad].
    variances : float64 (ndates,)
    prior : float64 (nsamples, n)
        Logarithm of the probability of each sample with each strength of the noise.

    Returns
    -------
    means : float64 (nsamples,)
        [rad]
    steady : float64 (nsamples, n)
        Not normed.
    jumps : float64 (ndates - 1,)
        Of a jump after each date but the last, all samples and strengths together; normed alike.
    """
    precision = TRIED**-2.0
    before = np.cumsum(np.exp(1j * rest) / variances[:, None], axis=0)
    total = before[-1]
    prior = prior - _log_bessel(precision / variances[:, None]).sum(axis=0)
    steady = prior + _log_bessel(np.abs(total)[:, None] * precision)
    highest = steady.max()
    jumps = np.empty(len(before) - 1)
    for last, so_far in enumerate(before[:-1]):
        one, other = (np.abs(part)[:, None] * precision for part in (so_far, total - so_far))
        jump = prior + _log_bessel(one) + _log_bessel(other)
        jumps[last] = np.exp(np.minimum(jump - highest, MOST_LOG)).sum()
    return np.angle(total), np.exp(steady - highest), jumps


def jump_by_shape(differences: np.ndarray, design: np.ndarray) -> np.ndarray:
    """How much more likely a jump is for what links across do not share of it.

    The ground seldom breaks by the same everywhere. A step at every link is fitted beside the
    terms; what the steps differ by along the shore is compared with their standard error.

    Parameters
    ----------
    differences : float64 (ndates, n)
        [rad]
    design : float64 (ndates, nterms)

    Returns
    -------
    float64 (ndates - 1,)
        Logarithm of the ratio of the likelihoods, after each date but the last; 0 with fewer than
        two dates to spare.
    """
    ndates = len(differences)
    found = np.zeros(ndates - 1)
    terms = np.column_stack([np.ones(ndates), design])
    spare = ndates - terms.shape[1] - 1
    if spare < LEAST_SPARE_DATES:
        return found
    along = differences - differences.mean(axis=1, keepdims=True)
    for last in range(ndates - 1):
        step = np.arange(ndates) > last
        step = step - terms @ np.linalg.lstsq(terms, step, rcond=None)[0]
        power = step @ step
        if power < TINY:  # the terms say the same
            continue
        sizes = step @ along / power
        rest = along - terms @ np.linalg.lstsq(terms, along, rcond=None)[0] - np.outer(step, sizes)
        expected = np.square(rest).sum() / spare / power
        ratio = max(np.square(sizes).sum() / max(expected, TINY), 1)
        found[last] = STRETCHES / 2 * (ratio - 1 - np.log(ratio))
    return np.minimum(found, MOST_SHAPE)


def _odds(rest: np.ndarray, variance: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """How likely a date is a cycle less, right, or a cycle more, float64 (nsamples, ndates, 3).

    Parameters
    ----------
    rest : float64 (nsamples, ndates)
        Within half a cycle [rad].
    variance : float64 (ndates, n)
        Of each noise that is tried [rad2].
    weights : float64 (nsamples, n)
        How likely it is.
    """
    found = np.zeros((*rest.shape, 3))
    share = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    cycles = rest[..., None] + CYCLE * np.arange(-1, 2)
    for each in range(variance.shape[1]):
        squares = cycles**2 / variance[:, each, None] / 2
        odds = np.exp(squares.min(axis=-1, keepdims=True) - squares)
        found += share[:, each, None, None] * odds / odds.sum(axis=-1, keepdims=True)
    return found


def _likeliest(columns: np.ndarray, weights: np.ndarray) -> int:
    """Number of a column that, with all equal ones, has the most weight."""
    _, first, which = np.unique(
        columns - columns[0], axis=1, return_index=True, return_inverse=True
    )
    return int(first[np.bincount(which.ravel(), weights).argmax()])


def _samples(deviations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Evenly spread samples of terms (nterms, n), normal, and which are of the wide kind (n,)."""
    from scipy.special import ndtri  # slow to import

    if not len(deviations):
        return np.zeros((0, 1)), np.zeros(1, bool)
    # steps that fill a unit cube evenly: powers of the root of x ** (dimensions + 1) = x + 1
    dimensions, root = 1 + len(deviations), 2.0
    for _ in range(50):
        root = (1 + root) ** (1 / (dimensions + 1))
    steps = root ** -np.arange(1.0, dimensions + 1)
    spread = (0.5 + np.arange(SAMPLES) * steps[:, None]) % 1
    wide = spread[0] > 0.5
    width = np.where(wide, WIDER, 1.0)
    return ndtri(spread[1:]) * width * np.asarray(deviations)[:, None], wide


def _log_bessel(x: np.ndarray) -> np.ndarray:
    """Logarithm of the modified Bessel function of order 0."""
    from scipy.special import i0e  # slow to import

    return np.log(i0e(x)) + x
