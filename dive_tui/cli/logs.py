"""`dive-tui logs`: what the steps of an execution printed and logged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from cyclopts import Parameter

from dive_tui.app.text import ellipsis
from dive_tui.cli.options import Common, Execution, Json
from dive_tui.cli.printing import Printer, print_json
from dive_tui.cli.problems import UsageError
from dive_tui.cli.reading import Reading, read_execution
from dive_tui.cli.selecting import find_execution, opened_store
from dive_tui.widgets.events.event_words import item_of
from engine.core.expression_errors import suggestion
from engine.model.events import ExecutionEvent

_MOST = 262_144
"""Characters of an attempt's log that people are shown: more than the engine records."""


async def logs(
    execution: Execution,
    step: Annotated[str | None, Parameter(name="STEP")] = None,
    /,
    *,
    json: Json = False,
    common: Common = Common(),  # noqa: B008 - immutable
) -> int:
    """Show what steps printed and logged, attempt by attempt.

    Parameters
    ----------
    step
        Only this step.
    """
    async with opened_store(common) as store:
        reading = await read_execution(store, await find_execution(store, execution))
    if step is not None:
        _check_step(reading, step)
    entries = [entry for entry in log_entries(reading.history) if step in (None, entry["step"])]
    if json:
        print_json(entries)
    else:
        _print_logs(Printer(ascii_only=common.ascii), entries, step)
    reading.complain()
    return 0


def log_entries(events: Iterable[ExecutionEvent]) -> list[dict[str, Any]]:
    """What was kept of each attempt that printed something, in the order they ended."""
    entries = []
    for event in events:
        data = event.data
        if not isinstance(data.get("log"), str):
            continue
        entry: dict[str, Any] = {"step": event.step_name, "path": event.path_id}
        entry |= {"visit": data.get("visit"), "attempt": data.get("attempt")}
        item = item_of(data)
        if item is not None:
            entry["iteration"] = item
        entries.append(entry | {"log": data["log"], "sequence": event.sequence})
    return entries


def _check_step(reading: Reading, step: str) -> None:
    names = dict.fromkeys(event.step_name for event in reading.history if event.step_name)
    if step not in names:
        hint = suggestion(step, names) or (f"; it ran {', '.join(names)}" if names else "")
        raise UsageError(f"{reading.summary.id} ran no step {step!r}{hint}")


def _print_logs(printer: Printer, entries: list[dict[str, Any]], step: str | None) -> None:
    if not entries:
        printer.line(f"Step {step!r} printed nothing." if step else "No step printed anything.")
    for number, entry in enumerate(entries):
        if number:
            printer.line()
        printer.line((_heading(printer, entry), "bold"), (f"  event {entry['sequence']}", "dim"))
        if len(entry["log"]) > _MOST:
            printer.line(f"  {ellipsis()} ", ("its beginning with --json", "dim"))
        printer.block(entry["log"][-_MOST:].removesuffix("\n"), indent=2)


def _heading(printer: Printer, entry: dict[str, Any]) -> str:
    item = f"item {entry['iteration'] + 1}" if "iteration" in entry else ""
    visit = f"visit {entry['visit']}" if entry["visit"] not in (None, 1) else ""
    attempt = f"attempt {entry['attempt']}" if entry["attempt"] not in (None, 1) else ""
    words = (printer.within(entry["path"], entry["step"]), item, visit, attempt)
    return "  ".join(word for word in words if word)
