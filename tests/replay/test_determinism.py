"""Histories against their definition and against other versions of it: what fits, and the first event that does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dive_tui import action
from dive_tui.testing import WorkflowRun, fails, run_workflow, stub
from engine.core.hashing import canonical_hash
from engine.model.events import ExecutionEvent
from engine.model.workflow import Workflow
from engine.replay import determinism
from engine.replay.determinism import CheckResult, Mismatch, UncheckableError, check_history
from engine.replay.history import History
from engine.replay.salvaged import Unreadable, as_events
from engine.runtime.actions import ActionRegistry
from engine.runtime.config import PersistenceConfig
from tests.core.rules import END, flow, fork, join, naps, sets
from tests.core.written import Written

Step = dict[str, Any]


@action
async def give(value: Any) -> Any:
    return value


def history_of(run: WorkflowRun) -> History:
    return History(run.events[0].execution_id, run.events)


def check(run: WorkflowRun, definition: Workflow | None = None) -> CheckResult:
    return check_history(history_of(run), definition)


def first(run: WorkflowRun, definition: Workflow) -> Mismatch:
    """The one mismatch there is; with its own definition there is none."""
    assert check(run).ok and check(run).warnings == []
    result = check(run, definition)
    assert not result.ok
    (mismatch,) = result.mismatches
    return mismatch


def at(run: WorkflowRun, event_type: str, step: str = "", nth: int = 0) -> int:
    """The sequence of the nth event of a kind."""
    return [e.sequence for e in run.events if e.event_type == event_type and step in ("", e.step_name)][nth]


A: Step = {"name": "A", "action": "give", "parameters": {"value": 2}, "store": "a"}
B: Step = {"name": "B", "pass": True}


async def recorded(*steps: Step, **more: Any) -> WorkflowRun:
    return await run_workflow(flow(*steps, **more), actions=[give])


async def test_a_history_fits_the_definition_it_recorded() -> None:
    run = await recorded(A, B, outputs=[{"name": "o", "value": "${state.a}"}])
    result = check(run)
    assert result == CheckResult([], len(run.events) - 1, [])
    assert result.ok


CHANGES: dict[str, tuple[list[Step], list[Step], tuple[str, str], list[str]]] = {
    "a parameter": (
        [A, B],
        [{**A, "parameters": {"value": 3}}, B],
        ("step_started", "A"),
        ["step_params.value: recorded 2, wanted 3"],
    ),
    "the action": (
        [A, B],
        [{**A, "action": "take"}, B],
        ("step_started", "A"),
        ['action: recorded "give", wanted "take"'],
    ),
    "the name of the first step": ([A, B], [{**A, "name": "A2"}, B], ("path_started", ""), []),
    "the name of a later step": ([A, B], [A, {**B, "name": "B2"}], ("step_completed", "A"), []),
    "a step between": ([A, B], [A, {"name": "New", "pass": True}, B], ("step_completed", "A"), []),
    "a step less": ([A, B], [A], ("step_completed", "A"), []),
    "the kind": ([A, B], [A, {"name": "B", "sleep": "1s"}], ("step_started", "B"), []),
    "the variable": ([A, B], [{**A, "store": "z"}, B], ("step_completed", "A"), []),
    "a script": ([sets("A", "a", "1 + 1")], [sets("A", "a", "3 + 3")], ("step_started", "A"), []),
    "a condition": (
        [{**A, "next": [{"step": "B", "condition": "state.a > 1"}]}, B],
        [{**A, "next": [{"step": "B", "condition": "state.a > 2"}]}, B],
        ("step_completed", "A"),
        ['edges[0]: recorded {"step":"B"}, wanted nothing'],
    ),
    "a path of a fork": (
        [fork("left:B", "right:End"), {**B, "end": True}, END],
        [fork("left:B", "other:End"), {**B, "end": True}, END],
        ("step_completed", "Fork"),
        [],
    ),
    "an item's value": (
        [{"name": "A", "each": {"items": [1, 2]}, "action": "give", "parameters": {"value": "${item}"}}],
        [{"name": "A", "each": {"items": [1, 3]}, "action": "give", "parameters": {"value": "${item}"}}],
        ("step_started", "A"),
        ["items[1]: recorded 2, wanted 3"],
    ),
    "a sleep": ([naps("A", "10s")], [naps("A", "20s")], ("step_started", "A"), []),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_the_first_event_that_another_version_does_not_lead_to(what: str) -> None:
    before, after, (event_type, step), differences = CHANGES[what]
    run = await recorded(*before)
    mismatch = first(run, flow(*after))
    assert mismatch.sequence == at(run, event_type, step)
    assert mismatch.recorded["event_type"] == event_type
    assert mismatch.wanted is not None
    assert mismatch.recorded != mismatch.wanted
    for difference in differences:
        assert difference in mismatch.differences()
        assert difference in str(mismatch)


SAME: dict[str, tuple[list[Step], list[Step]]] = {
    "another wording of a condition": (
        [{**A, "next": [{"step": "B", "condition": "state.a > 1"}]}, B],
        [{**A, "next": [{"step": "B", "condition": "1 < state.a"}]}, B],
    ),
    "an edge that would not have been taken": (
        [{**A, "next": ["B"]}, B, END],
        [{**A, "next": [{"step": "End", "condition": "state.a > 7"}, "B"]}, B, END],
    ),
    "a step that was not reached": (
        [{**A, "next": [{"step": "End", "condition": "state.a > 7"}, "B"]}, {**B, "end": True}, END],
        [{**A, "next": [{"step": "End", "condition": "state.a > 7"}, "B"]}, {**B, "end": True}, naps("End", "1s")],
    ),
    "a catch that was not needed": ([A, B], [{**A, "catch": [{"step": "B", "errors": "*"}]}, B]),
}


@pytest.mark.parametrize("what", SAME)
async def test_what_decides_the_same_fits(what: str) -> None:
    before, after = SAME[what]
    run = await recorded(*before)
    assert check(run, flow(*after)).ok


async def test_outputs_decide_and_the_wording_of_errors_does_not() -> None:
    run = await recorded(A, outputs=[{"name": "o", "value": "${state.a}"}])
    mismatch = first(run, flow(A, outputs=[{"name": "o", "value": "${state.a + 1}"}]))
    assert (mismatch.sequence, mismatch.differences()) == (len(run.events), ["outputs.o: recorded 2, wanted 3"])
    run = await recorded({**A, "parameters": {"value": "${state.nowhere}"}})
    assert run.status == "failed"
    failed = [e if e.event_type != "step_failed" else e._replace(data={**e.data, "error": "other"}) for e in run.events]
    assert check_history(History(failed[0].execution_id, failed)).ok


async def test_retries() -> None:
    retry = {"max_attempts": 3, "initial_delay": "10s"}
    step = {"name": "A", "action": "give", "parameters": {"value": 1}}
    run = await run_workflow(
        flow({**step, "retry": retry}), actions=[stub("give", *fails(2, ConnectionError("no")), 1)]
    )
    assert run.status == "completed"
    other = first(run, flow({**step, "retry": {**retry, "initial_delay": "20s"}}))
    assert other.sequence == at(run, "step_retry_scheduled")
    fewer = first(run, flow({**step, "retry": {**retry, "max_attempts": 2}}))
    assert fewer.sequence == at(run, "step_failed", nth=1)
    assert "retry: recorded true, wanted nothing" in str(fewer)
    assert first(run, flow(step)).sequence == at(run, "step_failed")


async def test_how_much_may_run_at_once() -> None:
    each = {"items": [1, 2, 3], "concurrency": 2}
    step = {"name": "A", "action": "give", "parameters": {"value": "${item}"}}
    run = await recorded({**step, "each": each})
    mismatch = first(run, flow({**step, "each": {**each, "concurrency": 1}}))
    assert mismatch.sequence == at(run, "step_started", nth=2)  # the unit's own, its first item's, and then this
    assert mismatch.wanted is not None and mismatch.wanted["event_type"] == "step_completed"
    paths = [fork("left:B", "right:C"), {**A, "name": "B", "end": True}, {**A, "name": "C", "end": True}]
    run = await recorded(*paths)
    mismatch = first(run, flow(*paths, max_parallel=1))
    assert (mismatch.sequence, mismatch.wanted) == (at(run, "step_started", "C"), None)
    assert str(mismatch).endswith("records step_started of 'right' › 'C', but nothing was wanted there")


async def test_joins() -> None:
    steps = [fork("left:L", "right:R"), naps("L", "1s", "J"), naps("R", "9s", "J")]
    run = await recorded(*steps, join(count=1), END)
    mismatch = first(run, flow(*steps, join(), END))
    assert mismatch.sequence == at(run, "path_joined")
    assert mismatch.wanted is None
    patient = await recorded(*steps, join(), END)
    # Also then it is wanted, only not as soon as it could have been.
    assert check(patient, flow(*steps, join(count=1), END)).ok


async def test_nothing_is_wanted_too_soon() -> None:
    run = await recorded(naps("A", "10s"))
    waking = at(run, "step_completed")
    early = [
        event._replace(timestamp=run.events[waking - 2].timestamp) if event.sequence >= waking else event
        for event in run.events
    ]
    (mismatch,) = check_history(History(early[0].execution_id, early)).mismatches
    assert mismatch.sequence == waking
    assert mismatch.wanted is not None
    assert mismatch.wanted["due_at"] > early[-1].timestamp
    assert f"was not wanted before {mismatch.wanted['due_at']}" in str(mismatch)


def mismatches(written: Written) -> list[int]:
    return [m.sequence for m in check_history(History(written.events[0].execution_id, written.events)).mismatches]


def open_paths() -> Written:
    written = Written(
        {"name": "F", "pass": True, "next": [{"step": "A", "path": "l"}, {"step": "A", "path": "r"}]},
        {"name": "A", "action": "act", "end": True},
    )
    written.add("path_started", "main", current_step="F")
    return written


def test_an_end_from_outside_ends_all_that_is_open() -> None:
    by = {"by": "me", "reason": "", "signal_id": ""}
    written = open_paths()
    written.add("path_cancelled", "main", final_step="F")
    written.add("execution_cancelled", **by)
    assert mismatches(written) == []
    hasty = open_paths()
    hasty.add("execution_cancelled", **by)
    assert mismatches(hasty) == [3]
    undecided = open_paths()
    undecided.add("path_cancelled", "main", final_step="F")
    undecided.add("execution_completed", outputs={})
    assert mismatches(undecided) == [4]
    misled = open_paths()
    misled.add("path_cancelled", "main", final_step="A")
    assert mismatches(misled) == [3]


def test_a_deadline_and_a_limit_end_an_execution_at_their_time() -> None:
    def ended(error_type: str, **more: Any) -> Written:
        written = open_paths()
        written.events[0].data["deadline"] = "2026-03-01T00:00:04.000000Z"  # type: ignore[index]
        written = rewritten(written)
        written.add("path_cancelled", "main", final_step="F")
        written.add("execution_failed", error="too long", error_type=error_type, caused_by=[], **more)
        return written

    assert mismatches(ended("DeadlineExceeded")) == []
    assert mismatches(ended("HistoryLimit")) == []
    assert mismatches(ended("OtherError")) == [4]
    late = ended("DeadlineExceeded")
    late.events[0].data["deadline"] = "2026-03-01T00:00:05.000000Z"  # type: ignore[index]
    assert mismatches(late) == [4]


def rewritten(written: Written) -> Written:
    """Folded anew after its first event was changed."""
    fresh = Written(*written.workflow.to_dict()["steps"])
    fresh.events[0] = written.events[0]
    fresh.states[-1] = History(fresh.events[0].execution_id, fresh.events[:1]).latest
    for event in written.events[1:]:
        fresh.add(event.event_type, event.path_id, event.step_name, **event.data)
    return fresh


async def test_what_was_carried_over_is_taken_as_given() -> None:
    run = await recorded(A, B)
    origin = {"execution_id": "exec_other", "sequence": 3, "timestamp": run.events[0].timestamp}
    carried = [event._replace(origin=origin) if event.step_name == "A" else event for event in run.events]
    history = History(carried[0].execution_id, carried)
    result = check_history(history, flow({**A, "parameters": {"value": 9}, "store": "z"}, B))
    assert result.ok
    assert result.checked == len(run.events) - 1 - 2
    lost = check_history(history, flow(A))  # the carried-over step led to one that this definition does not have
    assert [(m.recorded["step_name"], m.wanted) for m in lost.mismatches] == [("B", None)]


async def test_an_action_s_version_and_source_are_no_decision() -> None:
    run = await recorded(A)
    changed = [
        event._replace(data={**event.data, "action": {"name": "give", "version": "9", "source_hash": "v1:other"}})
        if event.event_type == "step_started"
        else event
        for event in run.events
    ]
    result = check_history(History(changed[0].execution_id, changed))
    assert [m.differences() for m in result.mismatches] != [[]], "the version is part of the hash of what is given"
    assert ActionRegistry([give]).reference("give") == run.events[2].data["action"]
    bare = [
        event._replace(data={**event.data, "action": {**event.data["action"], "source_hash": "v1:other"}})
        if event.event_type == "step_started"
        else event
        for event in run.events
    ]
    assert check_history(History(bare[0].execution_id, bare)).ok


async def test_what_cannot_be_checked() -> None:
    run = await recorded(A, B)
    execution_id = run.events[0].execution_id
    newer = [*run.events[:3], run.events[3]._replace(event_type="time_travelled"), *run.events[4:]]
    result = check_history(History(execution_id, newer))
    assert result == CheckResult([], 2, ["event 4 is of a newer version: from there on nothing was checked"])
    damaged = as_events(execution_id, [*run.events[:3], Unreadable(4, "it is missing"), *run.events[4:]])
    result = check_history(History(execution_id, damaged))
    assert result == CheckResult([], 2, ["only events 1 to 3 were checked: event 4 cannot be read: it is missing"])
    with pytest.raises(UncheckableError, match="no first event"):
        check_history(History(execution_id))
    foreign = run.events[0]._replace(data={**run.events[0].data, "dialect": "go-a"})
    with pytest.raises(UncheckableError, match="Go system"):
        check_history(History(execution_id, [foreign]))
    strange = run.events[0]._replace(data={**run.events[0].data, "workflow": {"name": "w", "steps": [{"name": 7}]}})
    with pytest.raises(UncheckableError, match="none that this version understands"):
        check_history(History(execution_id, [strange]))


def test_a_history_that_runs_on_is_checked_as_far_as_it_goes() -> None:
    written = Written({"name": "A", "action": "act", "next": ["B"]}, {"name": "B", "pass": True})
    written.add("path_started", "main", current_step="A")
    assert mismatches(written) == []
    written.add("signal_received", signal_id="s", ordinal=1, signal_type="x", data=None, sent_at="")
    assert mismatches(written) == []


async def test_a_mismatch_is_told_without_what_was_only_observed() -> None:
    run = await recorded(A, B)
    mismatch = first(run, flow({**A, "store": "z"}, B))
    assert mismatch.to_dict() == {
        "sequence": 4,
        "recorded": {
            "event_type": "step_completed",
            "path_id": "main",
            "step_name": "A",
            "data": {
                "visit": 1,
                "attempt": 1,
                "output": 2,
                "stored_variable": "a",
                "edges": [{"step": "B", "value": True}],
            },
        },
        "wanted": {
            "event_type": "step_completed",
            "path_id": "main",
            "step_name": "A",
            "data": {
                "visit": 1,
                "attempt": 1,
                "output": 2,
                "stored_variable": "z",
                "edges": [{"step": "B", "value": True}],
            },
        },
    }


def altered(run: WorkflowRun, change: Callable[[ExecutionEvent], ExecutionEvent]) -> History:
    events = [change(event) for event in run.events]
    return History(events[0].execution_id, events)


async def test_long_values_are_cut_in_sentences() -> None:
    run = await recorded(A)
    longer = altered(
        run, lambda e: e._replace(data={**e.data, "outputs": {"o": "x" * 200}}) if "outputs" in e.data else e
    )
    (mismatch,) = check_history(longer).mismatches
    assert len(mismatch.differences()[0]) < 200 and "…" in str(mismatch)


async def test_a_check_tells_how_far_it_is_and_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(determinism, "_PACE", 3)
    history = history_of(await recorded(A, B))
    seen: list[tuple[int, int]] = []
    assert check_history(history, progress=lambda *told: seen.append(told)).ok
    assert seen == [(3, 8), (6, 8)]

    def stop(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        check_history(history, progress=stop)


async def test_what_was_too_large_still_is() -> None:
    config = PersistenceConfig(max_payload=2_000, warn_payload=1_000)
    given, large = {"big": "x" * 1_900}, "${inputs.big + inputs.big}"
    inputs = [{"name": "big"}]
    run = await run_workflow(
        flow({**A, "parameters": {"value": large}}, inputs=inputs), given, actions=[give], config=config
    )
    assert run.events[2].data["error_type"] == "PayloadTooLarge"
    assert check(run).ok
    outputs = [{"name": "o", "value": large}]
    run = await run_workflow(flow(A, inputs=inputs, outputs=outputs), given, actions=[give], config=config)
    assert run.events[-1].data["error_type"] == "PayloadTooLarge"
    assert check(run).ok


def refused(error_type: str) -> Written:
    written = Written()
    written.add("path_started", "main", current_step="A")
    failure = {"visit": 1, "attempt": 1, "error": "no", "error_type": error_type, "outcome": "known", "final": True}
    written.add("step_failed", "main", "A", **failure, phase="parameters", duration_ms=0.0)
    return written


def test_an_action_that_was_not_there() -> None:
    assert mismatches(refused("UnknownAction")) == []
    assert mismatches(refused("ExpressionError")) == [3]


@pytest.mark.parametrize(("limit", "goes_on", "fits"), [(42, True, True), (40.5, True, True), (39, True, False)])
def test_an_attempt_ends_a_moment_before_that_is_recorded(limit: float, goes_on: bool, fits: bool) -> None:
    step = {"name": "A", "action": "act", "retry": {"initial_delay": 40, "max_attempts": 3}, "timeout_total": limit}
    written = Written(step)
    written.add("path_started", "main", current_step="A")
    started = {"step_type": "action", "visit": 1, "attempt": 1, "step_params": {}, "action": {"name": "act"}}
    key = {"inputs_hash": canonical_hash(["act", None, {}]), "effect_key": "exec_written/main/A/1#1"}
    written.add("step_started", "main", "A", **started, **key)
    failure = {"visit": 1, "attempt": 1, "error": "no", "error_type": "Oops", "outcome": "known", "phase": "run"}
    written.add("step_failed", "main", "A", **failure, duration_ms=0.0, retry=goes_on)
    assert mismatches(written) == ([] if fits else [4])
