"""Opening another store from the app: what is offered, what is shown then, and what is said of a bad path."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.histories import synthetic_history
from dive_tui.app.main import DiveApp
from dive_tui.app.recent import RecentStores
from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.screens.executions.screen import ExecutionsScreen
from dive_tui.widgets.dialogs.choice import Words
from dive_tui.widgets.dialogs.store_dialog import StoreDialog, StoreLines
from dive_tui.widgets.parts import HeaderLine
from dive_tui.widgets.text_field import TextField
from stores.file.store import FileExecutionEventStore
from tests.screens.store_app import (
    ASK,
    FAIL,
    SAY,
    app_on,
    filled,
    go_store,
    last_toast,
    lines_of,
    listed,
    text_of,
    until,
    words,
)


def dialog(app: DiveApp) -> StoreLines:
    assert isinstance(app.screen, StoreDialog)
    return app.screen.query_one(StoreLines)


def known(lines: StoreLines) -> bool:
    return bool(lines.shown) and all(one.location in lines.facts for one in lines.shown)


def problem(app: DiveApp) -> str:
    return app.screen.query_one("#problem", Words).text


async def test_switching_between_two_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recent = RecentStores(tmp_path / "state" / "stores.json")
    first = await filled(tmp_path / ".dive", SAY, FAIL)
    (second,) = await filled(tmp_path / "team" / ".dive", ASK, kind="sqlite")
    async with app_on(tmp_path / ".dive", recent=recent) as (app, pilot):
        await until(pilot, lambda: set(listed(app)) == set(first))
        assert words(app.screen.query_one(HeaderLine)).startswith(".dive  (file)")
        before = app._store
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExecutionScreen))
        await pilot.press("O")
        await until(pilot, lambda: isinstance(app.screen, StoreDialog) and known(dialog(app)))
        lines = dialog(app)
        shown = [" ".join(lines.render_row(row, 90, False).text.split()) for row in range(lines.row_count)]
        assert shown == [".dive file 2 open now", "team/.dive sqlite 1 found below"]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExecutionsScreen) and listed(app) == [second])
        assert len(app.screen_stack) == 1
        assert words(app.screen.query_one(HeaderLine)).startswith("team/.dive  (sqlite)")
        assert app._store is not before
        assert [worker.group for worker in app.workers if worker.group in ("executions", "feed")] == ["executions"]
        await pilot.press("p")
        await until(pilot, lambda: "‖ 1 paused" in words(app.screen.query_one(HeaderLine)))
        await until(pilot, lambda: recent.all() == [str(tmp_path / "team" / ".dive"), str(tmp_path / ".dive")])
        await pilot.press("O")
        await until(pilot, lambda: isinstance(app.screen, StoreDialog) and known(dialog(app)))
        await pilot.press(*".dive/../.dive", "enter")
        await until(pilot, lambda: set(listed(app)) == set(first))


async def test_the_new_store_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await filled(tmp_path / "a", SAY)
    ids = await filled(tmp_path / "b", SAY)
    async with app_on(tmp_path / "a") as (app, pilot):
        await until(pilot, lambda: listed(app))
        await pilot.press("O", *"b", "enter")
        await until(pilot, lambda: isinstance(app.screen, ExecutionsScreen) and listed(app) == ids)
        other = FileExecutionEventStore(tmp_path / "b")
        await other.append_events(list(synthetic_history(4, "exec_zz")))
        await until(pilot, lambda: "exec_zz" in listed(app))
        await other.close()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("nowhere", "there is no store at"),
        ("notes.txt", "is a file, not a store"),
        ("memory:", "in-memory store"),
        ("~nobody-of-this-name/x", ""),
        ("file:", "is empty"),
    ],
)
async def test_a_bad_path_is_a_sentence_in_the_dialog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    ids = await filled(tmp_path / "store", SAY)
    before = sorted(path.name for path in tmp_path.iterdir())
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app) == ids)
        await pilot.press("O")
        app.screen.query_one(TextField).value = typed
        await pilot.press("enter")
        await until(pilot, lambda: problem(app))
        assert sentence in " ".join(problem(app).split())
        await pilot.press("x")
        assert problem(app) == "", "another path, another judgement"
        await pilot.press("escape")
        await until(pilot, lambda: listed(app) == ids)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


async def test_a_store_that_appears_later_can_be_switched_away_from(tmp_path: Path) -> None:
    ids = await filled(tmp_path / "there", SAY)
    async with app_on(tmp_path / "missing") as (app, pilot):
        await until(pilot, lambda: "There is no store at" in text_of(app))
        await pilot.press("O")
        app.screen.query_one(TextField).value = str(tmp_path / "there")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExecutionsScreen) and listed(app) == ids)
        await filled(tmp_path / "missing", SAY, SAY)
        await pilot.pause(0.05)
        assert not [worker for worker in app.workers if worker.group == "store" and not worker.is_finished]
        assert listed(app) == ids


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 36)])
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_it_fits_and_hostile_places_are_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], ascii_only: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    hostile = tmp_path / "a\x1b]0;x\x07[red]\u202e"
    hostile.mkdir()
    await filled(hostile / ".dive", SAY)
    await filled(tmp_path / ".dive", SAY)
    async with app_on(tmp_path / ".dive", size, ascii_only=ascii_only) as (app, pilot):
        await until(pilot, lambda: listed(app))
        await pilot.press("O")
        await until(pilot, lambda: isinstance(app.screen, StoreDialog) and known(dialog(app)))
        await pilot.pause()
        shown = lines_of(app)
        assert all(line.isprintable() for line in shown)
        assert not ascii_only or all(line.isascii() for line in shown)
        assert any("esc close" in line for line in shown)
        assert any("EXECUTIONS" in line for line in shown)


async def test_a_store_of_the_go_system_can_be_looked_at_and_nothing_more(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    go_store(theirs)
    before = {path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()}
    ids = await filled(tmp_path / "ours", SAY)
    async with app_on(tmp_path / "ours") as (app, pilot):
        await until(pilot, lambda: listed(app) == ids)
        await pilot.press("O")
        app.screen.query_one(TextField).value = str(theirs)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExecutionsScreen) and listed(app) == ["exec_go"])
        header = words(app.screen.query_one(HeaderLine))
        assert "(Dive (Go))" in header
        assert "read-only" in header
        for key in ("D", "x", "s"):
            await pilot.press(key)
            assert "This store can only be looked at" in last_toast(app)
            app.clear_notifications()
    assert {path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()} == before
