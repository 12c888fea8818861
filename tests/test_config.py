import copy
import json
import logging
import re
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from emcflow.errors import InputError
from emcflow.products.simulate import SimulationSettings, simulation_dates
from emcflow.workflow.config import IN_METRES, SCHEMA_PATH, check_config
from snakemake.utils import validate

CONFIG = Path(__file__).resolve().parent.parent / "config"
SHIPPED = [CONFIG / "config.yaml", *sorted((CONFIG / "examples").glob("*.yaml"))]

SLC = {"output_dir": "out", "stack": {"layout": "slc", "directory": "slcs"}}
WITH_MODEL = SLC | {
    "baselines": {"csv": "baselines.csv"},
    "geometry": {"wavelength_m": 0.056, "slant_range_m": 850e3, "incidence_angle_deg": 34},
}
SIMULATED = {"output_dir": "out", "stack": {"layout": "simulate"}}


def schema():
    return yaml.safe_load(SCHEMA_PATH.read_text())


def leaves(part, path=()):
    """Yield the dotted name and the schema of every key that is not a section."""
    for key, inner in part["properties"].items():
        if "properties" in inner:
            yield from leaves(inner, (*path, key))
        else:
            yield ".".join((*path, key)), inner


def with_key(config, dotted, value):
    """Return a copy of the config with one key set."""
    config = copy.deepcopy(config)
    *sections, key = dotted.split(".")
    inner = config
    for section in sections:
        inner = inner.setdefault(section, {})
    inner[key] = value
    return config


def problems(config):
    with pytest.raises(InputError) as caught:
        check_config(config)
    return str(caught.value).splitlines()


def problem(config):
    lines = problems(config)
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_configs_pass_and_checking_again_changes_nothing(path):
    checked = check_config(yaml.safe_load(path.read_text()))
    again = check_config(checked)
    assert again == checked
    validate(again, str(SCHEMA_PATH))
    assert again == checked


@pytest.mark.parametrize("config", [SLC, SIMULATED, WITH_MODEL])
def test_defaults_are_those_of_snakemake(config):
    by_snakemake = copy.deepcopy(config)
    validate(by_snakemake, str(SCHEMA_PATH))
    checked = check_config(config)
    for name, part in leaves(schema()):
        *sections, key = name.split(".")
        ours, theirs = checked, by_snakemake
        for section in sections:
            ours, theirs = ours[section], theirs[section]
        decided = name in ("link_model.enabled", "unwrap.spatial_cost") or (
            sections == ["geometry"] and config is SIMULATED
        )
        if not decided:
            assert ours[key] == theirs[key], name
        if not decided and name not in ("output_dir", "stack.layout", "stack.directory"):
            assert ours[key] == part["default"] or config is WITH_MODEL, name


def test_the_given_config_is_left_as_it_is():
    config = copy.deepcopy(SLC)
    check_config(config)["stack"]["directory"] = "elsewhere"
    assert config == SLC


@pytest.mark.parametrize("config", [SLC, SIMULATED, WITH_MODEL])
def test_the_order_of_keys_is_that_of_the_schema(config):
    """Snakemake takes sections in another order for changed params, and runs rules again."""
    checked = check_config(config)
    turned = {
        section: dict(reversed(keys.items())) if isinstance(keys, dict) else keys
        for section, keys in reversed(checked.items())
    }
    assert json.dumps(check_config(turned)) == json.dumps(checked)


def test_the_next_config_gets_the_defaults_of_the_schema():
    check_config(SLC)["link_model"]["velocity_range_mm_yr"].append(5)
    assert check_config(SLC)["link_model"]["velocity_range_mm_yr"] == [-100, 100]


def test_simulation_keys_are_the_settings_of_the_simulator():
    defaults = {
        name.partition(".")[2]: part["default"]
        for name, part in leaves(schema())
        if name.startswith("simulation.")
    }
    assert defaults == asdict(SimulationSettings())
    assert len(simulation_dates(check_config(SIMULATED)["simulation"])) == defaults["dates"]


def test_readme_has_every_key_with_its_default():
    rows = re.findall(r"^\| `([a-z_.]+)` \| ([^|]*) \|", (CONFIG / "README.md").read_text(), re.M)
    documented = dict(rows)
    assert len(documented) == len(rows)
    keys = dict(leaves(schema()))
    assert list(documented) == list(keys)
    for name, part in keys.items():
        if "default" in part:
            assert yaml.safe_load(documented[name].strip("`")) == part["default"], name


def test_every_key_has_a_description_and_a_default():
    for name, part in leaves(schema()):
        assert part["description"], name
        assert "default" in part or name == "output_dir"


def test_noise_of_points_is_not_combined_with_weights_of_dates():
    config = {
        "output_dir": "results",
        "stack": {"directory": "stack", "sigma": "crlb_*.tif"},
        "baselines": {"csv": "baselines.csv"},
        "geometry": {"wavelength_m": 0.05, "slant_range_m": 8e5, "incidence_angle_deg": 30},
        "link_model": {"weights_csv": "weights.csv"},
    }
    with pytest.raises(InputError, match=r"stack.sigma: .* with link_model.weights_csv.*leave one"):
        check_config(config)
    config["link_model"] = {"enabled": False}
    with pytest.raises(InputError, match=r"stack.sigma: .* link model, which is off"):
        check_config(config)


@pytest.mark.parametrize("section", ["stack", "link_model", "simulation"])
def test_an_empty_section_is_one_without_keys(section):
    assert check_config(SIMULATED | {section: None} | SIMULATED) == check_config(SIMULATED)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("output_dir", "~/out", "a path without ~"),
        ("output_dir", "out/{date}", "a path without ~, { and }"),
        ("output_dir", "", "'' found"),
        ("stack.layout", "phaselinked", "one of phase_linked, slc, interferograms, simulate"),
        ("stack.min_temporal_coherence", 1, "not below 0 and below 1"),
        ("stack.min_temporal_coherence", -0.1, "not below 0"),
        ("geometry.wavelength_m", 55.5, "in metres"),
        ("geometry.wavelength_m", 0, "above 0"),
        ("geometry.slant_range_m", 850, "not kilometres"),
        ("geometry.incidence_angle_deg", 90, "below 90"),
        ("network.type", "star", "one of hop3, delaunay, csv, given expected"),
        ("link_model.enabled", "maybe", "true or false expected"),
        ("link_model.velocity_range_mm_yr", [-5], "a list of 2 or 3 numbers"),
        ("link_model.velocity_range_mm_yr", [-5, 5, 1, 1], "a list of 2 or 3 numbers"),
        ("link_model.dem_error_range_m", 50, "leave the key out for the default [-50, 50]"),
        ("link_model.dem_error_range_m", [-50, "high"], "high found in the list"),
        ("link_model.memory_mb", 0, "not below 16"),
        ("tiles.points_per_tile", 2.5, "a whole number"),
        ("tiles.points_per_tile", "1e6", "write 1000000 without quotes"),
        ("tiles.max_tiles", True, "true found"),
        ("tiles.dilation", "5e-2", "write 0.05 without quotes"),
        ("tiles.dilation", float("nan"), "not a finite number"),
        ("tiles.dilation", 0.6, "not above 0.5"),
        ("unwrap.solver", "fast", "one of ssp, ortools"),
        ("unwrap.temporal_cost", "coherence", "one of constant, distance, centroid"),
        ("unwrap.spatial_cost", "linear", "constant, distance, centroid, coherence"),
        ("merge.bulk_offset", "l1", "one of l2, integer"),
        ("merge.min_overlap_points", 0, "not below 1"),
        ("reference.point", [3], "a list of 2 whole numbers not below 0 or null"),
        ("reference.point", [3, -1], "-1 found in the list"),
        ("reference.area", [3, 4, 5], "a list of 4 whole numbers not below 0 or null"),
        ("outputs.velocity_positive", "up", "one of away, toward"),
        ("outputs.time_series", 1, "true or false expected"),
        ("outputs.mask_probability", 0, "above 0"),
        ("outputs.mask_probability", 1.5, "1"),
        ("outputs.exports", "mintpy", "a list with any of mintpy, dolphin, licsbas, pyrate"),
        ("outputs.exports", ["mintpy", "gmt"], "gmt found in the list"),
        ("outputs.exports", ["cog", "cog"], "a list with any of mintpy, dolphin, licsbas, pyrate"),
        ("simulation.start_date", "January", "the eight digits YYYYMMDD"),
        ("simulation.seed", -1, "not below 0"),
        ("simulation.coherence", 0.4, "not below 0.5 and not above 1"),
        ("merge", 4, "a section with the keys min_overlap_points, bulk_offset"),
        ("merge", [], "a section with the keys min_overlap_points, bulk_offset"),
    ],
)
def test_a_wrong_value_is_one_line_with_key_value_and_expectation(key, value, says):
    line = problem(with_key(WITH_MODEL, key, value))
    assert line.startswith(f"{key}: ")
    assert says in line


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [
        ("tiles.points_per_tiles", "did you mean tiles.points_per_tile?"),
        ("unwarp", "did you mean unwrap?"),
        ("min_temporal_coherence", "did you mean stack.min_temporal_coherence?"),
        ("link_model.velocity_range", "did you mean link_model.velocity_range_mm_yr?"),
        ("outputdir", "did you mean output_dir?"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known(key, suggestion):
    line = problem(with_key(SLC, key, 1))
    assert line.startswith(f"{key}: unknown key; {suggestion}")


def test_an_unknown_key_like_no_other_gets_the_list_of_keys():
    assert problem(with_key(SLC, "merge.zzz", 1)) == (
        "merge.zzz: unknown key; known here: min_overlap_points, bulk_offset, island_probability"
    )
    assert problem(SLC | {7: 1}).startswith("7: unknown key; known here: output_dir")


def test_all_problems_are_told_at_once():
    config = with_key(with_key(SLC, "tiles.dilation", 2), "tiles.max_tile", 2)
    lines = problems(with_key(config, "merge.bulk_offset", "l3"))
    assert sorted(line.partition(":")[0] for line in lines) == [
        "merge.bulk_offset",
        "tiles.dilation",
        "tiles.max_tile",
    ]


@pytest.mark.parametrize("config", [None, {}])
def test_output_dir_has_no_default(config):
    assert problem(config).startswith("output_dir: missing; give the folder")


@pytest.mark.parametrize("config", [[], "output_dir", 3])
def test_a_config_that_is_no_mapping(config):
    assert "expected keys such as output_dir" in problem(config)


def test_what_yaml_reads_as_another_type_is_taken_as_meant():
    config = yaml.safe_load(
        "{output_dir: 2019, stack: {layout: simulate}, tiles: {max_tiles: 4.0},"
        " simulation: {start_date: 2019-02-03}}"
    )
    checked = check_config(config)
    assert checked["output_dir"] == "2019"
    assert checked["simulation"]["start_date"] == "20190203"
    assert type(checked["tiles"]["max_tiles"]) is int
    checked = check_config(with_key(SIMULATED, "simulation.start_date", 20190204))
    assert checked["simulation"]["start_date"] == "20190204"


@pytest.mark.parametrize("layout", ["phase_linked", "slc"])
def test_a_stack_that_is_read_needs_its_directory(layout):
    line = problem({"output_dir": "out", "stack": {"layout": layout}})
    assert line.startswith("stack.directory: missing") and layout in line


@pytest.mark.parametrize("key", ["stack.directory", "stack.temporal_coherence", "baselines.csv"])
def test_a_simulated_stack_reads_nothing(key):
    line = problem(with_key(SIMULATED, key, "mine"))
    assert line.startswith(f"{key}: mine would not be read")


@pytest.mark.parametrize("key", ["wavelength_m", "slant_range_m", "incidence_angle_deg"])
def test_the_link_model_needs_the_geometry(key):
    config = with_key(WITH_MODEL, f"geometry.{key}", None)
    assert problem(config).startswith(f"geometry.{key}: missing")
    off = check_config(with_key(config, "link_model.enabled", False))
    assert off["geometry"][key] is None


def test_metres_need_the_wavelength_without_a_link_model_too():
    for key, value in (("time_series", True), *(("exports", [name]) for name in IN_METRES)):
        config = with_key(SLC, f"outputs.{key}", value)
        assert problem(config).startswith(f"geometry.wavelength_m: missing; outputs.{key}")
        given = with_key(config, "geometry.wavelength_m", 0.056)
        assert check_config(given)["outputs"][key] == value
        check_config(SIMULATED | {"outputs": {key: value}})


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        ("/vsigs/bucket/city", "expected a folder, or bucket and prefix of a store of S3"),
        ("https://host/city", "expected a folder, or bucket and prefix of a store of S3"),
        ("/vsis3/", "expected a folder, or bucket and prefix of a store of S3"),
        ("results", "is in output_dir"),
        ("results/../results/published", "is in output_dir"),
    ],
)
def test_results_are_published_to_a_folder_of_others_or_to_s3(target, wrong):
    config = with_key(SLC | {"output_dir": "results"}, "outputs.publish_to", target)
    line = problem(config)
    assert line.startswith(f"outputs.publish_to: {target}") and wrong in line
    for right in ("/vsis3/bucket", "s3://bucket/city/", "results_of_all"):
        check_config(with_key(config, "outputs.publish_to", right))


def test_dolphin_needs_the_time_series():
    config = with_key(WITH_MODEL, "outputs.exports", ["dolphin"])
    assert problem(config).startswith("outputs.exports: dolphin is a layout around the time series")
    check_config(with_key(config, "outputs.time_series", True))


def test_a_simulated_stack_has_a_geometry_that_can_be_given():
    geometry = check_config(SIMULATED)["geometry"]
    assert all(value > 0 for value in geometry.values())
    given = check_config(with_key(SIMULATED, "geometry.wavelength_m", 0.24))["geometry"]
    assert given == geometry | {"wavelength_m": 0.24}


def test_the_link_model_is_off_with_a_note_where_there_are_no_baselines(caplog):
    with caplog.at_level(logging.WARNING):
        assert check_config(SLC)["link_model"]["enabled"] is False
    assert len(caplog.messages) == 1 and caplog.messages[0].startswith("baselines.csv is not given")
    caplog.clear()
    check_config(with_key(SLC, "link_model.enabled", False))
    assert check_config(WITH_MODEL)["link_model"]["enabled"] is True
    assert check_config(SIMULATED)["link_model"]["enabled"] is True
    assert caplog.messages == []


@pytest.mark.parametrize("given", ["auto", None])
def test_the_spatial_cost_is_by_coherence_with_a_link_model_and_without(given):
    for config in (SLC, WITH_MODEL):
        checked = check_config(with_key(config, "unwrap.spatial_cost", given))
        assert checked["unwrap"]["spatial_cost"] == "coherence"


@pytest.mark.parametrize("key", ["velocity_range_mm_yr", "dem_error_range_m"])
@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([5, -5], "minimum not below its maximum"),
        ([0, 0], "minimum not below its maximum"),
        ([10, 50], "does not hold 0"),
        ([-50, -10], "does not hold 0"),
        ([-5, 5, 0], "a step of 0"),
        ([-5, 5, -1], "a step of -1"),
        ([-5, 5, 10], "a step of 10"),
    ],
)
def test_search_ranges(key, values, says):
    line = problem(with_key(WITH_MODEL, f"link_model.{key}", values))
    assert line.startswith(f"link_model.{key}: ") and says in line


@pytest.mark.parametrize("values", [[-5, 5], [0, 5], [-5, 0, 1], [-5.5, 5, 0.1]])
def test_search_ranges_that_are_right(values):
    config = with_key(WITH_MODEL, "link_model.dem_error_range_m", values)
    assert check_config(config)["link_model"]["dem_error_range_m"] == values


def test_several_tiles_need_a_dilation():
    assert problem(with_key(SLC, "tiles.dilation", 0)).startswith("tiles.dilation: 0 leaves")
    alone = with_key(with_key(SLC, "tiles.dilation", 0), "tiles.max_tiles", 1)
    assert check_config(alone)["tiles"]["dilation"] == 0


@pytest.mark.parametrize(
    ("key", "value", "names"),
    [
        ("simulation.start_date", "20191301", "simulation.start_date"),
        ("simulation.dates", 62, "simulation.dates"),
        ("reference.point", [200, 0], "reference.point"),
        ("reference.point", [0, 200], "reference.point"),
        ("reference.area", [0, 0, 201, 3], "reference.area"),
    ],
)
def test_simulations_that_cannot_be(key, value, names):
    assert problem(with_key(SIMULATED, key, value)).startswith(f"{names}: ")
    check_config(with_key(SLC, key, value))


def test_a_reference_is_a_point_or_an_area():
    area = with_key(SLC, "reference.area", [3, 4, 3, 9])
    assert problem(area).startswith("reference.area: [3, 4, 3, 9] is empty")
    both = with_key(with_key(SLC, "reference.area", [3, 4, 5, 9]), "reference.point", [1, 2])
    assert problem(both).startswith("reference.area: given beside reference.point [1, 2]")


def test_stations_need_velocities():
    config = with_key(with_key(SLC, "reference.gnss_csv", "gnss.csv"), "link_model.enabled", False)
    assert problem(config).startswith("reference.gnss_csv: gnss.csv is compared with velocities")
    series = with_key(config, "outputs.time_series", True)
    check_config(with_key(series, "geometry.wavelength_m", 0.056))


def test_another_schema_can_be_given(tmp_path):
    changed = schema()
    changed["properties"]["tiles"]["properties"]["max_tiles"]["default"] = 3
    (tmp_path / "schema.yaml").write_text(yaml.safe_dump(changed))
    assert check_config(SLC, tmp_path / "schema.yaml")["tiles"]["max_tiles"] == 3
