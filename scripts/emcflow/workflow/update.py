"""A finished run with fewer dates, whose interferograms a run with more of them takes over."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from emcflow.errors import InputError
from emcflow.io.network_tables import read_pair_table
from emcflow.io.scene_file import SceneFile, read_scene_file

if TYPE_CHECKING:
    from emcflow.workflow.inputs import Inputs

# What interferograms depend on besides the images; keys of sections, or whole sections.
SAME = (
    "stack.layout", "stack.window", "network.type", "network.max_days", "network.max_bperp_m",
    "geometry", "baselines.negate", "link_model", "tiles", "mesh", "unwrap", "merge", "reference",
)  # fmt: skip
WHOLE_RUN = "or set update.previous to null, which unwraps all interferograms"


@dataclass(frozen=True)
class Previous:
    """A finished run.

    Attributes
    ----------
    folder : str
        Its output_dir.
    dates, pairs : tuple of str
        Its dates, and its interferograms as D1_D2, in order.
    ntiles : int
    coherence : str
        What its points were chosen by, where it is above `min_coherence`.
    min_coherence : float
    """

    folder: str
    dates: tuple[str, ...]
    pairs: tuple[str, ...]
    ntiles: int
    coherence: str
    min_coherence: float

    @property
    def files(self) -> list[str]:
        """All that is read of it but its coherence."""
        kinds = "mesh/mesh_tile", "unwrap/uw_tile"
        of_tiles = [f"{self.folder}/{k}_{n:02d}.h5" for k in kinds for n in range(self.ntiles)]
        names = "stack/stack.json", "tiles/tiles.json", "merge/references.csv"
        tables = [f"{self.folder}/{name}" for name in names]
        rasters = pair_rasters(self.folder, self.pairs).values()
        return [*tables, *of_tiles, *chain.from_iterable(rasters)]

    def with_its_points(self, inputs: Inputs) -> Inputs:
        """Return an input with the points of this run, whatever else would choose others."""
        stack = replace(inputs.stack, coherence=self.coherence)
        return replace(inputs, stack=stack, min_coherence=self.min_coherence, points=None)


def pair_rasters(folder: str, pairs: Sequence[str]) -> dict[str, list[str]]:
    """Return the rasters of interferograms in a folder of results, lists of them by their kinds."""
    names = {
        "unwrapped": "{}.unw.tif",
        "conncomp": "{}.unw.conncomp.tif",
        "pwrong": "{}.unw.pwrong.tif",
        "model": "quality/{}_model.tif",
        "diff": "quality/{}_diff.tif",
    }
    return {
        kind: [f"{folder}/unwrapped/{name.format(pair)}" for pair in pairs]
        for kind, name in names.items()
    }


def find_previous(config: dict[str, Any]) -> Previous | None:
    """Find the run that ``update.previous`` names and compare its config with this one.

    Parameters
    ----------
    config : dict
        Complete and checked.

    Returns
    -------
    Previous or None
        None where the key is null.

    Raises
    ------
    InputError
        For a run that is not finished, is this one, or whose interferograms other settings made.
    """
    folder = config["update"]["previous"]
    if folder is None:
        return None
    folder = folder.rstrip("/")
    if os.path.realpath(folder) == os.path.realpath(config["output_dir"]):
        raise InputError(
            f"update.previous: {folder} is output_dir itself; expected the folder of another run: "
            "give this one an output_dir of its own"
        )
    layout = config["stack"]["layout"]
    if layout in ("simulate", "interferograms"):
        raise InputError(
            f"update.previous: no effect on a stack of layout {layout}, whose phases this workflow "
            "makes anew; expected phase_linked or slc: set it to null"
        )
    root = Path(folder)
    settings = sorted(root.glob("records/settings_*.yaml"))
    names = "stack/stack.json", "network/network.csv", "tiles/tiles.json", "merge/references.csv"
    rest = [root / name for name in names]
    if not settings or not all(path.exists() for path in rest):
        raise InputError(
            f"update.previous: {folder} is not the output_dir of a finished run, whose report is "
            f"written last; expected one: let it run to its end, {WHOLE_RUN}"
        )
    before = yaml.safe_load(settings[-1].read_text())
    for name in SAME:
        old, new = _settings(before, name), _settings(config, name)
        for key in new:
            if old.get(key) != new[key]:
                raise InputError(
                    f"update.previous: {folder} was made with {key}: {old.get(key)}, this run has "
                    f"{new[key]}; expected the same: change it back, {WHOLE_RUN}"
                )
    scene = read_scene_file(rest[0])
    pairs = read_pair_table(rest[1]).names
    return Previous(
        folder,
        scene.dates,
        pairs,
        len(json.loads(rest[2].read_text())["tiles"]),
        scene.coherence,
        scene.min_coherence,
    )


def _settings(config: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the values of a section, or of one key, by their dotted names."""
    section, _, key = name.partition(".")
    values = {f"{section}.{key}": value for key, value in config.get(section, {}).items()}
    values.pop("link_model.memory_mb", None)  # moves no result
    values.pop("reference.gnss_csv", None)  # moves no interferogram
    return {name: values.get(name)} if key else values


def check_coherence(scene: SceneFile, checksum: int) -> None:
    """Check that the raster that points were chosen by is what it was in a finished run.

    The reference of every interferogram is chosen by it, and must be the same in all.

    Parameters
    ----------
    scene : SceneFile
        Of the finished run.
    checksum : int
        CRC-32 of the values of the raster.

    Raises
    ------
    InputError
    """
    if checksum != scene.coherence_crc32:
        raise InputError(
            f"{scene.coherence}: not what it was in the run of update.previous, whose points it "
            f"chose; expected it as it was: give it back, {WHOLE_RUN}"
        )


def check_kept(previous: Previous, dates: tuple[str, ...], pairs: list[str]) -> None:
    """Check that dates and interferograms of a finished run are among those of this one.

    Raises
    ------
    InputError
        Where one is not, where there is no new date, or the first date is another.
    """
    of = f"update.previous: {previous.folder}"
    missing = sorted({*previous.dates} - {*dates})
    if missing:
        raise InputError(
            f"{of} has {len(missing)} dates that the stack has not ({', '.join(missing[:5])}); "
            f"expected all of its dates and new ones: add them, {WHOLE_RUN}"
        )
    if len(dates) == len(previous.dates):
        raise InputError(
            f"{of} has all {len(dates)} dates of the stack; expected new ones: add acquisitions, "
            f"{WHOLE_RUN}"
        )
    if dates[0] != previous.dates[0]:
        raise InputError(
            f"{of} begins on {previous.dates[0]}, the stack on {dates[0]}; expected the same, "
            f"which phases are relative to: leave earlier dates out, {WHOLE_RUN}"
        )
    gone = sorted({*previous.pairs} - {*pairs})
    if gone:
        raise InputError(
            f"{of} has {len(gone)} interferograms that the network of all dates has not "
            f"({', '.join(gone[:3])}); expected them all, as where dates are added at the end: "
            f"list the pairs with network.type csv, {WHOLE_RUN}"
        )
