"""The input stack: finding its files, checking them, reading the phase at its points."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emcflow.errors import InputError
from emcflow.io.coverage import Counts, Coverage, unchanging
from emcflow.io.filenames import (
    by_date,
    check_braces,
    dates_in_name,
    has_date,
    list_rasters,
    pair_in_name,
)
from emcflow.io.images import check_last_block, read_image
from emcflow.io.inner_dates import dates_inside, is_container
from emcflow.io.raster import (
    BLOCK,
    Grid,
    ReadRows,
    check_fits,
    local_file,
    open_raster,
    read_grid,
    read_values,
    row_strips,
    values_of,
    windows,
)
from emcflow.io.remote import is_remote
from emcflow.io.sources import Source, join_parts, parse_source

log = logging.getLogger(__name__)

# Blocks of a scene that are looked at before the work; a scene of no more is looked at as a whole.
SAMPLED_BLOCKS = 8
# Of remote images, whose bytes are dear, such a share at the most, in blocks of the files.
REMOTE_SHARE = 16
# What the kernels that resample a coherence may bring it to.
HIGHEST_COHERENCE = 1.2
# How far above 1 rounding may bring it, not worth a word.
COHERENCE_ROUNDING = 1e-3
PATTERNS = {
    "phase_linked": "*.int.tif",
    "slc": "*.slc.tif",
    "interferograms": "*.int.tif",
}


@dataclass(frozen=True)
class Stack:
    """A coregistered stack: one raster of wrapped phase per date and a temporal coherence.

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
    window : tuple of int, optional
        The part of the files that is the scene, and that the coherence covers: first row, first
        column, end row, end column, half open. All of them where not given.
    """

    layout: str
    dates: tuple[str, ...]
    files: tuple[str, ...]
    coherence: str
    window: tuple[int, int, int, int] | None = None

    @property
    def has_amplitudes(self) -> bool:
        """Whether an image may be amplitudes alone, see :func:`emcflow.io.images.read_image`."""
        return self.layout == "slc"

    def read(
        self,
        date: int,
        bounds: tuple[int, int, int, int],
        at: np.ndarray | tuple[np.ndarray, np.ndarray],
    ) -> np.ndarray:
        """Read the image of a date at pixels of bounds within the scene."""
        return read_image(
            self.files[date], self.in_files(bounds), at, amplitudes=self.has_amplitudes
        )

    def in_files(self, bounds: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """Return bounds within the scene as bounds within the files."""
        if self.window is None:
            return bounds
        row, col = self.window[:2]
        row0, col0, row1, col1 = map(int, bounds)
        return row0 + row, col0 + col, row1 + row, col1 + col


def phase_linked_stack(directory: str | Path, coherence: str | None, dates: Sequence[str]) -> Stack:
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


def find_stack(
    directory: str | Path | None,
    layout: str,
    coherence: str | None = None,
    files: str | Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    variable: str | Sequence[str] | None = None,
) -> Stack:
    """Find the files of a stack by their names.

    Parameters
    ----------
    directory : path or None
        Folder of the stack; may be None where `files` are given.
    layout : {'phase_linked', 'slc'}
        See :class:`Stack`.
    coherence : str, optional
        Raster of temporal coherence; ``temporal_coherence.tif`` of the folder where not given.
    files : str or sequence of str, optional
        Names or patterns, see :func:`emcflow.io.filenames.list_rasters`; those of the layout in the
        folder where not given.
    exclude : sequence of str
        Dates that are left out.
    variable : str or sequence of str, optional
        See :func:`find_images`.

    Returns
    -------
    Stack

    Raises
    ------
    InputError
        For a missing folder or coherence, names without dates, several first dates, duplicate
        dates, or fewer than two dates.
    """
    dates, names = find_dates(directory, layout, files, exclude, variable)
    return Stack(layout, dates, names, find_coherence(directory, coherence))


def find_dates(
    directory: str | Path | None,
    layout: str,
    files: str | Sequence[str] | None,
    exclude: Sequence[str] = (),
    variable: str | Sequence[str] | None = None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the dates of a stack and the file of each, see :func:`find_stack`."""
    images = find_images(directory, layout, files, variable)
    paths = [path for _, path in images]
    if layout == "slc":
        found = by_date((date, path) for (date,), path in images)
        dates = sorted(found)
        names = [found[date] for date in dates]
    else:
        first, found = _secondaries(images)
        dates = [first, *sorted(found)]
        names = ["", *(found[date] for date in dates[1:])]
    check_excluded(exclude, dates, paths[0])
    if layout == "phase_linked" and dates[0] in exclude:
        raise InputError(
            f"stack.exclude: {dates[0]} is the first date, which the phases of all files are "
            "relative to; expected others: form the stack again from a later date"
        )
    kept = [(date, name) for date, name in zip(dates, names, strict=True) if date not in exclude]
    dates, names = [date for date, _ in kept], [name for _, name in kept]
    check_number_of_dates(dates, paths[0])
    return tuple(dates), tuple(names)


def find_rasters(
    directory: str | Path | None, layout: str, files: str | Sequence[str] | None
) -> list[str]:
    """Return the names of the rasters of a layout, see :func:`find_stack`."""
    if directory is not None and not Path(directory).is_dir():
        raise InputError(
            f"stack.directory: {directory} is not a folder; expected the folder that holds "
            f"the {files or PATTERNS[layout]} files: correct the path (relative to {Path.cwd()})"
        )
    if files is not None:
        return list_rasters("stack.files", directory, files)
    paths = sorted(map(str, Path(directory or "").glob(PATTERNS[layout])))
    if not paths:
        raise InputError(
            f"stack.directory: no {PATTERNS[layout]} in {directory}; expected files of the layout "
            f"{layout!r}: correct stack.directory or stack.layout, or name the files in stack.files"
        )
    for path in paths:
        check_braces(path)
    return paths


def find_images(
    directory: str | Path | None,
    layout: str,
    files: str | Sequence[str] | None,
    variable: str | Sequence[str] | None,
) -> list[tuple[tuple[str, ...], str]]:
    """Return the dates and the name of each image of a layout.

    Parameters
    ----------
    directory, layout, files
        See :func:`find_stack`.
    variable : str or sequence of str, optional
        Name of the array in each file, or a pattern that fits one, or number of the band from 1; or
        two of them, of real and imaginary part. The dates of a file with many images are those
        inside, where it is the only one or its name has none.

    Returns
    -------
    list of (dates, name)
        One date for SLCs, else two; names that :func:`emcflow.io.raster.open_raster` opens.

    Raises
    ------
    InputError
        See :func:`find_stack`; and for a file that holds images of another layout.
    """
    named = {
        "slc": lambda path: dates_in_name(path, 1),
        "phase_linked": lambda path: dates_in_name(path, 2),
        "interferograms": pair_in_name,
    }[layout]
    paths = find_rasters(directory, layout, files)
    if variable is None:
        images = []
        for name in join_parts(paths):
            source = parse_source(name)
            images.append((named(source.files[0] if source else name), name))
        return images
    variables = (variable,) if isinstance(variable, str) else tuple(variable)
    images = []
    for path in paths:
        if not local_file(path):
            raise InputError(
                f"stack.files: {path} names what is inside by itself; expected files alone beside "
                "stack.variable: leave one of the two away"
            )
        inside = []
        if (len(paths) == 1 or not has_date(path)) and is_container(path):
            inside = _layers(path, variables, layout)
        images += inside or [(named(path), Source((path,), variables).name)]
    return images


def _layers(
    path: str, variables: tuple[str, ...], layout: str
) -> list[tuple[tuple[str, ...], str]]:
    """Return dates and names of the layers of a cube, none for a file of one image."""
    dates = dates_inside(path, variables[0])
    if dates and layout == "phase_linked" and len(dates[0]) == 1:
        first = min(dates)[0]  # its own phase is 0
        dates = [(first, *date) for date in dates]
    wanted = 1 if layout == "slc" else 2
    if dates and len(dates[0]) != wanted:
        raise InputError(
            f"{path}: {', '.join(variables)} has {len(dates[0])} date(s) for each layer; expected "
            f"{wanted} in the layout {layout!r}: correct stack.layout or stack.variable"
        )
    return [
        (date, Source((path,), variables, layer).name)
        for layer, date in enumerate(dates)
        if len(set(date)) == len(date)
    ]


def find_coherence(directory: str | Path | None, coherence: str | None = None) -> str:
    """Return the name of the temporal coherence, given or that in the folder of the stack.

    Raises
    ------
    InputError
        Where it does not exist.
    """
    if coherence is None:
        coherence = str(Path(directory or "") / "temporal_coherence.tif")
    if local_file(coherence) and not Path(coherence).exists():
        raise InputError(
            f"stack.temporal_coherence: {coherence} does not exist; expected a raster of "
            "temporal coherence (0 to 1): correct the path"
        )
    check_braces(coherence)
    return coherence


def check_excluded(exclude: Sequence[str], names: Collection[str], path: str) -> None:
    """Refuse to leave out what is not there; the path of a file is for the message.

    Raises
    ------
    InputError
    """
    unknown = [name for name in exclude if name not in names]
    if unknown:
        raise InputError(
            f"stack.exclude: {unknown[0]} is not among the images of {Path(path).parent}; expected "
            "dates YYYYMMDD, or for interferograms pairs as well, that there are: correct it"
        )


def check_number_of_dates(dates: Sequence[str], path: str) -> None:
    """Refuse a stack of one date; the path of a file is for the message."""
    if len(dates) < 2:
        found = f"one date ({dates[0]})" if dates else "no date"
        raise InputError(
            f"{Path(path).parent}: only {found}; expected at least two acquisitions: "
            "add files to the stack"
        )


def _secondaries(images: list[tuple[tuple[str, ...], str]]) -> tuple[str, dict[str, str]]:
    """Return the one first date and the file of each other date of a phase-linked stack."""
    firsts: dict[str, str] = {}
    pairs = []
    for (first, date), path in images:
        firsts.setdefault(first, path)
        pairs.append((date, path))
    if len(firsts) > 1:
        one, two = (Path(path).name for path in list(firsts.values())[:2])
        raise InputError(
            f"{Path(images[0][1]).parent}: the stack has several first dates "
            f"({', '.join(sorted(firsts))}; {one}, {two}); expected one for all files: split the "
            "stack, or set stack.layout to interferograms"
        )
    first = next(iter(firsts))
    found = by_date(pairs)
    early = sorted(date for date in found if date <= first)
    if early:
        raise InputError(
            f"{found[early[0]]}: the date {early[0]} is not after the stack's first date "
            f"{first}; expected FIRST_DATE.int.tif with FIRST the earliest date: "
            "form the stack again from its first date, or set stack.layout to interferograms"
        )
    return first, found


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
        Shared by all files; with the ground control points of the coherence, or of the first one.
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
    files = [file for file in stack.files if file]
    check_files(files, grid, stack.coherence, stack.window, amplitudes=stack.has_amplitudes)
    if grid.crs is None and not grid.gcps:
        with open_raster(files[0]) as dataset:
            own = read_grid(dataset).cropped(stack.window)
        grid = replace(grid, gcps=own.gcps, gcp_crs=own.gcp_crs)
    return grid, coherent_points(stack.coherence, min_coherence, warn=True)


def stack_coverage(stack: Stack, mask: np.ndarray) -> tuple[Counts, bool]:
    """Count where the images of a stack have data, at the points of some blocks of the scene.

    All blocks of a small scene; of remote images few in any case, since each is read again later.

    Parameters
    ----------
    stack : Stack
    mask : ndarray of bool, shape (rows, cols) of the scene
        Pixels that may be points.

    Returns
    -------
    counts : Counts
        Of the dates that have a file.
    sampled : bool
        Whether there are more points than were looked at.
    """
    size, most = _sample(stack, mask.shape)
    inside = {
        bounds: part
        for bounds in windows(mask.shape, size)
        if (part := mask[bounds[0] : bounds[2], bounds[1] : bounds[3]]).any()
    }
    blocks = list(inside)
    if len(blocks) > most:
        blocks = [blocks[n] for n in np.linspace(0, len(blocks) - 1, most).astype(int)]
    coverage = Coverage(sum(int(inside[bounds].sum()) for bounds in blocks))
    for date in (date for date, file in enumerate(stack.files) if file):
        values = np.concatenate([stack.read(date, bounds, inside[bounds]) for bounds in blocks])
        coverage.add(np.isfinite(values) & (values != 0))
    return coverage.counts, len(blocks) < len(inside)


def _sample(stack: Stack, shape: tuple[int, int]) -> tuple[tuple[int, int], int]:
    """Return the rows and columns of a block that is looked at, and how many of them at most."""
    file = next(filter(None, stack.files))
    if not is_remote(file):
        return (BLOCK, BLOCK), SAMPLED_BLOCKS
    with open_raster(file) as dataset:
        rows, cols = dataset.block_shapes[0]
    blocks = -(-shape[0] // rows) * -(-shape[1] // cols)
    return (rows, cols), min(max(blocks // REMOTE_SHARE, 1), SAMPLED_BLOCKS)


def check_window(window: Sequence[int] | None, whole: Grid, grid_of: str) -> None:
    """Refuse a window that reaches out of the rasters.

    Raises
    ------
    InputError
    """
    if window and not (window[2] <= whole.shape[0] and window[3] <= whole.shape[1]):
        raise InputError(
            f"stack.window: {list(window)} reaches out of {grid_of}, of {whole.shape[0]} x "
            f"{whole.shape[1]} pixels; expected [first row, first column, end row, end column] "
            "within it: write a smaller one"
        )


def read_window_grid(path: str, window: Sequence[int] | None) -> tuple[Grid, Grid]:
    """Return the grid of a raster, whole and within a window.

    Raises
    ------
    InputError
        For a window that reaches out of it.
    """
    with open_raster(path) as dataset:
        whole = read_grid(dataset)
    check_window(window, whole, path)
    return whole, whole.cropped(window)


def check_grid(path: str, grid: Grid, grid_of: str, window: Sequence[int] | None = None) -> None:
    """Refuse a raster that is not on a grid, that of another raster, in all or within a window.

    Raises
    ------
    InputError
    """
    difference = read_window_grid(path, window)[1].differs_from(grid)
    if difference:
        raise InputError(
            f"{path}: {difference}; expected the grid of {grid_of}: crop and resample it to that"
        )


def check_files(
    files: Sequence[str],
    grid: Grid,
    grid_of: str,
    window: Sequence[int] | None = None,
    *,
    amplitudes: bool = False,
) -> None:
    """Check that rasters are whole, on a grid, and wrapped phase as far as the last block shows.

    Parameters
    ----------
    files : sequence of str
    grid : Grid
        Of the scene: that of the window, where there is one.
    grid_of : str
        The raster it is from, for the messages.
    window : tuple of int, optional
        The scene in the rasters: first row, first column, end row, end column.
    amplitudes : bool
        See :func:`emcflow.io.images.read_image`.

    Raises
    ------
    InputError
        For the first file that differs.
    """
    whole = None
    for path in files:
        with open_raster(path) as dataset:
            own = read_grid(dataset)
            difference = own.cropped(window).differs_from(grid)
            if whole is not None and not difference:
                difference, grid_of = own.differs_from(whole), files[0]
            whole = own
            if difference:
                raise InputError(
                    f"{path}: {difference}; expected the grid of {grid_of}: "
                    "coregister and crop all rasters alike"
                )
            check_last_block(dataset, path, amplitudes=amplitudes)


def check_reference(stack: Stack, point: Sequence[int], min_coherence: float) -> None:
    """Check that the point asked for as the reference is one: coherent, with data at all dates.

    Parameters
    ----------
    stack : Stack
    point : sequence of int
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
    if not (inside and read_coherence(stack.coherence, pixel)[0, 0] > min_coherence):
        raise InputError(
            f"reference.point: [{row}, {col}] is no point above {min_coherence:g} in "
            f"{stack.coherence}, of {rows} x {cols} pixels; "
            "expected row and column of a coherent point: choose another, or null"
        )
    for date, path in enumerate(stack.files):
        value = stack.read(date, pixel, np.ones((1, 1), bool))[0] if path else 1
        if value == 0 or not np.isfinite(value):
            raise InputError(
                f"reference.point: [{row}, {col}] is {value} in {path}; expected a point with "
                "data at all dates: choose another, or null"
            )


def check_reference_area(stack: Stack, area: Sequence[int], min_coherence: float) -> None:
    """Check that the area asked for as the reference holds a coherent pixel.

    Parameters
    ----------
    stack : Stack
    area : sequence of int
        First row, first column, end row, end column, ends not included.
    min_coherence : float
        A point has a temporal coherence above it.

    Raises
    ------
    InputError
    """
    with open_raster(stack.coherence) as dataset:
        rows, cols = dataset.shape
    row, col, end_row, end_col = area
    inside = end_row <= rows and end_col <= cols
    bounds = row, col, end_row, end_col
    if not (inside and (read_coherence(stack.coherence, bounds) > min_coherence).any()):
        raise InputError(
            f"reference.area: {list(area)} holds no point above {min_coherence:g} in "
            f"{stack.coherence}, of {rows} x {cols} pixels; expected first row, first column, end "
            "row and end column of an area in it with coherent points: choose another, or null"
        )


def read_coherence(
    path: str,
    bounds: tuple[int, int, int, int] | None = None,
    shape: tuple[int, int] | None = None,
    *,
    warn: bool = False,
) -> np.ndarray:
    """Read a temporal coherence; what resampling brought to more than 1 is 1.

    Parameters
    ----------
    path, bounds, shape
        See :func:`emcflow.io.raster.read_values`.
    warn : bool
        Log how many values were above 1.

    Returns
    -------
    ndarray
        NaN where there is none; any real type.

    Raises
    ------
    InputError
        For complex values, or values that no resampling explains.
    """
    coherence = read_values(path, bounds, shape)
    _refuse_complex(path, coherence)
    highest = np.max(coherence, initial=0, where=~np.isnan(coherence))
    _check_highest(path, highest, int(np.count_nonzero(coherence > 1)), warn=warn)
    if highest > 1:
        np.minimum(coherence, 1, out=coherence)
    return coherence


def rows_of_coherence(path: str, cols: int) -> ReadRows:
    """Return what reads rows of a coherence of so many columns, 0 where there is none."""
    return lambda first, end: np.nan_to_num(read_coherence(path, (first, 0, end, cols)))


def _refuse_complex(path: str, coherence: np.ndarray) -> None:
    if np.iscomplexobj(coherence):
        raise InputError(
            f"{path}: complex values; expected a real temporal coherence from 0 to 1: "
            "give another raster"
        )


def _check_highest(path: str, highest: float, above: int, *, warn: bool) -> None:
    """Refuse a coherence that no resampling explains; say where it is above 1."""
    if highest > HIGHEST_COHERENCE:
        raise InputError(
            f"{path}: temporal coherence up to {highest:g}; expected values from 0 to 1: "
            "divide by the largest value it can have (per cents by 100, bytes by 255)"
        )
    if warn and highest > 1 + COHERENCE_ROUNDING:
        log.warning(
            "%s: temporal coherence above 1 at %d pixels, up to %g, as resampling leaves it: "
            "taken for 1",
            path,
            above,
            highest,
        )


def coherent_points(
    path: str,
    min_coherence: float,
    bounds: tuple[int, int, int, int] | None = None,
    *,
    warn: bool = False,
) -> np.ndarray:
    """Return where the temporal coherence is above the threshold, NaN counting as below.

    A whole raster is read by rows of blocks.

    Raises
    ------
    InputError
        See :func:`read_coherence`; and, without bounds, for no point above.
    """
    if bounds is not None:
        return read_coherence(path, bounds, warn=warn) > min_coherence
    with open_raster(path) as dataset:
        check_fits(path, dataset.shape, bool)
        mask = np.empty(dataset.shape, bool)
        highest, above = -np.inf, 0
        for strip in row_strips(dataset.shape, dataset.block_shapes[0][0]):
            coherence = values_of(dataset, path, strip)
            _refuse_complex(path, coherence)
            mask[strip[0] : strip[2]] = coherence > min_coherence
            known = coherence[~np.isnan(coherence)]
            highest = max(highest, float(known.max())) if known.size else highest
            above += int(np.count_nonzero(known > 1))
    _check_highest(path, highest, above, warn=warn)
    if not mask.any():
        if highest == -np.inf:
            raise InputError(
                f"{path}: NaN or nodata everywhere; expected a temporal coherence from 0 to 1: "
                "give another raster"
            )
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
        In radians, n points of the mask, row by row; the first date's is 0. NaN without data.
    valid : ndarray of bool, shape (n,)
        False where any date is zero or not finite, or all are the same, see
        :func:`emcflow.io.coverage.unchanging`.
    """
    npoints = int(mask.sum())
    phase = np.zeros((len(stack.dates), npoints), dtype=np.float32)
    first = stack.read(0, bounds, mask) if stack.files[0] else None

    def read(date: int) -> np.ndarray:
        value = stack.read(date, bounds, mask)
        if first is None:
            phase[date] = np.angle(value)
        else:
            phase[date] = np.where(value == first, 0, np.angle(first * np.conj(value)))
        usable = np.isfinite(value) & (value != 0)
        if first is not None:
            usable &= np.isfinite(first) & (first != 0)
        phase[date, ~usable] = np.nan
        return usable

    with ThreadPoolExecutor(threads) as pool:
        usable = pool.map(read, range(1, len(stack.dates)))
        valid = np.ones(npoints, dtype=bool)
        for one in usable:
            valid &= one
    return phase, valid & ~unchanging(phase)


def read_date(
    stack: Stack, date: int, bounds: tuple[int, int, int, int], rows: np.ndarray, cols: np.ndarray
) -> np.ndarray:
    """Read the wrapped phase of one date at pixels of a window, up to a phase of all dates.

    A pair's phase is that of its second date minus that of its first, as from :func:`read_phase`;
    here a pixel needs data at these two alone, and not at the first date of the stack.

    Parameters
    ----------
    stack : Stack
    date : int
    bounds : tuple of int
        The window: first row, first column, last row, last column, half open.
    rows, cols : ndarray of int, shape (n,)
        The pixels, counted in the window.

    Returns
    -------
    ndarray of float32, shape (n,)
        In radians; NaN where the date is zero or not finite.
    """
    if not stack.files[date]:
        return np.zeros(rows.size, np.float32)
    values = stack.read(date, bounds, (rows, cols))
    # an SLC with the sign of first * conj(date), as read_phase has it
    phase = np.angle(np.conj(values) if stack.layout == "slc" else values).astype(np.float32)
    phase[~np.isfinite(values) | (values == 0)] = np.nan
    return phase
