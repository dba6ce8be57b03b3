"""From what Python code returns to the JSON that is recorded, once, with a named place for what cannot be."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

import orjson

_MAX_DEPTH = 100
_INT64 = range(-(2**63), 2**64)


class NotJsonError(ValueError):
    """A value that has no faithful JSON form; the message names its place."""


def normalize(value: Any, place: str = "output") -> tuple[Any, int]:
    """A deep copy of a value as it will come back out of the store, and its size in bytes as JSON.

    Tuples become lists; pydantic models, dataclasses, dates, times, UUIDs, decimals, paths and enums take their JSON
    form.

    Raises:
        NotJsonError: NaN, an infinity, an integer beyond 64 bits, a key that is no text, a lone surrogate, a set,
            bytes, anything else without a JSON form, or nesting deeper than 100; naming where.
    """
    encoded = orjson.dumps(_plain(value, place, 0))
    return orjson.loads(encoded), len(encoded)


def _plain(value: Any, place: str, depth: int) -> Any:
    if value is None or value is True or value is False:
        return value
    if depth > _MAX_DEPTH:
        raise NotJsonError(f"{place} is nested deeper than {_MAX_DEPTH} levels")
    kind = type(value)
    if kind is str:
        return _text(value, place)
    if kind is int:
        return _whole(value, place)
    if kind is float:
        return _number(value, place)
    if kind is dict:
        return {_key(k, place): _plain(v, f"{place}.{k}", depth + 1) for k, v in value.items()}
    if kind is list or kind is tuple:
        return [_plain(v, f"{place}[{i}]", depth + 1) for i, v in enumerate(value)]
    return _converted(value, place, depth)


def _text(value: str, place: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotJsonError(f"{place} has a lone surrogate character") from None
    return value


def _whole(value: int, place: str) -> int:
    if value not in _INT64:
        raise NotJsonError(f"{place} is an integer beyond 64 bits")
    return value


def _number(value: float, place: str) -> float:
    if not math.isfinite(value):
        raise NotJsonError(f"{place} is {value}, which JSON cannot hold")
    return value


def _key(key: Any, place: str) -> str:
    if type(key) is not str:
        raise NotJsonError(f"{place} has a key that is no text: {str(key)[:60]} ({type(key).__name__})")
    return _text(key, f"a key of {place}")


def _converted(value: Any, place: str, depth: int) -> Any:
    """The JSON form of the richer types, subclasses of the plain ones included."""
    # Only a program that has imported pydantic can hand us one of its models.
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and isinstance(value, pydantic.BaseModel):
        return _plain(_dumped(value, place), place, depth + 1)
    if isinstance(value, Enum):
        return _plain(value.value, place, depth + 1)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return _plain(fields, place, depth)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (UUID, Decimal, PurePath)):
        return _text(str(value), place)
    if isinstance(value, str):
        return _text(str(value), place)
    if isinstance(value, int):
        return _whole(int(value), place)
    if isinstance(value, float):
        return _number(float(value), place)
    if isinstance(value, Mapping):
        return _plain(dict(value), place, depth)
    if isinstance(value, (list, tuple)):
        return _plain(list(value), place, depth)
    raise NotJsonError(f"{place} is a {type(value).__name__}, which has no JSON form")


def _dumped(model: Any, place: str) -> Any:
    try:
        return model.model_dump(mode="json")
    except ValueError as error:
        raise NotJsonError(f"{place} is a {type(model).__name__}, which has no JSON form: {error}") from error
