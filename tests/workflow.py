"""Runs of the whole workflow, and how right their results are."""

import io
import os
import re
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import rasterio
import yaml
from emcflow.products.accuracy import share_right
from snakemake.cli import main

ROOT = Path(__file__).resolve().parent.parent


def command(*arguments: str, cores: int = 2, root: Path = ROOT) -> list[str]:
    """Return the command that runs the workflow with the config of the working directory."""
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile")]
    return [*snakemake, "--configfile", "config.yaml", "--cores", str(cores), *arguments]


def run(
    folder: Path, config: dict, *arguments: str, cores: int = 2, root: Path = ROOT, **env: str
) -> subprocess.CompletedProcess:
    """Run the workflow in a folder with a config and return the finished process."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return subprocess.run(
        command(*arguments, cores=cores, root=root),
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""} | env,
    )


def run_whole(folder: Path, config: dict, *arguments: str, cores: int = 2) -> str:
    """Run the workflow to its end and return what it printed."""
    process = run(folder, config, *arguments, cores=cores)
    assert process.returncode == 0, process.stdout
    return process.stdout


def planned(folder: Path, config: dict, *arguments: str, root: Path = ROOT) -> set[str]:
    """Return the rules that a dry run in this process has jobs for, numbers of batches left out."""
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    command = ["--snakefile", str(root / "Snakefile"), "--configfile", "config.yaml"]
    printed = io.StringIO()
    with (
        chdir(folder),
        redirect_stdout(printed),
        redirect_stderr(printed),
        pytest.raises(SystemExit) as ended,
    ):
        main([*command, "--cores", "2", "--dry-run", *arguments])
    assert ended.value.code == 0, (ended.value.code, printed.getvalue())
    return {re.sub(r"_\d\d$", "", name) for name in jobs_of(printed.getvalue())}


def jobs_of(printed: str) -> set[str]:
    """Return the names of the rules that a run (or dry run) says it has jobs for."""
    lines = printed.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("Job stats:")), None)
    if start is None:
        return set()
    names = set()
    for line in lines[start + 3 :]:
        if not line.strip() or line.startswith("total"):
            break
        names.add(line.split()[0])
    return names - {"all"}


def read(path: Path) -> np.ndarray:
    """Read a raster, its bands first where there are several."""
    with rasterio.open(path) as dataset:
        image = dataset.read()
    return image[0] if len(image) == 1 else image


def shares_right(
    unwrapped: Path, timeseries: Path, coherence: Path, min_coherence: float = 0.6
) -> dict[str, float]:
    """Return the share of right points of every interferogram in a folder, by its name.

    `timeseries` has one band per date, described by the date: the true phase in radians. Only
    points whose coherence is above the threshold count, and all of them.
    """
    points = read(coherence) > min_coherence
    with rasterio.open(timeseries) as dataset:
        truth = {
            date: np.where(points, band, np.nan)
            for date, band in zip(dataset.descriptions, dataset.read(), strict=True)
        }
    shares = {}
    for path in sorted(unwrapped.glob("*.unw.tif")):
        pair = path.name.removesuffix(".unw.tif")
        first, second = pair.split("_")
        shares[pair] = share_right(read(path), truth[second] - truth[first])
    return shares


def code_blocks(page: str) -> list[str]:
    """Return the blocks of Python of a page of the documentation."""
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / page).read_text(), re.M | re.S)


# What the names of docs/outputs.md leave open.
OPEN_PARTS = {
    r"D1_D2": r"\d{8}_\d{8}",
    r"FIRST|DATE": r"\d{8}",
    r"RULE": r"[a-z_]+",
    r"NN": r"\d\d",
    r"NAME": r".+",
    r"ID": r"[0-9a-f]+",
    r"/$": r"/.+",
}


def outputs_of_the_page(results: Path) -> tuple[set[str], set[str]]:
    """Return files of a run that docs/outputs.md does not name, and its names that have no file.

    A name with a slash at its end stands for all that is in the folder. Of the names only those in
    the first columns of tables need to have a file.
    """
    page = (ROOT / "docs" / "outputs.md").read_text()
    files = {str(path.relative_to(results)) for path in results.rglob("*") if path.is_file()}
    cells = "".join(re.findall(r"^\|[^|]*\|", page, re.MULTILINE))
    matches = {}
    for name in re.findall(r"`([^`\s]+)`", page):
        pattern = name.replace(".", r"\.")
        for part, meaning in OPEN_PARTS.items():
            pattern = re.sub(part, lambda _, meaning=meaning: meaning, pattern)
        matches[name] = {file for file in files if re.fullmatch(pattern, file)}
    empty = {name for name, found in matches.items() if f"`{name}`" in cells and not found}
    return files - set().union(*matches.values()), empty
