"""The functions expressions may call. Each takes a frame to count operations in, and raises Fault with a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import gt, lt
from types import MappingProxyType
from typing import Any, NamedTuple

from engine.core.expression_errors import Fault, kind_of, shown_text
from engine.core.expression_values import (
    MAX_OPERATIONS,
    NUMBERS,
    SIZED,
    WHOLE_NUMBERS,
    Frame,
    check_key,
    checked_number,
    compare,
    iterate,
    measure,
    to_text,
)

_MISSING: Any = object()
_MAX_DIGITS = 400
_LONGEST_NUMERAL = 2000


class Function(NamedTuple):
    """What a function is called with: `call(frame, *arguments, **keywords)`."""

    call: Callable[..., Any]
    least: int
    most: int | None
    """Arguments by position; None is any number."""
    keywords: Mapping[str, int | None] | None = MappingProxyType({})
    """Arguments that may be given by keyword, with their position if they have one; None is any name."""


def _abs(frame: Frame, value: Any) -> Any:
    return abs(_number(value, "abs()"))


def _all(frame: Frame, values: Any) -> bool:
    return all(iterate(values, frame))


def _any(frame: Frame, values: Any) -> bool:
    return any(iterate(values, frame))


def _bool(frame: Frame, value: Any = False) -> bool:
    return bool(value)


def _dict(frame: Frame, pairs: Any = (), /, **items: Any) -> dict[Any, Any]:
    if isinstance(pairs, Mapping):
        frame.spend(len(pairs))
        return {**pairs, **items}
    result = {}
    for pair in iterate(pairs, frame):
        parts = list(iterate(pair, frame))
        if len(parts) != 2:
            raise Fault(f"dict() needs pairs of a key and a value; one has {len(parts)} parts")
        check_key(parts[0], frame)
        result[parts[0]] = parts[1]
    return {**result, **items}


def _enumerate(frame: Frame, values: Any, start: Any = 0) -> Iterator[tuple[int, Any]]:
    return enumerate(iterate(values, frame), _whole(start, "enumerate()"))


def _float(frame: Frame, value: Any = 0.0) -> float:
    if value.__class__ is not str:
        value = _number(value, "float()")
    try:
        return float(_numeral(value, frame))
    except ValueError:
        raise Fault(f"float() cannot read {shown_text(value)} as a number") from None
    except OverflowError:
        raise Fault("the number is too large for float()") from None


def _int(frame: Frame, value: Any = 0, base: Any = _MISSING) -> int:
    if base is not _MISSING and value.__class__ is not str:
        raise Fault(f"int() with a base needs text, not {kind_of(value)}")
    if value.__class__ is not str:
        value = _number(value, "int()")
    try:
        numeral = _numeral(value, frame)
        number = int(numeral) if base is _MISSING else int(numeral, _whole(base, "int()"))
    except ValueError:
        what = shown_text(value) if value.__class__ is str else str(value)
        raise Fault(f"int() cannot read {what} as a whole number") from None
    except OverflowError:
        raise Fault(f"int() has no whole number for {value}") from None
    return int(checked_number(number))


def _len(frame: Frame, value: Any) -> int:
    if value.__class__ in SIZED or isinstance(value, Mapping):
        return len(value)
    hint = "; make a list of it first" if isinstance(value, Iterator) else ""
    raise Fault(f"len() needs text, a list or a mapping, not {kind_of(value)}{hint}")


def _list(frame: Frame, values: Any = ()) -> list[Any]:
    return list(iterate(values, frame))


def _max(frame: Frame, *values: Any, default: Any = _MISSING) -> Any:
    return _extreme("max()", gt, frame, values, default)


def _min(frame: Frame, *values: Any, default: Any = _MISSING) -> Any:
    return _extreme("min()", lt, frame, values, default)


def _extreme(name: str, beats: Callable[[Any, Any], Any], frame: Frame, values: tuple[Any, ...], default: Any) -> Any:
    if len(values) > 1 and default is not _MISSING:
        raise Fault(f"{name} takes a default only with one list")
    candidates = iterate(values[0] if len(values) == 1 else values, frame)
    best = next(candidates, default)
    if best is _MISSING:
        raise Fault(f"{name} of nothing has no value; give it a default: {name[:-1]}..., default=None)")
    for candidate in candidates:
        if compare(beats, candidate, best, frame):
            best = candidate
    return best


def _range(frame: Frame, *bounds: Any) -> range:
    start, stop, step = (0, *bounds, 1) if len(bounds) == 1 else (*bounds, 1)[:3]
    numbers = [_whole(bound, "range()") for bound in (start, stop, step)]
    if numbers[2] == 0:
        raise Fault("range() needs a step other than 0")
    result = range(*numbers)
    try:
        size = len(result)
    except OverflowError:
        size = MAX_OPERATIONS + 1
    if size > MAX_OPERATIONS:
        raise Fault(f"range() gives at most {MAX_OPERATIONS:,} numbers")
    return result


def _reversed(frame: Frame, values: Any) -> Iterator[Any]:
    if values.__class__ not in SIZED and not isinstance(values, Mapping):
        raise Fault(f"reversed() needs text, a list or a mapping, not {kind_of(values)}")
    frame.spend(len(values))
    return reversed(values if values.__class__ in (list, tuple, str, range) else list(values))


def _round(frame: Frame, value: Any, ndigits: Any = None) -> Any:
    _number(value, "round()")
    if ndigits is None:
        try:
            return round(value)
        except (ValueError, OverflowError):
            raise Fault(f"round() has no whole number for {value}") from None
    if abs(_whole(ndigits, "round()")) > _MAX_DIGITS:
        raise Fault(f"round() takes at most {_MAX_DIGITS} digits")
    try:
        return checked_number(round(value, ndigits))
    except OverflowError:
        raise Fault("the rounded number is too large") from None


def _sorted(frame: Frame, values: Any, *, reverse: Any = False) -> list[Any]:
    items = list(iterate(values, frame))
    frame.spend(measure(items, frame).operations * len(items).bit_length() >> 3)
    try:
        return sorted(items, reverse=bool(_whole(reverse, "sorted()")))
    except TypeError:
        raise Fault(f"sorted() cannot put {_kinds(items)} in order") from None


def _kinds(items: list[Any]) -> str:
    phrases = list(dict.fromkeys(map(kind_of, items)))[:3]
    return phrases[0] + " and another" if len(phrases) == 1 else " and ".join(phrases)


def _str(frame: Frame, value: Any = "") -> str:
    return to_text(value, frame)


def _sum(frame: Frame, values: Any, start: Any = 0) -> Any:
    # Added one by one: the built-in sum adds floats in another way since Python 3.12, and a recorded condition must
    # come out the same on every version.
    total = _number(start, "sum()")
    for value in iterate(values, frame):
        if value.__class__ not in NUMBERS:
            raise Fault(f"sum() adds numbers, not {kind_of(value)}")
        try:
            total += value
        except OverflowError:
            raise Fault("a number is too large to be added to a fraction") from None
    return checked_number(total)


def _zip(frame: Frame, *values: Any) -> Iterator[tuple[Any, ...]]:
    return zip(*[iterate(value, frame) for value in values], strict=False)


def _number(value: Any, what: str) -> Any:
    if value.__class__ not in NUMBERS:
        raise Fault(f"{what} needs a number, not {kind_of(value)}")
    return value


def _whole(value: Any, what: str) -> Any:
    if value.__class__ not in WHOLE_NUMBERS:
        raise Fault(f"{what} needs a whole number, not {'a fraction' if value.__class__ is float else kind_of(value)}")
    return value


def _numeral(value: Any, frame: Frame) -> Any:
    """A number, or text that is short enough to be read as one: reading takes the square of its length."""
    if value.__class__ is str:
        if len(value) > _LONGEST_NUMERAL:
            raise Fault(f"a numeral has more than {_LONGEST_NUMERAL:,} characters")
        frame.spend(1 + (len(value) >> 4))
    return value


FUNCTIONS: dict[str, Function] = {
    "abs": Function(_abs, 1, 1),
    "all": Function(_all, 1, 1),
    "any": Function(_any, 1, 1),
    "bool": Function(_bool, 0, 1),
    "dict": Function(_dict, 0, 1, None),
    "enumerate": Function(_enumerate, 1, 2, {"start": 2}),
    "float": Function(_float, 0, 1),
    "int": Function(_int, 0, 2, {"base": 2}),
    "len": Function(_len, 1, 1),
    "list": Function(_list, 0, 1),
    "max": Function(_max, 1, None, {"default": None}),
    "min": Function(_min, 1, None, {"default": None}),
    "range": Function(_range, 1, 3),
    "reversed": Function(_reversed, 1, 1),
    "round": Function(_round, 1, 2, {"ndigits": 2}),
    "sorted": Function(_sorted, 1, 1, {"reverse": None}),
    "str": Function(_str, 0, 1),
    "sum": Function(_sum, 1, 2, {"start": 2}),
    "zip": Function(_zip, 0, None),
}
"""By name. `get` and `has` are not here: they ask for a path, which is not evaluated when it is missing."""
