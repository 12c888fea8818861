"""What a person reads on the terminal: plans, progress, and what came of a run."""

import logging

import pytest
from emcflow import __version__
from emcflow.report.summary import summary_text
from emcflow.report.words import Card
from emcflow.workflow.job import duration, job, progress
from emcflow.workflow.terminal import BriefFormatter, worth_a_line
from workflow import jobs_of, run_whole


def test_a_dry_run_of_a_new_data_set_names_all_that_can_be_known(tmp_path):
    config = {
        "output_dir": "results",
        "stack": {"layout": "simulate"},
        "simulation": {"rows": 50, "cols": 40, "dates": 5},
    }
    printed = run_whole(tmp_path, config, "--dry-run")
    assert {"simulate_stack", "tiles", "report"} <= jobs_of(printed)
    assert "Simulate a city: 5 dates" in printed
    assert "9 of 9" in printed
    assert not (tmp_path / "results").exists()


def record(text, event=None, **more):
    made = logging.LogRecord("snakemake.logging", logging.INFO, "", 0, text, None, None)
    made.__dict__ |= {"event": event} | more
    return made


class Full(logging.Formatter):
    def format(self, record):
        return record.msg


def test_a_job_that_begins_is_one_line_with_its_message():
    brief = BriefFormatter(Full())
    begins = record(
        "[Wed Nov 25 03:08:04 2026]\nJob 3: Mesh it\nReason: new", "job_info", rule_msg="Mesh it"
    )
    first, second = brief.format(begins).splitlines()
    assert first[8:] == " Mesh it"
    assert second == "Reason: new"
    for other in (record("rule all:\n input: a", "job_info", rule_msg=None), record("Error")):
        assert brief.format(other) == other.msg


def test_a_job_that_fails_is_its_name_and_its_log():
    text = "[date]\nError in rule mesh:\n    jobid: 3\n    input: a, b\n    log: logs/mesh.log"
    brief = BriefFormatter(Full())
    assert brief.format(record(text, "job_error")) == "Error in rule mesh:\n    log: logs/mesh.log"
    command = "RuleException:\nCalledProcessError in file x:\nCommand 'y' "
    assert not worth_a_line(record(f"{command}returned non-zero exit status 1."))
    assert worth_a_line(record(f"{command}died with <Signals.SIGKILL: 9>."))


def test_news_of_the_scheduler_is_left_out_and_errors_are_not():
    assert not worth_a_line(record("Execute 2 jobs...", "job_started"))
    assert not worth_a_line(record("Select jobs to execute..."))
    assert worth_a_line(record("1 of 12 steps (8%) done", "progress"))
    assert worth_a_line(record("Error in rule unwrap_tile", "job_error"))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_read_as_words(seconds, text):
    assert duration(seconds) == text


def test_progress_tells_rate_and_time_left_and_ends_without(caplog):
    caplog.set_level(logging.INFO, "emcflow")
    report = progress("links", every_s=0)
    report(1, 4)
    report(4, 4)
    during, end = (entry.getMessage() for entry in caplog.records)
    assert during.startswith("1 of 4 links, ")
    assert during.endswith(" left")
    assert end.startswith("4 links, ")
    assert "left" not in end


def test_time_left_counts_from_the_first_batch(caplog, monkeypatch):
    """The first of ten takes a minute to compile, the others a second each."""
    caplog.set_level(logging.INFO, "emcflow")
    clock = iter([0.0, 60.0, 70.0])
    monkeypatch.setattr("emcflow.workflow.job.time.monotonic", lambda: next(clock))
    report = progress("links")
    report(10, 200)
    report(20, 200)
    assert [entry.getMessage() for entry in caplog.records] == [
        "10 of 200 links, 190 left",
        "20 of 200 links, 1 per s, 3 min 0 s left",
    ]


class Job:
    """What Snakemake gives to a script."""

    def __init__(self, folder):
        self.rule, self.wildcards, self.input, self.output = "mesh", {}, [], []
        self.log = [str(folder / "mesh.log")]
        run = {"records": str(folder), "sources": [], "fingerprints": {"mesh": "0"}}
        self.config = {"run": run}


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ZeroDivisionError("by\nzero"), "ZeroDivisionError: by zero; this is a fault of emcflow"),
        (MemoryError(), "out of memory after"),
    ],
)
def test_what_nobody_expected_is_one_line_and_a_traceback_in_the_log(error, says, tmp_path, caplog):
    logger = logging.getLogger("emcflow")
    with pytest.raises(SystemExit) as ended, job(Job(tmp_path)):
        raise error
    for handler in [each for each in logger.handlers if isinstance(each, logging.StreamHandler)]:
        if type(handler).__module__ == "logging":
            logger.removeHandler(handler)
    line = str(ended.value.code).strip().split("\n")
    assert len(line) == 2 and says in line[1]
    assert "mesh" in line[1]
    if not isinstance(error, MemoryError):
        assert __version__ in line[1] and "mesh.log" in line[1]
    text = (tmp_path / "mesh.log").read_text()
    assert "Traceback" in text and "raise error" in text


def test_summary_lines_up_and_holds_the_remarks():
    headline = {
        "run": [Card("n", "12", "dates", "2019\u00a0to 2020")],
        "good": [Card("s", "99.9 %", "of loops close", "")],
    }
    text = summary_text(headline, ["Too wide. " * 12], {"report": "results/report.html"})
    assert "12 dates               2019 to 2020\n" in text
    assert "report                 results/report.html\n" in text
    assert "- Too wide." in text
    assert max(map(len, text.splitlines())) <= 88
    assert "Before" not in summary_text(headline, [], {"report": "r"})
