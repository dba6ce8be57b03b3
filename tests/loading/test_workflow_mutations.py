"""Whatever happens to a workflow file, it loads or its problems are told with places inside the file."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.core.program import compile_workflow
from engine.loading.checks import check_workflow
from engine.loading.findings import Findings
from engine.loading.problems import LoadError
from engine.loading.workflow_file import read_workflows
from engine.model.workflow import Workflow
from tests.loading.flows import GOOD, RICH, SEVERAL

FILES = [GOOD, SEVERAL, RICH]
KEYS = st.sampled_from(
    [
        *("name", "steps", "nxt", "next", "end", "each", "items", "as", "condition", "store", "action", "parameters"),
        *("workflows", "inputs", "default", "type", "value", "secret", "retry", "", "1", "<<", "é", "x" * 300),
        *("prompt", "script", "wait_signal", "topic", "sleep", "join", "paths", "workflow", "pass", "detached"),
        *("catch", "errors", "timeout", "on_timeout", "count", "mappings", "rest", "content", "agents", "concurrency"),
    ]
)
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(
            None,
            True,
            False,
            0,
            -1,
            1.5,
            2**70,
            "",
            "A",
            "Report",
            "file",
            "on",
            "x" * 300,
            [],
            {},
            [[]],
            [None],
            {"a": 1},
        ),
        *("${", "${}", "${state}", "${stat.x}", "${inputs.nope}", "${file}", "${[x for x in state.files]}", "${1/0}"),
        *(
            "pass",
            "join",
            "env:X",
            "file:",
            "10s",
            "-1s",
            "fail",
            "Gather",
            "shipping",
            "pay",
            "pay.charge",
            "state.x = 1",
        ),
        *({"max_attempts": 2}, [{"step": "Later"}], {"pay.charge": "x"}, {"x": "y"}, ["*"], ["pay"], "def f(:", "\t1"),
        *({"step": "List"}, [{"step": "Report", "path": "p"}, "Report"], {"items": "${x}", "as": "inputs"}),
        *("a ${'}'} b", "$${", "\u2028", "\0", "multi\nline ${nope}", "- a", "{", "&a", "*b", "!c", "'"),
    ]
) | st.text(max_size=8)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a document with each of its keys or indexes."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A valid file with some entries deleted, renamed, replaced or repeated."""
    document = yaml.safe_load(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(1, 4))):
        found = list(places(document))
        if not found:
            break
        container, key = draw(st.sampled_from(found))
        match draw(st.sampled_from(["delete", "rename", "replace", "repeat"])):
            case "delete":
                del container[key]
            case "rename" if isinstance(container, dict):
                container[draw(KEYS)] = container.pop(key)
            case "repeat" if isinstance(container, list):
                container.append(copy.deepcopy(container[key]))
            case _:
                container[key] = copy.deepcopy(draw(VALUES))
    style = draw(st.sampled_from([None, False, True]))
    return yaml.dump(
        document, Dumper=_PlainDumper, allow_unicode=draw(st.booleans()), default_flow_style=style, width=60
    )


class _PlainDumper(yaml.SafeDumper):
    """Writes a value that stands twice twice, not as an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A valid file with some characters cut out or put in."""
    text = draw(st.sampled_from(FILES))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 8)))
        text = text[:start] + draw(st.text("{}[]:,-#&*!|>'\"$ \n\t\r\0a1\u2028\ufeff", max_size=4)) + text[end:]
    return text


def check(text: str) -> None:
    try:
        loaded = read_workflows(text.encode(), "flow.yaml")
    except LoadError as error:
        problems = error.problems
        assert any(problem.severity == "error" for problem in problems)
        assert error.__cause__ is None, "the model refused what every check let through"
    else:
        problems = loaded.warnings
        for workflow in loaded.workflows:
            compile_workflow(workflow)
            assert Workflow.model_validate(workflow.to_dict()) == workflow
            again = Findings()
            check_workflow(again, (), workflow.to_dict())
            assert not again.errors, again.found
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in problems:
        assert problem.message
        assert problem.file == "flow.yaml"
        assert "\n" not in str(problem)
        if problem.line is not None:
            assert problem.column is not None
            assert 1 <= problem.line <= len(lines)
            assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1


@given(mutated())
def test_a_mutated_file_loads_or_is_told(text: str) -> None:
    check(text)


@given(damaged())
def test_a_damaged_file_loads_or_is_told(text: str) -> None:
    check(text)
