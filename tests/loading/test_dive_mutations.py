"""Whatever happens to a Dive file, it loads or its problems are told with places inside the file."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.core.expressions import compile_expression
from engine.core.templates import compile_template
from engine.loading.dive_shapes import AGENT, CONTENT, DOCUMENT, ENVIRONMENT, WORKFLOW
from engine.loading.problems import LoadError
from engine.model.workflow import Workflow
from tests.loading.diveflows import BRANCHING, LOOP, RESEARCH, dive

FILES = [RESEARCH, BRANCHING, LOOP]
KEYS = st.sampled_from(
    [
        *(key for shape in (AGENT, CONTENT, DOCUMENT, ENVIRONMENT, WORKFLOW) for key in shape.keys),
        *("Step", "Condition", "Items", "As", "Store", "Default", "Type", "name", "Nam", "", "é", "x" * 300),
    ]
)
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1.5, 2**70, "", "A", "Report", "person", "x" * 300, [], {}, [[]], [None], {"a": 1}),
        *("${", "${}", "${state}", "${n +}", "${'a}", "$(", "$()", "$(facts)", "$(a) && $(b)", "a || b && c", "1; 2"),
        *("**/*", "{a,b}", "[", "*\0", "../..", "inputs", "class", "30s", "soon", "\u2028", "${'{n}'}", "func() {}"),
        *({"Step": "Done"}, [{"Step": "Log", "Condition": "n"}], [{"Name": "A", "Prompt": "${x}"}]),
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
    return yaml.dump(document, Dumper=_PlainDumper, allow_unicode=draw(st.booleans()), default_flow_style=style)


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
        text = text[:start] + draw(st.text("{}[]():,-#&|!?>'\"`$ \n\t\r\0a1\u2028", max_size=4)) + text[end:]
    return text


def check(text: str) -> None:
    try:
        loaded = dive(text)
    except LoadError as error:
        problems = error.problems
        assert any(problem.severity == "error" for problem in problems)
    else:
        problems = loaded.warnings
        for workflow in loaded.workflows:
            check_sound(workflow)
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for problem in problems:
        assert problem.message
        assert "\n" not in str(problem)
        if problem.line is not None:
            assert problem.column is not None
            assert 1 <= problem.line <= len(lines)
            assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1


def check_sound(workflow: Workflow) -> None:
    """Every expression of a workflow that loaded compiles, and it survives being recorded."""
    assert Workflow.model_validate(workflow.to_dict()) == workflow
    for step in workflow.steps:
        compile_template(step.parameters)
        compile_template([step.prompt, *step.content])
        compile_template(step.each.items if step.each else None)
        for expression in [step.script, *(edge.condition for edge in step.next or ())]:
            assert expression is None or compile_expression(expression)
    compile_template([output.value for output in workflow.outputs])


@given(mutated())
def test_a_mutated_file_loads_or_is_told(text: str) -> None:
    check(text)


@given(damaged())
def test_a_damaged_file_loads_or_is_told(text: str) -> None:
    check(text)
