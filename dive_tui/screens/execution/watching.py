"""Values and marks on the execution screen: who set a value, watches, and places to come back to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from dive_tui.app.text import human_count
from dive_tui.screens.execution.panes import PaneName
from dive_tui.screens.execution.stops import StoppingExecution
from dive_tui.screens.execution.values import write_words
from dive_tui.widgets.changes_view import is_within
from dive_tui.widgets.dialogs.address_dialog import AddressDialog
from dive_tui.widgets.dialogs.marks_dialog import MarkEntry, MarksDialog
from dive_tui.widgets.events.event_words import elapsed_text, look_of
from dive_tui.widgets.json.json_rows import Key
from dive_tui.widgets.now_rows import NowRow
from dive_tui.widgets.outline import Outline
from engine.replay.addressing.addresses import AddressError, parse_address
from engine.replay.addressing.setting import Write, who_set
from engine.replay.addressing.values import cursor_path
from engine.replay.history import History
from engine.replay.session.session import SessionError
from engine.store import StoreError


class _Asked(NamedTuple):
    """A value whose writer was asked for, and what was found."""

    address: str
    """As it was asked for."""
    full: str
    """The same with the path it is about."""
    path: str
    sequence: int
    """Of the event that set it."""


class ReplayedExecution(StoppingExecution):
    """A replay in which one asks who set a value, watches values, and marks events; marks are there in any mode."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._asked: _Asked | None = None

    # Values

    def why_not_who_set(self) -> str | None:
        """Only in replay."""
        return self._why_not_replaying()

    def action_who_set(self) -> None:
        """Go to the event that set the value under the cursor; asked again there, to the write before."""
        history, asked, here = self._growing.history, self._asked_here(), self._address_here()
        if history is None:
            return
        if asked is not None:
            self._ask_who(history, asked.address, asked.path, self._sequence - 1)
        elif here:
            self._ask_who(history, here, None, self._sequence)
        else:
            self._ask_address("Who set this value?", lambda text: self._ask_who(history, text, None, self._sequence))

    def _asked_here(self) -> _Asked | None:
        """The value that was asked for last, while the cursor is where that led and on nothing else."""
        asked, here = self._asked, self._address_here()
        if asked is None or asked.sequence != self._sequence:
            return None
        if not here or here == asked.address:
            return asked
        parts = is_within(here, asked.full) or is_within(asked.full, here)
        return asked if self.panes.current is PaneName.CHANGES and parts else None

    def _address_here(self) -> str:
        """The address of the value under the cursor of the pane one is in, or of the inspector beside it."""
        row = self.panes.now.current
        if self.panes.current is PaneName.NOW and row is not None and row.kind == "watch":
            return row.name
        inside = self.panes.current in (PaneName.STATE, PaneName.CHANGES)
        return self.panes.inspector.address if inside else ""

    def _ask_address(self, title: str, use: Callable[[str], None]) -> None:
        def answered(address: str | None) -> None:
            if address is not None:
                use(address)

        self.app.push_screen(AddressDialog(title), answered)

    def _ask_who(self, history: History, address: str, path: str | None, sequence: int) -> None:
        work = self._find_writer(history, address, path, sequence, self._sequence)
        self.run_worker(work, group="who set", exclusive=True, exit_on_error=False)

    async def _find_writer(self, history: History, text: str, path: str | None, sequence: int, cursor: int) -> None:
        try:
            address = parse_address(text)
            whose = path if path is not None else await asyncio.to_thread(cursor_path, history, sequence)
            write = await asyncio.to_thread(who_set, history, address, sequence, whose)
        except (AddressError, StoreError) as problem:
            self._say(f"Who set {text} cannot be said: {problem}")
            return
        if cursor != self._sequence or not self.replaying:
            return  # one looks elsewhere by now
        if write is None:
            before = "before" if sequence < cursor else "up to"
            self._say(f"Nothing changed {text} {before} event {human_count(cursor)}.")
        else:
            full = address.on_path(whose)
            self._go_to_write(_Asked(text, str(full), whose, write.sequence), full.parts, write)

    def _go_to_write(self, asked: _Asked, keys: tuple[Key, ...], write: Write) -> None:
        self._asked = asked
        self.panes.inspector.point_at(keys, asked.full)
        self.move_cursor(write.sequence)
        self.app.clear_notifications()  # of several answers the last one stands
        self._say(write_words(asked.address, write))

    def why_not_watch_value(self) -> str | None:
        """Only in replay."""
        return self._why_not_replaying()

    def action_watch_value(self) -> None:
        """Watch the value under the cursor, or no longer; without one ask which."""
        asked, here = self._asked_here(), self._address_here()
        if asked is not None and here != asked.address:
            here = asked.full if here else asked.address
        if here:
            self._turn_watch(here)
        else:
            self._ask_address("Watch which value?", self._turn_watch)

    def _turn_watch(self, address: str) -> None:
        session = self.session
        if session is None:
            return
        try:
            session.remove_watch(address)
            self._say(f"{address} is no longer watched.")
        except SessionError:
            session.add_watch(address)
            self._say(f"{address} is watched in the pane Now, 6.")
        except AddressError as problem:
            self._say(f"{address} cannot be watched: {problem}")
        self._show_now()

    def go_from_here(self) -> bool:
        """In replay, go where the row under the cursor leads: a value to its writer, a path to its step."""
        if not self.replaying:
            return False
        history, state = self._growing.history, self.panes.inspector.state
        if self.panes.current is PaneName.STATE and history is not None and state.address:
            self._ask_who(history, state.address, None, self._sequence)
            return True
        row = self.panes.now.current
        if self.panes.current is not PaneName.NOW or row is None:
            return False
        self._go_from(row)
        return True

    def _go_from(self, row: NowRow) -> None:
        session = self.session
        if row.kind == "breakpoint" and session is not None:
            session.toggle_breakpoint(row.number)
            self._changed_points()
        elif row.target is not None:
            self.move_cursor(row.target)

    # Marks

    def why_not_set_mark(self) -> str | None:
        """The whole history must be here."""
        return self.why_not_here()

    def action_set_mark(self) -> None:
        """Mark this event, or no longer."""
        session = self.session
        if session is None:
            return
        names = [name for name, sequence in session.marks.items() if sequence == self._sequence]
        for name in names:
            session.remove_mark(name)
        if names:
            self._say(f"Event {human_count(self._sequence)} is no longer marked.")
        else:
            self._say(f"Mark {session.set_mark()} is at event {human_count(self._sequence)}. M lists the marks.")
        self._update_points()

    def why_not_list_marks(self) -> str | None:
        """There may be none."""
        session = self.session
        return None if session is not None and session.marks else "There are no marks: m sets one at this event."

    def action_list_marks(self) -> None:
        """List the marks, and go to one."""
        session, outline = self.session, self._growing.outline
        if session is None or outline is None:
            return

        def remove(name: str) -> None:
            session.remove_mark(name)
            self._update_points()

        def chosen(sequence: int | None) -> None:
            if sequence is not None:
                self.move_cursor(sequence)

        ordered = sorted(session.marks.items(), key=lambda mark: mark[1])
        entries = [_entry(session.history, outline, name, sequence) for name, sequence in ordered]
        self.app.push_screen(MarksDialog(entries, remove), chosen)


def _entry(history: History, outline: Outline, name: str, sequence: int) -> MarkEntry:
    columns = history.columns
    where = " ".join(part for part in (columns.path(sequence), columns.step(sequence)) if part)
    words = f"{elapsed_text(outline.seconds(sequence))}  {look_of(columns.kind(sequence)).words}  {where}"
    return MarkEntry(name, sequence, words.rstrip())
