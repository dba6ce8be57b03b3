"""The event's JSON form and what its validation refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.model.events import (
    EXECUTION_LEVEL_TYPES,
    KNOWN_TYPES,
    TERMINAL_TYPES,
    ExecutionEvent,
    ExecutionEventType,
    InvalidEventError,
)
from engine.model.payloads import PAYLOADS

FULL: dict[str, Any] = {
    "id": "event_01",
    "execution_id": "exec_01",
    "path_id": "main",
    "sequence": 3,
    "timestamp": "2026-03-01T09:14:02.000000Z",
    "event_type": "step_dreamt",
    "step_name": "A",
    "data": {"x": [1]},
    "schema_version": 2,
    "origin": {"execution_id": "exec_00", "sequence": 1, "timestamp": "2026-03-01T09:14:01.000000Z"},
    "mood": "new",
}
LEAST = {key: FULL[key] for key in ("id", "execution_id", "path_id", "sequence", "timestamp", "event_type")}
PLAIN = LEAST | {"event_type": "path_started", "data": {"current_step": "A"}}


@pytest.mark.parametrize("envelope", [FULL, LEAST, PLAIN])
def test_an_envelope_survives_with_its_keys_in_order(envelope: dict[str, Any]) -> None:
    event = ExecutionEvent.from_dict(envelope)
    assert list(event.to_dict().items()) == list(envelope.items())
    assert ExecutionEvent.from_dict(event.to_dict()) == event


def test_what_is_empty_or_usual_is_left_out() -> None:
    event = ExecutionEvent.from_dict(LEAST | {"step_name": "", "data": {}, "schema_version": 1, "origin": None})
    assert event.to_dict() == LEAST


def test_a_stores_checksum_is_not_part_of_the_event() -> None:
    assert ExecutionEvent.from_dict(FULL | {"crc": "00000000.0"}) == ExecutionEvent.from_dict(FULL)


@pytest.mark.parametrize("key", LEAST)
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(InvalidEventError, match=f"an event has no '{key}'"):
        ExecutionEvent.from_dict({name: value for name, value in FULL.items() if name != key})


def test_the_time_is_aware() -> None:
    assert ExecutionEvent.from_dict(FULL).time == datetime(2026, 3, 1, 9, 14, 2, tzinfo=UTC)


def test_good_events_pass() -> None:
    ExecutionEvent.from_dict(FULL).validate()
    ExecutionEvent.from_dict(PLAIN).validate()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "evt_1"}, "id 'evt_1' does not start with 'event_'"),
        ({"id": "event_" + "x" * 123}, "does not start with 'event_'"),
        ({"id": 5}, "must be text"),
        ({"execution_id": "../x"}, "'../x' is not an execution id"),
        ({"execution_id": ""}, "is not an execution id"),
        ({"path_id": None}, "must be text"),
        ({"sequence": 0}, "sequence must be"),
        ({"sequence": True}, "sequence must be"),
        ({"sequence": "3"}, "sequence must be"),
        ({"timestamp": "2026-03-01T09:14:02Z"}, "timestamp"),
        ({"timestamp": "2026-03-01T09:14:02.000000+00:00"}, "timestamp"),
        ({"timestamp": "2026-13-41T09:14:02.000000Z"}, "timestamp"),
        ({"timestamp": "٢٠٢٦-03-01T09:14:02.000000Z"}, "timestamp"),
        ({"timestamp": "2026-03-01T09:14:02.000000Z\n"}, "timestamp"),
        ({"event_type": ""}, "event_type is empty"),
        ({"schema_version": 0}, "schema_version must be"),
        ({"data": [1]}, "data must be an object"),
        ({"data": {}}, "current_step: Field required"),
        ({"data": {"current_step": 5}}, "current_step: Input should be a valid string"),
        ({"data": {"current_step": "A", "fork": 0}}, "fork: "),
    ],
)
def test_what_breaks_the_format_is_named_with_the_event(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidEventError) as caught:
        ExecutionEvent.from_dict(PLAIN | changes).validate()
    assert message in str(caught.value)
    assert str(caught.value).startswith("event ")


def test_payloads_of_newer_versions_and_unknown_kinds_are_not_judged() -> None:
    ExecutionEvent.from_dict(PLAIN | {"schema_version": 2, "data": {}}).validate()
    ExecutionEvent.from_dict(PLAIN | {"event_type": "path_dreamt", "data": {}}).validate()


FAILED = {"visit": 1, "attempt": 1, "phase": "run", "error": "e", "error_type": "E", "outcome": "known"}


@pytest.mark.parametrize(
    ("outcomes", "good"),
    [
        ({}, False),
        ({"final": True}, True),
        ({"final": False}, False),
        ({"retry": True}, True),
        ({"caught": {"step": "B"}}, True),
        ({"retry": True, "final": True}, False),
    ],
)
def test_a_failed_step_says_exactly_one_way_on(outcomes: dict[str, Any], good: bool) -> None:
    event = ExecutionEvent.from_dict(PLAIN | {"event_type": "step_failed", "data": FAILED | outcomes})
    if good:
        event.validate()
    else:
        with pytest.raises(InvalidEventError, match="exactly one of retry, caught and final"):
            event.validate()


def test_every_kind_of_event_has_a_payload_model() -> None:
    assert set(PAYLOADS) == KNOWN_TYPES == {str(kind) for kind in ExecutionEventType}
    assert TERMINAL_TYPES < EXECUTION_LEVEL_TYPES < KNOWN_TYPES


def test_unknown_keys_of_a_payload_pass() -> None:
    ExecutionEvent.from_dict(PLAIN | {"data": {"current_step": "A", "weather": "fine"}}).validate()
