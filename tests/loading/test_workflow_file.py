"""Workflow files: what loads, and every mistake with its place, all of them at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.loading.problems import LoadError
from engine.loading.workflow_file import LoadedFile, load_workflows, read_workflows, select_workflow
from engine.model.workflow import Workflow

ROOT = Path(__file__).parents[2]
GOOD = """\
name: check-sources            # one workflow
description: Looks at source files
version: "1.10"
labels: {team: tools}
inputs:
  - {name: root, type: string, default: src, description: where to look}
  - {name: limit, type: integer, required: false}
steps:
  - {name: List, action: Files.List, parameters: {root: "${inputs.root}", pattern: "*.py"}, store: files}
  - name: Measure
    each: {items: "${state.files}", as: file}
    action: Python.Measure
    parameters: {path: "${file}", deep: [{limit: "${inputs.limit}"}]}
    store: measures
    next:
      - Report                                   # short for {step: Report}
      - {step: Problems, condition: "len(state.measures) > 0", path: problems}
  - {name: Report, action: Document.Write, parameters: {path: report.md, content: "${state.measures}"}, end: true}
  - name: Problems
    action: Python.Problems
    store: problems
outputs:
  - {name: files, value: "${len(state.files)}"}
  - {name: all, value: ["${paths.problems.problems}", "${inputs.limit}"]}
"""


def read(text: str) -> LoadedFile:
    return read_workflows(text.encode(), "flow.yaml")


def only(text: str) -> Workflow:
    loaded = read(text)
    assert loaded.warnings == []
    (workflow,) = loaded.workflows
    return workflow


def problems_of(text: str) -> list[str]:
    with pytest.raises(LoadError) as caught:
        read(text)
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return [str(problem) for problem in caught.value.problems]


def warnings_of(text: str) -> list[str]:
    loaded = read(text)
    assert {warning.severity for warning in loaded.warnings} <= {"warning"}
    return [str(warning) for warning in loaded.warnings]


def flow(steps: str, **parts: str) -> str:
    """A workflow of these steps, whose first one is in line 3."""
    return f"name: flow\nsteps:\n{steps}" + "".join(f"{key}: {value}\n" for key, value in parts.items())


# What loads


def test_the_whole_form_becomes_the_model() -> None:
    workflow = only(GOOD)
    assert workflow.to_dict() == {
        "name": "check-sources",
        "description": "Looks at source files",
        "version": "1.10",
        "labels": {"team": "tools"},
        "inputs": [
            {"name": "root", "type": "string", "default": "src", "description": "where to look"},
            {"name": "limit", "type": "integer", "required": False},
        ],
        "steps": [
            {
                "name": "List",
                "action": "Files.List",
                "parameters": {"root": "${inputs.root}", "pattern": "*.py"},
                "store": "files",
            },
            {
                "name": "Measure",
                "each": {"items": "${state.files}", "as": "file"},
                "action": "Python.Measure",
                "parameters": {"path": "${file}", "deep": [{"limit": "${inputs.limit}"}]},
                "store": "measures",
                "next": [
                    {"step": "Report"},
                    {"step": "Problems", "condition": "len(state.measures) > 0", "path": "problems"},
                ],
            },
            {
                "name": "Report",
                "action": "Document.Write",
                "parameters": {"path": "report.md", "content": "${state.measures}"},
                "end": True,
            },
            {"name": "Problems", "action": "Python.Problems", "store": "problems"},
        ],
        "outputs": [
            {"name": "files", "value": "${len(state.files)}"},
            {"name": "all", "value": ["${paths.problems.problems}", "${inputs.limit}"]},
        ],
    }


@pytest.mark.parametrize("edges", ["B", "[B]", "{step: B}", "[{step: B}]", '{step: B, condition: "1 < 2"}'])
def test_a_single_edge_needs_no_list(edges: str) -> None:
    workflow = only(flow(f"  - {{name: A, action: a, next: {edges}}}\n  - {{name: B, action: b}}\n"))
    (edge,) = workflow.steps[0].next or ()
    assert edge.step == "B"
    assert (edge.condition is None) == ("condition" not in edges)


def test_words_yaml_1_1_takes_for_booleans_are_names() -> None:
    workflow = only(flow("  - {name: on, action: yes, store: no, next: off}\n  - {name: off, action: y}\n"))
    assert [(step.name, step.action, step.store) for step in workflow.steps] == [
        ("on", "yes", "no"),
        ("off", "y", None),
    ]


def test_a_start_step_may_be_named_and_loops_are_fine() -> None:
    steps = "  - {name: B, action: b, next: A}\n  - {name: A, action: a, next: B}\n"
    assert only(flow(steps, start="A")).start == "A"


def test_items_may_be_a_list_of_anything() -> None:
    (step,) = only(
        flow('  - {name: A, action: a, each: {items: [1, "${inputs}", x]}, parameters: {p: "${item}"}}\n')
    ).steps
    assert step.each is not None
    assert step.each.items == [1, "${inputs}", "x"]


SEVERAL = """\
workflows:
  - name: one
    steps: [{name: A, action: a}]
  - name: two
    steps: [{name: A, action: a}]
"""


def test_a_file_may_hold_several_workflows() -> None:
    loaded = read(SEVERAL)
    assert [workflow.name for workflow in loaded.workflows] == ["one", "two"]
    assert select_workflow(loaded, "two").name == "two"


def test_a_workflow_is_chosen_by_name_or_because_it_is_the_only_one() -> None:
    assert select_workflow(read(GOOD)).name == "check-sources"
    for name, problem in [
        (None, "flow.yaml: holds 2 workflows, choose one by its name: 'one', 'two'"),
        ("oen", "flow.yaml: has no workflow 'oen'; did you mean 'one'?"),
        ("zzz", "flow.yaml: has no workflow 'zzz'; it holds 'one', 'two'"),
    ]:
        with pytest.raises(LoadError) as caught:
            select_workflow(read(SEVERAL), name)
        assert str(caught.value) == problem


# The file itself


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "flow.yaml: the file is empty"),
        ("---\n", "flow.yaml: the file is empty"),
        ("- a\n", "flow.yaml:1:1: a workflow is a mapping with 'name' and 'steps', not a list"),
        ("\n text", "flow.yaml:2:2: a workflow is a mapping with 'name' and 'steps', not 'text'"),
        ("*x", "flow.yaml:1:1: aliases are not supported; write the value out, or put the text '*x' in quotes"),
        ("a: [", "flow.yaml:1:4: the [ that stands here is never closed"),
        ("workflows: []\n", "flow.yaml:1:12: 'workflows' must not be empty"),
        ("workflows: x\n", "flow.yaml:1:12: 'workflows' must be a list, not 'x'"),
        ("workflows: [x]\n", "flow.yaml:1:13: a workflow must be a mapping, not 'x'"),
    ],
)
def test_what_is_no_workflow_file_is_one_sentence(text: str, problem: str) -> None:
    assert problems_of(text) == [problem]


def test_a_file_is_read_from_its_path(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(GOOD)
    assert load_workflows(tmp_path / "flow.yaml").workflows[0].name == "check-sources"
    assert load_workflows(str(tmp_path / "flow.yaml")).file == str(tmp_path / "flow.yaml")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("gone.yaml", "there is no such file"),
        ("", "this is a folder, not a file"),
        ("file/inside", "cannot be read: Not a directory"),
        ("x" * 300, "cannot be read: File name too long"),
        ("nul\0", "cannot be read: embedded null byte"),
        ("binary", "a binary file, not a text file"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "binary").write_bytes(b"MZ\0\0")
    with pytest.raises(LoadError) as caught:
        load_workflows(tmp_path / name)
    assert [told.message for told in caught.value.problems] == [problem]
    assert str(caught.value) == f"{tmp_path / name}: {problem}"


AS_NOBODY = """
import os, sys
from engine.loading.workflow_file import LoadError, load_workflows
if os.getuid() == 0:
    os.setuid(65534)
try:
    load_workflows(sys.argv[1])
except LoadError as error:
    print(error)
"""


def test_a_file_without_permission_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text(GOOD)
    file.chmod(0)
    told = subprocess.run([sys.executable, "-c", AS_NOBODY, file], capture_output=True, text=True, cwd=ROOT, check=True)
    assert told.stdout == f"{file}: cannot be read: Permission denied\n"


# Mistakes of form


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    assert problems_of(
        "nme: flow\n"
        "version: 1.10\n"
        "inputs:\n"
        "  - {name: root, typ: string}\n"
        "  - {name: root, type: strng, default: 5}\n"
        "steps:\n"
        "  - name: A\n"
        "    action: a\n"
        "    nxt: B\n"
        "    end: yes\n"
        "  - name: B\n"
        "    action: 5\n"
        "    retry: {max_attempts: 3}\n"
        "    parameters: {x: '${inputs.rot}'}\n"
        "  - action: c\n"
        "    next: [Z, {condition: '1 +'}]\n"
        "outputs:\n"
        "  - {name: x, value: '${state.}'}\n"
        "deadline: 5m\n"
    ) == [
        "flow.yaml:1:1: unknown key 'nme'; did you mean 'name'?",
        "flow.yaml:2:10: 'version' must be text, not 1.1; put it in quotes",
        "flow.yaml:4:18: unknown key 'typ'; did you mean 'type'?",
        "flow.yaml:5:12: a second input is named 'root'; the first is on line 4",
        "flow.yaml:5:24: 'type' must be one of string, integer, number, boolean, array, object, not 'strng'; "
        "did you mean 'string'?",
        "flow.yaml:9:5: unknown key 'nxt'; did you mean 'next'?",
        "flow.yaml:10:10: 'end' must be true or false, not 'yes'",
        "flow.yaml:12:13: 'action' must be text, not 5; put it in quotes",
        "flow.yaml:13:5: 'retry' is not supported yet",
        "flow.yaml:14:29: there is no input 'rot'; did you mean 'root'?",
        "flow.yaml:15:5: a step needs 'name'",
        "flow.yaml:16:12: 'Z' is no step",
        "flow.yaml:16:15: an edge needs 'step'",
        "flow.yaml:16:31: invalid syntax",
        "flow.yaml:18:30: invalid syntax",
        "flow.yaml:19:1: 'deadline' is not supported yet",
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("prompt", "hi"),
        ("script", '"1"'),
        ("wait_signal", "{topic: x}"),
        ("sleep", "5s"),
        ("join", "{paths: [a]}"),
        ("workflow", "child"),
        ("pass", "{}"),
        ("type", "script"),
    ],
)
def test_planned_step_kinds_are_told_and_nothing_else_about_the_step(key: str, value: str) -> None:
    assert problems_of(flow(f"  - {{name: A, {key}: {value}}}\n")) == [f"flow.yaml:3:14: {key!r} is not supported yet"]


@pytest.mark.parametrize(
    "key",
    [
        *("agent", "content", "topic", "on_timeout", "paths", "count", "mappings", "rest"),
        *("edge_matching", "retry", "catch", "timeout", "timeout_total"),
    ],
)
def test_planned_step_keys_are_told_where_they_stand(key: str) -> None:
    assert problems_of(flow(f"  - name: A\n    {key}: x\n    action: a\n")) == [
        f"flow.yaml:4:5: {key!r} is not supported yet"
    ]


@pytest.mark.parametrize("key", ["on_failure", "deadline", "max_visits", "max_parallel"])
def test_planned_workflow_keys_are_told(key: str) -> None:
    assert problems_of(flow("  - {name: A, action: a}\n", **{key: "5"})) == [
        f"flow.yaml:4:1: {key!r} is not supported yet"
    ]


def test_planned_keys_of_parts_are_told() -> None:
    assert problems_of(
        flow(
            "  - {name: A, action: a, each: {items: [1], concurrency: 2, on_item_failure: collect}}\n"
            "  - {name: B, action: b, store: {x: y}}\n",
            inputs="[{name: token, secret: true}]",
        )
    ) == [
        "flow.yaml:3:47: 'concurrency' is not supported yet",
        "flow.yaml:3:63: 'on_item_failure' is not supported yet",
        "flow.yaml:4:33: 'store' as a mapping is not supported yet; give the name of one variable",
        "flow.yaml:5:24: 'secret' is not supported yet",
    ]


FORM = [
    ("name: 5\nsteps: [{name: A, action: a}]\n", "1:7: 'name' must be text, not 5; put it in quotes"),
    ("name:\nsteps: [{name: A, action: a}]\n", "1:6: 'name' must be text, not empty"),
    ("name: ''\nsteps: [{name: A, action: a}]\n", "1:7: 'name' must not be empty"),
    (f"name: {'x' * 201}\nsteps: [{{name: A, action: a}}]\n", "1:7: 'name' must not be longer than 200 characters"),
    ("name: flow\n", "1:1: a workflow needs 'steps'"),
    ("name: flow\nsteps: []\n", "2:8: 'steps' must not be empty"),
    ("name: flow\nsteps:\n", "2:7: 'steps' must be a list, not empty"),
    ("name: flow\nsteps: {A: {action: a}}\n", "2:8: 'steps' must be a list, not a mapping"),
    ("name: flow\nsteps: [A]\n", "2:9: a step must be a mapping, not 'A'"),
    ("name: flow\nSteps: [{name: A, action: a}]\n", "2:1: unknown key 'Steps'; did you mean 'steps'?"),
    ("name: flow\nsteps: [{name: A, action: a}]\nfoo: 1\n", "3:1: unknown key 'foo'"),
    (flow("  - {name: A}\n"), "3:5: a step needs 'action'"),
    (flow("  - {name: A, acton: a}\n"), "3:14: unknown key 'acton'; did you mean 'action'?"),
    (flow("  - {name: A, action: a, end: 1}\n"), "3:30: 'end' must be true or false, not 1"),
    (flow("  - {name: A, action: a, end: 'true'}\n"), "3:30: 'end' must be true or false, not 'true'"),
    (flow("  - {name: A, action: a, parameters: [x]}\n"), "3:37: 'parameters' must be a mapping, not a list"),
    (flow("  - {name: A, action: a, next: }\n"), "NEXT"),
    (flow("  - {name: A, action: a, next: []}\n"), "NEXT"),
    (flow("  - {name: A, action: a, next: 5}\n"), "3:31: 'next' must be the name of a step or a mapping, not 5"),
    (
        flow("  - {name: A, action: a, next: [true]}\n"),
        "3:32: entry 1 of 'next' must be the name of a step or a mapping, not true",
    ),
    (flow("  - {name: A, action: a, next: {step: A, on: x}}\n"), "3:42: unknown key 'on'"),
    (
        flow("  - {name: A, action: a, next: {step: A, condition: true}}\n"),
        "3:53: 'condition' must be an expression in quotes, not true",
    ),
    (
        flow("  - {name: A, action: a, next: {step: A, condition: ''}}\n"),
        "3:53: 'condition' must not be empty; leave it out for an edge that is always taken",
    ),
    (
        flow("  - {name: A, action: a, next: {step: A, condition: '${1}'}}\n"),
        "3:54: a condition is written without ${...}",
    ),
    (
        flow("  - {name: A, action: a, store: my-var}\n"),
        "3:32: 'store' must consist of letters (A-Z, a-z), digits and '_', not beginning with a digit; "
        "'my-var' does not",
    ),
    (flow("  - {name: A, action: a, each: x}\n"), "3:31: 'each' must be a mapping, not 'x'"),
    (flow("  - {name: A, action: a, each: {as: x}}\n"), "3:31: 'each' needs 'items'"),
    (
        flow("  - {name: A, action: a, each: {items: 5}}\n"),
        "3:39: 'items' must be a list or a template such as \"${state.files}\", not 5",
    ),
    (
        flow("  - {name: A, action: a, each: {items: files}}\n"),
        "3:39: 'items' must be a list or exactly one template such as \"${state.files}\"",
    ),
    (
        flow("  - {name: A, action: a, each: {items: '${inputs} '}}\n"),
        "3:39: 'items' must be a list or exactly one template such as \"${state.files}\"",
    ),
    (
        flow("  - {name: A, action: a, each: {items: '${1}${2}'}}\n"),
        "3:39: 'items' must be a list or exactly one template such as \"${state.files}\"",
    ),
    (
        flow("  - {name: A, action: a, each: {items: [1], as: state}}\n"),
        "3:48: 'as' must be another name than 'state', which it would hide",
    ),
    (
        flow("  - {name: A, action: a, each: {items: [1], as: for}}\n"),
        "3:48: 'as' must be another name: 'for' is a word of the expression language",
    ),
    (flow("  - {name: A, action: a}\n", labels="{a: 5}"), "4:13: 'a' must be text, not 5; put it in quotes"),
    (flow("  - {name: A, action: a}\n", inputs="{a: 5}"), "4:9: 'inputs' must be a list, not a mapping"),
    (flow("  - {name: A, action: a}\n", inputs="[{name: a, required: 1}]"), "REQUIRED"),
    (flow("  - {name: A, action: a}\n", outputs="[{name: a}]"), "4:11: an output needs 'value'"),
    (SEVERAL + "name: x\n", "6:1: unknown key 'name'; it belongs into one of the 'workflows'"),
    (SEVERAL.replace("workflows", "workflow"), "1:1: unknown key 'workflow'; did you mean 'workflows'?"),
    (SEVERAL.replace("two", "one"), "4:11: a second workflow is named 'one'; the first is on line 2"),
    (SEVERAL.replace("action", "acton", 1), "3:20: unknown key 'acton'; did you mean 'action'?"),
]
NAMED = {
    "NEXT": "3:31: 'next' is empty; name a step, or write 'end: true' for a step that ends its path",
    "REQUIRED": "4:31: 'required' must be true or false, not 1",
}


@pytest.mark.parametrize(("text", "problem"), FORM)
def test_every_mistake_of_form_has_one_sentence_and_its_place(text: str, problem: str) -> None:
    assert problems_of(text) == ["flow.yaml:" + NAMED.get(problem, problem)]


def test_problems_of_yaml_and_of_the_workflow_are_told_together_and_only_once() -> None:
    assert problems_of("name: &a flow\nname: x\nsteps:\n  - {name: *a, action: a, nxt: 1}\n") == [
        "flow.yaml:1:7: anchors are not supported; a text that begins with '&' must be in quotes",
        "flow.yaml:2:1: the key 'name' stands here twice; the first is on line 1",
        "flow.yaml:4:12: aliases are not supported; write the value out, or put the text '*a' in quotes",
        "flow.yaml:4:27: unknown key 'nxt'; did you mean 'next'?",
    ]


# Mistakes of meaning

AB = "  - {name: A, action: a, next: [%s]}\n  - {name: B, action: b}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            flow("  - {name: A, action: a}\n  - {name: A, action: b}\n"),
            "4:12: a second step is named 'A'; the first is on line 3",
        ),
        (flow(AB % "BB, B"), "3:32: 'BB' is no step; did you mean 'B'?"),
        (flow(AB % "{step: bb}, B"), "3:39: 'bb' is no step; did you mean 'B'?"),
        (flow(AB % "B", start="Z"), "5:8: 'start' names 'Z', which is no step"),
        (flow(AB % "B", start="b"), "5:8: 'start' names 'b', which is no step; did you mean 'B'?"),
        (flow(AB % "A"), "4:12: no path leads to step 'B'"),
        (flow(AB % "B", start="B"), "3:12: no path leads to step 'A'"),
        (flow("  - {name: A, action: a, end: true}\n  - {name: B, action: b}\n"), "4:12: no path leads to step 'B'"),
        (
            flow("  - {name: A, action: a, end: true, next: A}\n"),
            "3:28: a step has either 'end: true' or 'next', not both",
        ),
        (
            flow(AB % "{step: A, path: x}, {step: B, path: x}"),
            "3:68: a second path is named 'x'; the first is on line 3",
        ),
        (
            flow("  - {name: A, action: a}\n", outputs="[{name: a, value: 1}, {name: a, value: 2}]"),
            "4:39: a second output is named 'a'; the first is on line 4",
        ),
    ],
)
def test_every_mistake_in_the_graph_has_its_place(text: str, problem: str) -> None:
    assert problems_of(text) == [f"flow.yaml:{problem}"]


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ("{type: integer, default: '5'}", "must be a whole number, not '5': the input is of type integer"),
        ("{type: integer, default: true}", "must be a whole number, not true: the input is of type integer"),
        ("{default: 5}", "must be text, not 5: the input is of type string"),
        ("{type: boolean, default: on}", "must be true or false, not 'on': the input is of type boolean"),
        ("{type: array, default: {}}", "must be a list, not a mapping: the input is of type array"),
    ],
)
def test_a_default_must_be_of_its_type(declared: str, problem: str) -> None:
    text = flow("  - {name: A, action: a}\n", inputs=f"[{declared.replace('{', '{name: x, ', 1)}]")
    (told,) = problems_of(text)
    assert told == f"flow.yaml:4:{text.splitlines()[3].index('default: ') + 10}: 'default' {problem}"


def test_a_default_of_null_makes_an_input_optional() -> None:
    (declared,) = only(flow("  - {name: A, action: a}\n", inputs="[{name: x, type: array, default: null}]")).inputs
    assert not declared.is_required


EXPRESSIONS = [
    ('"${stat.x}"', 3, "unknown name 'stat'; did you mean 'state'?"),
    ("'before ${inputs.rot} after'", 17, "there is no input 'rot'; did you mean 'root'?"),
    ("""'${inputs["rot"]}'""", 10, "there is no input 'rot'; did you mean 'root'?"),
    ("ok ${inputs.root} ${ nope }", 21, "unknown name 'nope'"),
    ('"${root}"', 3, "unknown name 'root'; did you mean 'inputs.root'?"),
    ('"${out}"', 3, "unknown name 'out'; did you mean 'state.out'?"),
    ('"${len}"', 3, "unknown name 'len'; len is a function, call it: len(...)"),
    ('"${paths.x}"', 3, "unknown name 'paths': only outputs can use 'paths'"),
    ('"${[m for m in m]}"', 15, "unknown name 'm'"),
    ('"${inputs.root +}"', 16, "invalid syntax"),
    ('"${nofunction(1)}"', 3, "there is no function 'nofunction'"),
]


@pytest.mark.parametrize(("value", "offset", "problem"), EXPRESSIONS)
def test_names_and_syntax_in_templates_are_told_at_their_column(value: str, offset: int, problem: str) -> None:
    text = flow(
        f"  - name: A\n    action: a\n    store: out\n    parameters:\n      deep:\n        - {value}\n",
        inputs="[{name: root}]",
    )
    (told,) = problems_of(text)
    assert told.startswith(f"flow.yaml:8:{11 + offset}: {problem}")


def test_where_columns_cannot_be_counted_the_text_itself_is_named() -> None:
    text = flow('  - name: A\n    action: a\n    parameters:\n      x: "\\t${nope}"\n      y: |\n        ${nope}\n')
    assert problems_of(text) == ["flow.yaml:6:10: unknown name 'nope'", "flow.yaml:7:10: unknown name 'nope'"]


def test_an_unclosed_template_is_told() -> None:
    (told,) = problems_of(flow("  - {name: A, action: a, parameters: {x: 'a ${inputs'}}\n"))
    assert told.startswith("flow.yaml:3:44: ")


def test_conditions_are_checked_like_templates() -> None:
    text = flow(
        "  - name: A\n    action: a\n    next:\n"
        "      - {step: A, condition: stat.x}\n"
        "      - {step: A, condition: '1 +'}\n"
        '      - {step: A, condition: "inputs.n && True"}\n'
        '      - {step: A, condition: "len(inputs.n) > 1"}\n',
        inputs="[]",
    )
    assert problems_of(text) == [
        "flow.yaml:6:30: unknown name 'stat'; did you mean 'state'?",
        "flow.yaml:7:34: invalid syntax",
        "flow.yaml:8:40: write 'and' instead of '&&'",
        "flow.yaml:9:41: there is no input 'n'",
    ]


def test_the_loop_variable_exists_in_the_parameters_only() -> None:
    where = "unknown name 'file': the variable of 'each' exists only in the step's 'parameters'"
    text = flow(
        "  - name: A\n    action: a\n    each: {items: '${file}', as: file}\n    parameters: {x: '${file}'}\n"
        "    next: {step: B, condition: file}\n"
        "  - {name: B, action: b, parameters: {x: '${file}'}}\n"
    )
    assert problems_of(text) == [
        f"flow.yaml:5:22: {where}",
        f"flow.yaml:7:32: {where}",
        "flow.yaml:8:45: unknown name 'file'",
    ]


def test_outputs_may_use_paths_but_no_loop_variable() -> None:
    steps = "  - {name: A, action: a, each: {items: [1]}}\n"
    assert problems_of(flow(steps, outputs="[{name: x, value: '${paths.main}${item}'}]")) == [
        "flow.yaml:4:37: unknown name 'item'"
    ]


def test_methods_are_no_inputs() -> None:
    assert only(flow("  - {name: A, action: a, parameters: {x: '${inputs.get(\"x\")}${inputs.keys()}'}}\n"))


# Warnings


def test_a_variable_no_step_stores_is_a_warning() -> None:
    steps = '  - {name: A, action: a, store: files, parameters: {x: "${state.fils}", y: "${state.zzz}"}}\n'
    assert warnings_of(flow(steps)) == [
        "flow.yaml:3:67: warning: no step stores 'fils'; did you mean 'files'?",
        "flow.yaml:3:87: warning: no step stores 'zzz'",
    ]


def test_a_default_that_is_never_used_is_a_warning() -> None:
    steps = "  - {name: A, action: a}\n"
    assert warnings_of(flow(steps, inputs="[{name: x, default: y, required: true}]")) == [
        "flow.yaml:4:20: warning: the input is required, so this default is never used"
    ]


def fork(edges: str, output: str = "${state.r}") -> str:
    return flow(
        f"  - {{name: Fork, action: f, next: [{edges}]}}\n"
        "  - {name: A, action: a, store: r, end: true}\n"
        "  - {name: B, action: b, store: r, end: true}\n",
        outputs=f'[{{name: x, value: "{output}"}}]',
    )


@pytest.mark.parametrize(
    "edges",
    [
        "A, B",
        "{step: A, path: a}, {step: B, path: b}",
        "{step: A, condition: '1', path: a}, {step: B, condition: '2', path: b}",
        "{step: A, condition: '1'}, B",
    ],
)
def test_an_output_that_two_paths_compete_for_is_a_warning(edges: str) -> None:
    assert warnings_of(fork(edges)) == [
        "flow.yaml:6:36: warning: paths that run at the same time both store 'r' (steps 'A' and 'B' do), so either "
        "value may end up here; name the path: paths.NAME.r"
    ]


def test_paths_that_go_through_one_storing_step_compete_too() -> None:
    text = fork("{step: A, path: a}, {step: B, path: b}, {step: A, path: c}").replace("b, store: r", "b, store: other")
    assert [told.partition("both store")[2].partition(",")[0] for told in warnings_of(text)] == [" 'r' (step 'A' does)"]


@pytest.mark.parametrize(
    "text",
    [
        fork("{step: A, condition: '1 < 2'}, {step: B, condition: '2 < 1'}"),
        fork("A, B", "${paths.a.r}"),
        fork("A, B").replace("b, store: r", "b, store: s"),
    ],
)
def test_alternatives_named_paths_and_different_variables_compete_for_nothing(text: str) -> None:
    assert warnings_of(text) == []


def test_warnings_stand_among_the_errors_in_order() -> None:
    text = flow('  - {name: A, action: a, parameters: {x: "${state.x}"}, nxt: 1}\n')
    assert problems_of(text) == [
        "flow.yaml:3:51: warning: no step stores 'x'",
        "flow.yaml:3:57: unknown key 'nxt'; did you mean 'next'?",
    ]


def test_thousands_of_mistakes_are_told_in_reasonable_work(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("engine.loading.findings.nearest", lambda name, known: asked.append(name))
    many = "".join(f"  - {{name: step {n}, action: a, nxt{n}: 1, next: missing {n}}}\n" for n in range(5000))
    assert len(problems_of(flow(many))) == 10_000
    assert len(asked) == 100, "the search for near names must not be repeated without end"
