"""JSON files for a reader of YAML."""

from __future__ import annotations

import json
import re
from typing import Final

from engine.loading.files import MAX_BYTES

_TWO_ESCAPES: Final = re.compile(
    rb"(?P<before>(?<!\\)(?:\\\\)*)\\u(?P<high>d[89ab][0-9a-f]{2})\\u(?P<low>d[c-f][0-9a-f]{2})", re.IGNORECASE
)


def json_as_yaml(source: bytes) -> bytes:
    """The content of a file for a reader of YAML: in JSON a character beyond 16 bits may be two escapes, in YAML it is
    one. What is no JSON stays as it is."""
    if len(source) > MAX_BYTES or not _TWO_ESCAPES.search(source):
        return source
    try:
        json.loads(source)
    except (ValueError, RecursionError):
        return source
    return _TWO_ESCAPES.sub(_one_escape, source)


def _one_escape(pair: re.Match[bytes]) -> bytes:
    high, low = (int(pair[place], 16) for place in ("high", "low"))
    return pair["before"] + b"\\U%08x" % (0x10000 + ((high - 0xD800) << 10) + low - 0xDC00)
