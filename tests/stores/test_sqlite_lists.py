"""Lists of a database: the same as folding every history gives, and found through an index."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

from engine.model.snapshot import ExecutionFilter
from engine.model.state import INTERRUPTED
from engine.testing.conformance_events import START, HistoryMaker
from stores.memory import MemoryExecutionEventStore
from stores.runners import Living
from stores.sqlite import summaries
from stores.sqlite.connection import connect
from tests.stores.sqlite_files import LATER, fill, opened

NOBODY = Living("here", frozenset())


async def many(store: Any) -> None:
    """A hundred executions in all states, some of which began at the same moment."""
    for number in range(100):
        start = START + timedelta(seconds=number // 3)
        maker = HistoryMaker(f"exec_{number:03}", workflow=f"w{number % 4}", start=start)
        await store.append_events(maker.begin())
        match number % 5:
            case 0:
                await store.append_events(maker.finish())
            case 1:
                await store.append_events(maker.fail())
            case 2:
                await store.append_events(maker.wait("signal", topic="approve"))
            case 3:
                await store.append_events(maker.wait("sleep", due_at="2026-03-02T00:00:00.000000Z"))
            case _:
                await store.acquire_owner(maker.execution_id, f"runner_{number % 2}")


@pytest.mark.parametrize("workflow", [None, "w1", "none"])
@pytest.mark.parametrize(
    "statuses",
    [(), ("failed",), ("running",), (INTERRUPTED,), ("failed", "completed"), ("waiting", "running", INTERRUPTED)],
)
async def test_pages_are_those_of_the_whole_list(
    tmp_path: Path, statuses: tuple[str, ...], workflow: str | None
) -> None:
    store, model = opened(tmp_path / "s.db", create=True), MemoryExecutionEventStore()
    other = model.open_again()
    for one in (store, model):
        await many(one)
    dead = opened(tmp_path / "s.db")
    for one in (dead, other):
        await one.append_events(HistoryMaker("exec_dead", workflow="w1").begin())
        await one.acquire_owner("exec_dead", "runner_dead")
        await one.close()
    for limit, offset in ((None, 0), (7, 0), (7, 5), (0, 0), (500, 3)):
        where = ExecutionFilter(frozenset(statuses), workflow, limit, offset)
        assert await store.list_executions(where) == await model.list_executions(where)
    await store.close()


async def test_what_is_due_is_what_a_look_at_all_gives(tmp_path: Path) -> None:
    store, model = opened(tmp_path / "s.db", create=True), MemoryExecutionEventStore()
    for one in (store, model):
        await many(one)
    for moment in (START, LATER):
        for limit in (3, 100):
            due = await store.due(moment, limit)
            assert due == await model.due(moment, limit)
    assert len(due) == 20, "the sleeps that are over; who waits for a signal is not due, and who runs lives"
    await store.close()


async def test_children_that_continue_each_other_end_the_search(tmp_path: Path) -> None:
    store = opened(tmp_path / "s.db", create=True)
    parent = HistoryMaker("exec_parent")
    await store.append_events(parent.begin())
    await store.append_events(parent.wait("child", child_id="exec_a"))
    for name in ("exec_a", "exec_b"):
        await store.append_events(HistoryMaker(name).begin())
    with closing(connect(tmp_path / "s.db", writable=True)) as connection:
        connection.execute("UPDATE executions SET continues = 'exec_b' WHERE id = 'exec_a'")
        connection.execute("UPDATE executions SET continues = 'exec_a' WHERE id = 'exec_b'")
    assert {summary.id for summary in await store.due(START)} == {"exec_a", "exec_b"}
    await store.close()


def plan(connection: apsw.Connection, query: str, **bindings: Any) -> list[str]:
    return [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", bindings)]


@pytest.mark.parametrize(
    ("where", "index"),
    [
        (ExecutionFilter(limit=50), "executions_by_age"),
        (ExecutionFilter(frozenset({"failed"}), limit=50), "executions_by_status"),
        (ExecutionFilter(frozenset({INTERRUPTED}), limit=50), "executions_by_status"),
        (ExecutionFilter(workflow_name="w1", limit=50), "executions_by_workflow"),
    ],
)
async def test_a_page_is_read_in_the_order_of_an_index(tmp_path: Path, where: ExecutionFilter, index: str) -> None:
    store = opened(tmp_path / "s.db", create=True)
    await many(store)
    with closing(connect(tmp_path / "s.db", writable=False)) as connection:
        asked: list[str] = []
        connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: asked.append(event["sql"]))
        summaries.select(connection, where, NOBODY)
        connection.trace_v2(0)
        assert asked
        for query in asked:
            steps = plan(connection, query, limit=50, workflow="w1", host="h", live="[]")
            assert any(index in step for step in steps), steps
            assert not any("TEMP B-TREE" in step or step == "SCAN executions" for step in steps), steps
    await store.close()


async def test_what_is_due_is_found_through_indexes(tmp_path: Path) -> None:
    store = opened(tmp_path / "s.db", create=True)
    await many(store)
    with closing(connect(tmp_path / "s.db", writable=False)) as connection:
        asked: list[str] = []
        connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: asked.append(event["sql"]))
        summaries.due(connection, LATER, 100, NOBODY)
        connection.trace_v2(0)
        for query in asked:
            steps = plan(connection, query, moment="2026", id="x", host="h", live="[]")
            assert not any(step.startswith("SCAN executions") and "INDEX" not in step for step in steps), (query, steps)
    await store.close()


async def test_the_row_changes_with_the_events(tmp_path: Path) -> None:
    """Whatever was appended, lists say at once what folding the whole history gives."""
    store = opened(tmp_path / "s.db", create=True)
    await fill(store)
    maker = HistoryMaker("exec_two", workflow="probe")
    for batch in (maker.begin(), maker.work(), maker.wait("sleep", due_at="2027-01-01T00:00:00.000000Z"), maker.end()):
        await store.append_events(batch)
        assert await store.examine() == [], "which compares every row with its folded history"
    await store.close()


async def test_a_summary_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    store = opened(tmp_path / "s.db", create=True)
    await fill(store)
    with closing(connect(tmp_path / "s.db", writable=True)) as connection:
        connection.execute("UPDATE executions SET summary = x'7b7d' WHERE id = 'exec_one'")
    (damaged,) = [summary for summary in await store.list_executions() if summary.id == "exec_one"]
    assert damaged.error.startswith("damaged: table executions")
    assert len(await store.list_executions()) == 3, "the others are there"
    await store.close()
