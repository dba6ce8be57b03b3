"""`dive-tui check`: whether histories still fit the definition that led to them, or another version of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter

from dive_tui.cli.check.junit import Case, junit_xml
from dive_tui.cli.check.mismatch import print_mismatch
from dive_tui.cli.check.sources import Loaded, Source, find_sources
from dive_tui.cli.options import Common, Json
from dive_tui.cli.printing import Printer, json_text, print_json
from dive_tui.cli.problems import USAGE, UsageError, tell
from dive_tui.cli.progress import shown_progress
from dive_tui.cli.several import counted
from dive_tui.fitting import Definitions
from engine.replay.determinism import CheckResult, UncheckableError, check_history
from stores.maintenance import Progress

MISMATCHES = 1
_MOST_SHOWN = 10
"""Executions that are printed with their mismatch in full."""


class Checked(NamedTuple):
    """What came of one execution."""

    execution_id: str
    workflow: str
    result: CheckResult | None
    trouble: str = ""
    """Why it was not checked, or not to its end; a sentence."""
    exit_code: int = 0
    """What that trouble stands for."""

    @property
    def ok(self) -> bool:
        """Whether all of it was checked and fits."""
        return self.result is not None and self.result.ok and not self.trouble

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        result = self.result or CheckResult([], 0, [])
        record = {
            "id": self.execution_id,
            "ok": self.ok,
            "mismatches": [mismatch.to_dict() for mismatch in result.mismatches],
            "checked": result.checked,
            "warnings": result.warnings,
        }
        return record | ({"error": self.trouble} if self.trouble else {})

    def to_case(self) -> Case:
        """As a test."""
        if self.result is None or not self.result.mismatches:
            return Case(self.workflow, self.execution_id, error=self.trouble, output=self._warned)
        mismatch = self.result.mismatches[0]
        details = "\n".join(
            f"{side}: {json_text(told, indented=True) if told else 'nothing'}"
            for side, told in (("recorded", mismatch.recorded), ("wanted", mismatch.wanted))
        )
        return Case(self.workflow, self.execution_id, str(mismatch), self.trouble, details, self._warned)

    @property
    def _warned(self) -> str:
        return "\n".join(self.result.warnings) if self.result is not None else ""


async def check(
    *targets: Annotated[str, Parameter(name="PATH|EXEC")],
    workflow: Annotated[str | None, Parameter(name="--workflow", metavar="FILE")] = None,
    name: Annotated[str | None, Parameter(name="-w", metavar="NAME")] = None,
    junit: Annotated[Path | None, Parameter(name="--junit", metavar="FILE")] = None,
    json: Json = False,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Check that recorded histories fit their definition; nothing is run.

    Exit codes: 0 all fit, 1 mismatches, 2 something cannot be checked, 4 a history or a store cannot be read.

    Parameters
    ----------
    targets
        Executions (ids, parts of them, last), queries such as status:failed, or paths: a store, an exported history
        (*.jsonl, *.json), a folder of them. By default the whole store.
    workflow
        Another version of the workflow, from a YAML file or as module:workflow; by default the recorded definition.
    name
        Which workflow of FILE all of them are to fit; by default the one of the same name.
    junit
        Write the results as JUnit XML.
    """
    if name is not None and workflow is None:
        raise UsageError(f"-w {name} chooses a workflow of a file; name that with --workflow FILE")
    definitions = None if workflow is None else Definitions.load(workflow, name)
    async with AsyncExitStack() as opened:
        sources = await find_sources(targets, common, opened)
        checked, left_out = await _check_all(sources, definitions)
    if not checked:
        raise UsageError(f"none of them runs a workflow of {workflow}; -w NAME checks them with that one all the same")
    if junit is not None:
        _write(junit, junit_xml("dive-tui check", [each.to_case() for each in checked]))
    only_one = len(checked) == 1 and len(sources) == 1 and sources[0].named
    if json:
        everything = {"ok": all(each.ok for each in checked), "executions": [each.to_dict() for each in checked]}
        print_json(checked[0].to_dict() if only_one else everything)
    else:
        _print(Printer(ascii_only=common.ascii), checked, left_out, workflow)
    tell(each.trouble for each in checked if each.trouble)
    code = max(each.exit_code for each in checked)
    return code or (0 if all(each.ok for each in checked) else MISMATCHES)


async def _check_all(sources: Sequence[Source], definitions: Definitions | None) -> tuple[list[Checked], int]:
    """The results, and how many executions were left out because they run other workflows."""
    checked: list[Checked] = []
    left_out = 0
    with shown_progress("checking", "events") as progress:
        for source in sources:
            progress(0, 1, source.name)
            for loaded in await source.read():
                each = _check(loaded, definitions, source.named, progress)
                if each is None:
                    left_out += 1
                else:
                    checked.append(each)
    return checked, left_out


def _check(loaded: Loaded, definitions: Definitions | None, named: bool, progress: Progress) -> Checked | None:
    history = loaded.history
    if history is None:
        return Checked(loaded.execution_id, "", None, loaded.trouble, loaded.exit_code)
    workflow = history.latest.info.workflow_name
    definition = None if definitions is None else definitions.of(workflow)
    if definitions is not None and definition is None:
        if not named:
            return None
        return Checked(
            loaded.execution_id, workflow, None, f"{definitions.lacks(workflow)}, which -w NAME may choose", USAGE
        )
    try:
        result = check_history(history, definition, lambda done, total: progress(done, total, loaded.execution_id))
    except UncheckableError as error:
        trouble = loaded.trouble or f"{loaded.execution_id} cannot be checked: {error}"
        return Checked(loaded.execution_id, workflow, None, trouble, loaded.exit_code or USAGE)
    return Checked(loaded.execution_id, workflow, result, loaded.trouble, loaded.exit_code)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror or error}") from error


def _print(printer: Printer, checked: list[Checked], left_out: int, file: str | None) -> None:
    glyphs = printer.glyphs
    shown = 0
    for each in checked:
        mismatches = each.result.mismatches if each.result is not None else []
        for warning in each.result.warnings if each.result is not None else ():
            printer.line((f"{glyphs.warning} ", "yellow"), f"{each.execution_id}  {warning}")
        if each.result is None or not mismatches:
            continue
        shown += 1
        printer.line(
            (f"{glyphs.failed} event {mismatches[0].sequence:,}", "red"),
            f"  {each.workflow}  ",
            (each.execution_id, "dim"),
        )
        if shown <= _MOST_SHOWN:
            print_mismatch(printer, mismatches[0])
            printer.line()
    against = f"the workflow in {file}" if file is not None else "what was recorded as definition"
    events = sum(each.result.checked for each in checked if each.result is not None)
    extent = f"{counted(len(checked), 'execution')}, {counted(events, 'decision')} checked"
    others = f"; {counted(left_out, 'execution')} of other workflows left out" if left_out else ""
    wrong = sum(1 for each in checked if each.result is not None and not each.result.ok)
    unchecked = sum(1 for each in checked if each.trouble)
    if not wrong and not unchecked:
        printer.line((glyphs.completed, "green"), f" {extent}: all fit {against}{others}")
        return
    parts = [
        f"{wrong:,} do not fit {against}" if wrong else "",
        f"{unchecked:,} could not be checked whole" if unchecked else "",
    ]
    printer.line((f"{extent}: {printer.beside(*parts)}{others}", "bold"))
