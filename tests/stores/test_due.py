"""Which executions are due, by what their summaries say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.model.snapshot import ExecutionSummary
from engine.model.state import ExecutionState
from engine.model.times import format_time
from engine.store import ExecutionEventStore
from engine.testing.conformance_events import START, HistoryMaker, SignalMaker
from stores import folding
from stores.due import select_due
from stores.file.store import FileExecutionEventStore
from stores.memory import MemoryExecutionEventStore

NOW = START + timedelta(hours=1)
EARLIER, LATER = (format_time(NOW + timedelta(seconds=seconds)) for seconds in (-1, 1))


def line(execution_id: str = "exec_one", **changes: Any) -> ExecutionSummary:
    """A waiting execution that nobody owns and that nothing has come for."""
    start = format_time(START)
    plain = ExecutionSummary(
        id=execution_id,
        workflow_name="probe",
        workflow_hash="v1:0",
        inputs_hash="v1:0",
        status="waiting",
        start_time=start,
        end_time=None,
        created_at=start,
        updated_at=start,
        last_event_seq=4,
        live=False,
    )
    return replace(plain, **changes)


def due(*summaries: ExecutionSummary, limit: int = 100, **messages: int) -> list[str]:
    found = select_due(summaries, NOW, limit, lambda execution_id: messages.get(execution_id, 0))
    return [summary.id for summary in found]


@pytest.mark.parametrize(
    ("changes", "is_due"),
    [
        ({}, False),
        ({"wake_at": EARLIER}, True),
        ({"wake_at": format_time(NOW)}, True),
        ({"wake_at": LATER}, False),
        ({"wake_at": EARLIER, "live": True}, False),
        ({"wake_at": EARLIER, "status": "paused"}, True),
        ({"wake_at": EARLIER, "status": "completed", "live": None}, False),
        ({"wake_at": EARLIER, "error": "damaged: events.jsonl, byte 7: it is not JSON"}, False),
        ({"status": "paused"}, False),
        ({"status": "running"}, True),
        ({"status": "pending"}, True),
        ({"status": "running", "live": True}, False),
        ({"status": "running", "error": "RuntimeError: no luck"}, True),
    ],
)
def test_by_itself(changes: dict[str, Any], is_due: bool) -> None:
    assert due(line(**changes)) == (["exec_one"] if is_due else [])


@pytest.mark.parametrize(
    ("changes", "messages", "is_due"),
    [
        ({}, 1, True),
        ({"inbox": 1}, 1, False),
        ({"inbox": 1}, 2, True),
        ({"inbox": 1, "status": "paused"}, 2, True),
        ({"inbox": 1, "status": "paused"}, 1, False),
        ({"live": True}, 1, False),
        ({"status": "failed", "live": None}, 1, False),
    ],
)
def test_by_its_messages(changes: dict[str, Any], messages: int, is_due: bool) -> None:
    assert due(line(**changes), exec_one=messages) == (["exec_one"] if is_due else [])


@pytest.mark.parametrize(
    ("children", "parent", "is_due"),
    [
        ({}, "waiting", True),
        ({}, "paused", False),
        ({"exec_a": "running", "exec_b": "waiting"}, "waiting", False),
        ({"exec_a": "running", "exec_b": "completed"}, "waiting", True),
        ({"exec_a": "failed", "exec_b": "waiting"}, "waiting", True),
        ({"exec_a": "cancelled", "exec_b": "waiting"}, "paused", True),
        ({"exec_a": "waiting"}, "waiting", True),
    ],
)
def test_by_its_children(children: dict[str, str], parent: str, is_due: bool) -> None:
    ended = ("completed", "failed", "cancelled")
    others = [line(name, status=status, live=None if status in ended else True) for name, status in children.items()]
    waiting = line(status=parent, children=("exec_a", "exec_b"))
    assert due(*others, waiting) == (["exec_one"] if is_due else [])


@pytest.mark.parametrize(
    ("chain", "is_due"),
    [(["continued", "running"], False), (["continued", "continued", "completed"], True), (["continued"], True)],
)
def test_a_child_that_went_on_as_another_is_the_last_of_its_chain(chain: list[str], is_due: bool) -> None:
    executions = [
        line(
            f"exec_{number}",
            status=status,
            live=True,
            lineage={"kind": "continue", "execution_id": f"exec_{number - 1}"} if number else None,
        )
        for number, status in enumerate(chain)
    ]
    assert due(line(children=("exec_0",)), *executions) == (["exec_one"] if is_due else [])


def test_a_chain_that_is_made_up_ends_the_search() -> None:
    circle = [
        line("exec_0", status="continued", live=None, lineage={"kind": "continue", "execution_id": "exec_1"}),
        line("exec_1", status="continued", live=None, lineage={"kind": "continue", "execution_id": "exec_0"}),
        line("exec_2", status="continued", live=None, lineage={"kind": "continue", "execution_id": ["exec_2"]}),
        line("exec_3", live=True, lineage={"kind": "retry", "execution_id": "exec_2"}),
    ]
    parents = [line("exec_p", children=("exec_0",)), line("exec_q", children=("exec_2",))]
    assert due(*parents, *circle) == ["exec_p", "exec_q"]


def test_the_longest_overdue_comes_first_then_the_oldest() -> None:
    def at(seconds: float) -> str:
        return format_time(NOW - timedelta(seconds=seconds))

    summaries = [
        line("exec_new", status="running", start_time=at(5)),
        line("exec_old", status="running", start_time=at(900)),
        line("exec_told", start_time=at(950), wake_at=LATER),
        line("exec_b", wake_at=at(10), start_time=at(11)),
        line("exec_a", wake_at=at(10), start_time=at(11)),
        line("exec_late", wake_at=at(800), start_time=at(801)),
        line("exec_asleep", wake_at=LATER),
    ]
    wanted = ["exec_late", "exec_a", "exec_b", "exec_told", "exec_old", "exec_new"]
    for limit in range(8):
        assert due(*summaries, limit=limit, exec_told=1) == wanted[:limit]


@pytest.fixture(params=["memory", "file"])
async def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ExecutionEventStore]:
    store: ExecutionEventStore = MemoryExecutionEventStore()
    if request.param == "file":
        store = FileExecutionEventStore(tmp_path / "store", create=True, offload=False)
    yield store
    await store.close()


async def test_stores_ask_their_own_summaries_and_inboxes(
    any_store: ExecutionEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: dict[str, dict[str, Any]] = {
        "exec_asleep": {"wake_at": LATER},
        "exec_awake": {"wake_at": EARLIER},
        "exec_paused": {"status": "paused", "inbox": 1},
        "exec_parent": {"children": ("exec_child",)},
        "exec_told": {"inbox": 1},
    }
    summarize = folding.summarize

    def summarized(state: ExecutionState) -> ExecutionSummary:
        changes = {"status": "waiting"} | waiting.get(state.execution_id, {})
        return summarize(state) if state.ended else replace(summarize(state), **changes)

    monkeypatch.setattr(folding, "summarize", summarized)
    makers = {name: HistoryMaker(name) for name in (*waiting, "exec_child")}
    for maker in makers.values():
        await any_store.append_events(maker.begin())

    async def now_due() -> Sequence[str]:
        return [summary.id for summary in await any_store.due(NOW)]

    assert await now_due() == ["exec_awake"]
    sender = SignalMaker()
    for name in ("exec_told", "exec_paused"):
        await any_store.send_signal(name, sender.signal())
    assert await now_due() == ["exec_awake"], "these have received their messages"
    for name in ("exec_told", "exec_paused"):
        await any_store.send_signal(name, sender.ask("resume"))
    assert await now_due() == ["exec_awake", "exec_paused", "exec_told"]
    await any_store.append_events(makers["exec_child"].finish())
    assert await now_due() == ["exec_awake", "exec_parent", "exec_paused", "exec_told"]
    await any_store.acquire_owner("exec_paused", "runner_1")
    await any_store.delete_execution("exec_told")
    await any_store.delete_execution("exec_child")
    assert await now_due() == ["exec_awake", "exec_parent"]
