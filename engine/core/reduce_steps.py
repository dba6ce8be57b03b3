"""How units and their attempts begin, wait, fail, are tried again and end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.core.changes import Changes, onward, path_of, unfit, with_globals, with_path, writing
from engine.core.reduce_paths import join_key
from engine.model.chunks import Chunks
from engine.model.events import EMPTY, ExecutionEvent, JsonObject
from engine.model.state import (
    AttemptState,
    AttemptStatus,
    EachState,
    ExecutionState,
    Failure,
    JoinState,
    PathState,
    Phase,
    Wait,
    changed,
    evolve,
)

INTERRUPTED_ERROR = "Interrupted"
RECOVERY_BUDGET = 3
"""How often the death of its process may interrupt a unit before that counts as an ordinary error."""


def _unit(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> PathState:
    """The path of an event about a unit; it must be the unit the path is at."""
    path = path_of(state, event)
    if event.step_name != path.current_step or data["visit"] != path.visit:
        raise unfit(event, f"path {path.id!r} is at visit {path.visit} of {path.current_step!r}")
    return path


def _index(data: JsonObject) -> int | None:
    iteration = data.get("iteration")
    return None if iteration is None else iteration["index"]


def _open_each(path: PathState, event: ExecutionEvent) -> EachState:
    if path.each is None:
        raise unfit(event, f"{path.current_step!r} is not running over items")
    return path.each


def _attempt(path: PathState, event: ExecutionEvent, index: int | None) -> AttemptState:
    """The open attempt an event is about."""
    found = path.unit if index is None else _open_each(path, event).open.get(index)
    if found is None:
        raise unfit(event, f"{path.current_step!r} is not running" if index is None else f"item {index} is not running")
    return found


def _with_attempt(path: PathState, index: int | None, attempt: AttemptState) -> PathState:
    if index is None:
        return evolve(path, unit=attempt)
    assert path.each is not None
    return evolve(path, each=evolve(path.each, open={**path.each.open, index: attempt}))


def step_started(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    path, index = _unit(state, event, data), _index(data)
    if index is not None:
        each = _open_each(path, event)
        before = each.open.get(index)
        if before is None and (index != each.next_index or index >= len(each.items)):
            raise unfit(event, f"item {index} is not the next one to start")
        each = evolve(
            each,
            next_index=max(each.next_index, index + 1),
            open={**each.open, index: _started(before, event, data)},
        )
        return {"paths": with_path(state, evolve(path, each=each))}
    if path.phase is not Phase.READY and path.unit is None:
        raise unfit(event, f"path {path.id!r} is not ready to start a step")
    items = data.get("items")
    opened = None if items is None else _over(state, event, items)
    running = evolve(path, phase=Phase.RUNNING, unit=_started(path.unit, event, data), each=opened)
    return {"paths": with_path(state, running)}


def _over(state: ExecutionState, event: ExecutionEvent, items: list[Any]) -> EachState:
    concurrency = state.info.concurrency.get(event.step_name, 1)
    return EachState(items, Chunks(), next_index=0, done=0, failed=0, open={}, concurrency=concurrency)


def _started(before: AttemptState | None, event: ExecutionEvent, data: JsonObject) -> AttemptState:
    if before is None:
        return AttemptState(
            data["attempt"],
            AttemptStatus.RUNNING,
            data["effect_key"],
            data["inputs_hash"],
            event.timestamp,
            data.get("child_id") or "",
        )
    if before.status is not AttemptStatus.RETRYING:
        raise unfit(event, f"attempt {before.number} of {event.step_name!r} has not failed")
    return evolve(
        before,
        number=data["attempt"],
        status=AttemptStatus.RUNNING,
        effect_key=data["effect_key"],
        inputs_hash=data["inputs_hash"],
        child_id=data.get("child_id") or "",
        due_at=None,
        known=False,
    )


def step_completed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    path, index = _unit(state, event, data), _index(data)
    if path.phase is not Phase.RUNNING:
        raise unfit(event, f"{path.current_step!r} is not running")
    changes: Changes = {}
    if "signal" in data:
        changes["signals"] = tuple(signal for signal in state.signals if signal["sequence"] != data["signal"])
    if index is not None:
        _attempt(path, event, index)
        return changes | {"paths": with_path(state, _item_ended(path, index, data["output"]))}
    if path.each is not None and path.each.done < len(path.each.items):
        raise unfit(event, f"only {path.each.done} of {len(path.each.items)} items have completed")
    values = stored_values(data, None if path.each is None else path.each.results)
    moved = {"unit": None, "each": None, "joined": None, **_follow(path, data)}
    if values:
        changes |= with_globals(state, values, event.sequence)
        moved |= writing(path, values, event.sequence)
    changes["paths"] = with_path(state, changed(path, moved))
    return changes


def stored_values(data: JsonObject, results: Iterable[Any] | None = None) -> JsonObject:
    """The variables that a `step_completed` writes; `results`: what stands for the output of an each."""
    variable = data.get("stored_variable")
    if variable is None:
        keys = data.get("stored_keys")
        return {name: data["output"][key] for name, key in keys.items()} if keys else EMPTY
    return {variable: data.get("stored_value", data["output"]) if results is None else list(results)}


def _item_ended(path: PathState, index: int, output: Any, failed: int = 0) -> PathState:
    each = path.each
    assert each is not None
    others = {other: attempt for other, attempt in each.open.items() if other != index}
    each = evolve(
        each, results=each.results.set(index, output), done=each.done + 1, failed=each.failed + failed, open=others
    )
    return evolve(path, each=each)


def _follow(path: PathState, data: JsonObject) -> Changes:
    """What changes of a path after a step whose edges were found true or false."""
    edges = data["edges"]
    if edges and edges[-1].get("error"):
        return {"phase": Phase.ROUTING, "edges": ({**edges[-1], "attempt": data["attempt"]},)}
    taken = [number for number, edge in enumerate(edges) if edge["value"]]
    if not taken:
        return {"phase": Phase.ENDING, "end_reason": "no_edge" if edges else "end"}
    first = edges[taken[0]]
    if len(taken) > 1 or first.get("path"):
        return {"phase": Phase.FORKING, "edges": tuple({**edges[number], "edge": number} for number in taken)}
    return onward(path, first["step"])


def step_failed(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    path, index = _unit(state, event, data), _index(data)
    if path.phase not in (Phase.READY, Phase.RUNNING, Phase.ROUTING):
        raise unfit(event, f"{path.current_step!r} has not been at work")
    error = error_record(data)
    if data.get("retry"):
        return {"paths": with_path(state, _to_be_retried(path, event, data, error))}
    names = tuple(name for name in state.failed_steps if name != event.step_name)
    changes: Changes = {"failed_steps": (*names, event.step_name)}
    if data.get("collected"):
        assert index is not None
        # Parameters that cannot be rendered end an item that was never started.
        each = _open_each(path, event)
        path = evolve(path, each=evolve(each, next_index=max(each.next_index, index + 1)))
        ended = _item_ended(path, index, collected_value(data), failed=1)
        return changes | {"paths": with_path(state, ended)}
    caught = data.get("caught")
    if caught:
        values = (
            {caught["stored_variable"]: caught_value(event.step_name, error)} if "stored_variable" in caught else {}
        )
        changes |= with_globals(state, values, event.sequence)
        path = evolve(path, edges=(), **writing(path, values, event.sequence))
        changes["joins"] = {key: join for key, join in state.joins.items() if join.path != path.id}
        return changes | {"paths": with_path(state, evolve(path, **onward(path, caught["step"])))}
    failure = Failure(data["error"], data["error_type"], event.sequence, event.step_name, path.id, data["attempt"])
    return changes | {"paths": with_path(state, evolve(path, phase=Phase.FAILING, failure=failure))}


def error_record(data: JsonObject) -> JsonObject:
    """What a `step_failed` says of the error: `{type, message, attempt, data?}`."""
    error = {"type": data["error_type"], "message": data["error"], "attempt": data["attempt"]}
    return error | {"data": data["details"]} if "details" in data else error


def collected_value(data: JsonObject) -> JsonObject:
    """What stands among the outputs in the place of an item that failed and was collected."""
    return {"$error": error_record(data)}


def caught_value(step: str, error: JsonObject) -> JsonObject:
    """What a `catch` stores: `{type, message, step, attempt, data}`."""
    return {
        "type": error["type"],
        "message": error["message"],
        "step": step,
        "attempt": error["attempt"],
        "data": error.get("data"),
    }


def _to_be_retried(path: PathState, event: ExecutionEvent, data: JsonObject, error: JsonObject) -> PathState:
    index = _index(data)
    attempt = _attempt(path, event, index)
    attempt = evolve(attempt, error=error, known=data["outcome"] == "known", wait=None)
    if attempt.status is AttemptStatus.INTERRUPTED and attempt.interruptions < RECOVERY_BUDGET:
        # It did not fail: its process did. The next attempt needs no policy and no delay.
        retrying = {"status": AttemptStatus.RETRYING, "interruptions": attempt.interruptions + 1}
        return _with_attempt(path, index, evolve(attempt, **retrying))
    return _with_attempt(path, index, evolve(attempt, status=AttemptStatus.FAILED))


def step_retry_scheduled(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    path, index = _unit(state, event, data), _index(data)
    attempt = _attempt(path, event, index)
    if attempt.status is not AttemptStatus.FAILED:
        raise unfit(event, f"attempt {attempt.number} of {event.step_name!r} has not failed")
    counts = list(attempt.policies) + [0] * (data["policy"] + 1 - len(attempt.policies))
    counts[data["policy"]] += 1
    attempt = evolve(attempt, status=AttemptStatus.RETRYING, due_at=data["due_at"], policies=tuple(counts))
    return {"paths": with_path(state, _with_attempt(path, index, attempt))}


def step_waiting(state: ExecutionState, event: ExecutionEvent, data: JsonObject) -> Changes:
    path, index = _unit(state, event, data), _index(data)
    attempt = _attempt(path, event, index)
    if attempt.status is not AttemptStatus.RUNNING:
        raise unfit(event, f"{event.step_name!r} is not running")
    wait = Wait(
        data["for"],
        event.sequence,
        topic=data.get("topic") or "",
        due_at=data.get("due_at"),
        child_id=data.get("child_id") or "",
    )
    waiting = _with_attempt(path, index, evolve(attempt, status=AttemptStatus.WAITING, wait=wait))
    changes: Changes = {"paths": with_path(state, waiting)}
    if wait.kind == "join":
        fork = data["join"]["fork"]
        known = state.joins.get(join_key(fork, path.current_step))
        join = evolve(known, path=path.id) if known else JoinState(path.current_step, fork, path.id, wait.due_at)
        changes["joins"] = {**state.joins, join_key(fork, path.current_step): join}
    return changes
