import ast
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
MODULE_NAMES = {"pillow": "PIL", "pyyaml": "yaml"}
CONDA_NAMES = {"matplotlib-base": "matplotlib", "snakemake-minimal": "snakemake"}


def requirements(name):
    lines = (ROOT / "envs" / name).read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith(("#", "-r"))]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9.]+", pin) for pin in pins), pins
    return {package.lower(): version for package, version in (pin.split("==") for pin in pins)}


def conda():
    listed = yaml.safe_load((ROOT / "envs" / "environment.yaml").read_text())["dependencies"]
    by_pip = listed[-1]["pip"]
    pins = [pin for pin in listed[:-1] if pin != "pip"]
    assert all(re.fullmatch(r"[a-z0-9_.-]+=[0-9.]+", pin) for pin in pins), pins
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9.]+", pin) for pin in by_pip), by_pip
    versions = dict(pin.split("=") for pin in pins)
    versions |= {package.lower(): version for package, version in (p.split("==") for p in by_pip)}
    return {CONDA_NAMES.get(package, package): version for package, version in versions.items()}


def imported():
    """Return the top-level names of what the workflow's code imports from outside."""
    own = {"emcflow"} | {path.stem for path in (ROOT / "scripts").glob("*.py")}
    names = set()
    for path in (ROOT / "scripts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.partition(".")[0])
    return names - own - set(sys.stdlib_module_names)


def test_conda_and_pip_agree():
    versions = conda()
    python = versions.pop("python")
    assert versions == requirements("requirements.txt")
    assert tuple(map(int, python.split("."))) >= (3, 11)


def test_everything_imported_is_pinned():
    pinned = {MODULE_NAMES.get(name, name) for name in requirements("requirements.txt")}
    assert imported() <= pinned
    assert "pygments" in pinned  # which snakemake --report imports, and does not ask for


@pytest.mark.parametrize("part", ["", "-dev", "-slurm"])
def test_the_tests_run_on_the_pinned_versions_or_newer_ones(part):
    """Newer ones may be tried: what is pinned is what was tested last."""
    pins = requirements(f"requirements{part}.txt")
    older = {
        package: metadata.version(package)
        for package, pinned in pins.items()
        if Version(metadata.version(package)) < Version(pinned)
    }
    assert not older


def test_the_tests_need_what_the_workflow_needs():
    lines = (ROOT / "envs" / "requirements-dev.txt").read_text().splitlines()
    assert {"-r requirements.txt", "-r requirements-slurm.txt"} <= set(lines)
    assert not set(requirements("requirements-dev.txt")) & set(requirements("requirements.txt"))
