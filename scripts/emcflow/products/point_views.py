"""How far the view of every point differs from the one that stands for the scene."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import numpy as np

from emcflow.acquisition.geometry import TERMS
from emcflow.acquisition.viewing import (
    DEM_ERROR,
    VELOCITY,
    project_columns,
    project_multiples,
    usable_scale,
)
from emcflow.links.search_grid import choose_terms

log = logging.getLogger(__name__)
# Points at which the rest is looked at.
SAMPLE = 2000


def point_views(
    design: np.ndarray,
    ranges: Sequence[Sequence[float]],
    npoints: int,
    bperp_m: np.ndarray,
    rad_per_bperp: np.ndarray,
    columns: Iterable[np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what the terms of the scene's design are at every point.

    Parameters
    ----------
    design : float64 (ndates, 2)
        Of the scene: phase per unit of velocity and DEM error [rad/unit].
    ranges : sequence of (low, high), one per term
        In which links are searched.
    npoints : int
    bperp_m : float64 (ndates,)
        Perpendicular baselines [m].
    rad_per_bperp : float64 (npoints,)
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
    terms, _ = choose_terms(design, [limits[:2] for limits in ranges], TERMS)
    names = [TERMS[term] for term in terms]
    scale, leak = np.ones(npoints), np.zeros(npoints)
    if DEM_ERROR in names:
        if columns is None:
            multiples = project_multiples(design[:, terms], bperp_m, rad_per_bperp)
        else:
            multiples, rest = project_columns(design[:, terms], columns, max(1, npoints // SAMPLE))
            log.info(
                "what the scene's design leaves of a metre's phase: at most %.2g rad, of %.2g rad",
                np.nanmax(np.std(rest, axis=0)),
                np.std(design[:, TERMS.index(DEM_ERROR)]),
            )
        scale = multiples[names.index(DEM_ERROR)]
        leak = multiples[names.index(VELOCITY)] if VELOCITY in names else leak
    known = np.isfinite(scale)
    if not known.all():
        log.warning("%d points without a view get no DEM error", np.count_nonzero(~known))
    log.info("a metre's phase is %.4g to %.4g of the mean", scale[known].min(), scale[known].max())
    return usable_scale(scale), leak
