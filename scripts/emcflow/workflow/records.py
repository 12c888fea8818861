"""Records of which settings made each file between the rules, so that only what belongs is mixed.

Snakemake's own notes decide what is made again, but they lie in `.snakemake`, which may be lost,
and a config may change while jobs run. So every job writes down, beside the results, the
fingerprints of all rules that had a part in its files, and compares those of what it reads.
"""

from __future__ import annotations

import json
import os
import shlex
import zlib
from collections.abc import Iterable
from pathlib import Path

from emcflow.errors import InputError
from emcflow.io.files import write_text

SAMPLE_BYTES = 65_536


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
    What the job made earlier and now does not stays known, until
    :func:`emcflow.workflow.cleanup.remove_unclaimed`.
    """
    path = folder / f"{name}.json"
    files = {file: state_of(file) for output in outputs for file in _files_of(output)}
    old = read_record(path)
    earlier = {
        file: state
        for file, state in (old["earlier"] | old["files"]).items()
        if file not in files and os.path.lexists(file)
    }
    write(path, {"files": files, "made_by": made_by, "earlier": earlier})


def write(path: Path, record: dict) -> None:
    """Write a record."""
    write_text(path, json.dumps(record, indent=1) + "\n")


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
    records = read_records(folder)
    made_by: dict[str, str] = {}
    for path in inputs:
        sample, rules = records.get(path, (None, {}))
        if not os.path.isfile(path) or sample != sample_of(path):
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


def read_records(folder: Path) -> dict[str, tuple[list[int], dict[str, str]]]:
    """Return sample and fingerprints of every file that a job of the run has made."""
    found: dict[str, tuple[list[int], dict[str, str]]] = {}
    # what an earlier run wrote under another name of a job is written over by the later one
    for path in sorted(folder.glob("[!.]*.json"), key=os.path.getmtime):
        record = read_record(path)
        found |= {file: (sample, record["made_by"]) for file, sample in record["files"].items()}
    return found


def read_record(path: Path) -> dict[str, dict]:
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


def state_of(path: str) -> list[int] | str:
    """Return what tells whether a file has been changed: of a link where it leads."""
    return os.readlink(path) if os.path.islink(path) else sample_of(path)


def sample_of(path: str) -> list[int]:
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
