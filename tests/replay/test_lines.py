"""Some events of a history, taken from stored lines."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.events import ExecutionEvent
from engine.replay.history import History
from engine.replay.lines import chosen_events, decoded
from engine.store import StoreError

EVENTS = [
    ExecutionEvent(f"event_{n}", "exec_a", "main", n, "2026-03-01T00:00:00.000000Z", "note", data={"n": n})
    for n in range(1, 10_001)
]


class Lines:
    """Reads events and lines from a list."""

    def read_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        return EVENTS[from_seq - 1 :][:limit]

    def read_lines(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[bytes]:
        return [
            orjson.dumps(event.to_dict() | {"crc": "x"}) for event in self.read_events(execution_id, from_seq, limit)
        ]


PAGED, WHOLE = History("exec_a", EVENTS, source=Lines()), History("exec_a", EVENTS)
SEQUENCES = st.sets(st.integers(1, 10_000), max_size=40) | st.builds(
    range, st.integers(1, 9_000), st.integers(1, 9_999)
)


@pytest.mark.parametrize("history", [PAGED, WHOLE], ids=["paged", "whole"])
@given(SEQUENCES)
def test_they_are_the_events_that_were_asked_for(history: History, sequences: Sequence[int]) -> None:
    wanted = sorted(sequences)
    assert list(chosen_events(history, wanted)) == [EVENTS[n - 1] for n in wanted]


@pytest.mark.parametrize("history", [PAGED, WHOLE], ids=["paged", "whole"])
def test_what_is_ruled_out_together_is_not_given(history: History) -> None:
    asked: list[bytes] = []

    def excludes(text: bytes) -> bool:
        asked.append(text)
        return b'"n":5000}' not in text

    found = list(chosen_events(history, range(1, 10_001), excludes))
    assert EVENTS[4_999] in found and len(found) < 100
    assert 100 < len(asked) < 1_000


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"{}", b"\xff"])
def test_a_line_that_is_no_event_any_more(line: bytes) -> None:
    with pytest.raises(StoreError, match="the store is damaged"):
        decoded(line)
