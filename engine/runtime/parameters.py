"""What a function's signature asks of the parameters a step gives it: names, and types by its annotations."""

from __future__ import annotations

import collections.abc
import functools
import inspect
import re
import types
import typing
from collections.abc import Callable, Collection
from typing import Any

import orjson

from engine.core.expression_errors import kind_of, shown_text, suggestion
from engine.model.events import JsonObject
from engine.runtime.context import ActionContext

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_LAZY = (collections.abc.Iterable, collections.abc.Iterator, collections.abc.Generator)
_UNIONS = (typing.Union, types.UnionType)


class ParameterError(ValueError):
    """Parameters that do not fit; the message names action and parameter, never a value."""


class Parameters:
    """The parameters of one action. Annotations are looked at when they are first needed."""

    def __init__(self, action: str, function: Callable[..., Any], signature: inspect.Signature) -> None:
        self._action = f"action {action!r}"
        self._function = function
        self._signature = signature

    def problems(self, names: Collection[str]) -> list[str]:
        """One sentence for each of these names that there is no parameter for, and for each that is missing."""
        if self._required <= set(names) <= self._named:
            return []
        strange = [name for name in names if name not in self._named]
        found = [self._unknown(name) for name in strange if name in self.context_names or not self._takes_any]
        missing = [name for name in self._signature.parameters if name in self._required and name not in names]
        return found + [f"{self._action} needs the parameter {name!r}" for name in missing]

    def converted(self, parameters: JsonObject) -> dict[str, Any]:
        """A copy of the parameters, each converted from its JSON form to the type its annotation names.

        Raises:
            ParameterError: one sentence for each parameter that does not fit.
        """
        text = orjson.dumps(parameters)
        adapter = self._adapter
        if adapter is None:
            return orjson.loads(text)  # type: ignore[no-any-return]
        try:
            return adapter.validate_json(text, strict=True)  # type: ignore[no-any-return]
        except ValueError as error:
            from pydantic import ValidationError  # imported late: only a mistake needs it

            if not isinstance(error, ValidationError):
                raise
            raise ParameterError(self._sentences(error.errors(include_url=False))) from None

    @functools.cached_property
    def context_names(self) -> frozenset[str]:
        """The parameters that are given an `ActionContext`, and never by a step."""
        return frozenset(name for name, hint in self._hints.items() if _is_context(hint))

    def _unknown(self, name: str) -> str:
        if name in self.context_names:
            return f"the parameter {name!r} of {self._action} is given by the engine, not by a step"
        return f"{self._action} has no parameter {shown_text(name)}{suggestion(name, self._named)}"

    @functools.cached_property
    def _takes_any(self) -> bool:
        return any(p.kind is inspect.Parameter.VAR_KEYWORD for p in self._signature.parameters.values())

    @functools.cached_property
    def _named(self) -> frozenset[str]:
        names = (p.name for p in self._signature.parameters.values() if p.kind in _NAMED)
        return frozenset(names) - self.context_names

    @functools.cached_property
    def _required(self) -> frozenset[str]:
        parameters = self._signature.parameters
        return frozenset(name for name in self._named if parameters[name].default is inspect.Parameter.empty)

    @functools.cached_property
    def _hints(self) -> dict[str, Any]:
        """The annotations of the named parameters; one that cannot be resolved stays the text it is."""
        raw = {p.name: p.annotation for p in self._signature.parameters.values() if p.kind in _NAMED}
        annotated = {name: hint for name, hint in raw.items() if hint is not inspect.Parameter.empty}
        namespace = _namespace(self._function)
        return {name: _resolved(name, hint, namespace) for name, hint in annotated.items()}

    @functools.cached_property
    def _adapter(self) -> Any:
        """Validates all parameters at once; None when no annotation asks for anything."""
        hints = {name: _eager(hint) for name, hint in self._hints.items() if name not in self.context_names}
        hints = {name: hint for name, hint in hints.items() if not (hint is Any or isinstance(hint, str))}
        if not hints:
            return None
        try:
            return _adapter(hints)
        except Exception:  # pydantic says in many ways that it has no idea of a type
            understood = {name: hint for name, hint in hints.items() if _is_understood(hint)}
            return _adapter(understood) if understood else None

    def _sentences(self, errors: list[Any]) -> str:
        by_parameter: dict[str, list[Any]] = {}
        for error in errors:
            # Pydantic speaks of JSON; the rest of our sentences of lists and mappings.
            message = error["msg"].replace("a valid array", "a valid list").replace("an object", "a mapping")
            by_parameter.setdefault(str(error["loc"][0]), []).append(error | {"msg": message})
        unions = {name for name in by_parameter if typing.get_origin(self._hints.get(name)) in _UNIONS}
        told = [_sentence(name, found, name in unions) for name, found in by_parameter.items()]
        return f"{self._action}: {'; '.join(told)}"


def _namespace(function: Callable[..., Any]) -> dict[str, Any]:
    """The globals of the module that the function was written in."""
    target: Any = function
    while isinstance(target, functools.partial):
        target = target.func
    target = inspect.unwrap(target)
    if not hasattr(target, "__globals__"):  # an object that can be called
        target = inspect.unwrap(type(target).__call__)
    return getattr(target, "__globals__", {})


def _resolved(name: str, hint: Any, namespace: dict[str, Any]) -> Any:
    holder = types.SimpleNamespace(__annotations__={name: hint})
    try:
        return typing.get_type_hints(holder, namespace, include_extras=True)[name]
    except Exception:  # an annotation is an expression and may fail in any way
        return hint if isinstance(hint, str) else Any


def _is_context(hint: Any) -> bool:
    if isinstance(hint, str):
        # Imported for type checkers only, it is still what is meant.
        return re.search(rf"\b{ActionContext.__name__}\b", hint) is not None
    return hint is ActionContext or (typing.get_origin(hint) in _UNIONS and ActionContext in typing.get_args(hint))


def _eager(hint: Any) -> Any:
    """Pydantic checks the items of an iterable only when they are asked for, and once; a list is checked at once."""
    origin = typing.get_origin(hint) or hint
    if origin not in _LAZY:
        return hint
    items = typing.get_args(hint)
    return list[items[0]] if items else list  # type: ignore[valid-type]


def _adapter(hints: dict[str, Any]) -> Any:
    from pydantic import ConfigDict, TypeAdapter
    from typing_extensions import TypedDict

    # Which parameters are missing or unknown has been told before; all others are taken as they are.
    make: Any = TypedDict
    shape = make("Parameters", hints, total=False)
    shape.__pydantic_config__ = ConfigDict(extra="allow")
    adapter = TypeAdapter(shape)
    adapter.rebuild(raise_errors=True)
    return adapter


def _is_understood(hint: Any) -> bool:
    try:
        _adapter({"value": hint})
    except Exception:
        return False
    return True


def _sentence(name: str, errors: list[Any], is_union: bool) -> str:
    first = errors[0]
    if is_union and all(error["msg"].startswith("Input ") and len(error["loc"]) == 2 for error in errors):
        wanted = " or ".join(dict.fromkeys(error["msg"].removeprefix("Input should be ") for error in errors))
        return f"the parameter {name!r} should be {wanted}, not {kind_of(first['input'])}"
    place = name + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"][1:])
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    message = str(first["msg"])
    if not message.startswith("Input should be"):
        return f"the parameter {place!r}: {message[:1].lower()}{message[1:]}{more}"
    but = f", not {kind_of(first['input'])}" if first["type"].endswith("_type") else ""
    return f"the parameter {place!r} {message.removeprefix('Input ')}{but}{more}"
