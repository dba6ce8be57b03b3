"""What an execution is compared with when nobody says."""

from __future__ import annotations

from typing import Any

import pytest

from engine.model.snapshot import ExecutionFilter, ExecutionSummary
from engine.replay.comparing.related import counterpart, last_good_run, newest_retry, source_of
from stores.memory import MemoryExecutionEventStore


def summary(number: int, status: str = "completed", *, workflow: str = "order", **more: Any) -> ExecutionSummary:
    """The execution that started at this hour."""
    time = f"2026-03-01T{number:02d}:00:00.000000Z"
    return ExecutionSummary(
        id=f"exec_{number}", workflow_name=workflow, workflow_hash="", inputs_hash="", status=status, start_time=time,
        end_time=time, created_at=time, updated_at=time, last_event_seq=3, **more,
    )  # fmt: skip


def retry_of(number: int, kind: str = "retry") -> dict[str, Any]:
    return {"kind": kind, "execution_id": f"exec_{number}"}


class Listed(MemoryExecutionEventStore):
    """A store of summaries whose histories must not be looked at."""

    def __init__(self, *summaries: ExecutionSummary) -> None:
        super().__init__()
        self.summaries = sorted(summaries, key=lambda s: (s.start_time, s.id), reverse=True)

    async def list_executions(self, where: ExecutionFilter | None = None) -> list[ExecutionSummary]:
        return [entry for entry in self.summaries if where is None or where.accepts(entry)]

    async def get_summary(self, execution_id: str) -> ExecutionSummary | None:
        return next((entry for entry in self.summaries if entry.id == execution_id), None)

    async def get_events(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("a history was read")

    get_event_history = get_snapshot = get_events


async def found(subject: ExecutionSummary, *others: ExecutionSummary) -> tuple[str, str, str] | None:
    there = await counterpart(Listed(subject, *others), subject)
    return None if there is None else (there.summary.id, there.why, there.relation)


@pytest.mark.parametrize(
    ("kind", "word"), [("retry", "retry"), ("continue", "continuation"), ("migration", "migration")]
)
async def test_what_it_came_from_comes_first(kind: str, word: str) -> None:
    subject = summary(5, "failed", lineage=retry_of(2, kind))
    others = (summary(2, "failed"), summary(3), summary(6, lineage=retry_of(5)))
    assert await found(subject, *others) == ("exec_2", f"the run it is a {word} of", "source")


async def test_then_its_newest_retry() -> None:
    others = (
        summary(3),
        summary(6, lineage=retry_of(5)),
        summary(7, lineage=retry_of(5)),
        summary(8, lineage=retry_of(7)),
    )
    assert await found(summary(5, "failed"), *others) == ("exec_7", "its newest retry", "retry")


async def test_then_the_last_good_run_before_it() -> None:
    others = (summary(1), summary(3), summary(4, "failed"), summary(4, workflow="other"), summary(6))
    assert await found(summary(5, "failed"), *others) == ("exec_3", "the last good run before it", "last_good")


async def test_else_the_newest_good_run() -> None:
    others = (summary(6), summary(7), summary(8, "failed"))
    assert await found(summary(5, "failed"), *others) == ("exec_7", "the newest good run", "last_good")


async def test_else_nothing() -> None:
    assert await found(summary(5)) is None
    assert await found(summary(5, "failed"), summary(4, "failed"), summary(3, workflow="other")) is None


async def test_a_source_that_was_deleted_and_a_parent_are_no_sources() -> None:
    assert await found(summary(5, lineage=retry_of(2)), summary(3)) == (
        "exec_3",
        "the last good run before it",
        "last_good",
    )
    child = summary(5, lineage=retry_of(2, "child"))
    assert await source_of(Listed(child, summary(2)), child) is None
    assert await newest_retry(Listed(child, summary(6, lineage=retry_of(5, "child"))), child) is None


async def test_nothing_is_its_own_counterpart() -> None:
    own = summary(5, lineage=retry_of(5))
    assert await counterpart(Listed(own), own) is None


async def test_of_two_that_started_together_the_order_of_lists_decides() -> None:
    first, second = summary(5), summary(5, "failed")
    other = ExecutionSummary(**{**first.to_dict(), "id": "exec_4a", "failed_steps": (), "children": ()})
    there = await last_good_run(Listed(other, second), second)
    assert there is not None
    assert (there.summary.id, there.why) == ("exec_4a", "the last good run before it")
