"""What came of a run, in a few lines of plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from emcflow.report.words import SPACE, Card

WIDTH = 88


def summary_text(
    headline: Mapping[str, Sequence[Card]],
    remarks: Sequence[str],
    results: Mapping[str, str],
) -> str:
    """Return the headline of a report, its remarks and where the results are, as text.

    Parameters
    ----------
    headline : mapping of str to sequence of Card
        Groups of numbers, see :func:`emcflow.report.words.headline`.
    remarks : sequence of str
        What to know before the results are used; a sentence each.
    results : mapping of str to str
        Paths of the results by what they are, the first one to be opened first.

    Returns
    -------
    str
        Lines, the last with its end.
    """
    numbers = [[(f"{c.value} {c.label}", c.note) for c in group] for group in headline.values()]
    tables = [*numbers, list(results.items())]
    width = max(len(left) for table in tables for left, _ in table)
    blocks = ["\n".join(f"{a:<{width}}  {b}".rstrip() for a, b in table) for table in tables]
    if remarks:
        lines = [textwrap.fill(remark, WIDTH, subsequent_indent="  ") for remark in remarks]
        blocks.insert(-1, "\n".join(["Before you use the results:", *(f"- {x}" for x in lines)]))
    return ("\n\n".join(blocks) + "\n").replace(SPACE, " ")
