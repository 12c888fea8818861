"""The points and interferograms of a tile that a finished run with fewer dates has unwrapped."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from emcflow.errors import InputError
from emcflow.io.hdf5 import open_product, read_region_levels, read_rows
from emcflow.network.networks import Network
from emcflow.unwrap.known_cycles import KnownCycles, jumping, moved_cycles
from emcflow.unwrap.region_levels import RegionLevels
from emcflow.workflow.update import WHOLE_RUN

log = logging.getLogger(__name__)

# Share of the points that may jump from date to date. Phases that have nothing to do with each
# other have half of them jump.
MOST_JUMPING = 0.25


def compare_phase(
    phase: np.ndarray, valid: np.ndarray, dates: Sequence[str], mesh: str, may_move: bool
) -> dict[str, Any]:
    """Compare the phases of a tile at old dates with those of a finished run.

    Parameters
    ----------
    phase : float32 (ndates, npoints)
        Of the points of the old mesh [rad].
    valid : bool (npoints,)
        False where some date is zero or not finite.
    dates : sequence of str
    mesh : path
        Mesh of the tile in the finished run.
    may_move : bool
        Whether phases may be others, as where they are linked anew.

    Returns
    -------
    dict
        ``old_dates`` of the finished run; of each of them ``moved``, whether its phase is another,
        and ``jumped``, the points that moved, from the date before, so far against the others that
        their cycle is in doubt.

    Raises
    ------
    InputError
        Where a point has no value, where phases changed that should not, or all too far.
    """
    if not valid.all():
        raise InputError(
            f"stack: {np.count_nonzero(~valid)} of {valid.size} points of {mesh} are zero or not "
            "finite at a new date; expected a value at every point of update.previous: leave "
            f"dates out that do not cover the scene, {WHOLE_RUN}"
        )
    with open_product(mesh) as file:
        old_dates = list(file.attrs["dates"])
        moved, jumped = np.zeros(len(old_dates), bool), np.zeros(len(old_dates), np.int64)
        new = (phase[dates.index(date)] for date in old_dates)
        # the phase of the first date is 0
        for row, (last, now) in enumerate(pairwise(zip(file["phase"], new, strict=True)), start=1):
            moved[row] = not np.array_equal(*now)
            if moved[row] and not may_move:
                raise InputError(
                    f"stack: the phase of {old_dates[row]} is not that of {mesh}; expected the "
                    f"images of update.previous as they were: give them back, {WHOLE_RUN}"
                )
            if moved[row - 1 : row + 1].any():
                before, after = map(np.stack, zip(last, now, strict=True))
                jumped[row] = np.count_nonzero(jumping(before, after))
    share = jumped.sum() / max(valid.size * (len(old_dates) - 1), 1)
    if share > MOST_JUMPING:
        raise InputError(
            f"stack: {100 * share:.0f} % of the phases jumped, from date to date, against those of "
            f"{mesh}; expected at most {100 * MOST_JUMPING:g} %, as where the same stack is linked "
            f"anew: name a run of this stack in update.previous, {WHOLE_RUN}"
        )
    for date, count in zip(old_dates, jumped, strict=True):
        if count:
            log.info("%s: %d of %d points jumped", date, count, valid.size)
    return {"old_dates": old_dates, "moved": moved, "jumped": jumped}


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


def known_pairs(
    pairs: Network, phase: np.ndarray, mesh: str, unwrapped: str
) -> Callable[[int], KnownCycles | None]:
    """Return what tells the cycles of an interferogram that a finished run has.

    Parameters
    ----------
    pairs : Network
        All interferograms.
    phase : float32 (ndates, npoints)
        Of the points of a tile [rad].
    mesh, unwrapped : path
        The tile in the finished run.

    Returns
    -------
    callable
        Returns the cycles by the number of an interferogram, None for those that are new.
    """
    with open_product(unwrapped) as file:
        rows = {name: row for row, name in enumerate(file.attrs["pairs"])}
    with open_product(mesh) as file:
        row_of_date = {date: row for row, date in enumerate(file.attrs["dates"])}
    names = pairs.pair_names

    def known(number: int) -> KnownCycles | None:
        name = names[number]
        if name not in rows:
            return None
        cycles = read_rows(unwrapped, "uw_cycles", [rows[name]])[0]
        before = read_rows(mesh, "phase", [row_of_date[date] for date in name.split("_")])
        return moved_cycles(cycles, before, phase[pairs.pairs[number]])

    return known


def note_of_known(names: Sequence[str], unwrapped: str, statistics: dict[str, np.ndarray]) -> str:
    """Return how many interferograms of a tile are new, and how much of the others is in doubt."""
    new = np.count_nonzero(~_are_known(names, unwrapped))
    note = f"{new} of {len(names)} interferograms are new, the others are taken over"
    if doubtful := statistics["doubtful"].sum():
        share = 100 * doubtful / (len(statistics["crossings"]) * (len(names) - new))
        note += f"; {doubtful} of their cycles ({share:.2g} %) are in doubt and unwrapped again"
    return note


def with_known_levels(names: Sequence[str], unwrapped: str, levels: RegionLevels) -> RegionLevels:
    """Keep what a finished run says of the cycles between regions in its interferograms.

    Parameters
    ----------
    names : sequence of str
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


def _are_known(names: Sequence[str], unwrapped: str) -> np.ndarray:
    """Return which interferograms a tile of a finished run has."""
    with open_product(unwrapped) as file:
        return np.isin(names, list(file.attrs["pairs"]))
