"""Stores with recorded executions in them, made without running a command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.lifecycle.engine import Engine
from engine.model.events import ExecutionEvent
from engine.model.workflow import Each, Edge, Input, Output, Step, Workflow
from engine.testing.ports import FakeClock, SequentialIds
from stores.codec import encode_batch
from stores.file.store import FileExecutionEventStore
from stores.location import open_store


class CardDeclinedError(Exception):
    """The bank says no."""


def check(amount: float) -> dict[str, bool]:
    print("checking", amount)
    return {"ok": True}


def pack(item: str) -> str:
    print("packing", item)
    return item.upper()


def charge(amount: float) -> dict[str, float]:
    if amount > 100:
        raise CardDeclinedError("insufficient\nfunds")
    return {"charged": amount}


ORDER = Workflow(
    name="order",
    inputs=(Input(name="amount", type="number"),),
    steps=(
        Step(name="Check", action="check", parameters={"amount": "${inputs.amount}"}, store="valid"),
        Step(
            name="Pack",
            each=Each(items=["lamp", "bulb"]),
            action="pack",
            parameters={"item": "${item}"},
            store="packed",
            next=(Edge(step="Charge Card", path="pay"), Edge(step="Thank", path="thanks")),
        ),
        Step(name="Charge Card", action="charge", parameters={"amount": "${inputs.amount}"}, end=True),
        Step(name="Thank", action="Print", parameters={"message": "thanks"}, end=True),
    ),
    outputs=(Output(name="packed", value="${state.packed}"),),
)


def record(
    folder: Path,
    *amounts: float,
    labels: dict[str, str] | None = None,
    ids: SequentialIds | None = None,
    kind: str = "file",
) -> list[str]:
    """Run an order for each amount (more than 100 fails) in a store at `folder`; the ids, oldest first."""
    return in_store(folder, lambda store: _record(store, amounts, labels, ids or SequentialIds()), kind)


async def _record(
    store: FileExecutionEventStore, amounts: tuple[float, ...], labels: dict[str, str] | None, ids: SequentialIds
) -> list[str]:
    clock = FakeClock(tick=0.001)
    engine = Engine(store, actions=[check, pack, charge], clock=clock, ids=ids)
    found = []
    for amount in amounts:
        found.append((await engine.run(ORDER, {"amount": amount}, labels=labels)).id)
        clock.advance(60)
    return found


def append(folder: Path, *events: ExecutionEvent) -> None:
    """Write events as they are, each a batch of its own."""

    async def write(store: FileExecutionEventStore) -> None:
        for event in events:
            await store.append_events([event])

    in_store(folder, write)


def forge(folder: Path, *events: ExecutionEvent) -> None:
    """Write events that no store would take."""
    in_store(folder, FileExecutionEventStore.list_executions)
    history = folder / events[0].execution_id / "events.jsonl"
    history.parent.mkdir()
    history.write_bytes(b"".join(line for event in events for line in encode_batch([event])))


def in_store(folder: Path, work: Callable[[Any], Any], kind: str = "file") -> Any:
    """Do something with the store at `folder`, made if it is not there."""

    async def whole() -> Any:
        store = open_store(f"{kind}:{folder}", create=True, offload=False, durability="normal")
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(whole())


def event(sequence: int, event_type: str, *, step: str = "", path: str = "main", **data: Any) -> ExecutionEvent:
    """An event of the execution `exec_hostile`."""
    return ExecutionEvent(
        id=f"event_{sequence:026}",
        execution_id="exec_hostile",
        path_id="" if event_type.startswith("execution") else path,
        sequence=sequence,
        timestamp=f"2026-03-01T09:14:{sequence:02}.000000Z",
        event_type=event_type,
        step_name=step,
        data=data,
    )
