"""Executions to export: those with known states, one that holds nothing but hostile text, and a long one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from engine.model.events import ExecutionEvent
from engine.model.snapshot import ExecutionSummary, summarize
from engine.replay.history import History
from tests.cli.histories import event
from tests.replay.golden_runs import RUNS, recorded


class Sample(NamedTuple):
    """An execution as exports take it."""

    history: History
    summary: ExecutionSummary
    events: list[ExecutionEvent]


def sample(events: Iterable[ExecutionEvent]) -> Sample:
    """The execution of these events."""
    listed = list(events)
    history = History(listed[0].execution_id, listed)
    return Sample(history, summarize(history.latest), listed)


async def golden(name: str) -> Sample:
    """One of the executions whose states are known."""
    store, execution_id = await recorded(RUNS[name])
    return sample(await store.get_event_history(execution_id))


EVIL = (
    "\x1b]0;owned\x07\u202egnp\r\n\x00\t[x](javascript:1) ![](http://evil.example/x) <script>alert(1)</script> &lt; "
    "a|b `tick` ```fence``` \\| @someone #12 *bold* ~~~ --> ]]> {0} {{code}} \" ' \u200b\x7f宽 \ufffe"
)


def hostile(text: str = EVIL) -> Sample:
    """A failed execution in which every text is this one."""
    step: dict[str, Any] = {"visit": 1, "attempt": 1}
    workflow = {"name": text, "steps": [{"name": text, "action": text}]}
    return sample(
        [
            event(
                1, "execution_started", workflow_name=text, workflow=workflow, workflow_hash=text, inputs={text: text},
                inputs_hash=text, engine_version=text, labels={text: text},
                lineage={"kind": text, "execution_id": text},
            ),
            event(2, "path_started", path=text, current_step=text),
            event(
                3, "step_started", path=text, step=text, step_type="action", step_params={text: text},
                inputs_hash=text, effect_key=text, **step,
            ),
            event(
                4, "step_failed", path=text, step=text, phase="run", error=text, error_type=text, outcome="known",
                final=True, traceback=f"Traceback\n{text}", log=text, **step,
            ),
            event(5, "path_failed", path=text, error=text, error_type=text, caused_by=4),
            event(6, "execution_failed", error=text, error_type=text, caused_by=[4]),
        ]
    )  # fmt: skip


def stamp(seconds: float) -> str:
    """The recorded time so many seconds after nine o'clock."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(int(minutes), 60)
    days, hour = divmod(hours + 9, 24)
    return f"2026-03-{1 + days:02}T{hour:02}:{minute:02}:{second:09.6f}Z"


def repeated(visits: int) -> Sample:
    """A step that runs again and again, and fails in the end."""
    events = [
        event(
            1, "execution_started", workflow_name="long", workflow={"name": "long", "steps": []}, workflow_hash="h",
            inputs={}, inputs_hash="h", engine_version="1",
        ),
        event(2, "path_started", current_step="Count"),
    ]  # fmt: skip
    for visit in range(1, visits + 1):
        fails = visit == visits
        step: dict[str, Any] = {"step": "Count", "visit": visit, "attempt": 1}
        at = len(events) + 1
        events.append(
            event(
                at, "step_started", step_type="action", step_params={}, inputs_hash="h", effect_key=f"k{visit}", **step
            )
        )
        edges = [{"step": "Count", "path": "", "condition": "True", "value": True}]
        events.append(
            event(at + 1, "step_failed", phase="run", error="no", error_type="E", outcome="known", final=True, **step)
            if fails
            else event(
                at + 1, "step_completed", output=visit, edges=edges, duration_ms=1, stored_variable="n",
                stored_value=visit, **step,
            )
        )  # fmt: skip
    at = len(events) + 1
    events.append(event(at, "path_failed", error="no", error_type="E", caused_by=at - 1))
    events.append(event(at + 1, "execution_failed", error="no", error_type="E", caused_by=[at - 1]))
    return sample(one._replace(timestamp=stamp(one.sequence)) for one in events)
