"""Whether two checkouts make the same rasters: make same-bytes BASE=<commit or folder>.

Both run the demo, as one tile and as four, and the real stacks in the folder of EMCFLOW_DATA. With
--strip-rows this checkout works by strips of so many rows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import rasterio
import yaml

ROOT = Path(__file__).resolve().parent.parent
GEOMETRY = ("wavelength_m", "slant_range_m", "incidence_angle_deg")
EVERYTHING = {"time_series": True, "fill_pixels": 3, "exports": ["cog"]}


def cases() -> dict[str, dict]:
    """Return the configs that are run, by their names."""
    demo = yaml.safe_load((ROOT / "config" / "config.yaml").read_text()) | {"output_dir": "results"}
    found = {
        "demo": demo | {"outputs": EVERYTHING},
        "demo in four tiles": demo | {"tiles": {"points_per_tile": 9000, "max_tiles": 4}},
    }
    for stack in sorted(Path(os.environ.get("EMCFLOW_DATA", "/none")).glob("*/stack")):
        geometry = json.loads((stack.parent / "geometry.json").read_text())
        found[stack.parent.name] = {
            "output_dir": "results",
            "stack": {"directory": str(stack)},
            "geometry": {key: geometry[key] for key in GEOMETRY},
            "baselines": {"csv": str(stack.parent / "baselines_ifg.csv")},
        }
    return found


def run(checkout: Path, config: dict, folder: Path, cores: int) -> Path:
    """Run the workflow of a checkout and return its results."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(checkout / "Snakefile")]
    command += ["--configfile", "config.yaml", "--cores", str(cores)]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=env)
    if process.returncode or not list(folder.rglob("*.tif")):
        sys.exit(f"{checkout} does not run:\n{process.stdout}{process.stderr}")
    return folder / "results"


def differences(one: Path, other: Path) -> list[str]:
    """Return a line for every raster that differs or is in one of two folders alone."""
    ours, theirs = ({path.relative_to(top) for path in top.rglob("*.tif")} for top in (one, other))
    lines = [f"{name}: only in {top}" for top, a, b in ((one, ours, theirs), (other, theirs, ours))
             for name in sorted(a - b)]  # fmt: skip
    for name in sorted(ours & theirs):
        if (one / name).read_bytes() != (other / name).read_bytes():
            lines.append(f"{name}: {value_difference(one / name, other / name)}")
    return lines


def value_difference(one: Path, other: Path) -> str:
    """Say how the values of two rasters differ."""
    with rasterio.open(one) as a, rasterio.open(other) as b:
        first, second = a.read(), b.read()
    if first.shape != second.shape or first.dtype != second.dtype:
        return f"{first.dtype} {first.shape} and {second.dtype} {second.shape}"
    if np.array_equal(first, second, equal_nan=first.dtype.kind in "fc"):
        return "equal values, other tags"
    known, alone = (
        np.isfinite(first) & np.isfinite(second),
        np.isfinite(first) ^ np.isfinite(second),
    )
    largest = np.abs(first[known].astype(complex) - second[known]).max(initial=0)
    return f"values differ by up to {largest:g}, {np.count_nonzero(alone)} are known in one alone"


def main() -> None:
    """Compare this checkout with another one and say what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", help="commit of this repository, or folder of a checkout")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--strip-rows", type=int, help="outputs.strip_rows of this checkout alone")
    arguments = parser.parse_args()
    found = 0
    with tempfile.TemporaryDirectory() as folder:
        base = Path(arguments.base).resolve()
        if not base.is_dir():
            base = Path(folder) / "base"
            command = ["git", "-C", ROOT, "worktree", "add", "--detach", base, arguments.base]
            subprocess.run(command, check=True, capture_output=True)
        try:
            for name, config in cases().items():
                own = config
                if arguments.strip_rows:
                    strips = {"strip_rows": arguments.strip_rows}
                    own = config | {"outputs": config.get("outputs", {}) | strips}
                tops = [
                    run(checkout, configured, Path(folder) / name / label, arguments.cores)
                    for label, checkout, configured in (("this", ROOT, own), ("base", base, config))
                ]
                lines = differences(*tops)
                rasters = len(list(tops[0].rglob("*.tif")))
                print(f"{name}: {len(lines)} of {rasters} rasters differ", *lines, sep="\n  ")
                found += len(lines)
        finally:
            if base.is_relative_to(folder):
                command = ["git", "-C", ROOT, "worktree", "remove", "--force", base]
                subprocess.run(command, check=True)
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
