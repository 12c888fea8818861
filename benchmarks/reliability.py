"""Kill runs, try bad input and full disks, and write docs/reliability.md about what came of it.

python benchmarks/reliability.py [all|kills|tests|page] [--kills N] [--folder F] [--docs D]

Every kill is followed by a whole run, whose rasters are compared byte for byte with those of a run
that nobody disturbed. What came of it stays in FOLDER, so that the parts can be made one by one.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
from bench import ROOT
from killed import SMALL, half_written, start, stop, wait_until
from reliability_page import write_page

TESTS = ("test_bad_input.py", "test_reliability.py", "test_killed.py", "test_slurm.py")


def results_of(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every raster of a run by its name, and whether there is a report."""
    results = folder / "results"
    found = {str(path.relative_to(results)): path.read_bytes() for path in results.rglob("*.tif")}
    return found | {"report.html": bytes((results / "report.html").exists())}


def steps_done(folder: Path) -> int:
    """Return how many steps of a run are done, by what it has printed."""
    printed = (folder / "printed.txt").read_text()
    return max(map(int, re.findall(r"(\d+) of \d+ steps", printed)), default=0)


def run_whole(folder: Path) -> None:
    """Run the small stack to its end."""
    if start(folder, SMALL).wait() != 0:
        sys.exit(f"a run failed, see {folder / 'printed.txt'}")


def kill_runs(folder: Path, count: int) -> dict:
    """Kill so many runs, spread over their length, and run each again to its end."""
    shutil.rmtree(folder, ignore_errors=True)
    undisturbed, draw, kills = folder / "undisturbed", random.Random(1), []
    run_whole(undisturbed)
    expected, steps = results_of(undisturbed), steps_done(undisturbed)
    for number in range(count):
        disturbed = folder / f"killed_{number:02d}"
        at_step = number * steps // count
        run = start(disturbed, SMALL)
        wait_until(run, lambda there=disturbed, step=at_step: steps_done(there) >= step)
        time.sleep(draw.uniform(0, 1.5))
        killed = stop(run, disturbed / "results", signal.SIGKILL, whole_group=number % 3 != 2)
        run_whole(disturbed)
        same = results_of(disturbed) == expected and not half_written(disturbed / "results")
        kills.append(
            {
                "after_steps": at_step,
                "rules": sorted(killed.rules),
                "writing": killed.writing,
                "whole_group": killed.whole_group,
                "same": same,
            }
        )
        print(f"kill {number + 1} after step {at_step} of {steps}: {kills[-1]}", flush=True)
        shutil.rmtree(disturbed)
    return {"steps": steps, "rasters": len(expected) - 1, "kills": kills}


class Outcomes:
    """Counts the cases of every test by their outcome, as a plugin of pytest."""

    def __init__(self):
        self.cases: dict = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))

    def pytest_runtest_logreport(self, report) -> None:
        """Count a case when it is over, or where its setup skips or fails it."""
        if report.when == "call" or (report.when == "setup" and not report.passed):
            file, test = report.nodeid.split("[")[0].split("::")
            self.cases[Path(file).name][test][report.outcome] += 1


def run_tests() -> dict:
    """Run the tests of what this page is about and return the outcomes of each."""
    outcomes = Outcomes()
    paths = [str(ROOT / "tests" / name) for name in TESTS]
    pytest.main(["-q", "--rootdir", str(ROOT), *paths], plugins=[outcomes])
    return outcomes.cases


def main() -> None:
    """Read the command line, do what it says, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("all", "kills", "tests", "page"), nargs="?", default="all")
    parser.add_argument("--kills", type=int, default=24)
    parser.add_argument("--folder", type=Path, default=ROOT / "results" / "reliability")
    parser.add_argument("--soak", type=Path, default=ROOT / "results" / "soak" / "soak.json")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.what in ("all", "kills"):
        record = kill_runs(given.folder / "runs", given.kills)
        (given.folder / "kills.json").write_text(json.dumps(record))
    if given.what in ("all", "tests"):
        (given.folder / "tests.json").write_text(json.dumps(run_tests()))
    found = {
        path.stem: json.loads(path.read_text())
        for path in (given.folder / "kills.json", given.folder / "tests.json", given.soak)
        if path.exists()
    }
    write_page(given.docs / "reliability.md", **found)


if __name__ == "__main__":
    main()
