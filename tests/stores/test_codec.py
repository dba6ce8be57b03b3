"""Lines with checksums: what is written comes back, what was altered is found."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.events import EMPTY, ExecutionEvent, InvalidEventError
from engine.testing.conformance_events import HistoryMaker
from stores.codec import LineError, decode_line, encode_batch, seal, unseal

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
events = st.builds(
    ExecutionEvent,
    id=st.just("event_1"),
    execution_id=st.just("exec_one"),
    path_id=st.text(max_size=5),
    sequence=st.integers(1, 2**53),
    timestamp=st.just("2026-03-01T09:14:02.000000Z"),
    event_type=st.text(min_size=1, max_size=9),
    step_name=st.text(max_size=9),
    data=st.dictionaries(st.text(max_size=8), json_values, min_size=1, max_size=3) | st.just(EMPTY),
    schema_version=st.integers(1, 9),
    origin=st.none() | st.dictionaries(st.text(max_size=4), json_values, max_size=2),
    extra=st.dictionaries(st.text("xyz", min_size=1), json_values, min_size=1, max_size=2) | st.just(EMPTY),
)


def one_line() -> bytes:
    return encode_batch(HistoryMaker().begin())[1][:-1]


def altered(**changes: Any) -> bytes:
    """A sealed line with other values in its envelope; `...` takes a key out."""
    record = HistoryMaker().begin()[1].to_dict() | changes
    return seal({key: value for key, value in record.items() if value is not ...})


@given(st.lists(events, min_size=1, max_size=4))
def test_batches_come_back_with_what_is_left_of_them(batch: list[ExecutionEvent]) -> None:
    lines = encode_batch(batch)
    assert all(line.count(b"\n") == 1 and line.endswith(b"\n") for line in lines)
    decoded = [decode_line(line[:-1]) for line in lines]
    assert [event for event, _ in decoded] == batch
    assert [k for _, k in decoded] == list(reversed(range(len(batch))))


def test_the_checksum_is_the_crc_of_what_stands_before_it() -> None:
    line = seal({"a": 1})
    assert line == b'{"a":1,"crc":"%08x.0"}' % crc32(b'{"a":1')
    assert seal({"a": 1}, 2) == b'{"a":1,"crc":"%08x.2"}' % crc32(b'{"a":1', 2)
    assert unseal(line)["a"] == 1


def test_every_flipped_bit_of_a_line_is_found() -> None:
    line = one_line()
    for bit in range(8 * len(line)):
        flipped = bytearray(line)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(LineError):
            decode_line(bytes(flipped))


def test_every_cut_off_line_is_found() -> None:
    line = one_line()
    for length in range(len(line)):
        with pytest.raises(LineError):
            decode_line(line[:length])


def test_lines_without_checksum_are_read() -> None:
    event = HistoryMaker().begin()[0]
    assert decode_line(orjson.dumps(event.to_dict())) == (event, None)
    named_so = event._replace(data={**event.data, "inputs": {"crc": "00000000.0"}})
    assert decode_line(orjson.dumps(named_so.to_dict())) == (named_so, None)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"id":1}', "has no"),
        (b'{"crc":"00000000.0"}', "checksum"),
        (b'{"a":1,"crc":"00000000.0"}', "checksum"),
        (b'{"a":1,"crc":"00000000.' + b"9" * 5000 + b'"}', "checksum"),
        (altered(sequence=...), "has no 'sequence'"),
        (altered(sequence="1"), "wrong type"),
        (altered(sequence=True), "wrong type"),
        (altered(id=7), "wrong type"),
        (altered(path_id=None), "wrong type"),
        (altered(step_name=["Work"]), "wrong type"),
        (altered(event_type=None), "wrong type"),
        (altered(data=[1]), "wrong type"),
        (altered(schema_version="1"), "wrong type"),
        (altered(origin=[]), "wrong type"),
        (altered(timestamp=0), "wrong type"),
        (altered(timestamp="2026-13-01T09:14:02.000000Z"), "not a time"),
        (altered(timestamp="2026-03-01T09:14:02.00000000"), "not a time"),
        (altered(timestamp="2026-03-01T09:14:02Z"), "not a time"),
    ],
)
def test_what_is_no_event_is_told_why(line: bytes, why: str) -> None:
    with pytest.raises(LineError, match=why):
        decode_line(line)


def test_a_snapshot_needs_its_checksum() -> None:
    for bad in (b"", b"{}", b'{"a":1}', seal({"a": 1})[:-1], seal({"a": 1}).replace(b"1", b"2", 1)):
        with pytest.raises(LineError):
            unseal(bad)


@pytest.mark.parametrize("value", [{1, 2}, b"x", 2**70, {1: 2}, "\ud800", object()])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    first, second = HistoryMaker().begin()
    with pytest.raises(InvalidEventError, match=r"event 2 \(path_started\)"):
        encode_batch([first, second._replace(data={"value": value})])
