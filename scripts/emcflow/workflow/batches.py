"""Batches of interferograms: what a job holds at a time, or writes."""

from __future__ import annotations

from collections.abc import Sequence

# Interferograms of a tile that are joined to those around it at a time.
BLENDED_AT_ONCE = 14
# Images of up to so many bytes are merged or written in whole batches, larger ones in smaller ones.
WHOLE_BATCHES_BYTES = 700_000_000
LEAST_OF_A_BATCH = 4


def batch_size(most: int, image_bytes: float) -> int:
    """Return the length of a batch: the larger an image, the fewer in a job, so that many work.

    Parameters
    ----------
    most : int
        Of small images, of which each takes no longer than the start of a job.
    image_bytes : float
        Of an image of the stack, as complex64; 0 where that is not known.

    Returns
    -------
    int
    """
    if image_bytes <= WHOLE_BATCHES_BYTES:
        return most
    return max(LEAST_OF_A_BATCH, round(most * WHOLE_BATCHES_BYTES / image_bytes))


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
