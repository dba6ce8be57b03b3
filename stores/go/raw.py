"""What a store of the Go system holds, taken out of its files but not translated yet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import orjson

from engine.model.times import EPOCH, format_time

_TIME = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_LARGEST = 2**63 - 1


class RawEvent(NamedTuple):
    """One event as it was stored; empty texts where the original had none."""

    id: str
    execution_id: str
    path_id: str
    sequence: int
    timestamp: str
    event_type: str
    step_name: str
    data: Any
    """Decoded JSON, whatever it is; None when there was none."""
    place: str
    """Line or row, for messages."""
    others: Mapping[str, Any]
    """What else was stored with it, by key or column."""


class Damage(NamedTuple):
    """Why a history cannot be read to its end."""

    place: str
    problem: str


class RawHistory(NamedTuple):
    """The events of one execution in order, without gaps, as far as they can be read."""

    events: list[RawEvent]
    damage: Damage | None


class RawSnapshot(NamedTuple):
    """The summary that was stored beside the events, times as they were written."""

    record: Mapping[str, Any]
    """Its fields by the names of the snapshot's JSON form."""


class Oddity(NamedTuple):
    """Something in a store that no execution can be made of."""

    name: str
    problem: str


class Source(Protocol):
    """One of the two kinds of stores. Nothing in it is changed by any of these, nor put beside it.

    All raise `StoreError` when the store cannot be read.
    """

    place: Path

    def execution_ids(self) -> list[str]:
        """Of all executions that have events; only ids that are valid."""
        ...

    def oddities(self) -> list[Oddity]:
        """What else is there and looks like an execution."""
        ...

    def history(self, execution_id: str) -> RawHistory:
        """The events of an execution; none for an unknown one."""
        ...

    def snapshot(self, execution_id: str) -> RawSnapshot | None:
        """The stored summary, or None when there is none or it cannot be read."""
        ...

    def stamp(self, execution_id: str) -> object:
        """Differs as soon as what is stored of an execution does; None when nothing is."""
        ...

    def marks(self) -> dict[str, object]:
        """The stamps of all executions by id, or of the whole store under the empty text."""
        ...

    def close(self) -> None:
        """Release what reading needed."""
        ...


class FormatProblem(ValueError):
    """A stored record that is no event; the message says why, without place."""


def raw_event(record: Mapping[str, Any], place: str, others: Mapping[str, Any]) -> RawEvent:
    """The event of a record whose values may have any type.

    Raises:
        FormatProblem: it is none.
    """
    texts = {}
    for name in ("id", "execution_id", "path_id", "timestamp", "event_type", "step_name"):
        value = record.get(name)
        if name == "timestamp" and isinstance(value, int | float):
            value = str(value)  # which no time is, but nothing is lost
        if value is not None and not isinstance(value, str):
            raise FormatProblem(f"its {name} is not text")
        texts[name] = value or ""
    sequence = record.get("sequence")
    if type(sequence) is not int or not 1 <= sequence <= _LARGEST:
        raise FormatProblem("its sequence is not a whole number from 1")
    for name in ("id", "execution_id", "event_type"):
        if not texts[name]:
            raise FormatProblem(f"it has no {name}")
    return RawEvent(**texts, sequence=sequence, data=record.get("data"), place=place, others=others)


def in_order(found: Iterable[RawEvent | Damage], execution_id: str) -> RawHistory:
    """The events sorted by sequence, as far as there is no gap and nothing twice.

    What cannot be read is the reason when something is missing, and is told in any case.
    """
    events: list[RawEvent] = []
    damage: Damage | None = None
    for item in found:
        if isinstance(item, Damage):
            damage = damage or item
        elif item.execution_id != execution_id:
            damage = damage or Damage(item.place, f"an event of another execution, {item.execution_id[:60]}")
        else:
            events.append(item)
    events.sort(key=lambda event: event.sequence)
    for number, event in enumerate(events, start=1):
        if event.sequence < number:
            twice = Damage(event.place, f"event {event.sequence} is there twice, at {events[number - 2].place} too")
            return RawHistory(events[: event.sequence - 1], twice)
        if event.sequence > number:
            return RawHistory(events[: number - 1], damage or Damage(event.place, _missing(number, event.sequence)))
    return RawHistory(events, damage)


def _missing(first: int, following: int) -> str:
    many = f"events {first} to {following - 1} are" if following - first > 1 else f"event {first} is"
    return f"{many} missing before event {following}"


def decoded(content: bytes) -> Any:
    """A JSON value.

    Raises:
        FormatProblem: it is none.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise FormatProblem(f"it is not JSON ({error.msg})") from None


def read_time(text: object) -> str | None:
    """A time of the Go system as one of ours: UTC, cut to microseconds; None for none, its zero time or an unreadable
    one.

    Without an offset it is UTC, as its driver has it.
    """
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text.replace(",", "."))
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return format_time(moment) if moment >= EPOCH else None
