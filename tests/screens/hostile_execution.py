"""The execution screen on a history full of hostile strings, run by the terminal tests in a process of its own."""

from __future__ import annotations

import sys

from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSummary, summarize
from engine.replay.history import History
from stores.memory import MemoryExecutionEventStore
from tests.app.hostile import hostile_strings
from tests.screens.execution_app import ExecutionApp
from tests.screens.histories import Writer, hostile_events

KINDS = ("step_started", "step_completed", "step_failed", "path_branched", "execution_cancelled", "news")
KEYS = ("step_params", "output", "error", "error_type", "traceback", "log", "by", "reason", "new_paths", "text")


class Unchecked(MemoryExecutionEventStore):
    """A store of one execution whose events nobody has checked."""

    def __init__(self, events: list[ExecutionEvent]) -> None:
        super().__init__()
        self._events = events

    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        """Some of the events."""
        return self._events[from_seq - 1 :][:limit]

    async def get_summary(self, execution_id: str) -> ExecutionSummary | None:
        """What they amount to."""
        return summarize(History(execution_id, self._events).latest)


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
    app = ExecutionApp(Unchecked(events), events[0].execution_id, ascii_only="--ascii" in sys.argv)
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    raise SystemExit(main())
