"""A history of a million events: opening it, keys, memory, search, breakpoints; and differences of large states."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.histories import synthetic_history
from benchmarks.report import Row, micros, ratio
from benchmarks.running import ROUNDS
from benchmarks.terminal import EXECUTION, PAINTS, PROBE, Terminal, app, paint
from engine.core.reduce import fold, initial_state
from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSnapshot
from engine.replay.diffing.diff import diff_values
from engine.replay.history import History
from engine.replay.loading import load_history
from engine.replay.searching.search import parse_event_query, search
from engine.replay.session.session import ReplaySession
from stores.sqlite.store import SQLiteExecutionEventStore

EVENTS = 1_000_000
BATCH = 1_000
PRESSED = 100
QUIET = 0.12
"""Seconds without output until all that a key brought about is on the screen."""
KEYS_PRESSED = (
    ("one event", b",", b"\x1b[B"),
    ("one row of the list", b"\x1b[A", b"\x1b[B"),
    ("a page of the list", b"\x1b[5~", b"\x1b[6~"),
)
"""What is pressed at the end of the history, and at the beginning of the probe's list."""
LOADING_LIMIT = 300.0
NEVER_TRUE = (
    ("an expression over the state", "when: state.n < 0"),
    ("an expression over events", "when: event.data.duration_ms > 1000"),
    ("a type of event", "type:step_failed"),
    ("a value that changes, of another name", "changes:m"),
)
SEARCHES = (
    ("a text that is nowhere", "nowhere-to-be-found"),
    ("a regular expression", "/no(where|thing) found/"),
    ("a type", "type:step_failed"),
)


def measure() -> list[Row]:
    """All rows of this area."""
    differences = _differences()  # first, while nothing large is in memory
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        asyncio.run(_fill(path))
        rows = [_first_paint(path), *_in_the_terminal(path), *asyncio.run(_in_the_engine(path))]
    return [*rows, *differences]


async def _fill(folder: Path) -> None:
    folder.mkdir()
    store = SQLiteExecutionEventStore(folder / "store.db", create=True, offload=False, durability="normal")
    state, batch = initial_state(EXECUTION), list[ExecutionEvent]()
    for event in synthetic_history(EVENTS, EXECUTION, ended=True):
        batch.append(event)
        if len(batch) == BATCH or event.sequence == EVENTS:
            await store.append_events(batch)
            state, batch = fold(state, batch), []
    await store.save_snapshot(ExecutionSnapshot.of(state, {}))
    await store.close()


def _first_paint(store: Path) -> Row:
    ours, probe = [], []
    for _ in range(PAINTS):
        ours.append(paint(app(store, EXECUTION)))
        probe.append(paint(PROBE))
    mine, bare = statistics.median(ours), statistics.median(probe)
    return Row(f"first paint, {EVENTS:,} events", f"{mine * 1000:.0f} ms", f"{bare * 1000:.0f} ms (bare Textual app)",
               f"{mine / bare:.2f}", "≤ 1.5")  # fmt: skip


def _in_the_terminal(store: Path) -> list[Row]:
    with closing(Terminal(app(store, EXECUTION))) as terminal:
        shown = terminal.until(f"{EVENTS:,} of {EVENTS:,}".encode())
        rows = [Row("opened until the last events are on the screen", f"{shown * 1000:.0f} ms")]
        terminal.quiet(0.3, limit=1.0)
        rows += _keys_rows("while most is still being read", _pressed(terminal, b"\x1b[A"))
        rows.append(Row("until all of it is folded and indexed", f"{_wait_until_idle(terminal):.1f} s"))
        rows += _keys_beside_the_probe(terminal)
        rows.append(Row("seek to an event by its number", f"{statistics.median(_seeks(terminal)) * 1000:.0f} ms"))
        rows.append(Row("memory of the app, all loaded", f"{terminal.resident():.0f} MiB", goal="≤ 68 MiB"))
        return rows


def _keys_beside_the_probe(terminal: Terminal) -> list[Row]:
    rows = []
    with closing(Terminal([*PROBE, "lines"])) as bare:
        bare.until(b"long-haul")
        bare.quiet(1.0)
        for name, key, bare_key in KEYS_PRESSED:
            terminal.quiet(0.2)
            mine, theirs = [], []
            for _ in range(PRESSED):
                mine.append(terminal.press(key))
                terminal.quiet(QUIET)
                theirs.append(bare.press(bare_key))
                bare.quiet(QUIET)
            rows += _keys_rows(name, mine, theirs)
    return rows


def _pressed(terminal: Terminal, key: bytes) -> list[float]:
    times = []
    for _ in range(PRESSED // 2):
        times.append(terminal.press(key))
        terminal.quiet(0.02, limit=0.1)
    return times


def _keys_rows(name: str, ours: list[float], probe: list[float] | None = None) -> list[Row]:
    rows = []
    for label, pick, goal in (("median", statistics.median, "≤ 10 ms"), ("95th percentile", _p95, "≤ 33 ms")):
        mine, bare = pick(ours), None if probe is None else pick(probe)
        shown = "–" if bare is None else f"{bare * 1000:.1f} ms (bare line widget)"
        ratio = "–" if bare is None else f"{mine / bare:.2f}"
        rows.append(Row(f"key to frame, {name}, {label}", f"{mine * 1000:.1f} ms", shown, ratio, goal))
    return rows


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[18]


def _wait_until_idle(terminal: Terminal) -> float:
    """Seconds since the start until the app uses no more processor time to speak of."""
    before = terminal.processor_seconds()
    while time.perf_counter() - terminal.began < LOADING_LIMIT:
        terminal.quiet(0.5, limit=0.5)
        now = terminal.processor_seconds()
        if now - before < 0.02:
            break
        before = now
    return time.perf_counter() - terminal.began


def _seeks(terminal: Terminal) -> list[float]:
    times = []
    for number in range(7):
        target = 100_003 + 111_111 * number
        terminal.quiet(0.2)
        for keys in (b":", str(target).encode()):
            terminal.send(keys)
            terminal.quiet(0.3)
        terminal.send(b"\r")
        times.append(terminal.until(f"{target:,}".encode()))
    return times


async def _in_the_engine(path: Path) -> list[Row]:
    store = SQLiteExecutionEventStore(path / "store.db")
    began = time.perf_counter()
    history = await load_history(store, EXECUTION)
    rows = [Row("events per second, read, folded and indexed", f"{EVENTS / (time.perf_counter() - began):,.0f}/s")]
    rows += [_scanned(history, what, text) for what, text in NEVER_TRUE]
    for what, text in SEARCHES:
        took = _seconds(lambda text=text: list(search(history, parse_event_query(text))))
        rows.append(Row(f"search for {what}", f"{EVENTS / took:,.0f}/s"))
    seeks = [_seconds(lambda at=at: history.state_at(at)) for at in range(123_456, EVENTS, 45_678)]
    rows.append(Row("state at an event, anywhere", micros(seeks)))
    steps = [_seconds(lambda at=at: history.state_at(at)) for at in range(500_000, 499_900, -1)]
    rows.append(Row("state one event before", micros(steps)))
    session = ReplaySession(history)
    who = [_seconds(lambda: session.who_set("n")) for _ in range(ROUNDS)]
    rows.append(Row("who set a value", micros(who)))
    await store.close()
    return rows


def _scanned(history: History, what: str, text: str) -> Row:
    session = ReplaySession(history)
    session.add_breakpoint(text)
    took = _seconds(lambda: session.find_stop(backwards=True))
    return Row(f"reverse-continue over everything: {what}", f"{EVENTS / took:,.0f}/s", goal="≥ 150,000/s")


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _differences() -> list[Row]:
    rows = []
    for leaves, goal in ((10_000, "≤ 5 ms"), (100_000, "")):
        old, new = _state(leaves), _state(leaves)
        shared = dict(old)
        for at in range(5):
            new["items"][at * leaves // 60]["price"] = -1
        shared["note"] = "changed"
        apart = [_seconds(lambda old=old, new=new: diff_values(old, new)) for _ in range(ROUNDS)]
        together = [_seconds(lambda old=old, shared=shared: diff_values(old, shared)) for _ in range(ROUNDS)]
        like = _state(leaves)
        probe = [_seconds(lambda old=old, like=like: old == like) for _ in range(ROUNDS)]
        name, slower = f"difference of two states of {leaves:,} leaves, nothing shared", ratio(apart, probe, 0)
        rows.append(Row(name, micros(apart), f"{micros(probe)} `==` of two alike", slower, goal))
        rows.append(Row(f"the same, structure shared as in a history, {leaves:,} leaves", micros(together)))
    return rows


def _state(leaves: int) -> dict[str, Any]:
    items = [{"id": f"item-{n}", "name": f"Thing {n}", "price": n, "tags": ["a", "b"], "more": {"x": n}}
             for n in range(leaves // 6)]  # fmt: skip
    return {"note": "", "items": items}
