"""Snapshots, the lines of lists, and what selects them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from engine.model.snapshot import ExecutionFilter, ExecutionSnapshot, ExecutionSummary, InvalidFilterError, summarize
from engine.model.state import STATE_VERSION
from engine.model.state_json import state_from_json, state_to_json
from tests.core.written import EXECUTION, Written, edge


def running() -> Written:
    history = Written({"name": "A", "action": "a"}, {"name": "B", "action": "b"}, labels={"team": "x"})
    history.path()
    history.started("A")
    return history


def failed() -> Written:
    history = running()
    history.failed("A", error="it broke")
    history.add("path_failed", "main", error="it broke", error_type="Trouble", caused_by=4)
    history.add("execution_failed", error="it broke", error_type="Trouble", caused_by=[4])
    return history


def test_the_line_of_a_running_execution() -> None:
    summary = summarize(running().state, owner="runner_1", live=True)
    assert summary.to_dict() == {
        "id": EXECUTION,
        "workflow_name": "written",
        "workflow_hash": "v1:w",
        "inputs_hash": "v1:i",
        "status": "running",
        "start_time": "2026-03-01T00:00:01.000000Z",
        "end_time": None,
        "created_at": "2026-03-01T00:00:01.000000Z",
        "updated_at": "2026-03-01T00:00:03.000000Z",
        "last_event_seq": 3,
        "error": "",
        "at_step": "A",
        "attempt": 1,
        "waiting_for": None,
        "wake_at": None,
        "children": [],
        "inbox": 0,
        "path_count": 1,
        "failed_steps": [],
        "lineage": None,
        "owner": "runner_1",
        "live": True,
        "labels": {},
        "dialect": "",
    }


def test_the_line_of_a_failed_execution_says_where_and_why() -> None:
    summary = summarize(failed().state, owner="runner_1", live=False)
    assert (summary.status, summary.at_step, summary.error) == ("failed", "A", "Trouble: it broke")
    assert summary.end_time == summary.updated_at == "2026-03-01T00:00:06.000000Z"
    assert summary.failed_steps == ("A",)
    assert summary.live is None


def test_the_line_stands_at_the_path_that_moved_last() -> None:
    history = running()
    history.completed("A", edges=[edge("A", path="x"), edge("B", path="y")])
    new = [{"id": "x", "current_step": "A", "edge": 0}, {"id": "y", "current_step": "B", "edge": 1}]
    history.add("path_branched", "main", "A", new_paths=new)
    assert summarize(history.state).at_step == "B"
    history.path("y", "B")
    history.path("x", "A")
    assert summarize(history.state).at_step == "A"
    assert summarize(history.state).path_count == 3


@pytest.mark.parametrize(
    ("status", "live", "shown"),
    [
        ("running", False, "interrupted"),
        ("pending", False, "interrupted"),
        ("running", True, "running"),
        ("running", None, "running"),
        ("waiting", False, "waiting"),
        ("paused", False, "paused"),
        ("failed", None, "failed"),
    ],
)
def test_interrupted_is_shown_not_stored(status: str, live: bool | None, shown: str) -> None:
    summary = summarize(running().state)
    assert line(summary, status=status, live=live).shown_status == shown


def line(summary: ExecutionSummary, **changes: Any) -> ExecutionSummary:
    fields = {name: getattr(summary, name) for name in summary.__dataclass_fields__}
    return ExecutionSummary(**fields | changes)


@pytest.mark.parametrize(
    ("where", "accepted"),
    [
        (ExecutionFilter(), True),
        (ExecutionFilter(statuses=frozenset({"interrupted"})), True),
        (ExecutionFilter(statuses=frozenset({"running"})), False),
        (ExecutionFilter(statuses=frozenset({"running", "interrupted"})), True),
        (ExecutionFilter(workflow_name="written"), True),
        (ExecutionFilter(workflow_name="writ"), False),
        (ExecutionFilter(statuses=frozenset({"interrupted"}), workflow_name="other"), False),
    ],
)
def test_a_filter_goes_by_what_is_shown(where: ExecutionFilter, accepted: bool) -> None:
    assert where.accepts(summarize(running().state, live=False)) is accepted


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"statuses": frozenset({"runing"})}, "'runing' is no status; there are cancelled, completed, "),
        ({"limit": -1}, "limit must be 0 or more"),
        ({"offset": -1}, "offset must be 0 or more"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidFilterError) as caught:
        ExecutionFilter(**fields)
    assert message in str(caught.value)


@pytest.mark.parametrize("make", [running, failed])
def test_a_snapshot_survives_json_with_its_state(make: Any) -> None:
    history = make()
    snapshot = ExecutionSnapshot.of(history.state, history.workflow.to_dict())
    record = orjson.loads(orjson.dumps(snapshot.to_dict()))
    again = ExecutionSnapshot.from_dict(record | {"unknown": 1})
    assert again.to_dict() == record
    assert again.restore_state() == history.state
    assert (again.status, again.last_event_seq) == (history.state.status, history.state.sequence)
    assert again.error == history.state.error


def test_a_snapshot_without_a_field_is_named() -> None:
    record = ExecutionSnapshot.of(running().state, {}).to_dict()
    del record["inputs"]
    with pytest.raises(ValueError, match="a snapshot has no 'inputs'"):
        ExecutionSnapshot.from_dict(record)


@pytest.mark.parametrize(
    "changes",
    [
        {"state_version": STATE_VERSION + 1},
        {"state_version": None},
        {"sequence": 2},
        {"execution_id": "exec_other"},
        {"paths": None},
        {"paths": {"main": {"id": "main"}}},
        {"paths": {"main": {**state_to_json(running().state)["paths"]["main"], "phase": "dreaming"}}},
        {"script_globals": {"a": [1]}},
        {"info": {"colour": "red"}},
        {"failure": {"error": "x"}},
        {"colour": "red"},
    ],
    ids=str,
)
def test_a_state_that_cannot_be_used_is_as_good_as_none(changes: dict[str, Any]) -> None:
    snapshot = ExecutionSnapshot.of(running().state, {})
    assert snapshot.restore_state() is not None
    broken = ExecutionSnapshot.from_dict(snapshot.to_dict() | {"state": {**snapshot.state, **changes}})
    assert broken.restore_state() is None


def test_a_record_that_is_no_state_is_as_good_as_none() -> None:
    assert state_from_json({}) is None
    assert state_from_json({"state_version": STATE_VERSION}) is None


def test_an_open_each_survives_json() -> None:
    history = Written({"name": "A", "action": "a", "each": {"items": [1, 2, 3]}})
    history.path()
    history.started("A", items=[1, 2, 3])
    history.item(0, {"x": None})
    history.started("A", iteration={"index": 1})
    state = state_from_json(orjson.loads(orjson.dumps(state_to_json(history.state))))
    assert state == history.state
    assert state.paths["main"].each is not None
    assert state.paths["main"].each.open[1].effect_key == history.events[-1].data["effect_key"]
