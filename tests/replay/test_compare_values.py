"""What every run makes anew is no difference, what is data is one."""

from __future__ import annotations

from typing import Any

import pytest

from engine.replay.comparing.compared_values import ABSENT, Ignored, Mask, differences, unit_address
from engine.replay.history import History
from tests.core.written import EXECUTION
from tests.replay.compared import begun, history_of, moved

OTHER = "exec_0123456789abcdefghjkmnpqrs"
TYPEID = "event_01jnyz3v8mhq5c8x2d4k7w9tbe"


@pytest.fixture(scope="module")
def mask() -> Mask:
    """Of an execution from 00:00:01 to 00:00:04 and of one two hours later."""
    written = begun()
    written.started("A")
    written.completed("A")
    return Mask(history_of(written), history_of(written, moved("custom_id", 2)))


def same(mask: Mask, left: Any, right: Any) -> bool:
    by_digest = mask.digest(left) == mask.digest(right)
    assert by_digest == (not differences(mask, Ignored(()), "", "x", left, right).changes)
    return by_digest


MADE_ANEW = [
    (EXECUTION, "custom_id"),
    (f"see {EXECUTION}", "see custom_id"),
    (TYPEID, "event_01jnyz3v8mhq5c8x2d4k7w9txx"),
    ({"child": OTHER}, {"child": "exec_0123456789abcdefghjkmnpqrt"}),
    (f"{EXECUTION}/main/Charge Card/1#1", "custom_id/main/Charge Card/1#3"),
    ([{"at": "2026-03-01T00:00:02.5Z"}], [{"at": "2026-03-01T02:00:01Z"}]),
    ("2026-03-01T01:00:03+01:00", "2026-03-01T02:00:00.123456789Z"),
    ("at 2026-03-01T00:00:02Z it was done", "at 2026-03-01T02:00:02Z it was done"),
    ({EXECUTION: 1}, {"custom_id": 1}),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
]
DATA: list[tuple[Any, Any]] = [
    ("2026-03-01T00:10:00Z", "2026-03-01T02:10:00Z"),
    ("2026-03-01T00:00:02Z", "2026-03-02T00:00:02Z"),
    ("2026-13-01T00:00:02Z", "2026-13-01T00:00:03Z"),
    ("2026-03-01", "2026-03-02"),
    ("exec_short", "exec_other"),
    (f"{EXECUTION}/main/A/1#1", "custom_id"[:6]),
    (TYPEID, None),
    (1, 1.0),
    (1, True),
    (0.0, -0.0),
    ("", None),
    ([], {}),
    ([1, 2], [2, 1]),
    ({"a": None}, {}),
]


@pytest.mark.parametrize(("left", "right"), MADE_ANEW)
def test_what_a_run_makes_anew_is_no_difference(mask: Mask, left: Any, right: Any) -> None:
    assert left != right or isinstance(left, dict)
    assert same(mask, left, right)


@pytest.mark.parametrize(("left", "right"), DATA)
def test_data_that_differs_is_a_difference(mask: Mask, left: Any, right: Any) -> None:
    assert not same(mask, left, right)


def test_what_is_made_anew_stands_masked_beside_what_differs(mask: Mask) -> None:
    left = {"note": f"{EXECUTION} at 2026-03-01T00:00:02Z: 1", "id": EXECUTION}
    right = {"note": "custom_id at 2026-03-01T02:00:02Z: 2", "id": "custom_id"}
    ((change),) = differences(mask, Ignored(()), "paths.main", "output", left, right).changes
    assert (change.address, change.old, change.new) == (
        "paths.main.output.note",
        "<id> at <time>: 1",
        "<id> at <time>: 2",
    )


def test_times_of_what_was_carried_over_are_times_of_a_run() -> None:
    written = begun()
    origin = {"execution_id": "exec_source", "sequence": 2, "timestamp": "2026-03-01T00:00:02.000000Z"}

    def carried(event: Any) -> Any:
        later = moved("exec_retry", 9)(event)
        return later._replace(origin=origin) if event.sequence == 2 else later

    of_retry = Mask(history_of(written, carried))
    assert of_retry.apply("2026-03-01T00:00:03Z") == "<time>"
    assert Mask(history_of(written, moved("exec_retry", 9))).apply("2026-03-01T00:00:03Z") != "<time>"


def test_a_value_nested_deeper_than_json_is_written() -> None:
    deep: Any = []
    for _ in range(400):
        deep = [deep]
    mask = Mask(History("exec_a"))
    assert mask.digest(deep) == mask.digest([deep][0])
    assert mask.digest(deep) != mask.digest([deep])
    assert mask.apply(deep) is deep


def test_no_digest_stands_for_nothing_recorded(mask: Mask) -> None:
    values: list[Any] = [None, 0, "", [], {}, False]
    assert ABSENT not in {mask.digest(value) for value in values}


def test_what_ignoring_an_address_covers() -> None:
    ignored = Ignored(["output.at", "input.rows[*].id", 'paths.main.steps["Charge Card"].version'])
    place = 'paths.main.steps["Charge Card"]'
    assert ignored.covers(place, "output.at")
    assert ignored.covers(place, "output.at.day[0]")
    assert ignored.covers("paths.other.steps.A", "output.at[1]")
    assert ignored.covers(place, "input.rows[12].id")
    assert ignored.covers(place, "version.source_hash")
    assert not ignored.covers("paths.other.steps.A", "version.source_hash")
    assert not ignored.covers(place, "output.attempts")
    assert not ignored.covers(place, "output")
    assert not ignored.covers(place, "input.rows.id")
    assert not ignored.covers(place, "more.output.at")


def test_ignoring_nothing_covers_nothing() -> None:
    for ignored in (Ignored([]), Ignored([""])):
        assert not ignored
        assert not ignored.covers("", "")
        assert not ignored.covers("paths", "main")


def test_addresses_of_units() -> None:
    assert unit_address("main", "A", 1, None) == "paths.main.steps.A"
    assert unit_address("main-1", "Charge Card", 2, 3) == 'paths["main-1"].steps["Charge Card"].visits[2].items[3]'
