"""Baseline tables of both kinds: what is read, what is solved, what is refused."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from emcflow.errors import InputError
from emcflow.io.baselines import read_baselines
from emcflow.io.tables import parse_date

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
DATES = ("20200101", "20200113", "20200206", "20200302")
BPERP = np.array([0.0, 40.0, -25.5, 110.25])


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "baselines.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def pairs_text(values=BPERP, dates=DATES, pairs=None):
    pairs = pairs or list(combinations(range(len(dates)), 2))
    lines = [f"{dates[i]},{dates[j]},{values[j] - values[i]:.3f}" for i, j in pairs]
    return "\n".join(["reference,secondary,bperp_m", *lines, ""])


def refused(path, *words, dates=DATES):
    with pytest.raises(InputError) as error:
        read_baselines(path, dates)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    assert "expected" in message
    for word in words:
        assert word in message, message


# ------------------------------------------------------------------ what is read


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("20200113", "20200113"),
        ("20200113.0", "20200113"),
        (" 2020-01-13 ", "20200113"),
        ("2020-01-13T04:30:30.757865503Z", "20200113"),
        ("2020-01-13 04:30:30", "20200113"),
        ("20200113T043030", "20200113"),
        ("20200113043030", "20200113"),
        ("20200113.slc.tif", "20200113"),
        ("slcs/20190101/S1_HH_20200113043034_20200206022355.tif", "20200113"),
        ("C:\\slcs\\t042_088905_iw1_20200113.h5", "20200113"),
        ("20200229", "20200229"),
    ],
)
def test_dates(text, date):
    assert parse_date(text) == date


@pytest.mark.parametrize(
    "text",
    [
        "20200230",
        "20210229",
        "2020-13-01",
        "13012020",
        "2020-1-13",
        "13/01/2020",
        "202001131",
        "2.0200113e7",
        "2020",
        "tomorrow",
    ],
)
def test_no_dates(text):
    with pytest.raises(ValueError):
        parse_date(text)


@pytest.mark.parametrize(
    "text",
    [
        "date,bperp_m\n20200101,5\n20200113,45\n20200206,-20.5\n20200302,115.25\n",
        # order of lines and columns, case, more columns, spaces, comments, blank lines
        "# made by hand\n\n Height , BPERP_M, Date \n 1 , 115.25 , 2020-03-02\n,-20.5,20200206\n"
        "\n3,+4.5E1,20200113\n# the first\n9,5.,20200101\n,,\n\n  \n",
        # byte order mark, line ends of another system, time stamps, more dates than the stack
        b"\xef\xbb\xbfdate,bperp_m\r\n2020-01-01T12:00:00Z,5\r\n2020-01-13 12:00,45\r\n"
        b"20191220,7\r\n20200206,-20.5\r\n20200302,115.25\r\n",
        # file names, a repeated line that agrees, a unit in brackets, a trailing comma
        "file,Bperp [m]\na/20200101.slc,5,\na/20200113.slc,45\na/20200113.slc,45.0\n"
        "a/20200206_20200302.slc,-20.5\na/20200302.slc,115.25\n",
    ],
)
def test_per_slc(table, text):
    baselines = read_baselines(table(text), DATES)
    assert baselines.dates == DATES
    assert np.allclose(baselines.bperp_m, BPERP)
    assert baselines.misfit.empty
    assert list(baselines.misfit) == ["reference", "secondary", "bperp_m", "misfit_m"]
    assert baselines.warnings == ()


@pytest.mark.parametrize(
    "pairs", [None, [(0, 1), (0, 2), (0, 3)], [(0, 1), (1, 2), (2, 3)], [(3, 0), (2, 0), (3, 1)]]
)
def test_per_pair(table, pairs):
    baselines = read_baselines(table(pairs_text(pairs=pairs)), DATES)
    assert np.allclose(baselines.bperp_m, BPERP, atol=1e-9)
    assert len(baselines.misfit) == (6 if pairs is None else 3)
    assert np.abs(baselines.misfit["misfit_m"]).max() < 1e-9
    assert baselines.warnings == ()


def test_time_stamps_win_over_names_where_given(table):
    text = (
        "reference,secondary,reference_time_utc,secondary_time_utc,btemp_days,bperp_m\n"
        "19990101.tif,19990102.tif,2020-01-01T04:30:30.7Z,2020-01-13T02:23:55Z,12,40\n"
        "20200101.tif,20200206.tif,,,36,-25.5\n"
        "x_20200101.tif,x_20200302.tif,,2020-03-02T00:00:00Z,61,110.25\n"
    )
    assert np.allclose(read_baselines(table(text), DATES).bperp_m, BPERP)


def test_repeated_pairs_that_agree_count_once(table):
    text = pairs_text() + "20200113,20200101,-40.0000\n20200101,20200113,40\n"
    assert len(read_baselines(table(text), DATES).misfit) == 6


def test_stack_that_starts_later(table):
    baselines = read_baselines(table(pairs_text()), DATES[1:])
    assert np.allclose(baselines.bperp_m, BPERP[1:] - BPERP[1])
    assert len(baselines.misfit) == 6


def test_dates_outside_the_stack_join_its_parts(table):
    baselines = read_baselines(table(pairs_text(pairs=[(0, 1), (1, 3)])), (DATES[0], DATES[3]))
    assert np.allclose(baselines.bperp_m, BPERP[[0, 3]])


def test_pairs_without_connection_to_the_stack(table):
    text = pairs_text() + "20300101,20300102,5\n20300102,20300103,5\n20300101,20300103,500\n"
    baselines = read_baselines(table(text), DATES)
    assert np.allclose(baselines.bperp_m, BPERP)
    assert len(baselines.misfit) == 6
    assert len(baselines.warnings) == 1
    assert "3 of 9 pairs" in baselines.warnings[0]


def test_result_table_is_read_again(table, tmp_path):
    baselines = read_baselines(table(pairs_text()), DATES)
    result = baselines.table()
    result.to_csv(tmp_path / "result.csv", index=False)
    assert (tmp_path / "result.csv").read_text().splitlines()[:2] == [
        "date,bperp_m",
        "20200101,0.0",
    ]
    assert np.allclose(read_baselines(tmp_path / "result.csv", DATES).bperp_m, BPERP)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data sets are not on this machine")
@pytest.mark.parametrize("name", ["cropA_mexico", "cropA_mexico_hard"])
def test_real_tables_of_both_kinds_agree(name):
    folder = SHARED / name
    dates = pd.read_csv(folder / "baselines_slc.csv", dtype={"date": str})["date"].tolist()
    per_slc = read_baselines(folder / "baselines_slc.csv", dates)
    per_pair = read_baselines(folder / "baselines_ifg.csv", dates)
    assert np.abs(per_slc.bperp_m - per_pair.bperp_m).max() < 1.5e-3
    scale = 4.0 if name.endswith("hard") else 1.0
    # the folder's notes state the largest misfit: 0.63 m
    assert np.abs(per_pair.misfit["misfit_m"]).max() == pytest.approx(0.63 * scale, abs=0.02)
    assert per_pair.warnings == ()


# ------------------------------------------------------------------ least squares and loops


def test_misfit_of_one_triangle_by_hand(table):
    # -10 - 10 + 26 = 6: each of the three pairs gives way by a third
    text = "reference,secondary,bperp_m\n20200101,20200113,-10\n20200113,20200206,-10\n"
    baselines = read_baselines(table(text + "20200101,20200206,-26\n"), DATES[:3])
    assert np.allclose(baselines.bperp_m, [0, -12, -24])
    assert np.allclose(baselines.misfit["misfit_m"], [2, 2, -2])
    (warning,) = baselines.warnings
    assert all(date in warning for date in DATES[:3])
    assert "6.00 m" in warning


def test_least_squares_equals_pseudo_inverse(table):
    random = np.random.default_rng(4)
    dates = [f"2020{month:02d}01" for month in range(1, 13)]
    pairs = [(i, i + 1) for i in range(11)] + [(i, i + 4) for i in range(8)]
    given = random.normal(0, 100, len(pairs)).round(3)
    matrix = np.zeros((len(pairs), 12))
    for row, (i, j) in enumerate(pairs):
        matrix[row, [i, j]] = -1, 1
    lines = [f"{dates[i]},{dates[j]},{b:.3f}" for (i, j), b in zip(pairs, given, strict=True)]
    path = table("\n".join(["reference,secondary,bperp_m", *lines]))
    expected = np.linalg.pinv(matrix) @ given
    baselines = read_baselines(path, dates)
    assert np.allclose(baselines.bperp_m, expected - expected[0])
    assert np.allclose(baselines.misfit["misfit_m"], given - matrix @ expected, atol=1e-4)


@pytest.mark.parametrize("seed", range(20))
def test_the_named_loop_holds_the_wrong_pair(table, seed):
    random = np.random.default_rng(seed)
    dates = [f"2020{month:02d}01" for month in range(1, 13)]
    values = random.normal(0, 100, 12).round(3)
    chosen = [(i, j) for i, j in combinations(range(12), 2) if j - i <= 3 or random.random() < 0.2]
    wrong = chosen[random.integers(len(chosen))]
    lines = pairs_text(values, dates, chosen).splitlines()
    place = 1 + chosen.index(wrong)
    start, value = lines[place].rsplit(",", 1)
    lines[place] = f"{start},{float(value) + 50}"
    baselines = read_baselines(table("\n".join(lines)), dates)
    (warning,) = baselines.warnings
    loop = warning.split("the loop ")[1].split(" does not close")[0].split(" - ")
    assert len(loop) == 4
    assert loop[0] == loop[-1]
    assert {dates[wrong[0]], dates[wrong[1]]} <= set(loop)
    assert "+50.00 m" in warning
    worst = baselines.misfit["misfit_m"].abs().idxmax()
    assert worst == chosen.index(wrong)


def test_the_shortest_open_loop_can_be_long(table):
    # a ring of four dates has one loop only
    text = "reference,secondary,bperp_m\n20200101,20200113,10\n20200113,20200206,10\n"
    text += "20200206,20200302,10\n20200302,20200101,-90\n"
    (warning,) = read_baselines(table(text), DATES).warnings
    assert all(warning.count(date) >= 1 for date in DATES)
    assert "60.00 m" in warning


def test_small_misfits_raise_no_warning(table):
    random = np.random.default_rng(2)
    lines = pairs_text().splitlines()
    noisy = [lines[0]]
    for line in lines[1:]:
        start, value = line.rsplit(",", 1)
        noisy.append(f"{start},{float(value) + random.normal(0, 0.3):.3f}")
    baselines = read_baselines(table("\n".join(noisy)), DATES)
    assert baselines.warnings == ()
    assert np.abs(baselines.bperp_m - BPERP).max() < 0.6
    assert 0.01 < np.abs(baselines.misfit["misfit_m"]).max() < 1


# ------------------------------------------------------------------ what is refused


def test_missing_dates_are_listed(table):
    refused(table("date,bperp_m\n20200101,0\n20200206,3\n"), "2 of 4", "20200113, 20200302")
    refused(table(pairs_text(pairs=[(0, 1), (1, 2)])), "1 of 4", "20200302")


def test_parts_of_a_disconnected_network_are_listed(table):
    path = table(pairs_text(pairs=[(0, 2), (1, 3)]))
    refused(path, "2 parts", "20200101, 20200206; 20200113, 20200302")


def test_absolute_values(table):
    values = [f"{abs(BPERP[j] - BPERP[i])}" for i, j in combinations(range(4), 2)]
    names = [f"{DATES[i]},{DATES[j]}" for i, j in combinations(range(4), 2)]
    lines = [f"{name},{value}" for name, value in zip(names, values, strict=True)]
    path = table("\n".join(["reference,secondary,bperp_m", *lines]))
    refused(path, "absolute", "loop", "does not close")


def test_positive_values_that_close_are_fine(table):
    rising = np.array([0.0, 10.0, 25.0, 70.0])
    assert np.allclose(read_baselines(table(pairs_text(rising)), DATES).bperp_m, rising)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["20200101,1", "20200113,2", "20200101,1.5"], ["line 4", "line 2", "20200101"]),
        (["20200101,1", "20200113,"], ["line 3", "bperp_m is blank"]),
        (["20200101,1", ",2"], ["line 3", "date is blank"]),
        (["20200101,1", "20200113"], ["line 3", "bperp_m is blank"]),
        (["20200101,1", "# note", "", "20200113,x"], ["line 5", "bperp_m", "'x'"]),
        (["20200101,nan"], ["line 2", "'nan'"]),
        (["20200101,-inf"], ["line 2", "'-inf'"]),
        (["20200101,1e999"], ["line 2", "'1e999'"]),
        (["20200101,1_0"], ["line 2", "'1_0'"]),
        (["20200101,33,5"], ["line 2", "3 values for 2 columns"]),
        (["20200132,1"], ["line 2", "'20200132'", "YYYYMMDD"]),
        (["01/02/2020,1"], ["line 2", "'01/02/2020'"]),
    ],
)
def test_bad_lines_per_slc(table, lines, words):
    refused(table("\n".join(["date,bperp_m", *lines])), *words)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("20200101,20200101,0", ["line 8", "same date", "20200101"]),
        ("20200101,20200113,41", ["line 8", "line 2", "disagrees"]),
        ("20200113,20200101,40", ["line 8", "line 2", "disagrees"]),
        ("20200101,,40", ["line 8", "secondary is blank"]),
        (",20200101,40", ["line 8", "reference is blank"]),
        ("20200101,20200113,", ["line 8", "bperp_m is blank"]),
    ],
)
def test_bad_lines_per_pair(table, line, words):
    refused(table(pairs_text() + line + "\n"), *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty"]),
        ("\n\n# nothing\n", ["empty"]),
        ("date,bperp_m\n", ["without lines"]),
        ("date;bperp_m\n20200101;0\n", ["date;bperp_m"]),
        ("20200101;0\n20200113;4\n", ["20200101;0", "separated by commas"]),
        ("date bperp_m\n20200101 0\n", ["date bperp_m", "separated by commas"]),
        ("reference,bperp_m\n20200101,0\n", ["reference, bperp_m", "secondary"]),
        ("Date,height\n20200101,0\n", ["Date, height"]),
        ("date,bperp_m,BPERP_M\n20200101,0,1\n", ["bperp_m", "more than once"]),
        (b"date,bperp_m\n\xff\xfe\n", ["UTF-8"]),
    ],
)
def test_bad_files(table, text, words):
    refused(table(text), *words)


def test_missing_file(tmp_path):
    refused(tmp_path / "none.csv", "No such file")
    refused(tmp_path, "a folder without DATE1_DATE2.txt")


# Files of processors


def test_folder_of_topsstack(tmp_path):
    """One file per pair with the reference, a baseline per swath: their mean counts."""
    for date, swaths in (("20200113", (60.0, 62.0)), ("20200206", (-30.5,))):
        folder = tmp_path / f"20200101_{date}"
        folder.mkdir()
        (folder / f"20200101_{date}.txt").write_text(
            "".join(
                f"swath: IW{n}\nBperp (average): {value}\nBpar (average): -29.4\n"
                for n, value in enumerate(swaths, start=1)
            )
        )
    (tmp_path / "notes.txt").write_text("nothing")
    dates = ["20200101", "20200113", "20200206"]
    np.testing.assert_allclose(read_baselines(tmp_path, dates).bperp_m, [0, 61, -30.5])
    np.testing.assert_allclose(read_baselines(tmp_path, dates, True).bperp_m, [0, -61, 30.5])
    (tmp_path / "20200101_20200218.txt").write_text("Bpar (average): 3\n")
    with pytest.raises(InputError, match=r"20200101_20200218.txt: neither 'Bperp \(average\):'"):
        read_baselines(tmp_path, dates)


def test_folder_of_stripmapstack(tmp_path):
    (tmp_path / "20200113_20200101.txt").write_text(
        "PERP_BASELINE_BOTTOM -120.5\nPERP_BASELINE_TOP -119.5\n"
    )
    found = read_baselines(tmp_path, ["20200101", "20200113"])
    np.testing.assert_allclose(found.bperp_m, [0, 120])


@pytest.mark.parametrize(
    "text",
    [
        "20170302 20170302 0.0 0.0\n20170302 20170326 130.9  24.0\n20170302 20170314  32.4  12.0\n",
        "  1 20170314 20170326 98.5 12.0 12.0 24.0 32.4 130.9\n"
        "  2 20170302 20170314 32.4 12.0 0.0 12.0 0.0 32.4\n",
    ],
    ids=["new", "old"],
)
def test_file_of_licsbas(text, tmp_path):
    (tmp_path / "baselines").write_text(text)
    found = read_baselines(tmp_path / "baselines", ["20170302", "20170314", "20170326"])
    np.testing.assert_allclose(found.bperp_m, [0, 32.4, 130.9])


SLC_VALUES = [0, 40.0, -25.5, 110.25]


@pytest.mark.parametrize(
    "text",
    [
        "20200101 0\n20200113 40\n20200206 -25.5\n20200302 110.25\n",
        "# date bperp\n2020-01-01   0.0\n\n2020-01-13\t40\n20200206 -25.5\n20200302 110.25\n",
        "20200101,0\r\n20200113,40\r\n20200206,-25.5\r\n20200302,110.25\r\n",
        "\ufeff20200302 70.25\n20200206 -65.5\n20200113 0\n20200101 -40\n20211231 NaN\n",
        # GMTSAR counts the days of a year from 0
        "S1_20200101_ALL_F1 2020000.2 2191.2 -0.1 5 0 0\n"
        "S1_20200113_ALL_F1 2020012.2 2203.2 0.3 45 1 2\n"
        "S1_20200206_ALL_F1 2020036.2 2227.2 0.2 -20.5 3 4\n"
        "S1_20200302_ALL_F1 2020061.2 2252.2 0.4 115.25 5 6\n",
        "ALPSRP1 2020000.5 1 2 0\nALPSRP2 2020012.5 1 2 40\n"
        "ALPSRP3 2020036.5 1 2 -25.5\nALPSRP4 2020061.5 1 2 110.25\n",
        # ASF's search
        "Granule Name,Acquisition Date,Temporal Baseline (days),Perpendicular Baseline (meters)\n"
        "A,2020-01-01T04:30:30Z,0,0\nB,2020-01-13T04:30:30Z,12,40\n"
        "C,2020-02-06T04:30:30Z,36,-25.5\nD,2020-03-02T04:30:30Z,61,110.25\n"
        "E,2021-03-02T04:30:30Z,426,\nF,2021-03-14T04:30:30Z,438,None\n",
        "Scene Name,PerpendicularBaseline\n"
        "S1A_IW_SLC__1SDV_20200101T043030_20200101T043058_030616_0381F4_A1B2,0\n"
        "S1A_IW_SLC__1SDV_20200113T043030_20200113T043058_030791_038813_A1B2,40\n"
        "S1A_IW_SLC__1SDV_20200206T043030_20200206T043058_031141_039452_A1B2,-25.5\n"
        "S1A_IW_SLC__1SDV_20200302T043030_20200302T043058_031491_03A07F_A1B2,110.25\n",
    ],
    ids=["spaces", "comments", "commas", "other orbit", "GMTSAR", "ALOS", "ASF", "scenes"],
)
def test_tables_per_slc_of_other_programs(table, text):
    np.testing.assert_allclose(read_baselines(table(text), DATES).bperp_m, SLC_VALUES)


@pytest.mark.parametrize(
    "text",
    [
        "# LiCSBAS\n20200101 20200113 40 12\n# again\n20200113 20200206 -65.5 24\n"
        "20200101 20200302 110.25 61\n20200302 20210302 nan 365\n",
        "20200101 20200113 40\n20200113 20200206 -65.5\n20200101 20200302 110.25\n",
        "20200101,20200113,40\n20200113,20200206,-65.5\n20200101,20200302,110.25\n",
        "Reference Granule,Secondary Granule,Perpendicular Baseline (m)\n"
        "S1_20200101T043030,S1_20200113T043030,40\nS1_20200113T043030,S1_20200206T043030,-65.5\n"
        "S1_20200101T043030,S1_20200302T043030,110.25\nS1_20200101T043030,S1_20210302T043030,\n",
        "date1,date2,bperp\n20200101,20200113,40\n20200113,20200206,-65.5\n"
        "20200101,20200302,110.25\n20200101,20210302,N/A\n",
    ],
    ids=["LiCSBAS", "three columns", "commas", "granules", "blank of another date"],
)
def test_tables_per_pair_of_other_programs(table, text):
    np.testing.assert_allclose(read_baselines(table(text), DATES).bperp_m, SLC_VALUES)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("20200101 0\n20200113 nan\n", ["line 2", "20200113", "fill it in"]),
        ("20200101 0\n20200113 x\n", ["line 2", "'x'"]),
        ("20200101 0\n20200113\n", ["line 2", "1 columns", "2 in the first"]),
        ("20200101 20200113 40\n20200101 0\n", ["line 2", "2 columns", "3 in the first"]),
        ("20200101 0 1 2 3 4\n", ["line 1", "6 columns", "GMTSAR"]),
        ("20201301 0\n", ["line 1", "'20201301'", "no date"]),
        ("20200101 20200113 1 2\n20200101 b 1 2\n", ["line 2", "'b' is no date"]),
        ("S1_20200101_F1 2020001.2 1 2 3\n", ["line 1", "20200101", "20200102", "count from 0"]),
        ("ALP 2020001.2 1 2 3\nALP 20.5 1 2 3\n", ["line 2", "'20.5'", "YYYYDDD"]),
    ],
)
def test_bad_lines_of_tables_without_a_header(table, text, words):
    refused(table(text), *words)
