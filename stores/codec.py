"""Events as lines of JSON that carry their own checksum.

A line is the event's envelope with `"crc":"<8 hex digits>.<k>"` as its last key. k counts the events of the same
append still to come, so an append is whole when its last line ends in `.0`. The checksum is the CRC-32 of the bytes
before `,"crc"`, started from k: a flipped bit in k is found like any other. Lines without a checksum, written by
hand, can be read but not told from damaged ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

import orjson

from engine.model.events import EMPTY, ExecutionEvent, InvalidEventError

_KEY = b',"crc":"'
_CHECKSUM_LIKE = re.compile(rb'"[^"\\]{1,8}":"[0-9a-f]{8}\.\d+"}\Z')


class LineError(ValueError):
    """A line that cannot be read as an event; the message says why, without place."""


def seal(record: Mapping[str, Any], k: int = 0) -> bytes:
    """A JSON object as one line without line end, its checksum as last key.

    Raises:
        TypeError: a value that JSON cannot hold.
    """
    body = orjson.dumps(record, default=_plain)[:-1]
    return b'%b,"crc":"%08x.%d"}' % (body, crc32(body, k), k)


def unseal(line: bytes) -> tuple[dict[str, Any], int]:
    """The object of a sealed line, its `crc` still in it, and k.

    Raises:
        LineError: the checksum is missing or does not match, or the line is no JSON object.
    """
    at = line.rfind(_KEY)
    body, checksum = line[:at], line[at + len(_KEY) :]
    digits = checksum[9:-2]
    # Compared as text with what we would have written, so that no second spelling of a checksum is accepted.
    if at < 0 or not digits.isdigit() or checksum != b'%08x.%d"}' % (crc32(body, k := int(digits)), k):
        raise LineError("its checksum does not match")
    return _object(line), k


def encode_batch(events: Sequence[ExecutionEvent]) -> list[bytes]:
    """The lines of one append, each with its line end.

    Raises:
        InvalidEventError: an event holds a value that JSON cannot.
    """
    lines = []
    k = len(events)
    for event in events:
        k -= 1
        try:
            lines.append(seal(event.to_dict(), k) + b"\n")
        except TypeError as error:
            raise InvalidEventError(f"event {event.sequence} ({event.event_type}): {error}") from None
    return lines


def decode_line(line: bytes) -> tuple[ExecutionEvent, int | None]:
    """The event of a line (without line end), and k; None for a line that carries no checksum.

    Raises:
        LineError: the line is damaged or is no event.
    """
    k: int | None
    try:
        envelope, k = unseal(line)
    except LineError:
        envelope, k = _without_checksum(line), None
    try:
        event = ExecutionEvent.from_dict(envelope)
    except InvalidEventError as error:
        raise LineError(str(error)) from None
    _check_types(event)
    return event, k


def _without_checksum(line: bytes) -> dict[str, Any]:
    envelope = _object(line)
    if "crc" in envelope or _CHECKSUM_LIKE.search(line):
        raise LineError("its checksum does not match")
    return envelope


def _object(line: bytes) -> dict[str, Any]:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise LineError("it is not JSON") from None
    if type(record) is not dict:
        raise LineError("it is not a JSON object")
    return record


def _check_types(event: ExecutionEvent) -> None:
    # What comes out of a file may be anybody's: later code relies on these types, and on a time that can be read.
    data, time = event.data, event.timestamp
    if not (
        str is type(event.id) is type(event.execution_id) is type(event.path_id) is type(time)
        and str is type(event.event_type) is type(event.step_name)
        and type(event.sequence) is type(event.schema_version) is int
        and (type(data) is dict or data is EMPTY)
        and (event.origin is None or type(event.origin) is dict)
    ):
        raise LineError("a field of its envelope has the wrong type")
    try:
        if len(time) != 27 or time[-1] != "Z":
            raise ValueError
        datetime.fromisoformat(time)
    except ValueError:
        raise LineError(f"its timestamp {time[:40]!r} is not a time") from None


def _plain(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
