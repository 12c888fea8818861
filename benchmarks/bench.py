"""Compare emcflow with its peers on simulated stacks, and measure how its stages grow.

python benchmarks/bench.py compare {quick,full} --peers PYTHON [--cores N] [--folder F] [--docs D]
python benchmarks/bench.py scaling {quick,full} [--cores N] ...
python benchmarks/bench.py page ...

Both keep every measurement in FOLDER and write `benchmarks.md` and `benchmarks.png` to DOCS.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import math
import os
import platform
import re
import shutil
import statistics
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import psutil
import yaml
from emcflow.acquisition.geometry import design_matrix
from emcflow.io.raster import open_raster, read_band
from emcflow.products.accuracy import share_right
from measure import Usage, measure
from page import write_page

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ENV = {"PYTHONPATH": f"{ROOT / 'scripts'}:{HERE}"}
GEOMETRY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0}
VELOCITY_RANGE, DEM_ERROR_RANGE = [-100, 100], [-80, 80]
MIN_COHERENCE = 0.6
BUILT = 0.7  # of the simulated scene: the rest is river, parks and a corner without data
# That one interferogram at a time is the whole work of; so many tell the time of all.
TWO_DIMENSIONAL = ("whirlwind sparse", "snaphu")
PAIRS_OF_TWO_DIMENSIONAL = 6
NOISE = {"low": 0.95, "medium": 0.85, "high": 0.75}  # mean coherence of what is built


@dataclass(frozen=True)
class Case:
    """A stack to compare on: thousands of points asked for, dates, noise; how often, how far.

    `pairs_in_space` above 0 lets spurt unwrap only so many interferograms in space; the time of
    all is extrapolated and marked so. With `defaults` spurt runs with its own number of workers
    as well, one for each step on two cores; with `links` the search of the links is compared too.
    """

    kilopoints: int
    dates: int
    noise: str
    repeats: int = 1
    pairs_in_space: int = 0
    defaults: bool = False
    links: bool = False

    @property
    def name(self) -> str:
        """Name of the folder of the case."""
        return f"{self.kilopoints}k_{self.dates}dates_{self.noise}"

    @property
    def simulation(self) -> dict:
        """Settings of the simulated city."""
        mean = NOISE[self.noise]
        coherent = min(1.0, (1 - MIN_COHERENCE) / (2 * (1 - mean)))
        side = math.ceil(math.sqrt(1000 * self.kilopoints / (BUILT * coherent)))
        span = max(360, 12 * self.dates)
        return {
            "rows": side,
            "cols": side,
            "dates": self.dates,
            "span_days": span,
            "coherence": mean,
            "seed": 1,
        }


COMPARED = {
    "quick": [Case(25, 20, "low", links=True), Case(25, 20, "high", links=True)],
    "full": [
        Case(25, 20, "low", repeats=2),
        Case(25, 40, "low"),
        Case(25, 60, "low"),
        Case(60, 20, "low", repeats=2, links=True),
        Case(60, 20, "medium", links=True),
        Case(60, 20, "high", links=True),
        Case(175, 20, "low", repeats=2, defaults=True),
        Case(400, 20, "low", pairs_in_space=9),
        Case(1000, 20, "low", pairs_in_space=6),
    ],
}
SCALED = {
    "quick": [Case(size, 12, "low") for size in (30, 100, 300)],
    "full": [Case(size, 20, "low") for size in (50, 100, 200, 500, 1000, 2000)],
}
LARGEST = {"quick": [], "full": [Case(4000, 30, "low")]}
TINY = {"rows": 30, "cols": 30, "dates": 5}


class Bench:
    """The stacks, runs and measurements in one folder."""

    def __init__(self, folder: Path, cores: int, peers: str | None = None):
        self.folder = folder.resolve()
        self.cores = cores
        self.peers = peers
        self.records = self.folder / "measurements.jsonl"

    def record(self, case: Case, program: str, usage: Usage, **more) -> None:
        """Add a measurement to the file of all."""
        line = {"program": program, "cores": self.cores, "case": asdict(case)} | asdict(usage)
        with open(self.records, "a") as file:
            file.write(json.dumps(line | more) + "\n")
        print(f"{case.name}: {program} {usage.wall_s:.1f} s, {usage.peak_mb:.0f} MB", flush=True)

    def snakemake(
        self, folder: Path, config: dict, *arguments: str, env: dict[str, str] | None = None
    ) -> Usage:
        """Run the workflow with a config and measure it."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--configfile", "config.yaml", "--cores", str(self.cores), *arguments]
        return measure(command, folder, folder / "run.log", env or {})

    def simulate(self, case: Case) -> Path:
        """Return the folder of the simulated city, made where it does not exist."""
        folder = self.folder / case.name
        city = folder / "results" / "simulation"
        if not (city / "baselines_slc.csv").exists():
            print(f"{case.name}: simulating", flush=True)
            config = {
                "output_dir": "results",
                "stack": {"layout": "simulate"},
                "geometry": GEOMETRY,
                "simulation": case.simulation,
            }
            self.snakemake(folder, config, "--until", "simulate_stack")
        return city

    def run_emcflow(self, case: Case, program: str, **more: dict) -> Path:
        """Run the whole workflow on a city, with or without the link model."""
        city = self.simulate(case)
        folder = self.folder / case.name / program.replace(" ", "_")
        shutil.rmtree(folder, ignore_errors=True)
        config = workflow_config(city, "without" not in program) | more
        usage = self.snakemake(folder, config, "--benchmark-extended")
        results = folder / "results"
        self.record(
            case,
            program,
            usage,
            points_right=points_right(read_unwrapped(results / "unwrapped", city), city),
            rules=read_benchmarks(results),
        )
        return results

    def run_stages(self, case: Case, program: str) -> None:
        """Run emcflow's stages in one process, with or without the link model."""
        city = self.simulate(case)
        prepared, output = (self.folder / case.name / name for name in ("stages.json", "out.json"))
        keywords = {
            "stack": str(city / "stack"),
            "link_model": None if "without" in program else city_link_model(city),
        }
        prepared.write_text(json.dumps(keywords))
        command = [sys.executable, str(HERE / "stages_emcflow.py"), str(output)]
        command += [str(self.cores), str(prepared)]
        usage = measure(command, self.folder, self.folder / case.name / "stages.log", ENV)
        measured = json.loads(output.read_text())
        memory = measured.pop("peak_mb")
        self.record(case, program, usage, memory_mb=memory, **measured)

    def run_spurt(self, case: Case, program: str, workers: int | None = None) -> None:
        """Run spurt's command line on a city, with so many workers or its own choice."""
        city = self.simulate(case)
        folder = self.folder / case.name / "spurt"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        stages = folder / "stages.jsonl"
        command = [self.peers, str(HERE / "stages_spurt.py"), str(stages)]
        command += [str(case.pairs_in_space), "--inputdir", str(city / "stack")]
        command += ["--outputdir", "emcf", "--tempdir", "tmp"]
        if workers:
            command += ["--t-workers", str(workers), "--s-workers", str(workers)]
        usage = measure(command, folder, folder / "run.log", {"PYTHONPATH": str(HERE)})
        npairs = len(list((folder / "emcf").glob("*.unw.tif")))
        more = {"stages": sum_stages(stages), "pairs": npairs}
        if case.pairs_in_space:
            more, usage = extrapolated(more, usage, case.pairs_in_space)
        else:
            more["points_right"] = points_right(read_unwrapped(folder / "emcf", city), city)
        self.record(case, program, usage, **more)

    def run_two_dimensional(self, case: Case, program: str, results: Path) -> None:
        """Unwrap some interferograms of a run of emcflow with a program that takes one at a time.

        The time is that of all, one on each core.
        """
        city, folder = self.simulate(case), self.folder / case.name
        prepared, output = folder / "prepared.npz", folder / "two_dimensional.npz"
        names = sorted(path.name[:17] for path in (results / "unwrapped").glob("*[0-9].unw.tif"))
        some = np.linspace(0, len(names) - 1, PAIRS_OF_TWO_DIMENSIONAL).round().astype(int)
        pairs = [names[number] for number in some]
        prepare_pairs(prepared, pairs, city)
        command = [self.peers, str(HERE / "accuracy_peers.py"), str(prepared), str(output), program]
        usage = measure(command, folder, folder / "run.log", {})
        with np.load(output) as file:
            unwrapped, seconds = file[program], float(file[f"{program} seconds"])
        cpu = usage.cpu_s + seconds * (len(names) / len(pairs) - 1)
        self.record(
            case,
            program,
            Usage(cpu / self.cores, cpu, usage.peak_mb),
            points_right=points_right(zip(pairs, unwrapped, strict=True), city),
            extrapolated_from_pairs=len(pairs),
        )

    def run_read_write(self, case: Case, results: Path) -> None:
        """Read the stack and write a run's rasters again, and nothing else."""
        folder = self.folder / case.name / "read_write"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        command = [sys.executable, str(HERE / "read_write.py"), str(folder / "seconds.json")]
        command += [str(self.simulate(case) / "stack"), str(results), str(folder / "rasters")]
        command += [str(self.cores)]
        usage = measure(command, folder, folder / "run.log", ENV)
        seconds = json.loads((folder / "seconds.json").read_text())
        self.record(case, "read and write", Usage(**seconds, peak_mb=usage.peak_mb))
        shutil.rmtree(folder)

    def run_links(self, case: Case) -> None:
        """Compare the search of the links' parameters with an exhaustive one."""
        # the grid of the exhaustive search ends at 47.5 m
        self.run_alone(case, "links", building_height_m=45)

    def run_flows(self) -> None:
        """Compare minimum cost flows from all residues at once with one after the other."""
        case = Case(60, 20, "low")
        self.run_alone(case, "flows", points=1000 * case.kilopoints)

    def run_alone(self, case: Case, program: str, **more) -> None:
        """Run a comparison that simulates what it needs, from the settings of a case and more."""
        prepared, output = (self.folder / f"{program}{end}.json" for end in ("", "_out"))
        prepared.write_text(json.dumps(case.simulation | more))
        command = [sys.executable, str(HERE / f"{program}.py"), str(output)]
        command += [str(self.cores), str(prepared)]
        usage = measure(command, self.folder, self.folder / f"{program}.log", ENV)
        self.record(case, program, usage, **json.loads(output.read_text()))

    def run_start(self) -> None:
        """Run the workflow on a stack of nothing, at first without anything compiled."""
        case, folder = Case(0, TINY["dates"], "low"), self.folder / "start"
        shutil.rmtree(folder, ignore_errors=True)
        config = {"output_dir": "results", "stack": {"layout": "simulate"}, "simulation": TINY}
        nothing_compiled = {"NUMBA_CACHE_DIR": str(folder / "compiled")}
        # the second run leaves everything compiled for all that follow
        for program, env in (("first start", nothing_compiled), ("", {}), *[("start", {})] * 3):
            shutil.rmtree(folder / "results", ignore_errors=True)
            usage = self.snakemake(folder, config, env=env)
            if program:
                self.record(case, program, usage)

    def compare(self, cases: list[Case]) -> None:
        """Run all programs on all cases, one after the other, again and again."""
        for case in cases:
            for _ in range(case.repeats):
                self.run_emcflow(case, "emcflow without link model")
                results = self.run_emcflow(case, "emcflow")
                self.run_read_write(case, results)
                self.run_stages(case, "emcflow stages")
                self.run_stages(case, "emcflow stages without link model")
                self.run_spurt(case, "spurt", self.cores)
                for program in TWO_DIMENSIONAL:
                    self.run_two_dimensional(case, program, results)
            if case.defaults:
                self.run_spurt(case, "spurt, its defaults")
            if case.links:
                self.run_links(case)
            self.remove_stack(case)

    def scaling(self, cases: list[Case]) -> None:
        """Run emcflow alone, as one tile, on cases of growing size."""
        for case in cases:
            for _ in range(case.repeats):
                self.run_stages(case, "scaling")
                self.run_emcflow(case, "scaling rules", tiles={"max_tiles": 1})
            self.remove_stack(case)

    def largest(self, cases: list[Case]) -> None:
        """Run the whole workflow on the largest cases, cut into tiles as by default."""
        for case in cases:
            self.run_emcflow(case, "largest")
            self.remove_stack(case)

    def remove_stack(self, case: Case) -> None:
        """Remove the rasters of a case; they are many, and made again from their seed."""
        shutil.rmtree(self.folder / case.name)


def workflow_config(city: Path, model: bool) -> dict:
    """Return the config of a run on a simulated city as if it were a user's stack."""
    config = {
        "output_dir": "results",
        "stack": {"layout": "phase_linked", "directory": str(city / "stack")},
        "geometry": GEOMETRY,
        "link_model": {"enabled": model},
    }
    if model:
        config["link_model"] |= {
            "velocity_range_mm_yr": VELOCITY_RANGE,
            "dem_error_range_m": DEM_ERROR_RANGE,
        }
        config["baselines"] = {"csv": str(city / "baselines_slc.csv")}
    return config


def city_link_model(city: Path) -> dict:
    """Return what the link model needs from the baselines of a city."""
    with open(city / "baselines_slc.csv") as file:
        rows = list(csv.DictReader(file))
    bperp = np.array([float(row["bperp_m"]) for row in rows])
    design = design_matrix([row["date"] for row in rows], bperp, **GEOMETRY)
    return {
        "design": design.tolist(),
        "velocity_range": VELOCITY_RANGE,
        "dem_error_range": DEM_ERROR_RANGE,
    }


def coherent(city: Path) -> np.ndarray:
    """Return which pixels of a city are compared."""
    return read_band(city / "stack" / "temporal_coherence.tif") > MIN_COHERENCE


def read_unwrapped(folder: Path, city: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Read the unwrapped interferograms of a folder, pair by pair, at the coherent points."""
    points = coherent(city)
    for path in sorted(folder.glob("*.unw.tif")):
        yield path.name[:17], read_band(path)[points]


def prepare_pairs(path: Path, pairs: list[str], city: Path) -> None:
    """Write wrapped interferograms, coherence and points as `accuracy_peers` reads them."""
    coherence = read_band(city / "stack" / "temporal_coherence.tif")
    phases = {}
    for image in (city / "stack").glob("*_*.int.tif"):
        phases[image.name[9:17]] = np.angle(read_band(image))
        phases[image.name[:8]] = np.float32(0)
    wrapped = [phases[second] - phases[first] for first, second in (p.split("_") for p in pairs)]
    phase = np.angle(np.exp(1j * np.array(wrapped))).astype(np.float32)
    np.savez(path, phase=phase, coherence=coherence, points=coherent(city))


def points_right(unwrapped: Iterable[tuple[str, np.ndarray]], city: Path) -> float:
    """Return the share of coherent points that are right, mean of some interferograms."""
    points = coherent(city)
    with open_raster(city / "truth" / "timeseries_unw.tif") as dataset:
        bands = zip(dataset.descriptions, dataset.indexes, strict=True)
        truth = {date: dataset.read(band)[points] for date, band in bands}
    shares = []
    for pair, phase in unwrapped:
        first, second = pair.split("_")
        shares.append(share_right(phase, truth[second] - truth[first]))
    return statistics.mean(shares)


def read_benchmarks(results: Path) -> dict[str, dict]:
    """Return seconds, memory and (where written) the predicted memory of each rule of a run."""
    rules: dict[str, dict] = {}
    csv.field_size_limit(sys.maxsize)  # parameters of a rule name every pair of a long stack
    for path in sorted((results / "benchmarks").glob("*.tsv")):
        with open(path) as file:
            row = next(csv.DictReader(file, delimiter="\t"))
        name = re.sub(r"_\d+$", "", path.stem)
        rule = rules.setdefault(name, {"jobs": 0, "wall_s": 0.0, "cpu_s": 0.0, "peak_mb": 0.0})
        rule["jobs"] += 1
        rule["wall_s"] += float(row["s"])
        rule["cpu_s"] += 0.0 if row["cpu_time"] == "NA" else float(row["cpu_time"])
        rule["peak_mb"] = max(rule["peak_mb"], logged_peak(results, path.stem))
        predicted = re.search(r"'mem_mb': (\d+)", row.get("resources", ""))
        if predicted:
            rule["predicted_mb"] = max(rule.get("predicted_mb", 0), int(predicted[1]))
    return rules


def logged_peak(results: Path, job: str) -> float:
    """Return the peak memory that a job has written to its log, in MB."""
    found = re.search(r"peak memory (\d+) MB", (results / "logs" / f"{job}.log").read_text())
    return float(found[1]) if found else 0.0


def sum_stages(lines: Path) -> dict[str, dict]:
    """Return the seconds of each stage of spurt, calls added up."""
    stages: dict[str, dict] = {}
    for line in lines.read_text().splitlines():
        for name, used in json.loads(line).items():
            stage = stages.setdefault(name, {"wall_s": 0.0, "cpu_s": 0.0})
            for key, seconds in used.items():
                stage[key] += seconds
    return stages


def extrapolated(measured: dict, usage: Usage, pairs: int) -> tuple[dict, Usage]:
    """Return measurements as if all interferograms had been unwrapped in space."""
    more = measured["pairs"] / pairs
    space = measured["stages"]["space"]
    wall, cpu = (space[key] * (more - 1) for key in ("wall_s", "cpu_s"))
    measured["stages"]["space"] = {key: seconds * more for key, seconds in space.items()}
    measured["extrapolated_from_pairs"] = pairs
    return measured, Usage(usage.wall_s + wall, usage.cpu_s + cpu, usage.peak_mb)


def describe_machine(path: Path, cores: int) -> None:
    """Write down what the measurements were made on and with."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = psutil.virtual_memory().total / 1e9
    names = ("snakemake", "numpy", "scipy", "numba", "PythonCDT", "ortools", "rasterio")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    text = (
        f"{model[1] if model else platform.processor()}, {os.cpu_count()} cores, {memory:.0f} GB, "
        f"{platform.system()}; Python {platform.python_version()}, {versions}; "
        f"{datetime.date.today()}; load by other work before the first run: "
        f"{os.getloadavg()[0]:.1f}."
    )
    path.write_text(json.dumps({"cores": cores, "text": text}))


def main() -> None:
    """Read the command line, run, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("compare", "scaling", "page"))
    parser.add_argument("size", choices=("quick", "full"), nargs="?", default="full")
    parser.add_argument("--peers", help="python of the environment that holds the peers")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--only", help="regular expression: names of the cases to run")
    parser.add_argument("--folder", type=Path, default=ROOT / "results" / "bench")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(given.folder, given.cores, given.peers)
    cases = {"compare": COMPARED, "scaling": SCALED}.get(given.what, {}).get(given.size, [])
    only = given.only or ""
    chosen = [case for case in cases if re.search(only, case.name)]
    if chosen:
        describe_machine(given.folder / "machine.json", given.cores)
    if given.what == "compare":
        bench.run_start()
        bench.run_flows()
        bench.compare(chosen)
    elif given.what == "scaling":
        bench.scaling(chosen)
        bench.largest([case for case in LARGEST[given.size] if re.search(only, case.name)])
    write_page(bench.records, given.docs)


if __name__ == "__main__":
    main()
