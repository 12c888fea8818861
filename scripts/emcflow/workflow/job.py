"""What every script of a rule needs around its work: a log, progress, errors in one line."""

from __future__ import annotations

import gc
import logging
import os
import re
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emcflow import __version__
from emcflow.errors import InputError, OutputError
from emcflow.io.files import DISK_FULL
from emcflow.workflow.records import check_inputs, write_record

log = logging.getLogger("emcflow")
# On a full disk a log loses lines; what fills it is told by the results, not by a traceback.
logging.raiseExceptions = False
LONGEST_REASON = 200  # of an exception, in a line on the terminal
SNAKEMAKE_PID = "EMCFLOW_SNAKEMAKE_PID"


@contextmanager
def job(snakemake: Any) -> Iterator[logging.Logger]:
    """Log to the rule's file and to the terminal; end with one clear line on bad input.

    The same where the results cannot be written, and for what nobody expected, whose traceback is
    in the rule's file. Ends the script where Snakemake is gone.

    Bad input is also a file between the rules that is not as another job wrote it, or that other
    settings made: the job looks before its work, and afterwards records what it has made itself.

    Parameters
    ----------
    snakemake
        The object that Snakemake gives to a script.

    Yields
    ------
    logging.Logger
    """
    end_with_snakemake()
    gc.freeze()  # what is imported stays: looking through it for garbage takes 0.1 to 0.3 s
    name = " ".join([snakemake.rule, *snakemake.wildcards])
    formatter = logging.Formatter(f"%(asctime)s {name}: %(message)s", "%H:%M:%S")
    # A job writes its own log anew: a line from an earlier attempt would mislead.
    to_terminal = logging.StreamHandler(sys.stderr)
    for handler in (logging.FileHandler(snakemake.log[0], "w", delay=True), to_terminal):
        handler.setFormatter(formatter)
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    start = time.monotonic()
    run = snakemake.config["run"]
    records = Path(run["records"])
    products = [path for path in snakemake.input if path not in run["sources"]]
    try:
        with no_traceback_of_a_full_cache():
            made_by = check_inputs(records, products, run["fingerprints"])
            yield log
            made_by |= {snakemake.rule: run["fingerprints"][snakemake.rule]}
            write_record(records, Path(snakemake.log[0]).stem, snakemake.output, made_by)
    except KeyboardInterrupt:
        log.removeHandler(to_terminal)
        log.error("stopped by the user")
        os._exit(1)  # Snakemake says so; threads need not end their work
    except Exception as error:
        log.removeHandler(to_terminal)
        expected = isinstance(error, InputError | OutputError)
        log.error("error: %s", error, exc_info=None if expected else error)
        line = error if expected else unexpected(error, name, snakemake.log[0])
        # Between blank lines: Snakemake follows with a dozen of its own about the failed job.
        sys.exit(f"\nemcflow stops in {name}:\n{line}\n")
    taken = time.monotonic() - start
    text = f"{taken:.1f} s" if taken < 60 else duration(taken)
    log.info("done in %s, peak memory %d MB", text, peak_memory_mb())
    gc.freeze()  # all ends with the process


def unexpected(error: Exception, name: str, log_file: str) -> str:
    """Return one line of an exception that is no fault of the input: what to do about it."""
    kind = type(error).__name__
    if isinstance(error, MemoryError):
        return (
            f"{name}: out of memory after {peak_memory_mb()} MB ({error or kind}); expected more "
            "that is free: close other programs, run fewer jobs at a time (--cores), set "
            "tiles.points_per_tile to less, or take a machine with more"
        )
    text = " ".join(str(error).split())[:LONGEST_REASON]
    return (
        f"{name}: {kind}: {text or 'without a word'}; this is a fault of emcflow {__version__}, "
        f"not of the input: please report it, with this line, the file {log_file} and the config"
    )


@contextmanager
def no_traceback_of_a_full_cache() -> Iterator[None]:
    """Name the likely file where a library finds a disk full: the results tell it themselves."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise OutputError(
            f"{DISK_FULL[error.errno]} where compiled functions are kept: make room in __pycache__ "
            "of the installation or ~/.cache/numba, or set the environment variable "
            "NUMBA_CACHE_DIR to a folder on another disk, and start the same command again"
        ) from error


def end_with_snakemake() -> None:
    """End this process within a second of the Snakemake that started it.

    A Snakemake that is killed leaves its scripts running. Nobody waits for their results any more,
    and when it is started again they would run beside the new ones and share their memory.
    """
    snakemake = os.environ.get(SNAKEMAKE_PID)  # set by rules/one_run.smk
    if snakemake is None:
        return

    def watch() -> None:
        while True:
            try:
                os.kill(int(snakemake), 0)  # sends nothing, asks whether there is such a process
            except ProcessLookupError:
                os._exit(1)
            time.sleep(0.5)

    threading.Thread(target=watch, daemon=True).start()


def peak_memory_mb() -> int:
    """Return the most memory that this process has held so far, in MB."""
    try:  # getrusage on Linux counts what the process that started this one held as well
        status = Path("/proc/self/status").read_text()
        return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) * 1024 // 1_000_000
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_000_000  # bytes on macOS


def progress(what: str, every_s: float = 10.0) -> Callable[[int, int], None]:
    """Return a callback (done, total) that logs a line with rate and time left now and then.

    The time left follows from what is done since the first call: until then functions are compiled.

    Parameters
    ----------
    what : str
        The things counted: "links", "interferograms".
    every_s : float
        Least time between two lines, in seconds; short steps log nothing but their end.
    """
    start = last = time.monotonic()
    first: tuple[float, int] | None = None

    def report(done: int, total: int) -> None:
        nonlocal first, last
        now = time.monotonic()
        since, before = first or (start, 0)
        first = first or (now, done)
        if done < total and now - last < every_s:
            return
        last = now
        if done == total:
            rate = max(done / max(now - start, 1e-9), 1e-9)
            log.info("%d %s, %s per s", total, what, _three_digits(rate))
        elif before == 0:
            log.info("%d of %d %s, %d left", done, total, what, total - done)
        else:
            rate = max((done - before) / max(now - since, 1e-9), 1e-9)
            left = duration((total - done) / rate)
            log.info("%d of %d %s, %s per s, %s left", done, total, what, _three_digits(rate), left)

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
