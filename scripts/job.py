"""What every script of a rule needs around its work: a log, progress, errors in one line."""

from __future__ import annotations

import logging
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from emcflow.errors import InputError

log = logging.getLogger("emcflow")


@contextmanager
def job(snakemake) -> Iterator[logging.Logger]:
    """Log to the rule's file and to the terminal; end with one clear line on bad input.

    Parameters
    ----------
    snakemake
        The object that Snakemake gives to a script.

    Yields
    ------
    logging.Logger
    """
    tile = snakemake.wildcards.get("tile")
    name = snakemake.rule if tile is None else f"{snakemake.rule} {tile}"
    formatter = logging.Formatter(f"%(asctime)s {name}: %(message)s", "%H:%M:%S")
    # A job writes its own log anew: a line from an earlier attempt would mislead.
    to_terminal = logging.StreamHandler(sys.stderr)
    for handler in (logging.FileHandler(snakemake.log[0], "w"), to_terminal):
        handler.setFormatter(formatter)
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    start = time.monotonic()
    try:
        yield log
    except InputError as error:
        log.removeHandler(to_terminal)
        log.error("error: %s", error)
        # Between blank lines: Snakemake follows with a dozen of its own about the failed job.
        sys.exit(f"\nemcflow stops in {name}:\n{error}\n")
    taken = time.monotonic() - start
    text = f"{taken:.1f} s" if taken < 60 else duration(taken)
    log.info("done in %s, peak memory %d MB", text, peak_memory_mb())


def peak_memory_mb() -> int:
    """Return the most memory that this process has held so far, in MB."""
    try:  # getrusage on Linux counts what the process that started this one held as well
        status = Path("/proc/self/status").read_text()
        return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) * 1024 // 1_000_000
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_000_000  # bytes on macOS


def progress(what: str, every_s: float = 10.0) -> Callable[[int, int], None]:
    """Return a callback (done, total) that logs a line with rate and time left now and then.

    Parameters
    ----------
    what : str
        The things counted: "links", "interferograms".
    every_s : float
        Least time between two lines, in seconds; short steps log nothing but their end.
    """
    start = last = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done < total and now - last < every_s:
            return
        last = now
        rate = max(done / max(now - start, 1e-9), 1e-9)
        if done < total:
            left = duration((total - done) / rate)
            log.info("%d of %d %s, %s per s, %s left", done, total, what, _three_digits(rate), left)
        else:
            log.info("%d %s, %s per s", total, what, _three_digits(rate))

    return report


def duration(seconds: float) -> str:
    """Return a time in words: 42 s, 3 min 20 s, 2 h 5 min."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _three_digits(rate: float) -> str:
    """Return a rate with three digits that count, and without an exponent."""
    return f"{rate:.0f}" if rate >= 100 else f"{rate:.3g}"
