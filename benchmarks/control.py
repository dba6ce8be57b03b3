"""Control flow on the memory store: forks and joins, items of an `each`, retries, beside plain steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.report import Row, micros, ratio
from benchmarks.running import ROUNDS, count, loop, run
from dive_tui import MemoryExecutionEventStore, Step, Workflow, action
from engine.runtime.context import ActionContext

PLAIN = 1_000
ITEMS = 1_000
UNITS = 300
PATHS = (10, 100, 1_000)
CONCURRENCY = (1, 10, 100)
NOTES = """All figures are processor time of the engine. A path is a fork's branch with one step of its own, and its
arrival at the join; an attempt is a start, a failure with its traceback, and the record of the delay (0 s). The probe
is the plain sequential step of `steps`, in the same round."""


@action
async def flaky(value: int, context: ActionContext) -> int:
    """Succeeds at the third attempt."""
    if context.attempt < 3:
        raise ValueError("not yet")
    return value + 1


def forking(paths: int) -> Workflow:
    """A fork into so many paths of one step each, which join."""
    names = [f"p{number}" for number in range(paths)]
    return Workflow(
        name="forking",
        steps=(
            Step.model_validate(
                {"name": "Fork", "pass": True, "next": [{"step": "Work", "path": name} for name in names]}
            ),
            Step(name="Work", action="count", parameters={"value": 1}, store="n", next=({"step": "Join"},)),
            Step(name="Join", join=tuple(names), store="all", end=True),
        ),
    )


def items(concurrency: int) -> Workflow:
    """One step over `ITEMS` items, so many at a time."""
    return Workflow.model_validate(
        {
            "name": "items",
            "steps": [
                {
                    "name": "Each",
                    "each": {"items": list(range(ITEMS)), "concurrency": concurrency},
                    "action": "count",
                    "parameters": {"value": "${item}"},
                    "store": "all",
                }
            ],
        }
    )


RETRYING = Workflow.model_validate(
    {
        "name": "retrying",
        "steps": [
            {
                "name": "Try",
                "action": "flaky",
                "parameters": {"value": "${state.get('n', 0)}"},
                "retry": {"max_attempts": 3, "initial_delay": 0},
                "store": "n",
                "next": [{"step": "Try", "condition": f"state.n < {UNITS}"}],
            }
        ],
    }
)


def measure() -> list[Row]:
    """A row per construct and size."""
    cases: list[tuple[str, Workflow, int]] = [
        *((f"per path, fork into {paths:,} and join", forking(paths), paths) for paths in PATHS),
        *((f"per item, {ITEMS:,} items, concurrency {at_once}", items(at_once), ITEMS) for at_once in CONCURRENCY),
        (f"per attempt, {UNITS} units that fail twice", RETRYING, 3 * UNITS),
    ]
    return [_row(name, workflow, units) for name, workflow, units in cases]


def _row(name: str, workflow: Workflow, units: int) -> Row:
    ours: list[float] = []
    plain: list[float] = []
    for _ in range(ROUNDS):
        ours.append(_cpu(workflow, units, (count, flaky)))
        plain.append(_cpu(loop(PLAIN), PLAIN, (count,)))
    return Row(name, micros(ours), f"{micros(plain)} per plain step", ratio(ours, plain))


def _cpu(workflow: Workflow, units: int, actions: Sequence[Callable[..., Any]]) -> float:
    return run(MemoryExecutionEventStore(), workflow, actions=actions).cpu / units
