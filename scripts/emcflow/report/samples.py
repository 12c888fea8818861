"""Reads the values and series of the points that a report shows one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from emcflow.acquisition.geometry import MOTION_SIGNS, metres_per_rad
from emcflow.io.files import Columns, read_csv
from emcflow.io.network_tables import read_design
from emcflow.io.raster import open_raster
from emcflow.products.reference import read_references
from emcflow.report.data import DateModel, Samples
from emcflow.report.sampling import Thinning

HEIGHTS = "dem_error_m", "height_relative"  # terms that are no motion
TAKEN_OUT = "taken out"  # in the tag DEM_ERROR of displacements


def read_reference(path: str | None) -> tuple[int, int] | None:
    """Return row and column of the point that series are relative to; None without a file."""
    return read_references(path)[1] if path else None


class SeriesFiles(NamedTuple):
    """Where the series of points and their model come from.

    Attributes
    ----------
    design, dates : str or None
        ``design_matrix.csv`` and ``dates.csv``.
    displacements : sequence of str
        Displacement at every date but the first [m]; empty without a time series.
    """

    design: str | None
    dates: str | None
    displacements: Sequence[str]


def point_samples(
    thinning: Thinning,
    reference: tuple[int, int],
    values: Columns,
    pairs: np.ndarray,
    inverse: np.ndarray,
    config: Mapping,
    files: SeriesFiles,
    n_threads: int,
) -> Samples:
    """Return the chosen points with their series, from rasters of displacement or from the pairs.

    Parameters
    ----------
    thinning : Thinning
        Its points, the reference among them.
    reference : tuple of int
        Row and column.
    values : dict of str to ndarray of float32, shape (n,)
        Of the maps of the link model by their names, and of other layers.
    pairs : ndarray of float32, shape (npairs, n)
        Unwrapped phase [rad].
    inverse : ndarray of float64, shape (ndates, npairs)
        See :func:`emcflow.products.time_series.network_inverse`.
    config : mapping
        With defaults.
    files : SeriesFiles
    n_threads : int
        Rasters read side by side.

    Returns
    -------
    Samples
    """
    wavelength, sign = config["geometry"]["wavelength_m"], config["outputs"]["velocity_positive"]
    phase = _phase_of_terms(files.design, values, sign)
    scale = 1e3 * metres_per_rad(wavelength, sign) if wavelength else 1.0
    taken_out = True
    if files.displacements:
        series, taken_out = _read_series(thinning, files.displacements, n_threads)
    else:
        at = int(np.flatnonzero((thinning.points == reference).all(axis=1))[0])
        series = scale * _invert(inverse @ pairs.astype(np.float64), at, phase, values)
    model = DateModel(
        phase,
        tuple(name for name in phase if not (taken_out and name in HEIGHTS)),
        scale,
        "mm" if wavelength else "rad",
        read_csv(files.dates, ("date",)).get("sigma_mm_per_rad") if files.dates else None,
    )
    series = series.astype(np.float32)
    from_rasters = bool(files.displacements)
    return Samples(thinning.points, values, pairs, series, reference, model, from_rasters)


def _phase_of_terms(design: str | None, values: Columns, sign: str) -> Columns:
    """Return the phase at each date per unit of the terms that have a map with values."""
    columns = read_design(design).columns if design else {}
    return {
        name: column * (1 if name in HEIGHTS else MOTION_SIGNS[sign])
        for name, column in columns.items()
        if _is_known(values.get(name))
    }


def _is_known(values: np.ndarray | None) -> bool:
    """Say whether a term has values at all."""
    return values is not None and bool(np.isfinite(values).any())


def _read_series(
    thinning: Thinning, displacements: Sequence[str], n_threads: int
) -> tuple[np.ndarray, bool]:
    """Read displacements (ndates, n) [mm], and whether the DEM error is taken out of them."""
    whole = max(thinning.shape)
    with ThreadPoolExecutor(n_threads) as pool:
        later = list(pool.map(lambda path: thinning.read(path, whole)[1], displacements))
    with open_raster(displacements[0]) as dataset:
        taken_out = dataset.tags().get("DEM_ERROR") == TAKEN_OUT
    return 1e3 * np.stack([0 * later[0], *later]).astype(np.float64), taken_out


def _invert(phase: np.ndarray, at: int, terms: Columns, values: Columns) -> np.ndarray:
    """Make phases of dates relative to the point `at`, without that of the DEM error [rad]."""
    relative = phase - phase[:, at, None]
    for name in set(HEIGHTS) & set(terms):
        heights = values[name].astype(np.float64)
        relative -= np.outer(terms[name], heights - heights[at])
    return relative
