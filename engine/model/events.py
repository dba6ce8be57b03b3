"""One recorded fact of an execution, and the kinds of facts there are.

Reading a history must be cheap, so an event is a plain tuple of decoded JSON; the payload models that check `data`
live in `engine.model.payloads` and are imported only where events are written or verified.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from engine.model.ids import InvalidIdError, validate_execution_id
from engine.model.times import parse_time

JsonObject = Mapping[str, Any]
EMPTY: JsonObject = {}
"""Shared by everything that is empty; like all recorded data, never changed in place."""

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_REQUIRED = ("id", "execution_id", "path_id", "sequence", "timestamp", "event_type")
_OPTIONAL = ("step_name", "data", "schema_version", "origin", "crc")
_KEYS = frozenset(_REQUIRED) | frozenset(_OPTIONAL)


class ExecutionEventType(StrEnum):
    """Every kind of fact the engine records."""

    EXECUTION_STARTED = "execution_started"
    PATH_STARTED = "path_started"
    STEP_STARTED = "step_started"
    STEP_COMPLETED = "step_completed"
    STEP_FAILED = "step_failed"
    PATH_COMPLETED = "path_completed"
    PATH_FAILED = "path_failed"
    EXECUTION_COMPLETED = "execution_completed"
    EXECUTION_FAILED = "execution_failed"
    PATH_BRANCHED = "path_branched"
    SIGNAL_RECEIVED = "signal_received"
    VERSION_DECISION = "version_decision"
    EXECUTION_CONTINUE_AS_NEW = "execution_continue_as_new"
    STEP_RETRY_SCHEDULED = "step_retry_scheduled"
    STEP_WAITING = "step_waiting"
    STEP_SKIPPED = "step_skipped"
    PATH_JOINED = "path_joined"
    PATH_CANCELLED = "path_cancelled"
    STATE_EDITED = "state_edited"
    EXECUTION_PAUSED = "execution_paused"
    EXECUTION_RESUMED = "execution_resumed"
    EXECUTION_CANCELLED = "execution_cancelled"
    EXECUTION_RECOVERED = "execution_recovered"


KNOWN_TYPES: frozenset[str] = frozenset(ExecutionEventType)
TERMINAL_TYPES: frozenset[str] = frozenset(
    {
        ExecutionEventType.EXECUTION_COMPLETED,
        ExecutionEventType.EXECUTION_FAILED,
        ExecutionEventType.EXECUTION_CANCELLED,
        ExecutionEventType.EXECUTION_CONTINUE_AS_NEW,
    }
)
EXECUTION_LEVEL_TYPES: frozenset[str] = TERMINAL_TYPES | {
    ExecutionEventType.EXECUTION_STARTED,
    ExecutionEventType.EXECUTION_PAUSED,
    ExecutionEventType.EXECUTION_RESUMED,
    ExecutionEventType.EXECUTION_RECOVERED,
    ExecutionEventType.SIGNAL_RECEIVED,
    ExecutionEventType.VERSION_DECISION,
}
SCHEMA_VERSION = 1


class InvalidEventError(ValueError):
    """An event that breaks the event format; the message names the field."""


class ExecutionEvent(NamedTuple):
    """One fact. `data` is decoded JSON and must never be changed in place: states share it."""

    id: str
    """`event_` and a time-ordered typeid."""
    execution_id: str
    path_id: str
    """The path it happened on; empty for facts about the whole execution."""
    sequence: int
    """1 for the first event of an execution, then without gaps."""
    timestamp: str
    """UTC, RFC 3339, microseconds; never decreases within a history."""
    event_type: str
    """An `ExecutionEventType`, or the name of a kind this version does not know."""
    step_name: str = ""
    data: JsonObject = EMPTY
    schema_version: int = SCHEMA_VERSION
    origin: JsonObject | None = None
    """`{execution_id, sequence, timestamp}` of the event this one was carried over from."""
    extra: JsonObject = EMPTY
    """Envelope keys this version does not know; kept so that a round trip loses nothing."""

    @property
    def time(self) -> datetime:
        """The timestamp as an aware datetime in UTC."""
        return parse_time(self.timestamp)

    def to_dict(self) -> dict[str, Any]:
        """The envelope as JSON has it, keys in their fixed order, empty optional ones left out."""
        envelope: dict[str, Any] = {
            "id": self.id,
            "execution_id": self.execution_id,
            "path_id": self.path_id,
            "sequence": self.sequence,
            "timestamp": self.timestamp,
            "event_type": self.event_type,
        }
        if self.step_name:
            envelope["step_name"] = self.step_name
        if self.data:
            envelope["data"] = self.data
        if self.schema_version != SCHEMA_VERSION:
            envelope["schema_version"] = self.schema_version
        if self.origin is not None:
            envelope["origin"] = self.origin
        if self.extra:
            envelope.update(self.extra)
        return envelope

    @classmethod
    def from_dict(cls, envelope: dict[str, Any]) -> ExecutionEvent:
        """The event a decoded envelope stands for; a store's own `crc` key is not part of it.

        Raises:
            InvalidEventError: a required key is missing.
        """
        get = envelope.get
        try:
            return cls(
                envelope["id"],
                envelope["execution_id"],
                envelope["path_id"],
                envelope["sequence"],
                envelope["timestamp"],
                envelope["event_type"],
                get("step_name", ""),
                get("data") or EMPTY,
                get("schema_version", SCHEMA_VERSION),
                get("origin"),
                EMPTY if _KEYS.issuperset(envelope) else {k: v for k, v in envelope.items() if k not in _KEYS},
            )
        except KeyError as missing:
            raise InvalidEventError(f"an event has no {missing.args[0]!r}") from None

    def validate(self) -> None:
        """Check the envelope and, for kinds and versions this engine knows, the payload.

        Raises:
            InvalidEventError: naming the event and the field that is wrong.
        """
        problem = self._envelope_problem()
        if problem:
            raise InvalidEventError(f"event {self.sequence!r} ({self.event_type!r}): {problem}")
        if self.event_type in KNOWN_TYPES and self.schema_version == SCHEMA_VERSION:
            _payload_check()(self)

    def _envelope_problem(self) -> str | None:
        # Anybody may have made it: what the annotations promise is checked here.
        fields: tuple[Any, ...] = self
        event_id, execution_id, path_id, sequence, timestamp, event_type, step_name, data, version, _, _ = fields
        for text in (event_id, execution_id, path_id, timestamp, event_type, step_name):
            if not isinstance(text, str):
                return "id, execution_id, path_id, timestamp, event_type and step_name must be text"
        if not event_id.startswith("event_") or len(event_id) > 128:
            return f"id {event_id[:60]!r} does not start with 'event_'"
        try:
            validate_execution_id(execution_id)
        except InvalidIdError as error:
            return str(error)
        if type(sequence) is not int or sequence < 1:
            return "sequence must be a whole number from 1"
        if not _is_time(timestamp):
            return f"timestamp {timestamp[:60]!r} is not UTC RFC 3339 with microseconds"
        if not event_type:
            return "event_type is empty"
        if type(version) is not int or version < 1:
            return "schema_version must be a whole number from 1"
        # A dict is told at once; asking whether something is a Mapping takes longer than all the rest.
        return None if type(data) is dict or isinstance(data, Mapping) else "data must be an object"


@cache
def _payload_check() -> Callable[[ExecutionEvent], None]:
    """Imported when the first event is checked: who only reads histories needs no pydantic."""
    from engine.model.payloads import check_payload

    return check_payload


def _is_time(text: str) -> bool:
    try:
        return _TIMESTAMP.fullmatch(text) is not None and datetime.fromisoformat(text) is not None
    except ValueError:
        return False
