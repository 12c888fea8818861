"""``python -m emcflow describe``: configs from samples of other programs' folders."""

import io
import os
import re
import shutil
import subprocess
import sys
from contextlib import chdir, redirect_stdout
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import samples
import yaml
from emcflow.__main__ import main
from emcflow.errors import InputError
from emcflow.io.baselines import read_baselines
from emcflow.io.raster import read_values
from emcflow.processors.compare import find_metadata, metadata_remarks
from emcflow.processors.describe import look
from emcflow.processors.found import Found
from emcflow.workflow.config import SCHEMA_PATH, check_config
from emcflow.workflow.inputs import find_inputs
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from workflow import ROOT, read, run_whole

# What each sample is, whether the sign of its baselines is known, and what it needs of the reader
# of images: keys that the schema has once that is there.
SAMPLES = {
    "dolphin": (samples.write_dolphin, True),
    "opera": (samples.write_opera, True),
    "topsstack": (samples.write_topsstack, True),
    "stripmap": (samples.write_stripmap, True),
    "miaplpy": (samples.write_miaplpy, True),
    "sarvey": (samples.write_sarvey, True),
    "licsar": (samples.write_licsar, False),
    "hyp3_burst": (samples.write_hyp3, True),
    "hyp3_scene": (lambda folder: samples.write_hyp3(folder, burst=False), False),
    "gmtsar": (samples.write_gmtsar, True),
    "snap": (samples.write_snap, True),
    "gamma": (samples.write_gamma, True),
    "gamma_pairs": (samples.write_gamma_pairs, True),
    "nisar_gslc": (samples.write_gslc, True),
    "nisar_gunw": (samples.write_gunw, True),
    "mintpy": (samples.write_mintpy, True),
}


def described(folder):
    """Return the text of the config of the folder ``data`` in a folder."""
    printed = io.StringIO()
    with chdir(folder), redirect_stdout(printed):
        assert main(["describe", "data"]) == 0
    return printed.getvalue()


@pytest.fixture(scope="module", params=SAMPLES)
def sample(request, tmp_path_factory):
    """Name, folder, truth, and text of the config of a described sample."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "data").mkdir()
    town = SAMPLES[request.param][0](folder / "data")
    return request.param, folder, town, described(folder)


def value(given):
    """Return a number of the view, or the median of its raster."""
    return given if isinstance(given, float | int) else float(np.nanmedian(read_values(given)))


# What no file of a sample says.
ASKED = {
    "stripmap": {"geometry.wavelength_m", "geometry.slant_range_m"},
    "licsar": {"baselines.negate"},
    "hyp3_scene": {"baselines.negate"},
}


def test_each_sample_is_described_with_its_own_values(sample, monkeypatch):
    name, folder, town, text = sample
    monkeypatch.chdir(folder)
    config = yaml.safe_load(text)
    truth = {
        "wavelength_m": town.wavelength_m,
        "slant_range_m": town.slant_range_m,
        "incidence_angle_deg": town.incidence_angle_deg,
    }
    asked = set(re.findall(r"# \? ([a-z_.]+):", text))
    assert asked == ASKED.get(name, set())
    for key, true in truth.items():
        if f"geometry.{key}" not in asked:
            assert value(config["geometry"][key]) == pytest.approx(true, rel=3e-4), key
    given = config["baselines"]
    bperp = read_baselines(given["csv"], town.dates, given.get("negate", False)).bperp_m
    assert bperp == pytest.approx([town.bperp_m[day] for day in town.dates], abs=0.3)
    assert config.get("link_model", {}).get("enabled", True) == (name != "stripmap")
    # behind each value it stands where it was found
    values = [line for line in text.splitlines() if re.match(r"  [a-z_]+:", line)]
    assert len(values) > 4 and all("  # " in line for line in values)
    if "variable" not in config["stack"] or READS_VARIABLES:
        check_config(config)


def in_metres(config, dates):
    """Return the baselines of a config by their dates, those of rasters by their medians."""
    given = config["baselines"]
    bperp_m = read_baselines(given["csv"], dates, given["negate"]).bperp_m
    return dict(zip(dates, bperp_m, strict=True))


def test_a_config_that_differs_from_the_files_is_named(sample, monkeypatch):
    name, folder, town, text = sample
    monkeypatch.chdir(folder)
    config = check_config(yaml.safe_load(text))
    images = find_inputs(config["stack"], config["output_dir"]).images
    found = find_metadata(images)
    geometry, bperp_m = config["geometry"], in_metres(config, town.dates)
    assert metadata_remarks(found, geometry, bperp_m) == []
    asked = ASKED.get(name, set())
    for key, other in (
        ("wavelength_m", 0.238), ("slant_range_m", 700e3), ("incidence_angle_deg", 21.0)
    ):  # fmt: skip
        (remark,) = metadata_remarks(found, geometry | {key: other}, bperp_m) or [""]
        if f"geometry.{key}" in asked:
            assert remark == ""
            continue
        true = getattr(town, key)
        assert remark.startswith(f"geometry.{key} is {other:.7g} by the config"), remark
        said = re.search(r"but ([\d.]+) by", remark)[1]
        assert float(said) == pytest.approx(true, rel=1e-3)
        assert found.program in remark
    last = town.dates[-1]
    (remark,) = metadata_remarks(found, geometry, bperp_m | {last: bperp_m[last] + 30})
    assert remark.startswith("baselines: ") and last in remark
    other_sign = {date: -value for date, value in bperp_m.items()}
    remarks = metadata_remarks(found, geometry, other_sign)
    if "baselines.negate" in asked:
        assert remarks == []
    else:
        assert len(remarks) == 1 and "other sign" in remarks[0] and "negate" in remarks[0]


def test_numbers_of_a_part_of_the_images_are_not_those_of_their_middle():
    found = Found("GAMMA")
    found.say("geometry.wavelength_m", 0.0555, "a.par")
    found.say("geometry.slant_range_m", 850_000, "a.par")
    found.say("geometry.incidence_angle_deg", 39.0, "a.par")
    view = {"wavelength_m": 0.0555, "slant_range_m": 800_000, "incidence_angle_deg": 32.0}
    assert len(metadata_remarks(found, view, {})) == 2
    assert metadata_remarks(found, view, {}, cropped=True) == []
    (remark,) = metadata_remarks(found, {**view, "wavelength_m": 0.031}, {}, cropped=True)
    assert "0.031 by the config, but 0.0555 by GAMMA (a.par)" in remark


def test_images_without_metadata_are_compared_with_nothing(tmp_path):
    (tmp_path / "stack").mkdir()
    images = [tmp_path / "stack" / f"2019010{day}.slc.tif" for day in (1, 2)]
    for path in images:
        path.touch()
    assert find_metadata(list(map(str, images))) is None
    # of another stack beside it
    samples.write_gamma(tmp_path / "gamma")
    assert find_metadata(list(map(str, images))) is None


# Samples that only the reader of arrays, of parts apart and of flat files can read.
NEEDS_READER = {"miaplpy", "sarvey", "gmtsar", "snap", "gamma", "gamma_pairs"}
READS_VARIABLES = (
    "variable" in yaml.safe_load(SCHEMA_PATH.read_text())["properties"]["stack"]["properties"]
)


def slope(found, truth):
    """Return the slope of what was found against the truth, by least squares, and its scatter."""
    valid = np.isfinite(found)
    assert valid.sum() > 1000
    found, truth = found[valid] - found[valid].mean(), truth[valid] - truth[valid].mean()
    factor = found @ truth / (truth @ truth)
    return factor, (found - factor * truth).std()


def test_each_config_runs_and_finds_the_simulated_truth(sample):
    name, folder, town, text = sample
    if name in NEEDS_READER and not READS_VARIABLES:
        pytest.skip("needs the reader of arrays and of parts apart")
    config = yaml.safe_load(text)
    if name == "stripmap":  # its questions, answered
        config["geometry"] |= {
            "wavelength_m": town.wavelength_m, "slant_range_m": town.slant_range_m
        }  # fmt: skip
        config["link_model"]["enabled"] = True
    if name == "gamma":  # a number that the files know better, and the results hardly feel
        config["geometry"]["slant_range_m"] *= 1.03
    run_whole(folder, config)
    results = folder / config["output_dir"]
    log = (results / "logs" / "compare_metadata.log").read_text()
    remarks = (results / "stack" / "metadata.txt").read_text().splitlines()
    assert "is compared with the metadata of" in log
    described = (results / "stack" / "described.yaml").read_text()
    assert yaml.safe_load(described).keys() >= {"output_dir", "stack", "geometry"}
    assert "read as" in described
    assert len(remarks) == (name == "gamma")
    for remark in remarks:
        assert remark.startswith("geometry.slant_range_m is ") and remark in log
        assert "geometry.slant_range_m is " in (results / "report.txt").read_text()
    for layer, truth in (
        ("velocity_mm_yr", town.velocity_mm_yr),
        ("dem_error_m", town.dem_error_m),
    ):
        factor, scatter = slope(read(results / f"{layer}.tif"), truth)
        assert factor == pytest.approx(1, abs=0.1), layer
        assert scatter < 0.2 * truth.std(), layer


@pytest.mark.parametrize("write", [samples.write_licsar, samples.write_hyp3])
def test_no_point_is_at_sea(write, tmp_path):
    (tmp_path / "data").mkdir()
    write(tmp_path / "data", sea=True)
    config = yaml.safe_load(described(tmp_path))
    config["stack"].pop("mask", None)  # HyP3's would do it
    linked = Path(config["output_dir"], "stack", "linked", "temporal_coherence.tif")
    run_whole(tmp_path, config, "--", str(linked))
    coherence = read(tmp_path / linked)
    assert not (coherence[samples.SEA] > 0.2).any()
    assert (coherence[~samples.SEA] > 0.6).mean() > 0.9


def refused(folder, *says):
    """Assert that a folder is refused in one line that says some texts and what to do."""
    with pytest.raises(InputError) as error:
        look(folder)
    line = str(error.value)
    assert "\n" not in line and "expected" in line, line
    for text in says:
        assert text in line, line


def test_a_folder_of_nothing_or_of_two_programs_is_refused(tmp_path):
    refused(tmp_path / "nowhere", "nowhere: not a folder")
    refused(tmp_path, "nothing that is known", "GAMMA", "LiCSAR")
    samples.write_gamma(tmp_path / "data")
    samples.write_licsar(tmp_path / "data")
    refused(tmp_path / "data", "LiCSAR and of GAMMA", "one stack")


def test_the_command_says_what_is_wrong_in_one_line(tmp_path, capsys):
    assert main(["describe", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("emcflow: ") and err.count("\n") == 1


# A sample, a file of it, what is replaced by what, and what the line says.
SPOILED = {
    "frequency": (
        samples.write_gamma, "20190105.rslc.par", "5.40", "9.60", ["radar_frequency", "all files"]
    ),
    "date": (samples.write_gamma, "20190105.rslc.par", "01 05", "01 06", ["20190106", "20190105"]),
    "no date": (samples.write_gamma, "20190105.rslc.par", "date:", "dote:", ["date is missing"]),
    "no number": (samples.write_licsar, "GEOC/metadata.txt", "range_m=", "range_m=x", ["centre_"]),
    "no xml": (samples.write_topsstack, "reference/IW1.xml", "</productmana", "", ["no whole XML"]),
    "wavelength": (
        samples.write_topsstack, "reference/IW1.xml", ">0.0554", ">5.54", ["wavelength_m", "metres"]
    ),
    "kilometres": (
        samples.write_licsar, "GEOC/metadata.txt", "range_m=", "range_m=879.6 km ", ["slant_range"]
    ),
    "no triangle": (samples.write_gmtsar, "raw/S1_20190105_ALL_F1.PRM", "SC_height\t\t=",
                    "SC_height\t\t= 9", ["incidence"]),
    "no product": (samples.write_snap, "20190105_*_ifg.dim", "Orbit_State", "x", [".dim"]),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILED)
def test_foreign_and_contradictory_files_are_refused(case, tmp_path):
    write, name, old, new, says = SPOILED[case]
    write(tmp_path)
    for path in sorted(tmp_path.glob(name)):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
    refused(tmp_path, *says)


def test_two_products_of_one_pair_are_refused(tmp_path):
    samples.write_gunw(tmp_path)
    path = sorted(tmp_path.glob("*.h5"))[0]
    shutil.copy(path, path.with_name(path.name.replace(".h5", "_again.h5")))
    refused(tmp_path, path.stem, "_again.h5", "is already in the stack")


# What a reader reads beside images.
METADATA = {".txt", ".par", ".xml", ".dim", ".PRM", ".dat", ".h5", ".yaml", ""}


@cache
def spoilable(name, folder):
    """Write a sample once, and return its metadata files and what is in them."""
    SAMPLES[name][0](folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    chosen = [path for path in files if path.suffix in METADATA][:: max(1, len(files) // 40)]
    return chosen, [path.read_bytes() for path in chosen]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.sampled_from(sorted(SAMPLES)),
    which=st.integers(0, 1000),
    cut=st.floats(0, 1),
    put=st.sampled_from(
        [b"", b"\xff\0", b"nan", b"-1e300", b"<a>", b"=:", b"99999999", b"{[", b"\n"]
    ),
    rest=st.booleans(),
)
@example(name="nisar_gslc", which=0, cut=0.0078125, put=b"\xff\0", rest=True)
def test_any_metadata_are_read_or_refused_in_one_line(
    name, which, cut, put, rest, tmp_path_factory
):
    """A file is cut off, or something else stands in its middle."""
    folder = spoiled_folder(name, tmp_path_factory)
    files, contents = spoilable(name, folder)
    path, content = files[which % len(files)], contents[which % len(files)]
    place = int(cut * len(content))
    path.write_bytes(content[:place] + put + (content[place + len(put) :] if rest else b""))
    try:
        look(folder)
    except InputError as error:
        assert "\n" not in str(error) and "expected" in str(error), error
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("name", SAMPLES)
def test_files_of_other_programs_are_read_or_refused_in_one_line(name, tmp_path_factory):
    """In place of a sample's own files stand those of others, whole and half of them."""
    files, contents = spoilable(name, spoiled_folder(name, tmp_path_factory))
    others = []
    for other in sorted({"gamma", "snap", "gmtsar", "miaplpy", "topsstack", "hyp3_scene"} - {name}):
        others += spoilable(other, spoiled_folder(other, tmp_path_factory))[1][:1]
    kinds = {path.suffix or path.name: number for number, path in enumerate(files)}
    for number, content in ((n, content) for n in kinds.values() for content in others):
        for foreign in (content, content[: len(content) // 2], b""):
            files[number].write_bytes(foreign)
            try:
                look(spoiled_folder(name, tmp_path_factory))
            except InputError as error:
                assert "\n" not in str(error) and "expected" in str(error), error
            finally:
                files[number].write_bytes(contents[number])


FOLDERS: dict[str, Path] = {}


def spoiled_folder(name, tmp_path_factory):
    """Return the folder of a sample to spoil, the same for all examples."""
    if name not in FOLDERS:
        FOLDERS[name] = tmp_path_factory.mktemp(name) / "data"
        FOLDERS[name].mkdir()
    return FOLDERS[name]


PAGES = {
    "dolphin": "dolphin", "opera": "opera", "isce2": "topsstack", "miaplpy": "miaplpy",
    "sarvey": "sarvey", "licsar": "licsar", "hyp3": "hyp3_burst", "gmtsar": "gmtsar",
    "snap": "snap", "gamma": "gamma", "nisar": "nisar_gslc", "mintpy": "mintpy",
}  # fmt: skip


def test_every_program_has_a_page():
    assert {path.stem for path in (ROOT / "docs" / "sources").glob("*.md")} == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_the_command_of_a_page_makes_a_config(page, tmp_path):
    text = (ROOT / "docs" / "sources" / f"{page}.md").read_text()
    command, run = re.findall(r"```bash\n(.+)\n(.+)\n```", text)[0]
    folder = command.split()[4]
    (tmp_path / folder).mkdir()
    SAMPLES[PAGES[page]][0](tmp_path / folder)
    python = f"{sys.executable} {command.removeprefix('python ')}"
    subprocess.run(
        python, shell=True, check=True, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
    )  # fmt: skip
    config = yaml.safe_load((tmp_path / "mine.yaml").read_text())
    # the runs themselves are above, of the same configs
    subprocess.run(
        f"{sys.executable} -m {run} --snakefile {ROOT / 'Snakefile'} --dry-run --quiet",
        shell=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert run.endswith("--configfile mine.yaml") and config["output_dir"] == f"results/{folder}"
    # the tables and rasters beside it are there
    for name in (config["baselines"]["csv"], config["geometry"]["incidence_angle_deg"]):
        assert not isinstance(name, str) or name.startswith("HDF5:") or (tmp_path / name).exists()
