"""Files that are written whole or not at all, and one line where they cannot be written."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from emcflow.errors import OutputError

DISK_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for writing and reading that gets its name only when it is whole.

    Until then it has a hidden name that no other writer has, so that neither a writer that is
    killed nor two at a time leave anything that could be taken for a result.

    Parameters
    ----------
    path : path
        Final name of the file; missing parent folders are made.

    Yields
    ------
    file object

    Raises
    ------
    OutputError
        Where it cannot be written: the disk is full, or the folder is read-only.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(unfinished, "x+b") as file:
                yield file
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def write_text(path: str | Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    with whole_file(path) as file:
        file.write(text.encode())


def cannot_write(path: str | Path, error: OSError) -> OutputError:
    """Return the error that says in one line why a file cannot be written and what to do."""
    if error.errno not in DISK_FULL:
        return OutputError(
            f"{path}: cannot be written ({error.strerror or error}); expected a folder that this "
            "user may write to: check its permissions and its disk, or set output_dir to another"
        )
    folder = next(folder for folder in Path(path).parents if folder.exists())
    free_mb = shutil.disk_usage(folder).free / 1e6
    return OutputError(
        f"{path}: {DISK_FULL[error.errno]}: more is needed than the {free_mb:.1f} MB that are "
        "free; make room, or move output_dir to a larger disk, and start the same command again: "
        "what is complete stays"
    )


def remove_unfinished(folder: str | Path) -> int:
    """Remove what killed writers left below a folder that nobody writes to; return how much."""
    left = list(Path(folder).rglob(".*.part"))
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)
