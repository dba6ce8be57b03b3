"""Every workflow in the documents loads as it stands, without a warning."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.loading.workflow_file import read_workflows
from engine.model.step import STEP_KINDS, Catch, Definition, Each, Edge, RetryPolicy, Step
from engine.model.workflow import AgentSettings, Input, Output, Workflow

ROOT = Path(__file__).parents[2]
LANGUAGE = ROOT / "docs" / "workflows.md"


def blocks(document: Path) -> list[tuple[str, bytes]]:
    """Every YAML block of a document with where it begins."""
    text = document.read_text()
    return [
        (f"{document.name}:{text.count(chr(10), 0, block.start()) + 2}", block[1].encode())
        for block in re.finditer(r"```yaml\n(.*?)```", text, re.DOTALL)
    ]


@pytest.mark.parametrize(
    ("place", "block"),
    [pytest.param(*found, id=found[0]) for document in (ROOT / "README.md", LANGUAGE) for found in blocks(document)],
)
def test_a_documented_workflow_loads_without_a_warning(place: str, block: bytes) -> None:
    assert read_workflows(block, place).warnings == []


def test_every_kind_of_step_has_an_example() -> None:
    loaded = [read_workflows(block, place) for place, block in blocks(LANGUAGE)]
    kinds = {step.kind for file in loaded for workflow in file.workflows for step in workflow.steps}
    assert kinds == {*STEP_KINDS}


@pytest.mark.parametrize("model", [Workflow, Step, Edge, Each, RetryPolicy, Catch, Input, Output, AgentSettings])
def test_every_key_is_explained(model: type[Definition]) -> None:
    text = LANGUAGE.read_text()
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", text))))
    assert {field.alias or name for name, field in model.model_fields.items()} - words == set()
