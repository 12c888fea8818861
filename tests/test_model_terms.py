"""Annual cycle, steps and thermal dilation of links: by hand, against bounds, in whole runs."""

import numpy as np
import pytest
import rasterio
from emcflow.acquisition.geometry import TERMS, design_matrix
from emcflow.acquisition.model_terms import (
    EXTRA_UNITS,
    check_step_date,
    extra_columns,
    extra_ranges,
    range_key,
    sigma_name,
    split_date,
    step_limit_mm,
    step_terms,
    term_groups,
    term_unit,
)
from emcflow.errors import InputError
from emcflow.io.date_tables import read_temperatures
from emcflow.io.files import read_csv
from emcflow.io.hdf5 import read_link_weights
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import check_search, choose_terms, coarse_axis
from emcflow.links.terms import choose_model_terms, search_axes
from emcflow.products.accuracy import share_right
from emcflow.report.pictures import parameter_texts
from emcflow.unwrap.points import unwrap_points
from scipy.stats import norm
from stacks import write_stack
from test_links import cramer_rao, links_of, wrap
from test_memory import asked_and_taken
from workflow import outputs_of_the_page, read, run_whole

# 4 pi / wavelength is 1 rad per mm: columns are in mm.
ONE_RADIAN_PER_MM = 4e-3 * np.pi
GEOMETRY = {"wavelength_m": 0.031, "slant_range_m": 630e3, "incidence_angle_deg": 39.0}
ASKED = {
    "annual": True,
    "annual_range_mm": [-10, 10],
    "step_date": "20200601",
    "step_range_mm": None,
    "temperature_csv": "t.csv",
    "thermal_range_mm_per_c": [-0.5, 0.5],
}
SHAPE = (16, 18)  # of the scenes of whole runs
RANGES = {"velocity_mm_yr": [-60, 60], "dem_error_m": [-30, 30]}


def stack_of(ndates, span_days, seed=3):
    """Dates every eleven days or a multiple, baselines, temperatures of a year with its weather."""
    rng = np.random.default_rng(seed)
    inner = rng.choice(np.arange(1, span_days // 11), ndates - 2, replace=False)
    days = 11 * np.sort([0, *inner, span_days // 11])
    dates = [str(day).replace("-", "") for day in np.datetime64("2019-03-02") + days]
    season = 12 + 9 * np.sin(2 * np.pi * days / 365.25)
    return dates, rng.normal(0, 150, ndates), season + rng.normal(0, 7, ndates)


def design_of(dates, bperp_m, temperature_c, names, step_date="20200601"):
    wavelength = GEOMETRY["wavelength_m"]
    extra = extra_columns(dates, wavelength, names, step_date, temperature_c)
    return np.column_stack([design_matrix(dates, bperp_m - bperp_m[0], **GEOMETRY), extra])


def asked(*names):
    """Return the ranges of velocity, DEM error and some further terms."""
    extra = extra_ranges(ASKED, GEOMETRY["wavelength_m"])
    return RANGES | {name: extra[name] for name in names}


def estimate(phase, edges, design, ranges):
    axes = search_axes(design, ranges, range(len(ranges)))
    return estimate_links(phase, edges, design, axes)


# Columns


def test_columns_by_hand():
    """1 January 2020 is twenty times 365.25 days after that of 2000: the cycle is at its start."""
    dates = ["20200101", "20200401", "20200702", "20201001"]  # quarters of a year, within a day
    columns = extra_columns(
        dates, ONE_RADIAN_PER_MM, list(EXTRA_UNITS), "20200401", [5.0, 20.0, 30.0, 10.0]
    )
    by_hand = [[0, 0, 0, 0], [1, -1, 1, 15], [0, -2, 1, 25], [-1, -1, 1, 5]]
    np.testing.assert_allclose(columns, by_hand, atol=0.011)
    np.testing.assert_allclose(columns[:, 2:], np.array(by_hand)[:, 2:], rtol=1e-12)


def test_the_cycle_does_not_depend_on_the_first_date():
    dates = ["20190302", "20190712", "20200101", "20200601"]
    names = ["annual_sin_mm", "annual_cos_mm"]
    whole = extra_columns(dates, 0.031, names)
    np.testing.assert_allclose(extra_columns(dates[1:], 0.031, names), whole[1:] - whole[1])


@pytest.mark.parametrize("name", EXTRA_UNITS)
def test_motion_away_from_the_sensor_is_positive(name):
    """Where point b moves 2 mm away, its path is 4 mm longer: phase 4 pi 2e-3 / wavelength."""
    dates, _, temperature = stack_of(24, 770)
    column = extra_columns(dates, 0.0555, [name], "20200601", temperature)
    away_mm = {
        "step_mm": np.array([2.0 * (day >= "20200601") for day in dates]),
        "thermal_mm_per_c": 0.2 * temperature,
    }
    if name.startswith("annual"):
        wave = np.sin if "sin" in name else np.cos
        since = np.array([np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:]}") for d in dates])
        days = (since - np.datetime64("2000-01-01")).astype(int)
        away_mm[name] = 2.0 * wave(2 * np.pi * days / 365.25)
    phase = np.zeros((24, 2), np.float32)
    phase[:, 1] = wrap(4 * np.pi / 0.0555 * 1e-3 * (away_mm[name] - away_mm[name][0]))
    limits = [[-5, 5]] if name != "thermal_mm_per_c" else [[-0.5, 0.5]]
    axes = [coarse_axis(column[:, 0], *limits[0])]
    model = estimate_links(phase, np.array([[0, 1], [1, 0]]), column, axes)
    expected = 0.2 if name == "thermal_mm_per_c" else 2.0
    np.testing.assert_allclose(model.params, [[expected, -expected]], rtol=1e-4)


def test_a_step_of_half_a_wavelength_is_none():
    dates, _, _ = stack_of(24, 770)
    column = extra_columns(dates, 0.031, ["step_mm"], "20200601")
    turns = column * 1e3 * 0.031 / 2 / (2 * np.pi)
    np.testing.assert_allclose(turns, np.rint(turns), atol=1e-12)
    assert step_limit_mm(0.031) == 7.75  # so a quarter either way holds every step once
    assert extra_ranges(ASKED, 0.031)["step_mm"] == [-7.75, 7.75]


def test_ranges_are_those_of_what_is_asked_for():
    assert extra_ranges(ASKED | {"step_date": None, "annual": False}, 0.031) == {
        "thermal_mm_per_c": [-0.5, 0.5]
    }
    assert [range_key(name) for name in ("dem_error_m", "annual_cos_mm")] == [
        "dem_error_range_m",
        "annual_range_mm",
    ]


def test_names_of_several_steps_have_their_dates():
    assert step_terms("20200601") == step_terms(["20200601"]) == {"step_mm": "20200601"}
    steps = ["20200206", "20200601"]
    names = ["step_20200206_mm", "step_20200601_mm"]
    assert list(extra_ranges(ASKED | {"step_date": steps, "annual": False}, 0.031)) == [
        *names,
        "thermal_mm_per_c",
    ]
    assert sigma_name(names[0]) == "step_20200206_sigma_mm"
    assert split_date(sigma_name(names[0])) == ("step_sigma_mm", "20200206")
    assert (term_unit(names[0]), range_key(names[1])) == ("mm", "step_range_mm")
    assert term_groups([*TERMS, "thermal_mm_per_c", *names]) == [
        ("step", names[:1]),
        ("step", names[1:]),
        ("thermal", ["thermal_mm_per_c"]),
    ]
    assert parameter_texts(names[0])[0] == "Step of 2020-02-06"


def test_columns_of_several_steps_by_hand():
    dates, steps = ["20200101", "20200206", "20200301", "20200601"], ["20200201", "20200601"]
    columns = extra_columns(dates, ONE_RADIAN_PER_MM, list(step_terms(steps)), steps)
    np.testing.assert_allclose(columns, [[0, 0], [1, 0], [1, 0], [1, 1]], rtol=1e-12)


def test_steps_beyond_the_dates_are_refused_at_once():
    dates = ["20200101", "20200206", "20200301"]
    check_step_date(["20200206", "20200301"], dates)
    with pytest.raises(InputError, match="step_date: 20200101, 20200302 has no dates"):
        check_step_date(["20200101", "20200206", "20200302"], dates)


# Estimates


@pytest.mark.parametrize(
    "names", [["annual_sin_mm", "annual_cos_mm"], ["step_mm", "thermal_mm_per_c"]]
)
def test_reaches_the_cramer_rao_bound_and_reports_it(names):
    dates, bperp, temperature = stack_of(30, 880)
    design, ranges = design_of(dates, bperp, temperature, names), asked(*names)
    rng = np.random.default_rng(5)
    # within half of the ranges: a step beside its limit has a twin beside the other
    truth = np.array([rng.uniform(low / 2, high / 2, 600) for low, high in ranges.values()])
    phase, edges = links_of(design, truth, 0.25)
    model = estimate(phase, edges, design, ranges)
    error = model.params - truth
    bound = cramer_rao(design, 0.25)
    right = (np.abs(error) < 6 * bound[:, None]).all(axis=0)
    assert right.mean() > 0.99
    rmse = np.sqrt((error[:, right] ** 2).mean(axis=1))
    np.testing.assert_allclose(rmse / bound, 1, atol=0.1)
    np.testing.assert_allclose((error / model.sigma)[:, right].std(axis=1), 1, atol=0.1)
    assert not model.at_range_end[right].any()


def test_more_terms_are_found_where_there_is_nothing_but_velocity_and_height():
    names = ["annual_sin_mm", "annual_cos_mm", "step_mm"]
    dates, bperp, temperature = stack_of(30, 880)
    design, ranges = design_of(dates, bperp, temperature, names), asked(*names)
    truth = np.zeros((5, 200))
    truth[:2] = np.random.default_rng(6).uniform(-25, 25, (2, 200))
    phase, edges = links_of(design, truth, 0.2)
    scaled = np.abs(estimate(phase, edges, design, ranges).params - truth)
    scaled /= cramer_rao(design, 0.2)[:, None]
    assert np.mean(scaled < 3) > 2 * norm.cdf(3) - 1 - 0.01


def test_a_search_of_hours_is_refused():
    dates, bperp, temperature = stack_of(30, 880)
    design = design_of(dates, bperp, temperature, list(EXTRA_UNITS))
    ranges = [*asked(*EXTRA_UNITS).values()]
    with pytest.raises(InputError, match="combinations takes hours, expected at most 250000"):
        check_search(design, ranges, 4000, fine=2)
    check_search(design[:, :5], ranges[:5], 4000, fine=2)


# What the dates cannot tell apart


def chosen(dates, bperp, temperature, names, step_date="20200601"):
    design = design_of(dates, bperp, temperature, names, step_date)
    ranges = asked(*names)
    kept, reasons = choose_model_terms(design, [*ranges.values()], [*ranges], dates)
    return [[*ranges][term] for term in kept], [*reasons.values()]


def test_all_terms_are_kept_where_the_dates_tell_them_apart():
    assert chosen(*stack_of(30, 880), [*EXTRA_UNITS]) == ([*TERMS, *EXTRA_UNITS], [])


def test_a_cycle_needs_a_year():
    names = ["annual_sin_mm", "annual_cos_mm"]
    kept, reasons = chosen(*stack_of(16, 352), names)
    assert kept == [*TERMS]
    assert reasons == [
        f"{name} is left out: the dates span 352 days, less than a year" for name in names
    ]


def test_temperature_that_is_the_season_is_no_further_term():
    dates, bperp, _ = stack_of(30, 880)
    cycle = extra_columns(dates, ONE_RADIAN_PER_MM, ["annual_sin_mm", "annual_cos_mm"])
    season = 12 + cycle @ [4.0, -8.0] + np.random.default_rng(1).normal(0, 0.3, 30)
    kept, reasons = chosen(dates, bperp, season, [*EXTRA_UNITS])
    assert kept == [*TERMS, "annual_sin_mm", "annual_cos_mm", "step_mm"]
    (reason,) = reasons
    assert reason.startswith("thermal_mm_per_c is left out: ") and "in step with" in reason
    assert chosen(dates, bperp, season, ["thermal_mm_per_c"])[0] == [*TERMS, "thermal_mm_per_c"]


def test_velocity_and_height_never_give_way():
    """A temperature that rises with time is left out, not the velocity."""
    dates, bperp, _ = stack_of(30, 880)
    years = design_matrix(dates, bperp, **GEOMETRY)[:, 0]
    kept, _ = chosen(dates, bperp, 40 * years / years.max(), ["thermal_mm_per_c"])
    assert kept == [*TERMS]


def test_a_step_needs_two_dates_on_both_sides():
    dates, bperp, temperature = stack_of(30, 880)
    for step_date, dropped in ((dates[1], True), (dates[2], False), (dates[-1], True)):
        kept, reasons = chosen(dates, bperp, temperature, ["step_mm"], step_date)
        assert ("step_mm" not in kept) == dropped == any("one date" in line for line in reasons)


def test_steps_need_two_dates_between_them():
    """Of two steps that are too close the first is kept, which others may follow."""
    dates, bperp, temperature = stack_of(30, 880)
    for second, why in ((10, "no date is between"), (11, "one date"), (12, None)):
        after_first = str(np.datetime64(f"{dates[9][:4]}-{dates[9][4:6]}-{dates[9][6:]}") + 1)
        steps = [after_first.replace("-", ""), dates[second], dates[20]]
        names = list(step_terms(steps))
        design = design_of(dates, bperp, temperature, names, steps)
        ranges = RANGES | extra_ranges(ASKED | {"step_date": steps, "annual": False}, 0.031)
        ranges = {name: ranges[name] for name in [*RANGES, *names]}
        kept, reasons = choose_model_terms(design, [*ranges.values()], [*ranges], dates)
        assert kept == ([0, 1, 2, 4] if why else [0, 1, 2, 3, 4])
        assert [*reasons] == ([3] if why else [])
        assert all(why in line and line.startswith(names[1]) for line in reasons.values())


def test_temperatures_are_those_of_the_dates_whatever_the_order_and_the_other_columns(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "station,Temperature_C,date\nA,3.5,2020-02-06\nA,-1,20200101\nA,9,20200113\nA,5,20200301\n"
    )
    assert read_temperatures(path, ["20200101", "20200113", "20200206"]) == [-1, 9, 3.5]


# Unwrapping


def test_a_roof_that_moves_with_the_temperature_is_wrong_without_its_term_and_right_with_it():
    dates, bperp, temperature = stack_of(24, 770)
    design = design_of(dates, bperp, temperature, ["thermal_mm_per_c"])
    points = np.argwhere(np.ones((20, 20), bool))
    roof = ((points > 5) & (points < 14)).all(axis=1)
    values = np.zeros((3, len(points)))
    values[:, roof] = [[4.0], [12.0], [0.45]]
    truth = design @ values + np.random.default_rng(2).normal(0, 0.2, (24, len(points)))
    truth -= truth[0]
    shares = []
    for terms in ([0, 1], [0, 1, 2]):
        ranges = [[*asked("thermal_mm_per_c").values()][term] for term in terms]
        result = unwrap_points(wrap(truth), points, dates, design[:, terms], ranges)
        assert result.terms == choose_terms(design[:, terms], ranges)[0] == terms
        pairs = zip(result.unwrapped, result.network.pairs, strict=True)
        shares.append(np.mean([share_right(row, truth[b] - truth[a]) for row, (a, b) in pairs]))
    without, with_term = shares
    assert with_term > 0.999
    assert without < 0.98  # every sixth point is on the roof


# A whole run: three steps, of which the last has one date between it and the one before

STEPS_MM = {5: 3.0, 11: -4.0, 12: None}  # by the number of their first date


@pytest.fixture(scope="module")
def stepped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("steps")
    dates, bperp, _ = stack_of(18, 550)
    points = np.argwhere(np.ones(SHAPE, bool))
    away_mm = sum((np.arange(18) >= date) * (step or 0) for date, step in STEPS_MM.items())
    phase = np.random.default_rng(7).normal(0, 0.1, (18, len(points)))
    phase += (4 * np.pi / 31 * away_mm)[:, None] * (points[:, 1] >= 9)
    write_stack(folder / "stack", points, (phase - phase[0]).astype(np.float32), SHAPE, dates)
    lines = [f"{day},{value:.6f}\n" for day, value in zip(dates, bperp, strict=True)]
    (folder / "baselines.csv").write_text("date,bperp_m\n" + "".join(lines))
    config = {
        "output_dir": "results",
        "stack": {"directory": "stack"},
        "baselines": {"csv": "baselines.csv"},
        "geometry": GEOMETRY,
        "link_model": {
            "step_date": [dates[number] for number in STEPS_MM],
            "velocity_range_mm_yr": [-30, 30],
            "dem_error_range_m": [-20, 20],
        },
        "reference": {"point": [5, 2]},
        "outputs": {"exports": ["qgis"]},
    }
    run_whole(folder, config)
    return folder / "results", {dates[number]: step for number, step in STEPS_MM.items()}


def test_steps_come_back_with_their_sign_and_size_each_in_its_map(stepped):
    results, steps = stepped
    for date, step in steps.items():
        image, sigma = (read(results / f"step_{date}{end}.tif") for end in ("_mm", "_sigma_mm"))
        assert (results / f"step_{date}_mm.qml").exists()
        with rasterio.open(results / f"step_{date}_mm.tif") as dataset:
            assert dataset.units == ("mm",)
            assert dataset.tags()["SIGN"].startswith("positive away")
        if step is None:
            assert np.isnan(image).all() and np.isnan(sigma).all()
            continue
        assert np.abs(image - step * (np.indices(SHAPE)[1] >= 9)).max() < 6 * np.median(sigma)
        assert 0 < np.median(sigma) < abs(step) / 3
    assert not (results / "step_mm.tif").exists()


def test_a_step_that_the_dates_do_not_tell_apart_is_said_by_its_date(stepped):
    results, steps = stepped
    first, _, last = steps
    line = f"step_{last}_mm is left out: on one side of it there is one date"
    assert line in (results / "logs" / "link_model_00.log").read_text()
    said = " ".join((results / "report.txt").read_text().split())
    assert f"step_{last}_mm and step_{last}_sigma_mm are empty: the dates do not" in said
    page = (results / "report.html").read_text("utf-8")
    assert f'"title":"Step of {first[:4]}-{first[4:6]}-{first[6:]}"' in page
    unnamed, missing = outputs_of_the_page(results)
    assert unnamed == set() and not {name for name in missing if name.startswith("step_DATE")}


# A whole run: cycle, temperature, a step that the dates do not constrain, and weights of the dates

ROOF = {
    "velocity_mm_yr": 6.0,
    "dem_error_m": 12.0,
    "annual_sin_mm": 3.0,
    "annual_cos_mm": -2.0,
    "thermal_mm_per_c": 0.15,
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("terms")
    dates, bperp, temperature = stack_of(18, 550)
    names = ["annual_sin_mm", "annual_cos_mm", "thermal_mm_per_c"]
    design = design_of(dates, bperp, temperature, names)
    points = np.argwhere(np.ones(SHAPE, bool))
    values = np.array([*ROOF.values()])[:, None] * (points[:, 1] >= 9)
    noise = np.where(np.arange(18) % 4 == 1, 0.4, 0.1)
    phase = np.random.default_rng(4).normal(0, noise, (len(points), 18)).T + design @ values
    write_stack(folder / "stack", points, phase - phase[0], SHAPE, dates)
    for name, column, data in (
        ("baselines", "bperp_m", bperp),
        ("temperatures", "temperature_c", temperature),
        ("noise", "noise_rad", noise),
    ):
        lines = [f"{day},{value:.6f}\n" for day, value in zip(dates, data, strict=True)]
        (folder / f"{name}.csv").write_text(f"date,{column}\n" + "".join(lines))
    config = {
        "output_dir": "results",
        "stack": {"directory": "stack"},
        "baselines": {"csv": "baselines.csv"},
        "geometry": GEOMETRY,
        "link_model": {
            "annual": True,
            "step_date": dates[-1],
            "temperature_csv": "temperatures.csv",
            "weights_csv": "noise.csv",
            "velocity_range_mm_yr": [-30, 30],
            "dem_error_range_m": [-20, 20],
        },
        "reference": {"point": [5, 2]},
        "outputs": {"velocity_positive": "toward"},
    }
    run_whole(folder, config, "--benchmark-extended")
    return folder / "results"


@pytest.mark.parametrize("name", ROOF)
def test_maps_hold_the_truth_within_their_sigma(name, results):
    unit = {"velocity_mm_yr": "mm/yr", "dem_error_m": "m"} | EXTRA_UNITS
    image = read(results / f"{name}.tif")
    stem, _, of = name.partition("_mm")
    sigma_name = "dem_error_sigma_m" if name == "dem_error_m" else f"{stem}_sigma_mm{of}"
    sigma = read(results / f"{sigma_name}.tif")
    motion = -1 if name != "dem_error_m" else 1  # toward the sensor is positive in this run
    truth = motion * ROOF[name] * (np.indices(SHAPE)[1] >= 9)
    # all errors share that of the reference
    assert np.abs(image - truth).max() < 6 * np.median(sigma[sigma > 0])
    assert 0 < np.median(sigma) < abs(ROOF[name]) / 3
    for path in (f"{name}.tif", f"{sigma_name}.tif"):
        with rasterio.open(results / path) as dataset:
            assert dataset.units == (unit[name],)
    with rasterio.open(results / f"{name}.tif") as dataset:
        sign = dataset.tags()["SIGN"]
    assert sign.startswith("positive toward" if motion < 0 else "positive where the target stands")


def test_a_term_that_is_left_out_is_said_to_be_and_its_maps_are_empty(results):
    for name in ("step_mm", "step_sigma_mm"):
        assert np.isnan(read(results / f"{name}.tif")).all()
    line = "step_mm is left out: on one side of it there is one date, whose noise looks the same"
    assert line in (results / "logs" / "link_model_00.log").read_text()
    said = " ".join((results / "report.txt").read_text().split())
    assert "step_mm and step_sigma_mm are empty: the dates do not" in said
    assert "step_mm is empty" in (results / "logs" / "time_series.log").read_text()


def test_the_weights_go_from_the_table_to_the_points(results):
    path = results / "links" / "links_tile_00.h5"
    weights = read_link_weights(path)
    noisy = np.arange(18) % 4 == 1
    np.testing.assert_allclose(weights[~noisy] / weights[noisy][0], 16)
    text = "as good as 13.6 equal ones of 18"
    assert text in (results / "logs" / "link_model_00.log").read_text()
    table = read_csv(results / "quality" / "dates.csv", ("date",))
    np.testing.assert_allclose(table["weight"], weights, rtol=1e-5)


def test_the_report_shows_every_term_that_is_there(results):
    page = (results / "report.html").read_text("utf-8")
    for title in ("Annual cycle, sine", "Annual cycle, cosine", "Thermal dilation"):
        assert f'"title":"{title}"' in page
    assert '"title":"Standard deviation of the dilation"' in page and '"title":"Step"' not in page
    assert "temperatures.csv" in page and "noise.csv" in page


def test_the_jobs_stay_within_their_memory(results):
    jobs = asked_and_taken(results)
    names = {"link_model_00", "link_quality", "time_series"}
    assert {name: jobs[name] for name in names if jobs[name][1] > jobs[name][0]} == {}


def test_the_page_of_outputs_names_every_file(results):
    unnamed, missing = outputs_of_the_page(results)
    assert unnamed == set()
    assert not {
        name
        for name in missing
        if name.startswith(("annual_", "step_mm", "step_sigma", "thermal_"))
    }
