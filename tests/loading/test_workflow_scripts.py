"""Scripts, prompts and waits in workflow files: do they parse, and can the names in them exist."""

from __future__ import annotations

import pytest

from engine.core.script_check import MODULES
from tests.loading.flows import assert_told, assert_warned, flow, warnings_of


def script(*lines: str, more: str = "") -> str:
    """A workflow with this script as a literal block."""
    block = "".join(f"\n      {line}" for line in lines)
    return flow(f"  - name: A\n    store: out\n{more}    script: |{block}\n", inputs="[{name: root}]")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (script("a = 1", "if a: b §c"), "invalid syntax"),
        (script("a = 1", "§(", "2"), "'(' was never closed"),
        (script("é = '😀'; inputs.§rot"), "there is no input 'rot'; did you mean 'root'?"),
        (script("a = 1", "", "b = [§nope, a]", "b"), "unknown name 'nope'"),
        (script("§root"), "unknown name 'root'; did you mean 'inputs.root'?"),
        (script("[§item for x in [1]]"), "unknown name 'item'"),
        (script("import math", "math.pi + §maths.pi"), "unknown name 'maths'"),
        (script("§paths.main"), "unknown name 'paths': only outputs can use 'paths'"),
        (script("§error.type"), "unknown name 'error': only the condition of a retry policy can use 'error'"),
        (
            flow("  - {name: A, script: '§import os'}\n"),
            f"scripts cannot import os; there are {', '.join(sorted(MODULES))}",
        ),
        (flow("  - {name: A, script: §5}\n"), "'script' must be text, not 5; put it in quotes"),
    ],
)
def test_a_mistake_in_a_script_is_told_at_its_line_and_column(text: str, problem: str) -> None:
    assert_told(text, problem)


@pytest.mark.parametrize(
    "line", ["§inputs = 1", "§state.x = 1", "§state['x'] = 1", "§state.x += 1", "for §inputs in []: pass"]
)
def test_a_script_may_not_assign_to_what_is_given(line: str) -> None:
    name = "inputs" if "inputs" in line else "state"
    assert_told(
        script("x = 1", line),
        f"a script cannot assign to {name}; make the new value its last expression and name the variable in the "
        "step's `store` (for several: a mapping, and `store: {variable: key}`)",
    )


@pytest.mark.parametrize(
    "lines",
    [
        ("def double(x, *more, key=1, **rest):", "    y = x * 2", "    return y", "double(3)"),
        ("import math as m", "from json import dumps", "dumps(m.pi)"),
        ("try:", "    1 / 0", "except ZeroDivisionError as problem:", "    str(problem)"),
        ("total = 0", "for a, (b, *c) in [[1, [2, 3]]]:", "    total += a + b + len(c)", "total"),
        ("[x + y for x in [1] for y in [x] if (z := x)] + [z]",),
        ("f = lambda a, b=2: a + b", "f(1)"),
        ("class Point:", "    x = 1", "Point().x"),
        ("match inputs.root:", "    case {'a': a, **rest}: (a, rest)", "    case [*every] as all_of: (every, all_of)"),
        ("print(inputs.root, state.out, len, ValueError)",),
        ("inputs.get('x')", "state.keys()"),
    ],
)
def test_names_a_script_binds_itself_are_not_told(lines: tuple[str, ...]) -> None:
    assert warnings_of(script(*lines)) == []


def test_what_python_warns_about_is_nothing_to_tell() -> None:
    assert warnings_of(script("import re", r"re.sub('\d', 'x', inputs.root)", "1 is 1")) == []


def test_a_script_that_is_nested_too_deeply_is_told() -> None:
    assert_told(script("§" + " + ".join(["inputs.root"] * 3000)), "the script is nested too deeply")


def test_a_variable_no_step_stores_is_a_warning_in_a_script_too() -> None:
    assert_warned(script("x = 1", "state.§zzz"), "no step stores 'zzz'")


def test_the_loop_variable_exists_in_scripts_and_prompts() -> None:
    each = "    each: {items: [1], as: file}\n"
    assert warnings_of(script("file * 2", more=each)) == []
    assert_told(script("fil * 2", more=each).replace("fil *", "§fil *"), "unknown name 'fil'; did you mean 'file'?")
    assert (
        warnings_of(
            flow("  - {name: A, each: {items: [1]}, prompt: 'about ${item}', content: ['${item}', {a: '${item}'}]}\n")
        )
        == []
    )


@pytest.mark.parametrize("key", ["prompt", "wait_signal", "sleep"])
def test_other_texts_are_templates(key: str) -> None:
    assert_told(
        flow(f"  - {{name: A, {key}: 'x ${{inputs.§rot}}'}}\n", inputs="[{name: root}]"),
        "there is no input 'rot'; did you mean 'root'?",
    )
    assert_told(flow(f"  - {{name: A, {key}: 'x ${{1 +§}}'}}\n"), "the expression ends too early")


def test_a_spelled_out_topic_and_content_are_templates() -> None:
    assert_told(flow("  - {name: A, type: wait_signal, topic: '${§nope}'}\n"), "unknown name 'nope'")
    assert_told(flow("  - {name: A, prompt: x, content: [{a: '${§nope}'}]}\n"), "unknown name 'nope'")


def test_a_retry_condition_knows_the_error() -> None:
    fine = "error.type == 'X' and error.attempt < 3 and error.data and error.message and inputs.n and state.out"
    step = '  - {name: A, action: a, store: out, retry: [{condition: "%s"}]}\n'
    assert warnings_of(flow(step % fine, inputs="[{name: n}]")) == []
    assert_told(
        flow(step % "error.§typ == 'X'"),
        "an error has type, message, attempt, data, not 'typ'; did you mean 'type'?",
    )
    assert_told(flow(step % "errr.type == 'X'").replace("errr", "§errr"), "unknown name 'errr'; did you mean 'error'?")
    assert_told(flow(step % "§${error.attempt}"), "a condition is written without ${...}")
    assert_told(
        flow("  - {name: A, action: a, next: {step: A, condition: §error.type}}\n"),
        "unknown name 'error': only the condition of a retry policy can use 'error'",
    )


def test_a_variable_that_is_called_like_a_name_of_another_place_is_meant() -> None:
    assert_told(
        flow(
            "  - {name: A, action: a, catch: {step: B, store: error}}\n"
            "  - {name: B, action: b, parameters: {x: '${§error.message}'}}\n"
        ),
        "unknown name 'error'; did you mean 'state.error'?",
    )
