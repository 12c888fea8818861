"""Write the rasters of a run in other compressions, and measure size and time.

python benchmarks/compression.py RESULTS [--rounds N]

Prints the table of docs/scale.md. One thread; all compressions in turn, medians of the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
from rasterio.io import MemoryFile

# Names of the table, and how GDAL is to write values; labels and bytes have no predictor but 2.
WAYS = {
    "DEFLATE 1, predictor": {"compress": "deflate", "zlevel": 1, "predictor": True},
    "DEFLATE 1": {"compress": "deflate", "zlevel": 1},
    "DEFLATE 6, predictor": {"compress": "deflate", "zlevel": 6, "predictor": True},
    "DEFLATE 9, predictor": {"compress": "deflate", "zlevel": 9, "predictor": True},
    "LZW, predictor": {"compress": "lzw", "predictor": True},
    "ZSTD 1, predictor": {"compress": "zstd", "zstd_level": 1, "predictor": True},
    "ZSTD 9, predictor": {"compress": "zstd", "zstd_level": 9, "predictor": True},
    "LERC, nothing lost": {"compress": "lerc", "max_z_error": 0},
    "LERC, to 0.001": {"compress": "lerc", "max_z_error": 0.001},
    "none": {},
}
KINDS = {"float32": "real values", "uint16": "labels", "uint8": "bytes"}
# of each kind
RASTERS = 6


def chosen(results: Path) -> dict[str, list[Path]]:
    """Return some rasters of each kind of values, evenly chosen."""
    found = defaultdict(list)
    for path in sorted(results.rglob("*.tif")):
        with rasterio.open(path) as dataset:
            if dataset.dtypes[0] in KINDS:
                found[dataset.dtypes[0]].append(path)
    return {
        kind: [found[kind][at] for at in np.linspace(0, len(found[kind]) - 1, RASTERS).astype(int)]
        for kind in KINDS
    }


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of some work."""
    start = time.process_time()
    work()
    return time.process_time() - start


def measured(path: Path, way: dict) -> tuple[float, float, float]:
    """Return megabytes of a raster, and CPU seconds to write and to read it, in memory."""
    with rasterio.open(path) as dataset:
        image, profile = dataset.read(), dataset.profile
    real = image.dtype.kind == "f"
    for key in ("compress", "predictor"):
        profile.pop(key, None)
    predictor = {"predictor": 3 if real else 2} if "predictor" in way else {}
    if not real and "max_z_error" in way:
        way = way | {"max_z_error": 0}
    with MemoryFile() as file:

        def write() -> None:
            with file.open(**profile | way | predictor) as dataset:
                dataset.write(image)

        def read() -> None:
            with file.open() as dataset:
                dataset.read()

        times = seconds(write), seconds(read)
        return len(file.getbuffer()) / 1e6, *times


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rasters = chosen(given.results)
    taken = defaultdict(list)
    for _ in range(given.rounds):
        for name, way in WAYS.items():
            for kind, paths in rasters.items():
                sums = np.sum([measured(path, way) for path in paths], axis=0)
                taken[name, kind].append(sums / len(paths))
    print("| | " + " | ".join(f"{kind}: MB | write | read" for kind in KINDS.values()) + " |")
    print("|---" * (1 + 3 * len(KINDS)) + "|")
    for name in WAYS:
        cells = []
        for kind in KINDS:
            rounds = zip(*taken[name, kind], strict=True)
            megabytes, *times = (statistics.median(each) for each in rounds)
            cells += [f"{megabytes:.2f}", *(f"{1000 * each:.0f} ms" for each in times)]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
