"""What emcflow knows of Snakemake that Snakemake promises nobody: all of it, and nothing else.

All read in Snakemake 9.27.1; the bounds of the version, 9.0 up to 10, are in pyproject.toml, and
`tests/test_snakemake_internals.py` runs each item against the Snakemake that is installed. Each
says what it is used for, and what breaks for the user where a version changes it. No rule's script
imports this module, so that a change here makes no result anew.

Two are in the Snakefile itself, before this package can be imported: ``workflow.current_basedir``
(where the Snakefile is, whoever imports it; else no rule finds its script) and
``workflow.overwrite_configfiles`` (whether a config was given; else the demo's is mixed into it).
"""

from __future__ import annotations

import base64
import logging
import re
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from glob import escape, glob
from pathlib import Path
from typing import Any

from emcflow.errors import InputError
from emcflow.io.fingerprints import fingerprint

# --- The process: snakemake.workflow.Workflow ---------------------------------------------------


def is_main_process(workflow: Any) -> bool:
    """Return whether this is the Snakemake that a person started, not one inside a job.

    ``Workflow.is_main_process``. Without it the checks of a start run again in every job.
    """
    return workflow.is_main_process


def is_dry_run(workflow: Any) -> bool:
    """Return whether nothing is to be done.

    ``Workflow.output_settings.dryrun``. Without it a dry run removes what a killed one left.
    """
    return workflow.output_settings.dryrun


def on_cluster(workflow: Any) -> bool:
    """Return whether jobs go to a cluster, or this is Snakemake inside one of those jobs.

    ``Workflow.nodes`` is the limit of jobs there, None on one machine; ``Workflow.remote_exec``
    says that this is a job. Without them jobs on a cluster ask for too little memory.
    """
    return workflow.remote_exec or workflow.nodes is not None


def check_import(workflow: Any) -> None:
    """Refuse a prefix of the paths where another workflow imports this one as a module.

    It would be put before the names of the user's own files, and not before those in the config.
    ``Workflow.modifier.path_modifier`` holds it, replacements of a prefix in
    ``_prefix_replacements``. Without them the results of a module with a prefix are half elsewhere.

    Raises
    ------
    InputError
    """
    paths = workflow.modifier.path_modifier
    if paths.prefix or paths._prefix_replacements:
        raise InputError(
            "module: prefix and replace_prefix do not reach the paths in emcflow's config; "
            "expected none: set output_dir of the module's config to the folder that the results "
            "shall be in"
        )


def is_whole_run(workflow: Any) -> bool:
    """Return whether a run was asked for all that the config asks for.

    ``Workflow.dag_settings``: its targets, and the options that leave jobs out. Without it what
    earlier settings made would be removed after a run of a part.
    """
    asked = workflow.dag_settings
    parts = asked.until, asked.omit_from, asked.allowed_rules, asked.batch
    return {*asked.targets} <= {"all"} and not any(parts)


# --- The rules: snakemake.rules.Rule, in Workflow.rules -----------------------------------------
# Its name, params, output, log and is_producer. Without them no job starts (fingerprints), and no
# file of the user is protected. In patterns of outputs and logs are the constraints of wildcards.

WILDCARD = re.compile(r"\{\w+[^}]*\}")


def fingerprints(workflow: Any) -> dict[str, str]:
    """Return a fingerprint of the params of every rule so far, by its name."""
    settings = {
        each.name: {name: value for name, value in each.params.items() if not callable(value)}
        for each in workflow.rules
    }
    return {name: fingerprint(values) for name, values in settings.items()}


def made_by_rules(
    workflow: Any, kind: str, names: Mapping[str, Iterable[str]], without: Collection[str] = ()
) -> list[str]:
    """Return the files of a kind (output, log) that rules make, of all tiles and strips.

    Parameters
    ----------
    workflow : Workflow
    kind : {'output', 'log'}
    names : mapping of str to iterable of str
        What each wildcard stands for: names of the tiles, of the strips.
    without : collection of str
        Rules that do not count.
    """
    rules = [each for each in workflow.rules if each.name not in without]
    found = [str(path) for each in rules for path in getattr(each, kind)]
    for wildcard, values in names.items():
        part, values = re.compile(rf"\{{{wildcard}\b[^}}]*\}}"), list(values)
        found = [*dict.fromkeys(part.sub(value, each) for each in found for value in values)]
    return found


def results_there_are(workflow: Any) -> list[str]:
    """Return the files that rules have made so far."""
    parts = {tuple(WILDCARD.split(str(path))) for each in workflow.rules for path in each.output}
    return [name for each in parts for name in glob("*".join(map(escape, each)))]


def is_written(workflow: Any, path: str) -> bool:
    """Return whether some rule writes a file of this name."""
    return any(each.is_producer(path) for each in workflow.rules)


def not_there_yet(path: str | Path) -> Exception:
    """Return the exception that tells Snakemake that memory or time of a job is to be determined.

    ``snakemake.exceptions.FileOrDirectoryNotFoundError``: a plain FileNotFoundError is one only of
    an input of the rule. Without it a dry run before the tiles are cut ends with a traceback.
    """
    from snakemake.exceptions import FileOrDirectoryNotFoundError

    return FileOrDirectoryNotFoundError(Path(path))


# --- Its folder .snakemake: snakemake.persistence -----------------------------------------------

LOCKS = Path(".snakemake/locks")
INCOMPLETE = Path(".snakemake/incomplete")
# Put into a folder that is the output of a rule.
STAMP = ".snakemake_timestamp"


def remove_locks(results: str) -> None:
    """Remove the locks that a killed Snakemake has left on a folder of results.

    Snakemake keeps its lock where a run was killed, and asks for ``--unlock``: files ``*.lock``
    that list the names of inputs or outputs, one a line. Without this the next run asks for it.
    """
    for lock in LOCKS.glob("*.lock"):
        if any(line.startswith(f"{results}/") for line in lock.read_text().splitlines()):
            lock.unlink()


def incomplete_outputs(notes: Path = INCOMPLETE) -> Iterator[tuple[Path, str]]:
    """Yield each note of an output that some job has begun and not ended, and its name.

    A note's own name is that of the output in base 64, URL-safe, long ones in parts: folders whose
    names begin with @. Without them a half-written file of a tile counts as a whole one.
    """
    for note in [path for path in notes.rglob("*") if path.is_file()]:
        parts = (part.removeprefix("@") for part in note.relative_to(notes).parts)
        yield note, base64.urlsafe_b64decode("".join(parts)).decode()


# --- Its lines on the terminal: snakemake.logging -----------------------------------------------
# Where these change, its lines come in full again, or a failed job says too much.

LOGGER = "snakemake.logging"
TERMINAL_HANDLER = "DefaultStreamHandler"
JOB_BEGINS, JOB_FAILS = "job_info", "job_error"
# The jobs' own lines, with times and names of rules, say the same, and what came of it.
LEFT_OUT_EVENTS = {"job_started", "job_finished"}
# How Snakemake works, of no interest to the one who waits.
LEFT_OUT_LINES = (
    "Assuming unrestricted shared filesystem usage.",
    "Building DAG of jobs...",
    "Select jobs to execute...",
    "DAG of jobs will be updated after completion.",
    "Updating checkpoint dependencies.",
    "Using shell: ",
    "Conda environments: ignored",
    "Rules claiming more threads will be scaled down.",
)
# Of a failed job: hundreds of input files hide its name and its log.
LEFT_OUT_OF_ERRORS = tuple(f"    {key}: " for key in ("message", "jobid", "input", "output"))
# Lines above those of a job: the date, and for one that begins its number before its message.
HEAD_OF_ERROR, HEAD_OF_JOB = 1, 2


def event_of(record: logging.LogRecord) -> str | None:
    """Return what a record tells of, as one of snakemake_interface_logger_plugins' LogEvent."""
    return getattr(record, "event", None)


def message_of(record: logging.LogRecord) -> str | None:
    """Return the message of the rule of a job that begins."""
    return getattr(record, "rule_msg", None)


def has_said_why(record: logging.LogRecord) -> bool:
    """Return whether a record is of a script that ended with status 1, which says why itself.

    One that was killed does not.
    """
    text = str(record.msg)
    return text.startswith("RuleException:") and "non-zero exit status 1." in text


# --- Its threads: snakemake.scheduling ----------------------------------------------------------


def cancel_timers() -> None:
    """Cancel the timer by which Snakemake watches its limit of jobs per second.

    A ``threading.Timer`` of some seconds that the end of the process would wait for. Without this
    a run ends a second or two late.
    """
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()
