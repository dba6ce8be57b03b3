"""Parameters: their names from the signature, their types from the annotations."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional
from uuid import UUID

import pydantic
import pytest

from engine.runtime.context import ActionContext
from engine.runtime.parameters import ParameterError, Parameters

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]

    from engine.runtime.context import ActionContext as Context


class Color(Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.0


class Order(pydantic.BaseModel):
    items: list[Point]
    total: Decimal


def parameters(function: Callable[..., Any]) -> Parameters:
    return Parameters("act", function, inspect.signature(function))


def converted(annotation: Any, value: Any) -> Any:
    def function(x: Any) -> None: ...

    function.__annotations__ = {"x": annotation}
    return parameters(function).converted({"x": value})["x"]


@pytest.mark.parametrize(
    ("annotation", "given", "wanted"),
    [
        (int, 5, 5),
        (float, 5, 5.0),
        (str, "5", "5"),
        (bool, True, True),
        (datetime, "2026-03-01T09:14:02Z", datetime(2026, 3, 1, 9, 14, 2, tzinfo=UTC)),
        (date, "2026-03-01", date(2026, 3, 1)),
        (timedelta, "PT5M", timedelta(minutes=5)),
        (Color, "red", Color.RED),
        (Path, "/a/b", Path("/a/b")),
        (Decimal, "1.10", Decimal("1.10")),
        (UUID, "12345678-1234-5678-1234-567812345678", UUID("12345678-1234-5678-1234-567812345678")),
        (Point, {"x": 1}, Point(1)),
        (Order, {"items": [{"x": 1, "y": 2.5}], "total": "3"}, Order(items=[Point(1, 2.5)], total=Decimal(3))),
        (tuple[int, str], [1, "a"], (1, "a")),
        (set[str], ["a", "a"], {"a"}),
        (dict[str, list[int]], {"a": [1]}, {"a": [1]}),
        (Optional[int], None, None),  # noqa: UP045 - the old form too
        (int | str, "5", "5"),
        (Literal["a", "b"], "b", "b"),
        (Annotated[int, pydantic.Field(gt=0)], 1, 1),
        (Iterable[int], [1, 2], [1, 2]),
        (Iterator, [1], [1]),
        (object, {"a": 1}, {"a": 1}),
        (Any, {"a": [None]}, {"a": [None]}),
        ("Point", {"x": 1}, Point(1)),
        ("int | None", 3, 3),
        ("Unknown", "anything", "anything"),
        ("1 +", "anything", "anything"),
        ("list[Unknown]", 5, 5),
        (ParameterError, "no type for JSON", "no type for JSON"),
    ],
)
def test_json_becomes_what_the_annotation_names(annotation: Any, given: Any, wanted: Any) -> None:
    result = converted(annotation, given)
    assert result == wanted
    assert type(result) is type(wanted)


@pytest.mark.parametrize(
    ("annotation", "given", "message"),
    [
        (int, "5", "the parameter 'x' should be a valid integer, not text"),
        (int, 5.0, "the parameter 'x' should be a valid integer, not a number"),
        (int, True, "the parameter 'x' should be a valid integer, not a boolean"),
        (str, 5, "the parameter 'x' should be a valid string, not a number"),
        (bool, 1, "the parameter 'x' should be a valid boolean, not a number"),
        (int | str, [], "the parameter 'x' should be a valid integer or a valid string, not a list"),
        (Color, "blue", "the parameter 'x' should be 'red'"),
        (Annotated[int, pydantic.Field(gt=0)], 0, "the parameter 'x' should be greater than 0"),
        (
            list[Point],
            [{"x": 1}, {"x": "?"}, {}],
            "the parameter 'x[1].x' should be a valid integer, not text (and 1 more)",
        ),
        (Order, {"total": "1"}, "the parameter 'x.items': field required"),
        (Iterable[int], "12", "the parameter 'x' should be a valid list, not text"),
        (dict[str, int], [], "the parameter 'x' should be a mapping, not a list"),
        (Point, 5, "the parameter 'x' should be a mapping, not a number"),
        (Order, 5, "the parameter 'x' should be a mapping, not a number"),
        (list[int], None, "the parameter 'x' should be a valid list, not None"),
    ],
)
def test_what_does_not_fit_is_a_sentence_without_the_value(annotation: Any, given: Any, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        converted(annotation, given)
    assert str(caught.value) == f"action 'act': {message}"


def test_every_parameter_that_does_not_fit_is_told() -> None:
    def function(a: int, b: list[int], c: str) -> None: ...

    with pytest.raises(ParameterError) as caught:
        parameters(function).converted({"a": "1", "b": [1, "2"], "c": "fine"})
    assert str(caught.value) == (
        "action 'act': the parameter 'a' should be a valid integer, not text; "
        "the parameter 'b[1]' should be a valid integer, not text"
    )


def test_a_type_nobody_understands_leaves_the_others_checked() -> None:
    def function(a: int, b: ParameterError, c: Any = None, **more: int) -> None: ...

    given = {"a": 1, "b": [1], "other": "x"}
    assert parameters(function).converted(given) == given
    with pytest.raises(ParameterError, match="parameter 'a'"):
        parameters(function).converted({"a": "1", "b": 2})


def test_parameters_are_copied() -> None:
    for function in (lambda x: None, Color.__init__):
        given: dict[str, Any] = {"x": {"deep": [1]}}
        result = parameters(function).converted(given)
        result["x"]["deep"].append(2)
        assert given == {"x": {"deep": [1]}}


def test_without_annotations_pydantic_is_not_asked() -> None:
    def plain(x, y: Any = 1, *, z: "Unknown" = 2): ...  # type: ignore[no-untyped-def]  # noqa: UP037 - a text in a text

    assert parameters(plain)._adapter is None
    assert parameters(plain).converted({"x": 2**63, "y": 0.1}) == {"x": 2**63, "y": 0.1}


# Names


def function(amount: int, currency: str = "EUR", *, note: str, context: ActionContext) -> None: ...


@pytest.mark.parametrize(
    ("names", "problems"),
    [
        (["amount", "note"], []),
        (["amount", "note", "currency"], []),
        (["note"], ["action 'act' needs the parameter 'amount'"]),
        (
            ["amuont", "x"],
            [
                "action 'act' has no parameter 'amuont'; did you mean 'amount'?",
                "action 'act' has no parameter 'x'",
                "action 'act' needs the parameter 'amount'",
                "action 'act' needs the parameter 'note'",
            ],
        ),
        (
            ["amount", "note", "context"],
            ["the parameter 'context' of action 'act' is given by the engine, not by a step"],
        ),
    ],
)
def test_unknown_and_missing_names_are_told(names: list[str], problems: list[str]) -> None:
    assert parameters(function).problems(names) == problems
    assert parameters(function).problems(dict.fromkeys(names)) == problems


def test_a_function_that_takes_anything_has_no_unknown_names() -> None:
    def open_ended(a: int, *rest: Any, context: ActionContext, **more: Any) -> None: ...

    assert parameters(open_ended).problems(["a", "zzz", "rest", "more"]) == []
    assert parameters(open_ended).problems(["zzz"]) == ["action 'act' needs the parameter 'a'"]
    assert len(parameters(open_ended).problems(["a", "context"])) == 1


def test_the_context_is_found_by_its_annotation() -> None:
    def direct(c: ActionContext) -> None: ...
    def optional(c: ActionContext | None = None) -> None: ...
    def imported_for_types_only(c: Context, d: "ActionContext") -> None: ...  # noqa: UP037 - a text in a text
    def none(context: dict[str, Any]) -> None: ...

    assert parameters(direct).context_names == {"c"}
    assert parameters(optional).context_names == {"c"}
    assert parameters(imported_for_types_only).context_names == {"d"}
    assert parameters(none).context_names == set()


class Service:
    def method(self, x: Point) -> None: ...

    def __call__(self, x: Point, c: ActionContext) -> None: ...


def test_methods_objects_partials_and_wrappers_are_read_like_functions() -> None:
    @functools.wraps(Service.method)
    def wrapper(*args: Any, **kwargs: Any) -> None: ...

    service = Service()
    for target in (service.method, service, functools.partial(Service.method, service), wrapper):
        found = parameters(target)
        assert found.converted({"x": {"x": 1}}) == {"x": Point(1)}
    assert parameters(service).context_names == {"c"}


class Odd(pydantic.BaseModel):
    x: int

    @pydantic.field_validator("x")
    @classmethod
    def check(cls, value: int) -> int:
        raise ZeroDivisionError("a validator of its own")


def test_an_error_of_a_validator_is_its_own() -> None:
    with pytest.raises(ZeroDivisionError):
        converted(Odd, {"x": 1})
