"""Kinds of steps: how a file says which one is meant, and which keys mean something for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from engine.loading.kinds import BELONGS_TO
from engine.loading.problems import LoadError
from engine.model.step import STEP_KINDS, Step
from tests.loading.flows import RICH, assert_told, assert_warned, flow, read, warnings_of

VALUES: dict[str, Any] = {
    "action": "a",
    "prompt": "p",
    "script": "1",
    "wait_signal": "t",
    "sleep": 5,
    "join": [],
    "workflow": "flow",
    "pass": True,
    "parameters": {},
    "agent": "writer",
    "content": [],
    "on_timeout": "fail",
    "count": 1,
    "mappings": {},
    "rest": "cancel",
    "detached": True,
    "each": {"items": [1]},
    "retry": {"max_attempts": 2},
    "timeout": "1s",
    "timeout_total": "1s",
    "store": "x",
    "edge_matching": "first",
    "catch": {"step": "A"},
    "end": True,
}
"""A good value for each key a step may have."""


def step(**keys: Any) -> str:
    return flow(f"  - {json.dumps({'name': 'A', **keys})}\n")


def is_loaded(text: str) -> bool:
    try:
        read(text)
    except LoadError as error:
        assert error.__cause__ is None, "the model refused what every check let through"
        return False
    return True


def is_modelled(**keys: Any) -> bool:
    try:
        Step.model_validate({"name": "A", **keys})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("kind", STEP_KINDS)
@pytest.mark.parametrize("key", VALUES)
def test_a_file_takes_the_same_keys_for_a_kind_as_the_model(kind: str, key: str) -> None:
    keys = {kind: VALUES[kind], key: VALUES[key]}
    assert is_loaded(step(**keys)) == is_modelled(**keys)
    assert is_loaded(step(type=kind, **keys)) == is_modelled(type=kind, **keys)


def test_every_key_of_a_step_is_tried() -> None:
    fields = {field.alias or name for name, field in Step.model_fields.items()}
    assert fields - {"name", "type", "next"} == VALUES.keys()
    assert BELONGS_TO.keys() < VALUES.keys()


@pytest.mark.parametrize("kind", STEP_KINDS)
def test_a_kind_is_implied_by_its_key_or_named(kind: str) -> None:
    for keys in ({kind: VALUES[kind]}, {"type": kind, kind: VALUES[kind]}):
        assert read(step(**keys)).workflows[0].steps[0].kind == kind


@pytest.mark.parametrize(
    ("keys", "kind", "value"),
    [
        ("type: wait_signal, topic: t", "wait_signal", "t"),
        ("type: join", "join", None),
        ("type: join, paths: []", "join", ()),
        ("type: pass", "pass", None),
    ],
)
def test_a_named_type_may_be_spelled_out(keys: str, kind: str, value: Any) -> None:
    (found,) = read(flow(f"  - {{name: A, {keys}}}\n")).workflows[0].steps
    assert found.kind == kind
    assert getattr(found, "pass_" if kind == "pass" else kind) == value


def test_the_whole_language_loads_without_a_warning() -> None:
    order, shipping = read(RICH).workflows
    assert warnings_of(RICH) == []
    assert [found.kind for found in order.steps] == [
        *("script", "action", "pass", "sleep", "prompt", "wait_signal", "sleep", "join", "workflow"),
    ]
    charge = order.steps[1]
    assert [policy.errors for policy in charge.retry] == [("Timeout",), ("*",)]
    assert [catch.errors for catch in charge.catch] == [("CardDeclined",), ("Timeout", "Interrupted")]
    assert order.steps[0].store == {"total": "total", "count": "count"}
    assert order.steps[7].mappings == {"pay.charge": "charged", "letter.draft": "text"}
    assert (order.on_failure, order.deadline, order.max_visits, order.max_parallel) == ("drain", "2h", 50, 4)
    assert order.agents[0].settings == {"temperature": 0.5, "key": "${inputs.token}"}
    assert shipping.steps[2].join == ("a", "b")


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("§{name: A}", "a step needs one of action, prompt, script, wait_signal, sleep, join, workflow, pass"),
        ("{name: A, §promt: x}", "unknown key 'promt'; did you mean 'prompt'?"),
        ("{name: A, §tpe: join}", "unknown key 'tpe'; did you mean 'type'?"),
        ("{name: A, action: a, §script: '1'}", "'script' cannot stand beside 'action': a step does one thing"),
        (
            "{name: A, action: a, §script: '1', agent: x}",
            "'script' cannot stand beside 'action': a step does one thing",
        ),
        ("{name: A, script: '1', §action: a}", "'action' cannot stand beside 'script': a step does one thing"),
        (
            "{name: A, §sleep: 5, type: script, script: '1'}",
            "'sleep' cannot stand beside type 'script': a step does one thing",
        ),
        ("§{name: A, type: action}", "a step of type 'action' needs 'action'"),
        ("§{name: A, type: wait_signal}", "a step of type 'wait_signal' needs 'topic'"),
        ("{name: A, type: wait_signal, §topc: x}", "unknown key 'topc'; did you mean 'topic'?"),
        (
            "{name: A, type: §acton, parameters: {}}",
            "'type' must be one of action, prompt, script, wait_signal, sleep, join, workflow, pass, not 'acton'; "
            "did you mean 'action'?",
        ),
        ("{name: A, type: §[join]}", "'type' must be text, not a list"),
        ("{name: A, wait_signal: x, §topic: x}", "'topic' means something only beside 'type: wait_signal'"),
        (
            "{name: A, type: wait_signal, wait_signal: x, §topic: x}",
            "'topic' and 'wait_signal' say the same; keep one of them",
        ),
        ("{name: A, join: [], §paths: []}", "'paths' means something only beside 'type: join'"),
        ("{name: A, type: join, §topic: x}", "'topic' means something only beside 'type: wait_signal'"),
        ("{name: A, action: a, §agent: x}", "'agent' means nothing for a step with 'action'; it belongs to 'prompt'"),
        (
            "{name: A, prompt: p, §parameters: {}}",
            "'parameters' means nothing for a step with 'prompt'; it belongs to 'action' and 'workflow'",
        ),
        (
            "{name: A, type: sleep, sleep: 5, §timeout: 5}",
            "'timeout' means nothing for a step with 'sleep'; it belongs to 'action', 'prompt', 'script', 'workflow', "
            "'wait_signal' and 'join'",
        ),
        (
            "{name: A, pass: true, §each: {items: [1]}}",
            "'each' means nothing for a step with 'pass'; it belongs to 'action', 'prompt', 'script' and 'workflow'",
        ),
    ],
)
def test_what_is_wrong_with_a_kind_is_told_where_it_stands(step: str, problem: str) -> None:
    assert_told(flow(f"  - {step}\n"), problem)


def test_a_step_nobody_waits_for_long_needs_no_other_way() -> None:
    assert_warned(
        flow("  - {name: A, wait_signal: x, §on_timeout: B, end: true}\n  - {name: B, pass: true}\n"),
        "without 'timeout' the wait never ends this way",
    )
    assert warnings_of(flow("  - {name: A, wait_signal: x, on_timeout: fail}\n")) == []


def test_an_agent_whose_name_is_almost_a_declared_one_is_a_warning() -> None:
    assert_warned(
        flow(
            "  - {name: A, prompt: x, agent: §writr}\n"
            "  - {name: B, prompt: x, agent: writer}\n"
            "  - {name: C, prompt: x, agent: of the project}\n",
            agents="[{name: writer}]",
        ),
        "the workflow declares no agent 'writr'; did you mean 'writer'?",
    )


@pytest.mark.parametrize("duration", ["0", "1.5", "250ms", "1h30m", "'10'", "2d", "36500d"])
def test_durations_are_taken_as_people_write_them(duration: str) -> None:
    for key in ("timeout", "timeout_total"):
        assert is_loaded(flow(f"  - {{name: A, action: a, {key}: {duration}}}\n"))
    assert is_loaded(flow(f"  - {{name: A, sleep: {duration}}}\n", deadline=duration))


@pytest.mark.parametrize("value", ["'${inputs}'", "'${1}s'", "'a ${1} b'"])
def test_a_sleep_may_be_a_template(value: str) -> None:
    assert is_loaded(flow(f"  - {{name: A, sleep: {value}}}\n"))
