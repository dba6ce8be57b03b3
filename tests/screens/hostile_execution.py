"""The execution screen on a history full of hostile strings, run by the terminal tests in a process of its own."""

from __future__ import annotations

import asyncio
import sys

from engine.model.events import ExecutionEvent
from stores.memory import MemoryExecutionEventStore
from tests.app.hostile import hostile_strings
from tests.screens.execution_app import ExecutionApp
from tests.screens.histories import Writer, hostile_events

KINDS = ("step_started", "step_completed", "step_failed", "path_branched", "execution_cancelled", "news")
KEYS = ("step_params", "output", "error", "error_type", "traceback", "log", "by", "reason", "new_paths", "text")


def events_with(strings: list[str]) -> list[ExecutionEvent]:
    """A history that holds each of these strings somewhere."""
    writer = Writer()
    writer.begin(["Work"], strings[0])
    clean = [string.encode("utf-8", "replace").decode() for string in strings]
    for number, string in enumerate(clean):
        key, other = KEYS[number % len(KEYS)], clean[number // 2]
        data = {key: string, other: {"deep": [string, other]}, "error": other, "error_type": string}
        writer.add(KINDS[number % len(KINDS)], f"main{other[:9]}", string, data, at=number / 10)
    return writer.events


def main() -> int:
    """Show the history named by the first argument: a count of strings, or `real` for one that holds together."""
    events = hostile_events() if sys.argv[1] == "real" else events_with(hostile_strings(int(sys.argv[1]), 7))
    store = MemoryExecutionEventStore()
    asyncio.run(store.append_events(events))
    app = ExecutionApp(store, events[0].execution_id, ascii_only="--ascii" in sys.argv)
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    raise SystemExit(main())
