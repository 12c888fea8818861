"""What the report says of baselines that were found in the phases."""

import json
from collections.abc import Sequence
from pathlib import Path


def found_remarks(found: Sequence[str]) -> list[str]:
    """Return the remarks of the rule that looks for baselines.

    Parameters
    ----------
    found : sequence of path
        ``found_baselines.csv`` and ``found_baselines.json``; empty without a link model.

    Returns
    -------
    list of str
    """
    if not found:
        return []
    return json.loads(Path(found[1]).read_text(encoding="utf-8"))["remarks"]
