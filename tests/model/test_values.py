"""Small values of the model: ids, times, chunked lists."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.chunks import CHUNK, Chunks
from engine.model.ids import InvalidIdError, keyed_execution_id, short_id, validate_execution_id
from engine.model.times import epoch_seconds, format_time, parse_time, seconds_between


@pytest.mark.parametrize("execution_id", ["a", "exec_01h2", "A.b-c_9", "x" * 128])
def test_a_good_id_comes_back(execution_id: str) -> None:
    assert validate_execution_id(execution_id) == execution_id


@pytest.mark.parametrize(
    "execution_id",
    ["", ".", "..", "../x", "a/b", "a\\b", "-a", "_a", ".a", "a..b", "a b", "a\n", "a\x00", "é", "x" * 129, "exec_١"],
)
def test_a_bad_id_is_refused(execution_id: str) -> None:
    with pytest.raises(InvalidIdError, match="is not an execution id"):
        validate_execution_id(execution_id)


def test_a_long_bad_id_is_shown_short() -> None:
    with pytest.raises(InvalidIdError) as caught:
        validate_execution_id("/" * 1_000_000)
    assert len(str(caught.value)) < 200


@given(st.text())
def test_a_key_always_gives_the_same_good_id(key: str) -> None:
    try:
        key.encode()
    except UnicodeEncodeError:
        return
    execution_id = keyed_execution_id(key)
    assert execution_id == keyed_execution_id(key)
    assert re.fullmatch("exec_[0-7][0-9a-hjkmnp-tv-z]{25}", validate_execution_id(execution_id))
    assert keyed_execution_id(key + "x") != execution_id


def test_an_id_is_shown_by_its_ending() -> None:
    assert short_id("exec_01h2xk3p9q") == "…k3p9q"


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_survive_and_sort_as_text(moment: datetime) -> None:
    text = format_time(moment)
    assert len(text) == 27
    assert parse_time(text) == moment
    if moment.year < 9999:
        assert text < format_time(moment + timedelta(microseconds=1))


def test_times_of_other_zones_become_utc() -> None:
    moment = datetime(2026, 3, 1, 1, 30, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert format_time(moment) == "2026-02-28T23:30:00.000005Z"
    assert parse_time("2026-03-01T01:30:00.000005123+02:00") == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2026-03-01T01:30:00", "2026-03-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)


def test_a_time_without_zone_is_not_recorded() -> None:
    with pytest.raises(ValueError, match="time zone"):
        format_time(datetime(2026, 3, 1))


def test_distances_between_times() -> None:
    assert seconds_between("2026-03-01T00:00:01.000000Z", "2026-03-01T00:01:00.500000Z") == 59.5
    assert seconds_between("2026-03-01T00:00:01.000000Z", "2026-03-01T00:00:00.000000Z") == -1
    assert epoch_seconds("1970-01-02T00:00:00.250000Z") == 86400.25


positions = st.integers(0, 3 * CHUNK) | st.sampled_from([0, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])


@given(st.lists(st.tuples(positions, st.integers()), max_size=30), st.integers(0, 2 * CHUNK + 2))
def test_chunks_behave_like_a_list_that_fills_gaps_with_none(writes: list[tuple[int, int]], length: int) -> None:
    plain: list[int | None] = list(range(length))
    chunks = Chunks(plain)
    for index, value in writes:
        before, copy = chunks, list(chunks)
        plain += [None] * (index + 1 - len(plain))
        plain[index] = value
        chunks = chunks.set(index, value)
        assert list(before) == copy
    assert list(chunks) == plain
    assert len(chunks) == len(plain)
    assert [chunks[at] for at in range(len(plain))] == plain
    assert chunks == Chunks(plain)
    assert chunks != Chunks([*plain, None])


def test_chunks_are_values() -> None:
    assert len({Chunks([1, 2]), Chunks([1, 2]), Chunks([1, 2, 3])}) == 2
    assert repr(Chunks([1, None])) == "Chunks([1, None])"
    assert Chunks([1]) != [1]


def test_setting_one_place_shares_all_other_nodes() -> None:
    chunks = Chunks(range(5 * CHUNK))
    changed = chunks.set(CHUNK + 3, "x")
    shared = [a is b for a, b in zip(chunks._nodes, changed._nodes, strict=True)]
    assert shared == [True, False, True, True, True]


@pytest.mark.parametrize("index", [-1, 3, 1000])
def test_a_place_outside_is_an_index_error(index: int) -> None:
    with pytest.raises(IndexError):
        Chunks([1, 2, 3])[index]
    with pytest.raises(IndexError):
        Chunks().set(-1, 0)
