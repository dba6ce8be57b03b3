"""Generated workflows run by the engine: every history is sound, and looking at it shows what was true."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from hypothesis import given, settings

from engine.core.settle import Surroundings
from engine.lifecycle.engine import Engine, ExecutionResult
from engine.model.events import ExecutionEvent
from engine.model.workflow import Workflow
from engine.replay.diff import join_address
from engine.replay.history import History
from engine.replay.view import changes_at, full_view
from engine.testing.ports import FakeClock, SequentialIds
from stores.memory import MemoryExecutionEventStore
from tests.lifecycle.generated import ACTIONS, INPUTS, LIMITS, REGISTRY, definitions, program_of
from tests.lifecycle.soundness import assert_sound, canonical, states_of
from tests.replay.oracle import places

AROUND = Surroundings(REGISTRY.reference, LIMITS.max_payload)


def run(definition: dict[str, Any]) -> tuple[list[ExecutionEvent], ExecutionResult]:
    async def go() -> tuple[list[ExecutionEvent], ExecutionResult]:
        store = MemoryExecutionEventStore()
        engine = Engine(store, actions=ACTIONS, config=LIMITS, clock=FakeClock(), ids=SequentialIds())
        result = await engine.run(Workflow.model_validate(definition), INPUTS)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return await store.get_event_history(result.id), result

    return asyncio.run(go())


@settings(max_examples=settings.default.max_examples * 3)
@given(definitions())
def test_every_history_is_sound(definition: dict[str, Any]) -> None:
    events, result = run(definition)
    assert result.status in ("completed", "failed")
    assert_sound(events, result.state, program_of(definition), AROUND, LIMITS.max_events)


@given(definitions())
def test_any_past_state_is_the_fold_up_to_it_however_it_is_reached(definition: dict[str, Any]) -> None:
    events, result = run(definition)
    states = states_of(events)
    history = History(result.id, events)
    assert history.problem is None
    there_and_back = [*range(len(events), -1, -1), *range(0, len(events), 3)]
    for sequence in there_and_back:
        assert canonical(history.state_at(sequence)) == canonical(states[sequence])


SHOWN = ("status", "inputs", "outputs", "error", "paths")


def plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


@given(definitions())
def test_the_changes_of_an_event_are_the_differences_of_the_views_around_it(definition: dict[str, Any]) -> None:
    events, result = run(definition)
    history = History(result.id, events)
    pace = len(events) // 20 + 1
    for sequence in range(1 + len(events) % pace, len(events) + 1, pace):
        before, after = plain(full_view(history, sequence - 1)), plain(full_view(history, sequence))
        changes = changes_at(history, sequence).changes
        on_paths = {(c.address, c.kind) for c in changes if not c.address.startswith("steps")}
        assert on_paths == places({key: before[key] for key in SHOWN}, {key: after[key] for key in SHOWN})
        of_steps = {c.address for c in changes if c.address.startswith("steps")}
        moved = {entry["step"] for entry in after["steps"] if entry not in before["steps"]}
        assert len(moved) <= 1 or events[sequence - 1].event_type == "path_cancelled"
        for step in moved:
            assert any(address.startswith(join_address("steps", step)) for address in of_steps)
        assert of_steps == set() or moved
