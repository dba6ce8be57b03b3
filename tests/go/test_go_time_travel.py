"""Histories that the Go system recorded, gone through: cursor, breakpoints, who set a value, watches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.model.events import ExecutionEvent
from engine.replay.addressing.addresses import Address, parse_address
from engine.replay.addressing.setting import next_change, who_set
from engine.replay.addressing.values import cursor_path, look_up
from engine.replay.session.breakpoints import parse_breakpoint
from engine.replay.session.session import ReplaySession
from stores.go.detect import open_go_store
from tests.go.conftest import write
from tests.go.go_runs import RUNS
from tests.go.go_stores import DIALECTS
from tests.lifecycle.soundness import canonical
from tests.replay.scanned import Scanned, small_pieces, written


@pytest.fixture(scope="module", autouse=True)
def _pieces() -> Iterator[None]:
    with small_pieces():
        yield


@pytest.fixture(scope="module", params=DIALECTS)
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Scanned]:
    """One run of each sort, as a dialect recorded it."""
    made = [make(request.param) for make in RUNS]
    place = write(tmp_path_factory.mktemp("go"), "folder", made)
    return [Scanned(events) for events in asyncio.run(histories(place, [run.id for run in made]))]


async def histories(place: Path, ids: list[str]) -> list[list[ExecutionEvent]]:
    store = open_go_store(place)
    try:
        return [await store.get_event_history(execution_id) for execution_id in ids]
    finally:
        await store.close()


def addresses(run: Scanned) -> list[Address]:
    names = sorted({name for view in run.views for name in view["script_globals"]})
    texts = ["status", "error", "error.message", "outputs", "inputs", "script_globals", "nothing", "state"]
    texts += [f'{root}["{name}"]' for name in names for root in ("state", "script_globals")]
    for path in run.views[-1]["paths"]:
        texts += [f'paths["{path}"]{rest}' for rest in ("", ".status", ".current_step", ".variables")]
        texts += [f'paths["{path}"].variables["{name}"]' for name in names]
    return [parse_address(text) for text in texts]


def test_who_set_a_value_is_what_a_scan_finds(runs: list[Scanned]) -> None:
    found = 0
    for run in runs:
        for address in addresses(run):
            path = run.path(run.last)
            changes = run.changes(lambda at, r=run, a=address, p=path: r.value(a, at, p))
            found += len(changes)
            for at in range(run.last + 1):
                before, after = [c for c in changes if c[0] <= at], [c for c in changes if c[0] > at]
                assert who_set(run.history, address, at, path) == (before[-1] if before else None), (str(address), at)
                assert next_change(run.history, address, at, path) == (after[0] if after else None), (str(address), at)
                assert written(look_up(run.history, address, at)) == written(run.value(address, at, run.path(at)))
                assert cursor_path(run.history, at) == run.path(at)
    assert found > 100


@pytest.mark.parametrize(
    "text",
    [
        "step_failed", "type:step_* path:*", "type:variable_changed,state_mutated", "changes:state", "changes:status",
        "when: len(state) > 1", 'when: status == "failed"', 'when: event.type == "step_completed" and len(state) > 0',
        "hits:2 step_completed", "changes:script_globals", "when: state.counter == 2", "when: error or outputs",
    ],
)  # fmt: skip
def test_continuing_stops_where_a_scan_finds_matches(runs: list[Scanned], text: str) -> None:
    for run in runs:
        expected = run.stops(parse_breakpoint(text))
        session = ReplaySession(run.history, 1)
        session.add_breakpoint(text)
        assert [stop.sequence for stop in session.stops(inclusive=True)] == expected
        session.seek(len(run.history))
        assert [stop.sequence for stop in session.stops(backwards=True, inclusive=True)] == expected[::-1]


def test_stepping_is_seeking(runs: list[Scanned]) -> None:
    for run in runs:
        session = ReplaySession(run.history, 1)
        states = [canonical(session.state)]
        while not session.at_end:
            session.step_event()
            states.append(canonical(session.state))
            assert canonical(ReplaySession(run.history, session.sequence).state) == states[-1]
        for state in reversed(states):
            assert canonical(session.state) == state
            session.step_event(-1)
