"""What is recorded of an exception: its message, type and traceback, and whether its effect may have happened."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path
from typing import Any

import engine
from engine.core.normalize import normalize
from engine.runtime.errors import OutcomeUnknown

MAX_TRACEBACK = 32_768
MAX_ERROR = 8_192
MAX_DETAILS = 65_536
_ENGINE_FOLDER = str(Path(engine.__file__).parent)
_BUILTIN_FILES = tuple(str(Path("runtime", name)) for name in ("builtins.py", "http.py", "shell.py"))
# The operating system or a cancellation said no, but perhaps not before something had gone out.
_UNKNOWN = (OSError, asyncio.CancelledError, OutcomeUnknown)


def described(error: BaseException) -> dict[str, Any]:
    """The fields of the outcome of an attempt that raised this."""
    return {
        "error": clean(message_of(error) or type(error).__name__, MAX_ERROR),
        "error_type": type(error).__name__,
        "known": is_known(error),
        "traceback": format_traceback(error),
        "details": details_of(error),
    }


def is_known(error: BaseException) -> bool:
    """Whether it is known what became of the effect; of a group, whether it is for every error in it."""
    if isinstance(error, BaseExceptionGroup):
        return all(is_known(part) for part in error.exceptions)
    return not isinstance(error, _UNKNOWN)


def message_of(error: BaseException) -> str:
    """The error's text, or that it has none which could be shown."""
    try:
        return str(error)
    except Exception as problem:
        return f"its message cannot be shown ({type(problem).__name__})"


def details_of(error: BaseException) -> Any:
    """The error's `details` as JSON; None when it has none, or none with a JSON form."""
    try:
        details, size = normalize(getattr(error, "details", None), "details")
    except Exception:  # anything may be called `details`, and may do anything while it is looked at
        return None
    return details if size <= MAX_DETAILS else f"omitted: {size:,} bytes of JSON, at most {MAX_DETAILS:,} are kept"


def format_traceback(error: BaseException) -> str:
    """The traceback as Python prints it, without the engine's own frames, its last 32 KiB."""
    report = traceback.TracebackException.from_exception(error, compact=True)
    link: traceback.TracebackException | None = report
    while link is not None:
        frames = [frame for frame in link.stack if not _is_engine(frame.filename)]
        link.stack = traceback.StackSummary.from_list(frames)
        link = link.__cause__ or link.__context__
    return clean("".join(report.format()).rstrip("\n"), MAX_TRACEBACK)


def clean(text: str, limit: int) -> str:
    """The last `limit` bytes of a text, as text that JSON can hold."""
    encoded = text.encode("utf-8", "replace")
    return encoded[-limit:].decode("utf-8", "ignore") if len(encoded) > limit else encoded.decode()


def _is_engine(filename: str) -> bool:
    # Built-in actions live in the engine, but what goes wrong in them is the step's own business.
    return filename.startswith(_ENGINE_FOLDER) and not filename.endswith(_BUILTIN_FILES)
