"""What can be wrong with an expression, and the words it is said in."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from itertools import islice
from typing import Any

_SHOWN = 60
_CANDIDATES = 500


class ExpressionProblem(ValueError):
    """One clear sentence about an expression, and where in its text the cause is.

    The sentence may be given as a function: it is then worded when it is first read, so that a scan that only asks
    *whether* an expression fails does not pay for the words.

    Attributes:
        column: 1-based offset, in characters, from the start of `source` (which may span lines).
        source: the whole text of the expression.
    """

    def __init__(self, message: str | Callable[[], str], column: int, source: str = "") -> None:
        super().__init__()
        self._message = message
        self.column = column
        self.source = source

    @property
    def message(self) -> str:
        """The sentence alone, without its place."""
        if not isinstance(self._message, str):
            self._message = self._message()
        return self._message

    def __str__(self) -> str:
        return f"{self.message} (column {self.column} of {shown_text(self.source)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.column, self.source)


class ExpressionSyntaxError(ExpressionProblem):
    """The text is not an expression of the language."""


class ExpressionError(ExpressionProblem):
    """A well-formed expression has no value for the names it was given."""


class Fault(Exception):
    """A problem found by code that does not know its column; the node that called it turns it into an error."""

    def __init__(self, message: str | Callable[[], str]) -> None:
        super().__init__()
        self.message = message


def kind_of(value: Any) -> str:
    """What a value is, as a phrase for a sentence: `a number`, `text`, `a list`."""
    for types, phrase in _KINDS:
        if isinstance(value, types):
            return phrase
    return f"a value of type {type(value).__name__}"


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "None"),
    (bool, "a boolean"),
    ((int, float), "a number"),
    (str, "text"),
    (list, "a list"),
    (tuple, "a tuple"),
    (Mapping, "a mapping"),
    (range, "a range"),
    (KeysView, "the keys of a mapping"),
    (ValuesView, "the values of a mapping"),
    (ItemsView, "the items of a mapping"),
    (Iterator, "an iterator"),
)


def shown_text(text: str, limit: int = _SHOWN) -> str:
    """The text in quotes, its control characters escaped, at most `limit` characters and an ellipsis."""
    quoted = repr(text[:limit])
    if len(quoted) > limit + 2:
        quoted = quoted[: limit + 1] + quoted[0]
        shortened = True
    else:
        shortened = len(text) > limit
    return quoted[:-1] + "…" + quoted[-1] if shortened else quoted


def shown_key(key: Any) -> str:
    """A key or an index as it stands in a sentence, at most 60 characters."""
    if isinstance(key, str):
        return shown_text(key)
    if isinstance(key, int | float) and (not isinstance(key, int) or key.bit_length() < 128):
        return repr(key)
    return "None" if key is None else kind_of(key)


def nearest(word: str, candidates: Iterable[Any]) -> str | None:
    """The candidate most alike to a misspelt word, or None when none is close.

    Only the first 500 candidates that are short texts are looked at, so that a wrong key of a huge mapping is cheap.
    """
    from difflib import get_close_matches  # imported late: only a mistake needs it

    if len(word) > _SHOWN:
        return None
    texts = (name for name in candidates if isinstance(name, str) and len(name) <= _SHOWN)
    folded: dict[str, str] = {}
    for name in islice(texts, _CANDIDATES):
        folded.setdefault(name.casefold(), name)
    close = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def suggestion(word: Any, candidates: Iterable[Any]) -> str:
    """`; did you mean 'measures'?`, or nothing when no candidate is close."""
    close = nearest(word, candidates) if isinstance(word, str) else None
    return "" if close is None else f"; did you mean {shown_text(close)}?"
