"""The execution screen in an app of its own, and what its widgets show, for tests and pictures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from textual.pilot import Pilot
from textual.widget import Widget

from dive_tui.app.shell import Shell
from dive_tui.screens.execution import ExecutionScreen
from engine.store import ExecutionEventStore
from tests.screens.histories import START

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
