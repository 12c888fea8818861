"""Results as LiCSBAS reads them: a folder ``GEOC`` as LiCSAR's portal hands it out.

Layout and signs by LiCSBAS (Morishita et al. 2020), its ``LiCSBAS02_ml_prep`` and
``LiCSBAS13_sb_inv``:

* ``D1_D2/D1_D2.geo.unw.tif`` is the phase of D2 minus that of D1 and grows with the distance, as
  here: displacement is -wavelength / (4 pi) times it, positive toward the sensor. NaN and 0 are no
  data.
* ``D1_D2/D1_D2.geo.cc.tif`` is a coherence of 0 to 1.
* ``baselines`` has a line per date: first date, date, perpendicular baseline [m], days.
* ``NAME.geo.E.tif``, ``.N.tif`` and ``.U.tif`` are the unit vector from the ground to the sensor.

References
----------
Morishita, Y., M. Lazecky, T. J. Wright, J. R. Weiss, J. R. Elliott, and A. Hooper (2020), LiCSBAS:
an open-source InSAR time series analysis package integrated with the LiCSAR automated Sentinel-1
InSAR processor, Remote Sensing, 12(3), 424.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from rasterio.windows import Window

from emcflow.acquisition.geometry import SPEED_OF_LIGHT, days_since_first
from emcflow.io.point_rasters import PointRasters
from emcflow.io.raster import (
    Grid,
    ReadRows,
    create_raster,
    read_band,
    row_strips,
    rows_of,
    rows_of_band,
)
from emcflow.products.degree_grid import DegreeGrid
from emcflow.products.positions import look_vector

__all__ = ["baseline_lines", "commands", "write_geoc", "write_look"]

COHERENCE, COMMANDS = "coherence.tif", "steps.sh"

LINES = """\
# To be run in this folder by bash -e, with LiCSBAS on the search path.
LiCSBAS02_ml_prep.py -i GEOC -o GEOCml1 --freq {frequency_hz:.0f}
LiCSBAS11_check_unw.py -d GEOCml1 -t TS_GEOCml1
LiCSBAS12_loop_closure.py -d GEOCml1 -t TS_GEOCml1
LiCSBAS13_sb_inv.py -d GEOCml1 -t TS_GEOCml1
"""


def commands(wavelength_m: float) -> str:
    """Return the commands of LiCSBAS that go on from the folder, with the frequency of the radar.

    Its default is that of Sentinel-1.
    """
    return LINES.format(frequency_hz=SPEED_OF_LIGHT / wavelength_m)


def baseline_lines(dates: Sequence[str], bperp_m: np.ndarray) -> str:
    """Return the table of baselines, those of all dates but the first.

    Parameters
    ----------
    dates : sequence of str
        YYYYMMDD.
    bperp_m : ndarray of float, shape (ndates,)
        Perpendicular baselines [m]. LiCSBAS draws them alone, and does not say their sign.
    """
    rows = zip(dates, bperp_m - bperp_m[0], days_since_first(dates), strict=True)
    return "".join(
        f"{dates[0]} {date} {bperp:.4f} {days:.1f}\n" for date, bperp, days in [*rows][1:]
    )


def write_geoc(
    folder: Path,
    target: DegreeGrid,
    interferograms: Sequence[str],
    coherence: ReadRows,
    progress: Callable[[int, int], None],
) -> None:
    """Write the folders of the pairs.

    Parameters
    ----------
    folder : path
        ``GEOC``. All pairs have one raster of coherence in it, which they link to.
    target : DegreeGrid
    interferograms : sequence of path
        Unwrapped phase, ``D1_D2.unw.tif``.
    coherence : callable
        Returns rows of the temporal coherence of the scene, from 0 to 1 at the points.
    progress : callable
        Called with pairs done and in all.
    """
    of_points = rows_of_band(interferograms[0], target.scene.shape[1])

    def at_points(first: int, end: int) -> np.ndarray:
        """Return rows of the coherence at the points of the scene, 0 elsewhere."""
        return np.where(np.isfinite(of_points(first, end)), coherence(first, end), np.float32(0))

    target.write(folder / COHERENCE, at_points, 0, units="1", description="coherence")
    for done, path in enumerate(interferograms, start=1):
        pair = Path(path).name.removesuffix(".unw.tif")
        target.write(
            folder / pair / f"{pair}.geo.unw.tif",
            rows_of(read_band(path)),
            np.nan,
            units="rad",
            description="unwrapped phase",
        )
        (folder / pair / f"{pair}.geo.cc.tif").symlink_to(f"../{COHERENCE}")
        progress(done, len(interferograms))


def write_look(
    folder: Path,
    target: DegreeGrid,
    scene: Grid,
    points_of: str | Path,
    incidence_angle_deg: float | str,
    heading_deg: float,
    looks: str,
    window: Sequence[int] | None,
) -> None:
    """Write the unit vector from the ground to the sensor at the points.

    Parameters
    ----------
    folder : path
        ``GEOC``.
    target : DegreeGrid
    scene : Grid
    points_of : path
        A raster with a value at every point of the scene.
    incidence_angle_deg : float or path
        At the target [degrees], or a raster of it.
    heading_deg, looks
        See :func:`emcflow.products.positions.look_vector`.
    window : sequence of int or None
        The part of that raster that is the scene.

    Raises
    ------
    InputError
        For a raster that holds no such angles, or on another grid.
    """
    angle, phase = incidence_angle_deg, rows_of_band(points_of, scene.shape[1])
    if isinstance(angle, str):
        mask = np.empty(scene.shape, bool)
        for first, _, end, _ in row_strips(scene.shape):
            mask[first:end] = np.isfinite(phase(first, end))
        rasters = PointRasters(mask, scene, window)
        rasters.read_geometry(angle, "incidence_angle_deg")  # for its checks

    def angles(first: int, end: int) -> np.ndarray:
        """Return rows of the angles at the points of the scene, NaN elsewhere."""
        points = np.isfinite(phase(first, end))
        image = np.full(points.shape, np.nan)
        if isinstance(angle, str):
            image[points] = rasters.read_rows(angle, (first, end), "incidence angles in degrees")
        else:
            image[points] = angle
        return image

    with ExitStack() as opened:
        datasets = [
            opened.enter_context(
                create_raster(
                    folder / f"scene.geo.{axis}.tif",
                    target.grid,
                    "float32",
                    units="1",
                    description=f"part of the unit vector to the sensor, {axis}",
                )
            )
            for axis in "ENU"
        ]
        for first, _, end, width in row_strips(target.grid.shape):
            vector = look_vector(target.take_rows(angles, np.nan, first, end), heading_deg, looks)
            for dataset, values in zip(datasets, vector, strict=True):
                place = Window(0, first, width, end - first)
                dataset.write(values.astype(np.float32), 1, window=place)
