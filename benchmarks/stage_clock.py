"""Time of the stages of a program, without any package: it runs in both environments."""

from __future__ import annotations

import resource
import time


class StageClock:
    """Wall and CPU seconds of the stages of the process that it lives in, children included."""

    def __init__(self):
        self.stages: dict[str, dict[str, float]] = {}

    def run(self, name: str, function, *arguments, **keywords):
        """Call a function and add its time to a stage."""
        wall, cpu = time.monotonic(), _cpu_seconds()
        result = function(*arguments, **keywords)
        stage = self.stages.setdefault(name, {"wall_s": 0.0, "cpu_s": 0.0})
        stage["wall_s"] += time.monotonic() - wall
        stage["cpu_s"] += _cpu_seconds() - cpu
        return result


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
