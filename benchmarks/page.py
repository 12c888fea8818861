"""The page of results: tables and a figure from the file of all measurements."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

UNWRAPPING = ("mesh", "time", "space")
PROGRAMS = {
    "spurt": ("spurt 0.1.1", "C3", "s"),
    "spurt, its defaults": ("spurt 0.1.1, its default workers", "C1", "D"),
    "whirlwind sparse": ("whirlwind 0.10.0, sparse", "C4", "v"),
    "snaphu": ("snaphu-py 0.4.1", "C5", "P"),
    "emcflow without link model": ("emcflow without link model", "C2", "^"),
    "emcflow": ("emcflow", "C0", "o"),
    "read and write": ("only read and write the rasters", "0.5", "x"),
}
COMPARED = ("spurt", "emcflow without link model", "emcflow")
FITTED_FROM = 40_000  # points; below, the start of Python is most of the time

INTRODUCTION = """\
# Benchmarks

emcflow, [spurt](https://github.com/isce-framework/spurt) 0.1.1 (as PyPI has it, without any link
model), and whirlwind's sparse mode and snaphu, which take one interferogram at a time, on simulated
cities whose truth is known; one program at a time, alternating, the same number of cores. Made by
`make bench` and `make scaling`; medians where a case was run several times ({runs}).

Machine: {machine} Under other work wall times are too long, of all programs; CPU times, memory and
shares of right points are as they are.

- *Whole run*: for emcflow `snakemake --cores {cores}`, from the rasters to the rasters, with its
  start, the checks, the maps of velocity and DEM error and the report; for spurt its command line
  with {cores} workers; of whirlwind and snaphu the calls on arrays, one interferogram on each core.
  emcflow's compiled functions are in their cache (see *Start* below).
- *CPU*: user and system seconds of all processes. *Memory*: the peak of all processes together,
  forked ones without the pages that they share; for emcflow with Snakemake's own.
- *Right*: share of the coherent points within pi of the truth, mean over all interferograms.
- *~*: only some interferograms were unwrapped in space, evenly chosen; the time of all of them is
  extrapolated from those. Of spurt there is then no result to compare with the truth; of whirlwind
  and snaphu those six are compared.
"""


def write_page(records: Path, docs: Path) -> None:
    """Write `benchmarks.md` and `benchmarks.png`.

    Parameters
    ----------
    records : path
        Measurements, one JSON object a line; beside it `machine.json`.
    docs : path
        Folder of both; made where it does not exist.
    """
    machine = json.loads(records.with_name("machine.json").read_text())
    groups = defaultdict(list)
    for line in records.read_text().splitlines():
        record = json.loads(line)
        groups[case_key(record), record["program"]].append(record)
    results = {key: median_record(group) for key, group in groups.items()}
    compared = sorted({case for case, program in results if program == "spurt"})
    docs.mkdir(parents=True, exist_ok=True)
    sections = [
        INTRODUCTION.format(
            machine=machine["text"],
            cores=machine["cores"],
            runs=", ".join(
                f"{len(groups[case, 'spurt'])} x {case_text(case)}"
                for case in compared
                if len(groups[case, "spurt"]) > 1
            )
            or "none",
        )
    ]
    if compared:
        sections += [
            "![Time, memory and share of right points](benchmarks.png)\n",
            whole_runs(results, compared),
            unwrapping(results, compared),
            other_stages(results, compared),
            floor(results),
        ]
        draw(results, compared).savefig(docs / "benchmarks.png", dpi=110)
    searched = sorted(case for case, program in results if program == "links")
    if searched:
        sections.append(links(results, searched))
    flowed = sorted(case for case, program in results if program == "flows")
    if flowed:
        sections.append(flows(results, flowed))
    scaled = sorted(case for case, program in results if program == "scaling")
    if scaled:
        sections.append(growth(results, scaled))
    largest = sorted(case for case, program in results if program == "largest")
    if largest:
        sections.append(largest_runs(results, largest))
    if any(program == "start" for _, program in results):
        sections.append(start(results))
    (docs / "benchmarks.md").write_text("\n".join(sections))


def case_key(record: dict) -> tuple:
    """Return what tells cases apart, in the order of the tables."""
    case = record["case"]
    return case["dates"], ("low", "medium", "high").index(case["noise"]), case["kilopoints"]


def case_text(case: tuple) -> str:
    """Return a case in words."""
    dates, noise, kilopoints = case
    return f"{kilopoints} k points, {dates} dates, {('low', 'medium', 'high')[noise]} noise"


def median_record(group: list[dict]) -> dict:
    """Return the median of every number of the runs of one program on one case."""
    first = group[0]
    if isinstance(first, dict):
        return {key: median_record([one[key] for one in group]) for key in first}
    if isinstance(first, int | float) and not isinstance(first, bool):
        return statistics.median(group)
    return first


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table, the first column to the left, the others to the right."""
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def seconds(value: float, mark: str = "") -> str:
    """Return seconds with as many digits as mean something."""
    return f"{mark}{value:.2g}" if value < 10 else f"{mark}{value:.0f}"


def mark(record: dict) -> str:
    """Return the sign of an extrapolated time."""
    return "~" if record.get("extrapolated_from_pairs") else ""


def right(record: dict) -> str:
    """Return the share of right points in per cent."""
    return f"{100 * record['points_right']:.1f}" if "points_right" in record else "-"


def whole_runs(results: dict, compared: list[tuple]) -> str:
    """Return the section on whole runs."""
    head = ["case", "program", "wall [s]", "CPU [s]", "memory [MB]", "right [%]"]
    head += ["spurt's wall", "spurt's memory"]
    rows = []
    for case in compared:
        spurt = results[case, "spurt"]
        for program in PROGRAMS:
            one = results.get((case, program))
            if program == "read and write" or one is None:
                continue
            rows.append(
                [
                    case_text(case) if program == "spurt" else "",
                    PROGRAMS[program][0],
                    seconds(one["wall_s"], mark(one)),
                    seconds(one["cpu_s"], mark(one)),
                    f"{one['peak_mb']:.0f}",
                    right(one),
                    "" if one is spurt else f"/ {spurt['wall_s'] / one['wall_s']:.1f}",
                    "" if one is spurt else f"x {one['peak_mb'] / spurt['peak_mb']:.2f}",
                ]
            )
    return "## Whole run\n\n" + table(head, rows)


def unwrapping(results: dict, compared: list[tuple]) -> str:
    """Return the section on the stages that both programs have."""
    head = ["case", "program", *(f"{name} [CPU s]" for name in UNWRAPPING)]
    head += ["sum [CPU s]", "sum [wall s]", "spurt's CPU"]
    rows = []
    for case in compared:
        spurt = stage_sum(results[case, "spurt"])
        for program in COMPARED:
            one = results[case, program.replace("emcflow", "emcflow stages")]
            sign = mark(one)
            total = stage_sum(one)
            rows.append(
                [
                    case_text(case) if program == "spurt" else "",
                    PROGRAMS[program][0],
                    *(seconds(one["stages"][name]["cpu_s"], sign) for name in UNWRAPPING),
                    seconds(total, sign),
                    seconds(stage_sum(one, "wall_s"), sign),
                    "" if program == "spurt" else f"/ {spurt / total:.0f}",
                ]
            )
    text = (
        "## Mesh, unwrapping in time, unwrapping in space\n\nThe stages that both have, timed "
        "inside the process. *With* the link model the links are unwrapped about it and cost what "
        "their coherence says; *without* it both programs solve the same problems.\n\n"
    )
    return text + table(head, rows)


def stage_sum(record: dict, key: str = "cpu_s") -> float:
    """Return the seconds of mesh, time and space together."""
    return sum(record["stages"][name][key] for name in UNWRAPPING)


def other_stages(results: dict, compared: list[tuple]) -> str:
    """Return the section on where each program spends its time."""
    rows = []
    for case in compared:
        stages = results[case, "spurt"]["stages"]
        parts = [f"{name} {seconds(used['cpu_s'])}" for name, used in stages.items()]
        rows.append([case_text(case), "spurt 0.1.1", ", ".join(parts)])
        rules = results[case, "emcflow"]["rules"]
        parts = [f"{name} {seconds(used['cpu_s'])}" for name, used in rules.items()]
        rows.append(["", "emcflow", ", ".join(parts)])
    text = (
        "## Every stage\n\nCPU seconds; of emcflow per rule, jobs added up, as Snakemake samples "
        "them every half a second, so short jobs are a little longer than shown.\n\n"
    )
    return text + table(["case", "program", "stages"], rows).replace("--: |\n", ":-- |\n", 1)


def floor(results: dict) -> str:
    """Return the section on the least a run can cost."""
    head = ["case", "read and write [CPU s]", "emcflow", "emcflow without link model"]
    rows = []
    for case in sorted(case for case, program in results if program == "read and write"):
        least = results[case, "read and write"]["cpu_s"]
        ratios = [
            f"x {results[case, program]['cpu_s'] / least:.1f}" if (case, program) in results else ""
            for program in ("emcflow", "emcflow without link model")
        ]
        rows.append([case_text(case), seconds(least), *ratios])
    text = (
        "## Against a program that only reads and writes\n\nIt reads the same stack and writes the "
        "same rasters with the same compression and as many threads; it computes nothing, and its "
        "start is not counted. CPU seconds of both.\n\n"
    )
    return text + table(head, rows)


def links(results: dict, searched: list[tuple]) -> str:
    """Return the section on the search of the links' velocity and DEM error."""
    head = ["case", "search", "wall [s]", "CPU [s]", "wrong peaks [%]"]
    head += ["RMSE [mm/yr]", "RMSE [m]", "exhaustive's CPU"]
    rows = []
    for case in searched:
        searches = results[case, "links"]["searches"]
        text = f"{results[case, 'links']['links']:,.0f} links, {case_text(case)}"
        for name, one in searches.items():
            first = name == "exhaustive"
            rows.append(
                [
                    text if first else "",
                    name,
                    seconds(one["wall_s"]),
                    seconds(one["cpu_s"]),
                    f"{100 * one['wrong']:.2f}",
                    *(f"{value:.2f}" for value in one["rmse"]),
                    "" if first else f"/ {searches['exhaustive']['cpu_s'] / one['cpu_s']:.0f}",
                ]
            )
    text = (
        "## Velocity and DEM error of the links\n\nThe search against an exhaustive one as in "
        "spurt's pull request 97 with its defaults: 40 velocities by 40 DEM errors, over all "
        "interferograms, one product of matrices, a parabola through the highest value and its "
        "neighbours. A peak is wrong where it is off the truth by more than half a resolution "
        "cell; the RMSE is over the links that neither search has wrong. Run in turn, medians of "
        "three.\n\n"
    )
    return text + table(head, rows)


def flows(results: dict, cases: list[tuple]) -> str:
    """Return the section on flows from one residue after the other and from all at once."""
    head = ["mesh", "triangles with a residue [%]", "costs", "residues"]
    head += ["one after the other [CPU s]", "all at once [CPU s]", "phases", "ratio"]
    rows = []
    for case in cases:
        one = results[case, "flows"]
        mesh = f"{one['points']:,.0f} points, {one['links']:,.0f} links"
        for density, costs, residues, single, at_once, phases in one["rows"]:
            rows.append(
                [
                    mesh,
                    f"{100 * density:.0f}",
                    costs,
                    f"{residues:,.0f}",
                    seconds(single),
                    seconds(at_once),
                    f"{phases:.0f}",
                    f"x {at_once / single:.1f}",
                ]
            )
            mesh = ""
    text = (
        "## Flows from all residues at once\n\nThe minimum cost flows of unwrapping in space, from "
        "one positive residue after the other, as the workflow has them, and by a prototype of the "
        "primal-dual algorithm, which searches from all of them at once, phase by phase. Random "
        "points of a grid, a ramp with noise, the last rows pure noise; costs constant, by the "
        "length of the links, by their coherence. Both find flows of the same total cost, in one "
        "thread; seconds for one date, medians of three runs in turn. A ratio below 1 says that "
        "the search from all at once took less time.\n\n"
    )
    return text + table(head, rows)


def largest_runs(results: dict, cases: list[tuple]) -> str:
    """Return the section on whole runs of emcflow alone."""
    rows = []
    for case in cases:
        one = results[case, "largest"]
        rows.append(
            [
                case_text(case),
                f"{one['wall_s'] / 60:.0f}",
                f"{one['cpu_s'] / 60:.0f}",
                f"{one['peak_mb'] / 1000:.1f}",
                right(one),
            ]
        )
    head = ["case", "wall [min]", "CPU [min]", "memory [GB]", "right [%]"]
    return "## Millions of points\n\nThe whole run, link model included.\n\n" + table(head, rows)


def start(results: dict) -> str:
    """Return the section on what every run costs, however small its stack."""
    seconds_of = {
        program: one["wall_s"]
        for (_, program), one in results.items()
        if program in ("first start", "start")
    }
    return (
        "## Start\n\nA stack of 30 x 30 pixels and 5 dates, from its simulation to its report: "
        f"{seconds(seconds_of['start'])} s, of which all but a few hundredths are starts of "
        f"programs; {seconds(seconds_of['first start'])} s the first time on a machine, when numba "
        "compiles what it then keeps for all runs.\n"
    )


def growth(results: dict, scaled: list[tuple]) -> str:
    """Return the section on time and memory against the number of points."""
    points = [results[case, "scaling"]["points"] for case in scaled]
    names = list(results[scaled[0], "scaling"]["stages"])
    rows = []
    for name in names:
        times = [results[case, "scaling"]["stages"][name]["cpu_s"] for case in scaled]
        rows.append([name, *map(seconds, times), exponent(points, times)])
    head = ["stage [CPU s]", *(f"{count:,.0f}" for count in points), "exponent"]
    text = (
        "## Growth with the number of points\n\nOne tile, "
        f"{results[scaled[0], 'scaling']['dates']:.0f} dates, link model included; CPU seconds "
        "inside one process. The exponent is the slope of the logarithm of time over that of "
        "points, by least squares.\n\n"
    )
    rules = results[scaled[0], "scaling rules"]["rules"]
    memory = []
    for name, rule in rules.items():
        if not rule.get("predicted_mb"):
            continue
        cells = []
        for case in scaled:
            one = results[case, "scaling rules"]["rules"][name]
            cells.append(f"{one['peak_mb']:.0f} of {one['predicted_mb']:.0f}")
        memory.append([name, *cells])
    memory_head = ["rule [MB]", *(f"{count:,.0f}" for count in points)]
    memory_text = "\nPeak memory of a job, and what the rule asks for it (`resources: mem_mb`):\n\n"
    return text + table(head, rows) + memory_text + table(memory_head, memory)


def exponent(points: list[float], times: list[float]) -> str:
    """Return the exponent of growth, by a straight line through the logarithms."""
    large = np.array(points) >= FITTED_FROM
    if large.sum() < 2:
        return "-"
    slope = np.polyfit(np.log(np.array(points)[large]), np.log(np.array(times)[large]), 1)[0]
    return f"{slope:.2f}"


def draw(results: dict, compared: list[tuple]) -> Figure:
    """Draw time and memory against points, and the share of right points against noise."""
    dates = compared[0][0]
    sizes = [case for case in compared if case[:2] == (dates, 0)]
    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots(2, 2)
    panels = (
        (axes[0, 0], "whole run: wall time [s]", lambda one: one["wall_s"]),
        (axes[1, 0], "whole run: peak memory [GB]", lambda one: one["peak_mb"] / 1000),
    )
    for axis, title, value in panels:
        for program, (label, colour, marker) in PROGRAMS.items():
            curve = [
                (case[2], value(results[case, program]))
                for case in sizes
                if (case, program) in results and not ("read" in program and "memory" in title)
            ]
            if curve:
                axis.loglog(*zip(*curve, strict=True), color=colour, marker=marker, label=label)
        axis.set_title(title)
    for program in COMPARED:
        label, colour, marker = PROGRAMS[program]
        name = program.replace("emcflow", "emcflow stages")
        curve = [(case[2], stage_sum(results[case, name])) for case in sizes]
        axes[0, 1].loglog(*zip(*curve, strict=True), color=colour, marker=marker, label=label)
    axes[0, 1].set_title("mesh + time + space: CPU time [s]")
    for axis in (*axes[0], axes[1, 0]):
        axis.set_xlabel("thousand points")
        axis.grid(which="both", alpha=0.2)
        axis.legend(fontsize=8, loc="upper left")
    draw_right(axes[1, 1], results, compared)
    figure.suptitle(f"Simulated city, {dates} dates, low noise")
    return figure


def draw_right(axis, results: dict, compared: list[tuple]) -> None:
    """Draw the share of right points of each case as bars."""
    cases = [case for case in compared if "points_right" in results[case, "spurt"]]
    at = np.arange(len(cases))
    for offset, program in enumerate(COMPARED):
        label, colour, _ = PROGRAMS[program]
        share = [100 * results[case, program]["points_right"] for case in cases]
        axis.bar(at + 0.27 * (offset - 1), share, 0.25, color=colour, label=label)
    texts = [case_text(case).replace(", ", "\n").replace(" k points", " k") for case in cases]
    axis.set_xticks(at, texts, fontsize=7)
    axis.set_title("points right [%]")
    axis.legend(fontsize=8, loc="lower left")
