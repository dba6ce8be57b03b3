"""Breakpoints: their language, what they stop at, and what is looked at to find that."""

from __future__ import annotations

from typing import Any

import pytest

from engine.replay import history as history_module
from engine.replay.addressing.addresses import parse_address
from engine.replay.history import History
from engine.replay.session.breakpoints import Breakpoint, BreakpointError, parse_breakpoint
from engine.replay.session.matching import Matcher, StateNames, glob_test
from tests.core.written import EXECUTION, Written, edge
from tests.replay.test_writes import HISTORY

KEYS = "type:, step:, path:, attempt:, visit:, changes:, hits:, when:"
NAMES = "error, event, inputs, outputs, state, status"


def test_every_condition_is_read() -> None:
    text = (
        'type:step_failed,PATH_* step:"Charge C*" path:main attempt:3 visit:2 changes:cart.total hits:4 when: state.a'
    )
    found = parse_breakpoint(text)
    ends = {"path_started", "path_completed", "path_failed", "path_branched", "path_joined", "path_cancelled"}
    assert found.kinds == ends | {"step_failed"}
    assert (found.step, found.path, found.attempt, found.visit, found.every) == ("Charge C*", "main", 3, 2, 4)
    assert found.changes == parse_address("cart.total")
    assert found.when is not None and found.when.source == "state.a"
    assert found.text == text and found.enabled and (found.number, found.hits, found.problem) == (0, 0, "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("step_failed", {"kinds": {"step_failed"}}),
        ("Charge*", {"step": "Charge*"}),
        ('"Charge Card"', {"step": "Charge Card"}),
        ("step_failed Charge*", {"kinds": {"step_failed"}, "step": "Charge*"}),
        ('"a:b"', {"step": "a:b"}),
        (r'step:"say \"x\""', {"step": 'say "x"'}),
        ("TYPE:step_failed", {"kinds": {"step_failed"}}),
        ('changes:steps["Charge Card"].status', {"changes": parse_address('steps["Charge Card"].status')}),
        ("type:variable_changed", {"kinds": {"variable_changed"}}),
    ],
)
def test_what_is_left_out_asks_for_nothing(text: str, expected: dict[str, Any]) -> None:
    found = parse_breakpoint(text)
    given = {name: getattr(found, name) for name in ("kinds", "step", "path", "attempt", "visit", "changes", "when")}
    assert {name: value for name, value in given.items() if value is not None} == expected


def test_an_expression_takes_the_rest_of_the_text() -> None:
    found = parse_breakpoint('  A  when:  state.a == "x  y" or state["type:z"] ')
    assert found.when is not None and found.when.source == 'state.a == "x  y" or state["type:z"]'
    assert found.step == "A" and found.kinds is None
    assert found.text == 'A  when:  state.a == "x  y" or state["type:z"]'
    assert parse_breakpoint(" step_failed   A ").text == "step_failed A"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a breakpoint needs a condition, like type:step_failed, step:Charge* or when: state.total > 100"),
        ("hits:3", "a breakpoint needs a condition, like type:step_failed, step:Charge* or when: state.total > 100"),
        ("stp:Charge", "a breakpoint has no 'stp:' (did you mean step:?)"),
        ("colour:red", f"a breakpoint has no 'colour:' (there are {KEYS})"),
        ("type:step_fail", "'step_fail' is no type of event; did you mean step_failed?"),
        ("type:zzz*", "'zzz*' is no type of event; events shows the types there are"),
        ("type:", "type: is written like type:step_failed,path_*"),
        ("step:", 'step: is written like step:Charge* or step:"Charge Card"'),
        ("type:,", "type: is written like type:step_failed,path_*"),
        ('step:""', 'step: is written like step:Charge* or step:"Charge Card"'),
        ("step:a step:b", "step is given twice"),
        ("a b", "step is given twice"),
        ("attempt:x", "attempt: is followed by a whole number from 1, not 'x'"),
        ("visit:0", "visit: is followed by a whole number from 1, not '0'"),
        ("hits:-1 A", "hits: is followed by a whole number from 1, not '-1'"),
        ("changes:a..b", "changes: 'a..b' is no address: a name is wanted at character 3, not '.b'"),
        ("when: 1 +", "when: the expression ends too early (column 4 of '1 +')"),
        ("when: stat.a", "when: 'stat' is not known to a breakpoint; did you mean state?"),
        ("when: zzz", f"when: 'zzz' is not known to a breakpoint; there are {NAMES}"),
        ('A step:"Charge', """the quote in '"Charge' is never closed"""),
    ],
)  # fmt: skip
def test_what_is_no_breakpoint_is_said_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(BreakpointError) as error:
        parse_breakpoint(text)
    assert str(error.value) == sentence


def test_json_of_a_breakpoint() -> None:
    found = Breakpoint("A", number=2, hits=3, problem="p")
    assert found.to_dict() == {"number": 2, "text": "A", "enabled": True, "hits": 3, "problem": "p"}


def matches(text: str, history: History = HISTORY) -> list[int]:
    return list(Matcher(history, parse_breakpoint(text)).matches(1, len(history)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("step_started", [3, 9, 11]),
        ("type:step_* path:x", [9, 10, 11, 12]),
        ("B visit:2", [11, 12]),
        ("b attempt:1", [9, 10, 11, 12]),
        ("attempt:2", []),
        ("changes:a.n", [4, 10]),
        ("changes:a", [4, 10]),
        ("changes:paths.x.variables.a", [5, 10]),
        ("changes:status", [2]),
        ("changes:steps.B.visit", [9, 11]),
        ("path:x changes:steps.B.visit", [9, 11]),
        ("path:y changes:a", []),
        ("when: state.a.n == 2", [10]),
        ("when: state.a.n", [4]),
        ('when: state["a"].n >= 1', [4]),
        ("when: has(state.a)", [4]),
        ('when: "a" in state', [4]),
        ("when: inputs.n == 3", [1]),
        ('when: status == "running"', [2]),
        ("when: error or outputs", []),
        ("path:x when: state.a.n == 2", [10, 11, 12]),
        ("path:x hits:2 when: state.a.n == 2", [10, 11, 12]),
        ('when: event.type == "step_started" and event.data.visit == 2', [11]),
        ('when: event.type == "step_completed" and state.a.n == 1', [4]),
        ("when: event.seconds >= 10", [11, 12]),
        ("when: event.path == 'x' and event.step == 'B' and event.sequence == 10", [10]),
        ('step:nowhere when: state.a.n', []),
    ],
)  # fmt: skip
def test_where_it_stops(text: str, expected: list[int]) -> None:
    assert matches(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("when: state.b.n > 1", "state has no 'b'; it has 'a' (column 7 of 'state.b.n > 1')"),
        ("path:x when: state.b > 1", "state has no 'b'; it has 'a' (column 7 of 'state.b > 1')"),
        ("path:main when: state.a.n > 1", ""),
        ("when: state.a.n > 1", ""),
        (
            "when: event.data.outpt",
            "event.data has no 'outpt'; did you mean 'output'? (column 12 of 'event.data.outpt')",
        ),
        ("when: event.data.output", ""),
        ("B", ""),
    ],
)
def test_an_expression_without_a_value_says_why_unless_it_had_one_somewhere(text: str, problem: str) -> None:
    matcher = Matcher(HISTORY, parse_breakpoint(text))
    matcher.matches(1, 12)
    assert matcher.problem == problem


def test_names_of_an_expression_are_those_it_may_read() -> None:
    names = StateNames(HISTORY, HISTORY.state_at(4), "main")
    assert dict(names) == {
        "error": None,
        "inputs": {"n": 3},
        "outputs": None,
        "state": {"a": {"n": 1, "m": [1, 2]}},
        "status": "running",
    }
    assert len(names) == 5 and type(names["status"]) is str
    assert "state" not in StateNames(HISTORY, HISTORY.state_at(1), "main")
    assert "event" in StateNames(HISTORY, HISTORY.state_at(4), "main", HISTORY.event(4))


def test_globs_fit_whole_names_and_a_name_fits_itself() -> None:
    assert glob_test("ch*")("Charge Card") and not glob_test("ch")("Charge Card")
    assert glob_test("Pack [2]")("pack [2]") and glob_test("Pack [2]")("Pack 2")


def test_a_search_folds_only_what_can_match(monkeypatch: pytest.MonkeyPatch) -> None:
    written = Written({"name": "A", "action": "a"})
    written.path()
    for visit in range(1, 2_001):
        written.started("A", visit=visit)
        stored: dict[str, Any] = {"stored_variable": "a"} if visit == 1_500 else {"stored_variable": "b"}
        written.completed("A", visit, visit=visit, edges=[edge("A")], **stored)
    history = History(EXECUTION, written.events)
    folded: list[int] = []
    plain = history_module.reduce

    def counting(state: Any, event: Any) -> Any:
        folded.append(event.sequence)
        return plain(state, event)

    monkeypatch.setattr(history_module, "reduce", counting)
    assert matches("when: state.a > 3", history) == [3_002]
    assert 0 < len(folded) <= 2 * history_module.KEYFRAME_EVERY
    folded.clear()
    assert matches("when: status == 'failed'", history) == []
    assert folded == [1, 2]
    folded.clear()
    assert matches("type:step_failed when: state.b > 3", history) == []
    assert matches("when: event.data.attempt == 2", history) == []
    assert matches("visit:7", history) == [15, 16]
    assert folded == []


def test_variables_are_followed_through_everything_that_writes_them() -> None:
    """Forks without variables, catches, items, keys of an output, and failures that write nothing."""
    written = Written(*({"name": name, "action": "act"} for name in "ABCD"))
    written.path()
    written.started("A")
    written.completed("A", edges=[edge("B", path="x"), edge("C", path="y")])
    new = [{"id": "x", "current_step": "B", "edge": 0}, {"id": "y", "current_step": "C", "edge": 1}]
    written.add("path_branched", "main", "A", new_paths=new)
    written.add("path_completed", "main", final_step="A", reason="fork")
    written.path("x", "B")
    written.path("y", "C")
    written.started("B", path="x", items=[1, 2])
    for index in (0, 1):
        written.started("B", path="x", iteration={"index": index})
        written.completed("B", index, path="x", iteration={"index": index})
    written.completed("B", {"count": 2}, path="x", edges=[edge("D")], stored_variable="a")
    written.started("C", path="y")
    written.failed("C", path="y", caught={"step": "C", "stored_variable": "a"})
    written.started("C", path="y", visit=2)
    written.completed("C", {"k": [7]}, path="y", visit=2, edges=[edge("D")], stored_keys={"a": "k"})
    written.started("D", path="y")
    written.failed("D", path="y", phase="run")
    history = History(EXECUTION, written.events)
    assert history.problem is None
    assert matches("when: state.a == [0, 1]", history) == [14]
    assert matches("when: state.a.type == 'Trouble'", history) == [16]
    assert matches("when: state.a == [7]", history) == [18]
    assert matches("when: has(state.a)", history) == [14, 16]
    assert matches("path:y when: state.a == [7]", history) == [18, 19, 20]
    assert matches("step_failed when: state.a == [7]", history) == [20]
    assert matches("path:x when: len(state.a) == 2", history) == [14]
    assert matches("step_started when: has(state.a)", history) == [17, 19]


def test_paths_that_begin_on_the_way_bring_their_variables_or_none() -> None:
    written = Written(*({"name": name, "action": "act"} for name in "ABC"))
    written.path(variables={"b": 2})
    assert matches("when: state.b == 2", History(EXECUTION, written.events)) == [2]
    written = Written(*({"name": name, "action": "act"} for name in "ABC"))
    written.path()
    written.started("A")
    written.completed("A", edges=[edge("B", path="x"), edge("C", path="y")])
    new = [{"id": "x", "current_step": "B", "edge": 0}, {"id": "y", "current_step": "C", "edge": 1}]
    written.add("path_branched", "main", "A", new_paths=new)
    written.path("x", "B")
    written.started("B", path="x")
    written.completed("B", 1, path="x", stored_variable="a")
    assert matches("step_completed when: state.a == 1", History(EXECUTION, written.events)) == [8]


def test_states_end_where_a_history_stops_making_sense_and_events_go_on() -> None:
    written = Written()
    written.path()
    written.started("A")
    bad = written.next("path_branched", "main", "A", new_paths=[])
    after = bad._replace(sequence=5, event_type="step_failed", data={"attempt": 1})
    history = History(EXECUTION, [*written.events, bad, after])
    assert history.folded == 3
    assert matches("step_failed", history) == [5]
    assert matches("when: event.type == 'step_failed'", history) == [5]
    assert matches("step_failed when: status == 'running'", history) == []
    assert matches("changes:paths.main.status", history) == [2]
    assert matches("changes:execution_id", history) == []
