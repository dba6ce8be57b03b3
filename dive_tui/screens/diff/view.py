"""What the screen of a comparison shows: the answer to one question, as rows or as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from textual import events, on
from textual.app import ComposeResult
from textual.worker import Worker

from dive_tui.app.shell import Shell
from dive_tui.app.text import human_count
from dive_tui.feeds.diff import DiffAnswered, DiffFailed, DiffFeed, DiffProgressed
from dive_tui.feeds.diff_questions import Answer, ExecutionsAnswer, Question, ValuesAnswer
from dive_tui.screens.diff.texts import View, text_of, title_of, views_of
from dive_tui.screens.diff.words import answer_parts, told_in_full
from dive_tui.widgets.dialogs.choice import Words
from dive_tui.widgets.diff.diff_heading import DiffHeading
from dive_tui.widgets.diff.diff_list import NARROW, DiffList
from dive_tui.widgets.diff.diff_pairs import comparison_rows
from dive_tui.widgets.diff.diff_rows import Row
from dive_tui.widgets.diff.diff_text import DiffText
from dive_tui.widgets.diff.diff_values import Marked, value_rows
from dive_tui.widgets.footer import FooterLine
from dive_tui.widgets.latest import Latest
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import Banner, HeaderLine, part
from dive_tui.widgets.progress_line import ProgressLine
from dive_tui.widgets.screens import AppScreen
from engine.replay.diffing.diff import Change, not_ignored
from engine.replay.history import History
from engine.store import ExecutionEventStore

OpenAt = Callable[[ExecutionEventStore, str, int], None]
"""Shows an execution at an event."""
_SHORT = 30
"""Below so many rows the change in full is told in fewer lines."""
_LOW = 22
"""Below so many rows there is no room for the change in full."""


class DiffView(AppScreen[None]):
    """Answers one question. `histories` are known already; `open_at` shows an execution where a change was made."""

    AUTO_FOCUS = "DiffList"

    DEFAULT_CSS = """
    DiffView { background: $background; }
    DiffView #differences { height: 1fr; padding: 0 1; }
    DiffView #change { height: 9; padding: 0 1; }
    DiffView #change Words { height: 1fr; }
    DiffView DiffText { display: none; }
    DiffView.-text DiffText { display: block; }
    DiffView.-text DiffList, DiffView.-text DiffHeading { display: none; }
    DiffView.-short #change { height: 7; }
    """

    def __init__(
        self,
        store: ExecutionEventStore,
        question: Question,
        open_at: OpenAt,
        histories: Mapping[str, History] | None = None,
        *,
        store_option: str = "",
    ) -> None:
        super().__init__()
        self._store = store
        self._store_option = store_option
        self._feed = DiffFeed(store, question, self.post_message, histories)
        self._open_at = open_at
        self._answer: Answer | None = None
        self._problem = ""
        self._progress = (0, 0, "reading")
        self._view = View.SIDE
        self._narrow = False
        self._swapped = False
        self._ignored: tuple[str, ...] = ()
        self._worker: Worker[None] | None = None
        self._making: Latest[tuple[list[Row], bool]] | None = None
        self._writing: Latest[tuple[View, str]] | None = None

    def compose(self) -> ComposeResult:
        """Header, progress, banner, the differences, the one under the cursor, footer."""
        yield HeaderLine()
        yield ProgressLine()
        yield Banner()
        with Pane(id="differences"):
            yield DiffHeading()
            yield DiffList()
            yield DiffText()
        with Pane(id="change"):
            yield Words()
        yield FooterLine()

    def on_mount(self) -> None:
        """Paint at once; the answer comes when it has been worked out."""
        self._making = Latest(self._list, "rows", self._made, self._not_made)
        self._writing = Latest(self.query_one(DiffText), "text", self._written, self._not_written)
        self._narrow = self.app.size.width < NARROW
        self._list.set_placeholder("loading", "Comparing", "q goes back and stops it")
        self._ask()
        self._update()

    def on_unmount(self) -> None:
        """Nobody is interested any more."""
        self._feed.stop()

    def use_store(self, store: ExecutionEventStore) -> None:
        """Go on with this store, which is at the place of the one before; what was compared stays."""
        self._store = store
        self._feed.use(store)

    def _ask(self) -> None:
        work = self._feed.run(self._ignored)
        self._worker = self.run_worker(work, group="compare", exclusive=True, exit_on_error=False)

    # What comes of it

    @on(DiffProgressed)
    def _progressed(self, message: DiffProgressed) -> None:
        self._progress = message.done, message.total, message.what
        self._update_header()

    @on(DiffFailed)
    def _failed(self, message: DiffFailed) -> None:
        self._problem = message.trouble.sentence
        remedy = message.trouble.remedy
        self._list.set_placeholder(
            "error", _ended(self._problem), f"{remedy}   q goes back" if remedy else "q goes back"
        )
        self._update()

    @on(DiffAnswered)
    def _answered(self, message: DiffAnswered) -> None:
        again = self._answer is not None
        self._answer, self._problem = message.answer, ""
        self._list.set_placeholder("empty", message.answer.sides.when_equal, "q goes back")
        self.show_rows(keep=again)

    @on(DiffList.NotRead)
    def _not_read(self, message: DiffList.NotRead) -> None:
        self._shell.say(f"It cannot be read: {message.sentence}", "error")

    def show_rows(self, *, keep: bool) -> None:
        """Make the rows in a thread and show them; with `keep` the cursor stays about where it stands."""
        answer, kept, within = self._answer, self._kept, self._list.glyphs.within
        if answer is not None and self._making is not None:
            self._making.ask(lambda: (_rows_of(answer, kept, within), keep))
        self._write()
        self._update()

    def _made(self, found: tuple[list[Row], bool]) -> None:
        made, keep = found
        self._list.show(made, keep=keep)
        self._update()

    def _not_made(self, sentence: str) -> None:
        self._list.set_placeholder("error", f"The differences cannot be shown: {sentence}", "q goes back")

    @property
    def _kept(self) -> list[Change]:
        """The changes that are not ignored."""
        answer = self._answer
        return not_ignored(answer.differences.changes, self._ignored) if isinstance(answer, ValuesAnswer) else []

    # Showing it

    @property
    def _list(self) -> DiffList:
        return self.query_one(DiffList)

    @property
    def _shell(self) -> Shell:
        return cast("Shell", self.app)

    @property
    def view(self) -> View:
        """How the differences are shown now: where there is no room for two columns, in one."""
        return View.ONE if self._narrow and self._view is View.SIDE else self._view

    @property
    def _views(self) -> list[View]:
        return views_of(self._answer, narrow=self._narrow)

    def _update(self) -> None:
        view, pane = self.view, self.query_one("#differences", Pane)
        self._list.draw_as(unified=view is View.ONE, swapped=self._swapped)
        self.set_class(view in (View.JSON, View.REPORT), "-text")
        pane.set_tabs([title_of(each, self._answer) for each in self._views], self._views.index(view))
        pane.set_fact(f"{human_count(len(self._ignored))} ignored" if self._ignored else "")
        self._update_header()
        self._update_heading()
        self._update_banner()
        self._show_change()
        self.query_one(FooterLine).update_hints()

    def _update_header(self) -> None:
        header, answer = self.query_one(HeaderLine), self._answer
        done, total, what = self._progress
        if self._problem:
            mark = header.glyphs.failed
            parts = [
                part((f" {mark} NOT COMPARED ", "pill failed")),
                part((self._problem, "text"), shrink=14, priority=2),
            ]
        elif answer is None:
            counted = f"{human_count(done)} of {human_count(total)} " if total else ""
            parts = [part((f" {header.glyphs.running} COMPARING ", "pill running")), part((f"{counted}{what}", "dim"))]
        else:
            sides = answer.sides
            parts = [
                part((sides.workflow, "bold bright"), priority=3, shrink=8),
                part((sides.about, "dim"), priority=6, gap=1),
                *answer_parts(answer, self._kept, header.glyphs, swapped=self._swapped),
            ]
        header.set_parts(parts)
        share = done / total if total and answer is None and not self._problem else 0.0
        line = self.query_one(ProgressLine)
        line.show(share)
        line.display = answer is None and not self._problem

    def _update_heading(self) -> None:
        heading, answer = self.query_one(DiffHeading), self._answer
        left, right = answer.sides.names if answer is not None else ("", "")
        grid = self._list.grid if self.view is View.SIDE and self._list.row_count else None
        heading.show(*((right, left) if self._swapped else (left, right)), grid)

    def _update_banner(self) -> None:
        banner, notes = self.query_one(Banner), self._answer.sides.notes if self._answer is not None else ()
        if notes:
            banner.show("warning", "  ".join(_ended(f"{note[:1].upper()}{note[1:]}") for note in notes))
        else:
            banner.hide()

    def _show_change(self) -> None:
        pane, row, answer = self.query_one("#change", Pane), self._list.current, self._answer
        pane.display = (
            row is not None and answer is not None and not (self.has_class("-text") or self.has_class("-low"))
        )
        if row is not None and answer is not None:
            left, right = (self._feed.history(name) for name in answer.sides.executions)
            told = told_in_full(row, (left, right), self._list.glyphs, swapped=self._swapped)
            pane.set_title("Change" if row.is_stop else "Here")
            pane.query_one(Words).show(told)

    @on(LineView.RowHighlighted)
    def _moved(self) -> None:
        self._show_change()

    def turn_to(self, view: View) -> None:
        self._view = view
        self._update()
        self._write()
        self.set_focus(self.query_one(DiffText) if self.has_class("-text") else self._list)
        self.call_after_refresh(self._update_heading)

    @on(Pane.TabClicked)
    def _tab_clicked(self, message: Pane.TabClicked) -> None:
        self.turn_to(self._views[message.index])

    def on_resize(self, event: events.Resize) -> None:
        """Where there is less room there is one column, and no change in full."""
        self._narrow = event.size.width < NARROW
        self.set_class(event.size.height < _SHORT, "-short")
        self.set_class(event.size.height < _LOW, "-low")
        self._update()
        self.call_after_refresh(self._update_heading)

    # As text

    def _write(self) -> None:
        """Write the text of the view, in a thread."""
        answer, view = self._answer, self.view
        if answer is None or self._writing is None or view not in (View.JSON, View.REPORT):
            return
        ignored, swapped, written = self._ignored, self._swapped, self.query_one(DiffText)
        written.show("")
        written.set_placeholder("loading", "Writing it down")
        self._writing.ask(lambda: (view, text_of(answer, view, ignored, swapped=swapped)))

    def _written(self, found: tuple[View, str]) -> None:
        view, text = found
        if view is self.view:
            written = self.query_one(DiffText)
            written.set_placeholder("empty", "There is nothing to tell.", "v turns to the next view")
            written.show(text)

    def _not_written(self, sentence: str) -> None:
        self.query_one(DiffText).set_placeholder("error", sentence.partition(": ")[2] or sentence, "v turns on")


def _rows_of(answer: Answer, kept: list[Change], within: str) -> list[Row]:
    if isinstance(answer, ExecutionsAnswer):
        same = answer.comparison.equal and not answer.comparison.counts.timing
        return [] if same else comparison_rows(answer.comparison, within)
    changes = answer.differences.changes
    if not changes:
        return []
    counted = {id(change) for change in kept}
    by = [*answer.by, *[None] * (len(changes) - len(answer.by))]
    marked = [
        Marked(change, (event, event), id(change) not in counted) for change, event in zip(changes, by, strict=True)
    ]
    return value_rows(answer.old, answer.new, marked, all_told=not answer.differences.more)


def _ended(sentence: str) -> str:
    return sentence if sentence[-1:] in ".!?" else f"{sentence}."
