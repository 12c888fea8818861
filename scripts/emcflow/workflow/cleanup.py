"""What is removed between runs: what a killed one left half made, and what no rule makes any more.

Apart from the records, which every job of a rule reads and writes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from emcflow.workflow.records import read_record, read_records, sample_of, state_of, write
from emcflow.workflow.snakemake_internals import INCOMPLETE, STAMP, incomplete_outputs


def remove_unclaimed(
    folder: Path, claimed: Collection[str], jobs: Collection[str], used: Collection[str]
) -> tuple[list[str], list[str]]:
    """Remove what jobs of a run made earlier and what none of its rules makes any more.

    Goes by the records alone: a file that has none, or that is not as the record says, stays. With
    the record of a job that there is no more its log and its benchmark go.

    Parameters
    ----------
    folder : Path
        Folder of the records of the run, in that of its results. No job may be running.
    claimed : collection of str
        Files and folders that the rules make.
    jobs : collection of str
        Names of their jobs.
    used : collection of str
        Files that the run reads.

    Returns
    -------
    removed, changed : list of str
        Files removed, and those left because somebody has changed them since. They count as
        somebody's own from now on.
    """
    records = {path: read_record(path) for path in folder.glob("[!.]*.json")}
    known: dict[str, list] = {}
    for record in records.values():
        for file, state in [*record["earlier"].items(), *record["files"].items()]:
            known.setdefault(file, []).append(state)
    claimed, used = set(claimed), {os.path.realpath(path) for path in used}
    results = f"{folder.parent}/"
    removed, changed = [], []
    for file, states in sorted(known.items()):
        if not file.startswith(results) or not os.path.lexists(file):
            continue
        if claimed & {file, *map(str, Path(file).parents)} or os.path.realpath(file) in used:
            continue
        if state_of(file) in states:
            os.unlink(file)
            removed.append(file)
        else:
            changed.append(file)
    for path, record in records.items():
        if path.stem not in jobs:
            for left in (f"logs/{path.stem}.log", f"benchmarks/{path.stem}.tsv"):
                (folder.parent / left).unlink(missing_ok=True)
            path.unlink()
        elif record["earlier"]:
            times = path.stat().st_atime_ns, path.stat().st_mtime_ns
            write(path, record | {"earlier": {}})
            os.utime(path, ns=times)  # of two records of a file the later one counts
    _remove_empty_folders(removed, folder.parent)
    return removed, changed


def _remove_empty_folders(removed: Iterable[str], results: Path) -> None:
    """Remove folders that hold nothing any more but the stamp that Snakemake puts into some."""
    parents = {parent for file in removed for parent in Path(file).parents}
    for folder in sorted(parents, key=lambda path: -len(path.parts)):
        if results in folder.parents and {*os.listdir(folder)} <= {STAMP}:
            (folder / STAMP).unlink(missing_ok=True)
            folder.rmdir()


def remove_incomplete(folder: Path, results: str, notes: Path = INCOMPLETE) -> None:
    """Remove what a killed run was making, by Snakemake's notes, unless it has a record.

    Snakemake makes it anew by itself, but does not look at the notes for jobs that it learns of
    after the checkpoint, those of the tiles.

    Parameters
    ----------
    folder : Path
        Folder of the records of the run.
    results : str
        Folder of its results; what lies elsewhere is left alone.
    notes : Path
        Folder of the notes, see :func:`emcflow.workflow.snakemake_internals.incomplete_outputs`.
    """
    records = read_records(folder)
    for note, path in incomplete_outputs(notes):
        if not path.startswith(f"{results}/"):
            continue
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.exists(path) and records.get(path, (None,))[0] != sample_of(path):
            os.unlink(path)
        note.unlink()
