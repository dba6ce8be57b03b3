"""SIGKILL with relaxed durability: some last steps run again with the same effect key, and nothing else is lost."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from dive_tui import ActionContext, Engine, action, open_store
from engine.core.reduce import fold, initial_state
from engine.replay.replayer import ExecutionReplayer

CHILD = Path(__file__).parent / "relaxed_child.py"
EXECUTIONS, STEPS, BATCH = 4, 12, 16


class Told:
    """What a process said before it died."""

    def __init__(self, out: str) -> None:
        self.of: dict[str, list[list[str]]] = defaultdict(list)
        for line in out.splitlines():
            kind, *words = line.split()
            self.of[kind].append(words)

    @property
    def ids(self) -> list[str]:
        return [execution_id for (execution_id,) in self.of["started"]]

    def taken(self, execution_id: str) -> int:
        """The last sequence that was taken of an execution."""
        return max(int(sequence) for name, sequence in self.of["taken"] if name == execution_id)


def die(location: str, kill_at: int, **more: Any) -> Told:
    order = {"store": location, "executions": EXECUTIONS, "steps": STEPS, "kill_at": kill_at} | more
    child = subprocess.run(
        [sys.executable, str(CHILD), json.dumps(order)], capture_output=True, text=True, timeout=50, check=False
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    return Told(child.stdout)


async def check(location: str, told: Told) -> dict[str, int]:
    """What is on disk is a whole beginning of what happened; returns how many events of each execution there are."""
    store = open_store(location)
    kept = {}
    for execution_id in told.ids:
        events = await store.get_event_history(execution_id)
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        assert ExecutionReplayer(store).validate_event_history(events) == []
        state = fold(initial_state(execution_id), events)
        assert state.ended == ([execution_id] in told.of["ended"])
        kept[execution_id] = len(events)
    await store.close()
    return kept


async def go_on(location: str, told: Told) -> dict[tuple[str, str], list[str]]:
    """Recover everything; returns the effect keys of the steps that ran then."""
    ran = defaultdict(list)

    @action
    async def note(context: ActionContext) -> None:
        ran[context.execution_id, context.step].append(context.effect_key)

    store = open_store(location)
    engine = Engine(store, actions=[note])
    for execution_id in told.ids:
        result = await engine.recover(execution_id)
        assert result.ok
    await engine.close()
    await store.close()
    return ran


@pytest.mark.parametrize("kind", ["file", "sqlite"])
@pytest.mark.parametrize("kill_at", [1, 20, 33, EXECUTIONS * STEPS])
async def test_only_what_had_gathered_is_lost_and_it_runs_again_with_the_same_key(
    tmp_path: Path, kind: str, kill_at: int
) -> None:
    location = f"{kind}:{tmp_path / ('store.db' if kind == 'sqlite' else 'store')}"
    told = await asyncio.to_thread(die, location, kill_at, batch_size=BATCH, flush_interval=60)
    assert len(told.ids) == EXECUTIONS, "what was announced exists"
    kept = await check(location, told)
    lost = {name: told.taken(name) - kept[name] for name in told.ids}
    assert all(count >= 0 for count in lost.values())
    # One buffer full, one on its way, and what came in the turn in which it was full.
    assert sum(lost.values()) <= 2 * BATCH + 3 * EXECUTIONS
    if kill_at == 20:
        assert sum(lost.values()) > 0, "else nothing is shown"

    before = {(name, step): key for name, step, key in told.of["ran"]}
    again = await go_on(location, told)
    steps = {(name, f"S{number}") for name in told.ids for number in range(STEPS)}
    assert before.keys() | again.keys() == steps
    for unit, keys in again.items():
        assert len(keys) == 1
        assert before.get(unit, keys[0]) == keys[0], "who asks the outside world whether it was done is told"
    # A step runs again because its end was lost, never for another reason: of each execution these are the last ones.
    for name in told.ids:
        mine = [step for execution, step, _ in told.of["ran"] if execution == name]
        repeated = [step for execution, step in again if execution == name and step in mine]
        assert repeated == mine[len(mine) - len(repeated) :]


async def test_what_waited_for_the_interval_is_flushed(tmp_path: Path) -> None:
    """With a short interval and slow steps nothing but the last moment is lost."""
    location = f"file:{tmp_path / 'store'}"
    told = await asyncio.to_thread(die, location, 30, batch_size=100_000, flush_interval=0.0001)
    kept = await check(location, told)
    assert sum(kept.values()) > 4 * EXECUTIONS, "more than the beginnings"
