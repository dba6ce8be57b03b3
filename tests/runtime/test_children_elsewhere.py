"""A child that another process drives: its parent goes on when it ends, also when that process dies."""

from __future__ import annotations

import asyncio

import pytest

from dive_tui import Engine, Workflow, action
from engine.runtime import inflight
from stores.memory import MemoryExecutionEventStore

CHILD = Workflow.model_validate({
    "name": "child",
    "steps": [{"name": "Wait", "wait_signal": "go"}, {"name": "Work", "action": "work", "store": "done"}],
    "outputs": [{"name": "done", "value": "${state.done}"}],
})  # fmt: skip
PARENT = Workflow.model_validate({
    "name": "parent",
    "steps": [{"name": "Delegate", "workflow": "child", "store": "child"}],
    "outputs": [{"name": "done", "value": "${state.child.done}"}],
})  # fmt: skip


@action
async def work() -> str:
    return "worked"


async def test_a_parent_takes_over_the_child_of_a_process_that_died(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflight, "LOOK_AGAIN", 0.05)
    store = MemoryExecutionEventStore()
    first = Engine(store, actions=[work], workflows=[CHILD])
    left = await first.run(PARENT, linger=0)
    assert left.status == "waiting"
    child = next(summary.id for summary in await store.list_executions() if summary.workflow_name == "child")
    # Another process owns the child, and does nothing about it.
    other = store.open_again()
    await other.acquire_owner(child, "runner_other")
    going_on = asyncio.create_task(Engine(store, actions=[work]).recover(left.id))
    await asyncio.sleep(0.1)
    await first.signal(child, "go")
    # What the message set in motion comes to nothing while the other one lives.
    await asyncio.sleep(0.4)
    assert not going_on.done()
    await other.close()
    result = await asyncio.wait_for(going_on, 10)
    assert result.outputs == {"done": "worked"}
    await first.close()
