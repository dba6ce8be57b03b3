"""The store that is shown: real runs of the order example, with a clock and ids that make every run the same."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import sys
import types
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dive_tui import Each, Engine, ExecutionEvent, MemoryExecutionEventStore, Step, Workflow, action
from engine.core.reduce import initial_state, reduce
from engine.loading.workflow_file import load_workflows, select_workflow
from engine.model.snapshot import ExecutionSnapshot
from engine.store import ExecutionEventStore
from engine.testing.ports import FakeClock
from stores.file.store import FileExecutionEventStore
from stores.sqlite.store import SQLiteExecutionEventStore

EXAMPLES = Path(__file__).parent.parent / "examples"
START = datetime(2026, 3, 1, 9, 2, 41, tzinfo=UTC)
NOW = START + timedelta(minutes=12, seconds=6)
AMOUNTS = (42.0, 18.5, 64.9, 30.0, 99.5, 12.0, 55.0, 118.2, 21.0, 75.4, 88.0, 35.5, 118.2)
INVOICES = START - timedelta(hours=6, minutes=2)
SLOWER = 3.3
"""How much slower than in the example the actions are, so that bars have something to show."""
_CHECKSUM = re.compile(rb',"crc":"[^"]*"\}')
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class PlausibleIds:
    """Ids that look like real ones and are the same every time."""

    def __init__(self) -> None:
        self._made = 0

    def new(self, prefix: str) -> str:
        self._made += 1
        digest = hashlib.sha256(f"{prefix}{self._made}".encode()).digest()
        return f"{prefix}_01kjm{self._made:04d}" + "".join(_ALPHABET[byte % 32] for byte in digest[:17])


class Scene:
    """A folder with two examples and their store; `ids` are those of the executions that pictures are of, by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.clock = FakeClock(INVOICES, tick=0.002, skip=True)
        self.store = SQLiteExecutionEventStore(folder / ".dive" / "store.db", create=True, offload=False)
        self.ids: dict[str, str] = {}
        for name in ("order/order.yaml", "order/shop.py", "invoice/invoice.yaml", "invoice/billing.py"):
            shutil.copyfile(EXAMPLES / name, folder / Path(name).name)

    async def build(self) -> None:
        """Run everything; the working folder must be the scene's, for the names in tracebacks."""
        memory = MemoryExecutionEventStore()
        shop, billing = self._actions("shop"), self._actions("billing")
        actions = [self._fetch_page, self._publish]
        ids = PlausibleIds()
        await self._build_invoices(Engine(memory, actions=[billing], clock=self.clock, ids=ids), memory)
        self.clock.advance((START - self.clock.now()).total_seconds())
        engine = Engine(memory, actions=[shop, *actions], clock=self.clock, ids=ids)
        order = select_workflow(load_workflows(Path("order.yaml")), None)
        for place, amount in enumerate(AMOUNTS):
            if place % 4 == 2:
                result = await engine.run(NIGHTLY, {})
                await self._keep(result.id, await memory.get_event_history(result.id), -1)
                self.clock.advance(9.0)
            result = await engine.run(order, {"amount": amount, "items": ["lamp", "desk", "chair"]})
            await self._keep(result.id, await memory.get_event_history(result.id), place)
            self.clock.advance(31.0 + 11 * (place % 3))
            if place == len(AMOUNTS) - 3:
                result = await engine.run(RELEASE, {"version": "2.4"}, linger=30)
                self.ids["waiting"] = result.id
                await self.store.append_events(await memory.get_event_history(result.id))

    async def _build_invoices(self, engine: Engine, memory: MemoryExecutionEventStore) -> None:
        """Three invoices: two that are paid, and one for which the rates service answers in percent.

        The first one's snapshot is not what its events give.
        """
        invoice = select_workflow(load_workflows(Path("invoice.yaml")), None)
        for name in ("drifted", "paid", "overcharged"):
            if name == "overcharged":
                os.environ["RATES"] = "percent"
            result = await engine.run(invoice, {})
            os.environ.pop("RATES", None)
            self.ids[name] = result.id
            events = await memory.get_event_history(result.id)
            await self.store.append_events(events)
            if name == "drifted":
                await self._keep_drifted(events)
            self.clock.advance(1820.0)

    async def _keep_drifted(self, events: list[ExecutionEvent]) -> None:
        """Store a snapshot of a state in which the payment has another reference than the events say."""
        state = initial_state(events[0].execution_id)
        for event in events:
            data = json.loads(json.dumps(event.data).replace("ch_4712", "ch_4172"))
            state = reduce(state, event._replace(data=data))
        await self.store.save_snapshot(ExecutionSnapshot.of(state, events[0].data["workflow"]))

    async def build_others(self) -> None:
        """Stores beside it, anew: a damaged one, one in SQLite, and one of the Go system."""
        for name in ("billing", "legacy", "reports"):
            shutil.rmtree(self._folder / name, ignore_errors=True)
        damaged, legacy = self._folder / "billing/.dive", self._folder / "legacy/.dive"
        damaged_store = FileExecutionEventStore(damaged, create=True, offload=False)
        for summary in (await self.store.list_executions())[:9]:
            await self._copy(summary.id, damaged_store)
        await damaged_store.close()
        for place, history in enumerate(sorted(damaged.glob("exec_*/events.jsonl"))[:6]):
            (legacy / f"exec_{place}").mkdir(parents=True)
            theirs = _CHECKSUM.sub(b"}", history.read_bytes()).replace(b'Z","event_type"', b'123Z","event_type"')
            (legacy / f"exec_{place}" / "events.jsonl").write_bytes(theirs)
        _flip(damaged / self.ids["failed"] / "events.jsonl", line=21)
        _flip(damaged / self.ids["waiting"] / "events.jsonl", line=26)
        _cut_short(damaged / self.ids["interrupted"] / "events.jsonl")
        reports = self._folder / "reports/.dive/store.db"
        reports.parent.mkdir(parents=True)
        database = SQLiteExecutionEventStore(reports, create=True, offload=False)
        for summary in (await self.store.list_executions())[:9]:
            await self._copy(summary.id, database)
        await database.close()

    async def _copy(self, execution_id: str, target: ExecutionEventStore) -> None:
        """Copy an execution as if it had run there: event by event, with a snapshot at its end."""
        state, workflow = initial_state(execution_id), dict[str, Any]()
        for event in await self.store.get_event_history(execution_id):
            await target.append_events([event])
            state = reduce(state, event)
            workflow = workflow or event.data["workflow"]
        if state.ended:
            await target.save_snapshot(ExecutionSnapshot.of(state, workflow))

    async def _keep(self, execution_id: str, events: list[ExecutionEvent], place: int) -> None:
        """Put a history, or its beginning, into the store that is shown."""
        if place == len(AMOUNTS) - 2:
            self.ids["running"] = execution_id
            await self.store.acquire_owner(execution_id, "runner_live")
            events = events[:14]
        elif place == len(AMOUNTS) - 4:
            self.ids["interrupted"] = execution_id
            events = events[:10]
        elif place == len(AMOUNTS) - 1:
            self.ids["failed"] = execution_id
        await self.store.append_events(events)

    def _actions(self, name: str) -> types.ModuleType:
        """An example's own actions; where they would wait, the scene's clock moves instead."""
        spec = importlib.util.spec_from_file_location(name, f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.dont_write_bytecode = True
        spec.loader.exec_module(module)
        module.__dict__["asyncio"] = types.SimpleNamespace(sleep=self._wait)
        return module

    async def _wait(self, seconds: float) -> None:
        """Wait in the scene's time: who waits for the earliest moment goes on first, and no real time passes."""
        await self.clock.sleep(seconds * SLOWER, idle=True)

    @property
    def _fetch_page(self) -> Any:
        @action(name="fetch_page")
        async def fetch_page(page: int) -> dict[str, int]:
            await self._wait(0.2)
            return {"page": page, "rows": 40 + 7 * page}

        return fetch_page

    @property
    def _publish(self) -> Any:
        tries = 0

        @action(name="upload")
        async def upload(file: str) -> str:
            nonlocal tries
            tries += 1
            await self._wait(0.4 + len(file) / 40)
            if tries in (2, 3):
                raise ConnectionError("the mirror closed the connection")
            return f"mirror/{file}"

        return upload


def _flip(file: Path, line: int) -> None:
    """Change one letter of a line."""
    lines = file.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"sequence"', b'"sequemce"', 1)
    file.write_bytes(b"".join(lines))


def _cut_short(file: Path) -> None:
    """Leave half of another line at the end."""
    content = file.read_bytes()
    file.write_bytes(content + content.splitlines()[-1][:90])


NIGHTLY = Workflow(
    name="nightly-import",
    steps=[
        Step(
            name="Fetch Pages",
            each=Each(items=list(range(1, 9)), as_="page"),
            action="fetch_page",
            parameters={"page": "${page}"},
            store="pages",
        ),
        Step(name="Summarize", action="Print", parameters={"message": "${sum(p.rows for p in state.pages)} rows"}),
    ],
)

RELEASE = Workflow.model_validate({
    "name": "release",
    "inputs": [{"name": "version", "type": "string"}],
    "steps": [
        {"name": "Build", "action": "upload", "parameters": {"file": "dive-${inputs.version}.tar"}, "store": "build",
         "next": [{"step": "Mirror", "path": "mirror"}, {"step": "Cool Down", "path": "docs"}]},
        {"name": "Mirror", "each": {"items": ["eu", "us"], "as": "region", "concurrency": 2}, "action": "upload",
         "parameters": {"file": "${region}"}, "retry": {"max_attempts": 4, "initial_delay": "1500ms"},
         "store": "copies", "next": ["Gather"]},
        {"name": "Cool Down", "sleep": "4s", "next": ["Gather"]},
        {"name": "Gather", "join": ["mirror", "docs"], "mappings": {"mirror.copies": "copies"}},
        {"name": "Approval", "wait_signal": "approve", "timeout": "2d", "store": "answer"},
        {"name": "Announce", "action": "Print", "parameters": {"message": "${inputs.version} is out"}},
    ],
})  # fmt: skip
