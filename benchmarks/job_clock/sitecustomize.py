"""Every Python process that has this folder on its path writes down what it took, at its end.

Snakemake asks for the CPU time of a job every half a minute: too rarely for short jobs. A line of
JSON for each process: the script, seconds of CPU and wall time, peak memory.
"""

import atexit
import json
import os
import re
import resource
import sys
import time

START = time.monotonic()


def write_line() -> None:
    """Append the line to the file that the environment names."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    with open("/proc/self/status") as file:  # getrusage counts what the parent held as well
        peak_kb = int(re.search(r"VmHWM:\s*(\d+) kB", file.read())[1])
    line = {
        "script": os.path.basename(sys.argv[0]) if sys.argv else "",
        "cpu_s": sum(one.ru_utime + one.ru_stime for one in used),
        "wall_s": time.monotonic() - START,
        "peak_mb": peak_kb * 1024 / 1e6,
    }
    with open(os.environ["EMCFLOW_JOB_CLOCK"], "a") as file:
        file.write(json.dumps(line) + "\n")


if "EMCFLOW_JOB_CLOCK" in os.environ:
    atexit.register(write_line)
