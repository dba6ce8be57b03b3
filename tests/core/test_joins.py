"""Joins: whom they wait for, when they go on, what they hand over, and that they never hang."""

from __future__ import annotations

import pytest

from engine.testing import Crash, stub
from tests.core.rules import (
    END,
    Step,
    error_of,
    flow,
    fork,
    join,
    lines,
    naps,
    output,
    run_workflow,
    sets,
    showing,
    times,
)

# Who arrives, who waits, who goes on


async def test_named_paths_complete_at_the_join_and_a_new_path_goes_on() -> None:
    workflow = flow(fork("left:L", "right:R"), naps("L", "1s", "J"), naps("R", "2s", "J"), join("left", "right"), END)
    run = await run_workflow(workflow)
    assert run.told[-12:] == [
        "left:L step_completed",
        "left path_completed",
        "right:R step_completed",
        "right path_completed",
        "main~2:J path_joined",
        "main~2 path_started",
        "main~2:J step_started",
        "main~2:J step_completed",
        "main~2:End step_started",
        "main~2:End step_completed",
        "main~2 path_completed",
        "execution_completed",
    ]
    (joined,) = run.of("path_joined")
    (branched,) = [event.sequence for event in run.events if event.event_type == "path_branched"]
    assert joined == {
        "fork": branched,
        "arrived": [{"path": "left", "status": "completed"}, {"path": "right", "status": "completed"}],
        "variables": {"left": {}, "right": {}},
        "path": "main~2",
    }
    assert [data["reason"] for data in run.of("path_completed")] == ["fork", "join", "join", "end"]


async def test_a_path_that_is_not_named_waits_and_is_the_one_that_goes_on() -> None:
    workflow = showing(
        "state",
        fork("left:L", "waiter:W"),
        naps("L", "1s", "J"),
        sets("W", "mine", "5", "J"),
        join("left"),
        END,
    )
    run = await run_workflow(workflow)
    assert lines(run, "step_waiting") == ["left:L step_waiting", "waiter:J step_waiting"]
    assert run.told[-3:] == ["waiter:End step_completed", "waiter path_completed", "execution_completed"]
    assert run.of("step_waiting", "J")[0]["join"]["paths"] == ["left"]
    assert output(run) == {"mine": 5, "left": {}}


async def test_a_second_path_that_is_not_named_completes_there() -> None:
    workflow = flow(
        fork("left:L", "one:J", "two:J"),
        naps("L", "1s", "J"),
        join("left"),
        END,
    )
    run = await run_workflow(workflow)
    assert lines(run, "path_completed") == [
        "main path_completed",
        "two path_completed",
        "left path_completed",
        "one path_completed",
    ]
    assert run.ok


async def test_without_names_it_waits_for_all_paths_of_the_fork() -> None:
    workflow = flow(fork("a:A", "b:B", "c:C"), naps("A", "3s", "J"), naps("B", "1s", "J"), naps("C", "2s"), join(), END)
    run = await run_workflow(workflow)
    assert run.seconds == 3
    assert [arrival["path"] for arrival in run.of("path_joined")[0]["arrived"]] == ["a", "b", "c"]


NESTED = (
    fork("a:Inner", "b:B"),
    fork("x:X", "y:Y", name="Inner"),
    naps("X", "1s", "Both"),
    naps("Y", "2s", "Both"),
    join("x", "y", name="Both", then="After"),
    naps("After", "5s", "J"),
    naps("B", "1s", "J"),
    join("a", "b"),
    END,
)


async def test_a_join_belongs_to_the_innermost_fork_that_could_start_its_paths() -> None:
    run = await run_workflow(flow(*NESTED))
    assert run.ok
    inner, outer = run.of("path_joined")
    assert [arrival["path"] for arrival in inner["arrived"]] == ["x", "y"]
    assert [arrival["path"] for arrival in outer["arrived"]] == ["a", "b"]
    branched = [event.sequence for event in run.events if event.event_type == "path_branched"]
    assert [outer["fork"], inner["fork"]] == branched


async def test_a_path_is_present_only_when_all_that_forked_from_it_have_completed() -> None:
    """`a` itself ended at its fork; the path after the inner join counts for it, and takes five seconds more."""
    run = await run_workflow(flow(*NESTED))
    assert run.seconds == 7
    assert run.told.index("main~2:J path_joined") > run.told.index("a~2:After step_completed")


async def test_a_path_inside_an_inner_fork_may_reach_the_outer_join() -> None:
    workflow = flow(
        fork("a:Inner", "b:B"),
        fork("x:J", "y:Y", name="Inner"),
        naps("Y", "2s"),
        naps("B", "1s", "J"),
        join("a", "b"),
        END,
    )
    run = await run_workflow(workflow)
    assert (run.ok, run.seconds) == (True, 2)
    assert run.of("path_joined")[0]["arrived"] == [
        {"path": "a", "status": "completed"},
        {"path": "b", "status": "completed"},
    ]


async def test_a_join_in_a_loop_joins_each_round_anew() -> None:
    workflow = showing(
        "state.n",
        sets("Begin", "n", "get(state.n, 0) + 1", "Fork"),
        fork("left:L", "right:R"),
        naps("L", "1s", "J"),
        naps("R", "2s", "J"),
        {
            "name": "J",
            "join": ["left", "right"],
            "next": [{"step": "Begin", "condition": "state.n < 3"}, {"step": "End", "condition": "state.n >= 3"}],
        },
        END,
    )
    run = await run_workflow(workflow)
    assert (output(run), run.seconds) == (3, 6)
    assert [arrival["path"] for data in run.of("path_joined") for arrival in data["arrived"]] == [
        "left", "right", "left~2", "right~2", "left~3", "right~3",
    ]  # fmt: skip


# When it goes on


async def test_a_path_that_was_not_started_is_not_waited_for() -> None:
    begin = fork("left:L", "right:R")
    begin["next"][0]["condition"] = "False"
    run = await run_workflow(flow(begin, naps("L", "9s", "J"), naps("R", "2s", "J"), join("left", "right"), END))
    assert (run.ok, run.seconds) == (True, 2)


async def test_when_none_was_started_it_goes_on_at_once() -> None:
    begin = fork("left:L", "right:R")
    begin["next"][0]["condition"] = "False"
    run = await run_workflow(flow(begin, naps("L", "9s", "J"), naps("R", "2s", "J"), join("left"), END))
    assert (run.ok, run.seconds) == (True, 2)
    assert run.of("path_joined")[0]["arrived"] == []
    assert run.told[-2] == "right path_completed"


async def test_a_join_no_fork_leads_to_goes_on_at_once() -> None:
    """Nothing forked: the edge that would have started the path was never taken."""
    steps = [
        {"name": "A", "pass": True, "edge_matching": "first", "next": [
            {"step": "J", "condition": "True"}, {"step": "L", "path": "left"}]},
        naps("L", "1s", "J"), join("left"), END,
    ]  # fmt: skip
    run = await run_workflow(flow(*steps))
    assert (run.ok, run.seconds, run.of("step_waiting")) == (True, 0, [])


THREE = (fork("a:A", "b:B", "c:C"), naps("A", "1s", "J"), naps("B", "2s", "J"), naps("C", "3s", "J"))


async def test_count_paths_are_enough_and_late_ones_just_complete() -> None:
    run = await run_workflow(flow(*THREE, join("a", "b", "c", count=2), END))
    assert run.ok
    assert [arrival["status"] for arrival in run.of("path_joined")[0]["arrived"]] == [
        "completed",
        "completed",
        "running",
    ]
    assert run.told[-4:] == [
        "main~2 path_completed",
        "c:C step_completed",
        "c path_completed",
        "execution_completed",
    ]
    assert run.seconds == 3


async def test_a_path_that_is_not_named_and_comes_late_just_completes() -> None:
    run = await run_workflow(flow(fork("a:A", "slow:S"), naps("A", "1s", "J"), naps("S", "5s", "J"), join("a"), END))
    assert (run.ok, run.seconds) == (True, 5)
    assert run.told[-3:] == ["slow:S step_completed", "slow path_completed", "execution_completed"]
    assert len(run.of("step_completed", "End")) == 1


async def test_rest_cancel_ends_the_paths_it_did_not_need() -> None:
    run = await run_workflow(flow(*THREE, join("a", "b", "c", count=1, rest="cancel"), END))
    assert (run.ok, run.seconds) == (True, 1)
    joined = next(event for event in run.events if event.event_type == "path_joined")
    assert joined.data["cancelled"] == ["b", "c"]
    assert [(data["caused_by"], data["unit"]["step"]) for data in run.of("path_cancelled")] == [
        (joined.sequence, "B"),
        (joined.sequence, "C"),
    ]


async def test_rest_cancel_reaches_what_forked_from_them() -> None:
    workflow = flow(
        fork("a:A", "b:Inner"),
        naps("A", "1s", "J"),
        fork("x:X", "y:Y", name="Inner"),
        naps("X", "1h"),
        naps("Y", "1h"),
        join("a", "b", count=1, rest="cancel"),
        END,
    )
    run = await run_workflow(workflow)
    assert (run.ok, run.seconds) == (True, 1)
    assert lines(run, "path_cancelled") == ["x path_cancelled", "y path_cancelled"]


async def test_rest_cancel_does_not_end_the_path_that_waited() -> None:
    workflow = flow(
        fork("a:A", "b:B", "waiter:J"),
        naps("A", "1s", "J"),
        naps("B", "1h", "J"),
        join("a", "b", count=1, rest="cancel"),
        END,
    )
    run = await run_workflow(workflow)
    assert run.ok
    assert lines(run, "path_cancelled") == ["b path_cancelled"]
    assert run.told[-2] == "waiter path_completed"


# When it cannot


@pytest.mark.parametrize("caught", [False, True])
async def test_a_join_that_can_never_be_satisfied_fails_at_once(caught: bool) -> None:
    handling: Step = {"catch": {"errors": "JoinUnsatisfied", "step": "Handle"}} if caught else {}
    workflow = flow(
        fork("bad:Bad", "slow:Slow", "good:Good"),
        {"name": "Bad", "action": "fail", "next": ["J"]},
        naps("Slow", "1h", "J"),
        naps("Good", "1s", "J"),
        join("bad", "slow", "good", **handling),
        {"name": "End", "pass": True, "next": ["Handle"]},
        {"name": "Handle", "pass": True},
        on_failure="finish",
    )
    run = await run_workflow(workflow, actions=[stub("fail", ValueError("no"))])
    (joined,) = run.of("path_joined")
    assert joined["error_type"] == "JoinUnsatisfied"
    assert joined["error"] == "1 of the 3 paths it needs completed: path 'bad' failed"
    assert times(run, "path_joined") == ["09:14:03"]  # not after the hour that `slow` still takes
    assert ("main~2:Handle step_completed" in run.told) == caught
    assert error_of(run) == ("ValueError", "no")


async def test_more_than_were_started_can_never_be() -> None:
    begin = fork("left:L", "right:R")
    begin["next"][0]["condition"] = "False"
    workflow = flow(begin, naps("L", "1s", "J"), naps("R", "1s", "J"), join("left", "right", count=2), END)
    assert error_of(await run_workflow(workflow)) == (
        "JoinUnsatisfied",
        "1 of the 2 paths it needs completed: too few were started",
    )


async def test_a_cancelled_path_is_absent() -> None:
    """The inner join takes `a` and cancels `b`; the outer one, in vain, wants both."""
    workflow = flow(
        fork("a:A", "b:B", "one:One", "two:Two"),
        naps("A", "1s"),
        naps("B", "1h"),
        {"name": "One", "join": ["a", "b"], "count": 1, "rest": "cancel", "end": True},
        {"name": "Two", "join": ["a", "b"], "end": True},
    )
    run = await run_workflow(workflow)
    assert error_of(run) == ("JoinUnsatisfied", "1 of the 2 paths it needs completed: path 'b' cancelled")
    assert run.seconds == 1


@pytest.mark.parametrize(
    ("more", "status", "end"),
    [({}, "failed", "main~2:J step_failed"), ({"on_timeout": "Late"}, "completed", "main~2:Late step_completed")],
)
async def test_a_join_waits_only_so_long(more: Step, status: str, end: str) -> None:
    """From the first path that reached it on."""
    workflow = flow(
        fork("a:A", "b:B"),
        naps("A", "1s", "J"),
        naps("B", "1m", "J"),
        join("a", "b", timeout="10s", rest="cancel", **more),
        {"name": "End", "pass": True, "next": ["Late"]},
        {"name": "Late", "pass": True},
    )
    run = await run_workflow(workflow)
    assert (run.status, run.seconds) == (status, 11)
    assert run.of("path_joined")[0]["error"] == "waited 10s for path 'b'"
    assert run.of("step_failed", "J")[0]["error_type"] == "Timeout"
    assert end in run.told


async def test_the_time_of_a_join_runs_out_for_a_path_that_waits_too() -> None:
    workflow = flow(fork("a:A", "waiter:J"), naps("A", "1m", "J"), join("a", timeout="10s"), END)
    run = await run_workflow(workflow)
    assert error_of(run) == ("Timeout", "waited 10s for path 'a'")
    assert run.seconds == 10


async def test_its_time_runs_from_the_first_path_that_reached_it() -> None:
    steps = [fork("a:A", "b:B", "waiter:W"), naps("A", "1s", "J"), naps("B", "1m", "J"), naps("W", "5s", "J")]
    run = await run_workflow(flow(*steps, join("a", "b", timeout="10s"), END))
    assert error_of(run)[0] == "Timeout"
    assert run.seconds == 11
    assert (
        run.of("step_waiting", "J")[0]["due_at"]
        == run.of("path_completed")[1]["due_at"]
        == "2026-03-01T09:14:13.000000Z"
    )


async def test_what_waits_for_each_other_is_a_deadlock_that_says_so() -> None:
    workflow = flow(
        fork("x:First", "y:Second"),
        {"name": "First", "join": "y", "end": True},
        {"name": "Second", "join": "x", "end": True},
    )
    error_type, message = error_of(await run_workflow(workflow))
    assert error_type == "Deadlock"
    assert message == "nothing can go on: path 'x' waits at 'First' for 'y'; path 'y' waits at 'Second' for 'x'"


async def test_a_deadlock_can_be_caught() -> None:
    workflow = flow(
        fork("x:First", "y:Second"),
        {"name": "First", "join": "y", "end": True, "catch": {"errors": "Deadlock", "step": "Out"}},
        {"name": "Second", "join": "x", "end": True},
        {"name": "Out", "pass": True},
    )
    assert (await run_workflow(workflow)).ok


async def test_the_output_of_a_join_says_who_arrived_how() -> None:
    run = await run_workflow(showing("state.who", *THREE, join(count=1, store="who"), END))
    assert output(run) == {"a": "completed", "b": "running", "c": "running"}


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("at", range(1, 40, 3))
async def test_a_crash_anywhere_changes_no_join(at: int, lost: bool) -> None:
    expected = await run_workflow(flow(*NESTED))
    run = await run_workflow(flow(*NESTED), crashes=[Crash(at, lost)])
    kinds = ("path_joined", "path_completed", "step_completed", "execution_completed")
    assert sorted(lines(run, *kinds)) == sorted(lines(expected, *kinds))
