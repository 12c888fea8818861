"""Which image is bad: where each has data, and what each alone costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emcflow.errors import InputError

# An image that alone costs more than this share of the points is named.
COSTLY_SHARE = 0.1
# Equal phases of fewer images may be chance, where few bits of them are kept.
LEAST_EQUAL = 3
NOWHERE, SEVERAL = -1, -2


class Coverage:
    """Counts of the pixels at which images have data, one image after the other.

    Parameters
    ----------
    npixels : int

    Attributes
    ----------
    known : list of int
        Pixels with data of each image.
    missing_at : int16 (npixels,)
        The one image without data there, `NOWHERE` or `SEVERAL`.
    """

    def __init__(self, npixels: int):
        self.known: list[int] = []
        self.missing_at = np.full(npixels, NOWHERE, np.int16)

    def add(self, usable: np.ndarray) -> None:
        """Count an image that has data where `usable`, bool (npixels,)."""
        first, missing = self.missing_at == NOWHERE, ~usable.ravel()
        self.missing_at[missing & ~first] = SEVERAL
        self.missing_at[missing & first] = len(self.known)
        self.known.append(int(np.count_nonzero(usable)))

    @property
    def costs(self) -> np.ndarray:
        """Pixels int64 (nimages,) that all other images have, and each alone has not."""
        lost = self.missing_at[self.missing_at >= 0]
        return np.bincount(lost, minlength=len(self.known))

    def __add__(self, other: Coverage) -> Coverage:
        """Return the counts of two parts of the scene together."""
        both = Coverage(0)
        both.known = [sum(pair) for pair in zip(self.known, other.known, strict=True)]
        both.missing_at = np.concatenate([self.missing_at, other.missing_at])
        return both


def coverage_remarks(
    coverage: Coverage, names: Sequence[str], files: Sequence[str], sampled: bool = False
) -> list[str]:
    """Name the images that cost many points; refuse one that has no data at all.

    Parameters
    ----------
    coverage : Coverage
    names : sequence of str
        Dates or pairs, as ``stack.exclude`` takes them; empty for one that cannot be left out.
    files : sequence of str
        Of the images.
    sampled : bool
        Only a part of the scene was looked at, which proves nothing of the rest.

    Returns
    -------
    list of str
        A sentence each.

    Raises
    ------
    InputError
        For an image without data at any of the pixels, where there are some.
    """
    npixels = coverage.missing_at.size
    if not npixels:
        return []
    for known, name, file in zip(coverage.known, names, files, strict=True):
        if not known and not sampled:
            raise InputError(
                f"{file}: zero, nodata or not finite at all {npixels} pixels that may be points; "
                f"expected an image with data: write it again, or {_leave_out(name)}"
            )
    remarks = []
    for cost, known, name, file in zip(coverage.costs, coverage.known, names, files, strict=True):
        if cost > COSTLY_SHARE * npixels:
            remarks.append(
                f"{file} has data at {known / npixels:.0%} of the pixels that may be points, and "
                f"alone costs {cost / npixels:.0%} of them, since a point needs data in every "
                f"image: {_leave_out(name)}, if they matter more."
            )
    return remarks


def _leave_out(name: str) -> str:
    if not name:
        return "form the stack again from another first date"
    return f"leave it out with stack.exclude: [{name!r}]"


def unchanging(phase: np.ndarray) -> np.ndarray:
    """Tell the pixels whose phase is one and the same at all dates.

    No echo has that, but nodata has that was written as a number, such as the 1 that
    ``exp(1j * 0)`` makes of it.

    Parameters
    ----------
    phase : float32 (ndates, npixels)
        Relative to the first date, whose phase is 0 [rad]; NaN where there is no data.

    Returns
    -------
    bool (npixels,)
        True where all dates after the first agree: by zeros, or at least three by any value.
    """
    same = np.ones(phase.shape[1], bool)
    if len(phase) <= LEAST_EQUAL:
        same = phase[1] == 0
    for row in phase[1:]:
        same &= row == phase[1]
    return same
