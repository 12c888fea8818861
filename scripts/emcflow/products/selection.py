"""Which pixels are points, where the stack brings no temporal coherence of its own.

Whatever a stack brings to choose its points by becomes one raster that reads as a temporal
coherence, 0 to 1, NaN where a mask says no.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from emcflow.errors import InputError
from emcflow.io.coverage import Coverage
from emcflow.io.raster import read_values, row_strips

ROWS_PER_READ = 512
# Loops that close to within the rounding of float32 phases.
CLOSED = 0.99999
# Agreement of interferograms that tells nothing where this share of the pixels has it.
HIGH_AGREEMENT, EVERYWHERE = 0.9, 0.99
# Mean coherence of pairs below which a pixel is noise: that of pure noise over n looks is
# sqrt(pi / (4 n)) (Touzi et al. 1999, IEEE TGRS 37(1), 135-149), 0.2 over 20, fewer than
# multilooked interferograms have.
LEAST_COHERENCE = 0.2


def amplitude_dispersion(
    files: Sequence[str],
    bounds: tuple[int, int, int, int],
    progress: Callable[[int, int], None] | None = None,
    coverage: Coverage | None = None,
) -> np.ndarray:
    """Return the amplitude dispersion of a stack: standard deviation by mean over the dates.

    A small one marks a pixel that one stable reflector dominates; at high signal-to-noise ratio it
    is the standard deviation of its phase in radians (Ferretti, Prati and Rocca 2001, IEEE TGRS
    39(1), 8-20, sec. III). The images are first brought to one brightness, each divided by the
    mean of its amplitudes (Hooper, Segall and Zebker 2007, J. Geophys. Res. 112, B07407).

    Parameters
    ----------
    files : sequence of str
        Complex rasters, one per date.
    bounds : tuple of int
        First row, first column, end row, end column in the rasters.
    progress : callable, optional
        Called with (files read, files in all).
    coverage : Coverage, optional
        Of all pixels, without a file so far; the files are added to it.

    Returns
    -------
    float32 (rows, cols)
        NaN where some date is zero or not finite, and where no amplitude differs from the others.

    Raises
    ------
    InputError
        For a file without any amplitude, or of real values.
    """
    shape = bounds[2] - bounds[0], bounds[3] - bounds[1]
    amplitude, mean, squares = np.zeros((3, *shape), np.float32)
    same, coverage = np.ones(shape, bool), coverage or Coverage(shape[0] * shape[1])
    for count, path in enumerate(files, start=1):
        npixels = 0
        for first, end, rows in _amplitudes(path, bounds):
            usable = np.isfinite(rows) & (rows > 0)
            npixels += int(np.count_nonzero(usable))
            coverage.add(usable, first * shape[1])
            rows[~usable] = 0
            amplitude[first:end] = rows
            own = same[first:end]
            own &= usable
            if count > 1 and own.any():  # nowhere after two images or three
                ((_, _, of_first),) = _amplitudes(files[0], _rows_of(bounds, first, end))
                own &= rows == of_first
        if not npixels:
            raise InputError(
                f"{path}: zero or not finite everywhere; expected an image with amplitudes: "
                "write the file again, or leave it out"
            )
        amplitude /= amplitude.sum(dtype=np.float64) / npixels
        # mean and sum of squared deviations brought up to date (Welford 1962)
        for first, _, end, _ in row_strips(shape):
            strip = slice(first, end)
            deviation = amplitude[strip] - mean[strip]
            mean[strip] += deviation / np.float32(count)
            squares[strip] += deviation * (amplitude[strip] - mean[strip])
        if progress is not None:
            progress(count, len(files))
    del amplitude
    with np.errstate(invalid="ignore", divide="ignore"):
        dispersion = np.sqrt(np.divide(squares, np.float32(len(files)), out=squares), out=squares)
        dispersion /= mean
    if len(files) > 1:
        dispersion[same] = np.nan
    dispersion[~coverage.everywhere.reshape(shape)] = np.nan
    return dispersion


def _amplitudes(
    path: str, bounds: tuple[int, int, int, int]
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield first and end row within bounds, and the amplitudes of the rows, float32."""
    row0, col0, row1, col1 = bounds
    for row in range(row0, row1, ROWS_PER_READ):
        end = min(row + ROWS_PER_READ, row1)
        image = read_values(path, (row, col0, end, col1))
        if not np.iscomplexobj(image):
            raise InputError(
                f"{path}: real values, without amplitudes; expected complex SLCs to choose "
                "points by their amplitude dispersion: give stack.temporal_coherence, or "
                "stack.mask and stack.points: mask"
            )
        yield row - row0, end - row0, np.abs(image).astype(np.float32, copy=False)


def _rows_of(bounds: tuple[int, int, int, int], first: int, end: int) -> tuple[int, int, int, int]:
    """Return the bounds of some rows within bounds."""
    return bounds[0] + first, bounds[1], bounds[0] + end, bounds[3]


def coherence_of_dispersion(dispersion: np.ndarray | float) -> np.ndarray | float:
    """Return the temporal coherence that an amplitude dispersion stands for: exp(-D**2 / 2).

    The mean of ``exp(1j * n)`` over normal noise n of standard deviation D, which is the phase
    noise at high signal-to-noise ratio (Ferretti, Prati and Rocca 2001). It falls with D for every
    D, so a limit of one is a limit of the other.
    """
    return np.exp(-0.5 * np.square(dispersion))


def check_dispersion(dispersion: np.ndarray, name: str) -> None:
    """Refuse an amplitude dispersion that is none.

    Raises
    ------
    InputError
    """
    if np.iscomplexobj(dispersion):
        raise InputError(
            f"{name}: complex values; expected a real amplitude dispersion: give another raster"
        )
    known = dispersion[np.isfinite(dispersion)]
    if not known.size or known.min() < 0:
        found = f"values down to {known.min():g}" if known.size else "no finite value"
        raise InputError(
            f"{name}: {found}; expected an amplitude dispersion, standard deviation by mean, 0 or "
            "more: give another raster"
        )


def check_limit(coherence: Iterable[np.ndarray], name: str, limit: float) -> None:
    """Refuse a limit of the amplitude dispersion that no pixel is below.

    Parameters
    ----------
    coherence : iterable of float ndarray
        Temporal coherence that the amplitude dispersion stands for, `coherence_of_dispersion`: all
        parts of the scene.
    name : str
        Of its raster, for the message.
    limit : float
        ``stack.max_amplitude_dispersion``.

    Raises
    ------
    InputError
    """
    highest = max(np.max(part, initial=0, where=np.isfinite(part)) for part in coherence)
    if not highest > coherence_of_dispersion(limit):
        lowest = np.sqrt(-2 * np.log(max(highest, np.finfo(np.float32).tiny)))
        raise InputError(
            f"{name}: no pixel with an amplitude dispersion below stack.max_amplitude_dispersion = "
            f"{limit:g} (the lowest is {lowest:.4g}); expected some: raise the limit"
        )


def check_agreement(coherence: Iterable[np.ndarray], name: str) -> None:
    """Refuse interferograms that agree everywhere: that tells nothing of the points.

    Parameters
    ----------
    coherence : iterable of float ndarray
        Agreement of the linked phases with the interferograms; 0 or NaN where there is none. All
        parts of the scene.
    name : str
        Of its raster, for the message.

    Raises
    ------
    InputError
        Where nearly all loops close exactly.
    """
    complete = closed = 0
    for part in coherence:
        complete += int(np.count_nonzero(part > 0))
        closed += int(np.count_nonzero(part > CLOSED))
    if complete and closed > 0.99 * complete:
        raise InputError(
            f"{name}: all loops of the interferograms close exactly, so that their agreement tells "
            "nothing of the points; set stack.points to mask, or give stack.temporal_coherence"
        )


def agrees_everywhere(agreement_counts: tuple[int, int]) -> bool:
    """Say whether interferograms agree at nearly all pixels, as filtered ones do.

    Parameters
    ----------
    agreement_counts : tuple of int
        Pixels with an agreement above `HIGH_AGREEMENT`, and pixels in all.
    """
    high, complete = agreement_counts
    return complete > 0 and high > EVERYWHERE * complete


def read_mask(path: str, bounds: tuple[int, int, int, int]) -> np.ndarray:
    """Return where a mask lets points be: everywhere but at 0, NaN and nodata.

    Raises
    ------
    InputError
        Where it lets none.
    """
    values = read_values(path, bounds)
    mask = (values != 0) & np.isfinite(values)
    if not mask.any():
        raise InputError(
            f"stack.mask: {path} is 0 or NaN everywhere in the scene; expected other values where "
            "there may be points: invert it, or give another raster"
        )
    return mask
