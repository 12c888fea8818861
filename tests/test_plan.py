"""The plan of a run, without Snakemake; and rules that do not depend on their files' order."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from emcflow.errors import InputError
from emcflow.io.tiles_json import tiles_to_json
from emcflow.tiles.cut import Tile
from emcflow.workflow.config import check_config
from emcflow.workflow.plan import check_plan, make_plan
from emcflow.workflow.resources import JobResources, minutes
from emcflow.workflow.results import Results
from emcflow.workflow.surroundings import check_not_written
from stacks import DATES, write_raster
from workflow import ROOT, jobs_of, run

SIMULATED = {"output_dir": "results/", "stack": {"layout": "simulate"}, "simulation": {"dates": 5}}
SHAPE = (6, 5)


def plan_of(config, **sections):
    return make_plan(check_config(config | sections))


@pytest.fixture
def stack(tmp_path):
    """Config of a stack without baselines, its files written."""
    for date in DATES[1:]:
        write_raster(tmp_path / f"{DATES[0]}_{date}.int.tif", np.full(SHAPE, 1j, np.complex64))
    write_raster(tmp_path / "temporal_coherence.tif", np.full(SHAPE, 0.9, np.float32))
    return {
        "output_dir": "results",
        "stack": {"layout": "phase_linked", "directory": str(tmp_path)},
        "geometry": {"wavelength_m": 0.0555},
    }


def test_a_simulated_run_reads_nothing_from_outside():
    plan = plan_of(SIMULATED)
    assert (plan.out, plan.simulated, plan.link_model) == ("results", True, True)
    assert plan.sources == plan.named_files[:0] == []
    assert plan.baselines_csv == "results/simulation/baselines_ifg.csv"
    assert len(plan.pairs) == 9 and plan.new_pairs == list(plan.pairs)
    assert [len(batch) for batch in plan.batches] == [9]
    assert plan.of_previous("stack/stack.json") == []
    check_plan(plan)


def test_a_stack_of_files_is_known_by_its_names_and_its_state(stack, tmp_path):
    plan = plan_of(stack)
    assert plan.link_model and plan.finds_baselines and not plan.in_metres
    assert plan.inputs.points is None
    assert plan.stack.dates == DATES
    assert plan.sources == [*plan.stack_files, plan.stack.coherence]
    before, whole = plan.state_of(plan.stack_files), plan.state
    assert plan.state_of(["elsewhere.tif"]) == plan.state_of([])
    write_raster(tmp_path / f"{DATES[0]}_{DATES[2]}.int.tif", np.ones((1, 1), np.complex64))
    again = plan_of(stack)
    assert again.state_of(plan.stack_files) != before
    assert again.state != whole


def test_large_images_make_small_batches(stack, tmp_path):
    sections = {"outputs": {"time_series": True}}
    plan = plan_of(stack, **sections)
    assert plan.image_bytes == Path(plan.stack.files[1]).stat().st_size
    assert len(plan.batches) == len(plan.date_batches) == 1
    with open(plan.stack.files[1], "r+b") as file:
        file.truncate(3_600_000_000)  # of no bytes on the disk
    large = plan_of(stack, **sections)
    assert [len(each) for each in large.batches] == [3, 3, 3, 3]
    assert [len(each) for each in large.date_batches] == [3, 3]
    window = stack | {"stack": stack["stack"] | {"window": [0, 0, 4, 4]}}
    assert plan_of(window, **sections).image_bytes == 0
    assert plan_of(SIMULATED).image_bytes == 0


def test_the_state_is_that_of_the_settings():
    states = {
        plan_of(SIMULATED).state,
        plan_of(SIMULATED, tiles={"max_tiles": 3}).state,
        plan_of(SIMULATED, link_model={"annual": True}).state,
        plan_of(SIMULATED, outputs={"time_series": True}).state,
    }
    assert len(states) == 4
    assert plan_of(SIMULATED).state in states


def test_bad_input_is_an_error_of_one_line(stack):
    stack["stack"]["exclude"] = ["20300101"]
    with pytest.raises(InputError, match=r"^stack\.exclude: 20300101 is not among"):
        plan_of(stack)
    del stack["stack"]["exclude"]
    plan = plan_of(stack, reference={"point": [99, 0]})
    with pytest.raises(InputError, match=r"^reference\.point: \[99, 0\] is no point"):
        check_plan(plan)


def test_stations_with_three_axes_need_the_heading(tmp_path):
    table = tmp_path / "gnss.csv"
    table.write_text("row,col,east_mm_yr,north_mm_yr,up_mm_yr\n1,2,3,4,5\n")
    reference = {"gnss_csv": str(table)}
    with pytest.raises(InputError, match=r"^platform\.heading_deg: missing; .*gnss\.csv has"):
        plan_of(SIMULATED, reference=reference)
    plan = plan_of(SIMULATED, reference=reference, platform={"heading_deg": -13})
    assert plan.station_view["looks"] == "right"
    assert Results(plan).wanted[5][0] == "results/gnss/velocity_mm_yr.tif"
    table.write_text("row,col,toward_mm_yr\n1,2,3\n")
    assert plan_of(SIMULATED, reference=reference).station_view is None


def test_results_are_those_that_the_config_asks_for():
    results = Results(plan_of(SIMULATED, link_model={"annual": True}))
    assert list(results.parameters)[:2] == ["velocity_mm_yr", "dem_error_m"]
    assert "annual_sin_mm" in results.parameters and "annual_sin_sigma_mm" in results.parameters
    assert results.series_maps == {} and results.displacements == []
    first, second = results.plan.stack.dates[2:5:2]
    steps = Results(plan_of(SIMULATED, link_model={"step_date": [first, second]})).parameters
    assert [name for name in steps if name.startswith("step")] == [
        *(f"step_{first}_mm", f"step_{second}_mm"),
        *(f"step_{first}_sigma_mm", f"step_{second}_sigma_mm"),
    ]
    assert results.velocity["velocity"] == "results/velocity_mm_yr.tif"
    assert [len(each) for each in results.wanted] == [9, 9, 2, 0, 0, 0, 0]
    outputs = {"time_series": True, "exports": ["mintpy"], "fill_pixels": 2}
    results = Results(plan_of(SIMULATED, outputs=outputs))
    assert results.velocity["velocity"] == "results/timeseries/velocity_mm_yr.tif"
    assert len(results.displacements) == len(results.displacement_columns) == 4
    assert results.wanted[3] == [results.exports["mintpy"]]
    assert results.wanted[4][-1] == "results/filled/filled.tif"
    # labels of the scene, not those of one of its interferograms
    assert results.explored_layers["component"] == "results/merge/components.tif"
    assert {*results.rasters, *results.explored_layers.values()} <= {*results.styled}
    published = Results(plan_of(SIMULATED, outputs={"publish_to": "/vsis3/bucket/city"})).wanted[-1]
    assert published == ["results/exports/published.csv"]


def test_no_file_of_the_user_is_written_over(tmp_path):
    results = tmp_path / "results"
    check_not_written([str(tmp_path / "a.tif")], str(results), lambda path: True)
    check_not_written([str(results / "a.tif")], str(results), lambda path: False)
    for written in (results / "exports" / "a.tif", results / "exports"):
        with pytest.raises(InputError, match="would be written over"):
            check_not_written(
                [str(results / "exports" / "a.tif")],
                str(results),
                lambda path, written=written: path == str(written),
            )


def resources(tmp_path, on_cluster=False, **sections):
    """Resources of a run with two tiles, of 40 000 and of 250 000 points."""
    plan = plan_of(SIMULATED | {"output_dir": str(tmp_path)}, **sections)
    tiles = [Tile((0, 0, 600, 400), (0, 0, 600, 400), 40_000)]
    tiles += [Tile((0, 300, 600, 1000), (0, 400, 600, 1000), 250_000)]
    (tmp_path / "tiles").mkdir(exist_ok=True)
    (tmp_path / "tiles" / "tiles.json").write_text(tiles_to_json((600, 1000), tiles))
    return JobResources(plan, on_cluster)


def test_threads_of_a_tile_are_its_share_of_the_cores(tmp_path):
    jobs = resources(tmp_path)
    small, large = jobs.tiles().values()
    for tile, beside, threads in ((small, 0, 3), (small, 6, 2), (large, 0, 8), (large, 6, 2)):
        assert jobs.tile_threads(tile, 2, 16, beside) == threads
    assert jobs.tile_threads(large, 2, 1) == 1
    jobs = resources(tmp_path, on_cluster=True)
    assert [jobs.tile_threads(tile, 2, 0) for tile in (small, large)] == [1, 2]


def test_memory_grows_with_the_attempt_and_by_snakemake_on_a_cluster(tmp_path):
    jobs, there = resources(tmp_path), resources(tmp_path, on_cluster=True)
    assert (jobs.points(), jobs.pixels()) == (290_000, 600_000)
    assert jobs.strip_pixels(10) == 532 * 1000 and jobs.strip_pixels(100) == 600_000
    once = jobs.scene_memory(1, "report")
    assert jobs.scene_memory(2, "report") == 2 * once
    assert there.scene_memory(1, "report") == once + 400
    # of points and a strip, whatever pairs and dates there are, and of the largest tile
    merged = jobs.megabytes(1, "merge_interferograms", 290_000, 512 * 1000, 0, dates=0)
    assert jobs.merge_memory(1) == merged + 90 * 250_000 // 10**6
    # of a tile and those that overlap it
    assert jobs.tiles_beside("01") == ["01", "00"]
    assert jobs.blend_memory("00", 1) == jobs.megabytes(1, "blend_tile", 250_000, 0, 9)
    more = resources(tmp_path, link_model={"annual": True, "memory_mb": 1000})
    tile = jobs.tiles()["00"]
    assert more.tile_memory(tile, 1, "link_model") > 1000 + jobs.tile_memory(tile, 1, "link_model")
    assert minutes(2, 60, 500_000) == 80


def test_a_plan_needs_no_snakemake():
    command = (
        "import sys; import emcflow.workflow.plan, emcflow.workflow.results, "
        "emcflow.workflow.resources, emcflow.workflow.snakemake_internals; "
        "sys.exit('snakemake' in sys.modules or 'pandas' in sys.modules)"
    )
    path = {"PYTHONPATH": str(ROOT / "scripts")}
    assert subprocess.run([sys.executable, "-c", command], env=path).returncode == 0


# The order of the files of rules

DUMP = """
with open("dump.json", "w") as file:
    names = {each.name: sorted(map(str, each.output)) for each in workflow.rules}
    __import__("json").dump([config["run"], names], file)
"""


def in_order(folder: Path, order) -> tuple[list, set[str]]:
    """Dry-run a copy whose files of rules are read in another order, common.smk first.

    Returns
    -------
    run and outputs of the rules, jobs
    """
    checkout = folder / "checkout"
    checkout.mkdir(parents=True)
    for name in ("rules", "scripts", "config", "envs", "profiles"):
        (checkout / name).symlink_to(ROOT / name)
    text = (ROOT / "Snakefile").read_text()
    first, *others = [line for line in text.splitlines() if line.startswith("include:")]
    assert first == 'include: "rules/common.smk"' and len(others) > 10
    before, rest = text.split(first)
    *_, after = rest.split(others[-1])
    (checkout / "Snakefile").write_text("\n".join([before, first, *order(others), after, DUMP]))
    outputs = {"time_series": True, "exports": ["mintpy", "dolphin", "cog"], "fill_pixels": 3}
    process = run(folder, SIMULATED | {"outputs": outputs}, "--dry-run", root=checkout)
    assert process.returncode == 0, process.stdout
    return json.loads((folder / "dump.json").read_text()), jobs_of(process.stdout)


def test_rules_are_the_same_in_whatever_order_their_files_are_read(tmp_path):
    """Also: a dry run before there are tiles knows the exports."""
    as_it_is = in_order(tmp_path / "as_it_is", list)
    found, jobs = as_it_is
    assert {"report", "fill_00", "export_mintpy"} <= found[0]["fingerprints"].keys() & jobs
    shuffled = np.random.default_rng(2).permutation
    for name, order in (("reversed", lambda lines: lines[::-1]), ("shuffled", shuffled)):
        assert in_order(tmp_path / name, order) == as_it_is
