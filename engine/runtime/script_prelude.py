"""What the sandbox runs before a script: the functions that the rewritten text calls.

They hold on to the built-in functions they use: a script may give `len` or `list` a meaning of its own.
"""

from __future__ import annotations

PRELUDE = """\
def __dive_key__(
    value, name, dict=dict, isinstance=isinstance, getattr=getattr, list=list, repr=repr, KeyError=KeyError
):
    if not isinstance(value, dict):
        return getattr(value, name)
    if name in value:
        return value[name]
    known = ", ".join([repr(key) for key in list(value)[:8]])
    raise KeyError("there is no " + repr(name) + (", only " + known if known else "; the mapping is empty"))
def __dive_path__(value, *keys, default=None, LookupError=LookupError, TypeError=TypeError):
    for key in keys:
        try:
            value = value[key]
        except (LookupError, TypeError):
            return default
    return value
def __dive_has__(value, *keys, LookupError=LookupError, TypeError=TypeError):
    for key in keys:
        try:
            value = value[key]
        except (LookupError, TypeError):
            return False
    return True
def __dive_value__(
    value, str=str, int=int, float=float, dict=dict, list=list, tuple=tuple, type=type, len=len,
    isinstance=isinstance, TypeError=TypeError, OverflowError=OverflowError
):
    left = [MAX_OUTPUT]
    lists = (
        "range", "dict_keys", "dict_values", "dict_items", "zip", "map", "filter", "enumerate", "reversed", "generator",
        "list_iterator", "deque"
    )
    texts = ("Decimal", "Path", "PosixPath", "PurePosixPath", "PurePath")
    def __dive_plain__(value, depth):
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        left[0] -= len(value) + 1 if kind is str else 1
        if left[0] < 0:
            raise OverflowError("the value is larger than MAX_OUTPUT characters")
        if kind is str or kind is float:
            return value
        if kind is int:
            if -9223372036854775808 <= value < 18446744073709551616:
                return value
            raise TypeError("the value holds an integer beyond 64 bits")
        if depth > 99:
            raise TypeError("the value is nested deeper than 100 levels")
        if isinstance(value, dict):
            plain = {}
            for key in value:
                if type(key) is not str:
                    raise TypeError("the value holds a key that is no text")
                left[0] -= len(key)
                plain[key] = __dive_plain__(value[key], depth + 1)
            return plain
        name = kind.__name__
        if isinstance(value, (list, tuple)) or name in lists:
            return [__dive_plain__(item, depth + 1) for item in value]
        if name in texts:
            return str(value)
        if name in ("date", "datetime", "time"):
            return value.isoformat()
        raise TypeError("the value holds a " + name + ", which has no JSON form")
    return __dive_plain__(value, 0)
"""
"""Python for the sandbox; `MAX_OUTPUT` stands for a number."""
PRELUDE_LINES = PRELUDE.count("\n")
