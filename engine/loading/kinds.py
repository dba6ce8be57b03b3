"""What kind of step a mapping is, and whether its keys go together with that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.loading.findings import Findings
from engine.loading.problems import Location
from engine.model.step import STEP_KINDS

_RUNS: Final = ("action", "prompt", "script", "workflow")
BELONGS_TO: Final[Mapping[str, tuple[str, ...]]] = {
    "parameters": ("action", "workflow"),
    "agent": ("prompt",),
    "content": ("prompt",),
    "on_timeout": ("wait_signal", "join", "workflow"),
    "count": ("join",),
    "mappings": ("join",),
    "rest": ("join",),
    "detached": ("workflow",),
    "each": _RUNS,
    "retry": _RUNS,
    "timeout": (*_RUNS, "wait_signal", "join"),
    "timeout_total": _RUNS,
}
"""Keys that mean something for some kinds of steps only."""

SPELLED_OUT: Final = {"topic": "wait_signal", "paths": "join"}
"""What a step that names its `type` may call what it waits for."""


def kind_of(step: Mapping[str, Any]) -> str | None:
    """The kind of a step as far as it is clear."""
    present = [kind for kind in STEP_KINDS if kind in step]
    if "type" in step:
        kind = step["type"]
        return kind if kind in STEP_KINDS and set(present) <= {kind} else None
    return present[0] if len(present) == 1 else None


def waits_for(step: Mapping[str, Any], kind: str) -> tuple[str, Any] | None:
    """The key under which a step says what it waits for, and its value: of kind `wait_signal` or `join`."""
    keys = [kind, *(key for key, meant in SPELLED_OUT.items() if meant == kind)]
    return next(((key, step[key]) for key in keys if key in step), None)


def check_kind(found: Findings, at: Location, step: Mapping[str, Any], meant: frozenset[str]) -> None:
    """Tell what keeps a step from being of one kind, and which of its keys mean nothing for that kind."""
    kind = _wanted_kind(found, at, step, meant)
    if kind is None:
        return
    for key in step:
        if key in SPELLED_OUT:
            _check_spelled_out(found, (*at, key), step, SPELLED_OUT[key])
        elif kind not in BELONGS_TO.get(key, STEP_KINDS):
            message = f"{key!r} means nothing for a step with {kind!r}; it belongs to {_listed(BELONGS_TO[key])}"
            found.error((*at, key), message, on_key=True)


def _wanted_kind(found: Findings, at: Location, step: Mapping[str, Any], meant: frozenset[str]) -> str | None:
    """The one kind of a step; None when there is none, or several, which is told."""
    present = [key for key in step if key in STEP_KINDS]
    if "type" in step:
        kind = step["type"]
        if kind not in STEP_KINDS:
            return None
        beside = f"type {kind!r}"
        if not present:
            _check_complete(found, at, step, kind, meant)
    elif present:
        kind = present[0]
        beside = repr(kind)
    else:
        if not meant & {"type", *STEP_KINDS}:
            found.error(at, f"a step needs one of {', '.join(STEP_KINDS)}")
        return None
    others = [key for key in present if key != kind]
    for other in others:
        found.error((*at, other), f"{other!r} cannot stand beside {beside}: a step does one thing", on_key=True)
    return None if others else str(kind)


def _check_complete(found: Findings, at: Location, step: Mapping[str, Any], kind: str, meant: frozenset[str]) -> None:
    """A step that names its type says what it runs, too; a join may leave its paths out."""
    key = "topic" if kind == "wait_signal" else kind
    if kind not in ("pass", "join") and key not in step and not {key, kind} & meant:
        found.error(at, f"a step of type {kind!r} needs {key!r}")


def _check_spelled_out(found: Findings, at: Location, step: Mapping[str, Any], kind: str) -> None:
    if step.get("type") != kind:
        found.error(at, f"{at[-1]!r} means something only beside 'type: {kind}'", on_key=True)
    elif kind in step:
        found.error(at, f"{at[-1]!r} and {kind!r} say the same; keep one of them", on_key=True)


def _listed(kinds: tuple[str, ...]) -> str:
    *most, last = map(repr, kinds)
    return f"{', '.join(most)} and {last}" if most else last
