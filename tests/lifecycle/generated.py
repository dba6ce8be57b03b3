"""Generated workflows: forks, joins, loops, lists of items, retries, waits, children, and all that can fail in them."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import strategies as st

from dive_tui import action
from engine.core.program import Program, compile_workflow
from engine.model.workflow import Workflow
from engine.runtime.actions import ActionRegistry
from engine.runtime.builtins import BUILTINS
from engine.runtime.config import PersistenceConfig
from engine.runtime.context import ActionContext

CALLS: list[tuple[str, int]] = []
"""The side effects: effect key and attempt of every call of an action, in order. Whoever runs a workflow empties it."""


class BrokenError(Exception):
    """What failing actions raise."""


class FlakyError(Exception):
    """What an action raises that works in the end."""


def _happened(context: ActionContext) -> None:
    CALLS.append((context.effect_key, context.attempt))


async def _pass_turns(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


@action
async def give(context: ActionContext, value: Any, turns: int = 0) -> Any:
    """The value, after so many turns of the loop."""
    _happened(context)
    await _pass_turns(turns)
    return value


@action
async def halve(context: ActionContext, value: int, turns: int = 0) -> float:
    """Half of an even number."""
    _happened(context)
    await _pass_turns(turns)
    if value % 2:
        raise BrokenError(f"{value} is odd")
    return value / 2


@action
async def flaky(context: ActionContext, value: Any, failures: int, turns: int = 0) -> Any:
    """The value, after so many known failures. An attempt that its process did not survive is none of them."""
    _happened(context)
    await _pass_turns(turns)
    if int(context.effect_key.rpartition("#")[2]) <= failures:
        raise FlakyError("not yet")
    return value


@action
async def hang(context: ActionContext) -> None:
    """Never gives anything."""
    _happened(context)
    await asyncio.Event().wait()


@action(version="7")
def shout(context: ActionContext, value: Any) -> dict[str, Any]:
    """A sync action that prints."""
    _happened(context)
    print(f"value: {value}")
    return {"heard": value}


ACTIONS = (give, halve, flaky, hang, shout)
REGISTRY = ActionRegistry((*BUILTINS, *ACTIONS))
LIMITS = PersistenceConfig(max_events=300)
INPUTS: dict[str, Any] = {"k": 2, "items": [2, 4, 6]}
TOPICS = ("ok", "go")
NAMES = ("A", "B", "C", "D", "E", "F", "G")
PATHS = ("left", "right", "other")
TURNS = 3


def _child(name: str, *steps: dict[str, Any], **fields: Any) -> Workflow:
    outputs = [{"name": "r", "value": "${get(state.r, 0)}"}]
    return Workflow.model_validate({"name": name, "steps": steps, "outputs": outputs, **fields})


CHILDREN = (
    _child(
        "quick",
        {"name": "Quick", "action": "give", "parameters": {"value": "${inputs.a}"}, "store": "r"},
        inputs=[{"name": "a", "default": 1}],
    ),
    _child("slow", {"name": "Nap", "sleep": "5m"}, {"name": "Late", "action": "give", "parameters": {"value": 5}}),
    _child("broken", {"name": "Break", "action": "halve", "parameters": {"value": 1}}),
    _child("asking", {"name": "Ask", "wait_signal": "ok", "timeout": "20m", "store": "r"}),
    _child("outer", {"name": "Inner", "workflow": "quick", "parameters": {"a": "deep"}, "store": "r"}),
)

values = st.sampled_from([
    0, 2, "text", None, [1, {"a": [2.5]}], "${inputs.k}", "${get(state.a, 0)}", "${get(state.b, {})}",
    "n=${get(state.n, 0)}", {"x": 1, "y": "${inputs.k}"},
])  # fmt: skip
item_lists = st.sampled_from(
    [[], [2, 4], [[2]], "${inputs.items}", "${[i * 2 for i in inputs.items if i > 2]}", [2, 3, 4], [2, 4, 6, 8, 9]]
)
conditions = st.sampled_from([None] * 6 + ["True", "False", "inputs.k > 1", "get(state.a, 0) == 0", "state.nope > 1"])
path_names = st.sampled_from([None, None, *PATHS, "main"])
turn_counts = st.integers(0, TURNS)
_RETRIES = st.sampled_from([
    {"max_attempts": 3, "initial_delay": "10s"},
    {"max_attempts": 2, "initial_delay": 0},
    {"initial_delay": "1m", "jitter": 0.5, "max_backoff": "90s", "max_attempts": 4},
    {"non_retryable_errors": "BrokenError", "initial_delay": 1},
    {"errors": ["BrokenError", "Timeout"], "max_attempts": 2, "condition": "len(error.message) < 9"},
    [{"errors": "FlakyError", "max_attempts": 2, "initial_delay": 1}, {"max_attempts": 3, "initial_delay": 2}],
])  # fmt: skip


def _each(items: Any, turns: int, concurrency: int, on_item_failure: str) -> dict[str, Any]:
    each = {"items": items, "as": "x", "concurrency": concurrency, "on_item_failure": on_item_failure}
    return {"action": "halve", "each": each, "parameters": {"value": "${x}", "turns": turns}}


_eaches = st.builds(_each, item_lists, turn_counts, st.integers(1, 3), st.sampled_from(["fail", "collect", "collect"]))
_gives = st.builds(lambda v, t: {"action": "give", "parameters": {"value": v, "turns": t}}, values, turn_counts)
_flakies = st.builds(
    lambda v, f, t, retry: {
        "action": "flaky", "parameters": {"value": v, "failures": f, "turns": t}, "retry": retry,
    },
    values, st.integers(0, 3), turn_counts, _RETRIES,
)  # fmt: skip
_WAITING = st.sampled_from([
    {"sleep": "1m"},
    {"sleep": "${inputs.k}"},
    {"wait_signal": "ok", "timeout": "2m"},
    {"wait_signal": "${'ok' if inputs.k > 1 else 'no'}", "timeout": "30s", "on_timeout": "?"},
    {"wait_signal": "go"},
])  # fmt: skip
_CHILD_STEPS = st.sampled_from([
    {"workflow": "quick", "parameters": {"a": "${get(state.a, 3)}"}},
    {"workflow": "slow"},
    {"workflow": "slow", "timeout": "1m", "on_timeout": "?"},
    {"workflow": "slow", "detached": True},
    {"workflow": "broken"},
    {"workflow": "broken", "retry": {"max_attempts": 2, "initial_delay": "5s"}},
    {"workflow": "asking"},
    {"workflow": "outer"},
    {"workflow": "quick", "each": {"items": [1, 2, 3], "concurrency": 2}, "parameters": {"a": "${item}"}},
    {"workflow": "quick", "parameters": {"unknown": 1}},
])  # fmt: skip
_FAILING = st.sampled_from([
    *({"action": "halve", "parameters": {"value": 3, "turns": turns}} for turns in range(4)),
    {"action": "halve", "parameters": {"wrong": 1}},
    {"action": "halve", "parameters": {"value": 3}, "retry": {"max_attempts": 3, "initial_delay": "4s"}},
    {"action": "halve", "parameters": {"value": 3}, "retry": {"initial_delay": "40s"}, "timeout_total": "1m"},
    {"action": "give", "parameters": {"value": "${state.nowhere}"}},
    {"action": "give", "parameters": {"value": [1]}, "store": {"a": "x"}},
    {"action": "give", "each": {"items": "${inputs.k}"}},
    {"action": "halve", "each": {"items": [2, 1]}, "parameters": {"value": "${item}"}},
    {"action": "hang", "timeout": 0.001, "retry": {"max_attempts": 2, "initial_delay": 0}},
    {"sleep": "${state.nowhere}"},
])  # fmt: skip
_COUNT = {"action": "give", "parameters": {"value": "${get(state.n, 0) + 1}"}, "store": "n"}
_WORKING = st.one_of(
    _gives, _gives, _gives, _eaches, _flakies, st.just({"pass": True}), _WAITING, _CHILD_STEPS,
    st.builds(lambda v: {"action": "shout", "parameters": {"value": v}}, values),
)  # fmt: skip
_JOINS = st.fixed_dictionaries(
    {"join": st.sampled_from([[], [], ["left"], ["left", "right"], ["left", "right", "other"]])},
    optional={
        "count": st.sampled_from([1, 1, 2]),
        "mappings": st.sampled_from([{"left.a": "a"}, {"left.a": "b", "right.n": "n"}]),
        "timeout": st.just("50s"),
        "rest": st.just("cancel"),
        "on_timeout": st.just("?"),
    },
)


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """A definition of up to seven steps. Edges lead onward, or back while a counter of the path is below 3."""
    names = NAMES[: draw(st.sampled_from([1, 3, 4, 5, 6, 7]))]
    forks = 2
    steps: list[dict[str, Any]] = []
    for position, name in enumerate(names):
        later = names[position + 1 :]
        if draw(st.integers(0, 6)) == 0:
            back = draw(st.sampled_from(names[: position + 1]))
            edges = [{"step": back, "condition": "state.n < 3"}]
            edges += [{"step": later[0], "condition": "state.n >= 3"}] if later else []
            steps.append({"name": name, **_COUNT, "next": edges})
            continue
        kind = draw(st.integers(0, 11))
        joins = position > 1 and kind in (1, 2, 3, 4)
        step = dict(draw(_JOINS if joins else _FAILING if kind == 0 else _WORKING), name=name)
        _store(draw, step)
        _catch(draw, step, later)
        if step.get("on_timeout") == "?":
            if not later or "timeout" not in step:
                del step["on_timeout"]
            else:
                step["on_timeout"] = draw(st.sampled_from(later))
        count = draw(st.sampled_from([1, 1, 2, 2, 3])) if forks else 1
        edges = [_edge(draw, draw(st.sampled_from(later))) for _ in range(count)] if later else []
        forks -= len(edges) > 1
        if len(edges) > 1 and draw(st.integers(0, 7)) == 0:
            step["edge_matching"] = "first"
        steps.append({**step, "next": edges})
    outputs = [{"name": f"o{at}", "value": value} for at, value in enumerate(draw(st.lists(_OUTPUTS, max_size=2)))]
    declared = [{"name": "k", "type": "integer"}, {"name": "items", "type": "array"}]
    whole = {"name": "generated", "inputs": declared, "steps": _fitting(steps), "outputs": outputs, "max_visits": 4}
    return whole | {key: value for key, value in draw(_WHOLE).items() if value is not None}


_WHOLE = st.fixed_dictionaries(
    {},
    optional={
        "on_failure": st.sampled_from(["drain", "finish", "finish"]),
        "deadline": st.sampled_from([None, None, "3m", "1h"]),
        "max_parallel": st.sampled_from([None, 1, 2]),
    },
)
_OUTPUTS = st.sampled_from(
    ["${get(state.a, None)}", "${state.b}", {"all": ["${get(paths.left, 1)}"]}, "${len(inputs.items)}"]
)


def _store(draw: st.DrawFn, step: dict[str, Any]) -> None:
    variable = draw(st.sampled_from([None, "a", "a", "b"]))
    if variable and "store" not in step:
        step["store"] = variable


def _catch(draw: st.DrawFn, step: dict[str, Any], later: tuple[str, ...]) -> None:
    if not later or draw(st.integers(0, 3)):
        return
    caught = {"step": draw(st.sampled_from((*later, step["name"]))), "store": draw(st.sampled_from([None, "a", "e"]))}
    caught["errors"] = draw(st.sampled_from(["*", ["BrokenError", "Timeout"], "JoinUnsatisfied", "Interrupted"]))
    step["catch"] = [{key: value for key, value in caught.items() if value is not None}]


def _edge(draw: st.DrawFn, target: str) -> dict[str, Any]:
    optional = {"condition": draw(conditions), "path": draw(path_names)}
    return {"step": target, **{key: value for key, value in optional.items() if value is not None}}


def _leads_to(step: dict[str, Any]) -> list[str]:
    targets = [edge["step"] for edge in step["next"]] + [caught["step"] for caught in step.get("catch", ())]
    return targets + ([step["on_timeout"]] if "on_timeout" in step else [])


def _fitting(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps that can be reached; joins name paths that there are."""
    follow = {step["name"]: _leads_to(step) for step in steps}
    seen: set[str] = set()
    todo = [steps[0]["name"]]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += follow[name]
    kept = [step for step in steps if step["name"] in seen]
    paths = {edge.get("path") for step in kept for edge in step["next"]}
    return [{**step, "join": [p for p in step["join"] if p in paths]} if "join" in step else step for step in kept]


def _one_way(step: dict[str, Any]) -> dict[str, Any]:
    """The step with exclusive edges, and with nothing that counts attempts instead of known failures."""
    if len(step["next"]) > 1 and step.get("store") != "n":
        step = {**step, "next": [{"step": step["next"][0]["step"]}]}
    else:
        step = {**step, "next": [{key: edge[key] for key in edge if key != "path"} for edge in step["next"]]}
    return {key: value for key, value in step.items() if key != "edge_matching"}


@st.composite
def sequences(draw: st.DrawFn) -> dict[str, Any]:
    """A definition that never forks: what comes of it depends on nothing but its definition."""
    definition = draw(definitions())
    return {**definition, "steps": _fitting([_one_way(step) for step in definition["steps"]])}


messages = st.lists(
    st.tuples(
        st.integers(1, 12),
        st.sampled_from(["signal", "signal", "signal", "pause", "resume", "wake", "cancel"]),
        st.sampled_from(TOPICS),
    ),
    max_size=4,
)
"""After which commit of the execution what is sent, and the topic of a signal."""
crashes = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=3)
"""In each life of the process at which commit it dies, and whether what it commits is stored then."""


def program_of(definition: dict[str, Any]) -> Program:
    return compile_workflow(Workflow.model_validate(definition))
