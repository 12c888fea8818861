"""The STAC item: where a scene is, by hand, and whether items are as their schemas ask."""

import json
import os
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import jsonschema
import numpy as np
import pytest
from emcflow.io.raster import Grid, write_raster
from emcflow.products.point_table import DegreeRasters
from emcflow.products.stac import footprint, make_item
from rasterio.crs import CRS
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource

DATES = ("20200101", "20200113", "20200206")
DEGREES_WKT = CRS.from_epsg(4326).to_wkt()
CORE = "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json"
# A folder of the schemas by their addresses, where there is no network: HOST/PATH.
SCHEMAS = os.environ.get("EMCFLOW_STAC_SCHEMAS")


def published(address):
    """Read a schema where it is published, or in the folder of them."""
    if SCHEMAS:
        path = Path(SCHEMAS, address.split("://")[1])
        if not path.exists():
            raise NoSuchResource(address)
        text = path.read_text()
    else:
        with urlopen(address, timeout=5) as answer:
            text = answer.read().decode()
    return Resource.from_contents(json.loads(text))


def check_item(item):
    """What STAC asks of every item, told by hand: a schema may be out of reach."""
    assert item["type"] == "Feature" and item["stac_version"] == "1.1.0"
    assert len(item["stac_extensions"]) == 3
    assert item["links"] == [] and item["assets"]
    assert (item["geometry"] is None) == ("bbox" not in item)
    properties = item["properties"]
    assert properties["datetime"] is None  # so both ends are needed
    assert properties["start_datetime"] < properties["end_datetime"]
    known = {
        "proj": {"code", "wkt2", "shape", "transform", "bbox"},
        "raster": {"sampling", "spatial_resolution"},
        "insar": {
            *("reference_datetime", "secondary_datetime"),
            *("temporal_baseline", "perpendicular_baseline"),
        },
    }
    bands = [asset["bands"][0] for asset in item["assets"].values()]
    for part in [properties, *item["assets"].values(), *bands]:
        fields = [name.split(":") for name in part if ":" in name]
        assert all(field in known[prefix] for prefix, field in fields)
    assert {band["data_type"] for band in bands} <= {"float32", "uint16", "uint8"}
    assert all(isinstance(band.get("nodata", 0), int | float) or band["nodata"] == "nan"
               for band in bands)  # fmt: skip
    assert not any(Path(asset["href"]).is_absolute() for asset in item["assets"].values())


def made(folder, grid, **more):
    """Make the item of an interferogram and a map."""
    tags = {"REFERENCE_DATE": DATES[0], "SECONDARY_DATE": DATES[1]}
    paths = folder / f"unwrapped/{DATES[0]}_{DATES[1]}.unw.tif", folder / "velocity_mm_yr.tif"
    image = np.zeros(grid.shape, np.float32)
    write_raster(paths[0], image, grid, units="rad", description="unwrapped phase", tags=tags)
    write_raster(paths[1], image, grid, units="mm/yr", description="velocity")
    return make_item("city", folder / "exports", paths, grid, DATES, **more)


UTM = Grid((3, 4), CRS.from_epsg(32631).to_wkt(), (20.0, 0.0, 5e5, 0.0, -10.0, 1e5))
RADAR = Grid((3, 4), None, (1.0, 0, 0, 0, 1.0, 0))


@pytest.mark.parametrize("grid", [UTM, RADAR], ids=["map", "radar"])
def test_an_item_is_as_its_schemas_ask(grid, tmp_path):
    item = made(tmp_path, grid)
    check_item(item)
    try:
        schemas = [published(address) for address in (CORE, *item["stac_extensions"])]
    except (URLError, TimeoutError):
        pytest.skip("no network: the schemas of STAC are out of reach (see EMCFLOW_STAC_SCHEMAS)")
    registry = Registry(retrieve=published)
    for schema in schemas:
        jsonschema.Draft7Validator(schema.contents, registry=registry).validate(item)


def test_an_item_by_hand(tmp_path):
    bperp = {DATES[0]: 10.0, DATES[1]: -20.5, DATES[2]: 0.0}
    item = made(tmp_path, UTM, bperp_m=bperp, platform="Sentinel-1A")
    properties = item["properties"]
    assert properties["title"] == "city, 3 dates from 20200101 to 20200206"
    assert properties["start_datetime"] == "2020-01-01T00:00:00Z"
    assert properties["platform"] == "sentinel-1a"
    assert properties["proj:code"] == "EPSG:32631"
    assert CRS.from_user_input(properties["proj:wkt2"]).to_epsg() == 32631
    assert properties["proj:bbox"] == [5e5, 1e5 - 30, 5e5 + 80, 1e5]
    assert properties["proj:transform"] == [20, 0, 5e5, 0, -10, 1e5]
    assert properties["insar:temporal_baseline"] == 36
    assert properties["insar:perpendicular_baseline"] == -10
    assert item["assets"] == {
        "unwrapped/20200101_20200113.unw": {
            "href": "../unwrapped/20200101_20200113.unw.tif",
            "type": "image/tiff; application=geotiff",
            "title": "unwrapped phase 20200101 20200113",
            "roles": ["data", "unwrapped_phase"],
            "bands": [
                {
                    "name": "20200101_20200113",
                    "data_type": "float32",
                    "unit": "rad",
                    "raster:sampling": "area",
                    "nodata": "nan",
                    "raster:spatial_resolution": round(200**0.5, 6),
                }
            ],
            "insar:reference_datetime": "2020-01-01T00:00:00Z",
            "insar:secondary_datetime": "2020-01-13T00:00:00Z",
            "insar:temporal_baseline": 12.0,
            "insar:perpendicular_baseline": -30.5,
        },
        "velocity_mm_yr": {
            "href": "../velocity_mm_yr.tif",
            "type": "image/tiff; application=geotiff",
            "title": "velocity",
            "roles": ["data"],
            "bands": [
                {
                    "name": "velocity_mm_yr",
                    "data_type": "float32",
                    "unit": "mm/yr",
                    "raster:sampling": "area",
                    "nodata": "nan",
                    "raster:spatial_resolution": round(200**0.5, 6),
                }
            ],
        },
    }


def area_of(ring):
    x, y = np.transpose(ring)
    return (x[:-1] @ y[1:] - x[1:] @ y[:-1]) / 2


def test_a_scene_in_degrees_is_a_rectangle():
    geometry, bbox = footprint(Grid((10, 20), DEGREES_WKT, (0.1, 0, 12, 0, -0.1, 45)))
    assert geometry["type"] == "Polygon"
    (ring,) = geometry["coordinates"]
    assert ring[0] == ring[-1]
    assert area_of(ring) == pytest.approx(2)  # positive: counterclockwise
    assert bbox == pytest.approx([12, 44, 14, 45])


@pytest.mark.parametrize("left", [179.5, -180.5])
def test_a_scene_across_longitude_180_is_in_two_parts(left):
    """Half a degree west of it, one and a half east, wherever its coordinates start."""
    geometry, bbox = footprint(Grid((10, 20), DEGREES_WKT, (0.1, 0, left, 0, -0.1, 45)))
    assert geometry["type"] == "MultiPolygon"
    (within,), (beyond,) = geometry["coordinates"]
    assert area_of(within) == pytest.approx(0.5) and area_of(beyond) == pytest.approx(1.5)
    assert np.max(within, axis=0)[0] == 180 and np.min(beyond, axis=0)[0] == -180
    assert bbox == pytest.approx([179.5, 44, -178.5, 45])


def test_radar_coordinates_are_outlined_by_what_is_known_of_them(tmp_path):
    corners = [(0, 0, 10, 50), (0, 4, 14, 50), (3, 0, 10, 47), (3, 4, 14, 47)]
    gcps = tuple((*corner, 0.0) for corner in corners)
    geometry, bbox = footprint(Grid((3, 4), None, RADAR.transform, gcps, DEGREES_WKT))
    assert bbox == pytest.approx([10, 47, 14, 50])
    assert area_of(geometry["coordinates"][0]) == pytest.approx(12)
    row, col = np.indices((3, 4)).astype(np.float32)
    names = []
    for name, image in (("longitude", 10 + col - row), ("latitude", 50 - row)):
        names.append(tmp_path / f"{name}.tif")
        image[0, 0] = np.nan
        write_raster(names[-1], image, RADAR, units="degree", description=name)
    geometry, bbox = footprint(RADAR, DegreeRasters(*names, None))
    assert bbox == [8, 48, 13, 50]
    # a parallelogram of 3 x 2 degrees without the corner of the pixel that has none
    assert area_of(geometry["coordinates"][0]) == pytest.approx(5.5)
    assert footprint(RADAR) == (None, None)
