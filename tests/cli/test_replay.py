"""`dive-tui replay`: places, breakpoints, watches, and who set a value."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.histories import record
from tests.cli.shop import Caller, Shop


@pytest.fixture
def failed(shop: Shop) -> str:
    """The execution whose card is declined, the newer of two."""
    return record(shop.store, 50, 118.5)[1]


def sequence(call: Caller, *options: str) -> int:
    found: int = call("replay", "last", "--json", *options).json["sequence"]
    return found


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("4", 4),
        ("Pack", 5),
        ("charge card", 15),
        ("Ch*", 3),
        ("+1h", 21),
        ("+0", 1),
        ("2026-03-01T09:15:02.030Z", None),
        ("2026-03-01 09:15:03", 21),
        ("09:16", 21),
    ],
)
def test_places(shop: Shop, call: Caller, failed: str, place: str, expected: int | None) -> None:
    found = sequence(call, "--to", place)
    if expected is None:
        times = [json.loads(line)["timestamp"] for line in call("events", "last", "--json").out.splitlines()]
        expected = sum(time <= "2026-03-01T09:15:02.030000Z" for time in times)
        assert 1 < expected < 21
    assert found == expected


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("0", "--to must be an event number from 1, not 0"),
        ("-3", "--to must be an event number from 1, not -3"),
        ("Pak", "no step 'Pak' has begun; did you mean 'Pack'?"),
        ("zzzz", "no step 'zzzz' has begun; there are 'Check', 'Pack', 'Charge Card', 'Thank'"),
        ("+soon", "--to +soon: 'soon' is not a duration; write one like 250ms, 10s, 5m, 1h30m, 2d or seconds"),
        ("99:00", "--to '99:00' is no time; write one like 09:14:02 or 2026-03-01T09:14:02Z"),
        ("2026-13-01", "--to '2026-13-01' is no time; write one like 09:14:02 or 2026-03-01T09:14:02Z"),
        ("09:15", "nothing had happened by '09:15'; the execution began at 2026-03-01 09:15:02"),
        ("\x1b[2J", r"no step '\x1b[2J' has begun; there are 'Check', 'Pack', 'Charge Card', 'Thank'"),
    ],
)
def test_places_that_are_none(shop: Shop, call: Caller, failed: str, place: str, sentence: str) -> None:
    assert call("replay", "last", "--to", place) == (2, "", sentence + "\n")


def test_the_first_stop_is_shown(shop: Shop, call: Caller, failed: str) -> None:
    ended = call("replay", "last", "--break", "step_failed")
    assert ended.code == 0
    assert ended.out.startswith(f"● RUNNING  order  {failed}\nevent 17 of 21  ✗ step failed  pay › Charge Card\n")
    assert "\nstopped at breakpoint 1\n" in ended.out and "What event 17 changed\n" in ended.out
    both = call("replay", "last", "--break", "type:execution_failed", "--break", "step:ch*", "--json").json
    assert (both["sequence"], both["stop"]) == (3, {"sequence": 3, "breakpoints": [2]})
    assert "stop" not in call("replay", "last", "--json").json


def test_where_a_search_begins(shop: Shop, call: Caller, failed: str) -> None:
    assert sequence(call, "--break", "execution_started") == 1
    assert sequence(call, "--break", "step_started", "--to", "3") == 5
    assert sequence(call, "--break", "execution_failed", "--back") == 21
    assert sequence(call, "--break", "step_started", "--back", "--to", "5") == 3
    assert sequence(call, "--break", "hits:2 step_completed", "--to", "1") == 7
    assert call("replay", "last", "--break", "execution_failed", "--back", "--to", "21").code == 1


def test_all_stops(shop: Shop, call: Caller, failed: str) -> None:
    lines = call("replay", "last", "--break", "changes:status", "--break", "step_failed", "--all").out.splitlines()
    assert [line.split()[0] for line in lines] == ["2", "17", "21"]
    assert lines[1].endswith("breakpoint 2  ✗ step failed  pay › Charge Card  CardDeclinedError: insufficient funds")
    stops = call("replay", "last", "--break", "changes:status", "--all", "--back", "--json").json
    assert [(stop["sequence"], stop["breakpoints"], stop["event"]["sequence"]) for stop in stops] == [
        (21, [1], 21),
        (2, [1], 2),
    ]


def test_nothing_that_stops(shop: Shop, call: Caller, failed: str) -> None:
    none = "no event stops at a breakpoint\n"
    assert call("replay", "last", "--break", "attempt:7") == (1, "", none)
    assert call("replay", "last", "--break", "attempt:7", "--json") == (1, "null\n", none)
    assert call("replay", "last", "--break", "attempt:7", "--all", "--json") == (1, "[]\n", none)
    why = "breakpoint 2: state has no 'vald'; did you mean 'valid'? (column 7 of 'state.vald')\n"
    assert call("replay", "last", "--break", "attempt:7", "--break", "when: state.vald") == (1, "", none + why)


def test_watches(shop: Shop, call: Caller, failed: str) -> None:
    options = ("--to", "10", "--watch", "valid.ok", "--watch", "nope", "--watch", "packed")
    out = call("replay", "last", *options).out
    told = out.partition("\nWatches\n")[2].partition("\n\n")[0].splitlines()
    assert told == [
        "  valid.ok  true",
        "    last set by event 4",
        "  nope  nothing is there",
        '  packed  ["LAMP","BULB"]',
        "    last set by event 10",
    ]
    assert call("replay", "last", *options, "--json").json["watches"] == [
        {"address": "valid.ok", "value": True, "last_set": 4, "previous": None},
        {"address": "nope", "last_set": None, "previous": None},
        {"address": "packed", "value": ["LAMP", "BULB"], "last_set": 10, "previous": None},
    ]
    assert "before that by event 2" in call("replay", "last", "--watch", "status").out


def test_who_set_a_value(shop: Shop, call: Caller, failed: str) -> None:
    assert call("replay", "last", "--who", "packed[1]", "--to", "15").out == (
        "paths.pay.variables.packed[1]  was set by event 11\n"
        "  · path branched  main › Pack  into pay, thanks\n"
        "  before  nothing\n"
        '  after   "BULB"\n'
        "it is a copy of what event 10 wrote\n"
    )
    status = call("replay", "last", "--who", "status").out
    assert status == (
        "status  was set by event 21\n"
        "  ✗ execution failed    caused by 17\n"
        '  before  "running"\n'
        '  after   "failed"\n'
        "before that it was set by event 2\n"
    )
    record_: dict[str, Any] = call("replay", "last", "--who", "status", "--json").json
    assert (record_["address"], record_["at"], record_["copied_from"]) == ("status", 21, None)
    assert (record_["set"]["sequence"], record_["set"]["old"], record_["set"]["new"]) == (21, "running", "failed")
    assert record_["set"]["event"]["event_type"] == "execution_failed" and record_["previous"]["sequence"] == 2
    stopped = call("replay", "last", "--who", "valid", "--break", "step:Pack")
    assert stopped.out.startswith("paths.main.variables.valid  was set by event 4\n")


def test_nobody_set_it(shop: Shop, call: Caller, failed: str) -> None:
    assert call("replay", "last", "--who", "vald").err == (
        "nothing has set 'vald' up to event 21; did you mean 'valid'?\n"
    )
    assert call("replay", "last", "--who", "valid", "--to", "3") == (
        1,
        "",
        "nothing has set 'valid' up to event 3\n",
    )
    ended = call("replay", "last", "--who", "outputs.x", "--json")
    assert (ended.code, ended.out) == (1, "null\n")


TOO_MUCH = "--all lists where breakpoints stop; it goes with neither --watch nor --who"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--who", "a..b"], "'a..b' is no address: a name is wanted at character 3, not '.b'"),
        (["--watch", "a["], "'a[' is no address: an index or a quoted key is wanted at character 2, not '['"),
        (["--break", "stp:x"], "a breakpoint has no 'stp:' (did you mean step:?)"),
        (["--break", "when: 1 +"], "when: the expression ends too early (column 4 of '1 +')"),
        (["--back"], "--back needs a breakpoint, like --break type:step_failed"),
        (["--all"], "--all needs a breakpoint, like --break type:step_failed"),
        (["--all", "--break", "A", "--who", "a"], TOO_MUCH),
    ],
)  # fmt: skip
def test_what_cannot_be_understood(shop: Shop, call: Caller, failed: str, options: list[str], sentence: str) -> None:
    assert call("replay", "last", *options) == (2, "", sentence + "\n")


def test_hostile_text_is_made_safe(shop: Shop, call: Caller, failed: str) -> None:
    for options in (["--who", "v\x1b]0;x\x07"], ["--watch", '["\x1b[2J"]'], ["--break", "step:\x1b[2J"]):
        ended = call("replay", "last", *options)
        assert "\x1b" not in ended.out + ended.err and "\x07" not in ended.out + ended.err
