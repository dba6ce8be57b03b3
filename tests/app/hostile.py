"""Strings that a store may hold and a screen must survive, the same ones for the same seed."""

from __future__ import annotations

import random

PIECES = [
    *map(chr, range(0x20)),
    "\x7f",
    *map(chr, range(0x80, 0xA0)),
    *"\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2069",
    *"\ufeff\ufe0f\ufffe\ue000\ud800\udfff\u0301\u0334\u20e3\u034f\u3164\u1160\u0000\u0378",
    *"\U000e0041\U000e0100\U0010ffff\U0001f1e9\U0001f3fd\U0001f469\U0001f4bb",
    "[red]",
    "[/]",
    "[@click=app.quit]",
    "\x1b[31m",
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x1b]52;c;aGk=\x07",
    "\x1bP+q544e\x1b\\",
    "\x9b31m",
    "日本",
    "é",
    "한",
    "ทำ",
    "नि",
    "🦉",
    "a",
    " ",
    "\t",
    "\r\n",
]


def hostile(source: random.Random) -> str:
    """One such string, up to a few hundred characters."""
    pieces = [source.choice(PIECES) for _ in range(source.randrange(1, 60))]
    if source.random() < 0.3:
        pieces += [chr(source.randrange(0x110000)) for _ in range(source.randrange(40))]
    source.shuffle(pieces)
    return "".join(pieces)


def hostile_strings(count: int, seed: int) -> list[str]:
    """``count`` such strings."""
    source = random.Random(seed)
    return [hostile(source) for _ in range(count)]
