"""Secrets in workflow files and inputs: references only, and only where they are resolved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.loading.inputs import InputError, bind_inputs, read_input_text
from engine.model.workflow import Input, Step, Workflow
from tests.loading.flows import assert_told, flow, warnings_of

SECRET = "[{name: token, secret: true}, {name: root}]"
REFUSED = "the input 'token' is secret: only the 'parameters' of an action and the 'settings' of an agent can use it"
LITERAL = "must be a reference to a secret, env:NAME or file:PATH, not the secret itself"


@pytest.mark.parametrize(
    "step",
    [
        "script: inputs.§token",
        "script: \"[inputs[§'token']]\"",
        "prompt: 'a ${inputs.§token}'",
        "prompt: x, content: ['${inputs.§token}']",
        "wait_signal: '${inputs.§token}'",
        "type: wait_signal, topic: '${inputs.§token}'",
        "sleep: '${inputs.§token}'",
        "workflow: flow, parameters: {root: '${inputs.§token}', token: 'env:X'}",
        "action: a, each: {items: '${[inputs.§token]}'}",
        "action: a, next: {step: A, condition: inputs.§token == 'x'}",
        "action: a, retry: {condition: inputs.§token == 'x'}",
        "action: a, retry: [{condition: has(inputs.§token)}]",
    ],
)
def test_a_secret_cannot_leave_the_parameters_of_actions(step: str) -> None:
    assert_told(flow(f"  - {{name: A, {step}}}\n", inputs=SECRET), REFUSED)


def test_a_secret_cannot_become_an_output() -> None:
    text = flow("  - {name: A, action: a}\n", inputs=SECRET, outputs="[{name: x, value: ['${inputs.§token}']}]")
    assert_told(text, REFUSED)


def test_actions_and_agents_can_use_a_secret() -> None:
    text = flow(
        "  - {name: A, action: a, parameters: {x: [{y: 'Bearer ${inputs.token}'}]}}\n"
        "  - {name: B, action: b, each: {items: [1]}, parameters: {x: '${inputs.token}', y: '${item}'}}\n",
        inputs=SECRET,
        agents="[{name: w, settings: {key: '${inputs.token}'}}]",
    )
    assert warnings_of(text) == []


def test_an_agent_knows_the_inputs_only() -> None:
    text = flow(
        "  - {name: A, action: a, store: x}\n",
        inputs=SECRET,
        agents="[{name: w, settings: {key: '${inputs.§tken}', n: ['${§state.x}']}}]",
    )
    assert_told(
        text,
        "there is no input 'tken'; did you mean 'token'?",
        "unknown name 'state': an agent's settings can use 'inputs' only",
    )


@pytest.mark.parametrize("default", ["hunter2", "5", "''", "'env:'", "'file:'", "env:A B", "ENV:X", "[env:X]"])
def test_a_literal_secret_in_a_file_is_refused_and_not_repeated(default: str) -> None:
    text = flow("  - {name: A, action: a}\n", inputs=f"[{{name: token, secret: true, default: §{default}}}]")
    assert_told(text, f"'default' {LITERAL}")


@pytest.mark.parametrize("default", ["'env:TOKEN'", "'file:/run/secrets/a token'", "env:a.b-c", "null"])
def test_a_reference_may_be_the_default_of_a_secret(default: str) -> None:
    text = flow("  - {name: A, action: a}\n", inputs=f"[{{name: token, secret: true, default: {default}}}]")
    assert warnings_of(text) == []


def test_a_secret_is_text() -> None:
    assert_told(
        flow("  - {name: A, action: a}\n", inputs="[{name: token, type: §object, secret: true, default: env:X}]"),
        "a secret input is of type string, not object",
    )


# Inputs of a run


def workflow(**options: Any) -> Workflow:
    return Workflow(
        name="flow", inputs=(Input(name="token", secret=True, **options),), steps=(Step(name="A", action="a"),)
    )


@pytest.mark.parametrize("reference", ["env:TOKEN", "file:/run/secrets/token", "file:relative name"])
def test_a_reference_is_bound_as_one(reference: str) -> None:
    bound = bind_inputs(workflow(), {"token": reference})
    assert bound == {"token": {"$secret": reference}}
    assert bind_inputs(workflow(), bound) == bound
    assert bind_inputs(workflow(default=reference), {}) == bound


@pytest.mark.parametrize(
    "value",
    ["hunter2", "", "env:", "env:A=B", "env:A B", "file:", "file:\0", 5, None, ["env:X"], {"$secret": "hunter2"}],
)
def test_a_literal_secret_is_refused_and_not_repeated(value: Any) -> None:
    with pytest.raises(InputError) as caught:
        bind_inputs(workflow(), {"token": value})
    assert caught.value.problems == [f"input 'token' {LITERAL}"]


@pytest.mark.parametrize("value", [{"$secret": "env:X", "more": 1}, {"secret": "env:X"}, {}])
def test_only_the_exact_mapping_stands_for_a_reference(value: Any) -> None:
    with pytest.raises(InputError):
        bind_inputs(workflow(), {"token": value})


def test_a_literal_default_from_python_is_refused_when_it_is_used() -> None:
    assert bind_inputs(workflow(default="hunter2"), {"token": "env:X"}) == {"token": {"$secret": "env:X"}}
    with pytest.raises(InputError) as caught:
        bind_inputs(workflow(default="hunter2"), {})
    assert caught.value.problems == [f"input 'token' {LITERAL}"]


def test_an_optional_secret_may_be_left_out() -> None:
    assert bind_inputs(workflow(required=False), {}) == {"token": None}
    assert bind_inputs(workflow(required=False), {"token": None}) == {"token": None}


def test_a_missing_secret_is_told() -> None:
    with pytest.raises(InputError) as caught:
        bind_inputs(workflow(), {})
    assert caught.value.problems == ["input 'token' is required (string)"]


def test_no_file_is_read_in_place_of_a_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("env:X")
    text = f"@{tmp_path / 'secret'}"
    assert read_input_text(workflow().inputs[0], text) == text
    with pytest.raises(InputError):
        bind_inputs(workflow(), {"token": text})
