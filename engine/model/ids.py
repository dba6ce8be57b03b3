"""Identifiers: their form, and the check every foreign one passes before it touches a path or a query."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

_EXECUTION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


class InvalidIdError(ValueError):
    """An identifier that must not be used as (part of) a file name or a key."""


@lru_cache(maxsize=1024)
def validate_execution_id(execution_id: str) -> str:
    """Return the id unchanged when it is safe to use as a folder name.

    Raises:
        InvalidIdError: it is empty, longer than 128 characters, starts with a dot or dash, contains `..`, or has a
            character other than ASCII letters, digits, `_`, `.` and `-`.
    """
    if not _EXECUTION_ID.match(execution_id) or ".." in execution_id:
        shown = execution_id if len(execution_id) <= 60 else execution_id[:57] + "..."
        raise InvalidIdError(f"{shown!r} is not an execution id: letters, digits, '_', '-' and single dots only")
    return execution_id


def is_execution_id(text: str) -> bool:
    """Whether a text passes `validate_execution_id`."""
    return _EXECUTION_ID.match(text) is not None and ".." not in text


def keyed_execution_id(key: str) -> str:
    """The execution id a caller's idempotency key stands for: the same key always gives the same id.

    Shape: `exec_` and 26 characters of Crockford base 32, like every execution id; the 128 bits are the first of
    the key's SHA-256, so the id says nothing about time.
    """
    return derived_execution_id("key", key)


def derived_execution_id(kind: str, text: str) -> str:
    """The execution id that always stands for this text: of a caller's key, or of a child by its parent's unit."""
    number = int.from_bytes(hashlib.sha256(f"dive-{kind}:{text}".encode()).digest()[:16], "big")
    digits = []
    for _ in range(26):
        number, digit = divmod(number, 32)
        digits.append(_CROCKFORD[digit])
    return "exec_" + "".join(reversed(digits))


def short_id(execution_id: str) -> str:
    """How lists show an id: an ellipsis and its last five characters."""
    return "…" + execution_id[-5:]
