"""Dive files become the same definitions as files of our own form."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.core.expressions import compile_expression
from engine.core.templates import compile_template
from engine.loading.dive_calls import FUNCTIONS, METHODS
from engine.loading.dive_file import is_dive
from engine.loading.problems import LoadError
from tests.loading.diveflows import BRANCHING, LOOP, RESEARCH, assert_warned, dive, only, steps


def definition(text: str) -> dict[str, Any]:
    return only(text).to_dict()


def step_of(text: str, name: str) -> dict[str, Any]:
    """One step of the workflow that `steps` makes of a text."""
    found: dict[str, Any] = next(step for step in definition(steps(text))["steps"] if step["name"] == name)
    return found


def test_an_environment_with_agents() -> None:
    assert definition(RESEARCH) == {
        "name": "Report",
        "description": "Facts first, then the text",
        "version": "2.1",
        "labels": {"environment": "Research Lab"},
        "inputs": [
            {"name": "topic", "type": "string", "description": "what about"},
            {"name": "words", "type": "integer", "default": 300},
        ],
        "outputs": [{"name": "report", "value": "${get(state.report, 'none')}"}],
        "agents": [
            {
                "name": "Researcher",
                "instructions": "Find facts\n\nBe exact.",
                "model": "openai:gpt-x",
                "settings": {"temperature": 0.2, "max_tokens": 2000, "timeout": 90.0},
            },
            {"name": "Writer", "instructions": "You write.", "model": "anthropic:claude-x", "settings": {}},
        ],
        "steps": [
            {
                "name": "Gather",
                "agent": "Researcher",
                "prompt": "List facts about ${inputs.topic}.",
                "store": "facts",
            },
            {
                "name": "Write",
                "agent": "Writer",
                "content": [
                    '<file name="Style">\nWrite plainly. Never say $${anything}.\n</file>',
                    "Today it rains.",
                ],
                "prompt": "Use these facts: ${state.facts}\nin ${inputs.words} words, "
                "for ${'$'}${inputs.words / 100.0}.\n",
                "store": "report",
            },
            {
                "name": "Save",
                "action": "Document.Write",
                "parameters": {"path": "reports/${inputs.topic.lower()}.md", "content": "${state.report}"},
            },
        ],
    }


def test_a_prompt_is_rendered_as_it_was_meant() -> None:
    write = definition(RESEARCH)["steps"][1]
    names = {"inputs": {"topic": "Rain", "words": 300}, "state": {"facts": "It is wet."}}
    assert compile_template(write["prompt"]).render(names) == "Use these facts: It is wet.\nin 300 words, for $3.0.\n"
    assert compile_template(write["content"][0]).render({}).splitlines()[1] == "Write plainly. Never say ${anything}."


def test_a_single_workflow_that_branches() -> None:
    workflow = only(BRANCHING)
    look = workflow.steps[0]
    assert look.next is not None
    assert [(edge.step, edge.condition) for edge in look.next] == [
        ("Page", "state.finding.level == 'high' or get(inputs.urgent, False)"),
        ("Log", "not inputs.severity is None"),
        ("Close", "inputs.severity <= 7 and not state.finding.urgent"),
    ]
    assert look.edge_matching == "all"  # every true edge is followed
    assert look.script is not None
    inputs = {"severity": 9, "urgent": False}
    finding = compile_expression(look.script).evaluate({"inputs": inputs, "state": {}})
    assert finding == {"level": "high", "urgent": False}
    names = {"inputs": inputs, "state": {"finding": finding}}
    taken = [edge.step for edge in look.next if edge.condition and compile_expression(edge.condition).evaluate(names)]
    assert taken == ["Page", "Log"]
    assert [step.end for step in workflow.steps] == [False, True, True, False]
    assert [(declared.type, declared.is_required) for declared in workflow.inputs] == [
        ("number", True),
        ("boolean", False),
    ]


def test_json_with_loops_and_each() -> None:
    hello, fixed, again, done = definition(LOOP)["steps"]
    assert hello == {
        "name": "Hello",
        "script": "'Hello ' + str(person) + '!'",
        "each": {"as": "person", "items": "${inputs.people}"},
        "store": "greetings",
    }
    assert fixed["each"] == {"as": "n", "items": [1, "$${x}", None]}
    assert compile_template(fixed["each"]["items"]).render({}) == [1, "${x}", None]
    assert fixed["parameters"] == {"message": "${n} ${state.greetings[0]}"}
    assert again["next"] == [
        {"step": "Fixed", "condition": "state.count < 2"},
        {"step": "Done", "condition": "state.count >= 2"},
    ]
    assert done["parameters"] == {"message": "${str(state.count)} done"}


def test_yaml_and_json_give_the_same() -> None:
    assert definition(json.dumps(json.loads(LOOP), indent=1)) == definition(LOOP)


@pytest.mark.parametrize("indent", [None, 1, "\t"])
@pytest.mark.parametrize("escaped", [True, False])
def test_json_may_escape_every_character(indent: int | str | None, escaped: bool) -> None:
    text = 'a/b \\ " é 😀😀 \\ud83d\\ude00 \t'
    data = {"Name": "W", "Description": text, "Steps": [{"Name": "S", "Action": "A"}]}
    written = json.dumps(data, indent=indent, ensure_ascii=escaped).replace("a/b", "a\\/b")
    assert json.loads(written) == data
    assert only(written).description == text


def test_several_workflows_keep_their_order_and_share_the_agents() -> None:
    loaded = dive(
        "Name: E\nAgents: [{Name: A}]\nWorkflows:\n"
        "  - {Name: B, Steps: [{Name: S, Prompt: hi}]}\n  - {Name: A, Steps: [{Name: S, Prompt: hi, Agent: A}]}\n"
    )
    assert [workflow.name for workflow in loaded.workflows] == ["B", "A"]
    assert [workflow.steps[0].agent for workflow in loaded.workflows] == ["A", "A"]
    assert [[agent.name for agent in workflow.agents] for workflow in loaded.workflows] == [["A"], ["A"]]


def test_a_single_workflow_asks_the_agents_of_the_project() -> None:
    assert only("Name: W\nSteps: [{Name: S, Prompt: hi, Agent: Anybody}]").steps[0].agent == "Anybody"
    assert only("Name: W\nSteps: [{Name: S, Prompt: hi}]").steps[0].agent is None


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("{Action: Print, Parameters: {Message: '${n}'}}", ("Print", {"message": "${inputs.n}"})),
        ("{Action: Document.Read, Parameters: {Path: 'a ${who}'}}", ("Document.Read", {"path": "a ${inputs.who}"})),
        ("{Action: Time.Now}", ("Time.Now", None)),
        ("{Action: Mail.Send, Parameters: {To: '${who}', Deep: {N: 1}}}", ("Mail.Send", {"To": "${inputs.who}",
         "Deep": {"N": 1}})),
    ],
)  # fmt: skip
def test_parameters_of_actions_are_called_as_here(parameters: str, expected: tuple[str, Any]) -> None:
    step = step_of(f"  - {{Name: S, {parameters[1:]}", "S")
    assert (step["action"], step.get("parameters")) == expected


@pytest.mark.parametrize(
    ("written", "template"),
    [
        ("${who}", "${inputs.who}"),
        ("a ${} b", "a $${} b"),
        ("cost $${n}", "cost ${'$'}${inputs.n}"),
        ("cost $$${n}", "cost ${'$$'}${inputs.n}"),
        ("$5 and $", "$5 and $"),
        ("$$${} $${}", "$$$${} $$${}"),
        ("${ {a: 'x}'}.a }-${n}", "${{'a': 'x}'}.a}-${inputs.n}"),
        ("", ""),
    ],
)
def test_templates(written: str, template: str) -> None:
    text = f"  - {{Name: S, Action: Print, Parameters: {{Message: {json.dumps(written)}}}}}"
    assert step_of(text, "S")["parameters"] == {"message": template}
    names = {"inputs": {"who": "Ann", "n": 7}, "state": {}}
    plain = written.replace("${who}", "Ann").replace("${n}", "7").replace("${ {a: 'x}'}.a }", "x}")
    assert str(compile_template(template).render(names)) == plain


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("Type: text", ("string", True, None)),
        ("Type: Integer, Default: 3", ("integer", False, 3)),
        ("Type: list, Default: null", ("array", True, None)),
        ("Default: {a: 1}", ("object", False, {"a": 1})),
        ("Default: 1.5", ("number", False, 1.5)),
        ("Default: ''", ("string", False, "")),
        ("Default: false", ("boolean", False, False)),
        ("Type: map, Required: false", ("object", False, None)),
    ],
)
def test_inputs(keys: str, expected: tuple[str, bool, Any]) -> None:
    (declared,) = only(f"Name: W\nInputs: [{{Name: a, {keys}}}]\nSteps: [{{Name: S, Action: A}}]").inputs
    assert (declared.type, declared.is_required, declared.default) == expected


def test_a_key_without_a_value_is_left_out() -> None:
    text = "Name: W\nDescription:\nInputs:\nOutput:\nSteps:\n  - {Name: S, Action: A, Store: , Next: , Each: , End: }\n"
    assert definition(text) == {"name": "W", "inputs": [], "steps": [{"name": "S", "action": "A"}]}


def test_an_explicit_edge_wins_over_the_end() -> None:
    loaded = assert_warned(
        steps("  - {Name: S, Action: A, Next: [{Step: T}], §End: true}\n  - {Name: T, Action: A}"),
        "'End' has no effect beside 'Next'",
    )
    assert loaded.workflows[0].to_dict()["steps"][2] == {"name": "S", "action": "A", "next": [{"step": "T"}]}


def test_steps_that_no_path_comes_to_are_left_out() -> None:
    loaded = assert_warned(
        steps("  - {Name: S, Action: A, End: true}\n  - {Name: §T, Action: A}\n  - {Name: §U, Action: A}"),
        "no path leads to step 'T'; it is left out",
        "no path leads to step 'U'; it is left out",
    )
    assert [step.name for step in loaded.workflows[0].steps] == ["F", "X", "S"]


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ("{Name: x}", "${get(state.x)}"),
        ("{Name: x, Default: 3}", "${get(state.x, 3)}"),
        ('{Name: x, Default: "a\'}"}', '${get(state.x, "a\'}")}'),
    ],
)
def test_the_output_is_the_variable_of_its_name(output: str, value: str) -> None:
    (found,) = only(steps("") + f"Output: {output}\n").outputs
    assert found.value == value
    compile_template(found.value)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"Workflows": []}, True),
        ({"Name": "W", "Steps": []}, True),
        ({"Agents": [], "x": 1}, True),
        ({"name": "w", "steps": []}, False),
        ({"Name": "w", "steps": []}, False),
        ({"workflows": [], "Name": 1}, False),
        ({}, False),
        (None, False),
        ([], False),
    ],
)
def test_a_dive_file_is_known_by_its_keys(data: Any, expected: bool) -> None:
    assert is_dive(data) is expected


def test_limits_are_those_of_every_file() -> None:
    for text, message in [
        ("a" * (2 * 1024 * 1024 + 1), "larger than 2 MiB"),
        ("Name: " + "[" * 100 + "]" * 100, "nested deeper than 64 levels"),
        ("", "the file is empty"),
        ("Name: a\nName: b", "the key 'Name' stands here twice"),
        ("Name: &a b\nSteps: *a", "aliases are not supported"),
    ]:
        with pytest.raises(LoadError, match=message):
            dive(text)


def test_the_example_of_the_documentation_loads() -> None:
    text = (Path(__file__).parents[2] / "docs" / "dive.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    workflow = only(example)
    assert [step.kind for step in workflow.steps] == ["prompt", "script", "action", "action"]


def test_the_documentation_names_every_function_and_method() -> None:
    text = " ".join((Path(__file__).parents[2] / "docs" / "dive.md").read_text().split())
    assert f"Functions: `{' '.join(sorted([*FUNCTIONS, 'getattr', 'string']))}`" in text
    assert f"Methods: `{' '.join(sorted(METHODS))}`" in text
