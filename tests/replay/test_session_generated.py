"""On generated histories: what the indexes find is what looking at every event finds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.replay.addressing.addresses import MISSING, Address, parse_address, resolve
from engine.replay.addressing.setting import next_change, previous_change, who_set
from engine.replay.addressing.values import cursor_path, look_up
from engine.replay.session.breakpoints import parse_breakpoint
from engine.replay.session.session import ReplaySession
from engine.replay.session.watches import Watch, value_at
from tests.lifecycle.driven import Message, drive
from tests.lifecycle.generated import definitions, messages
from tests.lifecycle.soundness import canonical
from tests.replay.scanned import Scanned, small_pieces, written


@pytest.fixture(scope="module", autouse=True)
def _pieces() -> Iterator[None]:
    with small_pieces():
        yield


def scanned(definition: dict[str, Any], sent: list[Message]) -> Scanned:
    return Scanned(drive(definition, messages=sent).events)


def addresses(run: Scanned) -> list[Address]:
    """Places all over the states of a history, and some where nothing is."""
    texts = ["status", "outputs.o0", "error.message", "error", "inputs.k", "signals", "signals[0].topic", "nothing"]
    texts += ["script_globals.a", "script_globals", "a", "b[1].a[0]", "state", "state.n", "versions", "active_paths"]
    texts += ["completed_steps.A", "steps[0].status", "execution_id", "paths.nowhere.status", 'steps["nowhere"].status']
    for path in run.views[-1]["paths"]:
        inside = ("", ".status", ".current_step", ".variables", ".waiting_for.topic", ".attempt")
        inside += (".variables.a", ".variables.b", ".variables.a[0]", ".variables.n", ".variables.e.message")
        texts += [f'paths["{path}"]{rest}' for rest in inside]
    return [parse_address(text) for text in texts]


def of_steps(run: Scanned) -> list[Address]:
    inside = ("", ".status", ".output", ".attempt", ".error.type", ".items[1].status", ".items", ".started_seq")
    return [parse_address(f"steps.{step}{rest}") for step in run.history.columns.step_names() for rest in inside]


@given(definition=definitions(), sent=messages, data=st.data())
def test_who_set_a_value_is_what_a_scan_finds(definition: dict[str, Any], sent: list[Message], data: Any) -> None:
    run = scanned(definition, sent)
    chosen = data.draw(st.lists(st.sampled_from(addresses(run)), min_size=1, max_size=8, unique_by=str))
    for address in chosen:
        for path in {run.path(run.last), "main"} if address.is_short else {""}:
            check_changes(run, address, path, lambda at, a=address, p=path: run.value(a, at, p))


@given(definition=definitions(), sent=messages, data=st.data())
def test_who_set_what_a_step_tells_is_what_a_scan_finds(
    definition: dict[str, Any], sent: list[Message], data: Any
) -> None:
    run = scanned(definition, sent)
    steps = of_steps(run)
    for address in data.draw(st.lists(st.sampled_from(steps), max_size=6, unique_by=str)) if steps else ():
        check_changes(run, address, "", lambda at, a=address: look_up(run.history, a, at))


def check_changes(run: Scanned, address: Address, path: str, value: Any) -> None:
    changes = run.changes(value)
    places = {run.last, 0, 1, *(max(0, at + d) for at, _, _ in changes for d in (-1, 0, 1) if at + d <= run.last)}
    for at in places:
        before = [change for change in changes if change[0] <= at]
        after = [change for change in changes if change[0] > at]
        assert who_set(run.history, address, at, path) == (before[-1] if before else None), (str(address), at)
        assert next_change(run.history, address, at, path) == (after[0] if after else None), (str(address), at)
        earlier = [change for change in changes if change[0] < at]
        assert previous_change(run.history, address, at, path) == (earlier[-1] if earlier else None)
        shown = value_at(run.history, Watch(address), at, path)
        assert written(shown.value) == written(value(at))
        assert (shown.last_set, shown.previous) == (
            before[-1][0] if before else None,
            before[-2][0] if len(before) > 1 else None,
        )


@given(definition=definitions(), sent=messages)
def test_a_value_is_that_of_the_whole_state(definition: dict[str, Any], sent: list[Message]) -> None:
    run = scanned(definition, sent)
    places = addresses(run)
    steps = [address for address in of_steps(run) if address.parts[-1] in ("output", "attempt", "started_seq")]
    for at in range(0, run.last + 1, 3):
        assert cursor_path(run.history, at) == run.path(at)
        for address in (*places, *steps):
            expected = resolve(run.views[at], address, run.path(at))
            assert written(look_up(run.history, address, at)) == written(expected), (str(address), at)


EXPRESSIONS = (
    "state.a == 2", "get(state.n, 0) >= 2", "state.b", 'status == "waiting"', "inputs.k > 1", "len(state) > 1",
    "error", "outputs", 'state["a"] == inputs.k and status == "running"', 'has(state.e) and state.e.type != "x"',
    'event.type == "step_failed"', "event.data.attempt > 1", 'event.type == "step_completed" and state.a',
    "event.seconds > 5 and event.sequence % 2 == 1", "state.nowhere.at.all > 1",
)  # fmt: skip
TERMS = (
    "type:step_failed", "type:step_*", "path_started", "type:execution_*,signal_received", "step:a", "step:[A-D]",
    "path:main", "path:*", "path:left*", "attempt:2", "visit:2", "changes:a", "changes:state", "changes:status",
    "changes:paths.main.status", "changes:steps.A.status", "changes:script_globals.a", "changes:b[1].a[0]",
    "changes:signals", "step:nowhere", "changes:paths.main", "A",
)  # fmt: skip


@st.composite
def breakpoint_texts(draw: st.DrawFn) -> str:
    terms = draw(st.lists(st.sampled_from(TERMS), max_size=2, unique_by=lambda term: term.split(":")[0]))
    keys = {"step" if term == "A" else "type" if ":" not in term else term.split(":")[0] for term in terms}
    terms = terms if len(keys) == len(terms) else terms[:1]
    if not terms or draw(st.booleans()):
        terms = [*terms, f"when: {draw(st.sampled_from(EXPRESSIONS))}"]
    hits = draw(st.sampled_from([[], [], ["hits:2"], ["hits:3"]]))
    return " ".join([*hits, *terms])


@settings(max_examples=settings.default.max_examples * 2)
@given(definition=definitions(), sent=messages, texts=st.lists(breakpoint_texts(), min_size=1, max_size=3))
def test_continuing_stops_where_a_scan_finds_matches(
    definition: dict[str, Any], sent: list[Message], texts: list[str]
) -> None:
    run = scanned(definition, sent)
    expected = {number: run.stops(parse_breakpoint(text)) for number, text in enumerate(texts, 1)}
    stops = sorted({at for found in expected.values() for at in found})
    for backwards in (False, True):
        session = ReplaySession(run.history, len(run.history) if backwards else 0)
        for text in texts:
            session.add_breakpoint(text)
        session.sequence = len(run.history) + 1 if backwards else 0  # so that neither end is left out
        found = []
        while (stop := session.go_on(backwards)) is not None:
            assert session.sequence == stop.sequence
            assert stop.breakpoints == tuple(number for number, at in expected.items() if stop.sequence in at)
            found.append(stop.sequence)
        assert found == (stops[::-1] if backwards else stops), texts
        assert session.sequence == (1 if backwards else len(run.history))
        passed = {number: run.matches(parse_breakpoint(text)) for number, text in enumerate(texts, 1)}
        reached = {
            number: [at for at in matches if found and (at >= found[-1] if backwards else at <= found[-1])]
            for number, matches in passed.items()
        }
        assert {each.number: each.hits for each in session.breakpoints} == {n: len(r) for n, r in reached.items()}


@given(definition=definitions(), sent=messages, data=st.data())
def test_back_and_forth_is_where_one_was(definition: dict[str, Any], sent: list[Message], data: Any) -> None:
    run = scanned(definition, sent)
    last = len(run.history)
    start = data.draw(st.integers(1, last))
    count = data.draw(st.integers(0, last - start))
    session = ReplaySession(run.history, start)
    before = (canonical(session.state), session.result())
    assert session.step_event(count) == start + count
    assert session.result().to_dict() == ReplaySession(run.history, start + count).result().to_dict()
    assert session.step_event(-count) == start
    assert (canonical(session.state), session.result()) == before
    for _ in range(count):
        session.step_event()
    one_by_one = canonical(session.state)
    session.seek(1)
    session.seek(start + count)
    assert canonical(session.state) == one_by_one
    for _ in range(count):
        session.step_event(-1)
    assert (canonical(session.state), session.result()) == before
    assert MISSING not in session.result().to_dict().values()
