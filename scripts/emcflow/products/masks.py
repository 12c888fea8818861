"""Masks of the points whose cycles are likely right, of each interferogram and of the maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from emcflow.io.raster import NO_BYTE_DATA, Grid, read_band, write_rows

__all__ = ["write_masks"]

# Of the probability asked for: decibels in a byte are rounded.
ROUNDING = 1 + 1e-6


def write_masks(
    pwrong: Sequence[str | Path],
    masks: Sequence[str | Path],
    of_maps: str | Path,
    grid: Grid,
    most: float,
    progress: Callable[[int, int], None],
) -> tuple[float, float]:
    """Write the masks by rows of blocks.

    Parameters
    ----------
    pwrong : sequence of path
        How likely cycles are wrong, of each pair, as
        :func:`emcflow.unwrap.wrong_cycles.as_decibels` has it.
    masks : sequence of path
        Mask of each pair.
    of_maps : path
        Mask by the mean probability of the pairs.
    grid : Grid
    most : float
        Largest probability of the points that are kept.
    progress : callable
        Called with masks of pairs written and in all.

    Returns
    -------
    of_pairs, of_maps : float
        Share of the points that is kept, of the pairs in the mean.
    """
    total, known = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, bool)
    shares = []
    for number, (path, mask) in enumerate(zip(pwrong, masks, strict=True), start=1):

        def of_pair(rows: slice, path: str | Path = path) -> tuple[np.ndarray, np.ndarray]:
            """Return where a pair is kept and where it has points; add it to all."""
            decibels = read_band(path, (rows.start, 0, rows.stop, grid.shape[1]))
            has_points = decibels != NO_BYTE_DATA
            probability = 10 ** (-0.1 * decibels.astype(np.float32))
            total[rows][has_points] += probability[has_points]
            known[rows] |= has_points
            return probability <= np.float32(most * ROUNDING), has_points

        shares.append(_write_mask(mask, grid, most, of_pair, "recommended mask of the pair"))
        progress(number, len(pwrong))

    def of_all(rows: slice) -> tuple[np.ndarray, np.ndarray]:
        return total[rows] / len(pwrong) <= most, known[rows]

    share = _write_mask(of_maps, grid, most, of_all, "recommended mask of the maps")
    return float(np.mean(shares)), share


def _write_mask(
    path: str | Path,
    grid: Grid,
    most: float,
    kept_and_points: Callable[[slice], tuple[np.ndarray, np.ndarray]],
    text: str,
) -> float:
    """Write a mask; return the share of the points that it keeps."""
    counts = np.zeros(2, np.int64)

    def rows(first: int, end: int) -> np.ndarray:
        kept, has_points = kept_and_points(slice(first, end))
        counts[:] += np.count_nonzero(kept & has_points), np.count_nonzero(has_points)
        return np.where(has_points, kept, NO_BYTE_DATA).astype(np.uint8)

    tags = {"MASK": f"1: probability of a wrong cycle at most {most:g}; 0: more; 255: no point"}
    write_rows(
        path, grid, np.uint8, rows, units="1", description=text, tags=tags, nodata=NO_BYTE_DATA
    )
    return float(counts[0] / max(counts[1], 1))
