"""Run a program and measure what it and its children take: wall and CPU seconds, peak memory."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL_S = 0.2


@dataclass(frozen=True)
class Usage:
    """What a run took: seconds of wall and CPU time, and the peak of its memory in MB."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def measure(command: list[str], folder: Path, log: Path, env: dict[str, str]) -> Usage:
    """Run a command to its end in a folder, its output into a log file.

    Parameters
    ----------
    command : list of str
    folder, log : path
    env : dict
        Added to the environment.

    Returns
    -------
    Usage
        CPU seconds and memory of the command and all its descendants. The peak is polled: the
        resident memory of the largest process and what each of the others shares with none, so
        that forked processes do not count the same pages again.

    Raises
    ------
    RuntimeError
        Where the command fails; with the end of its output.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    with open(log, "w") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | env,
        )
        peak = _Peak(process.pid)
        code = process.wait()
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code:
        end = "\n".join(log.read_text().splitlines()[-20:])
        raise RuntimeError(f"{' '.join(command)} ended with {code}; the end of {log}:\n{end}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Usage(wall, cpu, peak.stop())


class _Peak:
    """Follows the memory of a process and its descendants in a thread."""

    def __init__(self, pid: int):
        self.process = psutil.Process(pid)
        self.peak = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self):
        while not self.ended.wait(POLL_S):
            self.peak = max(self.peak, _memory(self.process))

    def stop(self) -> float:
        """Return the peak in MB."""
        self.ended.set()
        self.thread.join()
        return self.peak / 1e6


def _memory(process: psutil.Process) -> int:
    """Return the memory that a process and its descendants hold together, in bytes."""
    whole, unique = [], []
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    for one in family:
        try:
            memory = one.memory_full_info()
        except (psutil.Error, OSError):  # it has ended in the meantime
            continue
        whole.append(memory.rss)
        unique.append(memory.uss)
    if not whole:
        return 0
    largest = max(range(len(whole)), key=whole.__getitem__)
    return sum(unique) - unique[largest] + whole[largest]
