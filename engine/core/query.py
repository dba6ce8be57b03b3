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
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from fnmatch import translate
from typing import NamedTuple, Protocol

from engine.core.expression_errors import nearest, shown_text
from engine.model.durations import read_duration
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


def _words(text: str) -> Iterator[_Word]:
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        found = _WORD.match(text, position)
        end = found.end() if found else position
        if text[end : end + 1] == '"':
            raise QueryError(f"the quote before {shown_text(text[end + 1 :], 30)} is never closed")
        written = text[position:end]
        bare = written.find('"') if '"' in written else len(written)
        yield _Word(_QUOTED.sub(lambda quoted: re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), written), bare)
        position = end


def _term(word: _Word) -> Term:
    if not word.text.startswith("-") or word.bare == 0:
        return _positive_term(word)
    if len(word.text) == 1:
        raise QueryError("'-' turns the term after it round; write it without a space between")
    return _positive_term(_Word(word.text[1:], word.bare - 1))._replace(negated=True)


def _positive_term(word: _Word) -> Term:
    field = _FIELD.match(word.text)
    if field is None or field.end() > word.bare:
        return _anywhere(word.text)
    name, sign, value = field[1].lower(), field[2], word.text[field.end() :]
    if name not in _EXAMPLES:
        raise QueryError(_unknown_field(field[1]))
    if not value or (sign == ":") is (name in _AMOUNTS):
        raise QueryError(f"{name} is written like {_EXAMPLES[name]}")
    return _comparison(name, sign, value) if name in _AMOUNTS else _FIELDS[name](value)


def _unknown_field(name: str) -> str:
    close = nearest(name, _EXAMPLES)
    hint = f"did you mean {shown_text(close)}?" if close else f"there are {', '.join(_EXAMPLES)}"
    return f"{shown_text(name)} is no field ({hint}); put the word in quotes to search for it as text"


def _quoted(text: str, *, always: bool = False) -> str:
    """A text as it is written in a query, in quotes when it needs them."""
    if text and not always and not re.search(r'[\s"]', text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


# Fields of text


def _anywhere(text: str) -> Term:
    wanted = text.removeprefix("…").casefold()  # lists show ids with an ellipsis
    written = _quoted(text, always=text.startswith("-") or _FIELD.match(text) is not None)

    def test(summary: Queryable, now: datetime) -> bool:
        places = (summary.id, summary.workflow_name, summary.at_step, *summary.failed_steps, summary.error)
        return any(wanted in place.casefold() for place in places)

    return Term(written, test)


def _status(value: str) -> Term:
    wanted = list(dict.fromkeys(part.strip().lower() for part in value.split(",") if part.strip()))
    for status in wanted:
        if status not in STATUSES:
            close = nearest(status, STATUSES)
            hint = f"did you mean {shown_text(close)}?" if close else f"there are {', '.join(STATUSES)}"
            raise QueryError(f"{shown_text(status)} is no status; {hint}")
    if not wanted:
        raise QueryError(f"status is written like {_EXAMPLES['status']}")
    statuses = frozenset(wanted)
    return Term(
        f"status:{','.join(wanted)}", lambda summary, now: _shown_status(summary) in statuses, statuses=statuses
    )


def _shown_status(summary: Queryable) -> str:
    stopped = summary.live is False and summary.status in (ExecutionStatus.RUNNING, ExecutionStatus.PENDING)
    return INTERRUPTED if stopped else summary.status


def _workflow(value: str) -> Term:
    matches = _glob(value)
    return Term(f"workflow:{_quoted(value)}", lambda summary, now: matches(summary.workflow_name))


def _step(value: str) -> Term:
    matches = _glob(value)
    return Term(
        f"step:{_quoted(value)}",
        lambda summary, now: any(map(matches, (summary.at_step, *summary.failed_steps))),
    )


def _glob(pattern: str) -> Callable[[str], bool]:
    fits = re.compile(translate(pattern), re.IGNORECASE).match
    return lambda name: fits(name) is not None


def _error(value: str) -> Term:
    wanted = value.casefold()
    return Term(f"error:{_quoted(value)}", lambda summary, now: wanted in summary.error.casefold())


def _id(value: str) -> Term:
    wanted = value.removeprefix("…").casefold()
    return Term(f"id:{_quoted(value)}", lambda summary, now: wanted in summary.id.casefold())


def _label(value: str) -> Term:
    key, equals, wanted = value.partition("=")

    def test(summary: Queryable, now: datetime) -> bool:
        return key in summary.labels and (not equals or summary.labels[key] == wanted)

    return Term(f"label:{_quoted(value)}", test)


# Amounts


def _age(summary: Queryable, now: datetime) -> float:
    return (now - parse_time(summary.start_time)).total_seconds()


def _took(summary: Queryable, now: datetime) -> float:
    end = parse_time(summary.end_time) if summary.end_time else now
    return (end - parse_time(summary.start_time)).total_seconds()


def _events(summary: Queryable, now: datetime) -> float:
    return summary.last_event_seq


def _comparison(name: str, sign: str, value: str) -> Term:
    amount_of, limit, unit = _AMOUNTS[name], *_read_amount(name, value)
    compare = _COMPARE[sign]

    def test(summary: Queryable, now: datetime) -> bool:
        try:
            amount = amount_of(summary, now)
        except (ValueError, OverflowError):  # a time from a damaged store that is none
            return False
        # A duration is equal when it rounds to what was written: nothing takes 5 s to the microsecond.
        return abs(amount - limit) * 2 <= unit if sign == "=" else compare(amount, limit)

    return Term(f"{name}{sign}{_quoted(value)}", test)


def _read_amount(name: str, value: str) -> tuple[float, float]:
    """The amount a text stands for, and how far from it still counts as equal."""
    if name == "events":
        if not re.fullmatch(r"[0-9]{1,18}", value):
            raise QueryError(f"events is compared with a whole number, not {shown_text(value)}")
        return int(value), 0
    try:
        return read_duration(value)
    except ValueError as problem:
        raise QueryError(f"{name}: {problem}") from None


_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_AMOUNTS: Mapping[str, Callable[[Queryable, datetime], float]] = {"age": _age, "took": _took, "events": _events}
_FIELDS: Mapping[str, Callable[[str], Term]] = {
    "status": _status,
    "workflow": _workflow,
    "step": _step,
    "error": _error,
    "id": _id,
    "label": _label,
}
_EXAMPLES: Mapping[str, str] = {
    "status": "status:failed,cancelled",
    "workflow": "workflow:pay*",
    "step": "step:Charge*",
    "error": 'error:timeout or error:"connection reset"',
    "id": "id:x7k2p",
    "label": "label:team or label:team=payments",
    "age": "age<24h",
    "took": "took>5s",
    "events": "events>1000",
}
