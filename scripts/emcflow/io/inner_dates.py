"""Dates of a file that holds many images: a cube of HDF5, NetCDF or Zarr with its time axis.

MiaplPy and SARvey write a dataset ``date`` of texts beside the images, in ``slcStack.h5`` and
``phase_series.h5`` (``miaplpy.objects.slcStack``; MintPy's ``ifgramStack.h5`` has two dates in
every row); xarray writes ``time`` as numbers with ``units`` such as ``days since 2020-01-01`` (CF
conventions, section 4.4).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import h5py
import numpy as np
import rasterio

from emcflow.errors import InputError
from emcflow.io import zarr_stores
from emcflow.io.sources import find_dataset, open_hdf5, zarr_array
from emcflow.io.tables import parse_date

UNITS = re.compile(
    r"(day|hour|minute|second|millisecond|microsecond|nanosecond|[hsd])s? since (.+)"
)
SECONDS = {
    "day": 86400, "d": 86400, "hour": 3600, "h": 3600, "minute": 60, "second": 1, "s": 1,
    "millisecond": 1e-3, "microsecond": 1e-6, "nanosecond": 1e-9,
}  # fmt: skip


def is_container(path: str) -> bool:
    """Say whether a path is a file of HDF5 or a Zarr store, which may hold many images."""
    return zarr_stores.is_store(path) or h5py.is_hdf5(path)


def dates_inside(path: str, variable: str) -> list[tuple[str, ...]]:
    """Return the date, or the two dates, of every layer of an array.

    Parameters
    ----------
    path : str
        A container, see :func:`is_container`.
    variable : str
        Name of the array in it, or a pattern.

    Returns
    -------
    list of tuple of str
        YYYYMMDD; empty for an array of two dimensions, which is one image.

    Raises
    ------
    InputError
        Where there is no such array, or no date for every layer.
    """
    if zarr_stores.is_store(path):
        return _in_store(path, variable)
    with open_hdf5(path) as file:
        dataset = file[find_dataset(path, file, variable)]
        if dataset.ndim < 3:
            return []
        group = dataset.parent
        while True:
            for name in zarr_stores.TIME_NAMES:
                found = group.get(name)
                if isinstance(found, h5py.Dataset) and found.shape[:1] == dataset.shape[:1]:
                    units = found.attrs.get("units", "")
                    units = units.decode() if isinstance(units, bytes) else str(units)
                    return _dates_of(path, found[()], units)
            if group.name == "/":
                break
            group = group.parent
        raise _no_dates(path, dataset.name, dataset.shape)


def _in_store(path: str, variable: str) -> list[tuple[str, ...]]:
    array = zarr_array(path, variable)
    if len(array.shape) < 3:
        return []
    group = array.name.rpartition("/")[0]
    beside = {each.name: each for each in zarr_stores.arrays(path)}
    for name in zarr_stores.TIME_NAMES:
        for place in (f"{group}/{name}".lstrip("/"), name):
            time = beside.get(place)
            if time and time.shape == (array.shape[array.time_axis],):
                with rasterio.open(f'ZARR:"{path}":/{place}') as dataset:
                    values = dataset.read(1).ravel()
                return _dates_of(path, values, str(time.attributes.get("units", "")))
    raise _no_dates(path, array.name, array.shape)


def _no_dates(path: str, name: str, shape: tuple[int, ...]) -> InputError:
    return InputError(
        f"{path}: {name} has the shape {tuple(shape)} and no dates beside it; expected a date for "
        "each of its layers, in a dataset date or time: add it, or write one file per date"
    )


def _dates_of(path: str, values: np.ndarray, units: str) -> list[tuple[str, ...]]:
    since = UNITS.match(units)
    if since and values.dtype.kind in "iuf":
        return [(_after(path, value, since),) for value in values]
    return [_parsed(path, row if np.ndim(row) else [row]) for row in values]


def _after(path: str, value: Any, since: re.Match[str]) -> str:
    try:
        start = datetime.fromisoformat(re.sub(r"\.\d+|Z|UTC", "", since[2]).strip())
        day = start.replace(tzinfo=None) + timedelta(seconds=float(value) * SECONDS[since[1]])
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"{path}: the time {value} {since[0]!r} is no date ({error}); expected a number and "
            "units such as 'days since 2020-01-01': write the time axis again"
        ) from error
    return day.strftime("%Y%m%d")


def _parsed(path: str, texts: Iterable[Any]) -> tuple[str, ...]:
    dates = []
    for text in texts:
        word = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
        try:
            dates.append(parse_date(word))
        except ValueError:
            raise InputError(
                f"{path}: {word!r} among its dates is no date; expected YYYYMMDD: write the dates "
                "of the file again"
            ) from None
    return tuple(dates)
