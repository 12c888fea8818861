"""A STAC item that describes the rasters of a run, for catalogues and for programs that read them.

The item is that of STAC 1.1.0 with the extensions projection 2.0.0, raster 2.0.0 and InSAR 1.0.0
(https://stac-extensions.github.io). Times of day are not known here and are 00:00 UTC.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.crs import CRS

from emcflow.acquisition.geometry import days_since_first
from emcflow.io.network_tables import read_date_baselines
from emcflow.io.raster import Grid, map_crs, open_raster, windows
from emcflow.io.scene_file import read_scene_file
from emcflow.io.stack import check_grid
from emcflow.products.point_table import (
    WINDOW,
    DegreeRasters,
    by_degrees,
    degrees_by_gcps,
    has_degrees,
    to_degrees,
)

__all__ = ["describe_run", "footprint", "make_item", "published"]

VERSION = "1.1.0"
EXTENSIONS = [
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "https://stac-extensions.github.io/insar/v1.0.0/schema.json",
]
GEOTIFF = "image/tiff; application=geotiff"
COG = f"{GEOTIFF}; profile=cloud-optimized"
# Places along each side of a scene: its sides are no straight lines in longitude and latitude.
SIDE_PLACES = 21
# 1 cm
DECIMALS = 7

Ring = list[list[float]]


def describe_run(
    folder: str | Path,
    results: str | Path,
    stack: str | Path,
    rasters: Sequence[str],
    baselines: str | None = None,
    *,
    platform: str | None = None,
    degrees: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Describe the rasters of a run by its files.

    Parameters
    ----------
    folder : path
        Where the item will be, or what is laid out as the results are.
    results : path
        Folder of the results, whose name the item gets.
    stack : path
        What the run wrote down of its input.
    rasters : sequence of str
    baselines : str, optional
        Table of a perpendicular baseline for each date.
    platform, degrees
        See :func:`make_item`; `degrees` as the arguments of :class:`DegreeRasters`.

    Returns
    -------
    dict
        See :func:`make_item`.

    Raises
    ------
    InputError
        For rasters of degrees on another grid.
    """
    scene = read_scene_file(stack)
    bperp = None
    if baselines:
        table = read_date_baselines(baselines)
        bperp = dict(zip(table.dates, table.bperp_m.tolist(), strict=True))
    places = DegreeRasters(**degrees) if degrees else None
    if places:
        for raster in (places.longitude, places.latitude):
            check_grid(raster, scene.grid, rasters[0], places.window)
    return make_item(
        Path(results).absolute().name,
        folder,
        rasters,
        scene.grid,
        scene.dates,
        bperp_m=bperp,
        platform=platform,
        degrees=places,
    )


def published(item: dict[str, Any], address: str | None) -> dict[str, Any]:
    """Return an item of rasters that lie beside it as cloud-optimised GeoTIFFs.

    Addresses of the rasters stay relative, so that a copy of all is whole as well.

    Parameters
    ----------
    item : dict
        Of :func:`make_item`.
    address : str or None
        Of the item, which the links of STAC want to be absolute; None leaves it away.

    Returns
    -------
    dict
    """
    links = [{"rel": "self", "href": address, "type": "application/geo+json"}] if address else []
    assets = {name: asset | {"type": COG} for name, asset in item["assets"].items()}
    return item | {"links": links, "assets": assets}


def make_item(
    name: str,
    folder: str | Path,
    rasters: Sequence[str | Path],
    grid: Grid,
    dates: Sequence[str],
    *,
    bperp_m: Mapping[str, float] | None = None,
    platform: str | None = None,
    degrees: DegreeRasters | None = None,
) -> dict[str, Any]:
    """Describe the rasters of a run.

    Parameters
    ----------
    name : str
        Of the run; with the first and last date it is the identifier of the item.
    folder : path
        Where the item will be, which the addresses of the rasters are relative to.
    rasters : sequence of path
        On the grid of the scene, of one band.
    grid : Grid
    dates : sequence of str
        YYYYMMDD, ascending.
    bperp_m : mapping of str to float, optional
        Perpendicular baseline of each date [m], where it is known.
    platform : str, optional
        Name of the satellite.
    degrees : DegreeRasters, optional
        Of a scene that is not on a map.

    Returns
    -------
    dict
        To be written as JSON.
    """
    geometry, bbox = footprint(grid, degrees)
    first, last = dates[0], dates[-1]
    properties = {
        "title": f"{name}, {len(dates)} dates from {first} to {last}",
        "datetime": None,
        "start_datetime": _time(first),
        "end_datetime": _time(last),
        **({"platform": platform.lower()} if platform else {}),
        **_projection(grid),
        **_pair(first, last, bperp_m),
    }
    assets = {}
    for path in map(Path, rasters):
        address = os.path.relpath(path, folder)
        assets[address.removeprefix("../").removesuffix(".tif")] = _asset(
            path, address, grid, bperp_m
        )
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": EXTENSIONS,
        "id": f"{name}_{first}_{last}",
        "geometry": geometry,
        **({"bbox": bbox} if bbox else {}),
        "properties": properties,
        "links": [],
        "assets": assets,
    }


def footprint(
    grid: Grid, degrees: DegreeRasters | None = None
) -> tuple[dict[str, Any] | None, list[float] | None]:
    """Return the outline of a scene in longitude and latitude (WGS 84), and what bounds it.

    Parameters
    ----------
    grid : Grid
    degrees : DegreeRasters, optional
        Of a scene that is not on a map; else those of its ground control points, if it has some.

    Returns
    -------
    geometry : dict or None
        GeoJSON: a polygon, counterclockwise, or two of them where the scene lies across longitude
        180 (RFC 7946, 3.1.9); None where nothing says where the scene is.
    bbox : list of float or None
        West, south, east, north; west is more than east across longitude 180.
    """
    places = _outline(grid, degrees)
    places = places[:, np.isfinite(places).all(axis=0)]
    if places.shape[1] < 3:
        return None, None
    longitude = np.unwrap(places[0], period=360)
    longitude -= 360 * np.floor((longitude.min() + 180) / 360)
    places = _counterclockwise(np.round([longitude, places[1]], DECIMALS))
    south, north = places[1].min(), places[1].max()
    west, east = places[0].min(), places[0].max()
    if east <= 180:
        polygon = {"type": "Polygon", "coordinates": [_ring(places)]}
        return polygon, [float(each) for each in (west, south, east, north)]
    within, beyond = _cut(places, 180, 1), _cut(places, 180, -1) - [[360], [0]]
    coordinates = [[_ring(part)] for part in (within, beyond)]
    bbox = [float(each) for each in (west, south, east - 360, north)]
    return {"type": "MultiPolygon", "coordinates": coordinates}, bbox


def _outline(grid: Grid, degrees: DegreeRasters | None) -> np.ndarray:
    """Return longitudes and latitudes around a scene, float64 (2, n); none where not known."""
    share = np.linspace(0, 1, SIDE_PLACES)[:-1]
    down = np.concatenate([0 * share, share, 0 * share + 1, 1 - share])
    across = np.concatenate([share, 0 * share + 1, 1 - share, 0 * share])
    rows, cols = grid.shape
    if has_degrees(grid.crs):
        a, b, left, d, e, top = grid.transform
        x = left + a * cols * across + b * rows * down
        y = top + d * cols * across + e * rows * down
        return to_degrees(CRS.from_user_input(grid.crs), x, y)
    if not by_degrees(grid, degrees):
        return np.empty((2, 0))
    if degrees is None:
        return degrees_by_gcps(grid, rows * down - 0.5, cols * across - 0.5)
    return _hull_of(grid, degrees)


def _hull_of(grid: Grid, degrees: DegreeRasters) -> np.ndarray:
    """Return the convex hull of the longitudes and latitudes of all pixels, float64 (2, n)."""
    from scipy.spatial import ConvexHull  # slow to import

    hull = np.empty((2, 0))
    for bounds in windows(grid.shape, WINDOW):
        inside = np.ones((bounds[2] - bounds[0], bounds[3] - bounds[1]), bool)
        here = degrees.read(bounds, inside)
        hull = np.hstack([hull, here[:, np.isfinite(here).all(axis=0)]])
        if hull.shape[1] > 2:
            hull[0] = (hull[0] - hull[0, 0] + 180) % 360 - 180 + hull[0, 0]
            hull = hull[:, ConvexHull(hull.T, qhull_options="QJ").vertices]
    return hull


def _counterclockwise(places: np.ndarray) -> np.ndarray:
    """Turn a ring round where its area by the shoelace formula is negative."""
    x, y = places
    return places if x @ np.roll(y, -1) > y @ np.roll(x, -1) else places[:, ::-1]


def _cut(places: np.ndarray, longitude: float, side: int) -> np.ndarray:
    """Return the part of a ring up to a longitude, or from it on with `side` -1.

    As Sutherland and Hodgman (1974) cut a polygon by a line.
    """
    found = []
    for one, other in zip(places.T, np.roll(places, -1, axis=1).T, strict=True):
        apart, then = side * (longitude - one[0]), side * (longitude - other[0])
        if apart >= 0:
            found.append(one)
        if apart * then < 0:
            found.append(one + (other - one) * apart / (apart - then))
    return np.round(np.transpose(found), DECIMALS)


def _ring(places: np.ndarray) -> Ring:
    """Return a closed ring of GeoJSON."""
    return np.column_stack([places, places[:, :1]]).T.tolist()


def _time(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:]}T00:00:00Z"


def _projection(grid: Grid) -> dict[str, Any]:
    """Return the fields of the projection extension."""
    crs = map_crs(grid.crs)
    if crs is None:
        return {"proj:code": None, "proj:shape": list(grid.shape)}
    (x0, y0), (x1, y1) = np.min(grid.corners(), axis=1), np.max(grid.corners(), axis=1)
    authority = crs.to_authority()
    return {
        "proj:code": ":".join(authority) if authority else None,
        "proj:wkt2": crs.to_wkt(version="WKT2_2019"),
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.transform),
        "proj:bbox": [float(each) for each in (x0, y0, x1, y1)],
    }


def _pair(first: str, second: str, bperp_m: Mapping[str, float] | None) -> dict[str, Any]:
    """Return the fields of the InSAR extension."""
    fields = {
        "insar:reference_datetime": _time(first),
        "insar:secondary_datetime": _time(second),
        "insar:temporal_baseline": float(days_since_first([first, second])[1]),
    }
    if bperp_m:
        fields["insar:perpendicular_baseline"] = round(bperp_m[second] - bperp_m[first], 3)
    return fields


def _asset(
    path: Path, address: str, grid: Grid, bperp_m: Mapping[str, float] | None
) -> dict[str, Any]:
    """Describe a raster by what it says of itself."""
    with open_raster(path) as dataset:
        tags, text = dataset.tags(), dataset.descriptions[0]
        band = {
            "name": path.name.split(".")[0],
            "data_type": dataset.dtypes[0],
            "unit": dataset.units[0],
            "raster:sampling": "area",
        }
        nodata = dataset.nodata
    if nodata is not None:
        band["nodata"] = "nan" if np.isnan(nodata) else nodata
    crs = map_crs(grid.crs)
    if crs is not None and crs.is_projected:
        a, b, _, d, e, _ = grid.transform
        metres = crs.linear_units_factor[1]
        band["raster:spatial_resolution"] = round(metres * abs(a * e - b * d) ** 0.5, 6)
    first, second = (tags.get(f"{end}_DATE") for end in ("REFERENCE", "SECONDARY"))
    of_pair = _pair(first, second, bperp_m) if first and second else {}
    return {
        "href": address,
        "type": GEOTIFF,
        "title": " ".join(filter(None, [text, first, second])),
        **({"description": tags["SIGN"]} if "SIGN" in tags else {}),
        "roles": _roles(str(band["unit"]), bool(of_pair)),
        "bands": [band],
        **of_pair,
    }


def _roles(unit: str, of_pair: bool) -> list[str]:
    """Return the roles of a raster, those of the InSAR extension where it has one for it."""
    if of_pair and unit in ("rad", "m"):
        return ["data", "unwrapped_phase" if unit == "rad" else "los_displacement"]
    return ["metadata"] if of_pair else ["data"]
