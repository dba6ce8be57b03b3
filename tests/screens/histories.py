"""Histories for tests of screens and widgets: real runs of the engine on a fake clock, and long ones written fast.

    store, execution_id = await failed_order()
    history = History(execution_id, await store.get_event_history(execution_id))

All times and ids are the same in every run.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.lifecycle.engine import Engine
from engine.model.events import ExecutionEvent
from engine.model.times import format_time
from engine.model.workflow import Each, Edge, Output, Step, Workflow
from engine.replay.history import History
from engine.runtime.actions import action
from engine.testing.ports import FakeClock, SequentialIds
from stores.memory import MemoryExecutionEventStore

START = datetime(2026, 3, 1, 9, 14, 2, tzinfo=UTC)
HOSTILE = "\x1b]0;owned\x07\x1b]52;c;aGk=\x07 \x9b31m \u202egnp.exe \x00\t[/] [/red] [bold]$x[/] 宽字 \U0001f469\u200d"
_TURNS = 60


class Stage:
    """A clock on which actions take as long as they say, beside each other, in no real time.

    Actions await `takes(seconds)`; `play` runs something to its end and moves the clock from one due moment to the
    next whenever nothing else can go on.
    """

    def __init__(self) -> None:
        self.clock = FakeClock(START)
        self._due: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    async def takes(self, seconds: float) -> None:
        """Return once so many seconds have passed on this stage's clock."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._due, (self.clock.monotonic() + seconds, next(self._numbers), done))
        await done

    async def play(self, work: Awaitable[Any]) -> Any:
        """The result of the work."""
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            if self._due and not task.done():
                moment, _, done = heapq.heappop(self._due)
                self.clock.advance(max(0.0, moment - self.clock.monotonic()))
                if not done.done():
                    done.set_result(None)
        return await task


class CardDeclined(Exception):
    """The bank says no."""


class Gateway:
    """Somebody else's code that an action calls."""

    def charge(self, amount: float, currency: str) -> None:
        if amount > 100:
            raise CardDeclined("insufficient funds (402)")


def order_actions(stage: Stage) -> list[Callable[..., Any]]:
    """The actions of the order workflow."""

    @action(name="Orders.Validate")
    async def validate(order: Mapping[str, Any]) -> dict[str, Any]:
        await stage.takes(0.04)
        return {"ok": True, "total": 118.2, "currency": "EUR", "items": ["lamp", "bulb", "cable"]}

    @action(name="Stock.Reserve")
    async def reserve(item: str) -> dict[str, Any]:
        await stage.takes(0.2 + 0.05 * len(item))
        print(f"reserved {item}")
        return {"item": item, "shelf": f"A-{len(item)}", "left": 10 - len(item)}

    @action(name="Cards.Charge")
    async def charge(amount: float, currency: str) -> str:
        print(f"POST /charge {amount} {currency}")
        await stage.takes(1.66)
        Gateway().charge(amount, currency)
        print("200 paid")
        return "paid"

    @action(name="Mail.Send")
    async def send(to: str, subject: str) -> dict[str, Any]:
        await stage.takes(0.9)
        return {"to": to, "subject": subject, "id": "mail-1"}

    @action(name="Parcel.Pack")
    async def pack(items: list[Any]) -> list[Any]:
        await stage.takes(2.5)
        return items

    return [validate, reserve, charge, send, pack]


def order_workflow(amount: float = 118.2) -> Workflow:
    """Validate, reserve each item, then charge, notify and pack beside each other; 118.20 is more than the card has."""
    return Workflow(
        name="order",
        steps=(
            Step(
                name="Validate",
                action="Orders.Validate",
                parameters={"order": {"customer": "k3rg2", "amount": amount, "note": "ring twice"}},
                store="order",
            ),
            Step(
                name="Reserve Stock",
                each=Each(items="${state.order['items']}", as_="item"),
                action="Stock.Reserve",
                parameters={"item": "${item}"},
                store="reserved",
                next=(
                    Edge(step="Charge Card", path="payment"),
                    Edge(step="Notify", path="notify"),
                    Edge(step="Pack", path="warehouse", condition="len(state.reserved) > 2"),
                    Edge(step="Pack", path="express", condition="len(state.reserved) > 20"),
                ),
            ),
            Step(
                name="Charge Card",
                action="Cards.Charge",
                parameters={"amount": amount, "currency": "EUR"},
                store="receipt",
                end=True,
            ),
            Step(name="Notify", action="Mail.Send", parameters={"to": "ann@example.org", "subject": "your order"}),
            Step(name="Archive", action="Mail.Send", parameters={"to": "archive", "subject": "copy"}, end=True),
            Step(
                name="Pack", action="Parcel.Pack", parameters={"items": "${state.reserved}"}, store="parcel", end=True
            ),
        ),
        outputs=(Output(name="reserved", value="${len(state.reserved)}"),),
    )


async def run(
    workflow: Workflow, actions: Iterable[Callable[..., Any]], stage: Stage, inputs: Mapping[str, Any] | None = None
) -> tuple[MemoryExecutionEventStore, str]:
    """Run a workflow to its end in a store of its own; the store and the execution's id."""
    store = MemoryExecutionEventStore()
    engine = Engine(store, actions=actions, clock=stage.clock, ids=SequentialIds())
    result = await stage.play(engine.run(workflow, inputs))
    return store, result.id


async def failed_order() -> tuple[MemoryExecutionEventStore, str]:
    """An order whose card is declined while another path still packs."""
    stage = Stage()
    return await run(order_workflow(), order_actions(stage), stage)


async def completed_order() -> tuple[MemoryExecutionEventStore, str]:
    """An order that works out."""
    stage = Stage()
    return await run(order_workflow(amount=42.0), order_actions(stage), stage)


async def history_of(store: MemoryExecutionEventStore, execution_id: str) -> History:
    """The whole history of an execution."""
    return History(execution_id, await store.get_event_history(execution_id))


class Playback:
    """A store that comes to hold an execution bit by bit, as if a runner were writing it."""

    RUNNER = "runner_00000000000000000000000001"

    def __init__(self, events: Sequence[ExecutionEvent]) -> None:
        self.store = MemoryExecutionEventStore()
        self.execution_id = events[0].execution_id
        self._runner = self.store.open_again()
        self._events = list(events)
        self._played = 0

    async def play(self, count: int) -> None:
        """Append the next `count` events; the first time the runner also takes ownership."""
        batch = self._events[self._played : self._played + count]
        if not self._played:
            await self._runner.acquire_owner(self.execution_id, self.RUNNER)
        self._played += len(batch)
        await self._runner.append_events(batch)

    async def die(self) -> None:
        """The runner's process ends without a word."""
        await self._runner.close()


class Writer:
    """Writes events of one execution without running anything; `at` is in seconds after the start."""

    def __init__(self, execution_id: str = "exec_0000000000000000000000000w") -> None:
        self.execution_id = execution_id
        self.events: list[ExecutionEvent] = []

    def add(
        self, kind: str, path: str = "", step: str = "", data: Mapping[str, Any] | None = None, *, at: float = 0.0
    ) -> ExecutionEvent:
        """Add the next event."""
        sequence = len(self.events) + 1
        moment = format_time(START + timedelta(seconds=at))
        event = ExecutionEvent(
            f"event_{sequence:026}", self.execution_id, path, sequence, moment, kind, step, data or {}
        )
        self.events.append(event)
        return event

    def begin(self, steps: Sequence[str] = ("Work",), name: str = "written") -> None:
        """The first two events: the execution and its path `main`."""
        workflow = {"name": name, "steps": [{"name": step, "action": "Test.Work"} for step in steps]}
        self.add(
            "execution_started",
            data={
                "workflow_name": name,
                "workflow": workflow,
                "workflow_hash": "v1:0",
                "inputs": {},
                "inputs_hash": "v1:0",
                "engine_version": "0",
            },
        )
        self.add("path_started", "main", data={"current_step": steps[0]})

    def start(self, path: str, step: str, *, at: float, visit: int = 1, **more: Any) -> None:
        """A step starts."""
        data = {
            "step_type": "action",
            "visit": visit,
            "attempt": 1,
            "step_params": {},
            "inputs_hash": "v1:0",
            "effect_key": f"{self.execution_id}/{path}/{step}/{visit}#1",
            "action": {"name": "Test.Work"},
        }
        self.add("step_started", path, step, {**data, **more}, at=at)

    def complete(
        self, path: str, step: str, *, at: float, visit: int = 1, output: Any = None, to: str = "", **more: Any
    ) -> None:
        """A step completes and leads `to` another one, or nowhere."""
        edges = [{"step": to, "value": True}] if to else []
        data = {"visit": visit, "attempt": 1, "output": output, "edges": edges, "duration_ms": 1.0}
        self.add("step_completed", path, step, {**data, **more}, at=at)

    def fail(self, path: str, step: str, error: str, *, at: float, visit: int = 1, **more: Any) -> None:
        """A step fails for good, and with it its path and the execution."""
        data = {
            "visit": visit,
            "attempt": 1,
            "phase": "run",
            "error": error,
            "error_type": "TestError",
            "outcome": "known",
            "final": True,
        }
        cause = self.add("step_failed", path, step, {**data, **more}, at=at).sequence
        told = {"error": error, "error_type": "TestError"}
        self.add("path_failed", path, data={**told, "caused_by": cause, "final_step": step}, at=at)
        self.add("execution_failed", data={**told, "caused_by": [cause]}, at=at)


def long_each(events: int = 100_000, *, fails: bool = True) -> list[ExecutionEvent]:
    """One step over so many items that the history has about this many events."""
    items = max(1, (events - 7) // 2)
    writer = Writer("exec_0000000000000000000000each")
    writer.begin(["List", "Measure", "Report"], "measure-files")
    names = [f"src/module_{number:05}.py" for number in range(items)]
    writer.start("main", "List", at=0.01)
    writer.complete("main", "List", at=0.05, output=names, stored_variable="files", to="Measure")
    writer.start("main", "Measure", at=0.05, items=names)
    moment = 0.05
    for index, name in enumerate(names):
        item: dict[str, Any] = {"iteration": {"index": index}}
        writer.start("main", "Measure", at=moment, **item, step_params={"path": name})
        moment += 0.003 + 0.002 * (index % 7 == 0) + 0.01 * (index // 5000 % 2)
        output = {"path": name, "lines": index % 900, "problem": None}
        writer.complete("main", "Measure", at=moment, output=output, **item)
    if fails:
        writer.fail("main", "Measure", "the disk is full", at=moment + 0.01)
    return writer.events


def long_loop(events: int = 100_000) -> list[ExecutionEvent]:
    """Two steps that lead to each other again and again: as many units as half the events."""
    writer = Writer("exec_0000000000000000000000loop")
    writer.begin(["Poll", "Handle"], "worker")
    moment = 0.0
    for number in range(max(1, (events - 2) // 2)):
        step, following = ("Poll", "Handle") if number % 2 == 0 else ("Handle", "Poll")
        visit = number // 2 + 1
        writer.start("main", step, at=moment, visit=visit)
        moment += 0.002 if step == "Poll" else 0.008
        writer.complete("main", step, at=moment, visit=visit, output={"number": number}, to=following)
    return writer.events


def hostile_events() -> list[ExecutionEvent]:
    """A history whose every text is hostile, with one of ten megabytes."""
    writer = Writer()
    path, step = f"main{HOSTILE}", f"Step {HOSTILE}"
    writer.begin([step], f"flow {HOSTILE}")
    writer.add("path_started", path, data={"current_step": step, "parent": "main"}, at=0.1)
    writer.start(path, step, at=0.2, step_params={HOSTILE: [HOSTILE, {HOSTILE: None}]})
    writer.complete(
        path, step, at=1.0, output={"big": "x" * 10_000_000, HOSTILE: HOSTILE}, stored_variable="v", to=step
    )
    writer.start(path, step, at=1.1, visit=2)
    trace = f'Traceback (most recent call last):\n  File "{HOSTILE}", line 3, in {HOSTILE}\n    {HOSTILE}\nE: {HOSTILE}'
    writer.fail(path, step, HOSTILE * 50, at=2.0, visit=2, error_type=HOSTILE, traceback=trace, log=HOSTILE * 20)
    return writer.events
