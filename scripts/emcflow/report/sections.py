"""The sections of the page of a report: what was found and drawn, as HTML."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml

import emcflow
from emcflow.products.quality import SEAM_AGREEMENT
from emcflow.report.album import Album
from emcflow.report.data import Baselines, RunData
from emcflow.report.explorer import explorer_data
from emcflow.report.pictures import MISFIT_M, worst_misfit
from emcflow.report.template import fill
from emcflow.report.words import (
    count,
    day,
    days_of_pair,
    headline,
    hypotheses,
    number_of_misfits,
    overlap_names,
    percent,
    remarks,
    round_percent,
    words_of_points,
)

# Columns of the table of interferograms: heading, column of the table of pairs, how it is written.
PAIR_COLUMNS: list[tuple[str, str, Callable[..., str]]] = [
    ("Days", "days", "{:,.0f}".format),
    ("Baseline [m]", "bperp_m", "{:z.1f}".format),
    ("Residues", "residues", "{:,.0f}".format),
    ("of triangles", "residue_share", percent),
    ("Links changed", "flow_links", "{:,.0f}".format),
    ("Cycles added", "flow_sum", "{:,.0f}".format),
    ("Points right", "share_right", percent),
    ("Overlaps agree", "agreement", percent),
    ("Misfit of tiles [cycles]", "misfit_cycles", "{:.2f}".format),
    ("Open loops", "open_share", percent),
    ("Suspect", "reasons", str),
]
RULE_COLUMNS = ("Rule", "Jobs", "Time of all [s]", "Longest [s]", "Memory of a job [MB]")


def whole_page(run: RunData, album: Album) -> str:
    """Return the page of a report.

    Parameters
    ----------
    run : RunData
    album : Album
        The pictures of the run.

    Returns
    -------
    str
        HTML that needs nothing from outside.
    """
    sections = [
        header(run),
        overview(run),
        maps(run),
        interferograms(run),
        network(run, album),
        coherence(album),
        quality(run, album),
        *([seams(run, album)] if len(run.overlaps.links) else []),
        provenance(run),
        footer(run),
    ]
    shape = f"{1 / run.scene.frame.height_to_width:.5g}"  # of pictures: width over height
    # no "<" may end the element that holds it
    explorer = json.dumps(explorer_data(run), separators=(",", ":")).replace("<", "\\u003c")
    page = fill("page", title=_title(run), shape=shape, sections=sections, explorer=explorer)
    return str(page)


def _title(run: RunData) -> str:
    """Return the name of a run."""
    return Path(run.config["output_dir"]).name


def header(run: RunData) -> str:
    """Return what was unwrapped, in a sentence."""
    dates = run.network.dates
    return fill(
        "header",
        version=emcflow.__version__,
        title=_title(run),
        kind="A simulated stack" if "share_right" in run.pairs else "A stack",
        dates=len(dates),
        days_text=f"{day(dates[0])} to {day(dates[-1])}",
        pairs=f"{run.network.npairs}\n  interferogram{'' if run.network.npairs == 1 else 's'}",
        folder=run.config["output_dir"],
    )


def overview(run: RunData) -> str:
    """Return headline, remarks, and links to the sections."""
    links = [
        ("maps", "Maps"),
        ("interferograms", "Interferograms"),
        ("network", _title_of_network(run)),
        ("coherence", "Coherence"),
        ("quality", "Unwrapping"),
        *([("seams", "Seams")] if len(run.overlaps.links) else []),
        ("run", "Run"),
    ]
    suspects = bool(run.pairs["suspect"].any())
    return fill(
        "overview", **headline(run), remarks=remarks(run), suspects=suspects, sections=links
    )


def maps(run: RunData) -> str:
    """Return the explorer of the maps, pairs and points."""
    title = "Velocity and DEM error" if run.baselines else "Maps"
    points = words_of_points(run.samples, run.scene.npoints) if run.samples else ""
    return fill("maps", title=title, points=points)


def interferograms(run: RunData) -> str:
    """Return the list of the interferograms, which the script fills."""
    return fill("interferograms", npairs=run.network.npairs)


def network(run: RunData, album: Album) -> str:
    """Return the network, the tiles, and the hypotheses that the tiles chose."""
    line, meaning = hypotheses(run)
    return fill(
        "network",
        title=_title_of_network(run),
        baselines=baseline_text(run.baselines) if run.baselines else "",
        hypothesis=line,
        meaning=meaning,
        pictures=album.figures["network"],
    )


def _title_of_network(run: RunData) -> str:
    return "Network and tiles" if run.baselines else "Points and tiles"


def baseline_text(baselines: Baselines) -> str:
    """Say that the baselines of pairs fit those of the dates; nothing where a figure shows more."""
    number = len(baselines.misfit["misfit_m"])
    if not number or worst_misfit(baselines) > MISFIT_M:
        return ""
    return (
        f"{count(number, 'baseline')} per pair, all within {1e3 * MISFIT_M:g} mm of the "
        "difference of their dates."
    )


def coherence(album: Album) -> str:
    """Return the histograms of coherence."""
    return fill("coherence", pictures=album.figures["coherence"])


def quality(run: RunData, album: Album) -> str:
    """Return residues, flows and loops of the interferograms, and a table of all their numbers."""
    table = run.pairs
    present = [column for column in PAIR_COLUMNS if column[1] in table]
    rows = [
        (
            name,
            days_of_pair(name),
            bool(table["suspect"][number]),
            [text(table[key][number]) for _, key, text in present],
        )
        for number, name in enumerate(table["pair"])
    ]
    return fill(
        "quality",
        loops=loop_text(run),
        pictures=album.figures["quality"],
        head=["Interferogram", *(title for title, _, _ in present)],
        rows=rows,
    )


def loop_text(run: RunData) -> str:
    """Say how many loops close, and how many pairs no loop checks; nothing without loops."""
    closure, share = run.closure, run.pairs["open_share"]
    if not len(closure.points):
        return ""
    text = (
        f"{percent(closure.share_closed)} of the loops of all points close: "
        f"{int(closure.open_points.sum()):,} of {int(closure.points.sum()):,} do not."
    )
    unchecked = int(np.isnan(share).sum())
    if unchecked:
        pairs = f"{count(unchecked, 'interferogram')} of {len(share)}"
        text += f" No loop checks {pairs}, in no triangle with two others."
    return text


def seams(run: RunData, album: Album) -> str:
    """Return how well the tiles fit together."""
    overlaps, misfits = run.overlaps, number_of_misfits(run)
    text = "In every interferogram the offsets between the tiles fit around all loops of tiles."
    if misfits:
        pairs = count(misfits, "interferogram")
        text = f"In {pairs} the offsets between tiles do\nnot fit around a loop of tiles."
    rows = [
        (
            name,
            f"{points:,}",
            percent(float(agreement.mean())),
            percent(float(agreement.min())),
            str(int((agreement < SEAM_AGREEMENT).sum())),
        )
        for name, points, agreement in zip(
            overlap_names(overlaps), overlaps.points, overlaps.agreement, strict=True
        )
    ]
    below = f"Pairs below {round_percent(SEAM_AGREEMENT)}"
    head = ["Overlap", "Points", "Agree, mean", "least", below]
    return fill("seams", text=text, pictures=album.figures["seams"], head=head, rows=rows)


def provenance(run: RunData) -> str:
    """Return what the run took, its config, the versions of packages, and its input files."""
    most = max((use.seconds for use in run.rules), default=0.0)
    rules = [
        (
            use.name,
            use.jobs,
            round(100 * use.seconds / most if most else 0.0, 1),
            f"{use.seconds:.1f}",
            f"{use.longest:.1f}",
            "–" if np.isnan(use.memory) else f"{use.memory:.0f}",
        )
        for use in run.rules
    ]
    sizes = [(path, "–" if size is None else f"{size / 1e6:,.2f} MB") for path, size in run.sources]
    return fill(
        "provenance",
        head=RULE_COLUMNS,
        rules=rules,
        # by way of JSON: a config of Snakemake holds more kinds of mappings than YAML writes
        config=yaml.safe_dump(json.loads(json.dumps(run.config)), sort_keys=False),
        versions=run.versions,
        sources=sizes,
    )


def footer(run: RunData) -> str:
    """Return by which version the page was written, and where its pictures are."""
    return fill("footer", version=emcflow.__version__, folder=run.config["output_dir"])
