"""What Python code returns becomes JSON once, and what cannot is an error that names its place."""

from __future__ import annotations

import collections
import dataclasses
import enum
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.normalize import NotJsonError, normalize

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("aé\n", max_size=3), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_json_comes_out_as_an_equal_copy_of_the_stated_size(value: Any) -> None:
    plain, size = normalize(value)
    assert plain == value
    assert repr(plain) == repr(value)
    assert size == len(orjson.dumps(value))
    assert not shared_containers(plain, value)


def shared_containers(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one is other or any(shared_containers(one[key], other[key]) for key in one)
    return isinstance(one, list) and (one is other or any(map(shared_containers, one, other)))


class Colour(enum.Enum):
    RED = "red"
    DEEP = ("a", 1)


class Level(enum.IntEnum):
    HIGH = 3


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Order:
    id: uuid.UUID
    lines: tuple[Any, ...]


class Model(pydantic.BaseModel):
    when: date
    amount: Decimal
    tags: set[str] = set()


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class Real(float):
    pass


ID = uuid.UUID(int=7)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ((1, (2, [3])), [1, [2, [3]]]),
        (Point(1, 2), [1, 2]),
        (collections.deque, None),
        (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (MappingProxyType({"a": (1,)}), {"a": [1]}),
        (Order(ID, (Level.HIGH, None)), {"id": str(ID), "lines": [3, None]}),
        (Model(when=date(2026, 3, 1), amount=Decimal("1.10"), tags={"x"}), {
            "when": "2026-03-01", "amount": "1.10", "tags": ["x"],
        }),
        (datetime(2026, 3, 1, 9, 14, tzinfo=UTC), "2026-03-01T09:14:00+00:00"),
        (date(2026, 3, 1), "2026-03-01"),
        (time(9, 14, 2), "09:14:02"),
        (ID, str(ID)),
        (Decimal("0.10"), "0.10"),
        (Path("/a/b"), "/a/b"),
        (PurePosixPath("a"), "a"),
        (Colour.RED, "red"),
        (Colour.DEEP, ["a", 1]),
        (Level.HIGH, 3),
        (Text("text"), "text"),
        (Whole(3), 3),
        (Real(2.5), 2.5),
        (2**64 - 1, 2**64 - 1),
        (-(2**63), -(2**63)),
        (-0.0, -0.0),
        ("\x00\n☃\U0001f600", "\x00\n☃\U0001f600"),
    ],
)  # fmt: skip
def test_richer_types_take_their_json_form(value: Any, plain: Any) -> None:
    if value is collections.deque:
        with pytest.raises(NotJsonError, match="output is a deque"):
            normalize(collections.deque([1]))
        return
    result, _ = normalize(value)
    assert result == plain
    assert type(result) is type(plain)
    nested, _ = normalize({"here": [value]})
    assert nested == {"here": [plain]}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


class Unserializable(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    handle: object


def itself() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "output is nan"),
        ({"a": [0, float("inf")]}, "output.a[1] is inf"),
        ([-float("inf")], "output[0] is -inf"),
        (2**64, "output is an integer beyond 64 bits"),
        ({"a": -(2**63) - 1}, "output.a is an integer beyond 64 bits"),
        (10**5000, "output is an integer beyond 64 bits"),
        (Whole(2**64), "output is an integer beyond 64 bits"),
        (Real("inf"), "output is inf"),
        ("\ud800", "output has a lone surrogate"),
        ({"\udc00": 1}, "a key of output has a lone surrogate"),
        (Path("\udcff"), "output has a lone surrogate"),
        ({1: "a"}, "output has a key that is no text: 1 (int)"),
        ({"a": {None: 1}}, "output.a has a key that is no text: None (NoneType)"),
        ({Level.HIGH: 1}, "output has a key that is no text"),
        ({1, 2}, "output is a set"),
        (frozenset(), "output is a frozenset"),
        (b"x", "output is a bytes"),
        (bytearray(), "output is a bytearray"),
        (object(), "output is a object"),
        (1j, "output is a complex"),
        ((n for n in ()), "output is a generator"),
        (Order, "output is a type"),
        ([{"x": {1}}], "output[0].x is a set"),
        (Order(ID, ({1},)), "output.lines[0] is a set"),
        (Unserializable(handle=object()), "output is a Unserializable, which has no JSON form"),
        (nested(102), "nested deeper than 100"),
        (itself(), "nested deeper than 100"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_json_cannot_hold_is_an_error_naming_its_place(value: Any, message: str) -> None:
    with pytest.raises(NotJsonError) as caught:
        normalize(value)
    assert message in str(caught.value)


def test_the_deepest_nesting_allowed_passes() -> None:
    assert normalize(nested(100))[0] == nested(100)


def test_the_place_begins_with_the_given_name() -> None:
    with pytest.raises(NotJsonError, match=r"^parameters\.a is a set"):
        normalize({"a": set()}, "parameters")
