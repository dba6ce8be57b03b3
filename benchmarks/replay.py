"""Folding a history: events per second from bytes to state with index and keyframes, beside decoding the same bytes."""

from __future__ import annotations

import time
from collections.abc import Sequence

import orjson

from benchmarks.histories import synthetic_history
from benchmarks.report import Row, per_second, ratio
from benchmarks.running import ROUNDS
from engine.model.events import ExecutionEvent
from engine.replay.history import History

EVENTS = 100_000


def measure() -> list[Row]:
    """One row: decode, fold and index against decode alone."""
    lines = [orjson.dumps(event.to_dict()) for event in synthetic_history(EVENTS)]
    probe: list[float] = []
    ours: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for line in lines:
            orjson.loads(line)
        probe.append(EVENTS / (time.perf_counter() - began))
        began = time.perf_counter()
        history = _load(lines)
        ours.append(EVENTS / (time.perf_counter() - began))
        assert history.problem is None
        del history  # two at once cost the garbage collector more
    return [
        Row("events per second, bytes to state", per_second(ours), f"{per_second(probe)} orjson only",
            ratio(ours, probe), "≥ 200,000/s, ≥ 0.28")
    ]  # fmt: skip


def _load(lines: Sequence[bytes]) -> History:
    history = History("exec_synthetic")
    history.extend(ExecutionEvent.from_dict(orjson.loads(line)) for line in lines)
    return history
