"""The definition an execution recorded, and what the file it came from says now. Nothing of a project is run for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from engine.model.events import JsonObject
from engine.replay.diffing.diff import Differences, diff_values
from engine.replay.history import History


class NoDefinitionError(Exception):
    """Why there are no two definitions to compare: a sentence."""


class Definitions(NamedTuple):
    """A definition then and now, as JSON; `children` holds the workflows that its steps run, by name."""

    recorded: JsonObject
    current: JsonObject
    file: str
    workflow: str

    def differences(self, limit: int = 1000) -> Differences:
        """What was changed since; steps are matched by their names."""
        return diff_values(self.recorded, self.current, limit=limit)


def read_definitions(history: History) -> Definitions:
    """Both definitions; the file is read and checked as `validate` does.

    Raises:
        NoDefinitionError: none was recorded, or not where it came from, or it was no file of ours, or there is none.
        LoadError: the file is there, and is wrong.
        StoreError: the first event cannot be read any more.
    """
    from engine.lifecycle.beginning import define
    from engine.lifecycle.errors import MissingWorkflowError
    from engine.loading.workflow_file import load_workflows, select_workflow

    started: dict[str, Any] = dict(history.event(1).data)
    if not started.get("workflow"):
        raise NoDefinitionError(f"{history.execution_id} was recorded without its definition, as the Go system does")
    source = started.get("source") or {}
    file, name = source.get("ref"), source.get("workflow")
    if not isinstance(file, str) or not isinstance(name, str) or "\0" in file:
        raise NoDefinitionError(
            f"{history.execution_id} does not say which file its definition came from: it was started from Python"
        )
    if source.get("kind") != "file" or file.endswith(".py"):
        raise NoDefinitionError(
            f"the definition of {history.execution_id} is made by Python code ({file}), and looking at it runs no code"
        )
    if not Path(file).is_file():
        raise NoDefinitionError(f"the definition of {history.execution_id} came from {file}, which is no longer there")
    loaded = load_workflows(file)
    workflow = select_workflow(loaded, name)
    try:
        now = define(workflow, {other.name: other for other in loaded.workflows})
    except MissingWorkflowError as error:
        raise NoDefinitionError(f"{file}: {error}") from None
    recorded = _whole(started["workflow"], started.get("children") or {})
    return Definitions(recorded, _whole(now.recorded, now.children), file, name)


def _whole(workflow: JsonObject, children: JsonObject) -> JsonObject:
    return {**workflow, "children": children} if children else dict(workflow)
