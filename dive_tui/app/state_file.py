"""Small files of the user's, in the folder for such things: read with suspicion, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

_MOST_BYTES = 64 << 10


def read_record(file: Path) -> dict[str, Any]:
    """The JSON object in a file; an empty one when there is none that can be read."""
    try:
        with file.open("rb") as opened:
            held = json.loads(opened.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) else {}


def write_record(file: Path, record: dict[str, Any]) -> None:
    """Put a JSON object in place of what is in a file, for its owner only; where that cannot be, nothing happens."""
    with suppress(OSError, ValueError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{file.stem}-", dir=file.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
                json.dump(record, opened, indent=1)
            Path(name).replace(file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
