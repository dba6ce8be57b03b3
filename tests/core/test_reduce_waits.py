"""`reduce` of waits, retries, joins and messages: the state after them, and what cannot have happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.core.reduce import HistoryError
from engine.model.state import AttemptStatus, Phase, open_waits, wake_at
from tests.core.written import Written, edge

A = {"name": "A", "action": "act", "retry": {}}
WAIT = {"name": "A", "wait_signal": "go"}
JOIN = (
    {"name": "A", "pass": True, "next": [{"step": "B", "path": "left"}, {"step": "J", "path": "right"}]},
    {"name": "B", "action": "act", "next": ["J"]},
    {"name": "J", "join": ["left"]},
)
FAILED = {
    "visit": 1,
    "attempt": 1,
    "phase": "run",
    "error": "no",
    "error_type": "Trouble",
    "outcome": "known",
    "retry": True,
}
LATER = "2026-03-01T01:00:00.000000Z"


def begun(*steps: dict[str, Any]) -> Written:
    history = Written(*steps)
    history.path()
    return history


def running(*steps: dict[str, Any]) -> Written:
    history = begun(*steps)
    history.started("A")
    return history


def failed(**more: Any) -> Written:
    history = running(A)
    history.add("step_failed", "main", "A", **FAILED, **more)
    return history


def scheduled() -> Written:
    history = failed()
    retry = {"visit": 1, "attempt": 2, "policy": 1, "delay_ms": 1, "due_at": LATER}
    history.add("step_retry_scheduled", "main", "A", **retry)
    return history


def waiting(**more: Any) -> Written:
    history = running(WAIT)
    history.add("step_waiting", "main", "A", **{"visit": 1, "for": "signal", "topic": "go", **more})
    return history


def message(history: Written, topic: str, ordinal: int = 1, data: Any = None) -> None:
    sent = "2026-03-01T00:00:00.000000Z"
    history.add(
        "signal_received",
        signal_id=f"s{ordinal}",
        ordinal=ordinal,
        signal_type=topic,
        data=data,
        sent_at=sent,
        sender="ann",
    )


def forked() -> Written:
    history = begun(*JOIN)
    history.started("A")
    history.completed("A", edges=[edge("B", path="left"), edge("J", path="right")])
    new = [{"id": "left", "current_step": "B", "edge": 0}, {"id": "right", "current_step": "J", "edge": 1}]
    history.add("path_branched", "main", "A", new_paths=new)
    history.add("path_completed", "main", final_step="A", reason="fork")
    history.path("left", "B")
    history.path("right", "J")
    return history


# Retries


def test_a_failure_that_is_retried_keeps_the_unit_open_and_remembers_the_error() -> None:
    history = failed(details={"code": 5})
    path = history.state.paths["main"]
    assert path.phase is Phase.RUNNING
    assert path.unit is not None
    assert (path.unit.status, path.unit.known) == (AttemptStatus.FAILED, True)
    assert path.unit.error == {"type": "Trouble", "message": "no", "attempt": 1, "data": {"code": 5}}
    assert (history.state.status, history.state.failed_steps) == ("running", ())


def test_a_scheduled_retry_is_a_wait_that_counts_for_its_policy() -> None:
    history = scheduled()
    unit = history.state.paths["main"].unit
    assert unit is not None
    assert (unit.status, unit.due_at, unit.policies) == (AttemptStatus.RETRYING, LATER, (0, 1))
    assert (history.state.status, wake_at(history.state)) == ("waiting", LATER)


def test_the_next_attempt_keeps_what_its_policies_have_to_remember() -> None:
    history = scheduled()
    about = {"step_type": "action", "visit": 1, "attempt": 2, "step_params": {}, "inputs_hash": "v1:y"}
    history.add("step_started", "main", "A", **about, effect_key="k#2")
    unit = history.state.paths["main"].unit
    assert unit is not None
    assert (unit.number, unit.status, unit.effect_key, unit.policies) == (2, AttemptStatus.RUNNING, "k#2", (0, 1))
    assert (unit.started_at, unit.due_at, unit.known) == (history.events[2].timestamp, None, False)


# Waits


def test_a_wait_is_known_with_what_it_waits_for() -> None:
    history = waiting(due_at=LATER)
    (wait,) = open_waits(history.state)
    assert (wait.kind, wait.topic, wait.due_at, wait.since) == ("signal", "go", LATER, 4)
    assert (history.state.status, wake_at(history.state)) == ("waiting", LATER)


def test_signals_wait_in_the_state_until_they_are_taken() -> None:
    history = waiting()
    message(history, "go", 1, "first")
    message(history, "go", 2, "second")
    state = history.state
    assert [(signal["data"], signal["sequence"]) for signal in state.signals] == [("first", 5), ("second", 6)]
    assert state.inbox == 2
    state = history.completed("A", "first", signal=5)
    assert [signal["data"] for signal in state.signals] == ["second"]


# Messages


@pytest.mark.parametrize("kind", ["pause", "resume", "cancel"])
def test_what_is_asked_for_waits_until_it_is_carried_out(kind: str) -> None:
    history = waiting()
    message(history, f"${kind}", 1, {"reason": "lunch"})
    asked = {"kind": kind, "by": "ann", "reason": "lunch", "signal_id": "s1", "sequence": 5}
    assert history.state.controls == (asked,)
    assert (history.state.signals, history.state.inbox) == ((), 1)


def test_a_pause_and_what_ends_it() -> None:
    history = waiting()
    message(history, "$pause")
    state = history.add("execution_paused", by="ann", reason="", signal_id="s1")
    assert (state.status, state.paused, state.controls) == ("paused", True, ())
    message(history, "$resume", 2)
    state = history.add("execution_resumed", by="ann", reason="", signal_id="s2")
    assert (state.status, state.paused, state.controls) == ("waiting", False, ())


def test_while_paused_only_the_deadline_wakes() -> None:
    history = waiting(due_at=LATER)
    history.add("execution_paused", by="ann", reason="")
    assert wake_at(history.state) is None


@pytest.mark.parametrize("make", [scheduled, lambda: waiting(**{"for": "sleep", "topic": "", "due_at": LATER})])
def test_waking_makes_sleeps_and_delays_due_now(make: Callable[[], Written]) -> None:
    history = make()
    message(history, "$wake")
    assert wake_at(history.state) == history.events[-1].timestamp


def test_waking_moves_no_other_wait() -> None:
    history = waiting(due_at=LATER)
    message(history, "$wake")
    assert wake_at(history.state) == LATER


# Recovery


def test_what_a_recovery_names_is_interrupted() -> None:
    history = running()
    unit = {"path": "main", "step": "A", "visit": 1, "effect_key": "k"}
    state = history.add("execution_recovered", by="w", reason="", interrupted=[unit], count=1)
    interrupted = state.paths["main"].unit
    assert interrupted is not None
    assert (interrupted.status, state.recoveries, state.status) == (AttemptStatus.INTERRUPTED, 1, "running")


# Joins


def test_a_path_that_completes_at_a_join_opens_it() -> None:
    history = forked()
    fork = history.state.forks[5]
    assert {name: (member.name, member.status, member.open) for name, member in fork.members.items()} == {
        "left": ("left", "running", 1),
        "right": ("right", "running", 1),
    }
    history.started("B", path="left")
    history.completed("B", 7, path="left", edges=[edge("J")], stored_variable="x")
    state = history.add("path_completed", "left", final_step="J", reason="join", fork=5, opens=True, due_at=LATER)
    assert {key: (join.step, join.fork, join.path, join.due_at) for key, join in state.joins.items()} == {
        "5:J": ("J", 5, None, LATER)
    }
    member = state.forks[5].members["left"]
    assert (member.status, member.variables) == ("completed", {"x": 7})


def test_a_join_without_a_waiting_path_makes_one() -> None:
    history = forked()
    history.started("B", path="left")
    history.completed("B", path="left", edges=[edge("J")])
    history.add("path_completed", "left", final_step="J", reason="join", fork=5, opens=True)
    arrived = [{"path": "left", "status": "completed"}]
    state = history.add("path_joined", "main~2", "J", fork=5, arrived=arrived, variables={"v": 1}, path="main~2")
    path = state.paths["main~2"]
    assert (path.phase, path.current_step, path.parent, path.fork) == (Phase.NEW, "J", "main", None)
    assert (path.variables, path.joined) == ({"v": 1}, {"arrived": arrived})
    assert (state.joins, state.path_ids["main"]) == ({}, 2)


# What cannot have happened

REFUSED: dict[str, tuple[Callable[[], Written], Callable[[Written], Any], str]] = {
    "a wait of a step that has not started": (
        lambda: begun(WAIT),
        lambda w: w.add("step_waiting", "main", "A", **{"visit": 1, "for": "signal", "topic": "go"}),
        "'A' is not running",
    ),
    "a second wait": (
        waiting,
        lambda w: w.add("step_waiting", "main", "A", **{"visit": 1, "for": "signal", "topic": "go"}),
        "'A' is not running",
    ),
    "a retry of what has not failed": (
        lambda: running(A),
        lambda w: w.add("step_retry_scheduled", "main", "A", visit=1, attempt=2, policy=0, delay_ms=1, due_at=LATER),
        "attempt 1 of 'A' has not failed",
    ),
    "a retry twice": (
        scheduled,
        lambda w: w.add("step_retry_scheduled", "main", "A", visit=1, attempt=2, policy=0, delay_ms=1, due_at=LATER),
        "attempt 1 of 'A' has not failed",
    ),
    "an attempt before its delay is recorded": (failed, lambda w: w.started("A"), "attempt 1 of 'A' has not failed"),
    "a failure nothing ran for": (
        lambda: begun(A),
        lambda w: w.add("step_failed", "main", "A", **FAILED),
        "'A' is not running",
    ),
    "a join nobody waits at": (
        forked,
        lambda w: w.add("path_joined", "right", "J", fork=5, arrived=[], variables={}, path="right"),
        "nobody waits at join 'J' of fork 5",
    ),
    "an arrival of a path that runs": (
        lambda: running(A),
        lambda w: w.add("path_completed", "main", final_step="A", reason="join", fork=1),
        "not at its end",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_have_happened_is_refused_and_changes_nothing(name: str) -> None:
    make, offend, message = REFUSED[name]
    history = make()
    before = history.state
    with pytest.raises(HistoryError, match=message):
        offend(history)
    assert history.state is before
