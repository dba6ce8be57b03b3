"""What the store in memory leaves out until somebody asks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.model.events import ExecutionEvent
from stores import memory
from stores.memory import MemoryExecutionEventStore
from tests.stores.histories import batches


async def test_events_are_decoded_and_folded_once_and_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    decode = memory._decode

    def counted(lines: Sequence[bytes]) -> list[ExecutionEvent]:
        events = decode(lines)
        decoded.extend(event.sequence for event in events)
        return events

    monkeypatch.setattr(memory, "_decode", counted)
    store = MemoryExecutionEventStore()
    begin, first, second, end = batches()
    await store.append_batches([begin])
    await store.append_events(first)
    assert decoded == []
    for _ in range(2):
        (summary,) = await store.list_executions()
        assert summary.last_event_seq == 4
    assert decoded == [1, 2, 3, 4]
    await store.append_events(second)
    await store.append_events(end)
    assert decoded == [1, 2, 3, 4]
    summary = await store.get_summary("exec_one")
    assert summary is not None and summary.status == "completed"
    assert decoded == list(range(1, 11))
