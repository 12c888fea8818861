"""Points right by kind of scene, emcflow beside its peers, and whether its own doubts are right.

python benchmarks/accuracy.py [--peers PYTHON] [--seed N] [--severity N ...] [--kinds NAME ...]
    [--folder F] [--docs D] [--cores N] [--again]

Every scene is simulated with truth (emcflow.products.scenes, and the demo's city), unwrapped with
the defaults, without the link model, and by the peers. Measurements are kept in
FOLDER/accuracy.jsonl; scenes that are in it are not run again but with --again. The tables go to
DOCS/accuracy.md.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml
from emcflow.acquisition.geometry import SIGMAS, TERMS
from emcflow.io.files import write_csv
from emcflow.io.raster import Grid, read_band, write_raster
from emcflow.products.accuracy import share_right
from emcflow.products.scenes import KINDS, SEVERITIES, simulate_scene
from emcflow.products.simulate import baseline_tables, simulate_stack

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
GRID = "EPSG:32631", (20.0, 0.0, 500_000.0, 0.0, -20.0, 100_000.0)
CITY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0}
CITY_DATES = (24, 16, 10)  # by severity
CITY_COHERENCE = (0.95, 0.85, 0.75)
MIN_COHERENCE = 0.6
# Of an interferogram each 2-D program unwraps so many, evenly chosen; all are compared on them.
COMPARED_PAIRS = 10
PEERS = ("spurt", "snaphu", "whirlwind", "whirlwind sparse", "kamui sparse")
PROGRAMS = ("emcflow", "without link model", *PEERS)
TABLES = re.compile(r"(<!-- tables -->\n).*?(<!-- end of tables -->)", re.DOTALL)


class SceneRun:
    """A scene on disk, and the programs that run on it."""

    def __init__(self, folder: Path, kind: str, severity: int, seed: int, cores: int):
        self.folder, self.kind, self.cores = folder, kind, cores
        if kind == "city":
            settings = {
                "seed": seed + 100,
                "dates": CITY_DATES[severity - 1],
                "coherence": CITY_COHERENCE[severity - 1],
            }
            self.truth, self.geometry = simulate_stack(settings, **CITY), CITY
        else:
            self.truth, self.geometry = simulate_scene(kind, severity, seed)
        self.points = self.truth.temporal_coherence > MIN_COHERENCE
        shutil.rmtree(folder, ignore_errors=True)
        self._write()

    def _write(self) -> None:
        """Write the stack and its baselines, as a user would bring them."""
        dates = self.truth.dates
        grid = Grid(self.points.shape, GRID[0], GRID[1])
        stack = self.folder / "stack"
        for date, phasors in zip(dates[1:], self.truth.stack[1:], strict=True):
            name = f"{dates[0]}_{date}"
            write_raster(stack / f"{name}.int.tif", phasors, grid, units="1", description=name)
        coherence = self.truth.temporal_coherence
        write_raster(stack / "temporal_coherence.tif", coherence, grid, units="1", description="")
        write_csv(self.folder / "baselines.csv", baseline_tables(dates, self.truth.bperp_m)[0])

    def emcflow(self, name: str, **more: dict) -> Path:
        """Run the workflow with its defaults and more; return the folder of its results."""
        config = {
            "output_dir": name,
            "stack": {"directory": "stack"},
            "geometry": self.geometry,
            "baselines": {"csv": "baselines.csv"},
            **more,
        }
        (self.folder / f"{name}.yaml").write_text(yaml.safe_dump(config))
        self._command(
            name,
            *[sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")],
            *["--configfile", f"{name}.yaml", "--cores", str(self.cores)],
        )
        return self.folder / name

    def spurt(self, python: str) -> Path:
        """Run spurt's command line with its defaults."""
        workers = ["--t-workers", str(self.cores), "--s-workers", str(self.cores)]
        arguments = ["-i", "stack", "-o", "spurt", "--tempdir", "tmp", *workers]
        self._command("spurt", python, "-m", "spurt.workflows.emcf", *arguments)
        return self.folder / "spurt"

    def two_dimensional(self, python: str, pairs: list[str]) -> dict[str, np.ndarray]:
        """Return the unwrapped phase of the 2-D programs at the points, by their names."""
        ends = [[self.truth.dates.index(date) for date in pair.split("_")] for pair in pairs]
        stack = self.truth.stack.astype(np.complex128)
        phase = [np.angle(stack[second] * stack[first].conj()) for first, second in ends]
        np.savez(
            self.folder / "prepared.npz",
            phase=np.array(phase, np.float32),
            coherence=self.truth.temporal_coherence,
            points=self.points,
        )
        self._command("2d", python, str(HERE / "accuracy_peers.py"), "prepared.npz", "2d.npz")
        with np.load(self.folder / "2d.npz") as file:
            return {name: file[name] for name in file if not name.endswith("seconds")}

    def _command(self, name: str, *command: str) -> None:
        with open(self.folder / f"{name}.log", "w") as log:
            subprocess.run(command, cwd=self.folder, stdout=log, stderr=log, check=True)

    def true_phase(self, pair: str) -> np.ndarray:
        """Return the true unwrapped phase of a pair at the points."""
        first, second = (self.truth.dates.index(date) for date in pair.split("_"))
        return (self.truth.phase[second] - self.truth.phase[first])[self.points]

    def shares(self, unwrapped: dict[str, np.ndarray]) -> list[float]:
        """Return the share of right points of each pair, in percent."""
        return [
            100 * share_right(phase, self.true_phase(pair)) for pair, phase in unwrapped.items()
        ]

    def read(self, folder: Path, pairs: list[str]) -> dict[str, np.ndarray]:
        """Read the unwrapped phase of some pairs at the points."""
        return {pair: read_band(folder / f"{pair}.unw.tif")[self.points] for pair in pairs}


def evenly(pairs: list[str]) -> list[str]:
    """Return the pairs that all programs are compared on."""
    chosen = np.linspace(0, len(pairs) - 1, min(COMPARED_PAIRS, len(pairs)))
    return [pairs[place] for place in np.unique(chosen.round().astype(int))]


def labelled(scene: SceneRun, folder: Path, pairs: list[str]) -> tuple[float, float]:
    """Return how many points have a label, and how many of these are wrong within it [%]."""
    shares, wrong = [], []
    for pair in pairs:
        label = read_band(folder / f"{pair}.unw.conncomp.tif")[scene.points]
        phase = read_band(folder / f"{pair}.unw.tif")[scene.points]
        cycles = np.rint((phase - scene.true_phase(pair)) / (2 * np.pi))
        known = (label > 0) & np.isfinite(cycles)
        apart = 0
        for each in np.unique(label[known]):
            own = cycles[known & (label == each)]
            apart += own.size - np.unique(own, return_counts=True)[1].max()
        shares.append(100 * known.mean())
        wrong.append(100 * apart / max(np.count_nonzero(known), 1))
    return float(np.mean(shares)), float(np.mean(wrong))


def map_errors(scene: SceneRun, folder: Path) -> dict[str, float]:
    """Return error and mean square of error / sigma of the maps of velocity and DEM error."""
    numbers = {}
    for name in TERMS:
        truth = getattr(scene.truth, name)[scene.points]
        error = read_band(folder / f"{name}.tif")[scene.points] - truth
        sigma = read_band(folder / f"{SIGMAS[name]}.tif")[scene.points]
        good = np.isfinite(error) & (sigma > 0)
        if good.any():
            error = error - np.median(error[good])
            numbers[f"{name} rmse"] = float(np.sqrt((error[good] ** 2).mean()))
            numbers[f"{name} z2"] = float(((error[good] / sigma[good]) ** 2).mean())
    return numbers


def measured(scene: SceneRun, peers: str | None) -> dict:
    """Run all programs on a scene and return the numbers."""
    results = scene.emcflow("emcflow")
    pairs = sorted(path.name[:17] for path in (results / "unwrapped").glob("*[0-9].unw.tif"))
    some = evenly(pairs)
    all_right = scene.shares(scene.read(results / "unwrapped", pairs))
    share, wrong = labelled(scene, results / "unwrapped", pairs)
    numbers = {
        "points": int(scene.points.sum()),
        "dates": len(scene.truth.dates),
        "right": float(np.mean(all_right)),
        "worst": float(np.min(all_right)),
        "labelled": share,
        "wrong within labels": wrong,
        **map_errors(scene, results),
    }
    unwrapped = {"emcflow": scene.read(results / "unwrapped", some)}
    off = scene.emcflow("off", link_model={"enabled": False}) / "unwrapped"
    unwrapped["without link model"] = scene.read(off, some)
    if peers:
        # spurt needs more than three dates
        if len(scene.truth.dates) > 3:
            unwrapped["spurt"] = scene.read(scene.spurt(peers), some)
        for name, phases in scene.two_dimensional(peers, some).items():
            unwrapped[name] = dict(zip(some, phases, strict=True))
    compared = {name: float(np.mean(scene.shares(each))) for name, each in unwrapped.items()}
    return numbers | {"compared": compared}


def write_tables(rows: list[dict], page: Path) -> None:
    """Put the tables between their marks in a page."""
    programs = [name for name in PROGRAMS if any(name in row["compared"] for row in rows)]
    lines = [
        "| Scene | Dates | Points | " + " | ".join(programs) + " |",
        "|---|---:|---:|" + "---:|" * len(programs),
    ]
    for row in rows:
        compared = row["compared"]
        best = max(compared.values())
        cells = [
            f"**{compared[name]:.2f}**"
            if name in compared and compared[name] >= best - 0.005
            else f"{compared[name]:.2f}"
            if name in compared
            else ""
            for name in programs
        ]
        text = KINDS[row["kind"]].text if row["kind"] in KINDS else "city, as that of the demo"
        scene = f"`{row['kind']}` {row['severity']}: {text}"
        lines.append(
            f"| {scene} | {row['dates']} | {row['points']:,} | " + " | ".join(cells) + " |"
        )
    means = [
        f"{np.mean([row['compared'][name] for row in rows if name in row['compared']]):.2f}"
        for name in programs
    ]
    lines.append("| mean | | | " + " | ".join(means) + " |")
    lines += [
        "",
        "| Scene | Right, all pairs [%] | Worst pair [%] | Labelled [%] | Wrong within labels [%] "
        "| Velocity: error [mm/yr] | its square / variance | DEM error: error [m] | "
        "its square / variance |",
        "|---|" + "---:|" * 8,
    ]
    names = ("velocity_mm_yr rmse", "velocity_mm_yr z2", "dem_error_m rmse", "dem_error_m z2")
    for row in rows:
        maps = " | ".join(f"{row[name]:.2f}" if name in row else "" for name in names)
        lines.append(
            f"| `{row['kind']}` {row['severity']} | {row['right']:.2f} | {row['worst']:.2f} | "
            f"{row['labelled']:.1f} | {row['wrong within labels']:.2f} | {maps} |"
        )
    text = page.read_text()
    page.write_text(
        TABLES.sub(lambda marks: f"{marks[1]}\n{chr(10).join(lines)}\n\n{marks[2]}", text)
    )


def main() -> None:
    """Run what is asked for and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", help="python of the environment that holds the peers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--severity", type=int, nargs="+", default=[2], choices=SEVERITIES)
    parser.add_argument("--kinds", nargs="+", default=["city", *KINDS])
    parser.add_argument("--folder", type=Path, default=ROOT / "results" / "accuracy")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--again", action="store_true")
    given = parser.parse_args()
    records = given.folder / "accuracy.jsonl"
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.again:
        records.unlink(missing_ok=True)
    known = [json.loads(line) for line in records.open()] if records.exists() else []
    rows = []
    for kind in given.kinds:
        for severity in given.severity:
            key = {"kind": kind, "severity": severity, "seed": given.seed}
            row = next((each for each in known if key.items() <= each.items()), None)
            if row is None:
                folder = given.folder.resolve() / f"{kind}_{severity}"
                scene = SceneRun(folder, kind, severity, given.seed, given.cores)
                row = key | measured(scene, given.peers)
                with open(records, "a") as file:
                    file.write(json.dumps(row) + "\n")
                shutil.rmtree(folder)
            rows.append(row)
            print(kind, severity, {name: round(x, 2) for name, x in row["compared"].items()})
    write_tables(rows, given.docs / "accuracy.md")


if __name__ == "__main__":
    main()
