"""What is to be said of the cycles of a tile, for its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from emcflow.unwrap.tile import LinkCycles


def notes_of_choice(chosen: LinkCycles) -> list[str]:
    """Return what the interferograms say of each hypothesis that was tried, and the chosen one."""
    notes = [
        f"cycles by {each.name}: {100 * each.open_share:.3f} % of the points in open loops, "
        f"{100 * each.residue_share:.2f} % residues"
        for each in chosen.tried
    ]
    return [*notes, f"cycles of links by hypothesis {chosen.name}"]


def note_of_residues(names: Sequence[str], statistics: Mapping[str, np.ndarray]) -> str:
    """Say how many residues the interferograms of these names have."""
    residues = statistics["residues"]
    return (
        f"residues per interferogram: median {int(np.median(residues))}, largest "
        f"{np.max(residues)} ({names[int(np.argmax(residues))]})"
    )
