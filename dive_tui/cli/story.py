"""The demonstration as text: what ran, where it failed, the state before and after, and what to try next."""

from __future__ import annotations

from pathlib import Path

import orjson

from dive_tui.app.text import fit, human_count, human_duration
from dive_tui.cli.printing import Printer
from engine.model.times import epoch_seconds
from engine.replay.diffing.diff import Change
from engine.replay.history import History
from engine.replay.index import UnitRecord
from engine.replay.replayer import ExecutionReplayer
from engine.replay.view import changes_at
from stores.location import open_store

_BAR = 36
_VALUE = 90


async def tell_story(folder: Path) -> int:
    """Print the story of the newest execution in the folder's store; returns the exit code."""
    store = open_store(folder / ".dive")
    try:
        summaries = await store.list_executions()
        history = await ExecutionReplayer(store).load_history(summaries[0].id)
    finally:
        await store.close()
    Story(Printer(), history).tell(folder)
    return 0


class Story:
    """One failed execution in words."""

    def __init__(self, printer: Printer, history: History) -> None:
        self._printer = printer
        self._history = history
        self._failed = history.failure_sequence() or len(history)

    def tell(self, folder: Path) -> None:
        """Print all of it."""
        measured = next((unit.items for unit in self._history.index.units() if unit.items is not None), 0)
        self._heading(f"A workflow measured {human_count(measured)} Python files, forked, and failed.")
        for part in (self._timeline, self._failure, self._states):
            self._printer.line()
            part()
        self._printer.line()
        self._commands(folder / ".dive")

    def _heading(self, sentence: str) -> None:
        self._printer.line((sentence, "bold"))

    def _timeline(self) -> None:
        history = self._history
        start = epoch_seconds(history.event(1).timestamp)
        span = max(epoch_seconds(history.event(len(history)).timestamp) - start, 1e-6)
        for path in history.index.paths.values():
            self._printer.line((path.id, "magenta"), (f"  {path.status}", "dim"))
            for unit in path.units:
                self._unit(unit, start, span)

    def _unit(self, unit: UnitRecord, start: float, span: float) -> None:
        glyphs = self._printer.glyphs
        began = epoch_seconds(unit.started_at) - start
        lasted = epoch_seconds(unit.ended_at or unit.started_at) - start - began
        left = min(int(began / span * _BAR), _BAR - 1)
        length = max(1, min(round(lasted / span * _BAR), _BAR - left))
        style = {"completed": "green", "failed": "red"}.get(unit.status, "yellow")
        items = f"{unit.items} items" if unit.items is not None else ""
        self._printer.line(
            "  ",
            (glyphs.status(unit.status), style),
            f" {fit(unit.step, 18)}",
            (f"{human_duration(lasted):>8}  {items:<10}", "dim"),
            (" " * left + glyphs.eighths[-1] * length, style),
        )

    def _failure(self) -> None:
        event = self._history.event(self._failed)
        mark = self._printer.glyphs.status("failed")
        self._printer.line(
            (f"{mark} event {self._failed}  ", "red"), (self._printer.within(event.path_id, event.step_name), "bold")
        )
        self._printer.line((f"  {event.data.get('error_type', '')}: {event.data.get('error', '')}", "red"))
        for line in str(event.data.get("log", "")).splitlines():
            self._printer.line((f"  log  {line}", "dim"))

    def _states(self) -> None:
        state = self._history.state_at(self._failed - 1)
        self._heading(f"State before the failure (event {self._failed - 1})")
        for path in state.paths.values():
            known = ", ".join(sorted(path.variables))
            self._printer.line("  ", (path.id, "magenta"), f" at {path.current_step}; knows {known}")
        self._heading(f"What event {self._failed} changed")
        for change in changes_at(self._history, self._failed).changes:
            self._change(change)

    def _change(self, change: Change) -> None:
        sign, style = {"added": ("+", "green"), "removed": ("-", "red")}.get(change.kind, ("~", "yellow"))
        values = {"added": [change.new], "removed": [change.old]}.get(change.kind, [change.old, change.new])
        shown = [fit(orjson.dumps(value).decode(), _VALUE).rstrip() for value in values]
        arrow = f" {self._printer.glyphs.arrow} "
        self._printer.line("  ", (f"{sign} {change.address}", style), f"  {arrow.join(shown)}")

    def _commands(self, store: Path) -> None:
        self._heading("Try next")
        before = self._failed - 1
        for command, what in (
            (f"dive-tui {store}", "the same in the terminal app"),
            (f"dive-tui show last --store {store}", "the failure in full"),
            (f"dive-tui replay last --to {before} --store {store}", "everything that was true before it"),
            (f"dive-tui logs last --store {store}", "what the steps printed"),
        ):
            self._printer.line("  ", (command, "cyan"), (f"   {what}", "dim"))
