"""Which events last changed something in the state proper, down to what no address for people leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.model.chunks import Chunks
from engine.model.state import ExecutionState
from engine.replay.addressing.addresses import MISSING, is_same
from engine.replay.diffing.diff import Keys
from engine.replay.history import History

_BLOCK = 512
_OF_STATE: dict[str, Keys] = {
    "status": ("status",),
    "inputs": ("inputs",),
    "outputs": ("outputs",),
    "error": ("error",),
    "last_event_seq": ("sequence",),
    "updated_at": ("timestamp",),
    "end_time": ("ended",),
    "workflow_name": ("info", "workflow_name"),
    "workflow_hash": ("info", "workflow_hash"),
    "inputs_hash": ("info", "inputs_hash"),
    "workflow_data": ("info",),
    "start_time": ("info", "started_at"),
    "created_at": ("info", "started_at"),
}
"""Where in a state the fields of a snapshot come from."""


def origins(history: History, places: Sequence[Keys], sequence: int) -> list[int | None]:
    """For each place in a snapshot's JSON the last event, up to the one of `sequence`, that changed what is there.

    The first event for what every state has; None for what no state ever had. Reads backwards until all are found:
    what changed long ago costs a fold from there on.

    Raises:
        StoreError: events are not kept and cannot be read any more.
    """
    wanted = {keys: _in_state(keys) for keys in places}
    found: dict[Keys, int] = {}
    last = min(sequence, history.folded)
    while last >= 1 and len(found) < len(wanted):
        first = max(1, last - _BLOCK + 1)
        states = [history.state_at(first - 1), *(state for _, state in history.states(first, last))]
        for keys, parts in wanted.items():
            if keys not in found:
                at = _last_change(states, parts)
                if at is not None:
                    found[keys] = at
        last = first - 1
    began = history.state_at(1)
    for keys, parts in wanted.items():
        if keys not in found and parts is not None and _read(began, parts) is not MISSING:
            found[keys] = 1
    return [found.get(keys) for keys in places]


def _in_state(keys: Keys) -> Keys | None:
    """A place in a snapshot as one in a state; None for what is in no state."""
    if keys[:1] == ("state",):
        return keys[1:]
    start = _OF_STATE.get(str(keys[0])) if keys else None
    return None if start is None else (*start, *(keys[1:] if keys[0] != "workflow_data" else ()))


def _last_change(states: Sequence[ExecutionState], parts: Keys | None) -> int | None:
    if parts is None:
        return None
    later = _read(states[-1], parts)
    for at in range(len(states) - 2, -1, -1):
        earlier = _read(states[at], parts)
        if not is_same(earlier, later):
            return states[at + 1].sequence
        later = earlier
    return None


def _read(value: Any, parts: Keys) -> Any:
    """What is there, as far as the JSON of a state names things as the state does."""
    for part in parts:
        if isinstance(value, Mapping):
            value = _entry(value, part)
        elif isinstance(value, tuple) and hasattr(value, "_fields"):
            value = getattr(value, str(part), MISSING)
        elif isinstance(value, (list, tuple, Chunks)) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return MISSING
    return value


def _entry(value: Mapping[Any, Any], part: str | int) -> Any:
    """Of a mapping with numbers for keys; in JSON these are texts, or the mapping is a list."""
    if isinstance(part, int):
        members = list(value.values())
        return members[part] if part < len(members) else MISSING
    return value[part] if part in value else value.get(int(part), MISSING) if part.isdecimal() else MISSING
