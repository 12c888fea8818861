"""Never stale: what changes is made anew with all that depends on it, and nothing else is."""

import copy
import os
import re
import shutil

import numpy as np
import pytest
import yaml
from emcflow.config import SCHEMA_PATH
from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, ResourceSettings
from stacks import DATES, write_raster, write_stack
from workflow import ROOT, planned, read, run, run_whole

SHAPE = (24, 26)
CONFIG = {
    "output_dir": "results",
    "stack": {"directory": "stack"},
    "baselines": {"csv": "baselines.csv"},
    "geometry": {"wavelength_m": 0.056, "slant_range_m": 850e3, "incidence_angle_deg": 39},
    "tiles": {"points_per_tile": 150, "max_tiles": 4, "dilation": 0.2},
    "merge": {"min_overlap_points": 5},
}
TABLE = "date,bperp_m,orbit\n20200101,0,a\n20200113,100,b\n20200206,50,c\n20200218,-70,d\n"
# A dry run knows no tiles where they are to be cut anew, so it lists no rule of each, nor what only
# those read.
OF_EACH_TILE = {"tile_mesh", "link_model", "unwrap_tile", "integrate_parameters", "design_matrix"}

CHANGES = {
    "output_dir": "elsewhere",
    "stack.layout": "slc",
    "stack.directory": "copy",
    "stack.temporal_coherence": "copy/temporal_coherence.tif",
    "stack.min_temporal_coherence": 0.5,
    "geometry.wavelength_m": 0.031,
    "geometry.slant_range_m": 700e3,
    "geometry.incidence_angle_deg": 40,
    "baselines.csv": "other.csv",
    "link_model.enabled": False,
    "link_model.velocity_range_mm_yr": [-90, 90],
    "link_model.dem_error_range_m": [-40, 40],
    "link_model.memory_mb": 100,
    "tiles.points_per_tile": 160,
    "tiles.max_tiles": 3,
    "tiles.dilation": 0.25,
    "mesh.max_link_pixels": 50,
    "unwrap.solver": "ortools",
    "unwrap.temporal_cost": "distance",
    "unwrap.spatial_cost": "constant",
    "merge.min_overlap_points": 6,
    "merge.bulk_offset": "integer",
    "reference.point": [3, 4],
    "simulation.rows": 50,
    "simulation.cols": 50,
    "simulation.dates": 5,
    "simulation.start_date": "20200105",
    "simulation.span_days": 366,
    "simulation.seed": 2,
    "simulation.velocity_mm_yr": 50,
    "simulation.building_height_m": 50,
    "simulation.dem_error_m": 1,
    "simulation.atmosphere_rad": 0,
    "simulation.coherence": 0.9,
    "simulation.bperp_std_m": 90,
    "simulation.park_fraction": 0.1,
    "simulation.water_fraction": 0.1,
    "simulation.invalid_fraction": 0.1,
}


def keys(part, path=""):
    """Return the dotted names of all keys of the schema that hold a value, and their parts."""
    if "properties" not in part:
        return {path: part}
    found = {}
    for name, inner in part["properties"].items():
        found |= keys(inner, f"{path}.{name}".lstrip("."))
    return found


def documented(heading):
    """Return the first column of a table of the docs, and the rules named in the second."""
    section = (
        (ROOT / "docs" / "reruns.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    )
    rows = re.findall(r"^\| `([\w.]+)` \| (.*) \|$", section, re.M)
    return {name: re.findall(r"`(\w+)`", rules) for name, rules in rows}


SCHEMA = keys(yaml.safe_load(SCHEMA_PATH.read_text()))
READ_BY = documented("Keys")
NEEDS = documented("Rules")


def and_what_follows(rules):
    """Return rules with all that read their results, the report among them."""
    found = {*rules, "report"}
    while more := {rule for rule, needs in NEEDS.items() if found & {*needs}} - found - {"report"}:
        found |= more
    return found


def as_dry_run(rules):
    return rules - OF_EACH_TILE if "tiles" in rules else rules


def changed(key, value, config=CONFIG):
    config = copy.deepcopy(config)
    *section, last = key.split(".")
    (config.setdefault(section[0], {}) if section else config)[last] = value
    return config


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small stack in four tiles, run to its end; tests that spoil it take a copy."""
    folder = tmp_path_factory.mktemp("finished")
    rng = np.random.default_rng(0)
    points = np.argwhere(rng.random(SHAPE) < 0.9)
    phase = np.cumsum(rng.normal(0, 0.3, (4, len(points))), axis=0)
    write_stack(folder / "stack", points, phase - phase[0], SHAPE, DATES[:4])
    shutil.copytree(folder / "stack", folder / "copy")
    for date, values in zip(DATES[:4], phase, strict=True):
        image = np.zeros(SHAPE, np.complex64)
        image[tuple(points.T)] = np.exp(-1j * values)
        write_raster(folder / "stack" / f"{date}.slc.tif", image)
    (folder / "baselines.csv").write_text(TABLE)
    (folder / "other.csv").write_text(TABLE)
    run_whole(folder, CONFIG)
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished run, with its time stamps, to be spoilt."""
    return shutil.copytree(finished, tmp_path / "run", symlinks=True)


def test_the_docs_have_every_key_and_every_rule():
    assert list(READ_BY) == list(SCHEMA)
    rules = re.findall(
        r"^ *(?:rule|checkpoint) (\w+):",
        "".join(path.read_text() for path in sorted(ROOT.glob("rules/*.smk"))),
        re.M,
    )
    assert {*NEEDS} == {*rules, "merge_interferograms"}


@pytest.mark.parametrize("key", [key for key in SCHEMA if not key.startswith("simulation.")])
def test_a_changed_key_reruns_what_the_docs_say(key, finished):
    if len(SCHEMA[key].get("enum", "..")) == 1:
        pytest.skip("has one value so far")
    expected = as_dry_run(and_what_follows(READ_BY[key]))
    if key == "link_model.enabled":
        expected -= {"merge_parameters"}
    assert planned(finished, changed(key, CHANGES[key])) == expected


def test_nothing_changed_reruns_nothing(finished):
    assert planned(finished, CONFIG) == set()


def fingerprints(config):
    """Return what the workflow would compare of every rule's settings."""
    with SnakemakeApi() as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(config=config),
            snakefile=ROOT / "Snakefile",
        )
        return workflow._workflow.globals["config"]["run"]["fingerprints"]


@pytest.mark.parametrize("key", [key for key in SCHEMA if key.startswith("simulation.")])
def test_a_changed_simulation_reruns_what_the_docs_say(key):
    config = {"output_dir": "results", "stack": {"layout": "simulate"}}
    before, after = fingerprints(config), fingerprints(changed(key, CHANGES[key], config))
    moved = {re.sub(r"_\d\d$", "", rule) for rule in after if before.get(rule) != after[rule]}
    assert and_what_follows(moved) == and_what_follows(READ_BY[key])
    assert moved >= {*READ_BY[key]}


# Input files

LAST = f"{DATES[0]}_{DATES[3]}.int.tif"


def replaced_by_an_older_one(folder, name):
    """Put another raster of the same size in place of one of the stack, older than the results."""
    path = folder / "stack" / name
    before = path.stat()
    image = read(path)
    write_raster(path, np.conj(image) if np.iscomplexobj(image) else np.float32(0.8) * image)
    assert path.stat().st_size == before.st_size
    os.utime(path, (before.st_mtime - 1e6, before.st_mtime - 1e6))


@pytest.mark.parametrize("name", [LAST, "temporal_coherence.tif"])
def test_a_raster_replaced_by_an_older_one_reruns_all_that_was_read_from_it(name, copied):
    replaced_by_an_older_one(copied, name)
    assert planned(copied, CONFIG) == as_dry_run(and_what_follows(["check_stack"]))


def test_a_raster_replaced_by_a_newer_one_reruns_all_that_was_read_from_it(copied):
    os.utime(copied / "stack" / LAST)
    assert planned(copied, CONFIG) == as_dry_run(and_what_follows(["check_stack"]))


def test_a_new_date_reruns_what_knows_the_dates(copied):
    shutil.copy(copied / "stack" / LAST, copied / "stack" / f"{DATES[0]}_{DATES[4]}.int.tif")
    (copied / "baselines.csv").write_text(TABLE + f"{DATES[4]},30,e\n")
    expected = and_what_follows(["check_stack", "network", "baselines"])
    assert planned(copied, CONFIG) == as_dry_run(expected)


def test_baselines_rerun_for_their_values_alone(copied):
    path = copied / "baselines.csv"
    path.write_text("# another orbit file\n" + TABLE.replace("orbit", "note").replace(",c", ",z"))
    assert planned(copied, CONFIG) == set()
    path.write_text(TABLE.replace("100", "101"))
    os.utime(path, (0, 0))
    assert planned(copied, CONFIG) == and_what_follows(["baselines"])


# Code

CODE = {
    "a constant of the integration": (
        "emcflow/integrate.py",
        ("NARROWING = ", "NARROWING = 1 + "),
        {"integrate_parameters", "merge_parameters", "report"},
    ),
    "a constant of the blending of tiles": (
        "emcflow/blend.py",
        ("import numpy as np", "import numpy as np\n\nANOTHER = 1"),
        and_what_follows(["tile_overlaps", "merge_parameters"]),
    ),
    "a script": ("bulk_offsets.py", ("1e-6", "1e-5"), and_what_follows(["bulk_offsets"])),
    "a comment of a script": ("bulk_offsets.py", ("with job", "# a word\nwith job"), set()),
    "a comment of a module": (
        "emcflow/mesh.py",
        ("def point_mesh", "# Hm.\ndef point_mesh"),
        set(),
    ),
    "a docstring": ("emcflow/mesh.py", ("Triangul", "The triangul"), set()),
}


@pytest.mark.parametrize("name", CODE)
def test_edited_code_reruns_what_it_computes(name, finished, tmp_path):
    for part in ("Snakefile", "rules", "scripts", "config", "envs", "profiles"):
        source = ROOT / part
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, tmp_path / part, ignore=ignored)
        else:
            shutil.copy2(source, tmp_path / part)
    module, (old, new), rules = CODE[name]
    path = tmp_path / "scripts" / module
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert planned(finished, CONFIG, root=tmp_path) == rules


# Snakemake's notes lost, files between the rules damaged


def test_without_its_notes_snakemake_is_told_what_is_out_of_date(copied):
    shutil.rmtree(copied / ".snakemake")
    assert planned(copied, CONFIG) == set()
    config = changed("link_model.velocity_range_mm_yr", [-90, 90])
    process = run(copied, config)
    assert process.returncode == 1
    printed = process.stdout.split("\n")
    line = printed[printed.index("emcflow stops in report:") + 1]
    assert ".h5: made with other settings, code or input files of link_model than" in line
    option = line.split("run again with ")[1].split()
    assert option == ["--forcerun", "link_model"]
    assert planned(copied, config, *option) == and_what_follows(["link_model"])


@pytest.mark.parametrize(
    ("product", "reader"),
    [
        ("results/merge/overlaps.h5", "results/merge/bulk_offsets.h5"),
        ("results/network/baselines.csv", "results/network/design_matrix.csv"),
    ],
)
def test_a_damaged_product_stops_its_reader_and_is_made_anew(product, reader, copied):
    path = copied / product
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    process = run(copied, CONFIG, "--", reader)
    assert process.returncode == 1 and "Traceback" not in process.stdout
    line = next(line for line in process.stdout.split("\n") if line.startswith(f"{product}: not "))
    option = line.split("run again with ")[1].split()
    run_whole(copied, CONFIG, *option, "--", reader)
    assert path.stat().st_size == len(whole)


def test_tiles_that_cannot_be_read_are_made_anew_once_deleted_and_needed(copied):
    path = copied / "results" / "tiles" / "tiles.json"
    path.write_text(path.read_text()[:-40])
    process = run(copied, CONFIG, "--dry-run")
    assert process.returncode == 1
    assert "results/tiles/tiles.json is not JSON" in process.stdout
    assert "delete the file" in process.stdout and "Traceback" not in process.stdout
    path.unlink()
    assert planned(copied, CONFIG) == set()
    assert "tiles" in planned(copied, changed("merge.bulk_offset", "integer"))
