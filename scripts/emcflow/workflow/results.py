"""The names of what the rules make, as the config asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from emcflow.acquisition.model_terms import sigma_name
from emcflow.workflow.plan import Plan

LINK_QUALITY_NAMES = ["link_coherence_unbiased", "noise_links"]


class Results:
    """Names of files and folders of results, all of them below ``output_dir``.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.out = plan.out

    @cached_property
    def interferograms(self) -> list[str]:
        """Unwrapped phase of every pair."""
        return [f"{self.out}/unwrapped/{pair}.unw.tif" for pair in self.plan.pairs]

    @cached_property
    def components(self) -> list[str]:
        """Labels of every pair."""
        return [f"{self.out}/unwrapped/{pair}.unw.conncomp.tif" for pair in self.plan.pairs]

    @cached_property
    def probabilities(self) -> list[str]:
        """How likely the cycles of every pair are wrong."""
        return [f"{self.out}/unwrapped/{pair}.unw.pwrong.tif" for pair in self.plan.pairs]

    @cached_property
    def masks(self) -> dict[str, str | list[str]]:
        """Points to keep, by pair and for maps."""
        of_pairs = [f"{self.out}/unwrapped/quality/{pair}_mask.tif" for pair in self.plan.pairs]
        return {"pairs": of_pairs, "maps": f"{self.out}/quality/recommended_mask.tif"}

    @cached_property
    def component_map(self) -> str:
        """Points whose phases are relative to one reference, in all pairs."""
        return f"{self.out}/merge/components.tif"

    @cached_property
    def references(self) -> str:
        """The points that phases are relative to."""
        return f"{self.out}/merge/references.csv"

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Maps of the link model by their names; empty without one."""
        if not self.plan.link_model:
            return {}
        names = [
            *self.plan.terms,
            *[sigma_name(name) for name in self.plan.terms],
            *self.plan.extra_ranges,
            *[sigma_name(name) for name in self.plan.extra_ranges],
            "link_model_coherence",
        ]
        return {name: f"{self.out}/{name}.tif" for name in names}

    @cached_property
    def link_quality(self) -> dict[str, str]:
        """How well links fit their model, layers by their names."""
        layers = {name: f"{self.out}/quality/{name}.tif" for name in LINK_QUALITY_NAMES}
        return {"link_model_coherence": f"{self.out}/link_model_coherence.tif", **layers}

    @cached_property
    def term_maps(self) -> dict[str, str]:
        """Maps of the terms by their names, be it from the unwrapped phase or from the links."""
        maps = {
            name: path for name, path in self.parameters.items() if name not in self.link_quality
        }
        return maps | {"residual_phase_rad": f"{self.out}/quality/residual_phase_rad.tif"}

    @cached_property
    def maps_of_series(self) -> dict[str, str]:
        """What the fit of the terms to the unwrapped phase makes; empty without one."""
        if not self.plan.maps_of_phase:
            return {}
        names = {
            "residual_motion_mm": "residual_motion_mm.tif",
            "dates": "dates.csv",
            "remarks": "remarks.txt",
        }
        return self.term_maps | {key: f"{self.out}/quality/{name}" for key, name in names.items()}

    @property
    def velocity_to_tie(self) -> str:
        """Velocities that GNSS stations are compared with."""
        return self.parameters.get("velocity_mm_yr") or self.series_maps["velocity"]

    @property
    def gnss(self) -> dict[str, str]:
        """Velocities tied to GNSS stations; empty without any."""
        if not self.plan.stations:
            return {}
        names = {"velocity": "velocity_mm_yr.tif", "stations": "stations.csv"}
        names["remarks"] = "remarks.txt"
        return {key: f"{self.out}/gnss/{name}" for key, name in names.items()}

    @property
    def remarks(self) -> list[str]:
        """Text files of what the report is to say, a remark a line."""
        of_maps = [self.maps_of_series["remarks"]] if self.plan.maps_of_phase else []
        of_baselines = [self.found["remarks"]] if self.plan.link_model else []
        of_gnss = [self.gnss["remarks"]] if self.plan.stations else []
        of_files = [self.metadata["metadata"]] if self.plan.compares_metadata else []
        of_dates = [self.moved["remarks"]] if self.plan.phases_may_move else []
        return [*of_files, *self.given.values(), *of_dates, *of_maps, *of_baselines, *of_gnss]

    @property
    def moved(self) -> dict[str, str]:
        """What is said of old dates whose phases may have moved; empty where none may."""
        if not self.plan.phases_may_move:
            return {}
        folder = f"{self.out}/update"
        return {"moved": f"{folder}/moved_dates.csv", "remarks": f"{folder}/remarks.txt"}

    @property
    def metadata(self) -> dict[str, str]:
        """What the files of the stack say, otherwise than the config too; empty without a view."""
        if not self.plan.compares_metadata:
            return {}
        folder = f"{self.out}/stack"
        return {"metadata": f"{folder}/metadata.txt", "described": f"{folder}/described.yaml"}

    @property
    def given(self) -> dict[str, str]:
        """What is said of the interferograms that were handed in; empty without any."""
        return {"given": f"{self.out}/network/given.txt"} if self.plan.names_given else {}

    @property
    def found(self) -> dict[str, str]:
        """What was found of the baselines in the phases."""
        return {
            "table": f"{self.out}/network/found_baselines.csv",
            "facts": f"{self.out}/network/found_baselines.json",
            "remarks": f"{self.out}/network/baseline_remarks.txt",
        }

    @property
    def baselines(self) -> dict[str, str]:
        """Baselines in metres and how rows of their table fit together; empty without any."""
        if not self.plan.in_metres:
            return {}
        return {
            "baselines": f"{self.out}/network/baselines.csv",
            "misfit": f"{self.out}/network/baseline_misfit.csv",
        }

    @cached_property
    def series_maps(self) -> dict[str, str]:
        """Maps of the time series; empty without one."""
        if not self.plan.time_series:
            return {}
        names = {
            "velocity": "velocity_mm_yr",
            "velocity_sigma": "velocity_sigma_mm_yr",
            "misfit": "misfit_rad",
        }
        return {key: f"{self.out}/timeseries/{name}.tif" for key, name in names.items()}

    @cached_property
    def displacements(self) -> list[str]:
        """Displacement at every date but the first; empty without a time series."""
        return self._of_dates("timeseries")

    @cached_property
    def series_phases(self) -> list[str]:
        """The same in radians."""
        return self._of_dates("timeseries/radians")

    def _of_dates(self, folder: str) -> list[str]:
        if not self.plan.time_series:
            return []
        first, *later = self.plan.stack.dates
        return [f"{self.out}/{folder}/{first}_{date}.tif" for date in later]

    @property
    def reference_point(self) -> str:
        """The reference of the time series, for dolphin."""
        return f"{self.out}/timeseries/reference_point.txt"

    @property
    def series_files(self) -> dict[str, str]:
        """What the time series has once; empty without one."""
        if not self.plan.time_series:
            return {}
        return {**self.series_maps, "reference_point": self.reference_point}

    def date_files(self, dates: Sequence[str]) -> dict[str, list[str]]:
        """Return what the time series has of some dates; the first date has only a misfit."""
        first, folder = self.plan.stack.dates[0], f"{self.out}/timeseries"
        later = [f"{first}_{date}.tif" for date in dates if date != first]
        return {
            "displacement": [f"{folder}/{name}" for name in later],
            "phase": [f"{folder}/radians/{name}" for name in later],
            "misfit": [f"{folder}/misfit/{date}.tif" for date in dates],
        }

    @property
    def filled_labels(self) -> str:
        """What is a point and what is filled."""
        return f"{self.out}/filled/filled.tif"

    @property
    def filled_interferograms(self) -> list[str]:
        """Every pair with pixels between the points filled in."""
        return self.filled(self.plan.pairs)

    def filled(self, pairs: Sequence[str]) -> list[str]:
        """Return the names of some pairs with pixels between the points filled in."""
        return [f"{self.out}/filled/{pair}.unw.tif" for pair in pairs]

    @property
    def maps(self) -> list[str]:
        """All maps of one value per point beside the interferograms."""
        return [*self.parameters.values(), *self.series_maps.values(), *self.displacements]

    @property
    def shown_maps(self) -> dict[str, str]:
        """Maps that the report shows."""
        shown = dict(self.parameters)
        if self.plan.maps_of_phase:
            shown["residual_motion_mm"] = self.maps_of_series["residual_motion_mm"]
        if self.plan.time_series:
            shown["series_velocity_mm_yr"] = self.series_maps["velocity"]
            shown["series_velocity_sigma_mm_yr"] = self.series_maps["velocity_sigma"]
        return shown

    @property
    def explored_layers(self) -> dict[str, str]:
        """Further rasters of one value per point that the report's explorer shows."""
        quality = ["open_loops", "flow_crossings", "seam_difference_rad"]
        if self.plan.link_model:
            quality += [*LINK_QUALITY_NAMES, "residual_phase_rad"]
        layers = {name: f"{self.out}/quality/{name}.tif" for name in quality}
        if self.plan.time_series:
            layers["misfit_rad"] = self.series_maps["misfit"]
        return layers | {"component": self.component_map}

    @property
    def displacement_columns(self) -> list[str]:
        """Columns of tables of points with the displacement of a date."""
        dates = self.plan.stack.dates[1:] if self.plan.time_series else ()
        return [f"D{date}" for date in dates]

    @property
    def first_date_column(self) -> list[str]:
        """The column of the first date, which is 0 where there is a time series."""
        return [f"D{self.plan.stack.dates[0]}"] if self.plan.time_series else []

    @property
    def point_columns(self) -> dict[str, str]:
        """Every raster with one value per point, by the name of its column in tables of points."""
        columns = dict(
            temporal_coherence=self.plan.stack.coherence,
            component=self.component_map,
            **self.parameters,
        )
        if self.plan.time_series:
            columns |= dict(
                series_velocity_mm_yr=self.series_maps["velocity"],
                series_velocity_sigma_mm_yr=self.series_maps["velocity_sigma"],
                misfit_rad=self.series_maps["misfit"],
                **dict.fromkeys(self.first_date_column, self.displacements[0]),
                **dict(zip(self.displacement_columns, self.displacements, strict=True)),
            )
        return columns

    @property
    def velocity(self) -> dict[str, str | list]:
        """Velocity and its deviation for MintPy: of a time series, else of the link model."""
        if self.plan.time_series:
            return {key: self.series_maps[key] for key in ("velocity", "velocity_sigma")}
        return {
            "velocity": self.parameters.get("velocity_mm_yr", []),
            "velocity_sigma": self.parameters.get("velocity_sigma_mm_yr", []),
        }

    @property
    def mintpy(self) -> dict[str, str]:
        """Files for MintPy by their keys."""
        wanted = {
            "stack": ("ifgramStack", True),
            "series": ("timeseries", self.plan.time_series),
            "velocity": ("velocity", self.plan.time_series or self.plan.link_model),
            "dem_error": ("demErr", self.plan.in_metres),
            "geometry": ("geometry", self.plan.has_view),
        }
        folder = f"{self.out}/exports/mintpy"
        return {key: f"{folder}/{name}.h5" for key, (name, made) in wanted.items() if made}

    @property
    def mintpy_app(self) -> dict[str, str]:
        """The folder that MintPy's whole chain starts from, where the view is known."""
        return {"app": f"{self.out}/exports/mintpy/app"} if self.plan.has_view else {}

    @property
    def rasters(self) -> list[str]:
        """Interferograms, their labels and probabilities, and maps."""
        return [*self.interferograms, *self.components, *self.probabilities, *self.maps]

    @property
    def styled(self) -> list[str]:
        """The rasters with a style for QGIS: these, and all that the report's explorer shows."""
        shown = [*self.shown_maps.values(), *self.explored_layers.values()]
        return [*dict.fromkeys([*self.rasters, *shown])]

    @property
    def exports(self) -> dict[str, str | list[str]]:
        """What each export makes, asked for or not."""
        return {
            "mintpy": [*self.mintpy.values(), *self.mintpy_app.values()],
            "dolphin": f"{self.out}/exports/dolphin",
            "licsbas": f"{self.out}/exports/licsbas",
            "pyrate": f"{self.out}/exports/pyrate",
            "points_csv": f"{self.out}/exports/points.csv",
            "geoparquet": f"{self.out}/exports/points.parquet",
            "geopackage": f"{self.out}/exports/points.gpkg",
            "cog": f"{self.out}/exports/cog",
            "stac": f"{self.out}/exports/stac_item.json",
            "qgis": [f"{path.removesuffix('.tif')}.qml" for path in self.styled],
        }

    @property
    def published(self) -> list[str]:
        """The note of what is published where; empty where nothing is to be."""
        wanted = self.plan.config["outputs"]["publish_to"]
        return [f"{self.out}/exports/published.csv"] if wanted else []

    @property
    def wanted(self) -> list:
        """All that the config asks for but the report."""
        filled = [*self.filled_interferograms, self.filled_labels]
        return [
            self.interferograms,
            self.maps,
            list(self.masks.values()),
            [self.exports[name] for name in self.plan.config["outputs"]["exports"]],
            filled if self.plan.config["outputs"]["fill_pixels"] else [],
            list(self.gnss.values()),
            self.published,
        ]
