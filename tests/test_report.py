"""The report: its numbers are those of the files, and a browser shows it whole at any width."""

import base64
import re
import runpy
import shutil
from html.parser import HTMLParser
from itertools import combinations

import h5py
import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml
from browser import CHROMIUM, in_browser, screenshot
from emcflow.io.raster import Grid, write_raster
from emcflow.network.networks import hop3_network, planar_network
from emcflow.products.closure import largest_of_cells, loop_closure
from emcflow.report.data import RuleUse
from emcflow.report.explorer import explorer_data
from emcflow.report.figures.maps import map_frame
from emcflow.report.figures.phases import PHASE_LEVELS, phase_picture
from emcflow.report.reading import RunFiles, read_run, rule_table
from emcflow.report.sampling import Thinning, choose_points
from emcflow.report.words import percent
from emcflow.report.write import write_report
from rasterio.io import MemoryFile
from workflow import ROOT, outputs_of_the_page, read, run_whole, shares_right

CONFIG = {
    "output_dir": "city",
    "stack": {"layout": "simulate"},
    "link_model": {"dem_error_range_m": [-80, 80]},
    "tiles": {"points_per_tile": 2000, "max_tiles": 2},
    "outputs": {"time_series": True},
    "simulation": {"rows": 50, "cols": 80, "dates": 5, "span_days": 96, "seed": 4},
}
# Drawn by the script of the page.
MAPS = {
    *("velocity_mm_yr", "dem_error_m", "link_model_coherence", "temporal_coherence"),
    *("velocity_sigma_mm_yr", "dem_error_sigma_m"),
    *("series_velocity_mm_yr", "series_velocity_sigma_mm_yr"),
}
UTM = "EPSG:32631"


# Loops


def write_pairs(folder, phases, names):
    """Write one raster per pair and return the paths."""
    grid = Grid(phases[0].shape, UTM, (10.0, 0.0, 500e3, 0.0, -10.0, 90e3))
    paths = [folder / f"{name}.unw.tif" for name in names]
    for path, phase in zip(paths, phases, strict=True):
        write_raster(path, phase.astype(np.float32), grid, units="rad", description="phase")
    return paths


def test_loops_are_counted_as_by_hand(tmp_path):
    """More rows than a window, errors of whole cycles at known places, missing values."""
    rng = np.random.default_rng(3)
    network = hop3_network([f"202001{day:02d}" for day in (1, 7, 13, 19, 25)])
    shape = (530, 7)
    dates = rng.normal(0, 20, (network.ndates, *shape))
    pairs = np.array([dates[b] - dates[a] for a, b in network.pairs])
    pairs += 2 * np.pi * rng.choice([0, 0, 0, 0, 1, -3], pairs.shape)
    pairs[:, rng.random(shape) < 0.1] = np.nan
    pairs[2, :5] = np.nan
    value = dict(zip(map(tuple, network.pairs.tolist()), pairs, strict=True))
    loops = []
    for a, b, c in combinations(range(network.ndates), 3):
        if {(a, b), (b, c), (a, c)} <= value.keys():
            loops.append((value[a, b] + value[b, c] - value[a, c]) / (2 * np.pi))
    assert len(loops) == 7  # one more than the planar network has
    is_open = np.abs(loops) > 0.5

    found = loop_closure(write_pairs(tmp_path, pairs, network.pair_names), network, shape)
    np.testing.assert_array_equal(found.points, np.isfinite(loops).sum(axis=(1, 2)))
    np.testing.assert_array_equal(found.open_points, is_open.sum(axis=(1, 2)))
    assert found.share_closed == 1 - is_open.sum() / np.isfinite(loops).sum()
    per_point = np.pad(is_open.sum(axis=0), ((0, 1), (0, 2)))  # to whole cells of 3 x 3
    cells = per_point.reshape(177, 3, 3, 3).max(axis=(1, 3))
    np.testing.assert_array_equal(found.open_loops, is_open.sum(axis=0))
    np.testing.assert_array_equal(largest_of_cells(found.open_loops, 3), cells)
    assert found.open_points.min() > 0


def test_network_without_triangles_has_no_loops(tmp_path):
    network = planar_network(["20200101", "20200107"], pairs=[(0, 1)])
    paths = write_pairs(tmp_path, np.zeros((1, 4, 4)), network.pair_names)
    assert np.isnan(loop_closure(paths, network, (4, 4)).share_closed)


# How a scene is drawn


def drawn(grid):
    """Return the corner values of an image as drawn, and its frame."""
    frame = map_frame(grid)
    image = np.arange(grid.shape[0] * grid.shape[1]).reshape(grid.shape)
    return frame.orient(image)[[0, 0, -1, -1], [0, -1, 0, -1]].tolist(), frame


@pytest.mark.parametrize(
    ("a", "e", "left", "top", "corners"),
    [
        (20.0, -10.0, 500e3, 90e3, [0, 3, 8, 11]),
        (20.0, 10.0, 500e3, 89970.0, [8, 11, 0, 3]),
        (-20.0, -10.0, 500080.0, 90e3, [3, 0, 11, 8]),
    ],
)
def test_north_is_up_and_east_is_right(a, e, left, top, corners):
    found, frame = drawn(Grid((3, 4), UTM, (a, 0.0, left, 0.0, e, top)))
    assert found == corners
    assert frame.extent == pytest.approx((500.0, 500.08, 89.97, 90.0))
    assert frame.height_to_width == pytest.approx(30 / 80)
    assert frame.metres == 1000
    assert frame.corners(0, 0, (3, 4)) == pytest.approx((left / 1000, top / 1000))
    assert frame.corners(3, 4, (3, 4)) == pytest.approx(
        ((left + 4 * a) / 1000, (top + 3 * e) / 1000)
    )


def test_degrees_have_their_length_at_the_latitude():
    found, frame = drawn(Grid((10, 10), "EPSG:4326", (0.01, 0.0, 11.0, 0.0, -0.01, 60.05)))
    assert found == [0, 9, 90, 99]
    assert frame.height_to_width == pytest.approx(2.0, rel=1e-3)
    assert frame.metres == pytest.approx(55_660, rel=1e-3)


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        (None, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)),
        (UTM, (7.0, 7.0, 500e3, 7.0, -7.0, 90e3)),
        ('LOCAL_CS["radar coordinates",UNIT["metre",1]]', (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)),
        ("EPSG:4978", (10.0, 0.0, 4e6, 0.0, -10.0, 3e5)),  # geocentric
        ("EPSG:5773", (10.0, 0.0, 4e6, 0.0, -10.0, 3e5)),  # vertical
    ],
)
def test_radar_and_rotated_grids_stay_rows_and_columns(crs, transform):
    found, frame = drawn(Grid((3, 4), crs, transform))
    assert found == [0, 3, 8, 11]
    assert frame.labels == ("column", "row")
    assert frame.metres is None
    assert frame.corners(3, 4, (3, 4)) == (4.0, 3.0)


def decode(png):
    """Return a PNG picture as (rows, cols, 4) of 0 to 255."""
    with MemoryFile(png) as file, file.open() as dataset:
        bands = dataset.read()
        if len(bands) > 1:
            return np.moveaxis(bands, 0, -1)
        palette = dataset.colormap(1)
        return np.array([palette[value] for value in range(len(palette))])[bands[0]]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_phase_pictures_are_cyclic_and_transparent_where_nothing_is():
    frame = map_frame(Grid((2, 61), UTM, (10.0, 0.0, 0.0, 0.0, 10.0, 0.0)))  # south is up
    ramp = np.linspace(-3, 21, 61)
    phase = np.stack([ramp, ramp + 2 * np.pi])
    phase[0, :3] = np.nan
    picture = phase_picture(phase, frame)
    wrapped, unwrapped = decode(picture.wrapped), decode(picture.unwrapped)
    assert wrapped.shape[:2] == unwrapped.shape[:2] == (2, 61)
    for image in (wrapped, unwrapped):
        assert (image[1, :3, 3] == 0).all()  # flipped: the first row is below
        assert (image[1, 3:, 3] == 255).all()
        assert len(np.unique(image.reshape(-1, 4), axis=0)) <= PHASE_LEVELS + 1
    np.testing.assert_array_equal(wrapped[0, 3:], wrapped[1, 3:])
    assert not np.array_equal(unwrapped[0, 3:], unwrapped[1, 3:])
    known = phase[np.isfinite(phase)]
    assert picture.limits == pytest.approx(tuple(np.percentile(known, (1, 99))))


# Numbers and choices


def test_per_cent_is_100_only_for_all():
    texts = {1: "100 %", 0: "0 %", 0.5: "50.0 %", 0.9996: "99.96 %", 0.999996: "> 99.999 %"}
    texts |= {1e-7: "< 0.001 %", float("nan"): "–"}
    assert {share: percent(share).replace("\u00a0", " ") for share in texts} == pytest.approx(texts)


def test_rules_add_up_their_jobs(tmp_path):
    head = "s\th:m:s\tmax_rss\n"
    jobs = {"unwrap_tile_00": "2.5\t0:00:02\t100", "unwrap_tile_01": "4\t0:00:04\tNA"}
    jobs |= {"network": "0.5\t0:00:00\t-", "report": "9\t0:00:09\t300"}
    for name, line in jobs.items():
        (tmp_path / f"{name}.tsv").write_text(f"{head}{line}\n")
    unwrap, network = rule_table(tmp_path)
    assert unwrap == RuleUse("unwrap_tile", jobs=2, seconds=6.5, longest=4.0, memory=100.0)
    assert network.name == "network"
    assert np.isnan(network.memory)
    assert rule_table(tmp_path / "none") == ()


# The page of a run


class Page(HTMLParser):
    """The parts of a page that are looked at: images, links, texts of elements with an id."""

    def __init__(self, text):
        super().__init__()
        self.images, self.links, self.ids, self.rows = [], [], {}, {}
        self._id = self._row = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.links += [attributes[key] for key in ("src", "href") if key in attributes]
        if tag == "img":
            self.images.append(attributes)
        if "id" in attributes:
            self._id = attributes["id"]
            self.ids[self._id] = ""
        if tag == "tr":
            self._row = self.rows.setdefault(attributes.get("data-pair", len(self.rows)), [])
        if tag in ("td", "th") and self._row is not None:
            self._row.append("")

    def handle_endtag(self, tag):
        self._id = None
        if tag == "tr":
            self._row = None

    def handle_data(self, data):
        if self._id:
            self.ids[self._id] += data
        if self._row:
            self._row[-1] += data


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Folder of the results of a small city in two tiles."""
    folder = tmp_path_factory.mktemp("report")
    run_whole(folder, CONFIG)
    return folder / "city"


@pytest.fixture(scope="module")
def page(city):
    return Page((city / "report.html").read_text("utf-8"))


def unwrapped(city):
    return {path.name[:17]: read(path) for path in sorted((city / "unwrapped").glob("*.unw.tif"))}


def tiles_of(city, folder, name):
    """Return one array of all tiles."""
    arrays = []
    for path in sorted((city / folder).glob("*.h5")):
        with h5py.File(path) as file:
            arrays.append(file[name][...])
    return arrays


def test_headline_of_what_was_run(city, page):
    pairs = unwrapped(city)
    (points,) = {int(np.isfinite(phase).sum()) for phase in pairs.values()}
    assert page.ids["points"] == f"{points:,}"
    assert page.ids["dates"] == "5"
    assert page.ids["pairs"] == str(len(pairs)) == "9"
    assert page.ids["size"] == "50 × 80"


def test_headline_of_how_good(city, page):
    simulation = city / "simulation"
    shares = shares_right(
        city / "unwrapped",
        simulation / "truth" / "timeseries_unw.tif",
        simulation / "stack" / "temporal_coherence.tif",
    )
    assert page.ids["share_right"] == percent(np.mean(list(shares.values())))
    coherence = np.concatenate(tiles_of(city, "links", "link_coherence"))
    assert float(page.ids["link_coherence"]) == pytest.approx(np.median(coherence), abs=0.006)
    residues = sum(tiles_of(city, "unwrap", "statistics/residues"))
    assert page.ids["residues"] == f"{np.median(residues):,.0f}"
    with h5py.File(city / "merge" / "overlaps.h5") as file:
        agree = file["agreement"][...].astype(float) * file["common_points"][...][:, np.newaxis]
        assert len(agree) > 0
        expected = agree.sum() / (file["common_points"][...].sum() * agree.shape[1])
    assert page.ids["agreement"] == percent(expected)


def test_headline_of_loops(city, page):
    pairs = unwrapped(city)
    dates = sorted({name[:8] for name in pairs} | {name[9:] for name in pairs})
    listed = [
        each
        for each in combinations(sorted(dates), 3)
        if {"_".join(pair) for pair in combinations(each, 2)} <= pairs.keys()
    ]
    open_points = total = 0
    for a, b, c in listed:
        loop = pairs[f"{a}_{b}"] + pairs[f"{b}_{c}"] - pairs[f"{a}_{c}"]
        total += np.isfinite(loop).sum()
        open_points += (np.abs(loop) > np.pi).sum()
    assert len(listed) == 3 * len(dates) - 8
    assert page.ids["loops"] == percent(1 - open_points / total)


def test_quality_layers_are_those_of_the_files(city):
    pairs = unwrapped(city)
    table = pd.read_csv(city / "quality" / "pairs.csv", index_col="pair")
    assert list(table.index) == list(pairs)
    listed = pd.read_csv(city / "network" / "triangles.csv", dtype=str).to_numpy()
    open_loops, of_pair = 0, dict.fromkeys(pairs, 0)
    for a, b, c in np.sort(listed, axis=1):
        names = f"{a}_{b}", f"{b}_{c}", f"{a}_{c}"
        loop = np.abs(pairs[names[0]] + pairs[names[1]] - pairs[names[2]]) > np.pi
        open_loops = open_loops + loop
        for name in names:
            of_pair[name] += loop.sum()
    assert table["open_loops"].to_dict() == of_pair
    points = np.isfinite(next(iter(pairs.values())))
    layer = read(city / "quality" / "open_loops.tif")
    np.testing.assert_array_equal(layer, np.where(points, open_loops, 65535))
    diffs = [read(path) for path in (city / "unwrapped" / "quality").glob("*_diff.tif")]
    seams = read(city / "quality" / "seam_difference_rad.tif")
    np.testing.assert_array_equal(seams, np.max(diffs, axis=0))
    crossings = tiles_of(city, "unwrap", "statistics/crossings")
    ends = 2 * sum(tiles_of(city, "unwrap", "statistics/flow_links")).sum()
    assert sum(own.sum() for own in crossings) == ends > 0
    layer = read(city / "quality" / "flow_crossings.tif")
    assert layer[points].max() == max(own.max() for own in crossings)
    assert (layer[~points] == 65535).all()
    cost = sum(tiles_of(city, "unwrap", "statistics/cost"))
    np.testing.assert_array_equal(table["flow_cost"], cost)
    assert (table["valid_share"] == 1).all()
    assert (table["seam_00"] <= table["seam_100"]).all()


def test_sigma_comes_from_the_residual_phase(city):
    """The variance of a point is a mean of its own, of 2 contrasts of 5 dates, and the scene's."""
    residual = read(city / "quality" / "residual_phase_rad.tif")
    (design,) = tiles_of(city, "links", "design")[:1]
    columns = design - design.mean(axis=0)
    unit = np.sqrt(np.diag(np.linalg.inv(columns.T @ columns)))
    for name, factor in zip(("velocity_sigma_mm_yr", "dem_error_sigma_m"), unit, strict=True):
        sigma = read(city / f"{name}.tif")
        assert (np.isfinite(sigma) == np.isfinite(read(city / "velocity_mm_yr.tif"))).all()
        known = np.isfinite(sigma)
        own, variance = residual[known] ** 2, (sigma[known] / factor) ** 2
        slope, of_scene = np.polyfit(own, variance, 1)
        np.testing.assert_allclose(variance, of_scene + slope * own, rtol=1e-3)
        # 2 / (degrees of freedom of the scene), which are at most five times those of a point
        assert 2 / 10 - 1e-3 <= slope < 1 and of_scene > 0
    raw = read(city / "link_model_coherence.tif")
    unbiased = read(city / "quality" / "link_coherence_unbiased.tif")
    assert (unbiased[np.isfinite(raw)] <= raw[np.isfinite(raw)] + 1e-6).all()


def test_table_of_pairs(city, page):
    residues = sum(tiles_of(city, "unwrap", "statistics/residues"))
    flows = sum(tiles_of(city, "unwrap", "statistics/flow_links"))
    bperp = pd.read_csv(city / "network" / "baselines.csv", dtype={"date": str})
    bperp = bperp.set_index("date")["bperp_m"]
    head = [title for row in page.rows.values() for title in row if row[0] == "Interferogram"]
    for number, name in enumerate(unwrapped(city)):
        cells = dict(zip(head, page.rows[name], strict=True))
        first, second = name.split("_")
        assert cells["Residues"] == f"{residues[number]:,}"
        assert cells["Links changed"] == f"{flows[number]:,}"
        assert float(cells["Baseline [m]"]) == pytest.approx(
            bperp[second] - bperp[first], abs=0.051
        )
        days = (pd.Timestamp(second) - pd.Timestamp(first)).days
        assert cells["Days"] == str(days)


def test_table_of_rules(city, page):
    measured = pd.Series(
        [re.sub(r"_\d+$", "", p.stem) for p in (city / "benchmarks").glob("*.tsv")]
    )
    made_beside = ["report", "recommended_mask"]
    jobs = measured[~measured.isin(made_beside)].value_counts().to_dict()
    assert {row[0]: int(row[1]) for row in page.rows.values() if row[0] in jobs} == jobs


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_every_picture_is_there_and_shows_something(city, page):
    prefix = "data:image/png;base64,"
    embedded = [image for image in page.images if "src" in image]
    assert all(image["src"].startswith(prefix) and image["alt"] for image in embedded)
    shown = {base64.b64decode(image["src"].removeprefix(prefix)) for image in embedded}
    files = {path: path.read_bytes() for path in (city / "figures").rglob("*.png")}
    by_the_script = {path for path in files if path.parent.name == "interferograms"}
    by_the_script |= {path for path in files if path.stem in MAPS}
    assert shown == {png for path, png in files.items() if path not in by_the_script}
    for path, png in files.items():
        colours = np.unique(np.ascontiguousarray(decode(png), np.uint8).view(np.uint32))
        assert len(colours) > 8, path
    names = {path.stem for path in (city / "figures").glob("*.png")}
    assert names >= {
        *MAPS,
        *("network", "tiles", "link_coherence", "point_coherence"),
        *("residues", "flows", "share_right", "seams"),
    }
    pairs = {f"{pair}_{kind}" for pair in unwrapped(city) for kind in ("wrapped", "unwrapped")}
    assert {path.stem for path in (city / "figures" / "interferograms").iterdir()} == pairs


def test_page_needs_nothing_from_outside(city, page):
    assert all(link.startswith(("data:", "#")) for link in page.links)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    text = (city / "report.html").read_text("utf-8")
    assert not re.search(r"https?://|@import|url\(|fetch\(|XMLHttpRequest", text)


def test_page_says_signs_config_and_versions(city):
    text = (city / "report.html").read_text("utf-8")
    with rasterio.open(city / "velocity_mm_yr.tif") as dataset:
        assert dataset.tags()["SIGN"] in text
    assert "dem_error_range_m:" in text
    assert "temporal_coherence.tif" in text
    assert np.__version__ in text


def test_page_says_which_hypothesis_each_tile_took(city, page):
    taken = []
    for path in sorted((city / "unwrap").glob("*.h5")):
        with h5py.File(path) as file:
            taken.append(file.attrs["hypothesis"])
    assert len(taken) == 2
    line = page.ids["hypothesis"]
    for name in taken:
        tiles = [f"{tile:02d}" for tile, other in enumerate(taken) if other == name]
        where = "2 tiles" if len(tiles) == 2 else f"1 tile: {tiles[0]}"
        assert f"{name} ({where})" in line


def test_the_page_of_outputs_names_every_file(city):
    unnamed, missing = outputs_of_the_page(city)
    assert unnamed == set()
    asked_for = (
        "timeseries/",
        "exports/",
        "filled/",
        "gnss/",
        "network/given",
        "stack/metadata",
        "stack/described",
        "annual_",
        "step_",
        "thermal_",
        "update/",
    )
    assert {name for name in missing if not name.startswith((*asked_for, "NAME.qml"))} == set()


def run_files(city, **others):
    """Return what the report needs of a run, whose link model can be left out."""
    simulation = city / "simulation"
    return RunFiles(
        **{
            "stack": city / "stack" / "stack.json",
            "tiles": city / "tiles" / "tiles.json",
            "network": city / "network" / "network.csv",
            "triangles": city / "network" / "triangles.csv",
            "coherence": simulation / "stack" / "temporal_coherence.tif",
            "interferograms": sorted((city / "unwrapped").glob("*.unw.tif")),
            "probabilities": sorted((city / "unwrapped").glob("*.unw.pwrong.tif")),
            "mesh": sorted((city / "mesh").glob("*.h5")),
            "unwrapped": sorted((city / "unwrap").glob("*.h5")),
            "overlaps": city / "merge" / "overlaps.h5",
            "pairs": city / "quality" / "pairs.csv",
            "loops": city / "quality" / "loops.csv",
            "open_loops": city / "quality" / "open_loops.tif",
            "benchmarks": city / "benchmarks",
        }
        | others
    )


def test_without_link_model_its_sections_are_left_out(city, tmp_path):
    config = {"output_dir": "plain", "stack": {"min_temporal_coherence": 0.6}}
    html = tmp_path / "report.html"
    unwrapped = []
    for path in sorted((city / "unwrap").glob("*.h5")):
        unwrapped.append(shutil.copy(path, tmp_path))
        with h5py.File(unwrapped[-1], "r+") as file:
            file.attrs["hypothesis"] = "zero"
    write_report(run_files(city, unwrapped=unwrapped), config, [], html, tmp_path / "figures")
    page, text = Page(html.read_text("utf-8")), html.read_text("utf-8")
    names = {path.stem for path in (tmp_path / "figures").glob("*.png")}
    assert {"temporal_coherence", "tiles", "residues", "seams"} <= names
    assert not names & {"velocity_mm_yr", "dem_error_m", "network", "link_coherence", "share_right"}
    assert "link_coherence" not in page.ids
    assert "share_right" not in page.ids
    for word in ("DEM error", "Velocity", "Baseline"):
        assert word not in text
    assert page.ids["hypothesis"] == "Hypothesis: zero (2 tiles)."


def test_misfits_of_baselines_are_drawn_where_there_are_any(city, tmp_path):
    misfit = pd.read_csv(city / "network" / "baseline_misfit.csv")
    misfit.loc[3, "misfit_m"] = -1.25
    misfit.to_csv(tmp_path / "misfit.csv", index=False)
    config = {"output_dir": "plain", "stack": {"min_temporal_coherence": 0.6}}
    files = run_files(
        city, baselines=city / "network" / "baselines.csv", misfit=tmp_path / "misfit.csv"
    )
    write_report(files, config, [], tmp_path / "report.html", tmp_path / "figures")
    assert (tmp_path / "figures" / "baseline_misfit.png").exists()
    assert "the largest is 1.250 m" in (tmp_path / "report.html").read_text("utf-8")


# Points one by one


def read_again(city, **others):
    """Read the run as its report has it, with the time series or without."""
    settings = next((city / "records").glob("settings_*.yaml")).read_text()
    files = {
        "references": city / "merge" / "references.csv",
        "design": city / "network" / "design_matrix.csv",
        "dates": city / "quality" / "dates.csv",
        "baselines": city / "network" / "baselines.csv",
        "misfit": city / "network" / "baseline_misfit.csv",
        "parameters": {name: city / f"{name}.tif" for name in ("velocity_mm_yr", "dem_error_m")},
        "layers": {"open_loops": city / "quality" / "open_loops.tif"},
    }
    return read_run(run_files(city, **files, **others), yaml.safe_load(settings), [])


def test_series_are_those_of_the_rasters_with_and_without_them(city):
    rasters = sorted((city / "timeseries").glob("2*.tif"))
    samples = read_again(city, displacements=rasters).samples
    assert samples.from_rasters and samples.model.unit == "mm"
    assert samples.model.of_series == ("velocity_mm_yr",)  # the DEM error is taken out
    at = tuple(samples.points.T)
    for row, path in zip(samples.series[1:], rasters, strict=True):
        np.testing.assert_allclose(row, 1e3 * read(path)[at], rtol=1e-6)
    assert (samples.series[0] == 0).all()
    np.testing.assert_array_equal(samples.values["dem_error_m"], read(city / "dem_error_m.tif")[at])
    inverted = read_again(city).samples
    assert not inverted.from_rasters
    np.testing.assert_allclose(inverted.series, samples.series, atol=2e-3)


def test_the_probability_of_a_wrong_cycle_is_shown_where_it_is(city, tmp_path):
    run = read_again(city)
    made = read(sorted((city / "unwrapped").glob("*.unw.pwrong.tif"))[2])
    expected = np.where(np.isnan(run.phases[2]), np.nan, made)
    np.testing.assert_array_equal(run.wrong[2], expected)
    data = explorer_data(run)
    layer = data["pairLayers"][-1]
    assert (layer["name"], layer["low"], layer["high"]) == ("wrong", 0, 40)
    assert layer["colours"] == "cividis"  # bright where it is good, as of coherence and in QGIS
    assert all("wrong" in pair for pair in data["pairs"])


def test_few_points_are_chosen_evenly_and_the_reference_with_them():
    rng = np.random.default_rng(1)
    is_point = rng.random((90, 120)) < 0.3
    is_point[:30] = False
    is_point[77, 11] = True
    chosen = choose_points(is_point, 200, [(77, 11), (0, 0)])
    assert 100 < len(chosen) <= 201
    assert is_point[tuple(chosen.T)].all()
    assert [77, 11] in chosen.tolist()
    np.testing.assert_array_equal(chosen, np.unique(chosen, axis=0))
    quarters = np.histogram2d(*chosen.T, bins=2, range=[[30, 90], [0, 120]])[0]
    assert quarters.min() > 0.7 * quarters.max()
    np.testing.assert_array_equal(choose_points(is_point, 10**5), np.argwhere(is_point))


def test_rasters_are_thinned_as_gdal_does_strip_by_strip(tmp_path):
    image = np.random.default_rng(2).random((1100, 37)).astype(np.float32)
    grid = Grid(image.shape, UTM, (10.0, 0.0, 500e3, 0.0, -10.0, 90e3))
    write_raster(tmp_path / "a.tif", image, grid, units="1", description="noise")
    points = np.array([[0, 3], [511, 36], [512, 0], [1099, 5]], np.int32)
    thin, values = Thinning(image.shape, points).read(tmp_path / "a.tif", 7)
    with rasterio.open(tmp_path / "a.tif") as dataset:
        np.testing.assert_array_equal(thin, dataset.read(1, out_shape=(158, 6)))
    np.testing.assert_array_equal(values, image[tuple(points.T)])


# In a browser

USE = """
const skip = page.querySelector("a");
const left = () => skip.getBoundingClientRect().left;
found.skip = [left()];
skip.focus();
found.skip.push(left(), Boolean(page.querySelector(skip.hash)));
at("map").scrollIntoView({ block: "center" });
await wait(50);
click(0.5, 0.5);
await wait(50);
found.one = { facts: cells("point-facts"), series: cells("series"), place: window.location.hash };
found.readout = at("readout").textContent;
found.legend = at("legend").textContent;
found.dots = at("plot").querySelectorAll("circle").length;
click(0.3, 0.2, { shiftKey: true });
await wait(50);
found.two = { facts: cells("point-facts"), series: cells("series"), place: window.location.hash };
const table = at("point-facts").closest(".scroll");
found.table = [table.scrollWidth, table.clientWidth];
press(at("map"), "Escape");
at("map").focus();
for (const key of ["+", "ArrowLeft", "ArrowUp", "Enter"]) press(at("map"), key);
await wait(50);
found.keys = window.location.hash;
found.cursor = at("readout").textContent;
press(at("map"), "0");
choose("layer", "velocity_mm_yr");
const pixels = () => at("map").toDataURL();
const seen = {};
for (const layer of [...at("layer").options].map((option) => option.value)) {
  choose("layer", layer);
  await wait(100);
  seen[layer] = pixels();
}
found.layers = Object.keys(seen).length;
found.looks = new Set(Object.values(seen)).size;
choose("layer", "velocity_mm_yr");
choose("grey", true);
await wait(100);
found.greyed = pixels() !== seen.velocity_mm_yr;
choose("grey", false);
choose("other", "dem_error_m");
choose("swipe", 50);
await wait(100);
found.swiped = window.location.hash;
found.mixed = pixels() !== seen.velocity_mm_yr && pixels() !== seen.dem_error_m;
const state = () => [at("layer").value, at("pair-title").textContent, Number(at("slider").value),
  page.querySelector(".pair[aria-current]").id];
const steps = [() => at("next").click(), () => press(page.body, "ArrowRight"),
  () => press(page.body, "ArrowLeft"), () => choose("slider", 4),
  () => page.querySelectorAll(".pair")[2].click(),
  () => page.querySelector("tr[data-pair] button").click()];
choose("other", "");
found.pairs = [];
for (const step of steps) {
  step();
  await wait(30);
  found.pairs.push(state());
}
found.tile = [at("pair-tile").textContent, at("pair-tile").hidden];
at("pair-tile").click();
found.tiled = at("tiles-shown").checked;
const link = page.querySelector('a[href="#pair-table"]');
found.linked = Boolean(link);
if (link) {
  link.click();
  await wait(100);
  found.opened = at("pair-table").open;
}
for (const folded of page.querySelectorAll("details")) folded.open = true;
await wait(100);
at("thumbs").scrollIntoView();
await wait(300);
found.thumbs = page.querySelectorAll("canvas[data-drawn]").length;
const column = () => cells("pairs-in-numbers").slice(1).map((row) => row[3]);
page.querySelectorAll("#pairs-in-numbers thead button")[3].click();
found.falling = column();
page.querySelectorAll("#pairs-in-numbers thead button")[3].click();
found.rising = column();
choose("with-date", at("with-date").options[1].value);
found.filtered = [...page.querySelectorAll(".pair:not([hidden])")].map((each) => each.id);
found.undrawn = [...page.images].filter((image) => !(image.complete && image.naturalWidth
  && image.clientWidth > 20)).map((image) => image.alt);
found.widths = [page.documentElement.scrollWidth, page.documentElement.clientWidth];
found.figures = [...page.querySelectorAll("figure img")].map((image) => image.clientWidth);
found.unnamed = [...page.querySelectorAll("input, select, button")].filter(
  (each) => !(each.labels?.length || each.ariaLabel || each.textContent.trim()));
"""


def number_of(text):
    """Return a number of the page."""
    return float(text.replace("−", "-").split()[0])


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: the report is not seen in a browser")
@pytest.mark.parametrize("width", [1400, 1280, 400])
def test_browser_shows_points_layers_and_pairs(city, tmp_path, width):
    found, console = in_browser(city / "report.html", tmp_path, USE, width)
    assert console == []
    assert "error" not in found
    away, shown, leads = found["skip"]
    assert away < 0 < shown and leads
    rasters = sorted((city / "timeseries").glob("2*.tif"))
    places = {}
    for name in ("one", "two"):
        (row, col), *other = re.findall(r"(?:point|second)=(\d+),(\d+)", found[name]["place"])
        places[name] = [(int(row), int(col)), *((int(r), int(c)) for r, c in other)]
    (place,) = places["one"]
    assert abs(place[0] - 25) <= 1 and abs(place[1] - 40) <= 1
    assert f"row {place[0]}, column" in found["readout"] or place != (25, 40)
    series = [0.0, *(1e3 * read(path)[place] for path in rasters)]
    shown = [number_of(row[1]) for row in found["one"]["series"]]
    np.testing.assert_allclose(shown, series, atol=6e-4)
    assert found["dots"] == len(series)
    assert "Zero is the median." in found["legend"]
    dates = pd.read_csv(city / "quality" / "dates.csv")["sigma_mm_per_rad"]
    residual = read(city / "quality" / "residual_phase_rad.tif")[place]
    sigmas = [number_of(row[3]) for row in found["one"]["series"]]
    np.testing.assert_allclose(sigmas, dates * residual, atol=6e-4)
    facts = {row[0]: row[1:] for row in found["one"]["facts"]}
    assert facts["Row, column"] == ["{}, {}".format(*place)]
    for title, name in (("Velocity [mm/yr]", "velocity_mm_yr"), ("DEM error [m]", "dem_error_m")):
        value = read(city / f"{name}.tif")[place]
        assert number_of(facts[title][0]) == pytest.approx(value, abs=6e-3)
    line = np.array([number_of(row[2]) for row in found["one"]["series"]])
    days = pd.to_datetime([path.stem[9:] for path in rasters]) - pd.Timestamp(rasters[0].stem[:8])
    reference = tuple(pd.read_csv(city / "merge" / "references.csv").loc[0, ["row", "col"]])
    velocity = read(city / "velocity_mm_yr.tif")
    slope = (velocity[place] - velocity[reference]) / 365.25
    np.testing.assert_allclose(np.diff(line), slope * np.diff([0, *days.days]), atol=2e-3)
    assert line.mean() == pytest.approx(np.mean(series), abs=2e-3)

    first, second = places["two"]
    differences = [0.0, *(1e3 * (read(p)[first] - read(p)[second]) for p in rasters)]
    shown = [number_of(row[1]) for row in found["two"]["series"]]
    np.testing.assert_allclose(shown, differences, atol=1e-3)
    assert found["two"]["facts"][0] == ["", "1", "2", "1 − 2"]
    assert {len(row) for row in found["two"]["facts"]} == {4}
    assert found["table"][0] <= found["table"][1]  # its last column is seen
    assert "zoom=2" in found["keys"] and "second" not in found["keys"]
    assert "row" in found["cursor"]

    # all loops close and all tiles agree: these two are alike
    assert found["looks"] >= found["layers"] - 1 >= 15
    assert found["greyed"] and found["mixed"]
    assert "with=dem_error_m" in found["swiped"] and "swipe=0.5" in found["swiped"]

    names = list(unwrapped(city))
    assert [state[2] for state in found["pairs"]] == [1, 2, 1, 4, 2, 0]
    for layer, title, number, pair in found["pairs"]:
        assert layer == "unwrapped"
        assert pair == f"pair-{names[number]}"
        assert title.replace("-", "") == names[number].replace("_", " to ")
    residues = [array[0] for array in tiles_of(city, "unwrap", "statistics/residues")]
    if max(residues) > 0:
        assert found["tile"] == [f"Most residues in tile {np.argmax(residues)}", False]
        assert found["tiled"]
    suspects = pd.read_csv(city / "quality" / "pairs.csv")["suspect"].sum()
    assert found["linked"] == (suspects > 0)
    assert not suspects or found["opened"]
    assert found["thumbs"] == 2 * len(names)
    falling = [int(text.replace(",", "")) for text in found["falling"]]
    assert falling == sorted(falling, reverse=True)
    assert [int(text.replace(",", "")) for text in found["rising"]] == falling[::-1]
    dates = sorted({date for name in names for date in name.split("_")})
    assert found["filtered"] == [f"pair-{name}" for name in names if dates[0] in name]

    assert found["undrawn"] == found["unnamed"] == []
    assert found["widths"][0] <= found["widths"][1] <= width
    assert min(found["figures"]) > (500 if width > 1000 else 340)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: the report is not seen in a browser")
@pytest.mark.parametrize("width", [1400, 400])
def test_a_picture_of_the_page_has_maps_in_colour(city, tmp_path, width):
    """The map of the explorer, of two layers, takes a good part of the first screen."""
    picture = tmp_path / "page.png"
    place = "#see&layer=velocity_mm_yr&with=dem_error_m&swipe=0.5"
    assert screenshot(city / "report.html", tmp_path, picture, width, 900, place) == []
    image = matplotlib.image.imread(picture)[..., :3]
    assert image.shape[:2] == (900, width)
    coloured = np.ptp(image, axis=2) > 0.15
    assert coloured.mean() > 0.03


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: the report is not seen in a browser")
@pytest.mark.parametrize("dark", [True, False])
def test_a_dark_page_has_nothing_white_that_is_large(city, tmp_path, dark):
    picture = tmp_path / "page.png"
    assert screenshot(city / "report.html", tmp_path, picture, 1280, 5000, dark=dark) == []
    brightness = matplotlib.image.imread(picture)[..., :3].mean(axis=2)
    assert ((brightness > 0.85).mean() > 0.5) != dark
    assert not dark or (brightness > 0.85).mean() < 0.03


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: the report is not seen in a browser")
def test_the_picture_of_the_documentation_is_that_of_the_explorer(city, tmp_path):
    names = runpy.run_path(str(ROOT / "docs" / "screenshot.py"))
    picture = tmp_path / "explorer.png"
    place = names["PLACE"].replace("104,109", "20,30")
    assert names["draw_explorer"](city / "report.html", picture, place) == []
    image = matplotlib.image.imread(picture)[..., :3]
    shown = matplotlib.image.imread(ROOT / names["PICTURE"])
    assert image.shape[1] == shown.shape[1] > 1000
    assert (np.ptp(image, axis=2) > 0.15).mean() > 0.1


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: the report is not seen in a browser")
def test_a_link_keeps_place_and_layer(city, tmp_path):
    place = "#see&layer=dem_error_m&with=wrapped&swipe=0.25&x=0.3&y=0.4&zoom=4&point=30,40"
    script = """
    found.layers = [at("layer").value, at("other").value, at("swipe").value];
    found.facts = cells("point-facts");
    found.place = window.location.hash;
    """
    found, console = in_browser(city / "report.html", tmp_path, script, 1280, place)
    assert console == []
    assert found["layers"] == ["dem_error_m", "wrapped", "25"]
    assert found["facts"][0][1] == "30, 40"
    kept = dict(each.split("=") for each in found["place"].split("&")[1:])
    wanted = dict(each.split("=") for each in place.split("&")[1:])
    assert kept.keys() == wanted.keys()
    for key in ("x", "y", "zoom", "swipe"):
        assert float(kept[key]) == float(wanted[key])
