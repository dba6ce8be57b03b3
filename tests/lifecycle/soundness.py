"""What holds for every history the engine records, checked event by event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson

from engine.core.decide import Command, CommandKind, decide
from engine.core.program import Program
from engine.core.reduce import initial_state, reduce
from engine.core.settle import Draft, Outcome, Surroundings, conclude, exhaustion, settle
from engine.model.events import TERMINAL_TYPES, ExecutionEvent
from engine.model.state import ExecutionState, Phase
from engine.model.state_json import state_from_json, state_to_json
from engine.replay.replayer import ExecutionReplayer
from stores.memory import MemoryExecutionEventStore

PATH_ENDS = {"path_completed", "path_failed", "path_cancelled"}


def canonical(state: ExecutionState) -> bytes:
    """The state's JSON, in the order it has: equal states give equal bytes."""
    return orjson.dumps(state_to_json(state))


def states_of(events: Sequence[ExecutionEvent]) -> list[ExecutionState]:
    """The state after each event, from before the first."""
    states = [initial_state(events[0].execution_id)]
    for event in events:
        states.append(reduce(states[-1], event))
    return states


def assert_sound(
    events: Sequence[ExecutionEvent], live: ExecutionState, program: Program, around: Surroundings, max_events: int
) -> None:
    """A whole history of an execution that was not cancelled, and the state its engine had in the end."""
    assert_well_formed(events)
    assert ExecutionReplayer(MemoryExecutionEventStore()).validate_event_history(events) == []
    states = states_of(events)
    assert live == states[-1]
    assert canonical(live) == canonical(states[-1])
    for state in states:
        assert_survives_json(state)
    assert_wanted(events, states, program, around, max_events)
    assert decide(program, states[-1]) == []


def assert_well_formed(events: Sequence[ExecutionEvent]) -> None:
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert len({event.id for event in events}) == len(events)
    assert [event.timestamp for event in events] == sorted(event.timestamp for event in events)
    assert [event.sequence for event in events if event.event_type in TERMINAL_TYPES] == [len(events)]
    announced = {"main"} if len(events) > 2 else set()
    announced |= {
        new["id"] for event in events if event.event_type == "path_branched" for new in event.data["new_paths"]
    }
    ends = Counter(event.path_id for event in events if event.event_type in PATH_ENDS)
    assert ends == Counter(announced)


def assert_survives_json(state: ExecutionState) -> None:
    record = canonical(state)
    restored = state_from_json(orjson.loads(record))
    assert restored == state
    assert canonical(restored) == record


def assert_wanted(
    events: Sequence[ExecutionEvent],
    states: Sequence[ExecutionState],
    program: Program,
    around: Surroundings,
    max_events: int,
) -> None:
    """Each event after the first is one that deciding and settling ask for, in the state before it."""
    at = 1
    while at < len(events):
        state, recorded = states[at], as_draft(events[at])
        if recorded in [
            draft for command in wanted(program, state) for draft in asked(command, program, state, around, recorded)
        ]:
            at += 1
            continue
        assert state.sequence >= max_events, f"nobody asked for event {at + 1}: {recorded}"
        last = as_draft(events[-1])
        assert [as_draft(event) for event in events[at:]] == exhaustion(state, last.data["error"], "HistoryLimit")
        return


def wanted(program: Program, state: ExecutionState) -> list[Command]:
    """What is wanted; and what was under way beside a path that fails, for its outcome may arrive at the same time."""
    commands = decide(program, state)
    others = {name: path for name, path in state.paths.items() if path.phase is not Phase.FAILING}
    if state.failure is None and len(others) < len(state.paths) and others:
        beside = decide(program, state._replace(paths=others))
        commands += [command for command in beside if command.kind in (CommandKind.RUN, CommandKind.ROUTE)]
    return commands


def asked(
    command: Command, program: Program, state: ExecutionState, around: Surroundings, recorded: Draft
) -> list[Draft]:
    """The first event by which the command is carried out; of an attempt, with the outcome that was recorded."""
    if command.kind is not CommandKind.RUN:
        return settle(command, program, state, around)[:1]
    if recorded.event_type == "step_completed" and "output" in recorded.data:
        return conclude(command, program, state, Outcome(output=recorded.data["output"], **_common(recorded.data)))[:1]
    if recorded.event_type == "step_failed":
        told = {
            key: recorded.data[key] for key in ("error", "error_type", "phase", "traceback") if key in recorded.data
        }
        known = recorded.data["outcome"] == "known"
        return conclude(command, program, state, Outcome(known=known, **told, **_common(recorded.data)))[:1]
    return []


def _common(data: Any) -> dict[str, Any]:
    return {"log": data.get("log", ""), "duration_ms": data.get("duration_ms", 0.0)}


def as_draft(event: ExecutionEvent) -> Draft:
    return Draft(event.event_type, event.path_id, event.step_name, event.data)  # type: ignore[arg-type]
