"""Where an execution failed, in histories that are whole and in damaged ones."""

from __future__ import annotations

from pathlib import Path

from dive_tui.screens.execution.failures import cause_of, is_failed_step, next_failure
from engine.model.events import ExecutionEvent
from engine.model.times import format_time
from engine.replay.history import History
from engine.replay.salvaged import UNREADABLE
from stores.file.store import FileExecutionEventStore
from stores.memory import MemoryExecutionEventStore
from tests.screens.execution_app import ExecutionApp, opened, press
from tests.screens.histories import START, Writer
from tests.screens.store_app import copied, flip
from tests.widgets.samples import outlined

FIRST, LAST = 4, 9


def twice_failed() -> list[ExecutionEvent]:
    """A step fails and is tried again, another one goes well, and the next ends the execution."""
    writer = Writer()
    writer.begin(["Ask", "Charge"])
    writer.start("main", "Ask", at=0.1)
    told = {"visit": 1, "attempt": 1, "error": "busy", "error_type": "TestError", "retry": True, "phase": "run"}
    writer.add("step_failed", "main", "Ask", {**told, "outcome": "known", "final": False}, at=0.2)
    again = {"visit": 1, "attempt": 2, "policy": 0, "delay_ms": 100, "due_at": format_time(START)}
    writer.add("step_retry_scheduled", "main", "Ask", again, at=0.2)
    writer.start("main", "Ask", at=0.3, attempt=2)
    writer.complete("main", "Ask", at=0.4, to="Charge", attempt=2)
    writer.start("main", "Charge", at=0.5)
    writer.fail("main", "Charge", "declined", at=0.6)
    return writer.events


def damaged(at: int) -> list[ExecutionEvent]:
    events = twice_failed()
    return [*events[: at - 1], events[at - 1]._replace(event_type=UNREADABLE, data={"problem": "gone"}), *events[at:]]


def history_of(events: list[ExecutionEvent]) -> History:
    return outlined(events)[0]


def test_behind_damage_the_last_attempt_that_failed_is_the_cause() -> None:
    history = history_of(damaged(6))
    assert history.problem is not None
    assert cause_of(history) == LAST
    assert cause_of(history_of(damaged(LAST))) == FIRST
    assert cause_of(history_of(twice_failed()[:3])) is None
    assert cause_of(history_of(damaged(2)[:3])) is None


def test_failures_are_gone_through_around_the_end_behind_damage_too() -> None:
    for events in (twice_failed(), damaged(6)):
        history = history_of(events)
        assert [next_failure(history, at) for at in (1, FIRST, LAST - 1, LAST, len(history))] == [
            FIRST, LAST, LAST, FIRST, FIRST,
        ]  # fmt: skip
        assert [n for n in range(1, len(history) + 5) if is_failed_step(history, n)] == [FIRST, LAST]
    assert next_failure(history_of(twice_failed()[:3]), 2) == 2


async def test_a_damaged_execution_opens_where_it_failed(tmp_path: Path) -> None:
    events, memory = twice_failed(), MemoryExecutionEventStore()
    await memory.append_events(events)
    store = FileExecutionEventStore(tmp_path / "store", create=True)
    await copied(memory, store, events[0].execution_id)
    flip(tmp_path / "store", events[0].execution_id, 5)
    app = ExecutionApp(store, events[0].execution_id)
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        assert screen.history is not None
        assert screen.history.problem is not None
        assert screen.sequence == LAST
        await press(pilot, "F")
        assert screen.sequence == FIRST
        await press(pilot, "F")
        assert screen.sequence == LAST
