"""How good each interferogram is, in numbers: the table of pairs of the quality layers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from emcflow.acquisition.geometry import days_since_first
from emcflow.io.files import Columns
from emcflow.io.network_tables import CORNERS
from emcflow.io.raster import NO_LABEL_DATA
from emcflow.network.networks import Network
from emcflow.products.closure import Closure, all_triangles
from emcflow.tiles.overlaps import Overlaps

# A pair is suspect where more of its loops do not close than this ...
OPEN_LOOPS = 0.01
# ... or less of the points of some overlap of tiles agree, or a misfit is more than rounding,
SEAM_AGREEMENT = 0.98
MISFIT_CYCLES = 1e-6
# or more of the triangles have a residue than this, and than the other pairs by this many robust
# standard deviations.
RESIDUES = 0.01
RESIDUE_DEVIATIONS = 5.0


def add_crossings(image: np.ndarray, points: np.ndarray, crossings: np.ndarray) -> None:
    """Put the crossings of flow of a tile into an image of the scene; the most where tiles overlap.

    Parameters
    ----------
    image : uint16 (rows, cols)
        ``NO_LABEL_DATA`` where there is no point yet; it is changed.
    points : int (npoints, 2)
        Rows and columns.
    crossings : int (npoints,)
        Changed links at each point; more than can be told apart count as 65534.
    """
    at = tuple(points.T)
    known = np.where(image[at] == NO_LABEL_DATA, 0, image[at])
    image[at] = np.maximum(known, np.minimum(crossings, NO_LABEL_DATA - 1))


def at_points(open_loops: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return open loops, uint16 (rows, cols), with ``NO_LABEL_DATA`` where there is no point."""
    return np.where(known, open_loops, NO_LABEL_DATA).astype(np.uint16)


def pair_table(
    network: Network,
    statistics: Mapping[str, np.ndarray],
    ntriangles: int,
    closure: Closure,
    overlaps: Overlaps,
    residuals: np.ndarray,
    valid_share: np.ndarray,
    bperp_m: np.ndarray | None = None,
) -> Columns:
    """Return what is known about every pair.

    Parameters
    ----------
    network : Network
    statistics : mapping of int (npairs,)
        residues, flow_links, flow_sum and cost of `unwrap.unwrap_in_space`, tiles together.
    ntriangles : int
        Triangles of the meshes of all tiles.
    closure : Closure
    overlaps : Overlaps
    residuals : float (npairs, noverlaps)
        Misfits of the offsets of the tiles [cycles].
    valid_share : float (npairs,)
        Share of the coherent pixels with an unwrapped phase.
    bperp_m : float (ndates,), optional
        Perpendicular baselines [m].

    Returns
    -------
    dict of str to ndarray, shape (npairs,)
        Columns of a table: pair (D1_D2), reference, secondary, days, bperp_m (where known),
        valid_share, residues (triangles of the meshes with one), residue_share (of all), flow_links
        (links that were changed), flow_sum (cycles added to or taken from them), flow_cost,
        open_loops (loops through the pair that do not close, counted at every point), open_share
        (of all such loops); both NaN for a pair that no loop checks: it is in no triangle, or in
        none whose three pairs have a point in common. With overlaps also agreement (share of
        their points that agree), misfit_cycles (largest misfit of the offsets) and seam_00 to
        seam_100: deciles of the difference of two tiles about its most frequent value, of the
        overlap where that is largest [cycles]. At the end suspect (0 or 1) and reasons.
    """
    first, second = np.array(network.dates)[network.pairs.T]
    table = {"pair": np.array(network.pair_names), "reference": first, "secondary": second}
    days = days_since_first(network.dates).astype(int)
    table["days"] = np.diff(days[network.pairs], axis=1)[:, 0]
    if bperp_m is not None:
        table["bperp_m"] = np.diff(bperp_m[network.pairs], axis=1)[:, 0]
    table["valid_share"] = valid_share
    table["residues"] = statistics["residues"]
    table["residue_share"] = statistics["residues"] / max(1, ntriangles)
    table["flow_links"] = statistics["flow_links"]
    table["flow_sum"] = statistics["flow_sum"]
    table["flow_cost"] = statistics["cost"]
    _, sides = all_triangles(network.pairs, network.ndates)
    loops = np.zeros((2, network.npairs), dtype=np.int64)
    for counts, of_triangles in zip(loops, (closure.open_points, closure.points), strict=True):
        np.add.at(counts, sides, of_triangles[:, None])
    checked = loops[1] > 0
    table["open_loops"] = np.where(checked, loops[0], np.nan)
    table["open_share"] = np.full(network.npairs, np.nan)
    np.divide(loops[0], loops[1], out=table["open_share"], where=checked)
    if len(overlaps.links):
        table["agreement"] = np.average(overlaps.agreement, axis=0, weights=overlaps.points)
        table["misfit_cycles"] = np.abs(residuals).max(axis=1)
        about = overlaps.deciles.astype(np.int32) - overlaps.difference[..., None]
        worst = np.take_along_axis(about, np.abs(about).argmax(axis=0)[None], axis=0)[0]
        for decile, values in enumerate(worst.T):
            table[f"seam_{10 * decile:02d}"] = values
    reasons = _reasons(table, overlaps)
    table["suspect"] = np.array([int(bool(reason)) for reason in reasons])
    table["reasons"] = np.array(reasons)
    return table


def loop_table(network: Network, closure: Closure) -> Columns:
    """Return what is known about every loop of three interferograms.

    Parameters
    ----------
    network : Network
    closure : Closure

    Returns
    -------
    dict of str to ndarray, shape (nloops,)
        Columns of a table: the three dates, points with all three interferograms, and those of
        them at which the loop does not close.
    """
    triangles, _ = all_triangles(network.pairs, network.ndates)
    dates = dict(zip(CORNERS, np.array(network.dates)[triangles.T], strict=True))
    return dates | {"points": closure.points, "open_points": closure.open_points}


def _reasons(table: Columns, overlaps: Overlaps) -> list[str]:
    """Return why each pair is suspect, in words; empty where it is not."""
    share = table["residue_share"]
    middle = np.median(share)
    spread = 1.4826 * np.median(np.abs(share - middle))
    found = {
        "loops": table["open_share"] > OPEN_LOOPS,
        "residues": (share > RESIDUES) & (share > middle + RESIDUE_DEVIATIONS * spread),
    }
    if len(overlaps.links):
        found["seams"] = overlaps.agreement.min(axis=0) < SEAM_AGREEMENT
        found["misfit"] = table["misfit_cycles"] > MISFIT_CYCLES
    return [
        " ".join(name for name, flags in found.items() if flags[pair]) for pair in range(len(share))
    ]
