"""Workflow definitions: what they refuse, and that their recorded form is the same definition."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from engine.model.workflow import Each, Edge, Input, Output, Step, Workflow, successors, unreachable_steps

A = {"name": "A", "action": "a"}


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({"steps": []}, "at least 1 item"),
        ({"steps": [A], "name": ""}, "at least 1 character"),
        ({"steps": [A, A]}, "two steps are named 'A'"),
        ({"steps": [{**A, "next": ["B"]}]}, "step 'A' leads to 'B', which is no step"),
        ({"steps": [A], "start": "B"}, "start names 'B', which is no step"),
        ({"steps": [{**A, "end": True}, {"name": "B", "action": "b"}]}, "step 'B' cannot be reached"),
        ({"steps": [{**A, "next": []}, {"name": "B", "action": "b"}]}, "step 'B' cannot be reached"),
        ({"steps": [{**A, "end": True, "next": ["A"]}]}, "either 'end: true' or 'next', not both"),
        ({"steps": [{**A, "nxt": ["A"]}]}, "nxt"),
        ({"steps": [{**A, "store": "a-b"}]}, "store"),
        ({"steps": [{**A, "next": [{"step": "A", "path": "a/b"}]}]}, "path"),
        ({"steps": [A], "inputs": [{"name": "n"}, {"name": "n"}]}, "two inputs are named 'n'"),
        ({"steps": [A], "outputs": [{"name": "o", "value": 1}] * 2}, "two outputs are named 'o'"),
        ({"steps": [A], "inputs": [{"name": "n", "type": "text"}]}, "type"),
        ({"steps": [A], "colour": "red"}, "colour"),
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(definition: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Workflow.model_validate({"name": "w"} | definition)
    assert message in str(caught.value)


def test_all_problems_of_the_graph_are_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        Workflow.model_validate({"name": "w", "start": "X", "steps": [A, A, {**A, "name": "C", "next": ["Y"]}]})
    for part in ("two steps are named 'A'", "start names 'X'", "leads to 'Y'"):
        assert part in str(caught.value)


PYTHON = Workflow(
    name="w",
    inputs=[Input(name="n", type="integer", default=None), Input(name="m")],
    steps=[
        Step(name="A", action="a", each=Each(items="${inputs.n}", as_="x"), parameters={"t": (1, 2)}, store="s",
             next=["B", Edge(step="A", condition="x > 1", path="again")]),
        Step(name="B", action="b", end=True),
    ],
    outputs=[Output(name="o", value={"a": ["${state.s}"]})],
)  # fmt: skip
RECORDED = {
    "name": "w",
    "inputs": [{"name": "n", "type": "integer", "default": None}, {"name": "m"}],
    "steps": [
        {
            "name": "A",
            "action": "a",
            "parameters": {"t": [1, 2]},
            "store": "s",
            "each": {"items": "${inputs.n}", "as": "x"},
            "next": [{"step": "B"}, {"step": "A", "condition": "x > 1", "path": "again"}],
        },
        {"name": "B", "action": "b", "end": True},
    ],
    "outputs": [{"name": "o", "value": {"a": ["${state.s}"]}}],
}


def test_a_definition_is_recorded_as_it_was_written() -> None:
    assert PYTHON.to_dict() == RECORDED
    assert Workflow.model_validate(RECORDED).to_dict() == RECORDED


def test_a_recorded_definition_keeps_which_inputs_are_required() -> None:
    for workflow in (PYTHON, Workflow.model_validate(RECORDED)):
        assert [entry.is_required for entry in workflow.inputs] == [False, True]


def test_a_definition_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        PYTHON.name = "other"  # type: ignore[misc]


def test_steps_follow_their_edges_or_the_next_listed() -> None:
    steps = [Step(name="A", action="a"), Step(name="B", action="b", next=["C", "A"]), Step(name="C", action="c")]
    assert successors(steps) == {"A": ["B"], "B": ["C", "A"], "C": []}
    assert unreachable_steps(steps, None) == []
    assert unreachable_steps(steps, "C") == ["A", "B"]
