"""Components of a scene whose tiles are joined, and the points that its phases are relative to.

How a tile is joined to those around it is in :mod:`emcflow.tiles.tile_blend`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emcflow.errors import InputError
from emcflow.graph.components import by_size
from emcflow.tiles.scene import Scene

# Components of fewer points get no label: nothing in them can be checked against anything else.
LEAST_LABELLED_POINTS = 25
LARGEST_LABEL = 65534

# The reference is one of this share of the points, those nearest to the median height.
NEAR_MEDIAN = 0.25
# Points that are looked at at a time.
AT_ONCE = 2**20


def congruent(unwrapped: np.ndarray, wrapped: np.ndarray) -> np.ndarray:
    """Return the phase nearest to an unwrapped one that differs from a wrapped one by whole cycles.

    Parameters
    ----------
    unwrapped, wrapped : float64 (npoints,)
        [rad]

    Returns
    -------
    float64 (npoints,)
        [rad], at most pi from `unwrapped`.
    """
    return wrapped + 2 * np.pi * np.rint((unwrapped - wrapped) / (2 * np.pi))


def reference_points(
    index: Scene,
    quality: np.ndarray,
    chosen: tuple[int, int] | None = None,
    height: np.ndarray | None = None,
) -> np.ndarray:
    """Choose one reference point for each component: the best one, or the one asked for.

    Where heights are known, it is the best of the quarter of the points that are nearest to the
    median height of their component. The best of all is often on a roof: it moves with the
    temperature of its building, and all maps relative to it have its height as an offset.

    Parameters
    ----------
    index : Scene
    quality : ndarray, shape (nscene,)
        How fit the points of the scene are (:func:`emcflow.products.reference.reference_quality`).
    chosen : (row, col), optional
        Reference point for the component that it belongs to.
    height : ndarray, shape (nscene,), optional
        Height of each point above the DEM [m], NaN where it is not known.

    Returns
    -------
    ndarray of int64, shape (ncomponents with points,)
        Indices into ``index.points``, by component.

    Raises
    ------
    InputError
        If the chosen point is no point of the scene.
    """
    near = np.ones(len(quality), bool) if height is None else _near_median(height, index.component)
    # The first of the best points of each component, in the order of the points.
    order = np.lexsort((-quality, ~near, index.component))
    sizes = np.bincount(index.component)
    references = order[(np.cumsum(sizes) - sizes)[sizes > 0]]
    del order
    if chosen is not None:
        here = np.flatnonzero((index.points == chosen).all(axis=1))
        if here.size == 0:
            raise InputError(
                f"reference.point: {list(chosen)} is no point of the scene: it is masked, or zero "
                "or not finite at some date; choose another, or null"
            )
        references[index.component[references] == index.component[here[0]]] = here[0]
    return references


def _near_median(height: np.ndarray, component: np.ndarray) -> np.ndarray:
    """Return which points are near the median height of their component; all if none is known."""
    known = np.isfinite(height)
    sizes = np.bincount(component)
    first, count = np.cumsum(sizes) - sizes, np.bincount(component[known], minlength=len(sizes))
    # of a component the known ones come first
    order = np.lexsort((np.where(known, height, np.nan), component))
    last = len(order) - 1
    lower, upper = (
        height[order[np.minimum(first + half, last)]]
        for half in (np.maximum(count - 1, 0) // 2, count // 2)
    )
    del order
    off = np.abs(height - ((lower + upper) / 2)[component])
    off[~known] = np.inf
    order = np.lexsort((off, component))
    del off
    most = np.where(count, np.ceil(NEAR_MEDIAN * count), len(height))
    near = np.empty(len(height), bool)
    for start in range(0, len(order), AT_ONCE):
        some = order[start : start + AT_ONCE]
        rank = np.arange(start, start + len(some)) - first[component[some]]
        near[some] = rank < most[component[some]]
    return near


def zero_cycles(
    cycles: np.ndarray, component: np.ndarray, references: Sequence[int] | np.ndarray
) -> np.ndarray:
    """Return a pair's cycles at the reference point of every component.

    Less these, the unwrapped phase of the reference points is the difference of the stored phases
    of the two dates, so that every loop of pairs closes there.

    Parameters
    ----------
    cycles : ndarray of int, shape (nscene,)
        Merged cycles.
    component : ndarray of int, shape (nscene,)
        Connected component of each point.
    references : sequence of int
        Index of one point for each component that has points, in any order.

    Returns
    -------
    ndarray of the same type, shape (ncomponents,)
        0 in components without points.

    Raises
    ------
    InputError
        If a component has no reference point or two.
    """
    references = np.asarray(references, np.int64)
    present = np.zeros(component.max() + 1, bool)
    present[component] = True
    have = component[references]
    if not np.array_equal(np.sort(have), np.flatnonzero(present)):
        raise InputError(
            f"reference points lie in components {have.tolist()}: expected one in each of "
            f"{np.flatnonzero(present).tolist()}; choose one point per component"
        )
    zero = np.zeros(len(present), cycles.dtype)
    zero[have] = cycles[references]
    return zero


def component_labels(component: np.ndarray) -> np.ndarray:
    """Label the points by the size of their component, as dolphin and SNAPHU number theirs.

    Parameters
    ----------
    component : ndarray of int, shape (nscene,)
        Connected component of each point.

    Returns
    -------
    ndarray of uint16, shape (nscene,)
        1 in the component with the most points, 2 in the next, and so on; of equal ones the
        lower component first. 0 in components of fewer than `LEAST_LABELLED_POINTS` points,
        though never in the largest.
    """
    place = by_size(component)
    labelled = np.count_nonzero(np.bincount(component) >= LEAST_LABELLED_POINTS)
    nlabels = min(max(1, int(labelled)), LARGEST_LABEL)
    return np.where(place < nlabels, place + 1, 0).astype(np.uint16)
