"""The simulated cluster of docs/scale.md: schedules and fits worked out by hand."""

import sys

import pytest
from frame import memory_of_frame
from workflow import ROOT

sys.path.append(str(ROOT / "benchmarks"))
from cluster_plan import QUEUE_S, Job, dependencies, frame, jobs_of, schedule
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
    jobs = {each.name: each for each in jobs_of(model, size)}
    assert sum(each.rule == "tile" for each in jobs.values()) == size.tiles
    assert sum(each.rule == "merge_interferograms" for each in jobs.values()) == size.batches == 180
    assert len(jobs["tile_overlaps 0"].needs) == 1 + size.tiles
    assert not {*TILE_RULES} & {each.rule for each in jobs.values()}
    assert sum(each.rule == "blend_tile" for each in jobs.values()) == size.tiles
    assert "bulk_offsets 0" in jobs["blend_tile 0"].needs
    # 50 bytes a point, 18 a pixel of 512 rows, 270 MB: memory.py
    expected = 270 + 50 * size.points / 1e6 + 18 * 512 * size.pixels**0.5 / 1e6
    assert memory_mb("merge_interferograms", size) == pytest.approx(expected, abs=1.5)


@pytest.fixture(scope="module")
def asked_of_frame(tmp_path_factory):
    return memory_of_frame(tmp_path_factory.mktemp("frame"))


@pytest.mark.parametrize(
    "rule",
    [
        *("check_stack", "link_phases", "select_points", "tiles", "tile_mesh", "link_model"),
        "unwrap_tile",
        *("find_baselines", "mean_baselines", "scene_view", "blend_tile", "link_quality"),
        *("tile_overlaps", "reference_points", "scene_links", "merge_parameters"),
        "merge_interferograms",
        *("integrate_parameters", "recommended_mask", "loops", "quality", "date_phases"),
        *("time_series", "displacements", "gnss_tie", "fill", "fill_labels", "report"),
        *("export_mintpy", "export_dolphin", "export_licsbas", "export_pyrate"),
        *("export_geoparquet", "export_cog", "export_qgis", "export_stac", "publish"),
    ],
)
def test_no_job_of_a_frame_asks_for_more_than_8_gb(rule, asked_of_frame):
    assert 0 < asked_of_frame[rule] <= 8000
