"""The query language of lists, and the durations in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.query import STATUSES, QueryError, parse_query
from engine.model.durations import parse_duration, read_duration
from engine.model.times import format_time

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Summary:
    id: str = "exec_01jx7k2p9q"
    workflow_name: str = "pay-orders"
    status: str = "failed"
    live: bool | None = None
    at_step: str = "Charge Card"
    failed_steps: tuple[str, ...] = ("Notify",)
    error: str = "CardDeclined: insufficient funds"
    labels: dict[str, str] = field(default_factory=lambda: {"team": "payments", "empty": "", "a b": "c=d"})
    start_time: str = format_time(NOW - timedelta(hours=2))
    end_time: str | None = format_time(NOW - timedelta(hours=2) + timedelta(seconds=5))
    last_event_seq: int = 187


FAILED = Summary()
RUNNING = Summary(status="running", live=True, at_step="Ship", failed_steps=(), error="", end_time=None)


def matches(query: str, summary: Summary = FAILED) -> bool:
    return parse_query(query).matches(summary, NOW)


@pytest.mark.parametrize("query", ["", "   ", "\t\n"])
def test_an_empty_query_asks_for_everything(query: str) -> None:
    assert matches(query)
    assert parse_query(query).text == ""
    assert parse_query(query).statuses is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status:failed", True),
        ("status:completed,failed", True),
        ("STATUS:Failed", True),
        ("status:completed", False),
        ("workflow:pay-orders", True),
        ("workflow:pay", False),
        ("workflow:pay*", True),
        ("workflow:PAY*", True),
        ("workflow:*-[op]rders", True),
        ("workflow:pay?orders", True),
        ('step:"Charge Card"', True),
        ("step:charge*", True),
        ("step:notify", True),
        ("step:card", False),
        ("error:INSUFFICIENT", True),
        ('error:"insufficient funds"', True),
        ('error:"sufficient  funds"', False),
        ("error:timeout", False),
        ("id:7k2p9q", True),
        ("id:…7k2p9q", True),
        ("id:7K2P", True),
        ("id:zzz", False),
        ("label:team", True),
        ("label:team=payments", True),
        ("label:team=Payments", False),
        ("label:team=pay", False),
        ("label:Team", False),
        ("label:empty=", True),
        ("label:team=", False),
        ('label:"a b=c=d"', True),
        ("label:payments", False),
        ("age<3h", True),
        ("age<2h", False),
        ("age<=2h", True),
        ("age>=7200", True),
        ("age>2h", False),
        ("age=2h", True),
        ("age=125m", False),
        ("took>4s", True),
        ("took>5s", False),
        ("took<5.5s", True),
        ("took=5s", True),
        ("took=6s", False),
        ("took=5500ms", False),
        ("events>100", True),
        ("events>=187", True),
        ("events=187", True),
        ("events=188", False),
        ("events<187", False),
        ("events<=187", True),
        ("7k2p", True),
        ("…7k2p9q", True),
        ("ORDERS", True),
        ("charge", True),
        ("notify", True),
        ("declined", True),
        ("payments", False),
        ('"insufficient funds"', True),
        ('"funds insufficient"', False),
        ("insufficient funds", True),
        ("insufficient fun tomorrow", False),
        ("-status:failed", False),
        ("-status:completed", True),
        ("-declined", False),
        ("-nowhere", True),
        ('-"insufficient funds"', False),
        ("-age<1h", True),
        ("-label:team=other", True),
        ("status:failed workflow:pay* age<1d took>1s events>10 label:team declined -error:timeout", True),
        ("status:failed workflow:pay* age<1h", False),
    ],
)
def test_terms(query: str, expected: bool) -> None:
    assert matches(query) is expected


def test_words_and_values_in_quotes_are_taken_as_they_are() -> None:
    odd = replace(FAILED, error='status:failed say "hi" C:\\temp -x age<1h')
    for query in (
        '"status:failed"',
        '"say \\"hi\\""',
        '"C:\\\\temp"',
        '"-x"',
        'error:"age<1h"',
        'stat"us:failed"',
    ):
        assert matches(query, odd), query
        assert not matches(query, replace(odd, error="")), query


def test_a_word_with_a_colon_after_other_characters_is_a_word() -> None:
    assert matches("pay.py:41", replace(FAILED, error="pay.py:41"))
    assert matches("a->b", replace(FAILED, error="a->b"))


@pytest.mark.parametrize(
    ("status", "live", "found"),
    [
        ("running", True, "running"),
        ("running", None, "running"),
        ("running", False, "interrupted"),
        ("pending", True, "pending"),
        ("pending", False, "interrupted"),
        ("waiting", False, "waiting"),
        ("paused", False, "paused"),
        ("completed", None, "completed"),
        ("failed", False, "failed"),
        ("cancelled", None, "cancelled"),
        ("continued", None, "continued"),
    ],
)
def test_interrupted_is_what_should_run_but_has_no_live_runner(status: str, live: bool | None, found: str) -> None:
    summary = replace(RUNNING, status=status, live=live)
    assert [name for name in STATUSES if matches(f"status:{name}", summary)] == [found]


def test_what_has_not_ended_has_taken_until_now() -> None:
    assert matches("took>1h", RUNNING)
    assert matches("took=2h", RUNNING)
    assert not matches("took<1h", RUNNING)


def test_a_time_that_is_none_fits_no_comparison() -> None:
    for time in ("yesterday", "", "2026-03-01T12:00:00", "0001-01-01T00:00:00+14:00"):
        damaged = replace(RUNNING, start_time=time)
        for query in ("age<1h", "age>1h", "age=1h", "took<1h", "took>0"):
            assert not matches(query, damaged)
        assert matches("events>1", damaged)


@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        ("pay", None),
        ("-status:failed", None),
        ("status:failed", {"failed"}),
        ("status:running,interrupted x", {"running", "interrupted"}),
        ("status:failed,running status:running,waiting", {"running"}),
        ("status:failed status:running", set()),
        ("status:failed,running -status:running", {"failed", "running"}),
    ],
)
def test_statuses_are_a_hint_for_stores(query: str, statuses: set[str] | None) -> None:
    assert parse_query(query).statuses == statuses


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("  Pay   -x ", "Pay -x"),
        ("STATUS:Failed,failed,,waiting", "status:failed,waiting"),
        ('error:"one two"', 'error:"one two"'),
        ('error:"one"', "error:one"),
        ('"two words" "-x" "status:failed" "word"', '"two words" "-x" "status:failed" word'),
        ('-"-x"', '-"-x"'),
        ("Age<1h30m EVENTS>=5", "age<1h30m events>=5"),
        ('a" b"c', '"a bc"'),
        ('"say \\"hi\\" \\\\"', '"say \\"hi\\" \\\\"'),
        ("a\\b", "a\\b"),
        ('""', '""'),
    ],
)
def test_the_normal_form(query: str, text: str) -> None:
    parsed = parse_query(query)
    assert parsed.text == text
    assert parse_query(parsed.text) == parsed
    assert hash(parse_query(parsed.text)) == hash(parsed)
    assert repr(parsed) == f"Query({text!r})"


def test_queries_differ_by_their_text() -> None:
    assert parse_query("a") != parse_query("b")
    assert parse_query("a") != "a"


@settings(max_examples=5 * settings.default.max_examples)
@given(query=st.text('ab:-"\\<=> status…1hé', max_size=25) | st.text(max_size=20))
def test_any_text_is_a_query_with_a_normal_form_or_a_sentence(query: str) -> None:
    try:
        parsed = parse_query(query)
    except QueryError as problem:
        assert str(problem)
        assert "\n" not in str(problem)
        return
    again = parse_query(parsed.text)
    assert again == parsed
    assert again.statuses == parsed.statuses
    for summary in (FAILED, RUNNING):
        assert again.matches(summary, NOW) is parsed.matches(summary, NOW)


@given(word=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_any_text_can_be_searched_for_in_quotes(word: str) -> None:
    quoted = '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
    for query in (quoted, f"error:{quoted}"):
        assert matches(query, replace(FAILED, error=f"before {word} after"))
    assert not matches(f"-{quoted}", replace(FAILED, error=f"before {word} after"))


THERE_ARE = "pending, running, waiting, paused, completed, failed, cancelled, continued, interrupted"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "stats:failed",
            "'stats' is no field (did you mean 'status'?); put the word in quotes to search for it as text",
        ),
        (
            "zzz:1",
            "'zzz' is no field (there are status, workflow, step, error, id, label, age, took, events); "
            "put the word in quotes to search for it as text",
        ),
        ("event>5", "'event' is no field (did you mean 'events'?); put the word in quotes to search for it as text"),
        ("status:fialed", "'fialed' is no status; did you mean 'failed'?"),
        ("status:zzz", f"'zzz' is no status; there are {THERE_ARE}"),
        ("-status:failed,nope", f"'nope' is no status; there are {THERE_ARE}"),
        ("status:", "status is written like status:failed,cancelled"),
        ("status:,", "status is written like status:failed,cancelled"),
        ("status=failed", "status is written like status:failed,cancelled"),
        ("workflow:", "workflow is written like workflow:pay*"),
        ('step:""', "step is written like step:Charge*"),
        ("error:", 'error is written like error:timeout or error:"connection reset"'),
        ("id=x", "id is written like id:x7k2p"),
        ("label:", "label is written like label:team or label:team=payments"),
        ("age:24h", "age is written like age<24h"),
        ("age<", "age is written like age<24h"),
        ("took:5s", "took is written like took>5s"),
        ("events:5", "events is written like events>1000"),
        ("age<tomorrow", "age: 'tomorrow' is not a duration; write one like 250ms, 10s, 5m, 1h30m, 2d or seconds"),
        ("took>-5s", "took: '-5s' is not a duration; write one like 250ms, 10s, 5m, 1h30m, 2d or seconds"),
        ("age<999999999d", "age: '999999999d' is longer than a hundred years"),
        ("events>many", "events is compared with a whole number, not 'many'"),
        ("events>1.5", "events is compared with a whole number, not '1.5'"),
        ("events>" + "9" * 30, f"events is compared with a whole number, not '{'9' * 30}'"),
        ('error:"open', "the quote before 'open' is never closed"),
        ('"', "the quote before '' is never closed"),
        ('a "b\\"', "the quote before 'b\\\\\"' is never closed"),
        ("- x", "'-' turns the term after it round; write it without a space between"),
        ("-", "'-' turns the term after it round; write it without a space between"),
    ],
)
def test_a_query_that_makes_no_sense_is_told_in_a_sentence(query: str, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(query)
    assert str(caught.value) == message


# Durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("10s", 10),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("1d2h3m4s5ms", 93_784.005),
        ("1.5h", 5400),
        ("90", 90),
        ("0.5", 0.5),
        ("0", 0),
        (" 5m ", 300),
        ("36500d", 3_153_600_000),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


NO_DURATIONS = ["", " ", "m", "-5s", "+5s", "5 m", "1h 30m", "30m1h", "5m5m", "5M", "5x", "1e3", "inf", "nan", "1_0"]


@pytest.mark.parametrize("text", [*NO_DURATIONS, "5s.", ".5s", "５s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_duration(text)
    assert str(caught.value) == f"{text!r} is not a duration; write one like 250ms, 10s, 5m, 1h30m, 2d or seconds"


@pytest.mark.parametrize("text", ["36501d", "9" * 400, "9" * 400 + "h"])
def test_durations_are_bounded(text: str) -> None:
    with pytest.raises(ValueError, match="is longer than a hundred years"):
        parse_duration(text)


def test_a_duration_knows_its_smallest_written_unit() -> None:
    assert [read_duration(text).unit for text in ("1h30m", "2d", "250ms", "5", "1h0s")] == [60, 86_400, 0.001, 1, 1]
