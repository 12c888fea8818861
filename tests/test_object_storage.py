"""A stack in an object store, and results published there: bytes, faults of the server, errors."""

import csv
import hashlib
import json
from types import SimpleNamespace

import numpy as np
import object_store
import pytest
import rasterio
from emcflow.errors import InputError, OutputError
from emcflow.io.publishing import Place, publish_raster
from emcflow.io.raster import Grid, open_raster, read_band, write_raster
from emcflow.io.stack import Stack, check_stack, read_phase, stack_coverage
from emcflow.io.tiles_json import tiles_from_json
from stacks import DATES, simulate_islands, write_stack
from workflow import run, run_whole

pytestmark = pytest.mark.skipif(
    not object_store.PYTHON.exists(),
    reason=f"no server of S3 in {object_store.PYTHON}: make test installs it",
)
SHAPE = (320, 320)
BLOCK = 64
BUCKET = "stacks"
PUBLISHED = "/vsis3/results/city"
TILED = {"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK}
BYTES_PER_BLOCK = 8 * BLOCK**2
FILES = [f"{DATES[0]}_{date}.int.tif" for date in DATES[1:]]


def config(publish_to, **stack):
    return {
        "output_dir": "results",
        "stack": {"layout": "phase_linked", **stack},
        "link_model": {"enabled": False},
        "tiles": {"points_per_tile": 3000, "max_tiles": 2, "dilation": 0.05},
        "outputs": {"publish_to": publish_to},
    }


def remote_config(prefix):
    files = [f"{prefix}/{name}" for name in FILES]
    coherence = f"{prefix}/temporal_coherence.tif"
    return config(PUBLISHED, files=files, temporal_coherence=coherence)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with object_store.object_store(tmp_path_factory.mktemp("s3")) as running:
        running.put(BUCKET)
        running.put("results")
        yield running


@pytest.fixture(scope="module")
def stack(store, tmp_path_factory):
    """A stack here and in the store."""
    rng = np.random.default_rng(5)
    land = np.ones(SHAPE, np.int32)
    points, _, phase = simulate_islands(land, rng, density=0.05)
    here = tmp_path_factory.mktemp("here") / "stack"
    folder = write_stack(here, points, phase / 20, SHAPE, **TILED)
    for path in folder.iterdir():
        store.put(f"{BUCKET}/city/{path.name}", path.read_bytes())
    return folder


@pytest.fixture(scope="module")
def runs(store, stack, tmp_path_factory):
    """The run on files here, that on objects, and what the server was asked for by it."""
    here, there = tmp_path_factory.mktemp("local"), tmp_path_factory.mktemp("remote")
    run_whole(here, config("published/city", directory=str(stack)))
    before = len(store.requests())
    process = run(there, remote_config(f"/vsis3/{BUCKET}/city"), **store.environment)
    assert process.returncode == 0, process.stdout
    asked = [each for each in store.requests()[before:] if each["path"].startswith(f"/{BUCKET}")]
    return SimpleNamespace(here=here, there=there, requests=asked)


@pytest.fixture
def as_user(store, monkeypatch):
    """The address and credentials in the environment, and GDAL told to ask again."""
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "5")
    monkeypatch.setenv("GDAL_HTTP_RETRY_DELAY", "0.05")


def test_rasters_are_byte_for_byte_those_of_files_here(runs):
    here, there = (
        {path.relative_to(folder): path.read_bytes() for path in folder.glob("results/**/*.tif")}
        for folder in (runs.here, runs.there)
    )
    made_of_the_remote = {name for name in there if name.parts[1:] == ("stack", "points.tif")}
    assert len(here) > 20 and len(made_of_the_remote) == 1
    assert there.keys() - made_of_the_remote == here.keys()
    assert [str(name) for name in here if here[name] != there[name]] == []


def test_hardly_more_bytes_are_sent_than_tiles_need(runs):
    """Needed are the blocks that the windows of the tiles touch, for each tile once."""
    _, tiles = tiles_from_json((runs.there / "results" / "tiles" / "tiles.json").read_text())
    assert len(tiles) == 2
    blocks = 0
    for tile in tiles:
        row0, col0, row1, col1 = tile.bounds
        down, across = (
            -(-end // BLOCK) - start // BLOCK for start, end in ((row0, row1), (col0, col1))
        )
        blocks += down * across
    needed = blocks * BYTES_PER_BLOCK * len(FILES) + 4 * SHAPE[0] * SHAPE[1]
    sent = sum(request["sent"] for request in runs.requests)
    print("RATIO", sent / needed, sent, needed, blocks)
    assert needed < sent < 1.2 * needed


def test_no_block_of_the_coherence_is_asked_for_twice(runs):
    of_it = [each for each in runs.requests if each["path"].endswith("coherence.tif")]
    assert sum(request["sent"] for request in of_it) < 1.1 * 4 * SHAPE[0] * SHAPE[1]


def test_busy_servers_and_broken_connections_change_nothing(store, stack, as_user):
    prefix = f"/vsis3/{BUCKET}/faults"
    for path in stack.iterdir():  # of which GDAL has nothing in its cache
        store.put(f"{BUCKET}/faults/{path.name}", path.read_bytes())
    stacks = [
        Stack("phase_linked", DATES, ("", *(f"{place}/{name}" for name in FILES)), coherence)
        for place, coherence in (
            (prefix, f"{prefix}/temporal_coherence.tif"),
            (stack, str(stack / "temporal_coherence.tif")),
        )
    ]
    before = len(store.requests())
    with store.faults(refused=5, dropped=7):
        there = check_stack(stacks[0], 0.6), read_phase(stacks[0], *window(stacks[1]))
    faults = [each["fault"] for each in store.requests()[before:]]
    assert faults.count("503") >= 3 and faults.count("drop") >= 3
    here = check_stack(stacks[1], 0.6), read_phase(stacks[1], *window(stacks[1]))
    np.testing.assert_array_equal(there[0][1], here[0][1])
    for ours, theirs in zip(here[1], there[1], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def window(stack):
    """Return the points of a window, and its bounds."""
    bounds = (30, 40, 250, 290)
    return read_band(stack.coherence, bounds) > 0.6, bounds


def test_few_blocks_of_remote_images_are_looked_at_beforehand(stack, as_user):
    files = ("", *(f"/vsis3/{BUCKET}/city/{name}" for name in FILES))
    remote = Stack("phase_linked", DATES, files, str(stack / "temporal_coherence.tif"))
    counts, sampled = stack_coverage(remote, np.ones(SHAPE, bool))
    assert (counts.npixels, sampled) == (BLOCK**2, True)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        (f"/vsis3/{BUCKET}/nowhere/20990101.tif", "The specified key does not exist"),
        ("/vsis3/no-such-bucket/a.tif", "The specified bucket does not exist"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(name, wrong, as_user):
    with pytest.raises(InputError) as raised:
        open_raster(name)
    assert str(raised.value) == (
        f"{name}: cannot be opened: {wrong}; expected a raster that GDAL can read: check bucket "
        "and name, and address and credentials of the server in the environment (docs/scale.md)"
    )


def test_missing_credentials_are_one_line_on_the_terminal(store, tmp_path):
    environment = {name: "" for name in store.environment if "KEY" in name}
    environment = store.environment | environment | {"HOME": str(tmp_path)}
    prefix = f"/vsis3/{BUCKET}/city"
    process = run(tmp_path / "run", remote_config(prefix), **environment)
    assert process.returncode != 0
    assert "Traceback" not in process.stdout
    lines = [line for line in process.stdout.splitlines() if "AWS_SECRET_ACCESS_KEY" in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"{prefix}/") and "credentials of the server" in lines[0]


# Published


def table(runs):
    """Return the rows of the note of what is published."""
    with open(runs.there / "results" / "exports" / "published.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_published_reads_as_the_results(runs, as_user):
    rows = table(runs)
    made = {str(path.relative_to(runs.there / "results")) for path in results(runs.there)}
    assert {row["raster"] for row in rows} == made
    for row in rows:
        own = runs.there / "results" / row["raster"]
        assert row["published"] == f"{PUBLISHED}/{row['raster']}"
        assert row["sha256"] == hashlib.sha256(own.read_bytes()).hexdigest()
    for row in rows[::7]:
        own = runs.there / "results" / row["raster"]
        with rasterio.open(row["published"]) as there, rasterio.open(own) as here:
            assert there.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert there.tags()["UNITS"] == here.tags()["UNITS"]
            np.testing.assert_array_equal(there.read(), here.read())


def results(folder):
    """Return the rasters that are published: of pairs, and maps."""
    found = [*(folder / "results").glob("*.tif"), *(folder / "results" / "unwrapped").glob("*.tif")]
    assert len(found) > 9
    return found


def test_a_folder_has_the_same_files_and_the_item_a_link_less(runs, store):
    folder = runs.here / "published" / "city"
    for row in table(runs):
        assert store.get(f"results/city/{row['raster']}") == (folder / row["raster"]).read_bytes()
    here = json.loads((folder / "stac_item.json").read_text())
    there = json.loads(store.get("results/city/stac_item.json"))
    assert here["links"] == []
    assert there["links"] == [
        {
            "rel": "self",
            "href": "s3://results/city/stac_item.json",
            "type": "application/geo+json",
        }
    ]
    assert here["assets"] == there["assets"]
    assert {asset["href"] for asset in there["assets"].values()} == {
        row["raster"] for row in table(runs)
    }
    assert all("cloud-optimized" in asset["type"] for asset in there["assets"].values())


def a_raster(path, value):
    grid = Grid((40, 50), "EPSG:32631", (10.0, 0.0, 5e5, 0.0, -10.0, 1e5))
    write_raster(path, np.full((40, 50), value, np.float32), grid, units="1", description="x")
    return path


@pytest.mark.parametrize("kind", ["folder", "store"])
def test_only_what_is_not_there_is_published_again(kind, store, as_user, tmp_path):
    place = Place("/vsis3/results/again/" if kind == "store" else str(tmp_path / "again"))
    source = a_raster(tmp_path / "a.tif", 1)
    checksum = hashlib.sha256(source.read_bytes()).hexdigest()
    with store.faults(refused=3, dropped=10**6):
        assert publish_raster(source, "maps/a.tif", place, "1") == (checksum, False)
        assert publish_raster(source, "maps/a.tif", place, "1") == (checksum, True)
        assert publish_raster(source, "maps/a.tif", place, "2") == (checksum, False)
    assert publish_raster(a_raster(source, 2), "maps/a.tif", place, "2")[1] is False
    assert publish_raster(source, "maps/a.tif", place, "2")[1] is True


def test_what_could_not_be_sent_is_not_there(store, as_user, tmp_path):
    place = Place("s3://results/half")
    source = a_raster(tmp_path / "a.tif", 1)
    with (
        store.faults(refused=1, dropped=10**6),  # its data, not the begin and end of the upload
        pytest.raises(OutputError, match=r"^s3://results/half: a\.tif cannot be written"),
    ):
        place.write("a.tif", source.read_bytes())
    assert place.head("a.tif") == b""
    assert b"half/a.tif" not in store.get("results")


def test_a_bucket_that_is_not_there_is_one_line(as_user, tmp_path):
    with pytest.raises(OutputError) as raised:
        publish_raster(a_raster(tmp_path / "a.tif", 1), "a.tif", Place("/vsis3/nobody/x"), "1")
    line = str(raised.value)
    assert line.startswith("/vsis3/nobody/x: a.tif cannot be written (")
    assert "The specified bucket does not exist" in line
    assert "check outputs.publish_to" in line and "\n" not in line
