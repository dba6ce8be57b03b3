"""Reading a file a person named: one sentence for everything that can go wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engine.loading.problems import LoadError

MAX_BYTES: Final = 2 * 1024 * 1024


def read_limited(path: Path) -> bytes:
    """The content of a file of at most 2 MiB.

    Raises:
        LoadError: it does not exist, is a folder, cannot be read, or is larger.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise LoadError.about(str(path), "there is no such file") from None
    except IsADirectoryError:
        raise LoadError.about(str(path), "this is a folder, not a file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise LoadError.about(str(path), f"cannot be read: {reason}") from None
    if len(content) > MAX_BYTES:
        raise LoadError.about(str(path), f"larger than {MAX_BYTES // 1024**2} MiB")
    return content
