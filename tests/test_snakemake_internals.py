"""What emcflow knows of Snakemake's inside, against the Snakemake that is installed."""

import json
import logging
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import snakemake
from emcflow.workflow import snakemake_internals as internals
from snakemake.exceptions import is_file_not_found_error
from snakemake_interface_logger_plugins.common import LogEvent
from workflow import ROOT

VERSION = metadata.version("snakemake")
CHANGED = f"Snakemake {VERSION} has another {{}}: see emcflow/workflow/snakemake_internals.py"
LONG = "out/" + 30 * "long_name/" + "a.txt"
# Jobs that show what is in .snakemake while they run; one that fails, and one that makes a folder.
SNAKEFILE = f"""
import json, logging, os, sys
sys.path.insert(0, {str(ROOT / "scripts")!r})
from emcflow.workflow import snakemake_internals as internals

logger = logging.getLogger(internals.LOGGER)
seen = []


class Seen(logging.Handler):
    def emit(self, record):
        full = logger.handlers[0].formatter.format(record) if logger.handlers else ""
        event, said = internals.event_of(record), internals.message_of(record)
        seen.append([event, said, internals.has_said_why(record), full])


def write():
    known["whole"] = internals.is_whole_run(workflow)
    with open("seen.json", "w") as file:
        json.dump(dict(seen=seen, handlers=handlers, known=known), file)


handlers = [each.name for each in logger.handlers]
logger.addHandler(Seen())

rule all:
    input: {LONG!r}, "out/folder", "out/1.txt", "out/fails.txt"

rule long:
    output: {LONG!r}
    message: "The long one"
    shell: "cp -r .snakemake/incomplete notes; cp -r .snakemake/locks locks; touch {{output}}"

rule folder:
    output: directory("out/folder")
    params: number=3, later=lambda wildcards: 4
    shell: "mkdir {{output}}"

rule of_a_tile:
    output: r"out/{{tile,\\d+}}.txt"
    log: "logs/{{tile}}.log"
    shell: "touch {{output}}"

rule fails:
    output: "out/fails.txt"
    script: "fails.py"

known = dict(
    main=internals.is_main_process(workflow),
    dry=internals.is_dry_run(workflow),
    cluster=internals.on_cluster(workflow),
    prefix=internals.check_import(workflow),
    prints=internals.fingerprints(workflow),
    made=internals.made_by_rules(workflow, "output", {{"tile": ["1", "2"]}}, {{"fails"}}),
    there=internals.results_there_are(workflow),
    written=[internals.is_written(workflow, name) for name in ("out/7.txt", "out/a.txt")],
    root=str(workflow.current_basedir.get_path_or_uri(secret_free=False)),
    given=bool(workflow.overwrite_configfiles),
)
onsuccess: write()
onerror: write()
if known["dry"]: __import__("atexit").register(write)
"""


def start(folder, *arguments):
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--keep-going", *arguments]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    said = process.stdout + process.stderr
    assert (folder / "seen.json").exists(), f"{CHANGED.format('inside')}\n{said}"
    return json.loads((folder / "seen.json").read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("snakemake")
    (folder / "Snakefile").write_text(SNAKEFILE)
    (folder / "fails.py").write_text("raise SystemExit(1)\n")
    return folder


@pytest.fixture(scope="module")
def ran(folder):
    """What was seen in one run in which a job fails."""
    return start(folder)


def test_a_run_knows_what_it_is(ran, folder):
    known = ran["known"]
    found = {key: known[key] for key in ("main", "dry", "cluster", "whole", "prefix", "given")}
    assert found == {
        "main": True, "dry": False, "cluster": False, "whole": True, "prefix": None, "given": False
    }, CHANGED.format("Workflow")  # fmt: skip
    assert known["root"] == str(folder)


def test_rules_tell_what_they_make(ran):
    known = ran["known"]
    assert known["prints"].keys() == {"all", "long", "folder", "of_a_tile", "fails"}
    made = {LONG, "out/folder", "out/1.txt", "out/2.txt"}
    assert set(known["made"]) == made, CHANGED.format("pattern of outputs")
    assert known["written"] == [True, False], CHANGED.format("Rule.is_producer")
    assert known["there"] == []


def test_a_part_of_a_run_is_none_of_all_and_a_dry_one_is_known(ran, folder):
    """What there is by now, too."""
    part = start(folder, "--dry-run", "out/folder", "--force")["known"]
    assert (part["whole"], part["dry"]) == (False, True), CHANGED.format("dag_settings")
    assert {"out/folder", "out/1.txt", LONG} == set(part["there"])


def test_notes_of_what_is_being_made_give_its_name(ran, folder):
    names = {name for _, name in internals.incomplete_outputs(folder / "notes")}
    assert LONG in names, CHANGED.format("form of .snakemake/incomplete")
    assert (folder / "out" / "folder" / internals.STAMP).exists(), CHANGED.format("stamp")


def test_locks_name_the_outputs_and_can_be_taken_away(ran, folder, monkeypatch):
    locks = {path.name: path.read_text() for path in (folder / "locks").glob("*.lock")}
    assert any(LONG in text.splitlines() for text in locks.values()), CHANGED.format("lock")
    monkeypatch.setattr(internals, "LOCKS", folder / "locks")
    internals.remove_locks("elsewhere")
    assert len(list((folder / "locks").glob("*.lock"))) == len(locks)
    internals.remove_locks("out")
    assert not any(
        "out/" in path.read_text() for path in (folder / "locks").glob("*.lock")
    )  # those of inputs elsewhere stay


def test_the_terminal_has_its_handler_and_its_events(ran):
    assert internals.TERMINAL_HANDLER in ran["handlers"], CHANGED.format("name of the handler")
    events = {internals.JOB_BEGINS, internals.JOB_FAILS, *internals.LEFT_OUT_EVENTS}
    assert events <= {each.value for each in LogEvent}, CHANGED.format("set of events")
    assert events <= {event for event, *_ in ran["seen"]}, CHANGED.format("set of events")


def test_a_job_begins_and_fails_with_the_lines_that_are_cut(ran):
    (begins,) = (full for event, said, _, full in ran["seen"] if said == "The long one")
    lines = begins.splitlines()
    assert re.match(r"\[.*\]$", lines[0]), CHANGED.format("first line of a job")
    assert re.match(r"Job \d+: The long one$", lines[internals.HEAD_OF_JOB - 1])
    failed = [full for event, *_, full in ran["seen"] if event == internals.JOB_FAILS]
    assert failed, CHANGED.format("event of a failed job")
    lines = failed[0].splitlines()
    assert lines[internals.HEAD_OF_ERROR] == "Error in rule fails:", CHANGED.format("failed job")
    keys = {line.split(":")[0] + ": " for line in lines if line.startswith("    ")}
    assert {"    jobid: ", "    output: "} <= keys & set(internals.LEFT_OUT_OF_ERRORS)
    assert any(said_why for *_, said_why, _ in ran["seen"]), CHANGED.format("RuleException")


def test_lines_that_are_left_out_are_still_said():
    source = Path(snakemake.__file__).parent
    text = "\n".join(path.read_text("utf-8") for path in source.rglob("*.py"))
    gone = [line for line in internals.LEFT_OUT_LINES if line not in text]
    assert gone == [], CHANGED.format("text on the terminal")
    assert "threading.Timer(" in text, CHANGED.format("way of waiting for jobs per second")


def test_what_is_not_known_yet_is_to_be_determined():
    error = internals.not_there_yet("results/tiles/tiles.json")
    assert is_file_not_found_error(error, []), CHANGED.format("sign of a missing file")


def test_a_record_of_another_kind_is_none_of_a_job():
    record = logging.LogRecord("x", logging.INFO, "", 0, "text", None, None)
    assert internals.event_of(record) is None and internals.message_of(record) is None


def test_the_version_is_between_the_bounds_that_are_written_down():
    (bounds,) = re.findall(r'"snakemake>=([\d.]+),<(\d+)"', (ROOT / "pyproject.toml").read_text())
    least, below = bounds
    assert f'min_version("{least}")' in (ROOT / "Snakefile").read_text()
    for name, pin in (
        ("requirements.txt", "snakemake=="),
        ("environment.yaml", "snakemake-minimal="),
    ):
        text = (ROOT / "envs" / name).read_text()
        pinned = re.search(rf"\b{pin}([\d.]+)", text)[1]
        assert (
            tuple(map(int, least.split("."))) <= tuple(map(int, pinned.split("."))) < (int(below),)
        )
    assert f"Snakemake {pinned}" in internals.__doc__, "read it again, and say of which version"
