"""emcflow in the place of spurt in dolphin's three-dimensional unwrapping.

:func:`unwrap` takes what ``unwrap_spurt`` of dolphin 0.42.9 takes, runs the workflow on it and
returns files of the names that dolphin goes on with. Nothing of dolphin is imported.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from emcflow.errors import InputError
from emcflow.io.files import whole_file, write_text
from emcflow.io.network_tables import read_pair_table
from emcflow.io.raster import Grid, open_raster, read_band, read_grid, write_raster
from emcflow.place import checkout
from emcflow.products.fill import to_nearest_cycle

log = logging.getLogger(__name__)

Pair = tuple[datetime, datetime]

# Options of dolphin for spurt, their defaults there, and the keys of the config that they become.
KEYS = {
    "tiler_settings.target_points_per_tile": (900_000, "tiles.points_per_tile"),
    "tiler_settings.max_tiles": (64, "tiles.max_tiles"),
    "tiler_settings.dilation_factor": (0.05, "tiles.dilation"),
    "solver_settings.t_cost_type": ("constant", "unwrap.temporal_cost"),
    "merger_settings.min_overlap_points": (25, "merge.min_overlap_points"),
    "merger_settings.bulk_method": ("L2", "merge.bulk_offset"),
}
# Options without a counterpart, and what they are in dolphin where nobody has set them.
NO_MEANING = {
    "tiler_settings.target_points_for_generation": 120_000,
    "solver_settings.t_worker_count": 1,
    "solver_settings.s_worker_count": 1,
    "solver_settings.links_per_batch": 150_000,
    "solver_settings.t_cost_scale": 100.0,
    "solver_settings.s_cost_type": "constant",
    "solver_settings.s_cost_scale": 100.0,
    "solver_settings.num_parallel_tiles": 1,
    "merger_settings.method": "dirichlet",
    "merger_settings.num_parallel_ifgs": 3,
}
# Sections of the config that follow from the other arguments.
TAKEN_SECTIONS = ("output_dir", "stack", "network", "baselines", "geometry", "simulation", "update")
# Keys with a path, relative to the working directory of the caller and not to that of the run.
PATHS = {
    "baselines": ("csv", "rasters"),
    "geometry": ("slant_range_m", "incidence_angle_deg"),
    "link_model": ("temperature_csv", "weights_csv"),
}
# How far from a point dolphin's gaps are filled: as far as outputs.fill_pixels reaches.
FILL_PIXELS = 1000
# Above the coherence 0 of pixels that are no points.
LEAST_COHERENCE = 1e-3
DIGITS = {"Y": 4, "y": 2, "m": 2, "d": 2, "j": 3, "H": 2, "M": 2, "S": 2}
# Of another environment, and wrong for the interpreter that runs the workflow.
OF_AN_ENVIRONMENT = (
    "PYTHONPATH", "PYTHONHOME", "PROJ_LIB", "PROJ_DATA", "GDAL_DATA", "GDAL_DRIVER_PATH",
)  # fmt: skip


def unwrap(
    ifg_filenames: Sequence[str | Path],
    output_path: str | Path,
    temporal_coherence_filename: str | Path,
    mask_filename: str | Path | None = None,
    similarity_filename: str | Path | None = None,
    options: Any = None,
    scratchdir: str | Path | None = None,
    num_retries: int = 3,
    file_date_fmt: str = "%Y%m%d",
    *,
    baselines: str | Path | Mapping[str, Any] | None = None,
    geometry: Mapping[str, Any] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    cores: int | None = None,
    python: str | Path | None = None,
) -> tuple[list[Path], list[Path]]:
    """Unwrap interferograms in space and time, as dolphin's ``unwrap_spurt``.

    Called again with the same arguments it goes on where it was, and does nothing where all is
    done. The run is in the folder ``emcflow`` of `scratchdir`, all results and the report in
    ``results`` there.

    Parameters
    ----------
    ifg_filenames : sequence of path
        Complex rasters with two dates in their names, D1 * conj(D2). With one first date, the
        earliest, they stand for the phases of the dates, and each date is unwrapped against its
        next three, as dolphin and spurt do; otherwise the given pairs are unwrapped.
    output_path : path
        Folder of the results.
    temporal_coherence_filename : path
        Raster, 0 to 1.
    mask_filename : path, optional
        Raster that is 0 where no points may be.
    similarity_filename : path, optional
        Raster of phase similarity: pixels above its threshold are points, too.
    options : dolphin.workflows.config.SpurtOptions, optional
        Thresholds of coherence and similarity, tiles, costs of the flows, whether pixels between
        the points are filled. Not given: dolphin's defaults. What has no counterpart here is
        logged.
    scratchdir : path, optional
        Folder of the run; ``scratch`` in `output_path` by default.
    num_retries : int
        No effect: what fails here fails again, and a later call goes on.
    file_date_fmt : str
        How dates are written in the names, for ``strftime``; one acquisition a day.
    baselines : path or mapping, optional
        Table of perpendicular baselines, or the section ``baselines`` of the config. With it
        velocity and DEM error of every link are estimated, and `geometry` is needed.
    geometry : mapping, optional
        The section ``geometry``: wavelength_m [m], slant_range_m [m], incidence_angle_deg [degree].
    settings : mapping of str to mapping, optional
        Further sections of the config, such as ``link_model`` and ``outputs``; what they hold
        counts more than `options`.
    cores : int, optional
        Cores that are used; all by default.
    python : path, optional
        Interpreter of the environment of emcflow, where it is another than that of dolphin.

    Returns
    -------
    unwrapped : list of Path
        ``D1_D2.unw.tif`` in `output_path`: float32, phase [rad] that differs from that of the
        interferogram by whole cycles, NaN where there is none.
    components : list of Path
        ``D1_D2.unw.conncomp.tif``: uint16, 0 for pixels that are no points, 65535 without data.

    Raises
    ------
    InputError
        For names without two dates, rasters of another shape, sections that are taken, and all
        that the workflow refuses, in its own line.
    RuntimeError
        Where the workflow ends with another error.
    """
    files = dict(sorted((_dates(path, file_date_fmt), str(path)) for path in ifg_filenames))
    _check_names(ifg_filenames, files)
    output_path = Path(output_path).absolute()
    run = Path(scratchdir or output_path / "scratch").absolute() / "emcflow"
    _log_ignored(options, num_retries)
    given_pairs = not _one_first_date(files)
    config = _config(options, baselines, geometry, settings)
    _write_points(
        run / "input" / "temporal_coherence.tif",
        next(iter(files.values())),
        temporal_coherence_filename,
        mask_filename,
        similarity_filename,
        options,
    )
    config["output_dir"] = "results"
    config["stack"] = {
        "layout": "interferograms" if given_pairs else "phase_linked",
        "files": [_linked(run / "input", pair, path) for pair, path in files.items()],
        "temporal_coherence": "input/temporal_coherence.tif",
        "min_temporal_coherence": 0,
    }
    if given_pairs:
        rows = ["reference,secondary", *(",".join(map(_eight_digits, pair)) for pair in files)]
        _write_if_new(run / "input" / "pairs.csv", "\n".join(rows) + "\n")
        config["network"] = {"type": "csv", "csv": "input/pairs.csv"}
    _write_if_new(run / "config.yaml", json.dumps(config, indent=2, default=_plain) + "\n")
    _run_workflow(run, cores or os.cpu_count() or 1, python)
    filled = bool(config.get("outputs", {}).get("fill_pixels"))
    results = run / "results"
    pairs = files if given_pairs else _pairs_of_network(results, chain.from_iterable(files))
    return _hand_over(results, filled, output_path, pairs, file_date_fmt)


# What is given


def _dates(path: str | Path, date_format: str) -> Pair:
    """Return the first two dates in the name of a file."""
    parts = re.split(r"%(.)", date_format)
    unknown = {part for part in parts[1::2] if part not in DIGITS}
    if unknown:
        raise InputError(
            f"file_date_fmt: {date_format!r} has %{min(unknown)}; expected dates of digits, "
            f"%{', %'.join(DIGITS)}: name the files so"
        )
    pattern = "".join(
        rf"\d{{{DIGITS[part]}}}" if place % 2 else re.escape(part)
        for place, part in enumerate(parts)
    )
    found = re.findall(rf"(?<!\d){pattern}(?!\d)", Path(path).name)[:2]
    try:
        first, second = (datetime.strptime(text, date_format) for text in found)
    except ValueError:
        raise InputError(
            f"{path}: no two dates in the name; expected dates written as {date_format}, as in "
            f"{datetime(2020, 1, 1):{date_format}}_{datetime(2020, 1, 13):{date_format}}.int.tif: "
            "rename the file, or set file_date_fmt"
        ) from None
    return first, second


def _check_names(given: Sequence[str | Path], files: Mapping[Pair, str]) -> None:
    """Refuse no files, two of one pair, and two acquisitions of one day."""
    if len(files) < max(1, len(given)):
        raise InputError(
            f"ifg_filenames: {len(given)} interferograms of {len(files)} pairs of dates; expected "
            "one or more, and one of each pair: leave the others out"
        )
    moments = sorted({*chain.from_iterable(files)})
    days = [_eight_digits(moment) for moment in moments]
    twice = [day for day in days if days.count(day) > 1]
    if twice:
        raise InputError(
            f"ifg_filenames: several acquisitions on {twice[0]}; expected one a day: leave the "
            "others out"
        )


def _one_first_date(files: Mapping[Pair, str]) -> bool:
    """Say whether all pairs have the earliest date as their first."""
    return {first for first, _ in files} == {min(chain.from_iterable(files))}


def _eight_digits(moment: datetime) -> str:
    return f"{moment:%Y%m%d}"


def _option(options: Any, name: str, default: Any) -> Any:
    """Return an option of dolphin by its dotted name, the default where there are no options."""
    for part in name.split("."):
        options = getattr(options, part, None)
    return default if options is None else options


def _log_ignored(options: Any, num_retries: int) -> None:
    ignored = [
        name for name, default in NO_MEANING.items() if _option(options, name, default) != default
    ]
    if num_retries != 3:
        ignored.append("num_retries")
    if ignored:
        log.info("no effect on emcflow, and ignored: %s", ", ".join(ignored))


def _config(
    options: Any,
    baselines: str | Path | Mapping[str, Any] | None,
    geometry: Mapping[str, Any] | None,
    settings: Mapping[str, Mapping[str, Any]] | None,
) -> dict[str, Any]:
    """Return the config without what says where the files are."""
    config: dict[str, Any] = {}
    for name, (default, key) in KEYS.items():
        section, _, last = key.partition(".")
        value = _option(options, name, default)
        config.setdefault(section, {})[last] = value.lower() if isinstance(value, str) else value
    if not _option(options, "general_settings.use_tiles", True):
        config["tiles"]["max_tiles"] = 1
    if _option(options, "run_ambiguity_interpolation", True):
        config["outputs"] = {"fill_pixels": FILL_PIXELS}
    if baselines is None:
        config["link_model"] = {"enabled": False}
    else:
        table = baselines if isinstance(baselines, Mapping) else {"csv": baselines}
        config["baselines"] = _absolute("baselines", table)
    if geometry is not None:
        config["geometry"] = _absolute("geometry", geometry)
    for section, values in (settings or {}).items():
        if section in TAKEN_SECTIONS:
            raise InputError(
                f"settings: {section}, which follows from the other arguments; expected other "
                "sections of the config, such as link_model, tiles and outputs: leave it out"
            )
        config[section] = config.get(section, {}) | _absolute(section, values)
    return config


def _plain(value: Any) -> Any:
    """Return a path as text and a NumPy number as Python's."""
    return value.item() if isinstance(value, np.generic) else str(value)


def _absolute(section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section of the config with absolute paths."""
    values = dict(values)
    for key in PATHS.get(section, ()):
        value = values.get(key)
        if isinstance(value, str | Path):
            values[key] = os.path.abspath(value)
        elif isinstance(value, list | tuple):
            values[key] = [os.path.abspath(path) for path in value]
    return values


# What the workflow reads


def _write_points(
    path: Path,
    like: str,
    coherence: str | Path,
    mask: str | Path | None,
    similarity: str | Path | None,
    options: Any,
) -> None:
    """Write the temporal coherence of the pixels that are points by dolphin's rule, elsewhere 0.

    A point has a coherence or a similarity above its threshold, and a mask that is not 0.
    """
    with open_raster(like) as dataset:
        grid = read_grid(dataset)
    image = _read(coherence, grid, like).astype(np.float32)
    good = image > _option(options, "temporal_coherence_threshold", 0.7)
    limit = _option(options, "similarity_threshold", 0.5)
    if similarity is not None and limit:
        good |= _read(similarity, grid, like) > limit
    if mask is not None:
        good &= np.nan_to_num(_read(mask, grid, like)).astype(bool)
    image[~good & np.isfinite(image)] = 0
    image[good] = np.maximum(np.nan_to_num(image[good]), LEAST_COHERENCE)
    # A newer file would have the workflow begin again.
    if not (path.exists() and np.array_equal(read_band(path), image, equal_nan=True)):
        write_raster(path, image, grid, units="1", description="temporal coherence of the points")


def _read(path: str | Path, grid: Grid, grid_of: str) -> np.ndarray:
    """Read a raster of some shape, NaN where it has no data."""
    with open_raster(path) as dataset:
        shape, nodata = dataset.shape, dataset.nodata
    if shape != grid.shape:
        raise InputError(
            f"{path}: shape {shape} instead of {grid.shape}; expected the grid of {grid_of}: crop "
            "and resample it to that"
        )
    image = read_band(path)
    return image if nodata is None else np.where(image == nodata, np.nan, image)


def _linked(folder: Path, pair: Pair, path: str) -> str:
    """Link a file under a name that the workflow reads dates from and return that name."""
    name = "_".join(map(_eight_digits, pair)) + ".int.tif"
    folder.mkdir(parents=True, exist_ok=True)
    link, target = folder / name, os.path.abspath(path)
    if not (link.is_symlink() and os.readlink(link) == target):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return f"{folder.name}/{name}"


def _write_if_new(path: Path, text: str) -> None:
    """Write a text where it is not there yet: a newer file would run what reads it again."""
    if not path.exists() or path.read_text() != text:
        write_text(path, text)


# The workflow


def snakefile() -> Path:
    """Return the Snakefile of the checkout that this package is in.

    Raises
    ------
    InputError
        Where there is none.
    """
    path = checkout() / "Snakefile"
    if not path.exists():
        raise InputError(
            f"{path}: does not exist; expected the workflow beside the package: take emcflow from "
            "a checkout"
        )
    return path


def _run_workflow(folder: Path, cores: int, python: str | Path | None) -> None:
    """Run the workflow with the config of a folder and log what it says."""
    # found from here: the workflow runs in another folder
    program = shutil.which(str(python or sys.executable))
    if program is None:
        raise InputError(
            f"python: {python} is no program; expected the interpreter of the environment of "
            "emcflow: correct the path"
        )
    command = [os.path.abspath(program), "-m", "snakemake", "--snakefile", str(snakefile())]
    command += ["--configfile", "config.yaml", "--cores", str(cores)]
    env = dict(os.environ)
    if python is not None:
        env = {name: value for name, value in env.items() if name not in OF_AN_ENVIRONMENT}
    log.info("the workflow runs in %s", folder)
    said: deque[str] = deque(maxlen=500)
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        text=True,
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    with process:
        for line in process.stdout or ():
            said.append(line.rstrip())
            log.info("%s", line.rstrip())
    if process.returncode:
        _raise_error(list(said), program, folder)


def _raise_error(said: list[str], program: str, folder: Path) -> None:
    """Raise the error of the workflow with the lines that it ended with itself."""
    if any(line.endswith("No module named snakemake") for line in said):
        raise InputError(
            f"python: no Snakemake in the environment of {program}; expected the one that "
            "emcflow is installed in: name its interpreter, as .venv/bin/python of the checkout"
        )
    starts = [
        place for place, line in enumerate(said)
        if re.match(r"emcflow (cannot start|stops in .*):$", line)
    ]  # fmt: skip
    if starts:
        lines = said[starts[0] + 1 :]
        raise InputError("\n".join(lines[: lines.index("")] if "" in lines else lines))
    last = "\n".join(line for line in said[-20:] if line)
    raise RuntimeError(f"the workflow has ended with an error, see {folder}/results/logs:\n{last}")


# What is handed back


def _hand_over(
    results: Path,
    filled: bool,
    output_path: Path,
    pairs: Mapping[Pair, str | None],
    date_format: str,
) -> tuple[list[Path], list[Path]]:
    """Bring the rasters of pairs to their folder: new files, since dolphin changes them."""
    unwrapped, components = [], []
    for pair, ifg in sorted(pairs.items()):
        name = "_".join(map(_eight_digits, sorted(pair)))
        target = output_path / "_".join(moment.strftime(date_format) for moment in pair)
        unwrapped.append(target.with_name(f"{target.name}.unw.tif"))
        components.append(target.with_name(f"{target.name}.unw.conncomp.tif"))
        source = results / ("filled" if filled else "unwrapped") / f"{name}.unw.tif"
        if ifg is None:
            _copy(source, unwrapped[-1])
        else:
            _make_congruent(source, ifg, pair, unwrapped[-1])
        _copy(results / "unwrapped" / f"{name}.unw.conncomp.tif", components[-1])
    return unwrapped, components


def _pairs_of_network(results: Path, moments: Iterable[datetime]) -> dict[Pair, None]:
    """Return the pairs that were unwrapped, with the times of day of the given ones."""
    of_day = {_eight_digits(moment): moment for moment in moments}
    table = read_pair_table(results / "network" / "network.csv")
    of_dates = [of_day[date] for date in table.dates]
    return {(of_dates[first], of_dates[second]): None for first, second in table.pairs}


def _copy(source: Path, path: Path) -> None:
    with open(source, "rb") as file, whole_file(path) as copy:
        shutil.copyfileobj(file, copy)


def _make_congruent(source: Path, ifg: str, pair: Pair, path: Path) -> None:
    """Write an unwrapped phase again as that of its interferogram plus whole cycles.

    The workflow's are congruent with the phases of the dates, which agree with the interferograms
    as well as these agree with each other.
    """
    with open_raster(source) as dataset:
        grid, tags, text = read_grid(dataset), dataset.tags(), dataset.descriptions[0]
    unwrapped = read_band(source) if pair[0] < pair[1] else -read_band(source)
    phase = to_nearest_cycle(np.angle(read_band(ifg)), unwrapped)
    tags = {key: value for key, value in tags.items() if key not in ("UNITS", "AREA_OR_POINT")}
    tags |= dict(zip(("REFERENCE_DATE", "SECONDARY_DATE"), map(_eight_digits, pair), strict=True))
    write_raster(path, phase.astype(np.float32), grid, units="rad", description=text, tags=tags)
