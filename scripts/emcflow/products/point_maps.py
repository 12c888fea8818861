"""Maps of velocity, DEM error and further terms from the unwrapped series of all points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from emcflow.io.date_file import DateFile
from emcflow.links.integrate import zero_medians
from emcflow.products.date_noise import DateNoise, date_noise, nearest_neighbours, sample_runs
from emcflow.products.point_fit import PointFit, ScenePrior
from emcflow.products.time_series import chunks


@dataclass(frozen=True)
class SceneTerms:
    """Terms of all points of a scene.

    Attributes
    ----------
    values : float64 (nterms, npoints)
        Relative to the reference of each component.
    sigma : float32 (nterms, npoints)
        Standard deviations of the values, 0 at a reference point.
    residual, motion : float32 (npoints,)
        See :class:`emcflow.products.point_fit.PointTerms` [rad].
    noise : DateNoise
        Of the dates, at a typical point.
    weights : float64 (ndates,)
        Weights of the dates in the fit, of mean 1.
    covariance : float64 (nterms, nterms)
        Of the terms, for noise of 1 rad at a date of weight 1.
    prior : ScenePrior
    ncontrasts : int
        Spare dates, which the standard deviations come from.
    """

    values: np.ndarray
    sigma: np.ndarray
    residual: np.ndarray
    motion: np.ndarray
    noise: DateNoise
    weights: np.ndarray
    covariance: np.ndarray
    prior: ScenePrior
    ncontrasts: int


def component_datum(
    phase: DateFile, component: np.ndarray, reference: np.ndarray | int | None = None
) -> np.ndarray:
    """Return what the phase of every component is relative to.

    Parameters
    ----------
    phase : DateFile
        [rad]
    component : int (npoints,)
        0, 1, ...: points whose phases can be compared.
    reference : int or ndarray of int, optional
        Place of the point whose series its component is relative to, or places of those whose mean
        it is; all others, and without one all, are relative to the median of their points at each
        date.

    Returns
    -------
    float64 (ndates, ncomponents)
    """
    datum = np.empty((phase.shape[0], component.max() + 1))
    places = np.atleast_1d([] if reference is None else reference).astype(np.int64)
    for date in range(len(datum)):
        row = phase.date(date)
        for label in range(datum.shape[1]):
            datum[date, label] = np.median(row[component == label])
        if len(places):
            datum[date, component[places[0]]] = row[places].mean(dtype=np.float64)
    return datum


def fit_scene(
    points: np.ndarray,
    phase: DateFile,
    component: np.ndarray,
    design: np.ndarray,
    years: np.ndarray,
    reference: np.ndarray | int | None = None,
    weights: np.ndarray | None = None,
) -> SceneTerms:
    """Fit the terms of all points to their series.

    Parameters
    ----------
    points : int (npoints, 2)
        Row and column; those near one another in the list are near in the scene.
    phase : DateFile
        Unwrapped phase of each date [rad], up to a constant for each date and component.
    component : int (npoints,)
        0, 1, ...: points whose phases can be compared.
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit], at most ``ndates - 2`` terms.
    years : float64 (ndates,)
        Time of each date [yr].
    reference : int or ndarray of int, optional
        See :func:`component_datum`.
    weights : float64 (ndates,), optional
        Weights of the dates, of mean 1, where they are known; else they follow from the noise.

    Returns
    -------
    SceneTerms
    """
    npoints, nterms = len(points), design.shape[1]
    values = np.empty((nterms, npoints))
    sigma = np.empty((nterms, npoints), np.float32)
    residual, motion = np.empty((2, npoints), np.float32)
    datum = component_datum(phase, component, reference)

    def relative(some: slice) -> np.ndarray:
        return phase.read(some) - datum[:, component[some]]

    # threads of BLAS may round differently from one of them
    with threadpool_limits(1, "blas"):
        runs = sample_runs(npoints)
        sample = np.concatenate([relative(run) for run in runs], axis=1)
        columns = np.column_stack([np.ones(len(design)), design])
        noise = date_noise(sample, columns, nearest_neighbours(points, runs))
        if weights is None:
            weights = noise.weights
        fit = PointFit(design, weights, years)
        prior = fit.learn(sample)
        for some in chunks(npoints):
            terms = fit.terms(relative(some), prior)
            values[:, some], sigma[:, some] = terms.values, terms.sigma
            residual[some], motion[some] = terms.residual, terms.motion
    values = zero_medians(values, component)
    if reference is not None:
        places = np.atleast_1d(reference)
        own = component == component[places[0]]
        values[:, own] -= values[:, places].mean(axis=1, keepdims=True)
        if len(places) == 1:
            sigma[:, places] = 0
    return SceneTerms(
        values, sigma, residual, motion, noise, weights, fit.covariance, prior, len(fit.contrasts)
    )
