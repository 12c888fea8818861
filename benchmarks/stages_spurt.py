"""Run spurt's command line in this process and time its stages.

python stages_spurt.py STAGES.jsonl PAIRS_IN_SPACE SPURT_ARGUMENT...

Every call of a stage adds a line to STAGES.jsonl; spurt works in child processes, so a file it is.
With PAIRS_IN_SPACE above 0 only so many interferograms, evenly chosen, are unwrapped in space; the
others stay zero, and the time of all has to be extrapolated.
"""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path

import numpy as np
import spurt
from spurt.workflows import emcf
from spurt.workflows.emcf import _cli
from spurt.workflows.emcf._solver import EMCFSolver
from stage_clock import StageClock

STAGES = (
    (spurt.io.SLCStackReader, "read_tile", "read"),
    (spurt.graph.DelaunayGraph, "__init__", "mesh"),
    (spurt.mcf.ORMCFSolver, "__init__", "mesh"),
    (EMCFSolver, "unwrap_gradients_in_time", "time"),
    (EMCFSolver, "unwrap_gradients_in_space", "space"),
    (_cli, "merge_tiles", "merge and write"),
)


def time_calls(owner, name: str, stage: str, output: Path) -> None:
    """Make a function of spurt write its time down each time it is called."""
    function = getattr(owner, name)

    @functools.wraps(function)
    def timed(*arguments, **keywords):
        clock = StageClock()
        result = clock.run(stage, function, *arguments, **keywords)
        with open(output, "a") as file:
            file.write(json.dumps(clock.stages) + "\n")
        return result

    setattr(owner, name, timed)


def limit_pairs(count: int) -> None:
    """Let only `count` interferograms, evenly chosen, be unwrapped in space."""
    unwrap = EMCFSolver.unwrap_gradients_in_space
    npairs = EMCFSolver.nifgs

    def unwrap_some(solver, gradients):
        chosen = np.unique(np.linspace(0, len(gradients) - 1, count).astype(int))
        EMCFSolver.nifgs = property(lambda _: len(chosen))
        try:
            some = unwrap(solver, gradients[chosen])
        finally:
            EMCFSolver.nifgs = npairs
        phase = np.zeros((len(gradients), solver.npoints), dtype=np.float32)
        phase[chosen] = some
        return phase

    EMCFSolver.unwrap_gradients_in_space = unwrap_some


if __name__ == "__main__":
    output, pairs, *arguments = sys.argv[1:]
    assert emcf.Solver is EMCFSolver
    if int(pairs):
        limit_pairs(int(pairs))
    for owner, name, stage in STAGES:
        time_calls(owner, name, stage, Path(output))
    sys.exit(_cli.main(arguments))
