"""Replaying from a store: the JSON is fixed, any sequence can be asked for, and what cannot is a clear error."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from engine.core.reduce import HistoryError
from engine.model.events import ExecutionEvent
from engine.replay.history import History
from engine.replay.replayer import ExecutionNotFoundError, ExecutionReplayer, ReplayPathState, ReplayResult
from engine.replay.view import changes_at, full_view
from engine.store import DamagedHistoryError
from stores.memory import MemoryExecutionEventStore
from tests.core.written import EXECUTION, Written, edge
from tests.replay.golden_runs import GOLDEN, RUNS, recorded, replayed


@pytest.mark.parametrize("name", RUNS)
def test_replayed_states_are_those_in_the_golden_file(name: str) -> None:
    """`python -m tests.replay.golden_runs` writes the files anew, after a change that is meant."""
    expected = (GOLDEN / f"{name}.json").read_bytes()
    actual = asyncio.run(replayed(RUNS[name]))
    for line, wanted in zip(actual.splitlines(), expected.splitlines(), strict=False):
        assert line == wanted
    assert actual == expected


KEYS = [
    "execution_id", "sequence", "status", "inputs", "outputs", "error", "paths", "script_globals", "signals",
    "versions", "completed_steps", "active_paths", "steps",
]  # fmt: skip


async def test_a_result_has_these_keys_in_this_order_and_nothing_else() -> None:
    store, execution_id = await recorded(RUNS["failing"])
    result = await ExecutionReplayer(store).replay_execution(execution_id)
    record = result.to_dict()
    assert list(record) == KEYS
    assert orjson.loads(orjson.dumps(record)) == record
    for path in record["paths"].values():
        assert list(path) == ["status", "parent", "current_step", "visit", "attempt", "waiting_for", "variables"]
    for entry in record["steps"]:
        order = [
            "path", "step", "visit", "iteration", "attempt", "status", "output", "error", "started_seq", "ended_seq",
        ]  # fmt: skip
        assert list(entry) == [key for key in order if key in entry]


async def test_what_was_true_at_an_event_in_the_middle() -> None:
    store, execution_id = await recorded(RUNS["failing"])
    result = await ExecutionReplayer(store).replay_execution(execution_id, 14)
    assert (result.sequence, result.status, result.error, result.outputs) == (14, "running", None, None)
    measures = [{"file": "a.py", "lines": 40}, {"file": "bb.py", "lines": 50}]
    assert list(result.active_paths) == [
        ReplayPathState("report", "Report", {}), ReplayPathState("main-2", "Check", {}),
    ]  # fmt: skip
    assert result.completed_steps == {"Measure": measures}
    assert result.script_globals == {"measures": measures}
    assert {name: path["status"] for name, path in result.paths.items()} == {
        "main": "completed", "report": "running", "main-2": "running",
    }  # fmt: skip
    assert [(entry["step"], entry["status"]) for entry in result.steps if "iteration" not in entry] == [
        ("Measure", "completed"), ("Report", "running"), ("Check", "running"),
    ]  # fmt: skip


async def test_completed_steps_hold_the_last_visit_and_paths_their_own_outputs() -> None:
    store, execution_id = await recorded(RUNS["loop"])
    replayer = ExecutionReplayer(store)
    seen = [(await replayer.replay_execution(execution_id, to)).completed_steps for to in range(1, 11)]
    assert [steps.get("Count") for steps in seen] == [None, None, None, 1, 1, 2, 2, 3, 3, 3]
    (path,) = (await replayer.replay_execution(execution_id, 7)).active_paths
    assert path == ReplayPathState("main", "Count", {"Count": 2})


async def test_a_step_whose_routing_failed_has_completed_and_then_failed() -> None:
    store, execution_id = await recorded(RUNS["routing"])
    replayer = ExecutionReplayer(store)
    completed = await replayer.replay_execution(execution_id, 4)
    (entry,) = completed.steps
    assert (entry["status"], entry["output"], entry["ended_seq"]) == ("completed", {"total": 3}, 4)
    failed = await replayer.replay_execution(execution_id, 5)
    (entry,) = failed.steps
    assert (entry["status"], entry["output"], entry["ended_seq"]) == ("failed", {"total": 3}, 5)
    assert entry["error"]["type"] == "ExpressionError"
    assert failed.completed_steps == {"Ask": {"total": 3}}


# What cannot be replayed


async def test_an_execution_nobody_knows() -> None:
    with pytest.raises(ExecutionNotFoundError, match="there is no execution exec_1"):
        await ExecutionReplayer(MemoryExecutionEventStore()).replay_execution("exec_1")


@pytest.mark.parametrize("to", [0, -1, 11, 10**9])
async def test_a_sequence_the_history_does_not_have(to: int) -> None:
    store, execution_id = await recorded(RUNS["loop"])
    with pytest.raises(IndexError) as caught:
        await ExecutionReplayer(store).replay_execution(execution_id, to)
    assert str(caught.value) == f"{execution_id} has events 1 to 10; there is no event {to}"


class Given(MemoryExecutionEventStore):
    """Holds whatever it is given, sound or not; damaged from event `damaged` on."""

    def __init__(self, events: list[ExecutionEvent], damaged: int | None = None) -> None:
        super().__init__()
        self._events = events
        self._damaged = damaged

    async def get_events(self, execution_id: str, from_seq: int = 1, limit: int | None = None) -> list[ExecutionEvent]:
        events = self._events[from_seq - 1 :][:limit]
        if self._damaged is not None and events[-1].sequence >= self._damaged:
            raise DamagedHistoryError("event 4 cannot be read", place="events.jsonl:99", readable=self._events[:3])
        return events


async def test_a_history_that_makes_no_sense_can_be_replayed_up_to_there() -> None:
    written = Written()
    written.path()
    bad = written.next("path_completed", "main", final_step="A", reason="end")
    replayer = ExecutionReplayer(Given([*written.events, bad]))
    assert (await replayer.replay_execution(EXECUTION, 2)).status == "running"
    for to in (3, None):
        with pytest.raises(HistoryError, match=r"event 3 \(path_completed\) does not fit"):
            await replayer.replay_execution(EXECUTION, to)


async def test_a_damaged_history_can_be_replayed_up_to_there() -> None:
    written = Written()
    written.path()
    written.started("A")
    written.completed("A")
    replayer = ExecutionReplayer(Given(written.events, damaged=4))
    assert (await replayer.replay_execution(EXECUTION, 3)).sequence == 3
    with pytest.raises(DamagedHistoryError, match="event 4 cannot be read"):
        await replayer.replay_execution(EXECUTION)


# Views and changes


def history_of(written: Written) -> History:
    return History(EXECUTION, written.events)


def addresses(written: Written, sequence: int | None = None) -> dict[str, tuple[str, Any, Any]]:
    """What the last event (or this one) changed."""
    history = history_of(written)
    changes = changes_at(history, sequence or len(history)).changes
    return {change.address: (change.kind, change.old, change.new) for change in changes}


def begun(*steps: dict[str, Any]) -> Written:
    written = Written(*steps)
    written.path()
    return written


def test_before_the_first_event_there_is_nothing() -> None:
    view = full_view(history_of(begun()), 0)
    assert list(view) != []
    assert (view["status"], view["paths"], view["steps"], view["active_paths"]) == ("pending", {}, [], [])


@pytest.mark.parametrize("sequence", [0, -1, 4])
def test_events_that_are_not_there_change_nothing(sequence: int) -> None:
    written = begun()
    written.started("A")
    assert changes_at(history_of(written), sequence).changes == []


def test_the_first_event_adds_the_inputs() -> None:
    assert addresses(begun(), 1) == {"inputs.n": ("added", None, 3)}


def test_a_start_and_a_completion() -> None:
    written = begun({"name": "A", "action": "a", "store": "a"}, {"name": "B", "action": "b"})
    written.started("A")
    assert addresses(written) == {
        "paths.main.attempt": ("changed", 0, 1),
        "steps.A": ("added", None, {"status": "running", "attempt": 1}),
    }
    written.completed("A", [1], edges=[edge("B")], stored_variable="a")
    assert addresses(written) == {
        "paths.main.current_step": ("changed", "A", "B"),
        "paths.main.attempt": ("changed", 1, 0),
        "paths.main.variables.a": ("added", None, [1]),
        "steps.A.status": ("changed", "running", "completed"),
        "steps.A.output": ("added", None, [1]),
    }


def test_a_variable_that_is_stored_again_changes_where_it_differs() -> None:
    written = begun({"name": "A", "action": "a", "store": "a"})
    for visit, output in ((1, {"x": 1, "y": [1, 2]}), (2, {"x": 1, "y": [1, 3], "z": 0})):
        written.started("A", visit=visit)
        written.completed("A", output, visit=visit, edges=[edge("A")], stored_variable="a")
    changed = addresses(written)
    assert changed["paths.main.variables.a.y[1]"] == ("changed", 2, 3)
    assert changed["paths.main.variables.a.z"] == ("added", None, 0)
    assert "paths.main.variables.a.x" not in changed
    assert changed["paths.main.visit"] == ("changed", 2, 3)


def test_items_of_an_each() -> None:
    written = begun({"name": "A", "action": "a", "store": "all", "each": {"items": [1, 2]}})
    written.started("A", items=[1, 2])
    written.started("A", iteration={"index": 0})
    assert addresses(written) == {"steps.A.items[0]": ("added", None, {"status": "running", "attempt": 1})}
    written.completed("A", "x", iteration={"index": 0})
    assert addresses(written) == {
        "steps.A.items[0].status": ("changed", "running", "completed"),
        "steps.A.items[0].output": ("added", None, "x"),
    }
    written.item(1, "y")
    written.completed("A", {"items": 2}, stored_variable="all")
    changed = addresses(written)
    assert changed["steps.A.output"] == ("added", None, ["x", "y"])
    assert changed["paths.main.variables.all"] == ("added", None, ["x", "y"])


def test_a_failure_and_the_ends_of_paths() -> None:
    written = Written({"name": "Charge Card", "action": "a"})
    written.path(step="Charge Card")
    written.started("Charge Card")
    written.failed("Charge Card", error="declined")
    assert addresses(written) == {
        "paths.main.status": ("changed", "running", "failed"),
        'steps["Charge Card"].status': ("changed", "running", "failed"),
        'steps["Charge Card"].error': ("added", None, {"type": "Trouble", "message": "declined"}),
    }
    written.add("path_failed", "main", error="declined", error_type="Trouble", caused_by=4)
    assert addresses(written) == {}
    written.add("execution_failed", error="declined", error_type="Trouble", caused_by=[4])
    assert addresses(written) == {
        "status": ("changed", "running", "failed"),
        "error": ("changed", None, {
            "type": "Trouble", "message": "declined", "sequence": 4, "step": "Charge Card", "path": "main",
        }),
    }  # fmt: skip


def test_a_path_that_ends_changes_its_status_and_does_not_vanish() -> None:
    written = begun()
    written.started("A")
    written.completed("A")
    written.add("path_completed", "main", final_step="A", reason="end")
    assert addresses(written) == {"paths.main.status": ("changed", "running", "completed")}
    assert full_view(history_of(written), 5)["paths"]["main"]["status"] == "completed"


def test_a_cancelled_path_cancels_the_step_in_flight() -> None:
    written = begun()
    written.started("A")
    written.add("path_cancelled", "main", unit={"path": "main", "step": "A", "visit": 1}, effect_key="k")
    assert addresses(written) == {
        "paths.main.status": ("changed", "running", "cancelled"),
        "steps.A.status": ("changed", "running", "cancelled"),
    }


def test_a_path_announced_and_cancelled_before_it_started_stays_in_view() -> None:
    written = begun()
    written.started("A")
    written.completed("A", edges=[edge("A", path="x")])
    written.add("path_branched", "main", "A", new_paths=[{"id": "x", "current_step": "A", "edge": 0}])
    assert set(addresses(written)) == {"paths.x"}
    written.add("path_cancelled", "x")
    assert addresses(written) == {"paths.x.status": ("changed", "running", "cancelled")}
    assert full_view(history_of(written), 6)["paths"]["x"]["parent"] == "main"


def test_a_limit_cuts_the_changes() -> None:
    written = begun()
    written.started("A")
    differences = changes_at(history_of(written), 3, limit=1)
    assert (len(differences.changes), differences.more) == (1, True)


def test_a_result_of_a_history_at_hand() -> None:
    written = begun()
    result = ReplayResult.of(history_of(written), 2)
    assert (result.execution_id, result.sequence) == (EXECUTION, 2)
    assert list(result.active_paths) == [ReplayPathState("main", "A", {})]
