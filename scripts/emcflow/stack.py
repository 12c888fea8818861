"""The input stack: finding its files, checking them, reading the phase at its points."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from emcflow.errors import InputError
from emcflow.raster import Grid, check_whole, open_raster, read_band, read_grid

PATTERNS = {"phase_linked": "*.int.tif", "slc": "*.slc.tif"}


@dataclass(frozen=True)
class Stack:
    """A coregistered stack: one complex raster per date and a temporal coherence.

    Parameters
    ----------
    layout : str
        ``phase_linked``: ``FIRST_DATE.int.tif``, the first date has no file, its phase is 0.
        ``slc``: ``DATE.slc.tif``; phases are taken relative to the first date.
    dates : tuple of str
        Eight digits each, ascending.
    files : tuple of str
        One per date; empty for the first date of a phase-linked stack.
    coherence : str
        Raster of temporal coherence, 0 to 1.
    """

    layout: str
    dates: tuple[str, ...]
    files: tuple[str, ...]
    coherence: str


def phase_linked_stack(directory: str | Path, coherence: str | None, dates: list[str]) -> Stack:
    """Name the files of a phase-linked stack from its dates, whether they exist yet or not."""
    directory = Path(directory)
    first = dates[0]
    files = ["", *(str(directory / f"{first}_{date}.int.tif") for date in dates[1:])]
    return Stack(
        "phase_linked",
        tuple(dates),
        tuple(files),
        coherence or str(directory / "temporal_coherence.tif"),
    )


def find_stack(directory: str | Path, layout: str, coherence: str | None = None) -> Stack:
    """Find the files of a stack by their names.

    Parameters
    ----------
    directory : path
        Folder of the stack.
    layout : {'phase_linked', 'slc'}
        See :class:`Stack`.
    coherence : str, optional
        Raster of temporal coherence; ``temporal_coherence.tif`` of the folder where not given.

    Returns
    -------
    Stack

    Raises
    ------
    InputError
        For a missing folder or coherence, names without dates, several first dates, duplicate
        dates, or fewer than two dates.
    """
    directory = Path(directory)
    pattern = PATTERNS[layout]
    if not directory.is_dir():
        raise InputError(
            f"stack.directory: {directory} is not a folder; expected the folder that holds "
            f"the {pattern} files: correct the path (relative to {Path.cwd()})"
        )
    paths = sorted(directory.glob(pattern))
    if not paths:
        raise InputError(
            f"stack.directory: no {pattern} in {directory}; expected files of the layout "
            f"{layout!r}: correct stack.directory or stack.layout"
        )
    if coherence is None:
        coherence = str(directory / "temporal_coherence.tif")
    if "://" not in coherence and not coherence.startswith("/vsi") and not Path(coherence).exists():
        raise InputError(
            f"stack.temporal_coherence: {coherence} does not exist; expected a raster of "
            "temporal coherence (0 to 1): correct the path"
        )
    if layout == "slc":
        by_date = _unique((_date(path, path.name[:8]), path) for path in paths)
        dates = sorted(by_date)
        files = [by_date[date] for date in dates]
    else:
        first, by_date = _secondaries(paths)
        dates = [first, *sorted(by_date)]
        files = ["", *(by_date[date] for date in dates[1:])]
    if len(dates) < 2:
        raise InputError(
            f"{directory}: only one date ({dates[0]}); expected at least two acquisitions: "
            "add files to the stack"
        )
    for path in (*files, coherence):
        if set("{}") & set(str(path)):
            raise InputError(
                f"{path}: braces in a name, which Snakemake takes for wildcards; expected none: "
                "rename the file, or give the stack a folder of links with other names"
            )
    return Stack(layout, tuple(dates), tuple(map(str, files)), coherence)


def _secondaries(paths: list[Path]) -> tuple[str, dict[str, Path]]:
    """Return the one first date and the file of each other date of a phase-linked stack."""
    firsts, pairs = {}, []
    for path in paths:
        parts = path.name.removesuffix(".int.tif").split("_")
        if len(parts) != 2:
            raise InputError(
                f"{path}: the name is not FIRST_DATE.int.tif; expected two dates of eight "
                "digits joined by an underscore: rename or remove the file"
            )
        first, date = (_date(path, part[:8]) for part in parts)
        firsts.setdefault(first, path)
        pairs.append((date, path))
    if len(firsts) > 1:
        one, two = list(firsts.values())[:2]
        raise InputError(
            f"{paths[0].parent}: the stack has several first dates ({', '.join(sorted(firsts))}; "
            f"{one.name}, {two.name}); expected one for all files: split the stack"
        )
    first = next(iter(firsts))
    by_date = _unique(pairs)
    early = sorted(date for date in by_date if date <= first)
    if early:
        raise InputError(
            f"{by_date[early[0]]}: the date {early[0]} is not after the stack's first date "
            f"{first}; expected FIRST_DATE.int.tif with FIRST the earliest date: "
            "form the stack again from its first date"
        )
    return first, by_date


def _date(path: Path, digits: str) -> str:
    try:
        if not re.fullmatch(r"\d{8}", digits):
            raise ValueError
        datetime.strptime(digits, "%Y%m%d")
    except ValueError:
        raise InputError(
            f"{path}: {digits!r} in the name is no date; expected YYYYMMDD: rename or remove "
            "the file"
        ) from None
    return digits


def _unique(pairs) -> dict[str, Path]:
    by_date: dict[str, Path] = {}
    for date, path in pairs:
        if date in by_date:
            raise InputError(
                f"{path}: the date {date} is already in the stack ({by_date[date].name}); "
                "expected one file per date: remove one of the two"
            )
        by_date[date] = path
    return by_date


def check_stack(stack: Stack, min_coherence: float) -> tuple[Grid, np.ndarray]:
    """Check every file's grid, type and end, and the values of the temporal coherence.

    Parameters
    ----------
    stack : Stack
        Its files are opened; only the coherence is read whole.
    min_coherence : float
        A point is used where the temporal coherence is above it.

    Returns
    -------
    grid : Grid
        Shared by all files.
    mask : ndarray of bool, shape grid.shape
        True at the coherent points.

    Raises
    ------
    InputError
        For a file that differs from the coherence's grid, is not complex or is cut off, or a
        coherence that is out of range or nowhere above the threshold.
    """
    with open_raster(stack.coherence) as dataset:
        grid = read_grid(dataset)
    for path in filter(None, stack.files):
        with open_raster(path) as dataset:
            difference = read_grid(dataset).differs_from(grid)
            kind = dataset.dtypes[0]
            if difference:
                raise InputError(
                    f"{path}: {difference}; expected the grid of {stack.coherence}: "
                    "coregister and crop all rasters alike"
                )
            if not kind.startswith("complex"):
                raise InputError(
                    f"{path}: values of type {kind}; expected complex numbers (wrapped phase with "
                    "or without amplitude): write exp(1j * phase) as complex64"
                )
            check_whole(dataset, path)
    return grid, coherent_points(stack.coherence, min_coherence)


def check_reference(stack: Stack, point: tuple[int, int], min_coherence: float) -> None:
    """Check that the point asked for as the reference is one: coherent, with data at all dates.

    Parameters
    ----------
    stack : Stack
    point : tuple of int
        Row and column.
    min_coherence : float
        A point has a temporal coherence above it.

    Raises
    ------
    InputError
        If it is outside the scene, not coherent, or zero or not finite at some date.
    """
    row, col = point
    pixel = (row, col, row + 1, col + 1)
    with open_raster(stack.coherence) as dataset:
        rows, cols = dataset.shape
    inside = row < rows and col < cols
    if not (inside and read_band(stack.coherence, pixel)[0, 0] > min_coherence):
        raise InputError(
            f"reference.point: [{row}, {col}] is no point above stack.min_temporal_coherence = "
            f"{min_coherence:g} in a scene of {rows} x {cols} pixels; "
            "expected row and column of a coherent point: choose another, or null"
        )
    for path in filter(None, stack.files):
        value = read_band(path, pixel)[0, 0]
        if value == 0 or not np.isfinite(value):
            raise InputError(
                f"reference.point: [{row}, {col}] is {value} in {path}; expected a point with "
                "data at all dates: choose another, or null"
            )


def coherent_points(
    path: str, min_coherence: float, bounds: tuple[int, int, int, int] | None = None
) -> np.ndarray:
    """Return where the temporal coherence is above the threshold, NaN counting as below.

    Raises
    ------
    InputError
        For complex values, values outside 0 to 1, or (without bounds) no point above.
    """
    coherence = read_band(path, bounds)
    if np.iscomplexobj(coherence):
        raise InputError(
            f"{path}: complex values; expected a real temporal coherence from 0 to 1: "
            "give another raster"
        )
    mask = coherence > min_coherence
    if bounds is None:
        known = coherence[~np.isnan(coherence)]
        if known.size == 0:
            raise InputError(
                f"{path}: NaN everywhere; expected a temporal coherence from 0 to 1: "
                "give another raster"
            )
        highest = float(known.max())
        if highest > 1 + 1e-3:
            raise InputError(
                f"{path}: temporal coherence up to {highest:g}; expected values from 0 to 1: "
                "divide by the largest value it can have (per cents by 100, bytes by 255)"
            )
        if not mask.any():
            raise InputError(
                f"{path}: no pixel above stack.min_temporal_coherence = {min_coherence:g} "
                f"(the highest is {highest:g}); expected some: lower the threshold, or give "
                "another raster"
            )
    return mask


def read_phase(
    stack: Stack, mask: np.ndarray, bounds: tuple[int, int, int, int], threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Read the wrapped phase of every date at the points of a window, each block once.

    The phase of a date is that of ``FIRST_DATE.int.tif``; for SLCs that of
    first * conj(date), so both layouts have the same sign.

    Parameters
    ----------
    stack : Stack
    mask : ndarray of bool, shape (rows, cols) of the window
        The coherent points.
    bounds : tuple of int
        The window: first row, first column, last row, last column, half open.
    threads : int
        Files read side by side.

    Returns
    -------
    phase : ndarray of float32, shape (ndates, n)
        In radians, n points of the mask, row by row; the first date's is 0.
    valid : ndarray of bool, shape (n,)
        False where any date is zero or not finite; the phase means nothing there.
    """
    npoints = int(mask.sum())
    phase = np.zeros((len(stack.dates), npoints), dtype=np.float32)
    first = read_band(stack.files[0], bounds)[mask] if stack.files[0] else None

    def read(date: int) -> np.ndarray:
        value = read_band(stack.files[date], bounds)[mask]
        if first is not None:
            value = first * np.conj(value)
        phase[date] = np.angle(value)
        return np.isfinite(value) & (value != 0)

    with ThreadPoolExecutor(threads) as pool:
        usable = pool.map(read, range(1, len(stack.dates)))
        valid = np.ones(npoints, dtype=bool)
        for one in usable:
            valid &= one
    return phase, valid
