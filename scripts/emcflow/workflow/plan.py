"""What a config implies for every rule: input, interferograms, models, what comes from outside.

Made once at the start, before there is any rule; knows nothing of Snakemake.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emcflow.acquisition.geometry import RELATIVE_TERMS, TERMS
from emcflow.acquisition.model_terms import check_step_date, extra_ranges
from emcflow.errors import InputError, named_as_keys
from emcflow.io.baselines import known_baselines, read_baselines, table_state
from emcflow.io.date_tables import read_temperatures, read_weights
from emcflow.io.fingerprints import files_state, fingerprint
from emcflow.io.gnss_table import Stations, read_stations
from emcflow.io.pair_table import read_pairs
from emcflow.io.stack import (
    Stack,
    check_reference,
    check_reference_area,
    phase_linked_stack,
)
from emcflow.io.text_baselines import table_files
from emcflow.network.networks import hop3_network
from emcflow.network.pairs import delaunay_pairs
from emcflow.products.simulate import simulation_baselines, simulation_dates
from emcflow.workflow.batches import batch_size, in_batches
from emcflow.workflow.inputs import (
    Inputs,
    baseline_rasters,
    find_inputs,
    local_files,
    sigma_rasters,
    view_rasters,
)
from emcflow.workflow.update import Previous, check_kept, find_previous

if TYPE_CHECKING:
    import numpy as np


# Interferograms are merged in batches: enough work for a job. It holds one of them at a time.
PAIRS_PER_BATCH = 28
# Dates whose displacements are written by one job.
DATES_PER_BATCH = 24
# Exports on grids of longitude and latitude.
ON_MAPS = ("licsbas", "pyrate")


@dataclass(frozen=True)
class Plan:
    """What a config implies; the rules ask it, and nothing else, what there is to do.

    Attributes
    ----------
    config : dict
        Complete and checked.
    inputs : Inputs
    previous : Previous or None
        The finished run whose interferograms are taken over.
    pairs : tuple of str
        Dates of each interferogram, D1_D2.
    baselines_csv : str or None
        Table of baselines; a simulated stack brings its own.
    baseline_files : tuple of str
        The files of that table, none where no rule reads it.
    baselines_state
        What the table says of the dates; None where it is simulated or not read.
    known_baselines : tuple or None
        Dates and baselines [m] that give a scale to baselines that are found in the phases.
    bperp_rasters : dict of str to str
        Raster of perpendicular baselines of each date.
    sigma_rasters : tuple of str
        Raster of the noise of each date, empty for a first one without; none where it is not known.
    geometry_rasters : dict of str to str
        Those of the section ``geometry``, by their keys.
    extra_ranges : dict of str to list of float
        Range of each term of the link model beside velocity and DEM error.
    stations : Stations or None
        GNSS stations that velocities are tied to.
    temperatures_c, date_weights : list of float or None
        One value per date, where the link model makes use of them.
    """

    config: dict[str, Any]
    inputs: Inputs
    previous: Previous | None
    pairs: tuple[str, ...]
    baselines_csv: str | None
    baseline_files: tuple[str, ...]
    baselines_state: Any
    known_baselines: tuple[list[str], list[float]] | None
    bperp_rasters: dict[str, str]
    geometry_rasters: dict[str, str]
    sigma_rasters: tuple[str, ...]
    extra_ranges: dict[str, list[float]]
    stations: Stations | None
    temperatures_c: Any
    date_weights: Any

    @property
    def out(self) -> str:
        """Folder of the results."""
        return output_folder(self.config)

    @property
    def simulated(self) -> bool:
        """Whether the stack is made by a rule."""
        return is_simulated(self.config)

    @property
    def simulation(self) -> str:
        """Folder of what is simulated."""
        return simulation_folder(self.config)

    @property
    def link_model(self) -> bool:
        """Whether velocity and DEM error of the links are estimated."""
        return self.config["link_model"]["enabled"]

    @property
    def time_series(self) -> bool:
        """Whether the interferograms are inverted for the dates."""
        return self.config["outputs"]["time_series"]

    @property
    def finds_baselines(self) -> bool:
        """Whether the baselines of the link model are found in the phases."""
        return self.link_model and not (self.baselines_csv or self.bperp_rasters)

    @property
    def in_metres(self) -> bool:
        """Whether the link model has heights in metres, not of an unknown scale."""
        return self.link_model and not (self.finds_baselines and self.known_baselines is None)

    @property
    def terms(self) -> tuple[str, str]:
        """The terms of every link model: velocity, and the height in metres or relative."""
        return TERMS if self.in_metres else RELATIVE_TERMS

    @property
    def maps_of_phase(self) -> bool:
        """Whether maps come from the unwrapped phase; else those of points from their links."""
        return self.link_model and self.config["parameters"]["source"] == "unwrapped"

    @property
    def remove_dem_error(self) -> bool:
        """Whether the phase of the DEM error is taken off the time series."""
        wanted = self.time_series and self.config["outputs"]["remove_dem_error"]
        return self.link_model and wanted

    @property
    def reference(self) -> list[int] | None:
        """The point or the area whose values are 0, where the config names one."""
        return self.config["reference"]["point"] or self.config["reference"]["area"]

    @property
    def has_view(self) -> bool:
        """Whether range and incidence are known, by numbers or rasters."""
        geometry = self.config["geometry"]
        return None not in (geometry["slant_range_m"], geometry["incidence_angle_deg"])

    @property
    def incidence_rasters(self) -> list[str]:
        """The raster of incidence angles that positions are corrected by, where there is one."""
        raster = self.geometry_rasters.get("incidence_angle_deg")
        return [raster] if raster and self.flight else []

    @property
    def flight(self) -> dict[str, Any] | None:
        """What positions of points are corrected by, where it is known."""
        if self.config["platform"]["heading_deg"] is None:
            return None
        return self._line_of_sight if self.in_metres and self.has_view else None

    @property
    def look(self) -> dict[str, Any] | None:
        """The line of sight, where it is known."""
        angle = self.config["geometry"]["incidence_angle_deg"]
        known = None not in (self.config["platform"]["heading_deg"], angle)
        return self._line_of_sight if known else None

    @property
    def look_rasters(self) -> list[str]:
        """The raster of incidence angles that this takes, where there is one."""
        angle = self.look and self.look["incidence_angle_deg"]
        return [angle] if isinstance(angle, str) else []

    @property
    def station_view(self) -> dict[str, Any] | None:
        """The line of sight at GNSS stations whose motion is along three axes."""
        if self.stations is None or not self.stations.along_axes:
            return None
        return self._line_of_sight

    @property
    def _line_of_sight(self) -> dict[str, Any]:
        """From where the sensor looks, at every pixel."""
        platform = self.config["platform"]
        return {
            "heading_deg": platform["heading_deg"],
            "looks": platform["looks"],
            "incidence_angle_deg": self.config["geometry"]["incidence_angle_deg"],
            "window": self.config["stack"]["window"],
        }

    @property
    def station_rasters(self) -> list[str]:
        """The raster of incidence angles that this takes, where there is one."""
        angle = self.station_view and self.station_view["incidence_angle_deg"]
        return [angle] if isinstance(angle, str) else []

    @property
    def degree_rasters(self) -> list[str]:
        """Rasters of longitude and latitude, where there are some."""
        keys = "longitude_deg", "latitude_deg"
        return [path for key in keys if (path := self.config["stack"][key])]

    @property
    def degrees(self) -> dict[str, Any] | None:
        """What points in radar coordinates get longitude and latitude from, where it is known."""
        if not self.degree_rasters:
            return None
        longitude, latitude = self.degree_rasters
        window = self.config["stack"]["window"]
        return {"longitude": longitude, "latitude": latitude, "window": window}

    @property
    def compares_metadata(self) -> bool:
        """Whether there is something to compare with what the files of the stack say."""
        has_view = any(value is not None for value in self.config["geometry"].values())
        return has_view and not self.simulated

    @property
    def view_changes(self) -> bool:
        """Whether rasters tell how the view changes over the scene."""
        return self.in_metres and bool(self.geometry_rasters or self.bperp_rasters)

    @property
    def stack(self) -> Stack:
        """What all later steps read."""
        return self.inputs.stack

    @property
    def names_given(self) -> list[str] | None:
        """The pairs of the interferograms that were handed in; None where images were."""
        return self.inputs.interferograms.names if self.inputs.interferograms else None

    @property
    def congruent_with_given(self) -> bool:
        """Whether each interferogram keeps its own phase, not that of its linked dates."""
        return self.config["network"]["type"] == "given"

    def phases_given(self, pairs: Iterable[str]) -> list[tuple[str, int]]:
        """Return file and sign of the phase that pairs are to keep, nothing where they need not."""
        given = self.inputs.interferograms if self.congruent_with_given else None
        return [given.file_of(pair) for pair in pairs] if given else []

    @property
    def stack_params(self) -> dict[str, Any]:
        """The stack, as a param of a rule."""
        stack = self.stack
        return {
            "layout": stack.layout,
            "dates": list(stack.dates),
            "files": list(stack.files),
            "coherence": stack.coherence,
            "window": stack.window,
        }

    @property
    def stack_files(self) -> list[str]:
        """Those files of the stack that Snakemake can watch."""
        return local_files(self.stack.files)

    @property
    def linked_coherence(self) -> str:
        """Agreement of linked phases with their interferograms."""
        return f"{self.out}/stack/linked/temporal_coherence.tif"

    @property
    def point_files(self) -> list[str]:
        """What the points are chosen by, where they are not given as a coherence."""
        points = self.inputs.points
        if not points:
            return []
        computed = points.kind == "amplitude_dispersion" and not points.raster
        return local_files([points.raster, points.mask]) + (self.stack_files if computed else [])

    @property
    def max_dispersion(self) -> float | None:
        """Limit of the amplitude dispersion where points are chosen by that.

        Judged by the rule that checks the stack: of no use to the rules that compute it, which
        another limit would run again.
        """
        points = self.inputs.points
        if points and points.kind == "amplitude_dispersion":
            return self.config["stack"]["max_amplitude_dispersion"]
        return None

    @property
    def by_agreement(self) -> bool:
        """Whether points are chosen by the agreement of linked phases."""
        if not self.inputs.interferograms:
            return False
        points = self.inputs.points
        return points.cropped if points else self.stack.coherence == self.linked_coherence

    @cached_property
    def outside(self) -> list[str]:
        """What comes from outside; the other files that rules read are made by rules."""
        points, interferograms = self.inputs.points, self.inputs.interferograms
        names = [
            *(interferograms.all_files if interferograms else self.stack.files),
            *([points.raster, points.mask] if points else [self.stack.coherence]),
            *self.geometry_rasters.values(),
            *self.degree_rasters,
            *self.sigma_rasters,
            *self.station_rasters,
            *self.bperp_rasters.values(),
            *self.baseline_files,
        ]
        made = [self.stack.coherence] if points else []
        if interferograms:
            made += [*self.stack.files, self.linked_coherence]
        return [name for name in names if name and name not in made]

    @cached_property
    def sources(self) -> list[str]:
        """Files from outside that Snakemake watches, those of an earlier run among them."""
        found = [] if self.simulated else local_files(self.outside)
        return found + (self.previous.files if self.previous else [])

    @property
    def tables(self) -> list[str]:
        """Tables that the config names and that are read as params of rules."""
        model = self.config["link_model"]
        names = [self.config["network"]["csv"], model["temperature_csv"], model["weights_csv"]]
        names += [self.config["reference"]["gnss_csv"]]
        names += [self.config["baselines"]["known_csv"]] if self.finds_baselines else []
        return [name for name in names if name]

    @property
    def named_files(self) -> list[str]:
        """Files that the config names, or that are found by it."""
        return [*self.outside, *self.tables]

    @property
    def users_files(self) -> list[str]:
        """All files that no rule may write over."""
        stack = self.config["stack"]
        keys = "mask", "temporal_coherence", "amplitude_dispersion"
        return local_files([*self.sources, *self.tables, *(stack[key] for key in keys)])

    def state_of(self, names: Iterable[str]) -> str:
        """Return a fingerprint of those of some files that come from outside.

        Snakemake does not see that one was replaced by an older file.
        """
        return files_state(name for name in local_files(names) if name in self.sources)

    @cached_property
    def state(self) -> str:
        """Fingerprint of all that the params of rules follow from, but code."""
        # tables of baselines are read as params, their time says nothing
        files = [name for name in self.outside if name not in self.baseline_files]
        return fingerprint([asdict(self), self.state_of(files)])

    @cached_property
    def new_pairs(self) -> list[str]:
        """Interferograms that are not taken over."""
        return [pair for pair in self.pairs if not (self.previous and pair in self.previous.pairs)]

    @property
    def phases_may_move(self) -> bool:
        """Whether old dates may have other phases than in the run that is taken over."""
        return self.previous is not None and self.stack.layout == "phase_linked"

    @cached_property
    def old_batches(self) -> list[Sequence[str]]:
        """Interferograms that are taken over by one job each."""
        old = list(self.previous.pairs) if self.previous else []
        return in_batches(old, PAIRS_PER_BATCH, even=True)

    @cached_property
    def batches(self) -> list[Sequence[str]]:
        """Interferograms that are merged by one job each."""
        most = batch_size(PAIRS_PER_BATCH, self.image_bytes)
        return in_batches(self.new_pairs, most, even=True)

    @property
    def date_batches(self) -> list[Sequence[str]]:
        """Dates whose rasters of the time series are written by one job each; none without it."""
        dates = self.stack.dates if self.time_series else ()
        most = batch_size(DATES_PER_BATCH, self.image_bytes)
        return in_batches(dates, most) if dates else []

    @cached_property
    def image_bytes(self) -> int:
        """Bytes of the first image that is given; 0 where it is no file, or a part is taken of it.

        Jobs of a cluster plan anew: it must not be a file that a rule makes.
        """
        if self.simulated or self.stack.window:
            return 0
        given = self.inputs.interferograms
        first = next(filter(None, given.files if given else self.stack.files))
        return os.path.getsize(first) if os.path.isfile(first) else 0

    def of_previous(self, name: str) -> str | list:
        """Return a file of the run whose interferograms are taken over, nothing without one."""
        return f"{self.previous.folder}/{name}" if self.previous else []


def output_folder(config: Mapping[str, Any]) -> str:
    """Return the folder of the results without a slash at its end."""
    return config["output_dir"].rstrip("/")


def is_simulated(config: Mapping[str, Any]) -> bool:
    """Return whether the stack is made by a rule."""
    return config["stack"]["layout"] == "simulate"


def simulation_folder(config: Mapping[str, Any]) -> str:
    """Return the folder of what is simulated."""
    return f"{output_folder(config)}/simulation"


def make_plan(config: dict[str, Any]) -> Plan:
    """Find out what a config implies.

    Parameters
    ----------
    config : dict
        Complete and checked, from :func:`emcflow.workflow.config.check_config`.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        For input that is not there or does not fit together. Values of rasters and baselines are
        not looked at: see :func:`check_plan`.
    """
    model, baselines, simulated = config["link_model"], config["baselines"], is_simulated(config)
    previous = find_previous(config)
    table: str | None = baselines["csv"] or (
        f"{simulation_folder(config)}/baselines_ifg.csv" if simulated else None
    )
    extra = extra_ranges(model, config["geometry"]["wavelength_m"]) if model["enabled"] else {}
    inputs = _inputs(config, previous)
    dates = inputs.stack.dates
    bperp = baseline_rasters(baselines["rasters"], dates)
    files = table_files(table) if table and model["enabled"] else []
    found = model["enabled"] and not (table or bperp)
    known = None
    if found and baselines["known_csv"]:
        names, bperp_m = known_baselines(baselines["known_csv"], dates, baselines["negate"])
        known = list(names), bperp_m.tolist()
    in_metres = model["enabled"] and not (found and known is None)
    view_read = in_metres or not {"mintpy", "licsbas"}.isdisjoint(config["outputs"]["exports"])
    geometry = view_rasters(config["geometry"]) if view_read else {}
    pairs = _pairs(config, inputs, table)
    if previous:
        check_kept(previous, dates, pairs)
    if model["enabled"] and model["step_date"]:
        with named_as_keys("link_model", "step_date"):
            check_step_date(model["step_date"], dates)
    temperatures = weights = None
    if "thermal_mm_per_c" in extra:
        temperatures = read_temperatures(model["temperature_csv"], dates)
    if model["weights_csv"]:
        weights = read_weights(model["weights_csv"], dates)
    return Plan(
        config=config,
        inputs=inputs,
        previous=previous,
        pairs=tuple(pairs),
        baselines_csv=table,
        baseline_files=tuple(files),
        baselines_state=table_state(table) if table and files and not simulated else None,
        known_baselines=known,
        bperp_rasters=bperp,
        geometry_rasters=geometry,
        sigma_rasters=sigma_rasters(config["stack"], dates) if model["enabled"] else (),
        extra_ranges=extra,
        stations=_stations(config, dates),
        temperatures_c=temperatures,
        date_weights=weights,
    )


def _stations(config: dict[str, Any], dates: Sequence[str]) -> Stations | None:
    """Return the GNSS stations that the config names, if what they need is known."""
    path = config["reference"]["gnss_csv"]
    if path is None:
        return None
    stations = read_stations(path, dates)
    needed = {
        "platform.heading_deg": config["platform"]["heading_deg"],
        "geometry.incidence_angle_deg": config["geometry"]["incidence_angle_deg"],
    }
    for key, value in needed.items():
        if stations.along_axes and value is None:
            raise InputError(
                f"{key}: missing; {path} has motion east, north and up, which becomes motion along "
                "the line of sight by it: give it, or motion along the line of sight instead"
            )
    return stations


def _inputs(config: dict[str, Any], previous: Previous | None) -> Inputs:
    """Return the input that the config names; a simulated one need not exist yet."""
    if is_simulated(config):
        folder, dates = simulation_folder(config), simulation_dates(config["simulation"])
        stack = phase_linked_stack(f"{folder}/stack", None, dates)
        return Inputs(stack, config["stack"]["min_temporal_coherence"])
    inputs = find_inputs(config["stack"], output_folder(config))
    return previous.with_its_points(inputs) if previous else inputs


def _date_baselines(
    config: dict[str, Any], dates: tuple[str, ...], table: str | None
) -> np.ndarray:
    """Return the baselines of the dates [m]; those of a simulated stack before there is a table."""
    if is_simulated(config):
        return simulation_baselines(config["simulation"])
    return read_baselines(table or "", dates, config["baselines"]["negate"]).bperp_m


def _pairs(config: dict[str, Any], inputs: Inputs, table: str | None) -> list[str]:
    """Return the pairs of dates that the config asks for, each as its two dates."""
    settings, dates = config["network"], inputs.stack.dates
    pairs: Iterable
    if settings["type"] == "csv":
        pairs = read_pairs(settings["csv"], dates)
    elif settings["type"] == "given" and inputs.interferograms:
        pairs = inputs.interferograms.in_order
    elif settings["type"] == "delaunay":
        limits = settings["max_days"], settings["max_bperp_m"]
        bperp_m = _date_baselines(config, dates, table)
        with named_as_keys("network", "max_days", "max_bperp_m"):
            pairs = delaunay_pairs(dates, bperp_m, *limits)
    else:
        return hop3_network(dates).pair_names
    return [f"{dates[first]}_{dates[second]}" for first, second in pairs]


def check_plan(plan: Plan) -> None:
    """Check what the config alone does not say: cheap, and hours sooner than in the rules.

    Not left to rules that others wait for: a new baseline would then rerun what does not use it.

    Raises
    ------
    InputError
        For baselines or search ranges that the link model can do nothing with, and for a reference
        that is no point, as soon as there is a stack.
    """
    if plan.simulated:
        return
    if plan.link_model and not (plan.bperp_rasters or plan.finds_baselines):
        _check_link_model(plan)
    files = local_files([*plan.stack.files, plan.stack.coherence])
    if plan.reference is not None and all(Path(file).exists() for file in files):
        check = check_reference if len(plan.reference) == 2 else check_reference_area
        check(plan.stack, plan.reference, plan.inputs.min_coherence)
    wanted = [name for name in ON_MAPS if name in plan.config["outputs"]["exports"]]
    if wanted and all(Path(file).exists() for file in local_files([plan.stack.coherence])):
        _check_on_map(plan, f"outputs.exports: {wanted[0]}")


def _check_on_map(plan: Plan, needed_by: str) -> None:
    """Check that the stack has longitudes and latitudes."""
    from emcflow.io.raster import open_raster, read_grid
    from emcflow.products.degree_grid import check_on_map

    with open_raster(plan.stack.coherence) as dataset:
        check_on_map(read_grid(dataset), needed_by)


def _check_link_model(plan: Plan) -> None:
    """Check baselines and search ranges."""
    import numpy as np

    from emcflow.acquisition.geometry import design_matrix
    from emcflow.acquisition.model_terms import extra_columns
    from emcflow.links.terms import choose_model_terms
    from emcflow.workflow.link_search import check_link_search

    config, dates, extra = plan.config, plan.stack.dates, plan.extra_ranges
    bperp_m = _date_baselines(config, dates, plan.baselines_csv)
    if plan.geometry_rasters:
        return  # the grid of the search is known when they are read
    model, geometry = config["link_model"], config["geometry"]
    further = extra_columns(
        dates, geometry["wavelength_m"], list(extra), model["step_date"], plan.temperatures_c
    )
    design = np.column_stack([design_matrix(dates, bperp_m, **geometry), further])
    own = model["velocity_range_mm_yr"], model["dem_error_range_m"]
    ranges = dict(zip(TERMS, own, strict=True)) | extra
    terms, _ = choose_model_terms(design, [each[:2] for each in ranges.values()], [*ranges], dates)
    check_link_search(design, ranges, model["memory_mb"], terms)
