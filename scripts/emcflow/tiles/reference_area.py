"""The points that phases and maps are relative to: one that is named, or those of an area."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emcflow.errors import InputError

__all__ = ["area_text", "reference_places"]


def reference_places(
    points: np.ndarray, labels: np.ndarray, reference: Sequence[int]
) -> np.ndarray:
    """Return the places of the points whose mean is the zero of their component.

    Parameters
    ----------
    points : ndarray of int, shape (npoints, 2)
        Row and column.
    labels : ndarray of int, shape (npoints,)
        Connected components 1, 2, ...; points of label 0 have no value.
    reference : sequence of int
        Row and column of a point, or first row, first column, end row and end column of an area,
        ends not included.

    Returns
    -------
    ndarray of int64, shape (n,)
        One, or those points of the area that are in the component with the most of them, of equal
        ones in that of the lowest label.

    Raises
    ------
    InputError
        Where there is no such point.
    """
    labelled = labels > 0
    if len(reference) == 2:
        at = np.flatnonzero(labelled & (points == np.asarray(reference)).all(axis=1))
        if not at.size:
            valid = points[labelled] if labelled.any() else points
            near = valid[np.argmin(((valid - np.asarray(reference)) ** 2).sum(axis=1))]
            raise InputError(
                f"reference point row {reference[0]}, column {reference[1]} has no value: it "
                "is masked, in no labelled component, or has no DEM error; choose a valid point, "
                f"the nearest is row {near[0]}, column {near[1]}"
            )
        return at
    first, end = np.reshape(reference, (2, 2))
    at = np.flatnonzero(labelled & ((points >= first) & (points < end)).all(axis=1))
    if not at.size:
        raise InputError(
            f"reference.area: {list(reference)} holds no point with a value; expected one or more: "
            "choose a larger area, or another, or null"
        )
    most = np.bincount(labels[at]).argmax()
    return at[labels[at] == most]


def area_text(reference: Sequence[int]) -> str:
    """Say what values are relative to, for tags: a point, or the mean of an area."""
    if len(reference) == 2:
        return "row {}, column {}".format(*reference)
    row, col, end_row, end_col = reference
    return f"mean of rows {row} to {end_row - 1}, columns {col} to {end_col - 1}"
