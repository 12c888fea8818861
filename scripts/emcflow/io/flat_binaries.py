"""GAMMA's flat big-endian binaries, with size and type in a file of parameters beside them.

An SLC ``X.slc`` has ``X.slc.par`` (``range_samples``, ``azimuth_lines``, ``image_format`` FCOMPLEX
or SCOMPLEX); an interferogram ``D1_D2.diff`` has ``D1_D2.off`` (``interferogram_width``,
``interferogram_azimuth_lines``) or ``D1_D2.diff_par`` (``range_samp_1``, ``az_samp_1``); what is
geocoded has a ``DEM_par`` (``width``, ``nlines``, coordinates of the middle of the first pixel).
All numbers are big-endian (GAMMA's documentation of ISP and DIFF&GEO; samples of such files:
PyRate, tests/test_data/small_test).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from emcflow.errors import InputError

# Keys of columns and rows.
SIZES = (
    ("range_samples", "azimuth_lines"),
    ("interferogram_width", "interferogram_azimuth_lines"),
    ("range_samp_1", "az_samp_1"),
    ("width", "nlines"),
)
BYTES = {"CFloat32": 8, "CInt16": 4, "Float32": 4}
# Files of parameters are texts of some kilobytes.
MOST_BYTES = 1_000_000


def flat_binary(path: str | Path) -> str | None:
    """Return the XML of GDAL's virtual raster for a binary of GAMMA, None for any other file.

    Raises
    ------
    InputError
        Where its length is not what its parameters say.
    """
    path = Path(path)
    if not path.is_file():
        return None
    size = path.stat().st_size
    for file in _parameter_files(path):
        parameters = read_parameters(file)
        shape = _shape(parameters)
        if shape is None:
            continue
        kind = _kind(path, parameters, shape, size, file)
        return _xml(path, shape, kind, parameters)
    # an interferogram is as large as the images of a folder, on one of which all are
    for file in sorted(path.parent.glob("*.par")):
        parameters = read_parameters(file)
        shape = _shape(parameters)
        if shape and size == shape[0] * shape[1] * BYTES["CFloat32"]:
            return _xml(path, shape, "CFloat32", parameters)
    return None


def read_parameters(path: str | Path) -> dict[str, str]:
    """Return the parameters of a file of GAMMA, lines ``key: value unit``, none of other files."""
    if os.path.getsize(path) > MOST_BYTES:
        return {}
    text = Path(path).read_bytes().decode(errors="replace")
    return {
        key: value.strip() for key, value in re.findall(r"^([A-Za-z_]\w*):[ \t]*(.*)$", text, re.M)
    }


def _parameter_files(path: Path) -> Iterator[Path]:
    """Yield files of parameters that may be those of a binary, the nearest names first."""
    stems = [path.name]
    while "." in stems[-1]:
        stems.append(stems[-1].rpartition(".")[0])
    for stem in stems:
        for ending in (".par", ".off", ".diff_par", ".dem_par"):
            file = path.with_name(stem + ending)
            if file.is_file() and file != path:
                yield file
    of_folder = [f for f in sorted(path.parent.iterdir()) if re.search(r"[._]dem[._]par$", f.name)]
    if len(of_folder) == 1:
        yield of_folder[0]


def _shape(parameters: dict[str, str]) -> tuple[int, int] | None:
    for width, lines in SIZES:
        if width in parameters and lines in parameters:
            cols, rows = (parameters[key].split()[:1] for key in (width, lines))
            if cols and rows and cols[0].isdecimal() and rows[0].isdecimal():
                return int(rows[0]), int(cols[0])
    return None


def _kind(
    path: Path, parameters: dict[str, str], shape: tuple[int, int], size: int, file: Path
) -> str:
    """Return GDAL's name of the type of the pixels: as declared, else by the length of the file."""
    declared = {"FCOMPLEX": "CFloat32", "SCOMPLEX": "CInt16", "FLOAT": "Float32"}
    pixels = shape[0] * shape[1]
    found = declared.get(parameters.get("image_format", "").upper())
    by_size = {8 * pixels: "CFloat32", 4 * pixels: "Float32"}.get(size)
    kind = found or by_size or "CFloat32"
    if size != pixels * BYTES[kind]:
        raise InputError(
            f"{path}: {size} bytes, {shape[0]} x {shape[1]} pixels of {file.name} in {kind} are "
            f"{pixels * BYTES[kind]}; expected a whole file of GAMMA: it may be truncated, or the "
            "parameters are those of another"
        )
    return kind


def _xml(path: Path, shape: tuple[int, int], kind: str, parameters: dict[str, str]) -> str:
    rows, cols = shape
    step = BYTES[kind]
    return (
        f'<VRTDataset rasterXSize="{cols}" rasterYSize="{rows}">{_georeference(parameters)}'
        f'<VRTRasterBand dataType="{kind}" band="1" subClass="VRTRawRasterBand">'
        f'<SourceFilename relativeToVRT="0">{escape(str(path.absolute()))}</SourceFilename>'
        f"<ImageOffset>0</ImageOffset><PixelOffset>{step}</PixelOffset>"
        f"<LineOffset>{step * cols}</LineOffset><ByteOrder>MSB</ByteOrder>"
        "</VRTRasterBand></VRTDataset>"
    )


def _georeference(parameters: dict[str, str]) -> str:
    """Return system and grid of a ``DEM_par``; nothing for radar coordinates."""
    for axes in (("lon", "lat"), ("east", "north")):
        names = [f"{kind}_{axis}" for axis in axes for kind in ("corner", "post")]
        if not all(name in parameters for name in names):
            continue
        x, dx, y, dy = (float(parameters[name].split()[0]) for name in names)
        system = 4326
        if axes[0] == "east":
            zone = parameters.get("projection_zone", "").split()[:1]
            south = float(parameters.get("false_northing", "0").split()[0]) > 0
            if not zone or not zone[0].isdecimal():
                return ""
            system = (32700 if south else 32600) + int(zone[0])  # UTM
        grid = (x - dx / 2, dx, 0.0, y - dy / 2, 0.0, dy)
        numbers = ", ".join(map(repr, grid))
        return f"<SRS>EPSG:{system}</SRS><GeoTransform>{numbers}</GeoTransform>"
    return ""
