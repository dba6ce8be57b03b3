"""Actions: Python callables that steps invoke by name."""

from __future__ import annotations

import difflib
import hashlib
import inspect
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any, Literal, TypeVar, get_args, overload

from engine.model.events import JsonObject
from engine.runtime.parameters import Parameters

ActionFunction = Callable[..., Any]
F = TypeVar("F", bound=ActionFunction)
Effects = Literal["writes", "reads", "pure"]
OPTIONAL_BUILTINS = {"HTTP.Request": "http", "Shell.Run": "shell"}
"""Built-in actions that only those projects have which allow them, and what they have to allow."""
_MARK = "__dive_action__"


@dataclass(frozen=True, slots=True)
class _Mark:
    name: str
    version: str | None = None
    effects: Effects = "writes"
    max_parallel: int | None = None


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
    effects: Effects = "writes"
    """What running it does to the world outside: changes it, only looks at it, or neither."""
    max_parallel: int | None = None
    """How many of its attempts may run at once in one runner; None for no limit of its own."""

    @cached_property
    def is_async(self) -> bool:
        """Whether it runs on the event loop; others run in a thread of their own."""
        return inspect.iscoroutinefunction(self.function)

    @cached_property
    def reference(self) -> JsonObject:
        """What `step_started` records of it."""
        effects = None if self.effects == "writes" else self.effects
        record = {"name": self.name, "version": self.version, "source_hash": self.source_hash, "effects": effects}
        return {key: value for key, value in record.items() if value is not None}

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @cached_property
    def parameters(self) -> Parameters:
        """What its signature and annotations ask for."""
        return Parameters(self.name, self.function, self.signature)

    def parameter_problems(self, names: Collection[str]) -> list[str]:
        """One sentence for each of these names it has no parameter for, and for each required one not among them."""
        return self.parameters.problems(names)


@overload
def action(function: F) -> F: ...
@overload
def action(
    *, name: str | None = None, version: str | None = None, effects: Effects = "writes", max_parallel: int | None = None
) -> Callable[[F], F]: ...
def action(
    function: F | None = None,
    *,
    name: str | None = None,
    version: str | None = None,
    effects: Effects = "writes",
    max_parallel: int | None = None,
) -> F | Callable[[F], F]:
    """Mark a function, sync or async, as an action. Its name is the function's unless `name` is given.

    The function stays what it is and can be called and tested as before. `effects` says what running it does to the
    world outside: `writes` changes it, `reads` only looks at it, `pure` neither, so that the same parameters give
    the same output at any time. At most `max_parallel` attempts run at once in one runner.

    Raises:
        ActionError: a name or version that is no text, effects of another kind, or a `max_parallel` below 1.
    """
    _check_mark(name, version, effects, max_parallel)

    def mark(target: F) -> F:
        setattr(target, _MARK, _Mark(name or target.__name__, version, effects, max_parallel))
        return target

    return mark if function is None else mark(function)


def _check_mark(name: Any, version: Any, effects: Any, max_parallel: Any) -> None:
    if not isinstance(name, str | None) or name == "":
        raise ActionError(f"the name of an action must be text, not {name!r}")
    if not isinstance(version, str | None):
        raise ActionError(f"the version of an action must be text, not {version!r}")
    if effects not in get_args(Effects):
        raise ActionError(f"the effects of an action are 'writes', 'reads' or 'pure', not {effects!r}")
    if max_parallel is not None and (type(max_parallel) is not int or max_parallel < 1):
        raise ActionError(f"max_parallel of an action is a number of attempts from 1, not {max_parallel!r}")


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
        mark = mark or _Mark(label)
        added = Action(
            label, function, signature, mark.version, _source_hash(function), mark.effects, mark.max_parallel
        )
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
        """One sentence per name that nobody registered: what to allow, or the nearest one that is."""
        sentences = []
        for name in sorted(set(names) - self._actions.keys()):
            if name in OPTIONAL_BUILTINS:
                sentences.append(_not_allowed(name))
                continue
            near = difflib.get_close_matches(name, self._actions, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            sentences.append(f"there is no action {name!r}{hint}")
        return sentences


def _not_allowed(name: str) -> str:
    allow = OPTIONAL_BUILTINS[name]
    return (
        f"action {name!r} is built in but not allowed here; "
        f'add allow = ["{allow}"] to dive.toml or [tool.dive], or give Engine(allow={{"{allow}"}})'
    )


def _source_hash(function: ActionFunction) -> str | None:
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return None
    return "v1:" + hashlib.sha256(source.encode()).hexdigest()


def _where(function: ActionFunction) -> str:
    return f"{function.__module__}.{getattr(function, '__qualname__', repr(function))}"
