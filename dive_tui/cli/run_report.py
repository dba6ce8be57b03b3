"""What `run` says: a line per step as it ends, and in the end how it came out and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dive_tui.app.text import human_count
from dive_tui.cli.printing import Piece, Printer, last_frame, one_line, shown_duration, typed
from dive_tui.cli.reading import Reading
from dive_tui.cli.run_output import RunOutput
from dive_tui.widgets.event_words import try_of
from engine.model.events import ExecutionEvent
from engine.model.times import seconds_between


class _OpenStep:
    """A step that has begun; with `each`, how far it is."""

    def __init__(self, event: ExecutionEvent) -> None:
        self.name = event.step_name
        self.since = event.timestamp
        self.items: int | None = len(event.data["items"]) if "items" in event.data else None
        self.done = 0

    def __str__(self) -> str:
        return self.name if self.items is None else f"{self.name} {self.done:,}/{self.items:,}"


class RunReport:
    """Made for one execution; told of every committed batch."""

    def __init__(self, printer: Printer | None) -> None:
        """Without a printer only what steps print is passed on."""
        self.output = RunOutput(printer)
        self._printer = printer
        self._open: dict[str, _OpenStep] = {}
        self._several_paths = self._failure_told = False
        self._tellers: dict[str, Callable[[ExecutionEvent], None]] = {
            "path_branched": self._branched,
            "path_cancelled": self._cancelled,
            "path_completed": self._path_ended,
            "path_failed": self._path_ended,
            "step_completed": self._completed,
            "step_failed": self._failed,
            "step_started": self._started,
        }

    def observe(self, batch: Sequence[ExecutionEvent]) -> None:
        """Say what a committed batch says about steps."""
        if any(event.event_type in ("step_completed", "step_failed") for event in batch):
            self.output.end_lines()
        if self._printer is None:
            return
        for event in batch:
            tell = self._tellers.get(event.event_type)
            if tell is not None:
                tell(event)
        self.output.going_on(", ".join(map(str, self._open.values())))

    def conclude(self, reading: Reading, reference: str, store: str | None) -> None:
        """Say how it came out, and what to type next; `store` where it was named."""
        if self._printer is not None:
            _conclude(self._printer, reading, self._failure_told)
            self._printer.hints(*_next(reading, reference, store))

    def _branched(self, event: ExecutionEvent) -> None:
        self._several_paths = True

    def _path_ended(self, event: ExecutionEvent) -> None:
        self._open.pop(event.path_id, None)

    def _started(self, event: ExecutionEvent) -> None:
        if "iteration" not in event.data:
            self._open[event.path_id] = _OpenStep(event)

    def _completed(self, event: ExecutionEvent) -> None:
        step = self._open[event.path_id]
        if "iteration" in event.data:
            step.done += 1
            return
        if step.items is None:
            self._step(event, "completed", shown_duration(event.data["duration_ms"] / 1000))
        else:
            took = seconds_between(step.since, event.timestamp)
            self._step(event, "completed", f"{step.items:,} items", shown_duration(took))
        del self._open[event.path_id]

    def _failed(self, event: ExecutionEvent) -> None:
        self._failure_told = True
        data = event.data
        error = (one_line(f"{data['error_type']}: {data['error']}"), "red")
        self._step(event, "failed", error, last_frame(data.get("traceback", "")))

    def _cancelled(self, event: ExecutionEvent) -> None:
        self._path_ended(event)
        if "unit" in event.data:
            self._step(event._replace(step_name=event.data["unit"]["step"]), "cancelled", "cancelled")

    def _step(self, event: ExecutionEvent, status: str, *facts: Piece) -> None:
        assert self._printer is not None
        glyph, style = self._printer.status(status)
        tried = try_of(event.data)
        path = f"{event.path_id} {self._printer.glyphs.within} " if self._several_paths else ""
        name = f"{event.step_name} {tried}".rstrip()
        pieces: list[Piece] = [(glyph.partition(" ")[0] + " ", style), (path, "dim"), (name, "bold")]
        for fact in facts:
            if fact:
                pieces += ["  ", (fact, "dim") if isinstance(fact, str) else fact]
        self.output.line(*pieces)


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


def _next(reading: Reading, reference: str, store: str | None) -> list[str]:
    show = "show" if reading.history.latest.error is not None else "events"
    return [typed("open", reference, store=store), typed(show, reference, store=store)]
