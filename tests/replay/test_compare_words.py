"""A divergence in words."""

from __future__ import annotations

from typing import Any

import pytest

from engine.replay.comparing.compare import Comparison
from engine.replay.comparing.units import Unit
from engine.replay.comparing.words import divergence_words, unit_words, value_words
from tests.core.written import Written, edge
from tests.replay.compared import begun, compared, failing


def words(comparison: Comparison) -> tuple[str, str]:
    assert comparison.first is not None
    return divergence_words(comparison, comparison.first, arrow="->", within=">")


def ran(*ways: str, output: Any = 1, ended: bool = True, **workflow: Any) -> Written:
    written = begun(**workflow)
    written.started("A")
    written.completed("A", output, edges=[edge(step) for step in ways])
    if ended:
        written.add("execution_cancelled", by="me", reason="")
    return written


CASES: list[tuple[Written, Written, tuple[str, str]]] = [
    (ran(output={"a": 1}), ran(output={"a": "x"}), ("A", 'output.a 1 -> "x"')),
    (ran(output={"a": 1}), ran(output={}), ("A", "output.a only left: 1")),
    (ran(output={}), ran(output={"a": 1, "b": 2}), ("A", "output.a only right: 1, and 1 more")),
    (ran("B"), ran("C"), ("A", "went on to B -> C")),
    (ran("B"), ran(), ("A", "went on to B -> nothing")),
    (ran(), ran(on_failure="drain"), ("definition", 'on_failure only right: "drain"')),
    (ran(), begun(), ("A", "only in the left one; the right one ends before it")),
    (begun(), ran(), ("A", "only in the right one; the left one ends before it")),
]


@pytest.mark.parametrize(("left", "right", "told"), CASES)
def test_where_and_in_what(left: Written, right: Written, told: tuple[str, str]) -> None:
    assert words(compared(left, right)) == told


def test_attempts_are_counted() -> None:
    assert words(compared(failing(), failing("one"))) == ("A", "1 attempt -> 2 attempts")
    message = 'attempts[0].error.message "one" -> "two"'
    assert words(compared(failing("one"), failing("two"))) == ("A", message)


def test_the_end() -> None:
    left, right = ran(ended=False), ran(ended=False)
    for written, outputs in ((left, {}), (right, {"n": 1})):
        written.add("path_completed", "main", final_step="A", reason="end")
        written.add("execution_completed", outputs=outputs)
    assert words(compared(left, right)) == ("end", "outputs.n only right: 1")


def test_one_that_is_over_does_not_come_to_it() -> None:
    over = begun()
    over.add("execution_cancelled", by="me", reason="")
    assert words(compared(ran(), over)) == ("A", "only in the left one")


def test_names_of_units() -> None:
    unit = Unit("main", "A", 1, None, "completed", 1, 2, 2, 1.0, ())
    assert unit_words(unit) == "A"
    assert unit_words(unit._replace(path="notify", visit=2, iteration=3), ">") == "notify > A, visit 2, item 4"


def test_long_values_are_cut() -> None:
    assert value_words("x" * 58) == f'"{"x" * 58}"'
    assert value_words("x" * 59) == f'"{"x" * 58}…'
    deep: Any = []
    for _ in range(400):
        deep = [deep]
    assert value_words(deep) == "…"
