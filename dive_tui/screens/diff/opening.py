"""Comparing from other screens: what is asked there, and the screen that answers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Protocol, runtime_checkable

from dive_tui.app.shell import Shell
from dive_tui.feeds.diff_choices import Here, asked, choices_here, related_choices
from dive_tui.feeds.diff_questions import CounterpartAsked, ExecutionsAsked, Question
from dive_tui.screens.diff.screen import DiffScreen
from dive_tui.screens.steered import SteeredScreen
from dive_tui.widgets.diff.diff_dialog import DiffDialog
from dive_tui.widgets.wait_words import id_words
from engine.model.snapshot import ExecutionSummary
from engine.replay.history import History
from engine.store import ExecutionEventStore, StoreError


@runtime_checkable
class OpensExecutions(Protocol):
    """An app that can show an execution."""

    def open_execution(self, summary: ExecutionSummary, sequence: int | None) -> None:
        """Show it, at an event when one is given."""


def open_diff(app: Shell, store: ExecutionEventStore, left: str, right: str, *, store_option: str = "") -> None:
    """Compare two executions by their ids. `store_option` is what commands need to find the store."""
    _open(app, store, ExecutionsAsked(left, right), store_option)


def open_counterpart(
    app: Shell, store: ExecutionEventStore, summary: ExecutionSummary, *, store_option: str = ""
) -> None:
    """Compare an execution with the one that belongs to it: its source, its newest retry, the last good run."""
    _open(app, store, CounterpartAsked(summary.id), store_option)


def _open(
    app: Shell,
    store: ExecutionEventStore,
    question: Question,
    store_option: str,
    histories: Mapping[str, History] | None = None,
) -> None:
    open_at = partial(_open_at, app)
    app.push_screen(DiffScreen(store, question, open_at, histories, store_option=store_option))


def _open_at(app: Shell, store: ExecutionEventStore, execution_id: str, sequence: int) -> None:
    """Show an execution where something in it was made; going back leads to the comparison."""

    async def show() -> None:
        try:
            summary = await store.get_summary(execution_id)
        except StoreError as error:
            app.say(f"{id_words(execution_id)} cannot be read: {error}", "error")
            return
        if summary is None:
            app.say(f"{execution_id} is no longer in the store.", "warning")
        elif isinstance(app, OpensExecutions):
            app.open_execution(summary, sequence)

    app.run_worker(show(), group="open", exclusive=True, exit_on_error=False)


class Diffing(SteeredScreen):
    """The part of the screen of an execution that compares it."""

    @property
    def sequence(self) -> int:
        """Where the cursor stands."""
        raise NotImplementedError

    @property
    def history(self) -> History | None:
        """The events, once there are some."""
        raise NotImplementedError

    @property
    def named_marks(self) -> Mapping[str, int]:
        """The marks a person has set: sequences by name."""
        return {}

    def why_not_compare(self) -> str | None:
        """There must be something to compare."""
        if self.steered is None or self.history is None:
            return "The history is not here yet."
        return None if self.history.folded else "No state of it is known."

    def action_compare(self) -> None:
        """Ask what to compare with, and show what differs."""
        summary, history, steering = self.steered, self.history, self.steering
        if summary is None or history is None or steering is None:
            return
        store, option, app = steering.store, steering.store_option, self._shell
        here = Here(summary, history, min(self.sequence, history.folded), dict(self.named_marks))

        def chosen(question: Question | None) -> None:
            if question is not None:
                _open(app, store, question, option, {summary.id: history})

        title = f"Compare {id_words(summary.id)} @{here.sequence:,} with"
        more = partial(related_choices, store, summary)
        dialog = DiffDialog(title, choices_here(here), more, partial(asked, here=here, store=store))
        app.push_screen(dialog, chosen)
