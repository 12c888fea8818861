"""Cycles between regions that no short links join: by all links across, the model, and the dates.

Between two islands, or two sides of a wide river, whole cycles are missing in every interferogram.
The links across give one more series of phases: the mean of their differences, each region
unwrapped by itself, at every date. It is known but for a cycle at each date, and ground that moves
steadily leaves in it velocity, DEM error and the air between the two shores. How much air that is
the regions themselves say, by how points differ that lie as far apart. Velocities and heights that
are about as likely, air that is stronger than said, and a jump of one side between two dates all
have their share in the probability that a cycle is wrong.

What no phase shows stays unknown: a side that moves as a whole by nearly whole cycles between two
dates looks like one that does not move.

References
----------
Chiles, J.-P., and P. Delfiner (2012), Geostatistics: Modeling Spatial Uncertainty, 2nd ed., Wiley:
structure functions (ch. 2), the best linear estimate of a mean (3.4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emcflow.graph.components import SpanningTree, spanning_tree
from emcflow.unwrap.labels import LARGE
from emcflow.unwrap.region_levels import RegionLevels
from emcflow.unwrap.turns_in_time import jump_by_shape, likeliest_turns

CYCLE = 2 * np.pi
# Of a robust standard deviation, to the median of what deviates.
MAD = 1.4826
# Links across, at least and at most.
LEAST_LINKS, MOST_LINKS = 3, 200
# Points of a region, and regions, of which the strength of the air is taken.
STRUCTURE_POINTS, STRUCTURE_REGIONS = 100, 4
CLASSES = 8
# Nobody knows the mean over a shore whose links differ by s better than this share of s.
OF_SPREAD = 1 / 3


@dataclass(frozen=True)
class _Structure:
    """How points of one region differ, by their distance.

    Attributes
    ----------
    exponent, factor : float
        Variance of the difference of two points is ``factor * distance ** exponent`` [rad2].
    of_dates : float64 (ndates,)
        Variance at each date, in proportion, mean 1.
    distances : float64 (nclasses,)
        [pixels]
    deviations : float64 (nclasses, nterms)
        Standard deviation of the terms of such differences.
    """

    exponent: float
    factor: float
    of_dates: np.ndarray
    distances: np.ndarray
    deviations: np.ndarray

    def variance(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return that of the difference of each two points, float64 (nfirst, nsecond) [rad2]."""
        apart = np.linalg.norm(first[:, None] - second[None], axis=-1)
        return self.factor * apart**self.exponent


def level_regions(
    phase: np.ndarray,
    points: np.ndarray,
    edges: np.ndarray,
    region: np.ndarray,
    cycles: np.ndarray,
    pairs: np.ndarray,
    design: np.ndarray,
) -> RegionLevels:
    """Find the cycles between regions of a tile that links across join, and how sure they are.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Wrapped phase [rad], relative to the first date.
    points : int (npoints, 2)
        Row and column.
    edges : int32 (nlinks, 2)
        Points of all links of the mesh.
    region : int32 (npoints,)
        Points that can be compared.
    cycles : int16 (npairs, npoints)
        Of the interferograms, right up to one number in each region.
    pairs : int (npairs, 2)
        Dates of the interferograms, all of which they join.
    design : float64 (ndates, nterms)
        Phase per unit of each term of the link model [rad/unit].

    Returns
    -------
    RegionLevels
        Of regions of at least `LARGE` points with `LEAST_LINKS` links across or more; none where
        too few points lie in one region to say what the air is like.
    """
    npairs = len(pairs)
    sizes = np.bincount(region)
    across = _links_across(edges, region, sizes >= LARGE)
    tree = spanning_tree(pairs, len(phase))
    series = _Series(phase, cycles, pairs, tree)
    structure = _structure(series, points, region, sizes, design) if across else None
    if structure is None:
        none = np.empty((0, npairs))
        return RegionLevels(
            np.empty((0, 2), np.int32),
            np.empty(0, np.int32),
            none.astype(np.int16),
            none.astype(np.float32),
            np.empty(0, np.float32),
            np.empty(0, np.float32),
        )
    found = [_level(series, points, ends, structure, design) for _, ends in across]
    return RegionLevels(
        np.array([names for names, _ in across], np.int32),
        np.array([len(ends) for _, ends in across], np.int32),
        np.array([each[0] for each in found], np.int16),
        np.array([each[1] for each in found], np.float32),
        np.array([each[1].mean() for each in found], np.float32),
        np.array([each[2] for each in found], np.float32),
    )


def _links_across(
    edges: np.ndarray, region: np.ndarray, large: np.ndarray
) -> list[tuple[tuple[int, int], np.ndarray]]:
    """Each two large regions with enough links between, and these, from the lower to the higher."""
    ends = region[edges]
    some = np.flatnonzero((ends[:, 0] != ends[:, 1]) & large[ends].all(axis=1))
    turned = ends[some, 0] > ends[some, 1]
    links = np.where(turned[:, None], edges[some, ::-1], edges[some])
    names, which = np.unique(region[links], axis=0, return_inverse=True)
    of_names = [links[which.ravel() == n] for n in range(len(names))]
    return [
        ((int(a), int(b)), own)
        for (a, b), own in zip(names, of_names, strict=True)
        if len(own) >= LEAST_LINKS
    ]


@dataclass(frozen=True)
class _Series:
    """Phase of points at every date, unwrapped but for one cycle per date and region."""

    phase: np.ndarray
    cycles: np.ndarray
    pairs: np.ndarray
    tree: SpanningTree

    def of(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Series of some points along a tree of interferograms, and how far loops do not close.

        Returns
        -------
        float64 (ndates, n) [rad], int64 (npairs, n) [cycles]
        """
        own = self.cycles[:, points].astype(np.int64)
        turns = np.zeros((len(self.phase), len(points)), np.int64)
        for date in self.tree.order:
            if self.tree.parent[date] >= 0:
                step = self.tree.sign[date] * own[self.tree.edge[date]]
                turns[date] = turns[self.tree.parent[date]] + step
        first, second = self.pairs.T
        return self.phase[:, points] + CYCLE * turns, turns[second] - turns[first] - own


def _structure(
    series: _Series, points: np.ndarray, region: np.ndarray, sizes: np.ndarray, design: np.ndarray
) -> _Structure | None:
    """How points differ by their distance, in the largest regions; None where there are too few."""
    apart, differences = [], []
    for name in np.argsort(-sizes, kind="stable")[:STRUCTURE_REGIONS]:
        own = np.flatnonzero(region == name)
        own = own[np.linspace(0, len(own) - 1, min(STRUCTURE_POINTS, len(own))).astype(int)]
        first, second = np.triu_indices(len(own), 1)
        values, _ = series.of(own)
        apart.append(np.linalg.norm(points[own[first]] - points[own[second]], axis=1))
        differences.append(values[:, second] - values[:, first])
    distance, difference = np.concatenate(apart), np.concatenate(differences, axis=1)
    terms, rest, spare = _fitted(difference, design)
    limits = np.geomspace(2, max(distance.max(initial=0), 4), CLASSES + 1)
    of_class = np.digitize(distance, limits) - 1
    distances, variances, deviations = [], [], []
    for each in range(CLASSES):
        own = of_class == each
        if np.count_nonzero(own) < LARGE:
            continue
        distances.append(np.exp(np.log(distance[own]).mean()))
        variances.append((MAD * np.median(np.abs(rest[:, own]), axis=1)) ** 2 * spare)
        deviations.append(MAD * np.median(np.abs(terms[:, own]), axis=1))
    if len(distances) < 2:
        return None
    of_dates = np.array(variances) + 1e-6
    mean = of_dates.mean(axis=1)
    exponent = np.clip(np.polyfit(np.log(distances), np.log(mean), 1)[0], 0.1, 1.8)
    return _Structure(
        float(exponent),
        float(np.exp(np.mean(np.log(mean) - exponent * np.log(distances)))),
        (of_dates / mean[:, None]).mean(axis=0),
        np.array(distances),
        np.array(deviations),
    )


def _fitted(values: np.ndarray, design: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Terms of series by least squares, what they leave, and the factor that makes it unbiased.

    With fewer than two dates to spare only the mean is taken off: no terms are known.
    """
    ndates = len(values)
    columns = np.column_stack([np.ones(ndates), design])
    terms = np.linalg.lstsq(columns, values, rcond=None)[0][1:]
    if ndates - columns.shape[1] < 2:
        columns = columns[:, :1]
    rest = values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
    return terms, rest, ndates / max(ndates - columns.shape[1], 1)


def _level(
    series: _Series,
    points: np.ndarray,
    ends: np.ndarray,
    structure: _Structure,
    design: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Cycles to add to the second of two regions, how likely these are wrong, and how a jump."""
    ends = ends[np.linspace(0, len(ends) - 1, min(MOST_LINKS, len(ends))).astype(int)]
    (first, open_first), (second, open_second) = (series.of(side) for side in ends.T)
    differences, left = second - first, open_second - open_first
    middle = np.median(differences, axis=1, keepdims=True)
    spread = MAD * np.median(np.abs(differences - middle), axis=1, keepdims=True)
    inside = np.clip(differences, middle - 3 * spread, middle + 3 * spread)
    weights, variance = _best_mean(points[ends].astype(np.float64), structure)
    apart = np.linalg.norm(np.diff(points[ends], axis=1)[:, 0], axis=1)
    nearest = np.abs(np.log(structure.distances / (weights @ apart))).argmin()
    variances = variance * structure.of_dates
    turns, wrong, jump = likeliest_turns(
        inside @ weights,
        design - design[0],
        structure.deviations[nearest],
        np.maximum(variances, (OF_SPREAD * spread[:, 0]) ** 2),
        series.pairs,
        jump_by_shape(inside, design),
    )
    return turns + np.rint(np.median(left, axis=1)).astype(np.int64), wrong, jump


def _best_mean(ends: np.ndarray, structure: _Structure) -> tuple[np.ndarray, float]:
    """Weights of links (n,) with the least variance of their mean, and that variance [rad2]."""
    first, second = ends[:, 0], ends[:, 1]
    between = structure.variance(first, second)
    covariance = between + between.T - structure.variance(first, first)
    covariance = (covariance - structure.variance(second, second)) / 2
    # the noise of the points themselves, about as much as neighbours differ by
    covariance += np.eye(len(ends)) * structure.factor * 2**structure.exponent
    weights = np.clip(np.linalg.solve(covariance, np.ones(len(ends))), 0, None)
    weights /= weights.sum()
    return weights, float(weights @ covariance @ weights)
