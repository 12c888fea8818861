"""Read the rasters of a stack and write rasters like those of a run: the least a run can cost.

python read_write.py SECONDS.json STACK RESULTS OUTPUT THREADS
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emcflow.io.raster import open_raster, read_band, read_grid, write_raster
from stage_clock import StageClock


def read_and_write(stack: Path, results: Path, output: Path, threads: int) -> dict:
    """Read every raster of the stack whole and write every raster of the results again.

    Parameters
    ----------
    stack, results, output : path
    threads : int
        Rasters read or written side by side.

    Returns
    -------
    dict
        Wall and CPU seconds of that; what is written is in memory before.
    """
    rasters = {}
    for path in sorted(results.rglob("*.tif")):
        with open_raster(path) as dataset:
            grid, units, text = read_grid(dataset), dataset.units[0], dataset.descriptions[0]
            rasters[output / path.relative_to(results)] = (dataset.read(1), grid, units, text)

    def write(path):
        image, grid, units, text = rasters[path]
        write_raster(path, image, grid, units=units, description=text)

    def read_then_write():
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(read_band, sorted(stack.glob("*.tif"))):
                pass
            for _ in pool.map(write, rasters):
                pass

    clock = StageClock()
    clock.run("read and write", read_then_write)
    return clock.stages["read and write"]


if __name__ == "__main__":
    seconds, stack, results, output, threads = sys.argv[1:]
    used = read_and_write(Path(stack), Path(results), Path(output), int(threads))
    Path(seconds).write_text(json.dumps(used))
