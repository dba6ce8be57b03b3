"""Executions to compare, in an app that can open them, and what the screen says of them, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual.pilot import Pilot

from dive_tui.feeds.diff_questions import Question
from dive_tui.screens.diff.opening import _open
from dive_tui.screens.diff.screen import DiffScreen
from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.widgets.diff.diff_list import DiffList
from dive_tui.widgets.diff.diff_text import DiffText
from dive_tui.widgets.line_view import LineView
from dive_tui.widgets.parts import HeaderLine
from engine.lifecycle.engine import Engine
from engine.model.snapshot import ExecutionSummary
from engine.testing.ports import SequentialIds
from stores.memory import MemoryExecutionEventStore
from tests.screens.execution_app import ExecutionApp, opened, settle
from tests.screens.histories import Stage, order_actions, order_workflow


class ComparingApp(ExecutionApp):
    """Shows one execution, and others where it is asked to."""

    def open_execution(self, summary: ExecutionSummary, sequence: int | None) -> None:
        """Show it."""
        self.push_screen(ExecutionScreen(self.store, summary.id, sequence, summary=summary, now=self.now))

    def __init__(self, store: MemoryExecutionEventStore, execution_id: str, *args: Any, **options: Any) -> None:
        super().__init__(store, execution_id, *args, **options)
        self.store = store


async def orders(
    *amounts: float, source: Mapping[str, Any] | None = None
) -> tuple[MemoryExecutionEventStore, list[str]]:
    """A store with an order of each amount, one after the other; more than 100 is declined."""
    stage, store, ids = Stage(), MemoryExecutionEventStore(), []
    engine = Engine(store, actions=order_actions(stage), clock=stage.clock, ids=SequentialIds())
    for amount in amounts:
        ids.append((await stage.play(engine.run(order_workflow(amount), source=source))).id)
        stage.clock.advance(60)
    return store, ids


async def asked(pilot: Pilot[Any], question: Question, *, known: bool = True, width_settled: bool = True) -> DiffScreen:
    """The comparison that answers a question, once it is there; `known`: the shown execution is not read again."""
    app = pilot.app
    assert isinstance(app, ComparingApp)
    histories = {}
    if known:
        screen = await opened(pilot)
        assert screen.history is not None
        histories = {screen.execution_id: screen.history}
    _open(app, app.store, question, " --store here", histories)
    return await answered(pilot)


async def answered(pilot: Pilot[Any]) -> DiffScreen:
    """The comparison on the screen, once it has an answer or a problem."""
    app = pilot.app
    await settle(pilot, lambda: isinstance(app.screen, DiffScreen) and bool(app.screen._answer or app.screen._problem))
    assert isinstance(app.screen, DiffScreen)
    return app.screen


def lines(view: LineView) -> list[str]:
    """All rows of a view, without runs of spaces; what stands under the cursor begins with `>`."""
    found = []
    for index in range(view.row_count):
        text = view.render_row(index, view.row_width - 1, False).text
        mark = "> " if view.shows_cursor and index == view.cursor else ""
        found.append(mark + " ".join(text.split()))
    return found


def rows(screen: DiffScreen) -> list[str]:
    """The rows of differences."""
    return lines(screen.query_one(DiffList))


def text(screen: DiffScreen) -> str:
    """What the view as text holds."""
    return screen.query_one(DiffText).text


def header(screen: DiffScreen) -> str:
    """All that the header would say if there were room."""
    parts = screen.query_one(HeaderLine).parts
    return "  ".join("".join(piece for piece, _ in each.pieces) for each in parts)


def said(app: ExecutionApp) -> list[str]:
    """All toasts."""
    return [toast.message for toast in app._notifications]


def without_cursor(found: Sequence[str]) -> list[str]:
    """Rows without the cursor's mark."""
    return [each.removeprefix("> ") for each in found]
