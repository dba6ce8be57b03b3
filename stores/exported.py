"""Histories in files of their own: events as lines of JSON, or an exported execution as one JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from engine.model.events import ExecutionEvent
from stores.codec import LineError, decode_line

LINES = ".jsonl"
OBJECT = ".json"


class HistoryFileError(ValueError):
    """A file that holds no history; the message is a sentence that names it."""


def read_histories(file: Path) -> dict[str, list[ExecutionEvent]]:
    """By execution the events of a file, in the order they stand in it. A checksum that is there must be right.

    Raises:
        HistoryFileError: it cannot be read, or something in it is no event.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise HistoryFileError(f"cannot read {file}: {error.strerror or error}") from error
    records = _of_object(file, content) if file.suffix == OBJECT else _of_lines(content)
    histories: dict[str, list[ExecutionEvent]] = {}
    for place, record in records:
        try:
            event, _ = decode_line(record)
        except LineError as error:
            raise HistoryFileError(f"{file}, {place}: {error}") from error
        histories.setdefault(event.execution_id, []).append(event)
    if not histories:
        raise HistoryFileError(f"{file} holds no event")
    return histories


def history_files(folder: Path) -> list[Path]:
    """The files of a folder that hold histories: all `*.jsonl`, and of `*.json` those that are exported executions.

    Raises:
        OSError: the folder cannot be read.
    """
    files = sorted(file for file in folder.iterdir() if file.is_file())
    return [file for file in files if file.suffix == LINES or (file.suffix == OBJECT and _is_export(file))]


def _of_lines(content: bytes) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            yield f"line {number}", line


def _of_object(file: Path, content: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        record = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise HistoryFileError(f"{file} is not JSON: {error}") from error
    events = record.get("events") if isinstance(record, dict) else None
    if not isinstance(events, list):
        raise HistoryFileError(f"{file} is no exported execution: it has no list of events")
    for number, event in enumerate(events, start=1):
        yield f"event {number} of the list", orjson.dumps(event)


def _is_export(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            beginning = stream.read(256)
    except OSError:
        return True  # reading it will say what is wrong
    return b'"kind"' in beginning and b"dive-tui execution" in beginning
