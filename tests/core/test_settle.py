"""From commands and outcomes to events: what exactly is recorded."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.decide import CommandKind, decide
from engine.core.hashing import canonical_hash
from engine.core.settle import Draft, Outcome, Surroundings, cancellation, conclude, exhaustion, settle
from engine.model.events import JsonObject
from tests.core.written import EXECUTION, Written, edge

ACTION = {"name": "act", "version": "2", "source_hash": "v1:s"}


def surroundings(max_payload: int = 10_000) -> Surroundings:
    def action_of(name: str) -> JsonObject | None:
        return ACTION if name == "act" else None

    return Surroundings(action_of, max_payload)


def settled(history: Written, around: Surroundings | None = None) -> list[Draft]:
    """The drafts for the one thing that is wanted."""
    command, *others = decide(history.program, history.state)
    assert not others
    return settle(command, history.program, history.state, around or surroundings())


def concluded(history: Written, outcome: Outcome) -> list[Draft]:
    command, *others = decide(history.program, history.state)
    assert (command.kind, others) == (CommandKind.RUN, [])
    return conclude(command, history.program, history.state, outcome)


def begun(*steps: dict[str, Any], **workflow: Any) -> Written:
    history = Written(*steps, **workflow)
    history.path()
    return history


def running(*steps: dict[str, Any]) -> Written:
    history = begun(*steps)
    history.started("A")
    return history


A = {"name": "A", "action": "act", "store": "a"}
B = {"name": "B", "action": "act"}


def routed(*edges: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return {**A, "next": list(edges)}, B


# Starting


def test_a_start_records_the_rendered_parameters_their_hash_the_action_and_the_effect_key() -> None:
    (draft,) = settled(begun({**A, "parameters": {"n": "${inputs.n}", "text": "n is ${inputs.n}"}}))
    parameters = {"n": 3, "text": "n is 3"}
    assert draft == Draft(
        "step_started",
        "main",
        "A",
        {
            "visit": 1,
            "attempt": 1,
            "step_type": "action",
            "step_params": parameters,
            "inputs_hash": canonical_hash(["act", "2", parameters]),
            "effect_key": f"{EXECUTION}/main/A/1#1",
            "action": ACTION,
        },
    )


def test_the_inputs_hash_is_of_the_action_its_version_and_the_parameters_only() -> None:
    def hash_of(step: dict[str, Any], name: str = "act", version: str | None = "2") -> str:
        reference = {"name": name} | ({"version": version} if version else {})
        (draft,) = settled(begun(step), Surroundings(lambda _: reference, 10_000))
        return str(draft.data["inputs_hash"])

    base = hash_of({**A, "parameters": {"x": 1, "y": 2}})
    assert base == hash_of({**A, "parameters": {"y": 2, "x": "${1}"}, "store": "other"})
    assert base != hash_of({**A, "parameters": {"x": 1, "y": 3}})
    assert base != hash_of({**A, "parameters": {"x": 1, "y": 2}}, name="other")
    assert base != hash_of({**A, "parameters": {"x": 1, "y": 2}}, version="3")
    assert base != hash_of({**A, "parameters": {"x": 1, "y": 2}}, version=None)


def test_a_start_of_an_each_records_its_items_once_and_renders_no_parameters_yet() -> None:
    history = begun({**A, "each": {"items": "${[1, inputs.n]}", "as": "x"}, "parameters": {"v": "${x}"}})
    (draft,) = settled(history)
    assert draft.data["items"] == [1, 3]
    assert draft.data["step_params"] == {}
    history.started("A", items=[1, 3])
    history.item(0, "done")
    (draft,) = settled(history)
    assert draft.data["step_params"] == {"v": 3}
    assert draft.data["iteration"] == {"index": 1}
    assert draft.data["effect_key"] == f"{EXECUTION}/main/A/1/1#1"
    assert "items" not in draft.data


def failure(error_type: str, message: str) -> Any:
    return {"phase": "parameters", "error_type": error_type, "error": message, "outcome": "known", "final": True}


@pytest.mark.parametrize(
    ("step", "error_type", "message"),
    [
        ({**A, "parameters": {"x": "${state.nope}"}}, "ExpressionError", "nope"),
        ({**A, "each": {"items": "${state.nope}"}}, "ExpressionError", "nope"),
        ({**A, "each": {"items": "${inputs.n}"}}, "ExpressionError", "must be a list, not a number"),
        ({**A, "each": {"items": "${inputs}"}}, "ExpressionError", "must be a list, not an object"),
        ({**A, "each": {"items": "text"}}, "ExpressionError", "must be a list, not a text"),
        ({**A, "each": {"items": None}}, "ExpressionError", "must be a list, not null"),
        ({**A, "each": {"items": True}}, "ExpressionError", "must be a list, not a boolean"),
        ({**A, "parameters": {"x": "y" * 10_000}}, "PayloadTooLarge", "parameters: 10,008 bytes of JSON"),
        ({**A, "action": "other"}, "UnknownAction", "there is no action 'other'"),
    ],
)
def test_what_cannot_start_fails_in_its_parameters(step: dict[str, Any], error_type: str, message: str) -> None:
    (draft,) = settled(begun(step))
    assert draft.event_type == "step_failed"
    data = dict(draft.data)
    assert message in data.pop("error")
    assert data == {
        "visit": 1,
        "attempt": 1,
        "phase": "parameters",
        "error_type": error_type,
        "outcome": "known",
        "final": True,
        "duration_ms": 0.0,
    }


def test_items_have_a_limit_of_their_own() -> None:
    (draft,) = settled(begun({**A, "each": {"items": ["x" * 1_048_570]}}))
    assert draft.event_type == "step_started"
    (draft,) = settled(begun({**A, "each": {"items": ["x" * 1_048_573]}}))
    assert draft.data["error_type"] == "PayloadTooLarge"
    assert "1,048,576 are allowed" in draft.data["error"]


def test_the_first_path_names_only_its_step() -> None:
    assert settled(Written(A)) == [Draft("path_started", "main", "", {"current_step": "A"})]


# How an attempt ended


def test_a_completion_records_output_edges_and_where_it_is_stored() -> None:
    steps = routed({"step": "B", "condition": "state.a > 3", "path": "high"}, {"step": "B"})
    (draft,) = concluded(running(*steps), Outcome(output=4, log="said\n", duration_ms=1.5))
    assert draft == Draft(
        "step_completed",
        "main",
        "A",
        {
            "visit": 1,
            "attempt": 1,
            "log": "said\n",
            "output": 4,
            "duration_ms": 1.5,
            "stored_variable": "a",
            "edges": [edge("B", path="high", condition="state.a > 3"), edge("B")],
        },
    )


@pytest.mark.parametrize(("output", "taken"), [(0, False), (5, True)])
def test_conditions_see_what_the_step_has_just_stored(output: int, taken: bool) -> None:
    (draft,) = concluded(running(*routed({"step": "B", "condition": "state.a > inputs.n"})), Outcome(output=output))
    assert draft.data["edges"] == [edge("B", taken, condition="state.a > inputs.n")]


def test_a_condition_that_cannot_be_evaluated_keeps_the_output_and_fails_the_routing() -> None:
    steps = routed({"step": "B", "condition": "state.a > 9"}, {"step": "B", "condition": "state.nope"}, {"step": "B"})
    completed, failed = concluded(running(*steps), Outcome(output=4))
    assert completed.event_type == "step_completed"
    assert completed.data["output"] == 4
    first, second = completed.data["edges"]
    assert first == edge("B", False, condition="state.a > 9")
    assert (second["value"], second["condition"]) == (False, "state.nope")
    assert "nope" in second["error"]
    assert failed.event_type == "step_failed"
    assert failed.data["phase"] == "route"
    assert failed.data["error_type"] == "ExpressionError"
    assert failed.data["error"] == f"condition 'state.nope' of the edge to 'B': {second['error']}"


def test_routing_again_after_the_output_was_recorded_fails_in_the_same_way() -> None:
    history = running(*routed({"step": "B", "condition": "state.nope"}))
    completed, failed = concluded(history, Outcome(output=4))
    history.add(completed.event_type, completed.path_id, completed.step_name, **completed.data)
    assert settled(history) == [failed]


def test_a_failure_records_what_is_known_of_it() -> None:
    outcome = Outcome(
        error="no", error_type="Trouble", known=False, traceback="Traceback …", log="before\n", duration_ms=2.0
    )
    (draft,) = concluded(running(A), outcome)
    assert draft == Draft(
        "step_failed",
        "main",
        "A",
        {
            "visit": 1,
            "attempt": 1,
            "log": "before\n",
            "phase": "run",
            "error": "no",
            "error_type": "Trouble",
            "outcome": "unknown",
            "final": True,
            "duration_ms": 2.0,
            "traceback": "Traceback …",
        },
    )


def test_the_outcome_of_an_item_takes_no_edges_and_stores_nothing() -> None:
    step = {**A, "each": {"items": [1]}, "next": [{"step": "B"}]}
    history = begun(step, B)
    history.started("A", items=[1])
    history.started("A", iteration={"index": 0})
    (draft,) = concluded(history, Outcome(output="x"))
    assert draft.data == {
        "visit": 1, "attempt": 1, "iteration": {"index": 0}, "output": "x", "edges": [], "duration_ms": 0.0,
    }  # fmt: skip
    history.add("step_completed", "main", "A", **draft.data)
    (draft,) = settled(history)
    assert draft.data == {
        "visit": 1, "attempt": 1, "output": {"items": 1}, "duration_ms": 0.0, "stored_variable": "a",
        "edges": [edge("B")],
    }  # fmt: skip


def test_conditions_after_an_each_see_the_list_of_outputs() -> None:
    step = {**A, "each": {"items": [1, 2]}, "next": [{"step": "B", "condition": "state.a == ['x', 'y']"}]}
    history = begun(step, B)
    history.started("A", items=[1, 2])
    history.item(0, "x")
    history.item(1, "y")
    (draft,) = settled(history)
    assert draft.data["edges"][0]["value"] is True


# Forks and ends


def fork(*edges: dict[str, Any], path: str = "main") -> Written:
    history = Written(A, B)
    history.path(path)
    history.started("A", path=path)
    history.completed("A", path=path, edges=edges)
    return history


@pytest.mark.parametrize(
    ("edges", "names"),
    [
        ([edge("B", path="left"), edge("B", path="right")], ["left", "right"]),
        ([edge("B"), edge("B", False), edge("B")], ["main-1", "main-3"]),
        ([edge("B", path="x"), edge("B", path="x"), edge("A", path="x")], ["x", "x~2", "x~3"]),
        ([edge("B", path="main")], ["main~2"]),
        ([edge("B", False, path="gone"), edge("B", path="one")], ["one"]),
    ],
)
def test_new_paths_are_named_by_their_edge_or_number_and_never_twice(edges: list[Any], names: list[str]) -> None:
    (draft,) = settled(fork(*edges))
    assert (draft.event_type, draft.path_id, draft.step_name) == ("path_branched", "main", "A")
    assert [new["id"] for new in draft.data["new_paths"]] == names
    taken = [number for number, entry in enumerate(edges) if entry["value"]]
    assert [new["edge"] for new in draft.data["new_paths"]] == taken


def test_a_name_used_earlier_in_the_execution_is_numbered_on() -> None:
    history = fork(edge("B", path="x"))
    history.add("path_branched", "main", "A", new_paths=[{"id": "x", "current_step": "A", "edge": 0}])
    history.add("path_completed", "main", final_step="A", reason="fork")
    history.path("x", "A")
    history.started("A", path="x")
    history.completed("A", path="x", edges=[edge("B", path="x"), edge("B")])
    (draft,) = settled(history)
    assert [new["id"] for new in draft.data["new_paths"]] == ["x~2", "x-2"]


def test_a_path_ends_with_its_reason() -> None:
    for edges, reason in (([], "end"), ([edge("B", False)], "no_edge")):
        assert settled(fork(*edges)) == [Draft("path_completed", "main", "", {"final_step": "A", "reason": reason})]


def test_a_new_path_names_its_parent_and_its_fork() -> None:
    history = fork(edge("B", path="x"))
    history.add("path_branched", "main", "A", new_paths=[{"id": "x", "current_step": "B", "edge": 0}])
    ending, starting = decide(history.program, history.state)
    assert settle(ending, history.program, history.state, surroundings()) == [
        Draft("path_completed", "main", "", {"final_step": "A", "reason": "fork"})
    ]
    assert settle(starting, history.program, history.state, surroundings()) == [
        Draft("path_started", "x", "", {"current_step": "B", "parent": "main", "fork": 5})
    ]


def test_a_failure_ends_its_path_then_the_others_naming_what_was_in_flight_then_the_execution() -> None:
    history = fork(edge("B", path="x"), edge("A", path="y"))
    new = [{"id": "x", "current_step": "B", "edge": 0}, {"id": "y", "current_step": "A", "edge": 1}]
    history.add("path_branched", "main", "A", new_paths=new)
    history.add("path_completed", "main", final_step="A", reason="fork")
    history.path("x", "B")
    history.path("y", "A")
    history.started("A", path="y")
    history.failed("B", path="x", phase="parameters", error="no")
    failed_at = history.state.sequence
    expected = [
        Draft("path_failed", "x", "", {
            "error": "no", "error_type": "Trouble", "caused_by": failed_at, "final_step": "B",
        }),
        Draft("path_cancelled", "y", "", {
            "final_step": "A", "caused_by": failed_at, "unit": {"path": "y", "step": "A", "visit": 1},
            "effect_key": f"{EXECUTION}/y/A/1#1",
        }),
        Draft("execution_failed", "", "", {"error": "no", "error_type": "Trouble", "caused_by": [failed_at]}),
    ]  # fmt: skip
    for draft in expected:
        assert settled(history) == [draft]
        history.add(draft.event_type, draft.path_id, draft.step_name, **draft.data)
    assert history.state.ended


def test_a_cancelled_item_is_named_with_its_own_effect_key() -> None:
    history = begun({**A, "each": {"items": [1, 2]}})
    history.started("A", items=[1, 2])
    history.item(0, None)
    history.started("A", iteration={"index": 1})
    path, execution = cancellation(history.state, {"by": "me", "reason": "enough"})
    assert path.data["unit"] == {"path": "main", "step": "A", "visit": 1, "iteration": 1}
    assert path.data["effect_key"] == f"{EXECUTION}/main/A/1/1#1"
    assert "caused_by" not in path.data
    assert execution == Draft("execution_cancelled", "", "", {"by": "me", "reason": "enough"})


def test_a_path_with_nothing_in_flight_is_cancelled_without_a_unit() -> None:
    path, execution = exhaustion(begun(A).state, "too much", "HistoryLimit")
    assert path.data == {"final_step": "A"}
    assert execution.data == {"error": "too much", "error_type": "HistoryLimit", "caused_by": []}


# Outputs of the execution


def ended(value: Any, *paths: str, max_payload: int = 10_000) -> Draft:
    """What an execution records at its end whose paths each stored their own name in `a`."""
    history = Written(A, B, outputs=[{"name": "o", "value": value}])
    history.path()
    history.started("A")
    history.completed("A", "main", edges=[edge("A", path=name) for name in paths], stored_variable="a")
    if paths:
        new = [{"id": name, "current_step": "A", "edge": at} for at, name in enumerate(paths)]
        history.add("path_branched", "main", "A", new_paths=new)
    history.add("path_completed", "main", final_step="A", reason="fork" if paths else "end")
    for name in paths:
        history.path(name, "A")
        history.started("A", path=name)
        history.completed("A", name, path=name, stored_variable=f"only_{name}")
        history.add("path_completed", name, final_step="A", reason="end")
    (draft,) = settled(history, surroundings(max_payload))
    return draft


@pytest.mark.parametrize(
    ("value", "paths", "output"),
    [
        ("${state.a}", (), "main"),
        ("${state.only_left}", ("left",), "left"),
        ("${state.only_left + state.only_right + state.a}", ("left", "right"), "leftrightmain"),
        ("${paths.left.a}", ("left", "right"), "main"),
        ("${paths.right.only_right}", ("left", "right"), "right"),
        ({"n": ["${inputs.n}"]}, (), {"n": [3]}),
    ],
)
def test_outputs_see_the_last_paths_variables_or_those_of_all(value: Any, paths: tuple[str, ...], output: Any) -> None:
    assert ended(value, *paths) == Draft("execution_completed", data={"outputs": {"o": output}})


@pytest.mark.parametrize(
    ("value", "error_type", "message"),
    [
        ("${state.nope}", "ExpressionError", "output 'o': "),
        ("${paths.right.only_left}", "ExpressionError", "only_left"),
        ("x" * 10_000, "PayloadTooLarge", "output 'o': value: 10,002 bytes"),
    ],
)
def test_an_output_that_cannot_be_had_fails_the_execution(value: str, error_type: str, message: str) -> None:
    draft = ended(value, "left", "right")
    assert draft.event_type == "execution_failed"
    assert draft.data["error_type"] == error_type
    assert message in draft.data["error"]
    assert draft.data["caused_by"] == []


def test_settling_is_pure() -> None:
    history = begun({**A, "parameters": {"x": "${inputs}"}})
    before = repr(history.state)
    (first,), (second,) = settled(history), settled(history)
    assert first == second
    first.data["step_params"]["x"]["n"] = 99
    assert repr(history.state) == before
    assert settled(history) == [second]
