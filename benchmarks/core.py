"""The pure core: what one event costs to fold, and one decision to make, by the number of open paths."""

from __future__ import annotations

import gc
import time
from itertools import islice

from benchmarks.histories import FORK_EVENTS, forked_history
from benchmarks.report import Row, micros, ratio
from benchmarks.running import ROUNDS
from engine.collector import collector_paused
from engine.core.decide import Memo, decide
from engine.core.program import program_from_recorded
from engine.core.reduce import fold, initial_state, reduce

PATHS = (1, 10, 100, 1_000)
EVENTS = 2_000
DECISIONS = 200
NOTES = """The probe is the same with one open path: a ratio of 1 means that an event costs what it changes, one that
grows with the paths that it costs what exists. A runner folds each event once and decides at least once for each."""


def measure() -> list[Row]:
    """A row per number of open paths, for `reduce` and for `decide`."""
    _costs(1)  # the first time is slower
    rounds = [{paths: _costs(paths) for paths in PATHS} for _ in range(ROUNDS)]
    rows = []
    for at, name in enumerate(("reduce, per event", "decide, per decision")):
        one = [taken[1][at] for taken in rounds]
        for paths in PATHS:
            ours = [taken[paths][at] for taken in rounds]
            rows.append(
                Row(f"{name}, {paths:,} open paths", micros(ours, 1), f"{micros(one, 1)} with one", ratio(ours, one, 1))
            )
    return rows


def _costs(paths: int) -> tuple[float, float]:
    """Seconds per folded event, and per decision."""
    events = forked_history(paths, EVENTS // (2 * paths) + 1)
    opening = list(islice(events, FORK_EVENTS + paths))
    program = program_from_recorded(opening[0].data["workflow"])
    state = fold(initial_state("exec_forked"), opening)
    steps = list(islice(events, EVENTS))
    assert len(state.paths) == paths
    gc.collect()
    with collector_paused():  # keeping every state is this benchmark's doing
        began = time.process_time()
        states = [state := reduce(state, event) for event in steps]
        folded = (time.process_time() - began) / len(steps)
    assert state.incomplete_from is None
    # As a runner asks: one state after the other, with the same memory.
    memo: Memo = {}
    decide(program, states[0], memo)
    chosen = states[1 : DECISIONS + 1]
    began = time.process_time()
    for before in chosen:
        decide(program, before, memo)
    return folded, (time.process_time() - began) / len(chosen)
