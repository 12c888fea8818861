"""HDF5 files of MintPy, MiaplPy and SARvey.

Layout: MintPy's pages on attributes and data structures (``inputs/ifgramStack.h5``: wrapPhase,
date (npairs, 2), bperp; ``inputs/geometryRadar.h5`` or ``geometryGeo.h5``: slantRangeDistance,
incidenceAngle), MiaplPy's slcStack.py (``inputs/slcStack.h5``: slc, date, bperp) and
``inverted/phase_series.h5`` (phase, temporalCoherence, date, bperp). SARvey reads MiaplPy's.

Signs: the baselines are those of the processor whose stack was loaded (attribute PROCESSOR). Those
of ISCE's topsStack are right as they are for a sensor that looks to the right (ANTENNA_SIDE -1);
of others MintPy keeps what it reads, so the sign is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

import h5py
import numpy as np

from emcflow.errors import InputError
from emcflow.io.raster import open_raster, read_grid
from emcflow.io.sources import open_hdf5
from emcflow.io.tables import parse_date
from emcflow.processors import reading
from emcflow.processors.found import Beside, Found, NewRaster

SERIES = ("inverted/phase_series.h5", "phase_series.h5")
SLCS = ("inputs/slcStack.h5", "slcStack.h5")
PAIRS = ("inputs/ifgramStack.h5", "ifgramStack.h5")
VIEWS = tuple(
    f"{folder}{name}"
    for folder in ("inputs/", "../inputs/", "")
    for name in ("geometryRadar.h5", "geometryGeo.h5")
)
COHERENCE = "temporal_coherence.tif"


def read(folder: Path) -> Found | None:
    """Describe a folder of MintPy, MiaplPy or SARvey, None for another one.

    Raises
    ------
    InputError
        For files that are cut off or lack what they should hold.
    """
    path = reading.first_there([folder], *SERIES, *SLCS, *PAIRS)
    if path is None:
        return None
    if path.name == "phase_series.h5":
        found = _series(path)
    elif path.name == "slcStack.h5":
        found = _slcs(path)
    else:
        found = _pairs(path)
    _say_view(found, folder)
    return found


def _series(path: Path) -> Found:
    found = Found("MiaplPy's phase series")
    with open_hdf5(path) as file:
        dates, shape = _dates(file, 1), file["phase"].shape
        _check_shape(path, "phase", shape, len(dates))
        found.say("stack.layout", "slc", f"linked phase of {len(dates)} dates, in radians")
        found.say("stack.files", str(path), "one file of all dates")
        found.say("stack.variable", "phase", f"the array of {shape} in it")
        of_layers = file["temporalCoherence"].shape
        layers = of_layers[:1] if len(of_layers) == 3 else ()
        _check_shape(path, "temporalCoherence", of_layers[len(layers) :], *shape[1:])
        attributes = dict(file.attrs)
        bperp = reading.array(file, "bperp") if "bperp" in file else None
    with open_raster(f'HDF5:"{path}"://phase') as dataset:
        grid = read_grid(dataset)

    def coherence(first: int, last: int) -> np.ndarray:
        with open_hdf5(path) as file:
            of_all = file["temporalCoherence"]
            rows = slice(first, last)
            values = np.asarray(of_all[layers[0] - 1, rows] if layers else of_all[rows])
        return np.clip(values, 0, 1).astype(np.float32)

    found.rasters[COHERENCE] = NewRaster(coherence, grid, "1", "temporal coherence")
    found.say("stack.temporal_coherence", Beside(COHERENCE), f"last of temporalCoherence in {path}")
    _say_attributes(found, path, attributes, [(date,) for (date,) in dates], bperp)
    return found


def _slcs(path: Path) -> Found:
    found = Found("SLCs as MiaplPy and SARvey have them")
    with open_hdf5(path) as file:
        dates, shape = _dates(file, 1), file["slc"].shape
        _check_shape(path, "slc", shape, len(dates))
        attributes = dict(file.attrs)
        bperp = reading.array(file, "bperp") if "bperp" in file else None
    found.say("stack.layout", "slc", f"SLCs of {len(dates)} dates")
    found.say("stack.files", str(path), "one file of all dates")
    found.say("stack.variable", "slc", f"the array of {shape} in it")
    _say_attributes(found, path, attributes, dates, bperp)
    return found


def _pairs(path: Path) -> Found:
    found = Found("MintPy's interferograms")
    with open_hdf5(path) as file:
        pairs = _dates(file, 2)
        attributes = dict(file.attrs)
        bperp = reading.array(file, "bperp") if "bperp" in file else None
        kept = np.asarray(file["dropIfgram"][()], bool) if "dropIfgram" in file else None
        wrapped = file.get("wrapPhase")
        if isinstance(wrapped, h5py.Dataset):
            _check_shape(path, "wrapPhase", wrapped.shape, len(pairs))
    if isinstance(wrapped, type(None)):
        found.ask(
            "stack.files", f"no wrapPhase in {path}, unwrapped phase alone; wrapped interferograms"
        )
    else:
        _say_wrapped(found, path, pairs, kept)
    _say_attributes(found, path, attributes, pairs, bperp)
    return found


def _say_wrapped(
    found: Found, path: Path, pairs: list[tuple[str, ...]], kept: np.ndarray | None
) -> None:
    """Say the wrapped interferograms by virtual rasters, one per pair, each a band of the array."""
    name = f'HDF5:"{path.resolve()}"://wrapPhase'
    with open_raster(name) as dataset:
        rows, cols = dataset.shape
    files = []
    for band, (first, second) in enumerate(pairs, start=1):
        if kept is not None and kept.shape == (len(pairs),) and not kept[band - 1]:
            continue
        last = f"{first}_{second}.int.vrt"
        found.texts[last] = (
            f'<VRTDataset rasterXSize="{cols}" rasterYSize="{rows}">\n'
            f'  <VRTRasterBand dataType="Float32" band="1">\n    <SimpleSource>\n'
            f'      <SourceFilename relativeToVRT="0">{escape(name)}</SourceFilename>\n'
            f"      <SourceBand>{band}</SourceBand>\n    </SimpleSource>\n"
            "  </VRTRasterBand>\n</VRTDataset>\n"
        )
        files.append(Beside(last))
    found.say("stack.layout", "interferograms", f"{len(files)} pairs in {path}")
    found.say("stack.files", files, f"wrapPhase in {path}, a virtual raster for each pair")


def _dates(file: h5py.File, count: int) -> list[tuple[str, ...]]:
    """Return the dates of the images, or the two of each pair."""
    table = np.asarray(file["date"][()])
    rows = table.reshape(len(table), -1) if table.size else np.empty((0, count))
    if rows.shape[1:] != (count,) or len(rows) < 2:
        raise ValueError(f"date is an array of {table.shape}")
    return [tuple(parse_date(reading.text(one)) for one in row) for row in rows]


def _check_shape(path: Path, name: str, shape: tuple[int, ...], *sizes: int) -> None:
    if len(shape) < 2 or shape[: len(sizes)] != sizes:
        raise InputError(
            f"{path}: {name} is an array of {shape}, not of {sizes} and more; expected as many "
            "images as dates: the file may not be complete, copy it again"
        )


def _say_attributes(
    found: Found,
    path: Path,
    attributes: Mapping[str, object],
    dates: list[tuple[str, ...]],
    bperp: np.ndarray | None,
) -> None:
    """Say what the attributes of a file hold, and its baselines."""
    words = {key: reading.text(value) for key, value in attributes.items()}
    if "WAVELENGTH" in words:
        wavelength = reading.number(words["WAVELENGTH"], "WAVELENGTH", path)
        found.say("geometry.wavelength_m", wavelength, f"attribute WAVELENGTH of {path}")
    if bperp is None:
        return
    if bperp.shape != (len(dates),) or not np.isfinite(bperp).all():
        raise InputError(
            f"{path}: bperp is an array of {bperp.shape} for {len(dates)} images; expected a "
            "finite number of metres for each: load the stack again"
        )
    processor, side = words.get("PROCESSOR", "").lower(), words.get("ANTENNA_SIDE", "")
    tops = processor == "isce" and words.get("PLATFORM", "").lower().startswith(("sen", "s1"))
    where = f"bperp in {path}"
    right = tops and side in ("-1", "-1.0")
    if right:
        where += "; sign of ISCE's topsStack as it is, right for a sensor that looks to the right"
    if len(dates[0]) == 1:
        found.baselines_per_date(
            {date: value for (date,), value in zip(dates, bperp, strict=True)}, where
        )
    else:
        found.baselines_per_pair(
            {(one[0], one[1]): value for one, value in zip(dates, bperp, strict=True)}, where
        )
    if not right:
        found.ask(
            "baselines.negate",
            f"the sign is that of the processor (PROCESSOR {processor or 'not said'}, PLATFORM "
            f"{words.get('PLATFORM', 'not said')}, ANTENNA_SIDE {side or 'not said'}), which is "
            "not known here; if tall buildings get a negative DEM error, set it to true",
        )


def _say_view(found: Found, folder: Path) -> None:
    """Say range and angle by the rasters of the geometry file."""
    path = reading.first_there([folder], *VIEWS)
    if path is None:
        return
    with open_hdf5(path) as file:
        held = set(file)
    for key, name in (
        ("slant_range_m", "slantRangeDistance"),
        ("incidence_angle_deg", "incidenceAngle"),
    ):
        if name in held:
            found.say(f"geometry.{key}", f'HDF5:"{path}"://{name}', f"{name} in {path}")
