"""The search of the link model in the words of the config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from emcflow.acquisition.geometry import TERMS
from emcflow.acquisition.model_terms import range_key
from emcflow.errors import named_as_keys
from emcflow.links.search_grid import check_search


def range_keys(names: Sequence[str]) -> list[str]:
    """Return the keys of the config that hold the search ranges of some terms."""
    return [f"link_model.{range_key(name)}" for name in names]


def check_link_search(
    design: np.ndarray,
    ranges: Mapping[str, Sequence[float]],
    memory_mb: float,
    terms: Sequence[int],
) -> None:
    """Refuse a search of links that ``link_model.memory_mb`` does not allow.

    Parameters
    ----------
    design : float64 (ndates, nterms)
        Phase per unit of each term [rad/unit].
    ranges : dict of str to (low, high) or (low, high, step)
        Search range of each term, velocity and height first.
    memory_mb : float
    terms : sequence of int
        Those that are searched.

    Raises
    ------
    InputError
        See :func:`emcflow.links.search_grid.check_search`.
    """
    keys = range_keys([*ranges])
    with named_as_keys("link_model", "memory_mb"):
        check_search(design, [*ranges.values()], memory_mb, keys, terms, len(TERMS))
