"""The strips of rows that a scene is cut into for the rules of the whole scene."""

from __future__ import annotations


def strip_bounds(nrows: int, strip_rows: int) -> list[tuple[int, int]]:
    """Return first and end row of every strip of a scene.

    Parameters
    ----------
    nrows : int
        Of the scene.
    strip_rows : int
        Of a strip; the last one may have fewer.

    Returns
    -------
    list of (int, int)
    """
    return [(row, min(row + strip_rows, nrows)) for row in range(0, nrows, strip_rows)]
