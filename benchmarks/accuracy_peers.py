"""Unwrap interferograms one by one with the 2-D programs of the environment of peers.

python accuracy_peers.py PREPARED.npz UNWRAPPED.npz [PROGRAM ...]

By default all programs run. PREPARED holds phase (npairs, rows, cols) [rad], coherence (rows, cols)
and points (rows, cols); UNWRAPPED gets, by the name of each program, the phase at the points
(npairs, npoints), NaN where a program gives none, and the CPU seconds that it took.
"""

from __future__ import annotations

import os
import sys

import kamui
import numpy as np
import snaphu
import whirlwind
from scipy.spatial import Delaunay

# Of an estimate of coherence; phase linking gives no number of looks.
LOOKS = 20.0
# Edges may cross a river, and not follow the hull of the scene.
REACH_PIXELS = 60.0


def by_snaphu(phase, coherence, points):
    """Unwrap with SNAPHU, statistical costs of smooth motion."""
    image = np.exp(1j * phase).astype(np.complex64)
    unwrapped, _ = snaphu.unwrap(image, coherence, LOOKS, mask=points)
    return unwrapped[points]


def by_whirlwind(phase, coherence, points):
    """Unwrap with whirlwind on the grid."""
    image = np.where(points, np.exp(1j * phase), 0).astype(np.complex64)
    return whirlwind.unwrap(image, coherence, LOOKS, mask=points)[0][points]


def by_whirlwind_sparse(phase, coherence, points):
    """Unwrap with whirlwind on the points alone."""
    places = np.argwhere(points)[:, ::-1].astype(np.float64)
    # of two dates, whose noise leaves this coherence: |E exp(i n)| = exp(-variance / 2)
    variance = -4 * np.log(coherence[points])
    return whirlwind.unwrap_sparse(places, phase[points], variance, REACH_PIXELS)


def by_kamui(phase, coherence, points):
    """Unwrap with kamui on the points, over Delaunay triangles."""
    triangles = Delaunay(np.argwhere(points)).simplices
    sides = np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges = np.unique(sides, axis=0)
    return kamui.unwrap_arbitrary(phase[points].astype(np.float64), edges, triangles)


def cpu_seconds():
    """Return the CPU seconds of this process and of those that it started, as snaphu-py does."""
    return sum(os.times()[:4])


PROGRAMS = {
    "snaphu": by_snaphu,
    "whirlwind": by_whirlwind,
    "whirlwind sparse": by_whirlwind_sparse,
    "kamui sparse": by_kamui,
}

if __name__ == "__main__":
    prepared, output, *names = sys.argv[1:]
    with np.load(prepared) as file:
        phases, coherence, points = (file[name] for name in ("phase", "coherence", "points"))
    results = {}
    for name in names or PROGRAMS:
        start = cpu_seconds()
        results[name] = np.array(
            [PROGRAMS[name](phase, coherence, points) for phase in phases], dtype=np.float32
        )
        results[f"{name} seconds"] = np.array(cpu_seconds() - start)
    np.savez(output, **results)
