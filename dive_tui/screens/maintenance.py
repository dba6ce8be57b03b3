"""The screen that looks after a store: verify, repair, copy; what is being done, and what came out of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, cast, get_args

from textual import events, on
from textual.app import ComposeResult

from dive_tui.app.actions import Scope
from dive_tui.app.clipboard import copy
from dive_tui.app.keymap import bindings
from dive_tui.app.known_stores import GO, short_place
from dive_tui.app.shell import Shell
from dive_tui.app.text import human_count
from dive_tui.feeds.maintenance import (
    Job,
    Report,
    ReportLine,
    Work,
    WorkEnded,
    WorkProgressed,
    copying,
    repairing,
    verifying,
)
from dive_tui.widgets.dialogs.choice import ChoiceDialog, Words
from dive_tui.widgets.dialogs.path_dialog import PathDialog
from dive_tui.widgets.footer import FooterLine
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import HeaderLine, part
from dive_tui.widgets.progress_line import ProgressLine
from dive_tui.widgets.report_list import ReportList, look_of
from dive_tui.widgets.screens import AppScreen
from dive_tui.widgets.wait_words import id_words
from engine.store import StoreError
from stores.location import resolve_location
from stores.maintenance import Kind

OpenStore = Callable[[str], Awaitable[str | None]]
_LOW = 16
"""Below so many rows there is no room for the finding in full."""
_MOST_REMEDIES = 5
"""How many kinds of remedies are told before repairing."""


class _Task(NamedTuple):
    doing: str
    """While it goes on."""
    done: str
    """When nothing is wrong at its end."""


_VERIFY = _Task("verifying", "whole")
_REPAIR = _Task("repairing", "repaired")
_COPY = _Task("copying", "copied")
_MIGRATE = _Task("migrating", "migrated")


class MaintenanceScreen(AppScreen[None]):
    """Looks after the store at a location, or after one execution of it; begins with verifying.

    `open_store` is asked to show a copy that was made; `repaired` is called when a repair may have put something else
    in the place of what the app has open. `why_read_only` is a sentence where nothing can be changed.
    """

    BINDINGS = bindings(Scope.MAINTENANCE)
    AUTO_FOCUS = "ReportList"

    DEFAULT_CSS = """
    MaintenanceScreen { background: $background; }
    MaintenanceScreen #findings { height: 1fr; padding: 0 1; }
    MaintenanceScreen #finding { height: 8; padding: 0 1; }
    MaintenanceScreen #finding Words { height: 1fr; }
    MaintenanceScreen.-low #finding { display: none; }
    """

    def __init__(
        self,
        location: str,
        execution_id: str | None,
        open_store: OpenStore,
        repaired: Callable[[], object] = lambda: None,
        *,
        kind: str = "",
        why_read_only: str = "",
    ) -> None:
        super().__init__()
        self._location = location
        self._execution_id = execution_id
        self._open_store = open_store
        self._repaired = repaired
        self._kind = kind
        self._why_read_only = why_read_only
        self._job: Job | None = None
        self._doing = _VERIFY
        self._report: Report | None = None
        self._problem = ""
        self._progress: tuple[int, int, str, str] = (0, 0, "", "")
        self._target = ""

    def compose(self) -> ComposeResult:
        """Header, progress, findings, the one under the cursor, footer."""
        yield HeaderLine()
        yield ProgressLine()
        with Pane(title="Findings", id="findings"):
            yield ReportList()
        with Pane(id="finding"):
            yield Words()
        yield FooterLine()

    def on_mount(self) -> None:
        """Verify at once: that changes nothing."""
        self.action_verify()

    def on_unmount(self) -> None:
        """Nobody is interested any more."""
        if self._job is not None:
            self._job.stop()

    # Working

    def _begin(self, task: _Task, work: Work) -> None:
        self._doing, self._report, self._problem, self._progress = task, None, "", (0, 0, "", "")
        self._list.set_placeholder("loading", f"{task.doing.capitalize()} {self._subject}", "x stops it")
        self._list.show(())
        self._job = Job(work, self.post_message)
        self._job.start()
        self._update()

    @on(WorkProgressed)
    def _progressed(self, message: WorkProgressed) -> None:
        if self._job is not None:
            self._progress = message.done, message.total, message.what, message.phase
            self._update()

    @on(WorkEnded)
    def _ended(self, message: WorkEnded) -> None:
        self._job, self._report, self._problem = None, message.report, message.problem
        if message.report is None:
            stopped = "Stopped. What was done by then stays done."
            self._list.set_placeholder("error", self._problem or stopped, "v verifies again   q goes back")
        else:
            sentence = f"{message.report.sentence[:1].upper()}{message.report.sentence[1:]}."
            self._list.set_placeholder("empty", sentence, "q goes back")
        self._list.show(message.report.lines if message.report is not None else ())
        self._update()
        if self._doing is _REPAIR:
            self._repaired()
        if self._doing in (_COPY, _MIGRATE) and message.report is not None and message.report.fine:
            self._offer_copy(message.report)

    def _offer_copy(self, report: Report) -> None:
        target = self._target

        async def show_it() -> str | None:
            return await self._open_store(target)

        sentences = [(short_place(target), "bright"), (f"{report.sentence}; each was read back and compared.", "text")]
        title = "The migrated store is there" if self._doing is _MIGRATE else "The copy is there"
        self.app.push_screen(ChoiceDialog(title, sentences, "Stay here", [("Open it", show_it)]))

    # Showing it

    @property
    def _list(self) -> ReportList:
        return self.query_one(ReportList)

    @property
    def _subject(self) -> str:
        return id_words(self._execution_id) if self._execution_id else short_place(self._location)

    def _update(self) -> None:
        self._update_header()
        lines = len(self._report.lines) if self._report is not None else 0
        self.query_one("#findings", Pane).set_fact(human_count(lines) if lines else "")
        self._show_finding()
        self.query_one(FooterLine).update_hints()

    def _update_header(self) -> None:
        header = self.query_one(HeaderLine)
        done, total, what, phase = self._progress
        word, style, glyph = self._state
        mark = header.glyphs.status(glyph)
        parts = [
            part((short_place(self._location), "bold bright"), priority=3, shrink=10),
            part((f"({self._kind})", "dim"), priority=6, gap=1) if self._kind else part(),
            part((id_words(self._execution_id), "text"), priority=4) if self._execution_id else part(),
            part(("read-only", "waiting"), priority=6) if self._why_read_only else part(),
            part((f" {mark} {word.upper()} ", f"pill {style}"), priority=1),
        ]
        if self._job is not None and total:
            looked = " ".join(filter(None, [phase, f"{human_count(done)} of {human_count(total)}"]))
            parts.append(part((f"{done / total:.0%}", "bold bright"), priority=2, right=True))
            parts += [part((looked, "text"), priority=5), part((what, "dim"), priority=7, shrink=8)]
        elif self._report is not None and self._report.lines:
            parts.append(part((self._report.sentence, "text"), priority=4, shrink=14))
        header.set_parts(each for each in parts if each.pieces)
        self.query_one(ProgressLine).show(done / total if self._job is not None and total else 0.0)

    @property
    def _state(self) -> tuple[str, str, str]:
        """Word, palette name and glyph of how it stands."""
        if self._job is not None:
            return self._doing.doing, "running", "running"
        if self._problem:
            return f"{self._doing.doing} failed", "failed", "failed"
        if self._report is None:
            return "stopped", "waiting", "cancelled"
        if self._report.fine:
            return self._doing.done, "ok", "completed"
        worst = any(line.word in ("damaged", "conflict", "unreadable") for line in self._report.lines)
        return ("damaged", "failed", "failed") if worst else ("findings", "waiting", "damaged")

    def _show_finding(self) -> None:
        line, pane = self._list.current, self.query_one("#finding", Pane)
        pane.display = line is not None
        if line is not None:
            _, style = look_of(line.word, self._list.glyphs)
            pane.set_title(line.execution_id or "The store")
            pane.query_one(Words).show(list(_told(line, style)))

    @on(LineView.RowHighlighted)
    def _moved(self) -> None:
        self._show_finding()

    def on_resize(self, event: events.Resize) -> None:
        """The finding in full needs room."""
        self.set_class(event.size.height < _LOW, "-low")

    # Actions

    def why_not_verify(self) -> str | None:
        """One thing at a time."""
        return None if self._job is None else f"It is {self._doing.doing} just now; x stops that."

    def action_verify(self) -> None:
        """Look for what is wrong."""
        self._begin(_VERIFY, verifying(self._location, self._execution_id))

    def why_not_repair(self) -> str | None:
        """Only what can be changed, and has something to mend."""
        if self._why_read_only:
            return self._why_read_only
        busy = self.why_not_verify()
        if busy or self._doing is not _VERIFY or self._report is None:
            return busy or "v verifies first: then there is something to say about it."
        mendable = any(line.more for line in self._report.lines)
        return None if mendable else "Nothing that was found can be mended." if self._report.lines else "It is whole."

    def action_repair(self) -> None:
        """Say what will be mended, and do it when that is confirmed."""
        lines = [line for line in self._report.lines if line.more] if self._report is not None else []
        remedies = list(dict.fromkeys(line.more for line in lines))
        sentences = [
            (f"{human_count(len(lines))} of the findings can be mended.", "bright"),
            *((remedy[:1].upper() + remedy[1:] + ".", "text") for remedy in remedies[:_MOST_REMEDIES]),
            ("What is cut out is kept beside what it was cut from. Executions that are running are left alone.", "dim"),
        ]

        async def mend() -> str | None:
            self._begin(_REPAIR, repairing(self._location, self._execution_id))
            return None

        title = f"Repair {self._subject}?"
        self.app.push_screen(ChoiceDialog(title, sentences, "Go back, change nothing", [("Repair it", mend)]))

    why_not_copy_store = why_not_verify

    def action_copy_store(self) -> None:
        """Ask where to, and copy."""
        from stores.copying import is_same_place

        task = _MIGRATE if self._kind == GO else _COPY

        def take(typed: str) -> str | None:
            try:
                target = resolve_location(typed, {}, Path.cwd()).text
            except StoreError as problem:
                return str(problem)
            if is_same_place(self._location, target):
                return "That is this store."
            self._target = target
            self._begin(task, copying(self._location, target))
            return None

        sentences = [
            (f"Everything in {short_place(self._location)} is copied, read back and compared.", "text"),
            ("Nothing of it is changed. Stopping is safe: copying again goes on from there.", "dim"),
        ]
        self.app.push_screen(PathDialog("Migrate to" if task is _MIGRATE else "Copy to", sentences, take))

    def why_not_stop_work(self) -> str | None:
        """Only while something is done."""
        return None if self._job is not None else "Nothing is being done."

    def action_stop_work(self) -> None:
        """Have it end."""
        if self._job is not None:
            self._job.stop()

    def why_not_copy_item(self) -> str | None:
        """Only a finding can be copied."""
        return None if self._list.current is not None else "There is no finding to copy."

    def action_copy_item(self) -> None:
        """Copy the finding under the cursor."""
        line = self._list.current
        if line is not None:
            copy(self.app, "  ".join(filter(None, line)), "the finding")

    def action_escape(self) -> None:
        """Stop what is done, else go back."""
        if self._job is not None:
            self._job.stop()
        else:
            cast("Shell", self.app).action_escape()


def _told(line: ReportLine, style: str) -> list[tuple[str, str]]:
    made = [(line.problem, "bright"), (line.place, "dim")]
    if line.more:
        verb = "Done" if line.word == "mended" else "r repairs it"
        made.append((f"{verb}: {line.more}", "ok"))
    elif line.word in get_args(Kind):
        made.append(("A repair can do nothing about it.", style))
    return [(text, name) for text, name in made if text]
