"""`dive-tui validate`: everything that is wrong with workflow files, without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter

from dive_tui.cli.definitions import ProjectActions, action_problems
from dive_tui.cli.options import Ascii, Json
from dive_tui.cli.printing import Printer, print_json
from dive_tui.cli.problems import USAGE, UsageError, tell
from engine.loading.problems import LoadError, Problem, in_file_order
from engine.loading.workflow_file import load_workflows
from engine.model.workflow import Workflow


class _Checked(NamedTuple):
    """A file and what was found in it."""

    file: str
    workflows: list[Workflow]
    problems: list[Problem]

    @property
    def ok(self) -> bool:
        return not any(problem.severity == "error" for problem in self.problems)

    def to_dict(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "ok": self.ok,
            "workflows": [{"name": workflow.name, "steps": len(workflow.steps)} for workflow in self.workflows],
            "problems": [
                {name: getattr(problem, name) for name in ("line", "column", "severity", "message")}
                for problem in self.problems
            ],
        }


def validate(
    *files: Annotated[str, Parameter(name="FILE")],
    json: Json = False,
    ascii: Ascii = False,
) -> int:
    """Check workflow files without running anything.

    Their actions must be among those of the project, and be given the parameters they have. Exit codes:
    0 nothing wrong, or warnings only; 2 errors.
    """
    if not files:
        raise UsageError("dive-tui validate needs FILE; see: dive-tui validate --help")
    actions = ProjectActions(near=Path(files[0]).resolve().parent)
    checked = [_check(file, actions) for file in files]
    if json:
        print_json([each.to_dict() for each in checked])
    else:
        printer = Printer(ascii_only=ascii)
        for each in checked:
            _print(printer, each)
    tell([*actions.problems, *(f"warning: {warning}" for warning in actions.warnings)])
    return 0 if not actions.problems and all(each.ok for each in checked) else USAGE


def _check(file: str, actions: ProjectActions) -> _Checked:
    try:
        loaded = load_workflows(file)
        # Without the project's actions every one of them would be called missing.
        wrong = [] if actions.problems else action_problems(loaded, actions.registry)
    except LoadError as error:
        return _Checked(file, [], error.problems)
    return _Checked(file, loaded.workflows, in_file_order([*loaded.warnings, *wrong]))


def _print(printer: Printer, checked: _Checked) -> None:
    for problem in checked.problems:
        printer.line((str(problem), "red" if problem.severity == "error" else "yellow"))
    if checked.ok:
        counts = [f"{workflow.name} ({_steps(workflow)})" for workflow in checked.workflows]
        printer.line(("ok", "green"), f" {checked.file}: {', '.join(counts)}")


def _steps(workflow: Workflow) -> str:
    count = len(workflow.steps)
    return f"{count:,} step" if count == 1 else f"{count:,} steps"
