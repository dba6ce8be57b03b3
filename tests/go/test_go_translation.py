"""From their events to ours: one for one, nothing lost, times in UTC that never run backwards, our ids and columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.reduce import HistoryError, fold, initial_state
from engine.model.events import ExecutionEvent
from engine.model.times import EPOCH, format_time, parse_time
from engine.replay.history import History
from engine.replay.view import full_view
from stores.codec import decode_line, encode_batch
from stores.go.dialects import dialect_of
from stores.go.folder import GoFolder
from stores.go.raw import RawEvent, in_order, read_time
from stores.go.translating import ORIGINAL, translate
from tests.go.go_runs import RUNS, branching, continuation, continued, failing, linear, route_failing
from tests.go.go_stores import DIALECTS, GoExecution, json_time, write_folder

KINDS = (
    "execution_started", "path_started", "step_started", "step_completed", "step_failed", "path_branched",
    "path_completed", "path_failed", "execution_completed", "execution_failed", "operation_started", "state_mutated",
    "execution_continue_as_new", "signal_received", "version_decision", "time_accessed", "random_generated",
    "iteration_started", "iteration_completed", "variable_changed", "template_evaluated", "never_heard_of",
)  # fmt: skip
KEYS = (
    "workflow_name", "inputs", "current_step", "step_type", "step_params", "output", "stored_variable", "stored_value",
    "error", "new_paths", "final_step", "outputs", "mutations", "visit", "attempt", "iteration", "items", "labels",
    "lineage", "workflow", "dialect", "retry", "caught", "variable_name", "new_value", "script_globals", "data",
    "payload", "signal_type", "selected_version", "continued_from", "started_seq", "edges", "reason", "id", "ID",
    "key", "type", "value", "deadline", "parent", "fork",
)  # fmt: skip
TEXTS = st.sampled_from(["", "path-1", "path-1-1", "Plan", "Left", "set", "delete", "exec_1", "\x00", "ü"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=5
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | TEXTS, inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
DATA = st.none() | st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6) | VALUES
TIMES = st.datetimes().map(lambda moment: moment.isoformat()) | st.sampled_from(
    ["", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "2025-06-13T09:30:00.123456789-04:00", "yesterday"]
)


@st.composite
def histories(draw: st.DrawFn) -> list[RawEvent]:
    """Anything that may stand in a store: sequences without gaps, and whatever else."""
    count = draw(st.integers(1, 8))
    execution = draw(st.sampled_from(["exec_1", "01976a3e-7b1c-7d44-9f2a-000000000001"]))
    kinds = ["execution_started", *(draw(st.sampled_from(KINDS)) for _ in range(count - 1))]
    return [
        RawEvent(
            id=draw(st.sampled_from(["event_1", "00ff00ff00ff00ff"]) | TEXTS.filter(bool)),
            execution_id=execution,
            path_id=draw(TEXTS),
            sequence=sequence,
            timestamp=draw(TIMES),
            event_type=kind,
            step_name=draw(TEXTS),
            data=draw(DATA),
            place=f"row {sequence}",
            others={},
        )
        for sequence, kind in enumerate(kinds, start=1)
    ]


def original(event: ExecutionEvent) -> dict[str, Any]:
    """What was translated, found again in its translation."""
    kept = dict(event.extra[ORIGINAL])
    changed = kept.pop("data", {})
    data = {**event.data, **changed} if isinstance(changed, dict) else changed
    columns = {name: kept.get(name, getattr(event, name)) for name in ("id", "path_id", "step_name", "timestamp")}
    return columns | {"data": data, "sequence": event.sequence, "event_type": event.event_type}


@given(histories())
def test_one_for_one_and_nothing_lost_whatever_it_is(raws: list[RawEvent]) -> None:
    events = translate(raws)
    assert [event.sequence for event in events] == [raw.sequence for raw in raws]
    assert [event.timestamp for event in events] == sorted(event.timestamp for event in events)
    for raw, event in zip(raws, events, strict=True):
        found = original(event)
        for name in ("id", "path_id", "step_name", "timestamp", "event_type", "sequence"):
            assert found[name] == getattr(raw, name)
        if isinstance(raw.data, dict):
            for key, value in raw.data.items():
                assert type(found["data"][key]) is type(value) and found["data"][key] == value
        elif raw.data is not None:
            assert found["data"] == raw.data
    # What can be stored here comes back the same.
    assert [decode_line(line[:-1])[0] for line in encode_batch(events)] == events


@given(histories())
def test_whatever_it_is_it_can_be_looked_at(raws: list[RawEvent]) -> None:
    events = translate(raws)
    history = History(events[0].execution_id, events)
    assert len(history) == len(raws)
    for sequence in range(history.folded + 1):
        orjson.dumps(full_view(history, sequence))
    try:
        state = fold(initial_state(events[0].execution_id), events)
    except HistoryError as problem:
        assert history.problem == str(problem)
    else:
        assert state == history.latest and history.problem is None


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_dialect_is_told_from_what_is_there(dialect: str, tmp_path: Path) -> None:
    for number, make in enumerate(RUNS):
        run = make(dialect)
        raw = GoFolder(write_folder(tmp_path / str(number), [run])).history(run.id)
        expected = f"go-{dialect[0]}"
        if make is continuation and dialect == "b2":
            expected = "go-c"  # its only event is the same in both
        assert dialect_of(raw.events) == expected, make.__name__
        events = translate(raw.events)
        assert events[0].data["dialect"] == expected
        assert not any("dialect" in event.data for event in events[1:] if event.event_type != "execution_started")


def translated(run: GoExecution, folder: Path) -> list[ExecutionEvent]:
    return translate(GoFolder(write_folder(folder, [run])).history(run.id).events)


def test_a_time_is_in_utc_and_its_nanoseconds_are_kept(tmp_path: Path) -> None:
    run = linear("a")
    run.events[2].nanoseconds = 789
    events = translated(run, tmp_path)
    assert events[2].timestamp == "2025-06-13T14:30:04.623456Z"
    assert events[2].extra[ORIGINAL]["timestamp"] == "2025-06-13T10:30:04.623456789-04:00"


def test_times_that_run_backwards_stand_still(tmp_path: Path) -> None:
    run = linear("a")
    back = run.events[4].time = run.events[1].time
    events = translated(run, tmp_path)
    assert events[4].timestamp == events[3].timestamp > format_time(back)
    assert events[4].extra[ORIGINAL]["timestamp"] == json_time(back, run.events[4].nanoseconds)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-06-13 09:30:00.5-04:00", "2025-06-13T13:30:00.500000Z"),
        ("2025-06-13T09:30:00.123456789Z", "2025-06-13T09:30:00.123456Z"),
        ("2025-06-13 09:30:00+00:00", "2025-06-13T09:30:00.000000Z"),
        ("2025-06-13 09:30:00", "2025-06-13T09:30:00.000000Z"),
        ("2025-06-13 09:30", "2025-06-13T09:30:00.000000Z"),
        ("2025-06-13", "2025-06-13T00:00:00.000000Z"),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01 00:00:00+14:00", None),
        ("2025-02-30 00:00:00", None),
        ("20250613", None),
        ("", None),
        (5, None),
    ],
)
def test_every_form_of_a_time_is_read(text: object, expected: str | None) -> None:
    assert read_time(text) == expected


def test_a_history_without_any_time_begins_with_time_itself() -> None:
    raw = RawEvent("x", "exec_1", "", 1, "soon", "execution_started", "", None, "row 1", {})
    [event] = translate([raw])
    assert parse_time(event.timestamp) == EPOCH and event.extra[ORIGINAL]["timestamp"] == "soon"


def test_ids_get_our_prefix_and_are_kept(tmp_path: Path) -> None:
    events = translated(linear("a"), tmp_path)
    assert events[0].id == f"event_{events[0].extra[ORIGINAL]['id']}"
    raw = RawEvent("no id at all \x00", "exec_1", "", 1, "", "execution_started", "", None, "row 1", {})
    [event] = translate([raw])
    event.validate()
    assert event.extra[ORIGINAL]["id"] == raw.id and event.id == translate([raw])[0].id


def test_misused_columns_are_put_right(tmp_path: Path) -> None:
    events = translated(branching("d"), tmp_path)
    by_type = {event.event_type: event for event in events}
    started, ended, mutated = (by_type[kind] for kind in ("execution_started", "execution_completed", "state_mutated"))
    assert (started.path_id, started.extra[ORIGINAL]["path_id"]) == ("", "main")
    assert (ended.path_id, ended.extra[ORIGINAL]["path_id"]) == ("", "Fork Demo")
    assert (mutated.path_id, mutated.extra[ORIGINAL]["path_id"]) == ("", mutated.execution_id)
    operation = by_type["operation_started"]
    assert (operation.step_name, operation.extra[ORIGINAL]["step_name"]) == ("", "op_8e74ca97e9133ef2")
    assert operation.data["operation_id"] == "op_8e74ca97e9133ef2" and operation.path_id
    branch = by_type["path_branched"]
    assert branch.data["new_paths"] == [
        {"id": "main-1", "current_step": "Left", "inherit_outputs": True, "edge": 0},
        {"id": "main-2", "current_step": "Right", "inherit_outputs": True, "edge": 1},
    ]
    assert branch.extra[ORIGINAL]["data"]["new_paths"][0] == {
        "ID": "main-1",
        "CurrentStep": "Left",
        "InheritOutputs": True,
    }


def test_what_ours_must_say_is_worked_out(tmp_path: Path) -> None:
    events = translated(failing("b"), tmp_path / "failing")
    started = next(event for event in events if event.step_name == "Left" and event.event_type == "step_started")
    failed = next(event for event in events if event.event_type == "step_failed")
    path_failed = next(event for event in events if event.event_type == "path_failed")
    ended = next(event for event in events if event.event_type == "execution_failed")
    assert started.data["step_params"] == {} and started.extra[ORIGINAL]["data"] == {"step_params": None}
    assert (failed.data["phase"], failed.data["duration_ms"], failed.data["final"]) == ("run", 1500.0, True)
    assert path_failed.data["caused_by"] == failed.sequence and ended.data["caused_by"] == [failed.sequence]
    child = next(event for event in events if event.event_type == "path_started" and event.path_id == "path-1-2")
    branched = next(event for event in events if event.event_type == "path_branched")
    assert (child.data["parent"], child.data["fork"]) == ("path-1", branched.sequence)
    forked = translated(branching("b"), tmp_path / "branching")
    late = next(event for event in forked if event.event_type == "path_completed")
    assert (late.path_id, late.data["reason"]) == ("path-1", "fork")
    route = next(e for e in translated(route_failing("b"), tmp_path / "route") if e.event_type == "step_failed")
    assert route.data["phase"] == "route"


def test_a_continuation_names_where_it_came_from(tmp_path: Path) -> None:
    before = continued("b").id
    [event] = translated(continuation("b"), tmp_path)
    lineage = {"kind": "continue", "execution_id": before, "reason": "max_events_reached"}
    assert event.data["lineage"] == lineage


def test_signals_and_versions_of_the_last_dialect_are_as_ours() -> None:
    rows = [
        ("execution_started", {"workflow_name": "w", "inputs": {}}),
        ("signal_received", {"signal_type": "approve", "payload": {"ok": True}, "source": "ann"}),
        ("version_decision", {"decision_type": "v", "selected_version": 2, "available_versions": [1, 2]}),
        ("variable_changed", {"variable_name": "x", "old_value": 1, "new_value": 2}),
        ("state_mutated", {"mutations": [{"type": "set", "key": "y", "value": 1}, {"type": "set", "key": "z"}]}),
        ("state_mutated", {"mutations": [{"type": "delete", "key": "y"}, {"type": "delete", "key": "never"}]}),
    ]
    raws = [
        RawEvent(f"event_{n}", "exec_1", "", n, "", kind, "", data, "", {}) for n, (kind, data) in enumerate(rows, 1)
    ]
    events = translate(raws)
    for event in events:
        event.validate()
    assert events[1].data["data"] == {"ok": True} and events[1].data["sender"] == "ann"
    assert (events[2].data["change_id"], events[2].data["version"]) == ("v", 2)
    state = fold(initial_state("exec_1"), events)
    assert {name: value for name, (value, _) in state.script_globals.items()} == {"x": 2, "z": None}


def raw_events(*sequences: int) -> list[RawEvent]:
    return [RawEvent("x", "e", "", n, "", "t", "", None, f"line {at}", {}) for at, n in enumerate(sequences, 1)]


@pytest.mark.parametrize(
    ("sequences", "readable", "problem"),
    [
        ((1, 2, 3), 3, None),
        ((2, 1, 3), 3, None),
        ((1, 3), 1, "event 2 is missing before event 3"),
        ((1, 2, 6), 2, "events 3 to 5 are missing before event 6"),
        ((4,), 0, "events 1 to 3 are missing before event 4"),
        ((1, 2, 2, 3), 1, "event 2 is there twice, at line 2 too"),
        ((1, 1), 0, "event 1 is there twice, at line 1 too"),
    ],
)
def test_gaps_and_doubles_are_damage(sequences: tuple[int, ...], readable: int, problem: str | None) -> None:
    history = in_order(raw_events(*sequences), "e")
    assert [event.sequence for event in history.events] == list(range(1, readable + 1))
    assert (history.damage.problem if history.damage else None) == problem
