"""Pairs of dates from time and baseline, and from tables."""

from itertools import combinations

import numpy as np
import pytest
from emcflow.errors import InputError
from emcflow.io.pair_table import read_pairs
from emcflow.network.pairs import delaunay_pairs
from emcflow.workflow.batches import batch_size, in_batches
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import Delaunay
from test_network import dates

DATES = dates(5)  # 12 days apart
HEADER = "reference,secondary\n"


@settings(deadline=None, max_examples=30)
@given(st.integers(3, 40), st.integers(0, 2**32 - 1), st.floats(0.1, 1000))
def test_pairs_are_those_of_delaunay_over_axes_of_unit_range(n, seed, spread):
    bperp = np.random.default_rng(seed).normal(0, spread, n)
    place = np.column_stack([np.linspace(0, 1, n), bperp / np.ptp(bperp)])
    corners = Delaunay(place).simplices
    expected = {pair for t in np.sort(corners).tolist() for pair in combinations(t, 2)}
    pairs = delaunay_pairs(dates(n), bperp)
    assert list(map(tuple, pairs.tolist())) == sorted(expected)


@pytest.mark.parametrize("n", [2, 3, 6])
def test_dates_on_one_line_are_a_chain(n):
    for bperp in (np.zeros(n), 20.0 * np.arange(n)):
        expected = [[i, i + 1] for i in range(n - 1)]
        assert delaunay_pairs(dates(n), bperp).tolist() == expected


def test_three_dates_are_a_triangle():
    assert delaunay_pairs(dates(3), np.array([0, 50.0, 10])).tolist() == [[0, 1], [0, 2], [1, 2]]


def test_limits_take_pairs_away():
    """A trapezium: over the range of 48 days and 100 m the diagonal from (0, 0) is the shorter."""
    bperp = np.array([0.0, 100, 60, 100, 0])
    whole = {tuple(pair) for pair in delaunay_pairs(DATES, bperp).tolist()}
    assert whole == {(0, 1), (0, 2), (0, 4), (1, 2), (1, 3), (2, 3), (2, 4), (3, 4)}
    short = {tuple(pair) for pair in delaunay_pairs(DATES, bperp, max_days=24).tolist()}
    assert short == whole - {(0, 4)}
    near = {tuple(pair) for pair in delaunay_pairs(DATES, bperp, max_bperp_m=60).tolist()}
    assert near == whole - {(0, 1), (3, 4)}


def test_limits_that_leave_dates_alone_are_refused():
    bperp = np.array([0.0, 100, 60, 100, 0])
    with pytest.raises(InputError) as caught:
        delaunay_pairs(DATES, bperp, max_days=12, max_bperp_m=50)
    assert str(caught.value) == (
        "the pairs of the Delaunay network within max_days = 12 and max_bperp_m = 50 "
        "leave the dates in 3 separate parts: 20200101; 20200113, 20200125, 20200206; 20200218; "
        "expected one: raise the limits"
    )


def read(tmp_path, text):
    (tmp_path / "pairs.csv").write_text(text)
    return read_pairs(tmp_path / "pairs.csv", DATES[:3]).tolist()


def test_tables_of_pairs_in_any_order_with_any_columns(tmp_path):
    assert read(tmp_path, HEADER + "20200101,20200113\n20200113,20200125\n") == [[0, 1], [1, 2]]
    text = "# mine\nbperp_m,Sec Date ,REFERENCE\n3,2020-01-01,2020-01-25T5\n\n,20200101,20200113\n"
    assert read(tmp_path, text) == [[0, 1], [0, 2]]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("20200101,20200113\n", "20200101, 20200113; 20200125; expected one: add pairs"),
        ("20200101,20200113\n20200101,20200114\n", "line 3: 20200114 is no date of the stack"),
        ("20200101,20200101\n", "line 2: reference and secondary are the same date (20200101)"),
        ("20200101,20200113\n20200113,20200101\n", "line 3: the pair 20200101 and 20200113 stands"),
        ("20200101,\n", "line 2: secondary is blank"),
        ("20200101,later\n", "line 2: secondary is 'later'; expected a date"),
        ("20200101,20200113,5\n", "line 2: 3 values for 2 columns"),
        ("", "a header without lines; expected one line per pair"),
    ],
)
def test_bad_tables_of_pairs(lines, says, tmp_path):
    with pytest.raises(InputError) as caught:
        read(tmp_path, HEADER + lines)
    assert says in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/pairs.csv")


def test_a_table_without_the_columns(tmp_path):
    with pytest.raises(InputError, match="has the columns date, bperp_m; expected reference, sec"):
        read(tmp_path, "date,bperp_m\n20200101,3\n")


@given(st.integers(0, 400), st.integers(1, 40), st.booleans())
def test_batches_are_in_order_and_about_equal(npairs, most, even):
    batches = in_batches(range(npairs), most, even)
    assert [pair for batch in batches for pair in batch] == [*range(npairs)]
    lengths = [len(batch) for batch in batches]
    assert max(lengths, default=0) <= most
    assert not lengths or max(lengths) - min(lengths) <= 1
    if even:
        assert len(batches) < 2 or len(batches) % 2 == 0
    else:
        assert len(batches) == -(-npairs // most)


def test_batches_of_large_images_are_smaller():
    assert batch_size(28, 0) == batch_size(28, 700e6) == 28  # unknown; 90 million pixels
    assert batch_size(28, 1.4e9) == 14
    assert batch_size(28, 450e6 * 8) == 5  # a frame of Sentinel-1
    assert batch_size(24, 1e12) == 4
