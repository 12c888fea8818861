"""Batches of interferograms: what a job of the merge writes, and what it holds at a time."""

from __future__ import annotations

from collections.abc import Sequence

# Interferograms that a job of the merge holds at a time.
MERGED_AT_ONCE = 14


def in_batches(pairs: Sequence, most: int, even: bool = False) -> list[Sequence]:
    """Cut a sequence of pairs into parts of about equal length.

    Parameters
    ----------
    pairs : sequence
    most : int
        Length of a part at the most.
    even : bool
        Whether there is to be an even number of parts where there is more than one: the last does
        not keep a machine of two cores waiting.

    Returns
    -------
    list of sequence
        In the order of the pairs, none of them empty.
    """
    parts = -(-len(pairs) // most)
    if even and parts > 1:
        parts += parts % 2
    return [pairs[len(pairs) * i // parts : len(pairs) * (i + 1) // parts] for i in range(parts)]
