"""`reduce`: what each event does to a state, which histories it refuses, and that it changes nothing it was given."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from engine.core.reduce import HistoryError, fold, initial_state, reduce
from engine.model.state import ExecutionState, Phase
from engine.model.state_json import state_from_json, state_to_json
from tests.core.written import EXECUTION, Written, edge

TWO = ({"name": "A", "action": "act", "store": "a"}, {"name": "B", "action": "act", "store": "b"})
EACH = {"name": "A", "action": "act", "store": "all", "each": {"items": [1, 2, 3]}}


def forked() -> Written:
    """Main has forked into `left`, `right` and an unnamed path; none of them has started."""
    history = Written(*TWO)
    history.path()
    history.started("A")
    edges = [edge("B", path="left"), edge("B", path="right", condition="x"), edge("B", False, condition="y"), edge("B")]
    history.completed("A", 7, edges=edges, stored_variable="a")
    new = [("left", 0), ("right", 1), ("main-4", 3)]
    history.add(
        "path_branched", "main", "A", new_paths=[{"id": name, "current_step": "B", "edge": at} for name, at in new]
    )
    return history


def started_paths() -> Written:
    history = forked()
    history.add("path_completed", "main", final_step="A", reason="fork")
    for name in ("left", "right", "main-4"):
        history.path(name, "B", parent="main", fork=5)
    return history


def through_items() -> Written:
    history = Written(EACH)
    history.path()
    history.started("A", items=[1, 2, 3])
    for index in range(3):
        history.item(index, index * 10)
    return history


# What is refused


@pytest.mark.parametrize("sequence", [0, 1, 2, 4, 400])
def test_a_gap_or_a_repetition_is_refused(sequence: int) -> None:
    history = Written()
    history.path()
    out_of_turn = history.next("step_started", "main", "A")._replace(sequence=sequence)
    with pytest.raises(HistoryError, match="event 3 should come here"):
        reduce(history.state, out_of_turn)


def test_an_event_of_another_execution_is_refused() -> None:
    history = Written()
    foreign = history.next("path_started", "main", current_step="A")._replace(execution_id="exec_other")
    with pytest.raises(HistoryError, match="another execution"):
        reduce(history.state, foreign)


@pytest.mark.parametrize(
    ("terminal", "data"),
    [
        ("execution_completed", {"outputs": {}}),
        ("execution_failed", {"error": "x", "error_type": "X", "caused_by": []}),
        ("execution_cancelled", {"by": "me", "reason": "enough"}),
    ],
)
@pytest.mark.parametrize("after", ["path_started", "step_started", "execution_completed", "from_the_future"])
def test_nothing_comes_after_the_end(terminal: str, data: dict[str, Any], after: str) -> None:
    history = Written()
    history.add(terminal, **data)
    assert history.state.ended
    with pytest.raises(HistoryError, match="already ended"):
        history.add(after, "main", "A", current_step="A")


def test_a_history_begins_with_execution_started_and_only_there() -> None:
    history = Written()
    with pytest.raises(HistoryError, match="begins with execution_started"):
        history.add("execution_started", **history.events[0].data)
    with pytest.raises(HistoryError, match="begins with execution_started"):
        reduce(initial_state(EXECUTION), history.events[0]._replace(event_type="path_started"))


@pytest.mark.parametrize(
    ("event_type", "step", "data"),
    [
        ("step_started", "A", {"visit": 1, "attempt": 1, "effect_key": "k"}),
        ("step_completed", "A", {"visit": 1, "attempt": 1, "output": 1, "edges": []}),
        ("step_failed", "A", {"visit": 1, "attempt": 1, "error": "e", "error_type": "E"}),
        ("path_branched", "A", {"new_paths": []}),
        ("path_completed", "", {"final_step": "A", "reason": "end"}),
        ("path_failed", "", {"error": "e", "error_type": "E", "caused_by": 1}),
        ("path_cancelled", "", {}),
    ],
)
@pytest.mark.parametrize("path", ["other", "main"])
def test_what_happens_on_a_path_needs_the_path_to_be_open(
    event_type: str, step: str, data: dict[str, Any], path: str
) -> None:
    history = Written()
    history.path()
    history.started("A")
    history.completed("A")
    history.add("path_completed", "main", final_step="A", reason="end")
    with pytest.raises(HistoryError, match=f"path '{path}' is not open"):
        history.add(event_type, path, step, **data)


REFUSED: dict[str, tuple[Callable[[], Written], Callable[[Written], Any], str]] = {
    "a path twice": (lambda: begun(), lambda w: w.path(), "already started"),
    "another step than the path's": (lambda: begun(*TWO), lambda w: w.started("B"), "is at visit 1 of 'A'"),
    "another visit": (lambda: begun(), lambda w: w.started("A", visit=2), "is at visit 1 of 'A'"),
    "a running step again": (lambda: running(), lambda w: w.started("A"), "has not failed"),
    "a completion without a start": (lambda: begun(), lambda w: w.completed("A"), "is not running"),
    "a failure on a path that has ended its steps": (
        lambda: ending(),
        lambda w: w.failed("A"),
        "has not been at work",
    ),
    "a failure on a path that has not started": (
        forked,
        lambda w: w.failed("B", path="left"),
        "has not been at work",
    ),
    "the end of a path that runs": (
        lambda: running(),
        lambda w: w.add("path_completed", "main", final_step="A", reason="end"),
        "not at its end",
    ),
    "the failing end of a path that did not fail": (
        lambda: running(),
        lambda w: w.add("path_failed", "main", error="e", error_type="E", caused_by=1),
        "has failed",
    ),
    "a fork where there is none": (
        lambda: running(),
        lambda w: w.add("path_branched", "main", "A", new_paths=[]),
        "not at a fork",
    ),
    "a fork into a path that is open": (
        lambda: at_fork(),
        lambda w: w.add("path_branched", "main", "A", new_paths=[{"id": "main", "current_step": "B", "edge": 0}]),
        "already there",
    ),
    "an item that is not the next": (
        lambda: over_items(),
        lambda w: w.started("A", iteration={"index": 1}),
        "item 1 is not the next one",
    ),
    "an item past the end": (
        through_items,
        lambda w: w.started("A", iteration={"index": 3}),
        "item 3 is not the next one",
    ),
    "an item of a step without items": (
        lambda: running(),
        lambda w: w.started("A", iteration={"index": 0}),
        "not running over items",
    ),
    "the outcome of an item that is not running": (
        lambda: over_items(),
        lambda w: w.completed("A", 1, iteration={"index": 0}),
        "item 0 is not running",
    ),
    "the end of an each with items left": (
        lambda: over_items(),
        lambda w: w.completed("A", {"items": 0}),
        "0 of 3 items",
    ),
}


def begun(*steps: dict[str, Any]) -> Written:
    history = Written(*steps)
    history.path()
    return history


def running() -> Written:
    history = begun()
    history.started("A")
    return history


def ending() -> Written:
    history = running()
    history.completed("A")
    return history


def at_fork() -> Written:
    history = begun(*TWO)
    history.started("A")
    history.completed("A", edges=[edge("B", path="left")])
    return history


def over_items() -> Written:
    history = begun(EACH)
    history.started("A", items=[1, 2, 3])
    return history


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_have_happened_is_refused_and_changes_nothing(name: str) -> None:
    make, offend, message = REFUSED[name]
    history = make()
    before = history.state
    with pytest.raises(HistoryError, match=message) as caught:
        offend(history)
    assert f"event {before.sequence + 1} (" in str(caught.value)
    assert history.state is before


@pytest.mark.parametrize(
    "data",
    [{}, {"visit": 1}, {"visit": 1, "attempt": 1, "output": 1, "edges": 5}, {"visit": 1, "output": 1, "edges": [7]}],
)
def test_malformed_data_is_refused_with_a_sentence(data: dict[str, Any]) -> None:
    history = running()
    with pytest.raises(HistoryError, match=r"event 4 \(step_completed\) does not fit: its data is not as it should be"):
        history.add("step_completed", "main", "A", **data)


# What this version does not know


def test_an_unknown_kind_of_event_marks_the_state_incomplete_and_goes_on() -> None:
    history = running()
    history.add("step_dreamt", "main", "A", anything=[1])
    assert history.state.incomplete_from == 4
    history.completed("A", 5, edges=[], stored_variable="a")
    history.add("another_one")
    assert history.state.incomplete_from == 4
    assert history.state.paths["main"].variables == {"a": 5}


def test_a_newer_version_of_a_known_kind_is_passed_over() -> None:
    history = running()
    newer = history.next("step_completed", "main", "A", surprise=1)._replace(schema_version=2)
    state = reduce(history.state, newer)
    assert state.incomplete_from == 4
    assert state.paths["main"].phase is Phase.RUNNING


def test_after_an_unknown_event_what_does_not_fit_is_passed_over() -> None:
    history = Written()
    history.add("step_dreamt")
    state = history.started("A", path="nowhere")
    assert (state.sequence, state.incomplete_from) == (3, 2)
    state = history.add("step_completed", "main", "A", output=1)
    assert state.sequence == 4
    assert history.add("execution_completed", outputs={}).ended


# What events do


def test_the_first_event_fills_in_what_holds_for_good() -> None:
    state = Written(labels={"team": "a"}).state
    assert (state.status, state.sequence, state.inputs) == ("pending", 1, {"n": 3})
    assert state.info.workflow_name == "written"
    assert state.info.started_at == state.timestamp == "2026-03-01T00:00:01.000000Z"


def test_a_step_that_stores_sets_the_variable_of_its_path_and_the_writer() -> None:
    history = begun(*TWO)
    history.started("A")
    assert history.state.paths["main"].effect_key == f"{EXECUTION}/main/A/1#1"
    history.completed("A", [1], edges=[edge("B")], stored_variable="a")
    path = history.state.paths["main"]
    assert (path.current_step, path.visit, path.attempt, path.effect_key) == ("B", 1, 0, "")
    assert path.variables == {"a": [1]}
    assert history.state.script_globals == {"a": ([1], 4)}


def test_a_stored_value_may_differ_from_the_output() -> None:
    history = running()
    history.completed("A", 1, stored_variable="a", stored_value=2)
    assert history.state.paths["main"].variables == {"a": 2}


def test_a_step_that_stores_nothing_changes_no_variable() -> None:
    history = running()
    history.completed("A", [1])
    assert history.state.paths["main"].variables == {}
    assert history.state.script_globals == {}


def test_visits_count_per_step_and_path() -> None:
    history = begun(*TWO)
    for visit in (1, 2, 3):
        history.started("A", visit=visit)
        history.completed("A", visit=visit, edges=[edge("B", False, condition="x"), edge("A", condition="y")])
    path = history.state.paths["main"]
    assert (path.current_step, path.visit, path.visits) == ("A", 4, {"A": 4})
    history.started("A", visit=4)
    history.completed("A", visit=4, edges=[edge("B")])
    assert history.state.paths["main"].visits == {"A": 4, "B": 1}
    with pytest.raises(HistoryError, match="visit 1"):
        history.started("B", visit=2)


@pytest.mark.parametrize(
    ("edges", "reason"), [([], "end"), ([edge("B", False, condition="x")], "no_edge")], ids=["end", "no true edge"]
)
def test_a_path_that_leads_nowhere_is_about_to_end(edges: list[Any], reason: str) -> None:
    history = running()
    history.completed("A", edges=edges)
    assert history.state.paths["main"].phase is Phase.ENDING
    assert history.state.paths["main"].end_reason == reason
    history.add("path_completed", "main", final_step="A", reason=reason)
    assert history.state.paths == {}
    assert history.state.leaves == 1


def test_a_fork_copies_the_variables_and_remembers_its_sequence_and_the_taken_edges() -> None:
    history = forked()
    assert [edge["edge"] for edge in history.states[4].paths["main"].edges] == [0, 1, 3]
    state = history.state
    assert list(state.paths) == ["main", "left", "right", "main-4"]
    assert state.paths["main"].phase is Phase.FORKED
    for name in ("left", "right", "main-4"):
        path = state.paths[name]
        assert (path.phase, path.parent, path.fork) == (Phase.NEW, "main", 5)
        assert (path.current_step, path.visit, path.variables) == ("B", 1, {"a": 7})
    assert state.path_count == 1
    assert state.path_ids == {"main": 1, "left": 1, "right": 1, "main-4": 1}


def test_paths_write_apart_from_each_other() -> None:
    history = started_paths()
    for name, value in (("left", 1), ("right", 2)):
        history.started("B", path=name)
        history.completed("B", value, path=name, stored_variable="b")
    state = history.state
    assert state.paths["left"].variables == {"a": 7, "b": 1}
    assert state.paths["right"].variables == {"a": 7, "b": 2}
    assert state.paths["main-4"].variables == {"a": 7}
    assert state.script_globals == {"a": (7, 4), "b": (2, history.events[-1].sequence)}
    assert state.path_count == 4


def test_the_path_that_moved_last_stands_last() -> None:
    history = started_paths()
    assert list(history.state.paths) == ["left", "right", "main-4"]
    history.started("B", path="left")
    assert list(history.state.paths) == ["right", "main-4", "left"]


def test_a_repeated_name_is_counted_under_the_name_asked_for() -> None:
    history = begun(*TWO)
    history.started("A")
    history.completed("A", edges=[edge("B", path="x"), edge("B", path="x")])
    new = [{"id": "x", "current_step": "B", "edge": 0}, {"id": "x~2", "current_step": "B", "edge": 1}]
    history.add("path_branched", "main", "A", new_paths=new)
    assert history.state.path_ids == {"main": 1, "x": 2}


def test_items_are_taken_in_order_and_their_outputs_gathered() -> None:
    history = over_items()
    each = history.state.paths["main"].each
    assert each is not None
    assert (each.items, list(each.results), each.next_index, each.done) == ([1, 2, 3], [], 0, 0)
    history.started("A", iteration={"index": 0})
    each = history.state.paths["main"].each
    assert each is not None
    assert (list(each.open), each.next_index) == ([0], 1)
    history.completed("A", "first", iteration={"index": 0})
    history.item(1, None)
    history.item(2, "third")
    each = history.state.paths["main"].each
    assert each is not None
    assert (list(each.results), each.done, each.open) == (["first", None, "third"], 3, {})
    history.completed("A", {"items": 3}, stored_variable="all")
    path = history.state.paths["main"]
    assert path.each is None
    assert path.variables == {"all": ["first", None, "third"]}
    assert history.state.script_globals["all"][0] == ["first", None, "third"]


def test_an_each_over_nothing_stores_an_empty_list() -> None:
    history = begun(EACH)
    history.started("A", items=[])
    history.completed("A", {"items": 0}, stored_variable="all")
    assert history.state.paths["main"].variables == {"all": []}


def test_a_condition_that_fails_stops_the_routing() -> None:
    history = begun(*TWO)
    history.started("A")
    bad = edge("B", False, condition="nope", error="there is no 'nope'")
    history.completed("A", 5, edges=[edge("A", False, condition="x"), bad], stored_variable="a")
    path = history.state.paths["main"]
    assert (path.phase, path.edges, path.variables) == (Phase.ROUTING, ({**bad, "attempt": 1},), {"a": 5})
    history.failed("A", phase="route")
    assert history.state.paths["main"].phase is Phase.FAILING


@pytest.mark.parametrize("phase", ["parameters", "run"])
def test_a_failed_path_carries_its_failure_to_the_end(phase: str) -> None:
    history = started_paths()
    if phase == "run":
        history.started("B", path="left")
    history.failed("B", path="left", phase=phase, error="it broke")
    failed_at = history.state.sequence
    assert history.state.paths["left"].status == "failed"
    assert history.state.status == "running"
    history.add("path_failed", "left", error="it broke", error_type="Trouble", caused_by=failed_at, final_step="B")
    for name in ("right", "main-4"):
        history.add("path_cancelled", name, caused_by=failed_at)
    history.add("execution_failed", error="it broke", error_type="Trouble", caused_by=[failed_at])
    state = history.state
    assert state.paths == {}
    assert state.status == "failed"
    assert state.failed_steps == ("B",)
    assert state.error == {
        "type": "Trouble", "message": "it broke", "sequence": failed_at, "step": "B", "path": "left",
    }  # fmt: skip


def test_the_first_failure_is_the_one_that_counts() -> None:
    history = started_paths()
    history.failed("B", path="left", phase="parameters", error="first")
    history.failed("B", path="right", phase="parameters", error="second")
    history.add("path_failed", "left", error="first", error_type="T", caused_by=10)
    history.add("path_failed", "right", error="second", error_type="T", caused_by=11)
    assert history.state.failure is not None
    assert history.state.failure.error == "first"
    assert history.state.failed_steps == ("B",)


def test_an_execution_may_fail_without_a_step() -> None:
    history = Written()
    history.add("execution_failed", error="full", error_type="HistoryLimit", caused_by=[])
    assert history.state.error == {"type": "HistoryLimit", "message": "full", "sequence": 2}


@pytest.mark.parametrize("keeps", [False, True])
def test_variables_of_ended_paths_are_kept_only_as_far_as_an_output_may_ask(keeps: bool) -> None:
    value = "${paths.left.a}" if keeps else "${state.a}"
    history = Written(*TWO, outputs=[{"name": "o", "value": value}])
    history.path()
    history.started("A")
    history.completed("A", 7, edges=[edge("B", path="left"), edge("B", path="right")], stored_variable="a")
    new = [{"id": "left", "current_step": "B", "edge": 0}, {"id": "right", "current_step": "B", "edge": 1}]
    history.add("path_branched", "main", "A", new_paths=new)
    history.add("path_completed", "main", final_step="A", reason="fork")
    for name in ("left", "right"):
        history.path(name, "B")
        history.started("B", path=name)
        history.completed("B", name, path=name, stored_variable="b")
        history.add("path_completed", name, final_step="B", reason="end")
    state = history.state
    assert state.leaves == 2
    kept = {"main": {"a": 7}, "left": {"a": 7, "b": "left"}, "right": {"a": 7, "b": "right"}}
    assert state.finished == (kept if keeps else {"right": kept["right"]})
    assert history.add("execution_completed", outputs={}).finished == {}


def test_a_cancelled_execution_has_neither_outputs_nor_error() -> None:
    history = running()
    history.add("path_cancelled", "main")
    state = history.add("execution_cancelled", by="me", reason="enough")
    assert (state.status, state.outputs, state.error, state.paths) == ("cancelled", None, None, {})


# Purity


def every_history() -> list[Written]:
    failing = started_paths()
    failing.started("B", path="left")
    failing.failed("B", path="left")
    failing.add("path_failed", "left", error="no", error_type="Trouble", caused_by=11)
    failing.add("path_cancelled", "right", caused_by=11)
    failing.add("path_cancelled", "main-4", caused_by=11)
    failing.add("execution_failed", error="no", error_type="Trouble", caused_by=[11])
    looping = through_items()
    looping.completed("A", {"items": 3}, edges=[edge("A")], stored_variable="all")
    looping.started("A", visit=2, items=[])
    unknown = running()
    unknown.add("step_dreamt", "main", "A", deep={"er": [1]})
    unknown.completed("A", {"x": [1]}, stored_variable="a")
    return [failing, looping, unknown]


@pytest.mark.parametrize("history", every_history(), ids=["fork", "each", "unknown"])
def test_folding_changes_neither_the_states_nor_the_events(history: Written) -> None:
    events = copy.deepcopy(history.events)
    states = [initial_state(EXECUTION)]
    copies: list[ExecutionState] = []
    for event in history.events:
        copies.append(copy.deepcopy(states[-1]))
        states.append(reduce(states[-1], event))
    assert history.events == events
    for state, before in zip(states, copies, strict=False):
        assert state == before
        assert orjson.dumps(state_to_json(state)) == orjson.dumps(state_to_json(before))
    assert states == history.states


@pytest.mark.parametrize("history", every_history(), ids=["fork", "each", "unknown"])
def test_every_state_survives_json_and_goes_on_from_there(history: Written) -> None:
    for at, state in enumerate(history.states):
        record = orjson.dumps(state_to_json(state))
        restored = state_from_json(orjson.loads(record))
        assert restored == state
        assert orjson.dumps(state_to_json(restored)) == record
        assert fold(restored, history.events[at:]) == history.state


def test_what_did_not_change_is_shared() -> None:
    history = started_paths()
    before = history.state
    history.started("B", path="left")
    assert history.state.paths["right"] is before.paths["right"]
    assert history.state.inputs is before.inputs
    assert history.state.script_globals is before.script_globals
