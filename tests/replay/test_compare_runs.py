"""Executions of generated workflows compared: with their like, with what a plain scan of the events finds different."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.lifecycle.engine import Engine
from engine.model.events import ExecutionEvent
from engine.model.workflow import Workflow
from engine.replay.comparing.compare import Comparison, OnlyLeft, OnlyRight, Pair, Part, compare_executions
from engine.replay.history import History
from engine.runtime.actions import action
from engine.testing.ports import FakeClock, SequentialIds
from stores.memory import MemoryExecutionEventStore
from tests.replay.golden_runs import RUNS, recorded

Key = tuple[str, str, int, int | None]


@action
async def give(value: Any = None) -> Any:
    return value


@action
async def odd(value: int) -> int:
    if value % 2:
        raise ValueError(f"{value} is odd")
    return value


def step_of(kind: str, name: str, after: str | None, last: str) -> dict[str, Any]:
    """A step whose work depends on the input `n`, or does not."""
    further = [after] if after else []
    step: dict[str, Any] = (
        {"name": name, "action": "give", "next": further} if further else {"name": name, "action": "give"}
    )
    if kind == "constant":
        return {**step, "parameters": {"value": [1, {"name": name}]}}
    if kind == "own":
        return {**step, "parameters": {"value": "${inputs.n * 10}"}, "store": name.lower()}
    if kind == "each":
        each = {"items": "${[7, inputs.n, 9]}", "concurrency": 2, "on_item_failure": "collect"}
        return {**step, "action": "odd", "each": each, "parameters": {"value": "${item}"}}
    if kind == "flaky":
        retry = {"max_attempts": 2, "initial_delay": "1s"}
        catch = [{"step": after or last}]
        caught = {"catch": catch} if (after or last) != name else {}
        return {**step, "action": "odd", "parameters": {"value": "${inputs.n}"}, "retry": retry, **caught}
    if kind == "loop":
        variable = name.lower()
        again = {"step": name, "condition": f"state.{variable} < 2 + inputs.n"}
        done = [{"step": after, "condition": f"not (state.{variable} < 2 + inputs.n)"}] if after else []
        count = f"${{get(state.{variable}, 0) + 1}}"
        return {**step, "parameters": {"value": count}, "store": variable, "next": [again, *done]}
    if kind == "skip" and after:
        ways = [{"step": after, "condition": "inputs.n < 2"}, {"step": last, "condition": "inputs.n >= 2"}]
        return {**step, "next": ways if after != last else [after]}
    if kind == "fork" and after:
        return {
            "name": name,
            "pass": True,
            "next": [{"step": after, "path": f"{name}l"}, {"step": last, "path": f"{name}r"}],
        }
    return step


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    kinds = draw(
        st.lists(
            st.sampled_from(["constant", "own", "each", "flaky", "loop", "skip", "fork"]), min_size=1, max_size=5
        ).filter(lambda kinds: kinds.count("fork") <= 2)
    )
    names = [f"S{at}" for at in range(len(kinds))]
    afters: list[str | None] = [*names[1:], None]
    steps = [step_of(*entry, names[-1]) for entry in zip(kinds, names, afters, strict=True)]
    return Workflow.model_validate({"name": "made", "inputs": [{"name": "n", "type": "integer"}], "steps": steps})


def ran(workflow: Workflow, n: int, number: int = 1) -> History:
    """What a run records; each number has its own ids and another hour."""

    async def run() -> list[ExecutionEvent]:
        store = MemoryExecutionEventStore()
        clock = FakeClock(datetime(2026, 3, 1, number, tzinfo=UTC), tick=0.01, skip=True)
        ids = SequentialIds()
        for _ in range(number):
            ids.new("exec")
        engine = Engine(store, actions=[give, odd], clock=clock, ids=ids)
        result = await engine.run(workflow, {"n": n}, linger=None)
        return await store.get_event_history(result.id)

    events = asyncio.run(run())
    return History(events[0].execution_id, events)


def scanned(history: History) -> dict[Key, dict[str, Any]]:
    """What each unit recorded, found by looking at every event, in the order they started."""
    found: dict[Key, dict[str, Any]] = {}
    for event in history:
        if event.event_type not in ("step_started", "step_completed", "step_failed"):
            continue
        data = event.data
        iteration = data.get("iteration") or {}
        key = (event.path_id, event.step_name, data["visit"], iteration.get("index"))
        unit = found.setdefault(key, {"started": [], "ended": []})
        if event.event_type == "step_started":
            unit["started"].append((data["step_params"], data.get("items")))
        elif event.event_type == "step_completed":
            edges = [(edge["step"], edge.get("path")) for edge in data["edges"] if edge["value"]]
            unit["ended"].append(("completed", data["output"], edges))
        else:
            unit["ended"].append((data["error_type"], data["error"], data.get("caught")))
    return found


def different(comparison: Comparison) -> tuple[list[Key], set[Key], set[Key]]:
    """The keys of pairs that differ, in their order, and of units in one only."""
    rows = comparison.aligned
    return (
        [row.left.key for row in rows if isinstance(row, Pair) and row.differs],
        {row.unit.key for row in rows if isinstance(row, OnlyLeft)},
        {row.unit.key for row in rows if isinstance(row, OnlyRight)},
    )


@given(workflows(), st.integers(0, 3))
def test_a_run_and_its_like_are_equal(workflow: Workflow, n: int) -> None:
    left, right = ran(workflow, n), ran(workflow, n, number=2)
    assert left.execution_id != right.execution_id
    for comparison in (compare_executions(left, left), compare_executions(left, right)):
        assert comparison.equal
        assert comparison.to_dict()["changes"] == []
        assert comparison.counts.same == len(comparison.aligned) == len(scanned(left))


@given(workflows(), st.integers(0, 3), st.integers(0, 3))
def test_what_differs_is_what_a_scan_finds_different(workflow: Workflow, n: int, m: int) -> None:
    left, right = ran(workflow, n), ran(workflow, m, number=2)
    ours, theirs = scanned(left), scanned(right)
    wanted = [key for key in ours if key in theirs and ours[key] != theirs[key]]
    comparison = compare_executions(left, right, ignore=["inputs", "status", "error", "outputs"])
    pairs, only_left, only_right = different(compare_executions(left, right))
    assert pairs == wanted
    assert only_left == ours.keys() - theirs.keys()
    assert only_right == theirs.keys() - ours.keys()
    assert compare_executions(left, right).equal == (n == m)
    if comparison.first is not None and comparison.first.part is not Part.ONLY_RIGHT:
        first = next(key for key in ours if key not in theirs or key in different(comparison)[0])
        assert comparison.first.unit is not None
        assert comparison.first.unit.key == first


@given(workflows(), st.integers(0, 3), st.data())
def test_one_value_that_was_changed_is_the_one_difference(workflow: Workflow, n: int, data: st.DataObject) -> None:
    left = ran(workflow, n)
    events = list(left)
    places = [
        e.sequence for e in events if e.event_type in ("step_completed", "step_started") and "items" not in e.data
    ]
    at = data.draw(st.sampled_from(places))
    event = events[at - 1]
    name, part = ("output", Part.OUTPUT) if event.event_type == "step_completed" else ("step_params", Part.INPUT)
    events[at - 1] = event._replace(data={**event.data, name: {"changed": True}})
    comparison = compare_executions(left, History(left.execution_id, events))
    assert comparison.right.problem is None
    assert comparison.first is not None
    iteration = event.data.get("iteration") or {}
    assert comparison.first.unit is not None
    assert comparison.first.unit.key == (event.path_id, event.step_name, event.data["visit"], iteration.get("index"))
    assert comparison.first.part is part
    assert {change.by for change in comparison.first.changes} == {at}
    rows = [row for row in comparison.aligned if not isinstance(row, Pair) or row.differences]
    assert [row.differences for row in rows if isinstance(row, Pair)] == [(part,)]


@pytest.mark.parametrize("name", RUNS)
async def test_every_kind_of_wait_fork_join_and_failure(name: str) -> None:
    store, execution_id = await recorded(RUNS[name])
    events = await store.get_event_history(execution_id)
    whole = History(execution_id, events)
    assert compare_executions(whole, whole).equal
    for last in range(1, len(events)):
        part = compare_executions(History(execution_id, events[:last]), whole)
        assert not part.equal
        assert not different(part)[1]
        other = compare_executions(whole, History(execution_id, events[:last]))
        assert not other.equal
        assert not different(other)[2]
        assert part.notes == [f"the left one has not ended; it is compared up to event {last}"] + (
            [f"the right one has not ended; it is compared up to event {len(events)}"] if not whole.latest.ended else []
        )


async def test_runs_of_all_kinds_against_each_other() -> None:
    histories = []
    for run in RUNS.values():
        store, execution_id = await recorded(run)
        histories.append(History(execution_id, await store.get_event_history(execution_id)))
    for left, right in itertools.permutations(histories, 2):
        comparison = compare_executions(left, right)
        assert not comparison.equal
        assert comparison.definition
        assert comparison.to_dict()["first"] is not None
