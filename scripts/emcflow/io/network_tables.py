"""The tables of the network: interferograms, and the triangles over which links are unwrapped."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emcflow.acquisition.geometry import days_since_first
from emcflow.graph.planar import planar_graph
from emcflow.io.files import read_csv, write_csv
from emcflow.network.networks import Network, PlanarNetwork, planar_network

# Text columns of the tables.
ENDS = ("reference", "secondary")
CORNERS = ("date1", "date2", "date3")


def write_network(
    pairs_csv: str | Path,
    triangles_csv: str | Path,
    network: PlanarNetwork,
    pairs: np.ndarray,
    planar: np.ndarray,
) -> None:
    """Write the tables.

    Parameters
    ----------
    pairs_csv : path
        Columns reference, secondary, days, planar (1 where the pair is in the planar network).
    triangles_csv : path
        Columns date1, date2, date3; sides that are no interferograms cost nothing.
    network : PlanarNetwork
        From :func:`emcflow.network.time_network.time_network`.
    pairs : ndarray of int, shape (npairs, 2)
        The interferograms, sorted.
    planar : ndarray of bool, shape (npairs,)
    """
    dates, since_first = np.array(network.dates), days_since_first(network.dates).astype(int)
    columns = {
        **dict(zip(ENDS, dates[pairs.T], strict=True)),
        "days": np.diff(since_first[pairs], axis=1)[:, 0],
        "planar": planar.astype(int),
    }
    write_csv(pairs_csv, columns)
    write_csv(triangles_csv, dict(zip(CORNERS, dates[network.triangles].T, strict=True)))


def read_interferograms(pairs_csv: str | Path, triangles_csv: str | Path) -> Network:
    """Read the interferograms, and those triangles whose three sides are interferograms."""
    dates, pairs, _, triangles = _read(pairs_csv, triangles_csv)
    known = np.zeros((len(dates), len(dates)), dtype=bool)
    known[pairs[:, 0], pairs[:, 1]] = known[pairs[:, 1], pairs[:, 0]] = True
    sides = known[triangles, np.roll(triangles, -1, axis=1)]
    return Network(dates, planar_graph(triangles[sides.all(axis=1)], len(dates), pairs))


def read_time_network(
    pairs_csv: str | Path, triangles_csv: str | Path
) -> tuple[PlanarNetwork, np.ndarray]:
    """Read the planar network, and which of its pairs are interferograms.

    Returns
    -------
    network : PlanarNetwork
    formed : ndarray of bool, shape (network.npairs,)
        False for pairs that only cut loops into triangles: cycles cost nothing there.
    """
    dates, pairs, planar, triangles = _read(pairs_csv, triangles_csv)
    network = planar_network(dates, pairs[planar], triangles)
    keys = pairs[planar] @ [len(dates), 1]
    return network, np.isin(network.pairs @ [len(dates), 1], keys)


def _read(pairs_csv, triangles_csv):
    """Return dates, pairs, which of them are planar, and triangles, as indices of dates."""
    table, corners = read_csv(pairs_csv, ENDS), read_csv(triangles_csv, CORNERS)
    ends = np.column_stack([table[name] for name in ENDS])
    dates = np.unique(ends)
    triangles = np.searchsorted(dates, np.column_stack([corners[name] for name in CORNERS]))
    return tuple(dates.tolist()), np.searchsorted(dates, ends), table["planar"] == 1, triangles
