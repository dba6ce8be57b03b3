"""The whole app on stores on disk: made, damaged and looked at, for tests."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from dive_tui import Engine, Step, Workflow
from dive_tui.app.main import DiveApp
from dive_tui.app.recent import RecentStores
from dive_tui.widgets.executions_list import ExecutionsList
from dive_tui.widgets.parts import PartsLine
from engine.core.reduce import initial_state, reduce
from engine.model.snapshot import ExecutionSnapshot
from engine.store import ExecutionEventStore
from engine.testing.ports import FakeClock, SequentialIds
from stores.file.store import FileExecutionEventStore
from stores.location import Location
from stores.memory import MemoryExecutionEventStore
from stores.sqlite.store import SQLiteExecutionEventStore

NOW = datetime(2026, 3, 1, 9, 20, tzinfo=UTC)
SAY: dict[str, Any] = {"name": "say", "steps": [{"name": "Say", "pass": True}]}
ASK: dict[str, Any] = {"name": "ask", "steps": [{"name": "Ask", "wait_signal": "approve"}]}
FAIL = Workflow(name="fail", steps=[Step(name="Read", action="Document.Read", parameters={"path": "/no/such"})])


async def filled(
    place: Path, *definitions: dict[str, Any] | Workflow, kind: str = "file", clock: FakeClock | None = None
) -> list[str]:
    """A store with an execution of each of these, as if each event had been written alone; returns their ids."""
    memory, clock = MemoryExecutionEventStore(), clock or FakeClock()
    engine = Engine(memory, clock=clock, ids=SequentialIds())
    target: ExecutionEventStore = (
        FileExecutionEventStore(place, create=True)
        if kind == "file"
        else SQLiteExecutionEventStore(place / "store.db", create=True, offload=False)
    )
    made = []
    for definition in definitions:
        clock.advance(1)
        workflow = definition if isinstance(definition, Workflow) else Workflow.model_validate(definition)
        made.append((await engine.run(workflow, linger=0)).id)
        await copied(memory, target, made[-1])
    await target.close()
    return made


async def copied(source: ExecutionEventStore, target: ExecutionEventStore, execution_id: str) -> None:
    """Copy an execution, event by event, with its snapshot."""
    state, workflow = initial_state(execution_id), None
    for event in await source.get_event_history(execution_id):
        await target.append_events([event])
        state = reduce(state, event)
        workflow = workflow or event.data["workflow"]
    assert workflow is not None
    await target.save_snapshot(ExecutionSnapshot.of(state, workflow))


def flip(place: Path, execution_id: str, line: int) -> None:
    """Alter a line of a history that is kept in a file."""
    file = place / execution_id / "events.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"sequence"', b'"sequenze"')
    file.write_bytes(b"".join(lines))


def go_store(place: Path, execution_id: str = "exec_go") -> None:
    """A store as the Go system leaves it when it is killed: no snapshot, no checksums."""
    (place / execution_id).mkdir(parents=True)
    event = {
        "id": "e1",
        "execution_id": execution_id,
        "path_id": "",
        "sequence": 1,
        "timestamp": "2025-08-01T10:00:00.123456789Z",
        "event_type": "execution_started",
        "data": {"workflow_name": "greet", "inputs": {}},
    }
    (place / execution_id / "events.jsonl").write_text(json.dumps(event) + "\n")


@asynccontextmanager
async def app_on(
    place: Path | str, size: tuple[int, int] = (120, 36), recent: RecentStores | None = None, **options: Any
) -> AsyncIterator[tuple[DiveApp, Pilot[int]]]:
    """The app on the store at a place."""
    app = DiveApp(Location(str(place), ""), now=lambda: NOW, recent=recent, **options)
    async with app.run_test(size=size) as pilot:
        yield app, pilot


async def until(pilot: Pilot[int], happened: Callable[[], object]) -> None:
    """Wait until something is so; the test's own time limit ends a wait for what never happens."""
    while not happened():
        await pilot.pause(0.01)


def listed(app: DiveApp) -> list[str]:
    """The ids in the list, or none while another screen is shown."""
    lists = app.screen.query(ExecutionsList)
    return [summary.id for summary in lists.first().rows] if lists else []


def words(line: PartsLine) -> str:
    """All that a line of parts would say if there were room."""
    return "  ".join("".join(text for text, _ in each.pieces) for each in line.parts)


def lines_of(app: DiveApp) -> list[str]:
    """What stands on the screen."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


def text_of(app: DiveApp) -> str:
    """The same as one text."""
    return "\n".join(lines_of(app))


def last_toast(app: DiveApp) -> str:
    """What was said last."""
    return list(app._notifications)[-1].message if len(app._notifications) else ""
