"""The table of docs/geometry.md: what scalars and rasters of the view make of wide swaths.

python benchmarks/view.py [FIGURE.png]   (PYTHONPATH=scripts:tests)
"""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from swath import simulate_swath
from test_view import swath_errors

SWATHS = {"36 to 40": (36.0, 40.0), "33 to 43": (33.0, 43.0), "29 to 46": (29.0, 46.0)}
NAMES = {"scalars": "nothing", "baselines too": "range, angle, baselines"}


def main():
    """Print the table, and draw the heights' bias against the width of the swath."""
    print("| incidence [degree] | given as rasters | velocity [mm/yr] | DEM error [m] | bias [%] |")
    print("|---|---|---|---|---|")
    bias = {}
    for text, incidence in SWATHS.items():
        for name, row in swath_errors(simulate_swath(incidence=incidence, noise_rad=0.05)).items():
            what = NAMES.get(name, name)
            print(f"| {text} | {what} | {row[0]:.2f} | {row[1]:.2f} | {100 * row[2]:+.1f} |")
            bias.setdefault(what, []).append(100 * row[2])
    if len(sys.argv) > 1:
        figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
        for name, values in bias.items():
            axes.plot(list(SWATHS), values, "o-", label=name)
        axes.set(xlabel="incidence angles [degree]", ylabel="height bias, far edge [%]")
        axes.axhline(0, color="0.7", zorder=0)
        axes.legend(title="given as rasters", frameon=False)
        figure.savefig(sys.argv[1], dpi=120)


main()
