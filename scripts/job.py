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
from emcflow.records import check_inputs, write_record

log = logging.getLogger("emcflow")


@contextmanager
def job(snakemake) -> Iterator[logging.Logger]:
    """Log to the rule's file and to the terminal; end with one clear line on bad input.

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
    run = snakemake.config["run"]
    records = Path(run["records"])
    products = [path for path in snakemake.input if path not in run["sources"]]
    try:
        made_by = check_inputs(records, products, run["fingerprints"])
        yield log
        made_by |= {snakemake.rule: run["fingerprints"][snakemake.rule]}
        write_record(records, Path(snakemake.log[0]).stem, snakemake.output, made_by)
    except InputError as error:
        log.removeHandler(to_terminal)
        log.error("error: %s", error)
        # Between blank lines: Snakemake follows with a dozen of its own about the failed job.
        sys.exit(f"\nemcflow stops in {name}:\n{error}\n")
    log.info("done in %.1f s, peak memory %d MB", time.monotonic() - start, peak_memory_mb())


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
        rate = done / max(now - start, 1e-9)
        left = (total - done) / max(rate, 1e-9)
        log.info("%d of %d %s (%.3g per s, %.0f s left)", done, total, what, rate, left)

    return report
