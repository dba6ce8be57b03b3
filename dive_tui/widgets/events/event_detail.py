"""Everything about one event, laid out for reading."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from dive_tui.app.text import human_count
from dive_tui.widgets.events.event_page import Line, Page
from dive_tui.widgets.events.event_sections import SECTIONS, Context, Told, most_attempts
from dive_tui.widgets.events.event_words import date_text, elapsed_text, item_of, look_of, milliseconds
from dive_tui.widgets.json.json_text import preview
from dive_tui.widgets.outline import unit_of
from dive_tui.widgets.steady import SteadyView
from engine.model.events import KNOWN_TYPES, ExecutionEvent, ExecutionEventType

_HUE = "hue "
"""Before a path's number: the style of its name."""


class EventDetail(SteadyView):
    """The page of one event; scrolls when it is long."""

    shows_cursor = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[Context, int] | None = None
        self._lines: list[Line] = []
        self._laid_out: tuple[object, ...] = ()
        self._generation = 0
        self.generous = False
        """Whether long values are shown at length."""

    @property
    def row_count(self) -> int:
        """Lines of the page."""
        return len(self._lines)

    def show(self, context: Context, sequence: int) -> None:
        """Show this event."""
        if self._shown is None or self._shown[1] != sequence:
            self.scroll_to(y=0, animate=False, force=True)
        self._shown = context, sequence
        self.lay_out()

    def clear(self) -> None:
        """Show nothing."""
        self._shown, self._lines, self._laid_out = None, [], ()
        self._generation += 1
        self.rows_changed(cursor=0)

    def lay_out(self) -> None:
        """Write the page, when anything it depends on has changed."""
        width = self.row_width - 2
        if self._shown is None or width < 4:
            return
        context, sequence = self._shown
        key = (sequence, width, self.generous, context.time_format, len(context.history))
        if key == self._laid_out:
            return
        event = context.history.peek(sequence)
        if event is None:
            return  # what is on the page stays
        self._laid_out = key
        page = Page(width, generous=self.generous)
        write_event(page, context, event)
        self._lines = page.lines
        self._generation += 1
        self.rows_changed(cursor=0)

    def on_resize(self) -> None:
        """Lines are wrapped to the new width."""
        super().on_resize()
        self.lay_out()

    def row_key(self, index: int) -> Hashable:
        """Lines are drawn anew with every page."""
        return self._generation, index

    def render_row(self, index: int, width: int, selected: bool) -> Strip:
        """Draw a line."""
        return Strip([Segment(text, self._style(style)) for text, style in self._lines[index]])

    def _style(self, name: str) -> Style:
        return self.palette.path(int(name.removeprefix(_HUE))) if name.startswith(_HUE) else self.palette[name]


def write_event(page: Page, context: Context, event: ExecutionEvent) -> None:
    """Write everything about an event on a page."""
    data = dict(event.data)
    _write_head(page, context, event, data)
    page.gap()
    if event.event_type in _STEP_ENDS:
        data = {**{key: value for key, value in _start_of(context, event).items() if key in _OF_START}, **data}
    for label, key, body in SECTIONS:
        value = data.pop(key, None)
        if value not in (None, {}, [], ""):
            page.section(label, body(page, Told(context, event), value))
    _write_rest(page, data)
    page.gap()
    _write_envelope(page, context, event)


# The head: what happened, in words


def _write_head(page: Page, context: Context, event: ExecutionEvent, data: dict[str, Any]) -> None:
    look = look_of(event.event_type)
    error, error_type = data.pop("error", None), data.pop("error_type", None)
    if error is not None or error_type is not None:
        said = error if isinstance(error, str) else preview(error, page.width)
        page.wrapped(said, "text", lead=(f"{error_type or 'error'}: ", "bold failed"), limit=40)
    else:
        page.line((getattr(context.glyphs, look.glyph) + " ", look.style), (look.words, f"bold {_bright(look.style)}"))
    facts = [fact for fact in _facts(context, event, data) if fact]
    if event.path_id:
        where = [(event.path_id, f"{_HUE}{context.outline.path_number(event.path_id)}")]
        if event.step_name:
            where += [(f" {context.glyphs.within} ", "dim"), (event.step_name, "bright")]
        page.line(*where)
    if facts:
        page.wrapped(f" {context.glyphs.separator} ".join(facts), "dim")


def _bright(style: str) -> str:
    return "bright" if style == "dim" else style


def _facts(context: Context, event: ExecutionEvent, data: dict[str, Any]) -> Iterator[str]:
    """Attempt, duration and what else is said in few words; what is told here is taken out of the data."""
    attempt = data.pop("attempt", None)
    item = item_of(data)
    if item is not None:
        del data["iteration"]
        unit = unit_of(context.history.index, event)
        total = f" of {human_count(unit.items)}" if unit is not None and unit.items is not None else ""
        yield f"item {human_count(item + 1)}{total}"
    if isinstance(attempt, int):
        policy = data.pop("policy", None)
        most = most_attempts(context.history, event.step_name, policy)
        if attempt > 1 or most > 1:
            yield f"attempt {attempt}" + (f" of {most}" if most >= attempt else "")
        if isinstance(policy, int) and policy:
            yield f"retry policy {policy + 1}"
    visit = data.pop("visit", None)
    if isinstance(visit, int) and visit > 1:
        yield f"visit {human_count(visit)}"
    yield milliseconds(data.pop("duration_ms", None))
    delay = milliseconds(data.pop("delay_ms", None))
    yield f"after {delay}" if delay else ""
    phase = data.pop("phase", None)
    if phase:
        yield {"parameters": "its parameters could not be made, nothing ran", "route": "the way on could not be found",
               "output": "its output could not be recorded"}.get(str(phase), "")  # fmt: skip
    if data.get("outcome") == "unknown":
        yield "outcome unknown"
    data.pop("outcome", None)
    yield from _consequences(context, data)
    cause = data.pop("caused_by", None)
    if isinstance(cause, int):
        yield f"caused by event {cause}"
    elif isinstance(cause, list) and cause:
        yield "caused by event " + ", ".join(str(number) for number in cause[:8])


def _consequences(context: Context, data: dict[str, Any]) -> Iterator[str]:
    """What comes of a failed attempt, or what let a wait end."""
    if data.pop("retry", None):
        yield "will be tried again"
    caught = data.pop("caught", None)
    if isinstance(caught, Mapping):
        stored = f", the error in {caught['stored_variable']}" if caught.get("stored_variable") else ""
        yield f"caught: goes on at {caught.get('step')}{stored}"
    if data.pop("collected", None):
        yield "the error is kept in its place, and the step goes on"
    data.pop("final", None)
    signal = data.pop("signal", None)
    if isinstance(signal, int):
        yield f"took the signal of event {signal}"


_STEP_ENDS = frozenset({ExecutionEventType.STEP_COMPLETED, ExecutionEventType.STEP_FAILED})
_OF_START = frozenset({"step_params", "effect_key"})


def _start_of(context: Context, event: ExecutionEvent) -> Mapping[str, Any]:
    """The data of the event that started the attempt which this one ended: its parameters and its key stand there."""
    unit = unit_of(context.history.index, event)
    attempt = None if unit is None else unit.last_attempt_at(event.sequence, item_of(event.data))
    if attempt is None or attempt.ended_seq != event.sequence or attempt.started_seq == event.sequence:
        return {}
    started = context.history.peek(attempt.started_seq)
    return {} if started is None else started.data


def _write_rest(page: Page, data: Mapping[str, Any]) -> None:
    """Every field that has no place of its own."""
    rest = {key: value for key, value in data.items() if value not in (None, {}, [], "")}
    if rest:
        page.gap()
        page.section("more", page.value_body(rest) if page.generous else page.brief_body(rest))


def _write_envelope(page: Page, context: Context, event: ExecutionEvent) -> None:
    if event.event_type not in KNOWN_TYPES:
        page.wrapped("This version does not know this kind of event; from here on the state is incomplete.", "waiting")
    elapsed = elapsed_text(context.outline.seconds(event.sequence))
    page.wrapped(f"event {human_count(event.sequence)} {context.glyphs.separator} {elapsed}", "dim")
    page.wrapped(date_text(event.timestamp, context.time_format), "dim")
    page.wrapped(event.id, "dim")
