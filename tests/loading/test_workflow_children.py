"""Steps that run other workflows of the file."""

from __future__ import annotations

import pytest

from tests.loading.flows import assert_told, assert_warned, read, warnings_of

CHILD = """\
  - name: child
    inputs:
      - {name: address}
      - {name: count, type: integer, default: 1}
      - {name: note, required: false}
      - {name: key, secret: true, required: false}
    steps: [{name: B, action: b}]
"""


def parent(step: str, child: str = CHILD) -> str:
    return f"workflows:\n  - name: parent\n    steps:\n      - {{name: A, {step}}}\n{child}"


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("workflow: §chld", "the file holds no workflow 'chld'; did you mean 'child'?"),
        ("workflow: §other", "the file holds no workflow 'other'"),
        ("type: workflow, workflow: §other", "the file holds no workflow 'other'"),
        ("workflow: §child", "workflow 'child' needs input 'address'; give it in 'parameters'"),
        (
            "workflow: child, parameters: {address: x, §cont: 1}",
            "workflow 'child' has no input 'cont'; did you mean 'count'?",
        ),
        (
            "workflow: child, parameters: {address: §5}",
            "input 'address' of workflow 'child' must be text, not 5",
        ),
        (
            "workflow: child, parameters: {address: x, count: §'1'}",
            "input 'count' of workflow 'child' must be a whole number, not '1'",
        ),
        (
            "workflow: child, parameters: {address: x, key: §hunter2}",
            "input 'key' of workflow 'child' must be a reference to a secret, env:NAME or file:PATH, "
            "not the secret itself",
        ),
    ],
)
def test_a_child_is_a_workflow_of_the_file_and_gets_what_it_needs(step: str, problem: str) -> None:
    assert_told(parent(step), problem)


@pytest.mark.parametrize(
    "step",
    [
        "workflow: child, parameters: {address: x}",
        "workflow: child, parameters: {address: '${[1]}', count: '${2}', note: null}",
        "workflow: child, parameters: {address: x, key: 'env:KEY'}, detached: true",
        "workflow: child, parameters: {address: '${item}'}, each: {items: [a]}",
        "workflow: parent",
    ],
)
def test_a_child_that_fits_is_fine(step: str) -> None:
    assert warnings_of(parent(step)) == []
    assert [workflow.name for workflow in read(parent(step)).workflows] == ["parent", "child"]


def test_the_only_workflow_of_a_file_may_run_one_that_python_registers() -> None:
    sentence = "the file holds no workflow 'chld'; it must be registered in Python"
    assert_warned("name: flow\nsteps: [{name: A, workflow: §chld}]\n", sentence)
    assert_warned("name: flow\nsteps: [{name: A, workflow: §flw}]\n", SENTENCE_FLW)


SENTENCE_FLW = "the file holds no workflow 'flw'; it must be registered in Python; did you mean 'flow'?"


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (CHILD.replace("name: child", "§nme: child"), "unknown key 'nme'; did you mean 'name'?"),
        ("  - §x\n", "a workflow must be a mapping, not 'x'"),
        (CHILD.replace("- {name: address}", "- §x"), "an input must be a mapping, not 'x'"),
    ],
)
def test_of_what_cannot_be_read_nothing_more_is_told(broken: str, problem: str) -> None:
    assert_told(parent("workflow: child", broken), problem)
