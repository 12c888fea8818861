"""Numbers as words, and what a report says of a run: its headline, remarks and hypotheses."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from emcflow.acquisition.geometry import SIGMAS
from emcflow.acquisition.model_terms import range_key
from emcflow.links.cycle_model import AUTO, DATA, DATA_NARROW, MIXTURE, NARROW, PEAKS, ZERO
from emcflow.products.quality import MISFIT_CYCLES, SEAM_AGREEMENT
from emcflow.report.data import RunData, Samples, Scene
from emcflow.tiles.overlaps import Overlaps

SPACE = "\u00a0"  # keeps a number and its unit on one line
MANY_SIGMAS = 2  # what is smaller is not significant
BY_CHANCE = 0.05  # share of values beyond two sigmas that noise alone has
FEW_DATES = 6  # with fewer little is left that could contradict
AT_EDGE = 0.005  # share of links with a peak at the edge of the search that is worth a word
OPEN_LOOPS = 0.001  # share of the points of a triangle; more open ones are worth a word
NAMED_TILES = 60  # the most tiles that are named one by one, as on their map
# What links are taken to have.
HYPOTHESES = {
    ZERO: "no motion and no height",
    MIXTURE: "a velocity and a DEM error that are likely in this scene",
    NARROW: "a small velocity and a small DEM error, as most links of this scene",
    DATA: "what they have in mixture, and a term from the data",
    DATA_NARROW: "what they have in narrow, and a term from the data",
    PEAKS: "the velocity and DEM error of the highest peak, where it is clearly better than zero",
}


# Maps of which it counts how much is significant, and what that is called.
SIGNIFICANT = {
    "velocity_mm_yr": "significant velocity",
    "dem_error_m": "significant DEM error",
}


class Card(NamedTuple):
    """One number of the headline.

    Attributes
    ----------
    name : str
        Of the element of the page.
    value, label, note : str
        The number, what it is, and a line on it.
    """

    name: str
    value: str
    label: str
    note: str


# Numbers


def percent(share: float) -> str:
    """Write a share in per cent so that only all is 100 % and only nothing is 0 %."""
    if not math.isfinite(share):
        return "–"
    if share in (0, 1):
        return f"{100 * share:.0f}{SPACE}%"
    for decimals in (1, 2, 3):
        text = f"{100 * share:.{decimals}f}"
        if 0 < float(text) < 100:
            return f"{text}{SPACE}%"
    return f">{SPACE}99.999{SPACE}%" if share > 0.5 else f"<{SPACE}0.001{SPACE}%"


def round_percent(share: float) -> str:
    """Write a share that is a round number of per cent, such as a threshold."""
    return f"{100 * share:g}{SPACE}%"


def day(digits: str) -> str:
    """Write a date, YYYYMMDD, with hyphens."""
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).isoformat()


def days_of_pair(name: str) -> str:
    """Write the two dates of a pair, D1_D2."""
    return f"{day(name[:8])} to {day(name[9:])}"


def count(number: int, singular: str) -> str:
    """Write how many there are of a thing."""
    return f"{number:,} {plural(number, singular)}"


def plural(number: int, singular: str) -> str:
    """Return the word for a number of things, without the number."""
    return singular if number == 1 else f"{singular}s"


def pair_facts(pair: Mapping) -> str:
    """Return the numbers of one row of the table of pairs in a line."""
    facts = [count(int(pair["days"]), "day")]
    if "bperp_m" in pair:
        facts.append(f"baseline {pair['bperp_m']:z.0f} m".replace("-", "−"))
    facts.append(count(int(pair["residues"]), "residue"))
    if "share_right" in pair:
        facts.append(f"{percent(pair['share_right'])} right")
    return f"{SPACE}· ".join(fact.replace(" ", SPACE) for fact in facts)


def ground_size(scene: Scene) -> str:
    """Return height and width of the scene on the ground, where known, and the tiles."""
    frame, tiles = scene.frame, count(len(scene.bounds), "tile")
    if frame.metres is None:
        return f"rows × columns, {tiles}"
    width = abs(frame.extent[1] - frame.extent[0]) * frame.metres / 1000
    return f"{width * frame.height_to_width:.3g} × {width:.3g} km, {tiles}"


def overlap_names(overlaps: Overlaps) -> list[str]:
    """Return the tiles of each overlap, with their regions where these are not the first."""
    return ["–".join(_node_name(overlaps.nodes[node]) for node in link) for link in overlaps.links]


def _node_name(node: np.ndarray) -> str:
    """Return a tile's number, with its region where that is not the first."""
    tile, region = node
    return f"{tile:02d}/{region}" if region else f"{tile:02d}"


def words_of_points(samples: Samples, npoints: int) -> str:
    """Say which points can be looked at one by one, and where their series come from."""
    number = len(samples.points)
    which = f"{number:,} of the {npoints:,} points" if number < npoints else "All points"
    source = "timeseries/" if samples.from_rasters else "the interferograms"
    rest = "; the nearest is taken, and the exports have all" if number < npoints else ""
    return f"{which} can be clicked, with series from {source}{rest}."


# Headline


def headline(run: RunData) -> dict[str, list[Card]]:
    """Return the numbers that come first.

    Parameters
    ----------
    run : RunData

    Returns
    -------
    dict of str to list of Card
        ``run``, what was run, and ``good``, how good it is.
    """
    return {"run": _what_was_run(run), "good": _how_good(run)}


def _what_was_run(run: RunData) -> list[Card]:
    """Return dates, pairs, points and pixels."""
    scene, network = run.scene, run.network
    rows, cols = scene.grid.shape
    low, high = run.pairs["days"].min(), run.pairs["days"].max()
    span = f"over {low:.0f} days" if low == high else f"over {low:.0f} to {high:.0f} days"
    covered = f"{percent(scene.npoints / (rows * cols))} of the pixels"
    dates = f"{day(network.dates[0])} to {day(network.dates[-1])}"
    return [
        Card("dates", f"{network.ndates}", "dates", dates),
        Card("pairs", f"{network.npairs:,}", plural(network.npairs, "interferogram"), span),
        Card("points", f"{scene.npoints:,}", "points", covered),
        Card("size", f"{rows:,} × {cols:,}", "pixels", ground_size(scene)),
    ]


def _how_good(run: RunData) -> list[Card]:
    """Return right points where the truth is known, closed loops, seams, coherence, residues."""
    table, cards = run.pairs, []
    if "share_right" in table:
        worst = f"mean of the pairs, the worst {percent(table['share_right'].min())}"
        value = percent(table["share_right"].mean())
        cards.append(Card("share_right", value, "of points right", worst))
    checked = np.count_nonzero(np.isfinite(table["open_share"]))
    triangles, pairs = count(len(run.closure.points), "triangle"), count(run.network.npairs, "pair")
    note = f"{triangles} of pairs, at every point; {checked:,} of {pairs} checked"
    cards.append(Card("loops", percent(run.closure.share_closed), "of loops close", note))
    if len(run.overlaps.links):
        agreement = float(np.average(table["agreement"]))
        note = f"{count(len(run.overlaps.links), 'overlap')} of tiles"
        cards.append(Card("agreement", percent(agreement), "of overlap points agree", note))
    if run.links:
        note = f"median of {count(run.links.number, 'link')}"
        cards.append(Card("link_coherence", f"{run.links.median:.2f}", "link coherence", note))
    for name, label in SIGNIFICANT.items():
        share = significant_share(run, name)
        if math.isfinite(share):
            note = "of the points: beyond two sigmas"
            cards.append(Card(f"{name}_significant", percent(share), f"with a {label}", note))
    residues = f"{np.median(table['residues']):,.0f}"
    note = f"median pair: {percent(np.median(table['residue_share']))} of the mesh’s triangles"
    cards.append(Card("residues", residues, "residues per pair", note))
    return cards


def significant_share(run: RunData, name: str) -> float:
    """Return the share of the points whose value is significant; NaN where that is not known."""
    values, sigma = run.parameters.get(name), run.parameters.get(SIGMAS[name])
    if values is None or sigma is None:
        return float("nan")
    known = np.isfinite(values.image) & np.isfinite(sigma.image)
    if not known.any():
        return float("nan")
    return float(np.mean(np.abs(values.image[known]) > MANY_SIGMAS * sigma.image[known]))


# Remarks


def remarks(run: RunData) -> list[str]:
    """Return what to know before the results are used, a sentence each."""
    found = [*_remarks_on_pairs(run), *_remarks_on_points(run), *run.scene.remarks]
    found += [*_remarks_on_links(run), *_remarks_on_tiles(run), *_remarks_on_loops(run)]
    found += _remarks_on_what_is_known(run)
    return [*found, *_remarks_on_empty_maps(run)]


def _remarks_on_pairs(run: RunData) -> list[str]:
    """Say how many pairs are suspect."""
    suspect = int(run.pairs["suspect"].sum())
    if not suspect:
        return []
    return [
        f"{count(suspect, 'interferogram')} of {run.network.npairs} flagged as suspect in "
        "quality/pairs.csv: the table of interferograms says why. Leave a bad one out with "
        "stack.exclude (docs/quality.md, Table of pairs)."
    ]


def _remarks_on_points(run: RunData) -> list[str]:
    """Say which points are not joined to the others, and which were left out."""
    found, overlaps = [], run.overlaps
    if overlaps.ncomponents > 1:
        points = np.bincount(overlaps.component, weights=overlaps.node_points)
        found.append(
            f"The points fall into {overlaps.ncomponents} parts that are not joined (the largest "
            f"holds {percent(points[0] / points.sum())}): cycles between the parts are not known. "
            "A lower stack.min_temporal_coherence may join them (docs/ranges_and_tiles.md)."
        )
    if run.masked_points:
        found.append(
            f"{count(run.masked_points, 'coherent point')} left out, zero or not finite at some "
            "date (those of overlaps counted twice). Where one date lacks them, stack.exclude "
            "leaves it out (config/README.md)."
        )
    if run.unchanging_points:
        found.append(
            f"{count(run.unchanging_points, 'coherent point')} left out, whose phase never "
            "changes, as that of nodata written as a number (those of overlaps counted twice). "
            "stack.mask leaves out such pixels whatever their coherence (config/README.md)."
        )
    return found


def _remarks_on_links(run: RunData) -> list[str]:
    """Say whether the search ranges were too narrow, and which to set."""
    if not run.links:
        return []
    found = []
    for term, (low, high) in run.links.searched.items():
        key = range_key(term)
        given = run.config["link_model"].get(key)
        if given and (low < given[0] or high > given[1]):
            found.append(
                f"Links reach beyond link_model.{key}, {given[0]:g} to {given[1]:g}, and were "
                f"searched from {low:g} to {high:g}: set it to [{low:g}, {high:g}] "
                "(docs/ranges_and_tiles.md)."
            )
    if run.links.edge_share > AT_EDGE:
        wider = dict.fromkeys(
            f"link_model.{range_key(term)}: [{2 * low:g}, {2 * high:g}]"
            for term, (low, high) in run.links.searched.items()
            if range_key(term) in run.config["link_model"]
        )
        found.append(
            f"{percent(run.links.edge_share)} of the links have their best velocity or DEM error "
            f"at the edge of the search range: where this is not noise, try {', '.join(wider)} "
            "(docs/ranges_and_tiles.md)."
        )
    return found


def _remarks_on_tiles(run: RunData) -> list[str]:
    """Say where tiles do not fit together."""
    found = []
    misfits = number_of_misfits(run)
    if misfits:
        found.append(
            f"In {count(misfits, 'interferogram')} the tiles do not fit around a loop: make them "
            "larger with tiles.points_per_tile (docs/ranges_and_tiles.md)."
        )
    if len(run.overlaps.links):
        low = int((run.overlaps.agreement.min(axis=1) < SEAM_AGREEMENT).sum())
        if low:
            found.append(
                f"{count(low, 'overlap')} of tiles where less than "
                f"{round_percent(SEAM_AGREEMENT)} of the points agree in some interferogram: look "
                "at quality/seam_difference_rad.tif there (docs/quality.md, Layers)."
            )
    return found


def _remarks_on_loops(run: RunData) -> list[str]:
    """Say how many triangles of pairs do not close, and which is the worst."""
    share = run.open_share
    if share.max(initial=0) <= OPEN_LOOPS:
        return []
    dates = run.triangles[share.argmax()].tolist()
    days = ", ".join(day(run.network.dates[date]) for date in dates)
    return [
        f"{int((share > OPEN_LOOPS).sum())} of {len(share)} triangles of interferograms do not "
        f"close at more than {round_percent(OPEN_LOOPS)} of the points; the worst at "
        f"{percent(share.max())} ({days}). quality/open_loops.tif shows where (docs/quality.md)."
    ]


def _remarks_on_what_is_known(run: RunData) -> list[str]:
    """Say what can hardly be known: without a model, of few dates, and what is as in noise."""
    found = []
    if run.links is None:
        found.append(
            "No link model: steep links, as of buildings, may be a cycle off. It needs the "
            "wavelength and link_model.enabled: true (config/README.md)."
        )
    if run.network.ndates < FEW_DATES:
        found.append(
            f"{count(run.network.ndates, 'date')} are few: little is left that could contradict "
            "wrong cycles, and standard deviations are rough (docs/quality.md)."
        )
    for name, label in SIGNIFICANT.items():
        share = significant_share(run, name)
        if share <= BY_CHANCE:
            found.append(
                f"{percent(share)} of the points have a {label}, as few as in noise alone: this "
                "stack shows none, it takes more dates or a longer span (docs/quality.md)."
            )
    return found


def _remarks_on_empty_maps(run: RunData) -> list[str]:
    """Name the maps that the dates do not constrain."""
    empty = sorted(name for name, drawn in run.parameters.items() if drawn.is_empty)
    if not empty:
        return []
    *others, last = empty
    named = f"{', '.join(others)} and {last} are empty" if others else f"{last} is empty"
    return [
        f"{named}: the dates do not constrain {'them' if others else 'it'}. It takes more dates, "
        "or fewer terms in link_model (docs/model_terms.md)."
    ]


def number_of_misfits(run: RunData) -> int:
    """Return in how many pairs the offsets of tiles do not fit around a loop of tiles."""
    misfit = run.pairs.get("misfit_cycles")
    return 0 if misfit is None else int((misfit > MISFIT_CYCLES).sum())


# Hypotheses


def hypotheses(run: RunData) -> tuple[str, str]:
    """Return by which hypothesis the tiles took the cycles of their links, and what that means.

    Parameters
    ----------
    run : RunData

    Returns
    -------
    line, meaning : str
        The line begins with the hypothesis that most tiles took.
    """
    tiles = defaultdict(list)
    for number, name in enumerate(run.hypotheses):
        tiles[name].append(f"{number:02d}")
    ordered = sorted(tiles, key=lambda name: (-len(tiles[name]), name))
    line = ", ".join(f"{name}{_which(tiles[name], len(run.hypotheses))}" for name in ordered)
    return f"Hypothesis: {line}.", (
        "The phase of a link is known up to whole cycles, and which cycle is the nearest depends "
        f"on what links are taken to have. {_why(run)} {_meanings(ordered)}"
    )


def _which(tiles: Sequence[str], ntiles: int) -> str:
    """Return how many tiles these are of a number, and where that is not many, which."""
    if ntiles == 1:
        return ""
    listed = f": {', '.join(tiles)}" if len(tiles) < ntiles <= NAMED_TILES else ""
    return f" ({count(len(tiles), 'tile')}{listed})"


def _why(run: RunData) -> str:
    """Say why a tile has its hypothesis."""
    if run.links is None:
        return "Without a link model there is no other."
    if run.config["link_model"]["hypothesis"] != AUTO:
        return "The config names it."
    return (
        "Each tile took the hypothesis that agrees best with its interferograms: a few are "
        "unwrapped by each, and loops of three that stay open count against it."
    )


def _meanings(names: Sequence[str]) -> str:
    """Say what links have in each of these hypotheses, smooth ones together."""
    split = [(name, 0) if name in HYPOTHESES else name.rsplit("_", 1) for name in names]
    models = dict.fromkeys(model for model, _ in split)
    text = "; in ".join(f"{model}: {HYPOTHESES[model]}" for model in models)
    widths = sorted({int(width) for _, width in split} - {0})
    if widths:
        suffixes = " or ".join(f"_{width}" for width in widths)
        text += (
            f"; with {suffixes}: residuals smooth over so many median intervals of the dates too"
        )
    return f"What they have in {text}."
