"""The detailed report: what it says, that its delta leads on, and that nobody waits for it longer than asked."""

from __future__ import annotations

import threading
from typing import Any

import deepdiff
import orjson
import pytest
from deepdiff.serialization import json_loads
from hypothesis import given
from hypothesis import strategies as st

from engine.replay.diffing import detail
from engine.replay.diffing.detail import DetailedReport, detailed_report, differing_parts
from engine.replay.diffing.diff import Change, diff_values
from tests.replay.patching import canonical

leaves = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from([1.0, 2.5, "", "a", "two\nlines"])
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "x y", "__c"]), inner, max_size=3)
    ),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from(["a", "b", "x y", "__c"]), values, max_size=3)


def added(delta: Any, old: Any) -> Any:
    return deepdiff.Delta(orjson.dumps(delta).decode(), deserializer=json_loads) + orjson.loads(orjson.dumps(old))


@given(objects, objects)
def test_its_delta_leads_from_the_old_value_to_the_new_one(old: Any, new: Any) -> None:
    report = detailed_report(old, new, deadline=None)
    assert report.changes == diff_values(old, new)
    assert (report.text == "") == report.changes.equal
    assert report.delta is not None and report.note == ""
    assert canonical(added(report.delta, old)) == canonical(new)


def test_it_tells_what_differs_and_sees_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    old = {"text": "a\nb\nc", "n": 1, "rest": {"same": list(range(100)), "x": 1}, "gone": [1]}
    new = {"text": "a\nB\nc", "n": 1.0, "rest": {"same": list(range(100)), "x": 2}, "come": {}}
    seen = []
    compare = deepdiff.DeepDiff
    monkeypatch.setattr(deepdiff, "DeepDiff", lambda *args, **options: seen.append(args) or compare(*args, **options))
    report = detailed_report(old, new)
    assert "Type of root['n'] changed from int to float" in report.text
    assert "Value of root['rest']['x'] changed from 1 to 2." in report.text
    assert "Item root['gone'] ([1]) removed from dictionary." in report.text
    assert seen == [
        (
            {"text": "a\nb\nc", "n": 1, "rest": {"x": 1}, "gone": [1]},
            {"text": "a\nB\nc", "n": 1.0, "rest": {"x": 2}, "come": {}},
        )
    ]


def test_the_parts_that_differ() -> None:
    shared = {"big": 1}
    assert differing_parts({"a": shared, "b": [1, 2]}, {"a": shared, "b": [1, 3]}) == ({"b": [1, 2]}, {"b": [1, 3]})
    assert differing_parts({"a": 1}, {"b": 1}) == ({"a": 1}, {"b": 1})
    assert differing_parts([1], {"a": 1}) == ([1], {"a": 1})


def test_nothing_differs() -> None:
    assert detailed_report({"a": [1]}, {"a": [1]}) == DetailedReport("", {}, diff_values(1, 1))


def test_a_key_that_a_delta_cannot_tell_leaves_it_out() -> None:
    report = detailed_report({"q\"'[": 1}, {"q\"'[": 2})
    assert (report.delta, report.note) == (
        None,
        "its delta does not lead from the old value to the new one, so it is left out",
    )
    assert "changed from 1 to 2" in report.text


def test_who_waits_is_let_go_and_the_work_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    workers: list[threading.Thread] = []
    compare = deepdiff.DeepDiff

    def slow(*args: Any, **options: Any) -> Any:
        workers.append(threading.current_thread())
        begun.set()
        go_on.wait()
        return compare(*args, **options)

    monkeypatch.setattr(deepdiff, "DeepDiff", slow)
    report = detailed_report({"a": [1, 2]}, {"a": [1, 3], "b": 1}, deadline=0.01)
    assert report.note == "the detailed report took longer than 0.01 s; these are the plain differences"
    assert (report.text, report.delta) == ("changed a[1]\nadded b", None)
    assert report.changes.changes[0] == Change("a[1]", "changed", 2, 3, ("a", 1))
    begun.wait()
    go_on.set()
    workers[0].join()
    assert isinstance(workers[0], detail._Work) and workers[0].report is None  # it was broken off


def test_what_another_library_cannot_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any, **options: Any) -> Any:
        raise ValueError("odd")

    monkeypatch.setattr(deepdiff, "DeepDiff", fails)
    report = detailed_report([1], [2])
    assert report.note == "there is no detailed report: ValueError: odd; these are the plain differences"
    assert (report.text, report.delta) == ("changed [0]", None)


def test_very_long_texts_are_not_compared_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detail, "LONGEST_TEXT", 10)
    report = detailed_report({"t": "a\n" * 6, "n": 1}, {"t": "b\n", "n": 2})
    assert report.note == "texts of more than 10 characters are not compared in detail; these are the plain differences"
    assert report.text == "changed t\nchanged n"
    assert detailed_report({"t": "a\n"}, {"t": "b\n"}).note == ""


def test_the_plain_differences_say_when_there_are_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detail, "LONGEST_TEXT", 0)
    old, new = [{"id": n, "t": "a"} for n in range(1_001)], [{"id": n, "t": "b"} for n in range(1_001)]
    assert detailed_report(old, new).text.endswith("changed [999].t\nand more")
