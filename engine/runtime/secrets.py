"""Secrets: references in what is recorded, their values only in the call of an action."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import orjson

KEY = "$secret"
"""The key of a mapping that stands for a secret: `{"$secret": "env:NAME"}`."""
MIN_SCRUBBED = 6
"""Characters a value must have to be looked for in what is recorded; shorter ones occur by chance."""
MAX_SECRET = 65_536
_REFERENCE = re.compile(r"env:[^=\0]+|file:[^\0]+", re.DOTALL)


class SecretError(Exception):
    """A reference that cannot be resolved, or is none; the message never holds a value."""


def check_reference(reference: str) -> None:
    """Accepts `env:NAME` and `file:PATH`.

    Raises:
        SecretError: it is something else.
    """
    if not _REFERENCE.fullmatch(reference):
        # What stands here may be the secret itself, put in the wrong place.
        raise SecretError("a secret is given as a reference, env:NAME or file:PATH, never as a value")


class SecretBox:
    """The secrets one execution may use: puts their values into parameters, and takes them out of everything else."""

    def __init__(self, references: Iterable[str]) -> None:
        """Raises SecretError for what is no reference."""
        self._references = tuple(dict.fromkeys(references))
        for reference in self._references:
            check_reference(reference)
        self._by_text = {orjson.dumps({KEY: reference}).decode(): reference for reference in self._references}
        self._in_texts = _any_of(self._by_text) if self._by_text else None
        self._masks: dict[str, str] = {}
        self._values: set[tuple[str, str]] = set()
        self._pattern: re.Pattern[str] | None = None

    def resolve(self, parameters: Any) -> Any:
        """The parameters with the values of the secrets declared here; what was given is left as it is.

        A mapping `{"$secret": REFERENCE}` becomes the value, and so does its JSON text within a longer text.

        Raises:
            SecretError: a variable or file is not there, empty, not UTF-8, or too large.
        """
        return parameters if self._in_texts is None else self._resolved(parameters)

    def scrub(self, value: Any) -> Any:
        """JSON in which every value resolved so far is replaced by `[secret REFERENCE]`, in texts and keys."""
        return value if self._pattern is None else self._scrubbed(value)

    def scrub_text(self, text: str) -> str:
        """The text with every value resolved so far replaced by `[secret REFERENCE]`.

        Found are values of at least 6 characters as they are, as JSON and Python write them within quotes, quoted
        for a URL, and in base64, alone or as a part of something longer.
        """
        return text if self._pattern is None else self._pattern.sub(self._mask, text)

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._in_texts.sub(self._named, value) if self._in_texts and KEY in value else value
        if isinstance(value, dict):
            reference = value.get(KEY)
            if len(value) == 1 and isinstance(reference, str) and reference in self._references:
                return self._value(reference)
            return {key: self._resolved(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self._resolved(part) for part in value]
        return value

    def _named(self, match: re.Match[str]) -> str:
        return self._value(self._by_text[match[0]])

    def _value(self, reference: str) -> str:
        value = _read(reference)
        # A variable or file may change while an execution runs: what it held before is still a secret.
        if (reference, value) not in self._values:
            self._values.add((reference, value))
            if len(value) >= MIN_SCRUBBED:
                self._look_for(reference, value)
        return value

    def _look_for(self, reference: str, value: str) -> None:
        mask = f"[secret {reference}]"
        for form in _forms(value):
            self._masks.setdefault(form, mask)
        # Masks stand for themselves, so that nothing is found in them.
        masks = dict.fromkeys(self._masks.values())
        self._pattern = re.compile(f"{_any_of(masks).pattern}|{_any_of(self._masks).pattern}")

    def _mask(self, match: re.Match[str]) -> str:
        return self._masks.get(match[0], match[0])

    def _scrubbed(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.scrub_text(value)
        if isinstance(value, dict):
            scrubbed: dict[str, Any] = {}
            for key, part in value.items():
                scrubbed[_free(self.scrub_text(key), scrubbed)] = self._scrubbed(part)
            return scrubbed
        if isinstance(value, list):
            return [self._scrubbed(part) for part in value]
        return value


def _read(reference: str) -> str:
    kind, _, name = reference.partition(":")
    if kind == "env":
        value = os.environ.get(name)
        if value is None:
            raise SecretError(f"there is no environment variable {name!r} for the secret {reference!r}")
    else:
        value = _read_file(name, reference)
    if not value:
        raise SecretError(f"the secret {reference!r} is empty")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise SecretError(f"the secret {reference!r} is not text in UTF-8") from None
    return value


def _read_file(name: str, reference: str) -> str:
    try:
        with Path(name).open("rb") as file:
            content = file.read(MAX_SECRET + 1)
    except OSError as error:
        raise SecretError(f"the file of the secret {reference!r} cannot be read: {error.strerror}") from None
    if len(content) > MAX_SECRET:
        raise SecretError(f"the file of the secret {reference!r} is larger than {MAX_SECRET:,} bytes")
    # Editors and `echo` end a file with a newline that is no part of the secret.
    return content.decode(errors="surrogateescape").removesuffix("\n").removesuffix("\r")


def _forms(value: str) -> set[str]:
    """The ways in which a value may come back."""
    plain = {value, *(_quoted(value)), *(_escaped(value))}
    encoded = _base64_forms(value.encode())
    return plain | encoded | {form for part in encoded for form in _quoted(part)}


def _quoted(text: str) -> set[str]:
    forms = {quote(text, safe=""), quote(text), quote_plus(text)}
    return forms | {re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), form) for form in forms}


def _escaped(text: str) -> set[str]:
    return {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1], ascii(text)[1:-1]}


def _base64_forms(value: bytes) -> set[str]:
    """What all base64 texts have in common that hold the value anywhere, for each place it may begin at."""
    forms = set()
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + value).decode()
        # The characters at both ends also hold bits of the neighbours.
        core = encoded[-(-offset * 8 // 6) : (offset + len(value)) * 8 // 6]
        forms |= {core, core.replace("+", "-").replace("/", "_")}
    return forms


def _any_of(texts: Iterable[str]) -> re.Pattern[str]:
    """Finds the longest of the texts that is there."""
    return re.compile("|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True)))


def _free(key: str, taken: dict[str, Any]) -> str:
    """The key, or with a number when two keys came to be the same."""
    number, free = 1, key
    while free in taken:
        number += 1
        free = f"{key} ({number})"
    return free
