"""Mistakes in the form of a workflow file: keys, kinds of values, what is planned; each with its place."""

from __future__ import annotations

import pytest

from tests.loading.flows import SEVERAL, assert_told, flow

ALL_AT_ONCE = """\
§nme: flow
version: §1.10
inputs:
  - {name: root, §typ: string}
  - {name: §root, type: §strng, default: 5}
steps:
  - name: A
    action: a
    §nxt: B
    end: §yes
  - name: B
    action: §5
    §retry: {max_attempts: 3}
    parameters: {x: '${inputs.§rot}'}
  - §action: c
    next: [§Z, §{condition: '1 +§'}]
outputs:
  - {name: x, value: '${state.§}'}
§deadline: 5m
"""


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    assert_told(
        ALL_AT_ONCE,
        "unknown key 'nme'; did you mean 'name'?",
        "'version' must be text, not 1.1; put it in quotes",
        "unknown key 'typ'; did you mean 'type'?",
        "a second input is named 'root'; the first is on line 4",
        "'type' must be one of string, integer, number, boolean, array, object, not 'strng'; did you mean 'string'?",
        "unknown key 'nxt'; did you mean 'next'?",
        "'end' must be true or false, not 'yes'",
        "'action' must be text, not 5; put it in quotes",
        "'retry' is not supported yet",
        "there is no input 'rot'; did you mean 'root'?",
        "a step needs 'name'",
        "'Z' is no step",
        "an edge needs 'step'",
        "the expression ends too early",
        "the expression ends too early",
        "'deadline' is not supported yet",
    )


@pytest.mark.parametrize(
    "kind",
    [
        *("prompt: hi", "script: '1'", "wait_signal: {topic: x}", "sleep: 5s"),
        *("join: {paths: [a]}", "workflow: child", "pass: {}", "type: script"),
    ],
)
def test_planned_step_kinds_are_told_and_not_that_an_action_is_missing(kind: str) -> None:
    assert_told(flow(f"  - {{name: A, §{kind}}}\n"), f"{kind.partition(':')[0]!r} is not supported yet")


@pytest.mark.parametrize(
    "key",
    [
        *("agent", "content", "topic", "on_timeout", "paths", "count", "mappings", "rest", "detached"),
        *("edge_matching", "retry", "catch", "timeout", "timeout_total"),
    ],
)
def test_planned_step_keys_are_told_where_they_stand(key: str) -> None:
    assert_told(flow(f"  - name: A\n    §{key}: x\n    action: a\n"), f"{key!r} is not supported yet")


@pytest.mark.parametrize("key", ["on_failure", "deadline", "max_visits", "max_parallel"])
def test_planned_workflow_keys_are_told(key: str) -> None:
    assert_told(flow("  - {name: A, action: a}\n") + f"§{key}: 5\n", f"{key!r} is not supported yet")


def test_planned_keys_of_parts_are_told() -> None:
    assert_told(
        flow(
            "  - {name: A, action: a, each: {items: [1], §concurrency: 2, §on_item_failure: collect}}\n"
            "  - {name: B, action: b, store: §{x: y}}\n",
            inputs="[{name: token, §secret: true}]",
        ),
        "'concurrency' is not supported yet",
        "'on_item_failure' is not supported yet",
        "'store' as a mapping is not supported yet; give the name of one variable",
        "'secret' is not supported yet",
    )


def step(more: str) -> str:
    """A workflow of one step A, of which this much is to be told."""
    return flow(f"  - {{name: A, action: a, {more}}}\n")


def beside(**parts: str) -> str:
    """A workflow of one step and these parts."""
    return flow("  - {name: A, action: a}\n", **parts)


STEPS = "steps: [{name: A, action: a}]\n"
EMPTY_NEXT = "'next' is empty; name a step, or write 'end: true' for a step that ends its path"
ONE_TEMPLATE = "'items' must be a list or exactly one template such as \"${state.files}\""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: §5\n" + STEPS, "'name' must be text, not 5; put it in quotes"),
        ("name:§\n" + STEPS, "'name' must be text, not empty"),
        ("name: §''\n" + STEPS, "'name' must not be empty"),
        (f"name: §{'x' * 201}\n{STEPS}", "'name' must not be longer than 200 characters"),
        (f"{STEPS}§name: flow\nname: x\n".replace("§name: flow\n", "name: flow\n§"), "TWICE"),
        ("§name: flow\n", "a workflow needs 'steps'"),
        ("name: flow\nsteps: §[]\n", "'steps' must not be empty"),
        ("name: flow\nsteps:§\n", "'steps' must be a list, not empty"),
        ("name: flow\nsteps: §{A: {action: a}}\n", "'steps' must be a list, not a mapping"),
        ("name: flow\nsteps: [§A]\n", "a step must be a mapping, not 'A'"),
        ("name: flow\n§Steps: [{name: A, action: a}]\n", "unknown key 'Steps'; did you mean 'steps'?"),
        ("name: flow\nsteps: [{name: A, action: a}]\n§foo: 1\n", "unknown key 'foo'"),
        (flow("  - §{name: A}\n"), "a step needs 'action'"),
        (flow("  - {name: A, §acton: a}\n"), "unknown key 'acton'; did you mean 'action'?"),
        (step("end: §1"), "'end' must be true or false, not 1"),
        (step("end: §'true'"), "'end' must be true or false, not 'true'"),
        (step("parameters: §[x]"), "'parameters' must be a mapping, not a list"),
        (step("next: §"), EMPTY_NEXT),
        (step("next: §[]"), EMPTY_NEXT),
        (step("next: §5"), "'next' must be the name of a step or a mapping, not 5"),
        (step("next: [§true]"), "entry 1 of 'next' must be the name of a step or a mapping, not true"),
        (step("next: {step: A, §on: x}"), "unknown key 'on'"),
        (step("next: {step: A, condition: §true}"), "'condition' must be an expression in quotes, not true"),
        (
            step("next: {step: A, condition: §''}"),
            "'condition' must not be empty; leave it out for an edge that is always taken",
        ),
        (step("next: {step: A, condition: '§${1}'}"), "a condition is written without ${...}"),
        (
            step("store: §my-var"),
            "'store' must consist of letters (A-Z, a-z), digits and '_', not beginning with a digit; 'my-var' does not",
        ),
        (step("each: §x"), "'each' must be a mapping, not 'x'"),
        (step("each: §{as: x}"), "'each' needs 'items'"),
        (
            step("each: {items: §5}"),
            "'items' must be a list or a template such as \"${state.files}\", not 5",
        ),
        (step("each: {items: §files}"), ONE_TEMPLATE),
        (step("each: {items: '${1 +§}'}"), "the expression ends too early"),
        (step("each: {items: 'all ${§nope}'}"), "unknown name 'nope'"),
        (step("each: {items: §'${inputs} '}"), ONE_TEMPLATE),
        (step("each: {items: §'${1}${2}'}"), ONE_TEMPLATE),
        (step("each: {items: §'$${1}'}"), ONE_TEMPLATE),
        (step("each: {items: [1], as: §state}"), "'as' must be another name than 'state', which it would hide"),
        (step("each: {items: [1], as: §inputs}"), "'as' must be another name than 'inputs', which it would hide"),
        (
            step("each: {items: [1], as: §for}"),
            "'as' must be another name: 'for' is a word of the expression language",
        ),
        (beside(labels="{a: §5}"), "'a' must be text, not 5; put it in quotes"),
        (beside(labels="§[a]"), "'labels' must be a mapping, not a list"),
        (beside(inputs="§{a: 5}"), "'inputs' must be a list, not a mapping"),
        (beside(inputs="[{name: a, required: §1}]"), "'required' must be true or false, not 1"),
        (beside(outputs="[§{name: a}]"), "an output needs 'value'"),
        (SEVERAL + "§name: x\n", "unknown key 'name'; it belongs into one of the 'workflows'"),
        (SEVERAL.replace("workflows", "§workflow"), "unknown key 'workflow'; did you mean 'workflows'?"),
        (SEVERAL.replace("two", "§one"), "a second workflow is named 'one'; the first is on line 2"),
        (SEVERAL.replace("action", "§acton", 1), "unknown key 'acton'; did you mean 'action'?"),
    ],
)
def test_every_mistake_of_form_has_one_sentence_and_its_place(text: str, problem: str) -> None:
    assert_told(text, problem.replace("TWICE", "the key 'name' stands here twice; the first is on line 2"))


@pytest.mark.parametrize(
    "text",
    [
        "name: flow\nsteps: §*a\n",
        "name: flow\nsteps: [§*a]\n",
        step("each: §*a"),
        step("next: §*a"),
        step("next: [§*a]"),
        step("store: §*a"),
        step("end: §*a"),
        step("parameters: {x: [§*a]}"),
        step("each: {items: §*a, as: x}"),
        step("each: {items: [1], as: §*a}"),
        step("next: {step: A, condition: §*a}"),
        beside(inputs="[{name: x, type: §*a, default: 5}]"),
        beside(inputs="[{name: x, default: §*a, required: true}]"),
        beside(inputs="[{name: §*a}]"),
        beside(outputs="[{name: x, value: §*a}]"),
        beside(labels="{x: §*a}"),
        beside(start="§*a"),
        "workflows: §*a\n",
        "workflows: [§*a]\n",
    ],
)
def test_what_cannot_be_read_as_yaml_is_told_once(text: str) -> None:
    assert_told(text, "aliases are not supported; write the value out, or put the text '*a' in quotes")


def test_problems_of_yaml_and_of_the_workflow_are_told_together_and_only_once() -> None:
    assert_told(
        "name: §&a flow\n§name: x\nsteps:\n  - {name: §*a, action: a, §nxt: 1}\n",
        "anchors are not supported; a text that begins with '&' must be in quotes",
        "the key 'name' stands here twice; the first is on line 1",
        "aliases are not supported; write the value out, or put the text '*a' in quotes",
        "unknown key 'nxt'; did you mean 'next'?",
    )
