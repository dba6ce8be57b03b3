"""The programs in docs/testing.md do what the page says."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from engine.testing import run_workflow as engine_run_workflow
from tests.core.rules import flow
from tests.examples.loading import workflow

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
ORDER = flow(
    {"name": "Pay", "action": "charge", "parameters": {"amount": 12}, "retry": {"errors": "ConnectionError"}},
)


async def run(source: str, names: dict[str, Any]) -> None:
    """Execute a block that may await."""
    code = compile(source, str(PAGE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, names)
    if inspect.isawaitable(result):
        await result


async def test_the_programs_of_the_page_run_as_they_stand() -> None:
    names: dict[str, Any] = {"EXPENSE": workflow("approval/expense.yaml"), "ORDER": ORDER, "pytest": pytest}
    workflows, _, _ = PAGE.read_text().partition("## A store of your own")
    blocks = re.findall(r"```python\n(.*?)```", workflows, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        await run(block, names)
    await names["test_an_approved_expense_is_paid"]()
    for at in range(1, 20):
        await names["test_nobody_is_charged_twice"](at)


def test_every_argument_is_on_the_page() -> None:
    text = PAGE.read_text()
    assert [name for name in inspect.signature(engine_run_workflow).parameters if f"`{name}`" not in text] == [
        "workflow",
        "inputs",
    ]
