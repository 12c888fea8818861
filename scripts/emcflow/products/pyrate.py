"""Results as PyRate reads them: GeoTIFFs with headers of ROI_PAC, lists of files and a config.

Layout and signs by PyRate 0.6.1 (its documentation, "Usage"; ``roipac.py``, ``prepifg.py``,
``merge.py``):

* names hold two dates, ``YYYYMMDD-YYYYMMDD``, and one dot; those of interferograms end in
  ``unw.tif``, that of the DEM in ``_dem.tif``; the header of another raster is beside it;
* the phase grows with the distance, as here, and so do its displacements and velocities:
  ``signal_polarity: -1`` would turn them, but has an effect only beside incidence angles that
  PyRate has made itself, from headers of GAMMA;
* NaN and 0 are no data.

Headers of ROI_PAC hold no more than is known here. Those of GAMMA ask for parameters of the orbit
and of the radar image as well, which PyRate's estimate of the DEM error needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rasterio import Affine

from emcflow.io.files import write_text
from emcflow.io.raster import Grid, ReadRows, read_band, rows_of, write_rows
from emcflow.products.degree_grid import DegreeGrid

__all__ = ["header", "settings", "write_files"]

CONFIG, HEIGHTS, COHERENCE = "emcflow.conf", "no_heights_dem.tif", "coherence.tif"
LISTS = {"ifgfilelist": "unw", "hdrfilelist": "rsc", "cohfilelist": "coh"}

SETTINGS = """\
# For pyrate workflow -f {name}, in this folder.
ifgfilelist: {ifgfilelist}
hdrfilelist: {hdrfilelist}
cohfilelist: {cohfilelist}
# heights are not known here: 0 everywhere
demfile: {dem}
demHeaderFile: {dem}.rsc
outdir: out
# headers of ROI_PAC
processor: 0
noDataValue: 0.0
nan_conversion: 1
noDataAveragingThreshold: 0.5
# all have one grid
ifgcropopt: 4
ifglksx: 1
ifglksy: 1
# the reference point of the interferograms
refx: {longitude!r}
refy: {latitude!r}
refchipsize: 1
refest: 2
# positive away from the sensor: -1 has no effect without PyRate's own incidence angles
signal_polarity: 1
tsmethod: 2
smorder: 2
"""


def settings(grid: Grid, reference: tuple[int, int]) -> str:
    """Return the config of PyRate.

    Parameters
    ----------
    grid : Grid
        Of degrees, north up.
    reference : tuple of int
        Row and column of the reference point.
    """
    row, col = reference
    # PyRate takes the pixel whose north-western corner is nearest
    longitude, latitude = Affine(*grid.transform) @ (col + 0.25, row + 0.25)
    lists = {key: f"{name}_list.txt" for key, name in LISTS.items()}
    place = {"longitude": longitude, "latitude": latitude}
    return SETTINGS.format(name=CONFIG, dem=HEIGHTS, **lists, **place)


def header(grid: Grid, wavelength_m: float, pair: str | None = None) -> str:
    """Return a header of ROI_PAC.

    Parameters
    ----------
    grid : Grid
        Of degrees, north up.
    wavelength_m : float
    pair : str, optional
        ``YYYYMMDD_YYYYMMDD``; without one the header is that of the DEM.
    """
    step_x, _, west, _, step_y, north = grid.transform
    values = {
        "WIDTH": grid.shape[1],
        "FILE_LENGTH": grid.shape[0],
        "X_FIRST": repr(west),
        "X_STEP": repr(step_x),
        "X_UNIT": "degrees",
        "Y_FIRST": repr(north),
        "Y_STEP": repr(step_y),
        "Y_UNIT": "degrees",
    }
    if pair is None:
        values |= {"Z_OFFSET": 0, "Z_SCALE": 1, "PROJECTION": "LATLON", "DATUM": "WGS84"}
    else:
        first, second = (date[2:] for date in pair.split("_"))
        values |= {
            "WAVELENGTH": f"{wavelength_m:.12g}",
            "DATE": first,
            "DATE12": f"{first}-{second}",
        }
    return "".join(f"{key:<18}{value}\n" for key, value in values.items())


def write_files(
    folder: Path,
    target: DegreeGrid,
    interferograms: Sequence[str],
    coherence: ReadRows,
    wavelength_m: float,
    progress: Callable[[int, int], None],
) -> None:
    """Write the rasters, their headers and lists of them.

    Parameters
    ----------
    folder : path
        Paths in lists are relative to it, so that it may be moved.
    target : DegreeGrid
    interferograms : sequence of path
        Unwrapped phase, ``D1_D2.unw.tif``.
    coherence : callable
        Returns rows of the temporal coherence of the scene; all pairs link to it.
    wavelength_m : float
    progress : callable
        Called with pairs done and in all.
    """
    grid, lists = target.grid, dict.fromkeys(LISTS, "")

    target.write(folder / COHERENCE, coherence, 0, units="1", description="temporal coherence")

    def heights(first: int, end: int) -> np.ndarray:
        return np.zeros((end - first, grid.shape[1]), np.float32)

    write_rows(folder / HEIGHTS, grid, np.float32, heights, units="m", description="no heights")
    write_text(folder / f"{HEIGHTS}.rsc", header(grid, wavelength_m))
    for done, path in enumerate(interferograms, start=1):
        pair = Path(path).name.removesuffix(".unw.tif")
        name = f"pairs/{pair.replace('_', '-')}"
        target.write(
            folder / f"{name}_unw.tif",
            rows_of(read_band(path)),
            np.nan,
            units="rad",
            description="unwrapped phase",
        )
        (folder / f"{name}_coh.tif").symlink_to(f"../{COHERENCE}")
        for header_file in (f"{name}.rsc", f"{name}_coh.tif.rsc"):
            write_text(folder / header_file, header(grid, wavelength_m, pair))
        for key, end in zip(LISTS, ("_unw.tif", ".rsc", "_coh.tif"), strict=True):
            lists[key] += f"{name}{end}\n"
        progress(done, len(interferograms))
    for key, lines in lists.items():
        write_text(folder / f"{LISTS[key]}_list.txt", lines)
