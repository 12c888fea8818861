"""What is known of the scene once its stack was checked: ``stack.json``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from emcflow.io.files import write_text
from emcflow.io.raster import Grid, map_crs

__all__ = ["SceneFile", "read_scene_file", "write_scene_file"]


@dataclass(frozen=True)
class SceneFile:
    """The stack as it was found by the check that every other rule waits for.

    Parameters
    ----------
    layout : str
        See :class:`emcflow.io.stack.Stack`.
    dates : tuple of str
        YYYYMMDD, ascending.
    points : int
        Pixels above `min_coherence`.
    grid : Grid
        Shape, coordinate reference system and transform of the scene.
    state : str
        Fingerprint of the files of the stack.
    coherence : str
        Raster that the points were chosen by.
    coherence_crc32 : int
        CRC-32 of its values.
    min_coherence : float
    remarks : tuple of str
        What a person should know of the stack; shown in the report.
    """

    layout: str
    dates: tuple[str, ...]
    points: int
    grid: Grid
    state: str
    coherence: str
    coherence_crc32: int
    min_coherence: float
    remarks: tuple[str, ...]

    @property
    def notes(self) -> list[str]:
        """What it is in words, a line each."""
        notes, grid, (rows, cols) = [], self.grid, self.grid.shape
        if grid.crs is None:
            notes.append("no coordinate reference system: the results stay in rows and columns")
        elif map_crs(grid.crs) is None:
            notes.append(
                f"{grid.crs.partition(',')[0]}] is no coordinate reference system of maps: "
                "drawings and exports stay in rows and columns"
            )
        notes.append(
            f"{len(self.dates)} dates from {self.dates[0]} to {self.dates[-1]}, {rows} x {cols} "
            f"pixels, {self.points} points above {self.min_coherence:g} "
            f"({100 * (self.points / (rows * cols)):.1f} %)"
        )
        return notes


def write_scene_file(path: str | Path, scene: SceneFile) -> None:
    """Write the file, whole or not at all; the grid's fields stand among the others."""
    content: dict[str, Any] = {}
    for name, value in asdict(scene).items():
        content |= value if name == "grid" else {name: value}
    if not scene.grid.gcps:
        del content["gcps"], content["gcp_crs"]
    write_text(path, json.dumps(content, indent=1) + "\n")


def read_scene_file(path: str | Path) -> SceneFile:
    """Read what :func:`write_scene_file` has written."""
    content = json.loads(Path(path).read_text())
    gcps = tuple(map(tuple, content.get("gcps", ())))
    place = content["crs"], tuple(content["transform"]), gcps, content.get("gcp_crs")
    grid = Grid(tuple(content["shape"]), *place)
    own = {each.name: content[each.name] for each in fields(SceneFile) if each.name != "grid"}
    lists = {name: tuple(own[name]) for name in ("dates", "remarks")}
    return SceneFile(**own | lists, grid=grid)
