"""The demonstration as text: what ran, where it failed, the state before and after, and what to try next."""

from __future__ import annotations

from pathlib import Path

import orjson
from rich.console import Console
from rich.text import Text

from dive_tui.app.glyphs import Glyphs, choose
from dive_tui.app.text import display_text, human_count, human_duration
from engine.model.times import epoch_seconds
from engine.replay.diff import Change
from engine.replay.history import History
from engine.replay.index import UnitRecord
from engine.replay.replayer import ExecutionReplayer
from engine.replay.view import changes_at
from stores.location import open_store

_BAR = 36


async def tell_story(folder: Path) -> int:
    """Print the story of the newest execution in the folder's store; returns the exit code."""
    store = open_store(folder / ".dive")
    try:
        summaries = await store.list_executions()
        history = await ExecutionReplayer(store).load_history(summaries[0].id)
    finally:
        await store.close()
    _print(Console(highlight=False), folder, history)
    return 0


def _print(console: Console, folder: Path, history: History) -> None:
    glyphs = choose()
    failed = history.failure_sequence() or len(history)
    measured = next((unit for unit in history.index.units() if unit.items is not None), None)
    files = human_count(measured.items or 0) if measured else "0"
    _say(
        console, "bold", f"A workflow measured {files} Python files, forked, and failed. Every step of it is recorded."
    )
    console.print()
    _timeline(console, history, glyphs)
    console.print()
    _failure(console, history, failed, glyphs)
    console.print()
    _states(console, history, failed, glyphs)
    console.print()
    store = folder / ".dive"
    _say(console, "bold", "Try next")
    for command, what in (
        (f"dive-tui {store}", "the same in the terminal app"),
        (f"dive-tui show last --store {store}", "the failure in full"),
        (f"dive-tui replay last --to {failed - 1} --store {store}", "everything that was true before it"),
        (f"dive-tui logs last --store {store}", "what the steps printed"),
    ):
        console.print(Text.assemble("  ", (command, "cyan"), ("   " + what, "dim")), soft_wrap=True)


def _say(console: Console, style: str, sentence: str) -> None:
    console.print(Text(sentence, style=style))


def _timeline(console: Console, history: History, glyphs: Glyphs) -> None:
    start = epoch_seconds(history.event(1).timestamp)
    span = max(epoch_seconds(history.event(len(history)).timestamp) - start, 1e-6)
    for path in history.index.paths.values():
        console.print(Text.assemble((path.id, "magenta"), ("  " + path.status, "dim")))
        for unit in path.units:
            console.print(_unit_line(unit, start, span, glyphs), overflow="ellipsis", no_wrap=True)


def _unit_line(unit: UnitRecord, start: float, span: float, glyphs: Glyphs) -> Text:
    began = epoch_seconds(unit.started_at) - start
    lasted = epoch_seconds(unit.ended_at or unit.started_at) - start - began
    left = min(int(began / span * _BAR), _BAR - 1)
    length = max(1, min(round(lasted / span * _BAR), _BAR - left))
    style = {"completed": "green", "failed": "red"}.get(unit.status, "yellow")
    bar = " " * left + glyphs.eighths[-1] * length
    items = f"{unit.items} items" if unit.items is not None else ""
    return Text.assemble(
        "  ",
        (glyphs.status(unit.status), style),
        f" {display_text(unit.step, max_cells=18):<18}",
        (f"{human_duration(lasted):>8}  ", "dim"),
        (f"{items:<10}", "dim"),
        (f"{bar:<{_BAR}}", style),
    )


def _failure(console: Console, history: History, failed: int, glyphs: Glyphs) -> None:
    event = history.event(failed)
    error = f"{event.data.get('error_type', '')}: {display_text(str(event.data.get('error', '')))}"
    console.print(
        Text.assemble(
            (f"{glyphs.status('failed')} event {failed}  ", "red"),
            (f"{event.path_id} › {display_text(event.step_name)}", "bold"),
        )
    )
    console.print(Text("  " + error, style="red"), soft_wrap=True)
    for line in str(event.data.get("log", "")).splitlines():
        console.print(Text("  log  " + display_text(line), style="dim"), soft_wrap=True)


def _states(console: Console, history: History, failed: int, glyphs: Glyphs) -> None:
    state = history.state_at(failed - 1)
    _say(console, "bold", f"State before the failure (event {failed - 1})")
    for path in state.paths.values():
        names = ", ".join(sorted(path.variables))
        console.print(
            Text.assemble("  ", (path.id, "magenta"), f" at {display_text(path.current_step)}; knows {names}")
        )
    _say(console, "bold", f"What event {failed} changed")
    for change in changes_at(history, failed).changes:
        console.print(_change_line(change, glyphs), overflow="ellipsis", no_wrap=True)


def _change_line(change: Change, glyphs: Glyphs) -> Text:
    sign, style = {"added": ("+", "green"), "removed": ("-", "red")}.get(change.kind, ("~", "yellow"))
    values = (
        [change.new]
        if change.kind == "added"
        else [change.old]
        if change.kind == "removed"
        else [change.old, change.new]
    )
    shown = f" {glyphs.arrow} ".join(_short(value) for value in values)
    return Text.assemble("  ", (f"{sign} {display_text(change.address)}", style), "  ", shown)


def _short(value: object) -> str:
    return display_text(orjson.dumps(value).decode(), max_cells=90)
