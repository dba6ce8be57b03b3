"""Snapshots of the Go system as ours: the fields they have, and no state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.model.snapshot import ExecutionSnapshot
from engine.model.times import EPOCH, format_time
from stores.go.payloads import ERROR_TYPE
from stores.go.raw import RawSnapshot, read_time

_STATUSES = {"canceled": "cancelled"}


def translate_snapshot(execution_id: str, raw: RawSnapshot) -> ExecutionSnapshot:
    """The snapshot; fields that are missing or of a wrong type are empty."""
    record = raw.record
    last = record.get("last_event_seq")
    status = _text(record, "status")
    created = read_time(record.get("created_at")) or format_time(EPOCH)
    error = _text(record, "error")
    return ExecutionSnapshot(
        id=execution_id,
        workflow_name=_text(record, "workflow_name"),
        workflow_hash=_text(record, "workflow_hash"),
        inputs_hash=_text(record, "inputs_hash"),
        status=_STATUSES.get(status, status),
        start_time=read_time(record.get("start_time")) or created,
        end_time=read_time(record.get("end_time")),
        created_at=created,
        updated_at=read_time(record.get("updated_at")) or created,
        last_event_seq=last if type(last) is int else 0,
        workflow_data={},
        inputs=_object(record, "inputs") or {},
        outputs=_object(record, "outputs"),
        error={"type": ERROR_TYPE, "message": error} if error else None,
        state={},
    )


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _object(record: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    value = record.get(name)
    return value if isinstance(value, dict) else None
