"""What is taken out of the screens: the copy menu, the pager, files."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from dive_tui import exporting
from dive_tui.app.main import DiveApp
from dive_tui.app.shell import Shell
from dive_tui.cli.problems import CommandError
from dive_tui.exporting import FORMATS
from dive_tui.screens.execution.copy import Here, offers, readings
from dive_tui.screens.execution.history import GrowingHistory
from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.screens.executions.screen import ExecutionsScreen
from dive_tui.widgets.dialogs.choice import Words
from dive_tui.widgets.dialogs.copy_menu import CopyMenu, Offer
from dive_tui.widgets.dialogs.export_dialog import ExportDialog, _Formats
from dive_tui.widgets.text_field import TextField
from engine.core.reduce import HistoryError
from engine.store import StoreError
from tests.screens.execution_app import failed, opened, press, said, settle
from tests.screens.store_app import FAIL, SAY, app_on, filled, last_toast, listed, text_of, until


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Path]:
    await filled(tmp_path / "store", SAY, FAIL)
    yield tmp_path / "store"


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was copied: what it was called, and the text."""
    calls: list[tuple[str, str]] = []

    def copy(app: Shell, text: Any, what: str) -> None:
        calls.append((what, text if isinstance(text, str) else text()))

    monkeypatch.setattr("dive_tui.screens.taking_out.copy", copy)
    return calls


def offered(screen: ExecutionsScreen | ExecutionScreen) -> dict[str, str]:
    return {offer.what: offer.whole() for offer in screen.copy_offers()}


def executions(app: DiveApp) -> ExecutionsScreen:
    assert isinstance(app.screen, ExecutionsScreen)
    return app.screen


# Copying


async def test_yy_copies_the_id_of_the_execution(store: Path, copied: list[tuple[str, str]]) -> None:
    async with app_on(store) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 2)
        await pilot.press("y", "y")
        await until(pilot, lambda: copied)
        assert copied == [("execution id", listed(app)[0])]


async def test_the_list_offers_ids_of_the_marked_and_commands(store: Path) -> None:
    async with app_on(store) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 2)
        failed_id, good_id = listed(app)
        screen = executions(app)
        option = f" --store {store}"
        made = offered(screen)
        assert made["command"] == f"dive-tui open {failed_id}{option}"
        assert made["list as a command"] == f"dive-tui list{option}"
        assert "no/such" in made["error"]
        assert json.loads(made["summary as JSON"])["id"] == failed_id
        assert "filter" not in made
        await pilot.press("space", "j", "space")
        made = offered(screen)
        assert made["2 marked ids"] == f"{failed_id}\n{good_id}"
        assert "error" not in made, "the one under the cursor is well"
        await pilot.press("slash", *"status:failed took>1ms", "enter")
        await until(pilot, lambda: "filter" in offered(screen))
        assert offered(screen)["filter"] == "status:failed took>1ms"
        assert offered(screen)["list as a command"] == f"dive-tui list 'status:failed took>1ms'{option}"


async def test_an_empty_list_has_nothing_to_give(tmp_path: Path) -> None:
    await filled(tmp_path / "store")
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: "no execution" in text_of(app).lower())
        for key, sentence in (
            ("y", "There is nothing here that could be copied."),
            ("e", "There is no execution here that could be exported."),
        ):
            await pilot.press(key)
            assert last_toast(app) == sentence


async def test_the_execution_offers_event_state_ids_and_commands() -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        made = offered(screen)
        event = json.loads(made["event 23"])
        assert event["sequence"] == 23
        assert json.loads(made["state at 23"])["sequence"] == 23
        assert made["error"] == "CardDeclined: insufficient funds (402)"
        assert made["event id"] == event["id"]
        assert made["command"] == f"dive-tui open {screen.execution_id}@23"
        assert made["command for the state"] == f"dive-tui replay {screen.execution_id}@23"
        assert "value" not in made


async def test_with_the_cursor_on_a_value_that_comes_first() -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await press(pilot, "4")
        await settle(pilot, lambda: screen.panes.inspector.state.row_count > 4)
        tree = screen.panes.inspector.state
        place = next(
            index for index in range(tree.row_count) if tree._built.rows[index].address.endswith(".current_step")
        )
        tree.move_to(place)
        await settle(pilot)
        names = [offer.what for offer in screen.copy_offers()]
        assert names[:2] == ["value", "address"]
        row = tree.current
        assert row is not None
        made = offered(screen)
        assert made["address"] == row.address
        assert json.loads(made["value"]) == row.value
        await press(pilot, "2")
        assert "value" not in offered(screen), "the tree has no focus"


async def test_with_the_cursor_on_a_change_that_comes_first() -> None:
    app = await failed(7)
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await press(pilot, "5")
        await settle(pilot, lambda: screen.panes.inspector.changes.row_count > 0)
        change = screen.panes.inspector.changes.current
        assert change is not None
        made = offered(screen)
        assert made["address"] == change.address
        assert json.loads(made["value"]) == (change.old if change.kind == "removed" else change.new)


async def test_without_a_history_there_are_still_the_id_and_a_command() -> None:
    found = offers(Here("exec_x", None, 0, None, " --store /s"))
    assert [(offer.what, offer.text) for offer in found] == [
        ("execution id", "exec_x"),
        ("command", "dive-tui open exec_x --store /s"),
    ]
    assert readings(Here("exec_x", None, 0)) == []


async def test_what_cannot_be_made_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str:
        raise HistoryError("event 3 makes no sense")

    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        monkeypatch.setattr(screen, "copy_offers", lambda: [Offer("state at 3", "all", broken)])
        await press(pilot, "y", "enter")
        assert said(app) == "State at 3 cannot be copied: event 3 makes no sense"


# The pager


@pytest.fixture
def pager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pager that keeps what it was given, and an app that can stand aside."""
    script = tmp_path / "mypager"
    script.write_text(f'#!/bin/sh\ncat "$1" > {tmp_path}/read\necho "$1" > {tmp_path}/name\n')
    script.chmod(0o755)
    monkeypatch.setenv("PAGER", str(script))

    @contextmanager
    def suspend(self: Shell) -> Iterator[None]:
        yield

    monkeypatch.setattr(Shell, "suspend", suspend)
    return tmp_path / "read"


async def test_o_opens_the_summary_of_an_execution(store: Path, pager: Path) -> None:
    async with app_on(store) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 2)
        await pilot.press("o")
        await until(pilot, lambda: pager.exists() and pager.read_text())
        assert json.loads(pager.read_text())["id"] == listed(app)[0]
        assert pager.read_text().count("\n") > 10, "one line for each member"


async def test_o_asks_which_text_of_an_event(pager: Path) -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        names = [offer.what for offer in screen.reading_offers()]
        assert names[0] == "event-23.json"
        assert names[-1] == "state-23.json"
        await press(pilot, "o")
        assert isinstance(app.screen, CopyMenu)
        assert "Open in mypager" in "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        await press(pilot, "G", "enter")
        await settle(pilot, lambda: pager.exists() and bool(pager.read_text()))
        assert json.loads(pager.read_text())["sequence"] == 23
        assert pager.with_name("name").read_text().strip().endswith("/state-23.json")


async def test_log_and_traceback_are_texts_of_their_own() -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        history = screen.history
        assert history is not None
        event = history.event(23)
        made = {offer.what: offer for offer in readings(Here("e", history, 23))}
        assert made["log-23.txt"].whole() == event.data["log"]
        assert made["traceback-23.txt"].whole() == event.data["traceback"]
        assert [offer.what for offer in readings(Here("e", history, 1))] == ["event-1.json", "state-1.json"]


async def test_without_a_pager_it_says_so(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", "nowhere")
    async with app_on(store) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 2)
        await pilot.press("o")
        assert last_toast(app) == "$PAGER names nowhere, and there is no such program."


async def test_a_pager_that_fails_is_told(store: Path, pager: Path) -> None:
    script = Path(os.environ["PAGER"])
    script.write_text("#!/bin/sh\nexit 3\n")
    async with app_on(store) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 2)
        await pilot.press("o")
        await until(pilot, lambda: "ended with exit code 3" in last_toast(app))


# Export


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


async def exporting_on(pilot: Pilot[Any]) -> ExportDialog:
    await pilot.press("e")
    app = pilot.app
    await until(pilot, lambda: isinstance(app.screen, ExportDialog) and app.screen.query_one(TextField).value)
    dialog = app.screen
    assert isinstance(dialog, ExportDialog)
    return dialog


def note(dialog: ExportDialog) -> str:
    return "".join(text for text, _ in dialog.query_one("#note", Words)._sentences)


async def test_e_writes_what_export_writes(here: Path) -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        dialog = await exporting_on(pilot)
        name = dialog.query_one(TextField).value
        assert name.endswith(".json")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen)
        await until(pilot, lambda: said(app))
        assert said(app) == f"Wrote {here / name}."
        assert screen.history is not None and screen.steered is not None
        assert (here / name).read_text() == exporting.render("json", screen.history, screen.steered)
        assert stat.S_IMODE((here / name).stat().st_mode) == 0o600


async def test_the_list_exports_the_execution_under_the_cursor(store: Path, here: Path) -> None:
    async with app_on(store) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 2)
        await pilot.press("j")
        dialog = await exporting_on(pilot)
        await pilot.press("down")
        assert FORMATS[dialog.query_one(_Formats).cursor].name == "jsonl"
        await pilot.press("enter")
        await until(pilot, lambda: last_toast(app).startswith("Wrote"))
        [file] = here.iterdir()
        assert {json.loads(line)["execution_id"] for line in file.read_text().splitlines()} == {listed(app)[1]}


async def test_format_and_name_follow_each_other(here: Path) -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        dialog = await exporting_on(pilot)
        field, formats = dialog.query_one(TextField), dialog.query_one(_Formats)
        await pilot.press("down", "tab")
        assert FORMATS[formats.cursor].name == "markdown"
        assert field.value.endswith(".md")
        field.value = "out/mine.svg"
        await pilot.pause()
        assert FORMATS[formats.cursor].name == "svg"
        await pilot.press("up")
        await pilot.pause()
        assert field.value == "out/mine.md"
        await pilot.press("up", "up", "up")
        assert FORMATS[formats.cursor].name == FORMATS[-1].name, "from the first to the last"


async def test_nothing_is_written_over_unless_asked_again(here: Path) -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        dialog = await exporting_on(pilot)
        file = here / dialog.query_one(TextField).value
        file.write_text("precious")
        await pilot.press("enter")
        await until(pilot, lambda: "there already" in note(dialog))
        assert note(dialog) == f"{file} is there already; enter again writes over it."
        assert file.read_text() == "precious"
        dialog.query_one(TextField).value = "other.json"
        (here / "other.json").write_text("precious, too")
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: "other.json is there already" in note(dialog))
        assert (here / "other.json").read_text() == "precious, too", "the consent was for the other file"
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen)
        assert json.loads((here / "other.json").read_text())
        assert file.read_text() == "precious"


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("", "It needs a file or a folder."),
        ("no/such/x.json", "x.json: No such file or directory."),
        ("~nobody-here/x.json", "There is no such home folder."),
    ],
)
async def test_what_cannot_be_written_is_told_in_the_dialog(here: Path, path: str, sentence: str) -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        dialog = await exporting_on(pilot)
        dialog.query_one(TextField).value = path
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: note(dialog).endswith(sentence))
        assert app.screen is dialog
        assert not list(here.iterdir())


async def test_a_folder_gets_the_suggested_name(here: Path) -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        dialog = await exporting_on(pilot)
        name = dialog.query_one(TextField).value
        (here / "sub").mkdir()
        dialog.query_one(TextField).value = "sub"
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen)
        assert (here / "sub" / name).exists()


async def test_writing_shows_how_far_it_is_and_can_be_stopped(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def pieces(*_: Any) -> Iterator[str]:
        yield "x" * 5000
        begun.set()
        go_on.wait(20)
        yield "y"

    monkeypatch.setattr("dive_tui.exporting.pieces", pieces)
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        dialog = await exporting_on(pilot)
        await pilot.press("enter")
        await until(pilot, begun.is_set)
        await until(pilot, lambda: "4.9 KiB so far" in note(dialog))
        await pilot.press("enter", "escape")
        go_on.set()
        await until(pilot, lambda: note(dialog) == "Stopped; nothing was written.")
        assert not list(here.iterdir())
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is not dialog)


async def test_before_the_history_is_there_nothing_is_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        monkeypatch.setattr(screen, "_growing", GrowingHistory(lambda work: None, lambda: None, lambda: None))
        await pilot.press("e")
        assert said(app) == "The history is not here yet."


@pytest.mark.parametrize("error", [StoreError("the disk is gone"), CommandError("the disk is gone", exit_code=4)])
async def test_an_execution_that_cannot_be_read_is_told(
    store: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def broken(*_: Any) -> None:
        raise error

    monkeypatch.setattr("dive_tui.cli.reading.read_execution", broken)
    async with app_on(store) as (app, pilot):
        await until(pilot, lambda: len(listed(app)) == 2)
        await pilot.press("e")
        await until(pilot, lambda: last_toast(app) == "the disk is gone")
        assert not isinstance(app.screen, ExportDialog)


async def test_what_the_pager_gets_holds_no_escape_sequences(pager: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = await failed()
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        monkeypatch.setattr(screen, "reading_offers", lambda: [Offer("log-1.txt", "one\x1b[31m\ntwo\x07")])
        await press(pilot, "o")
        await settle(pilot, lambda: pager.exists() and bool(pager.read_text()))
        assert pager.read_text() == "one␛[31m\ntwo␇"
