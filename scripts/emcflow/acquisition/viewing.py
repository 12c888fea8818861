"""The view of a scene over which it changes: rasters of incidence angle, range and baselines.

The link model has one design matrix for the whole scene. At a point p the phase of one metre of DEM
error is in truth a column of its own::

    column(p) = 4 pi / wavelength * bperp(p) / (range(p) * sin(incidence(p)))
              = constant + leak(p) * velocity column + scale(p) * DEM-error column + rest(p)

the least-squares projection on the scene's columns. What the scene's design finds as velocity and
DEM error of a point is therefore ``v + leak * h`` and ``scale * h``, and from these follow h and v,
point by point. With ranges and angles alone the rest is zero and the leak too: every column is a
multiple of the scene's. Scaled before the links are integrated this would hold only approximately,
since the scale differs between the two ends of a link, too, and the differences add up over the
scene; the scene's own terms are differences of one value per point and integrate exactly.

The rest is orthogonal to all columns and moves the estimates only by the square of its phase.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from emcflow.acquisition.geometry import TERMS

VELOCITY, DEM_ERROR = TERMS


def inverse_lever(slant_range_m: np.ndarray, incidence_angle_deg: np.ndarray) -> np.ndarray:
    """Return 1 / (range * sin(incidence)), see :func:`emcflow.acquisition.geometry.rad_per_m`.

    Parameters
    ----------
    slant_range_m, incidence_angle_deg : float or ndarray
        At every pixel; they broadcast.

    Returns
    -------
    float64 ndarray
        [1/m]; NaN where either is not finite or not above 0, as outside a swath.
    """
    lever = slant_range_m * np.sin(np.radians(np.asarray(incidence_angle_deg, np.float64)))
    usable = np.isfinite(lever) & (lever > 0) & (np.asarray(incidence_angle_deg) < 90)
    return np.divide(1.0, lever, out=np.full(lever.shape, np.nan), where=usable)


def scene_view(slant_range_m: np.ndarray, incidence_angle_deg: np.ndarray) -> dict[str, float]:
    """Return the one range and angle that stand for all points.

    Parameters
    ----------
    slant_range_m, incidence_angle_deg : float or ndarray
        At the points.

    Returns
    -------
    dict of str to float
        ``slant_range_m``, the mean range, and ``incidence_angle_deg``, with which
        1 / (range * sin(incidence)) is the mean of the points.
    """
    return mean_view(slant_range_m, inverse_lever(slant_range_m, incidence_angle_deg))


def mean_view(slant_range_m: np.ndarray | float, lever: np.ndarray) -> dict[str, float]:
    """Return what :func:`scene_view` does, from ranges and :func:`inverse_lever`."""
    mean_range = float(np.mean(np.broadcast_to(slant_range_m, lever.shape)[np.isfinite(lever)]))
    sine = 1 / (mean_range * np.nanmean(lever))
    return {
        "slant_range_m": mean_range,
        "incidence_angle_deg": math.degrees(math.asin(min(sine, 1.0))),
    }


def projection(design: np.ndarray) -> np.ndarray:
    """Return the matrix that turns a column over the dates into multiples of the design's.

    Parameters
    ----------
    design : float64 (ndates, nterms)
        Columns that the dates can tell apart, see :func:`emcflow.links.search_grid.choose_terms`.

    Returns
    -------
    float64 (nterms, ndates)
        Least squares with a free constant: of a constant it makes zeros.
    """
    return np.linalg.pinv(design - design.mean(axis=0))


def project_columns(
    design: np.ndarray, columns: Iterable[np.ndarray], sample: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Project the column of every point on the columns of the scene's design.

    Parameters
    ----------
    design : float64 (ndates, nterms)
        Columns that the dates can tell apart.
    columns : iterable of float64 (npoints,)
        Phase of a metre of DEM error at every point [rad], date by date.
    sample : slice
        The points at which the rest is looked at.

    Returns
    -------
    multiples : float64 (nterms, npoints)
    rest : float64 (ndates, nsampled)
        What the design leaves of the columns [rad].
    """
    onto, multiples, sampled = projection(design), np.zeros(()), []
    for date, values in enumerate(columns):
        multiples = multiples + onto[:, date, None] * values
        sampled.append(values[sample])
    return multiples, np.array(sampled) - design @ multiples[:, sample]


def project_multiples(design: np.ndarray, bperp_m: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Project columns that are all multiples of the baselines, see :func:`project_columns`.

    Parameters
    ----------
    design : float64 (ndates, nterms)
    bperp_m : float64 (ndates,)
        Perpendicular baselines [m].
    factors : float64 (npoints,)
        Phase of a metre of DEM error per metre of baseline at every point [rad].

    Returns
    -------
    float64 (nterms, npoints)
    """
    return projection(design) @ bperp_m[:, None] * factors


def usable_scale(scale: np.ndarray) -> np.ndarray:
    """Return the scale of each point, NaN where it is not above 0: no DEM error is known there."""
    return np.where(scale > 0, scale, np.nan)


def to_points(
    values: np.ndarray,
    terms: Sequence[str],
    scale: np.ndarray,
    leak: np.ndarray,
    component: np.ndarray,
    reference: np.ndarray | int | None = None,
) -> np.ndarray:
    """Return velocity and DEM error of the points from those in terms of the scene's design.

    Parameters
    ----------
    values : float (nterms, npoints)
        In terms of the scene's design, relative to the reference of each component.
    terms : sequence of str
        Names of the rows, as :data:`emcflow.acquisition.geometry.TERMS`.
    scale, leak : float (npoints,)
        See the module: 1, and [mm/yr per m].
    component : int (npoints,)
        Points that have a reference in common.
    reference : int or ndarray of int, optional
        The point whose values are 0, or those whose mean is; else, and in all other components,
        the median is.

    Returns
    -------
    float64 (nterms, npoints)
    """
    values = map_to_points(values, terms, scale, leak)
    places = np.atleast_1d([] if reference is None else reference).astype(np.int64)
    if leaks(terms):
        velocity = values[terms.index(VELOCITY)]
        for label in np.unique(component):
            here = component == label
            if not len(places) or component[places[0]] != label:
                velocity[here] -= np.nanmedian(velocity[here])
    if len(places) > 1:
        own = component == component[places[0]]
        values[:, own] -= np.nanmean(values[:, places], axis=1, keepdims=True)
    return values


def leaks(terms: Sequence[str]) -> bool:
    """Say whether a DEM error leaks into the velocity, whose medians are no longer 0 then."""
    return DEM_ERROR in terms and VELOCITY in terms


def map_to_points(
    values: np.ndarray, terms: Sequence[str], scale: np.ndarray, leak: np.ndarray
) -> np.ndarray:
    """Return what :func:`to_points` does, before the velocity is made relative to its medians."""
    values = np.array(values, np.float64)
    if DEM_ERROR in terms:
        # its zeros stay zeros, and its medians too, since every scale is positive
        height = values[terms.index(DEM_ERROR)]
        height /= scale
        if VELOCITY in terms:
            values[terms.index(VELOCITY)] -= leak * height
    return values


def sigma_to_points(
    sigma: np.ndarray,
    terms: Sequence[str],
    scale: np.ndarray,
    leak: np.ndarray,
    correlation: float | None,
) -> np.ndarray:
    """Return standard deviations of the points from those in terms of the scene's design.

    They follow the same linear map as the parameters, see :func:`to_points`.

    Parameters
    ----------
    sigma : float (nterms, npoints)
        In terms of the scene's design.
    terms, scale, leak
        See :func:`to_points`.
    correlation : float or None
        Of the errors of velocity and DEM error; None where only one of them is there.

    Returns
    -------
    float64 (nterms, npoints)
    """
    sigma = np.array(sigma, np.float64)
    if DEM_ERROR not in terms:
        return sigma
    height = sigma[terms.index(DEM_ERROR)]
    height /= scale
    if VELOCITY in terms and correlation is not None:
        velocity = sigma[terms.index(VELOCITY)]
        shared = 2 * correlation * velocity * leak * height
        velocity[:] = np.sqrt(velocity**2 + (leak * height) ** 2 - shared)
    return sigma
