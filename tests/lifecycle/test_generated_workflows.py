"""Generated workflows run by the engine: every history is sound, and looking at it shows what was true."""

from __future__ import annotations

import re
from typing import Any

import orjson
from hypothesis import given, settings

from engine.core.settle import Surroundings
from engine.replay.diffing.diff import Differences, join_address
from engine.replay.history import History
from engine.replay.view import changes_at, full_view
from tests.lifecycle.driven import Crash, Message, Ran, drive
from tests.lifecycle.generated import LIMITS, REGISTRY, crashes, definitions, messages, sequences
from tests.lifecycle.reference import Reference
from tests.lifecycle.soundness import assert_effects, assert_sound, canonical, states_of, unit_of
from tests.replay.patching import patched

AROUND = Surroundings(REGISTRY.reference, LIMITS.max_payload)


def assert_all_sound(ran: Ran) -> None:
    """The execution and its children, and what their actions did."""
    for execution_id, events in ran.histories.items():
        last = assert_sound(events, AROUND, LIMITS.max_events)
        if execution_id == ran.result.id:
            assert ran.result.state == last
            assert canonical(ran.result.state) == canonical(last)
        if events[-1].data.get("error_type") != "HistoryLimit":
            Reference(ran.histories).follow(events)
    assert_effects(ran.histories, ran.calls)


@settings(max_examples=settings.default.max_examples * 5)
@given(definition=definitions(), sent=messages)
def test_every_history_is_sound(definition: dict[str, Any], sent: list[Message]) -> None:
    assert_all_sound(drive(definition, messages=sent))


@settings(max_examples=settings.default.max_examples * 5)
@given(definition=definitions(), sent=messages, dying=crashes)
def test_every_history_is_sound_whenever_its_process_dies(
    definition: dict[str, Any], sent: list[Message], dying: list[Crash]
) -> None:
    assert_all_sound(drive(definition, messages=sent, crashes=dying))


@given(definition=sequences(), dying=crashes)
def test_a_death_changes_nothing_of_what_comes_out(definition: dict[str, Any], dying: list[Crash]) -> None:
    whole, mended = drive(definition), drive(definition, crashes=dying)
    assert what_came_out(whole) == what_came_out(mended)


def what_came_out(ran: Ran) -> str:
    """Status, outputs and error; and the units that ended, with what they gave."""
    ends = [
        (event.event_type, unit_of(event), event.data.get("output"), event.data.get("error_type"))
        for event in ran.events
        if event.event_type in ("step_completed", "step_failed") and "retry" not in event.data
    ]
    error = ran.result.error and (ran.result.error["type"], ran.result.error["message"])
    told = repr((ran.result.status, ran.result.outputs, error, sorted(ends, key=repr)))
    # A start that nobody stored is made again under another id, which children are named after.
    told = re.sub("…[0-9a-z]{5}|exec_[0-9a-z]{26}", "ID", told)
    # The attempt that a death interrupted counts, also in what `catch` stores of an error.
    return re.sub(r"'attempt': \d+", "'attempt': N", told)


@given(definitions())
def test_any_past_state_is_the_fold_up_to_it_however_it_is_reached(definition: dict[str, Any]) -> None:
    ran = drive(definition)
    events = ran.events
    states = states_of(events)
    history = History(ran.result.id, events)
    assert history.problem is None
    there_and_back = [*range(len(events), -1, -1), *range(0, len(events), 3)]
    for sequence in there_and_back:
        assert canonical(history.state_at(sequence)) == canonical(states[sequence])


SHOWN = ("status", "inputs", "outputs", "error", "paths", "signals")


def plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


@given(definitions())
def test_the_changes_of_an_event_are_the_differences_of_the_views_around_it(definition: dict[str, Any]) -> None:
    ran = drive(definition)
    events = ran.events
    history = History(ran.result.id, events)
    pace = len(events) // 20 + 1
    for sequence in range(1 + len(events) % pace, len(events) + 1, pace):
        before, after = plain(full_view(history, sequence - 1)), plain(full_view(history, sequence))
        changes = changes_at(history, sequence).changes
        on_paths = Differences([c for c in changes if c.keys[0] != "steps"])
        made = patched({key: before[key] for key in SHOWN}, on_paths.to_patch())
        assert made == {key: after[key] for key in SHOWN}
        assert len(on_paths.changes) == len({(c.address, c.kind) for c in on_paths.changes})
        assert all(c.old != c.new for c in on_paths.changes if c.kind == "changed")
        of_steps = {c.address for c in changes if c.address.startswith("steps")}
        moved = {entry["step"] for entry in after["steps"] if entry not in before["steps"]}
        assert len(moved) <= 1 or events[sequence - 1].event_type == "path_cancelled"
        for step in moved:
            assert any(address.startswith(join_address("steps", step)) for address in of_steps)
        # Between two attempts a step is retrying, or is cancelled then, and no attempt is at work.
        between = events[sequence - 1].event_type in ("step_retry_scheduled", "path_cancelled")
        assert of_steps == set() or moved or between
