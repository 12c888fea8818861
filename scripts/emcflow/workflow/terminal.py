"""Snakemake's lines on the terminal, fewer and shorter; the jobs speak for themselves."""

from __future__ import annotations

import logging
import time

from emcflow.workflow import snakemake_internals as internals


class BriefFormatter(logging.Formatter):
    """Snakemake's own formatter, but one line for a job that begins, and few for one that fails.

    Parameters
    ----------
    full : logging.Formatter
        Formats everything else.
    """

    def __init__(self, full: logging.Formatter) -> None:
        super().__init__()
        self.full = full

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        text = self.full.format(record)
        event, said = internals.event_of(record), internals.message_of(record)
        if event == internals.JOB_FAILS:
            lines = text.splitlines()[internals.HEAD_OF_ERROR :]
            left_out = internals.LEFT_OUT_OF_ERRORS
            return "\n".join(line for line in lines if not line.startswith(left_out))
        if event != internals.JOB_BEGINS or not said:
            return text
        more = text.splitlines()[internals.HEAD_OF_JOB :]
        return "\n".join([f"{time.strftime('%H:%M:%S')} {said}", *more])


def worth_a_line(record: logging.LogRecord) -> bool:
    """Return whether a record of Snakemake's is shown."""
    if internals.event_of(record) in internals.LEFT_OUT_EVENTS or internals.has_said_why(record):
        return False
    return not str(record.msg).startswith(internals.LEFT_OUT_LINES)


def shorten(logger: logging.Logger) -> None:
    """Shorten what Snakemake's logger writes to the terminal; its log file stays as it is."""
    for handler in logger.handlers:
        if handler.name == internals.TERMINAL_HANDLER:
            handler.addFilter(worth_a_line)
            handler.setFormatter(BriefFormatter(handler.formatter or logging.Formatter()))
