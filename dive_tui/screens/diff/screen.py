"""The screen that shows what differs between two things, and which event made each difference."""

from __future__ import annotations

import asyncio
from typing import Literal

from textual import on

from dive_tui.app.actions import Scope
from dive_tui.app.clipboard import copy
from dive_tui.app.keymap import bindings
from dive_tui.feeds.diff_questions import ExecutionsAnswer
from dive_tui.screens.diff.texts import View, as_text, text_of, title_of
from dive_tui.screens.diff.view import DiffView
from dive_tui.screens.diff.words import offers
from dive_tui.widgets.dialogs.choice import CarryOut, ChoiceDialog
from dive_tui.widgets.dialogs.copy_menu import CopyMenu, Offer
from dive_tui.widgets.diff.diff_rows import Row
from dive_tui.widgets.diff.diff_text import DiffText
from dive_tui.widgets.line_view import LineView
from engine.replay.diffing.diff import Change, not_ignored
from engine.store import StoreError


class DiffScreen(DiffView):
    """A comparison, with its keys."""

    BINDINGS = bindings(Scope.DIFF)

    def why_not_open_change(self) -> str | None:
        """There must be a row."""
        if self.has_class("-text"):
            return "This view is only read; v turns back to the differences."
        return None if self._list.current is not None else "There is nothing to open."

    def action_open_change(self) -> None:
        """Go to the event that made the change, or fold or unfold what has no event of its own."""
        row = self._list.current
        if row is None or (row.kind in ("branch", "stretch", "pair") and self._list.toggle()):
            return
        target = self._target(row)
        if target is not None:
            self._open_at(self._store, *target)
        elif not self._list.toggle():
            self._shell.say("No event is known that made this.")

    @on(LineView.RowSelected)
    def _selected(self) -> None:
        self.action_open_change()

    def _target(self, row: Row) -> tuple[str, int] | None:
        """Execution and event behind what stands right, else left."""
        if self._answer is None:
            return None
        sides = list(zip(self._answer.sides.executions, row.by, strict=True))
        if not self._swapped:
            sides.reverse()
        return next(((execution, event) for execution, event in sides if event), None)

    def why_not_next_difference(self) -> str | None:
        """There must be a change."""
        if self.has_class("-text"):
            return self.why_not_open_change()
        return None if self._list.row_count else "There are no changes."

    why_not_previous_difference = why_not_next_difference

    def action_next_difference(self) -> None:
        """Go to the next change."""
        self._go_to_stop(1, "This is the last change.")

    def action_previous_difference(self) -> None:
        """Go to the change before."""
        self._go_to_stop(-1, "This is the first change.")

    def _go_to_stop(self, step: Literal[1, -1], otherwise: str) -> None:
        if not self._list.go_to_stop(step):
            self._shell.say(otherwise)

    def why_not_diff_view(self) -> str | None:
        """There must be an answer."""
        return None if self._answer is not None else self._problem or "It is not compared yet."

    def action_diff_view(self) -> None:
        """Turn to the next view."""
        views = self._views
        self.turn_to(views[(views.index(self.view) + 1) % len(views)])

    why_not_swap_sides = why_not_diff_view

    def action_swap_sides(self) -> None:
        """Swap left and right."""
        self._swapped = not self._swapped
        self._update()
        self._write()

    def why_not_ignore_address(self) -> str | None:
        """Only what has an address can be ignored."""
        if self.has_class("-text"):
            return self.why_not_open_change()
        row = self._list.current
        return None if row is not None and row.address else "There is no address here to ignore."

    def action_ignore_address(self) -> None:
        """Ignore the address under the cursor with all below it, or no longer."""
        row = self._list.current
        if row is None:
            return
        here = [Change(row.address, "changed", None, None)]
        covering = next((each for each in self._ignored if not not_ignored(here, [each])), None)
        if covering is not None:
            self._ignore(tuple(each for each in self._ignored if each != covering))
            self._shell.say(f"{covering} counts again.")
        else:
            self._ignore((*self._ignored, row.address))
            self._shell.say(f"{row.address} is ignored; i lists what is.")

    def _ignore(self, addresses: tuple[str, ...]) -> None:
        self._ignored = addresses
        if isinstance(self._answer, ExecutionsAnswer):
            self._ask()
            self._update()
        else:
            self.show_rows(keep=True)

    def why_not_ignored_addresses(self) -> str | None:
        """There must be some."""
        return None if self._ignored else "Nothing is ignored; I ignores what is under the cursor."

    def action_ignored_addresses(self) -> None:
        """List what is ignored; what is chosen counts again."""

        def again(address: str) -> CarryOut:
            async def take_back() -> str | None:
                self._ignore(tuple(each for each in self._ignored if each != address))
                return None

            return take_back

        choices = [(address, again(address)) for address in self._ignored]
        sentences = [("What is chosen counts again.", "text")]
        self.app.push_screen(ChoiceDialog("Ignored", sentences, "Leave it so", choices))

    def action_fold_row(self) -> None:
        """Fold the row, or go to the one it belongs to."""
        self._list.fold()

    def action_unfold_row(self) -> None:
        """Unfold the row."""
        self._list.unfold()

    why_not_fold_row = why_not_unfold_row = why_not_open_change

    def action_first_row(self) -> None:
        """Go to the first row."""
        self._focused_view.action_top()

    def action_last_row(self) -> None:
        """Go to the last row."""
        self._focused_view.action_bottom()

    @property
    def _focused_view(self) -> LineView:
        return self.query_one(DiffText) if self.has_class("-text") else self._list

    why_not_copy_item = why_not_diff_view

    def action_copy_item(self) -> None:
        """Ask what to copy."""
        self.run_worker(self._offer_copies(), group="offers", exclusive=True, exit_on_error=False)

    async def _offer_copies(self) -> None:
        answer, row = self._answer, None if self.has_class("-text") else self._list.current
        if answer is None:
            return
        glyphs, kept, swapped, ignored = self._list.glyphs, self._kept, self._swapped, self._ignored
        try:
            text = await asyncio.to_thread(as_text, answer, kept, glyphs, swapped=swapped)
            programs = await asyncio.to_thread(text_of, answer, View.JSON, ignored, swapped=swapped)
        except ValueError:  # too many differences for a patch
            programs = ""
        except StoreError as error:
            self._shell.say(f"It cannot be read: {error}", "error")
            return
        found = offers(row, text, (title_of(View.JSON, answer), programs), swapped=swapped)
        found.append(Offer("command", f"{answer.sides.command}{self._store_option}"))

        def chosen(offer: Offer | None) -> None:
            if offer is not None:
                copy(self.app, offer.text, offer.what)

        self.app.push_screen(CopyMenu(found), chosen)
