"""A store whose files go away, come back, are replaced, or may only be read, under the open app."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from dive_tui.app import known_stores
from dive_tui.app.main import DiveApp
from dive_tui.feeds.executions import ExecutionsFeed
from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.screens.executions.screen import ExecutionsScreen
from dive_tui.widgets.dialogs.store_dialog import StoreDialog, StoreLines
from dive_tui.widgets.execution_peek import ExecutionPeek
from dive_tui.widgets.pane import Pane
from dive_tui.widgets.parts import Banner, HeaderLine
from dive_tui.widgets.text_field import TextField
from tests.screens.store_app import (
    ASK,
    FAIL,
    SAY,
    app_on,
    filled,
    go_store,
    last_toast,
    listed,
    text_of,
    until,
    words,
)


def header(app: DiveApp) -> str:
    return words(app.screen.query_one(HeaderLine))


def banner(app: DiveApp) -> str:
    line = app.screen.query_one(Banner)
    return words(line) if line.display else ""


@pytest.mark.parametrize("what", ["store.db", ""])
async def test_a_database_that_goes_away_and_comes_back(tmp_path: Path, what: str) -> None:
    ids = await filled(tmp_path / "store", SAY, FAIL, kind="sqlite")
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: set(listed(app)) == set(ids) and "live" in header(app))
        (tmp_path / "store" / what).rename(tmp_path / "away")
        await until(pilot, lambda: banner(app))
        assert "is gone." in banner(app)
        assert "live" not in header(app)
        assert set(listed(app)) == set(ids)
        (tmp_path / "away").rename(tmp_path / "store" / what)
        await until(pilot, lambda: not banner(app))
        assert "live" in header(app)


async def test_another_database_in_its_place_is_read_by_all_that_is_open(tmp_path: Path) -> None:
    (one,) = await filled(tmp_path / "store", ASK, kind="sqlite")
    (other, _) = await filled(tmp_path / "other", ASK, FAIL, kind="sqlite")
    assert one == other, "ids are made in the same order"
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app) == [one])
        before = app._store
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExecutionScreen) and app.screen.history)
        (tmp_path / "store").rename(tmp_path / "away")
        await until(pilot, lambda: "is gone." in banner(app))
        (tmp_path / "other").rename(tmp_path / "store")
        await until(pilot, lambda: app._store is not before and not banner(app))
        await pilot.press("p")
        await until(pilot, lambda: "PAUSED" in header(app))
        await pilot.press("q")
        await until(pilot, lambda: len(listed(app)) == 2 and not banner(app))


async def test_before_the_first_listing_it_is_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await filled(tmp_path / "store", SAY)
    may_read, read = asyncio.Event(), ExecutionsFeed.read

    async def held(feed: ExecutionsFeed) -> None:
        await may_read.wait()
        await read(feed)

    monkeypatch.setattr(ExecutionsFeed, "read", held)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, ExecutionsScreen) and app.screen.steering)
        assert "loading" in header(app)
        assert "no store yet" not in text_of(app)
        assert "0 executions" not in text_of(app)
        may_read.set()
        await until(pilot, lambda: listed(app) == ids and "live" in header(app))
        assert "1 execution" in str(app.screen.query_one("#list-pane", Pane).border_subtitle)


async def test_a_store_that_may_not_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await filled(tmp_path / "store", ASK, kind="sqlite")
    monkeypatch.setattr(known_stores.os, "access", lambda path, _: Path(path) != tmp_path / "store")
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app) == ids)
        assert "read-only" in header(app)
        for key in ("s", "p", "x", "D", "p"):
            await pilot.press(key)
            assert "you may not write to its file or folder" in last_toast(app)
        assert len(app._notifications) == 1, "the same is not said beside itself"


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_which_store_is_open_and_what_is_read_only_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.chdir(tmp_path)
    await filled(tmp_path / ".dive", SAY)
    go_store(tmp_path / "a" / ".dive")
    async with app_on(tmp_path / ".dive", (width, 24)) as (app, pilot):
        await until(pilot, lambda: listed(app))
        await pilot.press("O")
        await until(pilot, lambda: isinstance(app.screen, StoreDialog))
        lines = app.screen.query_one(StoreLines)
        await until(pilot, lambda: len(lines.shown) == 2 and len(lines.facts) == 2)
        await pilot.pause()
        [ours] = [line for line in text_of(app).split("\n") if "open now" in line]
        assert ".dive" in ours
        [theirs] = [line for line in text_of(app).split("\n") if "read-only" in line]
        assert "a/.dive" in theirs


async def test_a_path_where_nothing_is_gets_no_advice_for_the_command_line(tmp_path: Path) -> None:
    await filled(tmp_path / "store", SAY)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app))
        await pilot.press("O")
        app.screen.query_one(TextField).value = str(tmp_path / "nowhere")
        await pilot.press("enter")
        await until(pilot, lambda: "there is no store at" in text_of(app))
        assert "--store" not in text_of(app)


@pytest.mark.parametrize(
    ("dialect", "there", "missing"), [("", "recover --store x", "Go system"), ("go", "Go system", "recover")]
)
async def test_only_what_can_go_on_is_told_how(tmp_path: Path, dialect: str, there: str, missing: str) -> None:
    ids = await filled(tmp_path / "store", SAY)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: listed(app) == ids)
        screen = app.screen
        assert isinstance(screen, ExecutionsScreen)
        assert screen.steered is not None
        stopped = replace(screen.steered, status="running", end_time=None, live=False, dialect=dialect)
        peek = app.screen.query_one(ExecutionPeek)
        peek.store_option = " --store x"
        peek.show(stopped)
        text = " ".join(" ".join(peek.render_row(row, 38, False).text.split()) for row in range(peek.row_count))
        assert there in text
        assert missing not in text
