"""The page about one event."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dive_tui.app.glyphs import UNICODE
from dive_tui.widgets.event_detail import Context, write_event
from dive_tui.widgets.event_page import Page, wrap
from dive_tui.widgets.event_words import TimeFormat
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
