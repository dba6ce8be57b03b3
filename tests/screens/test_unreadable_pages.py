"""A long history is read again where one looks: what the screen says while it loads, and when the store is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice

import orjson

from dive_tui.feeds.history import PIECE
from dive_tui.feeds.messages import FeedRecovered, HistoryProgress
from engine.model.events import ExecutionEvent, ExecutionEventType
from engine.replay.pages import MOST_PAGES, PAGE
from engine.store import StoreError
from stores.memory import MemoryExecutionEventStore
from tests.screens.execution_app import ExecutionApp, opened, press, said, settle, text_of
from tests.screens.histories import HOSTILE, long_each, long_loop

LONG = (MOST_PAGES + 8) * PAGE
"""More events than are kept."""


class Away(MemoryExecutionEventStore):
    """Can be read by threads, until it is away; a history can be held up after its first piece."""

    def __init__(self, events: Sequence[ExecutionEvent]) -> None:
        super().__init__()
        self.all = events
        self.away = False
        self.go_on = asyncio.Event()
        self.go_on.set()

    def read_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        if self.away:
            raise StoreError(f"the disk {HOSTILE} is away")
        return list(islice(self.all, from_seq - 1, None if limit is None else from_seq - 1 + limit))

    def read_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        return [orjson.dumps(event.to_dict()) for event in self.read_events(execution_id, from_seq, limit)]

    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        if from_seq == PIECE + 1 and limit == PIECE:
            await self.go_on.wait()
        return await super().get_events(execution_id, from_seq, limit)


async def away(events: Sequence[ExecutionEvent]) -> tuple[Away, ExecutionApp]:
    store = Away(events)
    await store.append_events(events)
    return store, ExecutionApp(store, events[0].execution_id)


def loaded(app: ExecutionApp) -> bool:
    history = app.execution.history
    return history is not None and not history.is_loading


async def test_an_event_that_cannot_be_read_is_said_to_be_and_shown_when_the_store_is_back() -> None:
    store, app = await away(long_loop(LONG))
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot, lambda: loaded(app))
        screen = await opened(pilot)
        inspector = screen.panes.inspector
        store.away = True
        for key, sequence in (("3", 2 * PAGE), ("4", 4 * PAGE), ("5", 6 * PAGE)):
            await press(pilot, key)
            await settle(pilot)
            assert text_of(inspector.view).strip()
            assert screen.go_to(str(sequence)) is None
            await settle(pilot)
            said_there = " ".join(text_of(inspector.view).split())
            assert f"Event {sequence:,} cannot be read: the disk" in said_there, inspector.tab
            assert "\x1b" not in text_of(inspector.view)
        store.away = False
        screen.post_message(FeedRecovered())
        await settle(pilot)
        assert "steps." in text_of(inspector.view)
        assert "cannot be read" not in text_of(inspector.view)


async def test_the_failure_is_gone_to_from_an_event_that_cannot_be_read() -> None:
    store, app = await away(long_each(LONG))
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot, lambda: loaded(app))
        screen = await opened(pilot)
        history = screen.history
        assert history is not None
        failure = history.failure_sequence()
        store.away = True
        assert screen.go_to(str(2 * PAGE)) is None
        await press(pilot, "F")
        await settle(pilot)
        assert screen.sequence == failure
        assert "TestError" in text_of(screen.panes.inspector.event)
        seen = []
        for _ in range(3):
            await press(pilot, "F")
            await settle(pilot)
            seen.append(screen.sequence)
        failed = list(history.columns.find(kinds=[ExecutionEventType.STEP_FAILED]))
        assert failure is not None
        start = failed.index(failure)
        assert seen == [failed[(start + step) % len(failed)] for step in (1, 2, 3)]


async def test_while_it_loads_nothing_is_said_not_to_be_there() -> None:
    store, app = await away(long_loop(LONG))
    store.go_on.clear()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot, lambda: app.execution.history is not None)
        screen = await opened(pilot)
        assert not loaded(app)
        await press(pilot, "F")
        assert "No failure is known so far" in said(app)
        await press(pilot, ">")
        assert "No later step is known so far" in said(app)
        await press(pilot, "home", "<")
        assert "No earlier step is known so far" in said(app)
        await settle(pilot)
        assert screen._summary is not None
        screen.post_message(HistoryProgress(8_192, LONG, screen._summary))
        await settle(pilot)
        assert "8,192" in text_of(screen.panes.timeline.rows)
        assert "changed nothing" in text_of(screen.panes.inspector.view), "what was said of this event stays"
        store.go_on.set()
        await settle(pilot, lambda: loaded(app))
        await press(pilot, "F")
        assert "Nothing has failed here." in said(app)
