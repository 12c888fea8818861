"""The page about kills, bad input, full disks and load, from what was measured."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

START = """\
# Reliability

What happens to a run that is killed, fed with nonsense, out of disk space, started twice or loaded
with work. Made by `make reliability` and `make soak`; the tests named here run with every change.

## Killed runs

**After a kill, start the same command again; that is all.** What is complete stays, what was half
done is made again, and the rasters come out byte for byte as if nothing had happened.

- A file has a hidden name (`.NAME.*.part`) until it is whole. What killed writers leave is removed
  at the start of the next run, and two writers never share a file.
- Scripts end within a second of the Snakemake that started them, so nothing goes on unseen.
- A run holds `output_dir/.lock`, which the system frees however the run ends. So the next run knows
  that Snakemake's own lock is left from a killed one, and takes it away.
- `snakemake --unlock --configfile mine.yaml` is needed only where something of the killed run may
  still be at work: it was on another host (a login node, say), whose locks not every file system
  shows, or its jobs are in the queue of a cluster ([cluster.md](cluster.md)). Look first, then
  unlock.
- Ctrl-C ends the scripts as well and leaves no half-written files.

With every change a test kills one run some twenty times on its way, in every rule, with and without
its scripts, and interrupts it with Ctrl-C in between.
"""

KILLED = """\
Each of {count} runs of a simulated city in four tiles ({steps} steps, {rasters} rasters) was killed
once with SIGKILL, at moments spread over the whole run: {whole} with all their scripts; {alone}
without, so that those were still there when the next run started. Then each was started again.

**{same} of {count}** came to their end with every raster byte for byte that of an undisturbed run.
{writing} of the kills fell while a file was half written. Where they fell (two scripts can be at
work at once):

| rule | kills |
|---|---|
{table}
"""

STATIC = """\
## A full disk, folders that are read-only, two runs at a time

- **The disk is full, or the quota used up:** the job ends with one line: which file, how much is
  free, what to do. No file is ever cut off: it is whole or not there, checked with room for one
  block more at a time. When there is room again the same command goes on.
- **`output_dir` is read-only:** one line before any job.
- **The stack is read-only:** nothing is ever written beside the input.
- **The installation is read-only:** compiled functions go to the user's cache, `~/.cache/numba`.
- **A second run in the same `output_dir`** ends before any job. Started in another working
  directory it says which process on which host is writing there, and since when; in the same one
  it is Snakemake that says the folder is locked. On a file system without locks (some network file
  systems) Snakemake's is the only one: start runs in one working directory there.
"""


def write_page(
    path: Path, kills: dict | None = None, tests: dict | None = None, soak: dict | None = None
) -> None:
    """Write the page; parts that have not been measured are left out.

    Parameters
    ----------
    path : path
    kills, tests, soak : dict, optional
        What `kill_runs` and `run_tests` of reliability.py and soak.py have found.
    """
    parts = [START, *([killed(**kills)] if kills else [])]
    parts += [bad_input(tests["test_bad_input.py"])] if tests else []
    parts.append(STATIC)
    parts += [other_tests(tests)] if tests else []
    parts += [load(**soak)] if soak else []
    path.write_text("\n".join(parts))


def killed(steps: int, rasters: int, kills: list[dict]) -> str:
    """Return the part about killed runs."""
    fell = Counter(rule for kill in kills for rule in kill["rules"])
    nowhere = sum(not kill["rules"] for kill in kills)
    rows = [f"| {rule} | {count} |" for rule, count in fell.most_common()]
    rows += [f"| between two scripts, or before the first | {nowhere} |"] if nowhere else []
    whole = sum(kill["whole_group"] for kill in kills)
    return KILLED.format(
        count=len(kills),
        steps=steps,
        rasters=rasters,
        whole=whole,
        alone=len(kills) - whole,
        same=sum(kill["same"] for kill in kills),
        writing=sum(kill["writing"] for kill in kills),
        table="\n".join(rows),
    )


def sentence(test: str) -> str:
    """Return the name of a test in words."""
    return test.removeprefix("test_").replace("_", " ")


def bad_input(tests: dict) -> str:
    """Return the part about bad input: the cases of every test, counted."""
    cases = sum(outcomes.get("passed", 0) for outcomes in tests.values())
    rows = [f"| {sentence(test)} | {done.get('passed', 0)} |" for test, done in tests.items()]
    return f"""\
## Bad input

{cases} cases pass: each is refused with one line that names the file or key, the value, what was
expected and what to do, or has to work. Those of "any ..." are 150 random inputs each.

| [tests/test_bad_input.py](../tests/test_bad_input.py) | cases |
|---|---|
{chr(10).join(rows)}
"""


def other_tests(tests: dict) -> str:
    """Return the table of the tests of everything but bad input."""
    rows = [
        f"| {sentence(test)} | {' and '.join(f'{n} {outcome}' for outcome, n in done.items())} |"
        for file, found in tests.items()
        if file != "test_bad_input.py"
        for test, done in found.items()
    ]
    return "| test | outcome |\n|---|---|\n" + "\n".join(rows) + "\n"


def load(cores: int, runs: list[dict]) -> str:
    """Return the part about load."""
    ten, (tiles, dates) = runs[:10], runs[10:]
    rows = [
        f"| {name} | {run['side']} x {run['side']} | {run['dates']} | {run['interferograms']} | "
        f"{run['tiles']} | {run['jobs']} | {max(run['peak_mb'].values()):.0f} | "
        f"{run['snakemake_mb']:.0f} | {run['open_files']} | {run['open_files_of_scripts']} | "
        f"{run['cpu_s']:.0f} |"
        for name, run in [
            *((f"run {number} of 10", run) for number, run in enumerate(ten, 1)),
            ("many tiles", tiles),
            ("many dates", dates),
        ]
    ]
    return f"""\
## Load

On {cores} cores: ten runs of random sizes one after the other in one working directory, the last
like the first; {tiles["tiles"]} tiles, without link model; {dates["dates"]} dates. `make soak` fails
where a job takes more memory than its rule asks for, or where memory or open files of the last of
the ten are more than those of the first.

| | pixels | dates | interferograms | tiles | jobs | largest job [MB] | Snakemake [MB] | its open files | those of a script | CPU of the jobs [s] |
|---|---|---|---|---|---|---|---|---|---|---|
{chr(10).join(rows)}
"""  # noqa: E501
