"""The shape of a definition, key by key: which keys there are, which are required, what kind of value each takes.

The pydantic models say the same, but they stop where a part is malformed; this check finds everything at once and gives
every mistake its own place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.core.expression_errors import ExpressionProblem
from engine.core.templates import compile_template
from engine.loading.findings import Findings, called
from engine.loading.kinds import check_kind
from engine.loading.problems import INVALID, Location
from engine.loading.shapes import (
    Shape,
    anything,
    condition,
    describe,
    duration,
    filled_text,
    flag,
    list_of,
    mapping,
    name,
    names,
    number,
    one_of,
    one_or_list_of,
    text,
    texts,
    variable,
    variable_key,
    whole,
)
from engine.model.step import FAIL, STEP_KINDS

INPUT_TYPES: Final = ("string", "integer", "number", "boolean", "array", "object")


def items(found: Findings, at: Location, value: Any) -> None:
    """A list, or a text that may be a template; which one is checked elsewhere."""
    if value is not INVALID and not isinstance(value, (list, str)):
        found.error(at, f'{called(at)} must be a list or a template such as "${{state.files}}", not {describe(value)}')


def store(found: Findings, at: Location, value: Any) -> None:
    """The name of a variable, or from variables to keys of the output."""
    if not isinstance(value, dict):
        variable(found, at, value)
        return
    if not value:
        found.error(at, f"{called(at)} must not be empty")
    for key, content in value.items():
        variable_key(found, (*at, key), key)
        name(found, (*at, key), content)


def mappings(found: Findings, at: Location, value: Any) -> None:
    """From `path.variable` to the name it gets; which paths and variables there are is checked elsewhere."""
    mapping(found, at, value)
    for key, content in value.items() if isinstance(value, dict) else ():
        variable(found, (*at, key), content)


def sleep(found: Findings, at: Location, value: Any) -> None:
    """A duration, or a template that gives one."""
    if not isinstance(value, str) or _is_constant(value):
        duration(found, at, value)


def _is_constant(value: str) -> bool:
    try:
        return compile_template(value).is_constant
    except ExpressionProblem:  # told elsewhere
        return False


def join(found: Findings, at: Location, value: Any) -> None:
    """A path name or a list of them; an empty list stands for all paths of the fork."""
    if value is None:
        found.error(at, f"{called(at)} is empty; name paths, or write [] for all paths of the fork")
    else:
        names(may_be_empty=True)(found, at, value)


def pass_(found: Findings, at: Location, value: Any) -> None:
    """True: there is nothing else to say."""
    if value is not True and value is not INVALID:
        found.error(at, f"{called(at)} must be true, not {describe(value)}")


def edge(found: Findings, at: Location, value: Any) -> None:
    """The name of a step, or a mapping with more."""
    if isinstance(value, str):
        name(found, at, value)
    elif isinstance(value, dict) or value is INVALID:
        EDGE(found, at, value)
    else:
        found.error(at, f"{called(at)} must be the name of a step or a mapping, not {describe(value)}")


def edges(found: Findings, at: Location, value: Any) -> None:
    """One edge, or a list of them."""
    if value is None or value == []:
        found.error(at, "'next' is empty; name a step, or write 'end: true' for a step that ends its path")
    elif isinstance(value, list):
        list_of(edge)(found, at, value)
    else:
        edge(found, at, value)


def _check_together(found: Findings, at: Location, step: Mapping[str, Any], meant: frozenset[str]) -> None:
    """Tell pairs of keys that do not go together, or of which one is useless without the other."""
    if isinstance(step.get("store"), dict) and "each" in step:
        found.error((*at, "store"), "with 'each' the output is a list; 'store' needs the name of one variable")
    if step.get("on_timeout", FAIL) != FAIL and "timeout" not in step.keys() | meant:
        found.warning((*at, "on_timeout"), "without 'timeout' the wait never ends this way", on_key=True)


EDGE: Final = Shape("an edge", {"step": name, "condition": condition, "path": variable}, ("step",))
EACH: Final = Shape(
    "'each'",
    {
        "items": items,
        "as": variable,
        "concurrency": whole(1, 10_000),
        "on_item_failure": one_of(("fail", "collect")),
    },
    ("items",),
)
RETRY: Final = Shape(
    "a retry policy",
    {
        "max_attempts": whole(1, 1_000_000),
        "initial_delay": duration,
        "backoff_multiplier": number(1, 1000),
        "max_backoff": duration,
        "jitter": number(0, 1),
        "errors": names(),
        "non_retryable_errors": names(may_be_empty=True),
        "condition": condition,
    },
)
CATCH: Final = Shape("'catch'", {"errors": names(), "step": name, "store": variable}, ("step",))
INPUT: Final = Shape(
    "an input",
    {
        "name": variable,
        "type": one_of(INPUT_TYPES),
        "description": text,
        "default": anything,
        "required": flag,
        "secret": flag,
    },
    ("name",),
)
OUTPUT: Final = Shape("an output", {"name": variable, "value": anything}, ("name", "value"))
AGENT: Final = Shape(
    "an agent", {"name": name, "instructions": text, "model": filled_text, "settings": mapping}, ("name",)
)
STEP: Final = Shape(
    "a step",
    {
        "name": name,
        "type": one_of(STEP_KINDS),
        "action": name,
        "parameters": mapping,
        "prompt": filled_text,
        "agent": name,
        "content": list_of(anything),
        "script": filled_text,
        "wait_signal": filled_text,
        "topic": filled_text,
        "timeout": duration,
        "timeout_total": duration,
        "on_timeout": name,
        "sleep": sleep,
        "join": join,
        "paths": join,
        "count": whole(1),
        "mappings": mappings,
        "rest": one_of(("continue", "cancel")),
        "workflow": name,
        "detached": flag,
        "pass": pass_,
        "store": store,
        "each": EACH,
        "next": edges,
        "edge_matching": one_of(("all", "first")),
        "end": flag,
        "retry": one_or_list_of(RETRY, "{max_attempts: 3}"),
        "catch": one_or_list_of(CATCH, "{step: NAME}"),
    },
    ("name",),
    rules=(check_kind, _check_together),
)
WORKFLOW: Final = Shape(
    "a workflow",
    {
        "name": name,
        "description": text,
        "version": text,
        "inputs": list_of(INPUT),
        "outputs": list_of(OUTPUT),
        "agents": list_of(AGENT),
        "steps": list_of(STEP, least=1),
        "start": name,
        "labels": texts,
        "on_failure": one_of(("cancel", "drain", "finish")),
        "deadline": duration,
        "max_visits": whole(1),
        "max_parallel": whole(1),
    },
    ("name", "steps"),
)
SEVERAL: Final = Shape(
    "a file",
    {"workflows": list_of(anything, least=1)},
    ("workflows",),
    hints=dict.fromkeys(WORKFLOW.keys, "; it belongs into one of the 'workflows'"),
)
"""A file of several workflows; each of them is checked by `WORKFLOW`."""
