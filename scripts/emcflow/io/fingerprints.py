"""Short hashes of settings and of the state of files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from typing import Any


def fingerprint(settings: Any) -> str:
    """Hash of anything that JSON can hold: twelve hexadecimal digits."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def files_state(paths: Iterable[str]) -> str:
    """Fingerprint of size and time stamp of the files that exist under these names.

    Snakemake asks whether an input is newer than what was made of it; one that is replaced by an
    older file goes unseen. Names that only GDAL understands, of archives or URLs, have no state.

    Parameters
    ----------
    paths : iterable of str

    Returns
    -------
    str
        Twelve hexadecimal digits.
    """
    found = [os.stat(path) if os.path.exists(path) else None for path in paths]
    return fingerprint([status and (status.st_size, status.st_mtime_ns) for status in found])
