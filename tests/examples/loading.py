"""The examples as a project would load them: workflows from their file, actions from the module beside it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from engine.loading.workflow_file import load_workflows
from engine.model.workflow import Workflow

EXAMPLES = Path(__file__).parents[2] / "examples"


def workflow(path: str, name: str | None = None) -> Workflow:
    """The workflow of this name, or the only one, of a file under `examples`."""
    found = {workflow.name: workflow for workflow in load_workflows(EXAMPLES / path).workflows}
    return found[name] if name else next(iter(found.values()))


def module(path: str) -> ModuleType:
    """The module in a file under `examples`."""
    file = EXAMPLES / path
    spec = importlib.util.spec_from_file_location(f"example_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded
