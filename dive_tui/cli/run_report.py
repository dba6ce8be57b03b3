"""What `run` and `recover` say: a line for all that happens to steps, then how it came out and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dive_tui.app.text import human_count
from dive_tui.cli.printing import Piece, Printer, json_text, last_frame, one_line, shown_duration, typed
from dive_tui.cli.reading import Reading
from dive_tui.cli.run_output import RunOutput
from dive_tui.cli.waits import now_utc, open_waits_of, until, wait_words, ways_on
from dive_tui.widgets.events.event_words import item_of, try_of
from engine.core.reduce import CONTROL
from engine.model.events import ExecutionEvent
from engine.model.times import seconds_between

_MOST_DATA = 200


class _OpenStep:
    """A step that has begun; with `each`, how far it is."""

    def __init__(self, event: ExecutionEvent) -> None:
        self.name = event.step_name
        self.since = event.timestamp
        self.items: int | None = len(event.data["items"]) if "items" in event.data else None
        self.done = 0
        self.waiting = ""

    def __str__(self) -> str:
        name = self.name if self.items is None else f"{self.name} {self.done:,}/{self.items:,}"
        return f"{name} ({self.waiting})" if self.waiting else name


class RunReport:
    """Made for one execution; told of every committed batch."""

    def __init__(self, printer: Printer | None) -> None:
        """Without a printer only what steps print is passed on."""
        self.output = RunOutput(printer)
        self._printer = printer
        self._silent = printer is None
        self._open: dict[str, _OpenStep] = {}
        self._joined: dict[str, str] = {}
        self._several_paths = self._failure_told = False
        self._tellers: dict[str, Callable[[ExecutionEvent], None]] = {
            "execution_paused": self._asked,
            "execution_recovered": self._recovered,
            "execution_resumed": self._asked,
            "path_branched": self._branched,
            "path_cancelled": self._cancelled,
            "path_completed": self._path_ended,
            "path_failed": self._path_ended,
            "path_joined": self._path_joined,
            "signal_received": self._received,
            "step_completed": self._completed,
            "step_failed": self._failed,
            "step_retry_scheduled": self._retrying,
            "step_started": self._started,
            "step_waiting": self._waiting,
        }

    def catch_up(self, events: Iterable[ExecutionEvent]) -> None:
        """Take in what happened before this process drives the execution, saying nothing."""
        self._silent = True
        self._take_in(events)
        self._silent, self._failure_told = self._printer is None, False

    def observe(self, batch: Sequence[ExecutionEvent]) -> None:
        """Say what a committed batch says about steps."""
        if any(event.event_type in ("step_completed", "step_failed") for event in batch):
            self.output.end_lines()
        if self._printer is None:
            return
        self._take_in(batch)
        self.output.going_on(", ".join(map(str, self._open.values())))

    def conclude(self, reading: Reading, reference: str, store: str | None) -> None:
        """Say how it came out, and what to type next; `store` where it was named."""
        if self._printer is None:
            return
        _conclude(self._printer, reading, self._failure_told)
        summary = reading.summary
        self._printer.ways_on(
            ways_on(reading.history, summary.shown_status, reference, store=store, driven=summary.live)
        )
        self._printer.hints(*_next(reading, reference, store))

    def _take_in(self, events: Iterable[ExecutionEvent]) -> None:
        for event in events:
            tell = self._tellers.get(event.event_type)
            if tell is not None:
                tell(event)

    def _branched(self, event: ExecutionEvent) -> None:
        self._several_paths = True

    def _path_ended(self, event: ExecutionEvent) -> None:
        self._open.pop(event.path_id, None)

    def _path_joined(self, event: ExecutionEvent) -> None:
        arrived = [str(path["path"]) for path in event.data["arrived"]]
        self._joined[event.path_id] = f"joined {', '.join(arrived)}" if arrived else "nothing to join"

    def _started(self, event: ExecutionEvent) -> None:
        if "iteration" not in event.data:
            self._open[event.path_id] = _OpenStep(event)

    def _waiting(self, event: ExecutionEvent) -> None:
        words = wait_words(event.data)
        step = self._open.get(event.path_id)
        if step is not None and step.items is None:
            step.waiting = words
        limit = until(event.data.get("due_at"), now_utc())
        self._step(event, "waiting", (f"waiting: {words} {limit}".rstrip(), "yellow"))

    def _retrying(self, event: ExecutionEvent) -> None:
        data = event.data
        delay = f"retry in {shown_duration(data['delay_ms'] / 1000)}" if data["delay_ms"] else "retry at once"
        item = {"iteration": data["iteration"]} if item_of(data) is not None else {}
        self._step(event._replace(data=item), "retrying", (delay, "blue"), f"attempt {data['attempt']}")

    def _completed(self, event: ExecutionEvent) -> None:
        step = self._open.get(event.path_id)
        if step is None:
            return
        if "iteration" in event.data:
            step.done += 1
            return
        joined = self._joined.pop(event.path_id, "")
        if step.items is None:
            self._step(event, "completed", joined, _took(event.data))
        else:
            took = seconds_between(step.since, event.timestamp)
            self._step(event, "completed", f"{step.items:,} items", _collected(event.data), shown_duration(took))
        del self._open[event.path_id]

    def _failed(self, event: ExecutionEvent) -> None:
        data = event.data
        caught, goes_on = data.get("caught"), data.get("retry") or data.get("collected")
        error = (one_line(f"{data.get('error_type', '')}: {data.get('error', '')}"), "red")
        then = "collected" if data.get("collected") else f"goes on at {caught['step']}" if caught else ""
        self._step(event, "failed", error, last_frame(data.get("traceback", "")), then)
        if data.get("collected") and event.path_id in self._open:
            self._open[event.path_id].done += 1
        elif caught:
            self._open.pop(event.path_id, None)
        self._failure_told = self._failure_told or not (caught or goes_on)

    def _cancelled(self, event: ExecutionEvent) -> None:
        self._path_ended(event)
        if "unit" in event.data:
            self._step(event._replace(step_name=event.data["unit"]["step"]), "cancelled", "cancelled")

    def _received(self, event: ExecutionEvent) -> None:
        topic = str(event.data["signal_type"])
        if topic.startswith(CONTROL):
            return  # what comes of it is told
        data = json_text(event.data["data"])
        self._note("signal", "magenta", f"signal {topic}", data if len(data) <= _MOST_DATA else "")

    def _asked(self, event: ExecutionEvent) -> None:
        word = event.event_type.removeprefix("execution_")
        glyph = "paused" if word == "paused" else "started"
        self._note(glyph, "yellow", f"{word} by {event.data.get('by', '')}", str(event.data.get("reason", "")))

    def _recovered(self, event: ExecutionEvent) -> None:
        steps = [str(unit["step"]) for unit in event.data.get("interrupted", ())]
        self._note("retry", "blue", "recovered", f"interrupted: {', '.join(steps)}" if steps else "")

    def _note(self, glyph: str, style: str, said: str, *facts: str) -> None:
        """A line about the execution as a whole."""
        if self._printer is not None and not self._silent:
            mark: str = getattr(self._printer.glyphs, glyph)
            pieces: list[Piece] = [(f"{mark} ", style), (said, style)]
            for fact in facts:
                pieces += ["  ", (one_line(fact), "dim")] if fact else []
            self.output.line(*pieces)

    def _step(self, event: ExecutionEvent, status: str, *facts: Piece) -> None:
        if self._printer is None or self._silent:
            return
        glyph, style = self._printer.status(status)
        tried = try_of(event.data)
        path = f"{event.path_id} {self._printer.glyphs.within} " if self._several_paths else ""
        name = f"{event.step_name} {tried}".rstrip()
        pieces: list[Piece] = [(glyph.partition(" ")[0] + " ", style), (path, "dim"), (name, "bold")]
        for fact in facts:
            if fact:
                pieces += ["  ", (fact, "dim") if isinstance(fact, str) else fact]
        self.output.line(*pieces)


def _took(data: Mapping[str, Any]) -> str:
    return shown_duration(data.get("duration_ms", 0) / 1000)


def _collected(data: Mapping[str, Any]) -> str:
    output = data.get("output")
    failed = output.get("failed") if isinstance(output, Mapping) else None
    return f"{failed:,} failed" if isinstance(failed, int) and failed else ""


def _conclude(printer: Printer, reading: Reading, failure_told: bool) -> None:
    summary, error, outputs = reading.summary, reading.history.latest.error, reading.history.latest.outputs
    at = ""
    if error is not None:
        sequence = reading.history.failure_sequence() or error["sequence"]
        at = f" at {error['step']} (event {sequence})" if error.get("step") else f" (event {sequence})"
    took = shown_duration(seconds_between(summary.start_time, summary.end_time or summary.updated_at))
    facts = [summary.workflow_name, printer.short_id(summary.id), f"{human_count(summary.last_event_seq)} events", took]
    status, style = printer.status(summary.shown_status)
    printer.line()
    printer.line((status + at, style), "  ", (printer.beside(*facts), "dim"))
    if error is not None and not failure_told:
        printer.block(f"{error['type']}: {error['message']}", indent=2, style="red", most=5)
    if outputs:
        printer.values(outputs.items())
    now = now_utc()
    for wait in open_waits_of(reading.history):
        place = printer.within(wait.path if summary.path_count > 1 else "", wait.step)
        printer.line("  ", (place, "bold"), f"  {wait.words}", (f"  {until(wait.due_at, now)}".rstrip(), "dim"))


def _next(reading: Reading, reference: str, store: str | None) -> list[str]:
    show = "show" if reading.history.latest.error is not None else "events"
    return [typed("open", reference, store=store), typed(show, reference, store=store)]
