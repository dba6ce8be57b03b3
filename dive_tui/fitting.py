"""Histories and the definitions they are to fit: workflows of a YAML file, or one built in Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import orjson

from dive_tui.cli.preparing import is_module_reference
from engine.loading.project import Project, ProjectError, load_module_workflow
from engine.loading.workflow_file import load_workflows, select_workflow
from engine.model.events import ExecutionEvent
from engine.model.workflow import Workflow
from engine.replay.determinism import Mismatch, check_history
from engine.replay.history import History
from stores.exported import read_histories


class Definitions:
    """The workflows that a person named, by FILE or `module:workflow`."""

    def __init__(self, source: str, workflows: Sequence[Workflow], chosen: Workflow | None = None) -> None:
        self._source = source
        self._workflows = {workflow.name: workflow for workflow in workflows}
        self._chosen = chosen

    @classmethod
    def load(cls, source: str, name: str | None = None, near: Path | None = None) -> Definitions:
        """What a file, or a module of the project around `near` (the current folder), defines.

        Args:
            name: the workflow of the file that every history is to fit, whatever its own one is called.

        Raises:
            LoadError: the file cannot be read or has errors, or holds no workflow of that name.
            ProjectError: there is no such workflow in Python, or a name was given for it.
        """
        if is_module_reference(source):
            if name is not None:
                raise ProjectError([f"{source} names one workflow; -w {name} is for a file that holds several"])
            workflow = load_module_workflow(source, Project.discover(near or Path.cwd()).root)
            return cls(source, [workflow], workflow)
        loaded = load_workflows(source)
        return cls(source, loaded.workflows, None if name is None else select_workflow(loaded, name))

    def of(self, name: str) -> Workflow | None:
        """The definition for a workflow of this name; None when there is none."""
        return self._chosen or self._workflows.get(name)

    def lacks(self, name: str) -> str:
        """A sentence that says there is no definition of this name."""
        held = ", ".join(map(repr, self._workflows))
        return f"{self._source} has no workflow {name!r}; it holds {held}"


def assert_history_fits(
    history: str | Path | Iterable[ExecutionEvent],
    definition: str | Path | Workflow | None = None,
    *,
    workflow: str | None = None,
) -> None:
    """Fail unless a definition leads to a recorded history. Nothing is run.

    Args:
        history: a file of exported events (`*.jsonl`, or `*.json` with one or more executions), or the events.
        definition: a workflow, the path of its YAML file, or `module:workflow`. A relative path is looked for from the
            folder of the history upwards, then from the current one upwards. By default the recorded definition, which
            tells whether this version of the engine still decides as the one that recorded it.
        workflow: which workflow of the file, by default the one of the same name.

    Raises:
        AssertionError: it does not; the message says which event is the first that it does not lead to.
        FileNotFoundError: there is no such definition.
        HistoryFileError, UncheckableError, LoadError, ProjectError: there is nothing to compare.
    """
    for one in _histories(history):
        wanted = _definition(history, definition, workflow, one.latest.info.workflow_name)
        result = check_history(one, wanted)
        place = f"{history}: " if isinstance(history, str | Path) else ""
        against = "the recorded definition" if wanted is None else f"workflow {wanted.name!r}"
        if result.mismatches:
            raise AssertionError(_misfit(f"{place}{one.execution_id} does not fit {against}", result.mismatches[0]))
        if result.warnings:
            raise AssertionError(
                f"{place}{one.execution_id} cannot be checked to its end: {'; '.join(result.warnings)}"
            )


def _histories(history: str | Path | Iterable[ExecutionEvent]) -> list[History]:
    if isinstance(history, str | Path):
        return [History(name, events) for name, events in read_histories(Path(history)).items()]
    events = list(history)
    return [History(events[0].execution_id if events else "", events)]


def _definition(
    history: object, definition: str | Path | Workflow | None, name: str | None, recorded: str
) -> Workflow | None:
    if definition is None or isinstance(definition, Workflow):
        return definition
    folder = Path(history).resolve().parent if isinstance(history, str | Path) else Path.cwd()
    if is_module_reference(str(definition)):
        return Definitions.load(str(definition), name, folder).of(recorded)
    definitions = Definitions.load(str(_found(Path(definition), folder)), name)
    wanted = definitions.of(recorded)
    if wanted is None:
        raise ProjectError([f"{definitions.lacks(recorded)}, which workflow=NAME may choose"])
    return wanted


def _found(file: Path, folder: Path) -> Path:
    here = Path.cwd()
    for start in (folder, *folder.parents, here, *here.parents):
        if (start / file).is_file():
            return start / file
    raise FileNotFoundError(f"there is no {file} in {folder} or above it, nor in {here} or above it")


def _misfit(sentence: str, mismatch: Mismatch) -> str:
    sides = (("recorded", mismatch.recorded), ("wanted", mismatch.wanted))
    told = [f"  {side}: {orjson.dumps(data).decode() if data else 'nothing'}" for side, data in sides]
    return "\n".join([f"{sentence}: {mismatch}", *told])
