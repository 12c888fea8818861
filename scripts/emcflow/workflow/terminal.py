"""Snakemake's lines on the terminal, fewer and shorter; the jobs speak for themselves."""

from __future__ import annotations

import logging
import time

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


class BriefFormatter(logging.Formatter):
    """Snakemake's own formatter, but one line for a job that begins, and few for one that fails.

    Parameters
    ----------
    full : logging.Formatter
        Formats everything else.
    """

    def __init__(self, full: logging.Formatter):
        super().__init__()
        self.full = full

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        text = self.full.format(record)
        event = getattr(record, "event", None)
        if event == "job_error":
            lines = text.splitlines()[1:]
            return "\n".join(line for line in lines if not line.startswith(LEFT_OUT_OF_ERRORS))
        said = getattr(record, "rule_msg", None)
        if event != "job_info" or not said:
            return text
        more = text.splitlines()[2:]  # after the date, and the message behind the job's number
        return "\n".join([f"{time.strftime('%H:%M:%S')} {said}", *more])


def worth_a_line(record: logging.LogRecord) -> bool:
    """Return whether a record of Snakemake's is shown."""
    if getattr(record, "event", None) in LEFT_OUT_EVENTS:
        return False
    text = str(record.msg)
    # A script that ends with status 1 has said why; one that was killed has not.
    ended_itself = text.startswith("RuleException:") and "non-zero exit status 1." in text
    return not ended_itself and not text.startswith(LEFT_OUT_LINES)


def shorten(logger: logging.Logger) -> None:
    """Shorten what Snakemake's logger writes to the terminal; its log file stays as it is."""
    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler":
            handler.addFilter(worth_a_line)
            handler.setFormatter(BriefFormatter(handler.formatter or logging.Formatter()))
