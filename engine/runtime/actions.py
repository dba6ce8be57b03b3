"""Actions: Python callables that steps invoke by name."""

from __future__ import annotations

import difflib
import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any, TypeVar, overload

from engine.model.events import JsonObject

ActionFunction = Callable[..., Any]
F = TypeVar("F", bound=ActionFunction)
_MARK = "__dive_action__"


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str
    version: str | None


class ActionError(ValueError):
    """An action that cannot be registered, or a name nobody registered; the message says which."""


@dataclass(frozen=True)
class Action:
    """A registered callable. Its parameters are given by name."""

    name: str
    function: ActionFunction
    signature: inspect.Signature
    version: str | None = None
    source_hash: str | None = None
    """Of its source text, so that a change between two runs can be told."""

    @cached_property
    def is_async(self) -> bool:
        """Whether it runs on the event loop; others run in a thread of their own."""
        return inspect.iscoroutinefunction(self.function)

    @cached_property
    def reference(self) -> JsonObject:
        """What `step_started` records of it."""
        record = {"name": self.name, "version": self.version, "source_hash": self.source_hash}
        return {key: value for key, value in record.items() if value is not None}

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    def refusal(self, arguments: Mapping[str, Any]) -> str:
        """Why it cannot be called with these arguments; empty when it can."""
        if self._required <= arguments.keys() and arguments.keys() <= self._named:
            return ""
        try:
            self.signature.bind(**arguments)
        except TypeError as error:
            return str(error)
        return ""

    @cached_property
    def _named(self) -> frozenset[str]:
        parameters = self.signature.parameters.values()
        return frozenset(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))

    @cached_property
    def _required(self) -> frozenset[str]:
        parameters = self.signature.parameters
        return frozenset(name for name in self._named if parameters[name].default is inspect.Parameter.empty)


@overload
def action(function: F) -> F: ...
@overload
def action(*, name: str | None = None, version: str | None = None) -> Callable[[F], F]: ...
def action(function: F | None = None, *, name: str | None = None, version: str | None = None) -> F | Callable[[F], F]:
    """Mark a function, sync or async, as an action. Its name is the function's unless `name` is given.

    The function stays what it is and can be called and tested as before.
    """

    def mark(target: F) -> F:
        setattr(target, _MARK, _Mark(name or target.__name__, version))
        return target

    return mark if function is None else mark(function)


class ActionRegistry:
    """Actions by name."""

    def __init__(self, actions: Iterable[ActionFunction | ModuleType] = ()) -> None:
        self._actions: dict[str, Action] = {}
        for entry in actions:
            if isinstance(entry, ModuleType):
                self.register_module(entry)
            else:
                self.register(entry)

    def register(self, function: ActionFunction, name: str | None = None) -> Action:
        """Add a function, marked with `@action` or not.

        Raises:
            ActionError: another function already has the name, it takes positional-only parameters, it has no name,
                or it is no function.
        """
        if not callable(function):
            raise ActionError(f"{function!r} cannot be an action: it is no function")
        mark: _Mark | None = getattr(function, _MARK, None)
        label = name or (mark.name if mark else getattr(function, "__name__", None))
        if not label:
            raise ActionError(f"{function!r} has no name; give it one with action(name=...)")
        known = self._actions.get(label)
        if known is not None:
            if known.function == function:
                return known
            raise ActionError(f"two actions are named {label!r}: {_where(known.function)} and {_where(function)}")
        try:
            signature = inspect.signature(function)
        except ValueError as error:
            raise ActionError(f"the parameters of action {label!r} cannot be read: {error}") from error
        if any(p.kind is p.POSITIONAL_ONLY for p in signature.parameters.values()):
            raise ActionError(f"action {label!r} has positional-only parameters; steps give parameters by name")
        added = Action(label, function, signature, mark.version if mark else None, _source_hash(function))
        self._actions[label] = added
        return added

    def register_module(self, module: ModuleType) -> list[Action]:
        """Add every function of a module that is marked with `@action` (also those it imported).

        Raises:
            ActionError: as for `register`.
        """
        # Asked without running their code: mocks claim to have every attribute, proxies fail on any.
        marked = (entry for entry in vars(module).values() if inspect.getattr_static(entry, _MARK, None) is not None)
        return [self.register(entry) for entry in marked]

    def get(self, name: str) -> Action | None:
        """The action of this name, if there is one."""
        return self._actions.get(name)

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._actions)

    def reference(self, name: str) -> JsonObject | None:
        """What `step_started` records of an action; None for an unknown name."""
        found = self._actions.get(name)
        return None if found is None else found.reference

    def missing(self, names: Iterable[str]) -> list[str]:
        """One sentence per name that nobody registered, with the nearest one that is."""
        sentences = []
        for name in sorted(set(names) - self._actions.keys()):
            near = difflib.get_close_matches(name, self._actions, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            sentences.append(f"there is no action {name!r}{hint}")
        return sentences


def _source_hash(function: ActionFunction) -> str | None:
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return None
    return "v1:" + hashlib.sha256(source.encode()).hexdigest()


def _where(function: ActionFunction) -> str:
    return f"{function.__module__}.{getattr(function, '__qualname__', repr(function))}"
