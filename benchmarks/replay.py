"""Folding a history: from bytes to state with index and keyframes, and deciding after each event, beside decoding."""

from __future__ import annotations

import time
from collections.abc import Sequence

import orjson

from benchmarks.histories import synthetic_history
from benchmarks.report import Row, per_second, ratio
from benchmarks.running import ROUNDS
from engine.collector import collector_paused
from engine.core.decide import Memo, decide
from engine.core.program import program_from_recorded
from engine.core.reduce import initial_state, reduce
from engine.model.events import ExecutionEvent
from engine.replay.history import History

EVENTS = 100_000


def measure() -> list[Row]:
    """Two rows: decode, fold and index, and fold and decide, against decoding alone."""
    lines = [orjson.dumps(event.to_dict()) for event in synthetic_history(EVENTS)]
    probe: list[float] = []
    ours: list[float] = []
    checked: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for line in lines:
            orjson.loads(line)
        probe.append(EVENTS / (time.perf_counter() - began))
        began = time.perf_counter()
        history = _load(lines)
        ours.append(EVENTS / (time.perf_counter() - began))
        assert history.problem is None
        events = list(history)
        del history  # two at once cost the garbage collector more
        began = time.perf_counter()
        _check(events)
        checked.append(EVENTS / (time.perf_counter() - began))
    return [
        Row("events per second, bytes to state", per_second(ours), f"{per_second(probe)} orjson only",
            ratio(ours, probe), "≥ 200,000/s, ≥ 0.28"),
        Row("events per second, folded and decided", per_second(checked), f"{per_second(probe)} orjson only",
            ratio(checked, probe), "≥ 100,000/s"),
    ]  # fmt: skip


def _load(lines: Sequence[bytes]) -> History:
    history = History("exec_synthetic")
    history.extend(ExecutionEvent.from_dict(orjson.loads(line)) for line in lines)
    return history


def _check(events: Sequence[ExecutionEvent]) -> None:
    """What telling whether a history is what its definition asks for costs: a decision after every event."""
    program, state = program_from_recorded(events[0].data["workflow"]), initial_state("exec_synthetic")
    memo: Memo = {}
    with collector_paused():
        for event in events:
            state = reduce(state, event)
            decide(program, state, memo)
