"""The figures of a report: what each shows, its caption, and its words for who cannot see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from emcflow.acquisition.model_terms import split_date
from emcflow.io.network_tables import FoundBaselines
from emcflow.links.noise_floor import NOISE_PROBABILITY
from emcflow.report.data import COHERENCE_BINS, Baselines, CoherenceCounts, Parameter, RunData
from emcflow.report.figures.maps import (
    MapFrame,
    coherence_limits,
    loop_map,
    sigma_limits,
    symmetric_limits,
    tile_map,
    value_map,
)
from emcflow.report.figures.plots import (
    found_plot,
    histogram,
    network_plot,
    seam_plot,
    span_plot,
)
from emcflow.report.figures.style import COHERENCE, DEVIATION, HEIGHT, MOTION
from emcflow.report.words import count, day, overlap_names, percent, round_percent

SHOWN_BINS = 20  # bins of the counts of coherence that make one of the histograms
MISFIT_M = 1e-3  # of baselines; less is rounding
# Heading, units and colours of the maps of the link model and of the time series; see
# `parameter_texts`.
PARAMETER_TEXTS = {
    "velocity_mm_yr": ("Velocity", "mm/yr", MOTION),
    "dem_error_m": ("DEM error", "m", HEIGHT),
    "annual_sin_mm": ("Annual cycle, sine", "mm", MOTION),
    "annual_cos_mm": ("Annual cycle, cosine", "mm", MOTION),
    "step_mm": ("Step", "mm", MOTION),
    "thermal_mm_per_c": ("Thermal dilation", "mm/°C", MOTION),
    "velocity_sigma_mm_yr": ("Standard deviation of the velocity", "mm/yr", DEVIATION),
    "dem_error_sigma_m": ("Standard deviation of the DEM error", "m", DEVIATION),
    "annual_sin_sigma_mm": ("Standard deviation of the sine", "mm", DEVIATION),
    "annual_cos_sigma_mm": ("Standard deviation of the cosine", "mm", DEVIATION),
    "step_sigma_mm": ("Standard deviation of the step", "mm", DEVIATION),
    "thermal_sigma_mm_per_c": ("Standard deviation of the dilation", "mm/°C", DEVIATION),
    "height_relative": ("Relative height", "rad", HEIGHT),
    "height_relative_sigma": ("Standard deviation of the relative height", "rad", DEVIATION),
    "residual_motion_mm": ("Residual motion", "mm", DEVIATION),
    "link_model_coherence": ("Link-model coherence", "coherence", COHERENCE),
    "series_velocity_mm_yr": ("Velocity of the time series", "mm/yr", MOTION),
    "series_velocity_sigma_mm_yr": ("Standard deviation of that velocity", "mm/yr", DEVIATION),
}


@dataclass(frozen=True)
class Picture:
    """A figure and its words.

    Attributes
    ----------
    name : str
        Of its file, without the end.
    figure : Figure
    alt : str
        What it shows, for who cannot see it.
    caption : str
    """

    name: str
    figure: Figure
    alt: str
    caption: str


def all_pictures(run: RunData) -> dict[str, list[Picture]]:
    """Return the figures of a report by its sections, in the order in which they are shown."""
    return {
        "maps": map_pictures(run),
        "network": network_pictures(run),
        "coherence": coherence_pictures(run),
        "quality": [*pair_pictures(run), *closure_pictures(run)],
        "seams": seam_pictures(run),
    }


# Maps


def parameter_texts(name: str) -> tuple[str, str, str]:
    """Return heading, units and colours of a map of a parameter.

    Parameters
    ----------
    name : str
        One of `PARAMETER_TEXTS`, or that of one of several steps, with its date.

    Returns
    -------
    tuple of str
    """
    undated, step_date = split_date(name)
    title, units, cmap = PARAMETER_TEXTS[undated]
    return f"{title} of {day(step_date)}" if step_date else title, units, cmap


def zero_text(tags: Mapping[str, str]) -> str:
    """Say where the values of a map are zero; nothing where its tags do not."""
    reference = tags.get("REFERENCE", "")
    if not reference:
        return ""
    return f"Zero {'at' if reference.startswith('row ') else 'is the'} {reference}."


def map_pictures(run: RunData) -> list[Picture]:
    """Return the maps that are not empty of the parameters, and that of the coherence."""
    frame = run.scene.frame
    maps = [
        parameter_picture(name, parameter, frame)
        for name, parameter in run.parameters.items()
        if not parameter.is_empty
    ]
    image = np.where(run.scene.tiles_per_pixel > 0, run.scene.coherence, np.nan)
    title = "Temporal coherence"
    figure = value_map(
        image, frame, title, title.lower(), cmap=COHERENCE, limits=coherence_limits(image)
    )
    alt = "Map of the temporal coherence of the points."
    caption = f"Temporal coherence of the points. {frame.note}"
    return [*maps, Picture("temporal_coherence", figure, alt, caption)]


def parameter_picture(name: str, parameter: Parameter, frame: MapFrame) -> Picture:
    """Return the map of a parameter, whose sign and zero are as its tags say.

    Parameters
    ----------
    name : str
        One that has `parameter_texts`.
    parameter : Parameter
        Not empty.
    frame : MapFrame

    Returns
    -------
    Picture
    """
    title, units, cmap = parameter_texts(name)
    image, tags, heading = parameter.image, parameter.tags, title
    if "SIGN" in tags:
        limits = symmetric_limits(image)
        heading = f"{title}, {tags['SIGN'].partition(',')[0]}"
        caption = f"{title} in {units}, {tags['SIGN']}. {zero_text(tags)}"
    elif name == "residual_motion_mm":
        limits = sigma_limits(image)
        caption = f"{title} in {units}: motion that none of the terms describes, root mean square."
    elif cmap == DEVIATION:
        limits = sigma_limits(image)
        caption = f"{title} in {units}, of the difference from the reference."
        if "CORRELATION" in tags:
            caption += f" Errors of velocity and DEM error have correlation {tags['CORRELATION']}."
    else:
        limits = coherence_limits(image)
        caption = "How well velocity and DEM error explain the phase of a point’s links: 1 is all."
    figure = value_map(image, frame, heading, units, cmap=cmap, limits=limits)
    low, middle, high = np.percentile(image[np.isfinite(image)], (5, 50, 95))
    alt = (
        f"Map of {title} [{units}]: median {middle:z.2f}, 90 % of the points between {low:z.2f} "
        f"and {high:z.2f}."
    )
    return Picture(name, figure, alt, f"{caption} {frame.note}")


# Network and tiles


def network_pictures(run: RunData) -> list[Picture]:
    """Return the network and the misfits of its baselines, where these are known; the tiles."""
    drawn = []
    if run.baselines:
        drawn.append(_network_picture(run, run.baselines))
        if worst_misfit(run.baselines) > MISFIT_M:
            drawn.append(_misfit_picture(run.baselines))
    if run.found and run.found.relative.any():
        drawn.append(_found_picture(run.found))
    return [*drawn, tile_picture(run)]


def worst_misfit(baselines: Baselines) -> float:
    """Return the largest misfit of a baseline [m], 0 without any."""
    return float(np.abs(baselines.misfit["misfit_m"]).max(initial=0))


def _network_picture(run: RunData, baselines: Baselines) -> Picture:
    """Return the network over time and baseline."""
    network, bperp_m = run.network, baselines.bperp_m
    label, share = "triangles with a residue", run.pairs["residue_share"]
    figure = network_plot(network.dates, bperp_m, network.pairs, share, label)
    alt = (
        f"Plot of {network.ndates} dates over time and perpendicular baseline, from "
        f"{bperp_m.min():z.0f} to {bperp_m.max():z.0f} m, joined by {network.npairs} "
        "interferograms."
    )
    caption = (
        "Dates (dots) and interferograms (lines), coloured by their share of triangles with a "
        "residue before unwrapping in space. Baselines are relative to the first date."
    )
    return Picture("network", figure, alt, caption)


def _misfit_picture(baselines: Baselines) -> Picture:
    """Return the misfits of the table of baselines."""
    table, worst = baselines.misfit, worst_misfit(baselines)
    first, last, values = table["reference"], table["secondary"], table["misfit_m"]
    figure = span_plot(first, last, values, "Misfit of the baselines", "misfit [m]")
    alt = f"Plot of the misfit of {len(values)} baselines, at most {worst:.3f} m."
    caption = (
        "Baseline of each row of the table minus that of its two dates after least squares; "
        f"the largest is {worst:.3f} m. A line goes from the first to the second date."
    )
    return Picture("baseline_misfit", figure, alt, caption)


def _found_picture(found: FoundBaselines) -> Picture:
    """Return the baselines that were found in the phases."""
    in_metres, has_table = np.isfinite(found.found_m).all(), np.isfinite(found.table_m).all()
    values, sigma = found.relative, found.relative_sigma
    if in_metres:
        values, sigma = found.found_m, found.sigma_m
    given = found.table_m if in_metres and has_table else None
    unit = "baseline [m]" if in_metres else "relative baseline"
    figure = found_plot(found.dates, values, sigma, given, unit)
    alt = f"Plot of {len(values)} baselines that were found in the phases of links."
    caption = (
        "Perpendicular baselines that the phases of neighbouring points ask for, with two "
        "standard deviations. "
    )
    if given is not None:
        caption += "Origin, scale, sign and trend are those of the table (rings)."
    elif not in_metres:
        caption += "Their scale and sign are not known."
    return Picture("found_baselines", figure, alt, caption)


def tile_picture(run: RunData) -> Picture:
    """Return the map of the points and tiles."""
    scene = run.scene
    figure = tile_map(scene.tiles_per_pixel, scene.bounds, scene.grid.shape, scene.frame)
    tiles = count(len(scene.bounds), "tile")
    caption = f"{count(scene.npoints, 'point')} in {tiles}"
    if len(scene.bounds) > 1:
        shared = percent(scene.shared_points / max(scene.npoints, 1))
        caption += f"; {shared} of them lie in several, and join these"
    alt = f"Map of the points and the outlines of {tiles}."
    return Picture("tiles", figure, alt, f"{caption}. {scene.frame.note}")


# Coherence


def coherence_pictures(run: RunData) -> list[Picture]:
    """Return histograms of the coherence of links, where there are any, and of points."""
    drawn, links = [], run.links
    if links and links.number:
        caption = (
            f"Coherence of the link model on {count(links.number, 'link')}: how well a velocity "
            "and a DEM error explain the phase of a link. Pure noise exceeds "
            f"{links.noise_coherence:.2f} in {round_percent(NOISE_PROBABILITY)} of searches; "
            f"{percent(links.noise_share)} of the links do not."
        )
        drawn.append(_histogram("link_coherence", links, "Link coherence", caption))
    caption = "Temporal coherence of the points, or what stands for it."
    points = _histogram("point_coherence", run.point_coherence, "Temporal coherence", caption)
    return [*drawn, points]


def _histogram(name: str, coherence: CoherenceCounts, title: str, caption: str) -> Picture:
    """Return the histogram of a coherence."""
    counts = coherence.counts.reshape(-1, SHOWN_BINS).sum(axis=1)
    edges, median = COHERENCE_BINS[::SHOWN_BINS], coherence.median
    figure = histogram(counts, edges, median, title, title.lower())
    return Picture(name, figure, f"Histogram of {title.lower()}, median {median:.2f}.", caption)


# Pairs, loops and seams


def pair_pictures(run: RunData) -> list[Picture]:
    """Return plots of residues, flows and, where known, right points of every pair."""
    drawn = [
        _pair_picture(
            run,
            "residues",
            "residues",
            ("Residues", "triangles with a residue"),
            "Triangles of the mesh whose gradients do not cancel before unwrapping. A line goes "
            "from the first to the second date of a pair, here and in what follows.",
        ),
        _pair_picture(
            run,
            "flows",
            "flow_links",
            ("Flows", "links changed"),
            "Links whose gradient was changed by whole cycles to cancel the residues.",
        ),
    ]
    if "share_right" in run.pairs:
        caption = "Points of the simulated stack that are right, against its true phase."
        titles = "Points right", "points right"
        drawn.append(_pair_picture(run, "share_right", "share_right", titles, caption, share=True))
    return drawn


def _pair_picture(
    run: RunData,
    name: str,
    column: str,
    titles: tuple[str, str],
    caption: str,
    *,
    share: bool = False,
) -> Picture:
    """Return the plot of a column of the table of pairs, with its title and the label of y."""
    title, label = titles
    values, first, last = run.pairs[column], run.pairs["reference"], run.pairs["secondary"]
    figure = span_plot(first, last, values, title, label, share=share)
    low, high = (percent(v) if share else f"{v:,.0f}" for v in (values.min(), values.max()))
    alt = f"Plot of {title.lower()} of {len(values)} interferograms, from {low} to {high}."
    return Picture(name, figure, alt, caption)


def closure_pictures(run: RunData) -> list[Picture]:
    """Return the loops that do not close, over time and as a map; nothing where all close."""
    closure, frame = run.closure, run.scene.frame
    if not closure.open_points.any():
        return []
    share, dates = run.open_share, np.array(run.network.dates)
    over_time = span_plot(
        dates[run.triangles[:, 0]],
        dates[run.triangles[:, 2]],
        share,
        "Loops that do not close",
        "points of the triangle",
        share=True,
    )
    points = run.scene.tiles_per_pixel > 0
    return [
        Picture(
            "closure",
            over_time,
            f"Plot of the share of open points of {len(share)} triangles, up to "
            f"{percent(share.max())}.",
            "Share of the points where the three interferograms of a triangle do not add up to "
            "zero.",
        ),
        Picture(
            "open_loops",
            loop_map(closure.open_loops, points, frame, len(share)),
            f"Map of the number of loops that do not close, up to {closure.open_loops.max()}.",
            f"Loops that do not close at a point, of {len(share)}.",
        ),
    ]


def seam_pictures(run: RunData) -> list[Picture]:
    """Return how well the tiles agree; nothing for a single tile."""
    overlaps = run.overlaps
    if not len(overlaps.links):
        return []
    names, least = overlap_names(overlaps), float(overlaps.agreement.min())
    alt = (
        f"Picture of the share of points that agree in {len(names)} overlaps and "
        f"{run.network.npairs} interferograms, at least {percent(least)}."
    )
    caption = "Share of the common points of two tiles that agree on the cycles between them."
    return [Picture("seams", seam_plot(overlaps.agreement, names), alt, caption)]
