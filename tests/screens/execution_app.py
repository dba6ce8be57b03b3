"""The execution screen in an app of its own, and what its widgets show, for tests and pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from textual.pilot import Pilot
from textual.widget import Widget

from dive_tui.app.shell import Shell
from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.widgets.parts import Banner, HeaderLine
from engine.model.events import ExecutionEvent
from engine.store import ExecutionEventStore
from stores.memory import MemoryExecutionEventStore
from tests.screens.histories import START, failed_order

Size = tuple[int, int]


class ExecutionApp(Shell):
    """Shows one execution; `seconds` after the fixed start is the time of day."""

    def __init__(
        self,
        store: ExecutionEventStore,
        execution_id: str,
        sequence: int | None = None,
        *,
        seconds: float = 12.0,
        ascii_only: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(ascii_only=ascii_only)
        self.seconds = seconds
        self.execution = ExecutionScreen(store, execution_id, sequence, now=self.now, **options)

    def now(self) -> datetime:
        """The time of day."""
        return START + timedelta(seconds=self.seconds)

    async def on_mount(self) -> None:
        """Show it."""
        await self.push_screen(self.execution)


async def settle(pilot: Pilot[Any], ready: Callable[[], bool] | None = None) -> None:
    """Wait until nothing is going on any more and, if given, `ready` holds."""
    for _ in range(500):
        await pilot.pause()
        busy = [w for w in pilot.app.workers if w.group != "feed" and not w.is_finished]
        if not busy and (ready is None or ready()):
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came to rest")


async def opened(pilot: Pilot[Any]) -> ExecutionScreen:
    """The screen, once its history has been read and shown."""
    app = pilot.app
    assert isinstance(app, ExecutionApp)
    await settle(pilot, lambda: app.execution.sequence > 0)
    return app.execution


def lines_of(widget: Widget) -> list[str]:
    """What a widget that draws lines shows, line by line."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


def text_of(widget: Widget) -> str:
    """The same in one."""
    return "\n".join(lines_of(widget))


async def failed(sequence: int | None = None, **options: Any) -> ExecutionApp:
    """An app on the order whose card was declined."""
    return ExecutionApp(*await failed_order(), sequence, **options)


async def shown(events: Sequence[ExecutionEvent], **options: Any) -> ExecutionApp:
    """An app on an execution with these events."""
    store = MemoryExecutionEventStore()
    await store.append_events(events)
    return ExecutionApp(store, events[0].execution_id, **options)


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys, and wait for what comes of them."""
    await pilot.press(*keys)
    await settle(pilot)


def header(screen: ExecutionScreen) -> str:
    """The header line."""
    return text_of(screen.query_one(HeaderLine)).strip()


def banner(screen: ExecutionScreen) -> str:
    """The banner, if it is there."""
    line = screen.query_one(Banner)
    return text_of(line).strip() if line.display else ""


def said(app: Shell) -> str:
    """The last toast."""
    return list(app._notifications)[-1].message if len(app._notifications) else ""


def screen_lines(app: Shell) -> list[str]:
    """All lines of what is on the screen."""
    return [strip.text for strip in app.screen._compositor.render_strips()]
