"""Generated workflows: chains, forks, bounded loops, lists of items, and everything that can fail in them."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import strategies as st

from dive_tui import action
from engine.core.program import Program, compile_workflow
from engine.model.workflow import Workflow
from engine.runtime.actions import ActionRegistry
from engine.runtime.config import PersistenceConfig


class BrokenError(Exception):
    """What the failing action raises."""


@action
async def give(value: Any, turns: int = 0) -> Any:
    """The value, after so many turns of the loop."""
    for _ in range(turns):
        await asyncio.sleep(0)
    return value


@action
async def halve(value: int, turns: int = 0) -> float:
    """Half of an even number."""
    await give(None, turns)
    if value % 2:
        raise BrokenError(f"{value} is odd")
    return value / 2


@action(version="7")
def shout(value: Any) -> dict[str, Any]:
    """A sync action that prints."""
    print(f"value: {value}")
    return {"heard": value}


ACTIONS = (give, halve, shout)
REGISTRY = ActionRegistry(ACTIONS)
LIMITS = PersistenceConfig(max_events=300)
INPUTS: dict[str, Any] = {"k": 2, "items": [2, 4, 6]}
NAMES = ("A", "B", "C", "D", "E", "F")
TURNS = 3

values = st.sampled_from([
    0, 2, "text", None, [1, {"a": [2.5]}], "${inputs.k}", "${get(state.a, 0)}", "${get(state.b, {})}",
    "n=${get(state.n, 0)}",
])  # fmt: skip
item_lists = st.sampled_from(
    [[], [2, 4], [[2]], "${inputs.items}", "${[i * 2 for i in inputs.items if i > 2]}", [2, 3, 4]]
)
conditions = st.sampled_from([None] * 6 + ["True", "False", "inputs.k > 1", "get(state.a, 0) == 0", "state.nope > 1"])
path_names = st.sampled_from([None, None, "left", "right", "main"])


def _steps_that_work() -> st.SearchStrategy[dict[str, Any]]:
    turns = st.integers(0, TURNS)
    one = st.builds(lambda v, t: {"action": "give", "parameters": {"value": v, "turns": t}}, values, turns)
    sync = st.builds(lambda v: {"action": "shout", "parameters": {"value": v}}, values)
    each = st.builds(
        lambda items, t: {
            "action": "halve", "each": {"items": items, "as": "x"}, "parameters": {"value": "${x}", "turns": t},
        },
        item_lists,
        turns,
    )  # fmt: skip
    return st.one_of(one, one, one, each, sync)


_FAILING = st.sampled_from([
    *({"action": "halve", "parameters": {"value": 3, "turns": turns}} for turns in range(4)),
    {"action": "halve", "parameters": {"wrong": 1}},
    {"action": "give", "parameters": {"value": "${state.nowhere}"}},
    {"action": "give", "each": {"items": "${inputs.k}"}},
    {"action": "halve", "each": {"items": [2, 1]}, "parameters": {"value": "${item}"}},
])  # fmt: skip
_COUNT = {"action": "give", "parameters": {"value": "${get(state.n, 0) + 1}"}, "store": "n"}


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """A definition of up to six steps. Edges lead onward, or back while a counter of the path is below 3."""
    names = NAMES[: draw(st.sampled_from([1, 3, 4, 5, 6]))]
    forks = 2
    steps: list[dict[str, Any]] = []
    for position, name in enumerate(names):
        later = names[position + 1 :]
        if draw(st.integers(0, 5)) == 0:
            back = draw(st.sampled_from(names[: position + 1]))
            edges = [{"step": back, "condition": "state.n < 3"}]
            edges += [{"step": later[0], "condition": "state.n >= 3"}] if later else []
            steps.append({"name": name, **_COUNT, "next": edges})
            continue
        step = dict(draw(_FAILING if draw(st.integers(0, 9)) == 0 else _steps_that_work()), name=name)
        variable = draw(st.sampled_from([None, "a", "a", "b"]))
        if variable:
            step["store"] = variable
        count = draw(st.sampled_from([1, 2, 3, 3])) if forks else 1
        edges = [_edge(draw, draw(st.sampled_from(later))) for _ in range(count)] if later else []
        forks -= len(edges) > 1
        steps.append({**step, "next": edges})
    outputs = [{"name": f"o{at}", "value": value} for at, value in enumerate(draw(st.lists(_OUTPUTS, max_size=2)))]
    declared = [{"name": "k", "type": "integer"}, {"name": "items", "type": "array"}]
    return {"name": "generated", "inputs": declared, "steps": _reachable(steps), "outputs": outputs}


_OUTPUTS = st.sampled_from(
    ["${get(state.a, None)}", "${state.b}", {"all": ["${get(paths.left, 1)}"]}, "${len(inputs.items)}"]
)


def _edge(draw: st.DrawFn, target: str) -> dict[str, Any]:
    optional = {"condition": draw(conditions), "path": draw(path_names)}
    return {"step": target, **{key: value for key, value in optional.items() if value is not None}}


def _reachable(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    follow = {step["name"]: [edge["step"] for edge in step["next"]] for step in steps}
    seen: set[str] = set()
    todo = [steps[0]["name"]]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += follow[name]
    return [step for step in steps if step["name"] in seen]


def program_of(definition: dict[str, Any]) -> Program:
    return compile_workflow(Workflow.model_validate(definition))
