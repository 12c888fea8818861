"""What the pages of the documentation show works as it is shown."""

import os
import re
import runpy
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from emcflow.io.baselines import read_baselines
from emcflow.io.stack import coherent_points, find_stack, read_phase
from emcflow.products.simulate import simulate_stack
from emcflow.workflow.memory import predicted_mb
from workflow import ROOT, code_blocks

GEOMETRY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0}


def code_of(page, word):
    """Return the Python block of a page that holds a word."""
    return next(block for block in code_blocks(page) if word in block)


@pytest.fixture
def miaplpy(tmp_path, monkeypatch):
    """A city as MiaplPy's phase_series.h5 holds it: phase of date * conj(first)."""
    city = simulate_stack({"rows": 30, "cols": 40, "dates": 5}, **GEOMETRY)
    path = tmp_path / "miaplpy" / "inverted" / "phase_series.h5"
    path.parent.mkdir(parents=True)
    with h5py.File(path, "w") as file:
        file["phase"] = -np.angle(city.stack).astype(np.float32)
        file["temporalCoherence"] = np.stack([city.temporal_coherence - 2, city.temporal_coherence])
        file["date"] = np.array(city.dates, dtype="S8")
        file["bperp"] = city.bperp_m.astype(np.float32)
    monkeypatch.chdir(tmp_path)
    return city


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_series_of_miaplpy_becomes_a_stack_with_the_sign_of_reference_times_conj(miaplpy):
    exec(code_of("your_data.md", "phase_series.h5"), {})
    stack = find_stack("data/my_city", "slc")
    assert stack.dates == miaplpy.dates
    mask = coherent_points(stack.coherence, 0.6)
    phase, valid = read_phase(stack, mask, (0, 0, *mask.shape))
    assert valid.all()
    turned = np.exp(1j * phase) * np.conj(miaplpy.stack[:, mask])
    assert np.abs(np.angle(turned)).max() < 1e-5
    baselines = read_baselines("data/my_city/baselines.csv", stack.dates)
    assert baselines.bperp_m == pytest.approx(miaplpy.bperp_m, abs=1e-3)


def test_the_memory_of_the_page_is_that_of_the_rules():
    text = (ROOT / "docs" / "ranges_and_tiles.md").read_text()
    equation = re.search(r"^M = .*$", text, re.M)[0]
    base, point, date, pair, thread = map(int, re.findall(r"\d+", equation))
    page = base + 0.6 * (point + 30 * date + 84 * pair + 8 * thread)
    assert predicted_mb("unwrap_tile", 600_000, 0, 30, 84, 8) == pytest.approx(page, abs=1)
    assert f"takes {page / 1000:.1f} GB" in text.replace("\n", " ")


def test_the_figures_are_drawn_and_show_what_their_captions_say(tmp_path, capsys):
    names = runpy.run_path(str(ROOT / "docs" / "figures.py"))
    names["main"].__globals__["IMAGES"] = tmp_path
    names["main"]()
    printed = capsys.readouterr().out
    images = {path.name for path in tmp_path.iterdir()}
    assert images == {"periodogram.png", "network.png", "residues.png", "seam.png"}
    method = (ROOT / "docs" / "method.md").read_text()
    assert all(f"(images/{name})" in method for name in images)
    assert "baseline of 123 m" in method.replace("\n", " ")
    assert "bperp 123 m" in printed
    without, about = (int(number) for number in re.findall(r": (\d+) residues", printed))
    assert about < 0.1 * without


def build_site(folder):
    """Build the documentation of a copy of what it is made of; return the process."""
    for name in ("docs", "config", "examples", "scripts", "rules", "mkdocs.yml", "Snakefile"):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", "../site"]
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=env)


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("library.md", "--8<-- ", "--8 < --", "library.md shows a snippet's mark"),
        ("library.md", "unwrap_arrays.py", "no_such.py", "no_such.py"),
        (".nav.yml", "      - scale.md\n", "", "in no group of docs/.nav.yml: scale.md"),
        (".nav.yml", "- scale.md", "- scale.md\n      - no_such.md", "no_such.md"),
    ],
)
def test_the_site_is_not_built_where_a_snippet_or_a_page_is_missing(tmp_path, name, old, new, says):
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "docs", copy / "docs")
    page = copy / "docs" / name
    assert old in page.read_text()
    page.write_text(page.read_text().replace(old, new))
    process = build_site(copy)
    assert process.returncode != 0
    assert says in process.stdout + process.stderr


def test_the_site_shows_the_example_and_marks_tables_of_prose(tmp_path):
    (tmp_path / "copy").mkdir()
    process = build_site(tmp_path / "copy")
    assert process.returncode == 0, process.stdout + process.stderr
    text = re.sub(r"<[^>]*>", "", (tmp_path / "site" / "library" / "index.html").read_text())
    assert "result = unwrap_points(phase, points, city.dates" in text
    keys = (tmp_path / "site" / "configuration" / "index.html").read_text()
    (row,) = re.findall("<tr>\\s*<td[^>]*><code>stack.directory</code>.*?</tr>", keys, re.S)
    assert re.findall("data-head=.(\\w+)", row) == ["key", "default", "unit", "effect"]
    numbers = (tmp_path / "site" / "benchmarks" / "index.html").read_text()
    assert "<table" in numbers and "data-head" not in numbers


def test_what_belongs_to_an_item_of_a_list_is_indented_for_the_site():
    """By four spaces: with fewer MkDocs ends the list and shows commands in it as prose."""
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "config" / "README.md"]
    found = []
    for page in pages:
        outside = re.sub(r"^( *)```.*?^\1```$", "", page.read_text(), flags=re.M | re.S)
        found += [(page.name, line) for line in re.findall(r"\n\n( {1,3}[^ ].*)", outside)]
    assert found == []
