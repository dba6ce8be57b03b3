"""The page about one event."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dive_tui.app.glyphs import UNICODE
from dive_tui.widgets.events.event_detail import write_event
from dive_tui.widgets.events.event_page import Page, wrap
from dive_tui.widgets.events.event_sections import Context
from dive_tui.widgets.events.event_words import TimeFormat
from engine.model.events import ExecutionEvent, ExecutionEventType
from tests.screens.histories import (
    HOSTILE,
    Writer,
    completed_order,
    failed_order,
    history_of,
    hostile_events,
    long_each,
)
from tests.screens.waiting_histories import APPROVAL, MEETING, PARENT, flaky, ran, waiting_for_approval
from tests.widgets.samples import outlined
from tests.widgets.test_event_words import any_data


def page_of(events: list[ExecutionEvent], sequence: int, width: int = 60, *, generous: bool = False) -> list[str]:
    history, outline = outlined(events)
    page = Page(width, generous=generous)
    write_event(page, Context(history, outline, UNICODE, TimeFormat.ELAPSED), history.event(sequence))
    lines = ["".join(text for text, _ in line) for line in page.lines]
    assert all(cell_len(line) <= max(width, 16) for line in lines), lines
    assert all(line.isprintable() for line in lines)
    return [line.rstrip() for line in lines]


async def order_page(sequence: int, **options: Any) -> list[str]:
    history = await history_of(*await failed_order())
    return page_of(list(history), sequence, **options)


async def test_a_failure_in_full() -> None:
    lines = await order_page(23, width=70)
    assert lines[:3] == ["CardDeclined: insufficient funds (402)", "payment › Charge Card", "1.7s"]
    text = "\n".join(lines)
    assert '\ninput   amount    118.2\n        currency  "EUR"\n' in text
    assert "trace   screens/histories.py:" in text
    assert "          Gateway().charge(amount, currency)" in text
    assert '          raise CardDeclined("insufficient funds (402)")' in text
    assert "\nlog     POST /charge 118.2 EUR\n" in text
    assert "\nkey     exec_00000000000000000000000001/payment/Charge Card/1#1\n" in text
    assert lines[-3:] == ["event 23 · +2.95s", "2026-03-01 09:14:04.950 UTC", "event_0000000000000000000000000q"]


async def test_a_step_that_starts() -> None:
    text = "\n".join(await order_page(18))
    assert text.startswith("▸ step started\npayment › Charge Card\n")
    assert "action  Cards.Charge" in text
    assert "inputs_hash" in text


async def test_an_item_says_which_of_how_many() -> None:
    assert "item 2 of 3 · 400ms" in await order_page(9)


async def test_a_completed_step_shows_what_it_stored_and_where_it_leads() -> None:
    lines = await order_page(12, width=70)
    assert "stored  reserved" in lines
    assert "next    → Charge Card · path payment" in lines
    assert "        → Pack · path warehouse  if len(state.reserved) > 2" in lines
    assert "        → Pack · path express  if len(state.reserved) > 20  not taken" in lines


async def test_how_it_began_and_ended() -> None:
    first = "\n".join(await order_page(1))
    assert "steps   Validate            Orders.Validate" in first
    assert "        Pack                Parcel.Pack" in first
    assert "workflow_name" in first
    history = await history_of(*await completed_order())
    assert "outputs reserved  3" in "\n".join(page_of(list(history), len(history)))


async def test_ends_of_paths_name_their_cause() -> None:
    assert "caused by event 23" in await order_page(25)
    assert (await order_page(27))[:2] == ["CardDeclined: insufficient funds (402)", "caused by event 23"]


def test_an_unknown_kind_shows_all_it_holds() -> None:
    writer = Writer()
    writer.begin()
    writer.add("heart_beat", "main", "Work", {"pulse": 70, "notes": ["calm", {"deep": True}]}, at=1)
    text = "\n".join(page_of(writer.events, 3))
    assert text.startswith("· heart beat\nmain › Work\n")
    assert "pulse  70" in text
    assert "calm" in text
    assert "does not know this kind of event" in text


def test_a_failure_before_anything_ran_says_so() -> None:
    writer = Writer()
    writer.begin()
    writer.fail("main", "Work", "no 'files' in state", at=0, phase="parameters", error_type="ExpressionError")
    assert "its parameters could not be made, nothing ran" in page_of(writer.events, 3)


def test_long_values_are_cut_with_what_is_missing_and_shown_on_a_generous_page() -> None:
    writer = Writer()
    writer.begin()
    parameters = {"many": list(range(300)), "text": "word " * 2000, "log": "x\n" * 100}
    writer.start("main", "Work", at=0, step_params=parameters)
    brief, full = page_of(writer.events, 3), page_of(writer.events, 3, generous=True)
    assert "… and 276 more" in "\n".join(brief)
    assert "… 9.8 KiB in all" in "\n".join(brief)
    assert "[299]" in "\n".join(full)
    assert len(brief) < 80 < 400 < len(full)


def test_a_value_of_ten_megabytes_costs_what_is_shown() -> None:
    events = hostile_events()
    for generous in (False, True):
        text = "\n".join(page_of(events, 5, generous=generous))
        assert "9.5 MiB in all" in text


def test_hostile_events_are_safe_at_every_width() -> None:
    events = hostile_events()
    for sequence in range(1, len(events) + 1):
        for width in (4, 20, 77):
            page_of(events, sequence, width)


def test_items_of_a_long_step_are_counted() -> None:
    assert "items   24,996" in page_of(long_each(50_000), 5)


@given(st.sampled_from([*ExecutionEventType, "unknown_kind"]), any_data, st.integers(10, 90), st.booleans())
def test_any_event_has_a_page(kind: str, data: dict[str, Any], width: int, generous: bool) -> None:
    writer = Writer()
    writer.begin()
    writer.add(kind, "main", "Work", data, at=1)
    assert page_of(writer.events, 3, width, generous=generous)


@given(st.text(max_size=300), st.integers(1, 40))
def test_wrapped_lines_fit(text: str, width: int) -> None:
    for line in wrap(text, width):
        assert line.isprintable()
        assert cell_len(line) <= max(width, 1) or len(line) == 1


def test_wrapping_keeps_lines_and_takes_only_what_is_asked() -> None:
    assert list(wrap("a\n\nlonger than ten\n", 10)) == ["a", "", "longer ", "than ten", ""]
    assert next(iter(wrap("x" * 10_000_000, 10))) == "x" * 10
    assert next(iter(wrap(HOSTILE, 200))).isprintable()


async def run_page(definition: dict[str, Any], sequence: int, **options: Any) -> str:
    found = await ran(definition, **options)
    return "\n".join(page_of(list(await found.store.get_event_history(found.id)), sequence, width=70))


async def test_a_wait_says_until_when() -> None:
    approval = await waiting_for_approval()
    text = "\n".join(page_of(list(await approval.store.get_event_history(approval.id)), 6))
    assert "for     signal\ntopic   approve\n" in text
    assert "until   2026-03-01 10:14:02.000 UTC\n        1h after this event" in text


async def test_attempts_say_how_many_of_how_many_and_whether_the_key_is_new() -> None:
    failed = await run_page(flaky(2), 4)
    assert "attempt 1 of 4 · 1.0s · outcome unknown · will be tried again" in failed
    scheduled = await run_page(flaky(2), 5)
    assert "attempt 2 of 4 · after 8.0s" in scheduled
    assert "until   2026-03-01 09:14:11.000 UTC\n        8.0s after this event" in scheduled
    assert "same key as the attempt before: its outcome was unknown" in await run_page(flaky(2), 6)


def test_a_new_key_is_called_new() -> None:
    writer = Writer()
    writer.begin()
    writer.start("main", "Work", at=0, effect_key="k#1")
    failure = {"visit": 1, "attempt": 1, "phase": "run", "error": "no", "error_type": "X", "outcome": "known"}
    writer.add("step_failed", "main", "Work", {**failure, "retry": True})
    due = {"visit": 1, "attempt": 2, "policy": 0, "delay_ms": 0.0, "due_at": "2026-03-01T09:14:02.000000Z"}
    writer.add("step_retry_scheduled", "main", "Work", due)
    writer.start("main", "Work", at=1, attempt=2, effect_key="k#2")
    assert "key     k#2\n        new key" in "\n".join(page_of(writer.events, 6))
    assert "new key" not in "\n".join(page_of(writer.events, 3))


async def test_a_join_says_who_arrived() -> None:
    text = await run_page(MEETING, 17)
    assert "arrived ✓ left  completed\n        ✓ right  completed" in text
    assert "path    main~2" in text


async def test_a_child_is_named_in_full() -> None:
    text = await run_page(PARENT, 4, others=[APPROVAL], linger=0)
    assert "for     child\nchild   exec_" in text


def test_signals_recoveries_and_what_was_stopped() -> None:
    writer = Writer()
    writer.begin()
    sent = {"signal_id": "signal_1", "ordinal": 1, "sent_at": "2026-03-01T09:14:00.000000Z"}
    writer.add("signal_received", data={**sent, "signal_type": "ok", "data": {"sum": 3}, "sender": "bob"})
    writer.add("signal_received", data={**sent, "signal_type": "$wake", "data": {"reason": ""}, "sender": "ann"})
    unit = {"path": "main", "step": "Work", "visit": 2, "iteration": {"index": 3}, "effect_key": "key/main#1"}
    writer.add("execution_recovered", data={"by": "ann", "reason": "died", "count": 1, "interrupted": [unit]})
    signal = "\n".join(page_of(writer.events, 3))
    assert "topic   ok\ndata    sum  3\nfrom    bob\nsent    2026-03-01 09:14:00.000 UTC" in signal
    assert "asked to wake" in "\n".join(page_of(writer.events, 4))
    recovered = "\n".join(page_of(writer.events, 5))
    assert "by      ann\nreason  died\nstopped main › Work  visit 2  item 4\n          key/main#1" in recovered


def test_caught_and_kept_failures_say_what_comes_of_them() -> None:
    writer = Writer()
    writer.begin()
    failure = {"visit": 1, "attempt": 1, "error": "no", "error_type": "X", "outcome": "unknown", "phase": "run"}
    writer.add("step_failed", "main", "Work", {**failure, "caught": {"step": "Help", "stored_variable": "why"}})
    writer.add("step_failed", "main", "Work", {**failure, "final": True, "collected": True, "iteration": {"index": 0}})
    assert "outcome unknown · caught: goes on at Help, the error in why" in "\n".join(page_of(writer.events, 3, 80))
    assert "the error is kept in its place, and the step goes on" in "\n".join(page_of(writer.events, 4, 90))
