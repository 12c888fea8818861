"""Exact quantiles of values that are read piece by piece, of more points than memory may hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

# Points of a component that are looked at first; where it has no more, those are all.
SAMPLED = 100_000
# Ranks of the sample, as a share of it, between which the quantile surely lies: its own error is a
# few thousandths.
MARGIN = 0.02
# Dates whose medians are found together: of each some values are kept.
DATES_AT_ONCE = 30

# Values (nrows, n) and components (n,) of some points at a time.
Pieces = Callable[[], Iterable[tuple[np.ndarray, np.ndarray]]]


def medians(pieces: Pieces, counts: np.ndarray) -> np.ndarray:
    """Return the medians of each row in each component, as `numpy.median` does.

    A sample tells bounds that the median lies between; of all values those in between are kept,
    the others counted (Floyd and Rivest 1975, Communications of the ACM 18(3), 165-172).

    Parameters
    ----------
    pieces : callable
        Returns an iterable of values, float (nrows, n), and components, int (n,); called up to
        three times, with the same pieces each time. No value is NaN.
    counts : ndarray of int, shape (ncomponents,)
        Points of each component.

    Returns
    -------
    ndarray of the type of the values, shape (nrows, ncomponents)
        NaN for a component without points.
    """
    counts = np.asarray(counts)
    samples = _samples(pieces(), np.maximum(1, -(-counts // SAMPLED)))
    found = np.full((len(samples[0]), len(counts)), np.nan, samples[0].dtype)
    for label in np.flatnonzero((counts > 0) & (counts <= SAMPLED)).tolist():
        found[:, label] = np.median(samples[label], axis=1)
    bounds = {label: _bounds(samples[label]) for label in np.flatnonzero(counts > SAMPLED).tolist()}
    del samples
    while bounds:
        missed = {}
        for label, between in _between(pieces(), bounds, len(counts)).items():
            for row, one in enumerate(between):
                low, high = one.ranks((counts[label] - 1) // 2, counts[label] // 2)
                found[row, label] = np.median(np.array([low, high], found.dtype))
            if np.isnan(found[:, label]).any():  # so unlike its sample that all are to be kept
                missed[label] = np.full((2, len(found), 1), [[[-np.inf]], [[np.inf]]])
        bounds = missed
    return found


class _Between:
    """Values of a row between two bounds, and how many there are below, and at each of them."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        self.below = self.at_low = self.at_high = 0
        self.kept: list[np.ndarray] = []

    def add(self, values: np.ndarray) -> None:
        """Count values (n,), and keep those between the bounds."""
        self.below += int(np.count_nonzero(values < self.low))
        self.at_low += int(np.count_nonzero(values == self.low))
        if self.high > self.low:
            self.at_high += int(np.count_nonzero(values == self.high))
        self.kept.append(values[(values > self.low) & (values < self.high)])

    def ranks(self, *ranks: int) -> list[float]:
        """Return the values of some ranks among all; NaN outside the bounds."""
        kept = np.sort(np.concatenate(self.kept))
        ends = np.cumsum([self.below, self.at_low, len(kept), self.at_high])
        found = []
        for rank in ranks:
            part = int(np.searchsorted(ends, rank, side="right"))
            inside = kept[rank - ends[1]] if part == 2 else np.nan
            found.append({1: self.low, 2: inside, 3: self.high}.get(part, np.nan))
        return found


def _between(pieces: Iterable, bounds: dict, ncomponents: int) -> dict[int, list[_Between]]:
    """Return what lies between the bounds of each row, (2, nrows, 1), of some components."""
    found = {
        label: [_Between(*ends) for ends in of_label[..., 0].T.tolist()]
        for label, of_label in bounds.items()
    }
    for values, component in pieces:
        for label, rows in found.items():
            own = values if ncomponents == 1 else values[:, component == label]
            for one, row in zip(rows, own, strict=True):
                one.add(row)
    return found


def _samples(pieces: Iterable, steps: np.ndarray) -> list[np.ndarray]:
    """Return every so many values of each component."""
    kept: list[list[np.ndarray]] = [[] for _ in steps]
    seen = np.zeros(len(steps), np.int64)
    values = np.empty((0, 0), np.float32)
    for values, component in pieces:
        for label in np.unique(component):
            own = values if len(steps) == 1 else values[:, component == label]
            # a copy: a part of the values would keep all of them
            kept[label].append(own[:, -seen[label] % steps[label] :: steps[label]].copy())
            seen[label] += own.shape[1]
    return [np.concatenate([values[:, :0], *parts], axis=1) for parts in kept]


def _bounds(sample: np.ndarray) -> np.ndarray:
    """Return two values of each row of a sample on both sides of its median, (2, nrows, 1)."""
    n = sample.shape[1]
    low, high = int((0.5 - MARGIN) * n), int((0.5 + MARGIN) * n)
    ordered = np.partition(sample, (low, high), axis=1)
    return np.stack([ordered[:, [low]], ordered[:, [high]]])
