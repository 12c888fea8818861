"""Strips of a scene: the order of points, exact medians, and the same bytes for any strips."""

import tracemalloc

import numpy as np
import pytest
from dates import at_points, points_of
from emcflow.errors import InputError
from emcflow.io.raster import Grid, write_raster
from emcflow.products import quantiles
from emcflow.products.motion_phase import scene_places
from emcflow.products.quantiles import medians

RNG = np.random.default_rng(8)
SHAPE = (1100, 1030)
LABELS = np.where(RNG.random(SHAPE) < 0.3, 1 + (RNG.random(SHAPE) < 0.2), 0).astype(np.uint16)


@pytest.mark.parametrize("strip_rows", [64, 192, 512, 1024, 2048])
def test_points_are_all_there_and_blocks_are_the_same_for_any_strips(strip_rows):
    points = points_of(LABELS, strip_rows)
    row_col = [np.concatenate([w.points() for w in block]) for block in points.blocks()]
    whole = [window.points() for window in points_of(LABELS, 4096).windows]
    assert all(map(np.array_equal, row_col, whole))
    assert len(row_col) == len(whole) == 9
    assert points.npoints == np.count_nonzero(LABELS)
    assert points.counts.tolist() == np.bincount(LABELS.ravel())[1:].tolist()
    places = np.concatenate([np.arange(points.npoints)[w.places] for w in points.windows])
    assert places.tolist() == list(range(points.npoints))
    row, col = np.argwhere(LABELS == 2)[-1].tolist()
    (place,) = scene_places(points, (row, col))
    window = points.window_of(place)
    assert window.points()[place - window.places.start].tolist() == [row, col]
    assert points.component_of(place) == 1
    nothing = np.argwhere(LABELS == 0)[0].tolist()
    with pytest.raises(InputError, match=r"has no value: it is masked.* the nearest is row"):
        scene_places(points, nothing)


@pytest.mark.parametrize("shape", [SHAPE, (300, 700), (700, 300)])
@pytest.mark.parametrize("strip_rows", [64, 512, 2048])
def test_a_raster_by_bands_has_the_bytes_of_a_whole_one(shape, strip_rows, tmp_path):
    labels = LABELS[: shape[0], : shape[1]]
    image = np.where(labels > 0, RNG.normal(0, 9, shape), np.nan).astype(np.float32)
    points = points_of(labels, strip_rows)
    values = at_points(points, image)
    grid = Grid(shape, "EPSG:32631", (10.0, 0.0, 5e5, 0.0, -10.0, 1e5))
    words = {"units": "rad", "description": "phase", "tags": {"SIGN": "away"}}
    write_raster(tmp_path / "whole.tif", image, grid, **words)
    points.write(tmp_path / "bands.tif", grid, lambda window: values[window.places], **words)
    assert (tmp_path / "whole.tif").read_bytes() == (tmp_path / "bands.tif").read_bytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [7, 1000, 1001])
def test_medians_of_pieces_are_those_of_the_whole(dtype, n, monkeypatch):
    """Rows: noise; many equal values; a constant; a row so sorted that the sample misleads."""
    monkeypatch.setattr(quantiles, "SAMPLED", 100)
    values = np.array(
        [
            RNG.normal(0, 1, n),
            RNG.integers(0, 3, n),
            np.zeros(n),
            np.where(np.arange(n) % 11 == 0, 1e3, RNG.normal(0, 1, n)),
        ]
    ).astype(dtype)
    for component in (np.zeros(n, np.int32), (np.arange(n) % 3 == 0).astype(np.int32)):
        cuts = [n // 5, n // 2]

        def pieces(component=component, cuts=cuts):
            parts = np.split(values, cuts, axis=1), np.split(component, cuts)
            return zip(*parts, strict=True)

        found = medians(pieces, np.bincount(component))
        expected = [np.median(values[:, component == c], axis=1) for c in np.unique(component)]
        np.testing.assert_array_equal(found, np.array(expected).T)
        assert found.dtype == dtype


def test_medians_hold_a_part_of_the_values():
    """Two million points in windows of which one is there at a time."""
    rng = np.random.default_rng(0)

    def windows():
        for _ in range(40):
            yield rng.normal(size=(4, 50_000)).astype(np.float32), np.zeros(50_000, np.int32)

    tracemalloc.start()
    found = medians(windows, np.array([2_000_000]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.abs(found).max() < 0.01
    assert peak < 12e6  # all of them are 32e6


def test_a_component_without_points_has_no_median():
    found = medians(lambda: [(np.ones((2, 3)), np.ones(3, int))], np.array([0, 3]))
    np.testing.assert_array_equal(found, [[np.nan, 1], [np.nan, 1]])
