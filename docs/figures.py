"""The figures of the documentation, made by the library on a simulated city.

PYTHONPATH=scripts:tests python docs/figures.py        or        make docs-figures
"""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
from emcflow.acquisition.geometry import design_matrix
from emcflow.graph.delaunay import point_mesh
from emcflow.graph.mcf import solve_flows
from emcflow.graph.planar import residues
from emcflow.links.periodogram import estimate_links
from emcflow.links.search_grid import search_axis
from emcflow.network.networks import hop3_network
from emcflow.products.simulate import simulate_stack
from emcflow.report.figures.phases import WRAPPED
from emcflow.report.figures.style import (
    ACCENT,
    DEVIATION,
    EMPTY,
    INK,
    MUTED,
    SECOND,
    SEQUENCE,
    STYLE,
)
from emcflow.tiles.bulk_offsets import bulk_offsets
from emcflow.tiles.overlaps import measure_overlaps
from emcflow.tiles.scene import TilePoints
from emcflow.unwrap.costs import spatial_costs
from emcflow.unwrap.points import unwrap_points
from emcflow.unwrap.significant import significant_params
from emcflow.unwrap.temporal import unwrap_in_time
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Arc, Rectangle
from merged_scene import merge_cycles, scene_index

IMAGES = Path(__file__).resolve().parent / "images"
GEOMETRY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0}
RANGES = [(-100.0, 100.0), (-80.0, 80.0)]
CITY = {"rows": 100, "cols": 100, "dates": 16}


def main():
    """Draw all figures."""
    city = simulate_stack(CITY, **GEOMETRY)
    design = design_matrix(city.dates, city.bperp_m, **GEOMETRY)
    points = np.argwhere(city.temporal_coherence > 0.6)
    phase = np.angle(city.stack[:, *points.T]).astype(np.float32)
    pads = {f"figure.constrained_layout.{side}_pad": 0.08 for side in "wh"}
    with mpl.rc_context(STYLE | pads):
        save("periodogram", periodogram(city, points, phase, design))
        save("network", network_and_dual())
        save("residues", mesh_and_flow(city, points, phase, design))
        save("seam", seam(city, points, phase))


def save(name, figure):
    """Write a figure as a PNG file of modest size."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    (IMAGES / f"{name}.png").write_bytes(buffer.getvalue())
    print(f"{name}.png: {len(buffer.getvalue()) / 1000:.0f} kB")


def new_figure(width, height, ncols=1, **options):
    """Return a figure and its axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, ncols, **options)


def periodogram(city, points, phase, design):
    """Draw the coherence of one link, from a street to a roof, over velocity and DEM error."""
    edges = point_mesh(points).edges
    height = city.dem_error_m[*points.T]
    step = height[edges[:, 1]] - height[edges[:, 0]]
    link = edges[[np.argmin(np.abs(step - 40))]]
    axes_of_search = [search_axis(design[:, i], *limits) for i, limits in enumerate(RANGES)]
    found = estimate_links(phase, link, design, axes_of_search)
    gradient = (phase[:, link[0, 1]] - phase[:, link[0, 0]]).astype(float)
    velocity, dem_error = (np.linspace(*limits, 200) for limits in RANGES)
    power = np.abs(
        np.einsum(
            "d,dv,dh->hv",
            np.exp(1j * gradient),
            np.exp(-1j * np.outer(design[:, 0], velocity)),
            np.exp(-1j * np.outer(design[:, 1], dem_error)),
        )
    ) / len(gradient)
    figure, axes = new_figure(7.0, 4.2)
    shown = axes.imshow(
        power, extent=(*RANGES[0], *RANGES[1]), origin="lower", aspect="auto", cmap="magma", vmin=0
    )
    x, y = np.meshgrid(*axes_of_search)
    axes.scatter(x, y, s=7, color="#38bdf8", linewidths=0, label="search grid")
    axes.plot(*found.params[:, 0], "o", ms=13, mfc="none", mec="#4ade80", mew=2, label="peak found")
    truth = [
        image[*points[link[0, 1]]] - image[*points[link[0, 0]]]
        for image in (city.velocity_mm_yr, city.dem_error_m)
    ]
    axes.plot(*truth, "+", ms=9, color="#4ade80", mew=2, label="truth")
    axes.set_xlabel("velocity of one end minus that of the other [mm/yr]")
    axes.set_ylabel("DEM error [m]")
    axes.legend(loc="upper left", framealpha=0.9)
    figure.colorbar(shown, ax=axes, label="coherence", pad=0.01)
    print(f"link: found {found.params[:, 0]}, truth {truth}, coherence {found.coherence[0]:.2f}")
    return figure


def network_and_dual():
    """Draw a hop-3 network over time, and the same network in the plane with its dual."""
    ndates = 6
    graph = hop3_network([f"2020010{day}" for day in range(1, ndates + 1)]).graph
    figure, (over_time, plane) = new_figure(9.0, 3.9, 2, width_ratios=[1.1, 1])
    colours = {2: ACCENT, 3: SECOND}
    over_time.plot(range(ndates), np.zeros(ndates), color=INK, lw=1.6)
    for first, second in graph.edges[np.diff(graph.edges, axis=1)[:, 0] > 1]:
        hop = second - first
        start = 180 * (hop - 2)  # two dates ahead above the line, three below
        middle = ((first + second) / 2, 0)
        arc = Arc(middle, hop, 0.8 * hop, theta1=start, theta2=start + 180, color=colours[hop])
        over_time.add_patch(arc)
    put_dates(over_time, np.column_stack([range(ndates), np.zeros(ndates)]))
    over_time.set(xlim=(-0.5, ndates - 0.5), ylim=(-1.5, 1.2), aspect="equal")
    over_time.set_title("Each date with the three that follow", fontsize=9)

    drawings = [(planar_places(graph, face), face) for face in graph.triangles]
    places, outer = max(drawings, key=lambda drawing: closest(drawing[0]))
    centres = places[graph.triangles].mean(axis=1)
    outside = int(np.flatnonzero((graph.triangles == outer).all(axis=1))[0])
    centres[outside] = (0.95, 0.75)
    plane.add_collection(LineCollection(places[graph.edges], colors=INK, linewidths=1.3))
    across = np.stack([centres[graph.left], centres[graph.right]], axis=1)
    plane.add_collection(LineCollection(across, colors=SECOND, linewidths=1.1, linestyles="dotted"))
    plane.scatter(*centres.T, s=24, marker="s", color=SECOND, zorder=3)
    put_dates(plane, places)
    label = f"triangle {' '.join(str(date + 1) for date in sorted(outer))},\nseen from outside"
    plane.annotate(
        label, centres[outside], xytext=(8, -4), textcoords="offset points", color=SECOND
    )
    plane.set(xlim=(-1.1, 1.9), ylim=(-0.75, 1.15), aspect="equal")
    plane.set_title("The same without crossings; dotted: its dual", fontsize=9)
    for axes in (over_time, plane):
        axes.set_axis_off()
    return figure


def put_dates(axes, places):
    """Draw dates as numbered circles."""
    axes.scatter(*places.T, s=170, color="white", edgecolors=INK, zorder=3)
    for date, place in enumerate(places):
        axes.annotate(str(date + 1), place, ha="center", va="center", zorder=4, fontsize=8)


def closest(places):
    """Return the smallest distance between two nodes."""
    distance = np.hypot(*(places[:, None] - places).transpose(2, 0, 1))
    return distance[np.triu_indices(len(places), 1)].min()


def planar_places(graph, outer):
    """Return places of nodes: each inner one at the mean of its neighbours (Tutte 1963)."""
    neighbours = np.zeros((graph.nnodes, graph.nnodes))
    neighbours[graph.edges[:, 0], graph.edges[:, 1]] = 1
    neighbours += neighbours.T
    system = np.diag(neighbours.sum(axis=1)) - neighbours
    given = np.zeros((graph.nnodes, 2))
    system[outer] = np.eye(graph.nnodes)[outer]
    given[outer] = [(0, 1), (-1, -0.6), (1, -0.6)]
    return np.linalg.solve(system, given)


def mesh_and_flow(city, points, phase, design):
    """Draw residues and flows of one interferogram, about zero and about the link model."""
    network, graph = hop3_network(city.dates), point_mesh(points)
    axes_of_search = [search_axis(design[:, i], *limits) for i, limits in enumerate(RANGES)]
    model = estimate_links(phase, graph.edges, design, axes_of_search)
    params = significant_params(phase, graph, design, model.params, model.coherence, RANGES)
    baselines = np.abs(np.diff(city.bperp_m[network.pairs], axis=1)[:, 0])
    pair = int(np.argmin(np.abs(baselines - 120)))
    first, second = network.pairs[pair]
    wrapped = np.angle(np.exp(1j * (phase[second].astype(float) - phase[first])))
    figure, panels = new_figure(9.2, 4.7, 2, sharex=True, sharey=True)
    for axes, about, coherence, title in (
        (panels[0], None, None, "About zero"),
        (panels[1], params, model.coherence, "About the link model"),
    ):
        cycles = unwrap_in_time(phase, graph, network, None if about is None else design, about)
        gradient = cycles[second].astype(np.int32) - cycles[first]
        left_over = residues(graph, gradient)
        kind = "constant" if coherence is None else "coherence"
        costs = spatial_costs(kind, graph, points, coherence)
        flow = solve_flows(graph, left_over, costs)
        count = np.count_nonzero(left_over[:-1])
        draw_mesh(axes, graph, points, wrapped, left_over[:-1], flow)
        axes.set_title(f"{title}: {count} residues in the scene", fontsize=9)
        print(
            f"{title}: {count} residues, {np.count_nonzero(flow)} links changed, "
            f"bperp {baselines[pair]:.0f} m"
        )
    return figure


def draw_mesh(axes, graph, points, wrapped, left_over, flow):
    """Draw a part of the mesh: phase of points, triangles with a residue, links with flow."""
    xy = points[:, ::-1].astype(float)
    image = np.full(points.max(axis=0) + 1, np.nan)
    image[*points.T] = wrapped
    axes.set_facecolor(EMPTY)
    axes.imshow(image, cmap=WRAPPED, vmin=-np.pi, vmax=np.pi, alpha=0.75, interpolation="nearest")
    shown = (xy > (19, 57)).all(axis=1) & (xy < (54, 92)).all(axis=1)
    edges = graph.edges[shown[graph.edges].any(axis=1)]
    axes.add_collection(LineCollection(xy[edges], colors="white", linewidths=0.6))
    for sign, colour in ((1, "#dc2626"), (-1, "#1d4ed8")):
        corners = xy[graph.triangles[np.sign(left_over) == sign]]
        axes.add_collection(PolyCollection(corners, facecolors=colour, edgecolors="none"))
    changed = xy[graph.edges[flow != 0]]
    axes.add_collection(LineCollection(changed, colors="black", linewidths=2))
    axes.set(xlim=(20, 53), ylim=(91, 58), aspect="equal", xlabel="column", ylabel="row")


def seam(city, points, phase):
    """Draw two tiles before and after they are joined."""
    shape = city.temporal_coherence.shape
    bounds = [(0, 0, shape[0], 55), (0, 45, shape[0], shape[1])]
    tiles, cycles, own = [], [], []
    for r0, c0, r1, c1 in bounds:
        here = np.flatnonzero((points[:, 1] >= c0) & (points[:, 1] < c1))
        result = unwrap_points(phase[:, here], points[here], city.dates)
        first, second = result.network.pairs.T
        wrapped = phase[second][:, here].astype(float) - phase[first][:, here]
        cycles.append(np.rint((result.unwrapped - wrapped) / (2 * np.pi)).astype(np.int16))
        edges = result.graph.edges[result.confident]
        tiles.append(
            TilePoints((r0, c0, r1, c1), points[here].astype(np.int32), edges, result.region)
        )
        own.append(result.unwrapped)
    overlaps = measure_overlaps(tiles, cycles, shape, 25)
    offsets = bulk_offsets(overlaps).offsets
    scene = scene_index(tiles, shape, overlaps.component)
    merged = merge_cycles(scene, cycles, offsets)
    spread = (merged.spread > 0.5).sum(axis=1)
    pair = int(np.argmax((offsets[:, 1] != offsets[:, 0]) * (spread > 0) * spread))
    print(f"seam: offsets {offsets[pair]}, the tiles differ at {spread[pair]} points")
    first, second = result.network.pairs[pair]
    before, after, differ = (np.full(shape, np.nan) for _ in range(3))
    for tile, values in zip(tiles, own, strict=True):
        before[*tile.points.T] = values[pair]
    at = scene.points.T
    after[*at] = phase[second].astype(float) - phase[first] + 2 * np.pi * merged.cycles[pair]
    differ[*at] = 2 * np.pi * merged.spread[pair]
    figure, panels = new_figure(10.2, 3.6, 3, sharex=True, sharey=True)
    middle = np.nanmedian(after)
    texts = ("Tiles side by side", "After offset and blending", "Where the tiles differed (_diff)")
    for axes, image, text in zip(panels, (before, after, differ), texts, strict=True):
        options = {"cmap": SEQUENCE, "vmin": middle - 12, "vmax": middle + 12}
        if image is differ:
            options = {"cmap": DEVIATION, "vmin": 0, "vmax": 2 * np.pi}
        axes.set_facecolor(EMPTY)
        shown = axes.imshow(image, interpolation="nearest", **options)
        for number, (r0, c0, r1, c1) in enumerate(bounds):
            style = {"ec": (INK, MUTED)[number], "ls": ("-", "--")[number], "lw": 1.2}
            corner = (c0 - 0.5, r0 - 0.5)
            axes.add_patch(Rectangle(corner, c1 - c0, r1 - r0, fill=False, **style))
        axes.set_title(text, fontsize=9)
        axes.set_xlabel("column")
        figure.colorbar(shown, ax=axes, shrink=0.85, pad=0.02, label="rad")
    panels[0].set_ylabel("row")
    return figure


if __name__ == "__main__":
    main()
