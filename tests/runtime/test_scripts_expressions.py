"""An expression means the same in conditions and in scripts: generated ones, compared with CPython and the sandbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.expressions import ExpressionError, compile_expression
from engine.runtime.scripts import ScriptError, ScriptLimits, ScriptSandbox
from tests.core.test_expressions_properties import ROWS, STATES, TEXTS, _written, expressions

Run = Callable[[str, dict[str, Any]], Any]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with asyncio.Runner() as runner:
        sandbox = ScriptSandbox(ScriptLimits(seconds=5))
        yield lambda source, names: runner.run(sandbox.run(source, names))
        runner.run(sandbox.close())


@settings(max_examples=3 * settings.default.max_examples)
@given(template=expressions(), state=STATES, i=st.integers(-3, 3), w=TEXTS, r=ROWS)
def test_a_generated_expression_has_the_same_value_in_the_sandbox(
    run: Run, template: str, state: dict[str, Any], i: int, w: str, r: dict[str, Any]
) -> None:
    text = _written(template, ".%s")
    names = {"state": state, "i": i, "w": w, "r": r}
    try:
        wanted = compile_expression(text).evaluate(names)
    except ExpressionError:
        return  # the sandbox may have a value where a condition is refused: its generators are lists
    try:
        value = run(text, names)
    except ScriptError as problem:
        pytest.fail(f"{text} is {wanted!r}, but the sandbox says {problem}")
    assert json.dumps(value) == json.dumps(wanted), text
