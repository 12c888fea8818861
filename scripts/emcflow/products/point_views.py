"""How far the view of every point differs from the one that stands for the scene."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from emcflow.acquisition.geometry import TERMS
from emcflow.acquisition.viewing import (
    DEM_ERROR,
    VELOCITY,
    inverse_lever,
    project_columns,
    project_multiples,
    usable_scale,
)
from emcflow.links.search_grid import choose_terms

log = logging.getLogger(__name__)
# Points at which the rest is looked at.
SAMPLE = 2000
# Points that angles are turned into levers of at a time.
PART = 1 << 20


def point_levers(views: Mapping[str, Any]) -> np.ndarray:
    """Return :func:`emcflow.acquisition.viewing.inverse_lever` of all points, some at a time.

    Parameters
    ----------
    views : mapping
        ``slant_range_m`` and ``incidence_angle_deg``: float, or float64 (npoints,).
    """
    given = {key: np.asarray(value, np.float64) for key, value in views.items()}
    lever = np.empty(np.broadcast_shapes(*(values.shape for values in given.values())))
    if not lever.ndim:
        return inverse_lever(**given)
    for first in range(0, len(lever), PART):
        part = slice(first, first + PART)
        own = {key: values[part] if values.ndim else values for key, values in given.items()}
        lever[part] = inverse_lever(**own)
    return lever


class PointViews:
    """What the terms of the scene's design are at every point, some points after the others.

    Parameters
    ----------
    design : float64 (ndates, 2)
        Of the scene: phase per unit of velocity and DEM error [rad/unit].
    ranges : sequence of (low, high), one per term
        In which links are searched.
    npoints : int
        In all.
    bperp_m : float64 (ndates,)
        Perpendicular baselines [m].
    """

    def __init__(
        self,
        design: np.ndarray,
        ranges: Sequence[Sequence[float]],
        npoints: int,
        bperp_m: np.ndarray,
    ) -> None:
        self._terms, _ = choose_terms(design, [limits[:2] for limits in ranges], TERMS)
        self._names = [TERMS[term] for term in self._terms]
        self._design, self._bperp_m = design, bperp_m
        self._every, self._done, self._unknown = max(1, npoints // SAMPLE), 0, 0
        self._lowest, self._highest, self._rest = np.inf, -np.inf, -np.inf

    def of(
        self,
        npoints: int,
        rad_per_bperp: np.ndarray,
        columns: Iterable[np.ndarray] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return scale and leak of the next points.

        Parameters
        ----------
        npoints : int
        rad_per_bperp : float64 (npoints,) or float
            Phase of a metre of DEM error per metre of baseline at every point [rad].
        columns : iterable of float64 (npoints,), optional
            Phase of a metre of DEM error at every point [rad], date by date, where points have
            baselines of their own.

        Returns
        -------
        scale : float64 (npoints,)
            Of the DEM error; NaN at points without a view.
        leak : float64 (npoints,)
            Of the DEM error into the velocity [mm/yr per m].
        """
        scale, leak = np.ones(npoints), np.zeros(npoints)
        if DEM_ERROR in self._names:
            multiples = self._multiples(rad_per_bperp, columns)
            scale = multiples[self._names.index(DEM_ERROR)]
            leak = multiples[self._names.index(VELOCITY)] if VELOCITY in self._names else leak
        self._done += npoints
        known = np.isfinite(scale)
        self._unknown += int(np.count_nonzero(~known))
        self._lowest = min(self._lowest, scale.min(initial=np.inf, where=known))
        self._highest = max(self._highest, scale.max(initial=-np.inf, where=known))
        return usable_scale(scale), leak

    def _multiples(
        self, rad_per_bperp: np.ndarray, columns: Iterable[np.ndarray] | None
    ) -> np.ndarray:
        design = self._design[:, self._terms]
        if columns is None:
            return project_multiples(design, self._bperp_m, rad_per_bperp)
        # every so many points of all, whichever came before
        first = -self._done % self._every
        multiples, rest = project_columns(design, columns, slice(first, None, self._every))
        spread = np.std(rest, axis=0)
        self._rest = max(self._rest, np.max(spread, initial=-np.inf, where=np.isfinite(spread)))
        return multiples

    def log(self) -> None:
        """Say what was found at all points."""
        if self._rest >= 0:
            log.info(
                "what the scene's design leaves of a metre's phase: at most %.2g rad, of %.2g rad",
                self._rest,
                np.std(self._design[:, TERMS.index(DEM_ERROR)]),
            )
        if self._unknown:
            log.warning("%d points without a view get no DEM error", self._unknown)
        log.info("a metre's phase is %.4g to %.4g of the mean", self._lowest, self._highest)
