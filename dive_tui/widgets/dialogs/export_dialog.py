"""The dialog that writes an execution into a file: which format, and where."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

from rich.cells import cell_len
from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.strip import Strip
from textual.timer import Timer

from dive_tui import exporting
from dive_tui.app.actions import Scope
from dive_tui.app.keymap import bindings
from dive_tui.app.text import display_text, human_bytes, pad
from dive_tui.exporting import FORMATS, Format
from dive_tui.exporting.writing import write_file
from dive_tui.widgets.dialogs.choice import Words
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import PartsLine, part
from dive_tui.widgets.screens import Dialog
from dive_tui.widgets.text_field import TextField
from engine.model.snapshot import ExecutionSummary
from engine.replay.history import History
from engine.store import StoreError

_LOOK_AGAIN = 0.1
"""Seconds between two looks at how much is written."""


class _StoppedError(Exception):
    """A person did not want to wait any longer."""


class _Formats(LineView):
    """One row per format; the focus stays in the field, whose arrows move the cursor here."""

    can_focus = False
    emphasised = True

    @property
    def row_count(self) -> int:
        return len(FORMATS)

    def on_mount(self) -> None:
        self.rows_changed()

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        column = max(cell_len(each.title) for each in FORMATS)
        title = pad(FORMATS[index].title, column)
        return Strip(
            [
                Segment(title, self.palette["bold bright" if selected else "text"]),
                Segment(f"   {display_text(FORMATS[index].description)}", self.palette["dim"]),
            ]
        )


class ExportDialog(Dialog[str]):
    """Its result is a sentence that says what was written, or None. What cannot be is said in it, and it stays."""

    BINDINGS = bindings(Scope.PROMPT)

    DEFAULT_CSS = """
    ExportDialog > Pane { width: 88; max-width: 94%; height: auto; max-height: 90%; }
    ExportDialog _Formats { height: auto; max-height: 40vh; }
    ExportDialog Horizontal { height: 1; margin-top: 1; }
    ExportDialog PartsLine { width: 9; padding: 0 1; }
    ExportDialog TextField { width: 1fr; }
    ExportDialog Words { overflow-y: hidden; }
    ExportDialog #note { margin-top: 1; }
    """

    def __init__(
        self, history: History, summary: ExecutionSummary, damage: str = "", *, folder: Path | None = None
    ) -> None:
        super().__init__()
        self._history = history
        self._summary = summary
        self._scope = exporting.Scope(damage=damage)
        self._folder = folder or Path.cwd()
        self._suggested = ""
        self._may_replace: Path | None = None
        self._stop: threading.Event | None = None
        self._written = 0
        self._looking: Timer | None = None

    def compose(self) -> ComposeResult:
        """The formats, the path, and where is said what happens."""
        formats = _Formats()
        formats.styles.height = len(FORMATS)
        with Pane(title="Export", fact="arrows format   enter write   esc close"):
            yield formats
            with Horizontal():
                yield PartsLine(part(("file", "dim")))
                yield TextField(placeholder="a file or a folder")
            yield Words(id="note")

    def on_mount(self) -> None:
        """Start in the field, with a name that could do."""
        self._looking = self.set_interval(_LOOK_AGAIN, self._look, pause=True)
        self.query_one(TextField).focus()
        self._suggest()

    @property
    def _chosen(self) -> Format:
        return FORMATS[self.query_one(_Formats).cursor]

    def _say(self, sentence: str, style: str = "text") -> None:
        self.query_one("#note", Words).show([(sentence, style)] if sentence else [])

    def _suggest(self) -> None:
        """Put in the name that is suggested for the format."""
        chosen = self._chosen
        self._suggested = exporting.suggested_name(self._summary, chosen) if chosen.single else "."
        field = self.query_one(TextField)
        field.value = self._suggested
        field.cursor_position = len(self._suggested)

    def action_choose_next(self) -> None:
        """Choose the format below."""
        self._turn(1)

    def action_choose_previous(self) -> None:
        """Choose the format above."""
        self._turn(-1)

    def _turn(self, step: int) -> None:
        formats, before = self.query_one(_Formats), self._chosen
        formats.move_to((formats.cursor + step) % len(FORMATS))
        field = self.query_one(TextField)
        if field.value in ("", self._suggested):
            self._suggest()
        elif before.single and self._chosen.single and field.value.endswith(before.extension):
            field.value = field.value.removesuffix(before.extension) + self._chosen.extension
            field.cursor_position = len(field.value)

    @on(TextField.Changed)
    def _typed(self, event: TextField.Changed) -> None:
        """The ending of a name says which format is meant."""
        meant = exporting.format_of(event.value)
        if meant is not None and event.value != self._suggested:
            self.query_one(_Formats).move_to(FORMATS.index(meant))
        if self._stop is None:
            self._say("")

    @on(TextField.Submitted)
    def _submitted(self, event: TextField.Submitted) -> None:
        if self._stop is not None:
            return
        if not event.value.strip():
            self._say("It needs a file or a folder.", "failed")
            return
        try:
            target = self._folder / Path(event.value.strip()).expanduser()
        except RuntimeError:
            self._say("There is no such home folder.", "failed")
            return
        self._stop, self._written = threading.Event(), 0
        self._say("Writing.", "dim")
        if self._looking is not None:
            self._looking.resume()
        self.run_worker(self._write(target, self._stop), group="export", exit_on_error=False)

    async def _write(self, target: Path, stop: threading.Event) -> None:
        chosen = self._chosen
        file = target / exporting.suggested_name(self._summary, chosen) if chosen.single and target.is_dir() else target
        force = self._may_replace == file
        sentence = ""
        try:
            files = await asyncio.to_thread(self._write_files, chosen, file, stop, force)
        except FileExistsError as error:
            self._may_replace = file
            sentence = f"{error.filename} is there already; enter again writes over it."
        except _StoppedError:
            sentence = "Stopped; nothing was written."
        except OSError as error:
            sentence = f"{error.filename or file}: {error.strerror or error}."
        except (StoreError, ValueError) as error:
            sentence = f"{error}"
        finally:
            self._stop = None
            if self._looking is not None:
                self._looking.pause()
        if sentence:
            self._say(sentence, "failed")
        else:
            self.dismiss(f"Wrote {' and '.join(str(each) for each in files)}.")

    def _write_files(self, chosen: Format, target: Path, stop: threading.Event, force: bool) -> list[Path]:
        if not chosen.single:
            return exporting.write(chosen, self._history, self._summary, target, force=force, scope=self._scope)

        def counted() -> Iterator[bytes]:
            for piece in exporting.pieces(chosen.name, self._history, self._summary, self._scope):
                if stop.is_set():
                    raise _StoppedError
                encoded = piece.encode("utf-8", "replace")
                self._written += len(encoded)
                yield encoded

        write_file(target, counted(), force=force)
        return [target]

    def _look(self) -> None:
        if self._stop is not None:
            self._say(f"Writing: {human_bytes(self._written)} so far. esc stops.", "dim")

    def on_unmount(self) -> None:
        """Nobody waits for it any more."""
        if self._stop is not None:
            self._stop.set()

    def action_leave(self) -> None:
        """Stop what is being written, else close."""
        if self._stop is not None:
            self._stop.set()
        else:
            self.dismiss(None)
