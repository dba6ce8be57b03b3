"""Mistakes in the form of a workflow file: keys and kinds of values; each with its place."""

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
    retry: {max_attempts: §0}
    parameters: {x: '${inputs.§rot}'}
  - §action: c
    next: [§Z, §{condition: '1 +§'}]
outputs:
  - {name: x, value: '${state.§}'}
deadline: §5 minutes
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
        "'max_attempts' must be a whole number from 1 to 1,000,000, not 0",
        "there is no input 'rot'; did you mean 'root'?",
        "a step needs 'name'",
        "'Z' is no step",
        "an edge needs 'step'",
        "the expression ends too early",
        "the expression ends too early",
        "'5 minutes' is not a duration; write one like 250ms, 10s, 5m, 1h30m, 2d or seconds",
    )


def step(more: str) -> str:
    """A workflow of one step A, of which this much is to be told."""
    return flow(f"  - {{name: A, action: a, {more}}}\n")


def beside(**parts: str) -> str:
    """A workflow of one step and these parts."""
    return flow("  - {name: A, action: a}\n", **parts)


STEPS = "steps: [{name: A, action: a}]\n"
NO_DURATION = "'soon' is not a duration; write one like 250ms, 10s, 5m, 1h30m, 2d or seconds"
VARIABLE = "'store' must consist of letters (A-Z, a-z), digits and '_', not beginning with a digit; "
EMPTY_NEXT = "'next' is empty; name a step, or write 'end: true' for a step that ends its path"
NO_KIND = "a step needs one of action, prompt, script, wait_signal, sleep, join, workflow, pass"
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
        (flow("  - §{name: A}\n"), NO_KIND),
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
            "'condition' must not be empty; leave it out for one that is always true",
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
        (step("each: {items: [1], concurrency: §0}"), "'concurrency' must be a whole number from 1 to 10,000, not 0"),
        (
            step("each: {items: [1], concurrency: §1.5}"),
            "'concurrency' must be a whole number from 1 to 10,000, not 1.5",
        ),
        (
            step("each: {items: [1], on_item_failure: §collct}"),
            "'on_item_failure' must be one of fail, collect, not 'collct'; did you mean 'collect'?",
        ),
        (step("store: §{}"), "'store' must not be empty"),
        (step("store: {a: §5}"), "'a' must be text, not 5; put it in quotes"),
        (
            step("store: {§my-var: a}"),
            "a variable must consist of letters (A-Z, a-z), digits and '_', not beginning with a digit, at most 200; "
            "'my-var' does not",
        ),
        (
            step("each: {items: [1]}, store: §{a: b}"),
            "with 'each' the output is a list; 'store' needs the name of one variable",
        ),
        (step("edge_matching: §some"), "'edge_matching' must be one of all, first, not 'some'"),
        (step("timeout: §true"), "'timeout' must be a duration such as 10s or 1h30m, not true"),
        (step("timeout: §"), "'timeout' must be a duration such as 10s or 1h30m, not empty"),
        (step("timeout: §-1"), "'timeout' must not be negative"),
        (step("timeout_total: §4e9"), "'timeout_total' must not be longer than a hundred years"),
        (step("timeout: §10 s"), "'10 s' is not a duration; write one like 250ms, 10s, 5m, 1h30m, 2d or seconds"),
        (step("timeout: §101y"), "'101y' is not a duration; write one like 250ms, 10s, 5m, 1h30m, 2d or seconds"),
        (step("timeout: §40000d"), "'40000d' is longer than a hundred years"),
        (step("retry: §3"), "'retry' must be a mapping such as {max_attempts: 3} or a list of such, not 3"),
        (step("retry: §[]"), "'retry' must not be empty"),
        (step("retry: [§3]"), "a retry policy must be a mapping, not 3"),
        (step("retry: {§max_attempt: 3}"), "unknown key 'max_attempt'; did you mean 'max_attempts'?"),
        (step("retry: {initial_delay: §soon}"), NO_DURATION),
        (step("retry: {max_backoff: §soon}"), NO_DURATION),
        (step("retry: {backoff_multiplier: §0.5}"), "'backoff_multiplier' must be a number from 1 to 1,000, not 0.5"),
        (step("retry: {jitter: §2}"), "'jitter' must be a number from 0 to 1, not 2"),
        (step("retry: {jitter: §'1'}"), "'jitter' must be a number from 0 to 1, not '1'"),
        (step("retry: {errors: §[]}"), "'errors' must not be empty"),
        (step("retry: {errors: [§1]}"), "entry 1 of 'errors' must be text, not 1; put it in quotes"),
        (step("retry: {errors: §1}"), "'errors' must be a name or a list of names, not 1"),
        (
            step("retry: {non_retryable_errors: §1, errors: X}"),
            "'non_retryable_errors' must be a name or a list of names, not 1",
        ),
        (step("retry: {non_retryable_errors: [], errors: §[]}"), "'errors' must not be empty"),
        (step("retry: {condition: §true}"), "'condition' must be an expression in quotes, not true"),
        (step("catch: §A"), "'catch' must be a mapping such as {step: NAME} or a list of such, not 'A'"),
        (step("catch: §{store: e}"), "'catch' needs 'step'"),
        (step("catch: {step: A, store: §e-1}"), VARIABLE + "'e-1' does not"),
        (flow("  - {name: A, pass: §yes}\n"), "'pass' must be true, not 'yes'"),
        (flow("  - {name: A, script: §''}\n"), "'script' must not be empty"),
        (flow("  - {name: A, prompt: §[x]}\n"), "'prompt' must be text, not a list"),
        (flow("  - {name: A, prompt: x, content: §y}\n"), "'content' must be a list, not 'y'"),
        (flow("  - {name: A, sleep: §soon}\n"), NO_DURATION),
        (flow("  - {name: A, sleep: §}\n"), "'sleep' must be a duration such as 10s or 1h30m, not empty"),
        (flow("  - {name: A, sleep: §'$${x}'}\n"), NO_DURATION.replace("soon", "$${x}")),
        (flow("  - {name: A, wait_signal: §{topic: x}}\n"), "'wait_signal' must be text, not a mapping"),
        (flow("  - {name: A, join: §}\n"), "'join' is empty; name paths, or write [] for all paths of the fork"),
        (flow("  - {name: A, join: §{a: 1}}\n"), "'join' must be a name or a list of names, not a mapping"),
        (flow("  - {name: A, join: [], count: §0}\n"), "'count' must be a whole number of at least 1, not 0"),
        (flow("  - {name: A, join: [], rest: §stop}\n"), "'rest' must be one of continue, cancel, not 'stop'"),
        (flow("  - {name: A, join: [], mappings: §[a]}\n"), "'mappings' must be a mapping, not a list"),
        (flow("  - {name: A, workflow: flow, detached: §1}\n"), "'detached' must be true or false, not 1"),
        (beside(on_failure="§stop"), "'on_failure' must be one of cancel, drain, finish, not 'stop'"),
        (beside(deadline="§soon"), NO_DURATION),
        (beside(max_visits="§0"), "'max_visits' must be a whole number of at least 1, not 0"),
        (beside(max_parallel="§true"), "'max_parallel' must be a whole number of at least 1, not true"),
        (beside(agents="[§{model: m}]"), "an agent needs 'name'"),
        (beside(agents="[{name: a, model: §''}]"), "'model' must not be empty"),
        (beside(agents="[{name: a, settings: §[]}]"), "'settings' must be a mapping, not a list"),
        (beside(agents="[{name: a}, {name: §a}]"), "a second agent is named 'a'; the first is on line 4"),
        (beside(inputs="[{name: a, secret: §1}]"), "'secret' must be true or false, not 1"),
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
        step("timeout: §*a"),
        step("retry: §*a"),
        step("retry: [§*a]"),
        step("retry: {errors: §*a, jitter: 1}"),
        step("retry: {jitter: §*a}"),
        step("catch: §*a"),
        step("catch: {step: §*a}"),
        step("catch: {step: A, store: §*a}"),
        step("edge_matching: §*a"),
        step("store: {x: §*a}"),
        step("type: §*a"),
        flow("  - {name: A, pass: §*a}\n"),
        flow("  - {name: A, join: §*a}\n"),
        flow("  - {name: A, join: [§*a]}\n"),
        flow("  - {name: A, join: [], mappings: §*a}\n"),
        flow("  - {name: A, sleep: §*a}\n"),
        flow("  - {name: A, script: §*a}\n"),
        flow("  - {name: A, wait_signal: x, timeout: 1, on_timeout: §*a}\n"),
        flow("  - {name: A, workflow: §*a}\n"),
        flow("  - {name: A, workflow: flow, parameters: {x: §*a}}\n", inputs="[{name: x}]"),
        beside(inputs="[{name: x, secret: true, default: §*a}]"),
        beside(agents="§*a"),
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
