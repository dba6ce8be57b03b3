"""Everything about one event, laid out for reading."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from dive_tui.app.glyphs import Glyphs
from dive_tui.app.text import ellipsis, fit, human_count
from dive_tui.widgets.event_page import KEY_CELLS, Line, Page
from dive_tui.widgets.event_words import TimeFormat, date_text, elapsed_text, item_of, look_of, milliseconds
from dive_tui.widgets.json_text import key_text, preview
from dive_tui.widgets.outline import Outline, unit_of
from dive_tui.widgets.steady import SteadyView
from dive_tui.widgets.traceback_text import Folded, fold_libraries, parse_traceback
from engine.model.events import KNOWN_TYPES, ExecutionEvent, ExecutionEventType
from engine.replay.history import History

_HUE = "hue "
"""Before a path's number: the style of its name."""


class Context(NamedTuple):
    """What an event is explained with."""

    history: History
    outline: Outline
    glyphs: Glyphs
    time_format: TimeFormat


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

    def lay_out(self) -> None:
        """Write the page, when anything it depends on has changed."""
        width = self.row_width - 2
        if self._shown is None or width < 4:
            return
        context, sequence = self._shown
        key = (sequence, width, self.generous, context.time_format, len(context.history))
        if key == self._laid_out:
            return
        self._laid_out = key
        page = Page(width, generous=self.generous)
        write_event(page, context, context.history.event(sequence))
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
    for label, key, body in _SECTIONS:
        value = data.pop(key, None)
        if value not in (None, {}, [], ""):
            page.section(label, body(page, context, value))
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
    if isinstance(attempt, int) and attempt > 1:
        yield f"attempt {attempt}"
    visit = data.pop("visit", None)
    if isinstance(visit, int) and visit > 1:
        yield f"visit {human_count(visit)}"
    yield milliseconds(data.pop("duration_ms", None))
    phase = data.pop("phase", None)
    if phase:
        yield {"parameters": "its parameters could not be made, nothing ran", "route": "the way on could not be found",
               "output": "its output could not be recorded"}.get(str(phase), "")  # fmt: skip
    if data.get("outcome") == "unknown":
        yield "outcome unknown"
    data.pop("outcome", None)
    for flag, words in (("final", ""), ("retry", "will be tried again")):
        if data.pop(flag, None):
            yield words
    cause = data.pop("caused_by", None)
    if isinstance(cause, int):
        yield f"caused by event {cause}"
    elif isinstance(cause, list) and cause:
        yield "caused by event " + ", ".join(str(number) for number in cause[:8])


# Sections


Body = Callable[[Page, Context, Any], Iterator[Line]]


def _value(page: Page, context: Context, value: Any) -> Iterator[Line]:
    return page.value_body(value)


def _text(page: Page, context: Context, value: Any) -> Iterator[Line]:
    return page.text_body(value) if isinstance(value, str) else page.value_body(value)


def _quiet(page: Page, context: Context, value: Any) -> Iterator[Line]:
    return page.text_body(str(value), "dim")


def _items(page: Page, context: Context, value: Any) -> Iterator[Line]:
    if not isinstance(value, list):
        yield from page.value_body(value)
        return
    yield [(f"{human_count(len(value))}", "text")]
    yield from page.value_body(value)


def _action(page: Page, context: Context, value: Any) -> Iterator[Line]:
    if not isinstance(value, Mapping):
        yield from page.value_body(value)
        return
    version = value.get("version")
    yield from page.text_body(f"{value.get('name', '')}{f' {version}' if version else ''}")


def _edges(page: Page, context: Context, value: Any) -> Iterator[Line]:
    """The ways on: taken ones bright, the others dim with their condition."""
    for edge in value if isinstance(value, list) else ():
        if not isinstance(edge, Mapping):
            yield [(preview(edge, page.room), "dim")]
            continue
        taken = bool(edge.get("value"))
        path = f" {context.glyphs.separator} path {edge['path']}" if edge.get("path") else ""
        condition = f"  if {edge['condition']}" if edge.get("condition") else ""
        problem = f"  {edge['error']}" if edge.get("error") else ""
        words = f"{context.glyphs.arrow} {edge.get('step', '')}{path}{condition}{problem}"
        yield from page.text_body(words if taken else f"{words}  not taken", "text" if taken else "dim")


def _traceback(page: Page, context: Context, value: Any) -> Iterator[Line]:
    if not isinstance(value, str):
        yield from page.value_body(value)
        return
    pieces = parse_traceback(value)
    project = _project(context.history)
    for piece in pieces if page.generous else fold_libraries(pieces):
        if isinstance(piece, Folded):
            yield [(f"{piece.count} library frame{'s' if piece.count > 1 else ''}", "dim")]
        elif isinstance(piece, str):
            yield from page.text_body(piece, "dim")
        else:
            style = "dim" if piece.is_library else "bright"
            name = f"  {piece.name}()" if piece.name.isidentifier() else f"  {piece.name}"
            yield from page.text_body(piece.place(project) + name, style)
            for source in piece.source:
                yield from page.text_body(source, "dim" if piece.is_library else "text", indent=2)


def _project(history: History) -> str:
    source = history.event(1).data.get("source")
    folder = source.get("project") if isinstance(source, Mapping) else None
    return folder if isinstance(folder, str) else ""


def _definition(page: Page, context: Context, value: Any) -> Iterator[Line]:
    """The steps of a definition, one a line with its action."""
    steps = value.get("steps") if isinstance(value, Mapping) else None
    if not isinstance(steps, list) or not all(isinstance(step, Mapping) for step in steps):
        yield from page.value_body(value)
        return
    for step in islice(steps, 100):
        name, action = key_text(step.get("name", "?")), key_text(step.get("action", ""))
        yield [(fit(name, KEY_CELLS) + "  ", "text"), (action, "dim")]
    if len(steps) > 100:
        yield [(f"{ellipsis()} and {human_count(len(steps) - 100)} more", "dim")]


_SECTIONS: tuple[tuple[str, str, Body], ...] = (
    ("inputs", "inputs", _value),
    ("outputs", "outputs", _value),
    ("steps", "workflow", _definition),
    ("input", "step_params", _value),
    ("items", "items", _items),
    ("output", "output", _value),
    ("trace", "traceback", _traceback),
    ("log", "log", _text),
    ("stored", "stored_variable", _text),
    ("next", "edges", _edges),
    ("paths", "new_paths", _value),
    ("action", "action", _action),
    ("key", "effect_key", _quiet),
)
_STEP_ENDS = frozenset({ExecutionEventType.STEP_COMPLETED, ExecutionEventType.STEP_FAILED})
_OF_START = frozenset({"step_params", "effect_key"})


def _start_of(context: Context, event: ExecutionEvent) -> Mapping[str, Any]:
    """The data of the event that started the attempt which this one ended: its parameters and its key stand there."""
    unit = unit_of(context.history.index, event)
    attempt = None if unit is None else unit.last_attempt_at(event.sequence, item_of(event.data))
    if attempt is None or attempt.ended_seq != event.sequence or attempt.started_seq == event.sequence:
        return {}
    return context.history.event(attempt.started_seq).data


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
