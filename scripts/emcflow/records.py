"""Records of which settings made each file between the rules, so that only what belongs is mixed.

Snakemake's own notes decide what is made again, but they lie in `.snakemake`, which may be lost,
and a config may change while jobs run. So every job writes down, beside the results, the
fingerprints of all rules that had a part in its files, and compares those of what it reads.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shlex
import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path

from emcflow.errors import InputError
from emcflow.files import write_text

SAMPLE_BYTES = 65_536


def fingerprint(settings) -> str:
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


def write_record(folder: Path, name: str, outputs: Iterable[str], made_by: dict[str, str]) -> None:
    """Write down what a job has made, and by which settings.

    Parameters
    ----------
    folder : Path
        Folder of the records of a run.
    name : str
        Of the job: one record each.
    outputs : iterable of str
        What it has made; folders are left out.
    made_by : dict
        Fingerprint of every rule that had a part in them, the job's own among them.
    """
    files = {path: _sample(path) for path in outputs if os.path.isfile(path)}
    text = json.dumps({"files": files, "made_by": made_by}, indent=1) + "\n"
    write_text(folder / f"{name}.json", text)


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
    found = {}
    # what an earlier run wrote under another name of a job is written over by the later one
    for path in sorted(folder.glob("[!.]*.json"), key=os.path.getmtime):
        try:
            record = json.loads(path.read_text())
            found |= {file: (sample, record["made_by"]) for file, sample in record["files"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # its files count as unknown
    return found


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
