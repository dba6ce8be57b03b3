"""Short forms for workflows that show one rule each, and what their tests look at."""

from __future__ import annotations

from typing import Any

from dive_tui.testing import WorkflowRun
from dive_tui.testing import run_workflow as run_unchecked
from engine.core.drafts import Surroundings
from engine.model.workflow import Workflow
from engine.runtime.actions import ActionRegistry
from engine.runtime.builtins import BUILTINS
from engine.runtime.config import PersistenceConfig
from tests.lifecycle.soundness import assert_sound

Step = dict[str, Any]


async def run_workflow(workflow: Workflow, inputs: dict[str, Any] | None = None, **options: Any) -> WorkflowRun:
    """As `engine.testing.run_workflow`; what the engine promises of every history is checked of this one too."""
    run = await run_unchecked(workflow, inputs, **options)
    config = options.get("config") or PersistenceConfig()
    actions = ActionRegistry((*BUILTINS, *options.get("actions", ())))
    for summary in await run.store.list_executions():
        events = await run.store.get_event_history(summary.id)
        if summary.end_time is not None:
            assert_sound(events, Surroundings(actions.reference, config.max_payload), config.max_events)
    return run


def flow(*steps: Step, **more: Any) -> Workflow:
    return Workflow.model_validate({"name": "flow", "steps": steps, **more})


def showing(variables: str, *steps: Step, **more: Any) -> Workflow:
    """A workflow whose one output `o` is this expression."""
    return flow(*steps, outputs=[{"name": "o", "value": f"${{{variables}}}"}], **more)


def fork(*targets: str, name: str = "Fork") -> Step:
    """`fork("left:L", "right:R")`: a step that forks into path `left` at step L and `right` at R."""
    edges = []
    for target in targets:
        path, _, step = target.partition(":")
        edges.append({"step": step, "path": path})
    return {"name": name, "pass": True, "next": edges}


def sets(name: str, variable: str, expression: str, *following: str) -> Step:
    """A step that stores the value of an expression and goes on, or ends its path."""
    steps = {"next": list(following)} if following else {"end": True}
    return {"name": name, "script": expression, "store": variable, **steps}


def naps(name: str, duration: str, *following: str) -> Step:
    return {"name": name, "sleep": duration, **({"next": list(following)} if following else {"end": True})}


END: Step = {"name": "End", "pass": True, "end": True}


def join(*paths: str, name: str = "J", then: str = "End", **more: Any) -> Step:
    return {"name": name, "join": list(paths), "next": [then], **more}


def output(run: WorkflowRun) -> Any:
    assert run.ok, run.error
    assert run.outputs is not None
    return run.outputs["o"]


def error_of(run: WorkflowRun) -> tuple[str, str]:
    """Type and message of the error an execution failed with."""
    assert run.status == "failed", run.status
    assert run.error is not None
    return run.error["type"], run.error["message"]


def lines(run: WorkflowRun, *events: str) -> list[str]:
    """The history in words, only these kinds of events."""
    return [line for line in run.told if line.rpartition(" ")[2] in events]


def times(run: WorkflowRun, event_type: str, step: str | None = None) -> list[str]:
    """When these events were recorded, `HH:MM:SS`; a test's clock starts at 09:14:02."""
    return [
        event.timestamp[11:19]
        for event in run.events
        if event.event_type == event_type and step in (None, event.step_name)
    ]
