"""Unwrap a stack held in arrays, without the workflow; turn links into velocity and DEM error.

After `pip install .`: python examples/unwrap_arrays.py
"""

import numpy as np
from emcflow.acquisition.geometry import design_matrix
from emcflow.links.integrate import integrate_links
from emcflow.products.accuracy import share_right
from emcflow.products.simulate import simulate_stack
from emcflow.unwrap.points import unwrap_points

# A simulated city stands in for your own arrays: dates, baselines [m], complex images, coherence.
geometry = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0}
city = simulate_stack({"rows": 100, "cols": 100, "dates": 12}, **geometry)

# Unwrap: phase of every date at the points, what velocity and DEM error do to it, one call.
points = np.argwhere(city.temporal_coherence > 0.6)
phase = np.angle(city.stack[:, *points.T])
design = design_matrix(city.dates, city.bperp_m, **geometry)
result = unwrap_points(phase, points, city.dates, design, ranges=[(-100, 100), (-80, 80)])

# How right it is: the simulation knows the truth.
truth = city.phase[:, *points.T]
right = [
    share_right(unwrapped, truth[second] - truth[first])
    for unwrapped, (first, second) in zip(result.unwrapped, result.network.pairs, strict=True)
]
print(f"{len(right)} interferograms of {len(points)} points: {np.mean(right):.2%} of points right")

# Velocity and DEM error of points, relative to their median, from those of links. Both hold what
# the atmosphere of a dozen dates adds, smooth in space; between neighbours most of it cancels.
links, model = result.graph.edges, result.model
values = integrate_links(links, model.params, model.sigma, len(points), model.at_range_end)
for name, value, image in (
    ("velocity [mm/yr]", values[0], city.velocity_mm_yr),
    ("DEM error [m]", values[1], city.dem_error_m),
):
    error = value - image[*points.T]
    between = np.diff(error[links], axis=1)
    print(
        f"{name}: standard deviation {np.std(image[*points.T]):.1f}, median error over the scene "
        f"{np.median(np.abs(error - np.median(error))):.2f}, "
        f"between neighbours {np.median(np.abs(between)):.2f}"
    )
