"""Velocities tied to GNSS stations: lines of sight, planes and misfits by hand; tables refused."""

import numpy as np
import pytest
from emcflow.errors import InputError
from emcflow.io.gnss_table import Stations, read_stations
from emcflow.io.raster import NO_LABEL_DATA, Grid, write_raster
from emcflow.products import gnss
from emcflow.products.gnss import (
    fit_tie,
    motion_at,
    station_motion,
    station_places,
    tie_remark,
    toward_sensor,
)
from emcflow.products.tied_velocity import tied_velocity
from rasterio.crs import CRS


def test_motion_toward_the_sensor_by_hand():
    """It flies north: looking right it looks to the east, and what moves there moves away."""
    axes = np.eye(3)  # east, north, up
    sin, cos = np.sin(np.radians(30)), np.cos(np.radians(30))
    right, left = (toward_sensor(axes, 30.0, 0.0, looks) for looks in ("right", "left"))
    np.testing.assert_allclose(right, [-sin, 0, cos], atol=1e-12)
    np.testing.assert_allclose(left, [sin, 0, cos], atol=1e-12)
    # it flies south and looks to the west; then to the east by heading, to the south
    np.testing.assert_allclose(toward_sensor(axes, 30.0, 180.0, "right"), [sin, 0, cos], atol=1e-12)
    np.testing.assert_allclose(toward_sensor(axes, 30.0, 90.0, "right"), [0, sin, cos], atol=1e-12)
    # Sentinel-1, ascending: Hanssen's cos and sin of the heading minus 270 degrees
    angle = np.radians(-13 - 270)
    found = toward_sensor([[1.0, 2.0, 3.0]], np.array([39.0]), -13.0, "right")
    across = 2 * np.cos(angle) + 1 * np.sin(angle)
    np.testing.assert_allclose(found, 3 * np.cos(np.radians(39)) - np.sin(np.radians(39)) * across)


DATES = ["20190101", "20190301", "20200101"]  # of the stack
AXES = ["east_mm_yr", "north_mm_yr", "up_mm_yr"]


def test_stations_are_where_their_degrees_are():
    """In a grid of 0.1 degrees from 10 E 50 N; the centre of its first pixel is row 0, column 0."""
    grid = Grid((20, 30), CRS.from_epsg(4326).to_wkt(), (0.1, 0, 10, 0, -0.1, 50))
    names, places = ["longitude", "latitude"], [[10.05, 49.95], [11.05, 48.45]]
    stations = Stations("gnss.csv", ["A", "B"], names, AXES, places, [[0, 0, 1]] * 2, [1, 1])
    np.testing.assert_allclose(station_places(stations, grid), [[0, 0], [15, 10]], atol=1e-9)
    radar = Grid((20, 30), None, (1.0, 0, 0, 0, 1.0, 0))
    with pytest.raises(InputError, match=r"^gnss\.csv: longitude and latitude .* row and col"):
        station_places(stations, radar)


def test_motion_of_stations_by_a_raster_of_angles_and_along_the_line_of_sight(tmp_path):
    """A window of the raster from row 2, column 3; no angle at the second, the third is outside."""
    angles = np.full((6, 8), 30, np.float32)
    angles[3, 5], angles[2, 4] = 60, 0
    path = tmp_path / "incidence.tif"
    radar = Grid((6, 8), None, (1.0, 0, 0, 0, 1.0, 0))
    write_raster(path, angles, radar, units="degree", description="incidence")
    places = [[1, 2], [0, 1], [-9, 0]]
    stations = Stations(
        "t", ["A", "B", "C"], ["row", "col"], AXES, places, [[0, 0, 8]] * 3, [1] * 3
    )
    view = {"heading_deg": -13, "looks": "right", "incidence_angle_deg": str(path)}
    view["window"] = (2, 3, 6, 8)
    found = station_motion(stations, np.array(places), (4, 5), view)
    np.testing.assert_allclose(found, [4, np.nan, np.nan], atol=1e-6)
    for name, sign in (("toward_mm_yr", 1), ("away_mm_yr", -1)):
        along = Stations("t", ["A"], ["row", "col"], [name], [[1, 2]], [[5.0]], [1])
        assert station_motion(along, np.array([[1, 2]]), (4, 5), None) == [5 * sign]


PLACES = np.array([[0.0, 0], [0, 10], [20, 0], [20, 10], [5, 5]])


def test_a_plane_is_found_again_and_says_what_it_is_worth():
    difference = 4 + PLACES @ [0.5, -0.25]
    tie = fit_tie(difference, PLACES, np.ones(5))
    assert tie.has_ramp
    np.testing.assert_allclose(tie.coefficients, [4, 0.5, -0.25])
    np.testing.assert_allclose(tie.at(PLACES), difference)
    np.testing.assert_allclose(tie.misfit, 0, atol=1e-12)
    assert "tied to 5 of 6 GNSS stations: offset +7.2 mm/yr toward the sensor, ramp of 10.3 " in (
        tie_remark(tie, PLACES, 6, (20, 10))
    )


def test_what_is_left_out_is_told_as_by_fits_without_it():
    rng = np.random.default_rng(1)
    difference, sigma = rng.normal(0, 3, 5), np.array([1, 2, 1, 0.5, 1])
    tie = fit_tie(difference, PLACES, sigma)
    for one in range(5):
        rest = np.arange(5) != one
        design = np.column_stack([np.ones(5), PLACES]) / sigma[:, None]
        without = np.linalg.lstsq(design[rest], (difference / sigma)[rest], rcond=None)[0]
        expected = difference[one] - without @ [1, *PLACES[one]]
        np.testing.assert_allclose(tie.left_out[one], expected)


@pytest.mark.parametrize(
    "places", [PLACES[:3], np.array([[0.0, 0], [1, 1], [2, 2], [9, 9.1]])], ids=["few", "a line"]
)
def test_stations_that_carry_no_plane_give_an_offset(places):
    difference = np.arange(len(places), dtype=float)
    tie = fit_tie(difference, places, np.ones(len(places)))
    assert not tie.has_ramp
    np.testing.assert_allclose(tie.coefficients, [difference.mean(), 0, 0])
    np.testing.assert_allclose(tie.misfit, difference - difference.mean())


def test_one_station_gives_an_offset_that_nothing_checks():
    tie = fit_tie(np.array([-3.0]), PLACES[4:], np.ones(1))
    np.testing.assert_allclose(tie.coefficients, [-3, 0, 0])
    assert np.isnan(tie.left_out).all()
    assert "offset -3.0 mm/yr toward the sensor; nothing checks it" in (
        tie_remark(tie, PLACES[4:], 1, (20, 10))
    )


def test_a_station_has_the_median_of_the_points_around_it_in_one_component():
    """Two stations in component 2, one in 1, one far from all."""
    points = np.argwhere(np.ones((40, 40)))
    labels = np.where(points[:, 1] < 30, 2, 1)
    values = points[:, 0] + 100.0 * (labels == 1)
    stations = np.array([[10, 10], [20, 29], [20, 35], [500, 10]])
    found, counts, label = motion_at(stations, points, values, labels)
    assert label == 2
    assert counts.tolist() == [25, 25, 25, 0]
    np.testing.assert_allclose(found, [10, 20, 20, np.nan])
    assert motion_at(stations[3:], points, values, labels)[2] == 0


def test_of_points_equally_far_the_first_ones_count(monkeypatch):
    """Four at the corners of the station's pixel, row by row; and only two are taken."""
    monkeypatch.setattr(gnss, "NEAREST_POINTS", 2)
    points = np.array([[9, 9], [9, 11], [11, 9], [11, 11]])
    found, counts, _ = motion_at(
        np.array([[10, 10]]), points, np.array([1.0, 3, 50, 70]), np.ones(4, int)
    )
    assert (found.tolist(), counts.tolist()) == ([2], [2])


def test_a_map_is_tied_by_what_is_around_stations(tmp_path):
    """Of rows of blocks: 4 mm/yr are missing everywhere, the second component has no station."""
    grid = Grid((600, 30), None, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    velocity = np.add.outer(np.arange(600) / 100, np.arange(30)).astype(np.float32)
    velocity[100:300] = np.nan
    labels = np.where(np.arange(600) < 590, 1, 2).astype(np.uint16)[:, None] + 0 * velocity
    labels = np.where(np.isfinite(velocity), labels, NO_LABEL_DATA).astype(np.uint16)
    for name, image in (("velocity", velocity), ("labels", labels)):
        write_raster(tmp_path / name, image, grid, units="1", description=name)
    places = [[2, 3], [8, 5], [580, 29], [200, 10], [-30, 4]]  # two near the edge, two without any
    stations = Stations("t", [*"ABCDE"], ["row", "col"], ["away_mm_yr"], places, [[0]] * 5, [1] * 5)
    stations.velocities[:3] = [[4 + velocity[tuple(place)]] for place in places[:3]]
    tied = tied_velocity(stations, tmp_path / "velocity", tmp_path / "labels", grid, "away")
    assert tied.stations["points"][:2].tolist() == [25, 25]
    assert tied.stations["points"][3:].tolist() == [0, 0]
    found = np.concatenate([tied.velocity(0, 512), tied.velocity(512, 600)])
    expected = np.where(labels == 1, velocity + tied.stations["correction_mm_yr"][1], np.nan)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def written(folder, text):
    path = folder / "gnss.csv"
    path.write_text(text)
    return path


def test_a_table_of_stations(tmp_path):
    path = written(
        tmp_path,
        "Station,Longitude,latitude,up_mm_yr,east_mm_yr,north_mm_yr,sigma_mm_yr\n"
        "TLSE,1.5,43.5,-1,20,17,0.4\nAAAA,2,44,0,19,16,1\n",
    )
    stations = read_stations(path, DATES)
    assert stations.in_degrees and stations.along_axes
    assert stations.names == ["TLSE", "AAAA"]
    assert stations.places == [[1.5, 43.5], [2, 44]]
    assert stations.velocities == [[20, 17, -1], [19, 16, 0]]
    assert stations.sigma == [0.4, 1]
    stations = read_stations(written(tmp_path, "row,col,away_mm_yr\n1,2,3\n"), DATES)
    assert (stations.names, stations.sigma) == (["line 2"], [1])
    assert not (stations.in_degrees or stations.along_axes)


def test_displacements_become_velocities_over_the_time_of_the_stack(tmp_path):
    """Lines a day before and after the stack do not count, nor a station with a date in it."""
    path = written(
        tmp_path,
        "station,row,col,date,east_mm,north_mm,up_mm,sigma_mm_yr\n"
        "A,1,2,20181231,500,500,500,2\n"
        "A,1,2,2020-01-01,10,-2,6,2\n"  # 365 days after the first, in any order
        "A,1,2,20190101,4,1,6,2\n"
        "B,3,4,20190101,0,0,0,1\n"
        "C,5,6,20190101,0,0,1,1\n"
        "C,5,6,20190111,0,0,2,1\n"
        "C,5,6,20190121,0,0,6,1\n"
        "C,5,6,20200102,0,0,900,1\n",
    )
    stations = read_stations(path, DATES)
    assert stations.along_axes and stations.velocity_names == AXES
    assert (stations.names, stations.places) == (["A", "C"], [[1, 2], [5, 6]])
    assert stations.sigma == [2, 1]
    year = 365.25
    # of C the line through days 0, 10, 20 rises by (6 - 1) / 20 a day
    np.testing.assert_allclose(
        stations.velocities, [[6 * year / 365, -3 * year / 365, 0], [0, 0, 0.25 * year]], atol=1e-9
    )
    assert stations.remarks == [
        "velocities of 2 stations fitted to displacements at 2 to 3 dates from 20190101 to "
        "20200101, the time of the stack; 2 displacements outside it left out",
        "left out, since they have fewer than 2 such dates: B",
    ]


def test_displacements_of_stations_without_names_are_told_apart_by_place(tmp_path):
    series = list(zip(DATES, (0, 2, 5), strict=True))
    lines = [f"{row},2,{day},{row * mm}" for row in (1, 3) for day, mm in series]
    path = written(tmp_path, "row,col,date,toward_mm\n" + "\n".join(lines))
    stations = read_stations(path, DATES)
    assert stations.names == ["1 2", "3 2"] and stations.velocity_names == ["toward_mm_yr"]
    days = np.array([0, 59, 365])
    slope = np.polyfit(days / 365.25, [0, 2, 5], 1)[0]
    np.testing.assert_allclose(stations.velocities, [[slope], [3 * slope]])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("row,col,up_mm,east_mm,north_mm\n1,2,3,4,5\n", "no column date in the header row, col"),
        ("row,col,date,away_mm,away_mm_yr\n1,2,20190101,3,3\n", "remove the others"),
        ("row,col,date,away_mm\n1,2,20190101,x\n", "'x'; expected a finite displacement in mm"),
        ("row,col,date,away_mm\n1,2,May,3\n", "line 2: date is 'May'; expected a date as YYYYMMDD"),
        (
            "row,col,date,away_mm\n1,2,20190101,3\n1,2,20190101,4\n",
            "line 3: the station 1 2 is listed twice at 20190101",
        ),
        (
            "station,row,col,date,away_mm\nA,1,2,20190101,3\nA,1,3,20190301,4\n",
            "line 3: the station A has another place or sigma_mm_yr here than in line 2",
        ),
        (
            "row,col,date,away_mm\n1,2,20190101,3\n1,2,20200201,4\n",
            "no station has displacements at 2 dates from 20190101 to 20200101",
        ),
        ("row,col\n1,2\n", "expected one of toward_mm_yr, or away_mm_yr, or east_mm_yr and north"),
        ("row,toward_mm_yr\n1,2\n", "expected one of longitude and latitude, or row and col"),
        ("row,col,toward_mm_yr,away_mm_yr\n1,2,3,-3\n", "remove the others"),
        ("row,col,away_mm_yr\n1,2,x\n", "line 2: away_mm_yr is 'x'; expected a finite velocity"),
        ("row,col,away_mm_yr,sigma_mm_yr\n1,2,3,0\n", "line 2: sigma_mm_yr is 0; expected mm/yr"),
        ("longitude,latitude,away_mm_yr\n4.5e5,3e6,1\n", "line 2: longitude 450000 and latitude"),
        ("station,row,col,away_mm_yr\nA,1,2,1\nA,2,2,1\n", "line 3: the station A is listed twice"),
    ],
)
def test_tables_that_are_none_are_refused_in_one_line(text, says, tmp_path):
    with pytest.raises(InputError) as error:
        read_stations(written(tmp_path, text), DATES)
    assert says in str(error.value) and "\n" not in str(error.value)
