"""The replay session: where the cursor goes, marks, breakpoints, and a history that grows meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.replay.addressing.addresses import AddressError
from engine.replay.addressing.setting import Write
from engine.replay.history import History
from engine.replay.replayer import ReplayResult
from engine.replay.session.breakpoints import BreakpointError
from engine.replay.session.session import ReplaySession, SessionError, Stop
from engine.replay.session.watches import WatchValue
from tests.core.written import EXECUTION
from tests.replay.test_history import long
from tests.replay.test_writes import HISTORY, forked

LONG = History(EXECUTION, long(10).events)


def test_it_begins_at_the_end_or_where_it_is_told() -> None:
    session = ReplaySession(HISTORY)
    assert (session.sequence, session.at_end) == (12, True)
    assert ReplaySession(HISTORY, 4).sequence == 4
    assert session.state == HISTORY.latest
    assert session.result() == ReplayResult.of(HISTORY, 12)


def test_seeking_stops_at_both_ends() -> None:
    session = ReplaySession(HISTORY)
    assert [session.seek(to) for to in (5, 0, -3, 99)] == [5, 1, 1, 12]
    assert [session.step_event(count) for count in (-2, 1, -99, 99)] == [10, 11, 1, 12]


def test_seeking_a_time() -> None:
    session = ReplaySession(HISTORY)
    assert [session.seek_seconds(seconds) for seconds in (3, 3.9, 0, -1, 1e9)] == [4, 4, 1, 1, 12]
    start = datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC)
    assert session.seek_time(start + timedelta(seconds=6.5)) == 7
    assert session.seek_time(start - timedelta(days=1)) == 1


def test_seeking_and_stepping_steps() -> None:
    session = ReplaySession(HISTORY, 1)
    assert [session.seek_step("b"), session.seek_step("*"), session.seek_step("a", backwards=True)] == [9, 11, 3]
    with pytest.raises(SessionError, match="no step 'a' begins after event 3"):
        session.seek_step("a")
    with pytest.raises(SessionError, match="no step 'nowhere' begins before event 3"):
        session.seek_step("nowhere", backwards=True)
    assert session.sequence == 3
    assert [session.step_step(count) for count in (1, 1, 1, -1, -9, 2)] == [9, 11, 11, 9, 3, 11]


def test_marks() -> None:
    session = ReplaySession(HISTORY, 4)
    assert session.set_mark() == "a"
    session.seek(9)
    assert [session.set_mark(), session.set_mark("here"), session.set_mark()] == ["b", "here", "c"]
    assert session.marks == {"a": 4, "b": 9, "here": 9, "c": 9}
    assert session.seek_mark("a") == 4
    session.set_mark("here")
    session.remove_mark("b")
    assert session.marks == {"a": 4, "here": 4, "c": 9}
    assert session.set_mark() == "b"
    for go in (session.seek_mark, session.remove_mark):
        with pytest.raises(SessionError, match="there is no mark 'zz'; there are 'a', 'here', 'c', 'b'"):
            go("zz")
    many = ReplaySession(HISTORY)
    assert [many.set_mark() for _ in range(28)][-3:] == ["z", "m1", "m2"]


def test_breakpoints_are_numbered_and_counted() -> None:
    session = ReplaySession(LONG, 1)
    assert session.add_breakpoint("step_completed").number == 1
    assert session.add_breakpoint("visit:2").number == 2
    assert session.find_stop() == Stop(4, (1,), {1: 1, 2: 0})
    assert session.sequence == 1 and [each.hits for each in session.breakpoints] == [0, 0]
    assert [session.go_on().sequence for _ in range(3)] == [4, 5, 6]  # type: ignore[union-attr]
    assert session.find_stop(backwards=True) == Stop(5, (2,), {1: 0, 2: 1})
    assert [each.hits for each in session.breakpoints] == [2, 2]
    assert not session.toggle_breakpoint(1).enabled
    assert session.go_on() is None and session.at_end
    assert session.go_on(backwards=True) == Stop(6, (2,), {2: 1})
    assert session.toggle_breakpoint(1).enabled
    session.remove_breakpoint(2)
    assert session.go_on(backwards=True) == Stop(4, (1,), {1: 1})
    assert session.go_on(backwards=True) is None and session.sequence == 1
    assert session.add_breakpoint("A").number == 3
    for change in (session.toggle_breakpoint, session.remove_breakpoint):
        with pytest.raises(SessionError, match="there is no breakpoint 2; there are 1, 3"):
            change(2)
    with pytest.raises(BreakpointError, match="did you mean step:"):
        session.add_breakpoint("stp:x")
    assert [each.number for each in session.breakpoints] == [1, 3]


def test_every_third_match_of_the_history_stops_wherever_one_comes_from() -> None:
    session = ReplaySession(LONG, 1)
    session.add_breakpoint("hits:3 step_completed")
    assert [session.go_on(), session.go_on()] == [Stop(8, (1,), {1: 3}), Stop(14, (1,), {1: 3})]
    session.seek(11)
    assert session.go_on() == Stop(14, (1,), {1: 2})
    session.seek(13)
    assert session.go_on(backwards=True) == Stop(8, (1,), {1: 3})
    assert session.breakpoints[0].hits == 11
    session.add_breakpoint("visit:3")
    session.seek(1)
    assert [stop.sequence for stop in session.stops()] == [7, 8, 14, 20]
    session.seek(20)
    assert [stop.sequence for stop in session.stops(backwards=True)] == [14, 8, 7]
    assert session.find_stop(backwards=True, inclusive=True) == Stop(20, (1,), {1: 1, 2: 0})


def test_a_search_tells_how_far_it_is_and_can_be_cancelled() -> None:
    history = History(EXECUTION, long(3_000).events)
    session = ReplaySession(history, 2)
    session.add_breakpoint("step_failed")
    session.add_breakpoint("hits:2 attempt:9")
    told: list[tuple[int, int]] = []
    assert session.find_stop(progress=lambda done, total: told.append((done, total))) is None
    assert told[-1] == (len(history), len(history)) and len(told) > 3
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    session.add_breakpoint("step_started")
    assert session.find_stop() is not None
    assert session.go_on(cancelled=lambda: True) is None
    assert session.sequence == 2
    session.seek(len(history))
    assert session.go_on(backwards=True, cancelled=lambda: len(told) > 0) is None
    assert session.at_end


def test_an_expression_that_never_has_a_value_says_so() -> None:
    session = ReplaySession(LONG, 1)
    session.add_breakpoint("when: state.b > 1")
    session.add_breakpoint("when: state.a[0] > 100")
    assert session.go_on() is None
    first, second = session.breakpoints
    assert first.problem == "state has no 'b'; it has 'a' (column 7 of 'state.b > 1')" and second.problem == ""


def test_watches_and_who_set() -> None:
    session = ReplaySession(HISTORY, 12)
    watch = session.add_watch("a.n")
    session.add_watch("state.a.n")
    session.add_watch("status")
    assert session.watches() == [WatchValue("a.n", 2, 10, 5), WatchValue("status", "running", 2, None)]
    session.remove_watch(watch)
    session.remove_watch("status")
    assert session.watches() == []
    with pytest.raises(SessionError, match=r"'a\.n' is not watched"):
        session.remove_watch("a.n")
    assert session.who_set("a.n") == Write(10, 1, 2)
    with pytest.raises(AddressError):
        session.add_watch("a..b")


def test_a_history_that_grows_leaves_the_cursor_where_it_is() -> None:
    events = forked().events
    history = History(EXECUTION)
    session = ReplaySession(history)
    assert (session.sequence, session.at_end, session.result().sequence) == (0, True, 0)
    assert session.watches() == [] and session.go_on() is None and session.go_on(backwards=True) is None
    history.extend(events[:9])
    assert (session.sequence, session.at_end) == (0, False)
    session.seek(len(history))
    session.add_watch("a.n")
    session.add_breakpoint("changes:a.n")
    before = session.result()
    assert session.go_on() is None and session.at_end
    history.extend(events[9:])
    assert (session.sequence, session.at_end, session.result()) == (9, False, before)
    assert session.go_on() == Stop(10, (1,), {1: 1})
    assert session.watches() == [WatchValue("a.n", 2, 10, 5)]
    assert session.go_on() is None and session.sequence == 12
