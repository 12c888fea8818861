"""Figures: every label is inside the figure and on no other, and maps keep their shape."""

from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from emcflow.io.raster import Grid
from emcflow.report.figures.maps import loop_map, map_frame, tile_map, value_map
from emcflow.report.figures.plots import histogram, network_plot, seam_plot, span_plot
from emcflow.report.figures.style import BAR_HEIGHT, MAP_HEIGHT, STYLE, WIDTH, png
from matplotlib.backends.backend_agg import FigureCanvasAgg
from rasterio.io import MemoryFile

GRIDS = {
    "rows and columns": (None, (1, 0, 0, 0, 1, 0)),
    "degrees": ("EPSG:4326", (2e-5, 0, -155.3, 0, -2e-5, -19.3125)),
    "kilometres": ("EPSG:32631", (1.0, 0, 501_250.0, 0, -1.0, 4_231_250.0)),
    "pixels of 4 x 14 m": ("EPSG:32631", (14.0, 0, 499_000.0, 0, -4.0, 9_231_250.0)),
}
SCENES = {  # limits of the colour bar by the shape of the scene
    (60, 1500): (-218.0, 218.0),
    (100, 500): (0.0, 0.025),
    (300, 400): (-12_500.0, 12_500.0),
    (12_500, 12_000): (0.2, 1.0),
    (800, 200): (-0.03, 0.03),
    (14_000, 2500): (-2180.0, 2180.0),
}
# few and short, and those of years
DATES = [
    ["20240101", "20240107"],
    [f"2024{month:02d}{day:02d}" for month in (1, 2, 3) for day in (3, 15, 27)],
    [f"20{year}{month:02d}11" for year in range(15, 25) for month in range(1, 13)],
]


def laid_out(figure):
    """Lay a figure out, check that its texts are whole and free of others; return its boxes."""
    with mpl.rc_context(STYLE):
        renderer = FigureCanvasAgg(figure).get_renderer()
        around = figure.get_tightbbox(renderer)
    scale = figure.dpi_scale_trans.inverted()
    across = figure.transFigure + scale
    width, height = figure.get_size_inches()
    assert width == WIDTH
    assert around.x0 > 0.02
    assert around.y0 > 0.02
    assert around.x1 < width - 0.02
    assert around.y1 < height - 0.02
    # of a colour bar with its arrows, for which its axes make room
    boxes = [axes.get_position(original=True).transformed(across) for axes in figure.axes]
    boxes[0] = figure.axes[0].get_window_extent(renderer).transformed(scale)
    texts = list(figure.texts)
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-9 * (high - low)
            ticks = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=True)
            shown = [text for place, text in ticks if low - slack <= place <= high + slack]
            texts += [axis.label, axis.get_offset_text(), *shown]
    texts = [text for text in texts if text.get_visible() and text.get_text()]
    words = [text.get_text() for text in texts]
    extents = [text.get_window_extent(renderer).transformed(scale) for text in texts]
    for i, j in combinations(range(len(texts)), 2):
        assert not extents[i].overlaps(extents[j]), (words[i], words[j])
    for word, extent in zip(words, extents, strict=True):
        assert not any(extent.overlaps(box.padded(-0.01)) for box in boxes), word
    return boxes


@pytest.mark.parametrize("shape", SCENES)
@pytest.mark.parametrize("grid", GRIDS)
def test_maps_keep_their_shape_beside_their_colour_bar(grid, shape):
    frame = map_frame(Grid(shape, *GRIDS[grid]))
    image = np.random.default_rng(0).normal(size=(40, 30))
    several = [(0, 0, shape[0], shape[1] // 2), (0, shape[1] // 3, *shape)]
    pictures = [
        value_map(image, frame, "Velocity", "mm/yr", cmap="RdBu_r", limits=SCENES[shape]),
        tile_map(np.full((40, 30), 2), several, shape, frame),
        tile_map(np.ones((40, 30), int), [(0, 0, *shape)], shape, frame),
        loop_map((image > 2) * 11_000, image < 2, frame, 12_500),
    ]
    for figure in pictures:
        scene, *bars = laid_out(figure)
        assert scene.height / scene.width == pytest.approx(frame.height_to_width, rel=1e-6)
        allotted = scene.height
        for bar in bars:
            assert 0.05 < bar.x0 - scene.x1 < 0.15
            allotted = bar.height / BAR_HEIGHT
            assert allotted == pytest.approx(max(scene.height, MAP_HEIGHT[0]))
        # as large as the margins let it be, which take less than half of the width
        assert scene.width > 0.5 * WIDTH or allotted == pytest.approx(MAP_HEIGHT[1])
        assert figure.get_figheight() < MAP_HEIGHT[1] + 1
        assert all(len(axes.get_yticks()) for axes in figure.axes)


@pytest.mark.parametrize("dates", DATES)
@pytest.mark.parametrize("size", [3e-4, 0.02, 1.0, 456.0, 4.5e6])
def test_plots_over_time_hold_their_labels(dates, size):
    rng = np.random.default_rng(1)
    pairs = np.array([(i, j) for i, j in combinations(range(len(dates)), 2) if j < i + 4])
    first, last = ([dates[i] for i in side] for side in pairs.T)
    values = size * rng.random(len(pairs))
    laid_out(span_plot(first, last, values, "Residues", "triangles with a residue"))
    laid_out(span_plot(first, last, values - size / 2, "Misfit of the baselines", "misfit [m]"))
    if size <= 1:
        right = span_plot(first, last, 1 - values, "Points right", "points right", share=True)
        assert right.axes[0].get_ylim()[1] <= 1  # no axis goes beyond 100 %
        laid_out(right)
        baselines = rng.normal(0, 800, len(dates))
        laid_out(network_plot(dates, baselines, pairs, values, "triangles with a residue"))


@pytest.mark.parametrize("nlinks", [1, 6, 300])
@pytest.mark.parametrize("name", ["{:02d}–{:02d}", "{:03d}/12–{:03d}/10456"])
@pytest.mark.parametrize("least", [0.999995, 0.95, 0.0])
def test_overlaps_have_room_for_their_names(nlinks, name, least):
    agreement = np.random.default_rng(2).uniform(least, 1, (nlinks, 80))
    laid_out(seam_plot(agreement, [name.format(i, i + 1) for i in range(nlinks)]))


@pytest.mark.parametrize("median", [0.02, 0.49, 0.98])
@pytest.mark.parametrize("counts", [np.zeros(50), np.arange(50), np.eye(50)[40]])
def test_histograms_hold_their_labels(counts, median):
    edges = np.linspace(0, 1, 51)
    figure = histogram(counts, edges, median, "Temporal coherence", "temporal coherence")
    assert figure.axes[0].get_ylim()[1] <= 1
    laid_out(figure)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_file_has_the_size_of_its_figure():
    figure = histogram(np.arange(50), np.linspace(0, 1, 51), 0.5, "Coherence", "coherence")
    with MemoryFile(png(figure)) as file, file.open() as dataset:
        width, height = figure.get_size_inches() * STYLE["savefig.dpi"]
        assert (dataset.width, dataset.height) == (int(width), int(height))
