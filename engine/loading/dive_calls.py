"""What Risor's functions and methods are called in the language of expressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Kind = Literal["", "int", "float", "text", "bool", "list", "map", "none"]
"""What is known about a value before there is one; nothing, mostly."""

CHOICE, OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, ATOM = range(9)
"""How tight the parts of a written expression hold together."""


class Twin(NamedTuple):
    """How a call is written: `{0}`, `{1}` ... stand for its arguments, of a method `{0}` for its value."""

    pattern: str
    arguments: int
    kind: Kind = ""
    level: int = ATOM


FUNCTIONS: Final[Mapping[str, Twin]] = {
    "all": Twin("all({0})", 1, "bool"),
    "any": Twin("any({0})", 1, "bool"),
    "bool": Twin("bool({0})", 1, "bool"),
    "float": Twin("float({0})", 1, "float"),
    "int": Twin("int({0})", 1, "int"),
    "keys": Twin("sorted({0}.keys())", 1, "list"),
    "len": Twin("len({0})", 1, "int"),
    "list": Twin("list({0})", 1, "list"),
    "reversed": Twin("list(reversed({0}))", 1, "list"),
    "sorted": Twin("sorted({0})", 1, "list"),
}

_TEXT_METHODS: Final[Mapping[str, Twin]] = {
    "contains": Twin("{1} in {0}", 1, "bool", COMPARE),
    "count": Twin("{0}.count({1})", 1, "int"),
    "fields": Twin("{0}.split()", 0, "list"),
    "has_prefix": Twin("{0}.startswith({1})", 1, "bool"),
    "has_suffix": Twin("{0}.endswith({1})", 1, "bool"),
    "last_index": Twin("{0}.rfind({1})", 1, "int"),
    "replace_all": Twin("{0}.replace({1}, {2})", 2, "text"),
    "split": Twin("{0}.split({1})", 1, "list"),
    "to_lower": Twin("{0}.lower()", 0, "text"),
    "to_upper": Twin("{0}.upper()", 0, "text"),
    "trim": Twin("{0}.strip({1})", 1, "text"),
    "trim_prefix": Twin("{0}.removeprefix({1})", 1, "text"),
    "trim_space": Twin("{0}.strip()", 0, "text"),
    "trim_suffix": Twin("{0}.removesuffix({1})", 1, "text"),
}

METHODS: Final[Mapping[str, Mapping[int, Twin]]] = {
    **{name: {twin.arguments: twin} for name, twin in _TEXT_METHODS.items()},
    "get": {1: Twin("{0}.get({1})", 1), 2: Twin("{0}.get({1}, {2})", 2)},
    "items": {0: Twin("sorted({0}.items())", 0, "list")},
    "join": {1: Twin("{0}.join({1})", 1, "text")},
    "keys": {0: Twin("sorted({0}.keys())", 0, "list")},
    "values": {0: Twin("[entry[1] for entry in sorted({0}.items())]", 0, "list")},
}
"""By name and number of arguments. Risor goes through a mapping in the order of its keys."""

STRINGS_MODULE: Final[Mapping[str, Twin]] = {
    **{name: twin._replace(arguments=twin.arguments + 1) for name, twin in _TEXT_METHODS.items()},
    "join": Twin("{1}.join({0})", 2, "text"),
}
"""Functions of the module `strings`: the text comes first, then what its method takes."""

REFUSED: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("append", "clear", "delete", "extend", "insert", "pop", "remove", "reverse", "sort", "set", "setdefault"),
        "it would change the value, and expressions only read",
    ),
    **dict.fromkeys(("map", "filter", "each", "reduce"), "it takes a function, and none can be written here"),
    **dict.fromkeys(("print", "printf"), "use a step with the action Print"),
    **dict.fromkeys(("index",), "'x in list' asks whether something is there"),
    **dict.fromkeys(("sprintf", "format"), "put text together with '... {value} ...'"),
    **dict.fromkeys(("fetch", "http", "exec", "open", "os", "getenv", "cat", "ls"), "use a step with an action"),
    **dict.fromkeys(("time",), "use a step with the action Time.Now"),
    **dict.fromkeys(("rand", "spawn", "chan", "cd", "cp", "setenv"), "expressions only read"),
    "try": 'inputs.get("name", default) asks whether there is a value',
}
"""What to do instead of calling what has no counterpart."""
