"""The sections of an event's page: one for each field that has a place of its own, and how its value is laid out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from dive_tui.app.glyphs import Glyphs
from dive_tui.app.text import ellipsis, fit, human_count, human_duration
from dive_tui.widgets.events.event_page import KEY_CELLS, Line, Page
from dive_tui.widgets.events.event_words import TimeFormat, date_text, item_of
from dive_tui.widgets.events.traceback_text import Folded, fold_libraries, parse_traceback
from dive_tui.widgets.json.json_text import key_text, preview
from dive_tui.widgets.outline import Outline, unit_of
from dive_tui.widgets.wait_words import CONTROLS, join_words, seconds_between
from engine.model.events import ExecutionEvent
from engine.replay.history import History

_USUAL_ATTEMPTS = 3
"""How often a retry policy tries that does not say."""


class Context(NamedTuple):
    """What an event is explained with."""

    history: History
    outline: Outline
    glyphs: Glyphs
    time_format: TimeFormat


class Told(NamedTuple):
    """An event that is told, and what it is explained with."""

    context: Context
    event: ExecutionEvent


Body = Callable[[Page, Told, Any], Iterator[Line]]


def _value(page: Page, told: Told, value: Any) -> Iterator[Line]:
    return page.value_body(value)


def _text(page: Page, told: Told, value: Any) -> Iterator[Line]:
    return page.text_body(value) if isinstance(value, str) else page.value_body(value)


def _items(page: Page, told: Told, value: Any) -> Iterator[Line]:
    if not isinstance(value, list):
        yield from page.value_body(value)
        return
    yield [(f"{human_count(len(value))}", "text")]
    yield from page.value_body(value)


def _action(page: Page, told: Told, value: Any) -> Iterator[Line]:
    if not isinstance(value, Mapping):
        yield from page.value_body(value)
        return
    version = value.get("version")
    yield from page.text_body(f"{value.get('name', '')}{f' {version}' if version else ''}")


def _edges(page: Page, told: Told, value: Any) -> Iterator[Line]:
    """The ways on: taken ones bright, the others dim with their condition."""
    for edge in value if isinstance(value, list) else ():
        if not isinstance(edge, Mapping):
            yield [(preview(edge, page.room), "dim")]
            continue
        taken = bool(edge.get("value"))
        path = f" {told.context.glyphs.separator} path {edge['path']}" if edge.get("path") else ""
        condition = f"  if {edge['condition']}" if edge.get("condition") else ""
        problem = f"  {edge['error']}" if edge.get("error") else ""
        words = f"{told.context.glyphs.arrow} {edge.get('step', '')}{path}{condition}{problem}"
        yield from page.text_body(words if taken else f"{words}  not taken", "text" if taken else "dim")


def _traceback(page: Page, told: Told, value: Any) -> Iterator[Line]:
    if not isinstance(value, str):
        yield from page.value_body(value)
        return
    pieces = parse_traceback(value)
    project = _project(told.context.history)
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
    first = history.peek(1)
    source = first.data.get("source") if first is not None else None
    folder = source.get("project") if isinstance(source, Mapping) else None
    return folder if isinstance(folder, str) else ""


def _definition(page: Page, told: Told, value: Any) -> Iterator[Line]:
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


def most_attempts(history: History, step: str, policy: object = None) -> int:
    """How often a step is tried by its retry policy, as its recorded definition says: 1 without one, 0 if unknown."""
    first = history.peek(1)
    workflow = first.data.get("workflow") if first is not None else None
    steps = workflow.get("steps") if isinstance(workflow, Mapping) else None
    for found in steps if isinstance(steps, list) else ():
        if isinstance(found, Mapping) and found.get("name") == step:
            retry = found.get("retry")
            policies = retry if isinstance(retry, list) else [retry] if isinstance(retry, Mapping) else []
            if not policies:
                return 1
            chosen = policies[policy] if isinstance(policy, int) and 0 <= policy < len(policies) else None
            if chosen is None and len(policies) > 1:
                return 0  # each policy counts its own
            most = (chosen or policies[0]).get("max_attempts", _USUAL_ATTEMPTS)
            return most if isinstance(most, int) else 0
    return 0


def _due(page: Page, told: Told, value: Any) -> Iterator[Line]:
    """A moment, and how long after the event that is."""
    lasts = seconds_between(told.event.timestamp, value)
    if lasts is None:
        yield from page.value_body(value)
        return
    yield from page.text_body(date_text(str(value), told.context.time_format))
    yield [(f"{human_duration(max(0.0, lasts))} after this event", "dim")]


def _moment(page: Page, told: Told, value: Any) -> Iterator[Line]:
    yield from page.text_body(date_text(str(value), told.context.time_format), "dim")


def _topic(page: Page, told: Told, value: Any) -> Iterator[Line]:
    topic = str(value)
    yield from page.text_body(f"asked to {CONTROLS[topic]}" if topic in CONTROLS else topic)


def _join(page: Page, told: Told, value: Any) -> Iterator[Line]:
    yield from page.text_body(join_words(value))
    if isinstance(value, Mapping) and value.get("fork"):
        yield [(f"of the fork at event {value['fork']}", "dim")]


def _arrivals(page: Page, told: Told, value: Any) -> Iterator[Line]:
    """The paths that met, one a line with what became of them."""
    for arrival in islice(value if isinstance(value, list) else (), 100):
        path, status = (arrival.get("path"), arrival.get("status")) if isinstance(arrival, Mapping) else (arrival, "")
        style = "failed" if status == "failed" else "text" if status == "completed" else "dim"
        yield from page.text_body(f"{told.context.glyphs.status(str(status))} {path}  {status}", style)


def _names(page: Page, told: Told, value: Any) -> Iterator[Line]:
    yield from page.text_body(", ".join(str(name) for name in value) if isinstance(value, list) else str(value))


def _units(page: Page, told: Told, value: Any) -> Iterator[Line]:
    """Units that were in flight: where, and under which effect key they are tried again."""
    for unit in islice(value if isinstance(value, list) else [value], 100):
        if not isinstance(unit, Mapping):
            yield [(preview(unit, page.room), "dim")]
            continue
        item = item_of(unit) if isinstance(unit.get("iteration"), Mapping) else unit.get("iteration")
        visit = f"  visit {unit['visit']}" if unit.get("visit") not in (None, 1) else ""
        place = f"{unit.get('path')} {told.context.glyphs.within} {unit.get('step')}{visit}"
        yield from page.text_body(place + (f"  item {item + 1}" if isinstance(item, int) else ""))
        if unit.get("effect_key"):
            yield from page.text_body(str(unit["effect_key"]), "dim", indent=2)


def _key(page: Page, told: Told, value: Any) -> Iterator[Line]:
    """The effect key, and whether the attempt before it had the same."""
    yield from page.text_body(str(value), "dim")
    before = _key_before(told)
    if before is not None:
        same = before == value
        yield [("same key as the attempt before: its outcome was unknown" if same else "new key", "dim")]


def _key_before(told: Told) -> object | None:
    history, event = told.context.history, told.event
    unit, item = unit_of(history.index, event), item_of(event.data)
    mine = None if unit is None else unit.last_attempt_at(event.sequence, item)
    before = None if unit is None or mine is None else unit.last_attempt_at(mine.started_seq - 1, item)
    if before is None or before.started_seq >= event.sequence:
        return None
    started = history.peek(before.started_seq)
    return None if started is None else started.data.get("effect_key")


SECTIONS: tuple[tuple[str, str, Body], ...] = (
    ("for", "for", _text),
    ("topic", "topic", _text),
    ("topic", "signal_type", _topic),
    ("data", "data", _value),
    ("from", "sender", _text),
    ("sent", "sent_at", _moment),
    ("by", "by", _text),
    ("reason", "reason", _text),
    ("until", "due_at", _due),
    ("join", "join", _join),
    ("arrived", "arrived", _arrivals),
    ("path", "path", _text),
    ("ended", "cancelled", _names),
    ("child", "child_id", _text),
    ("stopped", "interrupted", _units),
    ("during", "unit", _units),
    ("inputs", "inputs", _value),
    ("outputs", "outputs", _value),
    ("steps", "workflow", _definition),
    ("input", "step_params", _value),
    ("items", "items", _items),
    ("output", "output", _value),
    ("trace", "traceback", _traceback),
    ("details", "details", _value),
    ("log", "log", _text),
    ("stored", "stored_variable", _text),
    ("stored", "variables", _value),
    ("next", "edges", _edges),
    ("paths", "new_paths", _value),
    ("action", "action", _action),
    ("usage", "usage", _value),
    ("key", "effect_key", _key),
)
"""Label, key in the data, and how it is laid out; in the order in which they stand on the page."""
