"""One job by itself, its script started as Snakemake does it, and the most memory that it takes."""

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, Snakemake, Wildcards
from workflow import ROOT

START = """
import pickle, runpy, sys
from snakemake.iocontainers import Snakemake
with open("job.pickle", "rb") as file:
    snakemake = pickle.load(file)
runpy.run_path(sys.argv[1], {"snakemake": snakemake})
"""


def named(kind, values):
    """Return a list of files as Snakemake hands it to a script, some of its names for several."""
    made = kind()
    for name, value in values.items():
        several = isinstance(value, list)
        first = len(made)
        made.extend(value if several else [value])
        made._set_name(name, first, len(made) if several else None)
    return made


def run_alone(
    script: str, folder: Path, given: dict, output: dict, params: dict, threads: int = 1, root=ROOT
) -> int:
    """Run the script of a rule in a folder and return its peak memory in MB.

    `given`, `output` and `params` are those of the rule by their names, lists for several files.
    """
    (folder / "records").mkdir(exist_ok=True)
    files, log = named(InputFiles, given), Log()
    log.append(f"{script}.log")
    run = {"records": "records", "sources": list(files), "fingerprints": {script: ""}}
    own = named(OutputFiles, output), Params(fromdict=params), Wildcards()
    job = Snakemake(files, *own, threads, None, log, {"run": run}, script, None)
    (folder / "job.pickle").write_bytes(pickle.dumps(job))
    # as rules/common.smk sets it
    env = os.environ | {"PYTHONPATH": str(root / "scripts"), "GDAL_CACHEMAX": "64"}
    command = [sys.executable, "-c", START, str(root / "scripts" / f"{script}.py")]
    process = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    return int(re.findall(r"peak memory (\d+) MB", (folder / f"{script}.log").read_text())[0])
