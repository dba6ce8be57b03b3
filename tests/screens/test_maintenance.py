"""Looking after a store: what verifying finds, what repairing does, copying, stopping, and what is said of it."""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from dive_tui.app.known_stores import GO, MIGRATE
from dive_tui.app.main import DiveApp
from dive_tui.feeds import maintenance as feed
from dive_tui.feeds.maintenance import Job, Report, ReportLine, WorkEnded, WorkProgressed
from dive_tui.screens import maintenance
from dive_tui.screens.executions.screen import ExecutionsScreen
from dive_tui.screens.maintenance import MaintenanceScreen
from dive_tui.widgets.dialogs.choice import ChoiceDialog, Words
from dive_tui.widgets.dialogs.path_dialog import PathDialog
from dive_tui.widgets.parts import Banner, HeaderLine
from dive_tui.widgets.progress_line import ProgressLine
from dive_tui.widgets.report_list import ReportList
from dive_tui.widgets.text_field import TextField
from stores.maintenance import Progress
from tests.screens.histories import HOSTILE
from tests.screens.store_app import (
    ASK,
    FAIL,
    SAY,
    app_on,
    filled,
    flip,
    go_store,
    last_toast,
    lines_of,
    listed,
    text_of,
    until,
    words,
)


async def checked(app: DiveApp, pilot: Pilot[int], *, key: str = "V") -> MaintenanceScreen:
    """Look after the store, and wait for the first answer."""
    await until(pilot, lambda: listed(app))
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, MaintenanceScreen) and at_rest(app))
    assert isinstance(app.screen, MaintenanceScreen)
    return app.screen


def at_rest(app: DiveApp) -> bool:
    return isinstance(app.screen, MaintenanceScreen) and app.screen._job is None


def header(app: DiveApp) -> str:
    return words(app.screen.query_one(HeaderLine))


def rows(app: DiveApp, width: int = 118) -> list[str]:
    found = app.screen.query_one(ReportList)
    return [" ".join(found.render_row(row, width, False).text.split()) for row in range(found.row_count)]


def finding(app: DiveApp) -> str:
    return app.screen.query_one("#finding Words", Words).text


async def test_a_whole_store_is_said_to_be_whole(tmp_path: Path) -> None:
    await filled(tmp_path / "store", SAY, FAIL, ASK)
    async with app_on(tmp_path / "store") as (app, pilot):
        await checked(app, pilot)
        assert " ✓ WHOLE " in header(app)
        assert "Everything is whole: 3 executions, 16 events." in text_of(app)
        await pilot.press("r")
        assert last_toast(app) == "It is whole."
        await pilot.press("V")
        assert last_toast(app) == "You are looking after it."
        await pilot.press("q")
        assert isinstance(app.screen, ExecutionsScreen)


async def test_findings_are_listed_the_worst_first_and_nothing_is_changed(tmp_path: Path) -> None:
    _, torn, bad = await filled(tmp_path / "store", SAY, ASK, FAIL)
    flip(tmp_path / "store", bad, 3)
    with (tmp_path / "store" / torn / "events.jsonl").open("ab") as file:
        file.write(b'{"id":"event_')
    before = {path: path.read_bytes() for path in (tmp_path / "store").rglob("events.jsonl")}
    async with app_on(tmp_path / "store") as (app, pilot):
        await checked(app, pilot)
        assert " ✗ DAMAGED " in header(app)
        assert "2 findings" in header(app)
        found = rows(app)
        assert found[0].startswith(f"✗ damaged …{bad[-5:]} events.jsonl, byte ")
        assert found[1].startswith(f"◌ torn …{torn[-5:]} events.jsonl, byte ")
        assert "r repairs it: " in finding(app)
        await pilot.press("down")
        await until(pilot, lambda: "cut short" in finding(app))
        assert "r repair" in lines_of(app)[-1]
        assert "x stop" not in lines_of(app)[-1]
    assert {path: path.read_bytes() for path in (tmp_path / "store").rglob("events.jsonl")} == before


async def test_repairing_asks_first_mends_and_tells_what_was_kept_where(tmp_path: Path) -> None:
    _, bad = await filled(tmp_path / "store", SAY, FAIL)
    flip(tmp_path / "store", bad, 3)
    history = tmp_path / "store" / bad / "events.jsonl"
    damaged = history.read_bytes()
    async with app_on(tmp_path / "store") as (app, pilot):
        screen = await checked(app, pilot)
        await pilot.press("r")
        assert isinstance(app.screen, ChoiceDialog)
        assert "1 of the findings can be mended." in text_of(app)
        await pilot.press("enter")
        assert app.screen is screen
        assert history.read_bytes() == damaged, "the way back stood ready"
        await pilot.press("r", "down", "enter")
        await until(pilot, lambda: app.screen is screen and at_rest(app) and rows(app))
        assert " ✓ REPAIRED " in header(app)
        assert all(row.startswith("✓ mended") for row in rows(app))
        told = []
        for _ in rows(app):
            told.append(finding(app))
            await pilot.press("down")
            await pilot.pause()
        assert any("kept as" in words_of for words_of in told)
        await pilot.press("r")
        assert last_toast(app) == "v verifies first: then there is something to say about it."
        await pilot.press("v")
        await until(pilot, lambda: at_rest(app) and "WHOLE" in header(app))
    assert damaged.startswith(history.read_bytes())
    assert history.read_bytes().count(b"\n") == 3


async def test_one_execution_alone(tmp_path: Path) -> None:
    bad, other = await filled(tmp_path / "store", FAIL, SAY)
    flip(tmp_path / "store", bad, 3)
    async with app_on(tmp_path / "store", execution=other) as (app, pilot):
        await until(pilot, lambda: getattr(app.screen, "history", None))
        await pilot.press("V")
        await until(pilot, lambda: at_rest(app))
        assert f"…{other[-5:]}" in header(app)
        assert re.search(r"It is whole: \d events\.", text_of(app))


async def test_copying_into_another_store_and_opening_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ids = await filled(tmp_path / "store", SAY, FAIL, ASK)
    async with app_on(tmp_path / "store") as (app, pilot):
        await checked(app, pilot)
        await pilot.press("c")
        dialog = app.screen
        assert isinstance(dialog, PathDialog)
        for typed, sentence in (("", "It needs a path."), ("store", "That is this store."), ("memory:", "in-memory")):
            dialog.query_one(TextField).value = typed
            await pilot.press("enter")
            assert sentence in dialog.query_one("#problem", Words).text
        dialog.query_one(TextField).value = "copy"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        assert "3 copied" in text_of(app)
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, ExecutionsScreen) and set(listed(app)) == set(ids))
        assert header(app).startswith("copy  (")


async def test_a_copy_that_cannot_be_made_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await filled(tmp_path / "store", SAY)
    (tmp_path / "notes.txt").write_text("hello")
    async with app_on(tmp_path / "store") as (app, pilot):
        screen = await checked(app, pilot)
        await pilot.press("c")
        app.screen.query_one(TextField).value = "notes.txt"
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen and at_rest(app))
        assert "COPYING FAILED" in header(app)
        assert "is a file" in text_of(app)


async def test_a_store_of_the_go_system_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    go_store(tmp_path / "theirs")
    async with app_on(tmp_path / "theirs") as (app, pilot):
        await checked(app, pilot)
        await pilot.press("c")
        assert "Migrate to" in text_of(app)
        app.screen.query_one(TextField).value = "ours"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        assert "1 migrated;" in text_of(app)
        assert "MIGRATED" in words(app.screen_stack[-2].query_one(HeaderLine))
        assert "The migrated store is there" in text_of(app)
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, ExecutionsScreen) and listed(app) == ["exec_go"])
        assert "read-only" not in header(app)


class Held:
    """Work that goes on until it is let go, telling how far it is."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.began = threading.Event()

    def __call__(self, location: str, execution_id: str | None) -> Any:
        async def work(progress: Progress) -> Report:
            while not self.let_go.is_set():
                progress(3, 12, HOSTILE)
                self.began.set()
                await asyncio.sleep(0.005)
            return Report("everything is whole", (), True)

        return work


async def test_work_shows_how_far_it_is_and_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(tmp_path / "store", SAY)
    held = Held()
    monkeypatch.setattr("dive_tui.screens.maintenance.verifying", held)
    async with app_on(tmp_path / "store", (80, 24)) as (app, pilot):
        await until(pilot, lambda: listed(app))
        await pilot.press("V")
        await until(pilot, lambda: isinstance(app.screen, MaintenanceScreen) and "3 of 12" in header(app))
        assert "25%" in header(app)
        assert "VERIFYING" in header(app)
        assert app.screen.query_one(ProgressLine).share == 0.25
        assert all(line.isprintable() for line in lines_of(app))
        assert "x stop" in lines_of(app)[-1]
        await pilot.press("v")
        assert last_toast(app) == "It is verifying just now; x stops that."
        await pilot.press("x")
        await until(pilot, lambda: at_rest(app))
        assert "STOPPED" in header(app)
        await pilot.press("x")
        assert last_toast(app) == "Nothing is being done."
        await pilot.press("v")
        await until(pilot, lambda: not at_rest(app))
        await pilot.press("escape")
        await until(pilot, lambda: at_rest(app))
        held.let_go.set()
        await pilot.press("v")
        await until(pilot, lambda: at_rest(app) and "WHOLE" in header(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ExecutionsScreen))


async def test_what_is_counted_is_named_and_counts_anew_in_each_phase(tmp_path: Path) -> None:
    await filled(tmp_path / "store", SAY, FAIL, kind="sqlite")
    told: list[tuple[int, int, str]] = []

    def tell(done: int, total: int, what: str, phase: str = "", /) -> None:
        told.append((done, total, phase))

    report = await feed.verifying(str(tmp_path / "store"), None)(tell)
    assert re.fullmatch(r"everything is whole: 2 executions, \d+ events", report.sentence)
    phases = list(dict.fromkeys(phase for _, _, phase in told))
    assert phases == ["files: execution", "histories: event"]
    for phase in phases:
        counts = [(done, total) for done, total, named in told if named == phase]
        assert counts == sorted(counts), "it never goes back"
        assert len({total for _, total in counts}) == 1


async def test_the_phase_and_that_it_is_read_only_stand_in_the_header(tmp_path: Path) -> None:
    await filled(tmp_path / "store", SAY)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app))
        screen = MaintenanceScreen(str(tmp_path / "store"), None, app.open_store_at, kind=GO, why_read_only=MIGRATE)
        await app.push_screen(screen)
        await until(pilot, lambda: at_rest(app))
        assert "read-only" in header(app)
        held = Held()
        screen._begin(screen._doing, held("", None))
        await until(pilot, held.began.is_set)

        def is_told() -> bool:
            # Again each time: what the job itself tells may come between.
            screen.post_message(WorkProgressed(3, 12, "", "files: execution"))
            return "files: execution 3 of 12" in header(app)

        await until(pilot, is_told)
        held.let_go.set()
        await until(pilot, lambda: at_rest(app))


async def test_one_finding_is_spoken_of_as_one(tmp_path: Path) -> None:
    _, torn = await filled(tmp_path / "store", SAY, ASK)
    with (tmp_path / "store" / torn / "events.jsonl").open("ab") as file:
        file.write(b'{"id":"event_')
    async with app_on(tmp_path / "store") as (app, pilot):
        await checked(app, pilot)
        assert "1 finding, r repairs it" in header(app)


async def test_after_a_repair_the_list_reads_what_is_there_now(tmp_path: Path) -> None:
    ids = await filled(tmp_path / "store", SAY, FAIL, kind="sqlite")
    database = tmp_path / "store" / "store.db"
    async with app_on(tmp_path / "store") as (app, pilot):
        screen = await checked(app, pilot)
        before = app._store

        def replacing(location: str, execution_id: str | None) -> Any:
            async def work(progress: Progress) -> Report:
                other = database.with_name("other")
                shutil.copy(database, other)
                other.replace(database)
                return Report("1 thing mended", (), True)

            return work

        screen._begin(maintenance._REPAIR, replacing("", None))
        await until(pilot, lambda: app._store is not before)
        await pilot.press("q")
        await until(pilot, lambda: set(listed(app)) == set(ids) and "live" in header(app))
        assert not app.screen.query_one(Banner).display
        await pilot.press("D")
        await until(pilot, lambda: "To delete it" in text_of(app))


async def test_leaving_stops_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(tmp_path / "store", SAY)
    held = Held()
    monkeypatch.setattr("dive_tui.screens.maintenance.verifying", held)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app))
        await pilot.press("V")
        await until(pilot, held.began.is_set)
        screen = app.screen
        assert isinstance(screen, MaintenanceScreen)
        job = screen._job
        await pilot.press("q")
    assert job is not None
    await asyncio.to_thread(job._thread.join)


async def test_a_store_that_can_only_be_looked_at_is_not_repaired(tmp_path: Path) -> None:
    await filled(tmp_path / "store", SAY)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app))
        screen = MaintenanceScreen(str(tmp_path / "store"), None, app.open_store_at, kind=GO, why_read_only=MIGRATE)
        await app.push_screen(screen)
        await until(pilot, lambda: at_rest(app))
        await pilot.press("r")
        assert "This store can only be looked at" in last_toast(app)
        await pilot.press("c")
        assert "Migrate to" in text_of(app)


@pytest.mark.parametrize("size", [(60, 20), (60, 12), (80, 24), (250, 70)])
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_hostile_findings_are_safe_at_every_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], ascii_only: bool
) -> None:
    await filled(tmp_path / "store", SAY)
    lines = tuple(ReportLine(word, HOSTILE, HOSTILE, HOSTILE * 50, HOSTILE) for word in ("damaged", "torn", "odd"))

    def found(location: str, execution_id: str | None) -> Any:
        async def work(progress: Progress) -> Report:
            return Report("3 findings", lines, False)

        return work

    monkeypatch.setattr("dive_tui.screens.maintenance.verifying", found)
    async with app_on(tmp_path / "store", size, ascii_only=ascii_only) as (app, pilot):
        await checked(app, pilot)
        for key in ("down", "down", "r", "escape", "c", "escape"):
            await pilot.press(key)
            await pilot.pause()
            shown = lines_of(app)
            assert all(line.isprintable() for line in shown)
            assert not ascii_only or all(line.isascii() for line in shown)


async def test_a_job_that_fails_in_any_way_ends() -> None:
    heard: list[Any] = []
    over = threading.Event()

    def post(message: Any) -> None:
        heard.append(message)
        if isinstance(message, WorkEnded):
            over.set()

    async def broken(progress: Progress) -> Report:
        progress(1, 2, "x")
        raise KeyError("made up")

    Job(broken, post).start()
    await asyncio.to_thread(over.wait)
    assert isinstance(heard[0], WorkProgressed)
    assert heard[-1].problem == "KeyError: 'made up'"
    assert feed.INTERVAL > 0


async def test_the_app_is_told_of_a_repair(tmp_path: Path) -> None:
    _, bad = await filled(tmp_path / "store", SAY, FAIL)
    flip(tmp_path / "store", bad, 3)
    told: list[str] = []
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app))
        await app.push_screen(
            MaintenanceScreen(str(tmp_path / "store"), None, app.open_store_at, lambda: told.append("repaired"))
        )
        await until(pilot, lambda: at_rest(app))
        assert told == []
        await pilot.press("r", "down", "enter")
        await until(pilot, lambda: at_rest(app) and rows(app) and told)
        assert told == ["repaired"]
