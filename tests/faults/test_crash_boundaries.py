"""SIGKILL at every event of a workflow that uses everything: a second process goes on as if nothing had happened."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.core.settle import Surroundings
from engine.model.events import ExecutionEvent
from engine.model.ids import keyed_execution_id
from stores.file.store import FileExecutionEventStore
from tests.faults.crashing_child import GO, KEY, OUTPUTS, REGISTRY
from tests.lifecycle.soundness import assert_effects, assert_sound
from tests.sizes import SIZES

ROOT = Path(__file__).parents[2]
EVENTS = 52
"""Of an undisturbed run, its child's included."""
EXECUTION = keyed_execution_id(KEY)
AROUND = Surroundings(REGISTRY.reference, 2_097_152)
RECOVERY_BUDGET = 3
MOMENTS = [(moment, True) for moment in range(1, EVENTS + 1)]
MOMENTS += [(moment, False) for moment in range(1, EVENTS + 1, SIZES.kills_apart)]
"""Just before an event becomes durable, and just after it: then nothing that follows from it has begun."""


class Lives:
    """The serving process, and the store and log that one execution has over all its lives."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self.crashes = 0

    def live(self, workflow: str = "", *, go_on: str = "", kill_at: int = 0, before: bool = False) -> dict[str, Any]:
        """One process from its start to its end; what it said then."""
        order = {
            "store": str(self._folder / "store"), "log": str(self._folder / "log"),
            "workflow": workflow, "go_on": go_on, "kill_at": kill_at, "before": before,
        }  # fmt: skip
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(order) + "\n")
        stdin.flush()
        answer: dict[str, Any] = json.loads(stdout.readline())
        self.crashes += answer["signal"] == signal.SIGKILL
        return answer

    def effects(self) -> list[tuple[str, int]]:
        """Effect key and attempt of every side effect there ever was."""
        log = self._folder / "log"
        lines = [line.split(" ") for line in log.read_text().splitlines()] if log.exists() else []
        return [(" ".join(words[:-1]), int(words[-1])) for words in lines]

    async def send(self) -> None:
        """What the workflow waits for; the same message again is no other one."""
        store = FileExecutionEventStore(self._folder / "store")
        await store.send_signal(EXECUTION, GO)
        await store.close()

    async def histories(self) -> dict[str, list[ExecutionEvent]]:
        store = FileExecutionEventStore(self._folder / "store")
        found = {entry.id: await store.get_event_history(entry.id) for entry in await store.list_executions()}
        await store.close()
        return found


@pytest.fixture(scope="module")
def server() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.faults.crashing_child"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.communicate(timeout=10)


@pytest.fixture
def lives(server: subprocess.Popen[str], tmp_path: Path) -> Lives:
    return Lives(server, tmp_path)


async def assert_as_if_nothing_had_happened(lives: Lives, end: dict[str, Any]) -> None:
    """The outputs of an undisturbed run, sound histories, one signal received, and no side effect too many."""
    assert (end["signal"], end["status"], end["outputs"]) == (0, "completed", OUTPUTS)
    histories = await lives.histories()
    assert len(histories) == 2
    for events in histories.values():
        assert_sound(events, AROUND, 51_200)
    events = histories[EXECUTION]
    assert [event.data["ordinal"] for event in events if event.event_type == "signal_received"] == [1]
    effects = lives.effects()
    assert_effects(histories, effects)
    times = Counter(key for key, _ in effects)
    interrupted = interruptions(histories)
    assert all(interrupted[key] <= lives.crashes for key in interrupted)
    assert all(times[key] <= 1 + interrupted[key] for key in times)


def interruptions(histories: dict[str, list[ExecutionEvent]]) -> Counter[str]:
    """How often each effect was under way when its process died."""
    recoveries = [e for events in histories.values() for e in events if e.event_type == "execution_recovered"]
    return Counter(unit["effect_key"] for event in recoveries for unit in event.data["interrupted"])


async def test_an_undisturbed_run_has_every_kind_of_boundary(lives: Lives) -> None:
    end = lives.live("representative")
    await assert_as_if_nothing_had_happened(lives, end)
    histories = await lives.histories()
    events = [event for events in histories.values() for event in events]
    assert len(events) == EVENTS
    assert {event.event_type for event in events} >= {
        "path_branched", "path_joined", "step_retry_scheduled", "step_waiting", "signal_received", "step_failed",
    }  # fmt: skip
    assert set(Counter(lives.effects()).values()) == {1}


@pytest.mark.parametrize(("moment", "before"), MOMENTS)
async def test_a_kill_at_every_event(lives: Lives, moment: int, before: bool) -> None:
    assert lives.live("representative", kill_at=moment, before=before)["signal"] == signal.SIGKILL
    if moment == 1 and before:
        assert await lives.histories() == {}
        assert lives.effects() == []
        end = lives.live("representative")
    else:
        await send_if_open(lives)
        end = lives.live(go_on=EXECUTION)
    await assert_as_if_nothing_had_happened(lives, end)
    assert max(Counter(key for key, _ in lives.effects()).values()) <= 2


async def send_if_open(lives: Lives) -> None:
    histories = await lives.histories()
    if histories[EXECUTION][-1].event_type != "execution_completed":
        await lives.send()


@pytest.mark.parametrize("pair", range(SIZES.random_kills))
async def test_two_kills_in_a_row(lives: Lives, pair: int) -> None:
    chance = random.Random(pair)
    first = chance.randrange(2, EVENTS - 8)
    assert lives.live("representative", kill_at=first, before=chance.random() < 0.5)["signal"] == signal.SIGKILL
    await lives.send()
    again = chance.randrange(1, 8)
    assert lives.live(go_on=EXECUTION, kill_at=again, before=chance.random() < 0.5)["signal"] == signal.SIGKILL
    await assert_as_if_nothing_had_happened(lives, lives.live(go_on=EXECUTION))
    assert max(Counter(key for key, _ in lives.effects()).values()) <= 3


@pytest.mark.parametrize(
    ("workflow", "status", "error_type", "outputs"),
    [("deadly", "failed", "Interrupted", None), ("caught", "completed", "", {"handled": "Interrupted"})],
)
async def test_a_unit_that_kills_its_process_each_time_fails_in_the_end(
    lives: Lives, workflow: str, status: str, error_type: str, outputs: Any
) -> None:
    assert lives.live(workflow)["signal"] == signal.SIGKILL
    for _ in range(RECOVERY_BUDGET):
        assert lives.live(go_on=EXECUTION)["signal"] == signal.SIGKILL
    end = lives.live(go_on=EXECUTION)
    assert (end["signal"], end["status"], end["error_type"]) == (0, status, error_type)
    assert end["outputs"] == outputs
    deadly = [effect for effect in lives.effects() if "/Deadly/" in effect[0]]
    assert deadly == [(f"{EXECUTION}/main/Deadly/1#1", attempt) for attempt in range(1, RECOVERY_BUDGET + 2)]
    events = (await lives.histories())[EXECUTION]
    assert_sound(events, AROUND, 51_200)
    recovered = [event.data["count"] for event in events if event.event_type == "execution_recovered"]
    assert recovered == list(range(1, RECOVERY_BUDGET + 2))


async def child_id(lives: Lives) -> str:
    return next(execution_id for execution_id in await lives.histories() if execution_id != EXECUTION)


async def first_event_of_the_child(lives: Lives) -> int:
    """At which event the child begins, in a process that dies when it has."""
    for moment in range(35, EVENTS):
        trial = Lives(lives._process, lives._folder / str(moment))
        (lives._folder / str(moment)).mkdir()
        assert trial.live("representative", kill_at=moment)["signal"] == signal.SIGKILL
        if len(await trial.histories()) == 2:
            return moment
    raise AssertionError("there is no child")


async def test_a_child_goes_on_while_its_parent_is_dead(lives: Lives) -> None:
    begins = await first_event_of_the_child(lives)
    assert lives.live("representative", kill_at=begins)["signal"] == signal.SIGKILL
    child = await child_id(lives)
    assert lives.live(go_on=child)["outputs"] == {"k": 14}
    before = lives.effects()
    await assert_as_if_nothing_had_happened(lives, lives.live(go_on=EXECUTION))
    assert [effect for effect in lives.effects() if effect[0].startswith(child)] == [
        effect for effect in before if effect[0].startswith(child)
    ]


async def test_a_child_that_died_alone_is_taken_up_by_its_parent(lives: Lives) -> None:
    begins = await first_event_of_the_child(lives)
    assert lives.live("representative", kill_at=begins)["signal"] == signal.SIGKILL
    assert lives.live(go_on=await child_id(lives), kill_at=3)["signal"] == signal.SIGKILL
    await assert_as_if_nothing_had_happened(lives, lives.live(go_on=EXECUTION))
