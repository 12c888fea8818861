"""What is to be said of the overlaps of tiles: those too small to be used, parts left apart."""

from __future__ import annotations

import numpy as np

from emcflow.tiles.islands import Islands
from emcflow.tiles.merge import LEAST_LABELLED_POINTS
from emcflow.tiles.overlaps import Overlaps

# Lines of a kind that are worth reading; what is left out is counted.
MOST_LINES = 20


def overlap_remarks(overlaps: Overlaps, min_overlap_points: int) -> list[str]:
    """Name the overlaps that join nothing, and the parts of the scene that stay apart.

    Parameters
    ----------
    overlaps : Overlaps
    min_overlap_points : int
        Fewer common points are too few.

    Returns
    -------
    list of str
        A sentence each; empty where all tiles are joined.
    """
    return _too_small(overlaps, min_overlap_points) + _apart(overlaps)


def island_remarks(islands: Islands) -> list[str]:
    """Say which islands are joined to the rest by time alone, and which stay separate.

    Parameters
    ----------
    islands : Islands

    Returns
    -------
    list of str
        A sentence each.
    """
    remarks = []
    columns = islands.points, islands.nlinks, islands.mean_wrong, islands.levelled
    for (row, col), number, nlinks, wrong, levelled in zip(islands.places, *columns, strict=True):
        island = f"The island of {number:,} points around row {row}, column {col}"
        across = f"{nlinks} links across"
        odds = f"{100 * wrong:.2g} % in the mean of the interferograms"
        if levelled:
            remarks.append(
                f"{island} is levelled by time, with {across}: its cycles are wrong with a "
                f"probability of {odds}. A jump of all of it by whole cycles between two dates "
                "would not show (docs/quality.md, Islands)."
            )
        else:
            remarks.append(
                f"{island} stays separate: by {across} its cycles would be wrong with a "
                f"probability of {odds}. merge.island_probability joins it all the same "
                "(docs/quality.md, Islands)."
            )
    left_out = len(remarks) - MOST_LINES
    return remarks[:MOST_LINES] + (
        [f"{left_out} more islands: see merge/islands.csv."] if left_out > 0 else []
    )


def _too_small(overlaps: Overlaps, min_overlap_points: int) -> list[str]:
    if not len(overlaps.too_small):
        return []
    remarks = [
        f"tiles {_name(overlaps.nodes[first])} and {_name(overlaps.nodes[second])} share only "
        f"{npoints} points, fewer than merge.min_overlap_points = {min_overlap_points}: not used "
        "to join them"
        for first, second, npoints in overlaps.too_small[:MOST_LINES]
    ]
    ends = overlaps.component[overlaps.too_small[:, :2]]
    apart = np.count_nonzero(ends[:, 0] != ends[:, 1])
    remarks.append(
        f"{len(overlaps.too_small)} overlaps in all are too small to be used; {apart} of them "
        "would have joined what nothing else joins"
    )
    return remarks


def _apart(overlaps: Overlaps) -> list[str]:
    sizes = np.bincount(overlaps.component, overlaps.node_points).astype(int)
    large = np.flatnonzero(sizes[1:] >= LEAST_LABELLED_POINTS) + 1
    remarks = []
    for component in large[:MOST_LINES]:
        members = overlaps.members(component)
        remarks.append(
            f"not joined to the rest of the scene: {sizes[component]} points of "
            f"{len({tile for tile, _ in members})} tiles, among them "
            f"{', '.join(map(_name, members[:5]))}"
        )
    if overlaps.ncomponents > 1:
        remarks.append(
            f"the scene falls into {overlaps.ncomponents} parts, "
            f"{overlaps.ncomponents - 1 - len(large)} of them of fewer than "
            f"{LEAST_LABELLED_POINTS} points: phases of different parts cannot be compared, see "
            "*.unw.conncomp.tif"
        )
    return remarks


def _name(node: np.ndarray | tuple[int, int]) -> str:
    """Return tile and region of a node; the first region needs no mention."""
    tile, region = node
    return f"{tile:02d} (region {region})" if region else f"{tile:02d}"
