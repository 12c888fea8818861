"""Velocity, DEM error and further terms of every point from its unwrapped series, with sigmas.

The phase of a point at date d, relative to the reference, is taken as a constant, the terms of the
design matrix, noise of variance ``s2 / w[d]`` and, at some points, motion that none of the terms
describes::

    phase[d] = c + B[d] @ m + noise[d] + motion[d]

The terms follow by weighted least squares (Kay 1993, Fundamentals of Statistical Signal Processing:
Estimation Theory, ch. 4), with the weights w of :mod:`emcflow.products.date_noise`: one matrix for
all points.

What a standard deviation means: that of the point's value minus that of the reference (the point
named, or the median of its component), with the cycles taken for right. It holds decorrelation and
atmosphere of the dates, as large as they are between point and reference: the residuals that it
comes from are relative to the reference as well (Fattahi and Amelung 2015, J. Geophys. Res. Solid
Earth 120, 8758-8773, eq. 10, for a velocity and equal dates). Noise is new at each date;
atmosphere is, too, but one pattern for the whole scene, so that errors of neighbours are alike.

The residuals are taken together to contrasts, sums over the dates that hold neither constant nor
terms (see :mod:`emcflow.links.uncertainty`). Two things need more than their mean square:

- **Few dates.** A variance of one to three contrasts is hardly known. The variances of all points
  have a distribution of their own, a scaled inverse chi-square of d0 degrees of freedom, which
  their scatter tells, and a point's variance is what both say (Smyth 2004, Stat. Appl. Genet. Mol.
  Biol. 3(1), 3, eqs. 5 and 8). Since atmosphere gives a scene no more than some independent
  patches, d0 is bounded. Errors divided by their sigma follow Student's t of n + d0 degrees, whose
  variance n / (n - 2) is in the sigma.
- **Unsteady motion.** An error of the velocity of a collapse is no sum of independent ones: a step
  in the middle is to three quarters taken for velocity, and the quarter that is left would give a
  sixth of its error as sigma. Motion is taken for a random walk of unknown size, most likely 0,
  whose likelihood the contrasts tell; the variance is the mean over these sizes by their
  probability, and what the walk explains of the residuals is the residual motion. How many points
  of a scene move so is told by those that leave no doubt: what is small may be the one pattern that
  the atmosphere happens to have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import digamma, polygamma

from emcflow.arrays import real_array
from emcflow.links.uncertainty import date_contrasts, parameter_covariance
from emcflow.products.date_noise import MAD_SCALE

# Variance of the walk over the span of the dates, in that of the noise of a date of weight 1.
WALKS = np.array([0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0])
# Share of the points that may move whatever the others do, and the most that are counted on.
LEAST_MOVING, MOST_MOVING = 0.03, 0.5
# Walks from this one on leave no doubt.
NO_DOUBT = 3
# Steps in which the share of moving points settles.
SHARE_STEPS = 20
# Contrasts that it takes to tell motion from noise.
LEAST_CONTRASTS = 4
# Variance of the rounding of phase in single precision [rad**2].
LEAST_VARIANCE = 1e-12
# Independent patches of atmosphere in a scene, each with the contrasts of a point.
PATCHES = 5
# Logarithms of variances count as at most this many standard deviations from their median.
WINSOR = 2.5
# Degrees of freedom that a point has at least with both: of fewer than 3 there is no variance.
LEAST_DEGREES = 4
# Steps of Newton's method for the inverse of the trigamma function.
NEWTON_STEPS = 50


@dataclass(frozen=True)
class PointTerms:
    """Terms of some points.

    Attributes
    ----------
    values : float64 (nterms, n)
        In the units of the terms.
    sigma : float64 (nterms, n)
        Their standard deviations.
    residual : float64 (n,)
        Phase about the model: standard deviation of a date of weight 1 [rad].
    motion : float64 (n,)
        Residual motion: root mean square over the dates [rad]; NaN where the dates are too few to
        tell it.
    """

    values: np.ndarray
    sigma: np.ndarray
    residual: np.ndarray
    motion: np.ndarray


@dataclass(frozen=True)
class ScenePrior:
    """What the points of a scene are like.

    Attributes
    ----------
    variance : float
        Scale of the inverse chi-square distribution of their variances [rad**2].
    degrees : float
        Its degrees of freedom: as many contrasts of a point say as much.
    moving : float
        Share of points with residual motion.
    """

    variance: float
    degrees: float
    moving: float = LEAST_MOVING


class PointFit:
    """The fit of a scene: one matrix for all points.

    Parameters
    ----------
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit], at most ``ndates - 2`` terms.
    weights : float64 (ndates,)
        In proportion to 1 / variance of each date, mean 1.
    years : float64 (ndates,)
        Time of each date [yr].

    Attributes
    ----------
    estimate : float64 (nterms, ndates)
        Makes the terms of the phase.
    covariance : float64 (nterms, nterms)
        Of the terms, for noise of 1 rad at a date of weight 1.
    contrasts : float64 (ncontrasts, ndates)
        Make of the phase what the model leaves, with the variance of a date of weight 1 each.
    """

    def __init__(self, design: np.ndarray, weights: np.ndarray, years: np.ndarray) -> None:
        design = real_array(design, "design", np.float64)
        weights = real_array(weights, "weights", np.float64)
        self.covariance = parameter_covariance(design, weights)
        about_mean = design - weights @ design / weights.sum()
        self.estimate = self.covariance @ (about_mean.T * weights)
        contrasts = date_contrasts(design, weights, most=len(design)) * np.sqrt(weights)
        passed = years - years[0]
        walk = np.minimum(passed[:, None], passed) / passed[-1]
        # turned so that they are independent whatever the size of the walk
        shares, turn = np.linalg.eigh(contrasts @ walk @ contrasts.T)
        self.contrasts = turn.T @ contrasts
        self._walks = WALKS if len(contrasts) >= LEAST_CONTRASTS else WALKS[:1]
        self._growth = 1 + np.outer(self._walks, np.maximum(shares, 0.0))
        self._of_walk = np.diag(self.estimate @ walk @ self.estimate.T)

    def learn(self, phase: np.ndarray) -> ScenePrior:
        """Tell from some points, (ndates, n), relative to the reference, what points are like.

        Variances by mean and variance of their logarithms (Smyth 2004, section 6.2), which are
        winsorised (Huber 1981, Robust Statistics, ch. 1); the share of moving points by expectation
        and maximisation.
        """
        degrees = len(self.contrasts)
        squares = (self.contrasts @ phase) ** 2
        variance = squares.mean(axis=0)
        logs = np.log(np.maximum(variance, max(1e-5 * np.median(variance), LEAST_VARIANCE)))
        # motion is not what variances are told from
        middle = np.median(logs)
        most = WINSOR * MAD_SCALE * np.median(np.abs(logs - middle))
        logs = np.clip(logs, middle - most, middle + most)
        mean = logs.mean() - digamma(degrees / 2) + np.log(degrees / 2)
        excess = logs.var() - polygamma(1, degrees / 2)
        spread = 2 * _inverse_trigamma(excess) if excess > 0 else np.inf
        own = max(min(spread, PATCHES * degrees), LEAST_DEGREES - degrees)
        prior = ScenePrior(float(np.exp(mean + digamma(own / 2) - np.log(own / 2))), own)
        for _ in range(SHARE_STEPS if len(self._growth) > 1 else 0):
            probability = self._probability(self._sums(squares), prior)
            moving = LEAST_MOVING + float(probability[NO_DOUBT:].sum(axis=0).mean())
            prior = replace(prior, moving=min(moving, MOST_MOVING))
        return prior

    def terms(self, phase: np.ndarray, prior: ScenePrior) -> PointTerms:
        """Fit the terms of some points.

        Parameters
        ----------
        phase : float64 (ndates, n)
            Relative to the reference [rad].
        prior : ScenePrior

        Returns
        -------
        PointTerms
        """
        count = len(self.contrasts)
        contrasts = self.contrasts @ phase
        squares = contrasts**2
        sums = self._sums(squares)
        probability = self._probability(sums, prior)
        degrees = prior.degrees + count
        # the variance of Student's t
        variance = (prior.degrees * prior.variance + sums) / (degrees - 2)
        spread = np.diag(self.covariance) + np.outer(self._walks, self._of_walk)
        sigma = np.sqrt(spread.T @ (probability * variance))
        motion = np.full(phase.shape[1], np.nan)
        if len(self._walks) > 1:
            explained = (1 - 1 / self._growth).T @ probability * contrasts
            motion = np.sqrt((explained**2).sum(axis=0) / len(phase))
        residual = np.sqrt(squares.mean(axis=0))
        return PointTerms(self.estimate @ phase, sigma, residual, motion)

    def _sums(self, squares: np.ndarray) -> np.ndarray:
        """Sums of squared contrasts, each over its variance with each walk, (nwalks, n)."""
        return (1 / self._growth) @ squares

    def _probability(self, sums: np.ndarray, prior: ScenePrior) -> np.ndarray:
        """Probability of each size of the walk at each point, (nwalks, n).

        Contrasts of a variance that has an inverse chi-square distribution follow a multivariate t
        (Gelman et al. 2013, Bayesian Data Analysis, ch. 3).
        """
        before = np.full(len(sums), prior.moving / max(len(sums) - 1, 1))
        before[0] = 1 - prior.moving
        degrees = prior.degrees + len(self.contrasts)
        known = prior.degrees * prior.variance
        logs = np.log(before) - np.log(self._growth).sum(axis=1) / 2
        logs = logs[:, None] - degrees / 2 * np.log(known + sums)
        likely = np.exp(logs - logs.max(axis=0))
        return likely / likely.sum(axis=0)


def _inverse_trigamma(value: float) -> float:
    """The x whose trigamma function is `value`, by Newton's method (Smyth 2004, appendix)."""
    x = 0.5 + 1 / value
    for _ in range(NEWTON_STEPS):
        trigamma = polygamma(1, x)
        step = trigamma * (1 - trigamma / value) / polygamma(2, x)
        x += step
        if -step / x < 1e-8:
            break
    return float(x)
