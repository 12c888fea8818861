"""The points and interferograms of a tile that a finished run with fewer dates has unwrapped."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np

from emcflow.errors import InputError
from emcflow.graph.planar import planar_graph
from emcflow.io.hdf5 import open_product, read, read_region_levels
from emcflow.network.networks import Network
from emcflow.unwrap.region_levels import RegionLevels
from emcflow.workflow.update import WHOLE_RUN

log = logging.getLogger(__name__)


def check_phase(phase: np.ndarray, valid: np.ndarray, dates: tuple[str, ...], mesh: str) -> None:
    """Check that a tile has its old phases at the dates of a finished run, and new ones everywhere.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Of the points of the old mesh [rad].
    valid : bool (npoints,)
        False where some date is zero or not finite.
    dates : tuple of str
    mesh : path
        Mesh of the tile in the finished run.

    Raises
    ------
    InputError
    """
    if not valid.all():
        raise InputError(
            f"stack: {np.count_nonzero(~valid)} of {valid.size} points of {mesh} are zero or not "
            "finite at a new date; expected a value at every point of update.previous: leave "
            f"dates out that do not cover the scene, {WHOLE_RUN}"
        )
    with open_product(mesh) as file:
        for row, date in enumerate(file.attrs["dates"]):
            if not np.array_equal(file["phase"][row], phase[dates.index(date)]):
                raise InputError(
                    f"stack: the phase of {date} is not that of {mesh}; expected the images of "
                    "update.previous as they were (phase linking of more dates changes all): "
                    f"give them back, {WHOLE_RUN}"
                )


def check_made_alike(unwrapped: str, record: Path, rule: str, fingerprint: str) -> None:
    """Check that a tile of a finished run was unwrapped by the settings and the code of now.

    Parameters
    ----------
    unwrapped : path
    record : Path
        Of the job that made it, see :mod:`emcflow.workflow.records`.
    rule, fingerprint : str
        Its rule, and the fingerprint of that in this run.

    Raises
    ------
    InputError
    """
    try:
        made_by = json.loads(record.read_text())["made_by"][rule]
    except (OSError, ValueError, KeyError, TypeError):
        made_by = None
    if made_by != fingerprint:
        raise InputError(
            f"{unwrapped}: made with other settings or code of {rule} than those of now; expected "
            f"the same for all interferograms: finish the run of update.previous anew, {WHOLE_RUN}"
        )


def only_new(interferograms: Network, unwrapped: str) -> Network:
    """Return the interferograms that a tile of a finished run has not."""
    new = ~_are_known(interferograms.pair_names, unwrapped)
    graph = planar_graph(np.empty((0, 3), int), interferograms.ndates, interferograms.pairs[new])
    return Network(interferograms.dates, graph)


def with_known(
    names: list[str], unwrapped: str, cycles: np.ndarray, statistics: dict[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Put the interferograms of a finished run and new ones together.

    Parameters
    ----------
    names : list of str
        All interferograms, in order.
    unwrapped : path
        A tile of the finished run.
    cycles, statistics
        Of the new ones in order, as :func:`emcflow.unwrap.spatial.unwrap_in_space` returns them.

    Returns
    -------
    cycles, statistics
        The same of all.
    """
    old = _are_known(names, unwrapped)
    log.info("%d of %d interferograms are new, the others are taken over", len(cycles), len(names))

    def together(name: str, new: np.ndarray) -> np.ndarray:
        values = np.empty((len(names), *new.shape[1:]), new.dtype)
        values[~old] = new
        with open_product(unwrapped) as file:
            for row, at in enumerate(np.flatnonzero(old)):  # never all of them twice in memory
                values[at] = file[name][row]
        return values

    crossings = statistics["crossings"] + read(unwrapped, "statistics/crossings")[0]
    found = {
        name: together(f"statistics/{name}", values)
        for name, values in statistics.items()
        if name != "crossings"
    }
    return together("uw_cycles", cycles), found | {"crossings": crossings}


def with_known_levels(names: list[str], unwrapped: str, levels: RegionLevels) -> RegionLevels:
    """Keep what a finished run says of the cycles between regions in its interferograms.

    Parameters
    ----------
    names : list of str
        All interferograms, in order.
    unwrapped : path
        A tile of the finished run.
    levels : RegionLevels
        Of the same tile, from all dates.

    Returns
    -------
    RegionLevels
        Joined by the same regions as in the finished run.
    """
    old = _are_known(names, unwrapped)
    known = read_region_levels(unwrapped)
    levels.cycles[:, old], levels.wrong[:, old] = known.cycles, known.wrong
    return levels._replace(mean_wrong=known.mean_wrong)


def _are_known(names: list[str], unwrapped: str) -> np.ndarray:
    """Return which interferograms a tile of a finished run has."""
    with open_product(unwrapped) as file:
        return np.isin(names, list(file.attrs["pairs"]))
