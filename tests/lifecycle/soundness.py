"""What holds for every history the engine records, checked event by event."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from engine.core.decide import EFFECTS, Command, CommandKind, decide
from engine.core.program import Program, program_from_recorded
from engine.core.reduce import initial_state, reduce
from engine.core.settle import Draft, Outcome, Surroundings, cancellation, conclude, exhaustion, settle
from engine.model.events import TERMINAL_TYPES, ExecutionEvent
from engine.model.state import ExecutionState, Phase
from engine.model.state_json import state_from_json, state_to_json
from engine.replay.replayer import ExecutionReplayer
from stores.memory import MemoryExecutionEventStore

PATH_ENDS = {"path_completed", "path_failed", "path_cancelled"}
FROM_OUTSIDE = {"signal_received", "execution_recovered"}


def canonical(state: ExecutionState) -> bytes:
    """The state's JSON, in the order it has: equal states give equal bytes."""
    return orjson.dumps(state_to_json(state))


def states_of(events: Sequence[ExecutionEvent]) -> list[ExecutionState]:
    """The state after each event, from before the first."""
    states = [initial_state(events[0].execution_id)]
    for event in events:
        states.append(reduce(states[-1], event))
    return states


def assert_sound(events: Sequence[ExecutionEvent], around: Surroundings, max_events: int) -> ExecutionState:
    """A whole history; gives the last state."""
    program = program_from_recorded(events[0].data["workflow"])
    assert_well_formed(events)
    assert ExecutionReplayer(MemoryExecutionEventStore()).validate_event_history(events) == []
    states = states_of(events)
    for state in states:
        assert_survives_json(state)
    assert_wanted(events, states, program, around, max_events)
    assert decide(program, states[-1]) == []
    assert_units_run_once(events)
    assert_effect_keys(events)
    return states[-1]


def assert_well_formed(events: Sequence[ExecutionEvent]) -> None:
    """Numbered without gaps, in the order of time, ended once; every path ends exactly once."""
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert len({event.id for event in events}) == len(events)
    assert [event.timestamp for event in events] == sorted(event.timestamp for event in events)
    assert [event.sequence for event in events if event.event_type in TERMINAL_TYPES] == [len(events)]
    announced: set[str] = set()
    for event in events:
        if event.event_type == "path_branched":
            announced |= {new["id"] for new in event.data["new_paths"]}
        elif event.event_type in ("path_started", "path_joined"):
            announced.add(event.path_id)
    ends = Counter(event.path_id for event in events if event.event_type in PATH_ENDS)
    assert ends == Counter(announced)
    ordinals = [event.data["ordinal"] for event in events if event.event_type == "signal_received"]
    assert ordinals == list(range(1, len(ordinals) + 1))


def assert_survives_json(state: ExecutionState) -> None:
    record = canonical(state)
    restored = state_from_json(orjson.loads(record))
    assert restored == state
    assert canonical(restored) == record


def unit_of(event: ExecutionEvent) -> tuple[str, str, int, int | None]:
    """Path, step, visit and index of the item an event is about."""
    iteration = event.data.get("iteration")
    return event.path_id, event.step_name, event.data["visit"], None if iteration is None else iteration["index"]


def assert_units_run_once(events: Sequence[ExecutionEvent]) -> None:
    """Attempts are numbered from 1; each ends before the next one starts, and none starts after the unit has ended."""
    started: Counter[Any] = Counter()
    ended: set[Any] = set()
    for event in events:
        if event.event_type == "step_started":
            unit = unit_of(event)
            assert unit not in ended, f"event {event.sequence} starts {unit} again"
            started[unit] += 1
            assert event.data["attempt"] == started[unit]
        elif event.event_type == "step_completed" or (event.event_type == "step_failed" and "retry" not in event.data):
            unit = unit_of(event)
            routes = event.data.get("phase") == "route"
            assert routes == (unit in ended and event.event_type == "step_failed"), f"{unit} ends twice"
            ended.add(unit)


def assert_effect_keys(events: Sequence[ExecutionEvent]) -> None:
    """A key names its unit; it changes after a known outcome, or with what the unit was given, and only then."""
    keys: dict[Any, tuple[str, str]] = {}
    known: dict[Any, bool] = {}
    for event in events:
        if event.event_type == "step_started":
            path, step, visit, index = unit = unit_of(event)
            item = "" if index is None else f"/{index}"
            name, _, generation = event.data["effect_key"].rpartition("#")
            assert name == f"{event.execution_id}/{path}/{step}/{visit}{item}"
            before = keys.get(unit)
            expected = 1
            if before is not None:
                changed = known[unit] or before[1] != event.data["inputs_hash"]
                expected = int(before[0].rpartition("#")[2]) + changed
            assert int(generation) == expected
            keys[unit] = event.data["effect_key"], event.data["inputs_hash"]
        elif event.event_type == "step_failed":
            known[unit_of(event)] = event.data["outcome"] == "known"


def assert_effects(histories: Mapping[str, Sequence[ExecutionEvent]], calls: Iterable[tuple[str, int]]) -> None:
    """Each recorded attempt of an action ran at most once, nothing else did, and what completed had run."""
    counted = Counter(calls)
    assert set(counted.values()) <= {1}
    started: set[tuple[str, int]] = set()
    finished: set[tuple[str, int]] = set()
    keys: dict[Any, str] = {}
    completions: defaultdict[str, int] = defaultdict(int)
    for execution_id, events in histories.items():
        for event in events:
            if event.event_type == "step_started" and "action" in event.data and "items" not in event.data:
                keys[execution_id, *unit_of(event)] = event.data["effect_key"]
                started.add((event.data["effect_key"], event.data["attempt"]))
            elif event.event_type == "step_completed" and (execution_id, *unit_of(event)) in keys:
                key = keys[execution_id, *unit_of(event)]
                finished.add((key, event.data["attempt"]))
                completions[key] += 1
    assert set(counted) <= started
    assert finished <= set(counted)
    assert set(completions.values()) <= {1}
    last_attempts = {key: max(attempt for other, attempt in counted if other == key) for key in completions}
    assert all(last_attempts[key] == attempt for key, attempt in finished)


def assert_wanted(
    events: Sequence[ExecutionEvent],
    states: Sequence[ExecutionState],
    program: Program,
    around: Surroundings,
    max_events: int,
) -> None:
    """Each event after the first is one that deciding and settling ask for, in the state before it, not too soon."""
    pending: list[Draft] = []  # what one outcome leads to is one batch: what follows its first event is wanted with it
    for at in range(1, len(events)):
        event, state, recorded = events[at], states[at], as_draft(events[at])
        if event.event_type in FROM_OUTSIDE:
            continue
        if pending and pending[0] == recorded:
            del pending[0]
            continue
        commands = wanted(program, state)
        assert_one_taker_a_topic(commands, state)
        drafts = [(command, asked(command, program, state, around, event)) for command in commands]
        asking = [command for command, asked_for in drafts if recorded in asked_for[:1]]
        pending = next((asked_for[1:] for command, asked_for in drafts if command in asking), [])
        in_time = [command for command in asking if command.due_at <= event.timestamp]
        if any(command.kind is not CommandKind.DEADLINE for command in in_time):
            continue
        # What ends an execution as a whole is one batch; only its first event has to be wanted.
        rest, told = [as_draft(event) for event in events[at:]], events[-1].data
        ends = [settle(command, program, state, around) for command in in_time] + [cancellation(state, told)]
        if state.sequence >= max_events:
            ends.append(exhaustion(state, told.get("error", ""), "HistoryLimit"))
        assert rest in ends, f"nobody asked for event {at + 1}, or not yet: {recorded}"
        return


def assert_one_taker_a_topic(commands: Sequence[Command], state: ExecutionState) -> None:
    """However many wait for a signal, only one is to have it."""
    units = [state.paths[command.path].unit for command in commands if command.kind is CommandKind.TAKE]
    topics = [unit.wait.topic for unit in units if unit is not None and unit.wait is not None]
    assert len(topics) == len(set(topics))


def wanted(program: Program, state: ExecutionState) -> list[Command]:
    """What is wanted; and what was under way beside a path that fails, for its outcome may arrive at the same time."""
    commands = decide(program, state)
    others = {name: path for name, path in state.paths.items() if path.phase is not Phase.FAILING}
    if others and len(others) < len(state.paths):
        beside = decide(program, state._replace(paths=others))
        commands += [command for command in beside if command.kind in (*EFFECTS, CommandKind.ROUTE)]
    return commands


def asked(
    command: Command, program: Program, state: ExecutionState, around: Surroundings, event: ExecutionEvent
) -> list[Draft]:
    """The events by which the command is carried out; of an attempt, with the outcome that was recorded."""
    if command.kind not in EFFECTS:
        return settle(command, program, state, around)
    data = event.data
    common: dict[str, Any] = {
        "log": data.get("log", ""),
        "duration_ms": data.get("duration_ms", 0.0),
        "usage": data.get("usage"),
        "ended_at": event.timestamp,
    }
    if event.event_type == "step_completed" and "output" in data:
        return conclude(command, program, state, Outcome(output=data["output"], **common))
    if event.event_type == "step_failed":
        told = {key: data[key] for key in ("error", "error_type", "phase", "traceback", "details") if key in data}
        known = data["outcome"] == "known"
        return conclude(command, program, state, Outcome(known=known, **told, **common))
    return []


def as_draft(event: ExecutionEvent) -> Draft:
    return Draft(event.event_type, event.path_id, event.step_name, event.data)  # type: ignore[arg-type]
