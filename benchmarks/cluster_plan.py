"""A frame of Sentinel-1 on a cluster: jobs scheduled by what real tiles took; docs/scale.md.

python benchmarks/cluster_plan.py [--folder F] [--docs D]

Reads the measurements of scale_runs.py in FOLDER; writes the tables of `scale.md` and the figure
`images/scale.png` to DOCS.
"""

from __future__ import annotations

import argparse
import heapq
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bench import ROOT
from matplotlib.figure import Figure
from scale_model import (
    FOLDERS,
    NEIGHBOUR_RULES,
    TILE_RULES,
    TIMES,
    Model,
    Size,
    memory_mb,
    sized,
)
from scale_runs import HELD_OUT

# The frame: 250 km x 180 km at 10 m, a fifth of its pixels are points; 300 dates, each paired with
# the three that follow. Tiles as by default, with overlaps that widen each by a tenth a side.
SIDES = (25_000, 18_000)
COHERENT = 0.2
DATES, PAIRS = 300, 3 * 300 - 6
POINTS_PER_TILE = 600_000
OVERLAP = 1.1**2

# The cluster: assumptions, not measurements.
QUEUE_S = 10.0  # from the submission of a job to its first line, and back
DISK = 500e6  # bytes per second that one job reads or writes
# Share of further threads that is of use; rules of the scene have so many.
THREADED = {"link_model": 0.7, "unwrap_tile": 0.7, "time_series": 0.5, "report": 0.7}
SCENE_THREADS = 8
CLUSTERS = {
    "1 small node": (1, 16, 64_000),
    "1 node": (1, 32, 256_000),
    "10 nodes": (10, 32, 256_000),
    "40 nodes": (40, 32, 256_000),
}
DRAWN = "10 nodes"


@dataclass
class Job:
    """A job of the cluster: what it takes and what it waits for."""

    name: str
    rule: str
    seconds: float
    cores: int
    mb: float
    needs: list[str]


def frame() -> Size:
    """Return the size of the frame."""
    pixels = SIDES[0] * SIDES[1]
    points = pixels * COHERENT
    return Size(pixels, points * OVERLAP, DATES, PAIRS, round(points / POINTS_PER_TILE))


def dependencies() -> dict[str, list[str]]:
    """Return what each rule reads the results of, from the table that a test compares."""
    page = (ROOT / "docs" / "reruns.md").read_text().split("## Rules\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.M)
    needs = {rule: re.findall(r"`(\w+)`", text) for rule, text in rows}
    apart = ("report", "date_phases", "time_series", "displacements")
    needs["report"] = [rule for rule in TIMES if rule not in apart]
    return {rule: [need for need in needs[rule] if need in TIMES] for rule in TIMES}


def seconds_of(model: Model, rule: str, size: Size) -> float:
    """Return the seconds of all jobs of a rule on one core each, with what the disk takes."""
    moved = model.bytes_read(rule, size) + model.bytes_written(rule, size)
    return model.seconds[rule](size) + moved / DISK


def parts_of(rule: str, size: Size) -> int:
    """Return into how many jobs the work of a rule is cut."""
    if rule in TILE_RULES + NEIGHBOUR_RULES:
        return size.tiles
    if rule == "merge_interferograms":
        return size.batches
    if rule == "displacements":
        return size.date_batches
    return size.strips if rule in ("date_phases", "loops") else 1


def in_threads(seconds: float, rule: str, threads: int) -> float:
    """Return how long work of one core takes in threads."""
    return seconds / (1 + (threads - 1) * THREADED.get(rule, 0))


def jobs_of(model: Model, size: Size) -> list[Job]:
    """Return the jobs of a run; the steps of a tile are one, as in profiles/slurm."""
    needs = dependencies()
    of_tile = int(max(1, min(8, size.points / size.tiles // 100_000)))
    steps = {rule: seconds_of(model, rule, size) / size.tiles for rule in TILE_RULES}
    tile_s = sum(in_threads(seconds, rule, of_tile) for rule, seconds in steps.items())
    tile_mb = memory_mb("unwrap_tile", size, of_tile)
    names = defaultdict(list)
    jobs = []
    outside = {need for rule in TILE_RULES for need in needs[rule]} - {*TILE_RULES}
    for rule in [*TIMES, "tile"]:
        if rule in TILE_RULES:
            continue
        parts = size.tiles if rule == "tile" else parts_of(rule, size)
        for part in range(parts):
            name = f"{rule} {part}"
            names[rule].append(name)
            if rule == "tile":
                jobs.append(Job(name, rule, tile_s, of_tile, tile_mb, sorted(outside)))
                continue
            threads = SCENE_THREADS if rule in THREADED else 1
            seconds = in_threads(seconds_of(model, rule, size) / parts, rule, threads)
            mb = memory_mb(rule, size, threads)
            before = {"tile" if need in TILE_RULES else need for need in needs[rule]}
            jobs.append(Job(name, rule, seconds, threads, mb, sorted(before)))
    for job in jobs:
        job.needs = [name for rule in job.needs for name in names[rule]]
    return jobs


def schedule(jobs: list[Job], nodes: int, cores: int, mb: float) -> dict[str, tuple[float, float]]:
    """Return start and end of every job: the longest ready one first, on the first node with room.

    List scheduling (Graham 1969, SIAM Journal on Applied Mathematics 17(2), 416-429). A job that
    needs more memory than a node has gets one that is large enough, alone.
    """
    waiting = {job.name: len(job.needs) for job in jobs}
    followers = defaultdict(list)
    for job in jobs:
        for need in job.needs:
            followers[need].append(job)
    free = [[cores, mb] for _ in range(nodes)]
    ready = [job for job in jobs if not job.needs]
    running: list[tuple[float, str]] = []
    place, times, now = {}, {}, 0.0
    while ready or running:
        for job in sorted(ready, key=lambda job: -job.seconds):
            wanted = min(job.cores, cores), min(job.mb, mb)
            node = next((n for n in free if n[0] >= wanted[0] and n[1] >= wanted[1]), None)
            if node is None:
                continue
            node[0] -= wanted[0]
            node[1] -= wanted[1]
            ready.remove(job)
            end = now + QUEUE_S + job.seconds
            place[job.name] = job, node, wanted
            times[job.name] = now, end
            heapq.heappush(running, (end, job.name))
        now, name = heapq.heappop(running)
        _, node, wanted = place[name]
        node[0] += wanted[0]
        node[1] += wanted[1]
        for job in followers[name]:
            waiting[job.name] -= 1
            if waiting[job.name] == 0:
                ready.append(job)
    return times


def in_words(seconds: float) -> str:
    """Return a time with its unit, two or three digits."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def check_table(model: Model, record: dict) -> str:
    """Return predicted beside measured CPU seconds of a run that nothing was fitted to."""
    size, rows = sized(record), []
    measured = {rule: record["scripts"][rule]["cpu_s"] for rule in TIMES}
    predicted = {rule: model.seconds[rule](size) for rule in TIMES}
    for rule in sorted(TIMES, key=lambda rule: -measured[rule])[:9]:
        m, p = measured[rule], predicted[rule]
        rows.append([f"`{rule}`", f"{m:.1f}", f"{p:.1f}", f"{p / m:.2f}"])
    m, p = sum(measured.values()), sum(predicted.values())
    rows.append(["all rules", f"{m:.0f}", f"{p:.0f}", f"{p / m:.2f}"])
    m = sum(record["files"][folder]["bytes"] for folder in FOLDERS) / 1e6
    p = sum(model.bytes[folder](size) for folder in FOLDERS) / 1e6
    rows.append(["results [MB]", f"{m:.0f}", f"{p:.0f}", f"{p / m:.2f}"])
    for folder in FOLDERS:
        found, expected = record["files"][folder]["files"], model.files(folder, size)
        if found != expected:
            raise SystemExit(f"{folder}: {found} files, the formula says {expected}")
    return table(["", "measured CPU s", "predicted", "ratio"], rows)


def large_table(model: Model, record: dict) -> str:
    """Return CPU seconds and memory of a large run, measured and expected; the longest rules."""
    size, scripts, rows = sized(record), record["scripts"], []
    for rule in sorted(TIMES, key=lambda rule: -scripts[rule]["cpu_s"]):
        used, expected = scripts[rule], model.seconds[rule](size)
        rows.append(
            [
                f"`{rule}`",
                f"{used['jobs']}",
                f"{used['cpu_s']:.0f}",
                f"{expected / used['cpu_s']:.2f}",
                f"{used['peak_mb']:.0f}",
                f"{used['asked_mb']}" if "asked_mb" in used else "",
            ]
        )
    total, predicted = record["cpu_s"], sum(model.seconds[rule](size) for rule in TIMES)
    largest = max(used["peak_mb"] for used in scripts.values())
    rows.append(["all", "", f"{total:.0f}", f"{predicted / total:.2f}", f"{largest:.0f}", ""])
    head = [
        "rule",
        "jobs",
        "CPU s",
        "predicted by measured",
        "peak of a job [MB]",
        "asked for [MB]",
    ]
    return table(head, rows)


def rules_table(model: Model, size: Size) -> str:
    """Return time, memory and bytes of the rules of the frame, the longest first."""
    rows = []
    cpu = {rule: model.seconds[rule](size) for rule in TIMES}
    for rule in sorted(TIMES, key=lambda rule: -seconds_of(model, rule, size)):
        parts = parts_of(rule, size)
        read, written = model.bytes_read(rule, size), model.bytes_written(rule, size)
        seconds = seconds_of(model, rule, size)
        if seconds < 300:
            continue
        rows.append(
            [
                f"`{rule}`",
                f"{parts}",
                f"{cpu[rule] / 3600:.1f}",
                in_words(seconds / parts),
                f"{memory_mb(rule, size) / 1000:.0f}",
                f"{read / 1e12:.2f}",
                f"{written / 1e12:.2f}",
            ]
        )
    head = ["rule", "jobs", "CPU h", "one job", "its memory [GB]", "read [TB]", "written [TB]"]
    return table(head, rows)


def folders_table(model: Model, size: Size) -> str:
    """Return files and bytes of the results of the frame."""
    rows = []
    for folder in FOLDERS:
        count, total = model.files(folder, size), model.bytes[folder](size)
        rows.append([f"`{folder}`", f"{count:,}", f"{total / 1e9:,.1f}"])
    count = sum(model.files(folder, size) for folder in FOLDERS)
    total = sum(model.bytes[folder](size) for folder in FOLDERS)
    rows.append(["all", f"{count:,}", f"{total / 1e9:,.0f}"])
    return table(["folder", "files", "GB"], rows)


def in_use(jobs: list[Job], times: dict, share: float, cores: int) -> float:
    """Return the part of the cores that jobs have, over the first share of the time."""
    end = share * max(stop for _, stop in times.values())
    held = sum(
        job.cores * max(0.0, min(times[job.name][1], end) - times[job.name][0]) for job in jobs
    )
    return held / end / cores


def clusters_table(model: Model, size: Size) -> tuple[str, list[Job], dict]:
    """Return how long the frame takes on clusters of some sizes; jobs, and the schedule of one."""
    jobs, rows, drawn = jobs_of(model, size), [], {}
    for name, (nodes, cores, mb) in CLUSTERS.items():
        times = schedule(jobs, nodes, cores, mb)
        tiles_end = max(times[job.name][1] for job in jobs if job.rule == "tile")
        shares = [100 * in_use(jobs, times, share, nodes * cores) for share in (0.9, 1)]
        rows.append(
            [
                f"{name} of {cores} cores, {mb // 1000} GB",
                in_words(max(end for _, end in times.values())),
                in_words(tiles_end),
                *(f"{share:.0f} %" for share in shares),
            ]
        )
        drawn = times if name == DRAWN else drawn
    head = ["cluster", "whole run", "tiles done", "cores in use, first nine tenths", "in all"]
    return table(head, rows), jobs, drawn


def draw(path: Path, jobs: list[Job], times: dict) -> None:
    """Draw which cores are in use over time, by rule, on one of the clusters."""
    colours = {
        "tile": "tab:blue",
        "reference_points": "tab:gray",
        "tile_overlaps": "tab:purple",
        "blend_tile": "gold",
        "scene_links": "black",
        "merge_interferograms": "tab:orange",
        "link_quality": "tab:olive",
        "loops": "tab:green",
        "date_phases": "tab:red",
        "time_series": "tab:pink",
        "displacements": "tab:cyan",
        "report": "tab:brown",
    }
    figure = Figure((8, 2.8), layout="constrained")
    ax = figure.subplots()
    end = max(stop for _, stop in times.values())
    at = np.linspace(0, end, 1500)
    layers = []
    for rule in colours:
        cores = np.zeros(at.size)
        for job in jobs:
            if job.rule == rule:
                start, stop = times[job.name]
                cores[(at >= start) & (at < stop)] += job.cores
        layers.append(cores)
    ax.stackplot(at / 60, layers, labels=list(colours), colors=list(colours.values()))
    nodes, cores, _ = CLUSTERS[DRAWN]
    title = f"{DRAWN} of {cores} cores: {in_words(end)}"
    ax.set(xlabel="minutes", ylabel="cores in use", title=title, xlim=(0, end / 60))
    ax.set_yscale("symlog", linthresh=4)
    ax.set_ylim(0, 1.25 * nodes * cores)
    figure.legend(ncols=1, fontsize=7, loc="outside right center")
    figure.savefig(path, dpi=110)


def planning_table(planning: list[dict]) -> str:
    """Return what a dry run takes by the number of tiles."""
    head = ["tiles", *(str(row["tiles"]) for row in planning)]
    return table(head, [["CPU s of a dry run", *(f"{row['cpu_s']:.0f}" for row in planning)]])


def main() -> None:
    """Fit, schedule, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "results" / "scale")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    given = parser.parse_args()
    lines = (given.folder / "runs.jsonl").read_text().splitlines()
    records = {tuple(record["case"]): record for record in map(json.loads, lines)}
    held_out = records.pop(HELD_OUT)
    model, size = Model(list(records.values())), frame()
    clusters, jobs, times = clusters_table(model, size)
    tables = {
        "check": check_table(model, held_out),
        "rules": rules_table(model, size),
        "folders": folders_table(model, size),
        "clusters": clusters,
        "planning": planning_table(json.loads((given.folder / "planning.json").read_text())),
    }
    large = given.folder / "large.json"
    if large.exists():
        tables["large"] = large_table(model, json.loads(large.read_text()))
    page = given.docs / "scale.md"
    text = page.read_text()
    for name, lines in tables.items():
        begin, end = f"<!-- {name}: made by make scale -->\n", "<!-- end -->"
        before, _, rest = text.partition(begin)
        text = before + begin + lines + "\n" + end + rest.partition(end)[2]
    page.write_text(text)
    draw(given.docs / "images" / "scale.png", jobs, times)
    for name, lines in tables.items():
        print(f"{name}\n{lines}\n")


if __name__ == "__main__":
    main()
