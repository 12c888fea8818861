"""Maps of velocity, DEM error and further terms from the unwrapped series of all points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from emcflow.acquisition.viewing import VELOCITY, leaks, map_to_points, sigma_to_points
from emcflow.io.date_strips import DateStrips
from emcflow.io.point_file import PointFile
from emcflow.io.point_windows import PointWindow, PointWindows
from emcflow.products.date_noise import DateNoise, date_noise, nearest_neighbours, sample_runs
from emcflow.products.point_fit import PointFit, PointTerms, ScenePrior
from emcflow.products.quantiles import DATES_AT_ONCE, medians
from emcflow.products.series_inputs import point_view
from emcflow.products.time_series import chunks

# Residual motion that counts [rad].
MOTION_RAD = 0.2


@dataclass(frozen=True)
class SceneTerms:
    """Terms of all points of a scene.

    Attributes
    ----------
    values : PointFile
        float64 (nterms, npoints), relative to the reference of each component.
    others : PointFile
        float32 (nterms + 2, npoints): standard deviations of the values, 0 at a reference point;
        residual and motion, see :class:`emcflow.products.point_fit.PointTerms` [rad].
    noise : DateNoise
        Of the dates, at a typical point.
    weights : float64 (ndates,)
        Weights of the dates in the fit, of mean 1.
    covariance : float64 (nterms, nterms)
        Of the terms, for noise of 1 rad at a date of weight 1.
    prior : ScenePrior
    ncontrasts : int
        Spare dates, which the standard deviations come from.
    moving : float32 (nmoving,)
        Residual motions above `MOTION_RAD` [rad].
    """

    values: PointFile
    others: PointFile
    noise: DateNoise
    weights: np.ndarray
    covariance: np.ndarray
    prior: ScenePrior
    ncontrasts: int
    moving: np.ndarray

    def read(self, window: PointWindow) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return values, sigmas, residual and motion of the points of a window."""
        others = self.others.read(window.places)
        return self.values.read(window.places), others[:-2], others[-2], others[-1]


def component_datum(
    phase: DateStrips, points: PointWindows, reference: np.ndarray | None = None
) -> np.ndarray:
    """Return what the phase of every component is relative to.

    Parameters
    ----------
    phase : DateStrips
        [rad]
    points : PointWindows
    reference : int64 (n,), optional
        Place of the point whose series its component is relative to, or places of those whose mean
        it is; all others, and without one all, are relative to the median of their points at each
        date.

    Returns
    -------
    float64 (ndates, ncomponents)
    """
    ndates = phase.shape[0]
    datum = np.empty((ndates, points.ncomponents))
    for start in range(0, ndates, DATES_AT_ONCE):
        some = slice(start, start + DATES_AT_ONCE)

        def pieces(some: slice = some) -> Iterable[tuple[np.ndarray, np.ndarray]]:
            return ((phase.read(w, some), points.component(w)) for w in points.windows)

        datum[some] = medians(pieces, points.counts)
    if reference is not None:
        own = points.component_of(reference[0])
        datum[:, own] = 0
        for window, at in points.split(reference):
            some = slice(int(at[0]), int(at[-1]) + 1)
            phases = phase.read(window, some=some)[:, at - at[0]]
            datum[:, own] += phases.sum(axis=1, dtype=np.float64)
        datum[:, own] /= len(reference)
    return datum


def fit_scene(
    points: PointWindows,
    phase: DateStrips,
    design: np.ndarray,
    years: np.ndarray,
    reference: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    folder: str | Path | None = None,
    n_threads: int = 1,
) -> SceneTerms:
    """Fit the terms of all points to their series.

    Parameters
    ----------
    points : PointWindows
    phase : DateStrips
        Unwrapped phase of each date [rad], up to a constant for each date and component.
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit], at most ``ndates - 2`` terms.
    years : float64 (ndates,)
        Time of each date [yr].
    reference : int or ndarray of int, optional
        See :func:`component_datum`.
    weights : float64 (ndates,), optional
        Weights of the dates, of mean 1, where they are known; else they follow from the noise.
    folder : path, optional
        Where there is room for the terms of all points.
    n_threads : int
        No influence on the result.

    Returns
    -------
    SceneTerms
    """
    nterms = design.shape[1]
    values = PointFile(nterms, points.npoints, folder, np.float64)
    others = PointFile(nterms + 2, points.npoints, folder)
    datum = component_datum(phase, points, reference)
    moving = [np.empty(0, np.float32)]
    # threads of BLAS may round differently from one of them
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(n_threads) as pool:
        places, sample = _sample(points, phase, datum)
        columns = np.column_stack([np.ones(len(design)), design])
        noise = date_noise(
            np.concatenate(sample, axis=1),
            columns,
            nearest_neighbours(np.concatenate(places), _slices(places)),
        )
        if weights is None:
            weights = noise.weights
        fit = PointFit(design, weights, years)
        prior = fit.learn(np.concatenate(sample, axis=1))
        del sample
        for block in points.blocks():
            own, component = _of_block(points, phase, block)

            def fitted(
                some: slice, own: np.ndarray = own, component: np.ndarray = component
            ) -> PointTerms:
                return fit.terms(own[:, some] - datum[:, component[some]], prior)

            found = list(pool.map(fitted, chunks(own.shape[1])))
            of_terms = np.concatenate([terms.values for terms in found], axis=1)
            rest = np.concatenate(
                [np.vstack([terms.sigma, terms.residual, terms.motion]) for terms in found], axis=1
            ).astype(np.float32)
            for window, some in _parts(block):
                values.write(window.places, of_terms[:, some])
                others.write(window.places, rest[:, some])
            moving.append(rest[-1, rest[-1] > MOTION_RAD])
    terms = SceneTerms(
        values,
        others,
        noise,
        weights,
        fit.covariance,
        prior,
        len(fit.contrasts),
        np.concatenate(moving),
    )
    _relate(terms, points, reference)
    return terms


def _relate(terms: SceneTerms, points: PointWindows, reference: np.ndarray | None) -> None:
    """Make values relative to the reference or median of their component."""
    values = terms.values
    middle = medians(
        lambda: ((values.read(w.places), points.component(w)) for w in points.windows),
        points.counts,
    )
    further = np.zeros_like(middle)
    if reference is not None:
        own = points.component_of(reference[0])
        further[:, own] = _at(values, points, reference).mean(axis=1) - middle[:, own]
        if len(reference) == 1:
            at = slice(reference[0], reference[0] + 1)
            sigma = terms.others.read(at)
            sigma[:-2] = 0
            terms.others.write(at, sigma)
    for window in points.windows:
        component = points.component(window)
        own_values = values.read(window.places)
        own_values -= middle[:, component]
        own_values -= further[:, component]
        values.write(window.places, own_values)


def _at(values: PointFile, points: PointWindows, places: np.ndarray) -> np.ndarray:
    """Return the values of some points, wherever they are, (nrows, n)."""
    return np.concatenate(
        [values.read(window.places)[:, own] for window, own in points.split(places)], axis=1
    )


def turn_to_views(
    fit: SceneTerms,
    points: PointWindows,
    view: str | Path,
    terms: Sequence[str],
    correlation: float | None,
    reference: np.ndarray | None = None,
) -> None:
    """Turn terms of the scene's design into those of each point, where points have own views.

    Values stay relative to the reference of each component, as those of
    :func:`emcflow.acquisition.viewing.to_points`.

    Parameters
    ----------
    fit : SceneTerms
        Its values and standard deviations are written over.
    points : PointWindows
    view : path
        ``point_view.tif`` of the rule ``scene_view``.
    terms : sequence of str
        Names of the terms of `fit`.
    correlation : float or None
        Of the errors of velocity and DEM error.
    reference : int64 (n,), optional
        Places of the points whose values are 0, or whose mean is.
    """
    nterms = len(terms)
    for window in points.windows:
        scale, leak = point_view(view, window)
        values = map_to_points(fit.values.read(window.places), terms, scale, leak)
        others = fit.others.read(window.places)
        others[:nterms] = sigma_to_points(others[:nterms], terms, scale, leak, correlation)
        fit.values.write(window.places, values)
        fit.others.write(window.places, others)
    own = -1 if reference is None else points.component_of(reference[0])
    if leaks(terms):
        _level_velocities(fit, points, terms.index(VELOCITY), own)
    if reference is not None and len(reference) > 1:
        mean = np.nanmean(_at(fit.values, points, reference), axis=1, keepdims=True)
        for window in points.windows:
            values, component = fit.values.read(window.places), points.component(window)
            fit.values.write(window.places, values - np.where(component == own, mean, 0))


def _level_velocities(fit: SceneTerms, points: PointWindows, row: int, own: int) -> None:
    """Make velocities relative to the median of their component, but for one of them."""

    def known() -> Iterable[tuple[np.ndarray, np.ndarray]]:
        """Velocities where there are any, with their components."""
        for window in points.windows:
            values, component = fit.values.read(window.places)[row], points.component(window)
            finite = np.isfinite(values)
            yield values[None, finite], component[finite]

    counts = sum(np.bincount(each, minlength=points.ncomponents) for _, each in known())
    (middle,) = medians(known, np.asarray(counts))
    for window in points.windows:
        values, component = fit.values.read(window.places), points.component(window)
        values[row] -= np.where(component == own, 0, middle[component])
        fit.values.write(window.places, values)


def _of_block(
    points: PointWindows, phase: DateStrips, block: list[PointWindow]
) -> tuple[np.ndarray, np.ndarray]:
    """Return phase (ndates, n) and component (n,) of the points of a block."""
    return (
        np.concatenate([phase.read(window) for window in block], axis=1),
        np.concatenate([points.component(window) for window in block]),
    )


def _parts(block: list[PointWindow]) -> Iterator[tuple[PointWindow, slice]]:
    """Yield the windows of a block, and where each is among the points of the block."""
    start = 0
    for window in block:
        yield window, slice(start, start + window.npoints)
        start += window.npoints


def _slices(parts: list[np.ndarray]) -> list[slice]:
    """Return where parts are in the array of all of them."""
    ends = np.cumsum([0, *map(len, parts)]).tolist()
    return [slice(*each) for each in pairwise(ends)]


def _sample(
    points: PointWindows, phase: DateStrips, datum: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the points of each run that noise is told from, and their phase, (ndates, n)."""
    runs = sample_runs(points.npoints)
    places: list[list] = [[] for _ in runs]
    sample: list[list] = [[] for _ in runs]
    start = 0
    for block in points.blocks():
        stop = start + sum(window.npoints for window in block)
        wanted = [
            (number, slice(max(run.start, start) - start, min(run.stop, stop) - start))
            for number, run in enumerate(runs)
            if run.start < stop and start < run.stop
        ]
        if wanted:
            own, component = _of_block(points, phase, block)
            row_col = np.concatenate([window.points() for window in block])
            for number, some in wanted:
                places[number].append(row_col[some].copy())  # of a few of many
                sample[number].append(own[:, some] - datum[:, component[some]])
        start = stop
    return [np.concatenate(p) for p in places], [np.concatenate(s, axis=1) for s in sample]
