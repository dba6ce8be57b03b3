"""The write index and who set a value: candidates, copies, deep values, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest

from engine.replay.addressing import setting, values
from engine.replay.addressing.addresses import MISSING, parse_address
from engine.replay.addressing.setting import Write, copied_from, next_change, previous_change, who_set
from engine.replay.addressing.values import candidates, look_up
from engine.replay.history import History
from engine.replay.writes import WriteIndex, merged
from tests.core.written import EXECUTION, Written, edge, event


def forked() -> Written:
    """`main` stores `a`, forks into `x` and `y`; `x` stores `a` again, then the same once more."""
    written = Written({"name": "A", "action": "a"}, {"name": "B", "action": "b"}, {"name": "C", "action": "c"})
    written.path()
    written.started("A")
    edges = [edge("B", path="x"), edge("C", path="y")]
    written.completed("A", {"n": 1, "m": [1, 2]}, edges=edges, stored_variable="a")
    new = [{"id": "x", "current_step": "B", "edge": 0}, {"id": "y", "current_step": "C", "edge": 1}]
    written.add("path_branched", "main", "A", new_paths=new)
    written.add("path_completed", "main", final_step="A", reason="fork")
    written.path("x", "B")
    written.path("y", "C")
    written.started("B", path="x")
    written.completed("B", {"n": 2, "m": [1, 2]}, path="x", edges=[edge("B")], stored_variable="a")
    written.started("B", path="x", visit=2)
    written.completed("B", {"n": 2, "m": [1, 2]}, path="x", visit=2, edges=[], stored_variable="a")
    return written


def index_of(written: Written) -> WriteIndex:
    index = WriteIndex()
    for added, before, after in zip(written.events, written.states, written.states[1:], strict=False):
        index.add(added, before, after)
    return index


def test_the_index_holds_writes_copies_and_changed_parts() -> None:
    index = index_of(forked())
    assert list(index.writes("main", "a")) == [4]
    assert list(index.writes("x", "a")) == [5, 10, 12]
    assert list(index.writes("y", "a")) == [5]
    assert list(index.writes("x", "a", 6, 11)) == [10]
    assert list(index.writes("x", "a", 11)) == [12]
    assert list(index.writes_on("x")) == [5, 10, 12]
    assert list(index.writers_of_global("a")) == list(index.writers()) == [4, 10, 12]
    assert list(index.moves()) == [5]
    assert list(index.changes_of("status")) == [2]
    assert list(index.changes_of("inputs")) == [1]
    assert list(index.changes_of("outputs")) == list(index.changes_of("error")) == []
    assert list(index.writes("nowhere", "a")) == list(index.writes("main", "nothing")) == []


def test_a_long_index_takes_a_few_bytes_for_each_write() -> None:
    written = Written({"name": "A", "action": "a"})
    written.path()
    for visit in range(1, 501):
        written.started("A", visit=visit)
        written.completed("A", visit, visit=visit, edges=[edge("A")], stored_variable="a")
    index = index_of(written)
    for held in (index._variables["main"]["a"], index._globals["a"], index._any_write):
        assert (len(held), held.itemsize) == (500, 4)


def test_merging_keeps_order_and_each_number_once() -> None:
    assert list(merged([[1, 5, 9], [2, 5], ()])) == [1, 2, 5, 9]
    assert list(merged([])) == list(merged([()])) == []


HISTORY = History(EXECUTION, forked().events)


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("paths.main.variables.a.n", 12, Write(4, MISSING, 1)),
        ("paths.main.variables.a.n", 3, None),
        ("paths.x.variables.a.n", 12, Write(10, 1, 2)),
        ("paths.x.variables.a.n", 9, Write(5, MISSING, 1)),
        ("paths.x.variables.a.m[1]", 12, Write(5, MISSING, 2)),
        ("a.n", 12, Write(10, 1, 2)),
        ("a.n", 8, Write(5, MISSING, 1)),
        ("a.n", 4, Write(4, MISSING, 1)),
        ("script_globals.a.n", 12, Write(10, 1, 2)),
        ("paths.main.status", 12, Write(6, "running", "completed")),
        ("steps.B.attempt", 12, Write(9, MISSING, 1)),
        ("steps.B.visit", 12, Write(11, 1, 2)),
        ("steps.A.output.n", 12, Write(4, MISSING, 1)),
        ("nothing", 12, None),
    ],
)
def test_who_set_it(text: str, at: int, expected: Write | None) -> None:
    assert who_set(HISTORY, parse_address(text), at) == expected


def test_the_same_value_written_again_is_no_change() -> None:
    address = parse_address("paths.x.variables.a")
    assert 12 in candidates(HISTORY, address)
    assert next_change(HISTORY, address, 10) is None
    assert previous_change(HISTORY, address, 10) == Write(5, MISSING, {"n": 1, "m": [1, 2]})


def test_a_copy_names_the_event_that_wrote_what_it_copied() -> None:
    address = parse_address("paths.y.variables.a.n")
    copy = who_set(HISTORY, address, 12)
    assert copy is not None and copied_from(HISTORY, address, copy) == 4
    own = parse_address("paths.x.variables.a.n")
    write = who_set(HISTORY, own, 12)
    assert write is not None and copied_from(HISTORY, own, write) is None
    assert copied_from(HISTORY, parse_address("status"), write) is None


def test_paths_that_another_path_begins_or_ends() -> None:
    written = Written(*({"name": name, "action": "act"} for name in "ABC"))
    written.path()
    written.started("A")
    written.completed("A", edges=[edge("B", path="x"), edge("C", path="y")])
    new = [{"id": "x", "current_step": "B", "edge": 0}, {"id": "y", "current_step": "C", "edge": 1}]
    written.add("path_branched", "main", "A", new_paths=new)
    written.add("path_completed", "main", final_step="A", reason="fork")
    written.path("x", "B")
    written.started("B", path="x")
    written.add("path_cancelled", "x", unit="B", caused_by=7)
    history = History(EXECUTION, written.events)
    assert history.problem is None
    assert who_set(history, parse_address("paths.x.current_step"), 8) == Write(5, MISSING, "B")
    assert next_change(history, parse_address("paths.y.status"), 1) == Write(5, MISSING, "running")
    assert who_set(history, parse_address("steps.B.status"), 9) == Write(9, "running", "cancelled")


def test_a_step_between_two_tries_is_retrying() -> None:
    written = Written()
    written.path()
    written.started("A")
    written.failed("A", retry=True)
    history = History(EXECUTION, written.events)
    assert who_set(history, parse_address("steps.A.status"), 4) == Write(4, "running", "retrying")
    assert look_up(history, parse_address("steps.A.error.type"), 4) == "Trouble"
    assert look_up(history, parse_address("steps.A.status"), 3) == "running"


def test_variables_that_are_removed_as_only_the_go_system_could() -> None:
    start = {"workflow_name": "w", "workflow": {}, "workflow_hash": "", "inputs": {}, "inputs_hash": ""}
    step = {"visit": 1, "effect_key": "", "inputs_hash": ""}
    history = History(EXECUTION, [
        event(1, "execution_started", **start, engine_version="", dialect="go-c"),
        event(2, "path_started", "main", current_step="A"),
        event(3, "step_started", "main", "A", **step),
        event(4, "state_mutated", "main", "A", mutations=[{"type": "set", "key": "a", "value": 1}]),
        event(5, "state_mutated", "main", "A", mutations=[{"type": "delete", "key": "a"}]),
    ])  # fmt: skip
    assert history.problem is None
    for text in ("a", "script_globals.a", "paths.main.variables.a"):
        assert who_set(history, parse_address(text), 5) == Write(5, 1, MISSING)
        assert who_set(history, parse_address(text), 4) == Write(4, MISSING, 1)


def test_json_of_a_write_leaves_out_what_is_not_there() -> None:
    assert Write(4, MISSING, None).to_dict() == {"sequence": 4, "new": None}
    assert Write(4, 1, MISSING).to_dict() == {"sequence": 4, "old": 1}


def test_asking_who_set_a_variable_looks_at_no_event_that_did_not_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    written = Written({"name": "A", "action": "a"})
    written.path()
    for visit in range(1, 1_001):
        written.started("A", visit=visit)
        stored: dict[str, Any] = {"stored_variable": "a"} if visit in (3, 400) else {}
        written.completed("A", {"same": visit}, visit=visit, edges=[edge("A")], **stored)
    history = History(EXECUTION, written.events)
    looked: list[int] = []
    plain = values.value_in

    def counting(history: History, state: Any, address: Any) -> Any:
        looked.append(state.sequence)
        return plain(history, state, address)

    monkeypatch.setattr(setting, "value_in", counting)
    found = who_set(history, parse_address("a.same"), len(history))
    assert found == Write(802, 3, 400)
    assert looked == [802]
    looked.clear()
    assert who_set(history, parse_address("a.nothing"), len(history)) is None
    assert looked == [802, 8]
