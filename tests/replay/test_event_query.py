"""The query language of events: what each term finds, its one normal form, and mistakes as sentences."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.query import QueryError
from engine.model.events import KNOWN_TYPES, ExecutionEvent
from engine.replay.searching.event_query import EventFilter, parse_event_query

KINDS = sorted(map(str, KNOWN_TYPES))


def event(kind: str = "step_completed", *, step: str = "", path: str = "main", at: int = 7, **data: Any) -> Any:
    return ExecutionEvent(f"event_{at:026}", "exec_a", path, at, "2026-03-01T09:14:02.000000Z", kind, step, data)


def fits(query: str, one: ExecutionEvent, seconds: float = 0.0) -> bool:
    return parse_event_query(query).matches(one, seconds)


FAILED = event(
    "step_failed", step="Charge Card", path="pay", attempt=3, error="insufficient\nfunds: Ünder \"5\"",
    error_type="CardDeclined", iteration={"index": 11},
)  # fmt: skip
DONE = event(
    step="Pack", edges=[{"step": "Charge Card"}], attempt=1,
    output={"total": 118.5, "note": "Fragile", "id": 17, "ok": True, "lines": [{"sku": "a"}, {"sku": "b"}]},
)  # fmt: skip


@pytest.mark.parametrize(
    ("query", "one", "other"),
    [
        ("type:step_failed", FAILED, DONE),
        ("type:failed", FAILED, DONE),
        ("type:completed,cancelled", DONE, FAILED),
        ('type:"step failed"', FAILED, DONE),
        ("type:*_failed", FAILED, DONE),
        ("-type:failed", DONE, FAILED),
        ("path:pay", FAILED, DONE),
        ("path:M*", DONE, FAILED),
        ("step:charge*", FAILED, DONE),
        ('step:"Charge Card"', FAILED, DONE),
        ("step:*", FAILED, event("path_completed")),
        ("-path:*", event("execution_failed", path=""), FAILED),
        ("attempt:3", FAILED, DONE),
        ("attempt:>1", FAILED, DONE),
        ("attempt<=1", DONE, FAILED),
        ("item:12", FAILED, DONE),
        ("error:carddecl", FAILED, DONE),
        ("error:insufficient", FAILED, DONE),
        ("data.output.total:>100", DONE, FAILED),
        ("data.output.total>=118.5", DONE, FAILED),
        ("-data.output.total:>200", DONE, event(output={"total": 201})),
        ("data.output.note:fragile", DONE, FAILED),
        ("data.output.id=17", DONE, event(output={"id": 18})),
        ("data.output.ok=true", DONE, event(output={"ok": 1})),
        ("data.output.note=Fragile", DONE, event(output={"note": "fragile"})),
        ("data.output.lines.sku=b", DONE, event(output={"lines": [{"sku": "c"}]})),
        ("data.output.lines[1].sku=b", DONE, event(output={"lines": [{"sku": "b"}]})),
        ("data.output.lines:sku", DONE, FAILED),
        ("funds", FAILED, DONE),
        ("FUNDS", FAILED, DONE),
        ("ünder", FAILED, DONE),
        ('"\\"5\\""', FAILED, DONE),
        ("pack", DONE, FAILED),
        ("failed", FAILED, DONE),
        ("pay", FAILED, DONE),
        ("card insufficient", FAILED, DONE),
        ("-insufficient", DONE, FAILED),
        ("/Card(Declined|Stolen)/", FAILED, DONE),
        ("/insufficient.*funds: /", FAILED, DONE),
        ("/carddeclined/i", FAILED, event(error="carddeclined no more"[:4])),
        ("-/CardDeclined/", DONE, FAILED),
        ('"type:failed"', event(note="type:failed"), FAILED),
        ('"/Card/"', event(note="/Card/"), FAILED),
        ("/usr/bin", event(note="/usr/bin/env"), FAILED),
    ],
)  # fmt: skip
def test_terms(query: str, one: ExecutionEvent, other: ExecutionEvent) -> None:
    assert fits(query, one)
    assert not fits(query, other)
    again = parse_event_query(parse_event_query(query).text)
    assert again == parse_event_query(query)
    assert again.matches(one, 0) and not again.matches(other, 0)


def test_regular_expressions_tell_case_apart_unless_asked() -> None:
    assert not fits("/carddeclined/", FAILED)
    assert fits("/carddeclined/i", FAILED)


@pytest.mark.parametrize(
    ("query", "inside", "outside"),
    [
        ("seq:100-200", (100, 200), (99, 201)),
        ("seq:100-", (100, 10**6), (99,)),
        ("seq:-200", (1, 200), (201,)),
        ("seq:7", (7,), (6, 8)),
        ("-seq:7", (6, 8), (7,)),
    ],
)
def test_sequences(query: str, inside: tuple[int, ...], outside: tuple[int, ...]) -> None:
    assert all(fits(query, event(at=at)) for at in inside)
    assert not any(fits(query, event(at=at)) for at in outside)


@pytest.mark.parametrize(
    ("query", "inside", "outside"),
    [
        ("after:+3.5s", (3.5, 3.46, 90), (3.4, 0)),
        ("before:1m20s", (0, 80), (80.01,)),
        ("after:2 before:4", (2, 3, 4), (1.9, 4.1)),
        ("before:+11.71s", (11.708, 11.7149), (11.72,)),
        ("-after:2", (1.9,), (2,)),
    ],
)
def test_times(query: str, inside: tuple[float, ...], outside: tuple[float, ...]) -> None:
    assert all(fits(query, DONE, seconds) for seconds in inside)
    assert not any(fits(query, DONE, seconds) for seconds in outside)


IN_QUOTES = "put the word in quotes to search for it as text"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("typ:failed", "'typ' is no field of events (did you mean 'type'?); " + IN_QUOTES),
        ("zzz:1", "'zzz' is no field of events (there are type, path, step, attempt, item, after, before, seq, error, "
                  "data); " + IN_QUOTES),
        ("type:step_faild", "'step_faild' is no type of event; did you mean 'step_failed'?"),
        ("type:", "type is written like type:step_failed or type:failed,started"),
        ("type=failed", "type is written like type:step_failed or type:failed,started"),
        ("attempt:x", "attempt is a whole number, not 'x'"),
        ("seq:9-3", "seq:9-3 ends before it begins"),
        ("seq:a", "seq is written like seq:100-200"),
        ("after:soon", "after: 'soon' is not a duration; write one like 250ms, 10s, 5m, 1h30m, 2d or seconds"),
        ("data.x:>big", "data.x is compared with a number, not 'big'"),
        ("data.x:", "data is written like data.output.total:>100, data.output.id=17 or data.output.note:text"),
        ("/(/", "the regular expression /(/ cannot be used: unclosed group"),
        ("/a(?=b)/", "the regular expression /a(?=b)/ cannot be used: look-around, including look-ahead and "
                     "look-behind, is not supported"),
        ("/(a{1000}){1000}/", "the regular expression /(a{1000}){1000}/ cannot be used: it repeats too much"),
        (f"/{'a' * 1001}/", "a regular expression has at most 1,000 characters"),
        ('say "hello', "the quote before 'hello' is never closed"),
        ("- x", "'-' turns the term after it round; write it without a space between"),
    ],
)  # fmt: skip
def test_mistakes(query: str, sentence: str) -> None:
    with pytest.raises(QueryError) as error:
        parse_event_query(query)
    assert str(error.value) == sentence


def test_an_empty_query_asks_for_everything() -> None:
    assert not parse_event_query("  ")
    assert fits("", FAILED)


def test_every_kind_and_every_word_of_a_kind_is_found() -> None:
    for kind in KINDS:
        assert [other for other in KINDS if fits(f"type:{kind}", event(other))] == [kind]
        for word in kind.split("_"):
            assert fits(f"type:{word}", event(kind))
    assert fits("type:unreadable", event("unreadable"))


def test_no_pattern_takes_longer_than_the_text_is_long() -> None:
    """With an engine that backtracks each of these would run for ever."""
    one = event(note="a" * 60_000 + "!")
    for pattern in ("(a+)+$", "(a|aa)+$", "(.*a){25}b", "^(([a-z])+.)+[A-Z]([a-z])+$"):
        assert not fits(f"/{pattern}/", one)


def test_regular_expressions_look_at_the_beginning_of_long_texts() -> None:
    assert fits("/needle/", event(note="x" * 60_000 + "needle"))
    assert not fits("/needle/", event(note="x" * 70_000 + "needle"))
    assert fits("needle", event(note="x" * 70_000 + "needle"))


def test_data_that_is_not_as_it_should_be() -> None:
    odd = event()._replace(data=["needle", 2**70])
    assert fits("needle", odd) and fits("-attempt:1", odd) and not fits("data.x:1", odd)
    assert fits("-data.output.total:>1", event(output=7))
    assert fits("ünd", event(big=2**70, note="Ünd"))
    assert fits("tail", event(note="\ud800 tail")) and fits("/tail/", event(note="\ud800 tail"))


def test_a_form_asks_as_the_language_does() -> None:
    form = EventFilter(
        kinds=("failed", "step_started"), path="p*", step="Charge Card", since=1, until=2.5, text="funds"
    )
    assert form.query() == parse_event_query(
        'type:failed,step_started path:p* step:"Charge Card" after:1.000000 before:2.500000 funds'
    )
    assert form.query().matches(FAILED, 2) and not form.query().matches(FAILED, 3)
    assert not EventFilter().query()
    with pytest.raises(QueryError):
        EventFilter(kinds=("nothing",)).query()


@given(st.text(alphabet='ab"\\/ -:=<>.*?datype1~\té', max_size=30))
def test_the_normal_form_is_the_same_query(text: str) -> None:
    try:
        query = parse_event_query(text)
    except QueryError as error:
        assert "\n" not in str(error)
        return
    assert parse_event_query(query.text) == query
    for one in (FAILED, DONE):
        assert query.matches(one, 1.0) == parse_event_query(query.text).matches(one, 1.0)
