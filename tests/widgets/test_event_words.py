"""Events in words."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dive_tui.app.glyphs import UNICODE
from dive_tui.widgets.events.event_words import (
    TimeFormat,
    date_text,
    elapsed_text,
    item_of,
    look_of,
    milliseconds,
    moment_text,
    says,
    try_of,
)
from engine.model.events import ExecutionEvent, ExecutionEventType
from tests.screens.histories import Writer

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = [
    "step_params", "items", "iteration", "attempt", "output", "stored_variable", "duration_ms", "error", "error_type",
    "caused_by", "by", "reason", "new_paths", "current_step", "parent", "inputs", "workflow_name", "outputs",
    "signal_type", "data", "sender", "for", "topic", "due_at", "child_id", "join", "arrived", "path", "caught",
    "collected", "retry", "delay_ms", "interrupted", "unit", "signal", "final_step",
]  # fmt: skip
any_data = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), json_values, max_size=8)


def event(kind: str, data: dict[str, Any]) -> ExecutionEvent:
    return Writer().add(kind, "main", "Work", data)


def said(kind: str, **data: Any) -> str:
    return "  ".join(text for text, _ in says(event(kind, data), UNICODE))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "+0.00s"),
        (11.714, "+11.71s"),
        (59.99, "+59.99s"),
        (60, "+1m00.0s"),
        (1000.16, "+16m40.1s"),
        (3912, "+1h05m12s"),
        (86400 * 2 + 3600 * 3 + 300, "+2d03h05m"),
    ],
)
def test_time_since_the_start(seconds: float, text: str) -> None:
    assert elapsed_text(seconds) == text


def test_moments_are_shown_in_utc_or_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Stockholm")
    time.tzset()
    try:
        stamp = "2026-03-01T09:14:02.345678Z"
        assert moment_text(stamp, TimeFormat.UTC) == "09:14:02.345"
        assert moment_text(stamp, TimeFormat.LOCAL) == "10:14:02.345"
        assert moment_text(stamp, TimeFormat.ELAPSED, exact=False) == "09:14:02"
        assert date_text(stamp, TimeFormat.ELAPSED) == "2026-03-01 09:14:02.345 UTC"
        assert date_text(stamp, TimeFormat.LOCAL) == "2026-03-01 10:14:02.345 CET"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_moment_that_is_none() -> None:
    assert moment_text("soon", TimeFormat.UTC) == date_text("soon", TimeFormat.UTC) == "-"


def test_formats_come_in_turn() -> None:
    form = TimeFormat.ELAPSED
    seen = []
    for _ in TimeFormat:
        seen.append(form)
        form = form.following
    assert form is TimeFormat.ELAPSED
    assert set(seen) == set(TimeFormat)
    assert len({form.described for form in seen}) == 3


@pytest.mark.parametrize("kind", list(ExecutionEventType))
def test_every_kind_has_words_and_a_glyph(kind: ExecutionEventType) -> None:
    look = look_of(kind)
    assert look.words[0].islower()
    assert len(getattr(UNICODE, look.glyph)) == 1


def test_kinds_in_words() -> None:
    assert look_of("step_started").words == "step started"
    assert look_of("execution_failed").words == "execution failed"
    assert look_of("execution_continue_as_new").words == "continued as new"
    assert look_of("step_retry_scheduled").words == "retry"
    assert look_of("heart_beat").words == "heart beat"


def test_what_steps_say() -> None:
    assert said("step_started", step_params={"path": "a.py", "limit": 3}) == 'path "a.py"  limit 3'
    assert said("step_started", items=[1, 2, 3]) == "3 items"
    assert said("step_started", iteration={"index": 11}, step_params={"n": 1}, attempt=3) == "item 12 attempt 3  n 1"
    assert said("step_completed", output={"a": 1}, duration_ms=40, stored_variable="x") == "40ms  → x  {a: 1}"
    assert said("step_completed", output={"items": 97}, duration_ms=0, stored_variable="x") == "→ x  97 items"
    assert said("step_completed", output=None, duration_ms=1234.5) == "1.2s"
    assert said("step_failed", error="insufficient funds", error_type="CardDeclined") == (
        "CardDeclined: insufficient funds"
    )


def test_what_paths_and_executions_say() -> None:
    assert said("path_started", current_step="A", parent="main") == "at A  from main"
    assert said("path_branched", new_paths=[{"id": "a"}, {"id": "b"}]) == "into a, b"
    assert said("path_completed", reason="no_edge") == "no edge was true"
    assert said("path_failed", error="x", error_type="X", caused_by=187) == "caused by 187"
    assert said("execution_failed", error="x", error_type="X", caused_by=[3, 4]) == "caused by 3, 4"
    assert said("execution_failed", error="no output", error_type="X", caused_by=[]) == "X: no output"
    assert said("execution_cancelled", by="ann", reason="enough") == "by ann  enough"
    assert said("execution_started", workflow_name="order", inputs={"n": 1}) == "order  n 1"
    assert said("execution_completed", outputs={"n": 1}) == "n 1"
    assert said("signal_received", signal_type="approve", data={"ok": True}) == "approve  {ok: true}"
    assert said("heart_beat", pulse=70) == "pulse 70"


def test_what_waits_retries_and_joins_say() -> None:
    due = "2026-03-01T10:14:02.000000Z"
    assert said("step_waiting", **{"for": "signal", "topic": "ok", "due_at": due}) == "signal ok  at most 1h"
    assert said("step_waiting", **{"for": "sleep", "due_at": due}) == "sleep  1h"
    assert said("step_waiting", **{"for": "join", "join": {"paths": ["a", "b"]}}) == "join a, b"
    assert said("step_started", child_id="exec_000k3rg2") == "child …k3rg2"
    assert said("step_retry_scheduled", attempt=2, delay_ms=8000.0) == "attempt 2  in 8.0s"
    assert (
        said("step_retry_scheduled", attempt=2, delay_ms=8000.0, iteration={"index": 4}) == "item 5 attempt 2  in 8.0s"
    )
    met = [{"path": "a", "status": "completed"}, {"path": "b", "status": "failed"}]
    assert said("path_joined", arrived=met, path="main~2") == "a, b failed  → main~2"
    assert said("path_joined", error="b failed", error_type="JoinUnsatisfied") == "JoinUnsatisfied: b failed"
    assert said("path_completed", reason="join", final_step="Meet") == "arrived at Meet"
    assert said("path_cancelled", caused_by=9, unit={"step": "Pack"}) == "caused by 9  during Pack"


def test_what_comes_of_a_failure() -> None:
    failure = {"error": "no line", "error_type": "X"}
    assert said("step_failed", **failure, retry=True) == "X: no line  tried again"
    assert said("step_failed", **failure, caught={"step": "Help"}) == "X: no line  caught → Help"
    assert said("step_failed", **failure, final=True, collected=True) == "X: no line  kept in its place"
    assert said("step_completed", output={"items": 9, "failed": 2}) == "9 items, 2 failed"


def test_what_signals_and_people_say() -> None:
    assert said("signal_received", signal_type="approve", data=1, sender="bob") == "approve  1  by bob"
    assert said("signal_received", signal_type="$pause", data={"reason": "lunch"}, sender="ann") == (
        "pause  by ann  lunch"
    )
    assert said("step_completed", output=1, signal=17) == "took signal 17  1"
    assert said("execution_recovered", by="ann", reason="died", interrupted=[{}, {}]) == "by ann  2 interrupted  died"


@given(st.sampled_from([*ExecutionEventType, "unknown_kind"]), any_data)
def test_any_data_can_be_told(kind: str, data: dict[str, Any]) -> None:
    for text, style in says(event(kind, data), UNICODE):
        assert text
        assert style


@given(any_data)
def test_items_and_attempts_of_any_data(data: dict[str, Any]) -> None:
    item = item_of(data)
    assert item is None or isinstance(item, int)
    assert isinstance(try_of(data), str)
    assert isinstance(milliseconds(data.get("duration_ms")), str)
