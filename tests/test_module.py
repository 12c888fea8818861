"""emcflow imported by another workflow, and a Snakemake that has not what emcflow needs."""

import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import yaml
from workflow import ROOT, read

CITY = {
    "output_dir": "city",
    "stack": {"layout": "simulate"},
    "simulation": {"rows": 60, "cols": 60, "dates": 6},
}
IMPORTING = """
configfile: "config.yaml"


module emcflow:
    snakefile:
        "{snakefile}"
    config:
        config["unwrapping"]
{prefix}

use rule * from emcflow as {names}


rule fastest:
    default_target: True
    input:
        velocity="city/velocity_mm_yr.tif",
        report="city/report.html",
    output:
        "fastest.txt",
    run:
        import numpy, rasterio

        with rasterio.open(input.velocity) as dataset:
            fastest = numpy.nanmax(dataset.read(1))
        with open(output[0], "w") as file:
            file.write(str(fastest))
"""


def import_it(folder, *arguments, names="*", prefix=""):
    """Run a workflow that imports emcflow with a section of its own config."""
    text = IMPORTING.format(snakefile=ROOT / "Snakefile", names=names, prefix=prefix)
    (folder / "Snakefile").write_text(text)
    (folder / "config.yaml").write_text(yaml.safe_dump({"unwrapping": CITY, "other": 1}))
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("importing")
    process = import_it(folder)
    assert process.returncode == 0, process.stdout + process.stderr
    return folder


def test_a_rule_of_the_importing_workflow_uses_the_velocity(imported):
    fastest = float((imported / "fastest.txt").read_text())
    assert fastest == np.nanmax(read(imported / "city" / "velocity_mm_yr.tif"))
    assert not (imported / "results").exists()  # nothing of the demo's config


def test_a_second_run_of_the_importing_workflow_has_nothing_to_do(imported):
    process = import_it(imported, "--dry-run")
    assert "Nothing to be done" in process.stdout + process.stderr


def test_all_of_emcflow_can_be_asked_for(imported):
    process = import_it(imported, "all", "--forcerun", "report")
    assert process.returncode == 0, process.stdout + process.stderr
    assert "All results are in city" in process.stdout + process.stderr


def test_snakemakes_own_report_holds_ours_and_its_figures(imported):
    process = import_it(imported, "all", "--report", "all.zip")
    assert process.returncode == 0, process.stdout + process.stderr
    names = zipfile.ZipFile(imported / "all.zip").namelist()
    for ending in ("/report.html", "/velocity_mm_yr.png"):
        assert any(name.endswith(ending) for name in names), names


def test_rules_can_be_given_other_names(tmp_path):
    process = import_it(tmp_path, names="city_*")
    assert process.returncode == 0, process.stdout + process.stderr
    assert (tmp_path / "fastest.txt").exists()


def test_a_prefix_of_paths_is_refused_in_one_line(tmp_path):
    process = import_it(tmp_path, "--dry-run", prefix='    prefix:\n        "below"\n')
    assert process.returncode != 0
    *_, start, line = (process.stdout + process.stderr).strip().splitlines()
    assert start == "emcflow cannot start:"
    assert line.startswith("module: prefix") and "output_dir" in line


def test_a_snakemake_without_the_environment_is_told_in_one_line(tmp_path):
    # An environment of Snakemake alone takes minutes to make: here what it has not is hidden.
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "found = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'numpy' else found(name, *rest)\n"
    )
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "-n"]
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=env)
    assert process.returncode != 0
    start, line = process.stderr.strip().splitlines()[-2:]
    assert start == "emcflow cannot start:"
    assert sys.executable in line and ".venv/bin/activate" in line
