"""Records of which settings made each file between the rules, so that only what belongs is mixed.

Snakemake's own notes decide what is made again, but they lie in `.snakemake`, which may be lost,
and a config may change while jobs run. So every job writes down, beside the results, the
fingerprints of all rules that had a part in its files, and compares those of what it reads.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import zlib
from collections.abc import Collection, Iterable
from pathlib import Path

from emcflow.errors import InputError
from emcflow.io.files import write_text

SAMPLE_BYTES = 65_536
STAMP = ".snakemake_timestamp"


def write_record(folder: Path, name: str, outputs: Iterable[str], made_by: dict[str, str]) -> None:
    """Write down what a job has made, and by which settings.

    Parameters
    ----------
    folder : Path
        Folder of the records of a run.
    name : str
        Of the job: one record each.
    outputs : iterable of str
        What it has made: files, and folders with all that is in them.
    made_by : dict
        Fingerprint of every rule that had a part in them, the job's own among them.

    Notes
    -----
    What the job made earlier and now does not stays known, until :func:`remove_unclaimed`.
    """
    path = folder / f"{name}.json"
    files = {file: _state(file) for output in outputs for file in _files_of(output)}
    old = _read_record(path)
    earlier = {
        file: state
        for file, state in (old["earlier"] | old["files"]).items()
        if file not in files and os.path.lexists(file)
    }
    _write(path, {"files": files, "made_by": made_by, "earlier": earlier})


def _write(path: Path, record: dict) -> None:
    write_text(path, json.dumps(record, indent=1) + "\n")


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
    records = {path: _read_record(path) for path in folder.glob("[!.]*.json")}
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
        if _state(file) in states:
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
            _write(path, record | {"earlier": {}})
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


def check_inputs(folder: Path, inputs: Iterable[str], current: dict[str, str]) -> dict[str, str]:
    """Check that the input of a job is what other jobs wrote, by the settings of now.

    Parameters
    ----------
    folder : Path
        Folder of the records of the run.
    inputs : iterable of str
        Files that rules have made.
    current : dict
        Fingerprint of every rule, by its name.

    Returns
    -------
    dict
        Fingerprint of every rule that had a part in the inputs.

    Raises
    ------
    InputError
        For a file that no rule has written as it is, and one of other settings.
    """
    records = _read_records(folder)
    made_by: dict[str, str] = {}
    for path in inputs:
        sample, rules = records.get(path, (None, {}))
        if not os.path.isfile(path) or sample != _sample(path):
            raise InputError(
                f"{path}: not the file that a rule wrote here, it is cut off or was put in its "
                f"place; rebuild it: run again with {_forcerun([path])}"
            )
        other = sorted(rule for rule, print_ in rules.items() if current.get(rule) != print_)
        if other:
            raise InputError(
                f"{path}: made with other settings, code or input files of {', '.join(other)} than "
                "those of now, and Snakemake does not know (.snakemake was lost, or the config "
                f"changed during a run); rebuild it: run again with {_forcerun(other)}"
            )
        made_by |= rules
    return made_by


def remove_incomplete(folder: Path, results: str, notes: Path) -> None:
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
        Folder with a file for each output of a job that has begun and not ended; its name is that
        of the output in base 64, long ones in parts.
    """
    records = _read_records(folder)
    for note in [path for path in notes.rglob("*") if path.is_file()]:
        parts = (part.removeprefix("@") for part in note.relative_to(notes).parts)
        path = base64.urlsafe_b64decode("".join(parts)).decode()
        if not path.startswith(f"{results}/"):
            continue
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.exists(path) and records.get(path, (None,))[0] != _sample(path):
            os.unlink(path)
        note.unlink()


def _read_records(folder: Path) -> dict[str, tuple[list[int], dict[str, str]]]:
    """Return sample and fingerprints of every file that a job of the run has made."""
    found: dict[str, tuple[list[int], dict[str, str]]] = {}
    # what an earlier run wrote under another name of a job is written over by the later one
    for path in sorted(folder.glob("[!.]*.json"), key=os.path.getmtime):
        record = _read_record(path)
        found |= {file: (sample, record["made_by"]) for file, sample in record["files"].items()}
    return found


def _read_record(path: Path) -> dict[str, dict]:
    """Return a record; an empty one where it cannot be read, so that its files are unknown."""
    parts = ("files", "made_by", "earlier")
    try:
        record = {"earlier": {}} | json.loads(path.read_text())  # older records have no such part
        return {part: dict(record[part]) for part in parts}
    except (OSError, ValueError, KeyError, TypeError):
        return {part: {} for part in parts}


def _files_of(output: str) -> list[str]:
    """Return an output that is a file, or the files and links in one that is a folder."""
    if os.path.isfile(output):
        return [output]
    found = (path for path in Path(output).rglob("*") if path.is_symlink() or path.is_file())
    return sorted(map(str, found))


def _state(path: str) -> list[int] | str:
    """Return what tells whether a file has been changed: of a link where it leads."""
    return os.readlink(path) if os.path.islink(path) else _sample(path)


def _sample(path: str) -> list[int]:
    """Size of a file and a checksum of its ends: another file hardly has the same."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        checksum = zlib.crc32(file.read(SAMPLE_BYTES))
        file.seek(max(0, size - SAMPLE_BYTES))
        return [size, zlib.crc32(file.read(), checksum)]


def _forcerun(targets: list[str]) -> str:
    """Return the option that makes rules or files anew."""
    plain = (f"./{name}" if name.startswith("-") else name for name in targets)
    return " ".join(["--forcerun", *map(shlex.quote, plain)])
