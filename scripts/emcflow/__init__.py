"""emcflow: phase unwrapping of InSAR time series by extended minimum cost flow.

The names below are its public face; each is imported from its room when it is first asked for. The
rooms, each of which imports only from those before it: ``graph``, ``acquisition``, ``network``,
``links``, ``unwrap``, ``tiles``, which know neither files nor config, then ``io``, ``products``,
``report``, and ``workflow`` for what the rules need.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Where each public name is at home.
_HOMES = {
    "InputError": "errors",
    "OutputError": "errors",
    "checkout": "place",
    "design_matrix": "acquisition.geometry",
    "hop3_network": "network.networks",
    "link_phases": "network.phase_linking",
    "estimate_links": "links.periodogram",
    "integrate_links": "links.integrate",
    "unwrap_points": "unwrap.points",
    "find_stack": "io.stack",
    "coherent_points": "io.stack",
    "read_phase": "io.stack",
    "read_baselines": "io.baselines",
    "simulate_stack": "products.simulate",
    "share_right": "products.accuracy",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'emcflow' has no attribute {name!r}")
    # numba and SciPy take longer to import than many a job takes
    return getattr(import_module(f"emcflow.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
