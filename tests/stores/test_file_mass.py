"""Many processes with many executions each in one store: every event of every history is where it belongs."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from engine.testing.conformance_events import SignalMaker
from stores.file.store import FileExecutionEventStore
from tests.sizes import SIZES
from tests.stores.histories import batches, flat
from tests.stores.mass_child import SHARED, WORKS, execution_ids

ROOT = Path(__file__).parents[2]


async def start(base: Path, mark: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "tests.stores.mass_child", str(base), mark, str(SIZES.mass_executions))
    return await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )


async def test_processes_that_write_at_once_leave_whole_histories(base: Path) -> None:
    store = FileExecutionEventStore(base, create=True, offload=False)
    marks = [f"p{number}" for number in range(SIZES.mass_processes)]
    processes = [await start(base, mark) for mark in marks]
    answers = [json.loads(out) for out, _ in await asyncio.gather(*(each.communicate(b"go\n") for each in processes))]

    for mark in marks:
        for execution_id in execution_ids(mark, SIZES.mass_executions):
            history = flat(batches(execution_id, works=WORKS, mark=mark))
            assert await store.get_event_history(execution_id) == history
            assert await store.get_events(execution_id, len(history) - 3, 2) == history[-4:-2]
    assert sorted(answers) == [False] * (len(marks) - 1) + [True], "of those who want the same one wins"
    winner = marks[answers.index(True)]
    assert await store.get_event_history(SHARED) == flat(batches(SHARED, works=WORKS, mark=winner))

    messages = await store.get_signals(SHARED)
    assert [message.ordinal for message in messages] == [*range(1, len(messages) + 1)]
    for mark in marks:
        maker = SignalMaker(mark)
        sent = [maker.signal(number).id for number in range(1, WORKS + 2)]
        assert [message.id for message in messages if message.id in sent] == sent, "each once, in its sender's order"
    assert len(messages) == len(marks) * (WORKS + 1)

    listed = await store.list_executions()
    assert len(listed) == len(marks) * SIZES.mass_executions + 1
    assert {(line.status, line.error) for line in listed} == {("completed", "")}
    found = [finding for finding in await store.examine() if finding.place != "snapshot.json"]
    assert found == []
