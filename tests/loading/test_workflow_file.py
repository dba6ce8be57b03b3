"""Workflow files: what they may hold, and files that are none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.loading.problems import LoadError
from engine.loading.workflow_file import load_workflows, select_workflow
from engine.model.workflow import Workflow
from tests.loading.flows import GOOD, SEVERAL, flow, problems_of, read

ROOT = Path(__file__).parents[2]


def only(text: str) -> Workflow:
    loaded = read(text)
    assert loaded.warnings == []
    (workflow,) = loaded.workflows
    return workflow


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
        ("a: [1", "flow.yaml:1:4: the [ that stands here is never closed"),
        ("a: [", "flow.yaml:1:5: not YAML: did not find expected node content; the file ends here"),
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
