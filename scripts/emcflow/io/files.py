"""Files that are written whole or not at all, and one line where they cannot be written."""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import secrets
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from emcflow.errors import OutputError

Columns = dict[str, np.ndarray]  # of a table, by their names
UNFINISHED = re.compile(r"\.[0-9a-f]{8}\.part$")  # of names of `whole_file`, not of others' parts
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


def write_lines(path: str | Path, lines: Iterable[str]) -> None:
    """Write lines of text, whole or not at all; an empty file for none."""
    write_text(path, "".join(f"{line}\n" for line in lines))


def write_csv(path: str | Path, columns: Mapping[str, Sequence], digits: int | None = None) -> None:
    """Write a table, whole or not at all.

    Parameters
    ----------
    path : path
    columns : mapping of str to sequence
        Values by the name of their column, of one length; NaN is written as an empty cell.
    digits : int, optional
        Digits of numbers with a fraction; by default as many as tell them apart.
    """

    def cell(value: Any) -> str:
        if not isinstance(value, float | np.floating):
            return value
        if np.isnan(value):
            return ""
        if digits and value.is_integer():  # a count beside empty cells
            return f"{value:.0f}"
        return f"{value:.{digits}g}" if digits else repr(float(value))

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(map(cell, row) for row in zip(*columns.values(), strict=True))
    write_text(path, text.getvalue())


def read_csv(path: str | Path, texts: Collection[str] = ()) -> Columns:
    """Read a table that `write_csv` has written.

    Importing pandas takes as long as all else that small jobs do.

    Parameters
    ----------
    path : path
    texts : collection of str
        Columns of text; all others are numbers, NaN where a cell is empty.

    Returns
    -------
    dict of str to ndarray of float64 or str, shape (nrows,)
    """
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    cells = dict(zip(header, zip(*rows, strict=True) if rows else [()] * len(header), strict=True))
    return {
        name: np.array(column, dtype=str)
        if name in texts
        else np.array([cell or "nan" for cell in column], dtype=np.float64)
        for name, column in cells.items()
    }


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
    left = [path for path in Path(folder).rglob(".*.part") if UNFINISHED.search(path.name)]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)
