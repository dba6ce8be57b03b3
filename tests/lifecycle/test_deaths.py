"""Single cases that generated workflows seldom hit, deaths of a process above all: the history each must leave."""

from __future__ import annotations

from typing import Any

from engine.core.settle import Surroundings
from tests.lifecycle.driven import Ran, drive
from tests.lifecycle.generated import LIMITS, REGISTRY
from tests.lifecycle.reference import Reference
from tests.lifecycle.soundness import assert_effects, assert_sound

AROUND = Surroundings(REGISTRY.reference, LIMITS.max_payload)


def workflow(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    declared = [{"name": "k", "type": "integer"}, {"name": "items", "type": "array"}]
    return {"name": "deaths", "inputs": declared, "steps": list(steps), **fields}


def give(name: str, value: Any, **fields: Any) -> dict[str, Any]:
    return {"name": name, "action": "give", "parameters": {"value": value, "turns": 3}, **fields}


def driven(definition: dict[str, Any], **options: Any) -> Ran:
    ran = drive(definition, **options)
    for events in ran.histories.values():
        assert_sound(events, AROUND, LIMITS.max_events)
        Reference(ran.histories).follow(events)
    assert_effects(ran.histories, ran.calls)
    return ran


def kinds(ran: Ran) -> list[str]:
    return [event.event_type for event in ran.events]


def test_a_unit_in_flight_while_paused_is_interrupted_like_any_other() -> None:
    slow = {"name": "A", "action": "give", "parameters": {"value": 1, "turns": 40}}
    ran = driven(workflow(slow, give("B", 2)), messages=[(1, "pause", "")], crashes=[(2, True)])
    assert kinds(ran)[3:9] == [
        "signal_received", "execution_paused", "execution_recovered", "step_failed", "signal_received",
        "execution_resumed",
    ]  # fmt: skip
    assert ran.result.ok
    assert [attempt for key, attempt in ran.calls if "/A/" in key] == [1, 2]


def test_all_that_died_is_recorded_as_interrupted_before_any_of_it_fails_for_good() -> None:
    steps = (
        {"name": "F", "pass": True, "next": [{"step": "A", "path": "a"}, {"step": "B", "path": "b"}]},
        {"name": "A", "action": "give", "parameters": {"value": 1, "turns": 40}, "end": True},
        {"name": "B", "action": "give", "parameters": {"value": 2, "turns": 40}, "end": True},
    )
    ran = driven(workflow(*steps), crashes=[(1, True)] * 4)
    assert ran.lives == 5
    assert (ran.result.error or {})["type"] == "Interrupted"
    assert kinds(ran)[-5:] == ["step_failed", "step_failed", "path_failed", "path_failed", "execution_failed"]
    assert ran.calls == []


def test_a_failing_execution_goes_on_failing_after_a_death() -> None:
    steps = (
        {"name": "F", "pass": True, "next": [{"step": "Bad", "path": "bad"}, {"step": "Long", "path": "long"}]},
        {"name": "Bad", "action": "halve", "parameters": {"value": 1}, "end": True},
        give("Long", 1, next=["More"]),
        give("More", 2, end=True),
    )
    for on_failure, more in (("finish", 1), ("drain", 0)):
        for commit in range(2, 5):
            ran = driven(workflow(*steps, on_failure=on_failure), crashes=[(commit, True)])
            assert (ran.result.status, (ran.result.error or {})["type"]) == ("failed", "BrokenError")
            completed = [event for event in ran.events if event.event_type == "step_completed"]
            assert len([event for event in completed if event.step_name == "More"]) == more


def test_the_delay_before_an_attempt_is_not_begun_anew() -> None:
    flaky = {
        "name": "A", "action": "flaky", "parameters": {"value": 1, "failures": 1},
        "retry": {"initial_delay": "1h"}, "store": "a",
    }  # fmt: skip
    outputs = [{"name": "a", "value": "${state.a}"}]
    ran = driven(workflow(flaky, outputs=outputs), crashes=[(2, True)])
    assert ran.result.outputs == {"a": 1}
    assert kinds(ran).count("step_retry_scheduled") == 1
    assert ran.events[-1].timestamp == "2026-03-01T10:14:02.000000Z"


def test_items_that_have_ended_do_not_run_again() -> None:
    each = {"items": [2, 4, 6, 8], "concurrency": 2}
    step = {"name": "E", "action": "halve", "each": each, "parameters": {"value": "${item}"}, "store": "e"}
    outputs = [{"name": "e", "value": "${state.e}"}]
    for commit in range(1, 6):
        for stored in (True, False):
            ran = driven(workflow(step, outputs=outputs), crashes=[(commit, stored)])
            assert ran.result.outputs == {"e": [1.0, 2.0, 3.0, 4.0]}
            assert len({key for key, _ in ran.calls}) == 4


def test_a_message_whose_receipt_was_not_stored_is_received_by_the_next_process() -> None:
    steps = (give("A", 1), {"name": "W", "wait_signal": "ok", "store": "w"})
    outputs = [{"name": "w", "value": "${state.w.topic}"}]
    for commit in range(2, 5):
        ran = driven(workflow(*steps, outputs=outputs), messages=[(1, "signal", "ok")], crashes=[(commit, False)])
        assert ran.result.outputs == {"w": "ok"}
        received = [event for event in ran.events if event.event_type == "signal_received"]
        assert [event.data["ordinal"] for event in received][:1] == [1]


def test_a_signal_goes_to_who_waits_longest_and_the_oldest_goes_first() -> None:
    steps = (
        {"name": "F", "pass": True, "next": [{"step": "A", "path": "a"}, {"step": "N", "path": "b"}]},
        {"name": "A", "wait_signal": "ok", "store": "a", "end": True},
        {"name": "N", "sleep": 1},
        {"name": "B", "wait_signal": "ok", "store": "b", "end": True},
    )
    ran = driven(workflow(*steps))
    taken = [event.path_id for event in ran.events if "signal" in event.data and event.event_type == "step_completed"]
    assert taken == ["a", "b"]


def test_who_comes_too_often_to_a_step_fails_whatever_catches_errors() -> None:
    again = {"name": "A", "action": "halve", "parameters": {"value": 1}, "catch": {"step": "A"}, "end": True}
    ran = driven(workflow(again, max_visits=3))
    assert (ran.result.error or {})["type"] == "MaxVisitsExceeded"
    assert len(ran.calls) == 3


def test_a_child_that_took_too_long_is_cancelled_though_its_parent_runs_something_else() -> None:
    steps = (
        {"name": "C", "workflow": "slow", "timeout": "1m", "on_timeout": "T", "end": True},
        give("T", 1, store="t"),
    )
    ran = driven(workflow(*steps, outputs=[{"name": "t", "value": "${state.t}"}]))
    assert ran.result.outputs == {"t": 1}
    child = next(events for name, events in ran.histories.items() if name != ran.result.id)
    assert child[-1].event_type == "execution_cancelled"


def test_a_deadline_ends_everything_even_while_paused() -> None:
    steps = (
        {"name": "F", "pass": True, "next": [{"step": "A", "path": "a"}, {"step": "B", "path": "b"}]},
        {"name": "A", "sleep": "3h", "end": True},
        {"name": "B", "wait_signal": "never", "end": True},
    )
    for sent in ([], [(1, "pause", "")]):
        for dying in ([], [(2, True)]):
            ran = driven(workflow(*steps, deadline="1h"), messages=sent, crashes=dying)
            assert (ran.result.error or {})["type"] == "DeadlineExceeded"
            assert kinds(ran)[-3:] == ["path_cancelled", "path_cancelled", "execution_failed"]
            assert ran.events[-1].timestamp == "2026-03-01T10:14:02.000000Z"


def test_paths_that_wait_for_each_other_are_told_so() -> None:
    steps = (
        {"name": "F", "pass": True, "next": [{"step": "X", "path": "x"}, {"step": "Y", "path": "y"}]},
        {"name": "X", "join": ["y"], "end": True},
        {"name": "Y", "join": ["x"], "end": True},
    )
    ran = driven(workflow(*steps))
    error = ran.result.error or {}
    assert error["type"] == "Deadlock"
    assert "path 'x' waits at 'X' for 'y'" in error["message"]


def test_who_comes_late_to_a_join_that_has_gone_on_just_completes() -> None:
    steps = (
        {"name": "F", "pass": True, "next": [{"step": "J", "path": "early"}, {"step": "Nap", "path": "late"}]},
        {"name": "Nap", "sleep": "1m"},
        {"name": "J", "join": ["early"]},
        give("After", 1, end=True),
    )
    ran = driven(workflow(*steps))
    assert kinds(ran).count("path_joined") == 1
    ends = [(e.path_id, e.data["reason"]) for e in ran.events if e.event_type == "path_completed"]
    assert ends == [("main", "fork"), ("early", "join"), ("main~2", "end"), ("late", "join")]


def test_a_join_cancels_the_paths_it_did_not_need_and_what_forked_from_them() -> None:
    steps = (
        {"name": "F", "pass": True, "next": [{"step": "J", "path": "fast"}, {"step": "G", "path": "slow"}]},
        {"name": "G", "pass": True, "next": [{"step": "Nap", "path": "one"}, {"step": "Nap", "path": "two"}]},
        {"name": "Nap", "sleep": "1h", "next": ["J"]},
        {"name": "J", "join": ["fast", "slow"], "count": 1, "rest": "cancel"},
    )
    ran = driven(workflow(*steps))
    assert ran.result.ok
    cancelled = [event.path_id for event in ran.events if event.event_type == "path_cancelled"]
    assert cancelled in (["slow"], ["one", "two"])
    assert ran.events[-1].timestamp == "2026-03-01T09:14:02.000000Z"


def test_an_item_that_is_tried_again_holds_nobody_up_and_the_way_on_sees_the_items_in_order() -> None:
    step = {
        "name": "E", "action": "flaky", "each": {"items": [1, 2, 3, 4], "concurrency": 2}, "store": "e",
        "parameters": {"value": "${item}", "failures": "${1 if item == 1 else 0}"}, "retry": {"initial_delay": "10s"},
        "next": [{"step": "Right", "condition": "state.e[0] == 1"}, {"step": "Wrong", "condition": "state.e[0] != 1"}],
    }  # fmt: skip
    outputs = [{"name": "e", "value": "${state.e}"}]
    for dying in ([], [(2, True)], [(3, True)], [(4, False)]):
        ran = driven(workflow(step, give("Right", 1, end=True), give("Wrong", 2), outputs=outputs), crashes=dying)
        assert ran.result.outputs == {"e": [1, 2, 3, 4]}
        assert ran.events[-2].data["final_step"] == "Right"


def test_waking_ends_sleeps_and_delays_at_once() -> None:
    steps = (
        {"name": "A", "sleep": "1h"},
        {"name": "B", "action": "flaky", "parameters": {"value": 1, "failures": 1}, "retry": {"initial_delay": "1h"}},
    )
    both = driven(workflow(*steps), messages=[(1, "wake", ""), (3, "wake", "")])
    assert both.result.ok
    assert both.events[-1].timestamp == "2026-03-01T09:14:02.000000Z"


def test_an_error_that_its_policy_excludes_is_not_tried_again() -> None:
    for excluded, times in (("BrokenError", 1), ("FlakyError", 3)):
        retry = {"max_attempts": 3, "initial_delay": 1, "non_retryable_errors": excluded}
        ran = driven(workflow({"name": "A", "action": "halve", "parameters": {"value": 1}, "retry": retry}))
        assert len(ran.calls) == times
