"""Folding a history: events per second from bytes to state, beside decoding the same bytes."""

from __future__ import annotations

import time
from collections.abc import Sequence

import orjson

from benchmarks.histories import synthetic_history
from benchmarks.report import Row
from engine.model.events import ExecutionEvent
from engine.replay.history import History

EVENTS = 100_000


def measure() -> list[Row]:
    """One row: decode, fold and index against decode alone."""
    lines = [orjson.dumps(event.to_dict()) for event in synthetic_history(EVENTS)]
    began = time.perf_counter()
    for line in lines:
        orjson.loads(line)
    probe = EVENTS / (time.perf_counter() - began)
    began = time.perf_counter()
    history = _load(lines)
    ours = EVENTS / (time.perf_counter() - began)
    assert history.problem is None
    return [
        Row("bytes to state with index and keyframes", f"{ours:,.0f} events/s", f"{probe:,.0f}/s (orjson only)",
            f"{ours / probe:.2f}", "≥ 200,000/s, ≥ 0.28")
    ]  # fmt: skip


def _load(lines: Sequence[bytes]) -> History:
    history = History("exec_synthetic")
    history.extend(ExecutionEvent.from_dict(orjson.loads(line)) for line in lines)
    return history
