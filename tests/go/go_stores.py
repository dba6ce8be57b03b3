"""Stores as the Go system wrote them, byte for byte: its JSON, its times, its schema, and what each dialect misuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import apsw

DIALECTS = ("a", "b", "b2", "c", "d")
"""`b2` is that of the same system with other event ids."""
ZONE = timezone(timedelta(hours=-4))
START = datetime(2025, 6, 13, 9, 30, 0, 123456, ZONE)
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"

EVENTS_DDL = """CREATE TABLE IF NOT EXISTS execution_events (
		id TEXT PRIMARY KEY,
		execution_id TEXT NOT NULL,
		path_id TEXT,
		sequence INTEGER NOT NULL,
		timestamp DATETIME NOT NULL,
		event_type TEXT NOT NULL,
		step_name TEXT,
		data JSON,
		created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
		UNIQUE(execution_id, sequence)
	)"""
SNAPSHOTS_DDL = """CREATE TABLE IF NOT EXISTS execution_snapshots (
		execution_id TEXT PRIMARY KEY,
		workflow_name TEXT NOT NULL,
		workflow_hash TEXT NOT NULL,
		inputs_hash TEXT NOT NULL,
		status TEXT NOT NULL,
		start_time DATETIME,
		end_time DATETIME,
		created_at DATETIME NOT NULL,
		updated_at DATETIME NOT NULL,
		last_event_seq INTEGER NOT NULL,
		workflow_data BLOB,
		inputs JSON,
		outputs JSON,
		error TEXT
	)"""
INDEXES = (
    "CREATE INDEX idx_execution_events_execution_id ON execution_events(execution_id)",
    "CREATE INDEX idx_execution_events_sequence ON execution_events(execution_id, sequence)",
    "CREATE INDEX idx_execution_events_type ON execution_events(event_type)",
    "CREATE INDEX idx_execution_events_timestamp ON execution_events(timestamp)",
    "CREATE INDEX idx_execution_events_path ON execution_events(path_id) WHERE path_id IS NOT NULL",
    "CREATE INDEX idx_execution_snapshots_workflow ON execution_snapshots(workflow_name)",
    "CREATE INDEX idx_execution_snapshots_status ON execution_snapshots(status)",
    "CREATE INDEX idx_execution_snapshots_created ON execution_snapshots(created_at)",
    "CREATE INDEX idx_execution_snapshots_updated ON execution_snapshots(updated_at)",
)


@dataclass
class GoEvent:
    """One event before it is written; `nanoseconds` come on top of the microseconds of its time."""

    event_type: str
    path: str = ""
    step: str = ""
    data: Any = None
    id: str = ""
    sequence: int = 0
    time: datetime = START
    nanoseconds: int = 0


@dataclass
class GoExecution:
    """One execution of a dialect: its events in order of sequence, and what its snapshot says."""

    dialect: str
    id: str
    workflow: str
    inputs: dict[str, Any]
    events: list[GoEvent] = field(default_factory=list)
    status: str = "completed"
    error: str = ""
    snapshot: bool = True
    """Not after a kill."""
    written: list[int] = field(default_factory=list)
    """Sequences in the order the buffer had them, where that is another one."""

    @property
    def first_path(self) -> str:
        return {"a": "path-1", "b": "path-1", "b2": "path-1", "c": "start", "d": "main"}[self.dialect]

    @property
    def in_written_order(self) -> list[GoEvent]:
        by_sequence = {event.sequence: event for event in self.events}
        return [by_sequence[sequence] for sequence in self.written] if self.written else self.events


def typeid(prefix: str, number: int) -> str:
    """Prefix and 26 characters that stand for 128 bits."""
    digits = []
    for _ in range(26):
        number, digit = divmod(number, 32)
        digits.append(_CROCKFORD[digit])
    return f"{prefix}_{''.join(reversed(digits))}"


def execution_id(dialect: str, number: int) -> str:
    """As that dialect gave them."""
    if dialect == "a":
        return f"01976a3e-7b1c-7d44-9f2a-{number:012x}"
    return typeid("exec", (0x01976A3E7B1C << 80) + number)


def event_id(dialect: str, number: int) -> str:
    """As that dialect gave them."""
    if dialect in ("a", "b"):
        return f"{(number * 0x9E3779B97F4A7C15) % 2**64:016x}"
    return typeid("event", (0x01976A3E7B1C << 80) + number)


def go_json(value: Any, indent: int | None = None) -> str:
    """JSON as Go's encoder has it: sorted keys (those of a struct are given in order), HTML-safe."""
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(value, ensure_ascii=False, separators=separators, indent=indent)
    for plain in "<>&\u2028\u2029":
        text = text.replace(plain, f"\\u{ord(plain):04x}")
    return text


def go_map(value: Any) -> Any:
    """Maps in the order of their keys."""
    if isinstance(value, dict):
        return {key: go_map(value[key]) for key in sorted(value, key=str.encode)}
    return [go_map(item) for item in value] if isinstance(value, list) else value


def fraction(moment: datetime, nanoseconds: int) -> str:
    """`.123456789` without trailing zeros, nothing for none."""
    digits = f"{moment.microsecond * 1000 + nanoseconds:09d}".rstrip("0")
    return f".{digits}" if digits else ""


def json_time(moment: datetime, nanoseconds: int = 0) -> str:
    """RFC 3339 with nanoseconds, `Z` in UTC."""
    offset = moment.strftime("%z")
    zone = "Z" if not moment.utcoffset() else f"{offset[:3]}:{offset[3:]}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction(moment, nanoseconds)}{zone}"


def sql_time(moment: datetime, nanoseconds: int = 0) -> str:
    """As its driver writes them: a space, and always an offset."""
    offset = moment.strftime("%z")
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction(moment, nanoseconds)}{offset[:3]}:{offset[3:]}"


def write_folder(base: Path, executions: Sequence[GoExecution]) -> Path:
    """A file store."""
    for execution in executions:
        folder = base / execution.id
        folder.mkdir(parents=True)
        with (folder / "events.jsonl").open("w", encoding="utf-8", newline="") as file:
            for event in execution.in_written_order:
                file.write(go_json(_envelope(execution, event)) + "\n")
        if execution.snapshot:
            (folder / "snapshot.json").write_text(go_json(_snapshot(execution), 2) + "\n", "utf-8")
    return base


def _envelope(execution: GoExecution, event: GoEvent) -> dict[str, Any]:
    envelope: dict[str, Any] = {"id": event.id, "execution_id": execution.id}
    if execution.dialect != "d":
        envelope["path_id"] = event.path
    envelope |= {
        "sequence": event.sequence,
        "timestamp": json_time(event.time, event.nanoseconds),
        "event_type": event.event_type,
    }
    path, step = ("path", "step") if execution.dialect == "d" else ("", "step_name")
    if path and event.path:
        envelope[path] = event.path
    if event.step:
        envelope[step] = event.step
    if event.data:
        envelope["data"] = event.data
    return envelope


def _snapshot(execution: GoExecution) -> dict[str, Any]:
    last = execution.events[-1]
    record: dict[str, Any] = {
        "id": execution.id,
        "workflow_name": execution.workflow,
        "workflow_hash": "",
        "inputs_hash": "",
        "status": execution.status,
        "start_time": json_time(execution.events[0].time),
        "end_time": json_time(last.time),
        "created_at": json_time(last.time),
        "updated_at": json_time(last.time),
        "last_event_seq": last.sequence,
        "workflow_data": None,
        "inputs": go_map(execution.inputs),
        "outputs": None,
    }
    return record | ({"error": execution.error} if execution.error else {})


def write_database(path: Path, executions: Sequence[GoExecution], *, crashed: bool = False) -> Path:
    """An SQLite store; `crashed` leaves the write-ahead log behind, as a process does that is killed."""
    working = path.with_name(f".{path.name}.making") if crashed else path
    connection = apsw.Connection(str(working))
    connection.pragma("journal_mode", "WAL")
    has_usage = any(execution.dialect == "d" for execution in executions)
    connection.execute(EVENTS_DDL)
    connection.execute(SNAPSHOTS_DDL)
    for index in INDEXES:
        connection.execute(index)
    if has_usage:
        connection.execute("ALTER TABLE execution_snapshots ADD COLUMN total_usage JSON")
    for execution in executions:
        with connection:
            for event in execution.in_written_order:
                insert_event(connection, execution, event)
            if execution.snapshot:
                insert_snapshot(connection, execution)
    if crashed:
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{working}{suffix}", f"{path}{suffix}")
        connection.close()
        for left in path.parent.glob(f"{working.name}*"):
            left.unlink()
    else:
        connection.close()
    return path


def insert_event(connection: apsw.Connection, execution: GoExecution, event: GoEvent) -> None:
    """One row, with `created_at` as SQLite gives it."""
    connection.execute(
        "INSERT INTO execution_events (id, execution_id, path_id, sequence, timestamp, event_type, step_name, data, "
        "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            event.id, execution.id, event.path or None, event.sequence, sql_time(event.time, event.nanoseconds),
            event.event_type, event.step or None, None if event.data is None else go_json(event.data),
            event.time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        ),
    )  # fmt: skip


def insert_snapshot(connection: apsw.Connection, execution: GoExecution) -> None:
    """One row; inputs and outputs are bytes."""
    first, last = execution.events[0], execution.events[-1]
    outputs = b"null" if execution.dialect in ("a", "b", "b2") else b"{}"
    connection.execute(
        "INSERT INTO execution_snapshots (execution_id, workflow_name, workflow_hash, inputs_hash, status, start_time, "
        "end_time, created_at, updated_at, last_event_seq, workflow_data, inputs, outputs, error) "
        "VALUES (?, ?, '', '', ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?)",
        (
            execution.id, execution.workflow, execution.status, sql_time(first.time), sql_time(last.time),
            sql_time(last.time), sql_time(last.time), last.sequence, go_json(go_map(execution.inputs)).encode(),
            outputs, execution.error or None,
        ),
    )  # fmt: skip
