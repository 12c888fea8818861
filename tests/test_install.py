"""The package as pip installs it, in an environment that has nothing else."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from emcflow import __version__
from stacks import DATES, write_stack
from workflow import ROOT, code_blocks

PIP = ["pip", "--disable-pip-version-check", "--quiet"]


def python(*arguments, of=sys.executable, cwd=None):
    """Run a Python that sees nothing of this checkout; return what it printed."""
    process = subprocess.run(
        [str(of), *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={"HOME": "/tmp"},
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A source distribution of this checkout, and a wheel of that."""
    folder = tmp_path_factory.mktemp("packages")
    build = "from hatchling.build import {0}; print({0}({1!r}))"
    sdist = python("-c", build.format("build_sdist", str(folder)), cwd=ROOT).strip()
    with tarfile.open(folder / sdist) as archive:
        archive.extractall(folder, filter="data")
    source = folder / sdist.removesuffix(".tar.gz")
    wheel = python("-c", build.format("build_wheel", str(folder)), cwd=source).strip()
    return folder / sdist, folder / wheel


@pytest.fixture(scope="module")
def installed(packages, tmp_path_factory):
    """The Python of an environment with the wheel in it and what it needs."""
    folder = tmp_path_factory.mktemp("elsewhere")
    python("-m", "venv", folder / "venv")
    found = folder / "venv" / "bin" / "python"
    process = subprocess.run(
        [found, "-m", *PIP, "install", packages[1]], text=True, capture_output=True
    )
    if process.returncode:
        pytest.skip(f"what the wheel needs cannot be installed here: {process.stderr[-300:]}")
    return found


def test_the_wheel_holds_the_package_and_the_workflow_and_no_tests(packages):
    names = zipfile.ZipFile(packages[1]).namelist()
    own = {name.removeprefix("emcflow/") for name in names if name.startswith("emcflow/")}
    of_package = {
        path.relative_to(ROOT / "scripts" / "emcflow") for path in tracked("scripts/emcflow")
    }
    assert {Path(name) for name in own if not name.startswith("checkout/")} == of_package
    workflow = {
        Path(name.removeprefix("checkout/")) for name in own if name.startswith("checkout/")
    }
    scripts = {path.relative_to(ROOT) for path in tracked("scripts", "rules")}
    assert workflow >= {path for path in scripts if "emcflow" not in path.parts} | {
        Path("Snakefile")
    }
    assert all(name.startswith(("emcflow/", f"emcflow-{__version__}.dist-info/")) for name in names)


def tracked(*folders):
    """Return the files of folders of the checkout that belong to it."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    return {path for path in found if "__pycache__" not in path.parts}


def test_the_source_distribution_has_the_tests_and_no_results(packages):
    with tarfile.open(packages[0]) as archive:
        tops = {name.split("/")[1] for name in archive.getnames() if "/" in name}
    assert {"Snakefile", "rules", "scripts", "config", "envs", "tests", "docs", "README.md"} <= tops
    assert not {"results", ".venv", ".snakemake", "site"} & tops


def test_there_is_one_version():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == __version__
    changes = re.findall(r"^## \[?(\d[\d.]*)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert changes[0] == __version__


def test_the_example_runs_on_the_installed_package(installed, tmp_path):
    assert "site-packages" in python("-c", "import emcflow; print(emcflow.__file__)", of=installed)
    printed = python(ROOT / "examples" / "unwrap_arrays.py", of=installed, cwd=tmp_path)
    assert float(re.search(r"([\d.]+)% of points right", printed)[1]) > 99.9
    assert (
        python("-c", "import emcflow; print(emcflow.__version__)", of=installed)
        == f"{__version__}\n"
    )


def test_the_code_of_the_page_of_the_library_runs_on_the_installed_package(installed, tmp_path):
    points = np.argwhere(np.ones((20, 20)))
    phase = np.random.default_rng(0).normal(0, 0.3, (len(DATES), len(points)))
    write_stack(tmp_path / "data" / "my_city" / "stack", points, phase, (20, 20))
    code = next(code for code in code_blocks("library.md") if "find_stack" in code)
    printed = python("-c", f"{code}\nprint(phase.shape, points.shape)", of=installed, cwd=tmp_path)
    assert printed == f"({len(DATES)}, 400) (400, 2)\n"


def test_the_workflow_runs_from_the_installed_package(installed, packages, tmp_path):
    pins = ROOT / "envs" / "requirements.txt"
    wanted = f"{packages[1]}[workflow]"
    command = [installed, "-m", *PIP, "install", "--constraint", pins, wanted]
    process = subprocess.run(command, text=True, capture_output=True)
    if process.returncode:
        pytest.skip(f"what the workflow needs cannot be installed here: {process.stderr[-300:]}")
    find = "from emcflow.place import checkout; print(checkout() / 'Snakefile')"
    snakefile = python("-c", find, of=installed).strip()
    assert "site-packages" in snakefile
    city = {"output_dir": "city", "stack": {"layout": "simulate"}}
    city["simulation"] = {"rows": 50, "cols": 50, "dates": 5}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(city))
    run = ["-m", "snakemake", "-s", snakefile, "--configfile", "config.yaml", "--cores", "2"]
    python(*run, of=installed, cwd=tmp_path)
    assert (tmp_path / "city" / "report.html").exists()
    assert "up to date" in python(*run, "--dry-run", of=installed, cwd=tmp_path)


def test_every_name_of_the_public_face_is_there_and_none_is_imported_before_it_is_asked_for():
    code = "import sys, emcflow; before = 'numba' in sys.modules; names = emcflow.__all__; "
    code += "assert all(getattr(emcflow, name) is not None for name in names); print(before)"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT / "scripts"
    )
    assert process.stdout == "False\n", process.stderr
    with pytest.raises(ImportError):
        from emcflow import nothing  # noqa: F401
