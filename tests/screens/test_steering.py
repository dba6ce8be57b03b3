"""Signal, pause, resume, wake and cancel from the app: what is sent, what is said, and when it is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from dive_tui.app.steering import Steering, SteeringError
from dive_tui.launch import Launched, LaunchError
from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.widgets.dialogs.choice import ChoiceDialog, Words
from dive_tui.widgets.dialogs.signal_dialog import SignalDialog, read_data, topic_problem
from dive_tui.widgets.text_field import TextField
from engine.lifecycle.engine import Engine
from engine.model.events import ExecutionEvent
from engine.store import StoreError
from stores.file.store import FileExecutionEventStore
from tests.screens.execution_app import ExecutionApp, header, opened, press, said, screen_lines, settle
from tests.screens.histories import HOSTILE
from tests.screens.waiting_histories import (
    APPROVAL,
    MEETING,
    PARENT,
    SLEEPER,
    Ran,
    flaky,
    ran,
    waiting_for_approval,
)

SIZE = (120, 36)


@asynccontextmanager
async def showing(
    found: Ran, size: tuple[int, int] = SIZE, **options: Any
) -> AsyncIterator[tuple[Pilot[Any], ExecutionScreen]]:
    app = ExecutionApp(found.store, found.id, **options)
    async with app.run_test(size=size) as pilot:
        yield pilot, await opened(pilot)


async def events_of(found: Ran) -> list[ExecutionEvent]:
    return await found.store.get_event_history(found.id)


async def inbox_of(found: Ran) -> list[tuple[str, str, Any]]:
    return [(sent.kind, sent.topic, sent.data) for sent in await found.store.get_signals(found.id)]


async def test_the_footer_offers_what_the_execution_takes() -> None:
    found = await waiting_for_approval()
    async with showing(found) as (pilot, screen):
        assert "s signal" in screen_lines(screen)[-1]
        await Engine(found.store).cancel(found.id)
        await settle(pilot)
        assert "CANCELLED" in header(screen)
        assert "s signal" not in screen_lines(screen)[-1]


async def test_a_signal_is_asked_for_with_the_topic_that_is_waited_for_and_sent() -> None:
    found = await waiting_for_approval()
    async with showing(found) as (pilot, _):
        await press(pilot, "s")
        dialog = pilot.app.screen
        assert isinstance(dialog, SignalDialog)
        assert dialog.query_one("#topic", TextField).value == "approve"
        assert dialog.focused is dialog.query_one("#data", TextField)
        assert "It waits for signal approve." in dialog.query_one("#waits", Words).text
        shown = "\n".join(screen_lines(pilot.app))  # type: ignore[arg-type]  # the app is a shell
        assert Steering(found.store).sender in shown
        await press(pilot, *'{"ok":', "space", *"true}", "enter")
        assert isinstance(pilot.app.screen, ExecutionScreen)
    assert await inbox_of(found) == [("signal", "approve", {"ok": True})]
    assert len(await events_of(found)) == 6, "nothing was run, nothing recorded"


async def test_data_is_judged_while_it_is_typed_and_never_sent_when_it_is_no_json() -> None:
    found = await waiting_for_approval()
    async with showing(found) as (pilot, _):
        await press(pilot, "s", *'{"a"')
        judgement = pilot.app.screen.query_one("#judgement", Words)
        assert judgement.text == "no JSON: expecting ':' delimiter at character 5"
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, SignalDialog)
        await press(pilot, *":1}")
        assert judgement.text.startswith("JSON: ")
        await press(pilot, "tab", *["backspace"] * 7, "enter")
        assert "A signal needs a topic" in judgement.text
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, ExecutionScreen)
    assert await inbox_of(found) == []


@pytest.mark.parametrize(
    ("text", "value"), [("", None), ("  ", None), ("1.5", 1.5), ('"x"', "x"), ("[1, {}]", [1, {}]), ("null", None)]
)
def test_data_is_read_as_json(text: str, value: Any) -> None:
    assert read_data(text) == value


@pytest.mark.parametrize("text", ["{", "yes", "NaN", "-Infinity", "[1] 2", "[" * 100_000])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no JSON"):
        read_data(text)


def test_topics_that_cannot_be() -> None:
    assert topic_problem("approve") is None
    assert "needs a topic" in (topic_problem(" ") or "")
    assert "must not begin" in (topic_problem("$pause") or "")
    assert "at most 200" in (topic_problem("x" * 201) or "")


async def test_pausing_and_letting_go_on() -> None:
    found = await waiting_for_approval()
    async with showing(found) as (pilot, screen):
        await press(pilot, "p")
        await settle(pilot, lambda: "PAUSED" in header(screen))
        assert said(screen.shell) == "…00001 is paused; p lets it go on."
        await press(pilot, "u")
        assert said(screen.shell) == "It is paused; p lets it go on."
        await press(pilot, "p")
        await settle(pilot, lambda: "was asked to go on" in said(screen.shell))
        assert "Nobody drives it: dive-tui work --once" in said(screen.shell)
    kinds = [event.event_type for event in await events_of(found)]
    assert kinds[6:] == ["signal_received", "execution_paused"]
    assert [kind for kind, _, _ in await inbox_of(found)] == ["pause", "resume"]
    assert (await events_of(found))[7].data["by"] == Steering(found.store).sender


async def test_what_sleeps_or_will_be_tried_again_is_woken_and_nothing_else() -> None:
    for definition, wakes in ((SLEEPER, True), (flaky(1, delay="1h"), True), (APPROVAL, False)):
        found = await ran(definition, linger=0)
        async with showing(found) as (pilot, screen):
            await press(pilot, "u")
            await settle(pilot, lambda screen=screen: said(screen.shell) != "")  # type: ignore[misc]
            if not wakes:
                assert "there is nothing to wake" in said(screen.shell)
        assert await inbox_of(found) == ([("wake", "", {"reason": "asked for in the app"})] if wakes else [])


async def test_cancelling_asks_first_and_the_safe_choice_stands_ready() -> None:
    found = await waiting_for_approval()
    async with showing(found) as (pilot, screen):
        await press(pilot, "x")
        dialog = pilot.app.screen
        assert isinstance(dialog, ChoiceDialog)
        text = dialog.query(Words).first().text
        assert found.id in text
        assert "It is waiting at Wait for OK." in text
        assert "this cannot be undone" in text
        await press(pilot, "enter")
        assert pilot.app.screen is screen
        assert await inbox_of(found) == []
        await press(pilot, "x", "q")
        assert await inbox_of(found) == []
        await press(pilot, "x", "down", "enter")
        await settle(pilot, lambda: "CANCELLED" in header(screen))
        assert said(screen.shell) == "…00001 is cancelled."
        for key in ("s", "p", "u", "x"):
            await press(pilot, key)
            assert said(screen.shell) == "It has been cancelled: it takes no messages any more."


async def test_a_reason_for_cancelling_is_recorded() -> None:
    found = await waiting_for_approval()
    async with showing(found) as (pilot, screen):
        await press(pilot, "x", "tab", *"too", "space", *"late", "enter")
        assert isinstance(pilot.app.screen, ChoiceDialog), "the field is no button"
        await press(pilot, "down", "enter")
        await settle(pilot, lambda: "CANCELLED" in header(screen))
    assert (await inbox_of(found))[0][2] == {"reason": "too late"}
    assert (await events_of(found))[-1].data["reason"] == "too late"


async def test_the_children_that_end_with_it_are_named() -> None:
    found = await ran(PARENT, linger=0, others=[APPROVAL])
    summary = await found.store.get_summary(found.id)
    assert summary is not None
    async with showing(found) as (pilot, _):
        await press(pilot, "x")
        assert f"Its children end with it: …{summary.children[0][-5:]}." in pilot.app.screen.query(Words).first().text


async def test_one_that_ended_meanwhile_is_an_answer_in_the_dialog() -> None:
    found = await waiting_for_approval()
    async with showing(found) as (pilot, screen):
        await press(pilot, "x")
        dialog = pilot.app.screen
        await Engine(found.store.open_again()).cancel(found.id, by="bob", reason="first")
        await press(pilot, "down", "enter")
        assert pilot.app.screen is dialog
        assert "it takes no messages" in dialog.query_one("#problem", Words).text
        await press(pilot, "escape")
        assert pilot.app.screen is screen


async def test_a_store_that_fails_is_an_answer_in_the_dialog(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await waiting_for_approval()
    async with showing(found) as (pilot, screen):
        await press(pilot, "s")

        async def fail(*_: object) -> int:
            raise StoreError("the disk has gone away")

        monkeypatch.setattr(found.store, "send_signal", fail)
        await press(pilot, "1", "enter")
        assert pilot.app.screen.query_one("#judgement", Words).text == "the disk has gone away"
        await press(pilot, "escape", "p")
        assert said(screen.shell) == "the disk has gone away"


class Starter:
    """Notes which runners are started; fails when it is told to."""

    def __init__(self, problem: str = "") -> None:
        self.problem = problem
        self.asked: list[Sequence[str]] = []

    def __call__(self, arguments: Sequence[str]) -> Launched:
        self.asked.append(arguments)
        if self.problem:
            raise LaunchError(self.problem, 2)
        return Launched(1, arguments[1])


async def test_where_nobody_drives_it_a_runner_can_be_started() -> None:
    found, start = await waiting_for_approval(), Starter()
    async with showing(found, location="file:/somewhere") as (pilot, screen):
        screen.steering = Steering(found.store, "file:/somewhere", start=start)
        await press(pilot, "s", "1", "enter")
        await settle(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
        assert "Nobody drives it" in pilot.app.screen.query(Words).first().text
        await press(pilot, "enter")
        assert start.asked == []
        await press(pilot, "s", "2", "enter")
        await settle(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
        start.problem = "there is no project here"
        await press(pilot, "down", "enter")
        assert pilot.app.screen.query_one("#problem", Words).text == "there is no project here"
        start.problem = ""
        await press(pilot, "enter")
        assert pilot.app.screen is screen
        assert said(screen.shell) == "A runner has taken up …00001; it goes on when you leave."
    assert start.asked == [["recover", found.id, "--store", "file:/somewhere"]] * 2


async def test_one_that_is_driven_needs_no_runner() -> None:
    found = await ran(APPROVAL, linger=0)
    task = asyncio.create_task(found.engine.recover(found.id))
    while not (summary := await found.store.get_summary(found.id)) or summary.live is False:
        await asyncio.sleep(0)
    app_side = Steering(found.store.open_again(), "file:/somewhere")
    sent = await app_side.send("signal", found.id, topic="other")
    assert sent == ("…00001 was sent the signal other.", False)
    sent = await app_side.send("signal", found.id, topic="approve", data=7)
    assert not sent.needs_runner
    assert (await task).status == "completed"


async def test_what_cannot_be_sent_is_a_sentence() -> None:
    found = await waiting_for_approval()
    steering = Steering(found.store)
    for send, sentence in (
        (steering.send("pause", "exec_none"), "there is no execution"),
        (steering.send("signal", found.id, topic="x" * 300), "longer than 200"),
        (steering.send("signal", found.id, topic="x", data=float("nan")), "data"),
    ):
        with pytest.raises(SteeringError, match=sentence):
            await send


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36), (250, 70)])
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_dialogs_fit_every_size_and_hostile_topics_are_safe(size: tuple[int, int], ascii_only: bool) -> None:
    topic = HOSTILE[:80]
    found = await ran({"name": "odd", "steps": [{"name": "Ask", "wait_signal": topic}]}, linger=0)
    async with showing(found, size, ascii_only=ascii_only) as (pilot, screen):
        for key in ("s", "x"):
            await press(pilot, key)
            lines = screen_lines(screen.shell)
            assert all(line.isprintable() for line in lines)
            assert not ascii_only or all(line.isascii() for line in lines)
            assert any("esc close" in line or "q close" in line for line in lines)
            await press(pilot, "escape")
            assert pilot.app.screen is screen


async def test_a_topic_no_terminal_could_show_is_sent_as_it_is() -> None:
    topic = "a\x1bb"
    found = await ran({"name": "odd", "steps": [{"name": "Ask", "wait_signal": topic}]}, linger=0)
    async with showing(found) as (pilot, _):
        await press(pilot, "s", "1", "enter")
    assert await inbox_of(found) == [("signal", topic, 1)]


async def test_a_meeting_on_the_screen_is_all_words() -> None:
    async with showing(await ran(MEETING), ascii_only=True) as (_, screen):
        assert all(line.isascii() for line in screen_lines(screen.shell))


async def test_a_runner_that_is_really_started_carries_it_out(tmp_path: Path) -> None:
    found = await ran({"name": "asks", "steps": [{"name": "Ask", "wait_signal": "approve"}]}, linger=0)
    store = FileExecutionEventStore(tmp_path / "store", create=True)
    await store.append_events(await events_of(found))
    steering = Steering(store, f"file:{tmp_path / 'store'}")
    changes = store.watch()
    sent = await steering.send("signal", found.id, topic="approve", data={"ok": True})
    assert sent.needs_runner
    assert "has taken up" in await steering.start_runner(found.id)
    summary = await store.get_summary(found.id)
    while summary is not None and summary.end_time is None:
        await anext(changes)
        summary = await store.get_summary(found.id)
    assert summary is not None
    assert summary.status == "completed"
    await changes.aclose()  # type: ignore[attr-defined]  # every store's watch is a generator
    await store.close()
