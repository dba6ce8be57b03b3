"""Events and messages as lines of JSON that carry their own checksum.

A line is the event's envelope with `"crc":"<8 hex digits>.<k>"` as its last key. k counts the events of the same
append still to come, so an append is whole when its last line ends in `.0`. The checksum is the CRC-32 of the bytes
before `,"crc"`, started from k: a flipped bit in k is found like any other. Lines without a checksum, written by
hand, can be read, but damage in them cannot be told from data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

import orjson

from engine.model.events import EMPTY, ExecutionEvent, InvalidEventError
from engine.model.signals import ExecutionSignal, InvalidSignalError
from stores.checks import check_signal

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


def unseal(line: bytes) -> dict[str, Any]:
    """The object of a sealed line, its `crc` still in it.

    Raises:
        LineError: the checksum is missing or does not match, or the line is no JSON object.
    """
    if _checked(line) is None:
        raise LineError("its checksum does not match")
    return _object(line)


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
    k = _checked(line)
    envelope = _object(line)
    if k is None and ("crc" in envelope or _CHECKSUM_LIKE.search(line)):
        raise LineError("its checksum does not match")
    try:
        event = ExecutionEvent.from_dict(envelope)
    except InvalidEventError as error:
        raise LineError(str(error)) from None
    _check_types(event)
    return event, k


def events_left(line: bytes) -> int:
    """The k of a sealed line (without line end), its checksum compared but the rest not looked at.

    Raises:
        LineError: the checksum is missing or does not match.
    """
    k = _checked(line)
    if k is None:
        raise LineError("its checksum does not match")
    return k


def in_batches(lines: Sequence[bytes]) -> list[bytes]:
    """Sealed lines (each with its line end) as whole appends.

    They stay as they are, with the counts they carry; only where an append lacks its end, or its middle, what is there
    of it is sealed anew, as an append of its own.

    Raises:
        LineError: one is not a single sealed line, or its checksum does not match.
    """
    sealed: list[bytes] = []
    first = left = 0
    for line in lines:
        if line[-1:] != b"\n" or b"\n" in line[:-1]:
            raise LineError("it is not a single line with its line end")
        k = events_left(line[:-1])
        if left and k != left - 1:
            sealed[first:] = _resealed(sealed[first:])
            first = len(sealed)
        sealed.append(line)
        left = k
        if not left:
            first = len(sealed)
    sealed[first:] = _resealed(sealed[first:])
    return sealed


def encode_signal(signal: ExecutionSignal) -> bytes:
    """The line of a message, with its line end.

    Raises:
        InvalidSignalError: its data is no JSON.
    """
    try:
        return seal(signal.to_dict()) + b"\n"
    except TypeError as error:
        raise InvalidSignalError(f"the data of message {signal.id} is no JSON: {error}") from None


def decode_signal(line: bytes) -> ExecutionSignal:
    """The message of a line (without line end).

    Raises:
        LineError: the line is damaged or is no message.
    """
    try:
        signal = ExecutionSignal.from_dict(unseal(line))
        check_signal(signal)
    except InvalidSignalError as error:
        raise LineError(str(error)) from None
    return signal


def _resealed(lines: Sequence[bytes]) -> list[bytes]:
    """Sealed lines as one append: the same events, with other counts and checksums."""
    bodies = [line[: line.rfind(_KEY)] for line in lines]
    return [
        b'%b,"crc":"%08x.%d"}\n' % (body, crc32(body, k), k)
        for body, k in zip(bodies, reversed(range(len(bodies))), strict=True)
    ]


def _checked(line: bytes) -> int | None:
    """The k of a line whose checksum is there and right."""
    if type(line) is not bytes:  # from a damaged row of a database may come anything
        raise LineError("it is not text")
    at = line.rfind(_KEY)
    digits = line[at + 17 : -2]
    if at < 0 or len(digits) > 9 or not digits.isdigit():
        return None
    k = int(digits)
    # Compared with the text we would have written, so that no second spelling of a checksum is accepted.
    return k if line[at + 8 :] == b'%08x.%d"}' % (crc32(line[:at], k), k) else None


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
    event_id, execution_id, path_id, sequence, time, event_type, step_name, data, version, origin, _ = event
    if not (
        str is type(event_id) is type(execution_id) is type(path_id) is type(time) is type(event_type)
        and str is type(step_name)
        and int is type(sequence) is type(version)
        and (type(data) is dict or data is EMPTY)
        and (origin is None or type(origin) is dict)
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
