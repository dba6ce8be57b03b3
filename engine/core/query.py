"""The query language of lists: which executions a text like `status:failed workflow:pay* age<24h` asks for.

Terms stand side by side, and all of them must hold:

    status:failed,cancelled     one of these statuses; `interrupted` is one that should run but has no live runner
    workflow:pay*   step:Ch*    a glob over the whole name; `step` is where it stands or a step that failed
    error:text      id:text     text anywhere in it
    label:team      label:team=payments
    age<24h  took>5s  events>1000      with < <= > >= =
    word                        in the id, the workflow, a step or the error

`-` before a term turns it round. Double quotes keep spaces together, and make a word of what would otherwise be a term.
Upper and lower case are alike, except in labels.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fnmatch import translate
from typing import NamedTuple, Protocol

from engine.core.durations import read_duration
from engine.core.expression_errors import nearest, shown_text
from engine.model.state import INTERRUPTED, ExecutionStatus
from engine.model.times import parse_time

STATUSES = (*(status.value for status in ExecutionStatus), INTERRUPTED)


class QueryError(ValueError):
    """A query that cannot be understood; the message is one sentence."""


class Queryable(Protocol):
    """What a query looks at: the summary of an execution."""

    @property
    def id(self) -> str: ...
    @property
    def workflow_name(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def live(self) -> bool | None: ...
    @property
    def at_step(self) -> str: ...
    @property
    def failed_steps(self) -> Sequence[str]: ...
    @property
    def error(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def start_time(self) -> str: ...
    @property
    def end_time(self) -> str | None: ...
    @property
    def last_event_seq(self) -> int: ...


Test = Callable[[Queryable, datetime], bool]


class Term(NamedTuple):
    """One condition of a query."""

    text: str
    """As it would be written."""
    test: Test
    negated: bool = False
    statuses: frozenset[str] | None = None
    """What a status term lets through."""


class Query:
    """A parsed query.

    Attributes:
        text: the query in its one normal form; parsing it gives an equal query.
        statuses: the only statuses (as shown, so `interrupted` is one) that can match, or None when the query says
            nothing about them. A hint for stores: `matches` has the last word.
    """

    __slots__ = ("_terms", "statuses", "text")

    def __init__(self, terms: Sequence[Term]) -> None:
        self._terms = tuple(terms)
        self.text = " ".join(("-" if term.negated else "") + term.text for term in terms)
        wanted = [term.statuses for term in terms if term.statuses is not None and not term.negated]
        self.statuses = frozenset.intersection(*wanted) if wanted else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Query) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Query({self.text!r})"

    def matches(self, summary: Queryable, now: datetime) -> bool:
        """Whether an execution is asked for. `now`, which has a time zone, is what ages are counted to."""
        return all(term.test(summary, now) is not term.negated for term in self._terms)


def parse_query(text: str) -> Query:
    """Understand a query; an empty one asks for everything.

    Raises:
        QueryError: a quote is not closed, or a term has an unknown field or a value that makes no sense for it.
    """
    return Query([_term(word) for word in _words(text)])


class _Word(NamedTuple):
    """A part of a query between spaces, its quotes taken off."""

    text: str
    bare: int
    """How many of its first characters stood before any quote."""


_WORD = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s"])+', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_FIELD = re.compile(r"([A-Za-z_]+)(:|<=|>=|<|>|=)")


def _words(text: str) -> list[_Word]:
    words, position = [], 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        found = _WORD.match(text, position)
        end = found.end() if found else position
        if end < len(text) and text[end] == '"':
            raise QueryError(f"the quote before {shown_text(text[end + 1 :], 20)} is never closed")
        written = text[position:end]
        unquoted = _QUOTED.sub(lambda quoted: re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), written)
        quote = written.find('"')
        words.append(_Word(unquoted, len(written) if quote < 0 else quote))
        position = end
    return words


def _term(word: _Word) -> Term:
    text, bare = word
    if text.startswith("-") and bare > 0:
        if len(text) == 1:
            raise QueryError("'-' turns the term after it round; write it without a space between")
        return _term(_Word(text[1:], bare - 1))._replace(negated=not text.startswith("--"))
    field = _FIELD.match(text)
    if field is None or field.end() > bare:
        return _bare_word(text)
    name, sign, value = field[1].lower(), field[2], text[field.end() :]
    if name not in _TEXT_FIELDS and name not in _NUMBER_FIELDS:
        raise QueryError(_unknown_field(field[1], text))
    if not value:
        raise QueryError(f"{field[0]} needs a value, like {_EXAMPLES[name]}")
    if (sign == ":") is not (name in _TEXT_FIELDS):
        raise QueryError(f"{name} is written like {_EXAMPLES[name]}")
    return _TEXT_FIELDS[name](value) if sign == ":" else _comparison(name, sign, value)


def _unknown_field(name: str, text: str) -> str:
    close = nearest(name, _EXAMPLES)
    hint = f"did you mean {close}?" if close else f"there are {', '.join(_EXAMPLES)}"
    return f'there is no field {shown_text(name)}; {hint} To search for the text, quote it: "{text[:30]}"'.replace(
        "label To", "label. To"
    )


def _quoted(text: str) -> str:
    """A value as it is written in a query."""
    if text and not re.search(r'[\s"]', text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
