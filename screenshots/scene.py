"""The store that is shown: real runs of the order example, with a clock and ids that make every run the same."""

from __future__ import annotations

import hashlib
import importlib.util
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

EXAMPLE = Path(__file__).parent.parent / "examples" / "order"
START = datetime(2026, 3, 1, 9, 2, 41, tzinfo=UTC)
NOW = START + timedelta(minutes=12, seconds=6)
AMOUNTS = (42.0, 18.5, 64.9, 30.0, 99.5, 12.0, 55.0, 118.2, 21.0, 75.4, 88.0, 35.5, 118.2)
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
    """A folder with the example and its store; `failed`, `running`, `interrupted` and `waiting` are ids in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.clock = FakeClock(START, tick=0.002, skip=True)
        self.store = SQLiteExecutionEventStore(folder / ".dive" / "store.db", create=True, offload=False)
        self.failed = self.running = self.interrupted = self.waiting = ""
        for name in ("order.yaml", "shop.py"):
            shutil.copyfile(EXAMPLE / name, folder / name)

    async def build(self) -> None:
        """Run everything; the working folder must be the scene's, for the names in tracebacks."""
        memory = MemoryExecutionEventStore()
        engine = Engine(
            memory, actions=[self._shop(), self._fetch_page, self._publish], clock=self.clock, ids=PlausibleIds()
        )
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
                self.waiting = result.id
                await self.store.append_events(await memory.get_event_history(result.id))

    async def build_others(self) -> None:
        """Stores beside it, anew: a damaged one, one in SQLite, and one of the Go system."""
        for name in ("billing", "legacy", "reports"):
            shutil.rmtree(self._folder / name, ignore_errors=True)
        damaged, legacy = self._folder / "billing/.dive", self._folder / "legacy/.dive"
        damaged_store = FileExecutionEventStore(damaged, create=True, offload=False)
        for summary in (await self.store.list_executions())[:9]:
            await self._copy(summary.id, damaged_store)
        await damaged_store.close()
        _flip(damaged / self.failed / "events.jsonl", line=21)
        _flip(damaged / self.waiting / "events.jsonl", line=26)
        _cut_short(damaged / self.interrupted / "events.jsonl")
        for place, history in enumerate(sorted((self._folder / ".dive").glob("exec_*/events.jsonl"))[:6]):
            (legacy / f"exec_{place}").mkdir(parents=True)
            theirs = _CHECKSUM.sub(b"}", history.read_bytes()).replace(b'Z","event_type"', b'123Z","event_type"')
            (legacy / f"exec_{place}" / "events.jsonl").write_bytes(theirs)
        reports = self._folder / "reports/.dive/store.db"
        reports.parent.mkdir(parents=True)
        database = SQLiteExecutionEventStore(reports, create=True, offload=False)
        for summary in (await self.store.list_executions())[:9]:
            await self._copy(summary.id, database)
        await database.close()

    async def _copy(self, execution_id: str, target: ExecutionEventStore) -> None:
        """Copy an execution as if it had run there: event by event, with a snapshot at its end."""
        state, workflow = initial_state(execution_id), {}
        for event in await self.store.get_event_history(execution_id):
            await target.append_events([event])
            state = reduce(state, event)
            workflow = workflow or event.data["workflow"]
        if state.ended:
            await target.save_snapshot(ExecutionSnapshot.of(state, workflow))

    async def _keep(self, execution_id: str, events: list[ExecutionEvent], place: int) -> None:
        """Put a history, or its beginning, into the store that is shown."""
        if place == len(AMOUNTS) - 2:
            self.running = execution_id
            await self.store.acquire_owner(execution_id, "runner_live")
            events = events[:14]
        elif place == len(AMOUNTS) - 4:
            self.interrupted = execution_id
            events = events[:10]
        elif place == len(AMOUNTS) - 1:
            self.failed = execution_id
        await self.store.append_events(events)

    def _shop(self) -> types.ModuleType:
        """The example's own actions; where they would wait, the scene's clock moves instead."""
        spec = importlib.util.spec_from_file_location("shop", "shop.py")
        assert spec is not None and spec.loader is not None
        shop = importlib.util.module_from_spec(spec)
        sys.dont_write_bytecode = True
        spec.loader.exec_module(shop)
        shop.__dict__["asyncio"] = types.SimpleNamespace(sleep=self._wait)
        return shop

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
