"""Which pairs of dates become interferograms: by time and baseline, or as the user lists them.

References
----------
Pepe, A., Lanari, R. (2006). On the extension of the minimum cost flow algorithm for phase
unwrapping of multitemporal differential SAR interferograms. IEEE Transactions on Geoscience and
Remote Sensing 44(9), 2374-2383: the triangulation over time and perpendicular baseline.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emcflow.acquisition.geometry import days_since_first
from emcflow.network.networks import check_connected

# The triangulation is exact in whole numbers: parts of the range of time and of baselines.
PARTS_OF_RANGE = 1_000_000


def delaunay_pairs(
    dates: Sequence[str],
    bperp_m: np.ndarray,
    max_days: float | None = None,
    max_bperp_m: float | None = None,
) -> np.ndarray:
    """Pair the dates that a Delaunay triangulation over time and baseline joins.

    Both axes are divided by their ranges, so that neither unit decides (Pepe & Lanari 2006, see the
    module). Dates on one line, as with equal baselines, are each paired with the next.

    Parameters
    ----------
    dates : sequence of str
        Dates as YYYYMMDD, ascending.
    bperp_m : ndarray, shape (ndates,)
        Perpendicular baseline of each date [m].
    max_days, max_bperp_m : float, optional
        Pairs further apart in time, or in baseline, are left out.

    Returns
    -------
    ndarray of int32, shape (npairs, 2)
        Indices (d1, d2) of dates, d1 < d2, sorted.

    Raises
    ------
    InputError
        If what is left does not join all dates.
    """
    from emcflow.graph.delaunay import delaunay_triangles  # the library behind it is slow to load

    place = np.column_stack([days_since_first(dates), bperp_m])
    reach = np.ptp(place, axis=0)
    parts = np.rint(PARTS_OF_RANGE * (place - place[0]) / np.where(reach > 0, reach, 1))
    triangles = delaunay_triangles(parts.astype(np.int64))
    pairs = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    if len(triangles) == 0:
        pairs = np.arange(len(dates) - 1)[:, None] + np.arange(2)
    pairs = np.unique(np.sort(pairs, axis=1), axis=0).astype(np.int32)
    limits = {"max_days": max_days, "max_bperp_m": max_bperp_m}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    for axis, limit in enumerate(limits.values()):
        if limit is not None:
            pairs = pairs[np.abs(np.diff(place[pairs, axis], axis=1)[:, 0]) <= limit]
    check_connected(
        dates,
        pairs,
        "the pairs of the Delaunay network within "
        + " and ".join(f"{name} = {limit:g}" for name, limit in given.items()),
        "raise the limits",
    )
    return pairs
