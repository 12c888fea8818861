"""Maps of the terms of the link model from the phase of the dates, and what to know of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from emcflow.acquisition.geometry import DAYS_PER_YEAR, days_since_first, metres_per_rad
from emcflow.acquisition.model_terms import sigma_name
from emcflow.io.date_strips import DateStrips
from emcflow.io.files import write_csv, write_lines
from emcflow.io.link_models import LinkTerms
from emcflow.io.point_file import PointFile
from emcflow.io.point_windows import PointWindow, ValuesOf
from emcflow.links.uncertainty import parameter_correlation
from emcflow.products.map_notes import date_table, map_remarks
from emcflow.products.motion_phase import scene_places
from emcflow.products.parameter_maps import MOTION, RESIDUAL
from emcflow.products.point_maps import SceneTerms, fit_scene, turn_to_views

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TermMaps:
    """Maps of the terms, for :func:`emcflow.products.parameter_maps.write_parameter_maps`.

    Attributes
    ----------
    values : dict of str to callable
        Values of the points of a window, by the name of the map.
    correlation : float or None
        Of the errors of velocity and DEM error.
    dates : dict of str to sequence
        Columns of the table of the dates, see :func:`emcflow.products.map_notes.date_table`.
    remarks : list of str
        What to know before they are used, a line each.
    """

    values: dict[str, ValuesOf]
    correlation: float | None
    dates: dict[str, Sequence]
    remarks: list[str]

    def write_notes(self, dates: str | Path, remarks: str | Path) -> None:
        """Write the table of the dates and the remarks, which are warnings in the log as well."""
        write_csv(dates, self.dates, 6)
        write_lines(remarks, self.remarks)
        for remark in self.remarks:
            log.warning("%s", remark)


def term_maps(
    phase: DateStrips,
    dates: Sequence[str],
    wavelength_m: float,
    links: LinkTerms,
    reference: Sequence[int] | None = None,
    view: str | Path | None = None,
    folder: str | Path | None = None,
    n_threads: int = 1,
) -> TermMaps:
    """Fit the terms of the link model to the series of all points.

    Parameters
    ----------
    phase : DateStrips
        Unwrapped phase of each date [rad].
    dates : sequence of str
        YYYYMMDD.
    wavelength_m : float
    links : LinkTerms
        Its weights are those of the dates in the fit; None: they follow from the noise.
    reference : sequence of int, optional
        Point or area that values are relative to; by default the median of each component.
    view : path, optional
        ``point_view.tif``, where points have views of their own.
    folder : path, optional
        Where there is room for the terms of all points.
    n_threads : int
        No influence on the result.

    Returns
    -------
    TermMaps
        Without maps where the dates constrain no term.
    """
    points, names = phase.points, links.names
    places = None if reference is None else scene_places(points, reference)
    if not names:
        return TermMaps({}, None, {"date": dates}, [])
    mm_per_rad = 1e3 * metres_per_rad(wavelength_m, "away")
    years = days_since_first(dates) / DAYS_PER_YEAR
    fit = fit_scene(points, phase, links.design, years, places, links.weights, folder, n_threads)
    correlation = parameter_correlation(fit.covariance, names)
    if view:
        turn_to_views(fit, points, view, names, correlation, places)
    nopen = sum(np.count_nonzero(phase.misfit(window)) for window in points.windows)
    log.info(
        "noise of a date %.3g to %.3g rad, among neighbours %.3g to %.3g rad; %d spare dates",
        *np.sqrt([fit.noise.variance.min(), fit.noise.variance.max()]),
        *np.sqrt([fit.noise.own.min(), fit.noise.own.max()]),
        fit.ncontrasts,
    )
    return TermMaps(
        _values(fit, names, mm_per_rad),
        correlation,
        date_table(dates, fit, mm_per_rad),
        map_remarks(dates, fit, nopen / points.npoints, mm_per_rad),
    )


def _values(fit: SceneTerms, names: Sequence[str], mm_per_rad: float) -> dict[str, ValuesOf]:
    """Return the values of each map, residual motion in mm."""
    values: dict[str, ValuesOf] = {}
    for row, name in enumerate(names):
        values[name] = partial(_row, fit.values, row)
        values[sigma_name(name)] = partial(_row, fit.others, row)
    values[RESIDUAL] = partial(_row, fit.others, len(names))
    values[MOTION] = lambda window: mm_per_rad * _row(fit.others, len(names) + 1, window)
    return values


def _row(values: PointFile, row: int, window: PointWindow) -> np.ndarray:
    return values.row(row, window.places)
