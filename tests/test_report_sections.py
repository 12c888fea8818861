"""The sections of the report and its sentences, from numbers made by hand."""

import ast
import base64
import json
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from browser import CHROMIUM, in_browser, seconds_to_open
from emcflow.io.raster import Grid
from emcflow.links import cycle_model
from emcflow.network.networks import hop3_network
from emcflow.products.closure import Closure, all_triangles
from emcflow.report import explorer, sections, words
from emcflow.report.album import Album, Drawn
from emcflow.report.data import (
    COHERENCE_BINS,
    Baselines,
    CoherenceCounts,
    DateModel,
    Links,
    Parameter,
    RuleUse,
    RunData,
    Samples,
    Scene,
)
from emcflow.report.packing import Packer
from emcflow.report.pictures import PARAMETER_TEXTS, all_pictures, parameter_picture
from emcflow.report.template import fill
from emcflow.report.thinning import MAP_PIXELS, PAIR_PIXELS, picture_step, thin_shape
from emcflow.tiles.overlaps import Overlaps
from emcflow.unwrap.hypotheses import SUFFIXES
from workflow import ROOT

DATES = ["20200101", "20200113", "20200125"]
NBINS = len(COHERENCE_BINS) - 1
PAGE = re.compile(r"\(((?:docs/|config/)\w+\.md)(?:, ([A-Z][\w ]+))?\)")


def overlaps(*links):
    """Two tiles of 60 and 40 points, joined by links with an agreement in each of three pairs."""
    n = len(links)
    nodes = np.array([[0, 0], [1, 0], [1, 2]][: max(n + 1, 2)], np.int32)
    return Overlaps(
        nodes=nodes,
        node_points=np.array([60, 40, 10])[: len(nodes)],
        links=np.array([(0, 1 + i) for i in range(n)], np.int32).reshape(n, 2),
        points=np.full(n, 12),
        deciles=np.zeros((n, 3, 11), np.int16),
        difference=np.zeros((n, 3), np.int16),
        agreement=np.array(links, np.float32).reshape(n, 3),
        too_small=np.empty((0, 3), np.int64),
        component=np.zeros(len(nodes), np.int32) if n else np.arange(2, dtype=np.int32),
    )


def spread(*values):
    """Counts of some values of coherence."""
    return np.histogram(values, COHERENCE_BINS)[0]


@pytest.fixture
def run():
    """A run of three dates and pairs, without link model, in one tile."""
    network = hop3_network(DATES)
    first, second = np.array(DATES)[network.pairs.T]
    pairs = {
        "pair": np.array(network.pair_names),
        "reference": first,
        "secondary": second,
        "days": np.array([12.0, 24.0, 12.0]),
        "residues": np.array([3.0, 1.0, 2000.0]),
        "residue_share": np.array([0.003, 0.001, 0.2]),
        "flow_links": np.array([4.0, 1.0, 9.0]),
        "flow_sum": np.array([4.0, 1.0, 11.0]),
        "open_share": np.array([0.0, 0.0, 0.0]),
        "suspect": np.array([0, 0, 1]),
        "reasons": np.array(["", "", "residues"]),
    }
    grid = Grid((4, 5), "EPSG:32631", (100.0, 0.0, 5e5, 0.0, -100.0, 9e4))
    scene = Scene(grid, ((0, 0, 4, 5),), 16, 0, np.ones((4, 5), np.uint8), np.full((4, 5), 0.8))
    return RunData(
        config={"output_dir": "results/<city>", "link_model": {"hypothesis": "auto"}},
        scene=scene,
        network=network,
        pairs=pairs,
        closure=Closure(np.array([16]), np.array([0]), np.zeros((4, 5), int)),
        overlaps=replace(overlaps(), component=np.zeros(2, np.int32)),
        point_coherence=CoherenceCounts(spread(0.8, 0.9)),
        phases={i: np.zeros((4, 5), np.float32) for i in range(3)},
        masked_points=0,
        unchanging_points=0,
        hypotheses=("zero",),
        rules=(RuleUse("network", 1, 0.5, 0.5, float("nan")), RuleUse("mesh", 2, 0.0, 0.0, 80.4)),
        sources=(("stack/a.tif", 2_500_000), ("NETCDF:b.nc:phase", None)),
        versions=(("emcflow", "1"),),
    )


@pytest.fixture
def album(run):
    """Pictures of the run, not drawn."""
    drawn = {
        name: [Drawn("data:,", each.alt, each.caption, 5, 4) for each in pictures]
        for name, pictures in all_pictures(run).items()
    }
    return Album(drawn)


class Cells(HTMLParser):
    """The cells of the rows of all tables, and all text."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.inside, self.text = [], False, ""
        self.feed(str(html))

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag):
        self.inside &= tag not in ("td", "th")

    def handle_data(self, data):
        self.text += data
        if self.inside:
            self.rows[-1][-1] += data


def links(edge_share=0.0):
    ranges = {"velocity_mm_yr": (-100.0, 100.0), "dem_error_m": (-50.0, 50.0)}
    return Links(spread(0.5, 0.7, 0.9), edge_share, 0.4, 0.01, ranges)


# Sentences


@pytest.fixture
def few(monkeypatch):
    """Few dates are enough."""
    monkeypatch.setattr(words, "FEW_DATES", 0)


def test_nothing_is_remarked_of_a_good_run(run, few):
    run.pairs["suspect"][:] = 0
    assert words.remarks(replace(run, links=links())) == []


def test_what_can_hardly_be_known_is_remarked_with_what_to_do(run):
    run.pairs["suspect"][:] = 0
    no_model, few_dates = (text.replace(words.SPACE, " ") for text in words.remarks(run))
    assert "link_model.enabled: true (config/README.md)" in no_model
    assert few_dates.startswith("3 dates are few: ") and "docs/quality.md" in few_dates


def test_how_much_is_significant(run, few):
    """One velocity of 16 is beyond two sigmas, half of the DEM errors."""
    run.pairs["suspect"][:] = 0
    velocity, height = np.zeros((4, 5)), np.full((4, 5), 3.0)
    velocity[0, 0], velocity[3, 1:] = -2.1, np.nan
    height[2:] = -1.9
    maps = {"velocity_mm_yr": velocity, "dem_error_m": height}
    maps |= {"velocity_sigma_mm_yr": np.ones((4, 5)), "dem_error_sigma_m": np.ones((4, 5))}
    parameters = {name: Parameter(image, {}) for name, image in maps.items()}
    known = replace(run, links=links(), parameters=parameters)
    cards = words.headline(known)["good"]
    values = {card.name: card.value.replace(words.SPACE, " ") for card in cards}
    assert values["velocity_mm_yr_significant"] == "6.2 %"
    assert values["dem_error_m_significant"] == "50.0 %"
    assert words.remarks(known) == []
    velocity[0, 0] = 0
    (remark,) = words.remarks(known)
    assert remark.replace(words.SPACE, " ").startswith("0 % of the points have a significant vel")


def test_a_pair_names_its_worst_triangle_and_tile(run):
    assert explorer.worst_triangle(run, 0) == ""
    assert explorer.worst_tile(run, 0) is None
    wrong = replace(
        run,
        closure=Closure(np.array([16]), np.array([4]), np.ones((4, 5), int)),
        residues_of_tiles=np.array([[1, 0, 3], [2, 0, 1]]),
    )
    text = explorer.worst_triangle(wrong, 1).replace(words.SPACE, " ")
    assert text == (
        "Its worst triangle, 2020-01-01, 2020-01-13, 2020-01-25, is open at 25.0 % of the points."
    )
    assert [explorer.worst_tile(wrong, number) for number in range(3)] == [1, None, 0]


def test_what_is_wrong_is_remarked(run, few):
    shares, nothing = [1.0, 1.0, 0.97], Parameter(np.full((4, 5), np.nan), {})
    wrong = replace(
        run,
        masked_points=1,
        unchanging_points=1200,
        overlaps=replace(overlaps(shares), component=np.array([0, 1], np.int32)),
        closure=Closure(np.array([16]), np.array([4]), np.ones((4, 5), int)),
        links=links(0.02),
        parameters=dict.fromkeys(["velocity_mm_yr", "dem_error_m"], nothing),
        pairs=run.pairs | {"misfit_cycles": np.array([0, 1e-9, 1.0])},
        scene=replace(run.scene, remarks=("20200113 has no data.",)),
    )
    found = [remark.replace(words.SPACE, " ") for remark in words.remarks(wrong)]
    for said, remark in zip(
        [
            "1 interferogram of 3 flagged as suspect",
            "2 parts that are not joined (the largest holds 60.0 %)",
            "1 coherent point left out, zero",
            "1,200 coherent points left out, whose phase never changes",
            "20200113 has no data.",
            "2.0 % of the links have their best velocity",
            "In 1 interferogram the tiles do not fit",
            "1 overlap of tiles where less than 98 %",
            "1 of 1 triangles of interferograms do not close at more than 0.1 % of the points; the "
            "worst at 25.0 % (2020-01-01, 2020-01-13, 2020-01-25).",
            "dem_error_m and velocity_mm_yr are empty: the dates do not constrain them.",
        ],
        found,
        strict=True,
    ):
        assert said in remark
        assert PAGE.search(remark) or remark == "20200113 has no data."


def test_the_pages_that_messages_name_are_there_with_their_sections():
    """In words as they stand in the code: (docs/PAGE.md) or (docs/PAGE.md, SECTION)."""
    places = set()
    for path in (ROOT / "scripts").rglob("*.py"):
        texts = (each for each in ast.walk(ast.parse(path.read_text())) if is_text(each))
        places |= {found for text in texts for found in PAGE.findall(text.value)}
    assert len(places) > 5
    for page, section in places:
        heads = re.findall("^#+ (.*)$", (ROOT / page).read_text(), re.M)
        assert not section or section in heads, (page, section)


def is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_headline_by_hand(run):
    truth = run.pairs | {"share_right": np.array([1.0, 0.5, 0.75])}
    cards = words.headline(replace(run, links=links(), pairs=truth))
    values = {card.name: card.value.replace(words.SPACE, " ") for card in cards["run"]}
    assert values == {"dates": "3", "pairs": "3", "points": "16", "size": "4 × 5"}
    assert cards["run"][1].note == "over 12 to 24 days"
    assert cards["run"][3].note == "0.4 × 0.5 km, 1 tile"
    values = {card.name: card.value.replace(words.SPACE, " ") for card in cards["good"]}
    assert values == {
        "share_right": "75.0 %",
        "loops": "100 %",
        "link_coherence": "0.70",
        "residues": "3",
    }


def test_the_hypotheses_of_the_tiles_are_named_where_they_won(run):
    four = replace(run, links=links(), hypotheses=("narrow", "mixture_8", "narrow", "mixture"))
    line, meaning = words.hypotheses(four)
    assert line == (
        "Hypothesis: narrow (2 tiles: 00, 02), mixture (1 tile: 03), mixture_8 (1 tile: 01)."
    )
    assert "agrees best with its interferograms" in meaning
    assert meaning.count("in mixture: ") == 1
    assert "with _8: residuals smooth over so many median intervals" in meaning
    alike = replace(run, links=links(), hypotheses=("peaks",) * 3)
    assert words.hypotheses(alike)[0] == "Hypothesis: peaks (3 tiles)."
    many = replace(run, links=links(), hypotheses=("narrow",) * 60 + ("data_narrow_4",))
    line, meaning = words.hypotheses(many)
    assert line == "Hypothesis: narrow (60 tiles), data_narrow_4 (1 tile)."
    assert "in data_narrow: what they have in narrow, and a term from the data" in meaning


def test_why_a_tile_has_its_hypothesis(run):
    line, meaning = words.hypotheses(run)
    assert line == "Hypothesis: zero."
    assert "Without a link model there is no other." in meaning
    assert "smooth" not in meaning
    wanted = {"link_model": {"hypothesis": "narrow"}}
    run = replace(run, config=wanted, links=links(), hypotheses=("narrow",))
    assert "The config names it." in words.hypotheses(run)[1]


def test_every_hypothesis_has_a_meaning(run):
    models = {value for name, value in vars(cycle_model).items() if name.isupper()}
    models.remove(cycle_model.AUTO)
    assert set(words.HYPOTHESES) == models
    for name in sorted(model + suffix for model in models for suffix in SUFFIXES):
        line, meaning = words.hypotheses(replace(run, hypotheses=(name,)))
        assert line == f"Hypothesis: {name}."
        assert ("smooth" in meaning) == name[-1].isdigit()


# Sections


def test_the_page_escapes_what_it_is_given_once(run, album):
    page = sections.whole_page(run, album)
    assert "<h1>&lt;city&gt;</h1>" in page
    assert "<title>&lt;city&gt;: emcflow report</title>" in page
    assert "&amp;lt;" not in page
    assert "<city>" not in page
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("<main ") == page.count("</main>") == 1
    assert page.count("<section") == page.count("</section>")
    assert "aspect-ratio: 1.25;" in page
    (packed,) = re.findall('type="application/json" id="explorer-data">(.*?)</script>', page)
    assert [pair["name"] for pair in json.loads(packed)["pairs"]] == run.network.pair_names


def test_a_part_of_the_page_takes_only_what_it_has():
    with pytest.raises(TypeError):
        fill("coherence", figures=[])


def test_maps_and_network_by_what_is_known(run, album):
    assert "<h2>Maps</h2>" in sections.maps(run)
    assert "<h2>Points and tiles</h2>" in sections.network(run, album)
    assert ">Points and tiles</a>" in sections.overview(run)
    misfit = {"reference": np.array([]), "secondary": np.array([]), "misfit_m": np.array([])}
    known = replace(run, baselines=Baselines(np.array([0.0, 50.0, -20.0]), misfit))
    assert "<h2>Velocity and DEM error</h2>" in sections.maps(known)
    assert "<h2>Network and tiles</h2>" in sections.network(known, album)
    assert [each.name for each in all_pictures(known)["network"]] == ["network", "tiles"]


@pytest.mark.parametrize(
    ("misfits", "text"),
    [([], ""), ([2e-4, -5e-4], "2 baselines per pair, all within 1 mm"), ([2e-4, -0.3], "")],
)
def test_baselines_are_in_words_unless_a_figure_shows_more(run, misfits, text):
    n = len(misfits)
    table = {
        "reference": np.array(DATES[:n]),
        "secondary": np.array(DATES[1 : n + 1]),
        "misfit_m": np.array(misfits),
    }
    baselines = Baselines(np.zeros(3), table)
    assert sections.baseline_text(baselines).startswith(text)
    assert bool(sections.baseline_text(baselines)) == bool(text)
    names = [each.name for each in all_pictures(replace(run, baselines=baselines))["network"]]
    assert ("baseline_misfit" in names) == (max(map(abs, misfits), default=0) > 1e-3)


def test_what_rounds_to_nothing_has_no_sign(run):
    row = {"days": 12.0, "bperp_m": -0.3, "residues": 1.0}
    facts = words.pair_facts(row).replace(words.SPACE, " ")
    assert facts == "12 days · baseline 0 m · 1 residue"
    assert "baseline −7 m" in words.pair_facts(row | {"bperp_m": -7.0}).replace(words.SPACE, " ")


def test_table_of_pairs_has_the_columns_that_are_known(run, album):
    head, *rows = Cells(sections.quality(run, album)).rows
    assert head[:4] == ["Interferogram", "Days", "Residues", "of triangles"]
    assert not {"Baseline [m]", "Points right", "Overlaps agree"} & set(head)
    last = dict(zip(head, rows[2], strict=True))
    assert last["Residues"] == "2,000"
    assert last["of triangles"].replace(words.SPACE, " ") == "20.0 %"
    assert last["Suspect"] == "residues"


def test_loops_in_words(run):
    run.pairs["open_share"][1] = np.nan
    text = sections.loop_text(run).replace(words.SPACE, " ")
    assert text.startswith("100 % of the loops of all points close: 0 of 16 do not.")
    assert text.endswith("No loop checks 1 interferogram of 3, in no triangle with two others.")
    none = Closure(np.array([], int), np.array([], int), np.zeros((4, 5), int))
    assert sections.loop_text(replace(run, closure=none)) == ""


def test_seams_by_hand(run, album):
    columns = {"misfit_cycles": np.array([0, 0, 2.0]), "agreement": np.array([1, 1, 0.75])}
    joined = overlaps([1.0, 1.0, 0.5], [1.0, 1.0, 1.0])
    run = replace(run, overlaps=joined, pairs=run.pairs | columns)
    found = Cells(sections.seams(run, album))
    assert "In 1 interferogram the offsets" in " ".join(found.text.split())
    rows = [[cell.replace(words.SPACE, " ") for cell in row] for row in found.rows]
    assert rows[1:] == [
        ["00–01", "12", "83.3 %", "50.0 %", "1"],
        ["00–01/2", "12", "100 %", "100 %", "0"],
    ]
    assert rows[0][-1] == "Pairs below 98 %"
    assert 'href="#seams"' in sections.overview(run)


def test_without_overlaps_there_are_no_seams(run, album):
    assert 'href="#seams"' not in sections.overview(run)
    assert 'id="seams"' not in sections.whole_page(run, album)


def test_what_the_run_took(run):
    rows = Cells(sections.provenance(run)).rows
    assert ["network", "1", "0.5", "0.5", "–"] in rows
    assert ["mesh", "2", "0.0", "0.0", "80"] in rows
    assert ["stack/a.tif", "2.50 MB"] in rows
    assert ["NETCDF:b.nc:phase", "–"] in rows
    assert "<p>Time and memory" not in sections.provenance(replace(run, rules=()))


def test_suspects_are_marked_and_linked_from_the_remarks(run, album):
    html = sections.quality(run, album)
    assert re.findall(r'data-pair="(\w+)" class="suspect"', html) == [run.network.pair_names[2]]
    assert 'href="#pair-table"' in sections.overview(run)
    run.pairs["suspect"][:] = 0
    assert 'href="#pair-table"' not in sections.overview(run)


def test_no_caption_is_said_twice(run):
    shown = all_pictures(run)
    del shown["maps"]  # which the page does not hold
    drawn = [each.caption for pictures in shown.values() for each in pictures]
    said = [part for caption in drawn for part in caption.split(". ")]
    assert len(said) == len(set(said))


def test_images_are_packed_to_half_a_level_with_one_mask_for_all():
    rng = np.random.default_rng(5)
    image = rng.normal(0, 40, (13, 7))
    image[rng.random(image.shape) < 0.3] = np.nan
    packer = Packer()
    packed = packer.image(image, 0.25)
    assert packer.image(-image, 0.25)["mask"] == packed["mask"] == 0
    assert packer.image(np.zeros((2, 3)), 1)["mask"] == 1
    mask = packer.masks[0]
    bits = np.frombuffer(zlib.decompress(base64.b64decode(mask["data"])), np.uint8)
    known = np.unpackbits(bits)[: image.size].reshape(mask["rows"], mask["cols"]) == 1
    np.testing.assert_array_equal(known, np.isfinite(image))
    halves = np.frombuffer(zlib.decompress(base64.b64decode(packed["data"])), np.uint8)
    low, high = halves.reshape(2, -1).astype(int)
    odd, half = (low + 256 * high) % 2, (low + 256 * high) // 2
    levels = np.cumsum(np.where(odd, -1 - half, half)).astype(np.uint16).view(np.int16)
    assert np.abs(levels * packed["scale"] - image[known]).max() <= 0.125 + 1e-9


def samples_of(run, pairs):
    """All points of the scene, with phases of the pairs (npairs, 20)."""
    points = np.argwhere(np.ones((4, 5), bool)).astype(np.int32)
    series = np.zeros((run.network.ndates, 20), np.float32)
    model = DateModel({}, (), 4.4, "mm", None)
    return Samples(points, {}, pairs.astype(np.float32), series, (0, 0), model, True)


def test_loops_that_do_not_close_are_packed_point_by_point(run):
    network = hop3_network([f"2020{month:02d}01" for month in range(1, 12)])
    phase = np.random.default_rng(7).normal(0, 3, (network.npairs, 20))
    wide = replace(run, network=network)
    wide = replace(wide, samples=samples_of(wide, phase))
    packed = explorer._points(wide, wide.samples)
    bits = np.frombuffer(zlib.decompress(base64.b64decode(packed["openLoops"])), np.uint8)
    number = {tuple(pair): i for i, pair in enumerate(network.pairs.tolist())}
    loops = [
        phase[number[a, b]] + phase[number[b, c]] - phase[number[a, c]]
        for a, b, c in packed["triangles"]
    ]
    found = np.unpackbits(bits.reshape(20, -1), axis=1)[:, : len(loops)]
    np.testing.assert_array_equal(found, np.pi < np.abs(loops).T)
    assert len(loops) == 25 and 0 < found.mean() < 1


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: the report is not seen in a browser")
@pytest.mark.parametrize(
    ("place", "said"),
    [("1,2", "1 of 1: 2020-01-01, 2020-01-13, 2020-01-25"), ("3,4", "none of 1")],
)
def test_a_point_names_its_loops_that_do_not_close(run, album, tmp_path, place, said):
    phase = np.zeros((3, 20))
    phase[1, 7] = 2 * np.pi  # at row 1, column 2
    page = sections.whole_page(replace(run, samples=samples_of(run, phase)), album)
    (tmp_path / "report.html").write_text(page)
    script = 'found.facts = cells("point-facts");'
    address = f"#see&point={place}"
    found, console = in_browser(tmp_path / "report.html", tmp_path, script, 1280, address)
    assert console == []
    assert found["facts"][-1] == ["Loops that do not close", said]


def probable(rng, shape):
    """-10 log10 p of wrong cycles as of a noisy city: half of them below 40, a tenth below 27."""
    return (45 - np.minimum(rng.exponential(8, shape), 45)).round()


def large_run(run):
    """Nine million points in 300 pairs, as the pictures of one are thinned out, and noisy."""
    rng = np.random.default_rng(6)
    days = np.datetime64("2018-01-01") + 12 * np.arange(102)
    network = hop3_network([str(day).replace("-", "") for day in days])
    number, shape = network.npairs, (3000, 3000)
    assert number == 300
    first, second = np.array(network.dates)[network.pairs.T]
    pairs = {key: np.resize(values, number) for key, values in run.pairs.items()}
    pairs |= {"pair": np.array(network.pair_names), "reference": first, "secondary": second}
    names = [*PARAMETER_TEXTS, *explorer.FURTHER]
    map_shape = thin_shape(shape, picture_step(shape, len(names), MAP_PIXELS))
    pair_shape = thin_shape(shape, picture_step(shape, number, PAIR_PIXELS))
    fringes = np.add.outer(*(np.linspace(0, 30, size) for size in pair_shape))
    noise = [rng.normal(0, 1, map_shape).astype(np.float32) for _ in names]
    points = np.argwhere(np.ones((70, 70))).astype(np.int32) * 42
    npoints, ntri = len(points), len(all_triangles(network.pairs, network.ndates)[0])
    samples = Samples(
        points,
        {name: rng.normal(size=npoints).astype(np.float32) for name in names},
        rng.normal(0, 1, (number, npoints)).astype(np.float32),
        rng.normal(0, 9, (102, npoints)).astype(np.float32),
        (0, 0),
        DateModel({"velocity_mm_yr": np.arange(102) / 40}, ("velocity_mm_yr",), 4.4, "mm", None),
        True,
    )
    return replace(
        run,
        scene=replace(
            run.scene,
            grid=Grid(shape, "EPSG:32631", (30.0, 0.0, 5e5, 0.0, -30.0, 5e6)),
            npoints=9_000_000,
            tiles_per_pixel=np.ones((750, 750), np.uint8),
            coherence=rng.random((750, 750)).astype(np.float32),
        ),
        network=network,
        pairs=pairs,
        closure=Closure(np.full(ntri, 9), np.ones(ntri, int), rng.integers(0, 9, (750, 750))),
        phases={i: fringes + rng.normal(0, 0.5, pair_shape) for i in range(number)},
        parameters={name: Parameter(image, {}) for name, image in zip(names, noise, strict=True)},
        wrong={i: probable(rng, pair_shape) for i in range(number)},
        terms={"velocity_mm_yr": noise[0][: pair_shape[0], : pair_shape[1]]},
        samples=samples,
    )


FILTER = """
found.number = page.querySelectorAll(".pair").length;
choose("from-date", "20200103");
choose("to-date", "20200303");
found.some = [...page.querySelectorAll(".pair:not([hidden])")].map((each) => each.id.slice(5));
at(`pair-${found.some.at(-1)}`).click();
await wait(200);
found.place = window.location.hash;
"""


def test_300_pairs_of_nine_million_points_make_a_page_that_opens(run, tmp_path):
    """Without its plots, which take 2 MB."""
    large = large_run(run)
    page = sections.whole_page(large, Album({name: [] for name in all_pictures(run)}))
    assert len(page) < 23e6
    assert "4,900 of the 9,000,000 points can be clicked" in page
    if CHROMIUM is None:
        pytest.skip("no chromium: the report is not seen in a browser")
    (tmp_path / "report.html").write_text(page)
    opened = (seconds_to_open(tmp_path / "report.html", tmp_path) for _ in range(3))
    assert any(seconds < 3 for seconds in opened)  # the machine may be busy with other tests
    found, console = in_browser(tmp_path / "report.html", tmp_path, FILTER, 1280)
    assert console == []
    assert found["number"] == 300
    wanted = [name for name in large.network.pair_names if name[:8] >= "20200103"]
    wanted = [name for name in wanted if name[9:] <= "20200303"]
    assert found["some"] == wanted and 5 < len(wanted) < 20
    assert found["place"] == f"#see&layer=unwrapped&pair={wanted[-1]}"


# Words of figures


def test_maps_say_their_sign_zero_and_spread(run):
    image = np.linspace(-10, 10, 20).reshape(4, 5)
    tags = {"SIGN": "positive away from the sensor, along the line of sight", "REFERENCE": "median"}
    drawn = parameter_picture("velocity_mm_yr", Parameter(image, tags), run.scene.frame)
    assert "median 0.00, 90 % of the points between -9.00 and 9.00" in drawn.alt
    assert drawn.caption.endswith("Zero is the median. North is up (EPSG:32631).")
    sigma = Parameter(image, {"CORRELATION": "0.3"})
    drawn = parameter_picture("velocity_sigma_mm_yr", sigma, run.scene.frame)
    assert "have correlation 0.3." in drawn.caption


def test_figures_by_what_is_known(run):
    names = {key: [each.name for each in drawn] for key, drawn in all_pictures(run).items()}
    assert names == {
        "maps": ["temporal_coherence"],
        "network": ["tiles"],
        "coherence": ["point_coherence"],
        "quality": ["residues", "flows"],
        "seams": [],
    }
    open_loops = Closure(np.array([16]), np.array([4]), np.eye(4, 5, dtype=int))
    empty = {"dem_error_m": Parameter(np.full((4, 5), np.nan), {})}
    more = replace(run, closure=open_loops, links=links(), parameters=empty)
    more = replace(more, overlaps=overlaps([1.0, 1.0, 0.5]))
    names = {key: [each.name for each in drawn] for key, drawn in all_pictures(more).items()}
    assert names["coherence"] == ["link_coherence", "point_coherence"]
    assert names["quality"] == ["residues", "flows", "closure", "open_loops"]
    assert names["seams"] == ["seams"]
    assert names["maps"] == ["temporal_coherence"]


def test_ranges_that_links_reach_beyond_are_named_with_those_to_set(run):
    searched = {"velocity_mm_yr": (-100.0, 100.0), "dem_error_m": (-200.0, 200.0)}
    config = {"link_model": {"velocity_range_mm_yr": [-100, 100], "dem_error_range_m": [-50, 50]}}
    wide = replace(run, config=config, links=replace(links(0.02), searched=searched))
    found = [remark.replace(words.SPACE, " ") for remark in words.remarks(wide)]
    beyond = next(remark for remark in found if "reach beyond" in remark)
    assert "link_model.dem_error_range_m, -50 to 50" in beyond
    assert "set it to [-200, 200]" in beyond
    at_edge = next(remark for remark in found if "at the edge" in remark)
    assert "link_model.velocity_range_mm_yr: [-200, 200]" in at_edge
    assert "link_model.dem_error_range_m: [-400, 400]" in at_edge
