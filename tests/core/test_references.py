"""How people name an execution."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from engine.core.references import ReferenceProblem, resolve_reference, split_position


class Listed(NamedTuple):
    id: str
    status: str = "completed"


LIST = [
    Listed("exec_aaa1x"),
    Listed("exec_aab2x", "failed"),
    Listed("exec_abc3y"),
    Listed("exec_abc4z", "failed"),
    Listed("aaa"),
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("last", "exec_aaa1x"),
        ("last-0", "exec_aaa1x"),
        ("last-1", "exec_aab2x"),
        ("last-4", "aaa"),
        ("last-failed", "exec_aab2x"),
        ("exec_aaa1x", "exec_aaa1x"),
        ("exec_aaa", "exec_aaa1x"),
        ("1x", "exec_aaa1x"),
        ("…aaa1x", "exec_aaa1x"),
        ("…3y", "exec_abc3y"),
        ("z", "exec_abc4z"),
        ("aaa", "aaa"),
        ("…aaa", "aaa"),
    ],
)
def test_a_reference_finds_its_execution(text: str, found: str) -> None:
    assert resolve_reference(text, LIST) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nope", "no execution's id begins or ends with 'nope'"),
        ("aa1", "no execution's id begins or ends with 'aa1'"),
        ("", "no execution's id begins or ends with ''"),
        ("…", "no execution's id begins or ends with '…'"),
        ("last-5", "there are only 5 executions; last-5 is not among them"),
        ("last-٣", "no execution's id begins or ends with"),
        ("last-", "no execution's id begins or ends with"),
        ("last-1234567", "no execution's id begins or ends with"),
        ("LAST", "no execution's id begins or ends with"),
    ],
)
def test_a_reference_to_nothing_is_a_sentence(text: str, message: str) -> None:
    with pytest.raises(ReferenceProblem) as caught:
        resolve_reference(text, LIST)
    assert message in str(caught.value)
    assert caught.value.candidates == []


def test_one_execution_is_one() -> None:
    with pytest.raises(ReferenceProblem, match=r"there is only 1 execution; last-3 is not among them"):
        resolve_reference("last-3", LIST[:1])


def test_an_ambiguous_reference_lists_the_candidates_newest_first() -> None:
    with pytest.raises(ReferenceProblem, match="'exec_ab' fits 2 executions") as caught:
        resolve_reference("exec_ab", LIST)
    assert caught.value.candidates == ["exec_abc3y", "exec_abc4z"]
    with pytest.raises(ReferenceProblem) as caught:
        resolve_reference("x", LIST)
    assert caught.value.candidates == ["exec_aaa1x", "exec_aab2x"]


def test_an_id_that_is_the_beginning_of_another_is_found() -> None:
    assert resolve_reference("exec_a", [Listed("exec_a1"), Listed("exec_a")]) == "exec_a"


def test_an_empty_store_and_one_without_failures_say_so() -> None:
    with pytest.raises(ReferenceProblem, match="holds no executions yet"):
        resolve_reference("last", [])
    with pytest.raises(ReferenceProblem, match="no execution has failed"):
        resolve_reference("last-failed", [Listed("a")])


@pytest.mark.parametrize(
    ("text", "reference", "position"),
    [("last", "last", None), ("last@1", "last", 1), ("…k3p9q@187", "…k3p9q", 187), ("@7", "", 7), ("a@0012", "a", 12)],
)
def test_a_position_stands_behind_an_at(text: str, reference: str, position: int | None) -> None:
    assert split_position(text) == (reference, position)


@pytest.mark.parametrize("position", ["", "0", "-1", "x", "1.5", " 1", "²", "٣", "1@2", "9" * 5000])
def test_a_position_that_is_no_event_number_is_a_sentence(position: str) -> None:
    with pytest.raises(ReferenceProblem, match="is no event number; they count from 1"):
        split_position(f"last@{position}")
