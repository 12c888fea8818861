"""Models of the links of a tile, and their terms, in the files between the rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from emcflow.acquisition.model_terms import term_unit
from emcflow.io.hdf5 import create, open_product, put, put_cycle_models, read, read_link_weights

if TYPE_CHECKING:
    from emcflow.unwrap.learned_models import LearnedModels  # slow to import


def write_link_models(
    path: str | Path,
    learned: LearnedModels,
    design: np.ndarray,
    names: Sequence[str],
    weights: np.ndarray | None,
) -> None:
    """Write parameters and coherence of the links of a tile, and models for their cycles.

    Parameters
    ----------
    path : path
    learned : LearnedModels
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit].
    names : sequence of str
        Of the terms.
    weights : float64 (ndates,) or None
        Of the dates at a typical point, None where all are alike.
    """
    known = {} if weights is None else {"date_weights": weights}
    ranges = np.array(learned.ranges).reshape(-1, 2)
    links = learned.links
    with create(path, terms=names, units=[*map(term_unit, names)], **known) as file:
        put(file, "link_params", links.params, "see terms")
        put(file, "link_params_sigma", links.sigma, "see terms")
        put(file, "link_coherence", links.coherence, "1")
        put(file, "at_range_end", links.at_range_end, "1")
        put_cycle_models(file, learned.models)
        put(file, "design", design, "rad per unit of the term")
        put(file, "search_range", ranges, "see terms")


class LinkTerms(NamedTuple):
    """Terms of the links of a run, the same in all tiles.

    Attributes
    ----------
    names : list of str
        Those that the dates constrain.
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit].
    weights : float64 (ndates,) or None
        Of the dates, None where all are alike.
    """

    names: list[str]
    design: np.ndarray
    weights: np.ndarray | None


def read_link_terms(path: str | Path) -> LinkTerms:
    """Read the terms of the links from the file of a tile."""
    with open_product(path) as file:
        names = list(file.attrs["terms"])
    (design,) = read(path, "design")
    return LinkTerms(names, design, read_link_weights(path))
