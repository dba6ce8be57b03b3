"""How people name an execution: by id, by its beginning or ending, or as `last`, `last-failed`, `last-2`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

_LAST = re.compile(r"last-([0-9]{1,6})")
_POSITION = re.compile(r"[0-9]{1,18}")


class Referable(Protocol):
    """What of a summary a reference looks at."""

    @property
    def id(self) -> str: ...
    @property
    def status(self) -> str: ...


class ReferenceProblem(ValueError):
    """A reference that names no execution, or several; `candidates` are the ids it could mean."""

    def __init__(self, message: str, candidates: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.candidates = list(candidates)


def resolve_reference(text: str, newest_first: Sequence[Referable]) -> str:
    """The id of the one execution a person means.

    `last` is the newest, `last-failed` the newest failed one, `last-N` the one N before the newest; else the text is
    an id or any unambiguous beginning or ending of one, with or without a leading `…`.

    Raises:
        ReferenceProblem: none or several fit.
    """
    if not newest_first:
        raise ReferenceProblem("the store holds no executions yet")
    if text == "last":
        return newest_first[0].id
    if text == "last-failed":
        failed = next((entry.id for entry in newest_first if entry.status == "failed"), None)
        if failed is None:
            raise ReferenceProblem("no execution has failed")
        return failed
    numbered = _LAST.fullmatch(text)
    if numbered:
        back = int(numbered[1])
        if back >= len(newest_first):
            count = len(newest_first)
            known = "there is only 1 execution" if count == 1 else f"there are only {count:,} executions"
            raise ReferenceProblem(f"{known}; {text} is not among them")
        return newest_first[back].id
    return _by_part(text, newest_first)


def split_position(text: str) -> tuple[str, int | None]:
    """`EXEC@SEQ` as reference and sequence; the sequence is None when there is no `@`.

    Raises:
        ReferenceProblem: what follows the `@` is no whole number from 1.
    """
    reference, at, position = text.partition("@")
    if not at:
        return reference, None
    if not _POSITION.fullmatch(position) or int(position) < 1:
        raise ReferenceProblem(f"{position!r} after '@' is no event number; they count from 1")
    return reference, int(position)


def _by_part(text: str, newest_first: Sequence[Referable]) -> str:
    part = text.removeprefix("…")
    if part and any(entry.id == part for entry in newest_first):
        return part
    found = [entry.id for entry in newest_first if part and (entry.id.startswith(part) or entry.id.endswith(part))]
    if len(found) == 1:
        return found[0]
    if found:
        raise ReferenceProblem(f"{text!r} fits {len(found)} executions; give more of the id", found)
    raise ReferenceProblem(f"no execution's id begins or ends with {text!r}")
