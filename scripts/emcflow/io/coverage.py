"""Which image is bad: where each has data, and what each alone costs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from emcflow.errors import InputError

# An image that alone costs more than this share of the points is named.
COSTLY_SHARE = 0.1
# Equal phases of fewer images may be chance, where few bits of them are kept.
LEAST_EQUAL = 3
NOWHERE, SEVERAL = -1, -2
# Pixels that are counted at a time.
PART = 1 << 22
REMARKS = "EMCFLOW_REMARKS"


class Counts(NamedTuple):
    """Pixels at which images have data.

    Attributes
    ----------
    npixels : int
        That were looked at.
    known : int64 (nimages,)
        Of them, those with data of each image.
    costs : int64 (nimages,)
        Those that all images but this one have.
    """

    npixels: int
    known: np.ndarray
    costs: np.ndarray

    def with_part(self, other: Counts) -> Counts:
        """Return the counts of two parts of the scene together."""
        known, costs = self.known + other.known, self.costs + other.costs
        return Counts(self.npixels + other.npixels, known, costs)


class Coverage:
    """Counts a part of the scene, one image after the other.

    Parameters
    ----------
    npixels : int
    """

    def __init__(self, npixels: int) -> None:
        self._known: list[int] = []
        # the one image without data there, else one of the two
        self._missing_at = np.full(npixels, NOWHERE, np.int16)

    def add(self, usable: np.ndarray, start: int = 0) -> None:
        """Count an image that has data where `usable`, bool, of the pixels from `start` on.

        Its parts follow one another, from the one that begins at 0 on.
        """
        if not start:
            self._known.append(0)
        known = usable.ravel()
        for begin in range(0, known.size, PART):
            part = known[begin : begin + PART]
            at = self._missing_at[start + begin : start + begin + part.size]
            first = at == NOWHERE
            at[~part & ~first] = SEVERAL
            at[~part & first] = len(self._known) - 1
        self._known[-1] += int(np.count_nonzero(known))

    @property
    def everywhere(self) -> np.ndarray:
        """Pixels bool (npixels,) at which all images have data."""
        return self._missing_at == NOWHERE

    @property
    def counts(self) -> Counts:
        """What was counted."""
        costs = np.zeros(len(self._known), np.int64)
        for start in range(0, self._missing_at.size, PART):
            at = self._missing_at[start : start + PART]
            costs += np.bincount(at[at >= 0], minlength=len(self._known))
        return Counts(self._missing_at.size, np.array(self._known, np.int64), costs)


def coverage_remarks(
    counts: Counts, names: Sequence[str], files: Sequence[str], sampled: bool = False
) -> list[str]:
    """Name the images that cost many points; refuse one that has no data at all.

    Parameters
    ----------
    counts : Counts
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
    npixels = counts.npixels
    if not npixels:
        return []
    for known, name, file in zip(counts.known, names, files, strict=True):
        if not known and not sampled:
            raise InputError(
                f"{file}: zero, nodata or not finite at all {npixels} pixels that may be points; "
                f"expected an image with data: write it again, or {_leave_out(name)}"
            )
    remarks = []
    for cost, known, name, file in zip(counts.costs, counts.known, names, files, strict=True):
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


def unchanging_remark(npixels: int) -> list[str]:
    """Return the sentence that says how many pixels never change, none where all do."""
    if not npixels:
        return []
    return [
        f"{npixels} pixels never change over the dates, as nodata written as a number does: they "
        "are left out."
    ]


def remarks_tag(remarks: Sequence[str]) -> dict[str, str]:
    """Return the tag of a raster that hands remarks on to the report."""
    return {REMARKS: json.dumps(remarks)} if remarks else {}


def read_remarks(tags: Mapping[str, str]) -> list[str]:
    """Return the remarks among the tags of a raster."""
    return json.loads(tags.get(REMARKS, "[]"))


def unchanging(phase: np.ndarray) -> np.ndarray:
    """Tell the pixels whose phase is one and the same at all dates.

    No echo has that, but nodata has that was written as a number, such as the 1 that
    ``exp(1j * 0)`` makes of it. A single such pixel is the one that all phases are relative to.

    Parameters
    ----------
    phase : float32 (ndates, npixels)
        Relative to the first date, whose phase is 0 [rad]; NaN where there is no data.

    Returns
    -------
    bool (npixels,)
        True where all dates after the first agree, by zeros, or at least three by any value, and
        there is another such pixel.
    """
    same = np.ones(phase.shape[1], bool)
    if len(phase) <= LEAST_EQUAL:
        same = phase[1] == 0
    for row in phase[1:]:
        same &= row == phase[1]
    return same & (np.count_nonzero(same) > 1)
