"""Never stale: what changes is made anew with all that depends on it, and nothing else is."""

import copy
import os
import re
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import yaml
from emcflow.workflow.cleanup import remove_unclaimed
from emcflow.workflow.config import SCHEMA_PATH
from emcflow.workflow.records import write_record
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
TEMPERATURES = "date,temperature_c\n20200101,1\n20200113,8\n20200206,-3\n20200218,15\n"
WEIGHTS = "date,coherence\n20200101,0.9\n20200113,0.6\n20200206,0.5\n20200218,0.7\n"
STATIONS = "row,col,east_mm_yr,north_mm_yr,up_mm_yr\n3,4,1,2,9\n"
TABLE = "date,bperp_m,orbit\n20200101,0,a\n20200113,100,b\n20200206,50,c\n20200218,-70,d\n"
# A dry run knows no tiles and strips where they are to be cut anew, so it lists no rule of each,
# nor what only those read.
OF_EACH_TILE = {*("tile_mesh", "link_model", "unwrap_tile", "blend_tile", "date_phases", "loops")}
FORMATS = [
    *("mintpy", "dolphin", "licsbas", "pyrate", "points_csv", "geoparquet", "geopackage"),
    *("cog", "qgis", "stac"),
]
PLACE = "longitude", "latitude"

CHANGES = {
    "output_dir": "elsewhere",
    "stack.layout": "slc",
    "stack.directory": "copy",
    "stack.variable": 1,
    "stack.files": "../copy/*.int.tif",
    "stack.exclude": [DATES[2]],
    "stack.window": [0, 0, 20, 20],
    "stack.points": "mask",
    "stack.mask": "copy/temporal_coherence.tif",
    "stack.temporal_coherence": "copy/temporal_coherence.tif",
    "stack.pair_coherence": "../copy/*.int.tif",
    "stack.longitude_deg": "copy/temporal_coherence.tif",
    "stack.latitude_deg": "copy/temporal_coherence.tif",
    "stack.sigma": "../copy/20*.tif",
    "stack.sigma_is": "coherence",
    "stack.min_temporal_coherence": 0.5,
    "stack.amplitude_dispersion": "copy/temporal_coherence.tif",
    "stack.max_amplitude_dispersion": 0.4,
    "geometry.wavelength_m": 0.031,
    "geometry.slant_range_m": 700e3,
    "geometry.incidence_angle_deg": 40,
    "baselines.csv": "other.csv",
    "baselines.rasters": "./stack/*.slc.tif",
    "baselines.known_csv": "other.csv",
    "baselines.negate": True,
    "network.type": "delaunay",
    "network.csv": "pairs.csv",
    "network.max_days": 40,
    "network.max_bperp_m": 110,
    "platform.name": "Sentinel-1",
    "platform.heading_deg": -13,
    "platform.looks": "left",
    "link_model.enabled": False,
    "link_model.hypothesis": "narrow",
    "link_model.velocity_range_mm_yr": [-90, 90],
    "link_model.dem_error_range_m": [-40, 40],
    "link_model.annual": True,
    "link_model.annual_range_mm": [-9, 9],
    "link_model.step_date": "20200206",
    "link_model.step_range_mm": [-9, 9],
    "link_model.temperature_csv": "temperatures.csv",
    "link_model.thermal_range_mm_per_c": [-0.4, 0.4],
    "link_model.weights_csv": "weights.csv",
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
    "merge.island_probability": 0.1,
    "reference.point": [3, 4],
    "reference.area": [2, 2, 6, 6],
    "reference.gnss_csv": "gnss.csv",
    "parameters.source": "links",
    "update.previous": "results",
    "outputs.velocity_positive": "toward",
    "outputs.time_series": True,
    "outputs.remove_dem_error": False,
    "outputs.mask_probability": 0.01,
    "outputs.fill_pixels": 5,
    "outputs.strip_rows": 64,
    "outputs.exports": ["points_csv", "geoparquet", "cog"],
    "outputs.publish_to": "published",
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
SIMULATED = {"output_dir": "results", "stack": {"layout": "simulate"}}


def with_sections(**sections):
    """Return the config of the run with keys of its sections added or replaced."""
    return {**CONFIG, **{name: CONFIG.get(name, {}) | keys for name, keys in sections.items()}}


# Other configs, and keys that have another effect there than with that of the run, or one at all.
BASES = {
    "masked": (
        with_sections(stack={"mask": "copy/temporal_coherence.tif"}),
        ["stack.points", "stack.window", "stack.min_temporal_coherence"],
    ),
    "dispersion": (
        with_sections(stack={"amplitude_dispersion": "copy/temporal_coherence.tif"}),
        ["stack.max_amplitude_dispersion", "stack.mask"],
    ),
    "interferograms": (
        with_sections(stack={"layout": "interferograms"}),
        [
            *("stack.files", "stack.pair_coherence", "stack.window", "stack.mask"),
            "stack.min_temporal_coherence",
        ],
    ),
    "view": (
        with_sections(
            geometry={
                "slant_range_m": "copy/temporal_coherence.tif",
                "incidence_angle_deg": "stack/temporal_coherence.tif",
            },
            baselines={"csv": None, "rasters": "stack/*.slc.tif"},
        ),
        [
            "stack.window",
            "stack.min_temporal_coherence",
            "geometry.wavelength_m",
            "geometry.slant_range_m",
            "geometry.incidence_angle_deg",
            "baselines.rasters",
            "baselines.negate",
            "link_model.velocity_range_mm_yr",
            "link_model.dem_error_range_m",
        ],
    ),
    "found": (with_sections(baselines={"csv": None}), ["baselines.known_csv"]),
    "delaunay": (
        with_sections(network={"type": "delaunay"}),
        ["network.max_days", "network.max_bperp_m", "baselines.negate"],
    ),
    "listed": (with_sections(network={"type": "csv", "csv": "all.csv"}), ["network.csv"]),
    "exports": (
        with_sections(outputs={"time_series": True, "exports": FORMATS}),
        [
            "outputs.velocity_positive",
            "outputs.remove_dem_error",
            "reference.point",
            "reference.area",
        ],
    ),
    "flight": (
        with_sections(
            platform={"heading_deg": -167}, outputs={"exports": FORMATS[:1] + FORMATS[2:]}
        ),
        ["platform.name", "platform.heading_deg", "platform.looks"],
    ),
    "gnss": (
        with_sections(reference={"gnss_csv": "other_gnss.csv"}, platform={"heading_deg": -100}),
        [
            *("reference.gnss_csv", "platform.heading_deg", "platform.looks"),
            *("outputs.velocity_positive", "geometry.incidence_angle_deg"),
        ],
    ),
    "filled": (
        with_sections(outputs={"fill_pixels": 3}),
        ["outputs.fill_pixels", "stack.window", "stack.mask", "stack.temporal_coherence"],
    ),
    "no link model": (
        with_sections(
            link_model={"enabled": False}, outputs={"time_series": True, "exports": FORMATS}
        ),
        ["geometry.wavelength_m", "geometry.slant_range_m", "outputs.velocity_positive"],
    ),
    "terms": (
        with_sections(
            link_model={"annual": True, "step_date": "20200113", "temperature_csv": "warmer.csv"}
        ),
        [
            "link_model.annual_range_mm",
            "link_model.step_date",
            "link_model.step_range_mm",
            "link_model.temperature_csv",
            "link_model.thermal_range_mm_per_c",
        ],
    ),
    "radar": (
        with_sections(
            stack={f"{name}_deg": "stack/temporal_coherence.tif" for name in PLACE},
            outputs={"exports": FORMATS[2:]},
        ),
        [f"stack.{name}_deg" for name in PLACE],
    ),
    "sigma": (with_sections(stack={"sigma": "../copy/20*.tif"}), ["stack.sigma_is"]),
    "weights": (
        with_sections(link_model={"weights_csv": "other_weights.csv"}),
        ["link_model.weights_csv"],
    ),
    "simulated": (
        SIMULATED,
        [
            "geometry.wavelength_m",
            "geometry.incidence_angle_deg",
            *(key for key in CHANGES if key.startswith("simulation.")),
        ],
    ),
}
# These the config of the run refuses, or makes no use of.
ELSEWHERE = {
    "stack.points",
    "stack.pair_coherence",
    *(f"stack.{name}_deg" for name in PLACE),
    "stack.sigma_is",
    "stack.max_amplitude_dispersion",
    "baselines.rasters",
    "baselines.known_csv",
    "network.csv",
    "network.max_days",
    "network.max_bperp_m",
    "update.previous",  # tests/test_new_dates.py
    "link_model.annual_range_mm",
    "link_model.step_range_mm",
    "link_model.thermal_range_mm_per_c",
    "outputs.remove_dem_error",
    *(key for key in CHANGES if key.startswith("simulation.")),
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
# That the run has: others come with other inputs and outputs.
RULES = {rule for rule in NEEDS if not rule.startswith("export_")} - {
    *("simulate_stack", "link_phases", "select_points", "gnss_tie"),
    *("mean_baselines", "scene_view", "fill", "fill_labels", "publish", "take_over"),
    *("integrate_parameters", "merge_parameters", "displacements"),
}


def and_what_follows(rules, present):
    """Return those of some rules that are present, and all that read their results."""
    found = {*rules, "report"} & present
    while more := {rule for rule in present - found if found & {*NEEDS[rule]} - {"report"}}:
        found |= more
    return found


def as_dry_run(rules):
    return rules - OF_EACH_TILE if "tiles" in rules else rules


def changed(key, value, config=CONFIG):
    config = copy.deepcopy(config)
    *section, last = key.split(".")
    (config.setdefault(section[0], {}) if section else config)[last] = value
    return config


def fingerprints(config):
    """Return what the workflow would compare of the settings of every rule that it has jobs for."""
    path = Path("config.yaml").absolute()
    path.write_text(yaml.safe_dump(config))
    with SnakemakeApi() as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=[path]),
            snakefile=ROOT / "Snakefile",
        )
        found = workflow._workflow.globals["config"]["run"]["fingerprints"]
    wanted = config.get("outputs", {}).get("exports", [])
    unwanted = {f"export_{name}" for name in FORMATS if name not in wanted}
    return {re.sub(r"_\d\d$", "", name): found[name] for name in found if name not in unwanted}


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
    (folder / "temperatures.csv").write_text(TEMPERATURES)
    (folder / "warmer.csv").write_text(TEMPERATURES.replace("15", "16"))
    (folder / "gnss.csv").write_text("row,col,toward_mm_yr\n3,4,8\n")
    (folder / "other_gnss.csv").write_text(STATIONS)
    (folder / "weights.csv").write_text(WEIGHTS)
    (folder / "other_weights.csv").write_text(WEIGHTS.replace("0.9", "0.8"))
    pairs = [f"{first},{second}\n" for first, second in combinations(DATES[:4], 2)]
    (folder / "all.csv").write_text("reference,secondary\n" + "".join(pairs))
    (folder / "pairs.csv").write_text("reference,secondary\n" + "".join(pairs[1:]))
    run_whole(folder, CONFIG)
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of the finished run, with its time stamps, to be spoilt."""
    return shutil.copytree(finished, tmp_path / "run", symlinks=True)


def test_the_docs_have_every_key_and_every_rule():
    assert list(READ_BY) == list(SCHEMA)
    assert {*CHANGES} == {*SCHEMA}
    assert {key for _, keys in BASES.values() for key in keys} >= ELSEWHERE - {"update.previous"}
    rules = re.findall(
        r"^ *(?:rule|checkpoint) (\w+):",
        "".join(path.read_text() for path in sorted(ROOT.glob("rules/*.smk"))),
        re.M,
    )
    tables = {"export_points_csv", "export_geoparquet", "export_geopackage"}
    named_in_loops = {"merge_interferograms", "take_over", "displacements", *tables, "fill"}
    assert {*NEEDS} == {*rules} | named_in_loops


@pytest.mark.parametrize("key", [key for key in SCHEMA if key not in ELSEWHERE])
def test_a_changed_key_reruns_what_the_docs_say(key, finished, monkeypatch):
    monkeypatch.chdir(finished)
    config = changed(key, CHANGES[key])
    expected = and_what_follows(READ_BY[key], {*fingerprints(config)})
    assert planned(finished, config) == as_dry_run(expected)


def test_nothing_changed_reruns_nothing(finished):
    assert planned(finished, CONFIG) == set()


@pytest.mark.parametrize(("base", "key"), [(base, key) for base in BASES for key in BASES[base][1]])
def test_in_other_configs_a_changed_key_moves_what_the_docs_say(base, key, finished, monkeypatch):
    monkeypatch.chdir(finished)
    config = BASES[base][0]
    before, after = fingerprints(config), fingerprints(changed(key, CHANGES[key], config))
    moved = {rule for rule in after if before.get(rule) != after[rule]}
    assert and_what_follows(moved, {*after}) == and_what_follows(READ_BY[key], {*after})


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
    assert planned(copied, CONFIG) == as_dry_run(and_what_follows(["check_stack"], RULES))


def test_a_raster_replaced_by_a_newer_one_reruns_all_that_was_read_from_it(copied):
    os.utime(copied / "stack" / LAST)
    assert planned(copied, CONFIG) == as_dry_run(and_what_follows(["check_stack"], RULES))


def test_a_new_date_reruns_what_knows_the_dates(copied):
    shutil.copy(copied / "stack" / LAST, copied / "stack" / f"{DATES[0]}_{DATES[4]}.int.tif")
    (copied / "baselines.csv").write_text(TABLE + f"{DATES[4]},30,e\n")
    expected = and_what_follows(["check_stack", "network", "baselines"], RULES)
    assert planned(copied, CONFIG) == as_dry_run(expected)


def test_baselines_rerun_for_their_values_alone(copied):
    path = copied / "baselines.csv"
    path.write_text("# another orbit file\n" + TABLE.replace("orbit", "note").replace(",c", ",z"))
    assert planned(copied, CONFIG) == set()
    path.write_text(TABLE.replace("100", "101"))
    os.utime(path, (0, 0))
    assert planned(copied, CONFIG) == and_what_follows(["baselines"], RULES)


# Code

CODE = {
    "a constant of the integration": (
        "emcflow/links/integrate.py",
        ("NARROWING = ", "NARROWING = 1 + "),
        and_what_follows(["link_quality", "reference_points", "time_series"], RULES),
    ),
    "a constant of the blending of tiles": (
        "emcflow/tiles/blend.py",
        ("import numpy as np", "import numpy as np\n\nANOTHER = 1"),
        and_what_follows(["bulk_offsets"], RULES),
    ),
    "a script": ("bulk_offsets.py", ("1e-6", "1e-5"), and_what_follows(["bulk_offsets"], RULES)),
    "a comment of a script": ("bulk_offsets.py", ("with job", "# a word\nwith job"), set()),
    "a comment of a module": (
        "emcflow/graph/delaunay.py",
        ("def point_mesh", "# Hm.\ndef point_mesh"),
        set(),
    ),
    "a docstring": ("emcflow/graph/delaunay.py", ("Triangul", "The triangul"), set()),
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


# What earlier settings made


def listing(folder):
    """Return files, links and folders of the results."""
    return {str(path.relative_to(folder)) for path in (folder / "results").rglob("*")}


WITHOUT_MODEL = with_sections(link_model={"enabled": False})
EARLIER_AND_NOW = {
    "a link model": (None, WITHOUT_MODEL),
    "another network and fewer tiles": (
        None,
        with_sections(network={"type": "csv", "csv": "pairs.csv"}, tiles={"max_tiles": 2}),
    ),
    "a time series and exports": (
        with_sections(outputs={"time_series": True, "exports": FORMATS, "fill_pixels": 2}),
        with_sections(outputs={"exports": ["mintpy"]}, link_model={"enabled": False}),
    ),
}


@pytest.mark.parametrize("name", EARLIER_AND_NOW)
def test_what_earlier_settings_made_is_gone_after_the_run(name, finished, copied, tmp_path):
    before, now = EARLIER_AND_NOW[name]
    if before:
        run_whole(copied, before)
    printed = run_whole(copied, now)
    lines = [line for line in printed.splitlines() if "earlier settings made" in line]
    assert len(lines) == 1 and lines[0].startswith("results: files removed")
    fresh = tmp_path / "fresh"
    unwanted = shutil.ignore_patterns("results", ".snakemake")
    shutil.copytree(finished, fresh, ignore=unwanted)
    run_whole(fresh, now)
    assert listing(copied) == listing(fresh)
    assert planned(copied, now) == set()
    report = (copied / "results" / "report.html").read_text()
    assert ("link_quality" in report) == now.get("link_model", {}).get("enabled", True)


def test_files_that_no_rule_has_made_or_that_are_read_stay(copied):
    """Somebody's own, one changed since, one that the new config reads."""
    results = copied / "results"
    own = {"links/mine.h5": "mine", "old_map.tif": "old", "unwrapped/20200101_20200113.txt": "note"}
    for name, text in own.items():
        (results / name).write_text(text)
    changed_since = results / "velocity_mm_yr.tif"
    changed_since.write_bytes(changed_since.read_bytes() + b"x")
    shutil.copy2(results / "network" / "baselines.csv", copied / "kept.csv")
    config = with_sections(
        link_model={"enabled": False},
        network={"type": "csv", "csv": "results/network/baseline_misfit.csv"},
    )
    (results / "network" / "baseline_misfit.csv").write_text(
        (copied / "all.csv").read_text(), newline=""
    )
    printed = run_whole(copied, config)
    assert "results: files left that earlier settings made" in printed
    assert {name: (results / name).read_text() for name in own} == own
    assert changed_since.exists()
    assert not (results / "dem_error_m.tif").exists()
    assert (results / "network" / "baseline_misfit.csv").exists()
    assert not (results / "network" / "baselines.csv").exists()
    printed = run_whole(copied, config | {"mesh": {"max_link_pixels": 50}})
    assert "earlier settings made" not in printed  # said once, and nobody's but the user's since


def test_a_run_of_some_targets_or_a_dry_run_removes_nothing(copied):
    before = listing(copied)
    planned(copied, WITHOUT_MODEL)
    assert listing(copied) == before
    run_whole(copied, WITHOUT_MODEL, "--", "results/quality/pairs.csv")
    assert listing(copied) >= before
    run_whole(copied, WITHOUT_MODEL, "--until", "quality")
    assert listing(copied) >= before
    run_whole(copied, WITHOUT_MODEL)
    assert not (copied / "results" / "velocity_mm_yr.tif").exists()


def test_what_a_job_made_earlier_stays_known_until_it_is_removed(tmp_path, monkeypatch):
    """Also after several runs that were killed; links go, what they lead to stays."""
    monkeypatch.chdir(tmp_path)
    records, folder = Path("results/records"), Path("results/folder")
    folder.mkdir(parents=True)
    for name in ("a", "b", "c", "used"):
        Path(f"results/{name}.tif").write_text(name)
        write_record(records, "a_job", [f"results/{name}.tif"], {})
    Path("target.tif").write_text("of somebody")
    (folder / "link.tif").symlink_to("../../target.tif")
    write_record(records, "of_a_folder", ["results/folder"], {})
    (folder / ".snakemake_timestamp").touch()
    for name in ("logs/of_a_folder.log", "logs/a_job.log", "benchmarks/of_a_folder.tsv"):
        Path("results", name).parent.mkdir(exist_ok=True)
        Path("results", name).touch()
    Path("results/c.tif").write_text("another")
    found = remove_unclaimed(records, ["results/b.tif"], ["a_job"], ["./results/used.tif"])
    assert found == (["results/a.tif", "results/folder/link.tif"], ["results/c.tif"])
    assert {str(path) for path in Path().rglob("*") if path.is_file()} == {
        *("results/b.tif", "results/c.tif", "results/used.tif", "target.tif"),
        *("results/logs/a_job.log", "results/records/a_job.json"),
    }
    assert not folder.exists()
    assert remove_unclaimed(records, ["results/b.tif", "results/used.tif"], ["a_job"], []) == (
        [],
        [],
    )


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
    assert planned(copied, config, *option) == and_what_follows(["link_model"], RULES)


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
