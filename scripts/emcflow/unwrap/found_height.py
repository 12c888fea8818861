"""The column of height in the design of links, found in their phases.

Where no table of baselines is given, the phases themselves have it: what most links share beside
steady motion is height times the baseline of each date. Links are unwrapped in time without a
model; of the half of them that is most coherent the first principal component over the dates is a
first guess of the column. With it beside velocity links are searched, unwrapped again about their
peaks, and those of high coherence give the column anew, until it rests. How far heights are
searched matters: about a wrong column links find heights that bear it out, the easier the farther
they are searched. So it is done with several ranges, and the column under which the phases are
likeliest is taken, by the evidence of the prior that is learned with it. (The component as a term
of links: Ferretti, Prati, Rocca 2000, IEEE TGRS 38(5), 2202-2212, who leave it as non-linear
motion.)

What the phases cannot tell is the scale of the column and its sign: heights that are twice as large
and of the other sign, times baselines of half the size and the other sign, leave the same phase.
The part of the column along time they tell only by what links have: it is taken to be that under
which velocities do not go with heights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from emcflow.graph.planar import PlanarGraph, planar_graph
from emcflow.links.learned_prior import fine_axes, prior_of_scene
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import search_axis
from emcflow.network.networks import PlanarNetwork, hop3_network
from emcflow.unwrap.significant import significant_params
from emcflow.unwrap.temporal import unwrap_in_time

# Ranges in which heights are searched [rad at the full span of the column].
HEIGHT_RANGES = ((-10.0, 10.0), (-20.0, 20.0), (-40.0, 40.0), (-80.0, 80.0))
# The phases of a link have to be more likely with the column, by this on average of the logarithm.
GAIN_OF_COLUMN = 0.1
# Share of the squares of a column, about its median, that one date may have.
MOST_OF_A_DATE = 0.8
# Columns of this correlation are the same.
AT_REST = 0.9999
MOST_ROUNDS = 8
# Links of which the prior is learned.
LINKS_OF_PRIOR = 1000
# Dates beyond a constant, velocity and height that are needed to find the column.
SPARE_DATES = 3
# Links of this coherence about their peaks tell of the column.
HIGH_COHERENCE = 0.7
FEWEST_LINKS = 50
# The largest changes are likely to be wrong cycles.
LARGEST_PART = 0.98
# Groups of neighbouring links that are left out in turn, for the uncertainty.
GROUPS = 10
REWEIGHTED = 20
# Corners of the sides of a triangle.
SIDES = np.array([[0, 1], [1, 2], [0, 2]])


@dataclass(frozen=True)
class FoundHeight:
    """The column of height that links ask for.

    Attributes
    ----------
    column : float64 (ndates,)
        Of span 1 and zero at the first date; its sign is arbitrary.
    sigma : float64 (ndates,)
        Standard deviation of each value, from groups of links; without what the part along time is
        unsure by.
    limits : (float, float)
        Range that holds the heights of links [rad at the full span of the column].
    gain : float
        By how much the phases of a link are more likely with it, mean of the logarithm.
    residues : (float, float)
        Share of triangles, from one date to the next, around which the cycles of links do not
        cancel: by velocity alone, and with the column.
    """

    column: np.ndarray
    sigma: np.ndarray
    limits: tuple[float, float]
    gain: float
    residues: tuple[float, float]

    @property
    def is_clear(self) -> bool:
        """Whether the phases ask for it.

        A column of one date alone is no term: it would take the noise of a bad date for heights.
        """
        about = np.square(self.column - np.median(self.column))
        return self.gain > GAIN_OF_COLUMN and bool(about.max() < MOST_OF_A_DATE * about.sum())

    @property
    def note(self) -> str:
        """What it does to the links, in words."""
        before, after = (100 * share for share in self.residues)
        verdict = "it is kept" if self.is_clear else "too little, there are no heights to be seen"
        return (
            f"a column of height makes the phase of a link {np.exp(self.gain):.2f} times as "
            f"likely, residues {after:.3f} % instead of {before:.3f} %: {verdict}"
        )


def found_height(
    phase: np.ndarray,
    dates: Sequence[str],
    velocity: np.ndarray,
    velocity_range: Sequence[float],
    first: np.ndarray | None = None,
    n_threads: int = 1,
    weights: np.ndarray | None = None,
) -> FoundHeight | None:
    """Find the column of height in the phases of some triangles of a mesh.

    Parameters
    ----------
    phase : float32 (ndates, 3 ntriangles)
        Wrapped phase [rad], relative to the first date, of the corners of triangles, one after the
        other; triangles that are neighbours beside each other.
    dates : sequence of str
        YYYYMMDD, ascending.
    velocity : float64 (ndates,)
        Phase per unit of velocity [rad/unit].
    velocity_range : (low, high) or (low, high, step)
        In that unit.
    first : float64 (ndates,), optional
        What the column may be as well, in any unit, beside what is guessed from the phases: a table
        that is wrong would lead to itself.
    n_threads : int
        No influence on the result.
    weights : float64 (ndates,), optional
        Of the dates, mean 1.

    Returns
    -------
    FoundHeight or None
        None where there are too few dates or links to find one from.
    """
    if len(dates) < 3 + SPARE_DATES or phase.shape[1] < FEWEST_LINKS:
        return None
    triangles = np.arange(phase.shape[1]).reshape(-1, 3)
    edges = np.ascontiguousarray(triangles[:, SIDES].reshape(-1, 2), np.int32)
    graph = planar_graph(np.empty((0, 3), np.int32), phase.shape[1], edges)
    links = _Links(phase, graph, hop3_network(dates), velocity, velocity_range, n_threads, weights)
    best = None
    for limits in HEIGHT_RANGES:
        found = links.at_rest(limits, None)
        if found is not None and (best is None or found[0] > best[0]):
            best = *found, limits
    guess = None if first is None else _normalised(np.asarray(first, np.float64))
    if guess is not None:
        limits = HEIGHT_RANGES[0] if best is None else best[-1]
        found = links.at_rest(limits, guess)
        if found is not None and (best is None or found[0] > best[0]):
            best = *found, limits
    if best is None:
        return None
    evidence, column, series, residues, limits = best
    alone = links.alone()
    return FoundHeight(
        column,
        _uncertainty(series, velocity, column),
        limits,
        evidence - alone[0],
        (alone[1], residues),
    )


@dataclass(frozen=True)
class _Links:
    """Links that the column is looked for in."""

    phase: np.ndarray
    graph: PlanarGraph
    network: PlanarNetwork
    velocity: np.ndarray
    velocity_range: Sequence[float]
    n_threads: int
    weights: np.ndarray | None

    def at_rest(
        self, limits: tuple[float, float], column: np.ndarray | None
    ) -> tuple[float, np.ndarray, np.ndarray, float] | None:
        """Return evidence, column, series of links and residues once the column rests, or None."""
        gradient = self.phase[:, self.graph.edges[:, 1]].astype(np.float64)
        gradient -= self.phase[:, self.graph.edges[:, 0]]
        if column is None:
            plain = np.abs(np.exp(1j * gradient).mean(axis=0))
            telling = plain >= np.median(plain)
            column = _component(_some(gradient, self.cycles(), telling))
        for _ in range(MOST_ROUNDS):
            if column is None:
                return None
            design = np.column_stack([self.velocity, column])
            params, coherence = self.peaks(design, [self.velocity_range, limits])
            telling = coherence > HIGH_COHERENCE
            if np.count_nonzero(telling) < FEWEST_LINKS:
                return None
            cycles = self.cycles(design, params)
            series, before = _some(gradient, cycles, telling), column
            column = _component(series)
            if column is not None and _alike(before, column) > AT_REST:
                break
        column = _with_trend(series, self.velocity)
        if column is None:
            return None
        design = np.column_stack([self.velocity, column])
        evidence = self.evidence(design, [self.velocity_range, limits])
        return evidence, column, series, _residues(cycles)

    def alone(self) -> tuple[float, float]:
        """Return evidence and residues of velocity alone."""
        design, ranges = self.velocity[:, None], [self.velocity_range]
        params, _ = self.peaks(design, ranges)
        return self.evidence(design, ranges), _residues(self.cycles(design, params))

    def cycles(
        self, design: np.ndarray | None = None, params: np.ndarray | None = None
    ) -> np.ndarray:
        """Return cycles (ndates, nlinks) about a model."""
        return unwrap_in_time(
            self.phase, self.graph, self.network, design, params, n_threads=self.n_threads
        )

    def peaks(
        self, design: np.ndarray, ranges: Sequence[Sequence[float]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the terms that the phases support, and the coherence about the highest peaks."""
        axes = [search_axis(column, *own) for column, own in zip(design.T, ranges, strict=True)]
        limits = np.array([own[:2] for own in ranges])
        model = estimate_links(
            self.phase,
            self.graph.edges,
            design,
            axes,
            self.n_threads,
            weights=self.weights,
        )
        kept = significant_params(
            self.phase,
            self.graph,
            design,
            model.params,
            model.coherence,
            limits,
            self.n_threads,
            self.weights,
        )
        return kept, model.coherence

    def evidence(self, design: np.ndarray, ranges: Sequence[Sequence[float]]) -> float:
        """Return the evidence of the prior that is learned with a design."""
        axes = fine_axes(design, ranges)
        return prior_of_scene(
            self.phase, self.graph.edges, design, axes, self.weights, LINKS_OF_PRIOR
        ).evidence


def _some(gradient: np.ndarray, cycles: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Unwrapped series of some links (ndates, n) [rad], mean over the dates taken off."""
    series = gradient[:, chosen] + 2 * np.pi * cycles[:, chosen]
    series -= series.mean(axis=0)
    size = np.square(series).sum(axis=0)
    return series[:, size <= np.quantile(size, LARGEST_PART)]


def _residues(cycles: np.ndarray) -> float:
    """Share of triangles around which cycles of their sides do not cancel, date by date."""
    around = cycles[:, 0::3] + cycles[:, 1::3] - cycles[:, 2::3]
    return float(np.mean(np.diff(around, axis=0) != 0))


def _component(series: np.ndarray) -> np.ndarray | None:
    """First principal component over the dates of series (ndates, n), normalised."""
    with threadpool_limits(1, "blas"):  # several threads may round in another way
        return _normalised(np.linalg.eigh(series @ series.T)[1][:, -1])


def _with_trend(series: np.ndarray, velocity: np.ndarray) -> np.ndarray | None:
    """Column of height of unwrapped series, its part along time such that velocities do not go
    with heights; None without any change."""
    time = velocity - velocity.mean()
    along = time @ series / (time @ time)
    rest = series - np.outer(time, along)
    with threadpool_limits(1, "blas"):
        shape = np.linalg.eigh(rest @ rest.T)[1][:, -1]
    return _normalised(shape + time * _slope(shape @ rest, along))


def _normalised(column: np.ndarray) -> np.ndarray | None:
    """Column of span 1 and zero at the first date, its sum positive; None for a constant one."""
    column = column - column[0]
    span = np.ptp(column)
    if not span > 0:
        return None
    return column / span * (1 if column.sum() >= 0 else -1)


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    """Slope of a line through the origin by least absolute deviations, by reweighting."""
    found = (x @ y) / max(x @ x, np.finfo(float).tiny)
    for _ in range(REWEIGHTED):
        rest = np.abs(y - found * x)
        weight = 1 / (rest + 1e-3 * np.median(rest) + np.finfo(float).tiny)
        found = ((weight * x) @ y) / max((weight * x) @ x, np.finfo(float).tiny)
    return found


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two columns but for its sign."""
    return abs(np.corrcoef(one, other)[0, 1])


def _uncertainty(series: np.ndarray, velocity: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Standard deviation of the column by leaving out groups of links (Quenouille's jackknife)."""
    groups = np.arange(series.shape[1]) * GROUPS // series.shape[1]
    parts = []
    for group in range(GROUPS):
        part = _with_trend(series[:, groups != group], velocity)
        if part is not None:  # of the scale and the sign of the whole
            parts.append(part * (part @ column) / (part @ part))
    found = np.array(parts)
    spread = np.square(found - found.mean(axis=0)).sum(axis=0)
    return np.sqrt((len(found) - 1) / len(found) * spread)
