"""Damage on the screen: banners that say what, where and what to do, and the readable part beneath them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dive_tui.app.main import DiveApp
from dive_tui.app.trouble import trouble
from dive_tui.feeds.messages import FeedFailed, FeedRecovered, HistoryExamined
from dive_tui.screens.execution.screen import ExecutionScreen
from dive_tui.screens.maintenance import MaintenanceScreen
from dive_tui.widgets.execution_peek import ExecutionPeek
from dive_tui.widgets.executions_list import ExecutionsList
from dive_tui.widgets.parts import Banner, HeaderLine, Remedy
from dive_tui.widgets.report_list import ReportList
from engine.store import DamagedStoreError, ReadOnlyError, StoreError
from stores.file.store import FileExecutionEventStore
from stores.maintenance import Finding
from stores.memory import MemoryExecutionEventStore
from tests.screens.execution_app import ExecutionApp, banner, opened, press, said, screen_lines, settle
from tests.screens.histories import HOSTILE, failed_order
from tests.screens.store_app import FAIL, SAY, app_on, filled, flip, listed, until, words
from tests.screens.waiting_histories import waiting_for_approval


def remedy(screen: ExecutionScreen) -> str:
    line = screen.query_one(Remedy)
    return words(line).strip() if line.display else ""


async def open_first(app: DiveApp, pilot: Any) -> ExecutionScreen:
    await until(pilot, lambda: listed(app))
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, ExecutionScreen) and app.screen.history)
    assert isinstance(app.screen, ExecutionScreen)
    return app.screen


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 36)])
async def test_a_damaged_execution_says_where_and_shows_what_is_before(tmp_path: Path, size: tuple[int, int]) -> None:
    (one,) = await filled(tmp_path / "store", FAIL)
    flip(tmp_path / "store", one, 3)
    offset = len(b"".join((tmp_path / "store" / one / "events.jsonl").read_bytes().splitlines(keepends=True)[:3]))
    option = f"--store {tmp_path / 'store'}"  # it is not the one that commands use here by themselves
    async with app_on(tmp_path / "store", size) as (app, pilot):
        screen = await open_first(app, pilot)
        assert screen.history is not None
        assert (screen.history.folded, len(screen.history)) == (3, 6)
        assert [event.sequence for event in screen.history if event.event_type == "unreadable"] == [4]
        assert f"Damaged at events.jsonl, byte {offset}: " in words(screen.query_one(Banner))
        assert "What is before that is shown: 3 events." in words(screen.query_one(Banner))
        if size[0] > 100:
            assert "Of the 2 after it nobody knows what they changed." in words(screen.query_one(Banner))
            assert any("4 " in line and "unreadable" in line for line in screen_lines(app))
        assert remedy(screen) == (
            f"V looks closer, and repairs  dive-tui verify {one[-5:]} {option}  dive-tui repair {one[-5:]} {option}"
        )
        assert f"Damaged at events.jsonl, byte {offset}" in banner(screen)
        await pilot.click(Remedy, offset=(8, 0))
        await until(pilot, lambda: isinstance(app.screen, MaintenanceScreen))
        assert f"…{one[-5:]}" in words(app.screen.query_one(HeaderLine))


async def test_after_a_repair_the_banner_goes(tmp_path: Path) -> None:
    (one,) = await filled(tmp_path / "store", FAIL)
    flip(tmp_path / "store", one, 3)
    async with app_on(tmp_path / "store") as (app, pilot):
        screen = await open_first(app, pilot)
        assert banner(screen)
        other = FileExecutionEventStore(tmp_path / "store")
        assert await other.repair(one)
        await other.close()
        await until(pilot, lambda: not banner(screen))
        assert remedy(screen) == ""


async def test_a_write_that_was_cut_short_is_told_and_is_no_damage(tmp_path: Path) -> None:
    (one,) = await filled(tmp_path / "store", SAY)
    with (tmp_path / "store" / one / "events.jsonl").open("ab") as file:
        file.write(b'{"id":"event_')
    async with app_on(tmp_path / "store") as (app, pilot):
        screen = await open_first(app, pilot)
        await until(pilot, lambda: banner(screen))
        assert "cut short" in banner(screen)
        assert "never acknowledged" in banner(screen)
        assert "V looks closer" in remedy(screen)


async def test_the_list_has_a_word_for_damage(tmp_path: Path) -> None:
    whole, bad = await filled(tmp_path / "store", SAY, FAIL)
    (tmp_path / "store" / bad / "snapshot.json").unlink()
    flip(tmp_path / "store", bad, 2)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: set(listed(app)) == {whole, bad})
        rows = app.screen.query_one(ExecutionsList)
        assert "! 1 damaged" in words(app.screen.query_one(HeaderLine))
        place = [summary.id for summary in rows.rows].index(bad)
        assert "! damaged" in rows.render_row(place, 100, False).text
        rows.move_to(place)
        await pilot.pause()
        peek = app.screen.query_one(ExecutionPeek)
        text = "\n".join(peek.render_row(row, 38, False).text for row in range(peek.row_count))
        assert "! DAMAGED" in text
        assert "V looks at what is damaged" in text
        assert "damaged: events.jsonl" not in text
        await pilot.press("s")
        toast = list(app._notifications)[-1].message
        assert "Its history is damaged" in toast


class Troubled(MemoryExecutionEventStore):
    """Fails with an error of one's choice."""

    error: StoreError | None = None
    read_only = False

    async def get_events(self, *arguments: Any, **options: Any) -> Any:
        if self.error is not None:
            raise self.error
        return await super().get_events(*arguments, **options)


async def test_troubles_follow_each_other_in_the_banner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dive_tui.feeds.pace.RETRY", 0.01)
    store, execution_id = await failed_order()
    events = await store.get_event_history(execution_id)
    troubled = Troubled()
    await troubled.append_events(events[:-2])
    app = ExecutionApp(troubled, execution_id)
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        troubled.error = StoreError("the store at /x failed: no space is left on its disk")
        await troubled.append_events(events[-2:-1])
        await settle(pilot, lambda: "Make room" in banner(screen))
        troubled.error = DamagedStoreError("the database /x is damaged")
        await settle(pilot, lambda: "V says what is damaged" in banner(screen))
        assert screen.history is not None
        assert len(screen.history) == len(events) - 2, "what was read stays"
        troubled.error = None
        await settle(pilot, lambda: not banner(screen))
        troubled.error = DamagedStoreError("the database /x is damaged")
        await troubled.append_events(events[-1:])
        await settle(pilot, lambda: "is damaged" in banner(screen))


async def test_a_store_that_can_only_be_looked_at_says_so_and_why_keys_do_nothing() -> None:
    store, execution_id = await failed_order()
    looked_at = Troubled()
    looked_at.read_only = True
    await looked_at.append_events(await store.get_event_history(execution_id))
    app = ExecutionApp(looked_at, execution_id)
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        assert "read-only" in words(screen.query_one(HeaderLine))
        for key in ("s", "p", "u", "x", "D"):
            await press(pilot, key)
            assert "This store can only be looked at" in said(app), key
            assert app.screen is screen
            app.clear_notifications()
        assert "delete" not in screen_lines(app)[-1]


async def test_a_store_that_turns_out_to_be_read_only_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await waiting_for_approval()

    async def refuse(*_: object) -> int:
        raise ReadOnlyError("the store at /x cannot be written: its file or folder is read-only")

    monkeypatch.setattr(found.store, "send_signal", refuse)
    app = ExecutionApp(found.store, found.id)
    async with app.run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        await press(pilot, "p")
        assert "cannot be written" in said(app)


async def test_a_damaged_database_is_looked_at_from_the_banner(tmp_path: Path) -> None:
    ids = await filled(tmp_path / "store", SAY, FAIL, kind="sqlite")
    database = tmp_path / "store" / "store.db"
    content = bytearray(database.read_bytes())
    at = content.index(ids[1].encode())
    content[at - 4 : at + 40] = b"\xff" * 44
    database.write_bytes(content)
    async with app_on(tmp_path / "store") as (app, pilot):
        await until(pilot, lambda: app.screen.query_one(Banner).display)
        assert "is damaged" in words(app.screen.query_one(Banner))
        assert "V says what is damaged" in words(app.screen.query_one(Banner))
        await pilot.press("V")
        await until(pilot, lambda: isinstance(app.screen, MaintenanceScreen) and app.screen._job is None)
        found = app.screen.query_one(ReportList)
        assert found.row_count
        assert "damaged" in found.render_row(0, 118, False).text


async def test_hostile_words_in_damage_are_safe() -> None:
    store, execution_id = await failed_order()
    troubled = Troubled()
    await troubled.append_events(await store.get_event_history(execution_id))
    app = ExecutionApp(troubled, execution_id)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        app.execution.post_message(FeedFailed(trouble(DamagedStoreError(HOSTILE))))
        await settle(pilot, lambda: bool(banner(app.execution)))
        assert all(line.isprintable() for line in screen_lines(app))
        app.execution.post_message(FeedRecovered())
        app.execution.post_message(HistoryExamined((Finding("torn", execution_id, HOSTILE, HOSTILE),)))
        await settle(pilot, lambda: bool(remedy(app.execution)))
        assert all(line.isprintable() for line in screen_lines(app))
