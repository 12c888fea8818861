"""The column of height in the design of links, found in their phases.

Where no table of baselines is given, the phases themselves have it: what most links share beside
steady motion is height times the baseline of each date. Links are unwrapped in time without a
model; of the half of them that is most coherent the first principal component over the dates is a
first guess of the column. With it beside velocity links are searched and unwrapped again about
their peaks; coherent links, later those of clear heights, give the column anew, until it rests.
(The component as a term of links: Ferretti, Prati, Rocca 2000, IEEE TGRS 38(5), 2202-2212, who
leave it as non-linear motion.)

What the phases cannot tell is the scale of the column and its sign: heights that are twice as large
and of the other sign, times baselines of half the size and the other sign, leave the same phase.
The part of the column along time they tell only by what links have: it is taken to be that under
which velocities do not go with heights.
"""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from emcflow.graph.planar import planar_graph
from emcflow.links.learned_prior import fine_axes, fitting_ranges, grid_points, prior_of_scene
from emcflow.links.likely_peaks import likely_peaks
from emcflow.network.networks import hop3_network
from emcflow.unwrap.temporal import unwrap_in_time

# Where height is searched first [rad at the full span of the column]; wider where links have more.
HEIGHT_RANGE = (-20.0, 20.0)
# The phases of a link have to be more likely with the column, by this on average of the logarithm.
GAIN_OF_COLUMN = 0.1
# Columns of this correlation are the same.
AT_REST = 0.9999
MOST_ROUNDS = 10
# Links of which the prior is learned in each round.
LINKS_OF_PRIOR = 1000
# Dates beyond a constant, velocity and height that are needed to find the column.
SPARE_DATES = 3
# At first, and where few heights are clear, links of this coherence tell of the column: wrong
# peaks of a first guess look clear, too.
HIGH_COHERENCE = 0.7
EARLY_ROUNDS = 4
# Heights are clear that are so many standard deviations from zero, on links of such a coherence.
CLEAR = 5.0
LEAST_COHERENCE = 0.5
FEWEST_LINKS = 50
# The largest changes are likely to be wrong cycles.
LARGEST_PART = 0.98
# Groups of neighbouring links that are left out in turn, for the uncertainty.
GROUPS = 10
REWEIGHTED = 20
# Corners of the sides of a triangle.
SIDES = np.array([[0, 1], [0, 2], [1, 2]])


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

        What takes the noise of a few dates for a shape makes them more likely, too, but leaves
        more residues.
        """
        return self.gain > GAIN_OF_COLUMN and self.residues[1] < self.residues[0]


def found_height(phase, dates, velocity, velocity_range, first=None, n_threads=1, weights=None):
    """Find the column of height in the phases of some triangles of a mesh.

    Parameters
    ----------
    phase : float32 (ndates, 3 ntriangles)
        Wrapped phase [rad], relative to the first date, at the corners of each triangle; triangles
        that are neighbours beside each other.
    dates : sequence of str
        YYYYMMDD, ascending.
    velocity : float64 (ndates,)
        Phase per unit of velocity [rad/unit].
    velocity_range : (low, high) or (low, high, step)
        In that unit.
    first : float64 (ndates,), optional
        What the column may be, in any unit; by default it is guessed from the phases.
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
    corners = np.arange(phase.shape[1], dtype=np.int32).reshape(-1, 3)
    edges = np.ascontiguousarray(corners[:, SIDES].reshape(-1, 2))
    network = hop3_network(dates)
    graph = planar_graph(np.empty((0, 3), np.int32), phase.shape[1], edges)
    gradient = phase[:, edges[:, 1]].astype(np.float64) - phase[:, edges[:, 0]]

    def cycles_by(design=None, params=None):
        return unwrap_in_time(phase, graph, network, design, params, n_threads=n_threads)

    def likely(design, axes, prior):
        densities = [prior.log_density(grid_points(axes))]
        return likely_peaks(
            phase, edges, design, axes, prior, densities, n_threads, weights=weights
        )[0]

    def prior_with(design, axes):
        return prior_of_scene(phase, edges, design, axes, weights, LINKS_OF_PRIOR)

    if first is None:
        plain = np.abs(np.exp(1j * gradient).mean(axis=0))
        column = _component(_some(gradient, cycles_by(), plain >= np.median(plain)), velocity)
    else:
        column = _normalised(np.asarray(first, np.float64))
    ranges, early = [tuple(velocity_range), HEIGHT_RANGE], EARLY_ROUNDS if first is None else 0
    for number in range(MOST_ROUNDS):
        if column is None:
            return None
        design = np.column_stack([velocity, column])
        if number == 1:  # the first column is a guess
            ranges = fitting_ranges(phase, edges, design, ranges, weights)
        axes = fine_axes(design, ranges)
        prior = prior_with(design, axes)
        model = likely(design, axes, prior)
        telling = _telling(model, number >= early)
        if np.count_nonzero(telling) < FEWEST_LINKS:
            return None
        cycles = cycles_by(design, model.params)
        series = _some(gradient, cycles, telling)
        before, column = column, _component(series, velocity)
        if column is not None and number and _alike(before, column) > AT_REST:
            if number >= early:
                break
            early = number + 1
    if column is None:
        return None
    without = prior_with(design[:, :1], axes[:1])
    alone = likely(design[:, :1], axes[:1], without)
    residues = _residues(cycles_by(design[:, :1], alone.params)), _residues(cycles)
    return FoundHeight(
        column,
        _uncertainty(series, velocity, column),
        ranges[1][:2],
        prior.evidence - without.evidence,
        residues,
    )


def _some(gradient, cycles, chosen):
    """Unwrapped series of some links (ndates, n) [rad]."""
    return gradient[:, chosen] + 2 * np.pi * cycles[:, chosen]


def _residues(cycles):
    """Share of triangles around which cycles of their sides do not cancel, date by date."""
    around = cycles[:, 0::3] - cycles[:, 1::3] + cycles[:, 2::3]
    return float(np.mean(np.diff(around, axis=0) != 0))


def _telling(model, clear_alone):
    """Links of high coherence, or where there are enough of them those of clear heights."""
    clear = np.abs(model.params[1]) > CLEAR * model.sigma[1]
    clear &= model.coherence > LEAST_COHERENCE
    if clear_alone and np.count_nonzero(clear) >= FEWEST_LINKS:
        return clear
    return model.coherence > HIGH_COHERENCE


def _component(series, velocity):
    """Column of height of unwrapped series (ndates, nlinks) [rad]; None without any change."""
    series = series - series.mean(axis=0)
    size = np.square(series).sum(axis=0)
    series = series[:, size <= np.quantile(size, LARGEST_PART)]
    time = velocity - velocity.mean()
    along = time @ series / (time @ time)
    rest = series - np.outer(time, along)
    with threadpool_limits(1, "blas"):  # several threads may round in another way
        shape = np.linalg.eigh(rest @ rest.T)[1][:, -1]
        heights = shape @ rest
    return _normalised(shape + time * _slope(heights, along))


def _normalised(column):
    """Column of span 1 and zero at the first date, its sum positive; None for a constant one."""
    column = column - column[0]
    span = np.ptp(column)
    if not span > 0:
        return None
    return column / span * (1 if column.sum() >= 0 else -1)


def _slope(x, y):
    """Slope of a line through the origin by least absolute deviations, by reweighting."""
    found = (x @ y) / max(x @ x, np.finfo(float).tiny)
    for _ in range(REWEIGHTED):
        rest = np.abs(y - found * x)
        weight = 1 / (rest + 1e-3 * np.median(rest) + np.finfo(float).tiny)
        found = ((weight * x) @ y) / max((weight * x) @ x, np.finfo(float).tiny)
    return found


def _alike(one, other):
    """Correlation of two columns but for its sign."""
    return abs(np.corrcoef(one, other)[0, 1])


def _uncertainty(series, velocity, column):
    """Standard deviation of the column by leaving out groups of links (Quenouille's jackknife)."""
    groups = np.arange(series.shape[1]) * GROUPS // series.shape[1]
    found = []
    for group in range(GROUPS):
        part = _component(series[:, groups != group], velocity)
        if part is not None:  # of the scale and the sign of the whole
            found.append(part * (part @ column) / (part @ part))
    found = np.array(found)
    spread = np.square(found - found.mean(axis=0)).sum(axis=0)
    return np.sqrt((len(found) - 1) / len(found) * spread)
