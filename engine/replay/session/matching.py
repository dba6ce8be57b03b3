"""Which events of a history meet a breakpoint.

What can be told without reading events is told first: columns and the write index leave few events to look at, and
only those are read, and folded where the state is asked for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import translate
from typing import Any

from engine.core.expression_source import parse_source
from engine.core.expressions import Expression, ExpressionError
from engine.model.events import ExecutionEvent
from engine.model.state import ExecutionState
from engine.replay.addressing.addresses import MISSING, Address, descend, is_same
from engine.replay.addressing.values import candidates, cursor_path, is_of_step, look_up, value_in, variables_in
from engine.replay.history import History
from engine.replay.session.breakpoints import STATE_NAMES, Breakpoint
from engine.replay.session.stretches import events_of, transitions
from engine.replay.session.tracking import follow
from engine.replay.writes import merged


class Matcher:
    """Looks through stretches of a history for the events that meet a breakpoint."""

    def __init__(self, history: History, breakpoint_: Breakpoint) -> None:
        self._history = history
        self._breakpoint = breakpoint_
        self._reads = _variables_read(breakpoint_.when) if breakpoint_.when is not None else None
        self._rises = _only_rises(breakpoint_)
        self._error: ExpressionError | None = None
        self._has_value = False

    @property
    def problem(self) -> str:
        """Why the expression had no value wherever it was tested so far; empty when it had one.

        Of one that nothing made worth testing, because what it reads never changes: why it has none at the end.
        """
        if self._rises and self._error is None and not self._has_value:
            assert self._breakpoint.when is not None
            state = self._history.latest
            self._holds(
                self._breakpoint.when, StateNames(self._history, state, cursor_path(self._history, state.sequence))
            )
        return "" if self._error is None or self._has_value else str(self._error)

    def matches(self, first: int, last: int) -> Sequence[int]:
        """The events from `first` to `last` that meet the breakpoint, in order.

        Raises:
            StoreError: events are not kept here and cannot be read any more.
        """
        asked = self._breakpoint
        found = self._by_columns(first, last)
        if asked.attempt is not None or asked.visit is not None:
            found = [event.sequence for event in events_of(self._history, found) if self._is_try(event)]
        if asked.changes is not None:
            found = self._that_change(asked.changes, found)
        if asked.when is None:
            return found
        if self._rises:
            return self._where_it_rises(asked.when, found)
        return self._where_it_holds(asked.when, found)

    def _by_columns(self, first: int, last: int) -> Sequence[int]:
        """Events that the columns and the write index leave."""
        asked, columns = self._breakpoint, self._history.columns
        paths = None if asked.path is None else list(filter(glob_test(asked.path), columns.path_names()))
        steps = None if asked.step is None else list(filter(glob_test(asked.step), columns.step_names()))
        if paths == [] or steps == []:
            return ()
        if asked.changes is not None:
            found = candidates(self._history, asked.changes, first, last)
        elif self._rises:
            found = self._may_rise(first, last)
        else:
            return list(columns.find(kinds=asked.kinds, paths=paths, steps=steps, first=first, last=last))
        for names, name_of in ((asked.kinds, columns.kind), (paths, columns.path), (steps, columns.step)):
            if names is not None:
                chosen = frozenset(names)
                found = [sequence for sequence in found if name_of(sequence) in chosen]
        return found

    def _may_rise(self, first: int, last: int) -> Sequence[int]:
        """Events that can have changed what the expression reads of the state."""
        assert self._breakpoint.when is not None
        roots, writes = self._breakpoint.when.roots, self._history.writes
        last = min(last, self._history.folded)
        parts = [writes.changes_of(root, first, last) for root in sorted(roots - {"state"})]
        if "state" in roots:
            parts.append(writes.moves(first, last))
            if self._reads is None:
                return range(first, last + 1)
            parts += [writes.writers_of_global(name, first, last) for name in self._reads]
        return merged(parts)

    def _is_try(self, event: ExecutionEvent) -> bool:
        asked, data = self._breakpoint, event.data
        return asked.attempt in (None, data.get("attempt")) and asked.visit in (None, data.get("visit"))

    def _that_change(self, address: Address, sequences: Sequence[int]) -> list[int]:
        history = self._history
        if is_of_step(address):
            return [
                at for at in sequences if not is_same(look_up(history, address, at - 1), look_up(history, address, at))
            ]
        found = []
        if address.is_short and len(address.parts) > 1:
            inside = address.parts[1:]
            for event, old, new in follow(history, {str(inside[0])}, sequences):
                if not is_same(descend(old, inside), descend(new, inside)):
                    found.append(event.sequence)
            return found
        for event, before, after in transitions(history, sequences):
            full = address.on_path(cursor_path(history, event.sequence)) if address.is_short else address
            if not is_same(value_in(history, before, full), value_in(history, after, full)):
                found.append(event.sequence)
        return found

    def _where_it_rises(self, when: Expression, sequences: Sequence[int]) -> list[int]:
        history, found = self._history, []
        if self._reads is not None and when.roots == {"state"}:
            for event, old, new in follow(history, self._reads, sequences):
                if self._holds(when, _variables(new)) and not self._held(when, _variables(old)):
                    found.append(event.sequence)
            return found
        for event, before, after in transitions(history, sequences):
            path = event.path_id or cursor_path(history, event.sequence)
            rises = self._holds(when, StateNames(history, after, path))
            if rises and not self._held(when, StateNames(history, before, path)):
                found.append(event.sequence)
        return found

    def _where_it_holds(self, when: Expression, sequences: Sequence[int]) -> list[int]:
        history, found = self._history, []
        if not when.roots & STATE_NAMES:
            events = events_of(history, sequences)
            return [event.sequence for event in events if self._holds(when, {"event": event_view(history, event)})]
        if self._reads is not None and when.roots <= {"state", "event"}:
            for event, _, new in follow(history, self._reads, sequences):
                if self._holds(when, _variables(new) | {"event": event_view(history, event)}):
                    found.append(event.sequence)
        else:
            for event, _, after in transitions(history, sequences):
                path = event.path_id or cursor_path(history, event.sequence)
                if self._holds(when, StateNames(history, after, path, event)):
                    found.append(event.sequence)
        return found

    def _holds(self, when: Expression, names: Mapping[str, Any]) -> bool:
        try:
            value = bool(when.evaluate(names))
        except ExpressionError as error:
            self._error = error
            return False
        self._has_value = True
        return value

    def _held(self, when: Expression, names: Mapping[str, Any]) -> bool:
        try:
            return bool(when.evaluate(names))
        except ExpressionError:
            return False


class StateNames(Mapping[str, Any]):
    """What an expression sees after an event; a part is made when it is asked for."""

    def __init__(self, history: History, state: ExecutionState, path: str, event: ExecutionEvent | None = None) -> None:
        self._history = history
        self._state = state
        self._path = path
        self._event = event

    def __getitem__(self, name: str) -> Any:
        if name == "state":
            variables = variables_in(self._history, self._state, self._path)
            if variables is MISSING:
                raise KeyError(name)
            return variables
        if name == "event" and self._event is not None:
            return event_view(self._history, self._event)
        if name not in STATE_NAMES:
            raise KeyError(name)
        value = getattr(self._state, name)
        return str(value) if name == "status" else value

    def __iter__(self) -> Iterator[str]:
        names = sorted(STATE_NAMES) if self._event is None else [*sorted(STATE_NAMES), "event"]
        return (name for name in names if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _variables(variables: Any) -> dict[str, Any]:
    """The names of an expression that reads nothing else."""
    return {} if variables is MISSING else {"state": variables}


def event_view(history: History, event: ExecutionEvent) -> dict[str, Any]:
    """An event as expressions see it; `seconds` since the first event."""
    return {
        "sequence": event.sequence,
        "type": str(event.event_type),
        "path": event.path_id,
        "step": event.step_name,
        "timestamp": event.timestamp,
        "seconds": history.columns.seconds(event.sequence),
        "data": event.data,
    }


def glob_test(pattern: str) -> Callable[[str], bool]:
    """Whether a whole name fits a glob, or is the text itself; upper and lower case are alike."""
    fits, plain = re.compile(translate(pattern), re.IGNORECASE).match, pattern.casefold()
    return lambda name: fits(name) is not None or name.casefold() == plain


def _only_rises(asked: Breakpoint) -> bool:
    """Whether it stops where its expression becomes true, and not wherever it is."""
    others = (asked.kinds, asked.step, asked.path, asked.attempt, asked.visit, asked.changes)
    return asked.when is not None and "event" not in asked.when.roots and all(other is None for other in others)


def _variables_read(expression: Expression) -> frozenset[str] | None:
    """The variables that an expression reads of `state`; None when that cannot be told."""
    names: set[str] = set()
    todo: list[ast.AST] = [parse_source(expression.source).tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and node.id == "state":
            return None  # as a whole
        name = _variable(node)
        if name is None:
            todo += ast.iter_child_nodes(node)
        else:
            names.add(name)
    return frozenset(names)


def _variable(node: ast.AST) -> str | None:
    """The variable that `state.x` or `state["x"]` reads."""
    if not isinstance(node, ast.Attribute | ast.Subscript):
        return None
    if not isinstance(node.value, ast.Name) or node.value.id != "state":
        return None
    if isinstance(node, ast.Attribute):
        return node.attr
    key = node.slice
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
