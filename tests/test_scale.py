"""The simulated cluster of docs/scale.md: schedules and fits worked out by hand."""

import sys

import pytest
from emcflow.io.tiles_json import tiles_to_json
from emcflow.tiles.cut import Tile
from emcflow.workflow.config import check_config
from emcflow.workflow.plan import make_plan
from emcflow.workflow.resources import JobResources
from workflow import ROOT

sys.path.append(str(ROOT / "benchmarks"))
from cluster_plan import DATES, QUEUE_S, SIDES, Job, dependencies, frame, jobs_of, schedule
from scale_model import FOLDERS, TILE_RULES, TIMES, Fit, Model, Size, memory_mb, term

SIZES = [Size(90_000, 7e4, 20, 54, 4), Size(250_000, 3e4, 20, 54, 4), Size(90_000, 7e4, 80, 234, 9)]


def job(name, seconds, needs=(), cores=1, mb=100):
    return Job(name, name, seconds, cores, mb, list(needs))


def test_a_schedule_worked_out_by_hand():
    jobs = [job("a", 100), job("b", 50), job("c", 30, ["a", "b"])]
    q = QUEUE_S
    one = schedule(jobs, 1, 1, 1000)
    assert one == {"a": (0, 100 + q), "b": (100 + q, 150 + 2 * q), "c": (150 + 2 * q, 180 + 3 * q)}
    assert schedule(jobs, 1, 2, 1000)["c"] == (100 + q, 130 + 2 * q)
    assert schedule(jobs, 2, 1, 1000)["c"] == (100 + q, 130 + 2 * q)
    # two cores, but memory for one at a time
    assert schedule(jobs, 1, 2, 150) == one


def test_a_job_larger_than_a_node_gets_one_alone():
    jobs = [job("a", 10, cores=64, mb=5000), job("b", 5)]
    times = schedule(jobs, 1, 8, 1000)
    assert times["a"][0] == 0 and times["b"][0] == times["a"][1]


def test_a_fit_finds_the_factors_that_made_the_values():
    values = [2.0 * size.tiles + 3e-6 * size.points for size in SIZES]
    fit = Fit(("T", "N", "N*D"), SIZES, values)
    assert fit.factors == pytest.approx([2, 3e-6, 0], abs=1e-9)
    assert fit(Size(0, 1e6, 300, 894, 10)) == pytest.approx(23)


def test_terms_are_what_they_say():
    size = Size(100, 50, 7, 37, 2)
    assert [term(text, size) for text in ("X*I", "N*D*D", "B", "P")] == [3700, 2450, 2, 37]


def test_jobs_of_the_frame():
    records = [
        {
            **vars(size),
            "scripts": {rule: {"cpu_s": 1.0} for rule in TIMES},
            "files": {folder: {"bytes": 1e6} for folder in FOLDERS},
        }
        for size in SIZES
    ]
    model, size = Model(records), frame()
    assert dependencies()["link_model"] == ["tile_mesh", "design_matrix"]
    jobs = {each.name: each for each in jobs_of(model, size, batched=False)}
    assert sum(each.rule == "tile" for each in jobs.values()) == size.tiles
    assert sum(each.rule == "merge_interferograms" for each in jobs.values()) == size.batches == 32
    assert len(jobs["tile_overlaps 0"].needs) == 1 + size.tiles
    assert not {*TILE_RULES} & {each.rule for each in jobs.values()}
    assert sum(each.rule == "blend_tile" for each in jobs.values()) == size.tiles
    assert "bulk_offsets 0" in jobs["blend_tile 0"].needs
    # 50 bytes a point, 18 a pixel of 512 rows, 270 MB: memory.py
    expected = 270 + 50 * size.points / 1e6 + 18 * 512 * size.pixels**0.5 / 1e6
    assert memory_mb("merge_interferograms", size) == pytest.approx(expected, abs=1.5)


LIMIT_MB = 8000
# What a job of each rule asks for, of whatever tile.
ASKED = {
    "tile_overlaps": lambda jobs: jobs.overlaps_memory(1),
    "reference_points": lambda jobs: jobs.references_memory(1),
    "blend_tile": lambda jobs: jobs.blend_memory("00", 1),
    "scene_links": lambda jobs: jobs.scene_links_memory(1),
    "merge_parameters": lambda jobs: jobs.parameters_memory(1),
    "merge_interferograms": lambda jobs: jobs.merge_memory(1),
}


@pytest.fixture(scope="module")
def frame_jobs(tmp_path_factory):
    """What jobs of the frame ask a cluster for: 112 tiles, points of overlaps counted twice."""
    folder = tmp_path_factory.mktemp("frame")
    config = {
        "output_dir": str(folder),
        "stack": {"layout": "simulate"},
        "simulation": {"rows": 500, "cols": 500, "dates": DATES, "span_days": 3600},
        "parameters": {"source": "links"},
    }
    plan = make_plan(check_config(config))
    assert (len(plan.stack.dates), len(plan.pairs)) == (300, 894)
    (rows, cols), size, tiles = SIDES, frame(), []
    for row in range(14):
        for col in range(8):
            core = (
                rows * row // 14,
                cols * col // 8,
                rows * (row + 1) // 14,
                cols * (col + 1) // 8,
            )
            outer = (max(core[0] - 90, 0), max(core[1] - 110, 0))
            outer += (min(core[2] + 90, rows), min(core[3] + 110, cols))
            tiles.append(Tile(outer, core, round(size.points / size.tiles)))
    assert len(tiles) == size.tiles == 112
    (folder / "tiles").mkdir()
    (folder / "tiles" / "tiles.json").write_text(tiles_to_json(SIDES, tiles))
    return JobResources(plan, on_cluster=True)


@pytest.mark.parametrize("rule", ASKED)
def test_no_job_of_the_frame_asks_for_more_than_8_gb(rule, frame_jobs):
    assert frame_jobs.points() > 1.2 * 90_000_000 and frame_jobs.pixels() == 450_000_000
    assert 0 < ASKED[rule](frame_jobs) <= LIMIT_MB
