"""What is to be said of the models of the links of a tile, for its log."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emcflow.links.noise_floor import NOISE_PROBABILITY, noise_coherence
from emcflow.links.uncertainty import parameter_correlation, parameter_covariance
from emcflow.unwrap.learned_models import LearnedModels


def notes_of_learned(learned: LearnedModels, names: Sequence[str]) -> list[str]:
    """Return figures of what was learned from the links.

    Parameters
    ----------
    learned : LearnedModels
    names : sequence of str
        Of its terms.

    Returns
    -------
    list of str
        A line each; none where nothing was learned.
    """
    prior = learned.prior
    if prior is None:
        return []
    first, second, neither = 100 * prior.weights
    notes = [
        f"{name} of links: {narrow:.3g}, or {wide:.3g} to both sides"
        for name, narrow, wide in zip(names, *prior.deviations, strict=True)
    ]
    notes.append(
        f"{first:.1f} % of the links of the first kind, {second:.1f} % of the second, "
        f"{neither:.1f} % of neither; noise of {np.sqrt(prior.noise):.2f} rad at a date"
    )
    if learned.data_gain:
        notes.append(
            "a term from the data makes the phase of a link "
            f"{np.exp(learned.data_gain):.2f} times as likely"
            + ("" if "data" in learned.models else ": too little, it is left out")
        )
    return notes


def wider_ranges(
    learned: LearnedModels, asked: Sequence[Sequence[float]], names: Sequence[str]
) -> list[str]:
    """Name the ranges that were searched farther than is asked for, since links reach beyond.

    Parameters
    ----------
    learned : LearnedModels
    asked : sequence of (low, high), one per term
    names : sequence of str
        Of the ranges.

    Returns
    -------
    list of str
        A line each.
    """
    return [
        f"{name}: links reach beyond {before[0]:g} to {before[1]:g}; searched from {ends[0]:g} to "
        f"{ends[1]:g}"
        for name, ends, before in zip(names, learned.ranges, asked, strict=True)
        if ends != tuple(before)
    ]


def notes_of_links(
    learned: LearnedModels,
    design: np.ndarray,
    names: Sequence[str],
    weights: np.ndarray | None,
) -> list[str]:
    """Return figures of what was learned, of the search, and of how many links fit.

    Parameters
    ----------
    learned : LearnedModels
    design : float64 (ndates, nterms)
        [rad/unit]
    names : sequence of str
        Of the terms.
    weights : float64 (ndates,) or None
        Of the dates.

    Returns
    -------
    list of str
        A line each.
    """
    links, limits = learned.links, np.array(learned.ranges, float).reshape(-1, 2)
    notes = [
        f"{name} searched from {low:g} to {high:g} in {count} steps"
        for name, (low, high), count in zip(names, limits, learned.steps, strict=True)
    ]
    nlinks = len(links.coherence)
    noise = noise_coherence(NOISE_PROBABILITY, design, limits, weights)
    middle, at_end, above = np.nan, 0.0, 0.0
    if nlinks:
        middle = np.median(links.coherence)
        at_end, above = links.at_range_end.mean(), (links.coherence > noise).mean()
    notes += [
        f"{nlinks} links: median coherence {middle:.2f}, {at_end:.2%} with the peak at the edge of "
        "the search range",
        f"{above:.2%} of the links above coherence {noise:.2f}, which pure noise exceeds in "
        f"{100 * NOISE_PROBABILITY:g} % of searches",
    ]
    correlation = parameter_correlation(parameter_covariance(design, weights), names)
    if correlation is not None:
        notes.append(f"errors of velocity and DEM error have correlation {correlation:.2f}")
    return notes_of_learned(learned, names) + notes
