"""How far long work has come, on stderr where that is a terminal; and stopping it with Ctrl-C."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from stores.maintenance import Progress


@contextmanager
def shown_progress(verb: str, unit: str) -> Iterator[Progress]:
    """A line that shows how far something is, gone at its end; nothing where stderr is no terminal.

    What is called back also lets Ctrl-C through: work that never gives way to the event loop ends at its next report.

    Args:
        verb: what is being done: `verifying`.
        unit: what is counted: `events`.
    """
    if not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from dive_tui.app.text import display_text, fit, is_ascii

    columns = [
        TextColumn("{task.description}", markup=False),
        *([] if is_ascii() else [BarColumn(bar_width=24)]),
        TextColumn("{task.percentage:>3.0f} %", markup=False),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(compact=True),
    ]
    console = Console(file=sys.stderr, markup=False, emoji=False, highlight=False)
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(verb, total=None, rate="")

        def tell(done: int, total: int, what: str) -> None:
            if done < bars.tasks[0].completed:  # the next part of the work counts anew
                bars.reset(task, rate="")
            speed = bars.tasks[0].speed
            rate = "" if speed is None else f"{speed:,.0f} {unit}/s"
            bars.update(
                task, description=f"{verb} {fit(display_text(what), 31)}", completed=done, total=total, rate=rate
            )
            _let_through()

        yield tell


def _silent(done: int, total: int, what: str) -> None:
    _let_through()


def _let_through() -> None:
    """End the task that is at work when it was asked to end.

    Raises:
        CancelledError: it was.
    """
    try:
        task = asyncio.current_task()
    except RuntimeError:  # a thread that stores work in
        return
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
