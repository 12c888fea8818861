"""Interferograms of any pairs, linked to one phase per date block by block of their rasters."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import rasterio
from rasterio.windows import Window

from emcflow.errors import InputError
from emcflow.io.coverage import (
    Counts,
    Coverage,
    coverage_remarks,
    remarks_tag,
    unchanging_remark,
)
from emcflow.io.images import read_image
from emcflow.io.interferograms import read_pair_coherence
from emcflow.io.network_tables import ENDS
from emcflow.io.raster import BLOCK, Grid, create_raster, image_of
from emcflow.io.stack import check_files, check_grid, read_window_grid
from emcflow.network.phase_linking import (
    coherence_weights,
    link_phases,
    squared_misfits,
    without_unchanging,
)
from emcflow.products.selection import HIGH_AGREEMENT, LEAST_COHERENCE, agrees_everywhere

Bounds = tuple[int, int, int, int]


@dataclass(frozen=True)
class PairRasters:
    """Wrapped interferograms, and what is known of them.

    Attributes
    ----------
    files, names : sequence of str
        The raster of each pair, and its name as ``stack.exclude`` takes it.
    pairs : ndarray of int, shape (npairs, 2)
        Indices (d1, d2) of the dates of each pair, d1 < d2.
    dates : sequence of str
    coherences : sequence of str
        A raster of each pair; empty where none are given.
    corner : tuple of int
        Row and column of the rasters at which the scene begins.
    """

    files: Sequence[str]
    names: Sequence[str]
    pairs: np.ndarray
    dates: Sequence[str]
    coherences: Sequence[str]
    corner: tuple[int, int]

    @property
    def chooses_points(self) -> bool:
        """Whether agreement could tell points: pairs without loops or coherences never do."""
        return len(self.files) >= len(self.dates) or bool(self.coherences)


@dataclass
class LinkedSums:
    """What is added up over the blocks of a scene.

    Attributes
    ----------
    squares, coherences : ndarray of float64, shape (npairs,)
        Sums over the pixels of the squared misfits [rad^2], and of the coherences.
    pixels, noise, agreeing, unchanging : int
        Pixels with all pairs; of these, those of too low a mean coherence, whose agreement counts
        as 0, and those of high agreement; those left out because they never change.
    counts : Counts
        Where the pairs have data.
    """

    squares: np.ndarray
    coherences: np.ndarray
    pixels: int = 0
    noise: int = 0
    agreeing: int = 0
    unchanging: int = 0
    counts: Counts | None = None

    @property
    def agrees_everywhere(self) -> bool:
        """Whether agreement is as high at nearly all pixels, as that of filtered pairs is."""
        return agrees_everywhere((self.agreeing, self.pixels - self.noise))


def checked_pairs(
    files: Sequence[str],
    names: Sequence[str],
    pairs: np.ndarray,
    dates: Sequence[str],
    coherences: Sequence[str],
    window: Sequence[int] | None,
) -> tuple[PairRasters, Grid]:
    """Check that the rasters of pairs are on one grid, whole, and wrapped phase.

    Parameters
    ----------
    files, names, pairs, dates, coherences
        See :class:`PairRasters`.
    window : sequence of int or None
        The part of the rasters that is the scene.

    Returns
    -------
    rasters : PairRasters
    grid : Grid
        Of the scene.

    Raises
    ------
    InputError
        For the first raster that differs.
    """
    whole, grid = read_window_grid(files[0], window)
    check_files(files, grid, files[0], window)
    for path in coherences:
        check_grid(path, whole, files[0])
    row, col = window[:2] if window else (0, 0)
    return PairRasters(files, names, pairs, dates, coherences, (row, col)), grid


def write_linked_stack(
    rasters: PairRasters,
    grid: Grid,
    outputs: Sequence[str],
    agreement: str,
    n_threads: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[LinkedSums, list[str]]:
    """Link the phases of pairs block by block, and write a raster per date.

    Parameters
    ----------
    rasters : PairRasters
    grid : Grid
        Of the scene.
    outputs : sequence of path
        Gets ``exp(1j * phase)`` of every date after the first, relative to that.
    agreement : path
        Gets the agreement of the linked phases with the pairs, 0 to 1, or, where that is high at
        nearly all pixels, the mean coherence of the pairs where they have one.
    n_threads : int
    progress : callable
        Called with the blocks that are done and all.

    Returns
    -------
    sums : LinkedSums
    remarks : list of str
        What a reader of the linked phases is to know of the pairs, a sentence each; a tag of
        `agreement` as well.

    Raises
    ------
    InputError
        Where no pixel has data in all pairs.
    """
    npairs, dates = len(rasters.files), rasters.dates
    sums = LinkedSums(*np.zeros((2, npairs)))
    mean_coherence = str(Path(agreement).with_suffix(".mean.tif"))
    blocks = list(product(*(range(0, size, BLOCK) for size in grid.shape)))
    with ExitStack() as stack, ThreadPoolExecutor(n_threads) as pool:

        def created(path: str, dtype: str, text: str) -> rasterio.io.DatasetWriter:
            made = create_raster(path, grid, dtype, units="1", description=text)
            return stack.enter_context(made)

        stacked = [
            created(path, "complex64", f"{dates[0]}_{date}, linked")
            for path, date in zip(outputs, dates[1:], strict=True)
        ]
        agreed = created(agreement, "float32", "agreement of linked phases with the interferograms")
        # which of the two is taken shows at the end
        if rasters.coherences:
            means = created(mean_coherence, "float32", "mean coherence of the pairs")
        for done, (row, col) in enumerate(blocks, start=1):
            bounds = row, col, min(row + BLOCK, grid.shape[0]), min(col + BLOCK, grid.shape[1])
            phase, coherence, mean, valid = _link_block(rasters, bounds, sums, pool, n_threads)
            window = Window(col, row, bounds[3] - col, bounds[2] - row)
            agreed.write(image_of(coherence, valid), 1, window=window)
            if mean is not None:
                means.write(image_of(mean, valid), 1, window=window)
            for dataset, values in zip(stacked, phase[1:], strict=True):
                dataset.write(image_of(np.exp(1j * values), valid), 1, window=window)
            progress(done, len(blocks))
        remarks = _remarks(rasters, sums)
        for dataset in [agreed, means] if rasters.coherences else [agreed]:
            dataset.update_tags(**remarks_tag(remarks))
    if rasters.coherences and sums.agrees_everywhere:
        os.replace(mean_coherence, agreement)
    elif rasters.coherences:
        os.unlink(mean_coherence)
    return sums, remarks


def misfit_table(rasters: PairRasters, sums: LinkedSums) -> dict[str, np.ndarray]:
    """Return how far each pair is from the linked phases.

    Parameters
    ----------
    rasters : PairRasters
    sums : LinkedSums

    Returns
    -------
    dict of str to ndarray, shape (npairs,)
        Columns of a table: reference, secondary, misfit_rad (root mean square), and the mean
        coherence where there is one.
    """
    table = dict(zip(ENDS, np.array(rasters.dates)[rasters.pairs.T], strict=True))
    table["misfit_rad"] = np.sqrt(sums.squares / sums.pixels)
    if rasters.coherences:
        table["coherence"] = sums.coherences / sums.pixels
    return table


def linking_notes(rasters: PairRasters, sums: LinkedSums) -> list[str]:
    """Say how well the pairs agree with the linked phases, a line each."""
    worst = int(np.argmax(sums.squares))
    mean, most = np.sqrt(np.array([sums.squares.mean(), sums.squares[worst]]) / sums.pixels)
    notes = [
        f"misfits of the interferograms to the linked phases: {mean:.2g} rad (root mean square), "
        f"largest {most:.2g} rad of {rasters.names[worst]}"
    ]
    if sums.noise:
        notes.append(
            f"{sums.noise} pixels have a mean coherence of the pairs below {LEAST_COHERENCE:g}: "
            "they count as noise"
        )
    return notes


def _link_block(
    rasters: PairRasters,
    bounds: Bounds,
    sums: LinkedSums,
    pool: ThreadPoolExecutor,
    n_threads: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray]:
    """Return phases, agreement and mean coherence of the pixels of a block, and where they are.

    Adds to the sums.
    """
    shape = bounds[2] - bounds[0], bounds[3] - bounds[1]
    inside = tuple(np.add(bounds, rasters.corner * 2).tolist())
    pair_phase = np.empty((len(rasters.files), *shape), np.float32)

    def read(number: int) -> np.ndarray:
        """Read one interferogram and return where it has a value."""
        values = read_image(rasters.files[number], inside)
        pair_phase[number] = np.angle(values)
        return np.isfinite(values) & (values != 0)

    here = Coverage(shape[0] * shape[1])
    for usable in pool.map(read, range(len(rasters.files))):
        here.add(usable)
    valid, unchanging = without_unchanging(pair_phase, here.everywhere.reshape(shape))
    weights, mean = None, None
    if rasters.coherences:
        own = np.empty((len(rasters.files), np.count_nonzero(valid)), np.float32)
        for values, path in zip(own, rasters.coherences, strict=True):
            values[:] = read_pair_coherence(path, inside)[valid]
        sums.coherences += own.sum(axis=1, dtype=np.float64)
        mean = own.mean(axis=0)
        weights = coherence_weights(own)
    known = pair_phase[:, valid]
    phase, coherence = link_phases(known, rasters.pairs, len(rasters.dates), n_threads, weights)
    sums.squares += squared_misfits(known, rasters.pairs, phase)
    if mean is not None:
        # whatever it agrees by: in loops of few pairs noise does as well as signal
        is_noise = mean < LEAST_COHERENCE
        coherence[is_noise] = 0
        sums.noise += int(np.count_nonzero(is_noise))
    sums.pixels += coherence.size
    sums.agreeing += int(np.count_nonzero(coherence > HIGH_AGREEMENT))
    sums.unchanging += unchanging
    sums.counts = sums.counts.with_part(here.counts) if sums.counts else here.counts
    return phase, coherence, mean, valid


def _remarks(rasters: PairRasters, sums: LinkedSums) -> list[str]:
    counts = sums.counts
    remarks = coverage_remarks(counts, rasters.names, rasters.files) if counts else []
    if not sums.pixels:
        raise InputError(
            f"{rasters.files[0]} and {len(rasters.files) - 1} more: no pixel is finite and not "
            "zero in all of them and changes from one to another; expected some: leave out "
            f"interferograms with gaps (stack.exclude) {' '.join(remarks)}".rstrip()
        )
    remarks += unchanging_remark(sums.unchanging)
    if rasters.chooses_points and sums.agrees_everywhere:
        taken = (
            "the mean coherence of the pairs is taken in its place."
            if rasters.coherences
            else "stack.pair_coherence, stack.temporal_coherence or stack.mask would."
        )
        share = sums.agreeing / (sums.pixels - sums.noise)
        remarks.append(
            f"The interferograms agree at {share:.1%} of the pixels, as "
            f"filtered ones do, so that their agreement chooses no points: {taken}"
        )
    return remarks
