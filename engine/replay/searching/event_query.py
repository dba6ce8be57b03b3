"""The query language of events: which events of a history a text like `type:failed data.total:>100` asks for.

Terms stand side by side, and all of them must hold:

    type:step_failed,path_*     kinds of events; `failed`, `retry`, `signal` stand for all kinds with that word in them
    path:pay*   step:Ch*        a glob over the whole name
    attempt:3   item:>100       which try; which item of an each, from 1
    after:+3.5s   before:1m     time since the first event
    seq:100-200   seq:7-        sequences
    error:text                  text in the error or its type
    data.output.total:>100      a number in the data; also >= < <=
    data.output.id=17           a JSON value in the data, or a text
    data.output.note:text       text in a value of the data; in a list any member may be the one
    /de(ni|cli)ed/i             a regular expression over the event's JSON text, `i` for upper and lower case alike
    word                        text in kind, path, step or the JSON text of the data

`-` before a term turns it round. Double quotes keep spaces together, and make a word of what would otherwise be a term.
Upper and lower case are alike, except in regular expressions and in values after `=`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.core.expression_errors import nearest, shown_text
from engine.core.query import QueryError
from engine.model.events import ExecutionEvent
from engine.replay.searching.event_terms import (
    EXAMPLES,
    FIELD,
    FIELDS,
    NUMBERED,
    REGULAR,
    Sight,
    Term,
    bare_term,
    data_term,
    numbered_term,
    regular_term,
    written_like,
)


class EventQuery:
    """A parsed query; `text` is its normal form, and parsing that gives an equal query."""

    __slots__ = ("terms", "text")

    def __init__(self, terms: Sequence[Term]) -> None:
        self.terms = tuple(terms)
        self.text = " ".join(("-" if term.negated else "") + term.text for term in terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EventQuery) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __bool__(self) -> bool:
        """Whether it asks for anything less than everything."""
        return bool(self.terms)

    def __repr__(self) -> str:
        return f"EventQuery({self.text!r})"

    def matches(self, event: ExecutionEvent, seconds: float) -> bool:
        """Whether an event that happened so many seconds after the first one is asked for."""
        values = {
            "kind": event.event_type,
            "path": event.path_id,
            "step": event.step_name,
            "sequence": event.sequence,
            "seconds": seconds,
            "event": Sight(event),
        }
        return all(term.holds(values[term.field]) for term in self.terms)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What a form asks for, field by field; empty fields ask for nothing."""

    kinds: tuple[str, ...] = ()
    """Kinds of events, as after `type:`."""
    path: str = ""
    """A glob."""
    step: str = ""
    """A glob."""
    since: float | None = None
    """Seconds after the first event."""
    until: float | None = None
    """Seconds after the first event."""
    text: str = ""
    """Further terms of the language."""

    def query(self) -> EventQuery:
        """The query that asks for the same.

        Raises:
            QueryError: as `parse_event_query`.
        """
        terms = [_positive(Word(f"{name}:{value}", len(name) + 1)) for name, value in self._fields() if value]
        return EventQuery([*terms, *parse_event_query(self.text).terms])

    def _fields(self) -> Iterator[tuple[str, str]]:
        yield "type", ",".join(self.kinds)
        yield "path", self.path
        yield "step", self.step
        yield "after", "" if self.since is None else f"{self.since:f}"
        yield "before", "" if self.until is None else f"{self.until:f}"


def parse_event_query(text: str) -> EventQuery:
    """Understand a query; an empty one asks for everything.

    Raises:
        QueryError: a quote is not closed, a field is unknown, a value makes no sense for its field, or a regular
            expression cannot be read; the message is one sentence.
    """
    return EventQuery([_term(word) for word in _words(text)])


# Words


class Word(NamedTuple):
    """A part of a query between spaces, its quotes taken off."""

    text: str
    bare: int
    """How many of its first characters stood before any quote."""


_WORD = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s"])+', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


def _words(text: str) -> Iterator[Word]:
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        regular = REGULAR.match(text, position)
        found = regular or _WORD.match(text, position)
        end = found.end() if found else position
        if text[end : end + 1] == '"':
            raise QueryError(f"the quote before {shown_text(text[end + 1 :], 30)} is never closed")
        written = text[position:end]
        position = end
        if regular:
            yield Word(written, len(written))
            continue
        bare = written.find('"') if '"' in written else len(written)
        yield Word(_QUOTED.sub(lambda quoted: re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), written), bare)


def _term(word: Word) -> Term:
    if not word.text.startswith("-") or word.bare == 0:
        return _positive(word)
    if len(word.text) == 1:
        raise QueryError("'-' turns the term after it round; write it without a space between")
    return _positive(Word(word.text[1:], word.bare - 1))._replace(negated=True)


def _positive(word: Word) -> Term:
    regular = REGULAR.fullmatch(word.text)
    if regular is not None and word.bare == len(word.text):
        return regular_term(regular[1], bool(regular[2]))
    found = FIELD.match(word.text)
    if found is None or found.end() > word.bare:
        return bare_term(word.text)
    name, sign, value = found[1], found[2].removeprefix(":") or ":", word.text[found.end() :]
    if name.startswith("data."):
        return data_term(name, sign, value)
    name = name.lower()
    if name not in EXAMPLES:
        raise QueryError(_unknown_field(found[1]))
    if not value or (sign != ":" and name not in NUMBERED):
        raise written_like(name)
    return numbered_term(name, sign, value) if name in NUMBERED else FIELDS[name](value)


def _unknown_field(name: str) -> str:
    close = nearest(name, EXAMPLES)
    hint = f"did you mean {shown_text(close)}?" if close else f"there are {', '.join(EXAMPLES)}"
    return f"{shown_text(name)} is no field of events ({hint}); put the word in quotes to search for it as text"
