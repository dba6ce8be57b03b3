"""The methods expressions may call on text, lists and mappings: those that only read, under counted limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from engine.core.expression_errors import Fault, kind_of, shown_text
from engine.core.expression_values import (
    NUMBERS,
    WHOLE_NUMBERS,
    Frame,
    check_key,
    check_text_size,
    iterate,
    measure,
)

_NONE = frozenset({type(None)})


class Parameter(NamedTuple):
    """What an argument may be; `types` None is anything."""

    phrase: str
    types: frozenset[type] | None


TEXT = Parameter("text", frozenset({str}))
TEXTS = Parameter("text or a tuple of texts", frozenset({str, tuple}))
MAYBE_TEXT = Parameter("text or None", frozenset({str}) | _NONE)
WHOLE = Parameter("a whole number", WHOLE_NUMBERS)
MAYBE_WHOLE = Parameter("a whole number or None", WHOLE_NUMBERS | _NONE)
FLAG = Parameter("a boolean", WHOLE_NUMBERS)
ANY = Parameter("anything", None)


class Method(NamedTuple):
    """What a method is called with: `call(frame, value, *arguments, **keywords)`."""

    call: Callable[..., Any]
    parameters: tuple[Parameter, ...] = ()
    least: int = 0
    names: tuple[str, ...] = ()
    """The first parameters' names, where they may be given by keyword."""

    def check(self, name: str, arguments: list[Any], keywords: Mapping[str, Any]) -> None:
        """Make sure that the arguments are what the method takes.

        Raises:
            Fault: there are too few or too many, or one is of another kind.
        """
        least, most, count = self.least, len(self.parameters), len(arguments)
        if not least <= count <= most:
            raise Fault(f"{name}() takes {count_phrase(least, most)}, not {count}")
        for value, parameter in zip(arguments, self.parameters, strict=False):
            _check(name, value, parameter)
        for keyword, value in keywords.items():
            if keyword not in self.names[count:]:
                raise Fault(f"{name}() takes no further argument {keyword!r}")
            _check(name, value, self.parameters[self.names.index(keyword)])


def count_phrase(least: int, most: int | None) -> str:
    """How many arguments: `no arguments`, `1 argument`, `1 to 3 arguments`, `1 argument or more`."""
    if most is None:
        return f"{least} argument{'' if least == 1 else 's'} or more"
    if least != most:
        return f"{least} to {most} arguments"
    return "no arguments" if most == 0 else f"{most} argument{'' if most == 1 else 's'}"


def _check(name: str, value: Any, parameter: Parameter) -> None:
    if parameter.types is not None and value.__class__ not in parameter.types:
        raise Fault(f"{name}() needs {parameter.phrase}, not {kind_of(value)}")


def _reading(name: str) -> Callable[..., Any]:
    """A text method as it is: its work and its result are in proportion to the text."""
    native = getattr(str, name)

    def call(frame: Frame, text: str, *arguments: Any, **keywords: Any) -> Any:
        frame.spend(1 + (len(text) >> 4))
        if arguments and arguments[0].__class__ is tuple:
            frame.spend(len(arguments[0]))
        try:
            result = native(text, *arguments, **keywords)
        except ValueError as problem:
            raise Fault(f"{name}(): {problem}") from None
        except TypeError:
            raise Fault(f"{name}() needs a tuple of texts") from None
        if result.__class__ in (list, tuple):
            frame.spend(len(result))
        elif result.__class__ is str:
            check_text_size(len(result), frame)
        return result

    return call


def _padding(name: str) -> Callable[..., str]:
    native = getattr(str, name)

    def call(frame: Frame, text: str, width: int, *fill: str) -> str:
        check_text_size(max(width, len(text)), frame)
        if fill and len(fill[0]) != 1:
            raise Fault(f"{name}() fills with exactly one character")
        return str(native(text, width, *fill))

    return call


def _join(frame: Frame, separator: str, values: Any) -> str:
    parts = list(iterate(values, frame))
    characters = len(separator) * len(parts)
    for index, part in enumerate(parts):
        if part.__class__ is not str:
            raise Fault(f"join() joins texts, but item {index} is {kind_of(part)}; write str(...) around it")
        characters += len(part)
    check_text_size(characters, frame)
    return separator.join(parts)


def _replace(frame: Frame, text: str, old: str, new: str, count: int = -1) -> str:
    frame.spend(1 + (len(text) >> 4))
    found = text.count(old) if count < 0 else min(count, text.count(old))
    check_text_size(len(text) + found * (len(new) - len(old)), frame)
    return text.replace(old, new, count)


def _list_count(frame: Frame, values: Any, item: Any) -> int:
    _measure_search(frame, values, item)
    return int(values.count(item))


def _list_index(frame: Frame, values: Any, item: Any, *bounds: int) -> int:
    _measure_search(frame, values, item)
    try:
        return int(values.index(item, *bounds))
    except ValueError:
        what = shown_text(item) if item.__class__ is str else "such an item"
        raise Fault(f"index(): the list does not hold {what}") from None


def _measure_search(frame: Frame, values: Any, item: Any) -> None:
    if item.__class__ in NUMBERS:
        frame.spend(1 + len(values))
    else:
        measure(values, frame)


def _get(frame: Frame, mapping: Mapping[Any, Any], key: Any, default: Any = None) -> Any:
    check_key(key, frame)
    return mapping.get(key, default)


def _keys(frame: Frame, mapping: Mapping[Any, Any]) -> Any:
    return _as_dict(frame, mapping).keys()


def _values(frame: Frame, mapping: Mapping[Any, Any]) -> Any:
    return _as_dict(frame, mapping).values()


def _items(frame: Frame, mapping: Mapping[Any, Any]) -> Any:
    return _as_dict(frame, mapping).items()


def _as_dict(frame: Frame, mapping: Mapping[Any, Any]) -> dict[Any, Any]:
    if mapping.__class__ is not dict:
        frame.spend(len(mapping))
    return mapping if isinstance(mapping, dict) else dict(mapping)


def _text_methods(
    names: str, *parameters: Parameter, least: int = 0, keywords: tuple[str, ...] = ()
) -> dict[str, Method]:
    """Methods of text, their names apart by spaces, that take the same arguments."""
    return {name: Method(_reading(name), parameters, least, keywords) for name in names.split()}


def _padding_methods(names: str, *parameters: Parameter) -> dict[str, Method]:
    return {name: Method(_padding(name), parameters, 1) for name in names.split()}


TEXT_METHODS: dict[str, Method] = {
    **_text_methods("capitalize casefold lower swapcase title upper"),
    **_text_methods("isalnum isalpha isascii isdecimal isdigit islower isnumeric isspace istitle isupper"),
    **_text_methods("lstrip rstrip strip", MAYBE_TEXT),
    **_text_methods("partition rpartition removeprefix removesuffix", TEXT, least=1),
    **_text_methods("count find index rfind rindex", TEXT, MAYBE_WHOLE, MAYBE_WHOLE, least=1),
    **_text_methods("endswith startswith", TEXTS, MAYBE_WHOLE, MAYBE_WHOLE, least=1),
    **_text_methods("rsplit split", MAYBE_TEXT, WHOLE, keywords=("sep", "maxsplit")),
    **_text_methods("splitlines", FLAG, keywords=("keepends",)),
    **_padding_methods("center ljust rjust", WHOLE, TEXT),
    **_padding_methods("zfill", WHOLE),
    "join": Method(_join, (ANY,), 1),
    "replace": Method(_replace, (TEXT, TEXT, WHOLE), 2),
}
LIST_METHODS: dict[str, Method] = {
    "count": Method(_list_count, (ANY,), 1),
    "index": Method(_list_index, (ANY, WHOLE, WHOLE), 1),
}
MAPPING_METHODS: dict[str, Method] = {
    "get": Method(_get, (ANY, ANY), 1),
    "items": Method(_items),
    "keys": Method(_keys),
    "values": Method(_values),
}
METHOD_NAMES = frozenset((*TEXT_METHODS, *LIST_METHODS, *MAPPING_METHODS))
CHANGING_METHODS = frozenset(
    ("append", "clear", "extend", "insert", "pop", "popitem", "remove", "reverse", "sort", "update")
)
"""Named so that a refusal can say why."""


def methods_of(value: Any) -> Mapping[str, Method]:
    """The methods a value has, by name."""
    if value.__class__ is str:
        return TEXT_METHODS
    if value.__class__ in (list, tuple):
        return LIST_METHODS
    return MAPPING_METHODS if isinstance(value, Mapping) else {}
