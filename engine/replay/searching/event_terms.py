"""The terms of the query language of events: what each looks at, and how its value is read."""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import translate
from functools import cached_property
from typing import Any, Literal, NamedTuple

import orjson

from engine.core.expression_errors import nearest, shown_text
from engine.core.query import QueryError
from engine.model.durations import read_duration
from engine.model.events import EMPTY, KNOWN_TYPES, ExecutionEvent, JsonObject
from engine.replay.salvaged import UNREADABLE
from engine.replay.searching.regular import text_test

REGULAR = re.compile(r"-?/((?:[^/\\]|\\.)+)/(i?)(?!\S)")
"""A regular expression, from the start of a word."""
FIELD = re.compile(r"(data\.[^:=<>\s]+|[A-Za-z_]+)(:(?:[<>]=?)?|[<>]=?|=)")
"""The name of a field and the sign after it."""
KINDS: Sequence[str] = sorted({*map(str, KNOWN_TYPES), UNREADABLE})

Field = Literal["kind", "path", "step", "sequence", "seconds", "event"]


class Sight:
    """An event as the terms of a query look at it; its texts are made once, when the first term asks."""

    def __init__(self, event: ExecutionEvent) -> None:
        self.event = event
        recorded: Any = event.data
        self.data: JsonObject = recorded if isinstance(recorded, Mapping) else EMPTY

    @cached_property
    def folded(self) -> bytes:
        """The JSON text of its data without upper case, in UTF-8."""
        return folded(json_bytes(self.event.data))

    @cached_property
    def text(self) -> str:
        """The JSON text of the whole event."""
        return json_bytes(self.event.to_dict()).decode()


class Term(NamedTuple):
    """One condition of a query."""

    text: str
    """As it would be written."""
    field: Field
    """What `test` is given: one of the event's columns, or a `Sight` of the event."""
    test: Callable[[Any], bool]
    negated: bool = False
    low: float = -math.inf
    high: float = math.inf
    """Of a term about sequences or seconds: the range it lets through."""
    word: bytes = b""
    """Of a bare word: what must stand in the data, as `Sight.folded` has it, unless it stands in a name."""

    def holds(self, value: Any) -> bool:
        """Whether the term holds for what it looks at."""
        return self.test(value) is not self.negated


def json_bytes(value: Any) -> bytes:
    """A decoded JSON value as JSON text, whatever reader it came from."""
    try:
        return orjson.dumps(value)
    except TypeError:  # numbers and texts that only other systems write
        return json.dumps(value, default=str, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def folded(text: bytes) -> bytes:
    """A text in UTF-8 without upper case, so that texts that differ only in case are equal."""
    return text.lower() if text.isascii() else text.decode().casefold().encode()


def written_like(name: str) -> QueryError:
    return QueryError(f"{name} is written like {EXAMPLES[name]}")


def _quoted(text: str, *, always: bool = False) -> str:
    """A text as it is written in a query, in quotes when it needs them."""
    if text and not always and not re.search(r'[\s"]', text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


# Columns


def _kind(value: str) -> Term:
    wanted = [part.strip().lower().replace(" ", "_") for part in value.split(",") if part.strip()]
    if not wanted:
        raise written_like("type")
    kinds = tuple(_one_kind(part) for part in wanted)
    return Term(f"type:{_quoted(','.join(wanted))}", "kind", lambda kind: any(fits(kind) for fits in kinds))


def _one_kind(wanted: str) -> Callable[[str], bool]:
    if re.search(r"[*?\[]", wanted):
        return _glob(wanted)
    if not any(_has_word(kind, wanted) for kind in KINDS):
        close = nearest(wanted, KINDS)
        hint = f"did you mean {shown_text(close)}?" if close else "there are started, completed, failed, retry and more"
        raise QueryError(f"{shown_text(wanted)} is no type of event; {hint}")
    return lambda kind: _has_word(kind, wanted)


def _has_word(kind: str, wanted: str) -> bool:
    return f"_{wanted}_" in f"_{kind}_"


def _glob(pattern: str) -> Callable[[str], bool]:
    fits = re.compile(translate(pattern), re.IGNORECASE).match
    return lambda name: fits(name) is not None


def _named(pattern: str) -> Callable[[str], bool]:
    """Like `_glob`, of something that has a name: `step:*` finds the events that are about a step."""
    fits = _glob(pattern)
    return lambda name: name != "" and fits(name)


def _path(value: str) -> Term:
    return Term(f"path:{_quoted(value)}", "path", _named(value))


def _step(value: str) -> Term:
    return Term(f"step:{_quoted(value)}", "step", _named(value))


def _sequences(value: str) -> Term:
    found = re.fullmatch(r"([0-9]{1,15})?(-)?([0-9]{1,15})?", value)
    if found is None or (found[1] is None and found[3] is None):
        raise written_like("seq")
    low = int(found[1] or 1)
    high = int(found[3]) if found[3] else math.inf if found[2] else low
    if high < low:
        raise QueryError(f"seq:{value} ends before it begins")
    return Term(f"seq:{value}", "sequence", lambda at: low <= at <= high, low=low, high=high)


def _moment(name: str, value: str) -> tuple[str, float, float]:
    try:
        seconds, unit = read_duration(value.removeprefix("+"))
    except ValueError as problem:
        raise QueryError(f"{name}: {problem}") from None
    digits = re.search(r"\.([0-9]+)[a-z]*\Z", value)
    return f"{name}:{_quoted(value)}", seconds, unit * (0.1 ** len(digits[1]) if digits else 0.0) / 2


def _after(value: str) -> Term:
    text, seconds, rounding = _moment("after", value)
    low = seconds - rounding  # times are shown rounded: what is shown as +1.23s is found by it
    return Term(text, "seconds", lambda at: at >= low, low=low)


def _before(value: str) -> Term:
    text, seconds, rounding = _moment("before", value)
    high = seconds + rounding
    return Term(text, "seconds", lambda at: at <= high, high=high)


# Events


def bare_term(text: str) -> Term:
    wanted = text.casefold()
    word = json_bytes(text)[1:-1].decode().casefold().encode()
    always = text.startswith("-") or FIELD.match(text) is not None or REGULAR.fullmatch(text) is not None

    def test(sight: Sight) -> bool:
        event = sight.event
        names = (event.event_type, event.path_id, event.step_name)
        return any(wanted in name.casefold() for name in names) or word in sight.folded

    return Term(_quoted(text, always=always), "event", test, word=word)


def regular_term(pattern: str, any_case: bool) -> Term:
    fits = text_test(pattern, any_case)
    return Term(f"/{pattern}/{'i' if any_case else ''}", "event", lambda sight: fits(sight.text))


def _error(value: str) -> Term:
    wanted = value.casefold()

    def test(sight: Sight) -> bool:
        data = sight.data
        return any(wanted in str(data[name]).casefold() for name in ("error", "error_type") if name in data)

    return Term(f"error:{_quoted(value)}", "event", test)


def numbered_term(name: str, sign: str, value: str) -> Term:
    if not re.fullmatch(r"[0-9]{1,15}", value):
        raise QueryError(f"{name} is a whole number, not {shown_text(value)}")
    limit, compare, number_of = int(value), _COMPARE[sign], NUMBERED[name]

    def test(sight: Sight) -> bool:
        number = number_of(sight.data)
        return type(number) is int and compare(number, limit)

    return Term(f"{name}{sign}{value}", "event", test)


def _item(data: Mapping[str, Any]) -> object:
    iteration = data.get("iteration")
    index = iteration.get("index") if isinstance(iteration, Mapping) else None
    return index + 1 if type(index) is int else None


def data_term(name: str, sign: str, value: str) -> Term:
    keys = re.findall(r"[^.\[\]]+", name.removeprefix("data."))
    if not keys or not value:
        raise written_like("data")
    holds = _contains(value) if sign == ":" else _equals(value) if sign == "=" else _compares(name, sign, value)
    return Term(f"{name}{sign}{_quoted(value)}", "event", lambda sight: any(map(holds, _members(sight.data, keys))))


def _members(value: Any, keys: Sequence[str]) -> Iterator[Any]:
    """The values that a way of keys leads to; past a list without an index it leads through every member."""
    if not keys:
        yield value
    elif isinstance(value, Mapping):
        if keys[0] in value:
            yield from _members(value[keys[0]], keys[1:])
    elif isinstance(value, list):
        if re.fullmatch(r"[0-9]{1,9}", keys[0]):
            yield from _members(value[int(keys[0])], keys[1:]) if int(keys[0]) < len(value) else ()
        else:
            for member in value:
                yield from _members(member, keys)


def _contains(value: str) -> Callable[[Any], bool]:
    wanted = value.casefold()
    return lambda found: wanted in (found if isinstance(found, str) else json_bytes(found).decode()).casefold()


def _equals(value: str) -> Callable[[Any], bool]:
    try:
        wanted = orjson.loads(value)
    except orjson.JSONDecodeError:
        wanted = value
    return lambda found: found == value or (isinstance(found, bool) is isinstance(wanted, bool) and found == wanted)


def _compares(name: str, sign: str, value: str) -> Callable[[Any], bool]:
    try:
        limit = float(value)
    except ValueError:
        raise QueryError(f"{name} is compared with a number, not {shown_text(value)}") from None
    compare = _COMPARE[sign]
    return lambda found: isinstance(found, int | float) and not isinstance(found, bool) and compare(found, limit)


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    ":": operator.eq,
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
NUMBERED: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "attempt": lambda data: data.get("attempt"),
    "item": _item,
}
FIELDS: Mapping[str, Callable[[str], Term]] = {
    "type": _kind,
    "path": _path,
    "step": _step,
    "after": _after,
    "before": _before,
    "seq": _sequences,
    "error": _error,
}
EXAMPLES: Mapping[str, str] = {
    "type": "type:step_failed or type:failed,started",
    "path": "path:pay*",
    "step": "step:Charge*",
    "attempt": "attempt:3 or attempt:>1",
    "item": "item:12",
    "after": "after:+3.5s",
    "before": "before:+1m20s",
    "seq": "seq:100-200",
    "error": 'error:declined or error:"connection reset"',
    "data": "data.output.total:>100, data.output.id=17 or data.output.note:text",
}
