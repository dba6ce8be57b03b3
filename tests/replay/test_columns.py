"""What is known of every event without reading it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.events import ExecutionEvent
from engine.replay.columns import EventColumns, NameColumn


def event(sequence: int, kind: str = "k", path: str = "", step: str = "", at: str = "") -> ExecutionEvent:
    return ExecutionEvent(
        f"event_{sequence}", "exec_1", path, sequence, at or f"2026-03-01T00:00:{sequence:02}.000000Z", kind, step
    )


def columns_of(events: Sequence[ExecutionEvent]) -> EventColumns:
    columns = EventColumns()
    for each in events:
        columns.add(each)
    return columns


@pytest.mark.parametrize(("distinct", "bytes_each"), [(256, 1), (257, 2), (65_536, 2), (65_537, 4)])
def test_rows_take_as_many_bytes_as_there_are_names_to_tell(distinct: int, bytes_each: int) -> None:
    column = NameColumn()
    for number in range(distinct):
        column.append(str(number))
    column.append("0")
    assert column.rows.itemsize == bytes_each
    assert [column[at] for at in (0, 255, distinct - 1, distinct)] == ["0", "255", str(distinct - 1), "0"]
    assert (column.number("7"), column.number("x")) == (7, None)


def test_kind_path_step_and_time_of_an_event() -> None:
    columns = columns_of(
        [
            event(1, "execution_started", at="2026-03-01T23:59:59.999999Z"),
            event(2, "step_started", "main", "A", at="2026-03-02T00:00:00.000001Z"),
        ]
    )
    assert (columns.kind(2), columns.path(2), columns.step(2), columns.path(1)) == ("step_started", "main", "A", "")
    assert [columns.seconds(n) for n in (0, 1, 2, 9)] == [0, 0, pytest.approx(2e-6), pytest.approx(2e-6)]
    assert [columns.timestamp(n) for n in (1, 2)] == ["2026-03-01T23:59:59.999999Z", "2026-03-02T00:00:00.000001Z"]
    assert (columns.kind_names(), columns.path_names(), columns.step_names()) == (
        ["execution_started", "step_started"], ["main"], ["A"],
    )  # fmt: skip


def test_times_never_run_backwards_and_what_is_no_time_is_passed_over() -> None:
    texts = ["2026-03-01T00:00:05.000000Z", "2026-03-01T00:00:03.000000Z", "soon", "2026-03-01T00:00:07.500000Z"]
    columns = columns_of([event(n, at=text) for n, text in enumerate(texts, 1)])
    assert [columns.seconds(n) for n in range(1, 5)] == [0, 0, 0, 2.5]
    assert [columns.last_at(seconds) for seconds in (-1, 0, 1, 2.5, 9)] == [0, 3, 3, 4, 4]
    assert [columns.count_before(seconds) for seconds in (0, 1, 2.5, 9)] == [0, 3, 3, 4]


NAMES = st.sampled_from(["a", "b", "c"])
ASKED = st.none() | st.frozensets(st.sampled_from(["a", "b", "c", "no"]))


@given(
    st.lists(st.tuples(NAMES, NAMES, NAMES), max_size=30), ASKED, ASKED, ASKED,
    st.integers(-2, 33), st.none() | st.integers(-2, 33), st.booleans(),
)  # fmt: skip
def test_what_is_found_is_what_a_look_at_every_event_finds(
    rows: list[tuple[str, str, str]],
    kinds: frozenset[str] | None,
    paths: frozenset[str] | None,
    steps: frozenset[str] | None,
    first: int,
    last: int | None,
    backwards: bool,
) -> None:
    columns = columns_of([event(n, *row) for n, row in enumerate(rows, 1)])
    found = columns.find(kinds=kinds, paths=paths, steps=steps, first=first, last=last, backwards=backwards)
    asked = (kinds, paths, steps)
    expected = [
        n
        for n, row in enumerate(rows, 1)
        if first <= n <= (len(rows) if last is None else last)
        and all(names is None or value in names for names, value in zip(asked, row, strict=True))
    ]
    assert list(found) == (expected[::-1] if backwards else expected)
